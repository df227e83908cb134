"""A web process with a small application of its own, and raw lines to it.

`python -m tests.server.fronting FD NAME=VALUE…` runs it on a socket that listens; names are
constants of server.connection, so that a test need not wait for minutes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil

from server import connection, front
from tests.server.serving import ROOT

BODY_LIMIT = 4_000_000
PIECE = b"x" * 65536


# ------------------------------------------------------------------ the process


class App:
    """What the path says; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.waiting: list[Any] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked += 1
        kind, _, number = environ["PATH_INFO"].removesuffix(".csv").strip("/").partition("/")
        if kind == "later":
            self.waiting.append(environ["cayda.later"]())
            return []
        if kind == "release":
            threading.Thread(target=self._release).start()
        if kind == "panic":
            raise BaseException
        if kind == "wait":
            environ["cayda.wait"] = float(number)
        if kind == "sleep":
            time.sleep(float(number))
        if kind in ("stream", "broken"):
            start_response("200 OK", [("Content-Type", "text/csv")])
            return _pieces(int(number or 2), kind == "broken")
        body = json.dumps(self._seen(environ)).encode()
        length = ("Content-Length", str(len(body)))
        start_response("200 OK", [("Content-Type", "application/json"), length])
        return [body]

    def _release(self) -> None:
        while self.waiting:
            self.waiting.pop()("201 Created", [("Content-Type", "text/xml")], b"<kept/>")

    def _seen(self, environ: dict[str, Any]) -> dict[str, Any]:
        sent = environ["wsgi.input"].read()
        environ["wsgi.input"].seek(0)
        assert environ["wsgi.input"].read() == sent
        plain = {k: v for k, v in environ.items() if isinstance(v, str)}
        digest = hashlib.sha256(sent).hexdigest()
        return {"asked": self.asked, "sha256": digest, "size": len(sent), "environ": plain}


def _pieces(count: int, breaks: bool) -> Iterator[bytes]:
    for number in range(count):
        if breaks and number == count - 1:
            raise OSError("the disk")
        yield PIECE


def main() -> None:
    for text in sys.argv[2:]:
        name, _, value = text.partition("=")
        assert hasattr(connection, name), name
        setattr(connection, name, type(getattr(connection, name))(float(value)))
    listener = socket.socket(fileno=int(sys.argv[1]))
    connection.Server(front.Front(App(), BODY_LIMIT), listener, 5.0).answer()


# ------------------------------------------------------------------ and lines to it


@dataclass
class Line:
    """One connection; what came and was not looked at yet stands in `rest`."""

    socket: socket.socket
    rest: bytes = field(default=b"")

    def sends(self, *pieces: bytes) -> Line:
        for piece in pieces:
            self.socket.sendall(piece)
        return self

    def asks(self, path: str, body: bytes = b"", method: str = "POST", **headers: str) -> Line:
        return self.sends(head(path, len(body), method, **headers), body)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, and body of the next answer; EOFError when cut."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        top, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = top.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        size = int(headers.get("content-length", 0))
        while len(self.rest) < size:
            self._more()
        body, self.rest = self.rest[:size], self.rest[size:]
        return int(first.split()[1]), headers, body

    def seen(self) -> dict[str, Any]:
        status, _, body = self.answer()
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    def everything(self) -> bytes:
        """All that comes until the server ends the line."""
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                self._more()
        return self.rest

    def is_over(self, seconds: float) -> bool:
        """Whether the server ends the line within that time, having said nothing."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def _more(self) -> None:
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError
        self.rest += piece

    def close(self) -> None:
        self.socket.close()


def head(path: str, size: int | None, method: str = "POST", **headers: str) -> bytes:
    length = {} if size is None else {"Content-Length": str(size)}
    lines = {"Host": "x", **length, **{k.replace("__", "-"): v for k, v in headers.items()}}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode()


@dataclass
class Web:
    """The running process."""

    port: int
    process: subprocess.Popen[bytes]
    lines: list[Line] = field(default_factory=list)

    def line(self) -> Line:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines.append(Line(made))
        return self.lines[-1]

    def seen(self, path: str = "/", body: bytes = b"", **headers: str) -> dict[str, Any]:
        return self.line().asks(path, body, **headers).seen()

    def hangs_up(self) -> None:
        """All lines at once."""
        while self.lines:
            self.lines.pop().close()

    def asked(self) -> int:
        return int(self.seen()["asked"])

    def rss(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def stops(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def a_web(**constants: float) -> Iterator[Web]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        port = listener.getsockname()[1]
        given = [f"{name}={value}" for name, value in constants.items()]
        command = [sys.executable, "-m", "tests.server.fronting", str(listener.fileno()), *given]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[listener.fileno()])
    web = Web(port, process)
    try:
        web.asked()
        yield web
    finally:
        web.hangs_up()
        process.kill()
        process.wait(10)


if __name__ == "__main__":
    main()
