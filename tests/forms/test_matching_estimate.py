"""Weights learned from people nobody has sorted: they say what is rare, and keep what must be."""

from __future__ import annotations

from itertools import pairwise

import pytest

from forms.library import load_library
from forms.matching.estimate import estimate
from forms.matching.profile import Profile, read_profile
from forms.matching.weights import Weights, read_weights, weights_as_json
from tests.bench.people.register import register

RULE = load_library().matches["members"]


@pytest.fixture(scope="module")
def people() -> dict[str, Profile]:
    return {one.id: read_profile(RULE, one.facts) for one in register(7, 900, 0.12).records}


@pytest.fixture(scope="module")
def learned(people: dict[str, Profile]) -> Weights:
    return estimate(RULE, people, seed=1)


def test_the_same_people_and_seed_give_the_same_weights_in_any_order(
    people: dict[str, Profile], learned: Weights
) -> None:
    assert estimate(RULE, dict(reversed(people.items())), seed=1) == learned


def test_what_is_learned_can_be_kept_and_read_again(learned: Weights) -> None:
    assert read_weights(weights_as_json(learned)) == learned


def test_a_common_name_tells_less_than_a_rare_one(learned: Weights) -> None:
    families = learned.of_common("name.family")
    assert families["nguyen"] < -1 < 1 < families["ton nu"]


def test_learning_keeps_the_order_of_the_levels_and_what_being_different_tells(
    learned: Weights,
) -> None:
    for name, own in RULE.weights.levels.items():
        found = learned.levels[name]
        ranked = sorted(own, key=lambda level, own=own: -own[level].bits)
        told = [round(found[level].bits, 6) for level in ranked]
        assert all(more >= less for more, less in pairwise(told)), name
        last = list(own)[-1]
        assert found[last].bits <= own[last].bits + 1e-9, name


def test_what_these_people_never_have_tells_what_the_rule_says(learned: Weights) -> None:
    name, level = "place.wide", "neighbour"
    own = RULE.weights.levels[name][level]
    assert learned.levels[name][level].bits == pytest.approx(own.bits)


def test_of_nobody_nothing_is_learned() -> None:
    for name, own in estimate(RULE, {}, seed=1).levels.items():
        assert {level: round(chance.bits, 6) for level, chance in own.items()} == {
            level: round(chance.bits, 6) for level, chance in RULE.weights.levels[name].items()
        }
