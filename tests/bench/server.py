"""A server to measure: a data folder, `cayda serve` on it, and what its processes use."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import psutil

from server.runtime import open_vault
from server.settings import read_settings
from sync.database import Database

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT.parent / "shared" / "bench" / "openrosa_load.py"
CAYDA = [sys.executable, "-m", "server.cli"]


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

    def database(self) -> Database:
        """The server's own, with its key."""
        settings = read_settings(self.environment)
        return Database(settings.database_url, open_vault(settings))

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

    def drain(self) -> float:
        """Wait until no work waits → seconds."""
        start = time.perf_counter()
        while self.metric("cayda_queue_waiting"):
            time.sleep(0.1)
        return time.perf_counter() - start

    def metric(self, name: str) -> float:
        found = re.search(rf"^{name} (\S+)$", self.get("/metrics")[1], re.M)
        return float(found[1]) if found else float("nan")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("openrosa_load", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(server: psutil.Process) -> dict[int, list[str]]:
    """The living processes under a server, and how each was called."""
    found = {}
    for child in server.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # who says that it is ready may just end
            if child.status() != psutil.STATUS_ZOMBIE:
                found[child.pid] = child.cmdline()
    return found


def web_process(server: psutil.Process) -> int:
    """The process that answers: the largest child that is not the worker."""
    children = [psutil.Process(pid) for pid, said in commands(server).items() if "work" not in said]
    return int(max(children, key=lambda c: c.memory_info().rss).pid)


def pss(server: psutil.Process) -> float:
    """MB of all its processes, shared pages counted once."""
    return sum(p.memory_full_info().pss for p in [server, *server.children(recursive=True)]) / 2**20
