"""Figures made of other figures: places that have what is asked for, totals, and shares."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from forms.conditions import number_fits
from forms.indicators import PLACES, Conditions, Indicator
from forms.periods import Period
from sync.counting.sent import is_ours
from sync.figures import WHOLE, Figure, Figures

if TYPE_CHECKING:
    from forms.library import Library
    from sync.places import Tree

Spot = tuple[str, str, str]  # place, cut, cut_value
ByIndicator = dict[str, dict[Spot, Figure]]


def complete(
    library: Library,
    period: Period,
    level: str,
    counted: Figures,
    *,
    clubs: Collection[str] = (),
    tree: Tree | None = None,
    below: Mapping[str, Figures] | None = None,
) -> Figures:
    """The figures of one level with those that stand on others, in the order they can be computed.

    clubs: every club, of level club. tree and below: the units, and the figures of lower levels.
    """
    found: ByIndicator = {name: {} for name in library.figures.indicators}
    for (place, name, cut, value), figure in counted.items():
        if name in found:
            found[name][place, cut, value] = figure
    lower = {of: _wholes(figures) for of, figures in (below or {}).items()}
    for one in library.figures.indicators.values():
        if one.kind == "total":
            found[one.id] = _total(library, one, found)
        elif one.kind == "per" and one.of == level == "club":
            found[one.id] = dict(_per_club(library, period, one, found, clubs))
        elif one.kind == "per" and one.of != "club" and tree is not None:
            here = lower[one.of] if one.of in lower else _own(found)
            found[one.id] = _per_unit(library, period, level, one, here, tree)
        if one.over is not None:
            _divide(library, one, found)
    return {
        (place, name, cut, value): figure
        for name, figures in found.items()
        if level in library.figures.indicators[name].levels
        for (place, cut, value), figure in figures.items()
    }


Wholes = Mapping[tuple[str, str], Figure]  # (place, indicator)


def _wholes(figures: Figures) -> Wholes:
    return {(key[0], key[1]): figure for key, figure in figures.items() if key[2:] == WHOLE}


def _own(found: ByIndicator) -> Wholes:
    return {
        (place, name): figure
        for name, figures in found.items()
        for (place, *cell), figure in figures.items()
        if tuple(cell) == WHOLE
    }


# ------------------------------------------------------------------ per
def _per_club(
    library: Library, period: Period, one: Indicator, found: ByIndicator, clubs: Collection[str]
) -> Iterator[tuple[Spot, Figure]]:
    """1 or 0; None where nothing was sent that could tell."""
    others = library.figures.indicators
    for club in clubs:
        spot = (club, *WHOLE)
        here = {name: found[name].get(spot, Figure(None)) for name in one.asks}
        silent = any(figure.numerator is None for figure in here.values())
        told = any(
            figure.numerator is not None and not is_ours(library, others[name])
            for name, figure in here.items()
        )
        wholes = {(club, name): figure for name, figure in here.items()}
        fits = Decimal(has(library, period, one, wholes, club))
        yield spot, Figure(None if silent and not told else fits)


def _per_unit(
    library: Library, period: Period, level: str, one: Indicator, figures: Wholes, tree: Tree
) -> dict[Spot, Figure]:
    """How many units there are that fit, in each unit of this level."""
    found: dict[Spot, Figure] = {}
    if PLACES.index(one.of) > PLACES.index(level):
        return found
    for unit in tree.on(period.last, one.of):
        above = tree.ancestor(unit, level)
        if above is None or not unit.counts_in_coverage:
            continue
        spot = (str(above.id), *WHOLE)
        known = found[spot].numerator if spot in found else None
        fits = Decimal(has(library, period, one, figures, str(unit.id)))
        found[spot] = Figure((known or Decimal(0)) + fits)
    return found


def has(library: Library, period: Period, one: Indicator, figures: Wholes, place: str) -> bool:
    """Whether a place has all of `having`, and one of each of `each`; no data fits nothing."""

    def fits(name: str, conditions: Conditions) -> bool:
        figure = figures.get((place, name))
        value = figure.value(library.figures.indicators[name]) if figure else None
        return value is not None and all(
            number_fits(value, condition, period.months) for condition in conditions[name]
        )

    return all(fits(name, one.having) for name in one.having) and all(
        any(fits(name, area) for name in area) for area in one.each
    )


# ------------------------------------------------------------------ total
def _total(library: Library, one: Indicator, found: ByIndicator) -> dict[Spot, Figure]:
    """Cell by cell; nothing only where none of the figures is anything."""
    numbers: dict[Spot, Decimal | None] = {}
    missing: dict[Spot, int] = {}
    for name, factor in one.total.items():
        divided_by = library.figures.indicators[name].divided_by
        for spot, figure in found[name].items():
            if spot[1] and spot[1] not in one.by:
                continue
            missing[spot] = missing.get(spot, 0) + figure.missing
            known = numbers.setdefault(spot, None)
            if figure.numerator is not None:
                numbers[spot] = (known or Decimal(0)) + factor * figure.numerator / divided_by
    return {
        spot: Figure(None if number is None else number * one.divided_by, None, missing[spot])
        for spot, number in numbers.items()
    }


# ------------------------------------------------------------------ over
def _divide(library: Library, one: Indicator, found: ByIndicator) -> None:
    """Put under each number that of what it is over, of the same place and cut; of the whole where
    that is not cut so.
    """
    assert one.over is not None
    base, cuts = found[one.over], library.figures.indicators[one.over].by
    mine = found[one.id]
    for spot, figure in mine.items():
        place, cut, _ = spot
        below = base.get(spot if not cut or cut in cuts else (place, *WHOLE))
        mine[spot] = replace(figure, denominator=below.numerator if below else None)
    for spot, below in base.items():
        place, cut, _ = spot
        if spot in mine or cut not in one.by or not below.numerator:
            continue
        whole = mine.get((place, *WHOLE))
        if whole is not None and whole.numerator is not None:
            mine[spot] = Figure(Decimal(0), below.numerator)
