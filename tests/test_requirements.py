"""Every rule of the scheme has its questions, its figures and a test, and a page says which."""

from __future__ import annotations

import pytest

from forms.library import load_library
from tests.requirements import (
    PAGE,
    Requirement,
    proofs,
    read_requirements,
    rules_of,
    to_page,
    unknown_names,
)

RULES = read_requirements()


def test_no_rule_is_missing() -> None:
    assert [one.id for one in RULES] == [f"R{number:02}" for number in range(1, 33)]


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.id)
def test_a_rule_names_questions_and_figures_that_exist(one: Requirement) -> None:
    assert one.rule
    assert one.captured
    assert one.figures or one.note
    assert unknown_names(one, load_library()) == []


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.id)
def test_a_rule_has_a_test_that_carries_its_number(one: Requirement) -> None:
    assert proofs()[one.id]


def test_no_test_carries_the_number_of_a_rule_that_is_not_there() -> None:
    assert set(proofs()) <= {one.id for one in RULES}


def test_a_number_is_read_from_the_front_of_a_name_only() -> None:
    assert rules_of("test_r03_r04_a_woman_of_r05") == {"R03", "R04"}
    assert rules_of("test_receipts") == set()


def test_the_page_is_up_to_date() -> None:
    said = "run “make requirements”"
    assert PAGE.read_text(encoding="utf-8") == to_page(load_library()), said
