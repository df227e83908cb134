"""Work is done or visible, and never lost between."""

from __future__ import annotations

from datetime import timedelta

from sync import queue
from sync.database import Database
from tests.conftest import NOW


def _add(database: Database, *subjects: int) -> None:
    with database.write() as db:
        queue.add_many(db, "process", subjects, now=NOW)


def _claim(database: Database, limit: int = 10, after: timedelta = timedelta()) -> list[queue.Work]:
    with database.write() as db:
        return queue.claim(db, "process", limit, NOW + after)


def test_work_is_claimed_oldest_first_and_only_once(database: Database) -> None:
    _add(database, 1, 2, 3)
    assert [work.subject_id for work in _claim(database, 2)] == [1, 2]
    assert [work.subject_id for work in _claim(database)] == [3]
    assert _claim(database) == []


def test_two_workers_never_hold_the_same_work(database: Database) -> None:
    _add(database, *range(20))
    with database.engine.connect():  # a reader in between changes nothing
        first = _claim(database, 12)
    second = _claim(database, 12)
    assert sorted(work.subject_id or 0 for work in first + second) == list(range(20))


def test_work_of_a_dead_worker_comes_back_when_its_lease_ends(database: Database) -> None:
    _add(database, 1)
    _claim(database)
    assert _claim(database, after=queue.LEASE - timedelta(seconds=1)) == []
    assert [work.tries for work in _claim(database, after=queue.LEASE)] == [2]


def test_a_clock_set_back_by_hours_keeps_no_work_waiting(database: Database) -> None:
    _add(database, 1)
    assert len(_claim(database, after=timedelta(hours=-5))) == 1
    assert _claim(database, after=timedelta(hours=-5)) == []


def test_release_ends_the_leases_of_a_run_that_was_killed(database: Database) -> None:
    _add(database, 1)
    _claim(database)
    with database.write() as db:
        assert queue.release(db, NOW) == 1
    assert len(_claim(database)) == 1


def test_done_work_is_gone(database: Database) -> None:
    _add(database, 1)
    works = _claim(database)
    with database.write() as db:
        queue.done(db, works)
        assert queue.depth(db) == queue.Depth(0, 0, None)


def test_work_that_always_fails_becomes_visible_and_blocks_nobody(database: Database) -> None:
    _add(database, 1, 2)
    later, finished = timedelta(), []
    for _ in range(queue.MOST_TRIES):
        later += timedelta(hours=1)  # past every delay
        for work in _claim(database, 10, later):
            with database.write() as db:
                if work.subject_id == 1:
                    queue.fail(db, work, "it broke", NOW + later)
                else:
                    queue.done(db, [work])
                    finished.append(work.subject_id)
    assert finished == [2]
    assert _claim(database, 10, later + timedelta(days=9)) == []
    with database.read() as db:
        assert [(work.subject_id, work.error) for work in queue.failed(db)] == [(1, "it broke")]
        assert (queue.depth(db).waiting, queue.depth(db).failed) == (0, 1)


def test_a_person_puts_failed_work_back(database: Database) -> None:
    _add(database, 1)
    later = timedelta()
    for _ in range(queue.MOST_TRIES):
        later += timedelta(hours=1)
        (work,) = _claim(database, 1, later)
        with database.write() as db:
            queue.fail(db, work, "it broke", NOW + later)
    with database.write() as db:
        assert queue.retry(db, NOW) == 1
        assert queue.retry(db, NOW) == 0
    assert [again.tries for again in _claim(database)] == [1]
