"""A worker says every few seconds that it lives: in the database, where anybody can ask."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from server.runtime import Runtime
from sync import generation, workers

BEAT_EVERY = 15.0  # seconds

log = logging.getLogger(__name__)


@contextmanager
def beating(runtime: Runtime, end: Callable[[], object]) -> Iterator[None]:
    """Say so as long as the block runs, from a thread: one piece of work may take a minute.

    Calls `end` when newer code has taken the data over: what this one derives would be wrong then.
    """
    name, started_at = f"{socket.gethostname()}:{os.getpid()}", runtime.now()
    over = threading.Event()

    def beat() -> None:
        while True:
            try:
                with runtime.database.write() as db:
                    workers.beat(db, name, started_at, runtime.now())
                    outdated = generation.is_newer(db)
            except (SQLAlchemyError, OSError):  # the work itself meets it too, and says so
                outdated = False
            if outdated:
                log.error("newer code has taken the data over: this worker ends")
                end()
            if over.wait(BEAT_EVERY):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        _leave(runtime, name)


def _leave(runtime: Runtime, name: str) -> None:
    try:
        with runtime.database.write() as db:
            workers.leave(db, name)
    except (SQLAlchemyError, OSError):
        log.warning("this worker ends without a goodbye: no database")
