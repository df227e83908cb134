"""Which processes work: each writes down every few seconds that it lives."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import upsert
from sync.tables import workers

FORGOTTEN_AFTER = timedelta(days=1)  # killed, it did not say goodbye


def beat(db: Connection, name: str, started_at: datetime, now: datetime) -> None:
    """This one lives. What has been silent for a day is forgotten."""
    row = {"name": name, "started_at": started_at, "seen_at": now}
    upsert(db, workers, [row], ["name"])
    db.execute(workers.delete().where(workers.c.seen_at < now - FORGOTTEN_AFTER))


def leave(db: Connection, name: str) -> None:
    """This one ends, as it was asked to."""
    db.execute(workers.delete().where(workers.c.name == name))


def last_seen(db: Connection) -> datetime | None:
    """When any of them last said that it lives."""
    return db.execute(sa.select(sa.func.max(workers.c.seen_at))).scalar()
