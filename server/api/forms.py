"""Forms: which there are; made, opened and closed, deleted and restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from operator import attrgetter
from typing import Any
from urllib.parse import unquote

from flask import Response, jsonify, request
from marshmallow import fields, validate
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.form_problems import NO_FORM_ID, FormRefused
from forms.problems import BAD_PARAMETER, FORM_EXISTS, UNKNOWN_FORM, Refused
from forms.xlsform import Compiled, compile_form
from server.api.described import PAGED, XML, Param, yes_no
from server.api.door import FORM, KNOWN, PROJECT, caller, route
from server.api.wire import Time, Wire, done, extended, flag, page, sent
from server.downloads import XLSX
from server.new_form import put_files
from server.runtime import runtime
from sync import access, catalogue, definitions, publish, reading
from sync.definitions import Definition, FormFigures

KINDS = {XLSX: "xlsx", "application/vnd.ms-excel": "xlsx", "text/csv": "csv", "text/markdown": "md"}
LARGEST_FORM = 50_000_000  # bytes: pyxform reads it whole
UNNAMED = "form"  # what a sheet without an id is called when nobody says
NO_VERSION = "___"  # how a path writes the version of a form that names none
NOT_AN_ID = (".xml", ".xls", ".xlsx")  # the same path would mean a document of another form
SEE = (KNOWN, "form.list")  # which forms, `seen_by` decides
FORM_FILES = (XML, *KINDS)
IGNORE_WARNINGS = yes_no("ignoreWarnings", "Take it although there are warnings.")


class FormShape(Wire):
    project_id = fields.Constant(1)
    xml_form_id = fields.String()
    name = fields.String()
    version = fields.String()
    state = fields.String()
    hash = fields.String()
    sha = fields.String()
    sha256 = fields.String()
    key_id = fields.Integer()
    enketo_id = fields.String()
    enketo_once_id = fields.String()
    draft_token = fields.String()  # we keep only its hash
    created_at = Time()
    updated_at = Time()
    published_at = Time()
    deleted_at = Time()
    webforms_enabled = fields.Constant(False)


class ReviewStates(Wire):
    received = fields.Integer(dump_default=0)
    has_issues = fields.Integer(dump_default=0, attribute="hasIssues")
    edited = fields.Integer(dump_default=0)
    approved = fields.Integer(dump_default=0)
    rejected = fields.Integer(dump_default=0)


class FormExtra(Wire):
    """What X-Extended-Metadata adds."""

    always = False

    submissions = fields.Integer(dump_default=0)
    last_submission = Time()
    review_states = fields.Nested(ReviewStates)
    public_links = fields.Integer(dump_default=0)
    created_by = fields.Integer()
    excel_content_type = fields.String()
    entity_related = fields.Boolean()


class DeletedForm(Wire):
    """What the list of deleted forms adds: Central's clients restore a form by its number."""

    always = False
    id = fields.Integer()


class NewState(Wire):
    state = fields.String(required=True, validate=validate.OneOf(publish.STATES))


Find = Callable[[Connection], Definition]

# ------------------------------------------------------------------ what there is


@route(
    f"{PROJECT}/forms",
    *SEE,
    gives=[(FormShape, FormExtra, DeletedForm)],
    query=[*PAGED, yes_no("deleted", "Those that were deleted, instead of those that are there.")],
)
def list_forms() -> Response:
    """The forms the caller manages, fills in or reads."""
    deleted = flag("deleted")
    with runtime().database.read() as db:
        seen = seen_by(db)
        there = (
            form
            for form in definitions.list_forms(db)
            if seen(form.xml_form_id) and deleted == (form.state == publish.DELETED)
        )
        found = list(page(there, attrgetter("xml_form_id")))
        figures = _figures(db, found)
    shapes = [form_json(form, figures) for form in found]
    if deleted:
        shapes = [shape | {"id": form.form} for shape, form in zip(shapes, found, strict=True)]
    return jsonify(shapes)


@route(FORM, *SEE, gives=(FormShape, FormExtra))
def get_form(form_id: str) -> Response:
    """One form as phones get it."""
    return say_form(lambda db: visible(db, form_id))


@route(f"{FORM}/versions", "forms.manage", gives=[(FormShape, FormExtra)])
def list_form_versions(form_id: str) -> Response:
    """Every version ever published, the newest first."""
    with runtime().database.read() as db:
        found = definitions.list_versions(db, form_id)
    return jsonify([form_json(one, {}) for one in found])


@route(f"{FORM}/versions/<version>", "forms.manage", gives=(FormShape, FormExtra))
def get_form_version(form_id: str, version: str) -> Response:
    """One of them; `___` is the version of a form that names none."""
    return say_form(version_of(form_id, version))


@route(FORM, "forms.manage", methods=["PATCH"], takes=NewState, gives=(FormShape, FormExtra))
def change_form(form_id: str) -> Response:
    """Open it, let it close (accepted still, listed no more), or close it."""
    state = sent(NewState())["state"]
    with runtime().database.write() as db:
        visible(db, form_id)
        publish.set_state(db, form_id, state, runtime().now(), caller().actor)
    return say_form(lambda db: definitions.get_form(db, form_id))


@route(FORM, "forms.manage", methods=["DELETE"])
def delete_form(form_id: str) -> Response:
    """Close it and take it off the lists, its draft with it; what was sent stays and counts."""
    with runtime().database.write() as db:
        publish.delete(db, form_id, runtime().now(), caller().actor)
    return done()


@route(f"{FORM}/restore", "forms.manage", methods=["POST"])
def restore_form(form_id: str) -> Response:
    """Take the deleting back; the form is closed then. By its xmlFormId, or its number among the
    deleted, as Central's clients do.
    """
    with runtime().database.write() as db:
        forms = (one for one in definitions.list_forms(db) if one.state == publish.DELETED)
        names = {str(one.form): one.xml_form_id for one in forms}
        publish.restore(db, names.get(form_id, form_id), runtime().now(), caller().actor)
    return done()


def visible(db: Connection, form_id: str) -> Definition:
    """The form, if the caller may know of it. Refused(UNKNOWN_FORM)."""
    found = definitions.get_form(db, form_id)
    if found.state == publish.DELETED or not seen_by(db)(form_id):
        raise Refused(UNKNOWN_FORM(form=form_id))
    return found


def seen_by(db: Connection) -> Callable[[str], bool]:
    """Whether the caller may know of a form: to manage it, to fill it in, or to read what came."""
    if access.may(runtime().library, caller(), "forms.manage"):
        return lambda form_id: True
    here, filled = runtime(), set()
    if access.may(runtime().library, caller(), "form.list"):
        filled = {f.xml_form_id for f in catalogue.list_forms(db, here.library, caller())}
    day = vietnam_day(here.now())

    def seen(form_id: str) -> bool:
        if form_id in filled:
            return True
        try:
            access.reading(db, here.library, caller(), form_id, day)
        except Refused:
            return False
        return True

    return seen


def version_of(form_id: str, version: str) -> Find:
    """How to find one version in a database."""
    version = "" if version == NO_VERSION else version
    return lambda db: definitions.get_version(db, form_id, version)


def say_form(find: Find) -> Response:
    """One form, longer where the caller asked for that."""
    with runtime().database.read() as db:
        found = find(db)
        figures = _figures(db, [found])
    return jsonify(form_json(found, figures))


def _figures(db: Connection, found: Iterable[Definition]) -> dict[int, FormFigures]:
    """What X-Extended-Metadata counts: all of it for who manages forms, else what may be read."""
    if not extended():
        return {}
    if access.may(runtime().library, caller(), "forms.manage"):
        return definitions.form_figures(db)
    here, figures = runtime(), {}
    for one in found:
        with suppress(Refused):
            view = reading.open_form(db, here.library, caller(), one.xml_form_id, here.now())
            figures[one.form] = reading.figures(db, view)
    return figures


def form_json(found: Definition, figures: Mapping[int, FormFigures]) -> dict[str, Any]:
    """A form's keys, and the extra ones where those were asked for."""
    shape: dict[str, Any] = FormShape().dump(found)
    if extended():
        mine = figures.get(found.form, FormFigures())
        shape |= FormExtra().dump(asdict(mine))
        shape["excelContentType"] = XLSX if found.kind in ("xlsx", "md", "csv") else None
        shape["entityRelated"] = bool(found.schema.entities)
    return shape


# ------------------------------------------------------------------ making


@route(
    f"{PROJECT}/forms",
    "forms.manage",
    methods=["POST"],
    takes=FORM_FILES,
    gives=(FormShape, FormExtra),
    also=[409],
    query=[
        yes_no("publish", "Give it to phones at once."),
        IGNORE_WARNINGS,
        Param(
            "X-XlsForm-FormId-Fallback",
            fields.String(),
            "Its id where the sheet has none.",
            "header",
        ),
    ],
)
def create_form() -> Response:
    """A new form from a workbook or an XForm: a draft, or published at once."""
    compiled = sent_form()
    here, who = runtime(), caller().actor
    media = put_files(here, compiled)
    with here.database.write() as db:
        if definitions.exists(db, compiled.xml_form_id):
            raise Refused(FORM_EXISTS(form=compiled.xml_form_id))
        if flag("publish"):
            publish.publish_form(db, here.library, compiled, media, here.now(), who)
        else:
            publish.draft_form(db, here.library, compiled, media, here.now(), who, whole=False)
    return say_form(lambda db: definitions.get_form(db, compiled.xml_form_id))


def sent_form(form_id: str | None = None) -> Compiled:
    """The form in the request's body. FormRefused, also for mere warnings unless these are to be
    ignored; Refused when it is not the form of the path."""
    request.max_content_length = LARGEST_FORM
    source = request.get_data()
    kind = KINDS.get(request.mimetype) or ("xlsx" if source.startswith(b"PK\x03\x04") else "xml")
    fallback = unquote(request.headers.get("X-XlsForm-FormId-Fallback", "")) or form_id
    compiled = compile_form(source, kind, fallback or UNNAMED)
    if form_id not in (None, compiled.xml_form_id):
        raise Refused(BAD_PARAMETER(name="form_id"))
    if compiled.xml_form_id.lower().endswith(NOT_AN_ID):
        raise Refused(BAD_PARAMETER(name="xmlFormId"))
    said = tuple(w for w in compiled.warnings if not (fallback and w.type is NO_FORM_ID))
    if said and not flag("ignoreWarnings"):
        raise FormRefused(said)
    return compiled
