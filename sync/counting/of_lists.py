"""Counting entities of a list: who is so on D, what began, ended or turned in P, for how long.

An entity's facts are stretches of days, and a club has some sixty entities: each is read once, and
every word asks its life. A number is the fold of the items that stand behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.conditions import AGE, BORN, Facts, hold, number
from forms.days import age_on, read_day
from forms.indicators import UNKNOWN, Conditions, Cut, Indicator, Kind
from sync import tables as t
from sync.counting.having import Holders, read_holders
from sync.counting.item import Item, Tally, fold
from sync.counting.lives import CLUB, DAY, Life, Stretch, facts_named, read_lives
from sync.counting.source import Source
from sync.database import among

CLUBS = 100  # counted at a time: the lives of their entities are held in memory


def count(db: Connection, source: Source) -> Iterator[Tally]:
    """The numbers of all indicators of one list; each entity is read once."""
    return fold(_items(db, source), source.place_of)


def items(db: Connection, source: Source) -> list[Item]:
    """What stands behind the numbers of the source's one indicator."""
    return [item for _, item in _items(db, source)]


def _items(db: Connection, source: Source) -> Iterator[tuple[Indicator, Item]]:
    clubs = sorted(source.place_of)
    for start in range(0, len(clubs), CLUBS):
        some = frozenset(clubs[start : start + CLUBS])
        holders = read_holders(
            db, source.library, source.first.of, some, source.period, _asked(source)
        )
        for life in _lives(db, source, some):
            told = Told(life, source, holders)
            for indicator in source.indicators:
                for item in KINDS[indicator.kind](told, indicator):
                    if item.club in some:
                        yield indicator, item


def _asked(source: Source) -> list[Indicator]:
    """The indicators, and what they are shares of: who is in the denominator."""
    bases = (source.base(indicator) for indicator in source.indicators)
    return [*source.indicators, *(base for base in bases if base is not None)]


def _lives(db: Connection, source: Source, clubs: frozenset[str]) -> list[Life]:
    rule, spells = source.library.lists[source.first.of], t.spells
    names = {_stored(source.library.figures.cuts[cut]) for cut in source.cuts}
    for one in _asked(source):
        names |= facts_named(one.where, one.from_, one.to, *one.any_)
        names |= {one.summed} if one.summed else set()
    if rule.is_of_clubs:
        who = among(db, spells.c.uuid, clubs)
    else:
        c = t.spells.alias("in_clubs").c
        mine = (c.list_name == rule.name, c.name == CLUB, among(db, c.value, clubs))
        who = spells.c.uuid.in_(sa.select(c.uuid).where(*mine))
    days = (min(_first_day(one, source) for one in source.indicators), source.period.last)
    return read_lives(db, rule.name, names, days, who, own_club=rule.is_of_clubs)


def _stored(cut: Cut) -> str:
    return BORN if cut.fact == AGE else cut.fact


def _first_day(indicator: Indicator, source: Source) -> date:
    """How far back its lives must be known: of a turn also the day before."""
    if indicator.kind in ("count", "sum") and not indicator.some_day:
        return source.period.last
    between = indicator.between_days
    return min(between[0] if between else source.period.last, source.period.first) - DAY


@dataclass
class Told:
    """One entity in one period, and what the words ask of it, each found once."""

    life: Life
    source: Source
    holders: Holders

    @property
    def day(self) -> date:
        return self.source.period.last

    @cached_property
    def now(self) -> Facts:
        return self.life.on(self.day)

    @cached_property
    def club(self) -> str | None:
        return self.life.club(self.now)

    @cached_property
    def cuts(self) -> Mapping[str, tuple[str, ...]]:
        return self.cuts_by(self.now)

    @cached_property
    def stretches(self) -> list[Stretch]:
        """From the day before P on, so that what turns on its first day is seen."""
        return list(self.life.stretches(self.source.period.first - DAY, self.day))

    def cuts_by(self, facts: Facts) -> Mapping[str, tuple[str, ...]]:
        known = self.source.library.figures.cuts
        return {name: _parts(facts, known[name], self.day) for name in self.source.cuts}

    def item(self, club: str | None, day: date | None, amount: int | Decimal = 1) -> Iterator[Item]:
        if club is not None:
            yield Item(club, self.life.uuid, day, amount, cuts=self.cuts)

    def holds(self, where: Conditions, facts: Facts, day: date) -> bool | None:
        """Ages are those on D, whatever the day."""
        return hold(where, facts, day, self.day)

    def stands(self, indicator: Indicator) -> bool | None:
        """Whether it is counted; None where nobody knows."""
        if indicator.some_day:
            first = self.source.period.first
            days = [s for s in self.stretches if s.end > first]
            answers = [self._fits(indicator, s.facts, max(s.first, first)) for s in days]
            fits = True if True in answers else None if None in answers else False
        else:
            fits = self._fits(indicator, self.now, self.day)
        if fits is False or self.club is None:
            return False
        return fits if self.holders.fit(indicator, self.life.uuid, self.club) else False

    def _fits(self, indicator: Indicator, facts: Facts, day: date) -> bool | None:
        whole = self.holds(indicator.where, facts, day)
        if not indicator.any_ or whole is False:
            return whole
        parts = [self.holds(one, facts, day) for one in indicator.any_]
        if True in parts:
            return whole
        return None if None in parts else False

    def turns(
        self, where: Conditions, stretches: list[Stretch] | None = None
    ) -> Iterator[tuple[Stretch, Stretch, bool, bool]]:
        """What was before and after every turn (in P), and whether `where` held, in some club."""
        found = self.stretches if stretches is None else stretches
        held = [s.club is not None and self.holds(where, s.facts, s.first) is True for s in found]
        for (before, was), (after, now) in pairwise(zip(found, held, strict=True)):
            yield before, after, was, now


def _parts(facts: Facts, cut: Cut, day: date) -> tuple[str, ...]:
    """In which parts of a cut an entity is; "unknown" where nobody knows."""
    fact = facts.get(_stored(cut))
    if fact is None or not fact.value:
        return (UNKNOWN,)
    if cut.fact != AGE:
        return tuple(dict.fromkeys(fact.value.split())) if cut.multi else (fact.value,)
    born = read_day(fact.value)
    age = age_on(born, day) if born else -1
    fitting = [
        band.value
        for band in cut.bands
        if band.first is not None and band.first <= age and (band.end is None or age < band.end)
    ]
    return (fitting[0] if fitting else UNKNOWN,)


# ------------------------------------------------------------------ the kinds
def _count(told: Told, indicator: Indicator) -> Iterator[Item]:
    stands = told.stands(indicator)
    if stands:
        yield from told.item(told.club, None)
    elif stands is None:
        base = told.source.base(indicator)
        if base is not None and told.stands(base):
            for item in told.item(told.club, None, 0):
                yield item._replace(missing=True)


def _sum(told: Told, indicator: Indicator) -> Iterator[Item]:
    amount = _amount(told.now, indicator)
    if amount is not None and told.stands(indicator):
        yield from told.item(told.club, None, amount)


def _amount(facts: Facts, indicator: Indicator) -> Decimal | None:
    fact = facts.get(indicator.summed or "")
    return number(fact.value) if fact else None


def _began(told: Told, indicator: Indicator) -> Iterator[Item]:
    between, stretches = indicator.between_days, None
    if between:
        first, last = between[0] - DAY, min(between[1], told.day)
        stretches = list(told.life.stretches(first, last)) if first < last else []
    for _, after, was, now in told.turns(indicator.where, stretches):
        if now and not was:
            yield from told.item(after.club, after.first)


def _ended(told: Told, indicator: Indicator) -> Iterator[Item]:
    for before, after, was, now in told.turns(indicator.where):
        if was and not now:
            for item in told.item(before.club, after.first):
                yield item._replace(cuts=told.cuts_by(after.facts))


def _moves(told: Told, indicator: Indicator) -> Iterator[tuple[Stretch, Stretch]]:
    place_of = told.source.place_of
    for before, after, was, now in told.turns(indicator.where):
        from_, to = place_of.get(before.club or ""), place_of.get(after.club or "")
        if was and now and before.club != after.club and from_ != to:
            yield before, after


def _moved_in(told: Told, indicator: Indicator) -> Iterator[Item]:
    for _, after in _moves(told, indicator):
        yield from told.item(after.club, after.first)


def _moved_out(told: Told, indicator: Indicator) -> Iterator[Item]:
    for before, after in _moves(told, indicator):
        yield from told.item(before.club, after.first)


def _turned(told: Told, indicator: Indicator) -> Iterator[Item]:
    for before, after in reversed(list(pairwise(told.stretches))):
        was = told.holds(indicator.from_, before.facts, before.first)
        now = told.holds(indicator.to, after.facts, after.first)
        if was and now and told.holds(indicator.where, after.facts, after.first):
            yield from told.item(after.club, after.first)
            return


def _days(told: Told, indicator: Indicator) -> Iterator[Item]:
    first = told.source.period.first
    by_club: dict[str, int] = {}
    for stretch in told.stretches:
        days = (stretch.end - max(stretch.first, first)).days
        if stretch.club and days > 0 and told.holds(indicator.where, stretch.facts, stretch.first):
            by_club[stretch.club] = by_club.get(stretch.club, 0) + days
    for club, days in by_club.items():
        yield from told.item(club, None, days)


def _sum_began(told: Told, indicator: Indicator) -> Iterator[Item]:
    name = indicator.summed or ""
    for before, after in pairwise(told.stretches):
        fact = after.facts.get(name)
        if fact is None or fact.since != after.first or fact == before.facts.get(name):
            continue
        amount = number(fact.value)
        if amount is not None and told.holds(indicator.where, after.facts, after.first):
            yield from told.item(after.club, after.first, amount)


KINDS: Mapping[Kind, Callable[[Told, Indicator], Iterator[Item]]] = {
    "count": _count,
    "sum": _sum,
    "began": _began,
    "ended": _ended,
    "moved_in": _moved_in,
    "moved_out": _moved_out,
    "turned": _turned,
    "days": _days,
    "sum_began": _sum_began,
}
