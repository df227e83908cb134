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
from datetime import date, datetime
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from forms.days import vietnam_day
from forms.library import Download
from forms.problems import NOT_ALLOWED, NOT_FOUND, UNKNOWN_FORM, Refused
from forms.text import name_key
from sync import access, canonical, counters, slices
from sync.access import Caller
from sync.accounts import PROJECT_ID
from sync.entities import plain_id
from sync.slices import Shown
from sync.tables import entities, entity_lists, form_attachments, form_versions, forms

if TYPE_CHECKING:
    from forms.library import Library

CSV_PIECE = 500  # rows per piece of a streamed list
AFTER_NAME = " · "  # in a label: what stands before it is the name


class Stamp(NamedTuple):
    """All that a phone's list and manifests depend on: equal stamps, equal answers."""

    app_user_id: int
    owner: tuple[Any, ...]  # role, places, project, form, person
    counters: tuple[int, ...]
    day: date  # in Vietnam: units pass into others


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
    """The rows and properties of one list that one caller may have: what `download` shows of the
    entities of these clubs (None = of every club), if it says so, only of those given to `person`.
    """

    list_id: int
    list_name: str
    download: Download
    clubs: frozenset[str] | None
    person: str | None = None

    @property
    def properties(self) -> tuple[str, ...]:
        return self.download.properties

    def condition(
        self, *, also_linked: bool = False, deleted: bool = False
    ) -> sa.ColumnElement[bool]:
        """Which rows of `entities` are in the slice, as `slices` counts them; perhaps with those
        that are linked to another. Of the deleted those that would be, had they stayed."""
        there = slices.may_be_shown() if also_linked else slices.is_there()
        if deleted:
            there = entities.c.deleted_at.is_not(None) & ~entities.c.restricted
        conditions = [entities.c.list_id == self.list_id, there]
        if self.clubs is not None:
            conditions.append(entities.c.club_id.in_(sorted(self.clubs)))
        conditions.append(_all(self.download.where))
        if self.download.any_of:
            conditions.append(sa.or_(*(_all(case) for case in self.download.any_of)))
        if self.download.assigned_by is not None:
            conditions.append(_names(self.download.assigned_by, self.person))
        return sa.and_(*conditions)


def _all(where: Mapping[str, Sequence[str]]) -> sa.ColumnElement[bool]:
    """As Download.takes says it: a property that is not there is blank."""
    return sa.and_(sa.true(), *(_text(name).in_(list(codes)) for name, codes in where.items()))


def _names(property_name: str, person: str | None) -> sa.ColumnElement[bool]:
    """As Download.persons says it."""
    if not person:
        return sa.false()
    words = sa.func.replace(sa.func.lower(_text(property_name)), "uuid:", "")
    return (sa.literal(" ") + words + " ").contains(f" {person} ", autoescape=True)


def _text(property_name: str) -> sa.ColumnElement[str]:
    return sa.func.coalesce(entities.c.data[property_name].as_string(), "")


# ------------------------------------------------------------------ whether anything changed


def read_stamp(db: Connection, token_sha256: str, now: datetime) -> Stamp | None:
    """The stamp of this moment; None for a token that is unknown or revoked.

    Every other request asks this and nothing else, so it goes past SQLAlchemy: a fifth of the time.
    """
    driver: Any = db.connection.driver_connection
    row = driver.execute(_stamp_sql(db.dialect.name), {"token_sha256": token_sha256}).fetchone()
    if row is None:
        return None
    app_user_id, *owner = row
    count = len(counters.NAMES)
    numbers = tuple(number or 0 for number in owner[-count:])
    return Stamp(app_user_id, tuple(owner[:-count]), numbers, vietnam_day(now))


@cache
def _stamp_sql(dialect_name: str) -> str:
    value = ":token_sha256" if dialect_name == "sqlite" else "%(token_sha256)s"
    numbers = ", ".join(f"({counters.value_sql(name)})" for name in counters.NAMES)
    return (
        f"SELECT id, role, unit_id, club_id, project_id, form_id, person_id, {numbers} "  # noqa: S608
        f"FROM app_users WHERE token_sha256 = {value} AND revoked_at IS NULL"
    )


# ------------------------------------------------------------------ forms


def list_forms(db: Connection, library: Library, caller: Caller) -> list[ListedForm]:
    """The open forms the caller fills in, by title; one that is closing or closed is not."""
    listed = [
        ListedForm(row.xml_form_id, row.title, row.version, row.md5, row.has_manifest)
        for row in _forms(db, library, caller, forms.c.state == "open")
    ]
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
        .where(forms.c.project_id == PROJECT_ID, forms.c.xml_form_id == xml_form_id)
    )
    row = db.execute(query).one_or_none()
    if row is None:
        raise Refused(UNKNOWN_FORM(form=xml_form_id))
    return Source(**row._mapping)


def _current_version(db: Connection, library: Library, caller: Caller, xml_form_id: str) -> int:
    for row in _forms(db, library, caller, forms.c.xml_form_id == xml_form_id):
        return int(row.version_id)
    raise Refused(UNKNOWN_FORM(form=xml_form_id))


def _forms(
    db: Connection, library: Library, caller: Caller, condition: sa.ColumnElement[bool]
) -> list[Row[Any]]:
    """The forms the caller fills in, of the caller's project, with their current version."""
    query = (
        sa.select(forms.c.id, forms.c.xml_form_id, forms.c.title)
        .add_columns(form_versions.c.id.label("version_id"), form_versions.c.version)
        .add_columns(form_versions.c.md5)
        .add_columns(sa.exists().where(_is_attached(form_versions.c.id)).label("has_manifest"))
        .outerjoin(form_versions, form_versions.c.id == forms.c.current_version_id)
        .where(forms.c.project_id == caller.project_id, condition)
    )
    rows = list(db.execute(query))
    lists = _lists_of(db, [row.version_id for row in rows])
    mine = [row for row in rows if _fills_in(library, caller, row, lists.get(row.version_id, ()))]
    if any(row.version_id is None for row in mine):  # left out, it would be wiped off the phones
        raise RuntimeError("a form has no current version")
    return mine


def _lists_of(db: Connection, version_ids: Collection[int]) -> dict[int, list[str]]:
    c = form_attachments.c
    query = sa.select(c.form_version_id, c.list_name).where(
        c.form_version_id.in_(version_ids), c.list_name.is_not(None)
    )
    found: dict[int, list[str]] = {}
    for version_id, list_name in db.execute(query):
        found.setdefault(version_id, []).append(list_name)
    return found


def _fills_in(
    library: Library, caller: Caller, form: Row[Any], list_names: Collection[str]
) -> bool:
    """A form of the library names its roles; one from elsewhere is for every phone.

    A form is of no use without its lists, so whoever may not have one of them has not the form.
    """
    if caller.kind == "operator":
        return True
    if caller.form_id not in (None, form.id):
        return False
    rule = library.rules.get(form.xml_form_id)
    roles = rule.filled_by if rule else ()
    if roles and caller.role not in roles:
        return False
    return all(_find_download(library, caller, name) for name in list_names)


# ------------------------------------------------------------------ files


def manifest(
    db: Connection, library: Library, caller: Caller, xml_form_id: str, now: datetime
) -> list[MediaEntry]:
    """The files of a form by name, those that are there; Refused when one may not be had."""
    version_id = _current_version(db, library, caller, xml_form_id)
    rows = list(db.execute(sa.select(form_attachments).where(_is_attached(version_id))))
    scope = _scope(db, library, caller, rows, now)
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
    return _entry(db, library, caller, row, _scope(db, library, caller, [row], now))


def _scope(
    db: Connection,
    library: Library,
    caller: Caller,
    rows: Collection[Row[Any]],
    now: datetime,
) -> frozenset[str] | None:
    """The caller's clubs, looked up only where one of the files is cut by them."""
    if all(row.list_name is None for row in rows):
        return frozenset()
    return access.clubs_in_scope(db, library, caller, vietnam_day(now))


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
    mark = mark_of(db, _slice(db, library, caller, row.list_name, scope))
    return MediaEntry(row.filename, mark, row.list_name, None)


# ------------------------------------------------------------------ entity lists


def slice_of(
    db: Connection, library: Library, caller: Caller, list_name: str, now: datetime
) -> Slice:
    """What the caller may have of a list; Refused(NOT_FOUND or, for other roles, NOT_ALLOWED)."""
    scope = access.clubs_in_scope(db, library, caller, vietnam_day(now))
    return _slice(db, library, caller, list_name, scope)


def _slice(
    db: Connection,
    library: Library,
    caller: Caller,
    list_name: str,
    scope: frozenset[str] | None,
) -> Slice:
    list_id, properties = find_list(db, library, list_name)
    if caller.kind == "operator":
        return Slice(list_id, list_name, Download("all", {}, properties), None)
    download = _find_download(library, caller, list_name)
    if download is None:  # what is not written is not allowed: fail closed
        raise Refused(NOT_ALLOWED())
    clubs = None if download.rows == "all" else scope
    person = plain_id(caller.person_id)
    if person and download.assigned_by is not None:
        person = canonical.stand_in(db, person)
    return Slice(list_id, list_name, download, clubs, person)


def find_list(db: Connection, library: Library, list_name: str) -> tuple[int, tuple[str, ...]]:
    """Id and properties of a list, or of the list it is a view of. Refused(NOT_FOUND).

    Of project 1: a form being tried out reads the same lists, its own project has none.
    """
    rule = library.lists.get(list_name)
    of = rule.of if rule and rule.of else list_name
    query = sa.select(entity_lists.c.id, entity_lists.c.properties).where(
        entity_lists.c.project_id == PROJECT_ID, entity_lists.c.name == of
    )
    found = db.execute(query).one_or_none()
    if found is None:
        raise Refused(NOT_FOUND())
    return int(found.id), tuple(found.properties)


def _find_download(library: Library, caller: Caller, list_name: str) -> Download | None:
    rule = library.lists.get(list_name)
    return rule.downloads.get(caller.role) if rule else None


def entity_csv(
    db: Connection, library: Library, caller: Caller, list_name: str, now: datetime
) -> Iterator[bytes]:
    """The caller's slice as phones read it: name, label, __version, properties; UTF-8, LF.

    Rows stand in the order of people's given names. Refused comes before the first piece.
    """
    found = slice_of(db, library, caller, list_name, now)
    rows = sorted(slices.rows_of(db, found.list_id, found.condition()), key=_by_name)
    return _csv_pieces(found.download, rows)


def _by_name(row: Shown) -> tuple[str, str, str]:
    return name_key(row.label.partition(AFTER_NAME)[0]), row.label, row.uuid


def _csv_pieces(download: Download, rows: Sequence[Shown]) -> Iterator[bytes]:
    properties = download.properties
    yield _csv([("name", "label", "__version", *properties)])
    for start in range(0, len(rows), CSV_PIECE):
        yield _csv(
            [
                (row.uuid, row.label, _version(download, row), *_cells(row, properties))
                for row in rows[start : start + CSV_PIECE]
            ]
        )


def _version(download: Download, row: Shown) -> int:
    """A phone takes a row it knows only under a higher number. Where it changes entities itself it
    counts on with us; a view it cannot change, so any number that rises will do."""
    return row.change_seq if download.of_view else row.version


def _cells(row: Shown, properties: Sequence[str]) -> Iterator[str]:
    return (row.data.get(name, "") for name in properties)


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def mark_of(db: Connection, found: Slice) -> str:
    """MD5 hex that changes when, and only when, a byte of the slice's CSV does; reads no row."""
    mark = slices.total(db, found.list_id, found.download, found.clubs, found.person)
    if mark is None:  # a rule that is no phone's, or is too new: count its rows
        rows = slices.rows_of(db, found.list_id, found.condition())
        mark = slices.sum_of(found.download, rows)
    text = json.dumps([found.list_name, list(found.properties), *mark])
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


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
    _require_form_with(db, library, caller, list_name)
    wanted = {plain_id(i): i for i in ids}
    query = sa.select(entities.c.uuid, found.condition().label("seen"))
    if wanted:
        query = query.where(entities.c.list_id == found.list_id, entities.c.uuid.in_(list(wanted)))
    else:
        query = query.where(found.condition())
    rows = db.execute(query.order_by(entities.c.uuid))
    return [(wanted.get(uuid, uuid), not seen) for uuid, seen in rows]


def _require_form_with(db: Connection, library: Library, caller: Caller, list_name: str) -> None:
    """Refused(NOT_ALLOWED) where no form the caller fills in, open or not, has the list."""
    attached = form_attachments.c.list_name == list_name
    with_list = sa.select(form_attachments.c.form_version_id).where(attached)
    if not _forms(db, library, caller, form_versions.c.id.in_(with_list)):
        raise Refused(NOT_ALLOWED())
