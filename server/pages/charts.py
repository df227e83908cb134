"""Pure: where the shapes of a bar chart stand, for templates to draw as SVG.

Drawn for a narrow screen first: each bar has its words above it, so nothing gets small at 360 px.
Units are those of the drawing, WIDTH across; letters are 16 high.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from sync.reports.charts import Bar

WIDTH = 340
LETTERS = 38  # in a line of words
LINE, THICK, GAP = 20, 14, 16


@dataclass(frozen=True, slots=True)
class Shape:
    """One bar. lines: its words, one below the other, each with its own y. y: of the bar's top.

    band: where the target is, as x and width; None without one.
    """

    lines: tuple[tuple[int, str], ...]
    text: str
    y: int
    length: float
    band: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class BarChart:
    """All bars, and the same in one sentence for who cannot see them."""

    name: str
    title: str
    said: str
    height: int
    shapes: tuple[Shape, ...]


def bar_chart(name: str, title: str, bars: Iterable[tuple[str, str, Bar]]) -> BarChart:
    """Bars from above, each with its label and its value in words. `name`: unique on the page."""
    shapes, y, said = [], 0, []
    for label, text, bar in bars:
        wrapped = textwrap.wrap(f"{label}: {text}", LETTERS) or [""]
        lines = tuple((y + LINE * n - 4, line) for n, line in enumerate(wrapped, start=1))
        y += LINE * len(wrapped)
        shapes.append(Shape(lines, text, y, round(bar.share * WIDTH, 1), _band(bar)))
        said.append(f"{label}: {text}")
        y += THICK + GAP
    return BarChart(name, title, "; ".join(said), max(y - GAP + 2, 0), tuple(shapes))


def _band(bar: Bar) -> tuple[float, float] | None:
    if bar.low is None or bar.high is None:
        return None
    return round(bar.low * WIDTH, 1), round((bar.high - bar.low) * WIDTH, 1)
