"""One value as a Vietnamese spreadsheet reads it, or as a program does; and CSV made of such cells.

People get BOM, semicolons, decimal comma, dd/mm/yyyy (domain §7.8); programs plain UTF-8, commas,
decimal point and ISO dates. Texts that a spreadsheet would run as a formula are disarmed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from forms.days import VIETNAM

Cell = str | int | Decimal | date | datetime | None


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet: its name, header and rows. `rows` may be a stream that can be read only once."""

    name: str
    header: tuple[str, ...]
    rows: Iterable[Sequence[Cell]]


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BOM = "\ufeff"


def to_text(cell: Cell, *, raw: bool = False) -> str:
    """The cell's text. None is empty; a moment is shown in Vietnamese time."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell if raw else disarmed(cell)
    if isinstance(cell, datetime):
        cell = cell.astimezone(VIETNAM)
        return cell.isoformat() if raw else f"{cell:%d/%m/%Y %H:%M}"
    if isinstance(cell, date):
        return cell.isoformat() if raw else f"{cell:%d/%m/%Y}"
    text = f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    return text if raw else text.replace(".", ",")


def disarmed(text: str) -> str:
    """A text that starts like a formula gets an apostrophe (CWE-1236); numbers are not texts here.

    Spaces before the sign do not save a spreadsheet, so they are looked through.
    """
    start = text.lstrip(" \u00a0")
    return f"'{text}" if start.startswith(FORMULA_STARTS) or text.startswith("\n") else text


def to_csv(table: Table, *, raw: bool = False) -> Iterator[bytes]:
    """CSV in pieces, one per row: BOM, ";" and CRLF for people, "," and LF for programs."""
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter="," if raw else ";",
        lineterminator="\n" if raw else "\r\n",
        quoting=csv.QUOTE_MINIMAL,
    )
    if not raw:
        out.write(BOM)
    writer.writerow([to_text(title, raw=raw) for title in table.header])
    yield _taken(out)
    for row in table.rows:
        writer.writerow([to_text(cell, raw=raw) for cell in row])
        yield _taken(out)


def _taken(out: io.StringIO) -> bytes:
    piece = out.getvalue().encode()
    out.seek(0)
    out.truncate()
    return piece
