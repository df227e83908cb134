"""What older code derived is derived again, once, after an upgrade.

`verify` compares with what the code of today derives, so data of yesterday's would differ until
somebody thought of `reprocess`.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import queue
from sync.database import insert_once
from sync.tables import counters, entities, submission_versions
from sync.tables import queue as waiting

# Raise it whenever the same submissions lead to other derived rows than before.
GENERATION = 13
DERIVED = "derived"  # the row of `counters` that says which generation the data is of
DERIVE_AGAIN = "derive again"  # the work's name in the queue


def note(db: Connection, now: datetime) -> bool:
    """Note today's generation; where the data is of another, queue that all is derived again.

    True when that was queued. A data folder without data has nothing to derive.
    """
    c = counters.c
    if insert_once(db, counters, {"name": DERIVED, "value": GENERATION}) is None:
        other = counters.update().where(c.name == DERIVED, c.value != GENERATION)
        outdated = db.execute(other.values(value=GENERATION)).rowcount == 1
    else:
        outdated = _has_data(db)
    if outdated:
        queue.add(db, DERIVE_AGAIN, now=now)
    return outdated


def is_newer(db: Connection) -> bool:
    """Whether newer code has taken the data over: what this code would derive, it would not."""
    query = sa.select(counters.c.value).where(counters.c.name == DERIVED)
    return (db.execute(query).scalar() or 0) > GENERATION


def is_waiting(db: Connection) -> bool:
    """Whether all is still to be derived again; afterwards the queue holds every submission."""
    mine = sa.select(waiting.c.id).where(waiting.c.name == DERIVE_AGAIN)
    return db.execute(mine.limit(1)).first() is not None


def _has_data(db: Connection) -> bool:
    return any(
        db.execute(sa.select(table.c.id).limit(1)).first() is not None
        for table in (submission_versions, entities)
    )
