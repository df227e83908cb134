"""Encrypted submissions: which wait for their key, and what a key opened, kept beside the envelope.

The plain XML is kept once it is opened, so that everything derived can be computed again without
the key; the key itself never comes into this room.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import ENCRYPTED, Problem
from sync import queue
from sync.accounts import DRAFTS_ID
from sync.receive import PROCESS
from sync.tables import attachments, forms, sealed_submissions, submission_versions


@dataclass(frozen=True, slots=True)
class Sealed:
    """An envelope that nobody has opened. `files`: SHA-256 of those that are here, by name."""

    submission_version_id: int
    xml: bytes
    files: Mapping[str, str]


def waiting(db: Connection, limit: int, *, again: bool = False, after: int = 0) -> list[Sealed]:
    """Envelopes to try a key on, by id, beyond `after`; those a key failed on only with `again`."""
    c, v = sealed_submissions.c, submission_versions.c
    query = (
        sa.select(v.id, v.xml)
        .join(sealed_submissions, c.submission_version_id == v.id)
        .where(c.xml.is_(None), v.id > after)
        .order_by(v.id)
        .limit(limit)
    )
    found = db.execute(query if again else query.where(c.problem.is_(None))).all()
    files: dict[int, dict[str, str]] = defaultdict(dict)
    of_version = attachments.c.submission_version_id
    names = sa.select(of_version, attachments.c.name, attachments.c.sha256)
    mine = names.where(of_version.in_([row.id for row in found]))
    for row in db.execute(mine.order_by(attachments.c.id)):  # of two of one name the newer counts
        files[row.submission_version_id][row.name] = row.sha256
    return [Sealed(row.id, bytes(row.xml), files[row.id]) for row in found]


def keep_opened(db: Connection, version_id: int, xml: bytes, now: datetime) -> None:
    """Keep the plain XML and have the submission processed; harmless to repeat."""
    mine = sealed_submissions.c.submission_version_id == version_id
    values = {"xml": xml, "opened_at": now, "problem": None}
    db.execute(sealed_submissions.update().where(mine).values(values))
    _forget_flag(db, version_id)
    project = sa.select(forms.c.project_id).join(
        submission_versions, submission_versions.c.form_id == forms.c.id
    )
    if db.scalar(project.where(submission_versions.c.id == version_id)) != DRAFTS_ID:
        queue.add(db, PROCESS, version_id, now=now)


def _forget_flag(db: Connection, version_id: int) -> None:
    """Opened, it is no longer encrypted to anybody who looks for what needs a person."""
    v = submission_versions.c
    known = db.execute(sa.select(v.problems).where(v.id == version_id)).scalar_one()
    left = [one for one in known if one["code"] != ENCRYPTED.code]
    db.execute(submission_versions.update().where(v.id == version_id).values(problems=left))


def note_problem(db: Connection, version_id: int, problem: Problem) -> None:
    """Remember why a key did not open it, so that a worker does not try at every turn."""
    mine = sealed_submissions.c.submission_version_id == version_id
    db.execute(sealed_submissions.update().where(mine).values(problem=problem.code))


def count_waiting(db: Connection) -> int:
    """How many submissions nobody has opened yet."""
    query = sa.select(sa.func.count()).select_from(sealed_submissions)
    return int(db.execute(query.where(sealed_submissions.c.xml.is_(None))).scalar_one())
