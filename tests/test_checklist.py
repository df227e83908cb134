"""Every case of the conformance checklist has its test, and the page in server/ says which."""

from __future__ import annotations

import re

import pytest

from tests.checklist import PAGE, numbers_of, proofs, read_cases

CASES = read_cases()


def test_the_checklist_has_all_its_cases() -> None:
    assert [case.number for case in CASES] == list(range(1, 141))


@pytest.mark.parametrize("number", [case.number for case in CASES])
def test_a_case_has_a_test_that_carries_its_number(number: int) -> None:
    assert proofs()[number]


def test_no_test_carries_a_number_that_is_no_case() -> None:
    assert set(proofs()) <= {case.number for case in CASES}


def test_a_number_is_read_from_the_front_of_a_name_only() -> None:
    assert numbers_of("test_a77_a78_an_edit_of_a12_kinds") == {77, 78}
    assert numbers_of("test_c7_twenty_photos") == set()
    assert numbers_of("test_b4_clubs_outside") == set()
    assert numbers_of("test_c130_an_etag") == {130}


def test_the_page_names_the_tests_that_are_here_and_all_of_them_passed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = set(re.findall(r"`([\w/]+\.py::\w+)`", text))
    assert listed == {name for names in proofs().values() for name in names}, "run “make checklist”"
    results = re.findall(r"^\| \d+ \|.*\| ([^|]+) \|$", text, re.MULTILINE)
    assert set(results) == {"passed"}
