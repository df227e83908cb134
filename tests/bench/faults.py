"""`make bench ARGS=faults`: kills at random moments and every other fault, while phones send.

After each: all that was acknowledged is found once with its bytes, nothing refused is half there,
the queue is empty, what is derived is as recomputed. The table stands in deploy/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from sync import verify
from tests.bench.machine import machine
from tests.journeys.faults import catalogue
from tests.journeys.faults.clock import SteppedClock
from tests.journeys.faults.disk import small_disk
from tests.journeys.faults.judge import Verdict, judge
from tests.journeys.faults.new_version import new_version
from tests.journeys.faults.proxy import Mood
from tests.journeys.faults.stage import Embedded, Production, Stage

ONE_STAGE = 20  # kills; then a new folder, so that recomputing all after each stays quick
MEGABYTES = {"one box": 200, "production": 600}
SHAPES: dict[str, type[Embedded] | type[Production]] = {
    "one box": Embedded,
    "production": Production,
}

Fault = Callable[[Any], float | None]


@dataclass
class Row:
    """What one fault did, summed over its times; the worst of the seconds."""

    times: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    half: int = 0
    served: float = 0.0
    drained: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def cells(self) -> str:
        seen = ", ".join(f"{what} × {count}" for what, count in sorted(self.seen.items()))
        counts = (self.acknowledged, self.found, self.lost, self.doubled, self.half)
        numbers = " | ".join(map(str, counts))
        return f"{self.times} | {seen} | {numbers} | {self.served:.1f} | {self.drained:.1f}"


class Run:
    """Rounds on one stage after the other; one row per fault."""

    def __init__(self, seed: int, hold: float) -> None:
        self.random = random.Random(seed)
        self.hold = hold
        self.rows: dict[tuple[str, str], Row] = defaultdict(Row)
        self._before = Verdict()
        self.orphans = 0

    @contextmanager
    def stage(self, shape: str) -> Iterator[tuple[Any, Path | None]]:
        """A new installation on a disk of its own, and that disk where it is a small one."""
        with ExitStack() as stack:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="cayda-faults-"))
            disk = Path(name) / "disk"
            is_small = stack.enter_context(small_disk(disk, MEGABYTES[shape]))
            clock = SteppedClock(Path(name) / "clock") if SteppedClock.can_be_built() else None
            stage: Stage
            if shape == "one box":
                stage = Embedded(disk / "stage", clock)
            else:
                stage = Production(Path(name) / "stage", clock, disk)
            stack.callback(stage.stop)
            stage.random = self.random
            stage.start()
            stage.with_phones(seed=self.random.randrange(10**9), rest=0.15)
            self._before = Verdict()
            yield stage, disk if is_small else None
            checked = stage.cayda("verify")
            if checked.returncode:
                self.rows[shape, "at the end"].wrong.append(f"cayda verify: {checked.stdout[:500]}")
            self.orphans += self._before.orphans

    def round(self, shape: str, name: str, stage: Stage, fault: Fault) -> None:
        """One fault while phones send, and what is true afterwards."""
        row = self.rows[shape, name]
        row.times += 1
        stage.phones_send()
        time.sleep(self.random.uniform(0.3, 2.0))
        began = time.monotonic()
        moment = fault(stage) or time.monotonic()
        time.sleep(self.random.uniform(1.5, 3.0))
        try:
            stage.phones_settle()
            row.served = max(row.served, stage.ledger.served_after(moment))
            row.seen += stage.ledger.seen_since(began)
            row.drained = max(row.drained, stage.drains())
        except AssertionError as error:
            row.wrong.append(str(error))
        self._judges(row, stage)
        click.echo(f"{shape}: {name}: {row.cells()} {' '.join(row.wrong)}", err=True)

    def _judges(self, row: Row, stage: Stage) -> None:
        with stage.database.read() as db:
            verdict = judge(db, stage.runtime.blobs, stage.ledger)
            with tempfile.TemporaryDirectory() as scratch:
                library, now = stage.runtime.library, stage.runtime.now()
                differences = verify.verify(db, library, Path(scratch), now)
        before, self._before = self._before, verdict
        row.acknowledged += verdict.acknowledged - before.acknowledged
        row.found += verdict.found - before.found
        row.lost += len(verdict.lost) - len(before.lost)
        row.doubled += len(verdict.doubled) - len(before.doubled)
        row.half += len(verdict.half) - len(before.half)
        if not verdict.is_good:
            row.wrong.append(str(verdict))
        row.wrong += [f"{one.table} {one.key}: {one.what}" for one in differences[:5]]


def kills(run: Run, count: int, shapes: Sequence[str]) -> None:
    """So many, over all that can be killed, at random moments."""
    targets: list[tuple[str, str, Fault]] = []
    if "one box" in shapes:
        targets += [("one box", n, f) for n, f in catalogue.EMBEDDED_KILLS.items()]
    if "production" in shapes:
        targets += [("production", n, f) for n, f in catalogue.PRODUCTION_KILLS.items()]
    drawn = [run.random.choice(targets) for _ in range(count)]
    for shape in shapes:
        mine = [one for one in drawn if one[0] == shape]
        for start in range(0, len(mine), ONE_STAGE):
            with run.stage(shape) as (stage, _):
                for _, name, fault in mine[start : start + ONE_STAGE]:
                    run.round(shape, f"kill -9 of {name}", stage, fault)


def one_box(run: Run) -> None:
    with run.stage("one box") as (stage, disk):
        _of_both(run, "one box", stage, disk)
        run.round(
            "one box",
            "folder of photos gone",
            stage,
            lambda s: catalogue.lose_folder_of_blobs(s, run.hold),
        )


def production(run: Run) -> None:
    with run.stage("production") as (stage, disk):
        _of_both(run, "production", stage, disk)
        long = 3 * run.hold
        for mood in (Mood.GONE, Mood.SLOW, Mood.FAILING):
            name = f"bucket {mood.value} for {long:.0f} s"
            run.round(
                "production", name, stage, lambda s, m=mood: catalogue.spoil_store(s, m, long)
            )
        others: dict[str, Fault] = {
            f"no database connection left for {run.hold:.0f} s": lambda s: (
                catalogue.take_all_connections(s, run.hold)
            ),
            "Valkey flushed": catalogue.flush_valkey,
            "two workers on one item": catalogue.two_workers_on_one_item,
        }
        for name, fault in others.items():
            run.round("production", name, stage, fault)


def _of_both(run: Run, shape: str, stage: Stage, disk: Path | None) -> None:
    hold = run.hold
    if disk is not None:
        what = "disk full" if shape == "one box" else "PostgreSQL's disk full"
        run.round(shape, f"{what} for {hold:.0f} s", stage, lambda s: _full(s, disk, hold))
    if stage.clock is not None:
        for hours in (30, -30):
            name = f"clock {hours:+d} hours for {hold:.0f} s, then back"
            run.round(shape, name, stage, lambda s, h=hours: catalogue.step_clock(s, h, hold))
    run.round(shape, "a job that always fails", stage, _within(catalogue.an_impossible_job))
    run.round(shape, "a form that cannot be read", stage, _within(catalogue.a_form_gone_bad))
    run.round(shape, "submissions made to break it", stage, catalogue.send_nasty_ones)
    home = new_version(stage.folder / "next")
    run.round(
        shape, "deploy: new schema, all derived again", stage, lambda s: catalogue.deploy(s, home)
    )


def _full(stage: Stage, disk: Path, seconds: float) -> float:
    return catalogue.fill_disk(stage, disk, seconds)


def _within(around: Callable[[Stage], contextlib.AbstractContextManager[None]]) -> Fault:
    """While phones send for some seconds, and then work."""

    def fault(stage: Stage) -> float:
        with around(stage):
            time.sleep(3)
            stage.phones_settle()
        return time.monotonic()

    return fault


def main(arguments: list[str]) -> None:
    """Print the table; exit 1 when anything is lost, doubled, half there or wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20251128)
    parser.add_argument(
        "--hold", type=float, default=20, help="seconds that a bad state lasts; a bucket's: thrice"
    )
    parser.add_argument("--only", choices=tuple(SHAPES))
    given = parser.parse_args(arguments)
    shapes = [given.only] if given.only else list(SHAPES)
    run = Run(given.seed, given.hold)
    with tempfile.TemporaryDirectory() as name:
        click.echo(machine(Path(name)))
    kills(run, given.kills, shapes)
    for shape in shapes:
        {"one box": one_box, "production": production}[shape](run)
    _print(run, given.seed)


def _print(run: Run, seed: int) -> None:
    click.echo(
        "\n| what happens | times | what phones saw | acknowledged | found | lost | doubled "
        "| half there | served again after (s) | queue empty after (s) |"
    )
    click.echo("|---|---|---|---|---|---|---|---|---|---|")
    for (shape, name), row in run.rows.items():
        click.echo(f"| {shape}: {name} | {row.cells()} |")
    total = [sum(getattr(row, name) for row in run.rows.values()) for name in COUNTS]
    said = ", ".join(f"{name} {count}" for name, count in zip(COUNTS, total, strict=True))
    click.echo(f"\nseed {seed}: {said}; blobs that nothing names: {run.orphans}")
    wrong = {name: row.wrong for name, row in run.rows.items() if row.wrong}
    for (shape, name), lines in wrong.items():
        click.echo(f"WRONG {shape}: {name}: {'; '.join(lines)}")
    if wrong:
        raise SystemExit(1)


COUNTS = ("acknowledged", "found", "lost", "doubled", "half")
