"""What people said of a submission, and what they decided about it, in the order of time."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import TEXT_TOO_LONG, Refused
from forms.text import nfc
from sync import access
from sync.access import Caller, Reading
from sync.tables import submission_comments

if TYPE_CHECKING:
    from forms.library import Library

COMMENT, REVIEW, DELETE, RESTORE = "comment", "review", "delete", "restore"
LONGEST = 2_000  # letters


@dataclass(frozen=True, slots=True)
class Said:
    """One act of one person. `state` is of a review; `text` may be empty, but not of a comment."""

    id: int
    act: str
    state: str | None
    text: str
    actor: str
    at: datetime


def add(
    db: Connection,
    submission_id: int,
    act: str,
    text: str,
    actor: str,
    now: datetime,
    *,
    state: str | None = None,
    club_id: str | None = None,
) -> int:
    """Keep what somebody said or did; its number. Refused(TEXT_TOO_LONG)."""
    text = clean(text)
    if len(text) > LONGEST:
        raise Refused(TEXT_TOO_LONG(limit=LONGEST))
    values = {"act": act, "state": state, "text": text, "club_id": club_id}
    row = {"submission_id": submission_id, "actor": actor, "at": now, **values}
    made = db.execute(submission_comments.insert().returning(submission_comments.c.id), row)
    return int(made.scalar_one())


def clean(text: str) -> str:
    """NFC, without control characters but line breaks, nothing blank at its ends."""
    lines = nfc(text).replace("\r\n", "\n")
    return "".join(c for c in lines if c == "\n" or unicodedata.category(c) != "Cc").strip()


def are_for(library: Library, caller: Caller, reading: Reading) -> bool:
    """Whether the caller may hear what was said of a submission that it reads so: comments may tell
    of any answer, and are for who judges or sees them all."""
    return reading.is_whole or access.may(library, caller, "submission.review")


def read(db: Connection, submission_id: int) -> list[Said]:
    """All of one submission, the oldest first."""
    c = submission_comments.c
    query = sa.select(c.id, c.act, c.state, c.text, c.actor, c.at).order_by(c.id)
    return [Said(*row) for row in db.execute(query.where(c.submission_id == submission_id))]
