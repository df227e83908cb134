"""Counting: each source of figures read once, into numerators at the places asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.indicators import Indicator, Kind
from forms.periods import Period
from sync.counting import of_forms, of_lists
from sync.counting.item import Item, Tally
from sync.counting.source import Source
from sync.figures import WHOLE, Cell, Figure, Figures, exact

if TYPE_CHECKING:
    from forms.library import Library

Statement = Callable[[Source], sa.Select[Any]]

OF_FORMS: Mapping[Kind, Statement] = {
    "waiting": of_forms.waiting,
    "count": of_forms.events,
    "distinct": of_forms.events,
    "sum": of_forms.events,
    "latest": of_forms.latest,
}
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
    events = sorted((i for i in counted if not _is_of_list(library, i)), key=_source)
    for _, group in groupby(events, key=_source):
        for tally in _count_events(db, Source(library, period, list(group), place_of)):
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
    assert _is_of_list(library, indicator)
    return of_lists.items(db, source)


def _is_of_list(library: Library, indicator: Indicator) -> bool:
    return indicator.of in library.lists and indicator.kind in of_lists.KINDS


def _keep(figures: Figures, tally: Tally) -> None:
    number = exact(tally.number)
    if number or tally.missing:
        key = (tally.place, tally.indicator.id, *tally.cell)
        figures[key] = Figure(number or Decimal(0), None, tally.missing)


def _source(indicator: Indicator) -> tuple[str, str, str]:
    """Indicators with the same source are counted by one SELECT."""
    kind = "count" if indicator.kind in ("distinct", "sum") else indicator.kind
    apart = {
        "latest": indicator.measured,
        "waiting": indicator.after_days,
    }
    return indicator.of, kind, repr(apart.get(indicator.kind))


def _count_events(db: Connection, source: Source) -> Iterator[Tally]:
    cuts = source.cuts
    figures: dict[tuple[str, str, Cell], tuple[Indicator, Decimal, int]] = {}
    for row in db.execute(OF_FORMS[source.first.kind](source)):
        place, values, numbers = row[0], row[1 : 1 + len(cuts)], row[1 + len(cuts) :]
        for at, indicator in enumerate(source.indicators):
            number, missing = exact(numbers[2 * at]), int(numbers[2 * at + 1] or 0)
            if not number and not missing:
                continue
            parts = [(c, v) for c, v in zip(cuts, values, strict=True) if c in indicator.by]
            for cell in (WHOLE, *parts):
                key = (indicator.id, place, cell)
                known = figures.get(key, (indicator, Decimal(0), 0))
                figures[key] = (indicator, known[1] + (number or 0), known[2] + missing)
    for (_, place, cell), (indicator, number, missing) in figures.items():
        yield Tally(indicator, place, cell, number, missing)
