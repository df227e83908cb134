"""The world of the stories, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.database import Database
from tests.conftest import NOW
from tests.journeys.world import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    world = a_world(database, tmp_path, NOW)
    yield world
    world.database.dispose()
