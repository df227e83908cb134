"""What a report has to tell of earlier ones: how they would differ by what came after them.

Each change is told once, by the first report that is frozen after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.periods import Period, get_period
from sync import tables as t
from sync.figures import Figure
from sync.reports import snapshots
from sync.reports.data import Adjustment, Seen
from sync.reports.late import Told, changed_records, since

if TYPE_CHECKING:
    from forms.library import Library

# What people do beside submissions that moves figures (audit_events.action).
MOVING = ("club.", "unit.", "dataset.", "entity.", "duplicates.", "person.")


def adjustments(db: Connection, library: Library, period: Period) -> Iterator[Adjustment]:
    """What no report has told yet of earlier ones: reports of the same calendar, frozen before this
    one's D; of each its newest version.
    """
    for told in _earlier(db, period):
        if _may_have_moved(db, library, told):
            found = since(db, library, told)
            if found.records or found.differences:
                yield found


def _earlier(db: Connection, period: Period) -> list[Told]:
    v, r = t.report_versions.c, t.reports.c
    joined = t.report_versions.join(t.reports, r.id == v.report_id)
    query = (
        sa.select(r.period, v.version)
        .select_from(joined)
        .where(r.calendar == period.calendar)
        .order_by(v.frozen_at, v.id)
    )
    known: dict[str, Told] = {}
    for row in db.execute(query).all():
        data = snapshots.read(db, get_period(row.period, period.calendar), row.version)
        assert data is not None
        assert data.head.frozen_at is not None
        at = data.head.frozen_at
        for one in data.adjustments:
            if one.period in known:
                known[one.period] = _with_told(known[one.period], one, at, data.seen)
        known[row.period] = Told(data, at, data.seen, data.figures)
    return [one for one in known.values() if one.data.head.last < period.last]


def _with_told(told: Told, one: Adjustment, at: datetime, seen: Seen) -> Told:
    """The figures as that report told them."""
    figures = {level: dict(found) for level, found in told.figures.items()}
    for d in one.differences:
        key = (d.place, d.indicator, d.cut, d.cut_value)
        figures.setdefault(d.level, {})[key] = Figure(d.now, d.now_over)
    return replace(told, at=at, seen=seen, figures=figures)


def _may_have_moved(db: Connection, library: Library, told: Told) -> bool:
    """Whether it is worth counting all again: years of reports are looked through each time."""
    e = t.audit_events.c
    acts = sa.or_(*(e.action.startswith(start, autoescape=True) for start in MOVING))
    if db.execute(sa.select(e.id).where(e.at > told.at, acts).limit(1)).first() is not None:
        return True
    return bool(changed_records(db, library, told))
