"""Stale figures: which (period, club) must be measured again, and keeping what was counted anew.

A figure is recomputed whole from records and spells, never incremented.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.periods import CALENDAR, Period, get_period, periods_between, periods_of
from forms.problems import Refused
from sync import canonical, counters, words
from sync import tables as t
from sync.counting.lives import CLUB
from sync.counting.once import Once
from sync.database import among, insert_once, is_sqlite
from sync.entities import plain_id
from sync.figures import Figures
from sync.flags import is_possible
from sync.rollup import all_clubs, measure_clubs

if TYPE_CHECKING:
    from forms.library import Library

MEASURED = (
    "measured"  # the row of `counters` with how many figures of (period, club) were ever kept
)
MEASURE = "measure"  # queue.name of a cell that could not be measured
WORKERS = 8  # that find something to measure at the same time


class Said(NamedTuple):
    """What a record says that moves figures of other clubs, or periods: uuids, and codes."""

    people: frozenset[str] = frozenset()
    periods: frozenset[str] = frozenset()


SAYS_NOTHING = Said()


@dataclass(frozen=True, slots=True)
class Touch:
    """Something that figures stand on has changed.

    A record (stock=False) moves what `Figures.reach` says of its form; without a form, what any
    could. A fact about an entity (stock=True) moves every period that ends on `day` or later.
    Who moved from club to club touches both: the club of the event's day counts the event, the
    present one counts the person. subject: of a record, the uuid of whom it is about.
    """

    club_id: str | None
    day: date
    stock: bool = False
    form: str | None = None
    subject: str | None = None
    said: Said = SAYS_NOTHING


def of_record(
    form: str,
    clubs: Iterable[str | None],
    day: date | None,
    arrived_on: date,
    subject: str | None,
    said: Said,
) -> Iterator[Touch]:
    """What a record touches that came, went, or counts otherwise than before."""
    # Held back for a day that cannot be, it is counted in the period it arrived in.
    days = [day] if is_possible(day, arrived_on) else [day, arrived_on]
    for club in clubs:
        for one in days:
            if one is not None:
                yield Touch(club, one, form=form, subject=subject, said=said)


def said_in(library: Library, form: str, answers: Mapping[str, str]) -> Said:
    """Whom and what a record names, where figures of their clubs, or of those periods, look."""
    reach, confirming = library.figures.reach(form), library.report.confirming
    periods = set(reach.periods)
    if confirming and confirming.form == form:
        periods.add(confirming.period)
    told = (answers.get(field, "") for field in reach.names)
    return Said(
        frozenset(one for text in told for word in text.split() if (one := plain_id(word))),
        frozenset(answers.get(field, "") for field in periods),
    )


def touch(db: Connection, library: Library, touches: Iterable[Touch], now: datetime) -> None:
    """Mark the figures of these clubs stale, in every period a change on that day can move."""
    until = vietnam_day(now) + timedelta(days=1)  # tomorrow's date on a fast clock is not held back
    moved = set(touches)
    people = {one: _far_people(library, one) for one in moved}
    linked = canonical.ids(db) if any(people.values()) else {}
    people = {one: {linked.get(uuid, uuid) for uuid in some} for one, some in people.items()}
    clubs = _clubs_of(db, library, set[str]().union(*people.values()))
    first_days = _first_days(db, {one.club_id for one in moved if one.club_id and not one.stock})
    cells: set[tuple[str, str]] = set()
    for one in moved:
        periods = _moved_by(library, one, first_days, until)
        counting = {one.club_id: date.min} if one.club_id else {}
        for person in people[one]:
            counting = clubs[person] | counting  # before she came, nobody of hers counts there
        cells |= {
            (period.code, club)
            for period in periods
            for club, since in counting.items()
            if since <= period.last
        }
    mark(db, cells)
    _know_the_sizes(db)


def _far_people(library: Library, one: Touch) -> Collection[str]:
    """Whose clubs count the record too."""
    reaches_subject = one.subject and library.figures.reach(one.form).subject
    return one.said.people | ({str(one.subject)} if reaches_subject else frozenset())


def _first_days(db: Connection, clubs: Collection[str]) -> Mapping[str, date | None]:
    """The day of the first record of each club that counts."""
    if not clubs:
        return {}
    asked = (
        sa.values(sa.column("club", sa.Text), name="asked").data([(one,) for one in clubs]).cte()
    )
    first = sa.select(sa.func.min(t.records.c.happened_on)).where(
        t.records.c.club_id == asked.c.club, words.counts(t.records)
    )
    found = sa.select(asked.c.club, first.correlate(asked).scalar_subquery().label("first"))
    return {row.club: row.first for row in db.execute(found)}


def _clubs_of(
    db: Connection, library: Library, people: Collection[str]
) -> Mapping[str, dict[str, date]]:
    """The clubs that entities are or were in, as far as facts and records say, each with the first
    day of it; a club's: itself.
    """
    found: dict[str, dict[str, date]] = defaultdict(dict)
    if not people:
        return found
    spell, record = t.spells.c, t.records.c
    clubs = [rule.name for rule in library.lists.values() if rule.is_of_clubs]
    of_facts = sa.select(spell.uuid, spell.value, spell.valid_from).where(
        spell.name == CLUB, among(db, spell.uuid, people)
    )
    themselves = sa.select(spell.uuid, spell.uuid, spell.valid_from).where(
        spell.list_name.in_(clubs), among(db, spell.uuid, people)
    )
    of_records = (
        sa.select(record.subject_id, record.club_id, sa.func.min(record.happened_on))
        .where(record.table_path == "", among(db, record.subject_id, people))
        .where(record.club_id.is_not(None))
        .group_by(record.subject_id, record.club_id)
    )
    for person, club, day in db.execute(sa.union(of_facts, themselves, of_records)):
        if day is not None:
            found[person][club] = min(day, found[person].get(club, day))
    return found


def _know_the_sizes(db: Connection) -> None:
    """Have PostgreSQL look at the tables again once most of their rows are new to it.

    During a first import or a reprocess it takes them for empty and plans a nested loop that lasts
    fifty times as long; its own housekeeping comes a minute or more too late. It must stand in a
    transaction that commits: a rollback loses what was learnt, but not the note that it was learnt.
    """
    if is_sqlite(db):
        return
    grown = sa.text(
        "SELECT relname FROM pg_stat_user_tables"
        " WHERE relid IN (CAST('records' AS regclass), CAST('spells' AS regclass))"
        " AND n_mod_since_analyze > 500 + n_live_tup / 2"
    )
    for table in db.scalars(grown).all():
        # SKIP_LOCKED: when another worker does it just now, nobody waits for anybody.
        db.execute(sa.text(f"ANALYZE (SKIP_LOCKED) {table}"))


def _moved_by(
    library: Library, one: Touch, first_days: Mapping[str, date | None], until: date
) -> Iterator[Period]:
    reach = library.figures.reach(one.form)
    first = one.day if one.stock else one.day - timedelta(days=reach.days_back)
    begun = first_days.get(one.club_id or "")
    # With its first record what is known of a club turns from nothing to zero, for ever.
    ever = one.stock or (one.club_id is not None and (begun is None or one.day <= begun))
    periods = periods_between(first, max(until, first))
    found = {p for p in periods if reach.moves(one.day, p) or (ever and p.last >= one.day)}
    for period in found | _named_periods(one.said.periods):
        if period.first <= until and period.last >= library.figures.since:
            yield period


def _named_periods(codes: Collection[str]) -> set[Period]:
    found = set()
    for code in codes:
        with suppress(Refused):
            found.add(get_period(code))
    return found


def mark(db: Connection, cells: Collection[tuple[str, str]]) -> None:
    """Say that the figures of these (period, club) must be measured again."""
    if not cells:
        return
    dialect: Any = sqlite if is_sqlite(db) else postgresql
    statement = dialect.insert(t.stale_cells).on_conflict_do_update(
        index_elements=["calendar", "period", "club_id"],
        set_={"marks": t.stale_cells.c.marks + 1},  # tells keep() that it counted too early
    )
    # Sorted: two transactions that mark the same cells never wait for each other in a circle.
    db.execute(statement, [_mark_of(*cell) for cell in sorted(cells)])


def _mark_of(period: str, club_id: str) -> dict[str, Any]:
    return {"calendar": CALENDAR, "period": period, "club_id": club_id, "marks": 1}


@dataclass(frozen=True, slots=True)
class StaleCell:
    """A cell to measure, as it was seen. `mark_id` None: not marked, but never measured."""

    period: str
    club_id: str
    mark_id: int | None = None
    marks: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of stale cells as of one moment, not stored yet."""

    cells: tuple[StaleCell, ...]
    figures: Mapping[tuple[str, str], Figures]  # by (period, club)
    once: Mapping[tuple[str, str], Sequence[Once]] = field(default_factory=dict)  # likewise


def measure(db: Connection, library: Library, limit: int, now: datetime) -> int:
    """Count and keep up to `limit` stale cells in one transaction; how many (0 = none is stale)."""
    measured = count_stale(db, library, limit, now)
    keep(db, measured)
    return len(measured.cells)


def count_stale(db: Connection, library: Library, limit: int, now: datetime) -> Measured:
    """Count the figures of up to `limit` stale cells anew. Only reads: nobody waits for it."""
    return count_cells(db, library, stale(db, library, limit, now))


def stale(db: Connection, library: Library, limit: int, now: datetime) -> list[StaleCell]:
    """Up to `limit` cells that have to be measured."""
    return [*_marked(db, limit), *_never_measured(db, library, now)][:limit]


def take_stale(db: Connection, library: Library, limit: int, now: datetime) -> list[StaleCell]:
    """The same of those that no other worker has; they are this transaction's until it ends.

    Two workers that counted the same cells would take longer than one.
    """
    cells = stale(db, library, limit * WORKERS, now)
    if is_sqlite(db) or not cells:  # beside SQLite there is one worker
        return cells[:limit]
    names = [f"{MEASURE} {cell.period} {cell.club_id}" for cell in cells]
    asked = sa.func.unnest(sa.literal(names, postgresql.ARRAY(sa.Text))).column_valued("name")
    is_free = sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(asked, 0))
    free = set(db.scalars(sa.select(asked).where(is_free).limit(limit)))
    return [cell for cell, name in zip(cells, names, strict=True) if name in free]


def count_cells(db: Connection, library: Library, cells: Iterable[StaleCell]) -> Measured:
    """Count the figures of these cells. Only reads."""
    figures: dict[tuple[str, str], Figures] = {}
    once: dict[tuple[str, str], list[Once]] = defaultdict(list)
    ordered = sorted(cells, key=lambda cell: (cell.period, cell.club_id))
    for code, group in groupby(ordered, key=lambda cell: cell.period):
        clubs = [cell.club_id for cell in group]
        counted = measure_clubs(db, library, get_period(code), clubs)
        figures.update({(code, club): {} for club in clubs})
        for key, figure in counted.figures.items():
            figures[code, key[0]][key] = figure
        for one in counted.once:
            once[code, one.club].append(one)
    return Measured(tuple(ordered), figures, once)


def keep(db: Connection, measured: Measured) -> None:
    """Store counted figures. A cell marked again meanwhile keeps its mark; one that another worker
    has taken is passed by.
    """
    taken = [cell for cell in measured.cells if _take(db, cell)]
    if not taken:
        return
    cells = [(cell.period, cell.club_id) for cell in taken]
    for code, group in groupby(cells, key=lambda cell: cell[0]):
        clubs = [club for _, club in group]
        for table in (t.figures, t.counted_once):
            mine = (table.c.calendar == CALENDAR, table.c.period == code)
            db.execute(sa.delete(table).where(*mine, table.c.club_id.in_(clubs)))
    rows = [row for cell in cells for row in _figure_rows(cell[0], measured.figures[cell])]
    if rows:
        db.execute(sa.insert(t.figures), rows)
    once = [
        {"calendar": CALENDAR, "period": cell[0], "club_id": one.club}
        | {"indicator": one.indicator, "under": one.keys, "behind": one.items}
        for cell in cells
        for one in measured.once.get(cell, ())
    ]
    if once:
        db.execute(sa.insert(t.counted_once), once)
    db.execute(t.queue.delete().where(_are_failures_of(taken)))
    counters.bump(db, MEASURED, len(taken))


def give_up(db: Connection, cell: StaleCell, error: str, now: datetime) -> None:
    """Put a cell that cannot be measured on the list of failures, until something touches it again
    or a person has it tried. Its last good figures stay.
    """
    if not _take(db, cell):
        return
    db.execute(t.queue.delete().where(_are_failures_of([cell])))
    failed = {"name": MEASURE, "payload": {"period": cell.period, "club": cell.club_id}}
    when = {"added_at": now, "due_at": now, "failed_at": now, "tries": 1}
    db.execute(t.queue.insert().values(**failed, **when, error=error[:500]))


def _are_failures_of(cells: Iterable[StaleCell]) -> sa.ColumnElement[bool]:
    payload = t.queue.c.payload
    about = sa.tuple_(payload["period"].as_string(), payload["club"].as_string())
    return sa.and_(
        t.queue.c.name == MEASURE, about.in_([(cell.period, cell.club_id) for cell in cells])
    )


def _take(db: Connection, cell: StaleCell) -> bool:
    """Lock the cell's mark and remove it unless it was set again since; False = somebody else's."""
    marks = t.stale_cells.c
    if cell.mark_id is None:
        row = insert_once(db, t.stale_cells, _mark_of(cell.period, cell.club_id))
        if row is not None:
            db.execute(sa.delete(t.stale_cells).where(marks.id == row.id))
        return row is not None and not _is_measured(db, cell)
    found = db.execute(
        sa.select(marks.marks).where(marks.id == cell.mark_id).with_for_update(skip_locked=True)
    ).scalar()
    if found == cell.marks:
        db.execute(sa.delete(t.stale_cells).where(marks.id == cell.mark_id))
    return found is not None


def _is_measured(db: Connection, cell: StaleCell) -> bool:
    kept = t.figures.c
    query = sa.select(kept.id).where(
        kept.calendar == CALENDAR, kept.period == cell.period, kept.club_id == cell.club_id
    )
    return db.execute(query.limit(1)).first() is not None


def _marked(db: Connection, limit: int) -> list[StaleCell]:
    marks = t.stale_cells.c
    query = (
        sa.select(marks.period, marks.club_id, marks.id, marks.marks)
        .where(marks.calendar == CALENDAR)
        .order_by(marks.period, marks.club_id)
        .limit(limit)
    )
    return [StaleCell(*row) for row in db.execute(query)]


def _never_measured(db: Connection, library: Library, now: datetime) -> list[StaleCell]:
    """On a period's first day nothing has touched it yet, but clubs and people stand in it."""
    if not any("club" in one.levels for one in library.figures.indicators.values()):
        return []
    clubs = all_clubs(db, library)
    figures, marks = t.figures.c, t.stale_cells.c
    found = []
    for period in periods_of(vietnam_day(now)):
        here = (figures.calendar == CALENDAR, figures.period == period.code, figures.cut == "")
        known = set(db.scalars(sa.select(figures.club_id).where(*here).distinct()))
        marked = sa.select(marks.club_id).where(
            marks.calendar == CALENDAR, marks.period == period.code
        )
        new = clubs - known - set(db.scalars(marked)) - _given_up(db, period.code)
        found += [StaleCell(period.code, club) for club in sorted(new)]
    return found


def _given_up(db: Connection, period: str) -> set[str]:
    payload = t.queue.c.payload
    query = sa.select(payload["club"].as_string()).where(
        t.queue.c.name == MEASURE, payload["period"].as_string() == period
    )
    return set(db.scalars(query))


def _figure_rows(period: str, figures: Figures) -> Iterator[dict[str, Any]]:
    for (club, indicator, cut, value), figure in figures.items():
        yield {
            "calendar": CALENDAR,
            "period": period,
            "club_id": club,
            "indicator": indicator,
            "cut": cut,
            "cut_value": value,
            "numerator": figure.numerator,
            "denominator": figure.denominator,
            "missing": figure.missing,
        }
