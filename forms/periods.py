"""Reporting periods of two calendars: half-years and years, their codes and their bounds.

A year is never the sum of its halves: stocks and distinct counts are counted again for the year.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from forms.problems import ProblemType, Refused

CALENDAR = "calendar"  # 1 January to 31 December: national statistics (Decree 60/2018)
ADMINISTRATIVE = "administrative"  # 15 December to 14 December: Decree 09/2019, article 12

BAD_PERIOD = ProblemType(
    "bad_period",
    400,
    "Không hiểu kỳ báo cáo “{code}”. Ví dụ đúng: 2025H1 (6 tháng đầu năm), 2025H2, 2025Y (cả năm).",
    "Unknown period “{code}”. Right ones: 2025H1 (first half), 2025H2, 2025Y (whole year).",
)

_CODE = re.compile(r"(19|20)\d\d(H1|H2|Y)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """A half-year or a year. Both days are in it, civil dates in Vietnam; `last` is D."""

    code: str
    calendar: str
    first: date
    last: date

    @property
    def months(self) -> int:
        """6 or 12."""
        return 12 if self.code.endswith("Y") else 6

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def _calendar(year: int) -> dict[str, tuple[date, date]]:
    return {
        "H1": (date(year, 1, 1), date(year, 6, 30)),
        "H2": (date(year, 7, 1), date(year, 12, 31)),
        "Y": (date(year, 1, 1), date(year, 12, 31)),
    }


def _administrative(year: int) -> dict[str, tuple[date, date]]:
    return {
        "H1": (date(year - 1, 12, 15), date(year, 6, 14)),
        "H2": (date(year, 6, 15), date(year, 12, 14)),
        "Y": (date(year - 1, 12, 15), date(year, 12, 14)),
    }


_BOUNDS: Mapping[str, Callable[[int], dict[str, tuple[date, date]]]] = {
    CALENDAR: _calendar,
    ADMINISTRATIVE: _administrative,
}


def get_period(code: str, calendar: str = CALENDAR) -> Period:
    """The period of a code such as "2025H2". Raises Refused(BAD_PERIOD)."""
    bounds = _BOUNDS.get(calendar)
    if bounds is None or not _CODE.fullmatch(code):
        raise Refused(BAD_PERIOD(code=code[:20]))
    first, last = bounds(int(code[:4]))[code[4:]]
    return Period(code, calendar, first, last)


def periods_of(day: date, calendar: str = CALENDAR) -> tuple[Period, ...]:
    """The half-year and the year that hold `day`."""
    return tuple(p for p in periods_between(day, day, calendar) if day in p)


def periods_between(first: date, last: date, calendar: str = CALENDAR) -> tuple[Period, ...]:
    """Every period that shares a day with first…last (both included), oldest first."""
    periods = (
        Period(f"{year}{part}", calendar, start, end)
        for year in range(first.year, last.year + 2)  # the administrative year starts in December
        for part, (start, end) in _BOUNDS[calendar](year).items()
    )
    return tuple(p for p in periods if p.first <= last and p.last >= first)


def years_before(day: date, years: int) -> date:
    """Who was born on or before this day is at least `years` old on `day`.

    29 February completes a year on 1 March where February has 28 days (domain §3.2.2).
    """
    year = max(day.year - years, 1)
    try:
        return day.replace(year=year)
    except ValueError:  # day is 29 February, that year has none
        return date(year, 2, 28)


def months_before(day: date, months: int) -> date:
    """The same day some months earlier; the month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
