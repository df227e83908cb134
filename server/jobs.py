"""Wake the workers of production through Redis, and be one of them; the only user of rq.

The queue of record is a table (sync/queue.py): a lost wake costs seconds, never data.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import redis
import rq

QUEUE = "cayda"
ASLEEP_AGAIN = 30  # seconds after which a wake that Redis lost no longer silences the next one
REST_AFTER_FAILURE = 5.0  # seconds without Redis before it is tried again
AWAKE = "cayda:awake"  # set while a wake waits in rq, so that a thousand submissions make one job

log = logging.getLogger(__name__)


class RqJobs:
    """Production: one rq job for all the work that waits. Never raises, never waits long."""

    def __init__(self, url: str) -> None:
        self._redis = _connect(url, timeout=0.5)
        self._queue = rq.Queue(QUEUE, connection=self._redis)
        self._rest_until = 0.0

    def wake(self) -> None:
        """Have some worker run. Silent when Redis is away: a sweep finds what was kept."""
        if time.monotonic() < self._rest_until:
            return
        try:
            # rq's unique job ids also count a job that runs already, and that one may have looked
            # into the queue for the last time before our row was there. Hence a key that the job
            # takes away before it looks.
            if self._redis.set(AWAKE, "1", nx=True, ex=ASLEEP_AGAIN):
                self._queue.enqueue_call(
                    "server.jobs.woken", result_ttl=0, failure_ttl=0, timeout=-1
                )
        except redis.RedisError as error:
            self._rest_until = time.monotonic() + REST_AFTER_FAILURE
            log.warning("rq was not woken: %s", type(error).__name__)


_run: Callable[[], object] = lambda: None  # noqa: E731 (what `woken` does, in the process that listens)


def woken() -> None:
    """The rq job itself: first let the next wake through, then work."""
    with suppress(redis.RedisError):
        job = rq.get_current_job()
        if job is not None:
            job.connection.delete(AWAKE)
    _run()


class _Worker(rq.SimpleWorker):
    """Works in its own process, no fork per job: schemas read once stay in memory."""

    stopping: threading.Event

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # rq has no types here


def listen(
    url: str, run: Callable[[], object], stopping: threading.Event, sweep_seconds: float = 10
) -> None:
    """Do `run` when rq says so, and every `sweep_seconds` unasked, until SIGTERM or `stopping`.

    The sweep has a thread of its own because rq waits for a lost Redis without end, and work must
    go on without it. Call from the main thread: rq installs signal handlers.
    """
    global _run  # noqa: PLW0603 (rq finds the job's function by name and gives it no context)
    turn = threading.Lock()

    def take_turn() -> None:
        with turn:
            run()

    def sweep() -> None:
        while not stopping.is_set():
            take_turn()
            stopping.wait(sweep_seconds)

    _run = take_turn
    sweeper = threading.Thread(target=sweep, name="sweep")
    sweeper.start()
    try:
        _listen_until(url, stopping)
    finally:
        stopping.set()
        sweeper.join()


def _listen_until(url: str, stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            connection = _connect(url, timeout=None)
            worker = _Worker([QUEUE], connection=connection, log_job_description=False)
            worker.stopping = stopping
            worker.work(logging_level="WARNING")
        except redis.RedisError as error:
            log.warning("no Redis: %s; sweeps go on", type(error).__name__)
            stopping.wait(REST_AFTER_FAILURE)


def _connect(url: str, timeout: float | None) -> redis.Redis:
    return redis.Redis.from_url(url, socket_connect_timeout=timeout or 5, socket_timeout=timeout)
