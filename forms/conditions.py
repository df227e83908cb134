"""What the words of a condition mean for one value; `sync/words.py` says the same in SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from forms.indicators import UNKNOWN, Condition, Conditions
from forms.periods import months_before, years_before

AGE = "age"  # not a stored fact: full years on a day, from the fact below
BORN = "born_on"  # ISO day, so that text compares like days
LARGEST = 10_000_000_000  # of one answer; above it is a slip, and a sum of slips cannot be stored

# The grammar of a JSON number, as SQLite reads one.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]{1,2})?", re.ASCII)


class Fact(NamedTuple):
    """A value, and the day from which it has been so."""

    value: str
    since: date


Facts = Mapping[str, Fact]  # what is true of an entity on one day


def number(text: str | None) -> Decimal | None:
    """A text as a number; None where it is none or too large to be true."""
    if text is None or not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    return value if -LARGEST <= value <= LARGEST else None


Test = Callable[[str | None], bool]


def _compared(is_so: Callable[[Decimal], bool]) -> Test:
    def fits(value: str | None) -> bool:
        amount = number(value)
        return amount is not None and is_so(amount)

    return fits


def _has(wanted: Collection[str]) -> Test:
    """Whole choices of a select-multiple."""
    parts = [f" {one} " for one in wanted]
    return lambda value: value is not None and any(part in f" {value} " for part in parts)


_TESTS: Mapping[str, Callable[[Any], Test]] = {  # no value fits none but `present = false`, `lacks`
    "is": lambda wanted: lambda value: value == wanted,
    "in": lambda wanted: lambda value: value in wanted,
    "not": lambda wanted: lambda value: value is not None and value not in wanted,
    "at_least": lambda wanted: _compared(lambda n: n >= wanted),
    "at_most": lambda wanted: _compared(lambda n: n <= wanted),
    "between": lambda wanted: _compared(lambda n: wanted[0] <= n <= wanted[1]),
    "present": lambda wanted: lambda value: bool(value) is wanted,
    "has": _has,
    "lacks": lambda wanted: lambda value: not _has(wanted)(value or ""),
}


@lru_cache(maxsize=4096)
def test(condition: Condition) -> Test:
    """What asks a value whether it satisfies a word."""
    return _TESTS[condition.word](condition.value)


def fits(value: str | None, condition: Condition) -> bool:
    """Whether a value satisfies a word."""
    return test(condition)(value)


def number_fits(value: Decimal, condition: Condition, months: int) -> bool:
    """Whether a figure of a period of so many months satisfies a word of `having`."""
    wanted: Any = condition.value
    match condition.word:
        case "at_least":
            return bool(value >= wanted)
        case "at_most":
            return bool(value <= wanted)
        case "between":
            return bool(wanted[0] <= value <= wanted[1])
        case "every_month":
            return (value >= months) is wanted
    raise ValueError(f"“{condition.word}” is no word of “having”")


def age_fits(born: str | None, condition: Condition, day: date) -> bool:
    """Whether who was born on this ISO day has such an age, in full years, on `day`."""
    wanted: Any = condition.value
    if condition.word == "present":
        return bool(born) is bool(wanted)
    if born is None:
        return False
    both = wanted if condition.word == "between" else (None, None)
    low, high = {"at_least": (wanted, None), "at_most": (None, wanted)}.get(condition.word, both)
    is_old = low is None or born <= years_before(day, int(low)).isoformat()
    is_young = high is None or born > years_before(day, int(high) + 1).isoformat()
    return is_old and is_young


Telling = Callable[[Facts, date, date], bool | None]  # facts of a day, that day, the day of ages


def telling(where: Conditions) -> Telling:
    """What tells whether all conditions hold for facts: None where nothing known says no, but
    something asked is not known.
    """
    tests = [(name, _of_facts(name, one)) for name, some in where.items() for one in some]

    def hold(facts: Facts, day: date, age_on: date) -> bool | None:
        unsure = False
        for name, fits in tests:
            if fits(facts, day, age_on):
                continue
            if not _is_unknown(facts, name):
                return False
            unsure = True
        return None if unsure else True

    return hold


def _of_facts(name: str, condition: Condition) -> Callable[[Facts, date, date], bool]:
    wanted: Any = condition.value
    if name == AGE:
        return lambda facts, day, age_on: age_fits(
            facts[BORN].value if BORN in facts else None, condition, age_on
        )
    if condition.word == "older_than":
        return lambda facts, day, age_on: (
            name in facts and facts[name].since <= months_before(day, wanted)
        )
    if condition.word == "older_than_days":
        return lambda facts, day, age_on: (
            name in facts and facts[name].since <= day - timedelta(days=wanted)
        )
    fits = test(condition)
    return lambda facts, day, age_on: fits(facts[name].value if name in facts else None)


def _is_unknown(facts: Facts, name: str) -> bool:
    fact = facts.get(BORN if name == AGE else name)
    return fact is None or fact.value in ("", UNKNOWN)


def hold(where: Conditions, facts: Facts, day: date) -> bool | None:
    """Whether all conditions hold on `day`; see `telling`."""
    return telling(where)(facts, day, day)
