"""A dataclass as canonical JSON, and back: equal values are equal bytes, on every machine.

Keys sorted, no blanks, texts as they are; days and moments in ISO, decimals as plain text. What is
read back is told by the annotations.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_bytes(value: object) -> bytes:
    """UTF-8 JSON of a value made of dataclasses, mappings with text keys, tuples and scalars."""
    plain = to_plain(value)
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def from_bytes(kind: type[T], content: bytes) -> T:
    """The value of this dataclass. A field that is not there has its default."""
    return from_plain(kind, json.loads(content))


def from_plain(kind: type[T], plain: Any) -> T:
    """The same from parsed JSON."""
    found: T = _read(kind, plain)
    return found


def sha256(value: object) -> str:
    """The hash that stands for the value."""
    return hashlib.sha256(to_bytes(value)).hexdigest()


def number_text(number: Decimal) -> str:
    """One spelling per number: 3, 3.0 and 3.0000 are "3"."""
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def to_plain(value: Any) -> Any:
    """The value as JSON has it, before it is written."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(one) for one in value]
    if isinstance(value, Decimal):
        return number_text(value)
    return value.isoformat() if isinstance(value, date) else value


def _read(kind: Any, plain: Any) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (inner,) = (one for one in args if one is not types.NoneType)  # only “X or None” is written
        return None if plain is None else _read(inner, plain)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        known = {name: one for name, one in plain.items() if name in hints}
        return kind(**{name: _read(hints[name], one) for name, one in known.items()})
    if origin is tuple:
        inner = (args[0] for _ in plain) if args[1:] == (...,) else args
        return tuple(_read(one, value) for one, value in zip(inner, plain, strict=True))
    if origin is Mapping:
        return {key: _read(args[1], one) for key, one in plain.items()}
    if kind in (datetime, date):
        return kind.fromisoformat(plain)
    return Decimal(plain) if kind is Decimal else plain


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)
