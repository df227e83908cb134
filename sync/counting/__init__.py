"""Counting: each source of figures by one SELECT, into numerators at the places asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.indicators import Indicator, Kind
from forms.periods import Period
from sync.counting import of_forms, of_lists
from sync.counting.source import Source
from sync.figures import WHOLE, Figure, Figures, exact, plus

if TYPE_CHECKING:
    from forms.library import Library

Statement = Callable[[Source], sa.Select[Any]]

OF_LISTS: Mapping[Kind, Statement] = {
    "count": of_lists.stock,
    "began": of_lists.began,
    "waiting": of_forms.waiting,
}
OF_FORMS: Mapping[Kind, Statement] = {
    "count": of_forms.events,
    "distinct": of_forms.events,
    "sum": of_forms.events,
    "latest": of_forms.latest,
}


def count(
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
            _count_source(db, Source(library, period, list(group), place_of), figures)
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


def _count_source(db: Connection, source: Source, figures: Figures) -> None:
    cuts = source.cuts
    for row in db.execute(_statement(source)):
        place, values, numbers = row[0], row[1 : 1 + len(cuts)], row[1 + len(cuts) :]
        for at, indicator in enumerate(source.indicators):
            number, missing = exact(numbers[2 * at]), int(numbers[2 * at + 1] or 0)
            if not number and not missing:
                continue
            parts = [(c, v) for c, v in zip(cuts, values, strict=True) if c in indicator.by]
            for cut, value in (WHOLE, *parts):
                key = (place, indicator.id, cut, value)
                figures[key] = plus(figures.get(key), Figure(number or Decimal(0), None, missing))


def _statement(source: Source) -> sa.Select[Any]:
    kind = source.first.kind
    is_list = source.first.of in source.library.lists
    return (OF_LISTS if is_list else OF_FORMS)[kind](source)
