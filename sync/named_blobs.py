"""Which blobs are named by what is kept, and whether they are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.blobs import TRIAL as TRIAL_BYTES
from sync.blobs import Blobs, StoredBlob, hash_pieces
from sync.database import among
from sync.tables import attachments, form_attachments, form_versions, forms, submission_versions
from sync.verify import Difference

BATCH = 2000
MISSING = "its file is missing"
DAMAGED = "its file is damaged"
TRIAL = hash_pieces(TRIAL_BYTES).sha256


@dataclass(slots=True)
class Examined:
    """`differences`: what is named and not whole. Orphans harm nobody: a put whose transaction
    failed leaves one, and the same bytes sent again find it."""

    differences: list[Difference] = field(default_factory=list)
    named: int = 0
    orphans: int = 0
    orphan_bytes: int = 0


def named(db: Connection) -> Iterator[tuple[str, int]]:
    """SHA-256 and size of every blob that a submission or a form names, in order, each once."""
    tables = (attachments.c, form_attachments.c)
    each = sa.union_all(*(sa.select(c.sha256, c.size).where(c.sha256.is_not(None)) for c in tables))
    c = each.subquery().c
    query = sa.select(c.sha256, sa.func.max(c.size)).group_by(c.sha256).order_by(c.sha256)
    rows = db.execute(query.execution_options(yield_per=BATCH))  # asked now, not at the first row
    return (tuple(row) for row in rows)


def examine(db: Connection, blobs: Blobs, *, read_all: bool = False) -> Examined:
    """Compare what is named with what is there: by size, with `read_all` by every byte.

    Looks at the names first: a blob is put before it is named.
    """
    found, broken = Examined(), dict[str, str]()
    names, here = named(db), blobs.all()
    blob = next(here, None)
    for sha256, size in names:
        found.named += 1
        while blob is not None and blob.sha256 < sha256:
            _count_orphan(found, blob)
            blob = next(here, None)
        if blob is None or blob.sha256 != sha256:
            broken[sha256] = MISSING
            continue
        if blob.size != size or (read_all and not _is_whole(blobs, sha256)):
            broken[sha256] = DAMAGED
        blob = next(here, None)
    while blob is not None:
        _count_orphan(found, blob)
        blob = next(here, None)
    found.differences = list(_who_names(db, broken))
    return found


def _count_orphan(found: Examined, blob: StoredBlob) -> None:
    if blob.sha256 != TRIAL:
        found.orphans += 1
        found.orphan_bytes += blob.size


def _is_whole(blobs: Blobs, sha256: str) -> bool:
    with blobs.open(sha256) as source:
        return hash_pieces(source).sha256 == sha256


def _who_names(db: Connection, broken: dict[str, str]) -> Iterator[Difference]:
    """By form and instance; the name of the file may be that of a person."""
    a, f, v = attachments.c, forms.c, submission_versions.c
    sent = sa.select(f.xml_form_id, v.instance_id, a.sha256)
    sent = sent.join(submission_versions, v.id == a.submission_version_id)
    sent = sent.join(forms, f.id == v.form_id)
    for row in db.execute(sent.where(among(db, a.sha256, broken)).order_by(a.id)):
        key = f"{row.xml_form_id} {row.instance_id} {row.sha256}"
        yield Difference(attachments.name, key, broken[row.sha256])
    m, w = form_attachments.c, form_versions.c
    given = sa.select(f.xml_form_id, w.version, m.sha256)
    given = given.join(form_versions, w.id == m.form_version_id).join(forms, f.id == w.form_id)
    for row in db.execute(given.where(among(db, m.sha256, broken)).order_by(m.id)):
        key = f"{row.xml_form_id} {row.version} {row.sha256}"
        yield Difference(form_attachments.name, key, broken[row.sha256])
