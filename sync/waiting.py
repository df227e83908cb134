"""What waits for something that is still on a phone; and what is decided when it waits too long.

Decisions of time are kept rows like those of people: when the server looked leaves no other trace,
so computing everything again gives the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.entities import EntityChange
from sync import aggregate, decisions, entities, merge, process, words
from sync.accounts import PROJECT_ID
from sync.aggregate import Touch
from sync.database import insert_once, lock_derived
from sync.entities import FORCE, Key
from sync.tables import entities as entity_rows
from sync.tables import (
    entity_changes,
    entity_decisions,
    entity_lists,
    forms,
    records,
    submission_versions,
    submissions,
)

if TYPE_CHECKING:
    from forms.library import Library

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits for what is still on some phone; no names."""

    list_name: str
    uuid: str
    form: str
    instance_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Unregistered:
    """How many records are about people whose registration is not here, and the oldest arrival."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Swept:
    """What time decided: changes carried out without their parent, records counted as waiting."""

    forced: int
    counted: int


# ------------------------------------------------------------------ what waits
def waiting(db: Connection) -> list[Waiting]:
    """Every change on hold, the longest waiting first."""
    return [
        Waiting(row.list_name, row.uuid, row.form, row.instance_id, row.received_at)
        for row in db.execute(_on_hold())
    ]


def unregistered(db: Connection) -> Unregistered:
    """Records about people whose registration is not here."""
    query = (
        sa.select(sa.func.count(), sa.func.min(submissions.c.created_at))
        .join(submissions, submissions.c.id == records.c.submission_id)
        .where(words.waits_for_registration(records))
    )
    return Unregistered(*db.execute(query).one())


def _on_hold() -> sa.Select[Any]:
    c, v = entity_changes.c, submission_versions.c
    return (
        sa.select(c.list_name, c.uuid, c.submission_version_id, c.position, c.change)
        .add_columns(v.received_at, v.instance_id, forms.c.xml_form_id.label("form"))
        .join(submission_versions, v.id == c.submission_version_id)
        .join(forms, forms.c.id == v.form_id)
        .where(c.decision == merge.Decision.HOLD)
        .order_by(v.received_at, c.id)
    )


# ------------------------------------------------------------------ what time decides
def sweep(db: Connection, library: Library, now: datetime, patience: timedelta) -> Swept:
    """Carry out changes that have waited for `patience`, and count records about people who have
    not been registered for as long as their indicator says. Harmless to repeat.
    """
    lock_derived(db)
    return Swept(_force(db, library, now, patience), _count(db, library, now))


def _force(db: Connection, library: Library, now: datetime, patience: timedelta) -> int:
    forced: list[Key] = []
    for row in list(db.execute(_overdue(now, patience))):
        change = EntityChange(**row.change)
        key = Key(row.list_name, row.uuid)
        if not merge.must_force(change, row.is_known, row.received_at, now, patience):
            continue
        if decisions.decide(db, key, row.submission_version_id, row.position, FORCE, SYSTEM, now):
            forced.append(key)
    process.follow_entities(db, library, entities.refold(db, library, forced), now)
    return len(forced)


def _overdue(now: datetime, patience: timedelta) -> sa.Select[Any]:
    c, e = entity_changes.c, entity_rows.c
    is_known = (
        sa.select(e.id)
        .join(entity_lists, entity_lists.c.id == e.list_id)
        .where(entity_lists.c.name == c.list_name, entity_lists.c.project_id == PROJECT_ID)
        .where(e.uuid == c.uuid)
        .correlate(entity_changes)
        .exists()
    )
    return (
        _on_hold()
        .add_columns(is_known.label("is_known"))
        .where(submission_versions.c.received_at <= now - patience)
    )


def _count(db: Connection, library: Library, now: datetime) -> int:
    counted = 0
    for list_name, days in sorted(_lists_waited_for(library)):
        late = list(db.execute(_late(list_name, days, now)))
        for row in late:
            values = {
                "list_name": list_name,
                "uuid": row.subject_id,
                "submission_version_id": row.submission_version_id,
                "position": "",
                "kind": words.waited(days),
                "actor": SYSTEM,
                "at": now,
            }
            counted += insert_once(db, entity_decisions, values) is not None
        touches = [Touch(r.club_id, r.happened_on) for r in late if r.club_id and r.happened_on]
        aggregate.touch(db, library, touches, now)
    return counted


def _lists_waited_for(library: Library) -> Iterator[tuple[str, int]]:
    """Each list somebody counts who is missing from it, and after how many days."""
    found = {
        (one.of, one.after_days)
        for one in library.figures.indicators.values()
        if one.kind == "waiting"
    }
    yield from found


def _late(list_name: str, days: int, now: datetime) -> sa.Select[Any]:
    """Records that have waited so long, and are not counted yet."""
    c = records.c
    return (
        sa.select(c.subject_id, c.submission_version_id, c.club_id, c.happened_on)
        .join(submissions, submissions.c.id == c.submission_id)
        .where(
            words.waits_for_registration(records),
            c.subject_list == list_name,
            submissions.c.created_at <= now - timedelta(days=days),
            sa.not_(words.has_waited(records, days)),
        )
        .order_by(c.id)
    )
