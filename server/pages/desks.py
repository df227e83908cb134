"""What needs the caller today, from every desk: counts, each with the page where it is seen to.

A desk is a function in DESKS; a page that is not there yet is not led to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from flask import url_for
from markupsafe import Markup
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.periods import periods_between
from forms.problems import Refused
from server.health import can_process
from server.pages.figures import address_of
from server.pages.look import period_name
from server.pages.words import both, say
from server.runtime import runtime
from sync import browsing, follow_up, made_files
from sync.access import may
from sync.gauges import read_gauges
from sync.matching import listing
from sync.places import unplaced_clubs
from sync.privacy.requests import list_requests
from sync.reports.desk import read_desk

if TYPE_CHECKING:
    from sync.access import Caller

BACK = 400  # days in which a report may have been left lying


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits. address: "" where there is no page for it. is_late: it should be done
    by now."""

    words: str | Markup
    count: int
    address: str
    is_late: bool = False


def needs(db: Connection, asking: Caller) -> list[Need]:
    """All that waits for the caller, what is late first."""
    found = (need for desk in DESKS for need in desk(db, asking))
    return sorted((one for one in found if one.count), key=lambda one: not one.is_late)


def _today() -> date:
    return vietnam_day(runtime().now())


def _reports(db: Connection, asking: Caller) -> Iterator[Need]:
    """Steps of reports that the caller may take now, and what was sent back to them."""
    library, today = runtime().library, _today()
    role = library.roles.get(asking.role)
    if role is None or not (role.confirms or {"reports.send", "reports.pass_on"} & role.verbs):
        return
    first = date.fromordinal(today.toordinal() - BACK)
    for period in periods_between(first, today):
        if period.last > today or period.months == 12:  # a year is confirmed where it is asked for
            continue
        desk = read_desk(db, library, asking, period, today)
        todo = desk.todo
        late = {line.place.id for line in desk.lines if line.is_late or line.sent_back}
        yield Need(
            Markup("{}: {}").format(period_name(period), say("report to see to")),
            len(todo),
            url_for("pages.report", code=period.code),
            is_late=any(one.place in late for one in todo),
        )


def _follow_up(db: Connection, asking: Caller) -> Iterator[Need]:
    lists = follow_up.lists_for(runtime().library, asking)
    counts = follow_up.count_entries(db, runtime().library, asking, lists, _today())
    for one in lists:
        yield Need(both(one), counts[one.id], address_of("follow_up_list", list_id=one.id))


def _pairs(db: Connection, asking: Caller) -> Iterator[Need]:
    library = runtime().library
    if not may(library, asking, "pairs.decide"):
        return
    with suppress(Refused):  # who may decide need not be a reader of any list's pairs
        for name in listing.lists_for(library, asking):
            found = listing.read(db, library, asking, name, _today())
            yield Need(say("May be one person"), len(found), address_of("pairs", list_name=name))


def _submissions(db: Connection, asking: Caller) -> Iterator[Need]:
    """Records that only a person can bring into figures, of the forms that the caller reads."""
    found = browsing.forms_of(db, runtime().library, asking, _today())
    held = sum(form.held for form in found)
    yield Need(say("Submissions that are not counted yet"), held, address_of("records"))


def _clubs_without_a_place(db: Connection, asking: Caller) -> Iterator[Need]:
    if may(runtime().library, asking, "places.manage"):
        waiting = unplaced_clubs(db, _today())
        yield Need(say("Clubs whose place is not known"), len(waiting), address_of("place_clubs"))


def _phones(db: Connection, asking: Caller) -> Iterator[Need]:
    if may(runtime().library, asking, "phones.manage"):
        quiet = read_gauges(db, runtime().now()).quiet_phones
        yield Need(say("Phones that are silent"), quiet, address_of("list_phones", show="ask"))


def _work(db: Connection, asking: Caller) -> Iterator[Need]:
    if may(runtime().library, asking, "work.read"):
        gauges, address = read_gauges(db, runtime().now()), address_of("server_state")
        stands = not can_process(gauges, runtime().now())
        yield Need(say("Work stands still"), int(stands), address, is_late=True)
        yield Need(say("Work that failed"), gauges.queue.failed, address, is_late=True)


def _requests(db: Connection, asking: Caller) -> Iterator[Need]:
    if may(runtime().library, asking, "privacy.manage"):
        found, today = list_requests(db, runtime().library), _today()
        late = any(one.is_late(today) for one in found)
        yield Need(say("Requests about one's data"), len(found), address_of("privacy_desk"), late)


def _files(db: Connection, asking: Caller) -> Iterator[Need]:
    ready = [one for one in made_files.list_files(db, asking.id) if one.state == made_files.READY]
    yield Need(say("Files that are ready"), len(ready), address_of("files"))


DESKS: tuple[Callable[[Connection, Caller], Iterator[Need]], ...] = (
    _reports,
    _follow_up,
    _pairs,
    _submissions,
    _clubs_without_a_place,
    _phones,
    _work,
    _requests,
    _files,
)
