"""A person's CSV file, as Excel or a phone saved it; what cannot be read is said in a sentence."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from server.cli.terminal import WRONG, fail

_SEPARATORS = (";", "\t")  # Excel with Vietnamese settings; a copy of cells. Else a comma.


def read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header and the rows below it, blank ones too, so that the first row's number is 2."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if "\x00" in text:
            raise UnicodeError
    except UnicodeError:
        fail(
            f"{path}: tệp không phải UTF-8; trong Excel, hãy lưu lại dạng “CSV UTF-8”. "
            "/ The file is not UTF-8; in Excel, save it as “CSV UTF-8”.",
            WRONG,
        )
    first = text.partition("\n")[0]
    separator = next((one for one in _SEPARATORS if first.count(one)), ",")
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    except (csv.Error, ValueError):
        fail(f"{path}: không đọc được như một bảng CSV. / It cannot be read as a CSV table.", WRONG)
    return header, rows


def read_rows(path: Path) -> list[dict[str, str]]:
    """The filled rows by the names in the header; a cell behind the last column is under “…”."""
    header, lines = read_table(path)
    return [dict(zip([*header, "…"], line, strict=False)) for line in lines if any(line)]
