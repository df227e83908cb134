"""Counting: entities and records of some clubs are read once, and every figure is made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.indicators import Indicator, Kind
from forms.periods import Period
from sync import canonical
from sync.counting import of_forms, of_lists, of_pairs
from sync.counting.item import Counted, Item, behind, fold
from sync.counting.world import Needs, World
from sync.figures import Figure, Figures, exact

if TYPE_CHECKING:
    from forms.library import Library

PAIRS: Kind = "pairs"
OF_FIGURES: tuple[Kind, ...] = ("per", "total")  # of other figures: `of_figures`


def count(
    db: Connection,
    library: Library,
    period: Period,
    indicators: Sequence[Indicator],
    place_of: Mapping[str, str],
) -> Figures:
    """Numerators (and missing) of the indicators at the places these clubs are mapped to."""
    found = read_items(db, library, period, indicators, place_of)
    return add_up(period, indicators, found, place_of)


def add_up(
    period: Period,
    indicators: Sequence[Indicator],
    found: Iterable[Counted],
    place_of: Mapping[str, str],
) -> Figures:
    """The same of items that are at hand."""
    figures: Figures = {}
    for tally in fold(indicators, found, place_of, period.months):
        number = exact(tally.number)
        is_told = tally.indicator.kind == "median" or tally.indicator.empty  # also where it is 0
        if number or tally.missing or is_told:
            key = (tally.place, tally.indicator.id, *tally.cell)
            figures[key] = Figure(number or Decimal(0), None, tally.missing)
    return figures


def items(
    db: Connection,
    library: Library,
    period: Period,
    indicator: Indicator,
    place_of: Mapping[str, str],
) -> list[Item]:
    """The entities or records behind an indicator's numbers at these places."""
    found = read_items(db, library, period, [indicator], place_of)
    return [item for _, item in behind(found, place_of)]


def read_items(
    db: Connection,
    library: Library,
    period: Period,
    indicators: Sequence[Indicator],
    clubs: Collection[str],
) -> Iterator[Counted]:
    """What the indicators count in these clubs, one after the other."""
    for one in (one for one in indicators if one.kind == PAIRS):
        yield from of_pairs.items(db, library, period, one, clubs)
    asked = [one for one in indicators if one.kind not in (PAIRS, *OF_FIGURES)]
    needs = Needs.of(library, period, asked, canonical.ids(db))
    lists, forms = _apart(library, asked)
    for club in sorted(clubs):  # asked for several at once, SQLite reads the records of everybody
        world = World(db, needs, [club])
        for group in _by_source(lists):
            yield from of_lists.items(world, group)
        for group in _by_source(forms):
            yield from of_forms.items(world, group)


def _apart(
    library: Library, indicators: Sequence[Indicator]
) -> tuple[list[Indicator], list[Indicator]]:
    """Those of lists, and those of forms."""
    lists: list[Indicator] = []
    forms: list[Indicator] = []
    for one in indicators:
        is_of_list = one.of in library.lists and one.kind in of_lists.KINDS
        (lists if is_of_list else forms).append(one)
    return lists, forms


def _by_source(indicators: Sequence[Indicator]) -> Iterator[list[Indicator]]:
    for _, group in groupby(sorted(indicators, key=lambda one: one.of), key=lambda one: one.of):
        yield list(group)
