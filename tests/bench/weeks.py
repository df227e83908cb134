"""200 random weeks of five phones on each database: `make bench ARGS=weeks`, prints a table.

A week that fails is told by its seed and made as short as it still fails:
`make bench ARGS="weeks --only embedded --seed 17"`.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import click
import sqlalchemy as sa

from server.runtime import open_vault
from server.settings import Settings
from sync.database import Database
from sync.migrations import upgrade
from tests.conftest import empty
from tests.journeys.weeks import Result, Step, random_week, run_week
from tests.postgres import a_postgres

KINDS = ("embedded", "postgres")


@dataclass
class Ground:
    """Where weeks take place, one after the other: an empty database, made anew for each."""

    kind: str
    source: str  # a migrated SQLite file, or the URL of this process's own PostgreSQL database

    def run(self, steps: Sequence[Step]) -> Result:
        with tempfile.TemporaryDirectory(prefix="cayda-week-") as name:
            folder = Path(name)
            vault = open_vault(Settings(folder))
            if self.kind == "embedded":
                shutil.copy(self.source, folder / "cayda.db")
                database = Database(f"sqlite:///{folder / 'cayda.db'}", vault)
            else:
                database = Database(self.source, vault)
                empty(database)
            try:
                return run_week(database, folder, steps)
            except Exception as error:  # the week is told by its seed, the others go on
                return Result(wrong=[f"{type(error).__name__}: {error}"])
            finally:
                database.dispose()


@dataclass
class Total:
    """What all weeks on one database came to."""

    weeks: int = 0
    forms: int = 0
    posts: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: dict[int, list[str]] = field(default_factory=dict)

    def adds(self, seed: int, result: Result) -> None:
        self.weeks += 1
        self.forms += result.forms
        self.posts += result.posts
        self.lost += result.lost
        self.doubled += result.doubled
        if result.wrong:
            self.wrong[seed] = result.wrong


_grounds: list[Ground] = []  # this process's own


def _takes(grounds: Sequence[Ground], marks: Sequence[str]) -> None:
    """A process begins: the first free ground is its own."""
    logging.disable(logging.CRITICAL)
    for ground, mark in zip(grounds, marks, strict=True):
        with contextlib.suppress(FileExistsError):
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
            _grounds.append(ground)
            return


def _one(seed: int, steps: int) -> tuple[int, Result]:
    return seed, _grounds[0].run(random_week(seed, steps))


@contextlib.contextmanager
def grounds(kind: str, folder: Path, count: int) -> Iterator[list[Ground]]:
    """So many of them, each for one process."""
    if kind == "embedded":
        path = folder / "template.db"
        database = Database(f"sqlite:///{path}")
        upgrade(database)
        with database.engine.connect() as db:
            db.exec_driver_sql("ROLLBACK")
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.dispose()
        yield [Ground(kind, str(path))] * count
        return
    with a_postgres(folder / "pg") as url:
        yield [Ground(kind, _new_database(url, f"weeks{n}")) for n in range(count)]


def _new_database(url: str, name: str) -> str:
    server = Database(url)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(sa.text(f'CREATE DATABASE "{name}"'))
    mine = server.url.set(database=name).render_as_string(hide_password=False)
    server.dispose()
    database = Database(mine)
    upgrade(database)
    database.dispose()
    return mine


def all_weeks(kind: str, folder: Path, seeds: Sequence[int], steps: int, jobs: int) -> Total:
    total = Total()
    with grounds(kind, folder, jobs) as found:
        marks = [str(folder / f"taken{n}") for n in range(jobs)]
        with ProcessPoolExecutor(jobs, initializer=_takes, initargs=(found, marks)) as pool:
            work = [pool.submit(_one, seed, steps) for seed in seeds]
            for done, future in enumerate(as_completed(work), 1):
                total.adds(*future.result())
                if done % 20 == 0 or done == len(seeds):
                    failing = f", failing {sorted(total.wrong)}" if total.wrong else ""
                    click.echo(f"  {kind}: {done} of {len(seeds)} weeks{failing}", err=True)
    return total


def shortest(steps: list[Step], fails: Callable[[list[Step]], bool]) -> list[Step]:
    """The steps without those the failure does not need (halves, quarters, …, single ones)."""
    size = len(steps) // 2
    while size:
        for start in itertools.count(0, size):
            if start >= len(steps):
                break
            fewer = steps[:start] + steps[start + size :]
            while start < len(steps) and fails(fewer):
                steps, fewer = fewer, fewer[:start] + fewer[start + size :]
        size //= 2
    return steps


def explain(kind: str, folder: Path, seed: int, steps: int) -> None:
    """One week again: what is wrong, and the fewest steps that bring it about."""
    with grounds(kind, folder, 1) as (ground,):
        week = random_week(seed, steps)
        click.echo(f"seed {seed}: {ground.run(week)}")
        if ground.run(week).wrong:
            few = shortest(week, lambda fewer: bool(ground.run(fewer).wrong))
            click.echo("\n".join(f"  {step}" for step in few))
            click.echo(f"  → {ground.run(few).wrong}")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench weeks", description=__doc__)
    parser.add_argument("--weeks", type=int, default=200)
    parser.add_argument("--steps", type=int, default=150, help="things that happen in a week")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this week, and why it fails")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=KINDS)
    given = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    lines, good = [], True
    for kind in KINDS:
        if given.only not in (None, kind):
            continue
        with tempfile.TemporaryDirectory(prefix="cayda-weeks-") as name:
            if given.seed is not None:
                explain(kind, Path(name), given.seed, given.steps)
                continue
            seeds = range(given.first, given.first + given.weeks)
            start = time.perf_counter()
            total = all_weeks(kind, Path(name), seeds, given.steps, given.jobs)
            took = time.perf_counter() - start
            lines.append(
                f"| {kind} | {total.weeks} | {total.forms} | {total.posts} | {total.lost} "
                f"| {total.doubled} | {sorted(total.wrong) or '-'} | {took:.0f} s |"
            )
            for seed, wrong in sorted(total.wrong.items()):
                click.echo(f"{kind}, seed {seed}: {wrong}")
            good = good and not total.wrong
    if lines:
        click.echo("\n| weeks on | weeks | forms | POSTs kept | lost | doubled | failing | took |")
        click.echo("|---|---|---|---|---|---|---|---|\n" + "\n".join(lines))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
