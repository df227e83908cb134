"""Work gets done in batches, poison ends on the list, and nobody waits for it."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from forms.library import Library, load_library
from server import lock, making, tasks
from server.runtime import LocalJobs, Runtime
from server.settings import Settings
from sync import aggregate, queue
from sync.aggregate import Measured, StaleCell
from sync.blobs import open_blobs
from sync.database import Database, is_outage
from sync.tables import figures
from sync.waiting import Swept
from tests.sync.rows import Rows, a_library


class Clock:
    """Time that moves only when told."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def runtime(database: Database, tmp_path: Path, clock: Clock) -> Runtime:
    return Runtime(
        settings=Settings(data=tmp_path),
        database=database,
        blobs=open_blobs(str(tmp_path / "blobs")),
        jobs=LocalJobs(),
        library=load_library(),
        now=clock,
    )


class Pipeline:
    """Stands in for sync.process and sync.aggregate: notes what it was asked, fails on poison."""

    def __init__(self, poison: Iterable[int] = (), cells: int = 0) -> None:
        self.poison = set(poison)
        self.deadly: set[int] = set()
        self.cells = cells
        self.sweeps = 0
        self.stored: list[int] = []

    def prepare(
        self, db: Connection, library: Library, version_ids: Iterable[int], now: datetime
    ) -> list[int]:
        ids = list(version_ids)
        if self.poison & set(ids):
            raise ValueError("Trần Thị Ba, 1948")
        if self.deadly & set(ids):
            raise KeyboardInterrupt  # as much as a kill: nothing is noted, leases stay
        return ids

    def store(
        self, db: Connection, library: Library, prepared: Sequence[int], now: datetime
    ) -> None:
        self.stored += prepared

    def stale(self, db: Connection, library: Library, limit: int, now: datetime) -> list[StaleCell]:
        return [StaleCell("2025H2", str(n)) for n in range(min(self.cells, limit))]

    take_stale = stale

    def count_cells(self, db: Connection, library: Library, cells: Iterable[StaleCell]) -> Measured:
        return Measured(tuple(cells), {})

    def keep(self, db: Connection, measured: Measured) -> None:
        self.cells -= len(measured.cells)

    def sweep(self, *_: Any) -> Swept:
        self.sweeps += 1
        return Swept(0, 0)


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    made = Pipeline()
    monkeypatch.setattr(tasks, "process", made)
    monkeypatch.setattr(tasks, "aggregate", made)
    monkeypatch.setattr(tasks, "waiting", made)
    return made


def given_work(runtime: Runtime, ids: Iterable[int]) -> None:
    with runtime.database.write() as db:
        queue.add_many(db, "process", ids, now=runtime.now())


def depth(runtime: Runtime) -> queue.Depth:
    with runtime.database.read() as db:
        return queue.depth(db)


def test_all_work_is_done_in_the_order_it_came(runtime: Runtime, pipeline: Pipeline) -> None:
    given_work(runtime, range(1, 251))
    assert tasks.run_until_empty(runtime) == 250
    assert pipeline.stored == list(range(1, 251))
    assert depth(runtime).waiting == 0


def test_an_empty_queue_is_left_at_once(runtime: Runtime, pipeline: Pipeline) -> None:
    assert tasks.run_until_empty(runtime) == 0


def test_figures_are_measured_until_none_is_stale(runtime: Runtime, pipeline: Pipeline) -> None:
    pipeline.cells = tasks.CELLS * 2 + 1
    tasks.run_until_empty(runtime)
    assert pipeline.cells == 0


def test_while_work_streams_in_measuring_takes_a_fifth_of_the_time_at_most(
    runtime: Runtime, pipeline: Pipeline
) -> None:
    pace = tasks.Pace()
    pace.note_measured(seconds=60, cells=10)  # a long measurement, just now
    pipeline.cells = 1
    given_work(runtime, [1])
    assert tasks.run_until_empty(runtime, pace=pace) == 1
    assert pipeline.cells == 1


def test_after_work_figures_are_measured_soon(runtime: Runtime, pipeline: Pipeline) -> None:
    pace = tasks.Pace()
    pace.note_measured(seconds=0, cells=0)
    pipeline.cells = 1
    tasks.run_until_empty(runtime, pace=pace)
    assert pipeline.cells == 1  # nothing was done, so nothing is looked for
    given_work(runtime, [1])
    tasks.run_until_empty(runtime, pace=pace)
    assert pipeline.cells == 0


def test_poison_keeps_nobody_else_waiting(runtime: Runtime, pipeline: Pipeline) -> None:
    pipeline.poison = {2}
    given_work(runtime, [1, 2, 3])
    tasks.run_until_empty(runtime)
    assert pipeline.stored == [1, 3]
    assert depth(runtime) == queue.Depth(1, 0, runtime.now())


def test_poison_ends_on_the_visible_list_without_personal_data(
    runtime: Runtime, pipeline: Pipeline, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.poison = {2}
    given_work(runtime, [2])
    for _ in range(queue.MOST_TRIES):
        tasks.run_until_empty(runtime)
        clock.now += timedelta(hours=1)
    with runtime.database.read() as db:
        (failed,) = queue.failed(db)
    assert failed.subject_id == 2
    assert failed.error.startswith("ValueError (test_tasks.py:")
    assert "Ba" not in failed.error + caplog.text
    pipeline.poison = set()
    with runtime.database.write() as db:
        queue.retry(db, clock.now)
    tasks.run_until_empty(runtime)
    assert pipeline.stored == [2]


def test_c22_work_that_lasts_longer_than_its_lease_is_not_taken_by_another(
    runtime: Runtime, pipeline: Pipeline, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(_db: Connection, _library: Library, ids: Sequence[int], _now: datetime) -> list[int]:
        for _ in range(3):
            clock.now += queue.LEASE - timedelta(seconds=1)
            time.sleep(0.1)  # the lease is renewed meanwhile
            with runtime.database.write() as db:
                taken.extend(queue.claim(db, "process", 10, clock.now))
        return list(ids)

    taken: list[queue.Work] = []
    monkeypatch.setattr(tasks, "RENEW_EVERY", 0.02)
    monkeypatch.setattr(pipeline, "prepare", slowly)
    given_work(runtime, [1, 2])
    tasks.run_until_empty(runtime)
    assert taken == []
    assert pipeline.stored == [1, 2]


def test_work_that_finds_the_disk_full_uses_up_no_tries(
    runtime: Runtime, pipeline: Pipeline, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pipeline.store
    monkeypatch.setattr(pipeline, "store", no_room)
    given_work(runtime, [1, 2])
    for _ in range(2 * queue.MOST_TRIES):
        tasks.run_until_empty(runtime)
        clock.now += timedelta(hours=1)
    assert (depth(runtime).waiting, depth(runtime).failed) == (2, 0)
    monkeypatch.setattr(pipeline, "store", whole)
    tasks.run_until_empty(runtime)
    assert pipeline.stored == [1, 2]


def no_room(*_: Any) -> None:
    cause = sqlite3.OperationalError("database or disk is full")
    cause.sqlite_errorname = "SQLITE_FULL"
    raise OperationalError("INSERT", {}, cause)


def test_what_is_asked_wrongly_is_no_outage(database: Database) -> None:
    with database.read() as db, pytest.raises(DBAPIError) as error:
        db.execute(sa.text("SELECT nobody FROM nowhere"))
    assert not is_outage(error.value)


def test_a_database_that_is_not_there_is_an_outage() -> None:
    for url in ("postgresql://127.0.0.1:1/x", "sqlite:////no/such/folder/x.db"):
        with pytest.raises(DBAPIError) as error, Database(url).read():
            pass
        assert is_outage(error.value)


def test_c22_work_that_kills_its_worker_ends_on_the_list_and_takes_nobody_with_it(
    runtime: Runtime, pipeline: Pipeline, clock: Clock
) -> None:
    pipeline.deadly = {2}
    given_work(runtime, [1, 2, 3])
    deaths = 0
    while depth(runtime).waiting:
        try:
            tasks.run_until_empty(runtime)
        except KeyboardInterrupt:
            deaths += 1
        clock.now += queue.LEASE
    assert deaths == queue.MOST_TRIES
    assert sorted(pipeline.stored) == [1, 3]
    with runtime.database.read() as db:
        assert [(work.subject_id, work.error) for work in queue.failed(db)] == [
            (2, "the worker died")
        ]


def test_a_failing_measurement_does_not_stop_the_work(
    runtime: Runtime, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "take_stale", broken)
    given_work(runtime, [1, 2])
    assert not tasks.run_safely(runtime)
    assert pipeline.stored == [1, 2]


def test_a_worker_sweeps_at_its_start_and_then_every_hour(
    runtime: Runtime, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1000.0
    monkeypatch.setattr(tasks.time, "monotonic", lambda: seconds)
    pace = tasks.Pace()
    for _ in range(3):
        tasks.run_until_empty(runtime, pace=pace)
    assert pipeline.sweeps == 1
    seconds += tasks.SWEEP_EVERY
    tasks.run_until_empty(runtime, pace=pace)
    assert pipeline.sweeps == 2


def test_what_a_killed_worker_had_half_made_of_a_file_goes_and_a_live_one_keeps_its_own(
    runtime: Runtime, pipeline: Pipeline
) -> None:
    left, held = (runtime.settings.data / making.ROOMS / name for name in ("left", "held"))
    for folder in (left, held):
        folder.mkdir(parents=True)
        (folder / "made").write_bytes(b"names")
    handle = lock.hold(held)
    tasks.sweep(runtime)
    assert not left.exists()
    assert (held / "made").exists()
    os.close(handle)


def test_the_worker_outlives_a_database_that_is_away(
    runtime: Runtime, pipeline: Pipeline, tmp_path: Path
) -> None:
    away = replace(runtime, database=Database(f"sqlite:///{tmp_path / 'no' / 'such.db'}"))
    assert not tasks.run_safely(away)


def test_a_worker_told_to_stop_takes_no_more_work(runtime: Runtime, pipeline: Pipeline) -> None:
    stopping = threading.Event()
    stopping.set()
    given_work(runtime, [1])
    assert tasks.run_until_empty(runtime, stopping) == 0
    assert depth(runtime).waiting == 1


def test_the_local_worker_finds_work_by_itself(runtime: Runtime, pipeline: Pipeline) -> None:
    stopping = threading.Event()
    worker = threading.Thread(target=tasks.work_here, args=(runtime, stopping))
    worker.start()
    given_work(runtime, [7])
    for _ in range(100):
        if pipeline.stored:
            break
        stopping.wait(0.1)
    stopping.set()
    worker.join(5)
    assert pipeline.stored == [7]
    assert not worker.is_alive()


# ------------------------------------------------------------------ a cell that cannot be measured
@pytest.fixture
def cells(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Clubs whose figures cannot be counted; everything else is as in life."""
    broken: set[str] = set()
    whole = aggregate.measure_clubs

    def count(db: Connection, library: Any, period: Any, clubs: Sequence[str]) -> Any:
        if broken & set(clubs):
            raise ZeroDivisionError("Trần Thị Ba, 1948")
        return whole(db, library, period, clubs)

    monkeypatch.setattr(aggregate, "measure_clubs", count)
    return broken


def touched(runtime: Runtime, *clubs: str) -> None:
    with runtime.database.write() as db:
        aggregate.mark(db, [("2025H2", club) for club in clubs])


def measured(runtime: Runtime) -> set[str]:
    with runtime.database.read() as db:
        return set(db.scalars(sa.select(figures.c.club_id)))


def given_up(runtime: Runtime) -> list[tuple[Any, str]]:
    with runtime.database.read() as db:
        return [(work.payload, work.error) for work in queue.failed(db)]


def test_c22_a_cell_that_cannot_be_measured_keeps_no_other_from_its_figures(
    runtime: Runtime, cells: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    cells.add("hoa")
    with_figures = replace(runtime, library=a_library())
    touched(runtime, "an", "hoa", "son")
    tasks.run_until_empty(with_figures)
    assert measured(runtime) == {"an", "son"}
    ((payload, error),) = given_up(runtime)
    assert payload == {"period": "2025H2", "club": "hoa"}
    assert error.startswith("ZeroDivisionError (test_tasks.py:")
    assert "Ba" not in error + caplog.text
    assert tasks.run_until_empty(with_figures) == 0  # it is not tried again at once
    touched(runtime, "hoa")
    tasks.run_until_empty(with_figures)
    assert len(given_up(runtime)) == 1  # when touched it is, and stands on the list once
    cells.clear()
    touched(runtime, "hoa")
    tasks.run_until_empty(with_figures)
    assert given_up(runtime) == []
    assert measured(runtime) == {"an", "hoa", "son"}


def test_no_cell_is_given_up_for_a_database_that_goes_away(
    runtime: Runtime, cells: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_figures = replace(runtime, library=a_library())
    touched(runtime, "an")
    with monkeypatch.context() as outage:
        outage.setattr(aggregate, "keep", no_room)
        assert not tasks.run_safely(with_figures)
    assert given_up(runtime) == []
    tasks.run_until_empty(with_figures)
    assert measured(runtime) == {"an"}


def test_a_person_may_have_a_cell_tried_again(runtime: Runtime, cells: set[str]) -> None:
    cells.add("hoa")
    with_figures = replace(runtime, library=a_library())
    touched(runtime, "hoa")
    tasks.run_until_empty(with_figures)
    cells.clear()
    with runtime.database.write() as db:
        assert queue.retry(db, runtime.now()) == 1
    tasks.run_until_empty(with_figures)
    assert given_up(runtime) == []
    assert measured(runtime) == {"hoa"}


def test_a_new_periods_cell_that_cannot_be_measured_is_not_found_new_for_ever(
    runtime: Runtime, cells: set[str]
) -> None:
    """On a period's first day its cells are found without a mark."""
    cells.add("hoa")
    with_figures = replace(runtime, library=a_library())
    with runtime.database.write() as db:
        Rows(db).a_club("hoa")
    tasks.run_until_empty(with_figures)
    assert {payload["club"] for payload, _ in given_up(runtime)} == {"hoa"}
    assert tasks.run_until_empty(with_figures) == 0
