"""Units with dates: tables that do not fit are refused with their key; decisions carried out."""

from __future__ import annotations

import pytest

from forms.decision import NEEDED, OF_NEW, Decided, decide
from forms.unit_tables import Row, slips

START, DAY = "2020-01-01", "2027-01-01"


def a_unit(code: str, parent: str = "1", level: str = "commune", **other: str) -> Row:
    return {
        "key": f"{code}@{START}",
        "level": level,
        "kind": "ward",
        "code": code,
        "name": f"Phường {code}",
        "parent_key": f"{parent}@{START}" if parent else "",
        "valid_from": START,
        "valid_to": "",
        "counts_in_coverage": "yes",
        **other,
    }


CITY = a_unit("1", "", "city", kind="city", name="Thành phố")
UNITS = [CITY, a_unit("11"), a_unit("12"), a_unit("13")]


def a_row(**cells: str) -> Row:
    return {**dict.fromkeys((*NEEDED, *OF_NEW), ""), "day": DAY, "level": "commune", **cells}


def decided(*rows: Row) -> Decided:
    return decide(UNITS, [], rows)


def told(*rows: Row) -> list[tuple[str, int | None]]:
    return [(p.code, p.where.row if p.where else None) for p in decided(*rows).problems]


def by_key(found: Decided) -> dict[str, Row]:
    return {row["key"]: row for row in found.units}


# ------------------------------------------------------------------ tables
@pytest.mark.parametrize(
    ("change", "key", "why"),
    [
        ({"parent_key": "9@2020-01-01"}, "11@2020-01-01", "no parent"),
        ({"parent_key": "12@2020-01-01"}, "11@2020-01-01", "of no higher level"),
        ({"valid_to": "2019-01-01"}, "11@2020-01-01", "ends before it begins"),
        ({"valid_from": "01/01/2020"}, "11@2020-01-01", "must be written"),
        ({"level": "hamlet"}, "11@2020-01-01", "no level"),
        ({"valid_from": "2019-01-01"}, "11@2020-01-01", "does not last"),
        ({"code": "12"}, "12@2020-01-01", "overlaps"),
        ({"key": "12@2020-01-01"}, "12@2020-01-01", "stands twice"),
    ],
)
def test_a_unit_that_cannot_be_is_told_with_its_key(change: Row, key: str, why: str) -> None:
    found = slips([CITY, {**UNITS[1], **change}, *UNITS[2:]], [])
    assert any(slip.key == key and why in slip.en for slip in found), found


def heir(old: str, new: str, kind: str = "whole", day: str = DAY) -> Row:
    return {"old_key": old, "new_key": new, "date": day, "kind": kind}


ENDED = {**UNITS[1], "valid_to": DAY}
BEGUN = {**a_unit("21"), "key": f"21@{DAY}", "valid_from": DAY}


@pytest.mark.parametrize(
    ("successions", "why"),
    [
        ([heir("11@2020-01-01", "99@2027-01-01")], "no unit"),
        ([heir("11@2020-01-01", f"21@{DAY}", "merged")], "no kind"),
        ([heir("11@2020-01-01", f"21@{DAY}", day="2026-01-01")], "does not end on that day"),
        ([heir("12@2020-01-01", f"21@{DAY}")], "does not end on that day"),
        ([heir("11@2020-01-01", "12@2020-01-01")], "does not begin on that day"),
        ([heir("11@2020-01-01", f"21@{DAY}", "part")], "where the rest went"),
        ([heir("11@2020-01-01", "11@2020-01-01")], "a cycle"),
        (
            [heir("11@2020-01-01", "12@2020-01-01"), heir("12@2020-01-01", "11@2020-01-01")],
            "a cycle",
        ),
    ],
)
def test_a_succession_that_cannot_be_is_told(successions: list[Row], why: str) -> None:
    found = slips([CITY, ENDED, *UNITS[2:], BEGUN], successions)
    assert any(slip.table == "successions" and why in slip.en for slip in found), found


def test_tables_that_fit_have_no_slip() -> None:
    assert slips([CITY, ENDED, *UNITS[2:], BEGUN], [heir("11@2020-01-01", f"21@{DAY}")]) == []


# ------------------------------------------------------------------ a decision
def test_two_wards_become_one_that_keeps_a_code_and_gets_a_name() -> None:
    found = decided(
        a_row(kind="whole", old_code="11", new_code="11", new_name="Hải Châu"),
        a_row(kind="whole", old_code="12", new_code="11"),
    )
    assert found.problems == ()
    units = by_key(found)
    assert units["11@2020-01-01"]["valid_to"] == units["12@2020-01-01"]["valid_to"] == DAY
    assert units[f"11@{DAY}"]["name"] == "Hải Châu"
    assert units[f"11@{DAY}"]["kind"] == "ward"
    assert units[f"11@{DAY}"]["parent_key"] == CITY["key"]
    assert {one["old_key"] for one in found.successions} == {"11@2020-01-01", "12@2020-01-01"}


def test_what_a_row_leaves_empty_is_as_the_old_unit_of_the_same_code_was() -> None:
    found = decided(
        a_row(kind="whole", old_code="12", new_code="11"),
        a_row(kind="whole", old_code="11", new_code="11"),
    )
    assert by_key(found)[f"11@{DAY}"]["name"] == "Phường 11"


def test_a_ward_is_split_between_two_and_both_begin_anew() -> None:
    found = decided(
        a_row(kind="part", old_code="11", new_code="11"),
        a_row(kind="part", old_code="11", new_code="12"),
        a_row(kind="whole", old_code="12", new_code="12"),
    )
    assert found.problems == ()
    assert {one["kind"] for one in found.successions} == {"part", "whole"}


def test_a_unit_begins_and_another_ends_without_the_other_side() -> None:
    found = decided(
        a_row(kind="end", old_code="13"),
        a_row(kind="begin", new_code="14", new_name="Mới", new_kind="ward", new_parent_code="1"),
    )
    assert found.problems == ()
    assert by_key(found)["13@2020-01-01"]["valid_to"] == DAY
    assert by_key(found)[f"14@{DAY}"]["counts_in_coverage"] == "no"


def test_two_codes_may_change_places_on_one_day() -> None:
    found = decided(
        a_row(kind="rename", old_code="11", new_code="12"),
        a_row(kind="rename", old_code="12", new_code="11"),
    )
    assert found.problems == ()


def test_a_decision_that_is_carried_out_already_changes_nothing() -> None:
    row = a_row(kind="rename", old_code="11", new_code="11", new_name="Mới")
    first = decided(row)
    again = decide(first.units, first.successions, [row])
    assert again == first


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"day": "2027-13-01"}, "decision_cell"),
        ({"kind": "merge"}, "decision_cell"),
        ({"level": "hamlet"}, "decision_cell"),
        ({"old_code": ""}, "decision_cell"),
        ({"new_code": ""}, "decision_cell"),
        ({"kind": "begin"}, "decision_cell"),
        ({"counts_in_coverage": "maybe"}, "decision_cell"),
        ({"old_code": "99"}, "decision_no_unit"),
        ({"new_parent_code": "99"}, "decision_no_unit"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_with_its_number(cells: Row, problem: str) -> None:
    good = a_row(kind="rename", old_code="11", new_code="11", new_name="Mới")
    assert (problem, 2) in told({**good, **cells})


def test_a_new_unit_over_one_that_goes_on_is_an_overlap() -> None:
    assert told(a_row(kind="rename", old_code="11", new_code="12")) == [("decision_unfit", None)]


def test_two_names_for_one_new_unit_are_told() -> None:
    assert told(
        a_row(kind="whole", old_code="11", new_code="11", new_name="A"),
        a_row(kind="whole", old_code="12", new_code="11", new_name="B"),
    ) == [("decision_cell", 2)]


def test_a_file_without_its_columns_is_told_each() -> None:
    assert told({"ngày": "x"}) == [("decision_column", 1)] * len(NEEDED)
    assert told() == [("decision_column", 1)] * len(NEEDED)
