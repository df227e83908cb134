"""The town of the pages' tests: made once for each file and database, and read by all its tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.database import Database
from tests.conftest import empty
from tests.server.pages.town import Town, a_town


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, folder / "cayda.db")
        database = Database(f"sqlite:///{folder / 'cayda.db'}")
    else:
        database = Database(request.getfixturevalue("postgres_url"))
        empty(database)
    yield a_town(database, folder)
    database.dispose()
