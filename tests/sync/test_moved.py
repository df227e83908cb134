"""Who has moved to another club: the new one sees of her what was from her joining on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.access import OPERATOR, Caller
from sync.database import Database
from sync.entry_pages import entry
from tests.sync.library_world import LibraryWorld
from tests.sync.test_member_forms import BA, LIEN, join, leave, update, visit


@pytest.fixture
def world(database: Database, tmp_path: Path) -> LibraryWorld:
    """Ba was poor and visited in Hoa; in Lien she is near poor."""
    world = LibraryWorld(database, tmp_path)
    join(world)
    visit(world, "2019-09-01")
    update(world, "2021-01-01", "care", care_need="regular")
    leave(world, "transfer", "2022-03-15", new_club=LIEN, new_club_id=LIEN)
    world.work()
    update(world, "2023-01-01", "class", club=LIEN, hh_class="near_poor", new_hh_class="near_poor")
    world.work()
    return world


def shown(world: LibraryWorld, caller: Caller) -> dict[str, list[tuple[str, str | None]]]:
    """Title of a fact in English -> the days it held, the newest first, as the page shows it."""
    with world.database.read() as db:
        page = entry.read_entry(db, world.library, caller, "members", BA, world.now)
    found: dict[str, list[tuple[str, str | None]]] = {}
    for part in page.parts:
        for one in part.history:
            days = (str(one.since), str(one.until) if one.until else None)
            found.setdefault(one.title.en, []).append(days)
    found["visits"] = [(str(e.day), None) for p in page.parts for e in p.events]
    return found


def test_the_new_club_sees_what_was_so_since_she_joined_and_no_earlier_day(
    world: LibraryWorld,
) -> None:
    everything = shown(world, OPERATOR)
    assert everything["Household class"] == [("2023-01-01", None), ("2019-05-01", "2023-01-01")]
    assert everything["visits"] == [("2019-09-01", None)]
    seen = shown(world, Caller("user", 1, "liên", "chair", club_id=LIEN))
    assert seen["Household class"] == [("2023-01-01", None), ("2022-03-15", "2023-01-01")]
    assert seen["Need of care"] == [("2022-03-15", None)]
    assert seen["visits"] == []
    assert min(since for days in seen.values() for since, _ in days) == "2022-03-15"
