"""Whether an answer is what the OpenAPI document announces; asked of every one in the tests."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from server.api.document import document, path_of


def check(app: Flask, answer: TestResponse) -> None:
    """AssertionError where its status, content type or shape was not announced."""
    found = _responses(app, answer)
    if found is None:
        return
    where, responses = found
    status = str(answer.status_code)
    assert status in responses, f"{where} answers {status}: {answer.text[:300]}"
    content = responses[status].get("content")
    if content is None or answer.request.method == "HEAD":
        return
    assert answer.mimetype in content or "*/*" in content, f"{where} gives {answer.mimetype}"
    schema = content.get(answer.mimetype, {}).get("schema")
    if schema and answer.mimetype == "application/json":
        _validator(_mark(app), where, status).validate(answer.get_json())


def _responses(app: Flask, answer: TestResponse) -> tuple[tuple[str, str], dict[str, Any]] | None:
    """The operation that answered; None for what is no route of the document."""
    request = answer.request
    try:
        rule, _ = app.url_map.bind("x").match(
            request.path, "GET" if request.method == "HEAD" else request.method, return_rule=True
        )
    except HTTPException:
        return None
    if not rule.endpoint.startswith("api.") or "st=" in request.environ["QUERY_STRING"]:
        return None  # a token in the address leads to the phones' door, where there is one
    path = path_of(rule)
    method = "get" if request.method == "HEAD" else request.method.lower()
    operation = _document(app)["paths"][path].get(method)
    return None if operation is None else ((path, method), operation["responses"])


def _mark(app: Flask) -> frozenset[str]:
    """What the document is made of: apps of one process mostly have the same routes."""
    found: frozenset[str] | None = app.extensions.get("tests.documented")
    if found is None:
        found = app.extensions["tests.documented"] = frozenset(map(repr, app.url_map.iter_rules()))
    return found


_documents: dict[frozenset[str], dict[str, Any]] = {}


def _document(app: Flask) -> dict[str, Any]:
    mark = _mark(app)
    if mark not in _documents:
        _documents[mark] = document(app)
    return _documents[mark]


@cache
def _validator(mark: frozenset[str], where: tuple[str, str], status: str) -> Any:
    whole = _documents[mark]
    path, method = where
    content = whole["paths"][path][method]["responses"][status]["content"]
    return jsonschema_rs.Draft202012Validator(
        {**content["application/json"]["schema"], "components": whole["components"]}
    )
