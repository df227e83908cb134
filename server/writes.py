"""One transaction that is tried again where two met in a deadlock or on a unique index."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from sync.database import Database

T = TypeVar("T")
TRIES = 3


def write(database: Database, work: Callable[[Connection], T]) -> T:
    """What `work` answers, committed. It may be called several times, each on a new transaction."""
    for attempt in range(1, TRIES + 1):
        try:
            with database.write() as db:
                return work(db)
        except (OperationalError, IntegrityError):
            if attempt == TRIES:
                raise
            time.sleep(0.05 * attempt)
    raise AssertionError("unreachable")
