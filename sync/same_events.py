"""Reports that count as one event, by which rule; and what a person says of two of them instead.

A decision is a kept row about two submissions; `duplicates.settle` asks for it before the rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import EVENT_UNDECIDED, EVENT_UNLIKE, Refused
from sync import audit, queue
from sync.database import among
from sync.duplicates import APART, Happening, happening
from sync.receive import PROCESS
from sync.tables import event_decisions, records, submissions
from sync.versions import Submission
from sync.words import is_whole

if TYPE_CHECKING:
    from forms.library import Library

ALIKE = "alike"  # Repeat.by


@dataclass(frozen=True, slots=True)
class Repeat:
    """A report, the one it counts with, and why. No answers, no names.

    by: resent | same_event (rules of the form) | decided (a person: one event) | apart (a person:
    two events, so both count) | alike (nobody has said anything). numbers: of the two submissions.
    about: list and uuid.
    """

    form: str
    day: date | None
    club_id: str | None
    instance_id: str
    counts_with: str
    by: str
    numbers: tuple[int, int]
    about: tuple[str, str] | None


def repeats(
    db: Connection, form: str | None = None, clubs: Collection[str] | None = None
) -> Iterator[Repeat]:
    """Every report that counts with another, and every two of which a person says that they are
    two events, perhaps only of one form or of these clubs; the newest day first."""
    rows = [
        row
        for query in (_counted_with(), _parted())
        for row in db.execute(query.where(*_of(form, clubs)))
    ]
    found = map(_repeat, rows)
    yield from sorted(found, key=lambda o: (o.day or date.min, o.form, o.instance_id))[::-1]


def alike(
    db: Connection, form: str, clubs: Collection[str] | None, since: date
) -> Iterator[Repeat]:
    """Reports about one entity on one day since then that count as two, though nobody says so; the
    newest day first.
    """
    d = event_decisions.c
    apart = sa.select(d.submission_id, d.other_id).where(d.undone_at.is_(None), d.kind == APART)
    parted = {frozenset(pair) for pair in db.execute(apart)}
    for first, end in _stretches(db, form, clubs, since):
        twice = [
            (row, other)
            for row, other in _twice(db, form, clubs, first, end)
            if frozenset((row.submission_id, other.submission_id)) not in parted
        ]
        numbers = {row.submission_id for pair in twice for row in pair}
        c = submissions.c
        named = sa.select(c.id, c.instance_id).where(among(db, c.id, numbers))
        instances = {row.id: row.instance_id for row in db.execute(named)}
        for row, other in twice:
            one, counts = row.submission_id, other.submission_id
            about = (row.subject_list, row.subject_id)
            told = (row.happened_on, row.club_id, instances[one], instances[counts])
            yield Repeat(form, *told, ALIKE, (one, counts), about)


def decide(
    db: Connection,
    library: Library,
    one: Submission,
    other: Submission,
    kind: str,
    actor: str,
    now: datetime,
) -> None:
    """Say that two reports tell of one event (TOGETHER), or of two (APART), whatever the rules say.

    Refused(EVENT_UNLIKE) for what no rule could ever count together: of two forms, people (where
    there are none: clubs) or days.
    """
    if one.id == other.id or _happening(db, library, one) != _happening(db, library, other):
        raise Refused(EVENT_UNLIKE())
    _take_back(db, one, other, actor, now)
    values = {**_pair(one, other), "kind": kind, "actor": actor, "at": now}
    db.execute(event_decisions.insert().values(values))
    _follow(db, one, other, kind, actor, now)


def undo(db: Connection, one: Submission, other: Submission, actor: str, now: datetime) -> None:
    """Let the rules decide again. Refused(EVENT_UNDECIDED) where nobody has decided otherwise."""
    if not _take_back(db, one, other, actor, now):
        raise Refused(EVENT_UNDECIDED())
    _follow(db, one, other, "undo", actor, now)


# ------------------------------------------------------------------ parts of it
def _happening(db: Connection, library: Library, one: Submission) -> Happening:
    """Refused(EVENT_UNLIKE) for what is deleted, or not processed yet."""
    c = records.c
    query = sa.select(c.form, c.subject_id, c.club_id, c.happened_on).where(
        c.submission_id == one.id, c.table_path == ""
    )
    row = db.execute(query).one_or_none()
    if row is None:
        raise Refused(EVENT_UNLIKE())
    return happening(library.rules.get(row.form), *row)


def _stretches(
    db: Connection, form: str, clubs: Collection[str] | None, since: date
) -> Iterator[tuple[date, date]]:
    """The days since then, a month first and then ever more: who asks stops when it is enough."""
    end = db.scalar(sa.select(sa.func.max(records.c.happened_on)).where(*_of(form, clubs)))
    end, days = end and end + timedelta(days=1), timedelta(days=30)
    while end and end > since:
        first = max(since, end - days)
        yield first, end
        end, days = first, 2 * days


def _twice(
    db: Connection, form: str, clubs: Collection[str] | None, first: date, end: date
) -> list[tuple[Any, Any]]:
    """Reports of these clubs, each with an earlier one of any club about the same and its day.

    Put together here: SQLite would begin its join with what the whole city reported.
    """
    c = records.c
    columns = (c.id, c.submission_id, c.subject_list, c.subject_id, c.happened_on, c.club_id)
    counting = sa.select(*columns).where(c.table_path == "", c.counted_with.is_(None))
    counting = counting.where(c.form == form, c.happened_on >= first, c.happened_on < end)
    mine = db.execute(counting.where(c.subject_id.is_not(None), *_of(None, clubs))).all()
    theirs = mine
    if mine and clubs is not None:
        subjects = {row.subject_id for row in mine}
        theirs = db.execute(counting.where(among(db, c.subject_id, subjects))).all()
    alike = defaultdict(list)
    for row in theirs:
        alike[row.subject_list, row.subject_id, row.happened_on].append(row)
    twice = [
        (row, other)
        for row in mine
        for other in alike[row.subject_list, row.subject_id, row.happened_on]
        if other.id < row.id
    ]
    return sorted(twice, key=lambda pair: (-pair[0].happened_on.toordinal(), pair[0].id))


def _pair(one: Submission, other: Submission) -> dict[str, int]:
    first, second = sorted((one.id, other.id))
    return {"submission_id": first, "other_id": second}


def _take_back(
    db: Connection, one: Submission, other: Submission, actor: str, now: datetime
) -> bool:
    c = event_decisions.c
    mine = (c[name] == number for name, number in _pair(one, other).items())
    statement = event_decisions.update().where(*mine, c.undone_at.is_(None))
    return db.execute(statement.values(undone_by=actor, undone_at=now)).rowcount > 0


def _follow(
    db: Connection, one: Submission, other: Submission, verb: str, actor: str, now: datetime
) -> None:
    audit.record(db, actor, f"event.{verb}", f"submission:{one.id}", now, other=other.id)
    queue.add_many(db, PROCESS, [one.current_version_id, other.current_version_id], now=now)


# ------------------------------------------------------------------ what there is
def _counted_with() -> sa.Select[Any]:
    c, counts, its = records.c, records.alias("counts"), submissions.alias("its")
    few = records.alias("few")  # named first: SQLite would go through all that clubs reported
    return (
        _described()
        .add_columns(its.c.instance_id, c.counted_by, its.c.id)
        .join(counts, counts.c.id == c.counted_with)
        .join(its, its.c.id == counts.c.submission_id)
        .where(c.id.in_(sa.select(few.c.id).where(is_whole(few), few.c.counted_with.is_not(None))))
    )


def _parted() -> sa.Select[Any]:
    d, its = event_decisions.c, submissions.alias("its")
    few = event_decisions.alias("few")  # as above
    return (
        _described()
        .add_columns(its.c.instance_id, d.kind, its.c.id)
        .join(event_decisions, d.other_id == records.c.submission_id)
        .join(its, its.c.id == d.submission_id)
        .where(records.c.table_path == "", d.kind == APART, d.undone_at.is_(None))
        .where(records.c.submission_id.in_(sa.select(few.c.other_id)))
    )


def _described() -> sa.Select[Any]:
    c = records.c
    return sa.select(
        *(c.form, c.happened_on, c.club_id, c.subject_list, c.subject_id),
        *(submissions.c.id, submissions.c.instance_id),
    ).join(submissions, submissions.c.id == c.submission_id)


def _of(form: str | None, clubs: Collection[str] | None) -> Iterator[sa.ColumnElement[bool]]:
    if form is not None:
        yield records.c.form == form
    if clubs is not None:
        yield records.c.club_id.in_(sorted(clubs))


def _repeat(row: Any) -> Repeat:
    form, day, club, list_name, subject, number, instance, other, by, other_number = row
    about = (list_name, subject) if list_name and subject else None
    return Repeat(form, day, club, instance, other, by, (number, other_number), about)
