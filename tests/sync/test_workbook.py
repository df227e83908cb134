"""Workbooks, read by another library: texts are texts, numbers numbers, and nothing is lost."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from forms.cells import Cell, Table
from sync import workbook
from sync.workbook import CUT, SHEET_NAME, TEXT, write_xlsx
from tests.forms.test_cells import BOTH_CASES, FORMULAS

Row = tuple[Cell, ...]


def a_book(path: Path, *tables: Table) -> Any:
    write_xlsx(path / "t.xlsx", tables)
    return openpyxl.load_workbook(path / "t.xlsx")


def a_sheet(path: Path, *rows: Row, header: tuple[str, ...] = ()) -> Any:
    header = header or tuple(f"c{n}" for n in range(len(rows[0])))
    return a_book(path, Table("t", header, rows)).active


def test_codes_and_phones_are_text_and_keep_their_zeros(tmp_path: Path) -> None:
    codes = ("0905000123", "050166908858", "20263", "+84905000123", "03", "12345678901234567890")
    cells = a_sheet(tmp_path, codes)[2]
    assert [cell.value for cell in cells] == list(codes)
    assert {cell.data_type for cell in cells} == {"s"}


def test_numbers_and_days_are_real_and_days_look_vietnamese(tmp_path: Path) -> None:
    moment = datetime(2018, 6, 30, 17, 30, tzinfo=UTC)
    row = (3, Decimal("62.5"), Decimal("-1.26"), date(2018, 6, 30), moment, None, 0)
    cells = a_sheet(tmp_path, row)[2]
    assert [cell.value for cell in (*cells[:3], *cells[5:])] == [3, 62.5, -1.26, None, 0]
    assert cells[3].value.isoformat() == "2018-06-30T00:00:00"
    assert cells[4].value.isoformat() == "2018-07-01T00:30:00"  # Vietnam's clock
    assert [cells[3].number_format, cells[4].number_format] == ["dd/mm/yyyy", "dd/mm/yyyy hh:mm"]


@pytest.mark.parametrize("text", [*FORMULAS, "http://example.org", "mailto:a"])
def test_c14_no_text_and_no_title_becomes_a_formula_or_a_link(tmp_path: Path, text: str) -> None:
    sheet = a_sheet(tmp_path, (text,), header=(text,))
    for row in (1, 2):
        cell = sheet.cell(row, 1)
        written = text.replace("\r", "_x000D_")  # XML has no other way to keep it; Excel undoes it
        assert cell.value in (text, written, text.replace("\r", "\n"))
        assert cell.data_type == "s" or text.startswith("=")  # openpyxl guesses from the sign
        assert cell.hyperlink is None


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_b2_every_vietnamese_letter_comes_back_as_it_went(tmp_path: Path, form: str) -> None:
    letters = unicodedata.normalize(form, BOTH_CASES)  # type: ignore[arg-type] # a Literal there
    sheet = a_sheet(tmp_path, (letters,), header=(BOTH_CASES,))
    assert [sheet["A1"].value, sheet["A2"].value] == [BOTH_CASES, letters]


def test_a_day_before_excels_calendar_is_right_stays_readable(tmp_path: Path) -> None:
    row = (date(1900, 2, 28), date(201, 5, 1), datetime(1, 1, 2, tzinfo=UTC), date(1900, 3, 1))
    values = [cell.value for cell in a_sheet(tmp_path, row)[2]]
    assert values[:3] == ["28/02/1900", "01/05/0201", "02/01/0001 07:00"]
    assert values[3] == datetime(1900, 3, 1)  # noqa: DTZ001 - a sheet knows no zones


ODD = ["a & b <c>", "a\x00\x1fb", "_x000D_", "\ufffe", " trước, sau ", "😀\t\n"]


@pytest.mark.parametrize("text", ODD)
def test_signs_that_xml_cannot_hold_break_no_workbook(tmp_path: Path, text: str) -> None:
    cell = a_sheet(tmp_path, (text,))["A2"]
    assert unescape(cell.value) == text


def test_a_row_of_another_length_than_its_header_is_an_error_and_not_a_shifted_row(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="shorter"):
        a_book(tmp_path, Table("t", ("a", "b"), ((1,),)))


def test_the_same_tables_are_the_same_bytes(tmp_path: Path) -> None:
    table = Table("t", ("a",), ((1,), ("x",)))
    for name in ("one", "two"):
        write_xlsx(tmp_path / name, [table])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_text_longer_than_a_cell_says_that_it_was_cut(tmp_path: Path) -> None:
    whole, long = "đ" * TEXT, "đ" * (TEXT + 1)
    cells = a_sheet(tmp_path, (whole, long))[2]
    assert cells[0].value == whole
    assert cells[1].value.endswith(CUT)
    assert len(cells[1].value) == TEXT


def test_c18_more_rows_than_a_sheet_holds_go_on_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "ROWS", 4)  # a header and three rows

    for count, sheets in ((0, [0]), (3, [3]), (4, [3, 1]), (6, [3, 3])):
        book = a_book(tmp_path, Table("t", ("a",), ((n,) for n in range(count))))
        assert [sheet.max_row - 1 for sheet in book] == sheets
        assert all(sheet["A1"].value == "a" for sheet in book)
        rows = [row[0] for sheet in book for row in sheet.iter_rows(2, values_only=True)]
        assert rows == list(range(count))


def test_names_of_sheets_fit_excel_and_never_meet(tmp_path: Path) -> None:
    long = "một_biểu_mẫu_tên_rất_dài_của_phường_thăm_nhà"
    names = [f"{long}/quà", f"{long}:quà", "A", "a", "a/b", "a?b", "'a'"]
    book = a_book(tmp_path, *(Table(name, ("x",), ()) for name in names))
    assert len(book.sheetnames) == len(names)
    assert len({name.lower() for name in book.sheetnames}) == len(names)
    assert all(len(name) <= SHEET_NAME for name in book.sheetnames)
    assert book.sheetnames[0].endswith("-quà")  # the end tells repeats apart


def test_on_paper_every_page_has_the_titles_and_the_mark(tmp_path: Path) -> None:
    mark = "Cô Lan & cô Hoa tải lúc 10:00"
    book = a_book(tmp_path, Table("a & b", ("Chức vụ trong Ban chủ nhiệm",), ((1,),), mark=mark))
    sheet = book.active
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.oddHeader.left.text == mark.replace("&", "&&")
    assert sheet["A3"].value == mark
    assert sheet.row_dimensions[1].height > 30  # three lines of the title, not one
    assert sheet.page_setup.orientation == "landscape"


def test_tables_are_written_one_after_the_other_while_they_are_read(tmp_path: Path) -> None:
    """Each table's rows are a stream on one connection: never two open at a time."""
    open_now: list[str] = []

    def rows(name: str) -> Iterator[Row]:
        assert not open_now
        open_now.append(name)
        yield from ((n,) for n in range(3))
        open_now.remove(name)

    book = a_book(tmp_path, *(Table(name, ("a",), rows(name)) for name in "xyz"))
    assert [sheet.max_row for sheet in book] == [4, 4, 4]
