"""One entry of a list: its facts today and before, what was sent about it, what names it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.entity_pages import Column, Guide, Says, Section
from forms.problems import NOT_FOUND, Refused
from sync import access, canonical
from sync.access import Caller
from sync.catalogue import AFTER_NAME
from sync.clubs import clubs_named
from sync.entities import plain_id
from sync.entry_pages.reader import Cell, Dated, Line, Reader, Told, open_page, told
from sync.tables import entities, records

if TYPE_CHECKING:
    from forms.library import FormRule, Library


@dataclass(frozen=True, slots=True)
class Event:
    """A record about the entry, of the submission with this number. counts: whether figures have
    it as it stands.
    """

    form: str
    number: int
    day: date | None
    cells: tuple[Cell, ...]
    counts: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A chart: for each line its title and its points, the earliest first."""

    title: Says
    unit: str
    lines: tuple[tuple[Says, tuple[tuple[date, Decimal], ...]], ...]
    guide: Guide | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A section of an entry's page as its reader has it: `now`, `history`, `events` (with curves)
    or `lines` of the list `of`. more: how many older events are not shown.
    """

    title: Says
    hidden: bool
    columns: tuple[Column, ...] = ()
    now: tuple[tuple[Says, Told], ...] = ()
    history: tuple[Dated, ...] = ()
    events: tuple[Event, ...] = ()
    curves: tuple[Curve, ...] = ()
    lines: tuple[Line, ...] = ()
    of: str = ""
    more: int = 0


@dataclass(frozen=True, slots=True)
class EntryPage:
    """One entry. club: its uuid and name. people: list and uuid of whom it shows by name."""

    name: str
    title: Says
    uuid: str
    called: str
    club: tuple[str, str] | None
    parts: tuple[Part, ...]
    people: tuple[tuple[str, str], ...]
    is_person: bool


def read_entry(
    db: Connection, library: Library, caller: Caller, name: str, uuid: str, now: datetime
) -> EntryPage:
    """One entry; of one that is linked to another, the one that stands for it.

    Refused(NOT_FOUND) also for one out of the caller's sight, (NOT_ALLOWED) of the whole list.
    """
    page, reader = open_page(db, library, caller, name, now)
    stands = canonical.stand_in(db, plain_id(uuid) or "")
    row = next(iter(reader.rows((), entities.c.uuid == stands)), None)
    if row is None:
        raise Refused(NOT_FOUND())
    club = None if reader.is_of_clubs else clubs_named(db, {row.club_id or ""}).get(row.club_id)
    made = (_part(reader, section, stands, now) for section in page.sections)
    return EntryPage(
        name,
        reader.title,
        stands,
        row.label.partition(AFTER_NAME)[0],
        (row.club_id, club[1]) if club else None,
        tuple(part for part in made if part is not None),
        reader.people([stands]),
        reader.base == library.privacy.person,
    )


def _part(reader: Reader, section: Section, uuid: str, now: datetime) -> Part | None:
    """The section as its reader has it; None where nothing is left of it."""
    if section.needs and not reader.holds(uuid, section.needs):
        return None
    if section.records:
        return _events(reader, section, uuid)
    if section.entries:
        return _entries(reader, section, uuid, now)
    if section.history:
        history = tuple(reader.history(uuid, reader.allowed(section.history)))
        return Part(section.title, section.hidden, history=history) if history else None
    columns = reader.allowed(section.now)
    cells = reader.lines([uuid], columns)[0].cells
    told = tuple((c.title, cell) for c, cell in zip(columns, cells, strict=True) if cell)
    return Part(section.title, section.hidden, now=told) if told else None


def _events(reader: Reader, section: Section, uuid: str) -> Part | None:
    try:
        reading = access.reading(
            reader.db, reader.library, reader.caller, section.records, reader.day
        )
    except Refused:
        return None
    rule = reader.library.rules.get(section.records)
    derived = set(rule.derives if rule else ())

    def may(column: Column) -> bool:
        """What is computed may tell any answer it was computed from."""
        return reading.is_whole if column.of in derived else column.of not in reading.without

    columns = tuple(column for column in section.columns if may(column))
    rows = _records(reader, section.records, rule, uuid, reading.clubs)
    events = [
        Event(
            section.records,
            row.number,
            row.happened_on,
            tuple(told(column, row.said.get(column.of, "")) for column in columns),
            not row.held_back and row.counted_with is None,
        )
        for row in rows[: section.newest]
    ]
    curves = [
        Curve(
            chart.title,
            chart.unit,
            tuple((c.title, _points(rows, c)) for c in chart.lines),
            chart.guide,
        )
        for chart in section.charts
        if all(may(line) for line in chart.lines)
    ]
    if not events:
        return None
    return Part(
        section.title,
        section.hidden,
        columns=columns,
        events=tuple(events),
        curves=tuple(one for one in curves if any(points for _, points in one.lines)),
        of=section.records,
        more=len(rows) - len(events),
    )


@dataclass(frozen=True, slots=True)
class _Record:
    number: int
    happened_on: date | None
    said: Mapping[str, str]
    held_back: bool
    counted_with: int | None


def _records(
    reader: Reader, form: str, rule: FormRule | None, uuid: str, clubs: Collection[str] | None
) -> list[_Record]:
    """What was sent about the entry, the newest first; of a club also what names nobody."""
    c = records.c
    query = (
        sa.select(c.answers, c.derived, c.happened_on, c.held_back, c.counted_with)
        .add_columns(c.submission_id)
        .where(c.form == form, c.table_path == "")
    )
    about = rule.subject_list if rule else None
    if reader.is_of_clubs and about != reader.base:
        query = query.where(c.club_id == uuid)
    else:
        query = query.where(c.subject_list == reader.base, c.subject_id == uuid)
    if clubs is not None:
        query = query.where(c.club_id.in_(sorted(clubs)))
    rows = reader.db.execute(query.order_by(c.happened_on.desc(), c.id.desc()))
    return [
        _Record(
            row.submission_id,
            row.happened_on,
            {**row.answers, **row.derived},
            row.held_back,
            row.counted_with,
        )
        for row in rows
    ]


def _points(rows: Sequence[_Record], column: Column) -> tuple[tuple[date, Decimal], ...]:
    found = []
    for row in rows:
        number = _number(row.said.get(column.of, ""))
        counts = not row.held_back and row.counted_with is None
        if row.happened_on is not None and number is not None and counts:
            found.append((row.happened_on, number))
    return tuple(sorted(found))


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**9 else None


def _entries(reader: Reader, section: Section, uuid: str, now: datetime) -> Part | None:
    name = section.entries
    try:
        page, other = open_page(reader.db, reader.library, reader.caller, name, now)
    except Refused:
        return None
    if section.by not in other.mine.properties:
        return None
    names = entities.c.data[section.by].as_string() == uuid
    found = [row.uuid for row in other.rows((), names)]
    columns = other.allowed(tuple(page.known[one] for one in section.names))
    lines = tuple(other.lines(found, columns))
    if not lines:
        return None
    return Part(section.title, section.hidden, columns=columns, lines=lines, of=name)
