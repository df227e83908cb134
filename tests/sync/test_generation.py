"""What older code derived is derived again once; a new folder pays nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from sync import generation, queue
from sync.database import Database
from sync.tables import counters, expected_attachments, records, slice_marks
from sync.tables import queue as waiting
from sync.verify import reprocess, verify
from tests.sync.sending import NOW, World, join, visit


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def note(world: World) -> bool:
    with world.database.write() as db:
        return generation.note(db, NOW)


def is_waiting(world: World) -> bool:
    with world.database.read() as db:
        return generation.is_waiting(db)


def as_older_code_left_it(world: World) -> None:
    """A folder of before the generation was noted, without what only newer code derives."""
    with world.database.write() as db:
        db.execute(counters.delete().where(counters.c.name == generation.DERIVED))
        db.execute(expected_attachments.delete())
        db.execute(slice_marks.delete())
        db.execute(records.update().values(number=7))


def test_a_folder_without_data_has_nothing_to_derive(database: Database) -> None:
    with database.write() as db:
        assert not generation.note(db, NOW)
        assert not generation.is_waiting(db)
        assert queue.depth(db).waiting == 0


def test_data_of_this_generation_is_left_alone(world: World) -> None:
    note(world)
    world.send(join("ba")[0], 1, NOW)
    world.work()
    assert not note(world)
    assert not is_waiting(world)


def test_data_of_no_or_another_generation_is_derived_again_once(
    world: World, tmp_path: Path
) -> None:
    for xml, phone, _ in (join("ba"), visit("ba")):
        world.send(xml, phone, NOW)
    world.work()
    as_older_code_left_it(world)
    assert note(world)
    assert is_waiting(world)
    assert not note(world)
    with world.database.write() as db:
        db.execute(waiting.delete())
        assert reprocess(db, world.library, None, NOW) == 2
        db.execute(waiting.delete())
    world.work(*world.all_versions())
    with world.database.read() as db:
        assert verify(db, world.library, tmp_path, NOW) == []
    with world.database.write() as db:
        db.execute(counters.update().values(value=sa.literal(generation.GENERATION - 1)))
    assert note(world)
    assert not note(world)
