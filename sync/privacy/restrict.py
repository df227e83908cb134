"""A person's data that is kept and counted, but shown to nobody except the desk, until undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import NOT_RESTRICTED, RESTRICTED_ALREADY, Refused
from sync import audit, counters, entities, made_files, process
from sync.access import Caller
from sync.database import insert_once, lock_derived
from sync.privacy import stripped
from sync.privacy.traces import Person
from sync.tables import erased_entities, restrictions

if TYPE_CHECKING:
    from forms.library import Library

c = restrictions.c


@dataclass(frozen=True, slots=True)
class Restriction:
    """Since when, and upon which request. No names."""

    request_id: int
    since: datetime


def restrict(
    db: Connection, library: Library, person: Person, number: int, caller: Caller, now: datetime
) -> None:
    """From now on she, and with her what is hers, is on no list, page, file or phone; figures count
    her. Upon request `number`.

    Refused(RESTRICTED_ALREADY), (ALREADY_ERASED).
    """
    lock_derived(db)
    stripped.require_here(db, person.uuids)
    for uuid in person.uuids:
        row = {"list_name": person.list_name, "uuid": uuid, "request_id": number}
        row |= {"actor": caller.actor, "at": now}
        if insert_once(db, restrictions, row) is None and uuid == person.key.uuid:
            raise Refused(RESTRICTED_ALREADY())
    _follow(db, library, person, now)
    made_files.forget_people(db, person.everything)
    _note(db, "restrict", person, caller, now, request=number)


def lift(db: Connection, library: Library, person: Person, caller: Caller, now: datetime) -> None:
    """She is shown as before. Refused(NOT_RESTRICTED)."""
    lock_derived(db)
    mine = sa.and_(c.uuid.in_(person.uuids), c.undone_at.is_(None))
    undone = restrictions.update().where(mine).values(undone_by=caller.actor, undone_at=now)
    if not db.execute(undone).rowcount:
        raise Refused(NOT_RESTRICTED())
    _follow(db, library, person, now)
    _note(db, "lift", person, caller, now)


def holds(db: Connection, person: Person) -> Restriction | None:
    """The one in force; the first, where there are several."""
    query = sa.select(c.request_id, c.at).where(c.uuid.in_(person.uuids), c.undone_at.is_(None))
    row = db.execute(query.order_by(c.id).limit(1)).one_or_none()
    return Restriction(*row) if row else None


def in_force(db: Connection) -> list[Restriction]:
    """One for each person who was not erased since, the newest first."""
    erased = sa.select(erased_entities.c.uuid)
    query = sa.select(c.request_id, sa.func.min(c.at))
    query = query.where(c.undone_at.is_(None), c.uuid.not_in(erased))
    query = query.group_by(c.request_id).order_by(c.request_id.desc())
    return [Restriction(*row) for row in db.execute(query)]


def _follow(db: Connection, library: Library, person: Person, now: datetime) -> None:
    applied = entities.refold(db, library, person.keys | person.theirs)
    process.follow_entities(db, library, applied, now)
    counters.bump(db, counters.LISTS)


def _note(
    db: Connection, verb: str, person: Person, caller: Caller, now: datetime, **details: Any
) -> None:
    subject = f"entity:{person.key.list_name}/{person.key.uuid}"
    audit.record(db, caller.actor, f"person.{verb}", subject, now, **details)
