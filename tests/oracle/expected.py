"""Every figure of a period at every place, from the truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from tests.oracle import of_clubs, of_people, places  # noqa: F401  (they say what there is)
from tests.oracle.figures import FLOW, INDICATORS, REGISTER, Indicator
from tests.oracle.papers import Paper
from tests.oracle.truth import Truth
from tests.oracle.view import WHOLE, Cell, Numbers, Shelf, Span, View

Spot = tuple[str, ...]  # level, place, indicator, cut, part
Shown = tuple[Decimal | None, Decimal | None, int]  # above the line, below it, not known
LEVELS = ("club", "commune", "district", "city")


def expected(truth: Truth, papers: Iterable[Paper], period: Span) -> dict[Spot, Shown]:
    """The figures of the period; papers only for what is asked of the papers themselves."""
    shelf = Shelf(truth, papers)
    found: dict[Spot, Shown] = {}
    for level in LEVELS:
        place_of = _places(truth, period, level)
        for place, view in _views(shelf, period, level, place_of):
            found |= {(level, place, *spot): shown for spot, shown in _here(level, view).items()}
    return found


def _places(truth: Truth, period: Span, level: str) -> dict[str, str | None]:
    """Where each club is on D, on this level; a club that is not there yet is nowhere."""
    day = period.last
    if level == "club":
        return {key: key for key in truth.clubs}
    return {
        key: getattr(club.site.on(day), level) if club.founded <= day else None
        for key, club in truth.clubs.items()
    }


def _views(
    shelf: Shelf, period: Span, level: str, place_of: Mapping[str, str | None]
) -> Iterator[tuple[str, View]]:
    known = {place for place in place_of.values() if place is not None}
    if level == "district":
        known |= set(places.districts_on(period.last))  # those without a club have their units
    for place in sorted(known):
        clubs = [club for club, its in place_of.items() if its == place]
        yield place, View(shelf, period, clubs, place_of, (level, place))


def _here(level: str, view: View) -> dict[tuple[str, str, str], Shown]:
    """All indicators of one place."""
    numbers: dict[str, dict[Cell, float | None]] = {}
    for one in INDICATORS.values():
        if level in one.levels and (view.clubs or one.levels == of_clubs.ABOVE_COMMUNES):
            told = _told(one, view)
            if told is not None:
                numbers[one.id] = told
    found: dict[tuple[str, str, str], Shown] = {}
    for name, cells in numbers.items():
        one = INDICATORS[name]
        unknown = one.unknown(view) if one.unknown and cells[WHOLE] is not None else {}
        below = numbers.get(one.over, {}) if one.over else {}
        for cell in {
            **cells,
            **(_empty_parts(one, below) if cells[WHOLE] is not None else {}),
            **unknown,
        }:
            above = cells.get(cell, 0)
            # A share by a cut that the base has not is of the base's whole (C10, E10, D09).
            under = below.get(cell, below.get(WHOLE)) if one.over else None
            found[name, *cell] = _exact(above), _exact(under), int(unknown.get(cell, 0))
    return found


def _told(one: Indicator, view: View) -> dict[Cell, float | None] | None:
    """Its numbers; only a dash where nobody told anything."""
    silent = {FLOW: not view.tells_flows, REGISTER: False}.get(one.told_by, not view.tells_stocks)
    number: Numbers | None = one.number(view)
    if silent and not (number and number[WHOLE] and one.over == "A01"):
        return {WHOLE: None}  # but for what another club's word says of it (G08a)
    if number is None:
        return {WHOLE: None} if one.id == "Q06" else None
    return dict(number)


def _empty_parts(one: Indicator, below: Iterable[Cell]) -> dict[Cell, int]:
    """Parts of a cut in which nobody is counted, though there is somebody to count."""
    return {cell: 0 for cell in below if cell[0] in one.by}


def _exact(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(str(number))
