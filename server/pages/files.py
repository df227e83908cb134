"""Files that take a while: ordered here, made in the background, taken when they are ready."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import render_template, request
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.library import ListRule
from forms.periods import CALENDAR, get_period
from forms.problems import BAD_REQUEST, FILE_RIGHTS_CHANGED, NOT_FOUND, Refused
from server import making
from server.downloads import named
from server.pages.door import KNOWN, Answer, caller, done, in_menu, page
from server.pages.figures import SEES, periods_for
from server.pages.look import period_name
from server.pages.words import gettext, mark
from server.pages.words import one as in_words
from server.runtime import runtime
from server.streams import stream
from sync import access, audit, follow_up, made_files
from sync.access import Caller, may
from sync.definitions import titles
from sync.made_files import MadeFile

FORMATS = {
    "report": ("xlsx", "pdf"),
    "records": ("xlsx", "csv"),
    "roll": ("xlsx",),
    "follow_up": ("xlsx",),
}
STATES = {
    made_files.WAITING: mark("waits for its turn"),
    made_files.MAKING: mark("is being made"),
    made_files.READY: mark("ready"),
    made_files.REFUSED: mark("cannot be made"),
    made_files.FAILED: mark("failed; the operator has been told"),
}


def _orders(asking: Caller) -> bool:
    """Whether there is anything this role may have made."""
    library = runtime().library
    reads = any(asking.role in rule.readers for rule in library.rules.values())
    sees = any(may(library, asking, verb) for verb in SEES)
    return reads or sees or bool(_rolls(asking) or follow_up.lists_for(library, asking))


def _rolls(asking: Caller) -> list[ListRule]:
    """The lists of people that the caller may have on paper."""
    library = runtime().library
    mine = [roll.name for roll in library.rolls.values() if asking.role in roll.readers]
    return [library.lists[name] for name in mine]


@in_menu(mark("Files"), 85, _orders)
@page("/files", KNOWN)
def files() -> Answer:
    """The caller's files, the newest first, and what else they may have made."""
    asking, library = caller(), runtime().library
    today = vietnam_day(runtime().now())
    with runtime().database.read() as db:
        found = made_files.list_files(db, asking.id)
        sees = any(may(library, asking, verb) for verb in SEES)
        periods = periods_for(db, asking) if sees else []
        forms = dict(_forms(db, asking))
        names = titles(db)
    return render_template(
        "files.html",
        files=found,
        on_its_way=any(one.is_on_its_way for one in found),
        periods=[(one.code, period_name(one)) for one in periods],
        newest=next((one.code for one in periods if one.last < today), ""),
        forms=sorted(forms.items(), key=lambda one: one[1]),
        rolls=[(rule.name, _called(rule)) for rule in _rolls(asking)],
        lists=[(one.id, in_words(one)) for one in follow_up.lists_for(library, asking)],
        about=lambda one: _about(one, names),
        states=STATES,
    )


def _forms(db: Connection, asking: Caller) -> Iterator[tuple[str, str]]:
    """The forms of which the caller may read anything: id and title."""
    today = vietnam_day(runtime().now())
    for form, title in titles(db).items():
        try:
            access.reading(db, runtime().library, asking, form, today)
        except Refused:
            continue
        yield form, title


def _about(one: MadeFile, names: dict[str, str]) -> str:
    if one.kind == "report":
        return f"{gettext('Report')}: {period_name(get_period(one.what['code']))}"
    if one.kind == "records":
        form: str = one.what["form"]
        return names.get(form, form)
    library = runtime().library
    name: str = one.what["list"]
    if one.kind == "follow_up":
        return in_words(library.follow_up[name]) if name in library.follow_up else name
    return _called(library.lists[name]) if name in library.lists else name


def _called(rule: ListRule) -> str:
    return in_words({"vi": rule.label_vi, "en": rule.label_en})


@page("/files", KNOWN, methods=("POST",))
def order_file() -> Answer:
    """Have a file made; the page says how far it is, also after it was closed."""
    asking, now = caller(), runtime().now()
    kind, what = _ordered()
    with runtime().database.write() as db:
        making.check_order(db, runtime().library, asking, kind, what, now)
        made_files.order(db, asking.id, kind, what, now)
    runtime().jobs.wake()
    return done(gettext("The file is being made. You may close this page and come back."), "files")


def _ordered() -> tuple[str, dict[str, Any]]:
    """What the form asks for. Refused(BAD_REQUEST)."""
    given = request.form
    kind, form_of_file = given.get("kind", ""), given.get("format", "")
    if form_of_file not in FORMATS.get(kind, ()):
        raise Refused(BAD_REQUEST())
    if kind == "records":
        return kind, {"form": given.get("form", "")[:200], "format": form_of_file}
    if kind in ("roll", "follow_up"):
        return kind, {"list": given.get("list", "")[:200], "format": form_of_file}
    period = get_period(given.get("code", ""), given.get("calendar", CALENDAR))
    return kind, {"code": period.code, "calendar": period.calendar, "format": form_of_file}


@page("/files/<int:number>", KNOWN)
def take_file(number: int) -> Answer:
    """The file, if the caller may see today what they might when it was made; written down."""
    asking, now = caller(), runtime().now()
    with runtime().database.read() as db:
        one = _own(db, number)
        allowed = making.may_take(db, runtime().library, asking, one, now)
        people = made_files.people(db, number)
    if one.state != made_files.READY:
        raise Refused(NOT_FOUND())
    if not allowed:
        raise Refused(FILE_RIGHTS_CHANGED())
    with runtime().database.write() as db:
        audit.record(db, asking.actor, "file.take", f"file:{number}", now, name=one.name)
        audit.saw(db, asking.actor, "file.people", people, now, file=one.name)
    answer = stream(lambda db: made_files.pieces(db, number), one.content_type)
    answer.content_length = one.size
    return named(answer, one.name)


@page("/files/<int:number>/delete", KNOWN, methods=("POST",))
def delete_file(number: int) -> Answer:
    """One's own file, before its time."""
    with runtime().database.write() as db:
        _own(db, number)
        made_files.delete(db, [number])
    return done(gettext("The file is deleted."), "files")


def _own(db: Connection, number: int) -> MadeFile:
    """The caller's. Refused(NOT_FOUND) for another's, as for none."""
    one = made_files.find(db, number)
    if caller().kind != "user" or one.user_id != caller().id:
        raise Refused(NOT_FOUND())
    return one
