"""Counting: each source of figures read once, into numerators at the places asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.indicators import Indicator, Kind
from forms.periods import Period
from sync.counting import of_forms, of_lists
from sync.counting.item import Item, Tally
from sync.counting.source import Source
from sync.figures import Figure, Figures, exact

if TYPE_CHECKING:
    from forms.library import Library

OF_FIGURES: tuple[Kind, ...] = ("per", "total")  # of other figures: `rollup`


def count(
    db: Connection,
    library: Library,
    period: Period,
    indicators: Sequence[Indicator],
    place_of: Mapping[str, str],
) -> Figures:
    """Numerators (and missing) of the indicators at the places these clubs are mapped to."""
    figures: Figures = {}
    counted = [i for i in indicators if i.kind not in OF_FIGURES] if place_of else []
    lists = [i for i in counted if _is_of_list(library, i)]
    for _, group in groupby(sorted(lists, key=lambda one: one.of), key=lambda one: one.of):
        for tally in of_lists.count(db, Source(library, period, list(group), place_of)):
            _keep(figures, tally)
    events = sorted((i for i in counted if not _is_of_list(library, i)), key=of_forms.source_key)
    for _, group in groupby(events, key=of_forms.source_key):
        for tally in of_forms.count(db, Source(library, period, list(group), place_of)):
            _keep(figures, tally)
    return figures


def items(
    db: Connection,
    library: Library,
    period: Period,
    indicator: Indicator,
    place_of: Mapping[str, str],
) -> list[Item]:
    """The entities or records behind an indicator's numbers at these places."""
    source = Source(library, period, [indicator], place_of)
    if _is_of_list(library, indicator):
        return of_lists.items(db, source)
    return of_forms.items(db, source)


def _is_of_list(library: Library, indicator: Indicator) -> bool:
    return indicator.of in library.lists and indicator.kind in of_lists.KINDS


def _keep(figures: Figures, tally: Tally) -> None:
    number = exact(tally.number)
    is_told = tally.indicator.kind == "median" or tally.indicator.empty  # also where it is 0
    if number or tally.missing or is_told:
        key = (tally.place, tally.indicator.id, *tally.cell)
        figures[key] = Figure(number or Decimal(0), None, tally.missing)
