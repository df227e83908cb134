"""The OpenAPI 3.1 document of /v1, made of the routes themselves and the shapes they speak in."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask, Response, current_app, jsonify
from marshmallow import fields
from werkzeug.routing import Rule

from server.api.described import Gives, Param, ProblemShape, Shape, Takes, Talk
from server.api.door import KNOWN, NEEDS, OPEN, OWN, TALKS, route
from server.api.wire import Time
from sync.accounts import PROJECT_ID

BASE = "/v1"
ABOUT = """JSON in ODK Central's spelling: pyODK, ruODK, Excel and Power BI know it. The same
addresses stand below `/v1/key/TOKEN` for phones and public links, which `?st=TOKEN` means too; form
documents and their files are then refused in the phones' language.

Every refusal has one shape (`ProblemShape`). Times are UTC with milliseconds. Lists begin with the
newest. Unknown parameters are ignored, except by OData. What somebody may see is decided by role
and place: what is not theirs is 403 or 404."""
ALWAYS = (400, 401, 403, 404, 503)  # what any route may answer
WORDS = {
    304: "As the caller has it already.",
    400: "Not understood.",
    401: "Nobody, or not who they say they are.",
    403: "Not for this caller.",
    404: "Not there, or not for this caller.",
    405: "Not by that method.",
    406: "Not in that format.",
    409: "There already, or something else meanwhile.",
    413: "Too large.",
    429: "Too often.",
    501: "A part of OData that is not here.",
    503: "Busy: again in a minute.",
}
PATHS = {
    "project": "The one project there is.",
    "form_id": "The form's id (xmlFormId).",
    "version": "A version; of a form that names none: ___",
    "instance_id": "The submission's first instanceID.",
    "list_name": "The entity list's name.",
    "uuid": "The entity's uuid.",
    "number": "The number (id).",
}
SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A sign-in (POST /sessions: a day) or an API token (POST /tokens).",
    },
    "password": {"type": "http", "scheme": "basic", "description": "Over https only."},
}
EXTENDED = Param(
    "X-Extended-Metadata", fields.Boolean(), "`true`: with the keys not always there.", "header"
)
NOUNS = ("forms", "submissions", "datasets", "entities", "draft", "public-links", "assignments")
_SHAPES: dict[str, Shape] = {}  # by the name of its component
_CONVERTED = re.compile(r"<(?:[^:<>]+:)?([^:<>]+)>")


@route("/openapi.json", OPEN, gives=fields.Dict())
def get_openapi() -> Response:
    """This document."""
    return jsonify(document(current_app))


def document(app: Flask) -> dict[str, Any]:
    """The document of this app's routes; made once."""
    return _made(app)


@cache
def _made(app: Flask) -> dict[str, Any]:
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec(
        title="Cây Đa",
        version=version("cayda"),
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": ABOUT},
        servers=[{"url": BASE}],
    )
    converter = plugin.converter
    assert converter is not None
    converter.field_mapping[Time] = ("string", "date-time")
    converter.attribute_functions.append(_constant)  # its own way wants a method
    for name, scheme in SECURITY.items():
        spec.components.security_scheme(name, scheme)
    writer = _Writer(spec, converter)
    for rule in sorted(_rules(app), key=lambda one: one.rule):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            writer.write(rule, method.lower(), app.view_functions[rule.endpoint])
    found: dict[str, Any] = spec.to_dict()
    done: set[str] = set()
    for name in sorted(writer.given):
        _always_there(found["components"]["schemas"], name, done)
    return found


def _rules(app: Flask) -> Iterator[Rule]:
    return (rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api."))


def _name(schema: Any) -> str:
    one: Shape = schema if isinstance(schema, type) else type(schema)
    _SHAPES[one.__name__] = one
    return one.__name__


def _constant(field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    return {"const": field.constant} if isinstance(field, fields.Constant) else {}


def path_of(rule: Rule) -> str:
    """/projects/<project>/forms/<form_id> → /projects/{project}/forms/{form_id}"""
    return _CONVERTED.sub(r"{\1}", rule.rule.removeprefix(BASE))


class _Writer:
    """What writes one operation after the other; `given`: the shapes of answers met so far."""

    def __init__(self, spec: APISpec, converter: OpenAPIConverter) -> None:
        self._spec = spec
        self._converter = converter
        self.given: set[str] = set()
        self._problem = self._object(ProblemShape)

    def write(self, rule: Rule, method: str, view: Any) -> None:
        talk, needs = TALKS[view.__name__], NEEDS[view.__name__]
        said = inspect.getdoc(view) or ""
        is_twice = {"GET", "POST"} <= (rule.methods or set())
        first, _, more = said.partition("\n\n")
        operation = {
            "operationId": f"{view.__name__}_by_{method}" if is_twice else view.__name__,
            "summary": " ".join(first.split()),
            "description": "\n\n".join(filter(None, (more, _who(needs)))),
            "tags": [_noun(rule)],
            "security": _security(needs),
            "parameters": [*self._path(rule), *self._params(talk)],
            "responses": self._answers(talk),
        }
        body = self._body(talk.takes, method)
        if body is not None:
            operation["requestBody"] = body
        self._spec.path(path_of(rule), operations={method: operation})

    def _path(self, rule: Rule) -> Iterator[dict[str, Any]]:
        for name, converter in rule._converters.items():
            kind: dict[str, Any] = {"type": "string", "minLength": 1}
            if name == "project":
                kind = {"const": str(PROJECT_ID)}
            elif type(converter).__name__ == "IntegerConverter":
                kind = {"type": "integer", "minimum": 0}
            elif items := getattr(converter, "items", None):
                kind = {"enum": sorted(items)}
            yield {"name": name, "in": "path", "required": True, "schema": kind} | _about(name)

    def _params(self, talk: Talk) -> Iterator[dict[str, Any]]:
        extended = (EXTENDED,) if _is_extended(talk.gives) else ()
        for one in (*talk.query, *extended):
            yield {
                "name": one.name,
                "in": one.place,
                "description": one.text,
                "schema": self._field(one.kind),
            }

    def _body(self, takes: Takes, method: str) -> dict[str, Any] | None:
        if takes is None or method == "get":
            return None
        if isinstance(takes, type):
            return {"required": True, "content": {"application/json": {"schema": self._ref(takes)}}}
        kinds = (takes,) if isinstance(takes, str) else takes
        return {"content": {kind: {"schema": {}} for kind in kinds}}

    def _answers(self, talk: Talk) -> dict[str, Any]:
        found: dict[str, Any] = {
            "200": {"description": "Good.", "content": self._content(talk.gives)}
        }
        for status in sorted({*ALWAYS, *talk.also, *((413,) if talk.takes else ())}):
            shape = {"application/json": {"schema": self._problem}}
            content = {} if status == 304 else {"content": shape}
            found[str(status)] = {"description": WORDS[status], **content}
        return found

    def _content(self, gives: Gives) -> dict[str, Any]:
        if isinstance(gives, str):
            return {gives: {"schema": {}}}
        if isinstance(gives, fields.Field):
            schema = self._field(gives)
        elif isinstance(gives, list):
            schema = {"type": "array", "items": self._object(gives[0])}
        elif isinstance(gives, tuple) and isinstance(gives[0], str):
            return {str(kind): {"schema": {}} for kind in gives}
        else:
            schema = self._object(gives)
        return {"application/json": {"schema": schema}}

    def _object(self, gives: Any) -> dict[str, Any]:
        shapes = gives if isinstance(gives, tuple) else (gives,)
        refs = [self._ref(one) for one in shapes]
        self.given.update(_name(one) for one in shapes)
        return refs[0] if len(refs) == 1 else {"allOf": refs}

    def _ref(self, shape: Shape) -> dict[str, Any]:
        found: dict[str, Any] = self._converter.resolve_nested_schema(shape)  # type: ignore[no-untyped-call]  # apispec's
        return found

    def _field(self, kind: fields.Field[Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._converter.field2property(kind)
        return found


def _is_extended(gives: Gives) -> bool:
    one = gives[0] if isinstance(gives, list) else gives
    more = one[1:] if isinstance(one, tuple) else ()
    return any(not isinstance(shape, str) and not shape.always for shape in more)


def _always_there(schemas: dict[str, Any], name: str, done: set[str]) -> None:
    """Of an answer's shape every key is there, null when there is no value (`Wire`)."""
    if name in done:
        return
    done.add(name)
    found = schemas[name]
    properties = found.get("properties", {})
    if _SHAPES[name].always:
        found["required"] = sorted(properties)
    for key, one in properties.items():
        for inner in (one, one.get("items", {})):
            if "$ref" in inner:
                _always_there(schemas, inner["$ref"].rpartition("/")[2], done)
        if "const" not in one:
            properties[key] = {"anyOf": [one, {"type": "null"}]}


def _about(name: str) -> dict[str, str]:
    return {"description": PATHS[name]} if name in PATHS else {}


def _noun(rule: Rule) -> str:
    """Under which heading: the last noun of its path that has no name in it."""
    steps = [step for step in path_of(rule).split("/")[1:] if not step.startswith("{")]
    known = [step.partition(".")[0] for step in steps if step.partition(".")[0] in NOUNS]
    return known[-1] if known else steps[0]


def _who(needs: tuple[str, ...]) -> str:
    if OPEN in needs:
        return "For anybody."
    verbs = " or ".join(f"`{verb}`" for verb in needs if verb not in (KNOWN, OWN))
    if OWN in needs:
        return "For every person; not by an API token" + (f", or {verbs}." if verbs else ".")
    if not verbs:
        return "For every person; what they see is decided by role and place."
    return f"Needs {verbs}" + (", or a person who may see it." if KNOWN in needs else ".")


def _security(needs: tuple[str, ...]) -> list[dict[str, list[str]]]:
    if OPEN in needs:
        return []
    return [{name: []} for name in SECURITY]
