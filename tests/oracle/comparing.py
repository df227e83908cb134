"""Where the oracle and the product say different things, in words a person can follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

Spot = tuple[str, ...]
Shown = tuple[Decimal | None, Decimal | None, int]
NOTHING: Shown = (None, None, 0)


def disagreements(
    period: str, ours: Mapping[Spot, Shown], theirs: Mapping[Spot, Shown]
) -> Iterator[str]:
    """One line for each cell; ours = the product's, theirs = the oracle's."""
    for spot in sorted({*ours, *theirs}):
        one, other = ours.get(spot, NOTHING), theirs.get(spot, NOTHING)
        if one != other and not (spot[3] and _is_empty(one) and _is_empty(other)):
            level, place, indicator, cut, part = spot
            yield (
                f"{indicator} {period} {level} {place} {cut}={part}: "
                f"ours {_text(one)}, oracle {_text(other)}"
            )


def _is_empty(shown: Shown) -> bool:
    """A part of a cut in which nobody is: whether it is written down says nothing."""
    return not any(shown)


def _text(shown: Shown) -> str:
    top, bottom = ("–" if one is None else f"{one:f}" for one in shown[:2])
    unknown = f" ({shown[2]} not known)" if shown[2] else ""
    return f"{top}/{bottom}{unknown}"
