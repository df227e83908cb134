"""The library's units and successions say what domain §5 and its appendix say."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "forms" / "library" / "places"

Row = dict[str, str]


def _read(name: str) -> list[Row]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


UNITS = _read("units.csv")
SUCCESSIONS = _read("successions.csv")
BY_KEY = {row["key"]: row for row in UNITS}
NEW = "2025-07-01"


def on(day: str, level: str = "commune", city: str = "48") -> dict[str, Row]:
    """code -> row of the units of a level in Da Nang (or in the province given) on a day."""
    found = [
        row
        for row in UNITS
        if row["level"] == level
        and row["valid_from"] <= day
        and (not row["valid_to"] or day < row["valid_to"])
        and top(row)["code"] == city
    ]
    assert len({row["code"] for row in found}) == len(found), "a code twice on one day"
    return {row["code"]: row for row in found}


def top(row: Row) -> Row:
    while row["parent_key"]:
        row = BY_KEY[row["parent_key"]]
    return row


def heirs(key: str) -> list[str]:
    return [s["new_key"] for s in SUCCESSIONS if s["old_key"] == key]


def forebears(key: str) -> list[Row]:
    return [BY_KEY[s["old_key"]] for s in SUCCESSIONS if s["new_key"] == key]


@pytest.mark.parametrize(
    ("day", "kinds"),
    [
        ("2017-07-20", {"ward": 45, "commune": 11}),
        ("2024-12-31", {"ward": 45, "commune": 11}),
        ("2025-01-01", {"ward": 36, "commune": 11}),
        ("2025-06-30", {"ward": 36, "commune": 11}),
        ("2025-07-01", {"ward": 23, "commune": 70, "special_zone": 1}),
        ("2026-11-23", {"ward": 23, "commune": 70, "special_zone": 1}),
    ],
)
def test_each_snapshot_has_its_total_by_kind(day: str, kinds: dict[str, int]) -> None:
    assert Counter(row["kind"] for row in on(day).values()) == kinds


@pytest.mark.parametrize(
    ("day", "denominator"), [("2020-12-31", 56), ("2025-06-30", 47), ("2025-12-31", 93)]
)
def test_coverage_leaves_hoang_sa_out(day: str, denominator: int) -> None:
    assert sum(row["counts_in_coverage"] == "yes" for row in on(day).values()) == denominator


def test_eight_districts_and_seven_with_communes() -> None:
    for day in ("2017-07-20", "2025-06-30"):
        districts = on(day, "district")
        assert len(districts) == 8
        parents = Counter(BY_KEY[row["parent_key"]]["code"] for row in on(day).values())
        assert set(districts) - set(parents) == {"498"}
        assert {c for c, r in districts.items() if r["counts_in_coverage"] == "yes"} == set(parents)


def test_communes_per_district_in_2017() -> None:
    parents = Counter(BY_KEY[row["parent_key"]]["name"] for row in on("2017-07-20").values())
    assert parents == {
        "Liên Chiểu": 5,
        "Thanh Khê": 10,
        "Hải Châu": 13,
        "Sơn Trà": 7,
        "Ngũ Hành Sơn": 4,
        "Cẩm Lệ": 6,
        "Hòa Vang": 11,
    }


def test_no_district_is_left_after_june_2025() -> None:
    assert on("2025-06-30", "district")
    assert not on(NEW, "district")
    assert not on(NEW, "district", "49")
    assert not on(NEW, "city", "49")


def test_quang_nam_brings_78_units_from_17_districts() -> None:
    assert len(on("2025-06-30", "district", "49")) == 17
    old = on("2025-06-30", city="49")
    reached = {key for row in old.values() for key in heirs(row["key"])}
    assert len(reached) == 78
    assert not any(row["counts_in_coverage"] == "yes" for row in old.values())
    assert not on("2025-06-30", city="49").keys() & on("2025-06-30").keys()


def test_73_of_94_units_carry_the_code_of_a_unit_with_another_name() -> None:
    before = on("2025-06-30") | on("2025-06-30", city="49")
    after = on(NEW)
    other = [c for c, row in after.items() if c in before and before[c]["name"] != row["name"]]
    assert (len(after), len(other)) == (94, 73)


def test_five_new_units_straddle_two_districts() -> None:
    straddlers = {}
    for row in on(NEW).values():
        districts = {
            BY_KEY[old["parent_key"]]["code"]
            for old in forebears(row["key"])
            if old["level"] == "commune"
        }
        if len(districts) > 1:
            straddlers[row["name"]] = districts
    assert straddlers == {
        "Hải Vân": {"490", "497"},
        "Liên Chiểu": {"490", "497"},
        "Hòa Khánh": {"490", "497"},
        "An Khê": {"491", "495"},
        "Hòa Xuân": {"495", "497"},
    }


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("20194", ["Hòa Hiệp Bắc", "Hòa Hiệp Bắc", "Hải Vân"]),
        ("20242", ["Phước Ninh", "Phước Ninh", "Hải Châu"]),
        ("20236", ["Hải Châu I", "Hải Châu", None]),
        ("20218", ["Vĩnh Trung", "Thạc Gián", None]),
        ("20278", ["An Hải Tây", "An Hải Nam", None]),
        ("20305", ["Hòa Phát", "Hòa Phát", "An Khê"]),
        ("20224", ["An Khê", "An Khê", None]),
        ("20326", ["Hòa Tiến", "Hòa Tiến", None]),
        ("20332", ["Hòa Khương", "Hòa Khương", "Hòa Tiến"]),
        ("20314", ["Hòa Xuân", "Hòa Xuân", "Hòa Xuân"]),
        ("20333", [None, None, "Hoàng Sa"]),
    ],
)
def test_a_code_means_another_unit_in_another_year(code: str, names: list[str | None]) -> None:
    seen = [on(day).get(code) for day in ("2024-12-31", "2025-06-30", "2025-07-01")]
    assert [row and row["name"] for row in seen] == names


def test_hoa_xuan_kept_code_and_name_but_not_its_row() -> None:
    assert on("2025-06-30")["20314"]["key"] != on(NEW)["20314"]["key"]
    assert [row["name"] for row in forebears(on(NEW)["20314"]["key"])] == [
        "Hòa Xuân",
        "Hòa Châu",
        "Hòa Phước",
    ]


def test_only_three_splits_are_known() -> None:
    parts = defaultdict(set)
    for row in SUCCESSIONS:
        if row["kind"] == "part":
            parts[BY_KEY[row["old_key"]]["name"]].add(BY_KEY[row["new_key"]]["name"])
    assert parts == {
        "Hòa Minh": {"Hòa Minh", "Thanh Khê Tây"},
        "Hòa Liên": {"Hải Vân", "Liên Chiểu"},
        "Liên Chiểu": {"Liên Chiểu", "Thanh Khê"},  # the districts: Hòa Minh's part crossed
    }


def test_hoa_minh_crossed_a_district_line() -> None:
    sides = [BY_KEY[key] for key in heirs(on("2024-12-31")["20200"]["key"])]
    assert [BY_KEY[side["parent_key"]]["code"] for side in sides] == ["490", "491"]


def test_only_thanh_my_changed_nothing_but_its_kind() -> None:
    changes = [row for row in SUCCESSIONS if row["kind"] == "kind_change"]
    assert [(row["old_key"], row["new_key"]) for row in changes] == [
        ("20695@2025-01-01", "20695@2025-07-01")
    ]
    assert BY_KEY["20695@2025-01-01"]["kind"] == "township"
    assert BY_KEY["20695@2025-07-01"]["kind"] == "commune"


def test_the_merges_of_january_2025() -> None:
    merged = {
        row["name"]: {old["name"] for old in forebears(row["key"])}
        for row in on("2025-01-01").values()
        if row["valid_from"] == "2025-01-01" and len(forebears(row["key"])) > 1
    }
    assert merged == {
        "Xuân Hà": {"Tam Thuận", "Xuân Hà"},
        "Chính Gián": {"Tân Chính", "Chính Gián"},
        "Thạc Gián": {"Vĩnh Trung", "Thạc Gián"},
        "Thanh Khê Đông": {"Hòa Khê", "Thanh Khê Đông"},
        "Hải Châu": {"Hải Châu I", "Hải Châu II"},
        "Phước Ninh": {"Nam Dương", "Bình Hiên", "Phước Ninh"},
        "Bình Thuận": {"Hòa Thuận Đông", "Bình Thuận"},
        "An Hải Nam": {"An Hải Tây", "An Hải Đông"},
        "Thanh Khê Tây": {"Thanh Khê Tây", "Hòa Minh"},  # of Hòa Minh only a part
    }


def test_the_sixteen_new_units_of_old_da_nang() -> None:
    sizes = {
        row["name"]: len(forebears(row["key"]))
        for row in on(NEW).values()
        if all(top(old)["code"] == "48" for old in forebears(row["key"]))
    }
    assert sizes == {
        "Hải Vân": 4,
        "Liên Chiểu": 2,
        "Hòa Khánh": 3,
        "Thanh Khê": 5,
        "Hải Châu": 5,
        "Hòa Cường": 4,
        "Cẩm Lệ": 3,
        "Sơn Trà": 3,
        "An Hải": 3,
        "Ngũ Hành Sơn": 4,
        "An Khê": 3,
        "Hòa Xuân": 3,
        "Bà Nà": 2,
        "Hòa Vang": 2,
        "Hòa Tiến": 2,
        "Hoàng Sa": 1,
    }


def test_every_commune_that_ended_has_heirs_from_that_day() -> None:
    for row in UNITS:
        if row["level"] == "commune" and row["valid_to"]:
            assert heirs(row["key"]), row["key"]
    for row in SUCCESSIONS:
        old, new = BY_KEY[row["old_key"]], BY_KEY[row["new_key"]]
        assert old["valid_to"] == row["date"] == new["valid_from"]


def test_a_unit_goes_whole_to_one_heir_or_in_parts_to_several() -> None:
    kinds = defaultdict(list)
    for row in SUCCESSIONS:
        kinds[row["old_key"]].append(row["kind"])
    for key, found in kinds.items():
        assert len(found) == 1 or set(found) == {"part"}, key
        assert found != ["part"], key


def test_a_new_row_begins_only_where_something_changed() -> None:
    """Code, name, kind, parent or land: a row that repeats its forebear in all is a mistake."""
    for row in UNITS:
        old = forebears(row["key"])
        if len(old) == 1 and len(heirs(old[0]["key"])) == 1:
            same = all(row[c] == old[0][c] for c in ("code", "name", "kind", "parent_key"))
            assert not same, row["key"]


def test_a_parent_is_there_as_long_as_its_children() -> None:
    for row in UNITS:
        if row["parent_key"]:
            parent = BY_KEY[row["parent_key"]]
            assert parent["valid_from"] <= row["valid_from"]
            assert (row["valid_to"] or "9999") <= (parent["valid_to"] or "9999")
            assert parent["level"] != row["level"]


def test_rows_of_one_code_never_overlap() -> None:
    spans = defaultdict(list)
    for row in UNITS:
        spans[row["level"], row["code"]].append((row["valid_from"], row["valid_to"] or "9999"))
    for found in spans.values():
        found.sort()
        assert all(end <= begin for (_, end), (begin, _) in pairwise(found))


def _cells() -> Iterator[str]:
    for row in [*UNITS, *SUCCESSIONS]:
        yield from row.values()


def test_text_is_composed_and_single_spaced_and_codes_keep_their_width() -> None:
    assert all(c == unicodedata.normalize("NFC", c) == " ".join(c.split()) for c in _cells())
    width = {"city": 2, "district": 3, "commune": 5}
    assert all(len(row["code"]) == width[row["level"]] for row in UNITS)
    assert all(row["key"] == f"{row['code']}@{row['valid_from']}" for row in UNITS)
    assert all(date.fromisoformat(row["valid_from"]) for row in UNITS)


def test_tone_marks_stand_where_the_official_names_have_them() -> None:
    names = " ".join(row["name"] for row in UNITS)
    assert not re.search(r"(oà|oá|oả|oạ|uỷ|uý|oẻ|oè)\b|Ð", names.replace("Quý", ""))
