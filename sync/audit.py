"""Who did or saw what: one row per event, in the transaction of the event itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.tables import audit_events


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


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was written."""

    at: datetime
    actor: str
    action: str
    subject: str | None
    details: dict[str, Any] | None


def list_events(
    db: Connection,
    action: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    offset: int,
) -> list[Event]:
    """The newest first; `action` is one ("form.publish") or all of a kind ("form")."""
    c = audit_events.c
    query = sa.select(c.at, c.actor, c.action, c.subject, c.details)
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
