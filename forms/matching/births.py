"""Days of birth: whole, of a month or of a year only, and the slips people make in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from forms.matching.kind import MISSING, Field, Kind, Part


class Birth(NamedTuple):
    """0 = nobody knows."""

    year: int
    month: int
    day: int


DATE = ("date", "near_date", "swapped", "same_year", "near_year", "odd_year", "different")
YEAR = ("month", "year", "other_month", "near_year", "odd_year", "different")
_PARTS = (Part("date", DATE), Part("year", YEAR))
_SHAPE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?(?:T.*)?$")


def _read(field: Field, facts: Sequence[str]) -> Birth | None:
    """Of an ISO day, month or year and, as second fact, how much of it is known.

    1 January stands on papers for an unknown day. A day that no calendar has (30/02) stays: it is
    on the paper, and again on the next. `month_only`, `year_only`: codes of the second fact.
    """
    text = facts[0].strip()
    year, month, day = born = _day(text)
    if year < 1000 or text in field.placeholders:
        return None
    known = facts[1] if len(facts) > 1 else ""
    if (month, day) == (1, 1) or not month or known in field.words.get("year_only", ()):
        return Birth(year, 0, 0)
    return Birth(year, month, 0) if known in field.words.get("month_only", ()) else born


@lru_cache(maxsize=1 << 16)  # a list of people has fewer days of birth than people
def _day(text: str) -> Birth:
    found = _SHAPE.match(text)
    return Birth(*(int(part or 0) for part in found.groups())) if found else Birth(0, 0, 0)


def _compare(a: Birth, b: Birth) -> tuple[int, int]:
    if a.day and b.day:
        return DATE.index(_dates(a, b)), MISSING
    return MISSING, YEAR.index(_years(a, b))


def _dates(a: Birth, b: Birth) -> str:
    if a == b:
        return "date"
    if a.year == b.year and (a.month, a.day) == (b.day, b.month):
        return "swapped"
    if (a.year == b.year) + (a.month == b.month) + (a.day == b.day) == 2:
        return "near_date"
    return "same_year" if a.year == b.year else _near(a.year, b.year)


def _years(a: Birth, b: Birth) -> str:
    if a.year != b.year:
        return _near(a.year, b.year)
    if not a.month or not b.month:
        return "year"
    return "month" if a.month == b.month else "other_month"


def _near(a: int, b: int) -> str:
    if abs(a - b) == 1:
        return "near_year"
    swapped = a // 100 == b // 100 and a % 10 == b // 10 % 10 and b % 10 == a // 10 % 10
    return "odd_year" if abs(a - b) == 10 or swapped else "different"


def _either_year(birth: Birth) -> Iterable[str]:
    """Two words, so that whoever is born a year apart shares one."""
    return str(birth.year), str(birth.year + 1)


_KEYS = {
    "year": lambda birth: (str(birth.year),),
    "years": _either_year,
    "date": lambda birth: (f"{birth.year}-{birth.month:02}-{birth.day:02}",) if birth.day else (),
    "day": lambda birth: (f"{birth.month:02}-{birth.day:02}",) if birth.day else (),
}

BIRTH = Kind(
    lambda field: _PARTS,
    _read,
    _compare,
    lambda field: _KEYS,
    lambda birth: ("", ""),
    frozenset({"month_only", "year_only"}),
    shape=Birth,
    one_of=True,
)
