"""Tables as an XLSX workbook: texts stay texts, numbers and days are real; constant memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from forms.cells import Cell, Table
from forms.days import VIETNAM

SHEET_NAME_LIMIT = 31  # of Excel


def write_xlsx(path: Path, tables: Iterable[Table]) -> None:
    """One sheet per table, in their order."""
    import xlsxwriter  # slow to import, and most exports are CSV

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        formats = {
            date: book.add_format({"num_format": "dd/mm/yyyy"}),
            datetime: book.add_format({"num_format": "dd/mm/yyyy hh:mm"}),
        }
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        for table in tables:
            sheet = book.add_worksheet(_sheet_name(table.name))
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, max(len(table.header) - 1, 0), 14)
            for column, title in enumerate(table.header):
                sheet.write_string(0, column, title, bold)
            for number, row in enumerate(table.rows, start=1):
                for column, cell in enumerate(row):
                    _write(sheet, number, column, cell, formats)


def _write(sheet: Any, row: int, column: int, cell: Cell, formats: dict[type[date], Any]) -> None:
    if isinstance(cell, str):
        if cell:
            sheet.write_string(row, column, cell)  # never a formula: no guard needed
    elif isinstance(cell, datetime):
        local = cell.astimezone(VIETNAM).replace(tzinfo=None)
        sheet.write_datetime(row, column, local, formats[datetime])
    elif isinstance(cell, date):
        sheet.write_datetime(row, column, cell, formats[date])
    elif cell is not None:
        sheet.write_number(row, column, cell)


def _sheet_name(name: str) -> str:
    """Excel's limits: 31 characters, none of these signs."""
    return "".join("-" if sign in "[]:*?/\\" else sign for sign in name)[-SHEET_NAME_LIMIT:]
