"""The JSON API to read: every route of its OpenAPI document, by noun, with its shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template
from markupsafe import Markup, escape

from server.api.document import BASE, document
from server.pages.door import OPEN, Answer, page

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A schema in words, and the shape it is made of, if it is of one."""

    words: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. `answers`: status, what it means, what is in it."""

    method: str
    path: str
    told: Schema
    takes: tuple[tuple[str, Kind], ...]
    answers: tuple[tuple[str, str, tuple[tuple[str, Kind], ...]], ...]


@page("/docs", OPEN)
def docs() -> Answer:
    """What programs may ask, for whoever writes one."""
    found = document(current_app)
    nouns: dict[str, list[Operation]] = {}
    for path, methods in found["paths"].items():
        for method, told in methods.items():
            nouns.setdefault(told["tags"][0], []).append(_operation(path, method, told))
    shapes = {
        name: [(key, kind_of(one)) for key, one in schema.get("properties", {}).items()]
        for name, schema in found["components"]["schemas"].items()
    }
    return render_template(
        "docs.html",
        about=found["info"]["description"],
        nouns=nouns,
        shapes=shapes,
        kind_of=kind_of,
        spelled=spelled,
    )


def spelled(text: str) -> Markup:
    """What stands between backticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped


def _operation(path: str, method: str, told: Schema) -> Operation:
    answers = (
        (status, one["description"], tuple(_content(one)))
        for status, one in told["responses"].items()
    )
    takes = tuple(_content(told.get("requestBody", {})))
    return Operation(method.upper(), f"{BASE}{path}", told, takes, tuple(answers))


def _content(said: Schema) -> Iterator[tuple[str, Kind]]:
    for media, one in said.get("content", {}).items():
        yield media, kind_of(one["schema"])


def kind_of(schema: Schema) -> Kind:
    """In words: “string (date-time)”, “array of TokenShape”, “1”."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Kind(name, name)
    if "allOf" in schema:
        parts = [kind_of(one) for one in schema["allOf"]]
        return Kind(", ".join(one.words for one in parts), parts[0].shape)
    if "anyOf" in schema:  # something or null
        return kind_of(schema["anyOf"][0])
    if "const" in schema or "enum" in schema:
        return Kind(" | ".join(map(str, schema.get("enum", [schema.get("const")]))))
    if schema.get("type") == "array":
        inner = kind_of(schema["items"])
        return Kind(f"array of {inner.words}", inner.shape)
    types = schema.get("type", "")
    words = types if isinstance(types, str) else " | ".join(types)
    return Kind(f"{words} ({schema['format']})" if "format" in schema else words)
