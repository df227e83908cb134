"""OData 4 as ODK Central serves it: Excel, Power BI and pyODK read tables of submissions here."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, jsonify, request
from marshmallow import fields
from sqlalchemy.engine import Connection

from forms import odata
from forms.odata import Shape
from forms.odata_filter import read_filter, read_order
from forms.problems import (
    BAD_PARAMETER,
    BAD_SKIPTOKEN,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    UNKNOWN_QUERY_OPTION,
    UNKNOWN_SELECT,
    Refused,
)
from forms.tree import ROOT, Node
from server import auth
from server.api.described import XML as XML_FILE
from server.api.described import asked, natural, yes_no
from server.api.door import FORM, KNOWN, route
from server.api.submissions import opened
from server.api.wire import to_time
from server.runtime import runtime
from server.streams import stream
from sync import reading
from sync.accounts import PROJECT_ID
from sync.conditions import Fields
from sync.reading import FIELDS, FormView, Submission, Wanted

JSON = "application/json"
XML = "application/xml; charset=utf-8"
OPTIONS = frozenset(
    {"$top", "$skip", "$count", "$filter", "$expand", "$select", "$orderby", "$wkt"}
    | {"$skiptoken", "$format"}
)
ODATA = fields.Dict()
FORMAT = asked("$format", "`json`, of $metadata `xml`.")
EXPAND = asked("$expand", "`*`: repeats within their rows.")
WKT = yes_no("$wkt", "Places as text: POINT (lon lat alt).")
ASKED = (
    natural("$top", "At most so many rows; the answer then links to the next page."),
    natural("$skip", "Leave out so many rows."),
    yes_no("$count", "How many rows there are on all pages."),
    asked("$filter", "__system/submissionDate gt 2026-01-01T00:00:00Z"),
    asked("$select", "Only these columns."),
    asked("$orderby", "__system/submissionDate asc"),
    asked("$skiptoken", "From `@odata.nextLink`."),
    FORMAT,
)
LARGEST = 2**31 - 1

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """The query options, read."""

    wanted: Wanted
    shape: Shape
    top: int | None
    skip: int
    count: bool
    token: Token | None


@dataclass(frozen=True, slots=True)
class Token:
    """Where a page ended: after this submission, or after so many rows of a repeat in it."""

    instance_id: str | None
    submission: int | None
    rows: int


@dataclass(frozen=True, slots=True)
class Address:
    """What a path names: a table, whole or of one submission, and below one of its rows."""

    names: tuple[str, ...]  # of the repeats and groups on the way; () = the form itself
    instance_id: str | None = None
    row: str | None = None  # the key of the row around, or of the one row
    is_one: bool = False


# ------------------------------------------------------------------ documents
@route(f"{FORM}.svc", KNOWN, gives=ODATA, query=[FORMAT], also=[406, 501])
def odata_service(form_id: str) -> Response:
    """The tables there are."""
    read_options(frozenset({"$format"}))
    want("json")
    with runtime().database.read() as db:
        root = opened(db, form_id).tree
    return said(jsonify(odata.service_document(root, f"{_service(form_id)}/$metadata")))


@route(f"{FORM}.svc/$metadata", KNOWN, gives=XML_FILE, query=[FORMAT], also=[406, 501])
def odata_metadata(form_id: str) -> Response:
    """The fields of each table."""
    read_options(frozenset({"$format"}))
    want("xml")
    with runtime().database.read() as db:
        root = opened(db, form_id).tree
    return said(Response(odata.metadata(root, form_id), content_type=XML))


@route(
    f"{FORM}.svc/<path:address>", KNOWN, gives=ODATA, query=[*ASKED, EXPAND, WKT], also=[406, 501]
)
def odata_table(form_id: str, address: str) -> Response:
    """Rows of a table, or one submission."""
    found = read_address(address)
    want("json")
    if found.is_one:
        return said(_one(form_id, found))
    names = read_options(OPTIONS)
    return said(
        stream(lambda db: _pieces(db, opened(db, form_id), found, read_query(names, FIELDS)), JSON)
    )


def _one(form_id: str, address: Address) -> Response:
    names = read_options(frozenset({"$expand", "$select", "$wkt", "$format"}))
    with runtime().database.read() as db:
        form = opened(db, form_id)
        table = _table(form, address)
        query = read_query(names, FIELDS)
        _check_select(query, form, table)
        one = reading.find(db, form, address.instance_id or "", answers=True)
        row = next(_rows_of(form, table, one, query.shape, address.row), None)
    if row is None:
        raise Refused(NOT_FOUND())
    return jsonify(row | {"@odata.context": _context(form_id, table)})


def said(answer: Response) -> Response:
    """With the mark of the protocol."""
    answer.headers["OData-Version"] = "4.0"
    return answer


def _service(form_id: str) -> str:
    place = f"/v1/projects/{PROJECT_ID}/forms/{quote(form_id, safe='')}.svc"
    return auth.origin() + request.root_path + place


def _context(form_id: str, table: Node) -> str:
    return f"{_service(form_id)}/$metadata#{table.table}"


# ------------------------------------------------------------------ addresses
_STEP = re.compile(r"([^/(']+)(?:\('((?:[^']|'')*)'\))?(?:/|$)")


def read_address(text: str) -> Address:
    """Submissions.a.b | Submissions('id') | Submissions('id')/a/b('key')/c. Refused(NOT_FOUND)."""
    steps: list[tuple[str, str | None]] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise Refused(NOT_FOUND())
        key = found[2].replace("''", "'") if found[2] is not None else None
        steps.append((found[1], key))
        at = found.end()
    return _address(steps)


def _address(steps: list[tuple[str, str | None]]) -> Address:
    if not steps:
        raise Refused(NOT_FOUND())
    (first, key), *rest = steps
    root, *names = first.split(".")
    if root != ROOT or (names and (key is not None or rest)) or (rest and key is None):
        raise Refused(NOT_FOUND())
    if key is None:
        return Address(tuple(names))
    keys = [one for _, one in rest if one is not None]
    is_one = not rest or rest[-1][1] is not None
    return Address(tuple(name for name, _ in rest), key, keys[-1] if keys else None, is_one)


def _table(form: FormView, address: Address) -> Node:
    name = ".".join((ROOT, *address.names))
    for node in (form.tree, *form.tree.repeats()):
        if node.table == name:
            return node
    raise Refused(NOT_FOUND())


# ------------------------------------------------------------------ options
def read_options(known: frozenset[str]) -> dict[str, str]:
    """The query. Refused(UNKNOWN_QUERY_OPTION) for any other word."""
    for name in request.args:
        if name not in known:
            raise Refused(UNKNOWN_QUERY_OPTION(name=name[:40]))
    if request.headers.get("OData-MaxVersion", "4.0").strip() < "4.0":
        raise Refused(NOT_FOUND())
    return request.args.to_dict()


def want(kind: str) -> None:
    """$format alone decides: clients' Accept says little (ruODK asks for XML and means JSON)."""
    asked = request.args.get("$format", kind).lower()
    if kind not in asked.partition(";")[0]:
        raise Refused(NOT_ACCEPTABLE())


def read_query(given: dict[str, str], known: Fields) -> Query:
    """Refused for what is not understood, each with its number."""
    now = runtime().now()
    if "$orderby" in given and "$skiptoken" in given:
        raise Refused(UNKNOWN_QUERY_OPTION(name="$orderby"))
    if given.get("$expand", "*") != "*":
        raise Refused(UNKNOWN_QUERY_OPTION(name="$expand"))
    if "$expand" in given and "$select" in given:
        raise Refused(UNKNOWN_QUERY_OPTION(name="$select"))
    condition = read_filter(given["$filter"], known, now) if given.get("$filter") else None
    order = read_order(given["$orderby"], known) if given.get("$orderby") else ()
    names = [name.strip() for name in given.get("$select", "").split(",") if name.strip()]
    select = None if names in ([], ["*"]) else frozenset(names)
    return Query(
        wanted=Wanted(condition=condition, order=order),
        shape=Shape(wkt=_flag(given, "$wkt"), expand="$expand" in given, select=select),
        top=_number(given, "$top"),
        skip=_number(given, "$skip") or 0,
        count=_flag(given, "$count"),
        token=read_token(given["$skiptoken"]) if "$skiptoken" in given else None,
    )


def _flag(given: dict[str, str], name: str) -> bool:
    text = given.get(name, "false").lower()
    if text not in ("true", "false"):
        raise Refused(BAD_PARAMETER(name=name))
    return text == "true"


def _number(given: dict[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refused(BAD_PARAMETER(name=name))
    return min(int(text[:12]), LARGEST)


def _check_select(query: Query, form: FormView, table: Node) -> None:
    for name in query.shape.select or ():
        if name not in odata.names_of(form.tree, table):
            raise Refused(UNKNOWN_SELECT(name=name[:80]))


def read_token(text: str) -> Token:
    """Refused(BAD_SKIPTOKEN). Central's own form, and how far in our own numbers beside it."""
    try:
        found = json.loads(base64.b64decode(text[2:], validate=True))
        if text[:2] != "01" or not isinstance(found, dict):
            raise ValueError
        name, number, rows = found.get("instanceId"), found.get("id"), found.get("rows", 0)
    except (ValueError, binascii.Error):
        raise Refused(BAD_SKIPTOKEN()) from None
    is_number = isinstance(number, int) and isinstance(rows, int) and 0 <= number <= LARGEST
    is_name = isinstance(name, str) and "\x00" not in name
    if not is_number and not is_name:
        raise Refused(BAD_SKIPTOKEN())
    return Token(name, number if is_number else None, rows if is_number else 0)


def _write_token(row: Row, one: Submission, rows: int, table: Node) -> str:
    key = "repeatId" if table.path else "instanceId"
    said = {key: row.get("__id", one.instance_id), "id": one.id, "rows": rows}
    return "01" + base64.b64encode(json.dumps(said).encode()).decode()


# ------------------------------------------------------------------ rows
def _pieces(db: Connection, form: FormView, address: Address, query: Query) -> Iterator[bytes]:
    """The answer, row by row; how many there are and where it goes on stand at its end."""
    table = _table(form, address)
    _check_select(query, form, table)
    ending: Row = {"@odata.context": _context(form.xml_form_id, table)}
    if query.count:
        ending["@odata.count"] = _count(db, form, address, table, query)
    if address.instance_id is not None:
        reading.find(db, form, address.instance_id)
    yield b'{"value":['
    given, last = 0, None
    for row, one, number in _rows(db, form, address, table, query):
        if given == query.top:
            if given and not query.wanted.order and last is not None:
                ending["@odata.nextLink"] = next_link(_write_token(*last, table))
            break
        yield (b"," if given else b"") + json.dumps(row, ensure_ascii=False).encode()
        given, last = given + 1, (row, one, number)
    yield b"]," + json.dumps(ending, ensure_ascii=False).encode()[1:]


def next_link(token: str) -> str:
    """This request again, from there on."""
    kept = [(k, v) for k, v in request.args.items() if k not in ("$skip", "$skiptoken")]
    path = quote(request.path, safe="/()'$*,.~-_")
    return f"{auth.origin()}{request.root_path}{path}?{urlencode([*kept, ('$skiptoken', token)])}"


def _rows(
    db: Connection, form: FormView, address: Address, table: Node, query: Query
) -> Iterator[tuple[Row, Submission, int]]:
    """Each row with its submission and its number in it, from where the page before ended."""
    wanted, skip, done = query.wanted, query.skip, 0
    if query.token is not None:
        done = query.token.rows
        wanted = replace(wanted, after=_after(db, form, query.token, table))
    elif not table.path and address.instance_id is None:  # the database skips better
        limit = None if query.top is None else query.top + 1
        wanted, skip = replace(wanted, offset=skip, limit=limit), 0
    for one in _some(db, form, address, wanted):
        is_first = query.token is not None and one.id == query.token.submission
        for number, row in enumerate(_rows_of(form, table, one, query.shape, address.row), 1):
            if is_first and number <= done:
                continue
            if skip:
                skip -= 1
                continue
            yield row, one, number


def _after(db: Connection, form: FormView, token: Token, table: Node) -> int:
    """The key before which to go on; of a repeat the submission itself is looked into again."""
    number = token.submission
    if number is None:
        return reading.id_after(db, form, token.instance_id or "")
    return number + 1 if table.path else number


def _some(db: Connection, form: FormView, address: Address, wanted: Wanted) -> Iterator[Submission]:
    if address.instance_id is not None:
        yield reading.find(db, form, address.instance_id, answers=True)
    else:
        yield from reading.page(db, form, wanted, answers=True)


def _rows_of(
    form: FormView, table: Node, one: Submission, shape: Shape, around: str | None = None
) -> Iterator[Row]:
    element = one.instance.root if one.instance else None
    if not table.path:
        yield odata.form_row(form.tree, one.instance_id, system_of(one), element, shape)
        return
    whole = replace(shape, select=None)
    for row in odata.repeat_rows(form.tree, table, one.instance_id, element, whole):
        if around is None or around in (row["__id"], row[table.parent_key]):
            yield odata.selected(row, shape.select)


def _count(db: Connection, form: FormView, address: Address, table: Node, query: Query) -> int:
    """On all pages. Rows of repeats stand in no column: they are counted by reading."""
    if not table.path:
        return reading.count(db, form, query.wanted)
    found = _some(db, form, address, query.wanted)
    return sum(1 for one in found for _ in _rows_of(form, table, one, Shape(), address.row))


def system_of(one: Submission) -> Row:
    """What the server says of a submission."""
    sender = one.first.sender
    return {
        "submissionDate": to_time(one.created_at),
        "updatedAt": to_time(one.updated_at) if one.updated_at else None,
        "deletedAt": to_time(one.deleted_at) if one.deleted_at else None,
        "submitterId": str(sender.id) if sender else None,
        "submitterName": sender.name if sender else None,
        "attachmentsPresent": one.attachments_present,
        "attachmentsExpected": one.attachments_expected,
        "status": "notDecrypted" if one.is_sealed else None,
        "reviewState": one.review_state,
        "deviceId": one.first.device_id,
        "edits": one.edits,
        "formVersion": one.current.form_version,
    }
