"""Numbers of rows in addresses: none that is larger than a database can hold."""

from __future__ import annotations

import re

from flask import Flask
from werkzeug.routing import IntegerConverter

_DIGITS = r"\d{1,18}"  # SQLite fails on what needs more than 64 bits


class _RowNumber(IntegerConverter):
    regex = _DIGITS


def register(app: Flask) -> None:
    """Routes with `<int:…>` answer such numbers only; any other is an address that is not here."""
    app.url_map.converters["int"] = _RowNumber


def row_number(text: str) -> int:
    """For `request.args.get(…, type=row_number)`. ValueError for what is no row's number."""
    if not re.fullmatch(_DIGITS, text, re.ASCII):
        raise ValueError(text)
    return int(text)
