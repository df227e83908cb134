"""What every way of counting stands on: whose figures, of which period, at which places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forms.indicators import Indicator
from forms.periods import Period

if TYPE_CHECKING:
    from forms.library import Library


@dataclass(frozen=True)
class Source:
    """Indicators of one source, to be counted together, in one period, at places.

    place_of: club -> place.
    """

    library: Library
    period: Period
    indicators: Sequence[Indicator]
    place_of: Mapping[str, str]

    @property
    def first(self) -> Indicator:
        return self.indicators[0]

    @property
    def cuts(self) -> list[str]:
        return sorted({cut for indicator in self.indicators for cut in indicator.by})

    def base(self, indicator: Indicator) -> Indicator | None:
        """What a share of entities is over, where that counts entities of the same list."""
        over = self.library.figures.indicators.get(indicator.over or "")
        is_alike = over is not None and over.of == indicator.of and over.kind == "count"
        return over if is_alike else None
