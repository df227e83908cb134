"""Rolls: a club's people on a day, by given name, as a table for paper."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Cell, Table, to_text
from forms.days import read_day
from forms.problems import NOT_ALLOWED, NOT_FOUND, UNKNOWN_PLACE, Refused
from forms.rolls import NAME, NUMBER, SINCE, YEAR, Roll, RollColumn
from forms.schema import FormSchema, in_language
from forms.text import name_key, tidy
from sync import access, places
from sync.access import Caller, Reading
from sync.catalogue import AFTER_NAME
from sync.reading import view_form
from sync.slices import may_be_shown
from sync.statements import Spell
from sync.tables import entities, entity_lists, spells
from sync.timeline import CLUB

if TYPE_CHECKING:
    from forms.library import Library

X = "x"  # how a list on paper marks somebody


@dataclass(frozen=True, slots=True)
class _Person:
    """One line before it is shown: what holds of somebody on the day, by the fact's name."""

    uuid: str
    name: str
    data: Mapping[str, str]
    facts: Mapping[str, tuple[Spell, ...]]


def find_roll(library: Library, name: str) -> Roll:
    """The library's roll of this list. Refused(NOT_FOUND)."""
    if name not in library.rolls:
        raise Refused(NOT_FOUND())
    return library.rolls[name]


def reading(db: Connection, library: Library, caller: Caller, roll: Roll, day: date) -> Reading:
    """Of which clubs the caller may have the roll (None = all), and without which columns.

    Refused(NOT_ALLOWED) for who is not named as a reader.
    """
    if caller.kind == "operator":
        return Reading(None)
    if caller.kind != "user" or caller.role not in roll.readers:
        raise Refused(NOT_ALLOWED())
    clubs = access.clubs_in_scope(db, library, caller, day)
    return Reading(clubs, roll.readers[caller.role])


@dataclass(frozen=True, slots=True)
class Offer:
    """A roll somebody may have: of which list, how that is called, and of which club."""

    name: str
    vi: str
    en: str
    club_code: str


def offers(db: Connection, library: Library, caller: Caller, day: date) -> Iterator[Offer]:
    """Every roll the caller may have, club by club."""
    for roll in library.rolls.values():
        if caller.kind == "user" and caller.role in roll.readers:
            rule = library.lists[roll.name]
            for code, _ in _clubs(db, reading(db, library, caller, roll, day), None):
                yield Offer(roll.name, rule.label_vi, rule.label_en, code)


def roll_tables(
    db: Connection,
    library: Library,
    roll: Roll,
    reading: Reading,
    day: date,
    mark: str,
    *,
    club_code: str | None = None,
) -> list[Table]:
    """A table per club that has anybody on the roll that day, called by the roll and the club.

    `club_code`: of this club only, also when it is empty. Refused(NOT_ALLOWED, UNKNOWN_PLACE).
    """
    columns = [one for one in roll.columns if one.title not in reading.without]
    show = _Shown(_labels(db, library, roll))
    header = tuple(one.title for one in columns)
    tables = []
    for code, club in _clubs(db, reading, club_code):
        people = _people(db, roll, club, day)
        rows = [
            tuple(show.cell(column, number, person) for column in columns)
            for number, person in enumerate(people, start=1)
        ]
        if rows or club_code is not None:
            tables.append(Table(f"{roll.file}_{code}", header, rows, mark=mark))
    return tables


def _clubs(db: Connection, reading: Reading, club_code: str | None) -> Iterator[tuple[str, str]]:
    """Code and uuid of the clubs that are asked for and may be seen, by their code."""
    known = places.clubs_by_code(db)
    if club_code is not None:
        code = tidy(club_code)
        if code not in known:
            raise Refused(UNKNOWN_PLACE(code=code[:80]))
        if reading.clubs is not None and known[code] not in reading.clubs:
            raise Refused(NOT_ALLOWED())
        known = {code: known[code]}
    for code, club in sorted(known.items()):
        if reading.clubs is None or club in reading.clubs:
            yield code, club


def named_on(
    db: Connection, roll: Roll, reading: Reading, day: date, club_code: str | None = None
) -> list[tuple[str, str]]:
    """Whom the tables name, as (list, uuid), perhaps of one club. Refused as `roll_tables`."""
    return [
        (roll.name, person.uuid)
        for _, club in _clubs(db, reading, club_code)
        for person in _people(db, roll, club, day)
    ]


def mark(caller: Caller, now: datetime) -> str:
    """What every copy says of itself: who took it, when, and that it is about people."""
    who = "Người vận hành máy chủ" if caller.kind == "operator" else caller.name
    moment = to_text(now)
    return f"{who} tải lúc {moment}. Có thông tin cá nhân: không đưa cho người ngoài."


# ------------------------------------------------------------------ who is on it
def _people(db: Connection, roll: Roll, club: str, day: date) -> list[_Person]:
    """Who is of the club and on the roll that day, by given name, family and middle name."""
    held = _held(db, roll, club, day)
    c = entities.c
    query = (
        sa.select(c.uuid, c.label, c.data)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .where(entity_lists.c.name == roll.name, c.uuid.in_(list(held)), may_be_shown())
    )
    found = [
        _Person(row.uuid, row.label.partition(AFTER_NAME)[0], row.data, held[row.uuid])
        for row in db.execute(query)
        if _is_on(roll, held[row.uuid])
    ]
    return sorted(found, key=lambda one: (name_key(one.name), one.uuid))


def _held(
    db: Connection, roll: Roll, club: str, day: date
) -> dict[str, dict[str, tuple[Spell, ...]]]:
    """What holds on the day of everybody of the club, as far as the roll asks."""
    c = spells.c
    now = sa.and_(
        c.list_name == roll.name,
        c.valid_from <= day,
        sa.or_(c.valid_to.is_(None), c.valid_to > day),
    )
    here = sa.select(c.uuid).where(now, c.name == CLUB, c.value == club)
    query = sa.select(c.uuid, c.name, c.value, c.valid_from, c.valid_to).where(
        now, c.name.in_(sorted(roll.facts)), c.uuid.in_(here)
    )
    found: dict[str, dict[str, tuple[Spell, ...]]] = defaultdict(dict)
    for uuid, *spell in db.execute(query.order_by(c.value)):
        one = Spell(*spell)
        found[uuid][one.name] = (*found[uuid].get(one.name, ()), one)
    return found


def _is_on(roll: Roll, facts: Mapping[str, Collection[Spell]]) -> bool:
    return all(
        any(one.value in values for one in facts.get(name, ()))
        for name, values in roll.where.items()
    )


# ------------------------------------------------------------------ how it is shown
def _labels(db: Connection, library: Library, roll: Roll) -> dict[str, dict[str, str]]:
    """Fact -> code -> label, as the questions that tell the fact offer it."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for fact in library.lists[roll.name].facts:
        if fact.name not in roll.facts or not fact.form or not fact.field or fact.values:
            continue
        for schema in _schemas(db, fact.form):
            for field in schema.columns():
                if field.column == fact.field:
                    for choice in field.choices or ():
                        label = in_language(choice.labels, "vi") or choice.name
                        found[fact.name].setdefault(choice.name, label)
    return found


def _schemas(db: Connection, form: str) -> tuple[FormSchema, ...]:
    """All versions of a form, the current one first; none where it is not published."""
    try:
        return view_form(db, form, Reading(None)).schemas
    except Refused:
        return ()


@dataclass(frozen=True, slots=True)
class _Shown:
    """Shows people in columns; labels: fact -> code -> label."""

    labels: Mapping[str, Mapping[str, str]]

    def cell(self, column: RollColumn, number: int, person: _Person) -> Cell:
        if column.show == NUMBER:
            return number
        if column.show == NAME:
            return person.name
        if column.property is not None:
            return person.data.get(column.property) or None
        held = person.facts.get(column.fact or "", ())
        return self._fact(column, held) if held else None

    def _fact(self, column: RollColumn, held: Sequence[Spell]) -> Cell:
        if column.show == SINCE:
            return max(one.valid_from for one in held)
        values = [one.value for one in held if one.value not in column.leave_out]
        if column.mark:
            return X if set(values) & set(column.mark) else None
        if column.show == YEAR:
            days = (read_day(value) for value in values)
            return next((day.year for day in days if day), None)
        labels = self.labels.get(str(column.fact), {})
        return "; ".join(labels.get(value, value) for value in values) or None
