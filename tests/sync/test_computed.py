"""Properties the server finds by itself: true of today, whatever phones guess."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest

from forms.library import Library, read_list
from forms.stories import Said, Story, Told
from sync import catalogue, computed, entities, slices, verify, versions
from sync.access import OPERATOR, Caller
from sync.database import Database
from sync.entities import Kept
from sync.tables import entity_versions, queue
from tests.local_entities import Entities, imported
from tests.sync.sending import NOW, NOWHERE, World, a_library, an_id
from tests.sync.test_verify import differences, work_anyhow

LABEL = {"vi": "x", "en": "x"}
VOLUNTEER = Caller("app_user", 1, "a", "volunteer", club_id=an_id("hoa"))
CHAIR = Caller("app_user", 2, "b", "chair", club_id=an_id("hoa"))


def freshness(records: Sequence[Told]) -> Iterator[Said]:
    """Somebody visited is fresh for ten days."""
    days = sorted({one.happened_on for one in records if one.form == "visit"})
    for day, after in zip(days, [*days, None][1:], strict=True):
        end = day + timedelta(days=10)
        yield Said("fresh", "yes", day, min(end, after) if after else end)


def a_computing_library() -> Library:
    library = a_library()
    people = read_list(
        "people",
        {
            "label": LABEL,
            "club": "club_id",
            "properties": ["club_id", "kg", "note", "fresh", "visited_on", "helpers"],
            "computed": {
                "kg": {"latest": ["weigh"], "column": "kg"},
                "fresh": {"fact": "fresh"},
                "visited_on": {"latest": ["visit"], "where": {"outcome": ["met"]}},
                "helpers": {"latest": ["visit"], "column": "helpers", "only": ["lan", "minh"]},
            },
            "download": {
                "volunteer": {"rows": "club", "properties": ["kg", "fresh"]},
                "chair": {"rows": "club", "where": {"fresh": ["yes"]}, "properties": ["kg"]},
            },
        },
        NOWHERE,
    )
    story = Story(freshness, ("join", "visit"), ("fresh",))
    people = replace(people, facts=library.lists["people"].facts, story=story)
    view = {
        "label": LABEL,
        "of": "people",
        "download": {"volunteer": {"rows": "club", "properties": ["visited_on", "helpers"]}},
    }
    lists = {**library.lists, "people": people, "cared": read_list("cared", view, NOWHERE)}
    return replace(library, lists=lists)


@pytest.fixture
def world(database: Database) -> World:
    made = World(database, a_computing_library())
    turn(made)
    return made


def turn(world: World, days: int = 0) -> None:
    with world.database.write() as db:
        computed.turn(db, world.library, NOW + timedelta(days=days))


def of(world: World, who: str = "ba") -> dict[str, str]:
    data: dict[str, str] = world.person(who).data
    return {name: value for name, value in data.items() if name != "club_id"}


def served(world: World, list_name: str, caller: Caller = VOLUNTEER) -> list[dict[str, str]]:
    with world.database.read() as db:
        pieces = catalogue.entity_csv(db, world.library, caller, list_name, NOW)
        return list(csv.DictReader(StringIO(b"".join(pieces).decode())))


def mark(world: World, list_name: str, caller: Caller = VOLUNTEER) -> str:
    """Also as counted from the rows themselves."""
    with world.database.read() as db:
        found = catalogue.slice_of(db, world.library, caller, list_name, NOW)
        rows = slices.rows_of(db, found.list_id, found.condition())
        kept = slices.total(db, found.list_id, found.download, found.clubs, None)
        assert kept == slices.sum_of(found.download, rows)
        return catalogue.mark_of(db, found)


def decide(world: World, name: str, form: str, key: str) -> None:
    with world.database.write() as db:
        getattr(versions, name)(db, versions.find(db, form, an_id(key)), "user:1", NOW)
    world.work(*[row.subject_id for row in world.rows(queue)])


# ------------------------------------------------------------------ found
def test_the_latest_day_tells_whatever_came_last(world: World) -> None:
    world.join("ba")
    world.weigh("ba", "52", on="2025-08-01", base=None, key="b")
    world.work()
    world.weigh("ba", "51", on="2025-05-01", base=None, key="a")
    world.visit("ba", on="2025-06-01", outcome="away", helpers="minh hoa lan")
    world.visit("ba", on="2025-05-02")
    world.work()
    assert of(world) == {"kg": "52", "visited_on": "2025-05-02", "helpers": "minh lan"}


def test_what_came_before_the_registration_tells_once_it_is_here(world: World) -> None:
    world.visit("ba", on="2025-05-02")
    world.work()
    world.join("ba")
    world.work()
    assert of(world) == {"visited_on": "2025-05-02", "helpers": "lan"}


def test_what_waits_for_a_person_tells_nothing(world: World) -> None:
    world.join("ba")
    world.visit("ba", on="2030-05-02")
    world.visit("ba", on="2025-01-02")  # before joining
    world.work()
    assert of(world) == {}


def test_what_a_person_or_a_file_says_of_a_computed_property_is_passed_over(world: World) -> None:
    world.join("ba")
    world.weigh("ba", "52")
    world.work()
    with world.database.write() as db:
        row = Kept(an_id("ba"), "Bà Ba", {"kg": "99", "note": "n"})
        entities.keep(db, world.library, "people", [row], NOW)
        assert entities.keep(db, world.library, "people", [row], NOW) == set()
    assert of(world) == {"kg": "52", "note": "n"}
    newest = world.rows(entity_versions)[-1]
    assert newest.data == {"club_id": an_id("hoa"), "note": "n"}


# ------------------------------------------------------------------ phones
def test_two_phones_that_guess_the_same_property_do_not_conflict(world: World) -> None:
    world.join("ba")
    world.weigh("ba", "52", key="a")
    world.weigh("ba", "53", key="b", on="2025-05-02", phone=2)
    world.work()
    found = world.person("ba")
    assert (found.version, found.conflict, found.data["kg"]) == (3, None, "53")


def test_a_phone_takes_the_servers_value_in_place_of_its_own(world: World) -> None:
    world.join("ba")
    world.weigh("ba", "52", key="a")
    world.work()
    phone = fetch({}, served(world, "people"))
    before = mark(world, "people")
    world.weigh("ba", "51", key="b", replaces="a")  # an edit makes no second version by itself
    world.work()
    assert mark(world, "people") != before
    phone = fetch(phone, served(world, "people"))
    assert phone[an_id("ba")].properties["kg"] == "51"
    assert [row.actor for row in world.rows(entity_versions)] == [None, None, "system"]


def test_no_version_rises_where_no_phone_can_see_the_difference(world: World) -> None:
    world.join("ba")
    world.work()
    world.visit("ba", on="2025-05-02", helpers="hoa")
    world.work()
    assert world.person("ba").version == 1


def test_a_change_made_without_knowing_a_version_that_says_nothing_is_no_conflict(
    world: World,
) -> None:
    world.join("ba")
    world.weigh("ba", "52", key="a")
    world.work()
    decide(world, "delete", "weigh", "a")
    assert (world.person("ba").version, of(world)) == (3, {})
    world.weigh("ba", "54", base=2, note="n", key="c", on="2025-07-01")
    world.work()
    found = world.person("ba")
    assert (found.version, found.conflict, of(world)) == (4, None, {"kg": "54", "note": "n"})


def fetch(mine: Entities, rows: list[dict[str, str]]) -> Entities:
    return imported(mine, rows, lambda: "branch")


# ------------------------------------------------------------------ views
def test_a_view_shows_its_own_properties_and_phones_take_each_change(world: World) -> None:
    world.join("ba")
    world.work()
    phone = fetch({}, served(world, "cared"))
    for on in ("2025-05-02", "2025-05-09"):
        marks = mark(world, "people"), mark(world, "cared")
        world.visit("ba", on=on)
        world.work()
        assert mark(world, "people") == marks[0]  # nothing of it is seen there
        assert mark(world, "cared") != marks[1]
        phone = fetch(phone, served(world, "cared"))
        assert phone[an_id("ba")].properties == {"visited_on": on, "helpers": "lan"}
    assert world.person("ba").version == 1


def test_a_view_is_for_who_it_names(world: World) -> None:
    with world.database.read() as db, pytest.raises(catalogue.Refused):
        catalogue.slice_of(db, world.library, CHAIR, "cared", NOW)


# ------------------------------------------------------------------ days
def test_a_new_day_ends_what_is_true_no_more_and_phones_see_it(world: World) -> None:
    world.join("ba")
    world.visit("ba", on="2026-01-15")
    world.work()
    assert of(world)["fresh"] == "yes"
    assert [row["name"] for row in served(world, "people", CHAIR)] == [an_id("ba")]
    before = mark(world, "people", CHAIR)
    turn(world, 4)
    assert mark(world, "people", CHAIR) == before
    turn(world, 5)
    assert "fresh" not in of(world)
    assert mark(world, "people", CHAIR) != before
    assert served(world, "people", CHAIR) == []
    assert world.person("ba").version == 2


def test_a_day_is_turned_once_and_never_back(world: World) -> None:
    world.join("ba")
    world.visit("ba", on="2026-01-15")
    world.work()
    for days in (6, 6, 1):
        turn(world, days)
        assert (world.person("ba").version, "fresh" in of(world)) == (2, False)


# ------------------------------------------------------------------ recomputed
@pytest.mark.parametrize("seed", range(6))
def test_recomputed_from_nothing_equals_kept_step_by_step(
    world: World, tmp_path: Path, seed: int
) -> None:
    work_anyhow(world, random.Random(seed), lambda number: turn(world, number // 4))
    decide(world, "delete", "weigh", "w1")
    assert differences(world, tmp_path) == []
    numbers = {who: world.person(who).version for who in ("ba", "tu", "nam")}
    with world.database.write() as db:
        verify.reprocess(db, world.library, None, NOW)
    world.work(*[row.subject_id for row in world.rows(queue)])
    assert {who: world.person(who).version for who in numbers} == numbers
    assert differences(world, tmp_path) == []


def test_before_the_first_day_is_turned_nothing_is_computed(database: Database) -> None:
    world = World(database, a_computing_library())
    world.join("ba")
    world.weigh("ba", "52")
    world.work()
    assert of(world) == {}
    turn(world)
    assert of(world) == {"kg": "52"}


def test_the_operator_sees_a_view_as_the_list_it_is_of(world: World) -> None:
    world.join("ba")
    world.work()
    assert len(served(world, "cared", OPERATOR)) == 1
