"""Who left or died on a day is not there on that day, whatever arrives in which order."""

from __future__ import annotations

import itertools

import pytest

from sync.database import Database
from sync.tables import spells
from tests.sync.sending import Sending, World, an_id, join, leave, visit, weigh

Spells = list[tuple[str, str, str | None]]


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def told(world: World, who: str, name: str) -> Spells:
    rows = world.rows(spells, spells.c.uuid == an_id(who), spells.c.name == name)
    return sorted(
        ((r.value, str(r.valid_from), str(r.valid_to) if r.valid_to else None) for r in rows),
        key=lambda one: one[1],
    )


def codes(world: World, form: str) -> list[list[str]]:
    return [[one["code"] for one in row.problems] for row in world.records(form)]


def test_who_leaves_on_a_day_is_not_active_on_it(world: World) -> None:
    world.join("ba")
    world.leave("ba", on="2025-06-30")
    world.work()
    assert told(world, "ba", "status") == [
        ("active", "2025-03-01", "2025-06-30"),
        ("gone", "2025-06-30", None),
    ]


def test_a_move_to_another_club_leaves_nobody(world: World) -> None:
    world.join("ba")
    world.leave("ba", "transfer", on="2025-06-10", to="lien")
    world.work()
    assert told(world, "ba", "status") == [("active", "2025-03-01", None)]
    assert told(world, "ba", "club") == [
        (an_id("hoa"), "2025-03-01", "2025-06-10"),
        (an_id("lien"), "2025-06-10", None),
    ]


@pytest.mark.parametrize(
    ("month", "since"),
    [
        ("2025-06-01", "2025-06-30"),  # only the month is known: its last day
        ("2026-01-01", "2026-01-20"),  # told within the month: it was by then
    ],
)
def test_of_a_month_the_last_day_counts(world: World, month: str, since: str) -> None:
    world.join("ba")
    world.leave("ba", month=month)
    world.work()
    assert told(world, "ba", "status")[-1] == ("gone", since, None)
    assert codes(world, "leave") == [[]]


def test_a_month_that_has_not_come_yet_waits_for_a_person(world: World) -> None:
    world.join("ba")
    world.leave("ba", month="2026-03-01")
    world.work()
    assert codes(world, "leave") == [["future_date"]]
    assert told(world, "ba", "status") == [("active", "2025-03-01", None)]


def test_a_leaving_before_joining_is_flagged_and_ends_nothing(world: World) -> None:
    world.join("ba", on="2025-03-01")
    world.leave("ba", on="2025-02-01")
    world.work()
    assert codes(world, "leave") == [["before_joining"]]
    assert told(world, "ba", "status") == [("active", "2025-03-01", None)]


def test_what_happens_after_a_death_is_held_back_until_somebody_mends_it(world: World) -> None:
    world.join("ba")
    world.visit("ba", on="2025-06-29")
    world.visit("ba", on="2025-06-30")
    world.visit("ba", on="2025-07-01")
    world.work()
    world.leave("ba", "died", on="2025-06-30", key="d1")
    world.work()
    assert [row.held_back for row in world.records("visit")] == [False, False, True]
    assert codes(world, "visit")[2] == ["after_end"]
    world.leave("ba", "died", on="2025-07-30", key="d2", replaces="d1")
    world.work()
    assert codes(world, "visit") == [[], [], []]


def test_what_happens_after_leaving_counts_and_is_flagged(world: World) -> None:
    world.join("ba")
    world.leave("ba", on="2025-06-30")
    world.weigh("ba", on="2025-07-01")
    world.work()
    assert codes(world, "weigh") == [["after_leaving"]]
    assert not world.records("weigh")[0].held_back
    assert codes(world, "leave") == [[]]


def test_what_the_library_asks_a_person_to_look_at_is_flagged_and_counts(world: World) -> None:
    world.join("ba")
    world.leave("ba", "twice")
    world.work()
    (row,) = world.records("leave")
    assert row.problems == [{"code": "for_a_person", "details": {"vi": "Xem lại.", "en": "Look."}}]
    assert not row.held_back
    assert told(world, "ba", "status") == [("active", "2025-03-01", None)]


def a_life(who: str) -> list[Sending]:
    return [
        join(who, klass=who),  # people whose answers are all the same are one registration
        weigh(who, base=None, on="2025-05-01"),
        leave(who, "transfer", on="2025-04-10", to="lien"),
        leave(who, "died", on="2025-06-30"),
        visit(who, on="2025-07-01"),
    ]


def test_a_life_is_the_same_in_every_order_of_arrival(world: World) -> None:
    ways = list(itertools.permutations(range(5)))[::11]
    found = set()
    for number, way in enumerate(ways):
        who = f"ba {number}"
        for one in way:
            xml, phone, _ = a_life(who)[one]
            world.send(xml, phone)
            world.work()
        told_of = [told(world, who, name) for name in ("status", "club", "kg")]
        standing = sorted(
            (row.form, str(row.happened_on), str(row.problems), row.club_id)
            for form in ("visit", "weigh", "leave")
            for row in world.records(form)
            if row.subject_id == an_id(who)
        )
        found.add((str(told_of), str(standing)))
    assert len(found) == 1
