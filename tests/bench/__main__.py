"""`make bench`: a real server in a temporary folder, real connections, a table of what it did.

The load comes from ../shared/bench/openrosa_load.py, the same generator and 40-field form for every
server compared. Client and server share the machine, so all figures are of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click

from tests.bench import (
    api,
    backup,
    bad_input,
    beside,
    deploy,
    exports,
    faults,
    figures,
    growth,
    matching,
    pages,
    phones,
    polling,
    submissions,
    through,
    weeks,
)
from tests.bench.machine import machine
from tests.bench.people import measure as people
from tests.bench.server import GENERATOR, Bench, Line
from tests.postgres import a_postgres

Part = Callable[[str, Bench, str | None], Iterator[Line]]
OWN: dict[str, Callable[[list[str]], object]] = {  # parts with options and tables of their own
    "api": api.main,
    "people": people.main,
    "weeks": weeks.main,
    "deploy": deploy.main,
    "faults": faults.main,
    "pages": pages.main,
}


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in OWN:
        OWN[sys.argv[1]](sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("part", nargs="?", default="all")
    parser.add_argument("--n", type=int, default=3000, help="submissions per measurement")
    parser.add_argument(
        "--clubs", type=int, default=100, help="of figures; 1,000 are filled in 2 minutes"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=growth.SIZES, help="of growth")
    parser.add_argument("--phones", type=int, default=phones.PHONES, help="that come home")
    parser.add_argument("--forms", type=int, default=phones.FORMS, help="of each of them")
    parser.add_argument("--photos", type=int, default=phones.PHOTOS, help="of each of them")
    parser.add_argument("--lines", type=int, default=bad_input.LINES, help="of an attack")
    parser.add_argument("--only", choices=("embedded", "postgres"))
    arguments = parser.parse_args()
    if not GENERATOR.exists():
        raise SystemExit(f"the load generator is not there: {GENERATOR}")
    every: dict[str, Part] = {
        "submissions": partial(submissions.measure, n=arguments.n),
        "polling": polling.measure,
        "exports": exports.measure,
        "figures": partial(figures.measure, size=arguments.clubs),
        "million": matching.measure,
        "backup": backup.measure,
        "through": through.measure,
        "growth": partial(growth.measure, sizes=tuple(arguments.sizes)),
        "beside": beside.measure,
        "bad": partial(bad_input.measure, lines=arguments.lines),
        "phones": partial(
            phones.measure,
            phones=arguments.phones,
            forms=arguments.forms,
            photos=arguments.photos,
        ),
    }
    if arguments.part not in ("all", *every):
        parser.error(f"one of {', '.join((*every, *OWN))}")
    parts = every if arguments.part == "all" else {arguments.part: every[arguments.part]}
    kinds = (arguments.only,) if arguments.only else ("embedded", "postgres")
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="cayda-bench-") as name:
        folder = Path(name)
        click.echo(machine(folder))
        for kind, (part, measure) in itertools.product(kinds, parts.items()):
            place = folder / kind / part
            place.mkdir(parents=True)
            with contextlib.ExitStack() as stack:
                url = stack.enter_context(a_postgres(place / "pg")) if kind == "postgres" else None
                for line in measure(kind, Bench(place, url), url):
                    lines.append(line)
                    click.echo(f"  {line.what}: {line.value}", err=True)
    click.echo("\n| what | measured | goal |\n|---|---|---|")
    for line in lines:
        click.echo(f"| {line.what} | {line.value} | {line.goal} |")
    if arguments.part == "all":
        for part in OWN.values():
            part([])


if __name__ == "__main__":
    main()
