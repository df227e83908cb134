"""Long answers to people and programs are made in a process of their own, for phones first.

Python runs one thread at a time: an export of 50,000 submissions beside it took two thirds of what
a process received. So exports, feeds and overviews are asked of a second web process over a Unix
socket, with the same request; it starts when it is first needed, runs with less priority, and ends
when nobody has needed it for a while.
"""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from server.errors import PHONE_PATH
from server.gateway import Application, Environ, log_failure
from server.metrics import NO_ROUTE, REQUEST, ROUTE, request_id

PIECE = 1 << 16  # bytes
LARGEST = 1 << 20  # bytes of a body that goes along
IDLE = 300.0  # seconds without a request after which it ends
TOLD = "X-Cayda-Route"  # how it tells who answered

_LONG = re.compile(
    r"/|/(figures|reports)(/.*)?|.*\.(csv|zip|xlsx|pdf)|.*\.svc(/.*)?"
    r"|/v1/.*/(submissions|entities|audits|figures)",
    re.DOTALL,
)

Start = Callable[[int], subprocess.Popen[bytes]]


def is_long(environ: Environ) -> bool:
    """Whether it may take long; what phones ask never goes there."""
    path = environ["PATH_INFO"]
    if environ["REQUEST_METHOD"] not in ("GET", "POST") or PHONE_PATH.search(path):
        return False
    changes = environ["REQUEST_METHOD"] == "POST" and not path.endswith((".csv", ".csv.zip"))
    is_strange = path == "/" and "HTTP_COOKIE" not in environ  # sent on to sign in, at once
    return not changes and not is_strange and _LONG.fullmatch(path) is not None


class Beside:
    """A WSGI application before another; `start` runs the second process on a listening socket."""

    def __init__(self, wsgi: Application, start: Start) -> None:
        self._wsgi = wsgi
        self._start = start
        self._folder = tempfile.TemporaryDirectory(prefix="cayda-")  # nobody else may enter it
        self._address = str(Path(self._folder.name) / "door")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._address)
        self._listener.listen()
        self._listener.setblocking(False)
        self._process: subprocess.Popen[bytes] | None = None
        self._asking = 0
        self._last = 0.0
        self._lock = threading.Lock()

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
        self._listener.close()
        self._folder.cleanup()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if not is_long(environ) or int(environ.get("CONTENT_LENGTH", 0)) > LARGEST:
            return self._wsgi(environ, start_response)
        pieces = self._ask(environ, start_response)
        try:
            next(pieces)  # up to its head
        except OSError as error:  # it could not start, or died: slower, but answered
            log_failure(error)
            environ["wsgi.input"].seek(0)
            return self._wsgi(environ, start_response)
        return pieces

    def _ask(self, environ: Environ, start_response: Any) -> Iterator[bytes]:
        with self._running(), _line(self._address) as line:
            try:
                body, method = environ["wsgi.input"].read(), environ["REQUEST_METHOD"]
                line.request(method, environ["REQUEST_URI"], body, _headers(environ))
                answer = line.getresponse()
            except http.client.HTTPException as error:
                raise ConnectionError from error
            environ[ROUTE] = answer.headers.get(TOLD, NO_ROUTE)
            kept = [one for one in answer.getheaders() if one[0].lower() not in _OF_THE_LINE]
            start_response(f"{answer.status} {answer.reason}", kept)
            yield b""
            while piece := answer.read(PIECE):
                yield piece

    @contextmanager
    def _running(self) -> Iterator[None]:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = self._start(self._listener.fileno())
                for watch in (self._end_when_idle, self._turn_away):
                    threading.Thread(target=watch, args=(self._process,), daemon=True).start()
            self._asking += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking -= 1
                self._last = time.monotonic()

    def _end_when_idle(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            time.sleep(IDLE / 10)
            with self._lock:  # nobody can ask while it ends
                if not self._asking and time.monotonic() - self._last > IDLE:
                    process.terminate()
                    process.wait()

    def _turn_away(self, process: subprocess.Popen[bytes]) -> None:
        """Once it is dead, whom it had not taken yet: the socket is ours too, and stays open."""
        process.wait()
        with self._lock, suppress(OSError):  # until there is nobody
            while self._process is process:
                self._listener.accept()[0].close()


_OF_THE_LINE = ("connection", "transfer-encoding", "date", TOLD.lower())


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, address: str) -> None:
        super().__init__("localhost")
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._address)


@contextmanager
def _line(address: str) -> Iterator[http.client.HTTPConnection]:
    line = _UnixConnection(address)
    try:
        yield line
    finally:
        line.close()


def _headers(environ: Environ) -> dict[str, str]:
    """As they came, and instead of any the caller gave the name that this request has here."""
    names = {k: k[5:] for k in environ if k.startswith("HTTP_")} | {"CONTENT_TYPE": "CONTENT_TYPE"}
    sent = {name.replace("_", "-"): environ[k] for k, name in names.items() if k in environ}
    return {**sent, "CONNECTION": "close", "X-REQUEST-ID": request_id(environ)}


def telling(wsgi: Application) -> Application:
    """The application in the second process: it tells who answered, and keeps the name given."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        environ[REQUEST] = environ.pop("HTTP_X_REQUEST_ID", "")

        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            route = environ.get(ROUTE, NO_ROUTE)
            return start_response(status, [*headers, (TOLD, route)], *more)

        return wsgi(environ, begin)

    return answer
