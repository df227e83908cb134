"""A form founds a club, moves it, stops it: the tree and the facts follow, in any order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync import clubs, places
from sync.database import Database
from sync.tables import counters, entities
from tests.sync.library_world import NOW, LibraryWorld
from tests.sync.sending import an_id

FORM = "club_registration"
PHUOC_NINH, MY_AN = "20242@2006-01-01", "20284@2006-01-01"
HOA = an_id("hoa")


@pytest.fixture
def world(database: Database, tmp_path: Path) -> LibraryWorld:
    return LibraryWorld(database, tmp_path)


def found(
    world: LibraryWorld,
    on: str = "2018-05-20",
    unit: str = PHUOC_NINH,
    key: str = "founding",
    club: str = HOA,
    **more: str,
) -> None:
    answers = {
        "action": "new", "club_id": club, "founded_on": on, "unit": unit, "unit_code": "20242",
        "unit_name": "Phường Phước Ninh", "has_troupe": "yes", "programme": "city_2017 vie071",
        "decision_no": "12/QĐ-UBND", "club_code_now": "PN1", "new_status": "active",
    }  # fmt: skip
    replaces = more.pop("replaces", "")
    world.send(
        FORM,
        answers | more,
        key,
        create=club,
        label="CLB Hòa · Phường Phước Ninh",
        replaces=replaces,
    )


def change(world: LibraryWorld, action: str, on: str, key: str = "", **more: str) -> None:
    answers = {"action": action, "club": HOA, "club_id": HOA, "effective_date": on}
    world.send(FORM, answers | more, key or f"{action} {on}", update=HOA)


def unit_on(world: LibraryWorld, day: str) -> str | None:
    with world.database.read() as db:
        unit = places.unit_of(db, HOA, date.fromisoformat(day))
    return unit.full_name if unit else None


def test_a_club_founded_by_a_form_is_in_its_commune_from_that_day(world: LibraryWorld) -> None:
    found(world)
    world.work()
    assert unit_on(world, "2018-05-19") is None
    assert unit_on(world, "2018-05-20") == "Phường Phước Ninh"
    assert unit_on(world, "2025-07-01") == "Phường Hải Châu"  # as the units did
    assert world.told(HOA, "status") == [("active", "2018-05-20", None)]
    assert world.told(HOA, "founded") == [("yes", "2018-05-20", None)]
    assert world.told(HOA, "has_decision") == [("yes", "2018-05-20", None)]
    assert world.told(HOA, "has_troupe") == [("yes", "2018-05-20", None)]
    assert world.codes(FORM) == [[]]
    assert world.records(FORM)[0].club_id == HOA
    with world.database.read() as db:
        assert places.find_club(db, "PN1") == HOA
        (unit,) = [
            u for u in places.units_on(db, date(2018, 5, 20), "commune") if u.code == "20242"
        ]
        assert HOA in places.clubs_under(db, unit.id, date(2018, 5, 20))
    assert world.differences() == []


def test_an_edit_of_the_founding_moves_the_club_and_its_first_day(world: LibraryWorld) -> None:
    found(world)
    world.work()
    before = places_counter(world)
    found(world, "2018-06-01", MY_AN, key="mended", replaces="founding")
    world.work()
    assert unit_on(world, "2018-05-31") is None
    assert unit_on(world, "2018-06-01") == "Phường Mỹ An"
    assert world.told(HOA, "status") == [("active", "2018-06-01", None)]
    assert places_counter(world) > before
    assert world.differences() == []


def places_counter(world: LibraryWorld) -> int:
    with world.database.read() as db:
        query = sa.select(counters.c.value).where(counters.c.name == "places")
        return int(db.execute(query).scalar_one())


def test_a_club_is_suspended_resumed_and_dissolved(world: LibraryWorld) -> None:
    found(world)
    change(world, "suspend", "2020-01-01")
    change(world, "resume", "2020-06-01")
    change(world, "dissolve", "2023-12-31")
    world.work()
    assert world.told(HOA, "status") == [
        ("active", "2018-05-20", "2020-01-01"),
        ("suspended", "2020-01-01", "2020-06-01"),
        ("active", "2020-06-01", "2023-12-31"),
        ("dissolved", "2023-12-31", None),
    ]
    assert world.told(HOA, "founded") == [("yes", "2018-05-20", None)]


def test_what_is_told_of_a_dissolved_club_is_flagged(world: LibraryWorld) -> None:
    found(world)
    change(world, "dissolve", "2023-12-31")
    change(world, "update", "2024-06-01", has_troupe="no")
    world.work()
    assert world.codes(FORM) == [[], [], ["after_leaving"]]


def test_an_update_tells_only_what_was_asked(world: LibraryWorld) -> None:
    found(world)
    change(world, "update", "2021-01-01", has_income_fund="yes", club_what="funds")
    world.work()
    assert world.told(HOA, "has_income_fund") == [("yes", "2021-01-01", None)]
    assert world.told(HOA, "has_troupe") == [("yes", "2018-05-20", None)]
    assert [one[0] for one in world.told(HOA, "programme")] == ["city_2017 vie071"]
    assert unit_on(world, "2022-01-01") == "Phường Phước Ninh"


Step = Callable[[LibraryWorld], None]
STEPS: list[Step] = [
    found,
    lambda world: change(world, "update", "2022-03-01", unit=MY_AN, unit_code="20284"),
    lambda world: change(world, "suspend", "2020-01-01"),
    lambda world: change(world, "resume", "2020-06-01"),
]


@pytest.mark.parametrize("way", list(itertools.permutations(range(4)))[::5])
def test_a_clubs_life_is_the_same_in_every_order_of_arrival(
    world: LibraryWorld, way: tuple[int, ...]
) -> None:
    for step in way:
        STEPS[step](world)
        world.work()
    assert unit_on(world, "2022-02-28") == "Phường Phước Ninh"
    assert unit_on(world, "2022-03-01") == "Phường Mỹ An"
    assert unit_on(world, "2025-07-01") == "Phường Ngũ Hành Sơn"
    assert world.told(HOA, "status") == [
        ("active", "2018-05-20", "2020-01-01"),
        ("suspended", "2020-01-01", "2020-06-01"),
        ("active", "2020-06-01", None),
    ]
    assert [one for one in world.codes(FORM) if one] == []
    assert world.differences() == []


def test_a_word_about_a_day_before_the_founding_begins_nothing(world: LibraryWorld) -> None:
    found(world)
    change(world, "update", "2017-01-01", unit=MY_AN)
    world.work()
    assert unit_on(world, "2017-06-01") is None
    assert unit_on(world, "2018-05-20") == "Phường Phước Ninh"
    assert world.codes(FORM)[1] == ["before_joining", "before_founding"]


def test_a_person_may_still_say_where_a_club_is(world: LibraryWorld) -> None:
    found(world)
    world.work()
    with world.database.write() as db:
        units = places.units_on(db, date(2024, 1, 1), "commune")
        (unit,) = [one for one in units if one.code == "20284"]
        clubs.place_club(db, world.library, HOA, unit, date(2024, 1, 1), NOW, "operator")
    assert unit_on(world, "2023-12-31") == "Phường Phước Ninh"
    assert unit_on(world, "2024-01-01") == "Phường Mỹ An"
    assert world.differences() == []


def test_a_file_that_names_its_code_speaks_of_the_club_of_the_form(world: LibraryWorld) -> None:
    found(world)
    world.work()
    row = {"club_code": "PN1", "name": "CLB Hòa", "unit_code": "20242", "founded_on": "2018-05-20"}
    with world.database.write() as db:
        imported = clubs.import_clubs(db, world.library, [row], NOW, "operator")
        assert imported.uuids == {"PN1": HOA}
        assert db.execute(sa.select(entities.c.uuid)).scalars().all() == [HOA]
    assert world.told(HOA, "status") == [("active", "2018-05-20", None)]


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1)])
def test_what_was_before_or_after_the_founding_is_judged_so_in_any_order_of_arrival(
    world: LibraryWorld, order: tuple[int, ...]
) -> None:
    """A club's news that comes before its registration is not the day it began."""
    meeting = {"club": HOA, "kind": "meeting", "start_time": "08:00:00.000+07:00"}

    def meets() -> None:
        for day in ("2018-05-19", "2018-06-01"):
            world.send("activity", {**meeting, "act_date": day}, f"meeting {day}")

    arrivals = (lambda: found(world), lambda: change(world, "suspend", "2018-09-01"), meets)
    for number in order:
        arrivals[number]()
        world.work()
    flags = {str(row.happened_on): row.held_back for row in world.records("activity")}
    assert flags == {"2018-05-19": True, "2018-06-01": False}
    assert world.differences() == []


def test_a_decision_that_a_form_told_later_is_not_there_from_the_first_day_of_a_club_of_a_file(
    world: LibraryWorld,
) -> None:
    row = {"club_code": "T1", "name": "CLB Tệp", "unit_code": "20242", "founded_on": "2018-05-20"}
    with world.database.write() as db:
        imported = clubs.import_clubs(db, world.library, [row], NOW, "operator")
    club = imported.uuids["T1"]
    answers = {"action": "update", "club": club, "club_id": club, "club_what": "decision"}
    answers |= {"effective_date": "2021-03-01", "decision_no": "9/QĐ-UBND"}
    answers["new_decision_no"] = answers["decision_no"]  # what the phone saves in its list
    world.send(FORM, answers, "decision", update=club)
    world.work()
    assert world.told(club, "has_decision") == [("yes", "2021-03-01", None)]
