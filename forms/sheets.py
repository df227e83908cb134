"""The tables of an XLSForm, with the place of each row: read from .xlsx, Markdown, CSV; written.

pyxform's own readers lose rows in silence (Markdown) or know no cell; these give the same tables
and say where each row stands: the row of the sheet (xlsx) or the line of the file (Markdown, CSV);
the column letter counts the file's own columns.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO, StringIO

from forms import form_problems as fp
from forms.form_problems import FormRefused
from forms.problems import Problem, Where

XLSFORM_SHEETS = ("survey", "choices", "settings", "entities", "external_choices", "osm")

MAX_FILE = 20 * 2**20  # bytes of the file
MAX_UNPACKED = 50 * 2**20  # bytes of everything in an .xlsx: a small zip can hold a huge sheet
# Parts that run or reach out when somebody opens the file, which we hand back as it came.
ACTIVE_PARTS = re.compile(
    r"xl/(vbaProject|macrosheets/|activeX/|embeddings/|externalLinks/|ctrlProps/|connections)"
)
MAX_EMPTY_COLUMNS = 20  # pyxform stops looking after as many; so do we
MAX_EMPTY_ROWS = 60

Cells = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the header; `number` is where the designer finds it."""

    number: int
    cells: Cells


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table. `first_column` is the 0-based place of header[0] in the file's own grid."""

    name: str
    header: Cells
    header_row: int
    rows: tuple[Row, ...]
    first_column: int = 0

    def where(self, row: int | None, column: int | None = None) -> Where:
        """The place of 0-based `column` in the row numbered `row`."""
        if row is None or column is None:
            return Where(self.name, row)
        return Where(self.name, row, f"{_letter(self.first_column + column)}{row}")


@dataclass(frozen=True, slots=True)
class Sheets:
    """All tables of one file by lower-case name, and what was found wrong while reading."""

    tables: dict[str, Sheet]
    names: tuple[str, ...]  # as written, for hints about spelling
    problems: tuple[Problem, ...] = ()


def read_sheets(source: bytes, kind: str) -> Sheets:
    """The tables of an .xlsx, Markdown or CSV file; FormRefused when it cannot be read at all."""
    if not source.strip():
        raise FormRefused((fp.EMPTY_FILE(),))
    if len(source) > MAX_FILE:
        raise FormRefused((fp.FILE_TOO_LARGE(limit=MAX_FILE // 2**20),))
    readers = {"xlsx": read_workbook, "md": read_markdown, "csv": read_csv}
    if kind not in readers:
        raise FormRefused((fp.UNKNOWN_KIND(kind=kind),))
    return readers[kind](source)


# ------------------------------------------------------------------ xlsx


def read_workbook(source: bytes) -> Sheets:
    """An .xlsx file; pyxform's rules for which rows and columns belong to a sheet."""
    _refuse_unsafe_zip(source)
    from openpyxl import load_workbook  # slow to import, and only designers need it

    try:
        book = load_workbook(BytesIO(source), read_only=True, data_only=True)
        names = [name for name in book.sheetnames if hasattr(book[name], "iter_rows")]
        wanted = [n for n in names if n.lower() in XLSFORM_SHEETS] or names[:1]
        grids = {name: _grid(book[name].iter_rows(values_only=True)) for name in wanted}
        formulas = _formulas(source, wanted)
    except Exception as error:  # openpyxl passes on whatever its parsers raise on broken files
        raise FormRefused((fp.NOT_A_WORKBOOK(),)) from error
    only = len(names) == 1  # pyxform takes a lone sheet of any name for the survey
    tables: dict[str, Sheet] = {}
    problems: list[Problem] = []
    for name, grid in grids.items():
        key = name.lower() if name.lower() in XLSFORM_SHEETS else "survey" if only else None
        if key is None:
            continue
        sheet = _table(name, list(enumerate(grid, start=1)), 0)
        tables[key] = sheet
        problems += _cell_problems(sheet, [c for n, c in formulas if n == name])
    return Sheets(tables, tuple(names), tuple(problems))


def _refuse_unsafe_zip(source: bytes) -> None:
    if source.startswith(b"\xd0\xcf\x11\xe0"):  # OLE: .xls, or an encrypted .xlsx
        raise FormRefused((fp.OLD_OR_LOCKED_WORKBOOK(),))
    try:
        with zipfile.ZipFile(BytesIO(source)) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
            active = [name for name in archive.namelist() if ACTIVE_PARTS.match(name)]
    except Exception as error:  # a broken central directory raises a handful of types
        raise FormRefused((fp.NOT_A_WORKBOOK(),)) from error
    if unpacked > MAX_UNPACKED:
        raise FormRefused((fp.FILE_TOO_LARGE(limit=MAX_UNPACKED // 2**20),))
    if active:
        raise FormRefused((fp.ACTIVE_WORKBOOK(part=active[0]),))


def _grid(rows: Iterable[Sequence[object]]) -> list[Cells]:
    """Text of the sheet's cells, up to a run of empty rows."""
    grid: list[Cells] = []
    empty = 0
    width: int | None = None
    for row in rows:
        if width is None:
            width = _header_width(row)
        cells = tuple(_cell_text(value) for value in row[: width + MAX_EMPTY_COLUMNS])
        empty = 0 if any(cells) else empty + 1
        if empty > MAX_EMPTY_ROWS:
            break
        grid.append(cells)
    return grid


def _header_width(row: Sequence[object]) -> int:
    width = empty = 0
    for place, value in enumerate(row, start=1):
        if _cell_text(value) is None:
            empty += 1
            if empty > MAX_EMPTY_COLUMNS:
                break
        else:
            width, empty = place, 0
    return width


def _cell_text(value: object) -> str | None:
    """As pyxform writes a cell: whole floats without point, booleans in capitals, no nbsp."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _clean(str(value))


def _clean(text: str) -> str | None:
    return text.strip().replace("\xa0", " ") or None


def _formulas(source: bytes, wanted: Sequence[str]) -> list[tuple[str, str]]:
    """(sheet, cell) of every formula; its value is read elsewhere and may be missing."""
    from openpyxl import load_workbook

    book = load_workbook(BytesIO(source), read_only=True)
    found = []
    for name in wanted:
        for row in book[name].iter_rows(max_row=5000):
            found += [(name, str(c.coordinate)) for c in row if getattr(c, "data_type", "") == "f"]
    return found


_FORMULA_ERRORS = {"#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "#NULL!", "#NUM!"}


def _cell_problems(sheet: Sheet, formulas: Sequence[str]) -> Iterator[Problem]:
    empty = set(formulas)
    for row in sheet.rows:
        for place, text in enumerate(row.cells):
            where = sheet.where(row.number, place)
            if text in _FORMULA_ERRORS:
                yield fp.FORMULA_ERROR(where, text=text)
            if text is not None:
                empty.discard(where.cell or "")
    for cell in sorted(empty):
        number = int("".join(c for c in cell if c.isdigit()))
        if number > sheet.header_row:
            yield fp.FORMULA_WITHOUT_VALUE(Where(sheet.name, number, cell))


# ------------------------------------------------------------------ Markdown

_PIPE = re.compile(r"(?<!\\)\|")
_BARE_SEPARATOR = re.compile(r"[|-]*-[|-]*")  # what pyxform knows as one
_SEPARATOR_CELL = re.compile(r":?-+:?")


def read_markdown(source: bytes) -> Sheets:
    """Markdown tables whose first cell names the sheet; every slip that loses rows is a problem."""
    text = _decode(source)
    if text.startswith("\ufeff"):
        raise FormRefused((fp.BYTE_ORDER_MARK(Where(None, 1)),))
    reader = _MarkdownReader()
    for number, line in enumerate(text.split("\n"), start=1):
        if line.lstrip().startswith("|"):
            reader.row(number, line.strip())
    return reader.sheets()


@dataclass(slots=True)
class _MarkdownReader:
    """Collects rows per table, line by line."""

    tables: dict[str, list[tuple[int, Cells]]] = field(default_factory=dict)
    named_at: dict[str, tuple[str, int]] = field(default_factory=dict)
    current: str | None = None
    problems: list[Problem] = field(default_factory=list)

    def row(self, number: int, line: str) -> None:
        here = Where(self.current, number)
        if not line.endswith("|") or line.endswith(r"\|"):
            line, _, rest = line.rpartition("|")
            if not rest.lstrip().startswith("#"):  # a comment behind the row is fine
                self.problems.append(fp.MD_UNCLOSED_ROW(here))
                return
            line += "|"
        inner = line[1:-1]
        if _BARE_SEPARATOR.fullmatch(inner):
            return
        first, *rest_cells = (_markdown_cell(cell) for cell in _PIPE.split(inner))
        if _is_padded_separator((first, *rest_cells)):
            self.problems.append(fp.MD_PADDED_SEPARATOR(here))
        elif first is not None:
            self._table(number, first, tuple(rest_cells))
        elif self.current is None:
            self.problems.append(fp.MD_TEXT_BEFORE_SHEET(here))
        elif any(rest_cells) or self.tables[self.current]:
            self._body(number, tuple(rest_cells))

    def _body(self, number: int, cells: Cells) -> None:
        assert self.current is not None
        table = self.tables[self.current]
        width = len(table[0][1]) if table else len(cells)
        if any(cells[width:]):
            self.problems.append(fp.MD_TOO_MANY_CELLS(Where(self.current, number)))
        table.append((number, cells[:width]))

    def _table(self, number: int, name: str, cells: Cells) -> None:
        """A row whose first cell is filled: the name of a table, or a slip."""
        key = name.lower()
        if key not in XLSFORM_SHEETS:
            cell = Where(self.current, number, f"A{number}")
            self.problems.append(
                fp.MD_STRAY_FIRST_CELL(cell, text=name, **fp.did_you_mean(key, XLSFORM_SHEETS))
            )
            return
        if key in self.named_at:
            first = self.named_at[key][1]
            self.problems.append(fp.MD_SECOND_TABLE(Where(name, number), sheet=name, first=first))
        else:
            self.named_at[key] = (name, number)
            self.tables[key] = []
        self.current = key
        if any(cells):
            self.tables[key].append((number, cells))

    def sheets(self) -> Sheets:
        if not self.tables and not self.problems:
            raise FormRefused((fp.NOT_A_FORM(),))
        names = {key: name for key, (name, _) in self.named_at.items()}
        return _text_sheets(self.tables, names, self.problems)


def _markdown_cell(cell: str) -> str | None:
    return _clean(cell.replace(r"\|", "|"))


def _is_padded_separator(cells: Cells) -> bool:
    filled = [cell for cell in cells if cell is not None]
    return bool(filled) and all(_SEPARATOR_CELL.fullmatch(cell) for cell in filled)


# ------------------------------------------------------------------ CSV


def read_csv(source: bytes) -> Sheets:
    """pyxform's CSV: first column the sheet's name, on its own row; the rest as in the sheet."""
    text = _decode(source).removeprefix("\ufeff")  # Excel's "CSV UTF-8" begins with one
    if text.count(",") < 4 <= text.count(";"):
        raise FormRefused((fp.CSV_SEMICOLON(),))
    tables: dict[str, list[tuple[int, Cells]]] = {}
    names: dict[str, str] = {}
    current: str | None = None
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            name, *rest = [_clean(cell) for cell in cells] or [None]
            if name is not None:
                current = name.lower()
                names.setdefault(current, name)
                tables.setdefault(current, [])
            if current is not None and (any(rest) or (name is None and tables[current])):
                tables[current].append((line, tuple(rest)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise FormRefused((fp.CSV_BROKEN(Where(None, line)),)) from error
    if not tables:
        raise FormRefused((fp.NOT_A_FORM(),))
    return _text_sheets(tables, names, [])


def _text_sheets(
    tables: dict[str, list[tuple[int, Cells]]], names: dict[str, str], problems: list[Problem]
) -> Sheets:
    kept = {key: rows for key, rows in tables.items() if key in XLSFORM_SHEETS}
    if not kept and len(tables) == 1:  # as with a lone sheet of a workbook
        kept = {"survey": next(iter(tables.values()))}
    sheets = {key: _table(names.get(key, key), rows, 1) for key, rows in kept.items()}
    return Sheets(sheets, tuple(names.values()), tuple(problems))


def _decode(source: bytes) -> str:
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise FormRefused((fp.NOT_UTF8(Where(None, line)),)) from error
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise FormRefused((fp.CONTROL_CHARACTER(Where(None, line), number="U+0000"),))
    return text.replace("\r\n", "\n").replace("\r", "\n")


# ------------------------------------------------------------------ common


def _table(name: str, rows: Sequence[tuple[int, Cells]], first_column: int) -> Sheet:
    """First row is the header; blank rows inside stay (pyxform numbers rows), trailing ones go."""
    if not rows:
        return Sheet(name, (), 1, (), first_column)
    (header_row, header), *body = rows
    header = tuple(h and re.sub(" +", " ", h) for h in header)
    while body and not any(body[-1][1]):
        body.pop()
    return Sheet(name, header, header_row, tuple(Row(n, c) for n, c in body), first_column)


def _letter(column: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# ------------------------------------------------------------------ writing


def write_markdown(sheets: Sheets) -> str:
    """The tables as Markdown that reads back the same; FormRefused names cells with line breaks."""
    parts, problems = [], []
    for key, sheet in _in_order(sheets):
        problems += [
            fp.LINE_BREAK_IN_CELL(sheet.where(number, place))
            for number, cells in _all_rows(sheet)
            for place, text in enumerate(cells)
            if text and ("\n" in text or "\r" in text)
        ]
        lines = [f"| {key} |"]
        lines += [_markdown_row(cells, len(sheet.header)) for _, cells in _all_rows(sheet)]
        parts.append("\n".join(lines))
    if problems:
        raise FormRefused(tuple(problems))
    return "\n\n".join(parts) + "\n"


def _markdown_row(cells: Cells, width: int) -> str:
    padded = (*cells, *[None] * (width - len(cells)))
    return "| | " + " | ".join((text or "").replace("|", r"\|") for text in padded) + " |"


def write_workbook(sheets: Sheets) -> bytes:
    """The tables as .xlsx, every cell as text (a number or a formula would change on reading)."""
    import xlsxwriter

    out = BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True})
    for key, sheet in _in_order(sheets):
        page = book.add_worksheet(key)
        page.freeze_panes(1, 0)
        for y, (_, cells) in enumerate(_all_rows(sheet)):
            for x, text in enumerate(cells):
                if text is not None:
                    page.write_string(y, x, text, wrapped if y else bold)
        page.set_column(0, max(len(sheet.header) - 1, 0), 24)
    book.close()
    return out.getvalue()


def _in_order(sheets: Sheets) -> list[tuple[str, Sheet]]:
    """Sheets that an XLSForm knows, survey first."""
    return [(key, sheets.tables[key]) for key in XLSFORM_SHEETS if key in sheets.tables]


def _all_rows(sheet: Sheet) -> list[tuple[int, Cells]]:
    return [(sheet.header_row, sheet.header), *((row.number, row.cells) for row in sheet.rows)]
