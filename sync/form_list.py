"""Every form there is, for who looks after them: versions, what was sent, how it stands."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.accounts import DRAFTS_ID
from sync.tables import form_attachments, form_versions, forms, submissions

DRAFT, DRAFT_ENDED = "draft", "draft ended"


@dataclass(frozen=True, slots=True)
class FormLine:
    """One form, or one that is or was being tried out.

    state: open | closing | closed | deleted; of a draft DRAFT or DRAFT_ENDED. missing: files not
    here yet.
    """

    xml_form_id: str
    title: str
    state: str
    version: str | None
    versions: int
    submissions: int
    encrypted: bool
    missing: tuple[str, ...]


def read_forms(db: Connection) -> list[FormLine]:
    """All of them by title, each draft below the form it is of."""
    v, s, c = form_versions.c, submissions.c, forms.c
    count = sa.func.count()
    versions = sa.select(count).where(v.form_id == c.id).correlate(forms).scalar_subquery()
    sent = sa.select(count).where(s.form_id == c.id, s.deleted_at.is_(None))
    query = (
        sa.select(
            forms,
            versions.label("versions"),
            sent.correlate(forms).scalar_subquery().label("sent"),
            v.version,
        )
        .outerjoin(form_versions, v.id == c.current_version_id)
        .order_by(c.title, c.xml_form_id, c.project_id)
    )
    rows = db.execute(query).all()
    missing = _missing(db, [row.current_version_id for row in rows])
    return [
        FormLine(
            xml_form_id=row.xml_form_id,
            title=row.title,
            state=_state(row.project_id, row.state),
            version=row.version,
            versions=row.versions,
            submissions=row.sent,
            encrypted=row.public_key is not None,
            missing=tuple(missing.get(row.current_version_id, ())),
        )
        for row in rows
    ]


def _state(project_id: int, state: str) -> str:
    if project_id != DRAFTS_ID:
        return state
    return DRAFT if state == "open" else DRAFT_ENDED


def _missing(db: Connection, version_ids: list[int]) -> dict[int, list[str]]:
    c = form_attachments.c
    query = sa.select(c.form_version_id, c.filename).order_by(c.filename)
    not_here = (c.sha256.is_(None), c.list_name.is_(None), c.form_version_id.in_(version_ids))
    found: dict[int, list[str]] = {}
    for row in db.execute(query.where(*not_here)):
        found.setdefault(row.form_version_id, []).append(row.filename)
    return found
