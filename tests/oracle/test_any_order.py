"""What came in whatever order, and was worked on in whatever lots, means the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from forms.periods import get_period
from sync.database import Database
from tests.oracle.comparing import disagreements
from tests.oracle.expected import Shown, Spot, expected
from tests.oracle.papers import NOW, Paper, Writer
from tests.oracle.population import TINY, a_truth
from tests.oracle.truth import Truth
from tests.oracle.view import Span, span
from tests.oracle.world import World, club_ids
from tests.sync.test_figures_follow import empty_world

PERIODS = (span("2018H2"), span("2025H1"), span("2025H2"))


@cache
def _story() -> tuple[Truth, tuple[Paper, ...]]:
    """A small truth, and its papers, all of which come on one day.

    Without registrations sent again: which of the two came first decides who the member is.
    """
    truth = a_truth(seed=5, sizes=TINY, busy=0.2)
    came = NOW - timedelta(days=1)
    papers = Writer(truth, club_ids(truth), Random(6)).write()
    return truth, tuple(
        replace(paper, received=came, first_received=None)
        for paper in papers
        if not paper.entity.endswith(" again")
    )


@cache
def _wanted() -> dict[Span, dict[Spot, Shown]]:
    truth, papers = _story()
    return {period: expected(truth, papers, period) for period in PERIODS}


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a story is too long to try it smaller and smaller
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(order=st.integers(0, 2**32), lots=st.integers(1, 5))
def test_arrival_in_any_order_gives_the_same_figures(
    database: Database, tmp_path: Path, order: int, lots: int
) -> None:
    truth, papers = _story()
    empty_world(database)
    world = World(database, tmp_path, truth)
    chance = Random(order)
    post = chance.sample(papers, len(papers))

    world.lives(post, chance, lots)

    for period in PERIODS:
        figures = world.figures(get_period(period.code))
        said = list(disagreements(period.code, figures, _wanted()[period]))
        assert not said, "\n".join(said[:20])
