"""What is compared and no fact tells: where it comes from, and numbers that are not given away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from forms.library import load_library
from forms.library_check import misfits
from forms.matching.supplied import Supply, read_supplied, tokens

LIBRARY = load_library()
RULE = LIBRARY.matches["members"]
WOMAN = {"sex": "female", "born_on": "1948-05-17"}


def told(*numbers: str, kind: str = "cccd", **facts: str) -> str:
    supply = RULE.supplied["number"]
    assert supply is not None
    assert supply.numbers is not None
    return tokens(supply.numbers, [(kind, one) for one in numbers], WOMAN | facts, shortened)


def shortened(number: str) -> str:
    """In place of a hash."""
    kind, digits = number.split(":")
    return f"{kind[0]}{digits[-4:]}{len(digits)}"


@pytest.mark.parametrize(
    ("number", "token"),
    [
        ("048148001234", "ok/ok"),
        ("048 148.001-234", "ok/ok"),
        ("48148001234", "ok/ok"),  # a spreadsheet took the zero
        ("048048001234", "no/ok"),
        ("048149001234", "ok/no"),
    ],
)
def test_a_number_says_whether_it_fits_sex_and_year(number: str, token: str) -> None:
    assert told(number) == f"cccd:c123412:{token}"


@pytest.mark.parametrize("number", ["", "000000000000", "123456789012", "0481", "0481480012345"])
def test_what_only_fills_the_box_is_no_number(number: str) -> None:
    assert told(number) == ""
    assert told(number, kind="none_yet") == ""


def test_every_number_ever_given_is_told_once() -> None:
    assert len(told("048148001234", "048148001234", "048148009999").split()) == 2
    assert told("201387452", kind="cmnd9") == "cmnd9:c74529:"


def test_without_a_sex_or_a_year_nothing_fits() -> None:
    assert told("048148001234", sex="", born_on="").endswith(":no/no")


@pytest.mark.parametrize(
    ("entry", "slip"),
    [
        ({"latest": ["nowhere"], "column": "x"}, "nowhere"),
        ({"latest": ["membership"], "column": "nothing"}, "membership.nothing"),
        ({"unit": "planet"}, "planet"),
    ],
)
def test_a_source_that_is_not_there_is_told(entry: dict[str, Any], slip: str) -> None:
    rule = replace(RULE, supplied={**RULE.supplied, **read_supplied({"alias": entry})})
    library = replace(LIBRARY, matches={"members": rule})
    assert any(f"“{slip}”" in str(one) for one in misfits(library))


def test_a_bare_list_of_names_says_nothing_of_where_they_come_from() -> None:
    assert read_supplied(["number"]) == {"number": None}
    assert read_supplied({"place": {"unit": "commune"}}) == {"place": Supply(unit="commune")}
    with pytest.raises(ValueError, match="where"):
        read_supplied({"alias": {"latest": ["x"], "column": "y", "where": {}}})
