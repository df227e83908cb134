"""Cells as CSV: what a Vietnamese spreadsheet gets, what a program gets, and what never runs."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from forms.cells import BOM, Cell, Stream, Table, disarmed, distinct, to_csv, to_text
from forms.text import nfc

ALPHABET = (
    "aàảãáạ ăằẳẵắặ âầẩẫấậ b c d đ eèẻẽéẹ êềểễếệ g h iìỉĩíị k l m n oòỏõóọ ôồổỗốộ ơờởỡớợ "
    "p q r s t uùủũúụ ưừửữứự v x yỳỷỹýỵ"
)
BOTH_CASES = f"{ALPHABET} {ALPHABET.upper()}"


def a_csv(*rows: tuple[Cell, ...], header: tuple[str, ...] = ("Mã",), raw: bool = False) -> bytes:
    return b"".join(to_csv(Table("t", header, rows), raw=raw))


def read(content: bytes) -> list[list[str]]:
    """As a spreadsheet set to Vietnamese opens it."""
    text = content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))


# ------------------------------------------------------------------ files


def test_people_get_a_bom_semicolons_crlf_and_programs_get_none_of_them() -> None:
    rows = ((1, Decimal("62.5"), date(2025, 7, 1)),)
    header = ("STT", "Cân nặng", "Ngày")

    assert a_csv(*rows, header=header) == (
        "\ufeffSTT;Cân nặng;Ngày\r\n1;62,5;01/07/2025\r\n".encode()
    )
    assert a_csv(*rows, header=header, raw=True) == (
        "STT,Cân nặng,Ngày\n1,62.5,2025-07-01\n".encode()
    )


def test_b1_the_first_bytes_tell_excel_that_it_is_utf_8() -> None:
    assert a_csv().startswith(b"\xef\xbb\xbf")
    assert a_csv().count(BOM.encode()) == 1


def test_there_is_no_sep_line_for_it_makes_excel_forget_the_bom() -> None:
    assert b"sep=" not in a_csv()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_b2_every_vietnamese_letter_comes_back_as_it_went(form: str) -> None:
    letters = unicodedata.normalize(form, BOTH_CASES)  # type: ignore[arg-type] # a Literal there

    ((title,), (cell,)) = read(a_csv((letters,), header=(nfc(letters),)))

    assert cell == letters
    assert title == BOTH_CASES == nfc(cell)


def test_texts_are_quoted_so_that_an_import_can_keep_them_text_and_numbers_are_not() -> None:
    row = ("050166908858", 12, Decimal("0.5"), None, "", "–")
    assert a_csv(row).splitlines()[1] == '"050166908858";12;0,5;;;"–"'.encode()


@pytest.mark.parametrize("text", ["a;b", 'nói "được"', "dòng 1\ndòng 2", "a\r\nb", "a,b", " a "])
@pytest.mark.parametrize("raw", [False, True])
def test_signs_of_the_file_itself_may_stand_in_a_cell_and_in_a_title(text: str, raw: bool) -> None:
    content = a_csv((text,), header=(text,), raw=raw).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content, newline=""), delimiter="," if raw else ";"))
    assert rows == [[text], [text]]


def test_rows_are_written_while_they_are_read() -> None:
    def endless() -> Iterator[tuple[Cell, ...]]:
        while True:
            yield ("x",)

    pieces = to_csv(Table("t", ("a",), endless()))
    assert [next(pieces) for _ in range(3)] == ["\ufeffa\r\n".encode(), b'"x"\r\n', b'"x"\r\n']


def test_a_stream_is_asked_once_for_what_its_rows_have_in_common_and_writes_the_same_file() -> None:
    row: tuple[Cell, ...] = ("=1", None, "", Decimal("70.0"), date(2025, 7, 1))
    made = []

    def source(make: Callable[[Cell], Any]) -> Generator[list[Any]]:
        fields = [make(cell) for cell in row]
        made.append(fields)
        yield fields
        yield fields

    for raw in (False, True):
        written = to_csv(Table("t", tuple("abcde"), Stream(source)), raw=raw)
        assert b"".join(written) == a_csv(row, row, header=tuple("abcde"), raw=raw)
    assert made == [
        ['"\'=1"', "", "", "70,0", "01/07/2025"],
        ['"=1"', "", "", "70.0", "2025-07-01"],
    ]
    assert list(Stream(source)) == [list(row), list(row)]


def test_a_title_that_looks_like_a_number_is_quoted_and_stays_a_title() -> None:
    assert a_csv(header=("STT", "80+", "60–69", "Nữ")) == '\ufeffSTT;"80+";"60–69";Nữ\r\n'.encode()


# ------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("cell", "shown", "raw"),
    [
        (None, "", ""),
        (0, "0", "0"),
        (-3, "-3", "-3"),
        (Decimal("-1.26"), "-1,26", "-1.26"),
        (Decimal("70.0"), "70,0", "70.0"),
        (Decimal("1E+6"), "1000000", "1000000"),
        (1234567, "1234567", "1234567"),
        (date(2018, 6, 30), "30/06/2018", "2018-06-30"),
        (date(201, 5, 1), "01/05/0201", "0201-05-01"),
        ("0905000123", "0905000123", "0905000123"),
        ("20263", "20263", "20263"),
    ],
)
def test_a_value_as_people_and_as_programs_read_it(cell: Cell, shown: str, raw: str) -> None:
    assert to_text(cell) == shown
    assert to_text(cell, raw=True) == raw


def test_a_moment_is_shown_as_vietnams_clocks_had_it() -> None:
    """C10: half past five in the evening of 30 June in London's zone is July here."""
    moment = datetime(2018, 6, 30, 17, 30, tzinfo=UTC)
    assert to_text(moment) == "01/07/2018 00:30"
    assert to_text(moment, raw=True) == "2018-07-01T00:30:00+07:00"


# ------------------------------------------------------------------ C14, formulas

FORMULAS = [
    "=1+1",
    "+84905000123",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\tchữ",
    "\r=1",
    "\n=1",
    " =1+1",
    "\u00a0=1",
    "\u200b@x",
    "＝1+1",
    "－1+1",
    "=cmd|' /C calc'!A0",
    "-0905 000 123",
    "--1",
    "-1,26-x",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_c14_a_text_that_starts_like_a_formula_is_disarmed(text: str) -> None:
    assert disarmed(text) == f"'{text}"
    assert read(a_csv((text,)))[1] == [f"'{text}"]


@pytest.mark.parametrize("text", FORMULAS)
def test_c14_titles_are_disarmed_too(text: str) -> None:
    assert read(a_csv(header=(text,)))[0] == [f"'{text}"]


@pytest.mark.parametrize("text", ["-1,26", "-1.26", "-5", "", "1+1", "a=b", "tổ 5", "–", "'=1"])
def test_c14_what_computes_nothing_is_left_alone(text: str) -> None:
    assert disarmed(text) == text


def test_c14_programs_get_the_text_as_it_is() -> None:
    assert to_text("=1+1", raw=True) == "=1+1"


# ------------------------------------------------------------------ titles


def test_titles_that_differ_stay_as_they_are() -> None:
    assert distinct(["Tên", "tên"], ["a", "b"]) == ("Tên", "tên")


def test_equal_titles_are_told_apart_by_what_is_behind_them() -> None:
    assert distinct(["Tên", "Số", "Tên"], ["a", "b", "g/a"]) == ("Tên [a]", "Số", "Tên [g/a]")


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["=a", "'=a"], ["x", "y"]),  # equal once disarmed
        (["A", "A", "A [x]"], ["x", "y", "z"]),  # the way out is taken already
        (["A", "A [x]", "A"], ["x", "z", "x"]),
        (["", "", ""], ["x", "x", "x"]),
        (["A [x]", "A [x]", "A", "A"], ["x", "x", "x", "x"]),
    ],
)
def test_c14_two_titles_never_collapse_into_one(titles: list[str], names: list[str]) -> None:
    made = distinct(titles, names)
    (header,) = read(a_csv(header=made))
    assert len(set(header)) == len(titles)
    assert made == distinct(titles, names)
