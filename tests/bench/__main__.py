"""`make bench`: a real server in a temporary folder, real connections, a table of what it did.

The load comes from ../shared/bench/openrosa_load.py, the same generator and 40-field form for every
server compared. Client and server share the machine, so all figures are of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from tests.bench import (
    backup,
    bad_input,
    deploy,
    exports,
    figures,
    growth,
    matching,
    phones,
    polling,
    weeks,
)
from tests.bench.machine import machine
from tests.bench.people import measure as people
from tests.bench.server import GENERATOR, Bench, Line, load_generator, pss, web_process
from tests.postgres import a_postgres

FORM = ("person_registration", "2026111801")
PARTS = (
    "submissions",
    "polling",
    "exports",
    "figures",
    "million",
    "growth",
    "backup",
    "phones",
    "bad",
)
Part = Callable[[str, Bench, str | None], Iterator[Line]]


def load(bench: Bench, web: int, n: int, connections: int) -> dict[str, Any]:
    """Closed loop: n submissions over so many connections; the generator's own result."""
    command = [
        *(sys.executable, str(GENERATOR), "--base", bench.url, "--phases", "submit"),
        *("--concurrency", str(connections), "--n", str(n), "--server-pid", f"web={web}"),
        *("--warmup", "200", "--json", "-"),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    result: dict[str, Any] = json.loads(done.stdout)["results"][0]
    return result


def lag_at(bench: Bench, rate: int, seconds: int) -> tuple[float, float]:
    """Open loop: so many a second → (oldest waiting work seen, seconds until none was left)."""
    generator = load_generator()
    maker = generator.Maker(*FORM, f"lag{time.time()}", 0)
    posts = [maker.body(i) for i in range(rate * seconds)]
    parts = urlsplit(bench.url)
    oldest = 0.0
    phone = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
    start = time.perf_counter()
    for i, (content_type, body) in enumerate(posts):
        time.sleep(max(0.0, start + i / rate - time.perf_counter()))
        headers = {"Content-Type": content_type, "X-OpenRosa-Version": "1.0"}
        phone.request("POST", f"{parts.path}/submission", b"".join(body), headers)
        answer = phone.getresponse()
        assert answer.status == 201, answer.read()
        answer.read()
        if i % (rate // 5) == 0:
            oldest = max(oldest, bench.metric("cayda_queue_oldest_seconds"))
    phone.close()
    end = time.perf_counter()
    for _ in itertools.count():
        oldest = max(oldest, bench.metric("cayda_queue_oldest_seconds"))
        if bench.metric("cayda_queue_waiting") == 0:
            return oldest, time.perf_counter() - end
        time.sleep(0.05)
    raise AssertionError


def submissions(name: str, bench: Bench, database_url: str | None, n: int = 3000) -> Iterator[Line]:
    """What phones send: all lines of one kind of database."""
    embedded = database_url is None
    with bench.serving() as (server, ready):
        yield Line(f"{name}: ready on an existing folder", f"{ready:.2f} s", "≤ 3 s" * embedded)
        time.sleep(5)
        count = len(server.children(recursive=True)) + 1
        goal = "≤ 200 MB" * embedded
        yield Line(f"{name}: idle, PSS of {count} processes", f"{pss(server):.0f} MB", goal)
        web = web_process(server)
        for connections, goal in ((1, ""), (8, "≥ 400/s" if embedded else "≥ 250/s")):
            result = load(bench, web, n, connections)
            what = f"{name}: submissions, {connections} connection{'s' * (connections > 1)}"
            times = f"p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms"
            errors = f", ERRORS {result['errors']}" if result["errors"] else ""
            yield Line(what, f"{result['rps']}/s ({times}{errors})", goal)
            cpu = 1000 * result["server_cpu_s"]["web"] / max(result["ok"], 1)
            yield Line(f"{name}: CPU of the web process each", f"{cpu:.2f} ms", "≤ 3 ms")
            drained = bench.drain()
            yield Line(f"{name}: queue empty after", f"{drained:.1f} s")
        oldest, rest = lag_at(bench, 50, 20)
        yield Line(f"{name}: oldest waiting at 50/s", f"{oldest:.2f} s", "≤ 5 s")
        yield Line(f"{name}: all processed after the last", f"{rest:.2f} s", "≤ 5 s")
        yield Line(f"{name}: PSS afterwards", f"{pss(server):.0f} MB")


def main() -> None:
    own = {
        "weeks": weeks.main,
        "people": people.main,
        "deploy": deploy.main,
    }  # with options of their own
    if sys.argv[1:2] and sys.argv[1] in own:
        own[sys.argv[1]](sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("part", nargs="?", choices=(*PARTS, "all"), default="all")
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
        "submissions": partial(submissions, n=arguments.n),
        "polling": polling.measure,
        "exports": exports.measure,
        "figures": partial(figures.measure, size=arguments.clubs),
        "million": matching.measure,
        "backup": backup.measure,
        "growth": partial(growth.measure, sizes=tuple(arguments.sizes)),
        "bad": partial(bad_input.measure, lines=arguments.lines),
        "phones": partial(
            phones.measure,
            phones=arguments.phones,
            forms=arguments.forms,
            photos=arguments.photos,
        ),
    }
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
        people.main([])
        weeks.main(["--only", arguments.only] if arguments.only else [])


if __name__ == "__main__":
    main()
