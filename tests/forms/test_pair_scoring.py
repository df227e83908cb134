"""What the bench of duplicates counts is right: pairs, clusters, and the floor taken elsewhere."""

from __future__ import annotations

from forms.matching.profile import read_profile
from forms.matching.search import find_pairs
from tests.bench.people import febrl
from tests.bench.people.scoring import Found, expanded, floor_for, judge, safe_floor


def test_a_chain_of_pairs_counts_as_all_its_pairs() -> None:
    assert expanded([("a", "b"), ("b", "c"), ("d", "e")]) == {
        *(("a", "b"), ("a", "c"), ("b", "c"), ("d", "e")),
    }


def test_precision_is_of_the_told_pairs_and_recall_of_the_true_ones() -> None:
    found = judge({("a", "b"), ("a", "c")}, {("a", "b"), ("x", "y"), ("x", "z"), ("y", "z")})
    assert (found.precision, found.recall) == (0.5, 0.25)
    assert found + Found(1, 1, 0) == Found(2, 3, 4)


def test_a_safe_floor_is_not_as_low_as_a_set_without_near_misses_lets_it_be() -> None:
    true = {(f"a{n}", f"b{n}") for n in range(1000)}
    scores = dict.fromkeys(true, 30.0) | {("a0", "b1"): -9.0}
    assert safe_floor(scores, true, 0.99) == 30.0
    many_missed = scores | {(f"a{n}", f"b{n}"): 5.0 for n in range(500)}
    assert safe_floor(many_missed, true, 0.99) == 5.0


def test_no_floor_is_safe_where_what_scores_most_is_wrong() -> None:
    assert safe_floor({("a", "b"): 9.0, ("c", "d"): 1.0}, {("c", "d")}, 0.99) == float("inf")


def test_a_floor_for_so_many_pairs_lets_no_more_of_one_score_in() -> None:
    scores = {("a", "b"): 3.0, ("a", "c"): 2.0, ("a", "d"): 2.0}
    assert floor_for(scores, 2) == 3.0
    assert floor_for(scores, 3) == 2.0


def test_our_rule_for_febrl_finds_one_person_in_the_fields_that_a_variant_leaves() -> None:
    rule = febrl.rule()
    row = {
        "given_name": "mitchell", "surname": "green", "street_number": "7", "postcode": "2119",
        "address_1": "wallaby place", "suburb": "cleveland", "state": "sa",
    }  # fmt: skip
    slip = row | {"given_name": "green", "surname": "mitchel", "birth_year": "1956"}
    other = row | {"given_name": "harley", "surname": "ng", "address_1": "milne cove"}
    whole = row | {"date_of_birth": "19561372", "soc_sec_id": "1804974"}  # no month has that number
    people = {"one": whole, "slip": slip, "other": other}
    found = find_pairs(
        rule,
        rule.weights,
        {name: read_profile(rule, febrl.facts(facts)) for name, facts in people.items()},
    )
    assert [(pair.one, pair.other) for pair in found] == [("one", "slip")]
