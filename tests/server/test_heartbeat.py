"""A worker says that it lives; one that was overtaken by newer code ends itself."""

from __future__ import annotations

import threading
import time

from server.heartbeat import beating
from sync import generation, workers
from sync.database import upsert
from sync.tables import counters
from tests.conftest import NOW
from tests.server.conftest import Door


def last_seen(door: Door) -> object:
    with door.database.read() as db:
        return workers.last_seen(db)


def test_a_worker_is_seen_while_it_works_and_not_after(door: Door) -> None:
    with beating(door.runtime, lambda: None):
        until = time.monotonic() + 10
        while last_seen(door) is None and time.monotonic() < until:
            time.sleep(0.01)
        assert last_seen(door) == NOW
    assert last_seen(door) is None


def test_a_worker_ends_when_newer_code_has_taken_the_data_over(door: Door) -> None:
    ended = threading.Event()
    with door.database.write() as db:
        newer = {"name": generation.DERIVED, "value": generation.GENERATION + 1}
        upsert(db, counters, [newer], ["name"])
    with beating(door.runtime, ended.set):
        assert ended.wait(10)


def test_a_worker_silent_for_a_day_is_forgotten(door: Door) -> None:
    with door.database.write() as db:
        workers.beat(db, "a:1", NOW, NOW)
        workers.beat(db, "b:2", NOW, NOW + workers.FORGOTTEN_AFTER * 2)
        workers.leave(db, "b:2")
        assert workers.last_seen(db) is None
