"""Sign-ins. To the JSON API: a token for a day, kept as its hash; a disabled person's is void.

To the pages: a signed cookie holds all there is to know, so that a full disk lets people in; kept
is only which ended early."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.access import Caller
from sync.accounts import token_sha256
from sync.database import insert_once
from sync.tables import ended_sign_ins, sessions, users

LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in, and whose it is."""

    caller: Caller
    created_at: datetime
    expires_at: datetime


def begin(db: Connection, user_id: int, token: str, now: datetime) -> None:
    """Let this token stand for the person from now on; what has run out is swept away."""
    db.execute(sessions.delete().where(sessions.c.expires_at <= now))
    row = {
        "user_id": user_id,
        "token_sha256": token_sha256(token),
        "created_at": now,
        "expires_at": now + LASTS,
    }
    db.execute(sessions.insert(), row)


def find(db: Connection, token: str, now: datetime) -> Session | None:
    """The sign-in of this token unless it ran out or the person was disabled."""
    row = db.execute(_by_token, {"token_sha256": token_sha256(token), "now": now}).one_or_none()
    if row is None:
        return None
    caller = Caller("user", row.id, row.name, row.role, row.unit_id, row.club_id)
    return Session(caller, row.created_at, row.expires_at)


def end(db: Connection, token: str, user_id: int | None = None) -> bool:
    """End this sign-in (of this person); False when there was none."""
    mine = sa.true() if user_id is None else sessions.c.user_id == user_id
    gone = db.execute(sessions.delete().where(sessions.c.token_sha256 == token_sha256(token), mine))
    return bool(gone.rowcount)


def end_of_pages(db: Connection, name: str, until: datetime, now: datetime) -> None:
    """The sign-in of this name is over, though its cookie is good until then."""
    db.execute(ended_sign_ins.delete().where(ended_sign_ins.c.until <= now))
    insert_once(db, ended_sign_ins, {"mark": token_sha256(name), "until": until})


def has_ended(db: Connection, name: str) -> bool:
    """Whether the sign-in to the pages of this name was ended."""
    query = sa.select(sa.true()).where(ended_sign_ins.c.mark == token_sha256(name))
    return db.execute(query).first() is not None


_by_token = (
    sa.select(
        users.c.id,
        users.c.name,
        users.c.role,
        users.c.unit_id,
        users.c.club_id,
        sessions.c.created_at,
        sessions.c.expires_at,
    )
    .join(users, users.c.id == sessions.c.user_id)
    .where(
        sessions.c.token_sha256 == sa.bindparam("token_sha256"),
        sessions.c.expires_at > sa.bindparam("now"),
        users.c.disabled_at.is_(None),
    )
)
