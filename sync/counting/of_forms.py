"""Counting the records of forms: the indicators of one source by one SELECT.

What its lines need of the answers is read once for each record, into the table `seen`; the lines
look at its columns only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.indicators import UNKNOWN, Conditions, Indicator, Kind
from forms.indicators import Figures as LibraryFigures
from sync import tables as t
from sync import words
from sync.counting import given
from sync.counting.given import FIRST, LAST, MONTHS, SHIFT, months_to_last
from sync.counting.item import Item, Tally
from sync.counting.seen import Records, Told, holds, kept, said, tell
from sync.counting.selection import Line, Part, Selection, behind, numbers
from sync.counting.source import Source
from sync.database import is_sqlite
from sync.figures import exact
from sync.flags import FIRST_DAY
from sync.words import Value, Yes

EVENTS: tuple[Kind, ...] = ("count", "distinct", "sum", "months")  # lines over the same rows


def source_key(indicator: Indicator) -> tuple[str, ...]:
    """Indicators with the same key are counted by one SELECT."""
    kind = "events" if indicator.kind in EVENTS else indicator.kind
    apart: Mapping[str, Any] = {
        "events": (indicator.up_to != "period", indicator.about, indicator.about_list),
        "latest": (indicator.measured, indicator.within),
        "named": (indicator.summed, indicator.about_list),
        "standing": (indicator.standing, indicator.facts),
        "median": indicator.id,
        "waiting": indicator.after_days,
    }
    return indicator.of, kind, indicator.rows or "", repr(apart.get(kind))


@dataclass(frozen=True)
class _Written:
    """A statement that counts, and the parameters it needs."""

    statement: sa.CompoundSelect[Any]
    lines: Sequence[Line]
    names: frozenset[str]


# To write a statement takes longer than to count one club by it.
_written: WeakKeyDictionary[LibraryFigures, dict[tuple[Any, ...], _Written]] = WeakKeyDictionary()


def _write(db: Connection, source: Source) -> _Written:
    known = _written.setdefault(source.library.figures, {})
    key = (is_sqlite(db), *(indicator.id for indicator in source.indicators))
    if key not in known:
        selection = select(db, source)
        statement = numbers(selection)
        known[key] = _Written(statement, selection.lines, given.names_in(statement))
    return known[key]


def count(db: Connection, source: Source) -> Iterator[Tally]:
    """The numbers of indicators with one source_key; of zeros only those that are not silence."""
    written = _write(db, source)
    values = given.values(db, written.names, source.period, source.place_of)
    for cut, value, place, *found in db.execute(written.statement, values):
        for line, number in zip(written.lines, found, strict=True):
            counted = exact(number)
            # A median of none: all came on the same day. No empty month: each has a record.
            is_told = line.median or line.indicator.empty
            if counted or (is_told and counted is not None):
                yield Tally(line.indicator, place, (cut, value), counted, 0)


def items(db: Connection, source: Source) -> list[Item]:
    """The records behind the numbers of the source's only indicator, by day."""
    selection = select(db, source)
    parts = {name: part for name, part in selection.cuts.items() if name in source.first.by}
    found = []
    statement = behind(selection)
    values = given.values(db, given.names_in(statement), source.period, source.place_of)
    for row in db.execute(statement, values):
        cuts = {name: _values(part, getattr(row, name)) for name, part in parts.items()}
        amount = exact(row.amount) or Decimal(0)
        found.append(Item(row.club, str(row.item), row.day, amount, False, cuts, row.once))
    return found


def _values(part: Part, text: str | None) -> tuple[str, ...]:
    said = (text or "").split() if part.multi else [(text or "").strip()]
    return tuple(said) if said and said[0] else (UNKNOWN,)


# ------------------------------------------------------------------ what to count, and how
def select(db: Connection, source: Source) -> Selection:
    """The rows and lines of these indicators; period and places are parameters (`given`)."""
    records = Records.of(source, given.places(db))
    return _SELECTIONS.get(source.first.kind, _events)(source, records)


def _events(source: Source, records: Records) -> Selection:
    """count, distinct, sum, months."""
    happened = records.main.c.happened_on
    in_time = happened <= LAST
    if source.first.up_to == "period":
        in_time = happened.between(FIRST, LAST)
    seen = records.read(in_time, words.counts(records.main))
    return _lines(source, seen, _event)


Lined = Callable[[Source, Told, Indicator], Line]


def _lines(source: Source, seen: sa.CTE, line: Lined) -> Selection:
    """A line for each indicator; cuts are of the subject, or of whom `about` names."""
    first = source.first
    if first.about:
        person = words.plain_ids(said(seen)(first.about))
        told = tell(source, seen, person, first.about_list, is_subject=False)
    else:
        rule = source.library.rules.get(first.of)
        subjects = rule.subject_list if rule else None
        told = tell(source, seen, seen.c.subject, subjects, is_subject=True)
    lines = [line(source, told, one) for one in source.indicators]
    return Selection(told.table, lines, told.parts)


def _event(source: Source, told: Told, one: Indicator) -> Line:
    at = told.table.c
    fits = _fits(source, told, one)
    if one.kind == "months":
        # Months of the administrative calendar begin on the 15th: so many days earlier, on the 1st.
        day = words.days_after(at.day, SHIFT)
        month = 12 * sa.extract("year", day) + sa.extract("month", day)
        return Line(one, fits, once=month, out_of=MONTHS if one.empty else None)
    if one.kind == "distinct":
        return Line(one, fits, once=at.subject)
    if one.kind != "sum":
        return Line(one, fits)
    assert one.summed is not None
    amount: Any = words.number(told.say(one.summed))
    if one.times:
        amount = amount * words.choices_made(told.say(one.times))
    return Line(one, fits, amount=amount)


def _fits(source: Source, told: Told, one: Indicator) -> Yes:
    """What one indicator asks of a record; the costly questions last."""
    at = told.table.c
    asked = [words.fit(told.say, one.where), words.fit(told.fact, one.facts)]
    if one.up_to == "start":
        asked.append(at.day < FIRST)
    if one.not_before:
        earlier = t.records.alias("earlier")
        before = earlier.c.happened_on < at.day
        asked.append(sa.not_(_has(told, earlier, source.first.of, one.not_before, before)))
    if one.followed:
        later, after = t.records.alias("later"), one.followed
        soon = sa.and_(
            later.c.happened_on > at.day,
            later.c.happened_on <= words.days_after(at.day, after.within_days),
        )
        asked.append(_has(told, later, after.form, after.where, soon))
    return sa.and_(*asked)


def _has(told: Told, other: Any, form: str, where: Conditions, when: Yes) -> Yes:
    """The record's subject has another record, of any club."""
    return (
        sa.select(sa.literal(1))
        .where(
            other.c.subject_id == told.table.c.subject,
            other.c.form == form,
            when,
            words.counts(other),
            words.answers_fit(other, where),
        )
        .correlate(told.table)
        .exists()
    )


def _latest(source: Source, records: Records) -> Selection:
    """Each subject's last record at each place, of those that were measured at all."""
    main, first = records.main, source.first
    since = main.c.happened_on >= FIRST
    if first.within is not None:
        since = main.c.happened_on > months_to_last(first.within)
    rank = sa.func.row_number().over(
        partition_by=(records.places.c.place, main.c.subject_id),
        order_by=(main.c.happened_on.desc(), main.c.submission_id.desc()),
    )
    ranked = records.read(
        since,
        main.c.happened_on <= LAST,
        words.counts(main),
        main.c.subject_id.is_not(None),
        words.fit(records.say, first.measured),
        rank=rank,
    )
    latest = kept(sa.select(ranked).where(ranked.c.rank == 1), "latest")
    return _lines(source, latest, _event)


def _named(source: Source, records: Records) -> Selection:
    """Whom a question names, each once at each place."""
    first = source.first
    assert first.summed is not None
    seen = records.read(*_in_period(records))
    chosen = words.chosen(said(seen)(first.summed))
    pairs = sa.select(*seen.c, words.plain_ids(chosen.c.value).label("named"))
    named = kept(pairs.select_from(seen.join(chosen, chosen.c.value != "")), "named")
    told = tell(source, named, named.c.named, first.about_list, is_subject=False)
    lines = [
        Line(one, _fits(source, told, one), once=told.table.c.named) for one in source.indicators
    ]
    return Selection(told.table, lines, told.parts)


def _standing(source: Source, records: Records) -> Selection:
    """Entities of whom the facts hold on the event's day in its club: one row for each of them."""
    first, in_list = source.first, source.library.lists[str(source.first.standing)]
    seen = records.read(*_in_period(records))
    asked = sa.or_(*(words.fit(said(seen), one.where) for one in source.indicators))
    member = t.spells.alias("member")
    joined: Any = seen
    person: Value = seen.c.club
    if not in_list.is_of_clubs:
        here = holds(member, in_list.name, "club", member.c.uuid, seen.c.day)
        joined = joined.join(member, sa.and_(member.c.value == seen.c.club, here))
        person = member.c.uuid
    values: dict[str, Value] = {}
    for name in first.facts:
        then = t.spells.alias(f"then_{name}")
        joined = joined.outerjoin(then, holds(then, in_list.name, name, person, seen.c.day))
        values[name] = then.c.value
    stood = sa.select(*seen.c, person.label("person")).select_from(joined)
    pairs = kept(stood.where(asked, words.fit(values.__getitem__, first.facts)), "pairs")
    told = tell(source, pairs, pairs.c.person, in_list.name, is_subject=True)
    lines = [Line(one, words.fit(told.say, one.where)) for one in source.indicators]
    return Selection(told.table, lines, told.parts)


def _in_period(records: Records) -> tuple[Yes, ...]:
    happened = records.main.c.happened_on.between(FIRST, LAST)
    return happened, words.counts(records.main)


def _held(source: Source, records: Records) -> Selection:
    """Kept out of figures until somebody mends them, and not because a registration is not here.

    Whose day cannot be true counts in the period in which it arrived: else it would stand in
    figures nobody looks at, or in none.
    """
    main = records.main
    arrived, happened = records.arrived(), main.c.happened_on
    can_be = happened.between(FIRST_DAY, words.days_after(arrived, 1))
    day = sa.case((can_be, happened), else_=arrived)
    seen = records.read(
        main.c.held_back,
        sa.or_(sa.not_(words.waits_for_registration(main)), happened.is_(None), sa.not_(can_be)),
        day.between(FIRST, LAST),
        day=day,
    )
    return _lines(source, seen, _event)


def _waiting(source: Source, records: Records) -> Selection:
    """Records about somebody whose registration is not here; counted nowhere else."""
    main = records.main
    seen = records.read(
        main.c.subject_list == source.first.of,
        main.c.happened_on.between(FIRST, LAST),
        words.waits_for_registration(main),
        words.has_waited(main, source.first.after_days),
    )
    return _lines(source, seen, _event)


def _median(source: Source, records: Records) -> Selection:
    """Days from the event to its arrival."""
    delay = words.days_between(records.arrived(), records.main.c.happened_on)
    seen = records.read(*_in_period(records), delay=delay)

    def line(source: Source, told: Told, one: Indicator) -> Line:
        return Line(one, _fits(source, told, one), amount=told.table.c.delay, median=True)

    return _lines(source, seen, line)


_SELECTIONS: Mapping[Kind, Callable[[Source, Records], Selection]] = {
    "latest": _latest,
    "named": _named,
    "standing": _standing,
    "held": _held,
    "waiting": _waiting,
    "median": _median,
}
