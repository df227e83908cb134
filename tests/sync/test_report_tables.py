"""The two files of a period: their columns, their numbers, and whose places are in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from forms.cells import Cell, Table, to_csv
from forms.indicators import Column, Target
from forms.library import load_library
from forms.periods import Period, get_period
from forms.text import nfc
from sync import places
from sync import tables as t
from sync.database import Database
from sync.reports.gather import gather
from sync.reports.reading import only_clubs
from sync.reports.tables import report_tables, target_text
from tests.sync.rows import NOW, Rows, a_library

CLUB_HEADER = (
    "STT; Kỳ báo cáo; Ngày chốt; Mã quận/huyện; Quận/huyện; Mã xã/phường; Xã/phường; Mã CLB; "
    "Tên CLB; Số QĐ; Ngày QĐ; Ngày thành lập; Tổng thành viên; Nữ; Tỷ lệ nữ (%); NCT (≥60); "
    "Tỷ lệ NCT (%); 60–69; 70–79; 80+; Hộ nghèo; Cận nghèo; Khó khăn; "
    "Tỷ lệ nghèo, cận nghèo, khó khăn (%); Chưa rõ diện hộ; NCT sống một mình; Khuyết tật; "
    "Vào trong kỳ; Ra trong kỳ; Trong đó qua đời; Số TNV; Người cần chăm sóc; "
    "Người được chăm sóc; Lượt thăm; Giờ chăm sóc; Được khám trong kỳ; Tỷ lệ khám (%); Có BHYT; "
    "Tỷ lệ BHYT (%); Buổi sinh hoạt; Tỷ lệ dự TB (%); Buổi truyền thông; Buổi tập luyện; "
    "Buổi văn nghệ; Hoạt động cộng đồng; Lượt tương trợ; Ngày công; Tiền giúp (đ); "
    "Hiện vật quy tiền (đ); Số dư quỹ đầu kỳ (đ); Thu (đ); Chi (đ); Số dư cuối kỳ (đ); Lượt vay; "
    "Số người vay; Số tiền vay (đ); Dư nợ (đ); Quá hạn (đ); Vận động tiền (đ); "
    "Vận động hiện vật (đ); Đủ 8 mảng (có/không); Đạt cơ cấu (có/không); Trạng thái báo cáo; "
    "Ngày nộp; Ghi chú"
)
FIGURE_HEADER = (
    "Kỳ báo cáo; Từ ngày; Đến ngày; Ngày chốt; Phiên bản; Cấp (clb/xa/huyen/tp); Mã đơn vị; "
    "Tên đơn vị; Mã đơn vị cha; Mã CLB; Tên CLB; Mã chỉ tiêu; Tên chỉ tiêu; Mã phân tổ; Phân tổ; "
    "Tử số; Mẫu số; Giá trị; Đơn vị tính; Chỉ tiêu kế hoạch; "
    "Đánh giá (dat/thap/cao/khong_ap_dung); Thiếu thông tin; Ghi chú"
)
LEVEL, UNIT, INDICATOR, CUT, VERDICT = (
    "Cấp (clb/xa/huyen/tp)",
    "Mã đơn vị",
    "Mã chỉ tiêu",
    "Mã phân tổ",
    "Đánh giá (dat/thap/cao/khong_ap_dung)",
)
H1_2018 = get_period("2018H1")
DAY = date(2018, 5, 1)

Line = dict[str, Cell]


def lines(table: Table) -> list[Line]:
    return [dict(zip(table.header, row, strict=True)) for row in table.rows]


def tables_of(
    db: sa.Connection, library: Any, period: Period, clubs: frozenset[str] | None = None
) -> tuple[Table, Table]:
    return report_tables(only_clubs(gather(db, library, period, NOW), clubs))


class Desk:
    """A city of one district with two wards, in 2018; and what the report says of it."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.library: Any = a_library()
        self.city = rows.a_unit("48", "Đà Nẵng", "city", covered=False)
        self.district = rows.a_unit("492", "Hải Châu", "district", self.city)
        self.wards = [
            rows.a_unit(code, name, "commune", self.district)
            for code, name in (("20236", "Hải Châu I"), ("20239", "Hải Châu II"))
        ]

    def a_club(self, uuid: str, ward: int = 0, *, sends: bool = True) -> str:
        self.rows.a_club(uuid, self.wards[ward])
        if sends:
            self.rows.a_record("membership", DAY, uuid)
        return uuid

    def members(self, club: str, count: int, **facts: Any) -> list[str]:
        start = next(self.rows.serial)
        return [self.rows.a_member(f"{club}-{start}-{n}", club, **facts) for n in range(count)]

    def clubs(self, period: Period = H1_2018, **options: Any) -> list[Line]:
        return lines(tables_of(self.rows.db, self.library, period, **options)[0])

    def club(self, code: str, **options: Any) -> Line:
        (found,) = [line for line in self.clubs(**options) if line["Mã CLB"] == code]
        return found

    def figures(self, period: Period = H1_2018, **options: Any) -> list[Line]:
        return lines(tables_of(self.rows.db, self.library, period, **options)[1])

    def figure(self, level: str, unit: str, indicator: str, cut: str = "", **more: Any) -> Line:
        wanted = (level, unit, indicator, cut)
        (found,) = [
            line
            for line in self.figures(**more)
            if (line[LEVEL], line[UNIT], line[INDICATOR], line[CUT]) == wanted
        ]
        return found


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    with database.write() as db:
        yield Desk(Rows(db))


# ------------------------------------------------------------------ the files


def test_the_columns_are_the_handbooks_word_by_word(desk: Desk) -> None:
    clubs, figures = tables_of(desk.rows.db, desk.library, H1_2018)
    assert (clubs.name, figures.name) == ("bao_cao_clb_2018H1", "chi_tieu_2018H1")
    assert "; ".join(clubs.header) == CLUB_HEADER == nfc(CLUB_HEADER)
    assert "; ".join(figures.header) == FIGURE_HEADER == nfc(FIGURE_HEADER)
    assert len(set(clubs.header)) == len(clubs.header)


def test_a_row_of_a_club_as_a_supervisor_opens_it(desk: Desk) -> None:
    desk.rows.a_club(
        "c1", desk.wards[0], label="CLB Một · Phường Hải Châu I", decision_no="45/QĐ-UBND"
    )
    desk.members("c1", 2, born="1950-01-01", hh_class="poor", insurance="yes")
    (client,) = desk.members("c1", 1, born="1970-01-01", sex="male", hh_class="unknown")
    desk.rows.a_visit(DAY, "c1", client, minutes="45", volunteers="v1 v2")
    desk.rows.a_check(DAY, "c1", client)

    table, _ = tables_of(desk.rows.db, desk.library, H1_2018)
    content = b"".join(to_csv(table)).decode()

    assert content.startswith("\ufeffSTT;Kỳ báo cáo;Ngày chốt;")
    assert content.split("\r\n")[1] == (
        '1;"2018H1";30/06/2018;"492";"Quận Hải Châu";"20236";"Phường Hải Châu I";"C1";"CLB Một";'
        '"45/QĐ-UBND";;01/01/2018;3;2;66,7;2;66,7;2;0;0;2;0;0;66,7;1;0;0;3;0;0;0;0;1;1;1,5;1;33,3;'
        '2;66,7;0;"–";0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;"không";"không";;;'
    )


def test_a_column_that_no_form_feeds_is_empty_and_only_the_first_row_says_so(desk: Desk) -> None:
    desk.a_club("c1")
    desk.a_club("c2")
    fed = desk.library.figures
    columns = [Column(c.title, "nothing") if c.title == "Dư nợ (đ)" else c for c in fed.columns]
    desk.library = replace(desk.library, figures=replace(fed, columns=tuple(columns)))
    first, second = desk.clubs()
    assert (first["Dư nợ (đ)"], second["Dư nợ (đ)"]) == (None, None)
    assert (first["Ghi chú"], second["Ghi chú"]) == ("Cột trống: chưa có biểu mẫu thu thập.", "")


def test_clubs_stand_by_district_ward_and_code(desk: Desk) -> None:
    for club, ward in (("c3", 0), ("c1", 1), ("c2", 0)):
        desk.a_club(club, ward)
    assert [(line["STT"], line["Mã CLB"]) for line in desk.clubs()] == [
        (1, "C2"),
        (2, "C3"),
        (3, "C1"),
    ]


def test_a_row_of_a_figure_names_its_period_its_place_and_its_version(desk: Desk) -> None:
    desk.a_club("c1")
    desk.members("c1", 3)
    line = desk.figure("clb", "20236", "B06")
    assert list(line.values()) == [
        "2018H1",
        date(2018, 1, 1),
        date(2018, 6, 30),
        date(2018, 6, 30),
        "tạm tính",
        "clb",
        "20236",
        "Phường Hải Châu I",
        "492",
        "C1",
        "CLB c1",
        "B06",
        "Tỷ lệ nữ",
        "",
        "",
        3,
        3,
        Decimal("100.0"),
        "%",
        "60–70",
        "cao",
        None,
        "",
    ]
    ward = desk.figure("xa", "20236", "B01", "sex=female")
    assert (ward["Phân tổ"], ward["Mã đơn vị cha"], ward[VERDICT]) == (
        "Giới tính: Nữ",
        "492",
        "khong_ap_dung",
    )


# ------------------------------------------------------------------ numbers


def test_zero_is_0_and_no_data_is_a_dash(desk: Desk) -> None:
    desk.a_club("sent")
    desk.a_club("silent", sends=False)
    desk.members("silent", 2)

    assert desk.club("SENT")["Lượt thăm"] == 0
    assert desk.club("SENT")["Tỷ lệ nữ (%)"] == "–"  # nobody to divide by
    assert desk.club("SILENT")["Lượt thăm"] == "–"
    assert desk.club("SILENT")["Đạt cơ cấu (có/không)"] == "–"
    found = {
        line["Mã CLB"]: (line["Tử số"], line["Giá trị"], line[VERDICT])
        for line in desk.figures()
        if line[LEVEL] == "clb" and line[INDICATOR] == "C07"
    }
    assert found == {"SENT": (0, 0, "khong_ap_dung"), "SILENT": ("–", "–", "khong_ap_dung")}


def test_a_total_says_of_how_many_clubs_it_is(desk: Desk) -> None:
    desk.a_club("c1")
    desk.a_club("c2", 1)
    desk.a_club("silent", 1, sends=False)

    for level, unit, sent in (
        ("tp", "48", "2/3"),
        ("huyen", "492", "2/3"),
        ("xa", "20236", "1/1"),
        ("xa", "20239", "1/2"),
    ):
        assert desk.figure(level, unit, "C07")["Ghi chú"] == f"{sent} CLB có số liệu"
    assert desk.figure("tp", "48", "A05")["Ghi chú"] == ""  # counts wards, not what clubs sent


def test_shares_are_divided_from_sums_never_added_or_averaged(desk: Desk) -> None:
    desk.a_club("small")
    desk.a_club("large")
    desk.members("small", 1, sex="male")
    desk.members("large", 9)
    shares = [line["Tỷ lệ nữ (%)"] for line in desk.clubs()]
    assert sorted(shares, key=str) == [Decimal("0.0"), Decimal("100.0")]
    for level, unit in (("xa", "20236"), ("huyen", "492"), ("tp", "48")):
        line = desk.figure(level, unit, "B06")
        assert (line["Tử số"], line["Mẫu số"], line["Giá trị"]) == (9, 10, Decimal("90.0"))


def test_a_person_visited_in_two_clubs_is_one_person_above_them(desk: Desk) -> None:
    desk.a_club("c1", 0)
    desk.a_club("c2", 1)
    (moved,) = desk.members("c1", 1)
    desk.rows.a_visit(date(2018, 2, 1), "c1", moved)
    desk.rows.a_visit(date(2018, 5, 1), "c2", moved)

    assert [line["Người được chăm sóc"] for line in desk.clubs()] == [1, 1]
    for level, unit in (("huyen", "492"), ("tp", "48")):
        assert desk.figure(level, unit, "C05")["Giá trị"] == 1
        assert desk.figure(level, unit, "C07")["Giá trị"] == 2


def test_hours_have_two_decimals_so_that_clubs_added_by_hand_give_the_city(desk: Desk) -> None:
    desk.a_club("c1")
    for minutes in ("20", "20", "30"):
        desk.rows.a_visit(DAY, "c1", "m1", minutes=minutes)
    assert desk.club("C1")["Giờ chăm sóc"] == Decimal("1.17")
    assert desk.figure("tp", "48", "C08")["Tử số"] == Decimal("1.17")


def test_whose_class_is_unknown_stays_below_the_line_and_is_printed(desk: Desk) -> None:
    desk.a_club("c1")
    desk.members("c1", 1, hh_class="poor")
    desk.members("c1", 3, hh_class="unknown")
    assert desk.club("C1")["Chưa rõ diện hộ"] == 3
    line = desk.figure("tp", "48", "B07")
    assert (line["Giá trị"], line["Thiếu thông tin"]) == (Decimal("25.0"), 3)


# ------------------------------------------------------------------ targets


@pytest.mark.parametrize(
    ("old", "of", "shown", "judged"),
    [
        (1749, 2500, "70.0", "thap"),  # 69.96 % looks like 70,0 and is not enough
        (7, 10, "70.0", "dat"),
        (8, 10, "80.0", "dat"),
    ],
)
def test_a_target_is_met_or_not_before_anything_is_rounded(
    desk: Desk, old: int, of: int, shown: str, judged: str
) -> None:
    desk.a_club("c1")
    figures = [("B01", of), ("B05", old)]
    desk.rows.db.execute(
        sa.insert(t.figures),
        [
            {
                "period": "2018H1",
                "calendar": "calendar",
                "club_id": "c1",
                "indicator": name,
                "cut": "",
                "cut_value": "",
                "numerator": number,
                "denominator": of,
                "missing": 0,
            }
            for name, number in figures
        ],
    )
    for level, unit in (("clb", "20236"), ("xa", "20236"), ("tp", "48")):
        line = desk.figure(level, unit, "B05")
        assert (line["Giá trị"], line[VERDICT]) == (Decimal(shown), judged)
        assert line["Chỉ tiêu kế hoạch"] == "≥ 70"


def test_a_club_of_a_later_programme_is_judged_by_its_target_and_a_place_by_the_citys(
    desk: Desk,
) -> None:
    start = date(2020, 9, 1)
    for club, programmes in (("c1", "city_2017 decision_1336"), ("c2", "city_2017")):
        desk.a_club(club)
        desk.members(club, 8, born="1950-01-01")
        desk.members(club, 2, born="1990-01-01")
        desk.rows.a_spell("clubs", club, "programme", programmes, start)

    of_2020 = get_period("2020H2")
    found = [line for line in desk.figures(of_2020) if line[INDICATOR] == "B05" and not line[CUT]]
    judged = {line["Mã CLB"]: (line["Chỉ tiêu kế hoạch"], line[VERDICT]) for line in found}
    assert judged == {"C1": ("60–70", "cao"), "C2": ("≥ 70", "dat"), "": ("≥ 70", "dat")}

    before = desk.figures(get_period("2020H1"))
    (one,) = [n for n in before if (n["Mã CLB"], n[INDICATOR], n[CUT]) == ("C1", "B05", "")]
    assert one["Chỉ tiêu kế hoạch"] == "≥ 70"


@pytest.mark.parametrize(
    ("covered", "shown", "judged"), [(28, "50.0", "thap"), (29, "51.8", "dat")]
)
def test_more_than_half_of_56_wards_is_29(
    desk: Desk, covered: int, shown: str, judged: str
) -> None:
    for n in range(54):
        desk.wards.append(desk.rows.a_unit(f"{21000 + n}", f"P{n}", "commune", desk.district))
    for n in range(covered):
        desk.a_club(f"c{n}", n)

    line = desk.figure("tp", "48", "A05", period=get_period("2020H2"))

    assert (line["Tử số"], line["Mẫu số"], line["Giá trị"]) == (covered, 56, Decimal(shown))
    assert (line["Chỉ tiêu kế hoạch"], line[VERDICT]) == ("> 50", judged)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"at_least": 60, "at_most": 70}, "60–70"),
        ({"at_least": 70}, "≥ 70"),
        ({"at_most": 0}, "≤ 0"),
        ({"above": 50}, "> 50"),
        ({"above": 50, "at_most": 75}, "> 50, ≤ 75"),
        ({"at_least": "62.5"}, "≥ 62,5"),
        ({}, ""),
    ],
)
def test_a_target_in_words_has_a_decimal_comma(bounds: dict[str, Any], words: str) -> None:
    low, high, above = (
        Decimal(bounds[name]) if name in bounds else None
        for name in ("at_least", "at_most", "above")
    )
    assert target_text(Target("B05", (), DAY, None, low, high, above, "x")) == words


# ------------------------------------------------------------------ places in time


@pytest.fixture
def in_time(desk: Desk) -> Desk:
    """Ward 20236 and its district until 30-06-2025; then ward 20242, right below the city."""
    db, reform = desk.rows.db, date(2025, 7, 1)
    for unit in (desk.city, desk.district, *desk.wards):
        db.execute(sa.update(t.units).where(t.units.c.id == unit).values(valid_to=reform))
    desk.city = desk.rows.a_unit("48", "Đà Nẵng", "city", start=reform, covered=False)
    heir = desk.rows.a_unit("20242", "Hải Châu", parent=desk.city, start=reform)
    sides = [desk.rows.a_unit("20194", "Hải Vân", parent=desk.city, start=reform)]
    sides.append(desk.rows.a_unit("20197", "Liên Chiểu", parent=desk.city, start=reform))
    db.execute(
        sa.insert(t.unit_successions),
        [
            {"old_id": old, "new_id": new, "happened_on": reform, "kind": kind}
            for old, new, kind in (
                (desk.wards[0], heir, "whole"),
                *((desk.wards[1], side, "part") for side in sides),
            )
        ],
    )
    return desk


WHERE = ("Mã quận/huyện", "Quận/huyện", "Mã xã/phường", "Xã/phường")


def test_a_club_stands_under_the_units_of_the_closing_day(in_time: Desk) -> None:
    in_time.a_club("c1")
    before, after = (in_time.clubs(get_period(code))[0] for code in ("2024H2", "2026H1"))
    assert [before[title] for title in WHERE] == [
        "492",
        "Quận Hải Châu",
        "20236",
        "Phường Hải Châu I",
    ]
    assert [after[title] for title in WHERE] == [None, None, "20242", "Phường Hải Châu"]


def test_there_is_a_district_until_30_june_2025_and_none_since(in_time: Desk) -> None:
    in_time.a_club("c1")
    levels = {
        code: [
            line[LEVEL] for line in in_time.figures(get_period(code)) if line[INDICATOR] == "B01"
        ]
        for code in ("2025H1", "2025H2", "2025Y")
    }
    assert set(levels["2025H1"]) == {"tp", "huyen", "xa", "clb"}
    assert set(levels["2025H2"]) == set(levels["2025Y"]) == {"tp", "xa", "clb"}
    assert (
        in_time.figure("xa", "20242", "B01", period=get_period("2025H2"))["Mã đơn vị cha"] == "48"
    )


def test_a_club_nobody_placed_after_a_split_is_shown_and_counts_in_the_city(in_time: Desk) -> None:
    in_time.a_club("undecided", 1)
    in_time.members("undecided", 4)
    now = get_period("2026H1")

    (club,) = in_time.clubs(now)
    assert [club[title] for title in WHERE] == [None, None, None, None]
    assert str(club["Ghi chú"]).endswith("Chưa rõ xã/phường sau khi chia tách.")
    assert in_time.figure("tp", "48", "B01", period=now)["Giá trị"] == 4
    line = in_time.figure("clb", "", "B01", period=now)
    assert line["Ghi chú"] == "Chưa rõ xã/phường sau khi chia tách."
    assert line["Mã đơn vị cha"] == "48"
    assert not [line for line in in_time.figures(now) if line[LEVEL] == "xa"]


def test_hoa_lien_before_and_after_july_2025_by_the_real_units(database: Database) -> None:
    library = load_library()
    with database.write() as db:
        rows = Rows(db)
        places.load_units(db, library.units, library.successions)
        hoa_lien = places.find_unit(db, "20296", DAY)
        assert hoa_lien is not None
        rows.a_club("c1", hoa_lien.id)
        rows.a_record("membership", DAY, "c1")
        before, after = (
            [lines(table) for table in tables_of(db, a_library(), get_period(code))]
            for code in ("2025H1", "2025H2")
        )
    assert [before[0][0][title] for title in WHERE] == [
        "497",
        "Huyện Hòa Vang",
        "20296",
        "Xã Hòa Liên",
    ]
    assert [after[0][0][title] for title in WHERE] == [None, None, None, None]
    totals = [
        {line[UNIT]: line["Giá trị"] for line in found[1] if line[INDICATOR] == "A04"}
        for found in (before, after)
    ]
    assert totals[0]["48"] == sum(n for unit, n in totals[0].items() if unit != "48") == 47  # type: ignore[misc]
    assert totals[1] == {"48": 93}  # without Hoàng Sa, and without districts
    assert len(totals[0]) == 1 + 7


# ------------------------------------------------------------------ whose places


def test_b4_clubs_outside_the_scope_are_in_neither_file(desk: Desk) -> None:
    for club, ward in (("mine", 0), ("next_door", 0), ("theirs", 1)):
        desk.a_club(club, ward)
        desk.members(club, 3)

    mine = frozenset({"mine"})
    assert [line["Mã CLB"] for line in desk.clubs(clubs=mine)] == ["MINE"]
    assert {(line[LEVEL], line["Mã CLB"]) for line in desk.figures(clubs=mine)} == {("clb", "MINE")}


def test_b4_a_place_is_shown_to_who_sees_all_its_clubs_and_never_from_a_part(desk: Desk) -> None:
    for club, ward in (("c1", 0), ("c2", 0), ("c3", 1)):
        desk.a_club(club, ward)

    def shown(*clubs: str) -> set[tuple[Cell, Cell]]:
        found = desk.figures(clubs=frozenset(clubs))
        return {(line[LEVEL], line[UNIT]) for line in found if line[LEVEL] != "clb"}

    assert shown("c1", "c2") == {("xa", "20236")}
    assert shown("c3") == {("xa", "20239")}
    assert shown("c1", "c3") == {("xa", "20239")}
    everything = {("tp", "48"), ("huyen", "492"), ("xa", "20236"), ("xa", "20239")}
    assert shown("c1", "c2", "c3") == everything
    assert shown() == set()


def test_b4_a_club_whose_ward_is_undecided_hides_the_city_from_who_cannot_see_it(
    in_time: Desk,
) -> None:
    in_time.a_club("mine", 0)
    in_time.a_club("undecided", 1)
    found = in_time.figures(get_period("2026H1"), clubs=frozenset({"mine"}))
    assert {line[LEVEL] for line in found} == {"xa", "clb"}


def test_a_district_without_a_club_is_shown_with_its_coverage_of_none(desk: Desk) -> None:
    empty = desk.rows.a_unit("493", "Sơn Trà", "district", desk.city)
    desk.rows.a_unit("20263", "Thọ Quang", "commune", empty)
    desk.a_club("c1")

    line = desk.figure("huyen", "493", "A05")
    assert (line["Tử số"], line["Mẫu số"], line["Giá trị"]) == (0, 1, Decimal("0.0"))
    there = {line[INDICATOR] for line in desk.figures() if line[UNIT] == "493"}
    assert there == {"A03", "A04", "A05"}  # no empty lines of what clubs send


def test_a_report_of_a_city_without_clubs_has_no_rows_of_clubs(desk: Desk) -> None:
    assert desk.clubs() == []
    assert desk.figure("tp", "48", "A05")["Giá trị"] == Decimal("0.0")
