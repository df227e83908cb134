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
LABELS = 3  # days below
MOST_LINES = 4  # the stylesheet has so many looks
NAME = 24  # the height of a line's name, which stands above the curves


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name, and its points by day, the earliest first."""

    label: str
    points: Sequence[tuple[date, Decimal]]


def line_chart(title: str, lines: Sequence[Line], unit: str, *, name: str = "chart") -> Markup:
    """The lines over one another; nothing where no line has a point.

    name: tells several charts of one page apart. A table beside must say the same in numbers.
    """
    drawn = [line for line in lines[:MOST_LINES] if line.points]
    if not drawn:
        return Markup()
    frame = _frame(drawn)
    body = Markup().join(
        [
            *(_name(number, line) for number, line in enumerate(drawn, 1)),
            *_scale(frame),
            *_days(frame),
            *(_curve(frame, number, line, unit) for number, line in enumerate(drawn, 1)),
        ]
    )
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>'
    ).format(
        *(WIDTH, frame.bottom + BOTTOM, name, name),
        *(name, f"{title} ({unit})", name, _told(drawn, unit), body),
    )


def _told(lines: Sequence[Line], unit: str) -> str:
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
    return "; ".join(said)


# ------------------------------------------------------------------ where things stand
@dataclass(frozen=True, slots=True)
class _Frame:
    first: date
    last: date
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


def _frame(lines: Sequence[Line]) -> _Frame:
    days = [day for line in lines for day, _ in line.points]
    values = [value for line in lines for _, value in line.points]
    first, last = min(days), max(days)
    if first == last:
        first, last = first - timedelta(days=15), last + timedelta(days=15)
    return _Frame(first, last, _ticks(min(values), max(values)), NAME * len(lines) + 10)


def _ticks(low: Decimal, high: Decimal) -> tuple[Decimal, ...]:
    """Round numbers from below the lowest value to above the highest."""
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
    span = (frame.last - frame.first).days
    count = min(LABELS, span + 1)
    for number in range(count):
        day = frame.first + timedelta(days=span * number // max(count - 1, 1))
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


def _name(number: int, line: Line) -> Markup:
    """What a line is called, beside a piece of it."""
    y = NAME * number - NAME // 2
    piece = Markup(
        '<g class="chart-line chart-line-{}"><polyline points="{},{} {},{}"/>'
        '<circle cx="{}" cy="{}" r="5"/></g>'
    ).format(number, LEFT, y, LEFT + 36, y, LEFT + 18, y)
    return piece + _text("chart-name", LEFT + 46, y + 5, line.label)


def _text(kind: str, x: int, y: int, text: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(kind, x, y, text)


def _number(value: Decimal) -> str:
    return say_number(f"{value.normalize():f}")
