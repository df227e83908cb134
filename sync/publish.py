"""Make a form, its files and the entity lists it declares available to phones.

What phones get changes only together with the version: a phone that meets other bytes under the
same version downloads and deletes the form in turns (protocol §2.7).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.form_problems import FILE_MISSING, VERSION_TAKEN, FormRefused
from forms.schema import FormSchema, Media, read_schema
from forms.xlsform import Compiled, compile_form
from sync import audit, places
from sync.accounts import PROJECT_ID
from sync.blobs import Blobs, StoredBlob
from sync.database import insert_once, upsert
from sync.tables import entity_lists, form_attachments, form_versions, forms, projects

if TYPE_CHECKING:
    from forms.library import Library

PROJECT_NAME = "Cây Đa"
UNITS_CSV = "units.csv"  # communes and wards of all times, for any form that asks for one


def publish_form(
    db: Connection, compiled: Compiled, media: Mapping[str, StoredBlob], now: datetime, actor: str
) -> int:
    """Make this version the one phones get; returns its form_versions.id. Harmless to repeat.

    `media` are the form's files by name, put beforehand (`put_media`); a CSV whose name is an
    entity list is served from the list. FormRefused(VERSION_TAKEN, FILE_MISSING).
    """
    schema = read_schema(compiled.xform)
    declare_lists(db, _declared(schema))
    form_id, current = _form(db, compiled, now)
    version_id = _version(db, form_id, compiled, now)
    _attach(db, version_id, schema.media, media)
    if current != version_id:
        values = {"current_version_id": version_id, "title": compiled.title}
        db.execute(forms.update().where(forms.c.id == form_id).values(values))
        audit.record(db, actor, "form.publish", f"form:{form_id}", now, version=compiled.version)
    return version_id


def publish_library(
    db: Connection, blobs: Blobs, library: Library, now: datetime, actor: str = "system"
) -> list[int]:
    """Publish every form of the library with its files, and its lists; harmless to repeat."""
    declare_lists(db, {name: rule.properties for name, rule in library.lists.items()})
    # A form may use a list that only a later form declares.
    names = [name for form in library.forms.values() for name in form.entity_lists]
    declare_lists(db, dict.fromkeys(names, ()))
    published = []
    for form in library.forms.values():
        compiled = compile_form(form.source, "md", form.xml_form_id)
        media = put_media(blobs, library, compiled, form.path.parent)
        published.append(publish_form(db, compiled, media, now, actor))
    return published


def put_media(
    blobs: Blobs, library: Library, compiled: Compiled, folder: Path
) -> dict[str, StoredBlob]:
    """Put away the files the form names: from `folder`, its sub-folder "media", or our places."""
    found = {name: blobs.put(data) for name, data in compiled.files.items()}
    for media in read_schema(compiled.xform).media:
        name = Path(media.filename).name  # never a path out of the folder
        for path in (folder / name, folder / "media" / name):
            if media.filename not in found and path.is_file():
                with path.open("rb") as stream:
                    found[media.filename] = blobs.put(stream)
        if media.filename == UNITS_CSV and UNITS_CSV not in found:
            found[UNITS_CSV] = blobs.put(places.phone_csv(library.units))
    return found


def declare_lists(db: Connection, lists: Mapping[str, Iterable[str]]) -> None:
    """Make entity lists with at least these properties; a property is never taken away."""
    insert_once(db, projects, {"id": PROJECT_ID, "name": PROJECT_NAME})
    for name, properties in sorted(lists.items()):  # one order: two publishers cannot deadlock
        insert_once(db, entity_lists, {"project_id": PROJECT_ID, "name": name, "properties": []})
        query = sa.select(entity_lists.c.id, entity_lists.c.properties)
        row = db.execute(query.where(entity_lists.c.name == name).with_for_update()).one()
        merged = list(dict.fromkeys([*row.properties, *properties]))
        if merged != row.properties:
            change = entity_lists.update().where(entity_lists.c.id == row.id)
            db.execute(change.values(properties=merged))


def _declared(schema: FormSchema) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for declaration in schema.entities:
        properties = lists.setdefault(declaration.list_name, [])
        properties += [save.property for save in declaration.saves]
    return lists


def _form(db: Connection, compiled: Compiled, now: datetime) -> tuple[int, int | None]:
    """The form's id and current version id; locked, so that two publishers come one by one."""
    values = {
        "project_id": PROJECT_ID,
        "xml_form_id": compiled.xml_form_id,
        "title": compiled.title,
        "state": "open",
        "created_at": now,
    }
    insert_once(db, forms, values)
    query = sa.select(forms.c.id, forms.c.current_version_id)
    mine = sa.and_(forms.c.project_id == PROJECT_ID, forms.c.xml_form_id == compiled.xml_form_id)
    row = db.execute(query.where(mine).with_for_update()).one()
    return row.id, row.current_version_id


def _version(db: Connection, form_id: int, compiled: Compiled, now: datetime) -> int:
    md5 = hashlib.md5(compiled.xform, usedforsecurity=False).hexdigest()
    values = {
        "form_id": form_id,
        "version": compiled.version,
        "xform": compiled.xform,
        "md5": md5,
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
        taken = VERSION_TAKEN(form=compiled.xml_form_id, version=compiled.version)
        raise FormRefused((taken,))
    return int(row.id)


def _attach(
    db: Connection, version_id: int, needed: Iterable[Media], media: Mapping[str, StoredBlob]
) -> None:
    """One row per file the form names. A picture may come later; without a list no phone works."""
    lists = set(db.execute(sa.select(entity_lists.c.name)).scalars())
    for file in needed:
        name, blob = file.filename.removesuffix(".csv"), media.get(file.filename)
        from_list = file.kind == "csv" and name in lists
        row: dict[str, object] = {"form_version_id": version_id, "filename": file.filename}
        if from_list:
            row |= {"list_name": name, "sha256": None, "md5": None, "size": None}
        elif blob is not None:
            row |= {"list_name": None, "sha256": blob.sha256, "md5": blob.md5, "size": blob.size}
        if from_list or blob is not None:
            upsert(db, form_attachments, [row], ["form_version_id", "filename"])
        elif insert_once(db, form_attachments, row) is not None and file.kind == "csv":
            raise FormRefused((FILE_MISSING(file=file.filename),))
