"""What registrations, updates, corrections and exits make true of a member on a day."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync.database import Database
from sync.tables import entities
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id

HOA, LIEN, BA = an_id("hoa"), an_id("lien"), an_id("ba")
JOINED = {
    "club": HOA, "c_member": "yes", "c_health": "yes", "c_care": "yes", "c_photo": "no",
    "consent_method": "paper_signature", "full_name": "Trần Thị Ba", "sex": "female",
    "birth_precision": "year", "birth_year": "1949", "hh_class": "poor", "hh_class_year": "2019",
    "living": "alone", "disability": "none", "insurance": "yes", "is_volunteer": "no",
    "board_role": "none", "care_need": "no", "member_club": HOA, "member_status": "active",
}  # fmt: skip


@pytest.fixture
def world(database: Database, tmp_path: Path) -> LibraryWorld:
    return LibraryWorld(database, tmp_path)


def join(
    world: LibraryWorld, on: str = "2019-05-01", who: str = BA, key: str = "", **more: str
) -> None:
    replaces = more.pop("replaces", "")
    answers, label = JOINED | {"join_date": on} | more, f"{who} · 1949 · tổ 1"
    world.send(
        "membership", answers, key or f"join {who}", create=who, label=label, replaces=replaces
    )


def update(world: LibraryWorld, on: str, what: str, **more: str) -> None:
    answers = {"club": HOA, "member": BA, "effective_date": on, "what": what}
    world.send("member_update", answers | more, f"update {on} {what}", update=BA)


def leave(world: LibraryWorld, kind: str, on: str = "", **more: str) -> None:
    answers = {"club": HOA, "member": BA, "exit_kind": kind, "exit_precision": "day"}
    answers |= {"exit_date": on} if on else {}
    world.send("member_exit", answers | more, f"leave {kind} {on}", update=BA)


def visit(world: LibraryWorld, on: str) -> None:
    answers = {"club": HOA, "client": BA, "visit_date": on, "outcome": "met"}
    world.send("care_visit", answers, f"visit {on}")


def test_a_registration_tells_everything_from_the_day_of_joining(world: LibraryWorld) -> None:
    join(world)
    world.work()
    for name, value in {
        "status": "active", "club": HOA, "sex": "female", "born_on": "1949-01-01",
        "hh_class": "poor", "hh_class_year": "2019", "c_member": "yes", "c_photo": "no",
        "consent": "paper_signature", "insurance": "yes", "board_role": "none",
    }.items():  # fmt: skip
        assert world.told(BA, name) == [(value, "2019-05-01", None)], name


def test_an_update_ends_only_the_spells_it_speaks_of(world: LibraryWorld) -> None:
    join(world)
    update(world, "2021-01-01", "household", hh_class="escaped_poverty", hh_class_year="2020")
    world.work()
    assert world.told(BA, "hh_class") == [
        ("poor", "2019-05-01", "2021-01-01"),
        ("escaped_poverty", "2021-01-01", None),
    ]
    assert world.told(BA, "living") == [("alone", "2019-05-01", None)]


def test_a_corrected_birth_was_always_so(world: LibraryWorld) -> None:
    join(world)
    update(world, "2024-03-01", "identity", birth_precision="day", birth_date="1948-07-02")
    world.work()
    assert world.told(BA, "born_on") == [("1948-07-02", "2019-05-01", None)]
    assert world.told(BA, "birth_precision") == [("day", "2019-05-01", None)]
    assert world.told(BA, "sex") == [("female", "2019-05-01", None)]


def test_a_corrected_name_was_always_so(world: LibraryWorld) -> None:
    join(world)
    update(world, "2020-02-01", "identity", full_name="Trần Thị Bá")
    world.work()
    assert world.told(BA, "full_name") == [("Trần Thị Bá", "2019-05-01", None)]


def test_a_card_runs_out_the_day_after_its_last_day_unless_it_is_renewed(
    world: LibraryWorld,
) -> None:
    join(world, insurance_expiry="2019-12-31")
    update(world, "2020-02-01", "insurance", insurance="yes", insurance_expiry="2020-12-31")
    update(world, "2020-12-15", "insurance", insurance="yes")
    world.work()
    assert world.told(BA, "insurance") == [
        ("yes", "2019-05-01", "2020-01-01"),
        ("expired", "2020-01-01", "2020-02-01"),
        ("yes", "2020-02-01", None),
    ]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("died", "died"), ("moved_away", "left"), ("own_wish", "left"), ("inactive", "left"),
     ("removed", "left"), ("transfer_elsewhere", "left")],
)  # fmt: skip
def test_who_goes_on_a_day_is_not_active_on_it_and_has_a_reason(
    world: LibraryWorld, kind: str, status: str
) -> None:
    """Golden case of domain §8: out on D, still in the day before."""
    join(world)
    leave(world, kind, "2020-06-30")
    world.work()
    assert world.told(BA, "status") == [
        ("active", "2019-05-01", "2020-06-30"),
        (status, "2020-06-30", None),
    ]
    assert world.told(BA, "exit_kind") == [(kind, "2020-06-30", None)]


def test_a_move_between_clubs_is_one_exit_and_one_entry_of_somebody_active(
    world: LibraryWorld,
) -> None:
    join(world)
    leave(world, "transfer", "2020-03-15", new_club=LIEN)
    world.work()
    assert world.told(BA, "status") == [("active", "2019-05-01", None)]
    assert world.told(BA, "club") == [
        (HOA, "2019-05-01", "2020-03-15"),
        (LIEN, "2020-03-15", None),
    ]
    assert world.told(BA, "exit_kind") == [("transfer", "2020-03-15", None)]


def test_a_move_is_the_old_clubs_own_record_whoever_is_asked_first(world: LibraryWorld) -> None:
    """The board that reports a move writes of debts: the new club has no business with that."""
    leave(world, "transfer", "2020-03-15", new_club=LIEN)
    world.work()
    join(world)
    visit(world, "2020-03-15")
    world.work()
    assert [row.club_id for row in world.records("member_exit")] == [HOA]
    assert [row.club_id for row in world.records("care_visit")] == [LIEN]
    assert world.differences() == []


def test_an_entry_made_twice_ends_nobody_and_asks_for_a_person(world: LibraryWorld) -> None:
    join(world)
    leave(world, "duplicate", "2020-03-15", duplicate_of=an_id("the other"))
    world.work()
    assert world.told(BA, "status") == [("active", "2019-05-01", None)]
    assert world.told(BA, "exit_kind") == []
    assert world.codes("member_exit") == [["for_a_person"]]


def test_of_a_death_of_which_only_the_month_is_known_the_last_day_counts(
    world: LibraryWorld,
) -> None:
    join(world)
    leave(world, "died", exit_precision="month", exit_month="2020-06-01")
    world.work()
    assert world.told(BA, "status")[-1] == ("died", "2020-06-30", None)


def test_visits_after_a_death_wait_for_a_person(world: LibraryWorld) -> None:
    join(world)
    visit(world, "2020-06-30")
    visit(world, "2020-07-01")
    leave(world, "died", "2020-06-30")
    world.work()
    assert world.codes("care_visit") == [[], ["after_end"]]
    assert [row.held_back for row in world.records("care_visit")] == [False, True]


def test_an_exit_before_joining_is_flagged_and_ends_nobody(world: LibraryWorld) -> None:
    join(world)
    leave(world, "own_wish", "2019-04-01")
    world.work()
    assert world.codes("member_exit") == [["before_joining"]]
    assert world.told(BA, "status") == [("active", "2019-05-01", None)]


def test_an_update_of_somebody_who_left_counts_and_is_flagged(world: LibraryWorld) -> None:
    join(world)
    leave(world, "own_wish", "2020-06-30")
    update(world, "2020-08-01", "care", care_need="regular")
    world.work()
    assert world.codes("member_update") == [["after_leaving"]]
    assert world.told(BA, "care_need")[-1][0] == "regular"


def test_taking_consent_back_ends_every_consent_and_asks_for_a_person(world: LibraryWorld) -> None:
    join(world)
    update(world, "2022-01-01", "consent", c_member="no", new_status="withdrawn", new_c_care="no")
    world.work()
    for name in ("c_member", "c_health", "c_care"):
        assert world.told(BA, name)[-1] == ("no", "2022-01-01", None), name
    assert world.told(BA, "status")[-1] == ("withdrawn", "2022-01-01", None)
    assert world.codes("member_update") == [["for_a_person"]]
    with world.database.read() as db:
        data = db.execute(sa.select(entities.c.data).where(entities.c.uuid == BA)).scalar_one()
    assert (data["status"], data["c_care"]) == ("withdrawn", "no")


def test_taking_back_the_consent_to_health_data_leaves_a_member(world: LibraryWorld) -> None:
    join(world)
    update(world, "2022-01-01", "consent", c_member="yes", c_health="no", new_c_health="no")
    world.work()
    assert world.told(BA, "c_health")[-1] == ("no", "2022-01-01", None)
    assert world.told(BA, "status") == [("active", "2019-05-01", None)]
    assert world.codes("member_update") == [["for_a_person"]]


TU = an_id("tu")
CHAIRS = (
    lambda world: join(world, board_role="chair"),
    lambda world: join(world, "2020-01-01", TU, board_role="chair", full_name="Lê Văn Tư"),
    lambda world: update(world, "2020-02-01", "roles", board_role="member"),
)


@pytest.mark.parametrize("way", list(itertools.permutations(range(3))))
def test_two_chairs_at_a_time_are_shown_to_a_person_in_any_order(
    world: LibraryWorld, way: tuple[int, ...]
) -> None:
    for step in way:
        CHAIRS[step](world)
        world.work()
    flags = {row.subject_id: row.problems for row in world.records("membership")}
    assert flags[BA] == []  # nobody else was, that day
    assert [one["code"] for one in flags[TU]] == ["look_at"]
    assert not any(row.held_back for row in world.records("membership"))
    assert world.told(TU, "board_role") == [("chair", "2020-01-01", None)]
    assert world.differences() == []


def test_a_chair_who_had_stopped_is_no_rival(world: LibraryWorld) -> None:
    join(world, board_role="chair")
    update(world, "2019-12-31", "roles", board_role="none")
    join(world, "2020-01-01", TU, board_role="chair", full_name="Lê Văn Tư")
    world.work()
    assert world.codes("membership") == [[], []]


def test_a_chair_of_another_club_is_no_rival_until_she_moves_here(world: LibraryWorld) -> None:
    join(world, board_role="chair", club=LIEN)
    join(world, "2020-01-01", TU, board_role="chair", full_name="Lê Văn Tư")
    world.work()
    assert world.codes("membership") == [[], []]
    leave(world, "transfer", "2019-08-01", new_club=HOA)
    world.work()
    assert world.codes("membership") == [[], ["look_at"]]


def test_the_flag_of_two_chairs_goes_when_one_of_them_is_mended(world: LibraryWorld) -> None:
    join(world, board_role="chair")
    join(world, "2020-01-01", TU, board_role="chair", full_name="Lê Văn Tư")
    world.work()
    join(world, key="mended", board_role="secretary", replaces=f"join {BA}")
    world.work()
    assert world.codes("membership") == [[], []]


STEPS = (
    lambda world: join(world, insurance_expiry="2020-12-31"),
    lambda world: update(world, "2020-03-01", "insurance", insurance="yes"),
    lambda world: update(
        world, "2022-01-01", "identity", birth_precision="year", birth_year="1948"
    ),
    lambda world: leave(world, "transfer", "2020-03-15", new_club=LIEN),
    lambda world: leave(world, "died", "2023-02-01"),
    lambda world: visit(world, "2023-02-02"),
)


@pytest.mark.parametrize("way", list(itertools.permutations(range(6)))[7::90])
def test_a_members_life_is_the_same_in_every_order_of_arrival(
    world: LibraryWorld, way: tuple[int, ...]
) -> None:
    for step in way:
        STEPS[step](world)
        world.work()
    assert world.told(BA, "status") == [
        ("active", "2019-05-01", "2023-02-01"),
        ("died", "2023-02-01", None),
    ]
    assert world.told(BA, "exit_kind") == [
        ("transfer", "2020-03-15", "2023-02-01"),
        ("died", "2023-02-01", None),
    ]
    assert [value for value, _, _ in world.told(BA, "club")] == [HOA, LIEN]
    assert world.told(BA, "born_on") == [("1948-01-01", "2019-05-01", None)]
    assert world.told(BA, "insurance") == [("yes", "2019-05-01", None)]
    assert world.codes("care_visit") == [["after_end"]]
    assert world.codes("member_update") == [[], []]
    assert world.differences() == []
