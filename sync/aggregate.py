"""Indicators to SQL: which figures are stale, and the figures, recomputed whole and never incremented."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.periods import CALENDAR, periods_between
from sync import tables as t
from sync.database import upsert

if TYPE_CHECKING:
    from forms.library import Library

VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class Touch:
    """Something that figures stand on has changed.

    An event (stock=False) touches the periods around its day; a fact about an entity (stock=True)
    touches every period that ends on `day` or later. A club that changed needs a Touch for the old
    club and one for the new.
    """

    club_id: str
    day: date
    stock: bool = False


def touch(db: Connection, library: Library, touches: Iterable[Touch], now: datetime) -> None:
    """Mark the figures of these clubs stale, in every period a change on that day can move."""
    today = now.astimezone(VIETNAM).date()
    cells = {
        (period.code, one.club_id)
        for one in set(touches)
        for period in periods_between(one.day, max(one.day, today), CALENDAR)
    }
    rows = [{"calendar": CALENDAR, "period": p, "club_id": c} for p, c in sorted(cells)]
    upsert(db, t.stale_cells, rows, ["calendar", "period", "club_id"])


def measure(db: Connection, library: Library, limit: int, now: datetime) -> int:
    """Measure up to `limit` stale cells again; how many were done (0 = none is stale)."""
    raise NotImplementedError
