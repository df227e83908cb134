"""The town of the pages' tests: made once for each file and database, and read by all its tests."""

from __future__ import annotations

import pytest

from sync.database import Database
from tests.server.pages.town import Town, a_town


@pytest.fixture(scope="module")
def town(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Town:
    return a_town(shared_database, tmp_path_factory.mktemp("town"))
