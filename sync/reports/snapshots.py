"""Reports that were sent, kept as they were: never changed, read back, and proved by their hash."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.periods import Period, get_period
from sync import tables as t
from sync.reports.data import ReportData, VersionData, unpack


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A report as it is kept. content: canonical JSON, compressed; sha256 is that of the JSON."""

    version: int
    frozen_at: datetime
    reason: str
    sha256: str
    content: bytes


def keep(db: Connection, report_id: int, one: Snapshot) -> None:
    """Once: a version that is there already is an error of the caller's."""
    values = {"version": one.version, "frozen_at": one.frozen_at, "reason": one.reason}
    values |= {"report_id": report_id, "sha256": one.sha256, "snapshot": one.content}
    db.execute(t.report_versions.insert(), values)


def list_versions(db: Connection, period: Period) -> Iterator[VersionData]:
    """The versions of a report, the first first."""
    v = t.report_versions.c
    query = sa.select(v.version, v.frozen_at, v.sha256, v.reason).select_from(_joined())
    for row in db.execute(query.where(is_of(period)).order_by(v.version)):
        yield VersionData(row.version, row.frozen_at, row.sha256, row.reason)


def sent_periods(db: Connection, calendar: str) -> Iterator[Period]:
    """The periods of this calendar of which a version is kept, the oldest first."""
    r = t.reports.c
    query = sa.select(r.period).select_from(_joined()).where(r.calendar == calendar).distinct()
    for code in sorted(db.scalars(query)):
        yield get_period(code, calendar)


def newest(db: Connection, period: Period) -> int | None:
    """The number of the newest version of a report; None where none was sent."""
    v = t.report_versions.c
    query = sa.select(sa.func.max(v.version)).select_from(_joined()).where(is_of(period))
    found: int | None = db.scalar(query)
    return found


def read(db: Connection, period: Period, version: int | None = None) -> ReportData | None:
    """A version of a report as it was sent, without one the newest; None where there is none."""
    v = t.report_versions.c
    query = sa.select(v.snapshot).select_from(_joined()).where(is_of(period))
    if version is not None:
        query = query.where(v.version == version)
    content = db.scalar(query.order_by(v.version.desc()).limit(1))
    return None if content is None else unpack(zlib.decompress(content))


def spoilt(db: Connection) -> Iterator[str]:
    """The versions whose content is no longer what was sent: "2018H1 calendar 1"."""
    v, r = t.report_versions.c, t.reports.c
    query = sa.select(r.period, r.calendar, v.version, v.sha256, v.snapshot)
    rows = db.execute(query.select_from(_joined()).order_by(v.id))
    for row in rows.yield_per(1):  # a snapshot is megabytes
        if not _is_whole(row):
            yield f"{row.period} {row.calendar} {row.version}"


def _is_whole(row: Any) -> bool:
    try:
        return bool(hashlib.sha256(zlib.decompress(row.snapshot)).hexdigest() == row.sha256)
    except zlib.error:
        return False


def _joined() -> sa.FromClause:
    return t.report_versions.join(t.reports, t.reports.c.id == t.report_versions.c.report_id)


def is_of(period: Period) -> sa.ColumnElement[bool]:
    """The row of `reports` is that of the period."""
    r = t.reports.c
    return sa.and_(r.period == period.code, r.calendar == period.calendar)
