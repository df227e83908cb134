"""Who did or saw what, and whom: one row per event, in the transaction of the event itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.tables import audit_events, seen_people


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


def who_saw(
    db: Connection, list_name: str, uuids: Iterable[str], limit: int | None = None
) -> list[Event]:
    """The events that showed any of these entries of a list, the newest first."""
    c, p = audit_events.c, seen_people.c
    shown = sa.select(p.event_id).where(p.list_name == list_name, p.uuid.in_(sorted(uuids)))
    query = _events.where(c.id.in_(shown))
    return [Event(*row) for row in db.execute(query.order_by(c.id.desc()).limit(limit))]
