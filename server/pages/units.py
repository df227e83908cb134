"""Units with their dates; a decision about them, shown and then carried out; where clubs are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from flask import render_template, request

from forms.days import vietnam_day
from forms.decision import Decided
from forms.plain_table import read_rows
from forms.problems import NOT_FOUND, UNKNOWN_PLACE, Problem, Refused
from forms.text import sort_key
from server.pages.door import Answer, caller, done, in_menu, page
from server.pages.look import read_day
from server.pages.upload import uploaded
from server.pages.words import gettext, mark
from server.runtime import runtime
from sync import clubs, places, posts, reform

KINDS = {  # what became of a unit
    "whole": mark("whole"),
    "part": mark("a part"),
    "rename": mark("another name"),
    "kind_change": mark("another kind"),
    "begin": mark("begins"),
    "end": mark("ends"),
}


def _day() -> date:
    """The day that is asked for, else today."""
    written = request.args.get("day", "")
    return read_day(written) if written else vietnam_day(runtime().now())


@in_menu(mark("Units"), 80)
@page("/units", "places.manage")
def list_units() -> Answer:
    """The communes of a day, with what they are in and how many clubs they have."""
    day, here = _day(), runtime()
    with here.database.read() as db:
        tree = places.read_tree(db)
        at = places.clubs_by_unit(db, day)
        waiting = len(clubs.worklist(db, here.library, vietnam_day(here.now())))
    counted = Counter(path.commune.id for path in at.values() if path.commune)
    found = sorted(tree.on(day, "commune"), key=lambda unit: sort_key(unit.name))
    return render_template(
        "units.html",
        day=day,
        units=found,
        above={unit.id: tree.units[unit.parent_id] for unit in found if unit.parent_id},
        clubs=counted,
        others=[(level, tree.on(day, level)) for level in ("city", "district")],
        waiting=waiting,
    )


@page("/units/<int:number>", "places.manage")
def show_unit(number: int) -> Answer:
    """One unit: what it came of, what it became, what is in it, and its clubs while it is there."""
    here, today = runtime(), vietnam_day(runtime().now())
    with here.database.read() as db:
        tree = places.read_tree(db)
        unit = tree.units.get(number)
        if unit is None:
            raise Refused(NOT_FOUND())
        is_over = unit.valid_to is not None
        under = () if is_over else places.clubs_under(db, unit.id, max(unit.valid_from, today))
        named = clubs.clubs_named(db, under)
    below = [one for one in tree.units.values() if one.parent_id == unit.id]
    return render_template(
        "unit.html",
        unit=unit,
        above=tree.units[unit.parent_id] if unit.parent_id else None,
        before=tree.forebears(unit),
        after=[
            (one.kind, one.happened_on, tree.units[one.new_id])
            for one in tree.successions.get(unit.id, ())
        ],
        below=sorted(below, key=lambda one: (one.valid_to is not None, sort_key(one.name))),
        clubs=sorted(named.values(), key=lambda one: sort_key(one[1])),
        kinds={name: gettext(words) for name, words in KINDS.items()},
    )


# ------------------------------------------------------------------ a decision
@page("/units/decision", "places.manage", methods=("GET", "POST"))
def take_decision() -> Answer:
    """A decision's CSV: first what it would change is shown, and the same text carries it out."""
    problems: Sequence[Problem] = ()
    text = ""
    shown: reform.Preview | None = None
    if request.method == "POST":
        try:
            text, rows = _given_rows()
        except Refused as refused:
            problems = (refused.problem,)
        else:
            if request.form.get("carry_out"):
                problems = _carry_out(rows)
                if not problems:
                    return done(gettext("The decision is carried out."), "list_units")
            else:
                problems, shown = _preview(rows)
    answer = render_template(
        "decision.html",
        problems=problems,
        text=text,
        shown=shown,
        kinds={name: gettext(words) for name, words in KINDS.items()},
    )
    return answer, 400 if problems else 200


def _given_rows() -> tuple[str, list[dict[str, str]]]:
    """The file's text, or that of the page which showed what it would change; and its rows."""
    source = request.form.get("text", "").encode() or uploaded()
    return source.decode(errors="replace"), read_rows(source)


def _preview(rows: Sequence[dict[str, str]]) -> tuple[Sequence[Problem], reform.Preview | None]:
    with runtime().database.read() as db:
        decided = reform.read_decision(db, rows)
        return decided.problems, None if decided.problems else reform.preview(db, decided)


def _carry_out(rows: Sequence[dict[str, str]]) -> Sequence[Problem]:
    """What is true now counts, not what was shown."""
    here = runtime()
    with here.database.write() as db:
        decided: Decided = reform.read_decision(db, rows)
        if not decided.problems:
            reform.carry_out(db, here.blobs, here.library, decided, here.now(), caller().actor)
    here.jobs.wake()
    return decided.problems


# ------------------------------------------------------------------ where clubs are
@page("/units/clubs", "places.manage", methods=("GET", "POST"))
def place_clubs() -> Answer:
    """Clubs whose unit was split, and any other: in which commune are they from a day on?"""
    here, today, problem = runtime(), vietnam_day(runtime().now()), None
    if request.method == "POST":
        try:
            name = _place()
        except Refused as refused:
            problem = refused.problem
        else:
            return done(gettext("The place of %(club)s is kept.", club=name), "place_clubs")
    with here.database.read() as db:
        waiting = clubs.worklist(db, here.library, today)
        known = posts.choices(db, today)
    answer = render_template(
        "club_places.html",
        waiting=waiting,
        clubs=[(one.value, one.label) for one in known if one.level == posts.CLUB],
        communes=[(one.value, one.label) for one in known if one.level == posts.COMMUNE],
        today=today,
        problem=problem,
        given=request.form,
    )
    return answer, problem.status if problem else 200


def _place() -> str:
    """Keep what was chosen; the club's name."""
    here = runtime()
    day = read_day(request.form.get("day", ""))
    club, unit = request.form.get("club", ""), request.form.get("unit", "")
    with here.database.write() as db:
        tree = places.read_tree(db)
        in_city = {one.value: one for one in posts.choices(db, vietnam_day(here.now()))}
        number = unit.removeprefix("unit:")
        if club not in in_city or not number.isdecimal() or int(number) not in tree.units:
            raise Refused(UNKNOWN_PLACE(code=(club if club not in in_city else unit)[:80]))
        club_id, place = club.removeprefix("club:"), tree.units[int(number)]
        clubs.place_club(db, here.library, club_id, place, day, here.now(), caller().actor)
    here.jobs.wake()
    return in_city[club].label


@page("/units/clubs/file", "places.manage", methods=("GET", "POST"))
def take_clubs() -> Answer:
    """The city's list of clubs: all of the file, or what is wrong with it."""
    here = runtime()
    problems: Sequence[Problem] = ()
    if request.method == "POST":
        try:
            rows = read_rows(uploaded())
            with here.database.write() as db:
                taken = clubs.import_clubs(db, here.library, rows, here.now(), caller().actor)
        except clubs.FileRefused as refused:
            problems = refused.problems
        except Refused as refused:
            problems = (refused.problem,)
        else:
            here.jobs.wake()
            counts = {"new": taken.created, "changed": taken.updated, "same": taken.unchanged}
            said = gettext("New: %(new)s. Changed: %(changed)s. As before: %(same)s.", **counts)
            return done(said, "place_clubs")
    answer = render_template("clubs_file.html", problems=problems, needed=clubs.NEEDED)
    return answer, 400 if problems else 200
