"""Figures: which are stale, and each recomputed whole from records and spells, never incremented.

A figure is a numerator of one indicator at one place in one period; shares are divided when shown.
One SELECT per source (a list on day D, a form's records in P) counts all its indicators and cuts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.indicators import PLACES, Condition, Conditions, Indicator
from forms.periods import CALENDAR, Period, get_period, months_before, periods_between, periods_of
from sync import places, words
from sync import tables as t
from sync.database import insert_once, is_sqlite

if TYPE_CHECKING:
    from forms.library import Library

Cell = tuple[str, str]  # cut, cut_value; ("", "") is the whole
Key = tuple[str, str, str, str]  # place, indicator, cut, cut_value
WHOLE: Cell = ("", "")
MEASURE = "measure"  # queue.name of a cell that could not be measured
STORABLE = Decimal(10) ** 14  # what NUMERIC(18, 4) can hold


@dataclass(frozen=True, slots=True)
class Figure:
    """None = no data was sent (shown as "–"), 0 = data was sent and counts nothing.

    missing: of how many in the denominator nobody knows the answer.
    """

    numerator: Decimal | None
    denominator: Decimal | None = None
    missing: int = 0

    def value(self, indicator: Indicator) -> Decimal | None:
        """What is shown: a count, or a share in per cent, not rounded; None where there is none."""
        if self.numerator is None:
            return None
        if indicator.over is None:
            return self.numerator / indicator.divided_by
        return 100 * self.numerator / self.denominator if self.denominator else None


Figures = dict[Key, Figure]

# ------------------------------------------------------------------ stale cells


@dataclass(frozen=True, slots=True)
class Touch:
    """Something that figures stand on has changed.

    An event (stock=False) touches the periods around its day; a fact about an entity (stock=True)
    touches every period that ends on `day` or later. Who moved from club to club touches both: the
    club of the event's day counts the event, the present one counts the person.
    """

    club_id: str
    day: date
    stock: bool = False


def touch(db: Connection, library: Library, touches: Iterable[Touch], now: datetime) -> None:
    """Mark the figures of these clubs stale, in every period a change on that day can move."""
    today = vietnam_day(now)
    mark(
        db,
        {
            (period.code, one.club_id)
            for one in set(touches)
            for period in _moved_by(library, one, today)
        },
    )
    _know_the_sizes(db)


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


def _moved_by(library: Library, one: Touch, today: date) -> Iterator[Period]:
    figures = library.figures
    until = today + timedelta(days=1)  # tomorrow's date on a fast clock is not held back
    if not one.stock and figures.reach is not None:
        until = min(until, months_before(one.day, -figures.reach - 1))
    for period in periods_between(one.day, until):
        if period.last >= figures.since:
            yield period


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


def is_fresh(db: Connection, period: Period) -> bool:
    """Whether figures of this period are kept and no club's wait to be measured again."""
    stale, kept = t.stale_cells.c, t.figures.c
    waiting = sa.select(stale.id).where(
        stale.calendar == period.calendar, stale.period == period.code
    )
    stored = sa.select(kept.id).where(kept.calendar == period.calendar, kept.period == period.code)
    return (
        db.execute(waiting.limit(1)).first() is None
        and db.execute(stored.limit(1)).first() is not None
    )


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


def count_cells(db: Connection, library: Library, cells: Iterable[StaleCell]) -> Measured:
    """Count the figures of these cells. Only reads."""
    figures: dict[tuple[str, str], Figures] = {}
    ordered = sorted(cells, key=lambda cell: (cell.period, cell.club_id))
    for code, group in groupby(ordered, key=lambda cell: cell.period):
        clubs = [cell.club_id for cell in group]
        counted = count_clubs(db, library, get_period(code), clubs)
        figures.update({(code, club): {} for club in clubs})
        for key, figure in counted.items():
            figures[code, key[0]][key] = figure
    return Measured(tuple(ordered), figures)


def keep(db: Connection, measured: Measured) -> None:
    """Store counted figures. A cell marked again meanwhile keeps its mark; one that another worker
    has taken is passed by.
    """
    taken = [cell for cell in measured.cells if _take(db, cell)]
    if not taken:
        return
    stored = t.figures.c
    for code, group in groupby(taken, key=lambda cell: cell.period):
        clubs = [cell.club_id for cell in group]
        db.execute(
            sa.delete(t.figures).where(
                stored.calendar == CALENDAR, stored.period == code, stored.club_id.in_(clubs)
            )
        )
    rows = [
        row
        for cell in taken
        for row in _figure_rows(cell.period, measured.figures[cell.period, cell.club_id])
    ]
    if rows:
        db.execute(sa.insert(t.figures), rows)
    db.execute(t.queue.delete().where(_are_failures_of(taken)))


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
    clubs = _all_clubs(db, library)
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


def _all_clubs(db: Connection, library: Library) -> set[str]:
    spells = t.spells.c
    lists = [rule.name for rule in library.lists.values() if rule.is_of_clubs]
    query = sa.select(spells.uuid).where(spells.list_name.in_(lists)).distinct()
    return set(db.scalars(query))


def what_is_a_club(library: Library) -> Conditions:
    """Which facts make a club one that counts: those of the indicator that counts clubs."""
    lists = {rule.name for rule in library.lists.values() if rule.is_of_clubs}
    counting = (i for i in library.figures.indicators.values() if i.of in lists)
    return next((i.where for i in counting if i.kind == "count" and i.with_ is None), {})


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


# ------------------------------------------------------------------ figures at a level


def club_figures(db: Connection, library: Library, period: Period) -> Figures:
    """The figures of every club: as stored where they are fresh, else counted now."""
    clubs = _all_clubs(db, library)
    if not is_fresh(db, period):
        return count_clubs(db, library, period, sorted(clubs))
    stored = t.figures.c
    rows = db.execute(
        sa.select(t.figures).where(stored.calendar == period.calendar, stored.period == period.code)
    )
    figures = {
        (r.club_id, r.indicator, r.cut, r.cut_value): Figure(
            _exact(r.numerator), _exact(r.denominator), r.missing
        )
        for r in rows
    }
    # When a period opens its clubs are measured some at a time: no total may lack the others.
    waiting = clubs - {club for club, *_ in figures}
    return figures | count_clubs(db, library, period, sorted(waiting)) if waiting else figures


def roll_up(db: Connection, library: Library, period: Period, level: str) -> Figures:
    """The figures of every place of one level (club, commune, district, city); see roll_up_all."""
    if level == "club":
        return club_figures(db, library, period)
    return roll_up_all(db, library, period)[level]


def roll_up_all(db: Connection, library: Library, period: Period) -> dict[str, Figures]:
    """The figures of every place, by level, as of the period's D.

    A place is a club's uuid or, above, a unit's id as text. Numerators are added, distinct persons
    and units counted again, and only then divided. A club that nobody has placed since its unit was
    split counts above the split only.
    """
    figures = {"club": club_figures(db, library, period)}
    for level in PLACES[1:]:  # bottom up: what counts units looks at the level below
        figures[level] = _rolled_up(db, library, period, level, figures)
    return figures


def _rolled_up(
    db: Connection, library: Library, period: Period, level: str, below: Mapping[str, Figures]
) -> Figures:
    place_of = _places_of_clubs(db, period.last, level)
    figures = _added_up(library, below["club"], place_of)
    again = [i for i in library.figures.indicators.values() if not i.adds_up and level in i.levels]
    reported = {key[0] for key, figure in figures.items() if figure.numerator is not None}
    counted = _count(db, library, period, again, place_of)
    figures.update({key: figure for key, figure in counted.items() if key[0] in reported})
    figures.update(_count_units(db, library, period, level, below))
    return _shown(library, _over(library, figures), level)


def _shown(library: Library, figures: Figures, level: str) -> Figures:
    names = {i.id for i in library.figures.indicators.values() if level in i.levels}
    return {key: figure for key, figure in figures.items() if key[1] in names}


def _places_of_clubs(db: Connection, day: date, level: str) -> dict[str, str]:
    paths = places.clubs_by_unit(db, day)
    units = {club: getattr(path, level) for club, path in paths.items()}
    return {club: str(unit.id) for club, unit in units.items() if unit is not None}


def _added_up(library: Library, clubs: Figures, place_of: Mapping[str, str]) -> Figures:
    """Numerators of clubs added; of what cannot be added a 0 is left, to be counted again."""
    figures: Figures = {}
    for (club, name, cut, value), figure in clubs.items():
        indicator = library.figures.indicators.get(name)
        if club not in place_of or indicator is None:
            continue
        key = (place_of[club], name, cut, value)
        more = figure if indicator.adds_up else replace(figure, numerator=_zero(figure.numerator))
        figures[key] = _plus(figures.get(key), more)
    return figures


def _zero(numerator: Decimal | None) -> Decimal | None:
    return None if numerator is None else Decimal(0)


def _plus(one: Figure | None, other: Figure) -> Figure:
    if one is None:
        return Figure(other.numerator, None, other.missing)
    numbers = [n for n in (one.numerator, other.numerator) if n is not None]
    return Figure(sum(numbers, Decimal(0)) if numbers else None, None, one.missing + other.missing)


def _count_units(
    db: Connection, library: Library, period: Period, level: str, below: Mapping[str, Figures]
) -> Figures:
    """Indicators that count units (per = commune, district), such as communes that have a club."""
    figures: Figures = {}
    tree = places.read_tree(db)
    for indicator in library.figures.indicators.values():
        of = indicator.of
        if indicator.kind != "per" or of == "club" or level not in indicator.levels:
            continue
        for unit in tree.on(period.last, of):
            above = tree.ancestor(unit, level)
            if above is None or not unit.counts_in_coverage:
                continue
            fits = _has(library, below[of], str(unit.id), indicator.having)
            key = (str(above.id), indicator.id, *WHOLE)
            figures[key] = _plus(figures.get(key), Figure(Decimal(fits)))
    return figures


def _has(library: Library, figures: Figures, place: str, having: Conditions) -> bool:
    """Whether the figures of a place fit; no data fits nothing."""
    for name, conditions in having.items():
        figure = figures.get((place, name, *WHOLE))
        value = figure.value(library.figures.indicators[name]) if figure else None
        if value is None or not all(_fits(value, condition) for condition in conditions):
            return False
    return True


def _fits(value: Decimal, condition: Condition) -> bool:
    wanted: Any = condition.value
    match condition.word:
        case "at_least":
            return bool(value >= wanted)
        case "at_most":
            return bool(value <= wanted)
        case "between":
            return bool(wanted[0] <= value <= wanted[1])
    raise ValueError(f"“{condition.word}” is no word of “having”")


def _over(library: Library, figures: Figures) -> Figures:
    """Put under each share the numerator of the indicator it is over, of the same place and cut."""
    result = dict(figures)
    for name, indicator in library.figures.indicators.items():
        for (place, below, cut, value), figure in figures.items():
            if below != indicator.over or (cut and cut not in indicator.by):
                continue
            key = (place, name, cut, value)
            if key in figures:
                result[key] = replace(figures[key], denominator=figure.numerator)
            elif cut and figure.numerator:
                result[key] = Figure(Decimal(0), figure.numerator)
    return result


# ------------------------------------------------------------------ counting


def count_clubs(db: Connection, library: Library, period: Period, clubs: Sequence[str]) -> Figures:
    """All figures of these clubs, counted from spells and records.

    The numerator is None where a club sent nothing: in P (what happens in P), ever (what is on D).
    """
    indicators = [i for i in library.figures.indicators.values() if "club" in i.levels]
    figures = _count(db, library, period, indicators, {club: club for club in clubs})
    ever, in_period = _who_reported(db, period, clubs)
    for club in clubs:
        for indicator in indicators:
            key = (club, indicator.id, *WHOLE)
            sent = in_period if _is_flow(library, indicator) else ever
            if club not in sent and not _is_ours(library, indicator):
                figures[key] = Figure(None)
            else:
                figures.setdefault(key, Figure(Decimal(0)))
    figures = _over(library, figures)
    for indicator in indicators:
        if indicator.kind == "per":
            for club in clubs:
                key = (club, indicator.id, *WHOLE)
                if figures[key].numerator is not None:
                    figures[key] = Figure(Decimal(_has(library, figures, club, indicator.having)))
    return _over(library, figures)


def _who_reported(
    db: Connection, period: Period, clubs: Sequence[str]
) -> tuple[set[str], set[str]]:
    """The clubs with any record up to D, and those with one in P."""
    records = t.records.c
    query = (
        sa.select(records.club_id, sa.func.max(records.happened_on))
        .where(
            records.club_id.in_(clubs), records.happened_on <= period.last, words.counts(t.records)
        )
        .group_by(records.club_id)
    )
    latest = {row[0]: row[1] for row in db.execute(query)}
    return set(latest), {club for club, day in latest.items() if day >= period.first}


def _is_ours(library: Library, indicator: Indicator) -> bool:
    """Whether the server knows it, whatever phones have sent: the clubs themselves, from their
    list, and what it keeps waiting.
    """
    of_list = library.lists.get(indicator.of)
    is_of_register = of_list is not None and of_list.is_of_clubs and indicator.with_ is None
    return is_of_register or indicator.kind == "waiting"


def _is_flow(library: Library, indicator: Indicator) -> bool:
    """Whether it tells what happened in P; else what is so on D."""
    if indicator.kind == "count" and indicator.of in library.lists:
        return indicator.with_ is not None and indicator.with_.within == "period"
    return indicator.kind != "per"


def _count(
    db: Connection,
    library: Library,
    period: Period,
    indicators: Sequence[Indicator],
    place_of: Mapping[str, str],
) -> Figures:
    """Numerators (and missing) of the indicators at the places these clubs are mapped to."""
    figures: Figures = {}
    ordered = sorted((i for i in indicators if i.kind != "per"), key=_source)
    for _, group in groupby(ordered, key=_source):
        if place_of:
            _count_source(db, Counting(library, period, list(group), place_of), figures)
    return figures


def _source(indicator: Indicator) -> tuple[str, str, str]:
    """Indicators with the same source are counted by one SELECT."""
    kind = "count" if indicator.kind in ("distinct", "sum") else indicator.kind
    apart = {
        "latest": indicator.measured,
        "began": indicator.where,
        "waiting": indicator.after_days,
    }
    return indicator.of, kind, repr(apart.get(indicator.kind))


def _count_source(db: Connection, counting: Counting, figures: Figures) -> None:
    cuts = counting.cuts
    for row in db.execute(counting.statement()):
        place, values, numbers = row[0], row[1 : 1 + len(cuts)], row[1 + len(cuts) :]
        for at, indicator in enumerate(counting.indicators):
            number, missing = _exact(numbers[2 * at]), int(numbers[2 * at + 1] or 0)
            if not number and not missing:
                continue
            parts = [(c, v) for c, v in zip(cuts, values, strict=True) if c in indicator.by]
            for cut, value in (WHOLE, *parts):
                key = (place, indicator.id, cut, value)
                figures[key] = _plus(figures.get(key), Figure(number or Decimal(0), None, missing))


def _exact(number: Any) -> Decimal | None:
    """A number from either database, without the zeros PostgreSQL adds; None where it is so large
    that it could not be stored: one cell must not keep all others from being measured.
    """
    if number is None:
        return None
    exact = Decimal(str(number))
    if not -STORABLE < exact < STORABLE:
        return None
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact.normalize()


@dataclass(frozen=True)
class Counting:
    """Indicators of one source, to be counted in one period at places."""

    library: Library
    period: Period
    indicators: Sequence[Indicator]
    place_of: Mapping[str, str]

    @property
    def first(self) -> Indicator:
        return self.indicators[0]

    @property
    def cuts(self) -> list[str]:
        return sorted({cut for indicator in self.indicators for cut in indicator.by})

    def statement(self) -> sa.Select[Any]:
        """SELECT place, a column per cut, and per indicator its number and how many are missing."""
        if self.first.kind == "waiting":
            return self._waiting()
        if self.first.of in self.library.lists:
            return self._began() if self.first.kind == "began" else self._entities()
        return self._latest() if self.first.kind == "latest" else self._events()

    @property
    def _places(self) -> sa.CTE:
        columns = (sa.column("club", sa.Text), sa.column("place", sa.Text))
        pairs = sorted(self.place_of.items())
        return sa.values(*columns, name="places").data(pairs).cte("places")

    def _facts(self, list_name: str, who: sa.Select[Any]) -> sa.Subquery:
        rule = self.library.lists[list_name]
        names = {self.library.figures.cuts[cut].fact for cut in self.cuts}
        if self.first.of == list_name and self.first.kind == "count":
            for indicator in self.indicators:
                names |= set(indicator.where) | set(self._base(indicator))
        stored = frozenset(words.stored_fact(name) for name in names)
        day, own_club = self.period.last, rule.is_of_clubs
        return words.facts_on(list_name, stored, day, own_club=own_club, who=who)

    def _base(self, indicator: Indicator) -> Conditions:
        """Who is in the denominator of a share of entities."""
        over = self.library.figures.indicators.get(indicator.over or "")
        return over.where if over and over.of == indicator.of else {}

    def _grouped(
        self, source: Any, place: Any, facts: sa.FromClause | None, numbers: Iterable[Any]
    ) -> sa.Select[Any]:
        day, known = self.period.last, self.library.figures.cuts
        values = (
            [words.cut_value(facts, known[c], day) for c in self.cuts] if facts is not None else []
        )
        keys = [place, *values]
        return sa.select(*keys, *numbers).select_from(source).group_by(*keys)

    # --- entities of a list on D
    def _entities(self) -> sa.Select[Any]:
        clubs = self._places
        spells = t.spells.c
        who = sa.select(clubs.c.club)
        if not self.library.lists[self.first.of].is_of_clubs:
            who = sa.select(spells.uuid).where(
                spells.list_name == self.first.of, spells.name == "club", spells.value.in_(who)
            )
        facts = self._facts(self.first.of, who)
        numbers = [n for i in self.indicators for n in self._entity_numbers(i, facts)]
        return self._grouped(
            facts.join(clubs, clubs.c.club == facts.c.club), clubs.c.place, facts, numbers
        )

    def _entity_numbers(self, indicator: Indicator, facts: sa.Subquery) -> tuple[Any, Any]:
        day, base = self.period.last, self._base(indicator)
        fits = words.facts_fit(facts, indicator.where, day)
        if indicator.with_:
            fits = sa.and_(fits, self._with(indicator, facts))
        asked = [name for name in indicator.where if name not in base] if base else []
        unknown = sa.or_(sa.false(), *(words.is_unknown(facts, name) for name in asked))
        return _how_many(fits), _how_many(sa.and_(words.facts_fit(facts, base, day), unknown))

    def _with(self, indicator: Indicator, facts: sa.Subquery) -> Any:
        asked = indicator.with_
        assert asked is not None
        records = t.records.alias("having")
        if asked.named_in:
            named = words.plain_ids(words.answer(records, asked.named_in))
            person = sa.and_(
                records.c.club_id == facts.c.club, words.has_choice(named, facts.c.uuid)
            )
        else:
            person = records.c.subject_id == facts.c.uuid
        return (
            sa.select(sa.literal(1))
            .select_from(records)
            .where(
                records.c.form == asked.form,
                person,
                records.c.happened_on <= self.period.last,
                *self._since(records, asked.within),
                words.counts(records),
                words.answers_fit(records, asked.where),
            )
            .correlate(facts)
            .exists()
        )

    def _since(self, records: sa.FromClause, within: str | int) -> list[Any]:
        if within == "period":
            return [records.c.happened_on >= self.period.first]
        if isinstance(within, int):
            return [records.c.happened_on > months_before(self.period.last, within)]
        return []

    # --- facts that began in P
    def _began(self) -> sa.Select[Any]:
        clubs, turn = self._places, t.spells.alias("turn")
        ((name, (value,)),) = self.first.where.items()
        began = sa.and_(
            turn.c.list_name == self.first.of,
            turn.c.name == name,
            turn.c.value == value.value,
            turn.c.valid_from.between(self.period.first, self.period.last),
        )
        source: Any = self._with_club_then(turn, clubs)
        facts = None
        if self.cuts:
            facts = self._facts(self.first.of, sa.select(turn.c.uuid).where(began))
            source = source.outerjoin(facts, facts.c.uuid == turn.c.uuid)
        numbers = [n for _ in self.indicators for n in (sa.func.count(), sa.literal(0))]
        return self._grouped(source, clubs.c.place, facts, numbers).where(began)

    def _with_club_then(self, turn: Any, clubs: sa.CTE) -> Any:
        """A turn in the club its entity was in on that day."""
        if self.library.lists[self.first.of].is_of_clubs:
            return turn.join(clubs, clubs.c.club == turn.c.uuid)
        then = t.spells.alias("club_then")
        same_day = sa.and_(
            then.c.list_name == turn.c.list_name,
            then.c.uuid == turn.c.uuid,
            then.c.name == "club",
            then.c.valid_from <= turn.c.valid_from,
            sa.or_(then.c.valid_to.is_(None), then.c.valid_to > turn.c.valid_from),
        )
        return turn.join(then, same_day).join(clubs, clubs.c.club == then.c.value)

    # --- events of P about somebody of a list who is not there
    def _waiting(self) -> sa.Select[Any]:
        clubs, records = self._places, t.records
        source = records.join(clubs, clubs.c.club == records.c.club_id)
        numbers = [n for _ in self.indicators for n in (sa.func.count(), sa.literal(0))]
        return self._grouped(source, clubs.c.place, None, numbers).where(
            records.c.subject_list == self.first.of,
            records.c.happened_on.between(self.period.first, self.period.last),
            words.waits_for_registration(records),
            words.has_waited(records, self.first.after_days),
        )

    # --- events of a form in P
    def _in_period(self, records: sa.FromClause) -> list[Any]:
        return [
            records.c.form == self.first.of,
            records.c.happened_on.between(self.period.first, self.period.last),
            words.counts(records),
        ]

    def _events(self) -> sa.Select[Any]:
        clubs, records = self._places, t.records
        where = self._in_period(records)
        source = records.join(clubs, clubs.c.club == records.c.club_id)
        return self._by_subject(records, source, clubs.c.place, where)

    def _latest(self) -> sa.Select[Any]:
        """Each subject's last record of P at each place, of those that were measured at all."""
        clubs, records = self._places, t.records
        rank = sa.func.row_number().over(
            partition_by=(clubs.c.place, records.c.subject_id),
            order_by=(records.c.happened_on.desc(), records.c.submission_id.desc()),
        )
        ranked = (
            sa.select(records, clubs.c.place, rank.label("rank"))
            .select_from(records.join(clubs, clubs.c.club == records.c.club_id))
            .where(
                *self._in_period(records),
                records.c.subject_id.is_not(None),
                words.answers_fit(records, self.first.measured),
            )
            .subquery("latest")
        )
        return self._by_subject(ranked, ranked, ranked.c.place, [ranked.c.rank == 1])

    def _by_subject(
        self, records: Any, source: Any, place: Any, where: Sequence[Any]
    ) -> sa.Select[Any]:
        facts = None
        rule = self.library.rules[self.first.of]
        if self.cuts and rule.subject_list:
            seen = t.records.alias("seen")
            subjects = sa.select(seen.c.subject_id).where(*self._in_period(seen))
            facts = self._facts(rule.subject_list, subjects)
            source = source.outerjoin(facts, facts.c.uuid == records.c.subject_id)
        numbers = [n for i in self.indicators for n in (_event_number(i, records), sa.literal(0))]
        return self._grouped(source, place, facts, numbers).where(*where)


def _how_many(fits: Any) -> Any:
    return sa.func.sum(sa.case((fits, 1), else_=0))


def _event_number(indicator: Indicator, records: Any) -> Any:
    """The number of one indicator in a SELECT over records."""
    fits = words.answers_fit(records, indicator.where)
    if indicator.kind == "distinct":
        return sa.func.count(sa.case((fits, records.c.subject_id)).distinct())
    if indicator.kind != "sum":
        return _how_many(fits)
    assert indicator.summed is not None
    amount: Any = words.number(words.answer(records, indicator.summed))
    if indicator.times:
        amount = amount * words.choices_made(words.answer(records, indicator.times))
    return sa.cast(sa.func.sum(sa.case((fits, amount))), sa.Float)
