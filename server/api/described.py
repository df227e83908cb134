"""What a route says of itself, in shapes; the OpenAPI document is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import fields, validate

from server.api.wire import Wire

ANY_FILE = "*/*"
XML = "application/xml"
CSV = "text/csv"
ZIP = "application/zip"

Shape = type[Wire]
Object = Shape | tuple[Shape, ...]  # the later ones are added to the first, see `Wire.always`
Files = str | tuple[str, ...]  # media types
Gives = Object | Sequence[Object] | fields.Field[Any] | Files  # a list: of such objects
Takes = Shape | Files | None


class Done(Wire):
    """What actions without a result answer."""

    success = fields.Boolean()


class ProblemShape(Wire):
    """Every refusal. `code` is ODK Central's, its integer part the status; `problem` is our name of
    it; `message` is for people, Vietnamese and English.
    """

    message = fields.String()
    code = fields.Float()
    details = fields.Dict()
    problem = fields.String()


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter that a route reads."""

    name: str
    kind: fields.Field[Any]
    text: str
    place: Literal["query", "header"] = "query"


@dataclass(frozen=True, slots=True)
class Talk:
    """A route in words. also: statuses beside 200 and those that any route may answer."""

    gives: Gives
    takes: Takes
    query: tuple[Param, ...]
    also: tuple[int, ...]


def asked(name: str, text: str, kind: fields.Field[Any] | None = None) -> Param:
    """A parameter of the query; a text where nothing else is said."""
    return Param(name, kind or fields.String(), text)


def yes_no(name: str, text: str) -> Param:
    """A boolean of the query, in any case."""
    return asked(name, text, fields.Boolean())


def natural(name: str, text: str) -> Param:
    """A number from 0 of the query."""
    return asked(name, text, fields.Integer(validate=validate.Range(min=0, max=10**9 - 1)))


AFTER = "The id of the last row of the page before: what arrives meanwhile moves nothing."
PAGED = (
    asked("after", AFTER),
    natural("limit", "At most so many rows."),
    natural("offset", "Leave out so many rows; `after` is quicker and exact."),
)
