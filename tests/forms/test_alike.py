"""Who may be one person: the rule of domain §4.7 (e), as the library of members writes it."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from forms.alike import Person, pairs, read_phone
from forms.library import load_library

RULE = load_library().lists["members"].alike


def a_person(who: str, name: str, year: int | None = 1950, at: str = "hoa", **facts: str) -> Person:
    known = {"full_name": name, "sex": "female", **facts}
    return Person(who, at, known | ({"born_on": f"{year}-01-01"} if year else {}))


def found(*people: Person) -> set[str]:
    assert RULE is not None
    there = {"".join(pair) for pair in pairs(RULE, people)}
    assert there == {"".join(pair) for pair in pairs(RULE, reversed(people))}
    return there


@pytest.mark.parametrize(
    "other",
    [
        "Trần Thị Hòa",
        "Trần Thị Hoà",  # the other place for the tone
        "tran thi hoa",
        "  Trần  Thị Hoa ",
        unicodedata.normalize("NFD", "Trần Thị Hòa"),
    ],
)
def test_marks_case_and_spaces_make_no_other_name(other: str) -> None:
    assert found(a_person("a", "Trần Thị Hòa"), a_person("b", other)) == {"ab"}


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        ({"year": 1951}, True),
        ({"year": 1949}, True),
        ({"year": 1952}, False),
        ({"year": None}, False),
        ({"sex": "male"}, False),
        ({"sex": ""}, False),
        ({"at": "lien"}, False),
        ({"name": "Trần Hòa"}, False),
    ],
)
def test_of_one_name_only_who_agrees_in_birth_sex_and_place(
    other: dict[str, Any], alike: bool
) -> None:
    second = {"name": "Trần Thị Hòa", **other}
    assert bool(found(a_person("a", "Trần Thị Hòa"), a_person("b", **second))) == alike


def test_people_without_a_name_or_a_sex_are_not_alike_for_that() -> None:
    assert not found(a_person("a", ""), a_person("b", ""))
    assert not found(a_person("a", "Lê Thị Ba", sex=""), a_person("b", "Lê Thị Ba", sex=""))


def test_three_alike_are_three_pairs_but_only_neighbours_in_a_row_of_years() -> None:
    same = [a_person(who, "Lê Thị Ba") for who in "abc"]
    row = [a_person(who, "Lê Thị Ba", 1950 + n) for n, who in enumerate("abc")]
    assert found(*same) == {"ab", "ac", "bc"}
    assert found(*row) == {"ab", "bc"}


def test_one_phone_and_one_given_name_are_enough_wherever_they_live() -> None:
    one = a_person("a", "Lê Thị Hòa", 1950, phone="0905 000 123")
    other = a_person("b", "Nguyễn Hoa", 1980, "lien", phone="+84905000123", sex="male")
    husband = a_person("c", "Nguyễn Văn Tư", phone="0905000123", sex="male")
    assert found(one, other, husband) == {"ab"}


def test_who_agrees_in_both_ways_is_one_pair() -> None:
    two = [a_person(who, "Lê Thị Ba", phone="0905000123") for who in "ab"]
    assert found(*two) == {"ab"}


@pytest.mark.parametrize("number", ["", "0900000000", "0000000000", "999 999 9999", "không có"])
def test_a_number_that_stands_for_none_joins_nobody(number: str) -> None:
    two = [a_person(who, "Lê Thị Ba", at=who, phone=number) for who in "ab"]
    assert not found(*two)


def test_a_number_that_more_than_a_family_has_joins_nobody() -> None:
    six = [a_person(who, "Lê Thị Ba", at=who, phone="0905000123") for who in "abcdef"]
    assert len(found(*six[:5])) == 10
    assert not found(*six)


SPELT = "0905000123|0905.000-123|+84 905 000 123|84905000123|0084905000123|+84 0905 000 123"


@pytest.mark.parametrize("text", SPELT.split("|"))
def test_a_number_is_read_as_it_is_dialled_here(text: str) -> None:
    assert read_phone(text) == "0905000123"


def test_a_landline_keeps_its_eleven_digits() -> None:
    assert read_phone("+84 236 3000 123") == read_phone("0236 3000 123") == "02363000123"
    assert read_phone("0840000123") == "0840000123"  # a mobile that only looks like 84
