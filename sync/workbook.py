"""Tables as an XLSX workbook: texts stay texts, numbers and days are real; constant memory.

Written by hand (ECMA-376, part 1, SpreadsheetML): a general library spends more time on each of
the millions of cells than the database and the answers together, and all we need is below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import chain, count, islice
from pathlib import Path
from textwrap import wrap
from typing import IO
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

from forms.cells import Cell, Table, to_text
from forms.days import VIETNAM

Row = Sequence[Cell]

# Limits of Excel.
SHEET_NAME = 31
TEXT = 32_767
ROWS = 1_048_576
CELLS = 10_000_000  # of a sheet: beyond 2 GB a zip has to be of a kind that Excel distrusts
FIRST_DAY = date(1900, 3, 1)  # before it Excel counts a 29 February that never was, or no days
CUT = " … [còn nữa, xem tệp CSV]"

HEADING = 200  # of a printed page
NARROW, WIDTH, WIDE = 4, 16, 40  # of columns, in letters
LINE, MOST_LINES = 15, 8  # of the titles: points, and how many

EPOCH = date(1899, 12, 30)  # day 0
TITLE, DAY, MOMENT = 1, 2, 3  # styles, by their place in STYLES
PIECE = 200  # rows compressed in one go


def write_xlsx(path: Path, tables: Iterable[Table]) -> None:
    """A sheet per table, in their order; a table longer than a sheet goes on in another."""
    names: list[str] = []
    with ZipFile(path, "w", ZIP_DEFLATED) as book:
        for table in tables:
            for rows in _sheetfuls(table):
                names.append(_name(table.name, names))
                with book.open(f"xl/worksheets/sheet{len(names)}.xml", "w") as sheet:
                    _write_sheet(sheet, table, rows)
        for name, content in _frame(names):
            with book.open(
                name, "w"
            ) as part:  # writestr would note the hour: other bytes each time
                part.write(content.encode())


def _sheetfuls(table: Table) -> Iterator[Iterable[Row]]:
    """The rows, as many at a time as a sheet holds below its header; at least one time."""
    most = min(ROWS - 1 - len(table.below), CELLS // max(1, len(table.header)))
    left = iter(table.rows)
    yield islice(left, most)
    for first in left:
        yield chain([first], islice(left, most - 1))


def _name(name: str, taken: Sequence[str]) -> str:
    """Excel's limits: 31 characters (the last tell repeats apart), no signs, no twins."""
    plain = "".join("-" if sign in "[]:*?/\\'" or sign < " " else sign for sign in name)
    used = {one.lower() for one in taken}
    for number in count(1):
        end = f" {number}" if number > 1 else ""
        free = plain[len(end) - SHEET_NAME :] + end
        if free.lower() not in used:
            return free
    raise AssertionError


# ------------------------------------------------------------------ a sheet
def _write_sheet(out: IO[bytes], table: Table, rows: Iterable[Row]) -> None:
    letters = [_letters(column) for column in range(len(table.header))]
    widths = _widths(table)
    fits = '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>' if table.mark else ""
    out.write(f"{SHEET_START}{fits}{SHEET_VIEW}{_columns(widths)}<sheetData>".encode())
    out.write(_titles(letters, table.header, widths).encode())
    lines = (_row(number, letters, row) for number, row in enumerate(chain(rows, table.below), 2))
    while piece := "".join(islice(lines, PIECE)):
        out.write(piece.encode())
    out.write(f"</sheetData>{_on_paper(table.mark)}</worksheet>".encode())


def _widths(table: Table) -> list[int]:
    """Of columns, in letters: as their texts need, where these are at hand; else all alike."""
    if not isinstance(table.rows, Sequence):
        return [WIDTH] * len(table.header)
    widths = [0] * len(table.header)
    for row in table.rows:
        for column, cell in zip(range(len(widths)), row, strict=False):
            widths[column] = max(widths[column], len(to_text(cell)))
    words = [max(NARROW, *map(len, title.split() or [""])) for title in table.header]
    return [  # an empty column is for the pen
        min(max(width or WIDTH, word) + 2, WIDE) for width, word in zip(widths, words, strict=True)
    ]


def _columns(widths: Sequence[int]) -> str:
    listed = "".join(
        f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>'
        for n, width in enumerate(widths, start=1)
    )
    return f"<cols>{listed}</cols>" if listed else ""


def _titles(letters: Sequence[str], header: Sequence[str], widths: Sequence[int]) -> str:
    """The first row, as high as its longest title is broken: not every program finds that out."""
    broken = (len(wrap(title, width - 2)) for title, width in zip(header, widths, strict=True))
    height = LINE * min(max(broken, default=1), MOST_LINES)
    cells = (_text(f"{a}1", title, TITLE) for a, title in zip(letters, header, strict=True))
    return f'<row r="1" ht="{height}" customHeight="1">{"".join(cells)}</row>'


def _on_paper(mark: str) -> str:
    """Lying across, pages numbered; the mark above every page, and then all columns on one page."""
    said = _NOT_XML.sub(_escaped, mark[:HEADING].replace("&", "&&"))
    above = f"<oddHeader>&amp;L{said}</oddHeader>" if mark else ""
    return (
        '<pageSetup paperSize="9" fitToHeight="0" orientation="landscape"/>'
        f"<headerFooter>{above}<oddFooter>&amp;C&amp;P / &amp;N</oddFooter></headerFooter>"
    )


def _row(number: int, letters: Sequence[str], row: Row) -> str:
    placed = zip(letters, row, strict=True)
    cells = [_cell(f"{a}{number}", cell) for a, cell in placed if cell is not None]
    return f'<row r="{number}">{"".join(cells)}</row>'


def _letters(column: int) -> str:
    """0 is A, 26 is AA."""
    before, last = divmod(column, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)


def _cell(place: str, cell: Cell) -> str:
    if isinstance(cell, str):
        return _text(place, cell) if cell else ""
    if isinstance(cell, datetime):
        cell = cell.astimezone(VIETNAM)
        if cell.date() < FIRST_DAY:
            return _text(place, to_text(cell))
        part = (cell.hour * 3600 + cell.minute * 60 + cell.second) / 86400
        return f'<c r="{place}" s="{MOMENT}"><v>{(cell.date() - EPOCH).days + part}</v></c>'
    if isinstance(cell, date):
        if cell < FIRST_DAY:
            return _text(place, to_text(cell))
        return f'<c r="{place}" s="{DAY}"><v>{(cell - EPOCH).days}</v></c>'
    return f'<c r="{place}"><v>{to_text(cell, raw=True)}</v></c>'


def _text(place: str, text: str, style: int = 0) -> str:
    """Said to be text, so never a formula: no guard needed."""
    if len(text) > TEXT:
        text = text[: TEXT - len(CUT)] + CUT
    if _NOT_XML.search(text):
        text = _NOT_XML.sub(_escaped, text)
    body = f'<is><t xml:space="preserve">{text}</t></is>'
    return f'<c r="{place}" s="{style}" t="inlineStr">{body}</c>'


# Signs of XML itself, those it cannot hold, and what would be read as our way to write these.
_NOT_XML = re.compile(
    "[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]|_(?=x[0-9A-Fa-f]{4}_)"
)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def _escaped(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0]) or f"_x{ord(found[0]):04X}_"


# ------------------------------------------------------------------ what is around the sheets
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"

SHEET_START = f'{_XML}<worksheet xmlns="{_MAIN}">'
SHEET_VIEW = """<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" \
activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>"""
STYLES = f"""{_XML}<styleSheet xmlns="{_MAIN}">\
<numFmts count="2"><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>\
<numFmt numFmtId="165" formatCode="dd/mm/yyyy hh:mm"/></numFmts>\
<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>\
<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>\
<fills count="2"><fill><patternFill patternType="none"/></fill>\
<fill><patternFill patternType="gray125"/></fill></fills>\
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>\
<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1" applyAlignment="1">\
<alignment vertical="top" wrapText="1"/></xf>\
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>\
<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>\
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>\
</styleSheet>"""


def _frame(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The other parts of the package: what it holds, and how the sheets are called."""
    numbers = range(1, len(names) + 1)
    kinds = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_KIND}.worksheet+xml"/>'
        for n in numbers
    )
    yield (
        "[Content_Types].xml",
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>{kinds}'
        f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/></Types>',
    )
    yield "_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")])
    sheets = [("worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
    yield "xl/_rels/workbook.xml.rels", _relations([*sheets, ("styles", "styles.xml")])
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
        for n, name in zip(numbers, names, strict=True)
    )
    repeated = "".join(  # the titles, on every printed page
        f'<definedName name="_xlnm.Print_Titles" localSheetId="{n}">'
        f"'{_NOT_XML.sub(_escaped, name)}'!$1:$1</definedName>"
        for n, name in enumerate(names)
    )
    yield (
        "xl/workbook.xml",
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets>'
        f"<definedNames>{repeated}</definedNames></workbook>",
    )
    yield "xl/styles.xml", STYLES


def _relations(targets: Iterable[tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, start=1)
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'
