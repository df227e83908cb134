"""Entity lists ("datasets" to Central's clients): which there are, and each as one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from flask import Response, jsonify, request
from marshmallow import fields
from sqlalchemy.engine import Connection

from forms.central_csv import to_csv
from forms.odata_filter import Condition, read_filter
from forms.problems import BAD_PARAMETER, LIST_EXISTS, LIST_IS_RULED, NOT_FOUND, Refused
from forms.tree import safe_name
from server.api.described import CSV as CSV_FILE
from server.api.described import asked
from server.api.door import PROJECT, caller, route
from server.api.forms import seen_by
from server.api.wire import Time, Wire, done, extended, sent, to_time
from server.downloads import named
from server.runtime import runtime
from server.streams import stream
from sync import audit, catalogue, listing, publish
from sync.access import OPERATOR
from sync.accounts import PROJECT_ID
from sync.catalogue import Slice
from sync.listing import Entity, FormName, ListOf


class NewName(Wire):
    name = fields.String(required=True)


class ListRules(Wire):
    """Central's switches. Both are false: the library says who sees and writes a list."""

    approval_required = fields.Boolean()
    owner_only = fields.Boolean()


class DatasetShape(Wire):
    name = fields.String()
    project_id = fields.Integer()
    created_at = Time()
    approval_required = fields.Boolean()
    owner_only = fields.Boolean()


class DatasetExtra(Wire):
    """What X-Extended-Metadata adds."""

    always = False
    entities = fields.Integer()
    last_entity = Time()
    conflicts = fields.Integer()


class FormNamed(Wire):
    name = fields.String()
    xml_form_id = fields.String()


class PropertyShape(Wire):
    name = fields.String()
    odata_name = fields.String()
    published_at = Time()
    forms = fields.List(fields.Nested(FormNamed))


class WholeDataset(DatasetShape):
    """A list with its properties, as far as the caller sees them, and the forms beside it."""

    properties = fields.List(fields.Nested(PropertyShape))
    linked_forms = fields.List(fields.Nested(FormNamed))
    source_forms = fields.List(fields.Nested(FormNamed))


FILTER = asked("$filter", "As in OData: __system/updatedAt gt 2026-01-01T00:00:00Z")
LISTS = f"{PROJECT}/datasets"
LIST = f"{LISTS}/<list_name>"
CSV = "text/csv; charset=utf-8"
READ = "entities.read"


def mine(db: Connection, list_name: str) -> Slice:
    """What the caller may have of a list. Refused(NOT_FOUND or NOT_ALLOWED)."""
    here = runtime()
    return listing.slice_for(db, here.library, caller(), list_name, here.now())


def read_condition() -> Condition | None:
    """$filter of the query; ruODK encodes it twice."""
    text = request.args.get("$filter")
    if not text:
        return None
    text = unquote(text) if "%20" in text else text
    return read_filter(text, listing.FIELDS, runtime().now())


# ------------------------------------------------------------------ lists
@route(LISTS, READ, "forms.manage", gives=[(DatasetShape, DatasetExtra)])
def list_datasets() -> Response:
    """The lists the caller may have something of."""
    here = runtime()
    with here.database.read() as db:
        found = listing.list_lists(db, here.library, caller(), here.now())
        made_at = to_time(listing.created_at(db))
        return jsonify([_short(db, one, made_at) for one in found])


@route(LIST, READ, gives=(WholeDataset, DatasetExtra))
def get_dataset(list_name: str) -> Response:
    """A list with its properties, as far as the caller sees them, and the forms beside it."""
    with runtime().database.read() as db:
        return _whole(db, mine(db, list_name))


@route(
    LIST,
    "forms.manage",
    methods=["PATCH"],
    takes=ListRules,
    gives=(WholeDataset, DatasetExtra),
    also=[409],
)
def change_dataset(list_name: str) -> Response:
    """Harmless where a list is so already; else the library decides: no."""
    given = sent(ListRules())
    with runtime().database.read() as db:
        answer = _of_all(db, list_name)
    if any(given.values()):
        raise Refused(LIST_IS_RULED(list=list_name))
    return answer


def _of_all(db: Connection, list_name: str) -> Response:
    """The list as who manages forms knows it. Refused(NOT_FOUND)."""
    here = runtime()
    return _whole(db, catalogue.slice_of(db, here.library, OPERATOR, list_name, here.now()))


def _whole(db: Connection, one: Slice) -> Response:
    whole = listing.describe(db, one)
    return jsonify(_short(db, one, to_time(whole.created_at)) | _long(whole, seen_by(db)))


def _short(db: Connection, one: Slice, made_at: str) -> dict[str, Any]:
    found = {
        "name": one.list_name,
        "projectId": PROJECT_ID,
        "createdAt": made_at,
        "approvalRequired": False,
        "ownerOnly": False,
    }
    if extended():
        figures = listing.figures(db, one)
        last = figures.last_entity
        found |= {"entities": figures.entities, "conflicts": figures.conflicts}
        found["lastEntity"] = to_time(last) if last else None
    return found


def _long(whole: ListOf, seen: Callable[[str], bool]) -> dict[str, Any]:
    published = to_time(whole.created_at)
    return {
        "properties": [
            # pyODK takes `forms` for a list of texts, Central sends objects: an empty one is both.
            {"name": name, "odataName": safe_name(name), "publishedAt": published, "forms": []}
            for name in whole.properties
        ],
        "linkedForms": _forms(whole.linked, seen),
        "sourceForms": _forms(whole.sources, seen),
    }


def _forms(found: tuple[FormName, ...], seen: Callable[[str], bool]) -> list[dict[str, str]]:
    """Of the forms beside a list, those the caller may know of."""
    mine = (one for one in found if seen(one.xml_form_id))
    return [{"name": one.name, "xmlFormId": one.xml_form_id} for one in mine]


@route(
    LISTS,
    "forms.manage",
    methods=["POST"],
    takes=NewName,
    gives=(WholeDataset, DatasetExtra),
    also=[409],
)
def create_dataset() -> Response:
    """A list without properties; the library, or nobody but the city, says who reads it."""
    name = _name(sent(NewName())["name"])
    with runtime().database.write() as db:
        if publish.has_list(db, name) or name in runtime().library.lists:
            raise Refused(LIST_EXISTS(list=name))
        publish.declare_lists(db, {name: []})
        audit.record(db, caller().actor, "dataset.create", f"dataset:{name}", runtime().now())
        return _of_all(db, name)


@route(f"{LIST}/properties", "forms.manage", methods=["POST"], takes=NewName)
def create_property(list_name: str) -> Response:
    """One property more."""
    name = _name(sent(NewName())["name"])
    with runtime().database.write() as db:
        if not publish.has_list(db, list_name):
            raise Refused(NOT_FOUND())
        publish.declare_lists(db, {list_name: [name]})
        now = runtime().now()
        audit.record(db, caller().actor, "dataset.update", f"dataset:{list_name}", now)
    return done()


def _name(text: str) -> str:
    """What XLSForm allows too. Refused(BAD_PARAMETER)."""
    is_word = re.fullmatch(r"[^\W\d][\w.-]{0,254}", text) is not None
    if not is_word or text.startswith("__") or text.lower() in ("name", "label"):
        raise Refused(BAD_PARAMETER(name="name"))
    return text


# ------------------------------------------------------------------ one table
@route(f"{LIST}/entities.csv", READ, gives=CSV_FILE, query=[FILTER], also=[304, 501])
def get_dataset_csv(list_name: str) -> Response:
    """Everything of a list that the caller may have; unchanged, it is not sent again."""
    condition = read_condition()

    def pieces(db: Connection) -> Iterator[bytes]:
        one = mine(db, list_name)
        yield to_csv([_header(one)])
        for entity in listing.page(db, one, condition=condition):
            yield to_csv([_cells(entity, one)])

    here = runtime()
    with here.database.read() as db:
        mark = catalogue.mark_of(db, mine(db, list_name))
    if condition is None and request.if_none_match.contains_weak(mark):
        answer = Response(status=304, content_type=CSV)
    else:
        answer = named(stream(pieces, CSV), f"{list_name}.csv")
    if condition is None:
        answer.set_etag(mark, weak=True)
    return answer


def _header(one: Slice) -> list[str]:
    after = ("createdAt", "creatorId", "creatorName", "updates", "updatedAt", "version")
    return ["__id", "label", *one.properties, *(f"__{name}" for name in after)]


def _cells(one: Entity, of: Slice) -> list[str]:
    return [
        one.uuid,
        one.label,
        *(one.data.get(name, "") for name in of.properties),
        to_time(one.created_at),
        str(one.creator.id),
        one.creator.name,
        str(one.version - 1),
        to_time(one.updated_at) if one.version > 1 else "",
        str(one.version),
    ]
