"""Who did or saw what, and whom: one row per event, in the transaction of the event itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.periods import months_before
from sync.database import among
from sync.tables import audit_events, seen_people

AT_ONCE = 5000


def record(
    db: Connection, actor: str, action: str, subject: str | None, now: datetime, **details: object
) -> None:
    """Write one event. `actor` is "user:3", "app_user:7" or "system"; no personal data."""
    db.execute(
        audit_events.insert(),
        {
            "at": now,
            "actor": actor,
            "action": action,
            "subject": subject,
            "details": details or None,
        },
    )


def saw(
    db: Connection,
    actor: str,
    action: str,
    people: Iterable[tuple[str, str]],
    now: datetime,
    **details: object,
) -> None:
    """Write one event that showed or handed out these people (list, uuid) by name; of nobody, none.

    A page of a list, or a file, is one event. `details` say which page or file, never who.
    """
    seen = sorted(set(people))
    if not seen:
        return
    event = {"at": now, "actor": actor, "action": action, "details": details or None}
    made = db.execute(audit_events.insert().returning(audit_events.c.id), event).scalar_one()
    rows = [{"event_id": made, "list_name": name, "uuid": uuid} for name, uuid in seen]
    db.execute(seen_people.insert(), rows)


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was written."""

    at: datetime
    actor: str
    action: str
    subject: str | None
    details: dict[str, Any] | None
    id: int


_c = audit_events.c
_events = sa.select(_c.at, _c.actor, _c.action, _c.subject, _c.details, _c.id)


def list_events(
    db: Connection,
    action: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    offset: int,
    *,
    actor: str | None = None,
    subject: str | None = None,
    before: int | None = None,
) -> list[Event]:
    """The newest first; `action` is one ("form.publish") or all of a kind ("form").

    `before`: the id of the last event that was had, for a page after a page.
    """
    c = audit_events.c
    query = _events
    if actor is not None:
        query = query.where(c.actor == actor)
    if subject is not None:
        query = query.where(c.subject == subject)
    if before is not None:
        query = query.where(c.id < before)
    if action is not None:
        query = query.where(
            sa.or_(c.action == action, c.action.startswith(f"{action}.", autoescape=True))
        )
    if start is not None:
        query = query.where(c.at >= start)
    if end is not None:
        query = query.where(c.at < end)
    rows = db.execute(query.order_by(c.id.desc()).limit(limit).offset(offset))
    return [Event(*row) for row in rows]


def forget_old(db: Connection, now: datetime, months: int | None, keep: Sequence[str] = ()) -> int:
    """Delete the oldest events that were kept so many months, and whom they showed; how many: not
    all at once, for phones wait. Not those whose action begins as one of `keep` does."""
    if months is None:
        return 0
    before, c = months_before(vietnam_day(now), months), audit_events.c
    kept = sa.or_(sa.false(), *(c.action.startswith(one, autoescape=True) for one in keep))
    oldest = sa.select(c.id, c.at).where(~kept).order_by(c.id).limit(AT_ONCE)
    ids = [row.id for row in db.execute(oldest) if vietnam_day(row.at) < before]
    if ids:
        db.execute(seen_people.delete().where(among(db, seen_people.c.event_id, ids)))
        db.execute(audit_events.delete().where(among(db, c.id, ids)))
        record(db, "system", "audit.forget", None, now, count=len(ids), before=str(before))
    return len(ids)


def who_saw(
    db: Connection, list_name: str, uuids: Iterable[str], limit: int | None = None
) -> list[Event]:
    """The events that showed any of these entries of a list, the newest first."""
    c, p = audit_events.c, seen_people.c
    shown = sa.select(p.event_id).where(p.list_name == list_name, p.uuid.in_(sorted(uuids)))
    query = _events.where(c.id.in_(shown))
    return [Event(*row) for row in db.execute(query.order_by(c.id.desc()).limit(limit))]
