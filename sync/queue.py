"""Work that must happen, kept beside its data: added in its transaction; ends done or visible.

A claim is a lease that its worker renews: work whose worker died comes back when the lease ends.
Every task may run twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import audit, counters
from sync.tables import queue

LEASE = timedelta(seconds=20)
MOST_TRIES = 5
DONE = "work done"  # the row of `counters` with how many pieces of work were ever done
FIRST_DELAY = timedelta(seconds=2)  # then four times as long after each failure
FAR = timedelta(minutes=10)  # nothing is put off so long: a clock has been set back since


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work as claimed; `tries` counts this one."""

    id: int
    name: str
    subject_id: int | None
    payload: Any
    tries: int


@dataclass(frozen=True, slots=True)
class FailedWork:
    """Work that was tried MOST_TRIES times; stays until a person retries or drops it."""

    id: int
    name: str
    subject_id: int | None
    payload: Any
    error: str
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits, how much failed, and since when the oldest waits."""

    waiting: int
    failed: int
    oldest_at: datetime | None


def add(
    db: Connection,
    name: str,
    subject_id: int | None = None,
    *,
    payload: Any = None,
    now: datetime,
    due_at: datetime | None = None,
) -> None:
    """Put one piece of work into the queue, in the caller's transaction."""
    add_many(db, name, [subject_id], payload=payload, now=now, due_at=due_at)


def add_many(
    db: Connection,
    name: str,
    subject_ids: Iterable[int | None],
    *,
    payload: Any = None,
    now: datetime,
    due_at: datetime | None = None,
) -> None:
    """The same work about several subjects."""
    rows = [
        {
            "name": name,
            "subject_id": subject_id,
            "payload": payload,
            "added_at": now,
            "due_at": due_at or now,
        }
        for subject_id in subject_ids
    ]
    if rows:
        db.execute(queue.insert(), rows)


def has_due(db: Connection, name: str, now: datetime) -> bool:
    """Whether `claim` would find anything; only reads."""
    c = queue.c
    is_due = sa.and_(c.name == name, c.failed_at.is_(None), _is_due(now))
    return db.execute(sa.select(c.id).where(is_due).limit(1)).first() is not None


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    return (queue.c.due_at <= now) | (queue.c.due_at > now + FAR)


def claim(db: Connection, name: str, limit: int, now: datetime) -> list[Work]:
    """Take up to `limit` due pieces, oldest first, for LEASE; other workers pass them by.

    What was tried before comes alone: if it kills its worker, nobody else's tries are used up.
    """
    due = (
        sa.select(queue.c.id, queue.c.tries)
        .where(queue.c.name == name, queue.c.failed_at.is_(None), _is_due(now))
        .order_by(queue.c.due_at, queue.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = db.execute(due).all()
    if not rows:
        return []
    together = rows[:1] if rows[0].tries else [row for row in rows if not row.tries]
    taken = (
        queue.update()
        .where(queue.c.id.in_([row.id for row in together]))
        .values(due_at=now + LEASE, tries=queue.c.tries + 1)
        .returning(queue.c.id, queue.c.name, queue.c.subject_id, queue.c.payload, queue.c.tries)
    )
    return sorted((Work(*row) for row in db.execute(taken)), key=lambda work: work.id)


def renew(db: Connection, works: Sequence[Work], now: datetime) -> None:
    """These are still being worked on. Those that end at this moment are passed by."""
    mine = sa.select(queue.c.id).where(
        queue.c.id.in_([work.id for work in works]), queue.c.due_at <= now + LEASE
    )
    mine = mine.with_for_update(skip_locked=True)
    db.execute(queue.update().where(queue.c.id.in_(mine)).values(due_at=now + LEASE))


def done(db: Connection, works: Sequence[Work]) -> None:
    """Forget finished work, but for its number, in the transaction that holds its result."""
    if works:
        db.execute(queue.delete().where(queue.c.id.in_([work.id for work in works])))
        counters.bump(db, DONE, len(works))


def fail(db: Connection, work: Work, error: str, now: datetime) -> None:
    """Note a failure: again later, or, after MOST_TRIES, on the list that an operator sees."""
    values: dict[str, Any] = {"error": error[:500]}
    if work.tries >= MOST_TRIES:
        values["failed_at"] = now
    else:
        values["due_at"] = now + FIRST_DELAY * 4 ** (work.tries - 1)
    db.execute(queue.update().where(queue.c.id == work.id).values(**values))


def put_back(db: Connection, works: Sequence[Work], now: datetime) -> None:
    """It was not the work's fault that it was not done: as if never tried, but a little later."""
    mine = queue.c.id.in_([work.id for work in works])
    again = {"due_at": now + FIRST_DELAY, "tries": queue.c.tries - 1}
    db.execute(queue.update().where(mine).values(**again))


def failed(db: Connection, limit: int = 100) -> list[FailedWork]:
    """What needs a person, newest first."""
    c = queue.c
    rows = db.execute(
        sa.select(c.id, c.name, c.subject_id, c.payload, c.error, c.failed_at)
        .where(c.failed_at.is_not(None))
        .order_by(c.id.desc())
        .limit(limit)
    )
    return [
        FailedWork(row.id, row.name, row.subject_id, row.payload, row.error or "", row.failed_at)
        for row in rows
    ]


def retry(
    db: Connection, now: datetime, actor: str = "operator", work_id: int | None = None
) -> int:
    """Put all failed work back, or this one; how many."""
    failed: list[sa.ColumnElement[bool]] = [queue.c.failed_at.is_not(None)]
    if work_id is not None:
        failed.append(queue.c.id == work_id)
    again = {"failed_at": None, "error": None, "tries": 0, "due_at": now}
    tried = db.execute(queue.update().where(*failed).values(**again)).rowcount
    if tried:
        subject = None if work_id is None else f"work:{work_id}"
        audit.record(db, actor, "work.retry", subject, now, tried=tried)
    return tried


def release(db: Connection, now: datetime) -> int:
    """End all leases: for a start when no other worker of this database can be alive."""
    freed = db.execute(
        queue.update().where(queue.c.failed_at.is_(None), queue.c.due_at > now).values(due_at=now)
    )
    return freed.rowcount


def depth(db: Connection, at_most: int | None = None) -> Depth:
    """Counts for `status`, healthz and metrics; due later counts as waiting too.

    `at_most`: count no further, for who asks every few seconds.
    """
    waiting = queue.c.failed_at.is_(None)
    # Numbers rise with time, so the lowest waits longest. Written so that no database thinks of
    # the index of `failed_at`, which would have it sort all that wait.
    by_number = sa.func.coalesce(queue.c.failed_at, queue.c.failed_at).is_(None)
    oldest = sa.select(queue.c.added_at).where(by_number).order_by(queue.c.id).limit(1)
    by_time = queue.c.failed_at  # in the order of the index, which is nearly empty there
    return Depth(
        waiting=_count(db, sa.select(queue.c.id).where(waiting).limit(at_most)),
        failed=_count(db, sa.select(queue.c.id).where(~waiting).order_by(by_time).limit(at_most)),
        oldest_at=db.execute(oldest).scalar(),
    )


def _count(db: Connection, found: sa.Select[tuple[int]]) -> int:
    return int(db.execute(sa.select(sa.func.count()).select_from(found.subquery())).scalar_one())
