"""The proofs of who was erased: to be looked at, and kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import NOT_FOUND, Refused
from sync.tables import erasures

NEWEST = 20


@dataclass(frozen=True, slots=True)
class Erasure:
    """One person erased; the proof is that of `erase.py`."""

    id: int
    at: datetime
    actor: str
    proof: dict[str, Any]


def newest(db: Connection) -> list[Erasure]:
    """The last few, the newest first."""
    query = sa.select(erasures).order_by(erasures.c.id.desc()).limit(NEWEST)
    return [Erasure(*row) for row in db.execute(query)]


def get(db: Connection, number: int) -> Erasure:
    """Refused(NOT_FOUND)."""
    row = db.execute(sa.select(erasures).where(erasures.c.id == number)).one_or_none()
    if row is None:
        raise Refused(NOT_FOUND())
    return Erasure(*row)
