"""Facts told by all records of an entity together follow every arrival, edit and decision."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from forms.library import Library
from forms.stories import Said, Story, Told
from sync import versions
from sync.aggregate import Touch
from sync.database import Database
from sync.tables import spells
from sync.timeline import retell
from tests.sync.sending import NOW, World, a_library, an_id
from tests.sync.test_verify import differences, work_anyhow


def minutes_so_far(records: Sequence[Told]) -> Iterator[Said]:
    """How long somebody has been visited since joining, from each visit on."""
    total = 0
    days = sorted({one.happened_on for one in records if one.form == "visit"})
    for day, after in zip(days, [*days, None][1:], strict=True):
        visits = (r for r in records if r.form == "visit" and r.happened_on == day)
        total += sum(int(one.answers["minutes"]) for one in visits)
        yield Said("minutes", str(total), day, after)


def told_library() -> Library:
    library = a_library()
    story = Story(minutes_so_far, ("join", "visit"), ("minutes",))
    people = replace(library.lists["people"], story=story)
    return replace(library, lists={**library.lists, "people": people})


@pytest.fixture
def world(database: Database) -> World:
    return World(database, told_library())


def minutes(world: World, who: str = "ba") -> list[tuple[str, str]]:
    rows = world.rows(spells, spells.c.uuid == an_id(who), spells.c.name == "minutes")
    return sorted((str(row.valid_from), row.value) for row in rows)


def test_a_story_is_told_from_every_record_whatever_came_first(world: World) -> None:
    world.visit("ba", on="2025-06-20", minutes="20")
    world.work()
    assert minutes(world) == []  # nobody is registered
    world.join("ba")
    world.work()
    assert minutes(world) == [("2025-06-20", "20")]
    world.visit("ba", on="2025-06-10", minutes="45")
    world.work()
    assert minutes(world) == [("2025-06-10", "45"), ("2025-06-20", "65")]


def test_what_was_sent_again_counts_once_in_a_story(world: World) -> None:
    world.join("ba")
    world.visit("ba", key="one")
    world.work()
    world.visit("ba", key="again")
    world.work()
    assert minutes(world) == [("2025-06-01", "30")]


def test_a_story_follows_edits_and_decisions(world: World) -> None:
    world.join("ba")
    world.visit("ba", key="one", minutes="30")
    world.work()
    world.visit("ba", key="two", replaces="one", minutes="40")
    world.work()
    assert minutes(world) == [("2025-06-01", "40")]
    for decide, told in ((versions.delete, []), (versions.restore, [("2025-06-01", "40")])):
        with world.database.write() as db:
            found = versions.find(db, "visit", f"uuid:{an_id('one')}")
            decide(db, found, "user:1", NOW)
        world.work_again()
        assert minutes(world) == told


def test_when_the_first_of_two_equal_reports_goes_the_other_tells(world: World) -> None:
    world.join("ba")
    first = world.visit("ba", key="one")
    world.visit("ba", key="again")
    world.work()
    world.review(first, "rejected")
    world.work(first)
    assert minutes(world) == [("2025-06-01", "30")]


def test_a_record_that_waits_for_a_person_or_is_too_early_tells_no_story(world: World) -> None:
    world.join("ba")
    world.visit("ba", on="2030-01-01")
    world.visit("ba", on="2025-01-01")
    world.work()
    assert minutes(world) == []


def test_a_story_touches_the_figures_from_the_first_day_that_differs(world: World) -> None:
    world.join("ba")
    world.visit("ba", on="2025-06-10")
    world.work()
    with world.database.write() as db:
        db.execute(spells.delete().where(spells.c.name == "minutes"))
        touches = retell(db, world.library, "people", [an_id("ba")]).touches
    assert touches == {Touch(an_id("hoa"), date(2025, 6, 10), stock=True)}


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_repeats_tell_the_same_story(
    world: World, tmp_path: Path, seed: int
) -> None:
    work_anyhow(world, random.Random(seed))
    assert minutes(world, "nam")
    assert differences(world, tmp_path) == []
