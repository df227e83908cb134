"""One sign-in to the pages, as its cookie tells it: a working day at most, over when left alone."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from flask import session
from sqlalchemy.engine import Connection

from sync import sessions

LASTS = timedelta(hours=12)  # a working day on an office computer that many use
LEFT_ALONE = timedelta(hours=2)  # over lunch; longer, and somebody else may sit there
NOTED_EACH = timedelta(minutes=5)  # else every answer would carry the cookie
NAME, BEGUN, USED = "sign_in", "begun", "used"  # in the session; times in seconds
LANGUAGE = "language"  # in the session too, whoever sits there


def new(now: datetime) -> dict[str, str | int]:
    """What the session holds of a sign-in that begins now."""
    return {NAME: secrets.token_urlsafe(16), BEGUN: _seconds(now), USED: _seconds(now)}


def goes_on(db: Connection, now: datetime) -> bool:
    """Whether the sign-in of this session is neither over nor ended; it is noted as used."""
    name, begun, used = session.get(NAME), session.get(BEGUN, 0), session.get(USED, 0)
    at = _seconds(now)
    if at - begun >= LASTS.total_seconds() or at - used >= LEFT_ALONE.total_seconds():
        return False
    if name is None or sessions.has_ended(db, name):
        return False
    if at - used >= NOTED_EACH.total_seconds():
        session[USED] = at
    return True


def end(db: Connection, now: datetime) -> None:
    """End the sign-in of this session wherever its cookie was copied to."""
    name = session.get(NAME)
    if name is not None:
        until = datetime.fromtimestamp(session[BEGUN], UTC) + LASTS
        sessions.end_of_pages(db, name, until, now)


def forget() -> None:
    """What was sought, by name, is not for who sits down at the same computer next."""
    for name in [*session]:
        if name != LANGUAGE:
            session.pop(name)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
