"""What stands behind a number: the entities or records that make it, each with what it adds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from statistics import median
from typing import Any, NamedTuple

from forms.indicators import Indicator
from sync.figures import WHOLE, Cell


class Item(NamedTuple):
    """What one entity or one record adds to one number.

    club: the club that counts it. key: the entity's uuid, or the record's id as text.
    missing: not counted, but in the denominator, and nobody knows. cuts: cut -> its parts.
    once: counted once at each place under this key (two visits to one person); of those with a
    rank only the last one, which then counts or does not. other: the club it came from or went to;
    a place that has both counts nothing.
    """

    club: str
    key: str
    day: date | None
    amount: int | Decimal = 1
    missing: bool = False
    cuts: Mapping[str, tuple[str, ...]] = {}
    once: str | None = None
    rank: tuple[Any, ...] | None = None
    other: str | None = None


Counted = tuple[Indicator, Item]


class Tally(NamedTuple):
    """One number: of an indicator at a place, whole or in one part of a cut."""

    indicator: Indicator
    place: str
    cell: Cell
    number: int | Decimal
    missing: int


Key = tuple[str, str, Cell]  # indicator, place, cell


def fold(
    indicators: Iterable[Indicator],
    items: Iterable[Counted],
    place_of: Mapping[str, str],
    months: int,
) -> Iterator[Tally]:
    """The numbers that these items make at the places their clubs are mapped to.

    months: how many the period has. No zeros, but a median of 0 and a month that nothing is of.
    """
    known = {one.id: one for one in indicators}
    sums = _Sums()
    for indicator, item in behind(items, place_of):
        name, place = indicator.id, place_of[item.club]
        add = sums.adding(indicator, item)
        add((name, place, WHOLE), item)
        for cut in indicator.by:
            for value in item.cuts.get(cut, ()):
                add((name, place, (cut, value)), item)
    numbers = sums.numbers()
    for one in known.values():
        if one.empty:
            for place in set(place_of.values()):
                key = (one.id, place, WHOLE)
                numbers[key] = months - numbers.get(key, 0)
    for key in {**numbers, **sums.missing}:
        number, missing = numbers.get(key, 0), sums.missing.get(key, 0)
        yield Tally(known[key[0]], key[1], key[2], number, missing)


class _Sums:
    """What was added to each number so far."""

    def __init__(self) -> None:
        self.added: dict[Key, int | Decimal] = {}
        self.missing: dict[Key, int] = {}
        self.seen: dict[Key, set[str]] = defaultdict(set)
        self.amounts: dict[Key, list[Decimal]] = defaultdict(list)

    def adding(self, indicator: Indicator, item: Item) -> Callable[[Key, Item], None]:
        """How such an item is added to a number."""
        if item.missing:
            return self._miss
        if item.once is not None:
            return self._see
        return self._append if indicator.kind == "median" else self._add

    def _miss(self, key: Key, item: Item) -> None:
        self.missing[key] = self.missing.get(key, 0) + 1

    def _see(self, key: Key, item: Item) -> None:
        self.seen[key].add(str(item.once))

    def _append(self, key: Key, item: Item) -> None:
        self.amounts[key].append(Decimal(item.amount))

    def _add(self, key: Key, item: Item) -> None:
        self.added[key] = self.added.get(key, 0) + item.amount

    def numbers(self) -> dict[Key, int | Decimal]:
        found = dict(self.added)
        found.update({key: len(keys) for key, keys in self.seen.items()})
        found.update({key: median(amounts) for key, amounts in self.amounts.items()})
        return found


def behind(items: Iterable[Counted], place_of: Mapping[str, str]) -> Iterator[Counted]:
    """The items that count at these places: no move within one, no last one that does not fit."""
    for indicator, item in _last_ones(items, place_of):
        is_within = item.other is not None and place_of.get(item.other) == place_of[item.club]
        if not is_within and (item.rank is None or item.amount):
            yield indicator, item


def _last_ones(items: Iterable[Counted], place_of: Mapping[str, str]) -> Iterator[Counted]:
    """Of items with a rank only the last one of each `once` at each place."""
    last: dict[tuple[str, str, str | None], Counted] = {}
    for indicator, item in items:
        if item.rank is None:
            yield indicator, item
            continue
        key = (indicator.id, place_of[item.club], item.once)
        known = last.get(key)
        if known is None or known[1].rank is None or known[1].rank < item.rank:
            last[key] = (indicator, item)
    yield from last.values()


def cells(indicator: Indicator, item: Item) -> Iterator[Cell]:
    """In which numbers of the indicator the item counts: the whole, and its part of each cut."""
    yield WHOLE
    for cut in indicator.by:
        for value in item.cuts.get(cut, ()):
            yield cut, value
