"""What was true on day D: one spell after the other, whatever came late."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.library import Birth, Fact
from sync.aggregate import Touch
from sync.database import Database
from sync.entities import Kept, keep
from sync.statements import AS_TOLD, Spell, Statement, agree, to_spells
from sync.tables import spells
from sync.timeline import _touches, read_birth, read_fact, retell
from tests.sync.sending import NOW, World, an_id

BIRTH = Birth("birth_date", "birth_month", "birth_year")


def day(text: str) -> date:
    return date.fromisoformat(text)


def told(
    value: str,
    on: str,
    order: int = 1,
    name: str = "klass",
    begins: bool = False,
    corrects: bool = False,
    said: str | None = None,
) -> Statement:
    return Statement(name, value, day(on), order, begins, corrects, day(said) if said else None)


def spell(value: str, start: str, end: str | None = None, name: str = "klass") -> Spell:
    return Spell(name, value, day(start), day(end) if end else None)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def spells_of(world: World, who: str, name: str) -> list[tuple[str, str, str | None]]:
    rows = world.rows(spells, spells.c.uuid == an_id(who), spells.c.name == name)
    return sorted(
        (r.value, str(r.valid_from), str(r.valid_to) if r.valid_to else None) for r in rows
    )


def registration(value: str, on: str, by: str, order: int = 1) -> Statement:
    return replace(told(value, on, order, begins=True, said=on), by=by)


@pytest.mark.parametrize(
    ("choices", "spells"),
    [
        ({}, [("poor", "2025-01-01", "2025-02-01"), ("near", "2025-02-01", None)]),
        ({"klass": "a"}, [("poor", "2025-01-01", "2025-02-01"), ("near", "2025-02-01", None)]),
        (
            {"klass": "b"},
            [
                ("average", "2025-01-01", "2025-02-01"),
                ("near", "2025-02-01", "2025-03-01"),
                ("average", "2025-03-01", None),
            ],
        ),
        (
            {"klass": AS_TOLD},
            [
                ("poor", "2025-01-01", "2025-02-01"),
                ("near", "2025-02-01", "2025-03-01"),
                ("average", "2025-03-01", None),
            ],
        ),
    ],
)
def test_two_registrations_of_one_person_tell_what_was_chosen_and_the_history_stays(
    choices: dict[str, str], spells: list[tuple[str, str, str | None]]
) -> None:
    both = [
        registration("poor", "2025-01-01", "a", 1),
        registration("average", "2025-03-01", "b", 3),
        replace(told("near", "2025-02-01", 2), by="a"),
    ]
    assert to_spells(agree(both, "a", choices)) == {spell(*one) for one in spells}


def test_registrations_that_agree_each_tell_their_day() -> None:
    both = [registration("in", "2025-01-01", "a"), registration("in", "2025-03-01", "b")]
    left = replace(told("out", "2025-02-01"), by="a")
    assert to_spells(agree([*both, left], "a", {})) == {
        spell("in", "2025-01-01", "2025-02-01"),
        spell("out", "2025-02-01", "2025-03-01"),
        spell("in", "2025-03-01"),
    }


def test_a_later_fact_ends_the_one_before() -> None:
    assert to_spells([told("poor", "2025-01-01"), told("average", "2026-01-01")]) == {
        spell("poor", "2025-01-01", "2026-01-01"),
        spell("average", "2026-01-01"),
    }


def test_saying_the_same_again_is_one_spell() -> None:
    assert to_spells([told("poor", "2025-01-01"), told("poor", "2026-01-01")]) == {
        spell("poor", "2025-01-01")
    }


def test_of_two_on_one_day_the_later_to_arrive_holds() -> None:
    assert to_spells([told("poor", "2025-01-01", 2), told("average", "2025-01-01", 1)]) == {
        spell("poor", "2025-01-01")
    }


def test_what_is_told_of_a_day_before_joining_holds_from_joining() -> None:
    found = to_spells(
        [
            told("50", "2024-01-01", 3, name="kg"),
            told("51", "2024-06-01", 2, name="kg"),
            told("active", "2025-01-01", 1, name="status", begins=True),
        ]
    )
    assert found == {
        spell("51", "2025-01-01", name="kg"),
        spell("active", "2025-01-01", name="status"),
    }


@pytest.mark.parametrize("arrived", [1, 3], ids=["before", "after"])
def test_a_correction_holds_from_the_first_day_whenever_it_arrives(arrived: int) -> None:
    registered = told("1949", "2018-05-01", 2, begins=True)
    corrected = told("1948", "2024-03-01", arrived, corrects=True)
    assert to_spells([registered, corrected]) == {spell("1948", "2018-05-01")}


def test_of_two_corrections_the_one_said_later_holds() -> None:
    found = to_spells(
        [
            told("1949", "2018-05-01", 1, begins=True),
            told("1950", "2024-03-01", 2, corrects=True),
            told("1948", "2023-03-01", 3, corrects=True),
        ]
    )
    assert found == {spell("1950", "2018-05-01")}


def test_a_correction_of_somebody_not_registered_yet_holds_from_its_own_day() -> None:
    assert to_spells([told("1948", "2024-03-01", corrects=True)]) == {spell("1948", "2024-03-01")}


def test_what_was_foreseen_comes_true_unless_spoken_of_before() -> None:
    card = [told("yes", "2024-01-01", 1), told("expired", "2025-01-01", 1, said="2024-01-01")]
    assert to_spells(card) == {
        spell("yes", "2024-01-01", "2025-01-01"),
        spell("expired", "2025-01-01"),
    }
    renewed = [told("yes", "2024-12-01", 2), told("expired", "2026-01-01", 2, said="2024-12-01")]
    assert to_spells([*renewed, *card]) == {
        spell("yes", "2024-01-01", "2026-01-01"),
        spell("expired", "2026-01-01"),
    }


def test_a_leaving_dated_before_joining_does_not_end_what_began() -> None:
    found = to_spells([told("left", "2018-01-01", 2), told("active", "2018-05-01", 1, begins=True)])
    assert found == {spell("active", "2018-05-01")}


@given(
    st.lists(
        st.builds(
            told,
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["2025-01-01", "2025-02-01", "2025-03-01"]),
            st.integers(1, 10**6),
            begins=st.booleans(),
            corrects=st.booleans(),
            said=st.sampled_from([None, "2024-12-01", "2025-01-15"]),
        ),
        unique_by=lambda one: one.order,
    ),
    st.randoms(),
)
def test_spells_follow_one_another_without_gap_in_any_order(
    statements: list[Statement], dice: object
) -> None:
    shuffled = list(statements)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    found = to_spells(statements)
    assert to_spells(shuffled) == found
    ordered = sorted(found, key=lambda one: one.valid_from)
    for one, after in itertools.pairwise(ordered):
        assert one.valid_to == after.valid_from
        assert one.value != after.value
    if ordered:
        assert ordered[-1].valid_to is None


@pytest.mark.parametrize(
    ("answers", "born"),
    [
        ({"birth_date": "1948-05-06"}, "1948-05-06"),
        ({"birth_year": "1948", "birth_month": "5"}, "1948-05-01"),
        ({"birth_year": "1948"}, "1948-01-01"),
        ({"birth_year": "1948", "birth_month": "13"}, "1948-01-01"),
        ({"birth_date": "1948-02-30", "birth_year": "1948"}, "1948-01-01"),
        ({"birth_year": "48"}, None),
        ({"birth_year": "0000"}, None),
        ({}, None),
    ],
)
def test_a_birth_known_in_part_counts_from_its_first_day(
    answers: dict[str, str], born: str | None
) -> None:
    """Domain §3.2.2, the pension decree's rule."""
    found = read_birth(BIRTH, answers)
    assert (found.isoformat() if found else None) == born


def test_a_blank_answer_tells_no_fact() -> None:
    assert read_fact(Fact("klass", field="klass"), {"klass": " "}) is None
    assert read_fact(Fact("status", value="active"), {}) == "active"
    assert read_fact(Fact("born_on", birth=BIRTH), {"birth_year": "1950"}) == "1950-01-01"


def test_a_code_may_tell_another_value_or_nothing() -> None:
    why = Fact("status", field="why", values={"died": "died", "moved": "left"})
    assert read_fact(why, {"why": "moved"}) == "left"
    assert read_fact(why, {"why": "duplicate"}) is None


def test_a_fact_that_needs_an_answer_is_told_only_with_it() -> None:
    decided = Fact("decided", value="yes", needs="number")
    assert read_fact(decided, {"number": "12/QĐ"}) == "yes"
    assert read_fact(decided, {"number": " "}) is None


def test_a_registration_tells_where_and_what_from_the_joining_day(world: World) -> None:
    world.join("ba", on="2025-03-01")
    world.work()
    assert spells_of(world, "ba", "status") == [("active", "2025-03-01", None)]
    assert spells_of(world, "ba", "club") == [(an_id("hoa"), "2025-03-01", None)]


def test_a_fact_of_a_late_paper_finds_its_place(world: World) -> None:
    world.join("ba")
    world.weigh("ba", "52", on="2025-08-01", base=None, key="b")
    world.work()
    world.weigh("ba", "51", on="2025-05-01", base=None, key="a")
    world.work()
    assert spells_of(world, "ba", "kg") == [
        ("51", "2025-05-01", "2025-08-01"),
        ("52", "2025-08-01", None),
    ]


def test_a_rejected_registration_tells_nothing(world: World) -> None:
    joined = world.join("ba")
    world.work()
    world.review(joined, "rejected")
    world.work(joined)
    assert world.rows(spells) == []


def test_an_edit_corrects_the_past(world: World) -> None:
    world.join("ba", key="j1", klass="poor")
    world.work()
    world.join("ba", key="j2", replaces="j1", klass="average")
    world.work()
    assert spells_of(world, "ba", "klass") == [("average", "2025-03-01", None)]


def test_a_club_from_a_file_is_active_from_its_founding(world: World) -> None:
    with world.database.write() as db:
        rows = [Kept(an_id("hoa"), "Hoa", {"founded_on": "2018-05-30"})]
        keep(db, world.library, "clubs", rows, NOW)
        touches = retell(db, world.library, "clubs", [an_id("hoa")]).touches
    assert touches == {Touch(an_id("hoa"), day("2018-05-30"), stock=True)}
    assert spells_of(world, "hoa", "status") == [("active", "2018-05-30", None)]
    with world.database.write() as db:
        assert retell(db, world.library, "clubs", [an_id("hoa")]).touches == frozenset()


def test_a_move_touches_both_clubs_from_the_day_of_the_move() -> None:
    known = {spell("a", "2020-01-01", name="club")}
    found = {
        spell("a", "2020-01-01", "2025-07-01", name="club"),
        spell("b", "2025-07-01", name="club"),
    }
    assert _touches(known, found, "b") == {
        Touch("a", day("2025-07-01"), stock=True),
        Touch("b", day("2025-07-01"), stock=True),
    }
