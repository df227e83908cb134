"""A draft's way: begun from what is published, and published as it was tried out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.form_version import with_version
from forms.problems import NOT_FOUND, Refused
from forms.xlsform import Compiled
from sync import definitions, publish
from sync.blobs import FormBlob
from sync.definitions import Definition

if TYPE_CHECKING:
    from forms.library import Library


def draft_of_published(
    db: Connection, library: Library, xml_form_id: str, now: datetime, actor: str
) -> int:
    """Begin a draft with the form and files that phones have now; its forms.id. Refused."""
    published = definitions.get_form(db, xml_form_id)
    if published.is_draft:
        raise Refused(NOT_FOUND())
    media = _files(db, published)
    compiled = _compiled(published)
    return publish.draft_form(db, library, compiled, media, now, actor, whole=False)


def publish_draft(
    db: Connection,
    library: Library,
    xml_form_id: str,
    version: str | None,
    now: datetime,
    actor: str,
) -> int:
    """Give phones what was tried out, under `version` where one is given; form_versions.id.

    Refused(UNKNOWN_FORM, NOT_FOUND), FormRefused as publish_form.
    """
    draft = definitions.get_draft(db, xml_form_id)
    compiled = _compiled(draft)
    if version is not None:
        compiled = with_version(compiled, version)
    return publish.publish_form(db, library, compiled, _files(db, draft), now, actor)


def _compiled(found: Definition) -> Compiled:
    return Compiled(
        found.xml_form_id, found.version, found.name, found.xform, found.source, found.kind
    )


def _files(db: Connection, found: Definition) -> dict[str, FormBlob]:
    files = definitions.list_files(db, found.version_id)
    return {file.name: file.blob for file in files if file.blob is not None}
