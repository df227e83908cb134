"""What comes about somebody who was erased loses what is personal before it is read: also late."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.entities import EntityChange
from forms.erasing import keep_only, uuids_in
from forms.problems import ALREADY_ERASED, Refused
from sync.database import among, insert_many_once
from sync.tables import (
    attachments,
    doomed_blobs,
    erased_entities,
    sealed_submissions,
    submission_comments,
    submission_versions,
    submissions,
)

if TYPE_CHECKING:
    from forms.library import Library
    from forms.privacy import Privacy


def everybody(db: Connection) -> frozenset[str]:
    """The uuids of all who were erased, and of what was theirs."""
    return frozenset(db.scalars(sa.select(erased_entities.c.uuid)))


def require_here(db: Connection, uuids: Iterable[str | None]) -> None:
    """Refused(ALREADY_ERASED) where one of these was erased."""
    if not everybody(db).isdisjoint(uuids):
        raise Refused(ALREADY_ERASED())


def may_name(xml: bytes, gone: Collection[str]) -> bool:
    """Whether it is worth a closer look. Nothing is looked at while nobody was erased."""
    return bool(gone) and not uuids_in(xml).isdisjoint(gone)


def is_about(
    privacy: Privacy,
    gone: Collection[str],
    subject_id: str | None,
    changes: Iterable[EntityChange],
) -> bool:
    """Whether a form is about somebody of these, or makes something that is theirs."""
    if subject_id in gone:
        return True
    return any(
        change.uuid in gone or change.data.get(privacy.owns.get(change.list_name, "")) in gone
        for change in changes
    )


def strip(library: Library, xml_form_id: str, xml: bytes) -> bytes:
    """What stays of such a form; the same bytes where nothing more can go."""
    return keep_only(xml, library.privacy.keep.get(xml_form_id, frozenset()))


def goes_whole(library: Library, xml_form_id: str) -> bool:
    """Whether nothing stays that could count."""
    return xml_form_id not in library.privacy.keep


def keep(db: Connection, left: Mapping[int, bytes], whole: Collection[int], now: datetime) -> None:
    """Let these submission versions be what is left of them, without their files; those of `whole`
    are deleted too."""
    if not left:
        return
    v, s, a = submission_versions.c, submissions.c, attachments.c
    rewrite(db, left, now)
    doom(db, db.scalars(sa.select(a.sha256).where(a.submission_version_id.in_(left))), now)
    db.execute(attachments.delete().where(a.submission_version_id.in_(left)))
    sealed = sealed_submissions.c.submission_version_id
    db.execute(sealed_submissions.delete().where(sealed.in_(left)))
    mine = sa.select(v.submission_id).where(v.id.in_(whole))
    gone = submissions.update().where(s.id.in_(mine), s.deleted_at.is_(None))
    db.execute(gone.values(deleted_at=now))


def forget_comments(db: Connection, submission_ids: Collection[int]) -> int:
    """Blank what people said of these submissions; how many comments it was."""
    c = submission_comments.c
    said = sa.and_(c.text != "", among(db, c.submission_id, submission_ids))
    return db.execute(submission_comments.update().where(said).values(text="")).rowcount


def rewrite(db: Connection, left: Mapping[int, bytes], now: datetime) -> None:
    """Put other bytes where what was sent stood; its hash stays, by which it is known again."""
    v = submission_versions.c
    for version_id, xml in left.items():
        changed = submission_versions.update().where(v.id == version_id)
        db.execute(changed.values(xml=xml, erased_at=now))


def doom(db: Connection, hashes: Iterable[str], now: datetime) -> None:
    """Note bytes for deletion once this transaction is kept."""
    rows: list[dict[str, Any]] = [{"sha256": one, "since": now} for one in sorted(set(hashes))]
    insert_many_once(db, doomed_blobs, rows)
