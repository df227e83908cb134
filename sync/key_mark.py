"""By which key passwords are sealed: the key itself is outside the database, here is its mark."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import insert_once, upsert
from sync.tables import secrets

NAME = "mark of the key"


def note(db: Connection, mark: bytes, now: datetime, instead: bool = False) -> None:
    """Note it the first time, or `instead` of the one before."""
    row = {"name": NAME, "value": mark, "made_at": now}
    if instead:
        upsert(db, secrets, [row], ["name"])
    else:
        insert_once(db, secrets, row)


def read(db: Connection) -> bytes | None:
    """None before anything was noted, as in data of older code."""
    found = db.scalar(sa.select(secrets.c.value).where(secrets.c.name == NAME))
    return None if found is None else bytes(found)
