"""How values stand on the wire: names, times, booleans and pages as ODK Central writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, ClassVar, TypeVar

from flask import Response, jsonify, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

from forms.problems import (
    BAD_FIELDS,
    BAD_PARAMETER,
    BAD_REQUEST,
    MISSING_FIELDS,
    NO_SUCH_ROW,
    NOT_JSON,
    Refused,
)

LONGEST_JSON = 20_000_000  # bytes: it is read into memory whole
MOST = 10_000  # rows of one answer where the caller names no limit
MOST_OF_ALL = 10**9  # a list that is read whole anyhow

Row = TypeVar("Row")


class Wire(Schema):
    """Our snake_case in Central's camelCase. Every key is there, null when there is no value."""

    always: ClassVar[bool] = True  # False: keys that X-Extended-Metadata adds
    stored: ClassVar[bool] = True  # False: of what is sent nothing is kept, so a NUL does no harm

    class Meta:
        unknown = EXCLUDE  # clients send more than we read

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Names and nulls by default, so that a schema only lists its fields."""
        if field_obj.data_key is None:
            field_obj.data_key = camel(field_name)
        if field_obj.dump_default is missing:
            field_obj.dump_default = None


class Time(fields.Field[datetime]):
    """2026-01-02T10:00:00.000Z"""

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else to_time(value)


def camel(name: str) -> str:
    """created_at → createdAt"""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def to_time(value: datetime) -> str:
    """UTC with milliseconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"


def read_time(name: str) -> datetime | None:
    """A time in the query, UTC unless it says otherwise; Refused(BAD_PARAMETER)."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(BAD_PARAMETER(name=name)) from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def flag(name: str, default: bool = False) -> bool:
    """A boolean of the query: pyODK writes True, ruODK true; others nothing at all, or 1."""
    text = request.args.get(name)
    if text is None:
        return default
    known = {"true": True, "1": True, "false": False, "0": False, "": default}
    if text.lower() not in known:
        raise Refused(BAD_PARAMETER(name=name))
    return known[text.lower()]


def paging(most: int = MOST) -> tuple[int, int]:
    """`limit` and `offset` of the query."""
    return min(number("limit", most), most), number("offset", 0)


def page(rows: Iterable[Row], key: Callable[[Row], object]) -> Iterator[Row]:
    """Of a short list what `after`, `offset` and `limit` of the query ask for, each row once.

    key: what `after` names a row by. Refused(NO_SUCH_ROW or BAD_PARAMETER).
    """
    after, (limit, offset), rows = request.args.get("after"), paging(MOST_OF_ALL), iter(rows)
    if after is not None and not any(str(key(one)) == after for one in rows):
        raise Refused(NO_SUCH_ROW())
    return islice(rows, offset, offset + limit)


def number(name: str, default: int) -> int:
    """A natural number of the query; Refused(BAD_PARAMETER)."""
    text = request.args.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(BAD_PARAMETER(name=name))
    return int(text) if text else default


def extended() -> bool:
    """Whether the caller asked for the longer shapes."""
    return request.headers.get("X-Extended-Metadata", "").lower() == "true"


def sent(schema: Wire) -> dict[str, Any]:
    """The JSON object of the request. Refused(NOT_JSON, MISSING_FIELDS or BAD_FIELDS)."""
    request.max_content_length = LONGEST_JSON
    found = request.get_json(force=True, silent=True)
    if not isinstance(found, Mapping):
        raise Refused(NOT_JSON())
    if schema.stored and b"\\u0000" in request.get_data() and _holds_nul(found):
        raise Refused(BAD_REQUEST())
    required = {f.data_key or name for name, f in schema.load_fields.items() if f.required}
    lacking = sorted(name for name in required if found.get(name) is None)
    if lacking:
        raise Refused(MISSING_FIELDS(fields=", ".join(lacking)))
    try:
        loaded: dict[str, Any] = schema.load(found)
    except ValidationError as error:
        raise Refused(BAD_FIELDS(fields=", ".join(sorted(error.messages_dict)))) from None
    return loaded


def _holds_nul(value: object) -> bool:
    """Whether a text in it holds what PostgreSQL cannot store."""
    if isinstance(value, Mapping):
        return any(map(_holds_nul, (*value, *value.values())))
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\x00" in value


def say(schema: Schema, found: Any, many: bool = False) -> Response:
    """200 with one object, or a list of them."""
    return jsonify(schema.dump(list(found) if many else found, many=many))


def done() -> Response:
    """What actions without a result answer."""
    return jsonify(success=True)
