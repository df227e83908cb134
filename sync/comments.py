"""What people said of a submission, and what they decided about it, in the order of time."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import TEXT_TOO_LONG, Refused
from forms.text import nfc
from sync.access import Caller, Reading
from sync.tables import submission_comments, users

if TYPE_CHECKING:
    from forms.library import Library

COMMENT, REVIEW, DELETE, RESTORE = "comment", "review", "delete", "restore"
LONGEST = 2_000  # letters


@dataclass(frozen=True, slots=True)
class Said:
    """One act of one person. `state` is of a review; `text` may be empty, but not of a comment.
    role: of the actor at that time; None of the operator."""

    id: int
    act: str
    state: str | None
    text: str
    actor: str
    at: datetime
    role: str | None


class Filed(NamedTuple):
    """Under which club, and about whom, a submission's record is filed."""

    club_id: str | None = None
    subject_id: str | None = None


NOWHERE = Filed()


def add(
    db: Connection,
    submission_id: int,
    act: str,
    text: str,
    actor: str,
    now: datetime,
    *,
    state: str | None = None,
    filed: Filed = NOWHERE,
) -> int:
    """Keep what somebody said or did; its number. filed: of what is deleted, until then.

    Refused(TEXT_TOO_LONG).
    """
    text = clean(text)
    if len(text) > LONGEST:
        raise Refused(TEXT_TOO_LONG(limit=LONGEST))
    values = {"act": act, "state": state, "text": text, **filed._asdict()}
    row = {"submission_id": submission_id, "actor": actor, "at": now, **values}
    row["role"] = _role(db, actor)
    made = db.execute(submission_comments.insert().returning(submission_comments.c.id), row)
    return int(made.scalar_one())


def clean(text: str) -> str:
    """NFC, without control characters but line breaks, nothing blank at its ends."""
    lines = nfc(text).replace("\r\n", "\n")
    return "".join(c for c in lines if c == "\n" or unicodedata.category(c) != "Cc").strip()


def _role(db: Connection, actor: str) -> str | None:
    _, _, number = actor.partition(":")
    return db.scalar(sa.select(users.c.role).where(users.c.id == int(number))) if number else None


def read_for(
    db: Connection,
    library: Library,
    caller: Caller,
    xml_form_id: str,
    reading: Reading,
    submission_id: int,
) -> list[Said]:
    """What the caller, who reads the submission so, may hear of it, the oldest first: its own
    words, and those of whoever could read no answer that it may not: they may tell of any."""
    rule = library.rules.get(xml_form_id)

    def is_heard(said: Said) -> bool:
        if reading.is_whole or said.actor == caller.actor:
            return True
        author = rule.readers.get(said.role) if rule and said.role else None
        return author is not None and reading.without <= set(author.without)

    return [said for said in read(db, submission_id) if is_heard(said)]


def read(db: Connection, submission_id: int) -> list[Said]:
    """All of one submission, the oldest first."""
    c = submission_comments.c
    query = sa.select(c.id, c.act, c.state, c.text, c.actor, c.at, c.role).order_by(c.id)
    return [Said(*row) for row in db.execute(query.where(c.submission_id == submission_id))]
