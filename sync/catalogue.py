"""What one caller may download: forms, their files, and entity lists cut to the caller's own rows.

Whole or not at all: a phone deletes what a list leaves out, so a list that cannot be made whole
raises, and never comes out shorter (protocol §2.6, §3.4).
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from forms.days import vietnam_day
from forms.problems import NOT_ALLOWED, NOT_FOUND, UNKNOWN_FORM, Refused
from forms.text import name_key
from sync import access
from sync.access import Caller
from sync.tables import entities, entity_lists, form_attachments, form_versions, forms

if TYPE_CHECKING:
    from forms.library import Download, Library

CSV_PIECE = 500  # rows per piece of a streamed list


@dataclass(frozen=True, slots=True)
class ListedForm:
    """One line of the form list; `md5` is of the very bytes get_xform gives."""

    xml_form_id: str
    title: str
    version: str
    md5: str
    has_manifest: bool


@dataclass(frozen=True, slots=True)
class XForm:
    """A form's document and the MD5 hex of its bytes."""

    xform: bytes
    md5: str


@dataclass(frozen=True, slots=True)
class Source:
    """A form as its designer wrote it; kind: md | xlsx | csv | xml."""

    title: str
    version: str
    source: bytes
    kind: str
    xform: bytes


@dataclass(frozen=True, slots=True)
class MediaEntry:
    """A file of a form. Either `list_name` (serve entity_csv; `hash` marks the caller's slice)
    or `sha256` (serve the blob; `hash` is its MD5 hex)."""

    filename: str
    hash: str
    list_name: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows and properties of one list that one caller may have.

    `clubs` None = of every club.
    """

    list_id: int
    properties: tuple[str, ...]
    clubs: frozenset[str] | None
    where: Mapping[str, Sequence[str]]
    any_of: Sequence[Mapping[str, Sequence[str]]]

    def condition(self) -> sa.ColumnElement[bool]:
        """Which rows of `entities` are in the slice."""
        conditions = [entities.c.list_id == self.list_id, entities.c.deleted_at.is_(None)]
        if self.clubs is not None:
            conditions.append(entities.c.club_id.in_(sorted(self.clubs)))
        conditions.append(_all(self.where))
        if self.any_of:
            conditions.append(sa.or_(*(_all(case) for case in self.any_of)))
        return sa.and_(*conditions)


def _all(where: Mapping[str, Sequence[str]]) -> sa.ColumnElement[bool]:
    """As Download.takes says it: a property that is not there is blank."""
    texts = {name: sa.func.coalesce(entities.c.data[name].as_string(), "") for name in where}
    return sa.and_(sa.true(), *(texts[name].in_(list(codes)) for name, codes in where.items()))


# ------------------------------------------------------------------ forms


def list_forms(db: Connection, library: Library, caller: Caller) -> list[ListedForm]:
    """The open forms the caller's role fills in, by title; one that is closing or closed is not."""
    query = sa.select(
        forms.c.xml_form_id,
        forms.c.title,
        form_versions.c.version,
        form_versions.c.md5,
        sa.exists().where(_is_attached(form_versions.c.id)).label("has_manifest"),
    ).join(form_versions, form_versions.c.id == forms.c.current_version_id)
    rows = db.execute(query.where(forms.c.state == "open"))
    listed = [ListedForm(**row._mapping) for row in rows if _fills_in(library, caller, row[0])]
    return sorted(listed, key=lambda form: (form.title, form.xml_form_id))


def get_xform(db: Connection, library: Library, caller: Caller, xml_form_id: str) -> XForm:
    """What phones get of a form; Refused(UNKNOWN_FORM) unless the caller fills it in."""
    version_id = _current_version(db, library, caller, xml_form_id)
    query = sa.select(form_versions.c.xform, form_versions.c.md5)
    row = db.execute(query.where(form_versions.c.id == version_id)).one()
    return XForm(bytes(row.xform), row.md5)


def get_source(db: Connection, xml_form_id: str) -> Source:
    """The form's current version with what its designer wrote. Refused(UNKNOWN_FORM)."""
    query = (
        sa.select(
            forms.c.title,
            form_versions.c.version,
            form_versions.c.source,
            form_versions.c.source_kind.label("kind"),
            form_versions.c.xform,
        )
        .join(form_versions, form_versions.c.id == forms.c.current_version_id)
        .where(forms.c.xml_form_id == xml_form_id)
    )
    row = db.execute(query).one_or_none()
    if row is None:
        raise Refused(UNKNOWN_FORM(form=xml_form_id))
    return Source(**row._mapping)


def _current_version(db: Connection, library: Library, caller: Caller, xml_form_id: str) -> int:
    query = sa.select(forms.c.current_version_id).where(forms.c.xml_form_id == xml_form_id)
    version_id = db.execute(query).scalar()
    if version_id is None or not _fills_in(library, caller, xml_form_id):
        raise Refused(UNKNOWN_FORM(form=xml_form_id))
    return int(version_id)


def _fills_in(library: Library, caller: Caller, xml_form_id: str) -> bool:
    """A form of the library names its roles; one from elsewhere is for every phone."""
    rule = library.rules.get(xml_form_id)
    roles = rule.filled_by if rule else ()
    return not roles or caller.kind == "operator" or caller.role in roles


# ------------------------------------------------------------------ files


def manifest(
    db: Connection, library: Library, caller: Caller, xml_form_id: str, now: datetime
) -> list[MediaEntry]:
    """The files of a form by name, those that are there; Refused when one may not be had."""
    version_id = _current_version(db, library, caller, xml_form_id)
    rows = db.execute(sa.select(form_attachments).where(_is_attached(version_id)))
    scope = access.clubs_in_scope(db, caller, vietnam_day(now))
    entries = [_entry(db, library, caller, row, scope) for row in rows]
    return sorted(entries, key=lambda entry: entry.filename)


def get_attachment(
    db: Connection,
    library: Library,
    caller: Caller,
    xml_form_id: str,
    filename: str,
    now: datetime,
) -> MediaEntry:
    """One file of a form, as the manifest shows it; Refused(NOT_FOUND) when it has none such."""
    version_id = _current_version(db, library, caller, xml_form_id)
    named = form_attachments.c.filename == filename
    row = db.execute(
        sa.select(form_attachments).where(_is_attached(version_id), named)
    ).one_or_none()
    if row is None:
        raise Refused(NOT_FOUND())
    scope = access.clubs_in_scope(db, caller, vietnam_day(now))
    return _entry(db, library, caller, row, scope)


def _is_attached(version_id: int | sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Files that are really there; one that was never uploaded would break the manifest."""
    there = sa.or_(
        form_attachments.c.sha256.is_not(None), form_attachments.c.list_name.is_not(None)
    )
    return sa.and_(form_attachments.c.form_version_id == version_id, there)


def _entry(
    db: Connection, library: Library, caller: Caller, row: Row[Any], scope: frozenset[str] | None
) -> MediaEntry:
    if row.list_name is None:
        return MediaEntry(row.filename, row.md5, None, row.sha256)
    mark = _mark(db, _slice(db, library, caller, row.list_name, scope))
    return MediaEntry(row.filename, mark, row.list_name, None)


# ------------------------------------------------------------------ entity lists


def slice_of(
    db: Connection, library: Library, caller: Caller, list_name: str, now: datetime
) -> Slice:
    """What the caller may have of a list; Refused(NOT_FOUND or, for other roles, NOT_ALLOWED)."""
    scope = access.clubs_in_scope(db, caller, vietnam_day(now))
    return _slice(db, library, caller, list_name, scope)


def _slice(
    db: Connection,
    library: Library,
    caller: Caller,
    list_name: str,
    scope: frozenset[str] | None,
) -> Slice:
    query = sa.select(entity_lists.c.id, entity_lists.c.properties)
    found = db.execute(query.where(entity_lists.c.name == list_name)).one_or_none()
    if found is None:
        raise Refused(NOT_FOUND())
    if caller.kind == "operator":
        return Slice(found.id, tuple(found.properties), None, {}, ())
    download = _download(library, caller, list_name)
    clubs = None if download.rows == "all" else scope
    return Slice(found.id, tuple(download.properties), clubs, download.where, download.any_of)


def _download(library: Library, caller: Caller, list_name: str) -> Download:
    rule = library.lists.get(list_name)
    download = rule.downloads.get(caller.role) if rule else None
    if download is None:  # what is not written is not allowed: fail closed
        raise Refused(NOT_ALLOWED())
    return download


def entity_csv(
    db: Connection, library: Library, caller: Caller, list_name: str, now: datetime
) -> Iterator[bytes]:
    """The caller's slice as phones read it: name, label, __version, properties; UTF-8, LF.

    Rows stand in the order of people's given names. Refused comes before the first piece.
    """
    found = slice_of(db, library, caller, list_name, now)
    columns = (entities.c.uuid, entities.c.label, entities.c.version, entities.c.data)
    rows: list[Row[Any]] = list(db.execute(sa.select(*columns).where(found.condition())))
    rows.sort(key=lambda row: (name_key(row.label), row.uuid))
    return _csv_pieces(found.properties, rows)


def _csv_pieces(properties: Sequence[str], rows: Sequence[Row[Any]]) -> Iterator[bytes]:
    yield _csv([("name", "label", "__version", *properties)])
    for start in range(0, len(rows), CSV_PIECE):
        yield _csv(
            [
                (row.uuid, row.label, row.version, *(row.data.get(p, "") for p in properties))
                for row in rows[start : start + CSV_PIECE]
            ]
        )


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def slice_hash(
    db: Connection, library: Library, caller: Caller, list_name: str, now: datetime
) -> str:
    """MD5 hex that changes when, and only when, the caller's slice does."""
    return _mark(db, slice_of(db, library, caller, list_name, now))


def _mark(db: Connection, found: Slice) -> str:
    """No row is read: a row that comes in or changes brings the list's highest change_seq, one
    that goes lowers the count, so the two together never come back."""
    numbers = sa.select(
        sa.func.coalesce(sa.func.max(entities.c.change_seq), 0), sa.func.count(entities.c.id)
    )
    last, count = db.execute(numbers.where(found.condition())).one()
    clubs = None if found.clubs is None else sorted(found.clubs)
    where = [dict(found.where), [dict(case) for case in found.any_of]]
    mark = [found.list_id, list(found.properties), clubs, where, last, count]
    return hashlib.md5(json.dumps(mark).encode(), usedforsecurity=False).hexdigest()


def integrity(
    db: Connection,
    library: Library,
    caller: Caller,
    list_name: str,
    ids: Collection[str],
    now: datetime,
) -> list[tuple[str, bool]]:
    """For each id this server knows: is it gone for the caller (deleted, or not theirs to see)?

    No ids = all of the caller's list. An id never seen is left out: its submission may be on its
    way, and "deleted" would take it off the phone (protocol §3.5).
    """
    found = slice_of(db, library, caller, list_name, now)
    wanted = {_plain(i): i for i in ids}
    query = sa.select(entities.c.uuid, found.condition().label("seen"))
    if wanted:
        query = query.where(entities.c.list_id == found.list_id, entities.c.uuid.in_(list(wanted)))
    else:
        query = query.where(found.condition())
    rows = db.execute(query.order_by(entities.c.uuid))
    return [(wanted.get(uuid, uuid), not seen) for uuid, seen in rows]


def _plain(uuid: str) -> str:
    return uuid.strip().lower().removeprefix("uuid:")
