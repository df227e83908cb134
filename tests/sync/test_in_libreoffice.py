"""Our files in LibreOffice: every cell is what went in, and nothing runs, in either language."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from forms.cells import Cell, Table, disarmed, to_csv
from forms.days import VIETNAM
from sync.database import Database
from sync.workbook import CUT, TEXT, write_xlsx
from tests.forms.test_cells import BOTH_CASES, FORMULAS
from tests.office import ENGLISH, VIETNAMESE, Odd, Office, Seen, office
from tests.sync.rows import Rows
from tests.sync.test_export import DAY, Desk, a_form

__all__ = ["office"]

CODES = ["000012345678", "0905000123", "0905 000 123", "050166908858", "03", "12345678901234567890"]
LOOK_ALIKES = ["1/2", "2e5", "1E5", "62,5", "62.5", "12/11", "1:30", "5%", "TRUE", "#N/A", "1.234"]
WORDS = [
    *(" đầu", "cuối ", "  hai  cách  ", "a\tb", "dòng 1\ndòng 2", "a\r\nb", 'nói "được"', "a;b"),
    *("a,b", "😀 👵🏽", "₫", "10 đ", "'=1", "'", "http://a.b", "_x000D_", "&<>", "tổ 5", "–"),
    *(BOTH_CASES, unicodedata.normalize("NFD", "Đặng Văn Ế"), "x" * TEXT),
]
TEXTS = [*FORMULAS, "-1,26", "-1.26", "-5", *CODES, *LOOK_ALIKES, *WORDS]
VALUES: list[Cell] = [
    *(0, -3, 1234567, Decimal("-1.26"), Decimal("62.5"), Decimal("0.0001")),
    *(date(2018, 6, 30), date(2024, 12, 1), datetime(2018, 7, 1, 0, 30, tzinfo=VIETNAM)),
]
HEADER = ("STT", "=1+1", "'=1+1 [x]", "-1,26")


def a_table(cells: list[Cell]) -> Table:
    """A cell a row, between others, so that none can move unseen."""
    return Table("bảng/1", HEADER, [(str(n), cell, None, "đ") for n, cell in enumerate(cells)])


def seen(cell: Cell) -> Seen:
    """The cell as a spreadsheet has it. It knows one kind of line end, and no zones."""
    if isinstance(cell, str):
        return cell.replace("\r\n", "\n").replace("\r", "\n") or None
    if isinstance(cell, datetime):
        return cell.astimezone(VIETNAM).replace(tzinfo=None)
    return float(cell) if isinstance(cell, int | Decimal) else cell


def shown(cell: Cell) -> Seen:
    """The same behind the guard against formulas."""
    return seen(disarmed(cell) if isinstance(cell, str) else cell)


def column(sheet: list[list[Seen]]) -> list[Seen]:
    """What stands in the second column of `a_table`, once all around it is in its place."""
    assert [(row[0], row[2:]) for row in sheet[1:]] == [
        (str(n), [None, "đ"]) for n in range(len(sheet) - 1)
    ]
    return [row[1] for row in sheet[1:]]


def filled(table: Table, look: Callable[[Cell], Seen]) -> list[list[Seen]]:
    """Header and rows, each without what is empty at its end."""
    found = []
    for row in (table.header, *table.rows):
        cells = [look(cell) for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        found.append(cells)
    return found


def test_c14_every_cell_of_a_workbook_is_what_went_in(office: Office, tmp_path: Path) -> None:
    long = "ễ" * (TEXT + 9)
    write_xlsx(tmp_path / "t.xlsx", [a_table([*TEXTS, long, *VALUES])])
    ((name, sheet),) = office.open_xlsx(tmp_path / "t.xlsx").items()
    assert name == "bảng-1"
    assert sheet[0] == list(HEADER)
    found = column(sheet)
    assert found == [seen(one) for one in (*TEXTS, long[: TEXT - len(CUT)] + CUT, *VALUES)]


@pytest.mark.parametrize("settings", [VIETNAMESE, ENGLISH])
def test_c14_every_text_of_an_imported_csv_is_what_went_in(
    office: Office, tmp_path: Path, settings: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"".join(to_csv(a_table([*TEXTS, "y" * 40_000]))))
    sheet = office.open_csv(path, settings)
    assert sheet[0] == ["STT", "'=1+1", "'=1+1 [x]", "-1,26"]
    assert column(sheet) == [shown(one) for one in (*TEXTS, "y" * 40_000)]


def test_c14_by_a_double_click_numbers_and_days_are_right_and_nothing_runs(
    office: Office, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    plain = [*FORMULAS, *WORDS, *VALUES]
    path.write_bytes(b"".join(to_csv(a_table([*plain, *LOOK_ALIKES]))))
    sheet = office.open_csv(path, imported=False)
    assert sheet[0][:3] == ["STT", "'=1+1", "'=1+1 [x]"]
    found = [row[1] for row in sheet[1:]]
    assert found[: len(plain)] == [shown(one) for one in plain]
    assert not any(isinstance(one, Odd) and one.kind == "formula" for one in found)


def test_programs_csv_has_numbers_and_days_right_with_english_settings(
    office: Office, tmp_path: Path
) -> None:
    cells = [one for one in VALUES if not isinstance(one, datetime)]
    path = tmp_path / "t.csv"
    path.write_bytes(b"".join(to_csv(a_table([*cells, "đường"]), raw=True)))
    sheet = office.open_csv(path, ENGLISH, separator=",", imported=False)
    assert [row[1] for row in sheet[1:]] == [seen(one) for one in (*cells, "đường")]


# ------------------------------------------------------------------ whole exports

QUESTIONS = """
| | text | phone | Số điện thoại | Phone | |
| | decimal | kg | Cân nặng | Weight | |
| | date | day | Ngày | Day | |
| | select_one yn | ok | +Đồng ý? | Agreed? | |
| | begin_repeat | gift | Quà | Gift | |
| | text | what | =Quà gì | What | |
| | end_repeat | | | | |
"""


def test_records_and_their_repeats_come_out_as_they_were_sent(
    office: Office, database: Database, tmp_path: Path
) -> None:
    with database.write() as db:
        desk = Desk(Rows(db))
        desk.rows.a_club("c1", label="=CLB 1")
        desk.publish(a_form(QUESTIONS))
        for text in TEXTS:
            answers = {"phone": text, "kg": "62.5", "day": "2025-06-30", "ok": "yes"}
            desk.rows.a_record("f", DAY, "c1", answers=answers)
            repeat = {"table_path": "gift", "position": "gift[1]", "parent_position": ""}
            desk.rows.a_record("f", DAY, "c1", answers={"what": text}, **repeat)
        main, gifts = (Table(one.name, one.header, list(one.rows)) for one in desk.tables())
    write_xlsx(tmp_path / "f.xlsx", [main, gifts])
    book = office.open_xlsx(tmp_path / "f.xlsx")
    assert list(book) == ["f", "gift"]
    for table, sheet in zip((main, gifts), book.values(), strict=True):
        assert sheet == filled(table, seen)
        path = tmp_path / f"{table.name}.csv"
        path.write_bytes(b"".join(to_csv(table)))
        assert office.open_csv(path) == filled(table, shown)
