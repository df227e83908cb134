"""Whether a big export disturbs phones: the same load alone, beside an export, beside an overview.

The submissions that are exported are some that were sent, written again by SQL with ids of their
own. CPU of the web process is told with that of the process beside it, which makes the export.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import threading
import time
from collections.abc import Iterator

import sqlalchemy as sa

from sync import tables as t
from tests.bench.load import say, send
from tests.bench.server import CAYDA, ROOT, Bench, Line

PATTERNS, ROWS = 2_000, 100_000
LOAD, CONNECTIONS = 3_000, 32
WORDS = "cay da dau lang"
EXPORTS = {
    "submissions.csv": "/v1/projects/1/forms/person_registration/submissions.csv",
    "OData": "/v1/projects/1/forms/person_registration.svc/Submissions",
}


def measure(name: str, bench: Bench, url: str | None) -> Iterator[Line]:
    """All lines of one kind of database."""
    _add_person(bench)
    with bench.serving() as (server, _):
        send(bench, server, "submit", PATTERNS, 8, "patterns")
        bench.drain()
    database = bench.database()
    with database.write() as db:
        for number in range(1, ROWS // PATTERNS):
            _write_again(db, 10_000_000 * number)
    database.dispose()
    with bench.serving() as (server, _):
        token = _sign_in(bench)
        result = send(bench, server, "submit", LOAD, CONNECTIONS, "alone")
        what = f"{name}: submissions, {CONNECTIONS} connections"
        yield Line(f"{what}, alone", say(result), "p99 ≤ 150 ms")
        for kind, path in EXPORTS.items():
            bench.drain()
            with _exporting(bench, token, path) as done:
                time.sleep(1)
                result = send(bench, server, "submit", LOAD, CONNECTIONS, kind)
            yield Line(f"{what}, beside {kind} of {ROWS:,}", say(result), "p99 ≤ 150 ms")
            yield Line(f"{name}: that export meanwhile", done[0])


def _add_person(bench: Bench) -> None:
    subprocess.run(
        [*CAYDA, "user", "add", "minh", "--role", "city", "--password-stdin"],
        input=WORDS,
        env=bench.environment,
        cwd=ROOT,
        check=True,
        text=True,
        stdout=subprocess.DEVNULL,
    )


def _sign_in(bench: Bench) -> str:
    line = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=30)
    asked = json.dumps({"email": "minh", "password": WORDS})
    line.request("POST", "/v1/sessions", asked, {"Content-Type": "application/json"})
    token: str = json.loads(line.getresponse().read())["token"]
    line.close()
    return token


@contextlib.contextmanager
def _exporting(bench: Bench, token: str, path: str) -> Iterator[list[str]]:
    """One export after the other while the block runs; what the first took."""
    done: list[str] = []
    stopping = threading.Event()

    def export() -> None:
        while not stopping.is_set():
            start = time.perf_counter()
            line = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=600)
            line.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = line.getresponse()
            size = 0
            while piece := answer.read(1 << 20):
                size += len(piece)
            line.close()
            seconds = time.perf_counter() - start
            done.append(f"{answer.status}, {size / 2**20:.0f} MB in {seconds:.0f} s")

    thread = threading.Thread(target=export)
    thread.start()
    try:
        yield done
    finally:
        stopping.set()
        thread.join()


def _write_again(db: sa.Connection, offset: int) -> None:
    """Every submission that was sent, its version and its records, under other ids."""
    ours = (t.submissions, t.submission_versions, t.records)
    for table in ours:
        new: list[sa.ColumnElement[object]] = []
        for column in table.columns:
            points = {key.column.table for key in column.foreign_keys} & set(ours)
            if column.name == "instance_id":
                new.append(column + f"-{offset}")
            elif column.name in ("id", "current_version_id") or points:
                new.append(column + offset)
            else:
                new.append(column)
        sent = sa.select(*new).where(table.c.id < 10_000_000)
        db.execute(sa.insert(table).from_select([c.name for c in table.columns], sent))
