"""What is looked at every few seconds: numbers that cost the same however much is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import queue, workers
from sync.database import upsert
from sync.phones import QUIET_DAYS
from sync.tables import app_users, counters, received

COUNTED = 100_000  # pieces of work; of more it is enough to know that they are so many
UNHEEDED_PROXY = "unheeded proxy"  # likewise, of when one was last seen
BACKED_UP = "backed up"  # the row of `counters` with the second of the last whole backup


@dataclass(frozen=True, slots=True)
class Gauges:
    """No personal data."""

    received: int  # the number of the last POST kept: on PostgreSQL a few were never given
    done: int  # pieces of work
    queue: queue.Depth  # of each no more than COUNTED
    worker_seen_at: datetime | None
    phones: int  # not revoked
    quiet_phones: int  # of them, not seen for QUIET_DAYS
    backed_up_at: datetime | None
    unheeded_proxy_at: datetime | None  # when a proxy last said whom it asks for, unheard


def read_gauges(db: Connection, now: datetime) -> Gauges:
    """All from one moment."""
    phone = sa.and_(app_users.c.kind == "phone", app_users.c.revoked_at.is_(None))
    seen_at = sa.func.coalesce(app_users.c.last_seen_at, app_users.c.created_at)
    quiet = seen_at < sa.literal(now - timedelta(days=QUIET_DAYS), app_users.c.created_at.type)
    counted = sa.func.count().filter
    phones, quiet_phones = db.execute(sa.select(counted(phone), counted(phone, quiet))).one()
    noted = (queue.DONE, BACKED_UP, UNHEEDED_PROXY)
    named = sa.select(counters).where(counters.c.name.in_(noted))
    values = {row.name: row.value for row in db.execute(named)}
    return Gauges(
        received=db.execute(sa.select(sa.func.max(received.c.id))).scalar() or 0,
        done=values.get(queue.DONE, 0),
        queue=queue.depth(db, COUNTED),
        worker_seen_at=workers.last_seen(db),
        phones=phones,
        quiet_phones=quiet_phones,
        backed_up_at=_moment(values.get(BACKED_UP)),
        unheeded_proxy_at=_moment(values.get(UNHEEDED_PROXY)),
    )


def _moment(second: int | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, UTC)


def note_backup(db: Connection, now: datetime) -> None:
    """A backup is whole."""
    _note(db, BACKED_UP, now)


def note_unheeded_proxy(db: Connection, now: datetime) -> None:
    """A proxy said whom it asks for, and the settings believe none."""
    _note(db, UNHEEDED_PROXY, now)


def _note(db: Connection, name: str, now: datetime) -> None:
    upsert(db, counters, [{"name": name, "value": int(now.timestamp())}], ["name"])
