"""A report that was gathered is used again while nothing that it is made of has changed.

Gathering takes a second of a hundred clubs, and a person who goes from place to place asks for the
same report at each step. What a reader may see of it is cut anew each time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.periods import Period
from sync import tables as t
from sync.reports import snapshots
from sync.reports.data import ReportData
from sync.reports.reading import read_whole

if TYPE_CHECKING:
    from forms.library import Library

MOST = 4  # reports: some tens of megabytes each
OLDEST = timedelta(minutes=1)  # for what moves a figure and leaves no trace here: a pair dismissed


class _Asked(NamedTuple):
    period: Period
    version: int | None  # None = as it stands now
    small: bool


class _Kept(NamedTuple):
    state: object
    at: datetime
    data: ReportData


class Remembered:
    """The reports that were asked for last, of one database; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Asked, _Kept] = OrderedDict()

    def read(
        self,
        db: Connection,
        library: Library,
        period: Period,
        now: datetime,
        version: int | None = None,
        *,
        provisional: bool = False,
        small: bool = True,
    ) -> ReportData:
        """As `read_whole`, whose refusals pass through."""
        sent = None if provisional else version or snapshots.newest(db, period)
        asked = _Asked(period, sent, small)
        state = None if sent else _state(db, period)  # what was sent never changes
        with self._lock:
            kept = self._kept.get(asked)
        if kept is not None and kept.state == state and (sent or abs(now - kept.at) < OLDEST):
            return kept.data
        data = read_whole(db, library, period, now, version, provisional=provisional, small=small)
        with self._lock:
            self._kept[asked] = _Kept(state, now, data)
            self._kept.move_to_end(asked)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return data


def _state(db: Connection, period: Period) -> object:
    """What differs when something was sent, worked off, counted or decided since."""
    c, stale, steps = t.counters.c, t.stale_cells.c, t.report_steps.c
    counters = db.execute(sa.select(c.name, c.value).order_by(c.name)).all()
    waiting = sa.select(sa.func.sum(stale.marks)).where(stale.period == period.code)
    taken = sa.select(sa.func.max(steps.id))
    return tuple(map(tuple, counters)), db.scalar(waiting), db.scalar(taken)
