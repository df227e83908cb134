"""What stands behind a number: the entities or records that make it, each with what it adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from forms.indicators import Indicator
from sync.figures import WHOLE, Cell


class Item(NamedTuple):
    """What one entity or one record adds to one number.

    club: the club that counts it. key: the entity's uuid, or the record's id as text.
    missing: not counted, but in the denominator, and nobody knows. cuts: cut -> its parts.
    once: counted once at each place under this key (two visits to one person).
    """

    club: str
    key: str
    day: date | None
    amount: int | Decimal = 1
    missing: bool = False
    cuts: Mapping[str, tuple[str, ...]] = {}
    once: str | None = None


class Tally(NamedTuple):
    """One number: of an indicator at a place, whole or in one part of a cut."""

    indicator: Indicator
    place: str
    cell: Cell
    number: int | Decimal
    missing: int


def fold(items: Iterable[tuple[Indicator, Item]], place_of: Mapping[str, str]) -> Iterator[Tally]:
    """The numbers that these items make at the places their clubs are mapped to."""
    numbers: dict[tuple[str, str, Cell], int | Decimal] = {}
    missing: dict[tuple[str, str, Cell], int] = {}
    seen: set[tuple[str, str, Cell, str]] = set()
    known: dict[str, Indicator] = {}
    for indicator, item in items:
        known[indicator.id] = indicator
        place = place_of[item.club]
        for cell in cells(indicator, item):
            key = (indicator.id, place, cell)
            if item.missing:
                missing[key] = missing.get(key, 0) + 1
                continue
            if item.once is not None:
                if (*key, item.once) in seen:
                    continue
                seen.add((*key, item.once))
            numbers[key] = numbers.get(key, 0) + item.amount
    for key in {**numbers, **missing}:
        yield Tally(known[key[0]], *key[1:], numbers.get(key, 0), missing.get(key, 0))


def cells(indicator: Indicator, item: Item) -> Iterator[Cell]:
    """In which numbers of the indicator the item counts: the whole, and its part of each cut."""
    yield WHOLE
    for cut in indicator.by:
        for value in item.cuts.get(cut, ()):
            yield cut, value
