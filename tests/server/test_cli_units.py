"""A decision about units at the console: shown, carried out, and what a split leaves over."""

from __future__ import annotations

from pathlib import Path

from server.cli.terminal import GOOD, WRONG
from tests.server.test_cli import (  # noqa: F401 - fixtures
    Cayda,
    cayda,
    with_library,
)

CLUBS = "club_code,name,unit_code,founded_on\nH,CLB Hải Châu,20242,2025-08-01\n"
SPLIT = """\
day;kind;level;old_code;new_code
01/01/2026;part;commune;20242;20242
01/01/2026;part;commune;20242;20257
01/01/2026;whole;commune;20257;20257
"""


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_decision_is_shown_then_carried_out_and_its_clubs_are_placed(
    with_library: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    assert with_library("club", "load", write(tmp_path, "c.csv", CLUBS)).exit_code == GOOD
    decision = write(tmp_path, "decision.csv", SPLIT)
    shown = with_library("unit", "load", decision)
    assert shown.exit_code == GOOD
    assert "Phường Hải Châu (20242) → Phường Hòa Cường (20257)" in shown.output
    assert "CLB Hải Châu: Phường Hải Châu (20242) → phải chọn" in shown.output
    assert "thêm --yes" in shown.output
    assert with_library.json("club", "unplaced")["unplaced"] == []
    assert with_library.json("unit", "load", decision, "--yes")["done"] is True
    (waiting,) = with_library.json("club", "unplaced")["unplaced"]
    assert waiting["mã/code"] == "H"
    placed = with_library.json("club", "place", "H", "20257", "--on", "01/01/2026")
    assert placed == {"club": "H", "unit": "20257", "day": "2026-01-01"}
    assert with_library.json("club", "unplaced")["unplaced"] == []


def test_a_decision_with_a_slip_is_told_with_its_row_and_nothing_changes(
    with_library: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    bad = SPLIT.replace(";20257;20257", ";29999;20257")
    done = with_library("unit", "load", write(tmp_path, "d.csv", bad), "--yes")
    assert done.exit_code == WRONG
    assert "dòng/row 4" in done.output
    assert "29999" in done.output
    days = with_library.json("unit", "list", "--day", "2026-02-01")["units"]
    assert {row["từ/from"] for row in days if row["mã/code"] == "20257"} == {"2025-07-01"}


def test_a_club_that_is_not_there_cannot_be_placed(with_library: Cayda) -> None:  # noqa: F811
    done = with_library("club", "place", "X", "20257")
    assert done.exit_code != GOOD
    assert "X" in done.output


def test_the_units_of_a_day_are_listed(with_library: Cayda) -> None:  # noqa: F811
    found = with_library.json("unit", "list", "--day", "30/06/2025", "--level", "district")["units"]
    assert "Quận Hải Châu" in {row["tên/name"] for row in found}
