"""Submissions and all their versions: found, read back byte for byte, compared, judged, deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.difference import Filled
from forms.instance import one_id, read_instance, spellings
from forms.problems import UNKNOWN_SUBMISSION, Refused
from forms.schema import read_schema
from sync import audit, comments, queue
from sync.accounts import DRAFTS_ID, PROJECT_ID
from sync.attachments import how_many_missing
from sync.database import is_sqlite
from sync.receive import PROCESS
from sync.tables import (
    app_users,
    form_versions,
    forms,
    received,
    records,
    sealed_submissions,
    submission_versions,
    submissions,
    users,
)

REVIEWS = ("approved", "hasIssues", "rejected")


@dataclass(frozen=True, slots=True)
class Submission:
    """One thing that happened, whatever was sent of it. Its id is its first version's for ever."""

    id: int
    project_id: int
    form: str
    instance_id: str
    current_version_id: int
    review_state: str | None
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """One content that was sent of a submission. `number` counts from 1 in the order of arrival.

    outcome   of its first POST: new | edited | different
    posts     how many POSTs brought it, wholly or in part
    """

    id: int
    number: int
    instance_id: str
    deprecated_id: str | None
    form_version: str
    received_at: datetime
    sender: str | None
    device_id: str | None
    outcome: str
    posts: int
    is_current: bool
    problems: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A submission in a list: no answers."""

    form: str
    instance_id: str
    received_at: datetime
    versions: int
    review_state: str | None
    deleted_at: datetime | None
    missing_files: int
    flags: tuple[str, ...]


# ------------------------------------------------------------------ finding
def find(db: Connection, form: str, instance_id: str, project_id: int = PROJECT_ID) -> Submission:
    """The submission of a form, by the instanceID of any of its versions, however it is spelt.

    A deleted one too. Refused(UNKNOWN_SUBMISSION).
    """
    s, v = submissions.c, submission_versions.c
    names = spellings(instance_id)
    asked = sa.select(forms.c.id).where(
        forms.c.project_id == project_id, forms.c.xml_form_id == form
    )
    form_id = asked.scalar_subquery()
    # Not joined by OR: then neither index would be used, and every submission read.
    own = sa.select(s.id).where(s.form_id == form_id, s.instance_id.in_(names))
    by_version = sa.select(v.submission_id).where(v.form_id == form_id, v.instance_id.in_(names))
    query = (
        sa.select(s.id, forms.c.project_id, forms.c.xml_form_id, s.instance_id)
        .add_columns(s.current_version_id, s.review_state, s.created_at, s.deleted_at)
        .join(forms, forms.c.id == s.form_id)
        .where(s.id.in_(own.union(by_version)))
    )
    found = [Submission(*row) for row in db.execute(query)]
    if not found:
        raise Refused(UNKNOWN_SUBMISSION(form=form[:80]))
    # Its own id before a later version's, and the very spelling before another.
    return min(found, key=lambda one: (one.instance_id != instance_id, one.id))


def list_submissions(
    db: Connection,
    form: str | None = None,
    *,
    missing_files: bool = False,
    flagged: bool = False,
    limit: int = 100,
) -> list[Listed]:
    """The newest first, deleted ones too, unless only what needs a person is asked for."""
    s, v = submissions.c, submission_versions.c
    missing = how_many_missing()
    query = (
        sa.select(s.id, forms.c.xml_form_id, s.instance_id, v.received_at, s.review_state)
        .add_columns(s.deleted_at, missing.label("missing"))
        .join(forms, forms.c.id == s.form_id)
        .join(submission_versions, v.id == s.current_version_id)
        .where(forms.c.project_id == PROJECT_ID)
        .order_by(v.received_at.desc(), s.id.desc())
        .limit(limit)
    )
    if form is not None:
        query = query.where(forms.c.xml_form_id == form)
    if missing_files:
        query = query.where(missing > 0, s.deleted_at.is_(None))
    if flagged:
        query = query.where(is_flagged(db), s.deleted_at.is_(None))
    rows = db.execute(query).all()
    flags, counts = _flags(db, [row.id for row in rows])
    return [
        Listed(
            form=row.xml_form_id,
            instance_id=row.instance_id,
            received_at=row.received_at,
            versions=counts[row.id],
            review_state=row.review_state,
            deleted_at=row.deleted_at,
            missing_files=row.missing,
            flags=tuple(flags[row.id]),
        )
        for row in rows
    ]


def is_flagged(db: Connection) -> sa.ColumnElement[bool]:
    """Of `submissions`: whether any version, or what was read of it, gives a person something to
    look at."""
    size = sa.func.json_array_length if is_sqlite(db) else sa.func.jsonb_array_length
    v, r = submission_versions.alias().c, records.c
    arrived = sa.select(v.id).where(v.submission_id == submissions.c.id, size(v.problems) > 0)
    read = sa.select(r.id).where(r.submission_id == submissions.c.id, size(r.problems) > 0)
    return sa.or_(arrived.exists(), read.exists())


def _flags(
    db: Connection, submission_ids: Sequence[int]
) -> tuple[dict[int, dict[str, None]], dict[int, int]]:
    """Codes of all flags, each once, and the number of versions, by submission."""
    flags: dict[int, dict[str, None]] = defaultdict(dict)
    counts: dict[int, int] = defaultdict(int)
    v, r = submission_versions.c, records.c
    arrived = sa.select(v.submission_id, v.problems).where(v.submission_id.in_(submission_ids))
    for submission_id, problems in db.execute(arrived.order_by(v.id)):
        counts[submission_id] += 1
        flags[submission_id].update((one["code"], None) for one in problems)
    read = sa.select(r.submission_id, r.problems).where(r.submission_id.in_(submission_ids))
    for submission_id, problems in db.execute(read.where(r.table_path == "")):
        flags[submission_id].update((one["code"], None) for one in problems)
    return flags, counts


# ------------------------------------------------------------------ versions
def history(db: Connection, submission: Submission) -> list[Version]:
    """All versions, in the order of arrival."""
    v, who = submission_versions.c, sa.func.coalesce(app_users.c.name, users.c.name)
    query = (
        sa.select(submission_versions, who.label("sender"))
        .outerjoin(app_users, app_users.c.id == v.app_user_id)
        .outerjoin(users, users.c.id == v.user_id)
        .where(v.submission_id == submission.id)
        .order_by(v.id)
    )
    rows = db.execute(query).all()
    posts: dict[int, list[str]] = {row.id: [] for row in rows}
    c = received.c
    mine = sa.select(c.submission_version_id, c.outcome).where(c.submission_version_id.in_(posts))
    for row in db.execute(mine.order_by(c.id)):
        posts[row.submission_version_id].append(row.outcome)
    return [
        Version(
            id=row.id,
            number=number,
            instance_id=row.instance_id,
            deprecated_id=row.deprecated_id,
            form_version=row.version,
            received_at=row.received_at,
            sender=row.sender,
            device_id=row.device_id,
            outcome=posts[row.id][0] if posts[row.id] else "new",
            posts=len(posts[row.id]),
            is_current=row.id == submission.current_version_id,
            problems=row.problems,
        )
        for number, row in enumerate(rows, 1)
    ]


def flags_of(db: Connection, version: Version) -> list[dict[str, Any]]:
    """What a person should know of one version, as kept: seen when it came, then when read."""
    r = records.c
    read = sa.select(r.problems).where(r.submission_version_id == version.id, r.table_path == "")
    found = [*version.problems, *(one for row in db.scalars(read) for one in row)]
    return list({one["code"]: one for one in found}.values())


def before(versions: Sequence[Version], version: Version) -> Version | None:
    """What this version came to replace: what it edits, else the first of its instance."""
    wanted = one_id(version.deprecated_id or version.instance_id)
    same = (one for one in versions if one_id(one.instance_id) == wanted and one.id != version.id)
    return next(same, None)


def get_xml(db: Connection, version_id: int) -> bytes:
    """The very bytes that were sent."""
    c = submission_versions.c
    return bytes(db.execute(sa.select(c.xml).where(c.id == version_id)).scalar_one())


def get_filled(db: Connection, version_id: int) -> Filled:
    """A version beside the form version it is read with; of an encrypted one what a key opened."""
    v, f, sealed = submission_versions.c, form_versions.c, sealed_submissions.c
    query = (
        sa.select(sa.func.coalesce(sealed.xml, v.xml).label("xml"), f.xform)
        .select_from(submission_versions)
        .join(forms, forms.c.id == v.form_id)
        .join(
            form_versions, f.id == sa.func.coalesce(v.form_version_id, forms.c.current_version_id)
        )
        .outerjoin(sealed_submissions, sealed.submission_version_id == v.id)
        .where(v.id == version_id)
    )
    row = db.execute(query).one()
    return Filled(read_schema(bytes(row.xform)), read_instance(bytes(row.xml)))


# ------------------------------------------------------------------ what a person decides
def review(
    db: Connection, one: Submission, state: str | None, actor: str, now: datetime, words: str = ""
) -> None:
    """Say what the submission is worth: REVIEWS, or None to take it back; figures follow.

    `words` say why, here and below: Refused(TEXT_TOO_LONG).
    """
    if state not in (*REVIEWS, None):
        raise ValueError(f"no such review: {state}")
    _decide(db, one, {"review_state": state}, actor, "submission.review", now, state=state)
    comments.add(db, one.id, comments.REVIEW, words, actor, now, state=state)


def delete(db: Connection, one: Submission, actor: str, now: datetime, words: str = "") -> None:
    """Out of lists and figures; kept, also when it is sent again. Entities it made stay."""
    values = {"deleted_at": one.deleted_at or now}
    _decide(db, one, values, actor, "submission.delete", now)
    filed = _filed(db, one)  # its records go: who may see it then is known from here
    comments.add(db, one.id, comments.DELETE, words, actor, now, filed=filed)


def restore(db: Connection, one: Submission, actor: str, now: datetime, words: str = "") -> None:
    """Take the deleting back."""
    _decide(db, one, {"deleted_at": None}, actor, "submission.restore", now)
    comments.add(db, one.id, comments.RESTORE, words, actor, now)


def _filed(db: Connection, one: Submission) -> comments.Filed:
    r = records.c
    query = sa.select(r.club_id, r.subject_id).where(r.table_path == "")
    row = db.execute(query.where(r.submission_version_id == one.current_version_id)).first()
    return comments.Filed(*row) if row else comments.NOWHERE


def _decide(
    db: Connection,
    one: Submission,
    values: dict[str, Any],
    actor: str,
    action: str,
    now: datetime,
    **details: object,
) -> None:
    db.execute(submissions.update().where(submissions.c.id == one.id).values(**values))
    audit.record(db, actor, action, f"submission:{one.id}", now, **details)
    if one.project_id != DRAFTS_ID:
        queue.add(db, PROCESS, one.current_version_id, now=now)
