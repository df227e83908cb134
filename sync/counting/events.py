"""The records of forms as events: who, when, in which club, and what was said, read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.conditions import test
from forms.indicators import Conditions
from sync import tables as t
from sync import words
from sync.canonical import in_words
from sync.vault import SIGN_IN_JSON, Vault, vault_of

Said = Mapping[str, str]
ROW = t.records.alias("row")  # made once: an alias takes longer to make than a query to run


class Event(NamedTuple):
    """A record that counts. `rows`: of each repeat that was asked for, what its rows say."""

    id: int
    submission: int
    club: str
    day: date
    subject: str | None
    said: Said
    rows: Mapping[str, list[Said]] = {}

    def lines(self, repeat: str | None) -> Iterable[Said]:
        """What is said of the event; with `repeat` of each of its rows, and of the event behind."""
        if repeat is None:
            return (self.said,)
        return [{**self.said, **row} for row in self.rows.get(repeat, ())]


class Arrival(NamedTuple):
    """A record that counts or is held back, as far as its coming here goes."""

    id: int
    form: str
    club: str
    day: date | None
    arrived: datetime


def asking(where: Conditions) -> Callable[[Said], bool]:
    """What asks a record or a row whether all conditions hold; the twin of `words.fit`."""
    tests = [(name, test(one)) for name, conditions in where.items() for one in conditions]

    def fits(said: Said) -> bool:
        for name, is_so in tests:  # noqa: SIM110 - all() costs twice as much, and this is asked most
            if not is_so(said.get(name)):
                return False
        return True

    return fits


@dataclass
class Need:
    """What is asked of one form's records: columns, days (None = without end), repeats.

    naming: the columns with ids of people; linked: who of them is another.
    """

    columns: set[str] = field(default_factory=set)
    first: date | None = date.max
    last: date | None = date.min
    repeats: set[str] = field(default_factory=set)
    naming: set[str] = field(default_factory=set)
    linked: Mapping[str, str] = field(default_factory=dict)

    def add(
        self, columns: Iterable[str], first: date | None, last: date | None, repeat: str | None
    ) -> None:
        self.columns.update(columns)
        self.first = None if self.first is None or first is None else min(self.first, first)
        self.last = None if self.last is None or last is None else max(self.last, last)
        self.repeats |= {repeat} if repeat else set()


def read_events(
    db: Connection,
    form: str,
    need: Need,
    *whose: sa.ColumnElement[bool],
    are_few: bool = False,
) -> list[Event]:
    """The form's records that count, by day.

    whose: conditions on `records`. are_few: they say by themselves which few, of whatever form.
    """
    query, where = _asked(are_few, need.first is not None, need.last is not None)
    days = {"first": need.first, "last": need.last}
    told = {"of_form": form} | {name: day for name, day in days.items() if day is not None}
    read = db.execute(query.where(*whose), told).all()
    rows: dict[str, Mapping[int, list[Said]]] = {}
    vault = vault_of(db)
    if read:
        rows = {name: _rows(db, name, need, (*where, *whose), told) for name in need.repeats}
    found = []
    for key, submission, club, day, subject, *said in read:
        inner = {name: of_record.get(key, []) for name, of_record in rows.items()}
        told_here = _said(need, vault, *said)
        found.append(Event(key, submission, club, day, subject, told_here, inner))
    found.sort(key=lambda event: (event.day, event.id))
    return found


@cache
def _asked(
    are_few: bool, has_first: bool, has_last: bool
) -> tuple[sa.Select[Any], tuple[sa.ColumnElement[bool], ...]]:
    """The query but for whose records, and its conditions; to make it took longer than to run it.

    Parameters: of_form; first and last where the days have such an end.
    """
    r = t.records.c
    # Else SQLite would read the records of everybody, by the index on form, table and day.
    form = sa.func.coalesce(r.form, "") if are_few else r.form
    where = [form == sa.bindparam("of_form", type_=sa.Text), words.counts(t.records)]
    where.append(r.happened_on.is_not(None))
    if has_first:
        where.append(r.happened_on >= sa.bindparam("first", type_=sa.Date))
    if has_last:
        where.append(r.happened_on <= sa.bindparam("last", type_=sa.Date))
    columns = (r.id, r.submission_id, r.club_id, r.happened_on, r.subject_id)
    query = sa.select(*columns, *map(_text, (r.answers, r.derived, r.united))).where(*where)
    return query, tuple(where)


def _said(
    need: Need,
    vault: Vault,
    answers: str,
    derived: str | None = None,
    united: str | None = None,
) -> dict[str, str]:
    """The whole event's value, else a computed one, else as answered; as `words.answer`."""
    found: dict[str, str] = {}
    for text in (answers, derived, united):
        if text and text != "{}":
            told = orjson.loads(text) or {}
            asked = {name: told[name] for name in told.keys() & need.columns}
            found.update(vault.open_answers(asked) if SIGN_IN_JSON in text else asked)
    if need.linked:
        found.update({n: in_words(found[n], need.linked) for n in found.keys() & need.naming})
    return found


def _text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """JSON as it stands: to have it read column by column takes twice as long."""
    return sa.cast(column, sa.Text)


def _rows(
    db: Connection,
    repeat: str,
    need: Need,
    where: Collection[sa.ColumnElement[bool]],
    told: Mapping[str, Any],
) -> Mapping[int, list[Said]]:
    """What the rows of a repeat say, by the id of the record they belong to."""
    same = ROW.c.submission_version_id == t.records.c.submission_version_id
    query = (
        sa.select(t.records.c.id, _text(ROW.c.answers))
        .join(ROW, sa.and_(same, ROW.c.table_path == repeat))
        .where(*where)
        .order_by(ROW.c.id)
    )
    found: dict[int, list[Said]] = defaultdict(list)
    for key, answers in db.execute(query, told):
        found[key].append(_said(need, vault_of(db), answers))
    return found


def read_arrivals(db: Connection, clubs: Collection[str], first: date, last: date) -> list[Arrival]:
    """The records of every form that count on these days, with the day they came."""
    r = t.records.c
    query = (
        sa.select(r.id, r.form, r.club_id, r.happened_on, t.submissions.c.created_at)
        .join(t.submissions, t.submissions.c.id == r.submission_id)
        .where(r.club_id.in_(clubs), r.happened_on.between(first, last), words.counts(t.records))
    )
    return [Arrival(*row) for row in db.execute(query)]


@dataclass(frozen=True, slots=True)
class Held:
    """A record that is held back, and what keeps it."""

    arrival: Arrival
    submission: int
    subject_list: str | None
    subject: str | None
    waits: bool  # for a registration
    said: Said


def read_held(db: Connection, clubs: Collection[str], unknown: str) -> Iterator[Held]:
    """The records held back in these clubs; `unknown` is the flag of those that wait."""
    r = t.records.c
    query = (
        sa.select(r.id, r.form, r.club_id, r.happened_on, t.submissions.c.created_at)
        .add_columns(r.submission_id, r.subject_list, r.subject_id, r.problems, r.answers)
        .join(t.submissions, t.submissions.c.id == r.submission_id)
        .where(words.is_whole(t.records), r.held_back, r.club_id.in_(clubs))
    )
    for *arrival, submission, subject_list, subject, problems, answers in db.execute(query):
        waits = any(one["code"] == unknown for one in problems)
        yield Held(Arrival(*arrival), submission, subject_list, subject, waits, answers)
