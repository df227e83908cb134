"""A list as an OData table, for Excel, Power BI and pyODK; the same slice as everywhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from flask import Response, jsonify, request
from sqlalchemy.engine import Connection

from forms.odata import document, selected
from forms.problems import BAD_SKIPTOKEN, UNKNOWN_SELECT, Refused
from forms.tree import safe_names
from server import auth
from server.api.datasets import LIST, READ, mine
from server.api.described import XML as XML_FILE
from server.api.door import route
from server.api.odata import (
    ASKED,
    FORMAT,
    JSON,
    ODATA,
    OPTIONS,
    XML,
    Query,
    next_link,
    read_options,
    read_query,
    said,
    want,
)
from server.api.wire import to_time
from server.runtime import runtime
from server.streams import stream
from sync import listing
from sync.accounts import PROJECT_ID
from sync.catalogue import Slice
from sync.listing import Entity

TABLE = "Entities"
SYSTEM = {
    "createdAt": "Edm.DateTimeOffset",
    "creatorId": "Edm.String",
    "creatorName": "Edm.String",
    "updates": "Edm.Int64",
    "updatedAt": "Edm.DateTimeOffset",
    "deletedAt": "Edm.DateTimeOffset",
    "version": "Edm.Int64",
    "conflict": "Edm.String",
}


@route(f"{LIST}.svc", READ, gives=ODATA, query=[FORMAT], also=[406, 501])
def entities_service(list_name: str) -> Response:
    """The one table there is."""
    read_options(frozenset({"$format"}))
    want("json")
    with runtime().database.read() as db:
        mine(db, list_name)
    tables = [{"name": TABLE, "kind": "EntitySet", "url": TABLE}]
    return said(jsonify({"@odata.context": f"{_service(list_name)}/$metadata", "value": tables}))


@route(f"{LIST}.svc/$metadata", READ, gives=XML_FILE, query=[FORMAT], also=[406, 501])
def entities_metadata(list_name: str) -> Response:
    """Its columns: all texts."""
    read_options(frozenset({"$format"}))
    want("xml")
    with runtime().database.read() as db:
        names = safe_names(mine(db, list_name).properties)
    system = "".join(f'<Property Name="{name}" Type="{kind}"/>' for name, kind in SYSTEM.items())
    columns = "".join(
        f'<Property Name={quoteattr(name)} Type="Edm.String"/>'
        for name in ("__id", "label", *names.values())
    )
    return said(Response(document(list_name, TABLE, system, columns), content_type=XML))


@route(f"{LIST}.svc/{TABLE}", READ, gives=ODATA, query=ASKED, also=[406, 501])
def entities_table(list_name: str) -> Response:
    """Rows, newest first."""
    want("json")
    given = read_options(OPTIONS - {"$expand", "$wkt"})

    def pieces(db: Connection) -> Iterator[bytes]:
        return _pieces(db, mine(db, list_name), read_query(given, listing.FIELDS))

    return said(stream(pieces, JSON))


def _service(list_name: str) -> str:
    place = f"/v1/projects/{PROJECT_ID}/datasets/{quote(list_name, safe='')}.svc"
    return auth.origin() + request.root_path + place


def _pieces(db: Connection, of: Slice, query: Query) -> Iterator[bytes]:
    names = safe_names(of.properties)
    known = {"__id", "__system", "label", *names.values(), *(f"__system/{one}" for one in SYSTEM)}
    for name in query.shape.select or ():
        if name not in known:
            raise Refused(UNKNOWN_SELECT(name=name[:80]))
    ending: dict[str, Any] = {"@odata.context": f"{_service(of.list_name)}/$metadata#{TABLE}"}
    condition = query.wanted.condition
    if query.count:
        ending["@odata.count"] = listing.count(db, of, condition)
    found = listing.page(
        db,
        of,
        condition=condition,
        order=query.wanted.order,
        after=_after(query),
        limit=None if query.top is None else query.top + 1,
        offset=0 if query.token else query.skip,
    )
    yield b'{"value":['
    given, last = 0, 0
    for one in found:
        if given == query.top:
            if given and not query.wanted.order:
                ending["@odata.nextLink"] = next_link(_token(last))
            break
        row = selected(_row(one, names), query.shape.select)
        yield (b"," if given else b"") + json.dumps(row, ensure_ascii=False).encode()
        given, last = given + 1, one.id
    yield b"]," + json.dumps(ending, ensure_ascii=False).encode()[1:]


def _after(query: Query) -> int | None:
    if query.token is None:
        return None
    if query.token.submission is None:
        raise Refused(BAD_SKIPTOKEN())
    return query.token.submission


def _token(last: int) -> str:
    return "01" + base64.b64encode(json.dumps({"id": last}).encode()).decode()


def _row(one: Entity, names: dict[str, str]) -> dict[str, Any]:
    return {
        "__id": one.uuid,
        "label": one.label,
        **{safe: one.data.get(name) for name, safe in names.items()},
        "__system": {
            "createdAt": to_time(one.created_at),
            "creatorId": str(one.creator.id),
            "creatorName": one.creator.name,
            "updates": one.version - 1,
            "updatedAt": to_time(one.updated_at) if one.version > 1 else None,
            "deletedAt": None,
            "version": one.version,
            "conflict": one.conflict,
        },
    }
