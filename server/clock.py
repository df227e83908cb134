"""How far a phone's clock is off, by a Date header that does not say morning or evening."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

HALF_A_DAY = timedelta(hours=12)
MOST = 2**31 - 1  # what a column of the database holds; 68 years


def clock_offset(header: str | None, now: datetime) -> int | None:
    """Seconds the sender's clock is ahead of ours; None where it sent no time.

    ODK Collect writes the hour of a 12-hour clock (protocol §1.1): 03:00 is three at night or
    in the afternoon. Of the two, the one nearer to our own time is meant.
    """
    if not header:
        return None
    try:
        said = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if said.tzinfo is None:
        said = said.replace(tzinfo=UTC)
    morning = said.replace(hour=said.hour % 12)
    seconds = [int((one - now).total_seconds()) for one in (morning, morning + HALF_A_DAY)]
    nearest = min(seconds, key=abs)
    return max(-MOST, min(MOST, nearest))


def how_far(seconds: int) -> tuple[int, str]:
    """How much that is in the unit a person would say it in: days "d", hours "h" or minutes "min".

    The number is rounded towards zero and keeps its sign.
    """
    size = abs(seconds)
    name, length = next(
        (unit for unit in (("d", 86_400), ("h", 3_600)) if size >= 2 * unit[1]), ("min", 60)
    )
    return (1 if seconds >= 0 else -1) * (size // length), name
