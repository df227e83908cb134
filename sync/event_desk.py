"""Reports of one event as somebody may see them: which count together, which do not, and why."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, islice
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import Refused
from sync import access, browsing, reading, same_events, versions
from sync.access import Caller, Reading
from sync.accounts import PROJECT_ID
from sync.catalogue import AFTER_NAME
from sync.clubs import clubs_named
from sync.same_events import Repeat
from sync.tables import forms
from sync.versions import Submission

if TYPE_CHECKING:
    from forms.library import Library

LOOK_BACK = 400  # days in which two that count as two may be one all the same
AT_ONCE = 50

Key = tuple[date, int, int]  # the day, and the numbers of both submissions


@dataclass(frozen=True, slots=True)
class Shown:
    """Two reports: of which form, in which club, about whom; `repeat` says the rest."""

    repeat: Repeat
    title: str
    club: str
    name: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a long list. after: the key that the next piece comes after; None where none does."""

    shown: list[Shown]
    after: Key | None


def read_decided(
    db: Connection, library: Library, caller: Caller, now: datetime, after: Key | None = None
) -> Piece:
    """Those that count as one or were parted, of the forms and clubs that the caller reads; the
    newest day first.
    """
    mine = _mine(db, library, caller, now)
    found = (same_events.repeats(db, form, one.clubs) for form, one in mine.items())
    return _piece(db, mine, found, after)


def read_alike(
    db: Connection, library: Library, caller: Caller, now: datetime, after: Key | None = None
) -> Piece:
    """As `read_decided`, those of one entity and day that count as two."""
    since, mine = vietnam_day(now) - timedelta(days=LOOK_BACK), _mine(db, library, caller, now)
    found = (
        same_events.alike(db, form, one.clubs, since)
        for form, one in mine.items()
        if library.rules[form].same_event is not None
    )
    return _piece(db, mine, found, after)


Readings = Mapping[str, Reading]  # of each form that somebody reads


def _mine(db: Connection, library: Library, caller: Caller, now: datetime) -> Readings:
    found = {}
    for form in library.rules:
        with suppress(Refused):
            found[form] = access.reading(db, library, caller, form, vietnam_day(now))
    return found


def _piece(
    db: Connection, mine: Readings, found: Iterable[Iterator[Repeat]], after: Key | None
) -> Piece:
    those = (
        one
        for one in _newest_first(found)
        if (after is None or _key(one) < after)
        and not (one.about and one.about[1] in mine[one.form].locked)
    )
    some = list(islice(those, AT_ONCE + 1))
    is_all = len(some) <= AT_ONCE
    shown = some[:AT_ONCE]
    return Piece(list(_shown(db, mine, shown)), None if is_all else _key(shown[-1]))


def _newest_first(found: Iterable[Iterator[Repeat]]) -> Iterator[Repeat]:
    """Of several forms, each the newest day first; of one day by number."""
    merged = heapq.merge(*found, key=lambda one: _key(one)[0], reverse=True)
    for _, of_day in groupby(merged, key=lambda one: one.day):
        yield from sorted(of_day, key=_key, reverse=True)


def _key(one: Repeat) -> Key:
    return one.day or date.min, *one.numbers


def _shown(db: Connection, mine: Readings, found: list[Repeat]) -> Iterator[Shown]:
    c = forms.c
    query = sa.select(c.xml_form_id, c.title).where(c.project_id == PROJECT_ID)
    titles = {row.xml_form_id: row.title for row in db.execute(query)}
    clubs = clubs_named(db, {one.club_id for one in found if one.club_id})
    about: dict[str, set[str]] = defaultdict(set)
    for one in found:
        about[one.form] |= {one.about[1]} if one.about else set()
    names = {form: browsing.named(db, mine[form], uuids) for form, uuids in about.items()}
    for one in found:
        club = clubs.get(one.club_id or "", ("", ""))[1]
        named = names[one.form].get(one.about[1]) if one.about else None
        name = named.label.partition(AFTER_NAME)[0] if named else ""
        yield Shown(one, titles.get(one.form, one.form), club, name)


def find_both(
    db: Connection,
    library: Library,
    caller: Caller,
    form: str,
    instances: tuple[str, str],
    now: datetime,
) -> tuple[Submission, Submission]:
    """Two submissions of a form that the caller reads. Refused(NOT_ALLOWED), (NOT_FOUND)."""
    view = reading.open_form(db, library, caller, form, now)
    one, other = (reading.find(db, view, instance) for instance in instances)
    return versions.find(db, form, one.instance_id), versions.find(db, form, other.instance_id)
