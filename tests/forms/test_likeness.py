"""Which reports are of one event (domain §4.7 b and d)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.library import SameEvent
from forms.likeness import (
    DECIDED,
    RESENT,
    SAME_EVENT,
    Report,
    Standing,
    read_time,
    unite,
    unite_values,
)

NOON = datetime(2026, 1, 20, 5, 0, tzinfo=UTC)
MEETING = SameEvent({}, "at", None, {"minutes": "max"}, ("kind",))
SAME = SameEvent({"outcome": ("met",)}, "at", 60, {"helpers": "union", "minutes": "max"})


def a_visit(
    id_: int,
    at: str = "08:00",
    helpers: str = "lan",
    minutes: str = "30",
    outcome: str = "met",
    sender: str = "a",
    days: float = 0,
    **more: str,
) -> Report:
    answers = {"at": at, "helpers": helpers, "minutes": minutes, "outcome": outcome, **more}
    return Report(id_, sender, NOON + timedelta(days=days), answers)


def counting(standings: dict[int, Standing]) -> list[int]:
    return sorted(id_ for id_, one in standings.items() if one.counted_with is None)


def test_two_helpers_logging_one_visit_are_united() -> None:
    found = unite(
        [
            a_visit(1, "08:00", "lan hoa", "30"),
            a_visit(2, "09:00", "minh lan", "90", sender="b"),
        ],
        SAME,
        7,
    )
    assert found == {
        1: Standing(None, {"helpers": "hoa lan minh", "minutes": "90"}),
        2: Standing(1, None, SAME_EVENT),
    }


def test_a_meeting_is_one_when_its_kind_and_the_hour_of_its_start_are() -> None:
    def found(*reports: Report) -> list[int]:
        return counting(unite(reports, MEETING, 7))

    first = a_visit(1, "08:05", kind="meeting")
    assert found(first, a_visit(2, "08:55", kind="meeting", sender="b")) == [1]
    assert found(first, a_visit(2, "07:55", kind="meeting", sender="b")) == [1, 2]
    assert found(first, a_visit(2, "08:05", kind="talk", sender="b")) == [1, 2]
    assert found(first, a_visit(2, "", kind="meeting", sender="b")) == [1, 2]


def test_61_minutes_apart_are_two_visits() -> None:
    found = unite([a_visit(1, "08:00"), a_visit(2, "09:01", sender="b")], SAME, 7)
    assert counting(found) == [1, 2]


def test_a_chain_of_visits_is_cut_from_the_first_not_from_the_last() -> None:
    reports = [
        a_visit(1, "09:40"),
        a_visit(2, "08:00", sender="b"),
        a_visit(3, "08:50", sender="c"),
    ]
    assert {id_: one.counted_with for id_, one in unite(reports, SAME, 7).items()} == {
        1: None,
        2: None,
        3: 2,
    }


def test_an_attempt_that_met_nobody_stays_alone() -> None:
    reports = [a_visit(1), a_visit(2, outcome="away", sender="b")]
    assert counting(unite(reports, SAME, 7)) == [1, 2]


def test_without_a_start_a_visit_stays_alone() -> None:
    assert counting(unite([a_visit(1, ""), a_visit(2, "?", sender="b")], SAME, 7)) == [1, 2]


def test_the_same_content_from_the_same_phone_within_days_counts_once() -> None:
    reports = [
        a_visit(1, outcome="away", start="2026-01-20T08:00:00.000+07:00"),
        a_visit(2, outcome="away", days=6.9, start="2026-01-26T08:00:00.000+07:00"),
    ]
    assert counting(unite(reports, SAME, 7)) == [1]


@pytest.mark.parametrize(
    "other",
    [
        a_visit(2, outcome="away", days=7.1),
        a_visit(2, outcome="away", sender="b"),
        a_visit(2, outcome="away", minutes="31"),
        Report(2, "a", NOON, a_visit(1, outcome="away").answers, ({"item": "rice"},)),
    ],
    ids=["eight days later", "another phone", "another answer", "another gift"],
)
def test_other_content_phone_or_week_is_not_sent_again(other: Report) -> None:
    assert counting(unite([a_visit(1, outcome="away"), other], SAME, 7)) == [1, 2]


def test_a_form_without_rules_counts_every_report() -> None:
    found = unite([a_visit(1), a_visit(2)], None, None)
    assert found == {1: Standing(None, None), 2: Standing(None, None)}


def test_sent_again_and_logged_by_another_all_count_with_the_first() -> None:
    reports = [a_visit(1, sender="b", minutes="5"), a_visit(2), a_visit(3)]
    found = unite(reports, SAME, 7)
    assert [found[id_].counted_with for id_ in (1, 2, 3)] == [None, 1, 1]
    assert [found[id_].by for id_ in (1, 2, 3)] == [None, SAME_EVENT, RESENT]


def pairs(*some: tuple[int, int]) -> set[frozenset[int]]:
    return {frozenset(one) for one in some}


def test_two_reports_that_a_person_parts_both_count_each_with_its_own_values() -> None:
    reports = [a_visit(1), a_visit(2, helpers="minh", sender="b"), a_visit(3, sender="c")]
    found = unite(reports, SAME, 7, apart=pairs((1, 2)))
    assert counting(found) == [1, 2]
    assert found[2].united == {"helpers": "minh", "minutes": "30"}
    assert found[3].counted_with == 1  # parted from neither
    again = unite([a_visit(1), a_visit(2, days=1)], SAME, 7, apart=pairs((1, 2)))
    assert counting(again) == [1, 2]


def test_two_reports_that_a_person_joins_are_one_with_the_values_of_both() -> None:
    reports = [a_visit(1), a_visit(2, "11:00", "minh", sender="b"), a_visit(3, "11:20", sender="c")]
    found = unite(reports, SAME, 7, together=pairs((1, 3), (3, 99)))
    assert counting(found) == [1]
    assert found[1].united == {"helpers": "lan minh", "minutes": "30"}
    assert {found[2].by, found[3].by} == {DECIDED}
    assert counting(unite(reports, None, None, together=pairs((1, 2)))) == [1, 3]


def test_the_greatest_number_wins_and_words_do_not() -> None:
    said = [a_visit(1, minutes="1.0E1"), a_visit(2, minutes="x"), a_visit(3, minutes="9")]
    assert unite_values(said, {"minutes": "max"}) == {"minutes": "1.0E1"}


def test_a_column_nobody_answered_is_not_united() -> None:
    assert unite_values([a_visit(1)], {"tasks": "union"}) == {}


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("08:05:00.000+07:00", 485),
        ("2026-01-20T23:59:00Z", 1439),
        ("8:05", 485),
        ("24:00", None),
        ("noon", None),
        ("", None),
    ],
)
def test_the_time_of_day_is_read_as_the_phone_showed_it(text: str, minutes: int | None) -> None:
    assert read_time(text) == minutes


visits = st.lists(
    st.builds(
        a_visit,
        id_=st.integers(1, 10**6),
        at=st.sampled_from(["08:00", "08:30", "09:10", "09:40", ""]),
        helpers=st.sampled_from(["lan", "hoa", "lan hoa"]),
        outcome=st.sampled_from(["met", "away"]),
        sender=st.sampled_from("ab"),
        days=st.sampled_from([0.0, 3.0, 8.0]),
    ),
    unique_by=lambda report: report.id,
    max_size=8,
)


@given(visits, st.randoms())
def test_the_order_in_which_reports_are_looked_at_does_not_matter(
    reports: list[Report], dice: object
) -> None:
    shuffled = list(reports)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert unite(reports, SAME, 7) == unite(shuffled, SAME, 7)


@given(visits)
def test_every_report_counts_or_counts_with_an_earlier_one_that_does(reports: list[Report]) -> None:
    found = unite(reports, SAME, 7)
    assert found.keys() == {report.id for report in reports}
    for id_, one in found.items():
        if one.counted_with is not None:
            assert one.counted_with < id_
            assert found[one.counted_with].counted_with is None
            assert one.united is None
