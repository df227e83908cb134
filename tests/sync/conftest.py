"""What several tests of this room begin with."""

from __future__ import annotations

import pytest

from sync.database import Database
from tests.sync.village import Village


@pytest.fixture
def village(database: Database) -> Village:
    """Three clubs in two wards, and nothing sent yet."""
    return Village(database)
