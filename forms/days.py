"""Days and moments as Vietnam counts them: one zone, UTC+7, no summer time."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

YEARS = range(1800, 3000)  # of days that answers may name
VIETNAM = timezone(timedelta(hours=7), "+07")  # Asia/Ho_Chi_Minh since 1975: no zone data needed


def vietnam_day(moment: datetime) -> date:
    """The civil day in Vietnam of an aware `moment`: 17:30Z on 30 June is already 1 July."""
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment.astimezone(VIETNAM).date()


def read_moment(text: str) -> datetime | None:
    """An aware datetime from an XForm dateTime, or None; without an offset it is Vietnam's time."""
    text = text.strip()
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)


@lru_cache(maxsize=4096)  # a table names the same few days again and again
def read_day(text: str) -> date | None:
    """The day an answer names: an ISO date as it stands, a dateTime as its day in Vietnam.

    None also for a year that nobody means: the day a week before 0001-01-01 cannot be computed.
    """
    day = _any_day(text)
    return day if day is not None and day.year in YEARS else None


def _any_day(text: str) -> date | None:
    moment = read_moment(text)
    if moment is not None:
        try:
            return vietnam_day(moment)
        except OverflowError:  # a clock at year 1 or 9999 has no day on the other side of midnight
            return None
    text = text.strip()
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def read_written_day(text: str) -> date | None:
    """A day as a person writes it: 2018-05-30, 30/05/2018, 30-5-18 (never month first)."""
    written = re.fullmatch(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)", text, re.ASCII)
    if written is None:
        return read_day(text)
    day, _, month, year = written.groups()
    whole = year if len(year) == 4 else f"20{year}"
    return read_day(f"{whole}-{int(month):02}-{int(day):02}")


def month_end(day: date) -> date:
    """The last day of the month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def age_on(born: date, day: date) -> int:
    """Completed years; who was born on 29 February completes a year on 1 March (domain §3.2.2)."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@lru_cache(maxsize=4096)
def to_vietnamese(day: date) -> str:
    """dd/mm/yyyy, as people here read it."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}"
