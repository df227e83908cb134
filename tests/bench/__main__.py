"""`make bench`: a real server in a temporary folder, real connections, a table of what it did.

The load comes from ../shared/bench/openrosa_load.py, the same generator and 40-field form for every
server compared. Client and server share the machine, so all figures are of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib.util
import itertools
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import click
import psutil

from tests.postgres import a_postgres

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT.parent / "shared" / "bench" / "openrosa_load.py"
CAYDA = [sys.executable, "-m", "server.cli"]
FORM = ("person_registration", "2026111801")


@dataclass(frozen=True)
class Line:
    """One line of the table; `goal` as in the issue, "" where none is set."""

    what: str
    value: str
    goal: str = ""


class Bench:
    """One server, embedded or on PostgreSQL, with the form of the load published."""

    def __init__(self, folder: Path, database_url: str | None) -> None:
        self.data = folder / "data"
        self.port = free_port()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("CAYDA_")},
            "CAYDA_DATA": str(self.data),
            "CAYDA_PORT": str(self.port),
            **({"DATABASE_URL": database_url} if database_url else {}),
        }
        self.cayda("migrate")
        subprocess.run([sys.executable, str(GENERATOR), "--emit", str(folder)], check=True)
        self.cayda("form", "publish", str(folder / "form.xml"))
        self.url: str = json.loads(self.cayda("phone", "add", "bench", "--role", "city", "--json"))[
            "url"
        ]

    def cayda(self, *arguments: str) -> str:
        done = subprocess.run(
            [*CAYDA, *arguments],
            env=self.environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    @contextlib.contextmanager
    def serving(self) -> Iterator[tuple[psutil.Process, float]]:
        """`cayda serve` as people run it, and the seconds until it was ready."""
        start = time.perf_counter()
        server = subprocess.Popen(
            [*CAYDA, "serve"], env=self.environment, cwd=ROOT, stdout=subprocess.DEVNULL
        )
        try:
            while not self.is_ready():
                if server.poll() is not None or time.perf_counter() - start > 60:
                    raise SystemExit("the server did not start")
                time.sleep(0.02)
            yield psutil.Process(server.pid), time.perf_counter() - start
        finally:
            server.terminate()
            server.wait(30)

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/healthz")[0] == 200
        return False

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        found = re.search(rf"^{name} (\S+)$", self.get("/metrics")[1], re.M)
        return float(found[1]) if found else float("nan")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("openrosa_load", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def web_process(server: psutil.Process) -> int:
    """The process that answers: the child that is not the worker."""
    alive = [c for c in server.children() if c.status() != psutil.STATUS_ZOMBIE]
    children = [c for c in alive if "work" not in c.cmdline()]
    return int(max(children, key=lambda c: c.memory_info().rss).pid)


def pss(server: psutil.Process) -> float:
    """MB of all its processes, shared pages counted once."""
    return sum(p.memory_full_info().pss for p in [server, *server.children(recursive=True)]) / 2**20


def measure(name: str, folder: Path, database_url: str | None, n: int) -> Iterator[Line]:
    """All lines of one kind of database."""
    embedded = database_url is None
    bench = Bench(folder, database_url)
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
            drained = wait_until_drained(bench)
            yield Line(f"{name}: queue empty after", f"{drained:.1f} s")
        oldest, rest = lag_at(bench, 50, 20)
        yield Line(f"{name}: oldest waiting at 50/s", f"{oldest:.2f} s", "≤ 5 s")
        yield Line(f"{name}: all processed after the last", f"{rest:.2f} s", "≤ 5 s")
        yield Line(f"{name}: PSS afterwards", f"{pss(server):.0f} MB")


def wait_until_drained(bench: Bench) -> float:
    start = time.perf_counter()
    while bench.metric("cayda_queue_waiting"):
        time.sleep(0.2)
    return time.perf_counter() - start


def machine(folder: Path) -> str:
    """What the figures are of, without names of hosts."""
    model = "unknown CPU"
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = found[1] if found else model
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} × {model}, {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, fsync {fsync_ms(folder):.2f} ms"
    )


def fsync_ms(folder: Path) -> float:
    """Mean of 200 small durable writes: what a 201 has to wait for at least."""
    path = folder / "fsync"
    with path.open("wb", buffering=0) as file:
        start = time.perf_counter()
        for _ in range(200):
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
        took = time.perf_counter() - start
    path.unlink()
    return took / 200 * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--n", type=int, default=3000, help="submissions per measurement")
    parser.add_argument("--only", choices=("embedded", "postgres"))
    arguments = parser.parse_args()
    if not GENERATOR.exists():
        raise SystemExit(f"the load generator is not there: {GENERATOR}")
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="cayda-bench-") as name:
        folder = Path(name)
        click.echo(machine(folder))
        for kind in ("embedded", "postgres"):
            if arguments.only not in (None, kind):
                continue
            (folder / kind).mkdir()
            with contextlib.ExitStack() as stack:
                url = None
                if kind == "postgres":
                    url = stack.enter_context(a_postgres(folder / "pg"))
                for line in measure(kind, folder / kind, url, arguments.n):
                    lines.append(line)
                    click.echo(f"  {line.what}: {line.value}", err=True)
    click.echo("\n| what | measured | goal |\n|---|---|---|")
    for line in lines:
        click.echo(f"| {line.what} | {line.value} | {line.goal} |")


if __name__ == "__main__":
    main()
