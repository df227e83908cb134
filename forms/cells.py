"""One value as a Vietnamese spreadsheet reads it, or as a program does; and CSV made of such cells.

People get BOM, semicolons, decimal comma, dd/mm/yyyy (domain §7.8); programs plain UTF-8, commas,
decimal point and ISO dates. Texts that a spreadsheet would run as a formula are disarmed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, TypeVar

from forms.days import VIETNAM, to_vietnamese

Cell = str | int | Decimal | date | datetime | None
T = TypeVar("T")


class Stream:
    """Rows that are read while they are written, once, and closed by who began.

    `through` gives what `make` makes of each cell, a pure function: the same answers stand in
    thousands of rows, and `source` need ask it once for each. Nothing is read before the first row.
    """

    def __init__(self, source: Callable[[Callable[[Cell], Any]], Generator[list[Any]]]) -> None:
        self._source = source
        self._begun: Generator[list[Any]] | None = None

    def through(self, make: Callable[[Cell], T]) -> Iterator[list[T]]:
        self._begun = self._source(make)
        return self._begun

    def __iter__(self) -> Iterator[list[Cell]]:
        return self.through(lambda cell: cell)

    def close(self) -> None:
        if self._begun is not None:
            self._begun.close()


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet: its name, header and rows. `rows` may be a stream that can be read only once.

    No two titles of the header are equal, nor become so when they are disarmed (see `distinct`).
    place: which column answers a question for a place on the map, where one does.
    mark: who took it and when, said below the rows and on every printed page.
    """

    name: str
    header: tuple[str, ...]
    rows: Iterable[Sequence[Cell]]
    place: int | None = None
    mark: str = ""

    @property
    def below(self) -> tuple[Sequence[Cell], ...]:
        """The line below the rows, where there is one."""
        return ((self.mark, *[None] * (len(self.header) - 1)),) if self.mark else ()


BOM = "\ufeff"
FORMULA_STARTS = tuple("=+-@＝＋－＠\t\r\n")  # full-width signs run as well
LOOKED_THROUGH = " \u00a0\u3000\u200b\ufeff"  # blanks before the sign do not save a spreadsheet
_SUSPECT = frozenset((*FORMULA_STARTS, *LOOKED_THROUGH))
_TWO = [f"{number:02}" for number in range(60)]  # setting a number anew took longest of a moment
MINUS = re.compile(r"-\d+([.,]\d+)?", re.ASCII)


def to_text(cell: Cell, *, raw: bool = False) -> str:
    """The cell's text. None is empty; a moment is shown in Vietnamese time."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell if raw else disarmed(cell)
    if isinstance(cell, datetime):
        if cell.tzinfo is not VIETNAM:
            cell = cell.astimezone(VIETNAM)
        if raw:
            return cell.isoformat()
        return f"{to_vietnamese(cell.date())} {_TWO[cell.hour]}:{_TWO[cell.minute]}"
    if isinstance(cell, date):
        return cell.isoformat() if raw else to_vietnamese(cell)
    text = f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    return text if raw else text.replace(".", ",")


def disarmed(text: str) -> str:
    """A text that starts like a formula gets an apostrophe (CWE-1236).

    A negative number computes nothing and is left alone; "+84…" is a phone, not a number.
    """
    if text[:1] not in _SUSPECT:
        return text
    starts = text.lstrip(LOOKED_THROUGH).startswith(FORMULA_STARTS)
    return f"'{text}" if starts and not MINUS.fullmatch(text) else text


def distinct(titles: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The titles, each told from its equals by the name behind it: "Ghi chú [note]".

    A pure function of both; equal means equal when disarmed. Names that repeat are numbered.
    """
    shown = [disarmed(title) for title in titles]
    taken = {title for title in shown if shown.count(title) == 1}
    return tuple(
        title if disarmed(title) in taken else _free(f"{title} [{name}]", taken)
        for title, name in zip(titles, names, strict=True)
    )


def _free(title: str, taken: set[str]) -> str:
    """The title, or the first of "title 2", "title 3", … that is not taken; it is taken now."""
    free, number = title, 1
    while disarmed(free) in taken:
        number += 1
        free = f"{title} {number}"
    taken.add(disarmed(free))
    return free


def to_csv(table: Table, *, raw: bool = False) -> Iterator[bytes]:
    """CSV in pieces, one per row: BOM, ";" and CRLF for people, "," and LF for programs.

    Texts of rows are quoted, numbers and days are not: who imports may ask to keep what is quoted
    as text. Titles only where they must be: some readers stumble over a quote behind the BOM.
    """
    separator, end = (",", "\n") if raw else (";", "\r\n")
    field = _field_raw if raw else _field
    titles = (to_text(title, raw=raw) for title in table.header)
    header = (_quoted(t) if _needs_quotes(t) else t for t in titles)
    yield (("" if raw else BOM) + separator.join(header) + end).encode()
    rows = table.rows
    written = rows.through(field) if isinstance(rows, Stream) else _each(field, rows)
    for fields in written if raw else chain(written, _each(field, table.below)):
        yield (separator.join(fields) + end).encode()


def _each(make: Callable[[Cell], T], rows: Iterable[Sequence[Cell]]) -> Iterator[list[T]]:
    return ([make(cell) for cell in row] for row in rows)


_SIGNS = ',;"\r\n'


def _needs_quotes(title: str) -> bool:
    """It holds a sign of the file itself, or looks like a number: "80+" is 80 to LibreOffice."""
    return title[:1].isdigit() or any(sign in title for sign in _SIGNS)


def _field(cell: Cell) -> str:
    if not isinstance(cell, str):
        return to_text(cell)
    if cell[:1] in _SUSPECT:
        cell = disarmed(cell)
    return '"' + cell.replace('"', '""') + '"' if cell else ""


def _field_raw(cell: Cell) -> str:
    if not isinstance(cell, str):
        return to_text(cell, raw=True)
    return _quoted(cell) if cell else ""


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
