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

from forms.conditions import Facts, number
from forms.indicators import Conditions, Indicator, Kind
from sync.counting.having import Holders
from sync.counting.item import Counted, Item
from sync.counting.lives import DAY, Life, Stretch
from sync.counting.world import Parts, World


def items(world: World, indicators: list[Indicator]) -> Iterator[Counted]:
    """What these indicators of one list count in the world's clubs."""
    list_name = indicators[0].of
    holders = Holders(world, list_name)
    for life in world.lives(list_name):
        told = Told(life, world, list_name, holders)
        for indicator in indicators:
            for item in KINDS[indicator.kind](told, indicator):
                if item.club in world.clubs:
                    yield indicator, item


@dataclass
class Told:
    """One entity in one period, and what the words ask of it, each found once."""

    life: Life
    world: World
    list_name: str
    holders: Holders

    def __post_init__(self) -> None:
        self.first, self.day = self.world.period.first, self.world.period.last

    @cached_property
    def now(self) -> Facts:
        return self.life.on(self.day)

    @cached_property
    def club(self) -> str | None:
        return self.life.club(self.now)

    @cached_property
    def cuts(self) -> Parts:
        return self.world.parts(self.list_name, self.life)

    @cached_property
    def stretches(self) -> list[Stretch]:
        """From the day before P on, so that what turns on its first day is seen."""
        return list(self.life.stretches(self.first - DAY, self.day))

    def item(self, club: str | None, day: date | None, amount: int | Decimal = 1) -> Iterator[Item]:
        if club is not None:
            yield Item(club, self.life.uuid, day, amount, cuts=self.cuts)

    def base(self, indicator: Indicator) -> Indicator | None:
        """What a share of entities is over, where that counts entities of the same list."""
        over = self.world.library.figures.indicators.get(indicator.over or "")
        is_alike = over is not None and over.of == indicator.of and over.kind == "count"
        return over if is_alike else None

    def holds(self, where: Conditions, facts: Facts, day: date) -> bool | None:
        """Ages are those on D, whatever the day."""
        return self.world.telling(where)(facts, day, self.day)

    def stands(self, indicator: Indicator) -> bool | None:
        """Whether it is counted; None where nobody knows."""
        if self.club is None:
            return False
        if indicator.some_day:
            days = [s for s in self.stretches if s.end > self.first]
            answers = [self._fits(indicator, s.facts, max(s.first, self.first)) for s in days]
            fits = True if True in answers else None if None in answers else False
        else:
            fits = self._fits(indicator, self.now, self.day)
        if fits is False or not (indicator.with_ or indicator.without):
            return fits
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


# ------------------------------------------------------------------ the kinds
def _count(told: Told, indicator: Indicator) -> Iterator[Item]:
    stands = told.stands(indicator)
    if stands:
        yield from told.item(told.club, None)
    elif stands is None:
        base = told.base(indicator)
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
            cuts = told.world.parts_by(told.list_name, after.facts)
            for item in told.item(before.club, after.first):
                yield item._replace(cuts=cuts)


def _moves(told: Told, indicator: Indicator) -> Iterator[tuple[Stretch, Stretch]]:
    for before, after, was, now in told.turns(indicator.where):
        if was and now and before.club != after.club:
            yield before, after


def _moved_in(told: Told, indicator: Indicator) -> Iterator[Item]:
    for before, after in _moves(told, indicator):
        for item in told.item(after.club, after.first):
            yield item._replace(other=before.club)


def _moved_out(told: Told, indicator: Indicator) -> Iterator[Item]:
    for before, after in _moves(told, indicator):
        for item in told.item(before.club, after.first):
            yield item._replace(other=after.club)


def _turned(told: Told, indicator: Indicator) -> Iterator[Item]:
    for before, after in reversed(list(pairwise(told.stretches))):
        was = told.holds(indicator.from_, before.facts, before.first)
        now = told.holds(indicator.to, after.facts, after.first)
        if was and now and told.holds(indicator.where, after.facts, after.first):
            yield from told.item(after.club, after.first)
            return


def _days(told: Told, indicator: Indicator) -> Iterator[Item]:
    by_club: dict[str, int] = {}
    for stretch in told.stretches:
        days = (stretch.end - max(stretch.first, told.first)).days
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
