"""A figure: one indicator at one place in one period, and what may be done with such numbers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from forms.indicators import Indicator

Cell = tuple[str, str]  # cut, cut_value; ("", "") is the whole
Key = tuple[str, str, str, str]  # place, indicator, cut, cut_value
WHOLE: Cell = ("", "")
STORABLE = Decimal(10) ** 14  # what NUMERIC(18, 4) can hold


@dataclass(frozen=True, slots=True)
class Figure:
    """None = no data was sent (shown as "–"), 0 = data was sent and counts nothing.

    missing: of how many in the denominator nobody knows the answer.
    """

    numerator: Decimal | None
    denominator: Decimal | None = None
    missing: int = 0

    def value(self, indicator: Indicator) -> Decimal | None:
        """What is shown: a count or a share, not rounded; None where there is none."""
        if self.numerator is None:
            return None
        if indicator.over is None:
            return self.numerator / indicator.divided_by
        return indicator.scale * self.numerator / self.denominator if self.denominator else None


Figures = dict[Key, Figure]


def plus(one: Figure | None, other: Figure) -> Figure:
    if one is None:
        return Figure(other.numerator, None, other.missing)
    numbers = [n for n in (one.numerator, other.numerator) if n is not None]
    return Figure(sum(numbers, Decimal(0)) if numbers else None, None, one.missing + other.missing)


def exact(number: Any) -> Decimal | None:
    """A number from either database, without the zeros PostgreSQL adds; None where it is so large
    that it could not be stored: one cell must not keep all others from being measured.
    """
    if number is None:
        return None
    exact = Decimal(str(number))
    if not -STORABLE < exact < STORABLE:
        return None
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact.normalize()
