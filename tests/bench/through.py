"""What a worker gets through: submissions that wait, processed to final figures.

All that the demo's phones send, and the 40-field form of the load (of which no rule says anything).
Each worker is a process of its own and begins with all of it waiting; its time ends when nothing
waits and no figure is stale, so to measure every cell that was touched is part of it.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

import sqlalchemy as sa

from forms.instance import read_instance
from server import tasks
from server.demo import fill
from server.runtime import Runtime, open_runtime
from server.settings import Settings, read_settings
from sync import tables as t
from sync import verify
from sync.accounts import PROJECT_ID
from sync.receive import Arrival, receive
from tests.bench.server import Bench, Line, load_generator

FORM = ("person_registration", "2026111801")
SENT = 3_000
AT_ONCE = 500  # received in one transaction


class Drained(NamedTuple):
    """Seconds until nothing was left, and seconds of CPU of each worker."""

    seconds: float
    cpu: list[float]


def measure(name: str, bench: Bench, url: str | None) -> Iterator[Line]:
    """All lines of one kind of database."""
    settings = read_settings(bench.environment)
    runtime = open_runtime(settings)
    with bench.serving():
        fill.fill(runtime, f"http://127.0.0.1:{bench.port}", lambda done, total: None)
    several = (1,) if url is None else (1, 2)  # beside SQLite there is one worker
    for workers in several:
        with runtime.database.write() as db:
            queued = verify.reprocess(db, runtime.library, None, runtime.now())
        drained = _drain(settings, workers)
        cells = _cells(runtime)
        yield _line(f"{name}: the demo's forms ({cells} cells of figures)", queued, drained)
    for workers in several:
        _receive(runtime, SENT * workers)
        yield _line(f"{name}: 40-field form", SENT, _drain(settings, workers))
    runtime.database.dispose()


def _line(what: str, submissions: int, drained: Drained) -> Line:
    workers = len(drained.cpu)
    cpu = sum(drained.cpu)
    return Line(
        f"{what}, {submissions} waiting, {workers} worker{'s' * (workers > 1)}",
        f"{submissions / drained.seconds:.0f}/s, {1000 * cpu / submissions:.2f} ms CPU each "
        f"({submissions / cpu:.0f} in a second of CPU)",
        "≥ 500/s" if workers == 1 else "",
    )


def _cells(runtime: Runtime) -> int:
    one = sa.select(t.figures.c.period, t.figures.c.club_id).distinct().subquery()
    with runtime.database.read() as db:
        return int(db.execute(sa.select(sa.func.count()).select_from(one)).scalar_one())


def _receive(runtime: Runtime, first: int) -> None:
    """Keep SENT submissions that nobody has seen, with their work."""
    maker = load_generator().Maker(*FORM, "through", 0)
    for start in range(first, first + SENT, AT_ONCE):
        with runtime.database.write() as db:
            for number in range(start, start + AT_ONCE):
                xml = maker.instance(number)[0].encode()
                receive(db, Arrival(PROJECT_ID, read_instance(xml), xml), runtime.now())


# ------------------------------------------------------------------ the workers
def _drain(settings: Settings, workers: int) -> Drained:
    """So many processes at once; how long they take to begin is not counted."""
    apart = multiprocessing.get_context("spawn")  # as `cayda work` begins: nothing read yet
    together, told = apart.Barrier(workers), apart.Queue()
    start = (settings, together, told)
    processes = [apart.Process(target=_work, args=start) for _ in range(workers)]
    for one in processes:
        one.start()
    found = [told.get() for _ in processes]
    for one in processes:
        one.join()
    return Drained(max(seconds for seconds, _ in found), [cpu for _, cpu in found])


def _work(settings: Settings, together: Barrier, told: Queue[tuple[float, float]]) -> None:
    runtime = open_runtime(settings)
    together.wait()
    clock, cpu = time.perf_counter(), time.process_time()
    tasks.run_until_empty(runtime)
    told.put((time.perf_counter() - clock, time.process_time() - cpu))
