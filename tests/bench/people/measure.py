"""One person, one record: ours beside Splink and recordlinkage, in one run and one table.

    make bench ARGS=people
    make bench ARGS="people --part febrl"      febrl | clubs | time

Whatever is learned or chosen (weights, floors) comes from another set than the one that is scored:
FEBRL 1, 2 and 4 from FEBRL 3, FEBRL 3 from FEBRL 2; the clubs of SCORING from those of TUNING.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import log2
from pathlib import Path

import click

from tests.bench.machine import machine
from tests.bench.people import febrl
from tests.bench.people.comparers import (
    BENCH_PYTHON,
    HERE,
    Comparer,
    Given,
    Ours,
    Splink,
    everyone,
)
from tests.bench.people.files import write_columns, write_facts, write_rows
from tests.bench.people.ours import CERTAIN_BITS
from tests.bench.people.register import HEAVY, register
from tests.bench.people.scoring import (
    NOTHING,
    Found,
    Pair,
    Scores,
    at_least,
    expanded,
    floor_for,
    judge,
    safe_floor,
)
from tests.bench.people.second_hand import ALL_TOGETHER, SLIPS

PEOPLE, MANY = 20_000, 100_000
TUNING, SCORING, TIMED = (11, 12), (21, 22, 23), 31  # seeds
SHARES = {"as in §8": ALL_TOGETHER, "many": HEAVY}  # of people with a second registration
CERTAIN_PRECISION, PAIRS_TO_REVIEW = 0.99, 3.0


@dataclass(frozen=True)
class Row:
    """One line: a cell of each comparer by its name, and the goal for ours."""

    what: str
    cells: Mapping[str, str]
    goal: str = ""


# ------------------------------------------------------------------ FEBRL
def measure_febrl(folder: Path) -> Iterator[Row]:
    subprocess.run([str(BENCH_PYTHON), str(HERE / "febrl_sets.py"), str(folder)], check=True)
    for variant, (precision, recall) in febrl.GOALS.items():
        sets = {name: _febrl(folder, name, variant) for name in febrl.LEARNED_FROM}
        told = {one.name: _febrl_by(one, sets, precision) for one in everyone()}
        for name in sets:
            cells = {one: str(found[name]) for one, found in told.items()}
            yield Row(f"{name}, {variant}", cells, f"P ≥ {precision}, R ≥ {recall}")


def _febrl(folder: Path, name: str, variant: str) -> Given:
    known = febrl.read_set(folder / f"{name}.csv", variant)
    path = folder / f"{name}-{variant.replace(' ', '_')}"
    given = Given("febrl", path, len(known.people), known.true)
    write_facts(given.facts, {one: febrl.facts(row) for one, row in known.people.items()})
    rows = ((one, *row.values()) for one, row in known.people.items())
    write_rows(given.columns, ("id", *known.columns), rows)
    return given


def _febrl_by(one: Comparer, sets: Mapping[str, Given], precision: float) -> dict[str, Found]:
    """Pairs at or above the floor that suits the other set; ours needs no labels to find one: that
    so many bits are needed as double to the number of people.
    """
    found = {}
    for source in sorted(set(febrl.LEARNED_FROM.values())):
        one.learn(sets[source])
        floor = safe_floor(one.score(sets[source]), sets[source].true, precision)
        for name in (name for name, of in febrl.LEARNED_FROM.items() if of == source):
            own = log2(sets[name].people) if isinstance(one, Ours) else floor
            pairs = at_least(one.score(sets[name]), own)
            found[name] = judge(pairs, sets[name].true)
    return found


# ------------------------------------------------------------------ clubs
@dataclass
class Outcome:
    """Over all seeds. certain: what is linked unseen; seen: that and what a person looks at."""

    certain: Found = NOTHING
    seen: Found = NOTHING
    to_review: int = 0
    by_slip: dict[str, Found] = field(default_factory=dict)

    def add(self, scores: Scores, given: Given, certain: float, review: float) -> None:
        true, linked, listed = given.true, at_least(scores, certain), at_least(scores, review)
        joined = expanded(linked)
        for slip, pairs in given.of_slip.items():
            found = judge((joined | listed) & pairs, pairs)
            self.by_slip[slip] = self.by_slip.get(slip, NOTHING) + found
        self.certain += judge(joined, true)
        self.seen += judge(joined | listed, true)
        self.to_review += len(listed - linked)


def measure_clubs(folder: Path) -> Iterator[Row]:
    comparers = everyone()
    tuning = [_clubs(folder, seed, "as in §8") for seed in TUNING]
    floors = {one.name: _floors(one, tuning) for one in comparers}
    for share in SHARES:
        told = {one.name: Outcome() for one in comparers}
        for seed in SCORING:
            given = _clubs(folder, seed, share)
            for one in comparers:
                told[one.name].add(one.score(given), given, *floors[one.name])
        yield from _told(share, told)


def _clubs(folder: Path, seed: int, share: str, n: int = PEOPLE) -> Given:
    made = register(seed, n, SHARES[share])
    path = folder / f"clubs-{seed}-{n}-{list(SHARES).index(share)}"
    given = Given("clubs", path, len(made.records), frozenset(made.true_pairs()), made.by_slip())
    facts = {record.id: record.facts for record in made.records}
    write_facts(given.facts, facts)
    write_columns(given.columns, facts)
    return given


def _floors(one: Comparer, tuning: list[Given]) -> tuple[float, float]:
    """certain, review. Ours stand in the library; the others' are chosen for them by labels."""
    one.learn(tuning[0])
    if isinstance(one, Ours):
        return CERTAIN_BITS / 2, float("-inf")
    scores: dict[Pair, float] = {}
    for given in tuning:
        scores |= one.score(given)
    true = frozenset().union(*(given.true for given in tuning))
    certain = safe_floor(scores, true, CERTAIN_PRECISION)
    linked = len(at_least(scores, certain))
    return certain, floor_for(scores, linked + PAIRS_TO_REVIEW * len(true))


def _told(share: str, told: Mapping[str, Outcome]) -> Iterator[Row]:
    true = next(iter(told.values())).certain.true
    what = f"{len(SCORING)} × {PEOPLE} people, duplicates {share} ({true} true pairs)"
    lines: tuple[tuple[str, Callable[[Outcome], str], str], ...] = (
        (
            "linked unseen",
            lambda one: f"P {one.certain.precision:.4f}, R {one.certain.recall:.3f}",
            f"P ≥ {CERTAIN_PRECISION}",
        ),
        ("reaches review", lambda one: f"R {one.seen.recall:.4f}", "R ≥ 0.97"),
        (
            "pairs to review per true pair",
            lambda one: f"{one.to_review / one.seen.true:.2f}",
            f"≤ {PAIRS_TO_REVIEW:g}",
        ),
    )
    for line, cell, goal in lines:
        yield Row(f"{what}: {line}", {name: cell(one) for name, one in told.items()}, goal)
    if share == "many":
        yield from _by_slip(told)


def _by_slip(told: Mapping[str, Outcome]) -> Iterator[Row]:
    """What stays unfound: of the pairs with one slip alone, the share that reaches review."""
    for slip in SLIPS:
        cells = {name: f"R {one.by_slip[slip].recall:.3f}" for name, one in told.items()}
        true = next(iter(told.values())).by_slip[slip].true
        yield Row(f"of these with “{slip}” alone ({true})", cells)


# ------------------------------------------------------------------ time
def measure_time(folder: Path) -> Iterator[Row]:
    """From plain facts to scored pairs; that our code makes Splink's columns of them counts too."""
    given = _clubs(folder, TIMED, "as in §8", MANY)
    ours, splink = Ours(), Splink()
    ours.score(given)
    own = str(ours.used)
    ready = splink.make_ready(given)
    splink.learn(given)
    learned = splink.used
    splink.score(given)
    at_hand = ready + splink.used
    ours.estimate(given)
    for what, mine, other, goal in (
        ("from nothing, as each comes", own, at_hand + learned, "≤ 60 s, ≤ 1 GB, < Splink"),
        ("with weights at hand", own, at_hand, ""),
        ("to learn weights without labels", str(ours.used), learned, ""),
    ):
        yield Row(f"{MANY} people, {what}", {ours.name: mine, splink.name: str(other)}, goal)


PARTS = {"febrl": measure_febrl, "clubs": measure_clubs, "time": measure_time}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench people", description=__doc__)
    parser.add_argument("--part", choices=tuple(PARTS))
    chosen = parser.parse_args(arguments).part
    if not BENCH_PYTHON.exists():
        raise SystemExit("Splink and recordlinkage are not there: make .venv-bench/stamp")
    names = [one.name for one in everyone()]
    with tempfile.TemporaryDirectory(prefix="cayda-bench-") as name:
        folder = Path(name)
        click.echo(f"{machine(folder)}\n")
        click.echo("| what | " + " | ".join(names) + " | goal for ours |")
        click.echo("|---" * (len(names) + 2) + "|")
        for part in (chosen,) if chosen else PARTS:
            for row in PARTS[part](folder):
                cells = " | ".join(row.cells.get(one, "") for one in names)
                click.echo(f"| {row.what} | {cells} | {row.goal} |")
