"""Tables as an XLSX workbook: texts stay texts, numbers and days are real; constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

from forms.cells import Cell, Table, to_text
from forms.days import VIETNAM

# Limits of Excel. xlsxwriter drops what is beyond them and says nothing.
SHEET_NAME = 31
TEXT = 32_767
ROWS = 1_048_576
FIRST_YEAR = 1900  # earlier days are no dates to it
CUT = " … [còn nữa, xem tệp CSV]"


def write_xlsx(path: Path, tables: Iterable[Table]) -> None:
    """A sheet per table, in their order; a table longer than a sheet goes on in another."""
    import xlsxwriter  # slow to import, and most exports are CSV

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        writer = _Writer(book)
        for table in tables:
            writer.write(table)


class _Writer:
    """Writes sheets into a book, knows its formats and the names that are taken."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self._day = book.add_format({"num_format": "dd/mm/yyyy"})
        self._moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        self._names: set[str] = set()

    def write(self, table: Table) -> None:
        rows = iter(table.rows)
        first: Sequence[Cell] | None = next(rows, ())
        while first is not None:
            sheet = self._sheet(table)
            for number, row in enumerate(chain([first], rows), start=1):
                for column, cell in enumerate(row):
                    self._cell(sheet, number, column, cell)
                if number == ROWS - 1:
                    break
            first = next(rows, None)

    def _sheet(self, table: Table) -> Any:
        sheet = self._book.add_worksheet(self._name(table.name))
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(table.header) - 1, 0), 14)
        for column, title in enumerate(table.header):
            sheet.write_string(0, column, title, self._bold)
        return sheet

    def _name(self, name: str) -> str:
        """Excel's limits: 31 characters (the last tell repeats apart), no signs, no twins."""
        plain = "".join("-" if sign in "[]:*?/\\'" else sign for sign in name)
        for number in count(1):
            end = f" {number}" if number > 1 else ""
            free = plain[len(end) - SHEET_NAME :] + end
            if free.lower() not in self._names:
                break
        self._names.add(free.lower())
        return free

    def _cell(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        if isinstance(cell, datetime):
            cell = cell.astimezone(VIETNAM)
        if isinstance(cell, date) and cell.year < FIRST_YEAR:
            cell = to_text(cell)
        if isinstance(cell, str):
            if cell:  # never a formula: no guard needed
                sheet.write_string(row, column, _shortened(cell))
        elif isinstance(cell, datetime):
            sheet.write_datetime(row, column, cell.replace(tzinfo=None), self._moment)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, cell, self._day)
        elif cell is not None:
            sheet.write_number(row, column, cell)


def _shortened(text: str) -> str:
    return text if len(text) <= TEXT else text[: TEXT - len(CUT)] + CUT
