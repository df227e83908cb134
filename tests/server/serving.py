"""A real `cayda serve` on a free port, for tests that need processes and sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
CAYDA = [sys.executable, "-m", "server.cli"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A data folder and, inside `running()`, the server on it."""

    data: Path
    environment: Mapping[str, str]
    port: int
    process: subprocess.Popen[str] | None = None

    def cayda(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command; look at its return code yourself."""
        return subprocess.run(
            [*CAYDA, *arguments],
            env=dict(self.environment),
            cwd=ROOT,
            input=text,
            capture_output=True,
            text=True,
        )

    def json(self, *arguments: str) -> Any:
        """A command's JSON object; it must end well."""
        done = self.cayda(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        """`cayda serve`, ready to answer; ended by SIGTERM."""
        command = [*CAYDA, "serve", *options]
        self.process = subprocess.Popen(
            command,
            env=dict(self.environment),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self.wait_until_ready()
            yield self.process
        finally:
            self.process.terminate()
            self.process.communicate(timeout=30)

    def wait_until_ready(self, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, "the server ended"
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/healthz")[0] == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def raw(self, *pieces: bytes, pause: float = 0.0, leave: bool = False) -> bytes:
        """Send bytes as they are, with pauses between; what came back until the server closed.

        leave: hang up after sending, as a phone that loses its network.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            if leave:
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                while piece := connection.recv(65536):
                    answer += piece
            return answer


def a_server(data: Path, **environment: str) -> Server:
    """A server on a new folder; `environment` overrides."""
    port = free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CAYDA_", "DATABASE_URL"))}
    mine = {"CAYDA_DATA": str(data), "CAYDA_PORT": str(port), **environment}
    return Server(data, {**kept, **mine}, port)


@contextlib.contextmanager
def growth(process: psutil.Process) -> Iterator[Callable[[], int]]:
    """By how many bytes the process grew at most, inside the block."""
    start = process.memory_info().rss
    peak = start
    stopping = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stopping.wait(0.005):
            peak = max(peak, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: peak - start
    finally:
        stopping.set()
        thread.join()
