"""Numbers over time as an inline SVG: no script, no style of its own, read out as a sentence.

Drawn for a narrow screen first; units are those of the drawing, letters are 16 high.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from markupsafe import Markup

from forms.days import to_vietnamese
from forms.entity_pages import say_number

WIDTH, TALL = 340, 180  # of all, and of the curves alone
LEFT, RIGHT, BOTTOM = 48, 36, 30  # room for numbers, half a day, days
STEPS = 4  # of the scale, at most one more
APART = 76  # of two days below
MOST_LINES = 4  # the stylesheet has so many looks
NAME = 24  # the height of a line's name, which stands above the curves


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name, and its points by day, the earliest first."""

    label: str
    points: Sequence[tuple[date, Decimal]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What numbers are held against: what the bounds are, and each of them."""

    label: str
    values: Sequence[Decimal]


def line_chart(
    title: str,
    lines: Sequence[Line],
    unit: str,
    *,
    name: str = "chart",
    bounds: Bounds | None = None,
) -> Markup:
    """The lines over one another; nothing where no line has a point. One alone is not named again.

    name: tells several charts of one page apart. A table beside must say the same in numbers.
    """
    drawn = [line for line in lines[:MOST_LINES] if line.points]
    if not drawn:
        return Markup()
    frame = _frame(drawn, bounds)
    body = Markup().join(
        [
            *_names(drawn, bounds),
            *_scale(frame),
            *_days(frame),
            *(_bound(frame, value) for value in (bounds.values if bounds else ())),
            *(_curve(frame, number, line, unit) for number, line in enumerate(drawn, 1)),
        ]
    )
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>'
    ).format(
        *(WIDTH, frame.bottom + BOTTOM, name, name),
        *(name, f"{title} ({unit})", name, _told(drawn, unit, bounds), body),
    )


def _told(lines: Sequence[Line], unit: str, bounds: Bounds | None) -> str:
    """The chart in words: where each line began and where it is now."""
    said = []
    for line in lines:
        (first, then), (last, now) = line.points[0], line.points[-1]
        if first == last:
            said.append(f"{line.label}: {_number(now)} {unit} ({to_vietnamese(last)})")
        else:
            said.append(
                f"{line.label}: {_number(then)} ({to_vietnamese(first)}) → "
                f"{_number(now)} {unit} ({to_vietnamese(last)})"
            )
    if bounds and bounds.values:
        said.append(f"{bounds.label}: {', '.join(map(_number, bounds.values))} {unit}")
    return "; ".join(said)


# ------------------------------------------------------------------ where things stand
@dataclass(frozen=True, slots=True)
class _Frame:
    first: date
    last: date
    days: Sequence[date]
    ticks: tuple[Decimal, ...]
    top: int

    @property
    def bottom(self) -> int:
        return self.top + TALL

    def x(self, day: date) -> int:
        share = (day - self.first) / (self.last - self.first)
        return LEFT + round((WIDTH - LEFT - RIGHT) * share)

    def y(self, value: Decimal) -> int:
        low, high = self.ticks[0], self.ticks[-1]
        return self.bottom - round(TALL * (value - low) / (high - low))


def _frame(lines: Sequence[Line], bounds: Bounds | None) -> _Frame:
    days = sorted({day for line in lines for day, _ in line.points})
    values = [value for line in lines for _, value in line.points]
    values += bounds.values if bounds else ()
    first, last = days[0], days[-1]
    if first == last:
        first, last = first - timedelta(days=15), last + timedelta(days=15)
    top = NAME * len(list(_names(lines, bounds))) + 10
    return _Frame(first, last, days, _ticks(min(values), max(values)), top)


def _ticks(low: Decimal, high: Decimal) -> tuple[Decimal, ...]:
    """Round numbers from below the lowest value to above the highest; from 0 where none differs."""
    if low == high:
        low, high = min(low, Decimal(0)), max(high, Decimal(0))
    step = _round_step((high - low) / STEPS if high > low else Decimal(1))
    bottom = (low / step).to_integral_value(ROUND_FLOOR)
    top = (high / step).to_integral_value(ROUND_CEILING)
    top = top if top > bottom else bottom + 1
    return tuple(step * number for number in range(int(bottom), int(top) + 1))


def _round_step(least: Decimal) -> Decimal:
    """The next of 1, 2, 5, 10 … that is not smaller."""
    power = Decimal(10) ** least.adjusted()
    return next(power * lead for lead in (1, 2, 5, 10) if power * lead >= least)


# ------------------------------------------------------------------ what is drawn
def _scale(frame: _Frame) -> Iterator[Markup]:
    for tick in frame.ticks:
        y = frame.y(tick)
        yield Markup('<line class="chart-grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            LEFT, WIDTH - RIGHT, y, y
        )
        yield _text("chart-number", LEFT - 8, y + 5, _number(tick))


def _days(frame: _Frame) -> Iterator[Markup]:
    """The first and the last, and the one nearest to their middle where there is room for it."""
    first, last = frame.days[0], frame.days[-1]
    middle = min(frame.days, key=lambda day: abs((day - first) - (last - day)))
    at = {frame.x(day): day for day in (first, last)}
    if all(abs(frame.x(middle) - x) >= APART for x in at):
        at[frame.x(middle)] = middle
    for day in at.values():
        yield _text("chart-day", frame.x(day), frame.bottom + 22, f"{day.month:02}/{day.year}")


def _curve(frame: _Frame, number: int, line: Line, unit: str) -> Markup:
    at = [(frame.x(day), frame.y(value)) for day, value in line.points]
    path = " ".join(f"{x},{y}" for x, y in at)
    dots = Markup().join(
        Markup('<circle cx="{}" cy="{}" r="5"><title>{}</title></circle>').format(
            x, y, f"{line.label} {to_vietnamese(day)}: {_number(value)} {unit}"
        )
        for (x, y), (day, value) in zip(at, line.points, strict=True)
    )
    return Markup('<g class="chart-line chart-line-{}"><polyline points="{}"/>{}</g>').format(
        number, path, dots
    )


def _names(lines: Sequence[Line], bounds: Bounds | None) -> Iterator[Markup]:
    """What each line is called, and what the bounds are, beside a piece of it."""
    y = NAME // 2
    for number, line in enumerate(lines, 1):
        if len(lines) > 1:
            piece = Markup(
                '<g class="chart-line chart-line-{}"><polyline points="{},{} {},{}"/>'
                '<circle cx="{}" cy="{}" r="5"/></g>'
            ).format(number, LEFT, y, LEFT + 36, y, LEFT + 18, y)
            yield piece + _text("chart-name", LEFT + 46, y + 5, line.label)
            y += NAME
    if bounds and bounds.values:
        yield _across(LEFT, LEFT + 36, y) + _text("chart-name", LEFT + 46, y + 5, bounds.label)


def _bound(frame: _Frame, value: Decimal) -> Markup:
    """A line across, with its number beside its end."""
    y = frame.y(value)
    line = _across(LEFT, WIDTH - RIGHT, y)
    return line + _text("chart-bound-number", WIDTH, y + 5, _number(value))


def _across(left: int, right: int, y: int) -> Markup:
    return Markup('<line class="chart-bound" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        left, right, y, y
    )


def _text(kind: str, x: int, y: int, text: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(kind, x, y, text)


def _number(value: Decimal) -> str:
    return say_number(f"{value.normalize():f}")
