"""How the oracle writes down an indicator: a function of a view, and what it stands over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.oracle.view import Numbers, View

STOCK, FLOW, REGISTER = "stock", "flow", "register"  # so on D; in P; known to the server itself
EVERYWHERE = ("club", "commune", "district", "city")
NOT_OF_A_CLUB = ("commune", "district", "city")
CLUB_ONLY = ("club",)


@dataclass(frozen=True)
class Indicator:
    """unknown: of how many in the denominator nobody knows. over: what it is divided by;
    by: also in those parts of these cuts in which nobody is counted.
    """

    id: str
    told_by: str
    number: Callable[[View], Numbers | None]
    over: str | None = None
    levels: tuple[str, ...] = EVERYWHERE
    unknown: Callable[[View], Numbers] | None = None
    by: tuple[str, ...] = ()


INDICATORS: dict[str, Indicator] = {}
Number = Callable[[View], Numbers | None]


def indicator(
    id_: str,
    told_by: str,
    over: str | None = None,
    *by: str,
    levels: tuple[str, ...] = EVERYWHERE,
    unknown: Callable[[View], Numbers] | None = None,
) -> Callable[[Number], Number]:
    """Say that this function computes the indicator."""

    def keep(number: Number) -> Number:
        assert id_ not in INDICATORS, id_
        INDICATORS[id_] = Indicator(id_, told_by, number, over, levels, unknown, by)
        return number

    return keep
