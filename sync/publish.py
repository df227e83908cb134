"""The life of a form: tried out as a draft, published, its files replaced, closed, encrypted.

What phones get changes only together with the version: a phone that meets other bytes under the
same version downloads and deletes the form in turns (protocol §2.7). Only a draft may, on purpose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.form_key import encrypted, plain_version
from forms.form_lists import attached_list, known_lists, list_problems
from forms.form_problems import (
    FILE_MISSING,
    MEDIA_IS_LIST,
    MEDIA_NOT_IN_FORM,
    VERSION_TAKEN,
    FormRefused,
)
from forms.problems import UNKNOWN_FORM, Refused
from forms.schema import FormSchema, Media, read_schema
from forms.text import nfc
from forms.xlsform import Compiled, compile_form
from sync import audit, counters, places, slices
from sync.accounts import DRAFTS_ID, PROJECT_ID
from sync.blobs import Blobs, FormBlob, put_for_phones
from sync.database import insert_once, upsert
from sync.tables import (
    app_users,
    entity_lists,
    form_attachments,
    form_versions,
    forms,
    projects,
)

if TYPE_CHECKING:
    from forms.library import Library

PROJECT_NAMES = {PROJECT_ID: "Cây Đa", DRAFTS_ID: "Cây Đa, bản nháp / drafts"}
# open: listed and accepted. closing: accepted, listed no more. closed: accepted, and flagged.
STATES = ("open", "closing", "closed")
DELETED = "deleted"  # closed, and in no list of programs; what was sent stays and counts


class _Form(NamedTuple):
    id: int
    current_version_id: int | None
    public_key: str | None
    state: str


# ------------------------------------------------------------------ publishing


def publish_form(
    db: Connection,
    library: Library,
    compiled: Compiled,
    media: Mapping[str, FormBlob],
    now: datetime,
    actor: str,
    public_key: str | None = None,
) -> int:
    """Make this version the one phones get; returns its form_versions.id. Harmless to repeat.

    `media` are the form's files by name, put beforehand (`put_media`); one not given stays as the
    version before had it. A CSV whose name is an entity list is served from the list. With a
    `public_key`, given now or before, phones encrypt what they send. A draft of the form ends.
    FormRefused(VERSION_TAKEN, FILE_MISSING, LIST_FOR_NOBODY, LIST_NOT_FOR_ROLE).
    """
    version_id = _publish(db, library, compiled, media, now, actor, public_key)
    end_draft(db, compiled.xml_form_id, now, actor)
    return version_id


def publish_library(
    db: Connection, blobs: Blobs, library: Library, now: datetime, actor: str = "system"
) -> list[int]:
    """Publish every form of the library with its files, and its lists; harmless to repeat."""
    real = {name: rule.properties for name, rule in library.lists.items() if rule.of is None}
    declare_lists(db, real)
    # A form may use a list that only a later form declares.
    names = [name for form in library.forms.values() for name in form.entity_lists]
    declare_lists(db, dict.fromkeys(names, ()))
    units_csv = places.units_csv(db)
    published = []
    for form in library.forms.values():
        compiled = compile_form(form.source, "md", form.xml_form_id)
        media = put_media(blobs, units_csv, compiled, form.path.parent)
        published.append(_publish(db, library, compiled, media, now, actor))
    slices.build(db, library)
    return published


def _publish(
    db: Connection,
    library: Library,
    compiled: Compiled,
    media: Mapping[str, FormBlob],
    now: datetime,
    actor: str,
    public_key: str | None = None,
) -> int:
    schema = read_schema(compiled.xform)
    declare_lists(db, _declared(schema))
    lists = _refuse_lists(db, library, schema)
    form = _form(db, PROJECT_ID, compiled, now)
    key = public_key or form.public_key
    _note_key(db, form, key, now, actor)
    if key:  # whoever compiled it: a form with a key never goes out without
        compiled = encrypted(compiled, key)
    version_id = _version(db, form.id, compiled, now)
    _attach(db, version_id, schema.media, lists, media, [form.current_version_id])
    values = {"current_version_id": version_id, "title": compiled.title, "public_key": key}
    db.execute(forms.update().where(forms.c.id == form.id).values(values))
    counters.bump(db, counters.FORMS)
    if form.current_version_id != version_id:
        audit.record(db, actor, "form.publish", f"form:{form.id}", now, version=compiled.version)
    return version_id


def set_public_key(
    db: Connection,
    library: Library,
    xml_form_id: str,
    public_key: str | None,
    now: datetime,
    actor: str,
) -> int:
    """Let phones encrypt for this key (base64 DER) from their next download on, or no more (None).

    Returns the form_versions.id of what phones now get. Refused(UNKNOWN_FORM), FormRefused.
    """
    form = find_form(db, xml_form_id)
    current = _plain(db, form)
    db.execute(forms.update().where(forms.c.id == form.id).values(public_key=public_key))
    _note_key(db, form, public_key, now, actor)
    return _publish(db, library, current, {}, now, actor)


def _note_key(
    db: Connection, form: _Form, public_key: str | None, now: datetime, actor: str
) -> None:
    if public_key != form.public_key:
        how = "form.encrypt" if public_key else "form.plain"
        audit.record(db, actor, how, f"form:{form.id}", now)


def _plain(db: Connection, form: _Form) -> Compiled:
    """The current version as it is without a key: the bytes published before, if it ever was."""
    c = form_versions.c
    query = sa.select(
        c.version, c.xform, c.source, c.source_kind, forms.c.title, forms.c.xml_form_id
    )
    query = query.join(forms, forms.c.id == c.form_id)
    row = db.execute(query.where(c.id == form.current_version_id)).one()
    version = plain_version(row.version)
    if version != row.version:
        before = db.execute(query.where(c.form_id == form.id, c.version == version)).one_or_none()
        if before is None:
            return compile_form(bytes(row.source), row.source_kind, row.xml_form_id)
        row = before
    source, xform = bytes(row.source or b""), bytes(row.xform)
    return Compiled(row.xml_form_id, version, row.title, xform, source, row.source_kind)


# ------------------------------------------------------------------ drafts


def draft_form(
    db: Connection,
    library: Library,
    compiled: Compiled,
    media: Mapping[str, FormBlob],
    now: datetime,
    actor: str,
    whole: bool = True,
) -> int:
    """Let this form be tried out beside the published one; returns the draft's forms.id.

    Unlike a published version it may have other bytes under the same version. It declares nothing:
    a slip in a list's name must not stay for ever. FormRefused as publish_form; where it need not
    be `whole`, its files may come later.
    """
    schema = read_schema(compiled.xform)
    lists = _refuse_lists(db, library, schema)
    _project(db, PROJECT_ID)  # phones belong there, whichever form comes first
    form = _form(db, DRAFTS_ID, compiled, now)
    version_id = _version(db, form.id, compiled, now, replace=True)
    like = [form.current_version_id, _published_version(db, compiled.xml_form_id)]
    _drop_unnamed(db, version_id, schema.media)
    _attach(db, version_id, schema.media, lists, media, like, whole)
    values = {"current_version_id": version_id, "title": compiled.title, "state": "open"}
    db.execute(forms.update().where(forms.c.id == form.id).values(values))
    counters.bump(db, counters.FORMS)
    audit.record(db, actor, "form.draft", f"form:{form.id}", now, version=compiled.version)
    return form.id


def end_draft(db: Connection, xml_form_id: str, now: datetime, actor: str) -> bool:
    """Let nobody try out the form's draft any more; what was sent for it stays, as a draft's.

    False when there is none.
    """
    draft_id = find_draft(db, xml_form_id)
    if draft_id is None:
        return False
    c = app_users.c
    mine = sa.and_(c.kind == "draft", c.form_id == draft_id, c.revoked_at.is_(None))
    db.execute(app_users.update().where(mine).values(revoked_at=now))
    db.execute(forms.update().where(forms.c.id == draft_id).values(state="closed"))
    counters.bump(db, counters.FORMS)
    audit.record(db, actor, "form.draft_end", f"form:{draft_id}", now)
    return True


def find_draft(db: Connection, xml_form_id: str) -> int | None:
    """The forms.id of the draft of this form that is being tried out."""
    c = forms.c
    mine = (c.project_id == DRAFTS_ID, c.xml_form_id == xml_form_id, c.state == "open")
    return db.execute(sa.select(c.id).where(*mine)).scalar()


def attached_lists(db: Connection, form_id: int, *, ever: bool = False) -> list[str]:
    """The entity lists that phones download with the current version of a form; or ever did."""
    c, v = form_attachments.c, form_versions.c
    query = sa.select(c.list_name).distinct().join(form_versions, v.id == c.form_version_id)
    if not ever:
        query = query.join(forms, forms.c.current_version_id == v.id)
    found = db.execute(query.where(v.form_id == form_id, c.list_name.is_not(None)))
    return sorted(found.scalars())


# ------------------------------------------------------------------ state


def set_state(db: Connection, xml_form_id: str, state: str, now: datetime, actor: str) -> bool:
    """Open, begin to close or close a form; False when it is so already. Refused(UNKNOWN_FORM)."""
    if state not in STATES:
        raise ValueError(f"no such state: {state}")
    form = find_form(db, xml_form_id)
    if form.state == state:
        return False
    _turn(db, form, state)
    audit.record(db, actor, "form.state", f"form:{form.id}", now, state=state)
    return True


def delete(db: Connection, xml_form_id: str, now: datetime, actor: str) -> None:
    """Put a form away, its draft with it. Refused(UNKNOWN_FORM) where there is none that is not."""
    has_draft = end_draft(db, xml_form_id, now, actor)
    try:
        form = find_form(db, xml_form_id)
    except Refused:
        if has_draft:  # it was never published
            return
        raise
    if form.state == DELETED:
        raise Refused(UNKNOWN_FORM(form=xml_form_id))
    _turn(db, form, DELETED)
    audit.record(db, actor, "form.delete", f"form:{form.id}", now)


def restore(db: Connection, xml_form_id: str, now: datetime, actor: str) -> None:
    """Take the deleting back: the form is closed. Refused(UNKNOWN_FORM) unless it was deleted."""
    form = find_form(db, xml_form_id)
    if form.state != DELETED:
        raise Refused(UNKNOWN_FORM(form=xml_form_id))
    _turn(db, form, "closed")
    audit.record(db, actor, "form.restore", f"form:{form.id}", now)


def _turn(db: Connection, form: _Form, state: str) -> None:
    db.execute(forms.update().where(forms.c.id == form.id).values(state=state))
    counters.bump(db, counters.FORMS)


# ------------------------------------------------------------------ files


def put_media(
    blobs: Blobs, units_csv: bytes, compiled: Compiled, folder: Path | None
) -> dict[str, FormBlob]:
    """Put away the files the form names: from `folder`, its sub-folder "media", or our places
    (`places.units_csv`)."""
    found = {name: put_for_phones(blobs, data) for name, data in compiled.files.items()}
    beside = {} if folder is None else {**_files(folder / "media"), **_files(folder)}
    for media in read_schema(compiled.xform).media:
        path = beside.get(nfc(media.filename))
        if path is not None and media.filename not in found:
            with path.open("rb") as stream:
                found[media.filename] = put_for_phones(blobs, stream)
        if media.filename == places.UNITS_CSV and places.UNITS_CSV not in found:
            found[places.UNITS_CSV] = put_for_phones(blobs, units_csv)
    return found


def _files(folder: Path) -> dict[str, Path]:
    """By name in NFC: a Mac writes the letters of a name and their marks apart."""
    if not folder.is_dir():
        return {}
    return {nfc(path.name): path for path in folder.iterdir() if path.is_file()}


def replace_media(
    db: Connection,
    xml_form_id: str,
    filename: str,
    blob: FormBlob,
    now: datetime,
    actor: str,
    project_id: int = PROJECT_ID,
) -> str:
    """Give a file of the current version other bytes; the form's own spelling of its name.

    The manifest changes and the form's hash does not: phones fetch this one file.
    Refused(UNKNOWN_FORM, MEDIA_NOT_IN_FORM or MEDIA_IS_LIST).
    """
    form = find_form(db, xml_form_id, project_id)
    c = form_attachments.c
    rows = db.execute(
        sa.select(form_attachments).where(c.form_version_id == form.current_version_id)
    ).all()
    row = next((row for row in rows if nfc(row.filename) == nfc(filename)), None)
    if row is None:
        names = ", ".join(sorted(row.filename for row in rows if row.list_name is None)) or "–"
        raise Refused(MEDIA_NOT_IN_FORM(form=xml_form_id, file=filename, names=names))
    if row.list_name is not None:
        raise Refused(MEDIA_IS_LIST(file=row.filename, list=row.list_name))
    values = {"sha256": blob.sha256, "md5": blob.md5, "size": blob.size}
    db.execute(form_attachments.update().where(c.id == row.id).values(values))
    counters.bump(db, counters.FORMS)
    audit.record(db, actor, "form.media", f"form:{form.id}", now, md5=blob.md5)
    return str(row.filename)


def _attach(
    db: Connection,
    version_id: int,
    needed: Iterable[Media],
    lists: Collection[str],
    media: Mapping[str, FormBlob],
    like: Sequence[int | None],
    whole: bool = True,
) -> None:
    """One row per file the form names. A picture may come later; without a list no phone works.

    A file that is not given is taken from the first version of `like` that has it.
    """
    before = _files_of(db, like)
    for file in needed:
        name, blob = attached_list(file, lists), media.get(file.filename)
        row: dict[str, object] = {"form_version_id": version_id, "filename": file.filename}
        if name is not None:
            found: Mapping[str, object] = {"sha256": None, "md5": None, "size": None}
        elif blob is not None:
            found = {"sha256": blob.sha256, "md5": blob.md5, "size": blob.size}
        else:
            found = before.get(file.filename, {})
        if found:
            upsert(
                db,
                form_attachments,
                [{**row, "list_name": name, **found}],
                ["form_version_id", "filename"],
            )
        elif insert_once(db, form_attachments, row) is not None and file.kind == "csv" and whole:
            raise FormRefused((FILE_MISSING(file=file.filename),))


def _files_of(db: Connection, version_ids: Sequence[int | None]) -> dict[str, Mapping[str, object]]:
    c = form_attachments.c
    found: dict[str, Mapping[str, object]] = {}
    for version_id in reversed(version_ids):
        query = sa.select(c.filename, c.sha256, c.md5, c.size)
        rows = db.execute(query.where(c.form_version_id == version_id, c.sha256.is_not(None)))
        found |= {
            row.filename: {"sha256": row.sha256, "md5": row.md5, "size": row.size} for row in rows
        }
    return found


def _drop_unnamed(db: Connection, version_id: int, needed: Iterable[Media]) -> None:
    """A draft's version may have come to need other files."""
    c = form_attachments.c
    names = [file.filename for file in needed]
    gone = sa.and_(c.form_version_id == version_id, c.filename.not_in(names))
    db.execute(form_attachments.delete().where(gone))


# ------------------------------------------------------------------ lists


def declare_lists(db: Connection, lists: Mapping[str, Iterable[str]]) -> None:
    """Make entity lists with at least these properties; a property is never taken away."""
    _project(db, PROJECT_ID)
    changed = False
    for name in sorted(lists):
        new = {"project_id": PROJECT_ID, "name": name, "properties": []}
        changed |= insert_once(db, entity_lists, new) is not None
    c = entity_lists.c
    query = sa.select(c.id, c.name, c.properties).where(c.project_id == PROJECT_ID).order_by(c.id)
    # All of them, in the order of `entities` and `slices`: no two writers wait for each other.
    for row in db.execute(query.with_for_update()).all():
        merged = list(dict.fromkeys([*row.properties, *lists.get(row.name, ())]))
        if merged != row.properties:
            db.execute(entity_lists.update().where(c.id == row.id).values(properties=merged))
            changed = True
    if changed:
        counters.bump(db, counters.LISTS)


def has_list(db: Connection, name: str) -> bool:
    """Whether there is a list of that name, in capitals or not."""
    c = entity_lists.c
    query = sa.select(c.name).where(c.project_id == PROJECT_ID)
    return name.lower() in {one.lower() for one in db.execute(query).scalars()}


def _declared(schema: FormSchema) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for declaration in schema.entities:
        properties = lists.setdefault(declaration.list_name, [])
        properties += [save.property for save in declaration.saves]
    return lists


def _refuse_lists(db: Connection, library: Library, schema: FormSchema) -> set[str]:
    """The entity lists there are; FormRefused when the form uses one that phones may not have."""
    lists = set(db.execute(sa.select(entity_lists.c.name)).scalars())
    lists |= {one.name for one in library.lists.values() if one.of in lists}
    problems = tuple(list_problems(schema, library, lists | known_lists(library, schema)))
    if problems:
        raise FormRefused(problems)
    return lists


# ------------------------------------------------------------------ rows


def find_form(db: Connection, xml_form_id: str, project_id: int = PROJECT_ID) -> _Form:
    """The form of that id, locked: changes of one form come one by one. Refused(UNKNOWN_FORM).

    Not FOR UPDATE: what phones send meanwhile shares the form's key, and must not wait.
    """
    c = forms.c
    query = sa.select(c.id, c.current_version_id, c.public_key, c.state)
    mine = sa.and_(c.project_id == project_id, c.xml_form_id == xml_form_id)
    row = db.execute(query.where(mine).with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise Refused(UNKNOWN_FORM(form=xml_form_id))
    return _Form(*row)


def _form(db: Connection, project_id: int, compiled: Compiled, now: datetime) -> _Form:
    """The form's row, made where there is none yet."""
    _project(db, project_id)
    values = {
        "project_id": project_id,
        "xml_form_id": compiled.xml_form_id,
        "title": compiled.title,
        "state": "open",
        "created_at": now,
    }
    insert_once(db, forms, values)
    return find_form(db, compiled.xml_form_id, project_id)


def _project(db: Connection, project_id: int) -> None:
    insert_once(db, projects, {"id": project_id, "name": PROJECT_NAMES[project_id]})


def _published_version(db: Connection, xml_form_id: str) -> int | None:
    c = forms.c
    mine = (c.project_id == PROJECT_ID, c.xml_form_id == xml_form_id)
    return db.execute(sa.select(c.current_version_id).where(*mine)).scalar()


def _version(
    db: Connection, form_id: int, compiled: Compiled, now: datetime, *, replace: bool = False
) -> int:
    """The id of this version, made where there is none yet; `replace`: other bytes take over."""
    values: dict[str, Any] = {
        "form_id": form_id,
        "version": compiled.version,
        "xform": compiled.xform,
        "md5": hashlib.md5(compiled.xform, usedforsecurity=False).hexdigest(),
        "source": compiled.source,
        "source_kind": compiled.kind,
        "published_at": now,
    }
    insert_once(db, form_versions, values)
    query = sa.select(form_versions.c.id, form_versions.c.xform).where(
        form_versions.c.form_id == form_id, form_versions.c.version == compiled.version
    )
    row = db.execute(query).one()
    if bytes(row.xform) != compiled.xform:
        if not replace:
            taken = VERSION_TAKEN(form=compiled.xml_form_id, version=compiled.version)
            raise FormRefused((taken,))
        db.execute(form_versions.update().where(form_versions.c.id == row.id).values(values))
    return int(row.id)
