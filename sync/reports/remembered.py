"""A report that was gathered is used again while nothing that it is made of has changed.

Gathering takes a second or two of a hundred clubs, and figures move with every form that comes. So
where it takes long, who asks is answered from what was gathered some minutes ago, which says when,
and the next who asks finds it gathered anew. What a reader may see of it is cut anew each time.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
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
MEANWHILE = timedelta(minutes=10)  # that one gathered slowly may still be shown, while it is anew
SLOW = 0.25  # seconds of CPU: a person waits for less

Later = Callable[[Callable[[Connection], None]], None]  # does it soon, with a connection of its own


class _Asked(NamedTuple):
    period: Period
    version: int | None  # None = as it stands now
    small: bool


class _State(NamedTuple):
    steps: object  # of the report's chain: whoever took one sees it taken
    figures: object


class _Kept(NamedTuple):
    state: _State | None  # None: it was sent, and never changes
    at: datetime
    took: float  # seconds of CPU
    data: ReportData


class Remembered:
    """The reports that were asked for last, of one database; for any thread.

    later: gathers one while its reader has been answered; without it everybody waits.
    """

    def __init__(self, later: Later | None = None) -> None:
        self._later = later
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Asked, _Kept] = OrderedDict()
        self._renewed: dict[_Asked, datetime] = {}  # when it was last begun

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
        of_now: bool = False,
    ) -> ReportData:
        """As `read_whole`, whose refusals pass through; what still moves as of some minutes ago,
        but `of_now`.
        """
        sent = None if provisional else version or snapshots.newest(db, period)
        asked = _Asked(period, sent, small)
        state = None if sent else _state(db, period)
        with self._lock:
            kept = self._kept.get(asked)
        if kept is not None and (sent or _is_good(kept, state, now)):
            return kept.data
        later = None if of_now else self._later
        if kept is not None and later is not None and _may_stand(kept, state, now):
            self._renew(later, library, asked, now)
            return kept.data
        return self._gather(db, library, asked, state, now)

    def _renew(self, later: Later, library: Library, asked: _Asked, now: datetime) -> None:
        with self._lock:
            before = self._renewed.get(asked)
            if before is not None and abs(now - before) < OLDEST:
                return
            self._renewed[asked] = now

        def gather(db: Connection) -> None:
            self._gather(db, library, asked, _state(db, asked.period), now)

        later(gather)

    def _gather(
        self, db: Connection, library: Library, asked: _Asked, state: _State | None, now: datetime
    ) -> ReportData:
        period, version, small = asked
        start = time.thread_time()
        data = read_whole(
            db, library, period, now, version, provisional=version is None, small=small
        )
        with self._lock:
            self._kept[asked] = _Kept(state, now, time.thread_time() - start, data)
            self._kept.move_to_end(asked)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return data


def _is_good(kept: _Kept, state: _State | None, now: datetime) -> bool:
    return kept.state == state and abs(now - kept.at) < OLDEST


def _may_stand(kept: _Kept, state: _State | None, now: datetime) -> bool:
    if kept.state is None or state is None or kept.took < SLOW:
        return False
    return kept.state.steps == state.steps and abs(now - kept.at) < MEANWHILE


def _state(db: Connection, period: Period) -> _State:
    """What differs when something was sent, worked off, counted or decided since."""
    c, stale, steps = t.counters.c, t.stale_cells.c, t.report_steps.c
    counters = db.execute(sa.select(c.name, c.value).order_by(c.name)).all()
    waiting = sa.select(sa.func.sum(stale.marks)).where(stale.period == period.code)
    taken = sa.select(sa.func.max(steps.id))
    return _State(db.scalar(taken), (tuple(map(tuple, counters)), db.scalar(waiting)))
