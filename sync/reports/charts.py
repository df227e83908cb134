"""Pure: what the library's charts of a report show, as bars with lengths from 0 to 1.

The document to sign and the pages draw the same bars, each in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from forms.indicators import PLACES, Target
from sync.reports.data import PlaceData, PlaceKey, ReportData

if TYPE_CHECKING:
    from forms.document_rules import Chart

BELOW: Mapping[str, tuple[str, ...]] = {
    level: tuple(reversed(PLACES[:n])) for n, level in enumerate(PLACES)
}
FULL = Decimal(100)  # of a share


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. value: not rounded. share: its length.

    low, high: from where to where a target allows; None without a target. indicator, place: what
    the number is of.
    """

    vi: str
    en: str
    value: Decimal
    share: float
    indicator: str
    place: PlaceKey
    low: float | None = None
    high: float | None = None


def bars_of(data: ReportData, place: PlaceData, chart: Chart) -> list[Bar]:
    """The bars of one chart at one place; what is hidden or unknown has none."""
    if chart.kind == "targets":
        found = (target_bar(data, place, name) for name in chart.of)
        return [bar for bar in found if bar is not None]
    (name,) = chart.of
    if chart.kind == "parts":
        return of_parts(data, place, name, chart.cut)
    return of_places(data, name, places_below(data, place))


def target_bar(data: ReportData, place: PlaceData, name: str) -> Bar | None:
    """How long a share in per cent is, and what its target allows; None where there is none."""
    indicator, value = data.indicator(name), data.value(place, name)
    if value is None or indicator.over is None or indicator.scale != FULL:
        return None
    ends = band(data.target(name, place.level, place.key))
    return Bar(indicator.vi, indicator.en, value, share(value, FULL), name, place.id, *ends)


def of_parts(data: ReportData, place: PlaceData, indicator: str, cut: str) -> list[Bar]:
    """A bar for each part of an indicator by a cut, the longest as long as there is room."""
    bands = next((one.bands for one in data.cuts if one.name == cut), ())
    values = [(b.vi, b.en, data.value(place, indicator, cut, b.id), place.id) for b in bands]
    return _beside(indicator, values)


def of_places(data: ReportData, indicator: str, places: Iterable[PlaceData]) -> list[Bar]:
    """A bar for each place."""
    named = ((one.club_name or one.name, one) for one in places)
    return _beside(indicator, [(n, n, data.value(one, indicator), one.id) for n, one in named])


def _beside(
    indicator: str, values: Iterable[tuple[str, str, Decimal | None, PlaceKey]]
) -> list[Bar]:
    known = [(vi, en, value, place) for vi, en, value, place in values if value is not None]
    most = max((value for _, _, value, _ in known), default=Decimal(0))
    return [
        Bar(vi, en, value, share(value, most), indicator, place) for vi, en, value, place in known
    ]


def places_below(data: ReportData, place: PlaceData) -> list[PlaceData]:
    """The nearest level below that has places with clubs in it."""
    inside = set(place.clubs)
    for level in BELOW[place.level]:
        found = [
            p for p in data.places if p.level == level and p.clubs and inside.issuperset(p.clubs)
        ]
        if found:
            return found
    return []


def band(target: Target | None) -> tuple[float | None, float | None]:
    """From where to where a target in per cent allows, of 0 to 1."""
    if target is None:
        return None, None
    low = target.at_least if target.at_least is not None else target.above
    high = FULL if target.at_most is None else target.at_most
    return share(low or Decimal(0), FULL), share(high, FULL)


def share(value: Decimal | None, of: Decimal) -> float:
    """How much of `of` a value is, from 0 to 1."""
    return 0.0 if not value or of <= 0 else float(min(max(value / of, Decimal(0)), Decimal(1)))
