"""Random weeks of five phones, few enough for every run; tests/bench/weeks.py has the many."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from random import SystemRandom

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.database import Database
from tests.conftest import empty
from tests.journeys.weeks import PEOPLE, WEIGHTED, Result, Step, random_week, run_week

SEEDS = (11,)
STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(WEIGHTED),
        st.integers(0, len(PEOPLE) - 1),
        st.integers(0, 2**20),
    ),
    min_size=40,
    max_size=80,
)


def a_week(database: Database, steps: list[Step]) -> Result:
    """On a database made empty again: Hypothesis runs many weeks in one test."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if database.is_sqlite:
            assert database.url.database is not None
            shutil.copy(database.url.database, folder / "cayda.db")
            database = Database(f"sqlite:///{folder / 'cayda.db'}", database.vault)
        else:
            empty(database)
        return run_week(database, folder, steps)


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(steps=STEPS)
def test_after_a_week_that_hypothesis_made_nothing_is_lost_and_nothing_doubled(
    database: Database, steps: list[Step]
) -> None:
    assert a_week(database, steps).wrong == []


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_week_from_a_seed_nothing_is_lost_and_nothing_doubled(
    database: Database, seed: int
) -> None:
    result = a_week(database, random_week(seed))
    assert result.wrong == []
    assert result.forms > 20


def test_after_a_week_nobody_has_seen_before_nothing_is_lost_and_nothing_doubled(
    database: Database,
) -> None:
    seed = int(os.environ.get("CAYDA_WEEK", "0")) or SystemRandom().getrandbits(32)
    result = a_week(database, random_week(seed))
    assert result.wrong == [], f"again with CAYDA_WEEK={seed}"
