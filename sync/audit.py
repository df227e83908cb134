"""Who did or saw what: one row per event, in the transaction of the event itself."""

from __future__ import annotations

from datetime import datetime

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
