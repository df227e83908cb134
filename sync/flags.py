"""Which flags keep a record out of figures, and who can take them away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from forms.problems import (
    AFTER_END,
    AFTER_LEAVING,
    BEFORE_FOUNDING,
    BEFORE_JOINING,
    ENCRYPTED,
    FUTURE_DATE,
    LOOK_AT,
    NO_DATE,
    OLD_DATE,
    UNKNOWN_PERSON,
)

FIRST_DAY = date(2000, 1, 1)  # before it lie the days of clocks that were never set (1970, 1980)

# The record itself is wrong or cannot be read: it waits for a person.
NEEDS_PERSON = frozenset(kind.code for kind in (FUTURE_DATE, OLD_DATE, NO_DATE, ENCRYPTED))
# What else is known decides, and can change with any later arrival.
KEEPS_OUT = frozenset(
    kind.code for kind in (BEFORE_FOUNDING, BEFORE_JOINING, UNKNOWN_PERSON, AFTER_END)
)
SETTLED = KEEPS_OUT | {AFTER_LEAVING.code, LOOK_AT.code}

REJECTED = "rejected"  # submissions.review_state


def is_possible(day: date | None, arrived_on: date) -> bool:
    """Whether what arrived then may have happened on this day."""
    # A phone may be set a zone or a day ahead.
    return day is not None and FIRST_DAY <= day <= arrived_on + timedelta(days=1)


def waits_for_person(problems: Iterable[Mapping[str, Any]], review_state: str | None) -> bool:
    """Whether only a person's decision can bring this record into figures."""
    return review_state == REJECTED or any(one["code"] in NEEDS_PERSON for one in problems)


def is_held_back(problems: Iterable[Mapping[str, Any]], review_state: str | None) -> bool:
    """Whether a record with these flags (`records.problems`) stays out of figures for now."""
    found = list(problems)
    return waits_for_person(found, review_state) or any(one["code"] in KEEPS_OUT for one in found)
