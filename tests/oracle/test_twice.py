"""People registered twice and linked are one in every figure, whatever came under which entry."""

from __future__ import annotations

from pathlib import Path
from random import Random

from forms.periods import get_period
from sync import links
from sync.database import Database
from tests.oracle.comparing import disagreements
from tests.oracle.expected import expected
from tests.oracle.papers import NOW, Writer
from tests.oracle.population import a_truth
from tests.oracle.twice import twice
from tests.oracle.view import span
from tests.oracle.world import World, club_ids, library

PERIODS = (span("2018H2"), span("2025H2"))
SIZES = (7, 0, 5, 0, 0, 0, 0, 0, 2, 0)


def test_who_was_registered_twice_and_linked_is_one_in_every_figure(
    database: Database, tmp_path: Path
) -> None:
    truth = a_truth(seed=7, sizes=SIZES, busy=0.2)
    once = Writer(truth, club_ids(truth), Random(8)).write()
    papers, second_of = twice(truth, once, Random(9))
    papers.sort(key=lambda one: (one.received, one.key))
    world = World(database, tmp_path, truth)

    half = len(papers) // 2
    ids = world.receives(papers[:half])
    world.works(ids)
    early = {one.entity for one in papers[:half]} & second_of.keys()
    link(database, {one: second_of[one] for one in early})
    world.lives(papers[half:], Random(10), 1)
    world.decides(papers[:half])
    link(database, {one: first for one, first in second_of.items() if one not in early})
    world.compares()
    world.measures()

    assert min(len(early), len(second_of) - len(early)) >= 3
    for period in PERIODS:
        figures = world.figures(get_period(period.code))
        said = list(disagreements(period.code, figures, expected(truth, papers, period)))
        assert not said, f"{len(said)}\n" + "\n".join(said[:30])


def link(database: Database, pairs: dict[str, str]) -> None:
    with database.write() as db:
        for second, first in sorted(pairs.items()):
            both = (second, first)
            links.link(
                db, library(), "members", both, canonical_id=first, actor="operator", now=NOW
            )
