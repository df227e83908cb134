"""One request through the WSGI application: a complete environ in, status, headers and body out.

Nothing here knows of sockets or of the event loop.
"""

from __future__ import annotations

import contextvars
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from forms.problems import UNAVAILABLE, Problem
from server.errors import OPENROSA_XML, PHONE_PATH, openrosa_text

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[str, str]]

AT_ONCE = 1 << 16  # bytes of a body that leave with their head; what is longer is streamed

_BASE: Environ = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
_BODILESS = (204, 304)

log = logging.getLogger(__name__)


def make_environ(scope: Mapping[str, Any]) -> Environ:
    """An ASGI scope as PEP 3333 wants it; `REQUEST_URI` is the very spelling that was asked for."""
    host, port = scope["server"]
    raw, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    environ = {
        **_BASE,
        "REQUEST_METHOD": scope["method"],
        "REQUEST_URI": f"{raw}?{query}" if query else raw,
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 80),  # a Unix socket has none
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
    }
    for name, value in scope["headers"]:
        key = _key(name)
        if key is not None:
            text = value.decode("latin-1")
            before = environ.get(key)
            joint = "; " if name == b"cookie" else ","
            environ[key] = text if before is None else f"{before}{joint}{text}"
    return environ


@lru_cache(maxsize=500)
def _key(name: bytes) -> str | None:
    """A header's name in an environ. None: with `_` it would pass for another one with `-`; and
    how a body was cut into chunks is nobody's business any more."""
    if b"_" in name or name == b"transfer-encoding":
        return None
    said = name.upper().replace(b"-", b"_").decode("latin-1")
    return said if said in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{said}"


# ------------------------------------------------------------------ answers


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers, and all of the body or its beginning: `rest` makes what follows."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    rest: Exchange | None = None


def call(app: Application, environ: Environ) -> Answer | None:
    """Ask the application. None where it has said nothing yet: see `cayda.later` in front.py."""
    exchange = Exchange(app, environ)
    answer = None
    try:
        answer = exchange.begin()
    finally:
        if answer is None or answer.rest is None:
            exchange.close()
    return answer


def ask(app: Application, environ: Environ) -> tuple[str, Headers, Iterable[bytes]]:
    """For a layer that looks at the answer of the next: status, headers, and the body's pieces,
    which it hands on or gives to `joined`."""
    said: list[tuple[str, Headers]] = []
    pieces = app(environ, lambda status, headers, *_: said.append((status, headers)))
    return *said[-1], pieces


def joined(pieces: Iterable[bytes]) -> bytes:
    """All of a body, which is closed then."""
    try:
        return b"".join(pieces)
    finally:
        close(pieces)


def close(pieces: Iterable[bytes]) -> None:
    """A body of which nothing more is taken."""
    end = getattr(pieces, "close", None)
    if end is not None:
        end()


class Exchange:
    """One call of the application. One thread after the other may pull what it answers."""

    def __init__(self, app: Application, environ: Environ) -> None:
        self._context = contextvars.copy_context()  # Flask's, which goes along with the pieces
        self._said: tuple[str, Headers] | None = None
        self._written: list[bytes] = []
        self._result = self._context.run(app, environ, self._start_response)
        self._pieces = iter(self._result)

    def _start_response(
        self, status: str, headers: Headers, _error: object = None
    ) -> Callable[[bytes], None]:
        self._said = status, headers
        return self._written.append

    def begin(self) -> Answer | None:
        """The whole answer if it is short or in one piece, else its head and what is there."""
        is_whole = self._gather()
        if self._said is None:
            return None
        status, headers = self._said
        body = b"".join(self._written)
        announced = next((value for name, value in headers if name.lower() == "content-length"), "")
        if is_whole or announced == str(len(body)):
            return complete(status, headers, body)
        return _head(status, headers, body, self)

    def _gather(self) -> bool:
        """Pieces until there are enough for the first packet; whether there are no more."""
        size = 0
        while (piece := self.pull()) is not None:
            self._written.append(piece)
            size += len(piece)
            if size >= AT_ONCE:
                return False
        return True

    def pull(self) -> bytes | None:
        """The next bytes; None behind the last."""
        piece: bytes | None = self._context.run(next, self._pieces, None)
        return piece

    def close(self) -> None:
        self._context.run(close, self._result)


def complete(status: str, headers: Headers, body: bytes) -> Answer:
    """A whole answer: one packet where it fits into one."""
    answer = _head(status, headers, body)
    if answer.status not in _BODILESS and not any(
        k == b"content-length" for k, _ in answer.headers
    ):
        answer.headers.append((b"content-length", b"%d" % len(body)))
    return answer


def refuse(environ: Environ, problem: Problem) -> Answer:
    """An answer without the application, in the words of its door; the connection ends behind."""
    is_phone = PHONE_PATH.search(environ["PATH_INFO"]) is not None
    text = openrosa_text("error", str(problem)) if is_phone else str(problem)
    kind = OPENROSA_XML if is_phone else "text/plain; charset=utf-8"
    headers = [("Content-Type", kind), ("Connection", "close")]
    if problem.type is UNAVAILABLE:
        headers.append(("Retry-After", "60"))
    return complete(f"{problem.status} {HTTPStatus(problem.status).phrase}", headers, text.encode())


def _head(status: str, headers: Headers, body: bytes, rest: Exchange | None = None) -> Answer:
    encoded = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers]
    if not any(name == b"date" for name, _ in encoded):
        encoded.append((b"date", formatdate(usegmt=True).encode()))
    return Answer(int(status[:3]), encoded, body, rest)


def log_failure(error: BaseException) -> None:
    """Type and place of an error; its text may hold answers or a token and is left out."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s\n%s", type(error).__qualname__, frames)
