"""What a worker does after processing: finds with whom those who came may be one."""

from __future__ import annotations

from datetime import datetime

from forms.library import Library
from sync import queue
from sync.database import Database
from sync.matching import waiting, work


def compare(database: Database, library: Library, now: datetime) -> None:
    """All that waits to be compared."""
    with database.write() as db:
        waiting.notice(db, library, now)
    while _compare(database, library, now, waiting.MATCH) or _compare(
        database, library, now, waiting.MATCH_AGAIN
    ):
        pass


def _compare(database: Database, library: Library, now: datetime, name: str) -> int:
    with database.write() as db:
        works = queue.claim(db, name, 1000, now)
        for one in works:
            work.do(db, library, one.payload, now)
        queue.done(db, works)
    return len(works)
