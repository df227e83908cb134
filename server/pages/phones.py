"""Phones that send forms: how each is, new ones with a sheet to print, a lost one shut out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flask import render_template, request, url_for

from forms.days import vietnam_day
from forms.plain_table import read_table
from forms.problems import HOLDER_OF_ONE, MISSING_CELL, NOT_FOUND, Problem, Refused
from forms.text import fold, sort_key
from server import auth
from server.clock import how_far
from server.new_phones import NewPhone, add_phones, as_sheets
from server.pages.door import Answer, caller, done, in_menu, page
from server.pages.upload import uploaded
from server.pages.words import gettext, mark
from server.runtime import runtime
from sync import accounts, phones, posts
from sync.accounts import Account
from sync.phone_file import FileRefused, Wanted, read_phones
from sync.phones import Phone

PHONE = "phone"  # the kind of account
AT_ONCE = 50
SHOWN = {  # which phones to list
    "active": mark("In use"),
    "ask": mark("To ask after"),
    "revoked": mark("Revoked"),
}
OFF = {  # how far a clock is off
    "d": mark("clock off by %(count)s days"),
    "h": mark("clock off by %(count)s hours"),
    "min": mark("clock off by %(count)s minutes"),
}


@in_menu(mark("Phones"), 70)
@page("/phones", "phones.manage")
def list_phones() -> Answer:
    """Phones by name, AT_ONCE at a time; or all that somebody should ask after."""
    shown, wanted = request.args.get("show", "active"), request.args.get("q", "")
    first = max(request.args.get("first", 0, type=int), 0)
    here = runtime()
    with here.database.read() as db:
        known = accounts.list_app_users(db, PHONE)
        named = sorted(known, key=lambda one: (sort_key(one.name), one.id))
        fitting = [one for one in named if _fits(one, shown, wanted)]
        asks = shown == "ask"  # which these are is only known of phones looked at
        piece = fitting if asks else fitting[first : first + AT_ONCE]
        looked_at = phones.read_phones(db, here.library, here.now(), [one.id for one in piece])
    found = [one for one in looked_at if one.worries or not asks]
    follows = not asks and len(fitting) > first + AT_ONCE
    after = url_for("pages.list_phones", show=shown, q=wanted, first=first + AT_ONCE)
    return render_template(
        "phones.html",
        phones=sorted(found, key=lambda one: (sort_key(one.name), one.id)),
        places=_places(found),
        worries={one.id: list(_worries(one)) for one in found},
        shown=shown,
        choices=[(name, gettext(words)) for name, words in SHOWN.items()],
        q=wanted,
        more=after if follows else "",
    )


def _fits(one: Account, shown: str, wanted: str) -> bool:
    return (one.ended_at is not None) == (shown == "revoked") and fold(wanted) in fold(one.name)


def _places(found: Iterable[Phone]) -> dict[posts.Post, str]:
    with runtime().database.read() as db:
        return posts.place_names(db, [(one.unit_id, one.club_id) for one in found])


def _worries(one: Phone) -> Iterable[str]:
    """Why somebody should ask after it, a few words each."""
    if "quiet" in one.worries:
        yield gettext("silent for %(days)s days", days=one.quiet_days)
    if "missing" in one.worries:
        yield gettext("%(count)s forms filled in, not here yet", count=one.missing)
    if "clock" in one.worries:
        count, unit = how_far(one.clock_offset_seconds or 0)
        off = f"{count:+}"
        yield gettext(OFF[unit], count=off)
    if "app" in one.worries:
        yield gettext("the app is too old for: %(forms)s", forms=", ".join(one.cannot_open))


@page("/phones/<int:number>", "phones.manage")
def show_phone(number: int) -> Answer:
    """What is known of one phone."""
    here = runtime()
    with here.database.read() as db:
        found = phones.read_phones(db, here.library, here.now(), [number])
    if not found:
        raise Refused(NOT_FOUND())
    (one,) = found
    place = _places([one])[one.unit_id, one.club_id]
    return render_template("phone.html", phone=one, place=place, worries=list(_worries(one)))


@page("/phones/<int:number>/revoke", "phones.manage", methods=("POST",))
def revoke_phone(number: int) -> Answer:
    """Shut it out at its next call; what it sent stays. Again: it is so already."""
    here = runtime()
    with here.database.write() as db:
        is_new = accounts.revoke(db, number, here.now(), caller().actor, kind=PHONE)
        if not is_new and not phones.read_phones(db, here.library, here.now(), [number]):
            raise Refused(NOT_FOUND())
    said = gettext("The phone is shut out.") if is_new else gettext("It was shut out before.")
    return done(said, "show_phone", number=number)


# ------------------------------------------------------------------ new ones
@page("/phones/new", "phones.manage", methods=("GET", "POST"))
def add_new_phones() -> Answer:
    """Some people of one role and one place, a line each; the answer holds their codes, once."""
    given = {
        name: request.form.get(name, "") for name in ("names", "role", "place", "contact", "holder")
    }
    problem: Problem | None = None
    if request.method == "POST":
        try:
            made = _add(given["names"].splitlines(), given)
        except Refused as refused:
            problem = refused.problem
        else:
            return _added(made, given["contact"])
    with runtime().database.read() as db:
        places = posts.choices(db, vietnam_day(runtime().now()))
    roles = [role for role in runtime().library.roles.values() if role.has_phone]
    page = render_template("phones_new.html", given=given, problem=problem, roles=roles,
                           places=places, origin=auth.origin())  # fmt: skip
    return page, problem.status if problem else 200


def _add(lines: Sequence[str], given: Mapping[str, str]) -> list[NewPhone]:
    here, role, place = runtime(), given["role"], given["place"]
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise Refused(MISSING_CELL(column="name", column_vi="tên"))
    holder = given["holder"].strip()
    if holder and len(names) > 1:
        raise Refused(HOLDER_OF_ONE())
    posts.check_phone_role(here.library, role)
    made: list[NewPhone] = []
    with here.database.write() as db:
        post = posts.find_chosen(db, here.library, role, place, vietnam_day(here.now()))
        owner = phones.find_owner(db, here.library, holder) if holder else None
        for name in names:  # one by one: a name that comes twice is found here
            phones.check_unlike(db, name, role, *post)
            wanted = [Wanted(name, role, *post, owner)]
            made += add_phones(db, wanted, auth.origin(), here.now(), caller().actor)
    return made


@page("/phones/file", "phones.manage", methods=("GET", "POST"))
def add_phones_of_file() -> Answer:
    """All people of a CSV, or none; the answer holds their codes, once."""
    problems: Sequence[Problem] = ()
    if request.method == "POST":
        try:
            made = _add_file()
        except FileRefused as refused:
            problems = refused.problems
        except Refused as refused:
            problems = (refused.problem,)
        else:
            return _added(made, request.form.get("contact", ""))
    page = render_template("phones_file.html", problems=problems, origin=auth.origin())
    return page, 400 if problems else 200


def _add_file() -> list[NewPhone]:
    here = runtime()
    header, rows = read_table(uploaded())
    with here.database.write() as db:
        wanted = read_phones(db, here.library, header, rows, here.now())
        return add_phones(db, wanted, auth.origin(), here.now(), caller().actor)


def _added(made: Sequence[NewPhone], contact: str) -> str:
    roles = runtime().library.roles
    return render_template("phones_added.html", sheets=as_sheets(made, roles), contact=contact)
