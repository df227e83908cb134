"""Which two people may be one: what agrees, what speaks against, and what says nothing at all."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forms.library import load_library
from forms.matching.keys import blocking_keys
from forms.matching.profile import Profile, profile_from_json, read_profile
from forms.matching.score import Band, Score, Scorer, decide
from forms.matching.search import Pass, find_pairs
from forms.matching.words import explain
from tests.bench.people.register import register

RULE = load_library().matches["members"]
SCORER = Scorer(RULE, RULE.weights)
HOA = {
    "full_name": "Nguyễn Thị Hòa",
    "sex": "female",
    "born_on": "1948-05-17",
    "birth_precision": "day",
    "commune": "c1",
    "hamlet": "thôn Đông Hòa",
    "phone": "0905123456",
}
NUMBER = "cccd:5f2a:ok/ok"


def a_profile(**other: str) -> Profile:
    return read_profile(RULE, HOA | other)


def scored(one: Mapping[str, str], other: Mapping[str, str]) -> Score:
    score = SCORER.score(a_profile(**one), a_profile(**other), floor=-1000)
    assert score is not None
    return score


def level(comparison: str, one: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    found = scored(one, other).levels.get(comparison)
    assert found == scored(other, one).levels.get(comparison)  # whoever comes first
    return found


@pytest.mark.parametrize(
    ("one", "other", "comparison", "expected"),
    [
        ("Nguyễn Thị Hòa", "Nguyễn Thị Hoà", "name.given", "equal"),
        (
            "Nguyễn Thị Hòa",
            unicodedata.normalize("NFD", "  nguyễn  thị hòa "),
            "name.given",
            "equal",
        ),
        ("Đặng Văn Đức", "Ðặng Văn Ðức", "name.given", "equal"),
        ("Nguyễn Thị Hòa", "NGUYEN THI HOA", "name.given", "bare"),
        ("Nguyễn Thị Hòa", "Nguyễn Thị Hoa", "name.given", "marks"),
        ("Trần Văn Dũng", "Trần Văn Dủng", "name.given", "tone"),
        ("Trần Thị Lan", "Trần Thị Lang", "name.given", "sound"),
        ("Trần Thị Mỹ", "Trần Thị Mĩ", "name.given", "sound"),
        ("Trần Văn Giang", "Trần Văn Dang", "name.given", "sound"),
        ("Trần Văn Đinh", "Trần Văn Vinh", "name.given", "near"),
        ("Trần Thị Sen", "Trần Thị Xen", "name.given", "sound"),
        ("Trần Văn Phước", "Trần Văn Phúc", "name.given", "sound"),
        ("Trần Thị Thanh", "Trần Thị Thannh", "name.given", "near"),
        ("Trần Văn Đức", "Trần Văn Đứ", "name.given", "near"),
        ("Trần Thị Lan", "Trần Thị Mai", "name.given", "different"),
        ("Trần Thị Lan", "Lan Trần Thị", "name.given", "swapped"),
        ("Huỳnh Thị Lan", "Hoàng Thị Lan", "name.family", "sound"),
        ("Võ Thị Lan", "Vũ Thị Lan", "name.family", "sound"),
        ("Võ Thị Lan", "Võ Lan", "name.middle", "dropped"),
        ("Võ Thị Thu Lan", "Võ Thị Lan", "name.middle", "part"),
        ("Lan", "Võ Thị Lan", "name.family", None),
        ("", "Võ Thị Lan", "name.given", None),
    ],
)
def test_names_agree_in_steps(one: str, other: str, comparison: str, expected: str | None) -> None:
    assert level(comparison, {"full_name": one}, {"full_name": other}) == expected


def test_an_everyday_name_stands_for_a_given_name() -> None:
    called = {"full_name": "Trần Thị Lài", "alias": "bà Năm"}
    assert level("name.given", called, {"full_name": "Trần Thị Năm"}) == "alias"
    assert level("name.given", called, {"full_name": "Trần Thị Cúc", "alias": "cô Năm"}) == "alias"


@pytest.mark.parametrize(
    ("one", "other", "part", "expected"),
    [
        ("1948-05-17", "1948-05-17", "date", "date"),
        ("1948-05-07", "1948-07-05", "date", "swapped"),
        ("1948-05-17", "1949-05-17", "date", "near_date"),
        ("1948-05-17", "1948-11-02", "date", "same_year"),
        ("1948-05-17", "1949-11-02", "date", "near_year"),
        ("1948-05-17", "1958-11-02", "date", "odd_year"),
        ("1945-05-17", "1954-11-02", "date", "odd_year"),
        ("1948-05-17", "1963-11-02", "date", "different"),
        ("1948-05-17", "1948-01-01", "year", "year"),
        ("1948-01-01", "1949", "year", "near_year"),
        ("1948", "0", "year", None),
        ("1948-05-17", "", "date", None),
        ("1948-05-17", "không rõ", "date", None),
    ],
)
def test_births_agree_in_steps(one: str, other: str, part: str, expected: str | None) -> None:
    assert level(f"born.{part}", {"born_on": one}, {"born_on": other}) == expected


def test_numbers_join_only_with_what_they_say_of_sex_and_year() -> None:
    assert level("number", {"number": NUMBER}, {"number": NUMBER}) == "equal"
    assert level("number", {"number": NUMBER}, {"number": "cccd:5f2a:no/ok"}) == "disputed"
    assert level("number", {"number": NUMBER}, {"number": "cccd:77:ok/ok"}) == "different"
    assert level("number", {"number": NUMBER}, {"number": "cmnd9:77:"}) is None
    assert level("number", {"number": "cmnd9:5:"}, {"number": "cmnd9:77:"}) is None
    two = {"number": f"cmnd9:5: {NUMBER}"}
    assert level("number", {"number": "cmnd9:5:"}, two) == "unchecked"


def test_certain_needs_the_number_and_all_that_it_says() -> None:
    one = {"number": NUMBER}
    assert decide(RULE, scored(one, one)) is Band.CERTAIN
    for other in (
        {"sex": "male"},
        {"full_name": "Nguyễn Thị Mai"},
        {"born_on": "1961-02-03"},
        {"number": "cccd:5f2a:ok/no"},
    ):
        assert decide(RULE, scored(one, one | other)) is not Band.CERTAIN
    assert decide(RULE, scored({}, {})) is Band.REVIEW  # all else equal is never certain


@pytest.mark.parametrize(
    "other",
    [
        {"full_name": "Nguyễn Thị Mai"},  # a twin: one day, one house, one phone
        {"full_name": "Trần Văn Hùng", "sex": "male", "born_on": "1946-02-03"},  # her husband
        {"born_on": "1957-11-02", "phone": "0912333444"},  # a namesake of the hamlet
        {"number": "cccd:77:ok/ok", "born_on": "1951-02-03"},  # a cousin of the same name
    ],
)
def test_twins_couples_and_namesakes_stay_apart(other: dict[str, str]) -> None:
    assert decide(RULE, scored({"number": NUMBER}, {"number": ""} | other)) is Band.NOTHING


def test_what_is_rare_says_more_than_what_is_common() -> None:
    common = scored({"full_name": "Nguyễn Thị Hoa"}, {"full_name": "Nguyễn Thị Hoa"})
    rare = scored({"full_name": "Ông Thị Mẹo"}, {"full_name": "Ông Thị Mẹo"})
    assert rare.bits > common.bits + 2


@pytest.mark.parametrize("phone", ["0900000000", "123456789", "0999999999", "0", "không có"])
def test_a_number_typed_to_fill_the_box_is_none(phone: str) -> None:
    assert level("phone", {"phone": phone}, {"phone": phone}) is None


def test_a_phone_is_one_however_it_is_written() -> None:
    assert level("phone", {"phone": "+84 905.123-456"}, {}) == "equal"
    assert level("phone", {"phone": "01200905123"}, {"phone": "0700905123"}) == "equal"


def test_a_commune_and_its_neighbours_are_looked_up_by_each_of_them() -> None:
    before, after = a_profile(commune="c1 c2"), a_profile(commune="c2")
    shared = blocking_keys(RULE, before) & blocking_keys(RULE, after)
    assert any(key.startswith("name_commune:") for key in shared)
    assert level("place.wide", {"commune": "c1 c2"}, {"commune": "c2"}) == "neighbour"


def test_people_are_found_by_blocks_and_bad_input_joins_nobody() -> None:
    empty = {f"e{n}": read_profile(RULE, {"full_name": "", "born_on": "0"}) for n in range(500)}
    words = {f"w{n}": read_profile(RULE, {"full_name": "Lan", "sex": "x"}) for n in range(500)}
    crowd = {
        f"p{n}": read_profile(
            RULE, {"full_name": f"Lê Thị L{chr(97 + n % 26)}n {n}", "phone": "0905123456"}
        )
        for n in range(500)
    }
    seen = Pass()
    assert list(find_pairs(RULE, RULE.weights, empty | words | crowd, seen)) == []
    assert seen.candidates == 0
    assert seen.cut["crowd.phone:0905123456"] == 500


def test_the_second_registration_is_found_among_others() -> None:
    profiles = {"a": a_profile(), "b": a_profile(full_name="NGUYEN THI HOA", born_on="1949-01-01")}
    profiles |= {
        f"x{n}": a_profile(full_name="Lê Thị Mai", phone="", born_on=f"195{2 * n}-0{n + 1}-02")
        for n in range(5)
    }
    found = list(find_pairs(RULE, RULE.weights, profiles))
    assert [(pair.one, pair.other) for pair in found] == [("a", "b")]
    assert explain(RULE, found[0].score)[0] == (
        "trùng giới tính, trùng họ tên (một bên không dấu), lệch năm sinh 1, cùng xã, phường, "
        "cùng thôn, tổ, trùng số điện thoại"
    )


def test_a_profile_is_the_same_after_it_was_kept() -> None:
    for profile in (a_profile(number=NUMBER, alias="bà Năm"), read_profile(RULE, {})):
        assert profile_from_json(RULE, json.loads(json.dumps(profile.to_json()))) == profile
    assert blocking_keys(RULE, read_profile(RULE, {})) == frozenset()
    assert all(key.isascii() for key in blocking_keys(RULE, a_profile()))


@given(st.dictionaries(st.sampled_from(sorted(RULE.facts | RULE.supplied.keys())), st.text()))
@settings(max_examples=150, deadline=None)
def test_whatever_was_typed_is_read_kept_and_compared(facts: dict[str, str]) -> None:
    profile = read_profile(RULE, facts)
    assert profile_from_json(RULE, json.loads(json.dumps(profile.to_json()))) == profile
    assert all(len(key) < 2000 for key in blocking_keys(RULE, profile))
    for other in (a_profile(), profile):
        score = SCORER.score(profile, other, floor=-10_000)
        assert score is not None
        assert all(explain(RULE, score)) == bool(score.levels)


@pytest.mark.parametrize("floor", [0.0, 12.0, 25.0])
def test_stopping_early_changes_no_score(floor: float) -> None:
    people = [read_profile(RULE, one.facts) for one in register(7, 600, 0.12).records[:70]]
    for a, b in combinations(people, 2):
        whole = SCORER.score(a, b, floor=-10_000)
        assert whole is not None
        assert SCORER.score(a, b, floor) == (whole if whole.bits >= floor else None)
