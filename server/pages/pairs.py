"""Who may have been entered twice: side by side, joined, or said to be two; and taken back."""

from __future__ import annotations

from collections.abc import Iterable

from flask import redirect, render_template, request, url_for

from forms.days import vietnam_day
from forms.problems import NOT_FOUND, Problem, Refused
from server.pages.door import Answer, caller, done, in_menu, page
from server.pages.words import gettext as _
from server.pages.words import mark
from server.runtime import runtime
from sync import accounts, audit, links
from sync.access import Caller
from sync.entities import plain_id
from sync.matching import desk, listing, review
from sync.matching.listing import Side
from sync.statements import AS_TOLD

SEES = ("entities.read", "pairs.decide")  # whose pairs they are, the library's rule says
TAKE = "take."  # fields of the form: TAKE and the fact


def _reads_pairs(asking: Caller) -> bool:
    try:
        return bool(listing.lists_for(runtime().library, asking))
    except Refused:
        return False


@in_menu(mark("Entered twice?"), 30, _reads_pairs)
@page("/pairs", *SEES)
def pair_lists() -> Answer:
    """The list whose pairs the caller may see, or a choice of them."""
    names = listing.lists_for(runtime().library, caller())
    if len(names) == 1:
        return redirect(url_for("pages.pairs", list_name=names[0]))
    rules = [runtime().library.lists[name] for name in names]
    return render_template("pair_lists.html", rules=rules)


@page("/pairs/<list_name>", *SEES)
def pairs(list_name: str) -> Answer:
    """The open pairs, the likeliest first."""
    library, today = runtime().library, vietnam_day(runtime().now())
    with runtime().database.read() as db:
        found = listing.read(db, library, caller(), list_name, today)
    _saw(list_name, (side for pair in found for side in (pair.one, pair.other)))
    return render_template("pairs.html", list_name=list_name, found=found)


@page("/pairs/<list_name>/decided", *SEES)
def pairs_decided(list_name: str) -> Answer:
    """Who was joined, and who was said to be two; each can be taken back."""
    library, today = runtime().library, vietnam_day(runtime().now())
    with runtime().database.read() as db:
        joined = desk.linked(db, library, caller(), list_name, today)
        apart = desk.dismissed(db, library, caller(), list_name, today)
        names = accounts.names_of(db, {one.by for one in (*joined, *apart)})
    _saw(list_name, (side for one in (*joined, *apart) for side in (one.one, one.other)))
    return render_template(
        "pairs_decided.html", list_name=list_name, joined=joined, apart=apart, names=names
    )


@page("/pairs/<list_name>/<one>/<other>", *SEES)
def pair(list_name: str, one: str, other: str) -> Answer:
    """Two who may be one, side by side."""
    return _show(list_name, one, other)


def _show(list_name: str, one: str, other: str, problem: Problem | None = None) -> Answer:
    """problem: why they were not joined; what was chosen is chosen still."""
    library, today = runtime().library, vietnam_day(runtime().now())
    with runtime().database.read() as db:
        found = desk.look(db, library, caller(), list_name, (one, other), today)
    _saw(list_name, (beside.side for beside in found.sides))
    given = {"given": request.form, "problem": problem}
    shown = render_template("pair.html", found=found, take=TAKE, as_told=AS_TOLD, **given)
    return shown, (problem.status or 400) if problem else 200


@page("/pairs/<list_name>/<one>/<other>/join", "pairs.decide", methods=("POST",))
def join_pair(list_name: str, one: str, other: str) -> Answer:
    """They are one person: the one that stays, and whose word holds where they differ."""
    _require(list_name, one, other)
    chosen = {
        name.removeprefix(TAKE): value
        for name, value in request.form.items()
        if name.startswith(TAKE) and value
    }
    try:
        with runtime().database.write() as db:
            review.require_apart(db, one, other)
            links.link(
                db,
                runtime().library,
                list_name,
                (one, other),
                canonical_id=_of_these(request.form.get("stays", ""), one, other),
                take=chosen,
                actor=caller().actor,
                now=runtime().now(),
            )
    except Refused as refused:
        return _show(list_name, one, other, refused.problem)
    runtime().jobs.wake()
    return done(_("They are one person from now on."), "pairs", list_name=list_name)


@page("/pairs/<list_name>/<one>/<other>/part", "pairs.decide", methods=("POST",))
def part_pair(list_name: str, one: str, other: str) -> Answer:
    """They are two people: not asked again until one of them says something else."""
    _require(list_name, one, other)
    with runtime().database.write() as db:
        review.dismiss(db, list_name, one, other, actor=caller().actor, now=runtime().now())
    return done(_("Noted: they are two people."), "pairs", list_name=list_name)


@page("/pairs/<list_name>/<one>/<other>/reopen", "pairs.decide", methods=("POST",))
def reopen_pair(list_name: str, one: str, other: str) -> Answer:
    """Nobody has said that they are two, after all."""
    _require(list_name, one, other)
    with runtime().database.write() as db:
        review.reopen(db, list_name, one, other, actor=caller().actor, now=runtime().now())
    return done(_("They are asked about again."), "pairs_decided", list_name=list_name)


@page("/pairs/<list_name>/<one>/<other>/undo", "pairs.decide", methods=("POST",))
def undo_join(list_name: str, one: str, other: str) -> Answer:
    """Take back that `one` was joined to `other`: all is as if it had never been."""
    _require(list_name, one, other)
    with runtime().database.write() as db:
        was = links.unlink(
            *(db, runtime().library, list_name, one), actor=caller().actor, now=runtime().now()
        )
        _of_these(other, was)  # who decides of these two need not of a third
    runtime().jobs.wake()
    return done(_("They are two people again."), "pairs_decided", list_name=list_name)


def _of_these(chosen: str, *uuids: str) -> str | None:
    """Who was chosen, if anybody. Refused(NOT_FOUND) for a third, who may be of elsewhere."""
    if chosen and plain_id(chosen) not in map(plain_id, uuids):
        raise Refused(NOT_FOUND())
    return chosen or None


def _require(list_name: str, *uuids: str) -> None:
    with runtime().database.read() as db:
        today = vietnam_day(runtime().now())
        desk.require_decide(db, runtime().library, caller(), list_name, uuids, today)


def _saw(list_name: str, sides: Iterable[Side]) -> None:
    people = [(list_name, side.uuid) for side in sides if side.label is not None]
    with runtime().database.write() as db:
        audit.saw(db, caller().actor, "duplicate.read", people, runtime().now(), list=list_name)
