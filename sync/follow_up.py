"""Whom or what to see to today: the entries of a follow-up list, each with its dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Cell, Table
from forms.days import read_day
from forms.follow_up import FollowColumn, FollowList
from forms.periods import CALENDAR, Period, months_before
from forms.problems import NOT_ALLOWED, UNKNOWN_LIST, Refused
from forms.text import name_key
from sync import access, counting, words
from sync.access import Caller
from sync.accounts import PROJECT_ID
from sync.clubs import clubs_named
from sync.counting.events import asking
from sync.counting.item import Item, behind
from sync.database import among
from sync.rollup import all_clubs
from sync.tables import entities, entity_lists, records, spells

if TYPE_CHECKING:
    from forms.indicators import Indicator
    from forms.library import Library

NAME = "Họ tên"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: of which club, about whom (the entity's label, its list and uuid), since when, and
    what is told.
    """

    club_code: str
    club: str
    label: str
    day: date | None
    cells: tuple[Cell, ...]
    about: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What an item is about: the entity, and the record where the list is of records."""

    club: str
    subject: str | None
    day: date | None
    answers: Mapping[str, str]


def lists_for(library: Library, caller: Caller) -> list[FollowList]:
    """The lists the caller may see, in the library's order."""
    return [
        one
        for one in library.follow_up.values()
        if caller.kind == "operator" or (caller.kind == "user" and caller.role in one.roles)
    ]


def get_list(library: Library, caller: Caller, name: str) -> FollowList:
    """Refused(UNKNOWN_LIST), or NOT_ALLOWED where the caller's role is not named."""
    if name not in library.follow_up:
        raise Refused(UNKNOWN_LIST(list=name[:40], lists=", ".join(library.follow_up)))
    found = library.follow_up[name]
    if found not in lists_for(library, caller):
        raise Refused(NOT_ALLOWED())
    return found


def read_entries(
    db: Connection,
    library: Library,
    caller: Caller,
    one: FollowList,
    today: date,
    language: str = "vi",
) -> list[Entry]:
    """Who is on the list today, of the caller's clubs: by club, the longest waiting first.

    language: "vi" or "en", of what codes mean.
    """
    clubs, hidden = _clubs(db, library, caller, today), _hidden(db, library, one)
    items = _items(db, library, one, clubs, today)
    shown = [item for item in items if item.key not in hidden]
    found = _found(db, _still(db, library, one, shown, today))
    list_name = _list_of(library, one)
    people = _people(db, list_name, {f.subject for f in found if f.subject}, clubs)
    named = clubs_named(db, clubs)
    columns = [_Column(db, c, found, people, today, language) for c in one.columns]
    made = [
        Entry(
            *named.get(f.club, ("", "")),
            people.get(f.subject or "", ("", {}))[0],
            f.day,
            tuple(column.of(f) for column in columns),
            (list_name, f.subject) if list_name and f.subject and f.subject in people else None,
        )
        for f in found
    ]
    return sorted(made, key=lambda e: (e.club_code, e.day or date.min, name_key(e.label)))


def count_entries(
    db: Connection, library: Library, caller: Caller, lists: Sequence[FollowList], today: date
) -> dict[str, int]:
    """How many are on each of these lists today, by its id, of the caller's clubs."""
    place_of = {club: club for club in _clubs(db, library, caller, today)}
    kept: dict[str, list[Item]] = {one.id: [] for one in lists}
    hidden = {one.id: _hidden(db, library, one) for one in lists} if place_of else {}
    together: dict[tuple[int, int], list[Indicator]] = defaultdict(list)
    for one in lists:  # what several ask of one period is read once for all of them
        together[one.days].append(one.indicator)
    for days, asked in together.items() if place_of else ():
        found = counting.read_items(db, library, _period(days, today), asked, place_of)
        for indicator, item in behind(found, place_of):
            if not item.missing and item.key not in hidden[indicator.id]:
                kept[indicator.id].append(item)
    return {one.id: len(_still(db, library, one, kept[one.id], today)) for one in lists}


def _period(days: tuple[int, int], today: date) -> Period:
    first, last = (today - timedelta(days=ago) for ago in days)
    return Period("today", CALENDAR, first, last)


def _clubs(db: Connection, library: Library, caller: Caller, today: date) -> list[str]:
    scope = access.clubs_in_scope(db, library, caller, today)
    return [club for club in all_clubs(db, library) if scope is None or club in scope]


def _items(
    db: Connection, library: Library, one: FollowList, clubs: Collection[str], today: date
) -> list[Item]:
    if not clubs:
        return []
    place_of = {club: club for club in clubs}
    items = counting.items(db, library, _period(one.days, today), one.indicator, place_of)
    return [item for item in items if not item.missing]


def to_table(library: Library, one: FollowList, found: Iterable[Entry], today: date) -> Table:
    """The list as a file."""
    group = library.report.group.vi
    header = (f"Mã {group}", group, NAME, *(column.vi for column in one.columns))
    rows = ((e.club_code, e.club, e.label, *e.cells) for e in found)
    return Table(f"{one.id}_{today.isoformat()}", header, tuple(rows))


# ------------------------------------------------------------------ about whom
def locked(db: Connection, library: Library, one: FollowList) -> frozenset[str]:
    """Who is on the list for nobody: restricted, or not agreeing any more to a form it tells of."""
    asked = one.indicator
    forms = {asked.of} | {each.form for each in (*asked.with_, *asked.without) if each.form}
    forms |= {column.of for column in one.columns if column.show in ("last", "since")}
    return access.locked_in(db, library, forms)


def _hidden(db: Connection, library: Library, one: FollowList) -> frozenset[str]:
    """The keys of their items: they themselves, and what was sent about them."""
    people, c = locked(db, library, one), records.c
    if one.indicator.of not in library.rules or not people:
        return people
    about = sa.select(c.id).where(sa.func.coalesce(c.form, "") == one.indicator.of)
    found = db.scalars(about.where(among(db, c.subject_id, sorted(people))))
    return people | {str(number) for number in found}


def _found(db: Connection, items: Sequence[Item]) -> list[_Found]:
    keys = [item.key for item in items]
    if not all(key.isdigit() for key in keys):  # entities have uuids, records numbers
        return [_Found(item.club, item.key, item.day, {}) for item in items]
    c = records.c
    query = sa.select(c.id, c.subject_id, c.happened_on, c.answers, c.derived)
    rows = {r.id: r for r in db.execute(query.where(among(db, c.id, [int(key) for key in keys])))}
    return [
        _Found(item.club, row.subject_id, row.happened_on, {**row.answers, **row.derived})
        for item in items
        if (row := rows.get(int(item.key))) is not None
    ]


def _still(
    db: Connection, library: Library, one: FollowList, items: list[Item], today: date
) -> list[Item]:
    """Those about whom the list is today too."""
    if not one.still:
        return items
    keys = [item.key for item in items]
    is_of_records = one.indicator.of in library.rules
    subject_of = _subjects(db, keys) if is_of_records else {key: key for key in keys}
    subjects = sorted(set(subject_of.values()))
    told = {name: _facts(db, name, subjects, today) for name in one.still}
    holds = asking(one.still)
    here = {who for who in subjects if holds({name: told[name].get(who, "") for name in told})}
    return [item for item in items if subject_of.get(item.key) in here]


def _subjects(db: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Whom each record is about. Nothing else of it is read: what it says is sealed."""
    c = records.c
    asked = among(db, c.id, [int(key) for key in keys])
    query = sa.select(c.id, c.subject_id).where(asked, c.subject_id.is_not(None))
    return {str(row.id): row.subject_id for row in db.execute(query)}


People = Mapping[str, tuple[str, Mapping[str, str]]]  # uuid → label, properties


def _list_of(library: Library, one: FollowList) -> str | None:
    """The list of whom or what the entries are about."""
    of = one.indicator.of
    rule = library.rules.get(of)
    return of if of in library.lists else (rule.subject_list if rule else None)


def _people(
    db: Connection, list_name: str | None, uuids: Collection[str], clubs: Collection[str]
) -> People:
    """Who may be named: those who are of these clubs today."""
    c = entities.c
    query = (
        sa.select(c.uuid, c.label, c.data)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .where(entity_lists.c.name == list_name, entity_lists.c.project_id == PROJECT_ID)
        .where(among(db, c.uuid, sorted(uuids)), c.deleted_at.is_(None))
        .where(among(db, c.club_id, clubs))
    )
    return {row.uuid: (row.label, row.data) for row in db.execute(query)}


# ------------------------------------------------------------------ columns
class _Column:
    """One column, for all entries: what it needs of the database is asked once."""

    def __init__(
        self,
        db: Connection,
        column: FollowColumn,
        found: Sequence[_Found],
        people: People,
        today: date,
        language: str,
    ) -> None:
        self.column, self.people, self.today = column, people, today
        self.says = {code: getattr(says, language) for code, says in column.codes.items()}
        subjects = sorted({f.subject for f in found if f.subject})
        self.told: Mapping[str, Any] = {}
        if column.show in ("last", "since"):
            self.told = _last_days(db, column, subjects, today)
        if column.show == "fact":
            self.told = _facts(db, column.of, subjects, today)

    def of(self, found: _Found) -> Cell:
        column, subject = self.column, found.subject or ""
        match column.show:
            case "day":
                return self._later(found.day)
            case "last":
                return self._later(self.told.get(subject))
            case "since":
                day = self.told.get(subject)
                return None if day is None else (self.today - day).days
            case "fact":
                return self._said(self.told.get(subject, ""))
            case "property":
                return self._said(self.people.get(subject, ("", {}))[1].get(column.of, ""))
            case "answer":
                return self._said(found.answers.get(column.of, ""))

    def _later(self, day: date | None) -> Cell:
        return None if day is None else months_before(day, -self.column.plus_months)

    def _said(self, value: str) -> Cell:
        """A day as a day; codes in words, several one after the other."""
        day = read_day(value)
        if day is not None:
            return self._later(day)
        if not self.says:
            return value or None
        return "; ".join(self.says.get(code, code) for code in value.split()) or None


def _last_days(
    db: Connection, column: FollowColumn, subjects: Sequence[str], today: date
) -> dict[str, date]:
    c = records.c
    query = (
        sa.select(c.subject_id, sa.func.max(c.happened_on))
        # Else SQLite would read the form's records of everybody, by their day.
        .where(sa.func.coalesce(c.form, "") == column.of, c.happened_on <= today)
        .where(among(db, c.subject_id, subjects))
        .where(words.counts(records), words.answers_fit(records, column.where))
        .group_by(c.subject_id)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def _facts(db: Connection, name: str, subjects: Sequence[str], today: date) -> dict[str, str]:
    c = spells.c
    query = sa.select(c.uuid, c.value).where(
        c.name == name,
        among(db, c.uuid, subjects),
        c.valid_from <= today,
        sa.or_(c.valid_to.is_(None), c.valid_to > today),
    )
    return {row.uuid: row.value for row in db.execute(query)}
