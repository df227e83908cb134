"""A person's CSV file, as Excel or a phone saved it: its headings, and the rows below."""

from __future__ import annotations

import csv
import io

from forms.problems import TABLE_NOT_CSV, TABLE_NOT_UTF8, Refused

_SEPARATORS = (";", "\t")  # Excel with Vietnamese settings; a copy of cells. Else a comma.


def read_table(source: bytes) -> tuple[list[str], list[list[str]]]:
    """The header and the rows below it, blank ones too, so that the first row's number is 2.

    Refused(TABLE_NOT_UTF8 or TABLE_NOT_CSV).
    """
    try:
        text = source.decode("utf-8-sig")
    except UnicodeError:
        raise Refused(TABLE_NOT_UTF8()) from None
    if "\x00" in text:
        raise Refused(TABLE_NOT_UTF8())
    first = text.partition("\n")[0]
    separator = next((one for one in _SEPARATORS if first.count(one)), ",")
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    except (csv.Error, ValueError):
        raise Refused(TABLE_NOT_CSV()) from None
    return header, rows


def read_rows(source: bytes) -> list[dict[str, str]]:
    """The filled rows by the names in the header; a cell behind the last column is under “…”."""
    header, lines = read_table(source)
    return [dict(zip([*header, "…"], line, strict=False)) for line in lines if any(line)]
