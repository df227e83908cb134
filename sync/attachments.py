"""Files of submissions: which are named, which are here, which are on a phone; the way out.

What is named follows from the XML and stands in `expected_attachments`. A file sent with one
version serves every version of the submission that names it and brought no file of that name.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms import file_kinds, photos
from forms.file_names import as_written, file_name
from forms.instance import read_instance
from forms.problems import NOT_FOUND, PLACE_IN_PICTURE, Refused
from sync.blobs import Blobs
from sync.chain import lineage, read_chain
from sync.tables import (
    attachments,
    expected_attachments,
    forms,
    submission_versions,
    submissions,
)

UNKNOWN_TYPE = "application/octet-stream"
SEALED = ".enc"  # the answers of a form that a key opened name the files inside the sealed ones


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file name of a submission version.

    sha256, size   of the bytes that are served; None = not here yet
    version_id     of the version the bytes came with: an earlier one where they were carried over
    is_named       an answer (or meta/audit) names it; else it only came along
    others         how many other contents came under this name with that version; all are kept
    """

    name: str
    is_named: bool
    sha256: str | None = None
    size: int | None = None
    content_type: str | None = None
    received_at: datetime | None = None
    version_id: int | None = None
    others: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that the current version of a submission names and no POST has brought."""

    form: str
    instance_id: str  # the submission's own, that of its first version
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way out. `name` as the form wrote it; `pieces` are its `size` bytes.

    Whoever does not read them to the end closes them.
    """

    name: str
    content_type: str
    size: int
    etag: str
    pieces: Generator[bytes]


# ------------------------------------------------------------------ what is named
def expect(db: Connection, named: Mapping[int, Collection[str]]) -> None:
    """Let each of these submission versions (by id) name exactly these files."""
    c = expected_attachments.c
    known: dict[int, set[str]] = {version_id: set() for version_id in named}
    query = sa.select(c.id, c.submission_version_id, c.name)
    surplus = []
    for row in db.execute(query.where(c.submission_version_id.in_(named))):
        if row.name in named[row.submission_version_id]:
            known[row.submission_version_id].add(row.name)
        else:
            surplus.append(row.id)
    if surplus:
        db.execute(expected_attachments.delete().where(c.id.in_(surplus)))
    new = [
        {"submission_version_id": version_id, "name": name}
        for version_id, names in named.items()
        for name in sorted(set(names) - known[version_id])
    ]
    if new:
        db.execute(expected_attachments.insert(), new)


# ------------------------------------------------------------------ what is here
def of_version(db: Connection, version_id: int) -> list[Attachment]:
    """The files of a submission version: what it names, in order, then what else came with it."""
    c = submission_versions.c
    owner = db.execute(sa.select(c.submission_id).where(c.id == version_id)).scalar_one()
    order = lineage(read_chain(db, owner), version_id)
    e = expected_attachments.c
    query = sa.select(e.name).where(e.submission_version_id == version_id).order_by(e.id)
    named = list(db.execute(query).scalars())
    return serve(named, order, _sent_with(db, order))


def serve(
    named: Iterable[str], order: Sequence[int], sent: Mapping[int, Sequence[Attachment]]
) -> list[Attachment]:
    """Which bytes stand for each name. `order`: versions, the asked one first, nearest next.

    Of two contents under one name in one version the newer is served.
    """
    best: dict[str, Attachment] = {}
    for version_id in order:
        here: dict[str, Attachment] = {}
        for one in sent.get(version_id, ()):  # in the order of arrival
            before = here.get(one.name)
            here[one.name] = replace(one, others=before.others + 1) if before else one
        for name, one in here.items():
            best.setdefault(name, one)
    here_or_not = (best.get(n) or best.get(n + SEALED) or Attachment(n, True) for n in named)
    found = [replace(one, is_named=True) for one in here_or_not]
    names = {one.name for one in found}
    along = (one for name, one in sorted(best.items()) if name not in names)
    return [*found, *(one for one in along if one.version_id == order[0])]


def _sent_with(db: Connection, version_ids: Sequence[int]) -> dict[int, list[Attachment]]:
    c = attachments.c
    query = sa.select(attachments).where(c.submission_version_id.in_(version_ids))
    found: dict[int, list[Attachment]] = {version_id: [] for version_id in version_ids}
    for row in db.execute(query.order_by(c.received_at, c.id)):
        found[row.submission_version_id].append(
            Attachment(
                name=row.name,
                is_named=False,
                sha256=row.sha256,
                size=row.size,
                content_type=row.content_type,
                received_at=row.received_at,
                version_id=row.submission_version_id,
            )
        )
    return found


# ------------------------------------------------------------------ what is missing
def missing(db: Connection) -> list[Missing]:
    """Files that submissions in force name and nobody sent yet, the oldest first."""
    v = submission_versions.c
    query = (
        _missing(forms.c.xml_form_id, submissions.c.instance_id, expected_attachments.c.name)
        .add_columns(v.received_at.label("since"))
        .order_by(v.received_at, v.id, expected_attachments.c.id)
    )
    return [Missing(*row) for row in db.execute(query)]


def newest(db: Connection, limit: int) -> list[str]:
    """The hashes of the files that came last."""
    query = sa.select(attachments.c.sha256).order_by(attachments.c.id.desc()).limit(limit)
    return list(db.execute(query).scalars())


def count_missing(db: Connection) -> tuple[int, datetime | None]:
    """How many, and since when the oldest."""
    query = _missing(sa.func.count(), sa.func.min(submission_versions.c.received_at))
    row = db.execute(query).one()
    return row[0], row[1]


def how_many_missing() -> sa.ScalarSelect[int]:
    """Of the submission in an outer query: how many files nobody sent that its version names."""
    e = expected_attachments.c
    mine = e.submission_version_id == submissions.c.current_version_id
    query = sa.select(sa.func.count(e.id)).where(mine, ~_came())
    return query.correlate(submissions).scalar_subquery()


def _missing(*columns: Any) -> sa.Select[Any]:
    e, v, s = expected_attachments.c, submission_versions.c, submissions.c
    return (
        sa.select(*columns)
        .select_from(expected_attachments)
        .join(submission_versions, v.id == e.submission_version_id)
        .join(submissions, s.current_version_id == v.id)
        .join(forms, forms.c.id == s.form_id)
        .where(s.deleted_at.is_(None), ~_came())
    )


def _came() -> sa.Exists:
    """Whether any version of the submission brought a file of the expected name."""
    c, v, e = attachments.c, submission_versions.alias().c, expected_attachments.c
    return (
        sa.select(c.id)
        .where(v.submission_id == submissions.c.id, c.submission_version_id == v.id)
        .where(c.name.in_([e.name, e.name + SEALED]))
        .correlate(submissions, expected_attachments)
        .exists()
    )


# ------------------------------------------------------------------ the way out
def open_for_download(
    db: Connection, blobs: Blobs, version_id: int, name: str, *, as_sent: bool = False
) -> Download:
    """A file of a submission version, by its name in any Unicode form; pictures without place.

    Refused(NOT_FOUND) for what the version does not have; Refused(PLACE_IN_PICTURE) for a picture
    whose place cannot be taken out. `as_sent` keeps it in: for the operator, and audited.
    """
    wanted = file_name(name)
    file = next((one for one in of_version(db, version_id) if one.name == wanted), None)
    if file is None or file.sha256 is None:
        raise Refused(NOT_FOUND())
    c = submission_versions.c
    xml = db.execute(sa.select(c.xml).where(c.id == version_id)).scalar_one()
    written = as_written(file.name, read_instance(xml).root)
    return open_file(blobs, file, written, as_sent=as_sent)


def open_file(blobs: Blobs, file: Attachment, written: str, *, as_sent: bool = False) -> Download:
    """The bytes of a file that is here, under the name `written`."""
    assert file.sha256 is not None
    source = blobs.open(file.sha256)
    try:
        kind = _type(file.name, source.read(file_kinds.HEAD))
        source.seek(0)
        plan = way_out(source, file.name, file.content_type, file.size or 0, as_sent=as_sent)
    except BaseException:
        source.close()
        raise
    return Download(
        name=written,
        content_type=kind,
        size=photos.size_of(plan),
        etag=f"{file.sha256[:32]}{'-as-sent' if as_sent else ''}",
        pieces=_closing(source, photos.pieces(source, plan)),
    )


def way_out(
    source: BinaryIO, name: str, content_type: str | None, size: int, *, as_sent: bool
) -> photos.Plan:
    """What leaves of a file: all of it, of a picture all but its place.

    Refused(PLACE_IN_PICTURE) when the place cannot be taken out.
    """
    if as_sent or not photos.is_picture(source.read(photos.HEAD), name, content_type):
        return [photos.Span(0, size)]
    plan = photos.freed(source)
    if plan is None:
        raise Refused(PLACE_IN_PICTURE())
    return plan


def _type(name: str, head: bytes) -> str:
    """By the name, as a browser would, where the bytes do not belie it; what the phone says of a
    file is not to be trusted."""
    if file_kinds.belied_ending(name, head) is not None:
        return UNKNOWN_TYPE
    return mimetypes.guess_type(name)[0] or UNKNOWN_TYPE


def _closing(source: BinaryIO, pieces: Iterator[bytes]) -> Generator[bytes]:
    with source:
        yield from pieces
