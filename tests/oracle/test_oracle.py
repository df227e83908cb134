"""Every figure of every club, commune, district and the city equals the oracle's."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from random import Random

import pytest

from forms.periods import get_period
from sync.database import Database
from tests.oracle.comparing import disagreements
from tests.oracle.expected import Shown, Spot, expected
from tests.oracle.figures import INDICATORS
from tests.oracle.papers import Paper, Writer
from tests.oracle.population import a_truth
from tests.oracle.truth import Truth
from tests.oracle.view import Span, span
from tests.oracle.world import World, club_ids, library

STEPS = 2  # lots in which the post comes; each is worked on, and counted, before the next
PERIODS = (
    span("2018H1"), span("2018H2"), span("2018Y"), span("2024H2"),
    span("2025H1"),  # the reform of 1 January 2025 lies behind it
    span("2025H2"),  # that of 1 July too: no districts, and Quảng Nam's communes
    span("2025Y"),
    span("2025H1", "administrative"), span("2025Y", "administrative"),
)  # fmt: skip

Figures = dict[Spot, Shown]


@pytest.fixture(scope="module")
def truth() -> Truth:
    return a_truth(seed=1)


@pytest.fixture(scope="module")
def papers(truth: Truth) -> list[Paper]:
    return Writer(truth, club_ids(truth), Random(2)).write()


@pytest.fixture(scope="module")
def wanted(truth: Truth, papers: list[Paper]) -> dict[Span, Figures]:
    return {period: expected(truth, papers, period) for period in PERIODS}


def test_every_figure_equals_the_oracles_kept_step_by_step_and_recomputed_from_nothing(
    database: Database,
    tmp_path: Path,
    truth: Truth,
    papers: list[Paper],
    wanted: dict[Span, Figures],
) -> None:
    world = World(database, tmp_path, truth)

    world.lives(papers, Random(3), STEPS)

    said = [
        line
        for period in PERIODS
        for line in disagreements(
            f"{period.code} {period.calendar}",
            world.figures(get_period(period.code, period.calendar)),
            wanted[period],
        )
    ]
    assert not said, f"{len(said)} cells differ\n" + "\n".join(said[:40])
    assert world.differences() == []


def test_the_oracle_computes_every_indicator_of_the_library() -> None:
    assert sorted(INDICATORS) == sorted(library().figures.indicators)


def test_the_oracle_computes_an_indicator_at_the_levels_where_it_stands() -> None:
    known = library().figures.indicators
    assert {i.id: i.levels for i in INDICATORS.values()} == {i.id: i.levels for i in known.values()}


def test_every_figure_and_every_cut_has_something_to_count(wanted: dict[Span, Figures]) -> None:
    """A number that is 0 everywhere would agree with anything."""
    there: dict[str, set[str]] = defaultdict(set)
    for figures in wanted.values():
        for (_, _, indicator, cut, _), (above, _, _) in figures.items():
            if above:
                there[indicator].add(cut)
    asked = {i.id: {"", *i.by} for i in library().figures.indicators.values()}
    lacking = {name: cuts - there[name] for name, cuts in asked.items() if cuts - there[name]}
    assert lacking == {}


def test_every_share_is_somewhere_neither_nothing_nor_all(wanted: dict[Span, Figures]) -> None:
    parts = {
        spot[2]
        for figures in wanted.values()
        for spot, (above, below, _) in figures.items()
        if above and below and 0 < above < below
    }
    shares = {i.id for i in INDICATORS.values() if i.over and i.id not in MAY_BE_ABOVE_ONE}
    assert shares - parts == set()


MAY_BE_ABOVE_ONE = {"C09", "D15b"}  # visits for each month of need, people for each session


def test_members_are_those_of_before_and_who_came_less_who_went(
    wanted: dict[Span, Figures],
) -> None:
    """B01(D) = B01(day before P) + B02 − B03, at every place that kept its land (§4.4)."""
    before, now = wanted[span("2018H1")], wanted[span("2018H2")]
    for place in {spot[:2] for spot in now}:
        of = [
            (figures.get((*place, name, "", ""), (None,))[0] or 0)
            for figures, name in ((before, "B01"), (now, "B02"), (now, "B03"), (now, "B01"))
        ]
        assert of[0] + of[1] - of[2] == of[3], place
