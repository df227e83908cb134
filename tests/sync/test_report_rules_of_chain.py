"""The chain as a pure rule: whatever people try in whatever order, it holds together."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync.reports.chain import ChainPlace, Standing, Step, Wish, refusal, stand
from sync.reports.data import PlaceKey

D = date(2025, 6, 30)
NOON = datetime(2025, 7, 1, 5, tzinfo=UTC)
TREE = {
    one.id: one
    for one in (
        ChainPlace("city", "1", "1", "TP", None),
        ChainPlace("commune", "2", "2", "Xã Hai", ("city", "1")),
        ChainPlace("commune", "3", "3", "Xã Ba", ("city", "1")),
        ChainPlace("club", "a", "a", "CLB a", ("commune", "2")),
        ChainPlace("club", "b", "b", "CLB b", ("commune", "2")),
        ChainPlace("club", "c", "c", "CLB c", ("commune", "3")),
        ChainPlace("club", "d", "d", "CLB d", ("city", "1")),  # of no commune since a split
    )
}
wishes = st.builds(
    Wish,
    st.sampled_from(["confirm", "confirm", "confirm", "send_back", "send", "report", "reopen"]),
    st.sampled_from(sorted(TREE)),
    st.just("x"),
    st.booleans(),
).map(lambda one: one if one.act in ("confirm", "send_back") else replace(one, place=None))
phones = st.tuples(st.sampled_from("abcd"), st.booleans())


def step_of(number: int, wish: Wish) -> Step:
    level, place = wish.place or ("", "")
    at = NOON + timedelta(minutes=number)
    return Step(level, place, wish.act, at, D, f"user:{number % 3}", number=number, comment="x")


def said(number: int, club: str, agrees: bool) -> Step:
    at = NOON + timedelta(minutes=number)
    return Step("club", club, "confirm", at, D, "app_user:1", by_form=True, agrees=agrees)


@given(st.lists(st.one_of(wishes, phones), max_size=40), st.randoms(use_true_random=False))
def test_steps_that_are_allowed_leave_a_chain_that_holds(
    tried: list[Wish | tuple[str, bool]], chance: random.Random
) -> None:
    steps: list[Step] = []
    for number, one in enumerate(tried, start=1):
        standing = stand(TREE, steps)
        if isinstance(one, tuple):
            steps.append(said(number, *one))
        elif refusal(standing, one, "2025H1", D, D) is None:
            steps.append(step_of(number, one))
        after = stand(TREE, steps)
        _holds(after)
        shuffled = chance.sample(steps, len(steps))
        again = stand(TREE, shuffled)
        assert (again.confirmed, again.state) == (after.confirmed, after.state)


def _holds(standing: Standing) -> None:
    everybody = ("club", "commune", "city")
    if standing.sent:
        assert ("city", "1") in standing.confirmed
    if standing.reported:
        assert standing.sent
    assert not standing.confirmed.keys() & standing.sent_back.keys()
    assert set(standing.not_reported()) == {
        key for level, key in TREE if level == "club" and (level, key) not in standing.confirmed
    }
    for place in TREE:
        state = standing.state_of(place)
        assert (state == "open") == (place not in standing.confirmed)
        assert state in (*everybody[everybody.index(place[0]) :], "open", "sent", "reported")


@given(st.lists(wishes, max_size=30))
def test_a_refused_step_says_why_in_both_languages_and_an_allowed_one_moves_something(
    tried: list[Wish],
) -> None:
    steps: list[Step] = []
    for number, wish in enumerate(tried, start=1):
        before = stand(TREE, steps)
        problem = refusal(before, wish, "2025H1", D, D)
        if problem is not None:
            assert "{" not in problem.vi + problem.en
            continue
        steps.append(step_of(number, wish))
        after = stand(TREE, steps)
        moved = (after.confirmed, after.sent, after.reported, after.versions)
        assert moved != (before.confirmed, before.sent, before.reported, before.versions)


def test_of_many_open_places_a_sentence_names_some() -> None:
    clubs = [ChainPlace("club", f"{n}", f"{n}", f"CLB {n}", ("city", "1")) for n in range(20)]
    tree: dict[PlaceKey, ChainPlace] = {one.id: one for one in (TREE["city", "1"], *clubs)}
    problem = refusal(Standing(tree), Wish("confirm", ("city", "1")), "2025H1", D, D)
    assert problem is not None
    assert "CLB 7 +12" in problem.vi
