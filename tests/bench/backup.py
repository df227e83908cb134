"""All into one file while phones send, back out of it, and the drill; each command as a process.

What is backed up was sent through the door and processed; each tenth submission has a photo.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sync.database import Database
from tests.bench.server import CAYDA, GENERATOR, ROOT, Bench, Line
from tests.bench.stopwatch import Used, timed

N = 20_000
PHOTO = 200_000  # bytes
CONNECTIONS = 8


def measure(name: str, bench: Bench, url: str | None, n: int = N) -> Iterator[Line]:
    """All lines of one kind of database."""
    file = bench.data.parent / "cayda.backup"
    with bench.serving():
        _send(bench, "submit", n - n // 10)
        _send(bench, "attach", n // 10)
        bench.drain()
        used = _cayda(bench.environment, "backup", str(file))
        what = f"{n} submissions, {n // 10} photos of {PHOTO // 1000} KB"
        yield Line(f"{name}: backup of {what}", f"{used}, {_size(file)}")
        quiet = _send(bench, "submit", n // 10)
        told: list[Used] = []
        beside = threading.Thread(
            target=lambda: told.append(_cayda(bench.environment, "backup", str(file)))
        )
        beside.start()
        busy = _send(bench, "submit", n // 10)
        beside.join()
        yield Line(
            f"{name}: submissions with {CONNECTIONS} connections, alone and beside a backup",
            f"{quiet['rps']}/s, p99 {quiet['p99_ms']} ms; {busy['rps']}/s, p99 {busy['p99_ms']} ms",
        )
        yield Line(f"{name}: that backup", f"{told[0]}, {_size(file)}")
        bench.drain()
    there = _elsewhere(bench, url)
    used = _cayda(there, "restore", str(file))
    yield Line(f"{name}: restore", str(used))
    used = _cayda(bench.environment, "backup", str(file), "--drill")
    yield Line(f"{name}: backup with its drill (restored, recomputed, compared)", str(used))


def _send(bench: Bench, phase: str, n: int) -> dict[str, Any]:
    """The generator's own result."""
    command = [
        *(sys.executable, str(GENERATOR), "--base", bench.url, "--phases", phase, "--warmup", "0"),
        *("--concurrency", str(CONNECTIONS), "--n", str(n), "--attach-n", str(n)),
        *("--attach-bytes", str(PHOTO), "--json", "-"),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    result: dict[str, Any] = json.loads(done.stdout)["results"][0]
    return result


def _elsewhere(bench: Bench, url: str | None) -> Mapping[str, str]:
    """The environment of another machine, where nothing is."""
    there = bench.environment | {"CAYDA_DATA": str(bench.data.parent / "elsewhere")}
    if url is None:
        return there
    database = Database(url)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(sa.text("CREATE DATABASE elsewhere"))
    database.dispose()
    other = database.url.set(database="elsewhere").render_as_string(hide_password=False)
    return there | {"DATABASE_URL": other}


def _cayda(environment: Mapping[str, str], *arguments: str) -> Used:
    return timed([*CAYDA, *arguments], ROOT, environment)


def _size(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.0f} MB"
