"""Forms as those see them who manage forms: versions, drafts, files, and how much was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from forms.problems import NOT_FOUND, UNKNOWN_FORM, Refused
from forms.schema import FormSchema, read_schema
from sync.accounts import DRAFTS_ID, PROJECT_ID
from sync.blobs import FormBlob
from sync.tables import (
    app_users,
    entity_lists,
    form_attachments,
    form_versions,
    forms,
    projects,
    submissions,
)


@dataclass(frozen=True)
class Definition:
    """One version of a form; of a draft, `published_at` is None and `version_id` the draft's."""

    form: int  # forms.id, of the draft's own row for a draft
    version_id: int
    xml_form_id: str
    name: str
    version: str
    state: str
    hash: str  # MD5 hex of `xform`
    xform: bytes
    source: bytes
    kind: str  # of the source: md | xlsx | csv | xml
    created_at: datetime
    published_at: datetime | None
    project_id: int = PROJECT_ID

    @property
    def is_draft(self) -> bool:
        return self.published_at is None

    @cached_property
    def sha(self) -> str:
        """SHA-1, as Central lists it."""
        return hashlib.sha1(self.xform, usedforsecurity=False).hexdigest()

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.xform).hexdigest()

    @cached_property
    def schema(self) -> FormSchema:
        return read_schema(self.xform)


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file that a form version names: stored bytes, an entity list, or not there yet."""

    name: str
    list_name: str | None
    blob: FormBlob | None


@dataclass(frozen=True, slots=True)
class FormFigures:
    """How much was sent for a form, and the links that are open."""

    submissions: int = 0
    last_submission: datetime | None = None
    review_states: Mapping[str, int] = field(default_factory=dict)
    public_links: int = 0


class State(NamedTuple):
    """The submissions of a form in one review state."""

    state: str | None
    number: int
    last: datetime


@dataclass(frozen=True, slots=True)
class ProjectFigures:
    """The one project."""

    name: str
    created_at: datetime | None  # of its first form
    forms: int
    app_users: int
    datasets: int
    last_submission: datetime | None


# ------------------------------------------------------------------ versions


def list_forms(db: Connection) -> list[Definition]:
    """Each form's current version, by id; of one never published, its draft."""
    found = {one.xml_form_id: one for one in _read(db, _drafts())}
    found |= {one.xml_form_id: one for one in _read(db, _current())}
    return [found[key] for key in sorted(found)]


def get_form(db: Connection, xml_form_id: str) -> Definition:
    """What phones get of a form; the draft of one never published. Refused(UNKNOWN_FORM)."""
    named = forms.c.xml_form_id == xml_form_id
    found = _read(db, _current().where(named)) or _read(db, _drafts().where(named))
    if not found:
        raise Refused(UNKNOWN_FORM(form=xml_form_id))
    return found[0]


def get_published(db: Connection, xml_form_id: str) -> Definition:
    """What phones get of a form. Refused(UNKNOWN_FORM), also for one never published."""
    found = get_form(db, xml_form_id)
    if found.is_draft:
        raise Refused(UNKNOWN_FORM(form=xml_form_id))
    return found


def exists(db: Connection, xml_form_id: str) -> bool:
    """Whether there is such a form or draft."""
    named = forms.c.xml_form_id == xml_form_id
    return bool(_read(db, _current().where(named)) or _read(db, _drafts().where(named)))


def find_draft(db: Connection, xml_form_id: str) -> Definition | None:
    """The draft that is being tried out."""
    found = _read(db, _drafts().where(forms.c.xml_form_id == xml_form_id))
    return found[0] if found else None


def get_draft(db: Connection, xml_form_id: str) -> Definition:
    """The draft that is being tried out. Refused(UNKNOWN_FORM or NOT_FOUND)."""
    found = find_draft(db, xml_form_id)
    if found is None:
        get_form(db, xml_form_id)
        raise Refused(NOT_FOUND())
    return found


def titles(db: Connection) -> dict[str, str]:
    """What each form of the project is called, by its id."""
    query = sa.select(forms.c.xml_form_id, forms.c.title).where(forms.c.project_id == PROJECT_ID)
    return {row.xml_form_id: row.title for row in db.execute(query)}


def list_versions(db: Connection, xml_form_id: str) -> list[Definition]:
    """Every version ever published, the newest first. Refused(UNKNOWN_FORM)."""
    get_form(db, xml_form_id)
    query = _versions(PROJECT_ID).where(forms.c.xml_form_id == xml_form_id)
    newest = (form_versions.c.published_at.desc(), form_versions.c.id.desc())
    return _read(db, query.order_by(*newest))


def get_version(db: Connection, xml_form_id: str, version: str) -> Definition:
    """One version ever published. Refused(UNKNOWN_FORM or NOT_FOUND)."""
    mine = (forms.c.xml_form_id == xml_form_id, form_versions.c.version == version)
    found = _read(db, _versions(PROJECT_ID).where(*mine))
    if not found:
        get_form(db, xml_form_id)
        raise Refused(NOT_FOUND())
    return found[0]


def _versions(project_id: int) -> sa.Select[Any]:
    columns = (
        forms.c.id.label("form"),
        forms.c.project_id,
        forms.c.xml_form_id,
        forms.c.title,
        forms.c.state,
        forms.c.created_at,
        form_versions.c.id,
        form_versions.c.version,
        form_versions.c.md5,
        form_versions.c.xform,
        form_versions.c.source,
        form_versions.c.source_kind,
        form_versions.c.published_at,
    )
    query = sa.select(*columns).join(form_versions, form_versions.c.form_id == forms.c.id)
    return query.where(forms.c.project_id == project_id)


def _current() -> sa.Select[Any]:
    return _versions(PROJECT_ID).where(form_versions.c.id == forms.c.current_version_id)


def _drafts() -> sa.Select[Any]:
    """A draft that has ended is closed."""
    is_it = (form_versions.c.id == forms.c.current_version_id, forms.c.state == "open")
    return _versions(DRAFTS_ID).where(*is_it)


def _read(db: Connection, query: sa.Select[Any]) -> list[Definition]:
    return [_definition(row) for row in db.execute(query)]


def _definition(row: Row[Any]) -> Definition:
    return Definition(
        form=row.form,
        version_id=row.id,
        xml_form_id=row.xml_form_id,
        name=row.title,
        version=row.version,
        state=row.state,
        hash=row.md5,
        xform=bytes(row.xform),
        source=bytes(row.source or b""),
        kind=row.source_kind,
        created_at=row.created_at,
        published_at=None if row.project_id == DRAFTS_ID else row.published_at,
        project_id=row.project_id,
    )


# ------------------------------------------------------------------ files


def list_files(db: Connection, version_id: int) -> list[FormFile]:
    """The files a version names, by name, also those that are missing."""
    c = form_attachments.c
    rows = db.execute(sa.select(form_attachments).where(c.form_version_id == version_id))
    return sorted((_file(row) for row in rows), key=lambda file: file.name)


def get_file(db: Connection, version_id: int, name: str) -> FormFile:
    """One of them. Refused(NOT_FOUND)."""
    c = form_attachments.c
    mine = (c.form_version_id == version_id, c.filename == name)
    row = db.execute(sa.select(form_attachments).where(*mine)).one_or_none()
    if row is None:
        raise Refused(NOT_FOUND())
    return _file(row)


def _file(row: Row[Any]) -> FormFile:
    blob = None if row.sha256 is None else FormBlob(row.sha256, row.size, row.md5)
    return FormFile(row.filename, row.list_name, blob)


# ------------------------------------------------------------------ figures


def form_figures(db: Connection) -> dict[int, FormFigures]:
    """By forms.id, of all clubs: for who manages forms."""
    links = app_users.c
    open_links = sa.select(links.form_id, sa.func.count()).where(
        links.kind == "link", links.revoked_at.is_(None)
    )
    rows_of_links = db.execute(open_links.group_by(links.form_id))
    by_form = {form_id: number for form_id, number in rows_of_links if form_id is not None}
    c = submissions.c
    query = sa.select(c.form_id, c.review_state, sa.func.count(), sa.func.max(c.created_at))
    rows = db.execute(query.where(c.deleted_at.is_(None)).group_by(c.form_id, c.review_state))
    states: dict[int, list[State]] = {}
    for form_id, *state in rows:
        states.setdefault(form_id, []).append(State(*state))
    return {
        form_id: figures_of(states.get(form_id, ()), by_form.get(form_id, 0))
        for form_id in {*states, *by_form}
    }


def figures_of(states: Iterable[State], public_links: int = 0) -> FormFigures:
    """The figures of one form from its submissions, counted by review state."""
    mine = list(states)
    return FormFigures(
        submissions=sum(one.number for one in mine),
        last_submission=max((one.last for one in mine), default=None),
        review_states={one.state or "received": one.number for one in mine},
        public_links=public_links,
    )


def project_figures(db: Connection) -> ProjectFigures | None:
    """The project, and how much is in it; None before anything was published."""
    name = db.execute(sa.select(projects.c.name).where(projects.c.id == PROJECT_ID)).scalar()
    if name is None:
        return None
    first, count = db.execute(
        sa.select(sa.func.min(forms.c.created_at), sa.func.count()).where(
            forms.c.project_id == PROJECT_ID
        )
    ).one()
    sent = sa.select(sa.func.max(submissions.c.created_at)).join(
        forms, forms.c.id == submissions.c.form_id
    )
    phones = (app_users.c.kind == "phone", app_users.c.revoked_at.is_(None))
    return ProjectFigures(
        name=name,
        created_at=first,
        forms=count,
        app_users=_count(db, app_users, *phones),
        datasets=_count(db, entity_lists, entity_lists.c.project_id == PROJECT_ID),
        last_submission=db.execute(sent.where(forms.c.project_id == PROJECT_ID)).scalar(),
    )


def _count(db: Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    return int(db.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one())
