"""What a change does to what we know: offline branches, conflicts, late parents (protocol §6.5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.entities import EntityChange
from sync.merge import Asked, Decision, History, Version, decide, fold, strangers

LAN, MINH = "branch of lan", "branch of minh"


def change(action: Any, base: int | None = None, **more: Any) -> EntityChange:
    values = {"label": "Bà Ba" if action == "create" else None, "data": {}, "trunk_version": None}
    values |= {"branch_id": None, "position": ""}
    return EntityChange("people", "u", action, base_version=base, **(values | more))


def create(**data: str) -> EntityChange:
    return change("create", data=data)


def update(
    base: int | None, branch: str | None = None, trunk: int | None = None, **data: str
) -> Any:
    return change("update", base, branch_id=branch, trunk_version=trunk, data=data)


def of_many(*changes: EntityChange, kept: dict[int, Version] | None = None) -> History:
    """Each from a submission of its own, in this order of arrival."""
    return fold(kept or {}, [Asked(n, n, one) for n, one in enumerate(changes)])


def decisions(history: History) -> list[str]:
    return [str(one.decision) for one in history.outcomes]


@pytest.mark.parametrize(
    ("asked", "known", "base", "expected"),
    [
        (create(), None, None, Decision.CREATE),
        (create(), 1, None, Decision.REFUSE),
        (change("create", label=None), None, None, Decision.REFUSE),
        (update(1), None, None, Decision.HOLD),
        (update(1), 1, 1, Decision.APPLY),
        (update(1), 2, 1, Decision.CONFLICT),
        (update(3), 2, None, Decision.CONFLICT),  # no such version was ever given to a phone
        (update(3, LAN, 3), 2, None, Decision.CONFLICT),
        (update(3, LAN, 2), 2, None, Decision.HOLD),  # the phone made its version 3 itself
        (update(None), 2, None, Decision.CONFLICT),
        (change("upsert", None, label="x"), None, None, Decision.CREATE),
        (change("upsert", None, label=None), None, None, Decision.HOLD),
        (change("upsert", 1, label="x"), 1, 1, Decision.APPLY),
    ],
)
def test_the_decision_reads_like_the_rule(
    asked: EntityChange, known: int | None, base: int | None, expected: Decision
) -> None:
    assert decide(asked, known, base) is expected


def test_a_chain_made_offline_after_its_own_create_applies_in_order() -> None:
    """The phone counts on from its create; the server has version 1 only."""
    history = of_many(create(kg="50"), update(1, LAN, kg="51"), update(2, LAN, kg="52"))
    assert decisions(history) == ["create", "apply", "apply"]
    assert [v.data["kg"] for v in history.versions] == ["50", "51", "52"]
    assert [v.base for v in history.versions] == [None, 1, 2]


def test_a_chain_that_arrives_backwards_waits_and_then_applies() -> None:
    history = of_many(update(2, LAN, kg="52"), update(1, LAN, kg="51"), create(kg="50"))
    assert decisions(history) == ["apply", "apply", "create"]
    assert history.versions[-1].data == {"kg": "52"}
    assert history.conflict is None


def test_an_update_whose_registration_never_comes_is_on_hold() -> None:
    assert decisions(of_many(update(1), update(2, LAN))) == ["hold", "hold"]


def test_a_phone_whose_branch_was_overtaken_still_finds_its_base() -> None:
    """Lan's second update counts from her own first, which became version 3 here."""
    history = of_many(
        create(),
        update(1, MINH, 1, a="m"),
        update(1, LAN, 1, b="l"),
        update(2, LAN, 1, c="l"),
    )
    assert decisions(history) == ["create", "apply", "conflict", "apply"]
    assert [v.base for v in history.versions] == [None, 1, 1, 3]


def test_a_gap_in_a_branch_waits_for_the_missing_one() -> None:
    history = of_many(create(), update(2, LAN, 1, c="3"))
    assert decisions(history) == ["create", "hold"]


def test_different_properties_are_a_soft_conflict_and_both_stay() -> None:
    history = of_many(create(), update(1, LAN, 1, a="1"), update(1, MINH, 1, b="2"))
    assert history.conflict == "soft"
    assert history.versions[-1].data == {"a": "1", "b": "2"}


def test_the_same_property_with_another_value_is_a_hard_conflict_last_one_wins() -> None:
    history = of_many(create(), update(1, LAN, 1, a="1"), update(1, MINH, 1, a="2"))
    assert history.conflict == "hard"
    assert history.versions[-1].data == {"a": "2"}


def test_the_same_value_twice_is_soft() -> None:
    assert of_many(create(), update(1, LAN, 1, a="1"), update(1, MINH, 1, a="1")).conflict == "soft"


def test_absent_is_untouched_and_blank_is_emptied() -> None:
    history = of_many(create(a="1", b="2"), update(1, b=""))
    assert history.versions[-1].data == {"a": "1", "b": ""}
    assert history.versions[-1].label == "Bà Ba"


def test_an_edit_of_what_made_a_version_makes_no_other() -> None:
    history = fold({}, [Asked(7, 1, create(a="1")), Asked(7, 2, create(a="2"))])
    assert decisions(history) == ["create", "edit"]
    assert history.versions[-1].data == {"a": "1"}


def test_an_edit_counts_where_its_original_made_nothing() -> None:
    history = fold(
        {},
        [Asked(7, 1, change("create", label=None)), Asked(7, 2, create(a="2"))],
    )
    assert decisions(history) == ["refuse", "create"]


def test_repeats_of_one_submission_may_change_one_entity_twice() -> None:
    history = fold({}, [Asked(7, 1, create()), Asked(7, 1, update(1, a="2"))])
    assert decisions(history) == ["create", "apply"]


def test_versions_that_people_made_hold_their_numbers() -> None:
    kept = {1: Version(1, "CLB", {"a": "0"}), 3: Version(3, "CLB mới", {"a": "9"})}
    history = of_many(update(1, a="1"), update(3, b="2"), kept=kept)
    assert decisions(history) == ["apply", "apply"]
    assert [(v.number, dict(v.data)) for v in history.versions] == [
        (1, {"a": "0"}),
        (2, {"a": "1"}),
        (3, {"a": "9"}),
        (4, {"a": "9", "b": "2"}),
    ]


def test_a_kept_version_is_there_even_when_those_before_it_are_not() -> None:
    history = of_many(kept={2: Version(2, "CLB", {})})
    assert [v.number for v in history.versions] == [2]


chains = st.permutations([create(kg="50"), *(update(n, LAN, kg=str(50 + n)) for n in range(1, 6))])


@given(chains)
def test_one_phones_chain_ends_the_same_in_any_order_of_arrival(
    changes: list[EntityChange],
) -> None:
    history = of_many(*changes)
    assert [v.data["kg"] for v in history.versions] == ["50", "51", "52", "53", "54", "55"]
    assert history.conflict is None


wild = st.lists(
    st.one_of(
        st.builds(create, kg=st.sampled_from("12")),
        st.builds(
            update,
            base=st.one_of(st.none(), st.integers(1, 4)),
            branch=st.sampled_from([None, LAN, MINH]),
            trunk=st.one_of(st.none(), st.integers(1, 3)),
            kg=st.sampled_from("12"),
        ),
    ),
    max_size=8,
)


@given(wild)
def test_numbers_rise_by_one_and_no_change_lowers_them(changes: list[EntityChange]) -> None:
    """Protocol §6.6: phones count on what the server counts."""
    for known in range(len(changes) + 1):
        numbers = [v.number for v in of_many(*changes[:known]).versions]
        assert numbers == list(range(1, len(numbers) + 1))
        if known:
            assert len(numbers) >= len(of_many(*changes[: known - 1]).versions)


@given(wild, st.data())
def test_a_change_processed_late_never_lowers_a_version(
    changes: list[EntityChange], data: st.DataObject
) -> None:
    late = data.draw(st.integers(0, max(0, len(changes) - 1)))
    without = [one for place, one in enumerate(changes) if place != late]
    assert len(of_many(*changes).versions) >= len(of_many(*without).versions)


def test_versions_of_a_submission_know_each_other_once_the_one_between_has_come() -> None:
    original, middle, last, after = (1, "a", None), (3, "b", "a"), (2, "c", "b"), (4, "d", "c")
    assert strangers([original, last, middle, after]) == {
        1: frozenset({2}),
        2: frozenset({1}),
        3: frozenset(),
        4: frozenset(),
    }
    assert strangers([(1, "c", "b"), (2, "d", "b")]) == {1: frozenset(), 2: frozenset()}


def test_what_came_before_it_was_known_to_be_an_edit_keeps_its_version() -> None:
    history = fold(
        {},
        [
            Asked(7, 1, create(a="1"), frozenset({2})),
            Asked(7, 2, update(1, a="3"), frozenset({1})),
            Asked(7, 3, update(1, a="2")),
        ],
    )
    assert decisions(history) == ["create", "apply", "edit"]
    assert history.versions[-1].data == {"a": "3"}
