"""Words of rolls.toml: what stands on a list for paper, and what is no such word."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from forms.library import OWN_LIBRARY, LibraryError, load_library
from forms.rolls import read_roll, roll_slips

COLUMNS = (  # domain 4.8, 3
    "STT; Mã HV; Họ và tên; Nữ (x); Năm sinh; Thôn/tổ; Điện thoại; Diện hộ; TNV; Chức vụ BCN; "
    "Ngày vào; Ghi chú"
)


def a_roll(**words: Any) -> dict[str, Any]:
    column = [{"title": "STT", "show": "number"}]
    roll = {"file": "f", "where": {"status": ["active"]}, "read": {"chair": {}}, "column": column}
    return {**roll, **words}


def test_the_columns_are_the_handbooks_and_only_the_board_and_the_commune_have_them() -> None:
    (roll,) = load_library().rolls.values()
    assert "; ".join(one.title for one in roll.columns) == COLUMNS
    assert roll.file == "danh_sach_hoi_vien"
    assert set(roll.readers) == {"chair", "commune"}


@pytest.mark.parametrize(
    "column",
    [
        {"show": "number"},
        {"title": "a", "show": "age"},
        {"title": "a", "show": "year"},
        {"title": "a", "fact": "sex", "show": "name"},
        {"title": "a", "fact": "sex", "property": "hamlet"},
        {"title": "a", "mark": ["x"]},
        {"title": "a", "fact": "sex", "mark": "female"},
        {"title": "a", "colour": "red"},
    ],
)
def test_a_column_that_says_nothing_or_two_things_is_refused(column: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_roll("people", a_roll(column=[column]))


def test_what_a_roll_names_must_be_there() -> None:
    roll = read_roll(
        "people",
        a_roll(
            read={"king": {}, "chair": {"without": ["Tuổi"]}},
            column=[
                *({"title": "a", "fact": "sex"}, {"title": "b", "property": "hamlet"}),
                *({"title": "c", "fact": "shoe"}, {"title": "d", "property": "hat"}),
                *({"title": "e"}, {"title": "e"}),
            ],
        ),
    )
    slips = set(roll_slips(roll, {"status", "sex"}, {"hamlet"}, {"chair"}))
    assert slips == {"shoe", "hat", "king", "e", "read.chair.Tuổi"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('fact = "phone"', 'fact = "fax"', "fax"),
        ("[members.read.chair]", "[members.read.king]", "king"),
        ('show = "year"', 'show = "decade"', "decade"),
        ('file = "danh_sach_hoi_vien"', "", "file"),
        ("[members]", "[member]", "member"),
    ],
)
def test_a_slip_is_told_with_its_file_and_list(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    folder = shutil.copytree(OWN_LIBRARY, tmp_path / "library")
    file = folder / "members" / "rolls.toml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(LibraryError) as raised:
        load_library(folder)
    assert "rolls.toml" in str(raised.value)
    assert said in str(raised.value)
