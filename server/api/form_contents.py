"""What a form holds: its document and workbook, its fields, its files."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from typing import Any

from flask import Response, request
from marshmallow import fields

from forms.problems import NOT_FOUND, Refused
from forms.tree import Node, form_tree
from forms.xlsform import to_xlsx
from server import openrosa
from server.api.described import ANY_FILE, XML, yes_no
from server.api.door import FORM, caller, route
from server.api.forms import SEE, Find, version_of, visible
from server.api.wire import Time, Wire, flag, say
from server.downloads import XLSX, as_file
from server.runtime import runtime
from sync import definitions
from sync.definitions import FormFile

XFORM = (XML, "text/xml")  # the latter to a phone
ODATA_NAMES = yes_no("odata", "Names as OData writes them.")
MEDIA = {"image", "audio", "video"}


class FieldShape(Wire):
    name = fields.String()
    path = fields.String()
    type = fields.String()
    binary = fields.Boolean()
    select_multiple = fields.Boolean()


class FileShape(Wire):
    name = fields.String()
    type = fields.String()
    exists = fields.Boolean()
    blob_exists = fields.Boolean()
    dataset_exists = fields.Boolean()
    hash = fields.String()
    updated_at = Time()


# ------------------------------------------------------------------ documents and fields


@route(f"{FORM}.xml", *SEE, gives=XFORM, also=[304])
def get_form_xml(form_id: str) -> Response:
    """The very bytes that phones get; to a phone in its own language."""
    if caller().kind == "app_user":
        return openrosa.xform(form_id)
    return document(lambda db: visible(db, form_id))


@route(f"{FORM}.xlsx", "forms.manage", gives=XLSX)
def get_form_xlsx(form_id: str) -> Response:
    """A workbook to edit, whatever the form was written as; 404 for a ready XForm."""
    return workbook(lambda db: definitions.get_form(db, form_id))


@route(f"{FORM}/versions/<version>.xml", "forms.manage", gives=XFORM, also=[304])
def get_version_xml(form_id: str, version: str) -> Response:
    """The XForm of one version."""
    return document(version_of(form_id, version))


@route(f"{FORM}/versions/<version>.xlsx", "forms.manage", gives=XLSX)
def get_version_xlsx(form_id: str, version: str) -> Response:
    """One version as a workbook."""
    return workbook(version_of(form_id, version))


@route(f"{FORM}/fields", *SEE, gives=[FieldShape], query=[ODATA_NAMES])
def get_form_fields(form_id: str) -> Response:
    """Every question, group and repeat in the form's order."""
    return say_fields(lambda db: visible(db, form_id))


@route(f"{FORM}/versions/<version>/fields", "forms.manage", gives=[FieldShape], query=[ODATA_NAMES])
def get_version_fields(form_id: str, version: str) -> Response:
    """The questions of one version."""
    return say_fields(version_of(form_id, version))


def document(find: Find) -> Response:
    """The XForm, with a mark that changes when it does."""
    with runtime().database.read() as db:
        found = find(db)
    answer = Response(found.xform, content_type="application/xml; charset=utf-8")
    answer.set_etag(found.hash)
    answer.headers["Cache-Control"] = "private, no-cache"  # a form tells nothing of anybody
    answer.make_conditional(request.environ)
    return answer


def workbook(find: Find) -> Response:
    """The source as .xlsx."""
    with runtime().database.read() as db:
        found = find(db)
    if found.kind == "xml":
        raise Refused(NOT_FOUND())
    return as_file(f"{found.xml_form_id}.xlsx", to_xlsx(found.source, found.kind), XLSX)


def say_fields(find: Find) -> Response:
    """The form's tree, flat; with `odata=true` named as OData names it."""
    with runtime().database.read() as db:
        found = find(db)
    told = _told(form_tree([found.schema]), "", flag("odata"))
    return say(FieldShape(), told, many=True)


def _told(holder: Node, above: str, safe: bool) -> Iterator[dict[str, Any]]:
    for node in holder.children():
        name = node.safe if safe else node.name
        path = f"{above}/{name}"
        kind = {"group": "structure", "repeat": "repeat"}.get(node.kind) or _TYPES.get(node.type)
        yield {
            "name": name,
            "path": path,
            "type": kind or node.type,
            "binary": True if node.type == "binary" else None,
            "select_multiple": True if node.type == "select" else None,
        }
        yield from _told(node, path, safe)


_TYPES = {"select1": "string", "select": "string", "rank": "odk:rank"}  # as pyxform binds them


# ------------------------------------------------------------------ files


@route(f"{FORM}/attachments", *SEE, gives=[FileShape])
def list_form_attachments(form_id: str) -> Response:
    """The files the form names, also those that are missing."""
    return say_files(lambda db: visible(db, form_id))


@route(f"{FORM}/attachments/<path:name>", *SEE, gives=ANY_FILE, also=[304])
def get_form_attachment(form_id: str, name: str) -> Response:
    """The bytes, or 404. An entity list is cut to what the caller may have, as for a phone."""
    return file_of(lambda db: visible(db, form_id), form_id, name)


@route(f"{FORM}/versions/<version>/attachments", "forms.manage", gives=[FileShape])
def list_version_attachments(form_id: str, version: str) -> Response:
    """The files of one version."""
    return say_files(version_of(form_id, version))


@route(
    f"{FORM}/versions/<version>/attachments/<path:name>", "forms.manage", gives=ANY_FILE, also=[304]
)
def get_version_attachment(form_id: str, version: str, name: str) -> Response:
    """One of them."""
    return file_of(version_of(form_id, version), form_id, name)


def say_files(find: Find) -> Response:
    """The files of one version."""
    with runtime().database.read() as db:
        found = definitions.list_files(db, find(db).version_id)
    return say(FileShape(), (_file_json(file) for file in found), many=True)


def _file_json(file: FormFile) -> dict[str, Any]:
    kind = (mimetypes.guess_type(file.name)[0] or "").partition("/")[0]
    return {
        "name": file.name,
        "type": kind if kind in MEDIA else "file",
        "exists": file.blob is not None or file.list_name is not None,
        "blob_exists": file.blob is not None,
        "dataset_exists": file.list_name is not None,
        "hash": file.blob.md5 if file.blob else None,
    }


def file_of(find: Find, form_id: str, name: str) -> Response:
    """One file of one version."""
    if caller().kind == "app_user":
        return openrosa.attachment(form_id, name)
    with runtime().database.read() as db:
        file = definitions.get_file(db, find(db).version_id, name)
    if file.list_name is not None:  # rows about people: for who fills the form in, as a phone would
        return openrosa.attachment(form_id, name)
    if file.blob is None:
        raise Refused(NOT_FOUND())
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return openrosa.stored_file(file.blob.sha256, file.blob.md5, kind)
