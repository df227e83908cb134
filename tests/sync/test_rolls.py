"""Lists of people for paper: who is on them that day, in which order, and who may have them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from forms.cells import Cell, Table, to_csv
from forms.library import load_library
from forms.problems import Refused
from forms.text import nfc
from sync import tables as t
from sync.access import OPERATOR, Caller
from sync.database import Database
from sync.rolls import find_roll, mark, reading, roll_tables
from sync.workbook import write_xlsx
from tests.forms.made import xform
from tests.forms.test_text import NAMES
from tests.office import Office, office
from tests.sync.rows import Rows
from tests.sync.test_in_libreoffice import filled, seen, shown

__all__ = ["office"]

TODAY = date(2026, 1, 20)
NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
MARK = "Cô Lan tải lúc 20/01/2026 10:00. Có thông tin cá nhân: không đưa cho người ngoài."
LIBRARY = load_library()
ROLL = find_roll(LIBRARY, "members")
CHAIR = Caller("user", 1, "Cô Lan", "chair", club_id="c1")


class Desk:
    """Two clubs in two wards, and their lists."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.wards = [rows.a_unit(code, f"Phường {code}") for code in ("20236", "20239")]
        for club, ward in zip(("c1", "c2"), self.wards, strict=True):
            rows.a_club(club, ward)

    def a_person(self, uuid: str, name: str, club: str = "c1", **more: Any) -> None:
        data = {k: more.pop(k) for k in ("member_code", "hamlet") if k in more}
        self.rows.a_member(uuid, club, **more)
        self.rows.an_entity("members", uuid, f"{name} · 1950 · Thôn 1", club, data)

    def publish(self, name: str, content: bytes) -> None:
        values = {"project_id": 1, "xml_form_id": name, "title": name, "state": "open"}
        form_id = self.rows._insert(t.forms, **values, created_at=NOW)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        version = {"form_id": form_id, "version": "1", "xform": content, "md5": md5}
        self.rows._insert(t.form_versions, **version, source_kind="md", published_at=NOW)

    def tables(
        self, caller: Caller = OPERATOR, day: date = TODAY, club: str | None = None
    ) -> list[Table]:
        allowed = reading(self.rows.db, LIBRARY, caller, ROLL, day)
        return roll_tables(
            self.rows.db, LIBRARY, ROLL, allowed, day, mark(caller, NOW), club_code=club
        )

    def lines(self, **options: Any) -> list[dict[str, Cell]]:
        (table,) = self.tables(**options)
        return [dict(zip(table.header, row, strict=True)) for row in table.rows]

    def names(self, **options: Any) -> list[Cell]:
        return [line["Họ và tên"] for line in self.lines(**options)]


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    with database.write() as db:
        yield Desk(Rows(db))


def test_people_stand_by_given_name_as_in_a_vietnamese_register(desk: Desk) -> None:
    """The vectors of domain §7.4, on each database."""
    for number, name in enumerate(sorted(NAMES)):
        desk.a_person(f"m{number}", name)
    assert desk.names() == NAMES
    assert [line["STT"] for line in desk.lines()] == list(range(1, len(NAMES) + 1))


def test_a_line_says_what_is_true_of_a_person(desk: Desk) -> None:
    facts = {"hh_class": "poor", "is_volunteer": "yes", "board_role": "chair"}
    desk.a_person(
        *("m1", "Trần Thị Ba"),
        joined=date(2019, 5, 1),
        born="1948-01-01",
        phone="0905000123",
        **{"member_code": "007", "hamlet": "Thôn 3", **facts},
    )
    desk.a_person("m2", "Lê Văn Cả", sex="male", born=None, board_role="none")
    one, two = desk.lines()
    assert one == {
        "STT": 1,
        "Mã HV": "007",
        "Họ và tên": "Trần Thị Ba",
        "Nữ (x)": "x",
        "Năm sinh": 1948,
        "Thôn/tổ": "Thôn 3",
        "Điện thoại": "0905000123",
        "Diện hộ": "poor",
        "TNV": "x",
        "Chức vụ BCN": "chair",
        "Ngày vào": date(2019, 5, 1),
        "Ghi chú": None,
    }
    assert {k for k, v in two.items() if v is None} == {
        *("Mã HV", "Nữ (x)", "Năm sinh", "Thôn/tổ", "Điện thoại", "TNV", "Chức vụ BCN", "Ghi chú")
    }


def test_choices_are_shown_by_the_labels_of_the_forms_that_ask_for_them(desk: Desk) -> None:
    form = """
        | survey | | | |
        | | type | name | label |
        | | select_one c | hh_class | Diện hộ |
        | choices | | | |
        | | list_name | name | label |
        | | c | poor | Hộ nghèo |
        | settings | | |
        | | form_id | version |
        | | membership | 1 |
    """
    desk.publish("membership", xform(form))
    desk.a_person("m1", "Trần Thị Ba", hh_class="poor")
    desk.a_person("m2", "Lê Văn Cả", hh_class="of another age")
    assert [line["Diện hộ"] for line in desk.lines()] == ["Hộ nghèo", "of another age"]


def test_who_has_left_or_belongs_to_another_club_that_day_is_not_on_it(desk: Desk) -> None:
    desk.a_person("m1", "Trần Thị Ba")
    desk.a_person("m2", "Lê Văn Cả", left=TODAY)
    desk.a_person("m3", "Võ Thị Dung", joined=date(2026, 1, 21))
    desk.a_person("m4", "Hồ Thị Én", "c2")
    assert desk.names(club="C1") == ["Trần Thị Ba"]
    assert desk.names(club="C1", day=date(2026, 1, 19)) == ["Trần Thị Ba", "Lê Văn Cả"]
    assert desk.names(club="C1", day=date(2026, 2, 1)) == ["Trần Thị Ba", "Võ Thị Dung"]
    assert [table.name for table in desk.tables()] == [
        "danh_sach_hoi_vien_C1",
        "danh_sach_hoi_vien_C2",
    ]


def test_a_club_without_people_has_an_empty_list_only_when_asked_for(desk: Desk) -> None:
    assert desk.tables() == []
    assert desk.lines(club="C1") == []


def test_b5_a_chair_has_her_own_club_and_who_is_no_reader_has_none(desk: Desk) -> None:
    desk.a_person("m1", "Trần Thị Ba")
    desk.a_person("m4", "Hồ Thị Én", "c2")
    assert desk.names(caller=CHAIR) == ["Trần Thị Ba"]
    commune = Caller("user", 2, "Anh Tư", "commune", unit_id=desk.wards[1])
    assert desk.names(caller=commune) == ["Hồ Thị Én"]
    with pytest.raises(Refused, match="not_allowed"):
        desk.tables(caller=CHAIR, club="C2")
    with pytest.raises(Refused, match="unknown_place"):
        desk.tables(club="C9")
    for role in ("volunteer", "treasurer", "health", "district", "city", "admin"):
        with pytest.raises(Refused, match="not_allowed"):
            desk.tables(caller=Caller("user", 3, "x", role, club_id="c1"))
    with pytest.raises(Refused, match="not_allowed"):
        desk.tables(caller=Caller("app_user", 4, "phone", "chair", club_id="c1"))


def test_every_copy_says_who_took_it_and_when(desk: Desk, tmp_path: Path) -> None:
    desk.a_person("m1", "Trần Thị Ba")
    (table,) = desk.tables(caller=CHAIR)
    assert table.mark == MARK
    assert b"".join(to_csv(table)).decode().splitlines()[-1] == f'"{MARK}"' + ";" * 11
    assert MARK not in b"".join(to_csv(table, raw=True)).decode()


def test_the_list_opens_in_libreoffice_as_it_was_written(
    desk: Desk, office: Office, tmp_path: Path
) -> None:
    for number, name in enumerate(NAMES):
        phone = f"0905000{number:03}"
        desk.a_person(f"m{number}", name, phone=phone, member_code=f"00{number}", hamlet="=tổ 5")
    (table,) = desk.tables(caller=CHAIR)
    write_xlsx(tmp_path / "t.xlsx", [table])
    ((name, sheet),) = office.open_xlsx(tmp_path / "t.xlsx").items()
    assert name == "danh_sach_hoi_vien_C1"
    assert sheet == [*filled(table, seen), [MARK]]
    (tmp_path / "t.csv").write_bytes(b"".join(to_csv(table)))
    assert office.open_csv(tmp_path / "t.csv") == [*filled(table, shown), [MARK]]
    assert [nfc(str(row[2])) for row in sheet[1:-1]] == NAMES
