"""The same question of one phone, with nothing changed since, gets the same answer at once.

Every phone asks for the list and for every manifest each quarter of an hour, and nearly always
nothing has changed; those that fetch a form anew fetch its tables too, which are as they were.
Whether that is so, one SELECT says (`catalogue.read_stamp`), in this request: nothing is ever given
that is not so now. Whatever is new or strange goes on to Flask.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from werkzeug.datastructures import ETags
from werkzeug.http import parse_etags, remove_entity_headers

from server.auth import Memory
from server.gateway import ask, close, joined
from server.metrics import ROUTE
from server.runtime import Runtime
from sync import catalogue
from sync.accounts import token_sha256
from sync.catalogue import Stamp

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]

ENOUGH = 2**25  # bytes of answers: all lists, manifests and tables of some thousand phones
LARGEST = 2**18  # bytes of one answer
BESIDE = 2000  # bytes that an answer takes beside its body

# Lists, manifests and tables by a token. A file may be called "manifest" too, and is not meant.
_ASKED = re.compile(
    r"(?:/v1)?/key/([^/]+)(?:/projects/[^/]+)?/"
    r"(?:formList/?|forms/(?!.*/attachments/).+/manifest|forms/.+/attachments/[^/]+\.csv)"
)
# All of a request that such an answer depends on.
_QUESTION = (
    *("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SCRIPT_NAME"),
    *("wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT"),
    *("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"),
    "HTTP_ACCEPT_ENCODING",
)

Question = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    stamp: Stamp
    status: str
    headers: list[tuple[str, str]]  # but Date
    body: bytes

    def begin(self, known: ETags, start_response: Any) -> bool:
        """Say the head of the answer. False where no body follows, for the phone has it already."""
        headers = [*self.headers, ("Date", formatdate(usegmt=True))]
        mark = next((value for name, value in headers if name == "ETag"), None)
        if mark is None or not known.contains_weak(mark.strip('"')):
            start_response(self.status, headers)
            return True
        remove_entity_headers(headers)
        start_response("304 NOT MODIFIED", headers)
        return False


class Remembered:
    """A WSGI application before another; `memory` tells when a phone's call must be noted."""

    def __init__(self, wsgi: Wsgi, runtime: Runtime, memory: Callable[[], Memory | None]) -> None:
        self._wsgi = wsgi
        self._runtime = runtime
        self._memory = memory
        self._answers: OrderedDict[Question, _Answer] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        token = _token(environ)
        stamp = None if token is None else self._stamp(token)
        if token is None or stamp is None or self._is_due(stamp):
            return self._wsgi(environ, start_response)
        question = tuple(environ.get(name) for name in _QUESTION)
        known = parse_etags(environ.pop("HTTP_IF_NONE_MATCH", None))
        answer = self._find(question)
        if answer is None or answer.stamp != stamp:
            answer, pieces = self._ask(environ, token, stamp, question)
        else:
            environ[ROUTE] = "openrosa.remembered"
            pieces = [answer.body]
        if answer.begin(known, start_response):
            return pieces
        close(pieces)
        return []

    def _stamp(self, token: str) -> Stamp | None:
        here = self._runtime
        mark, now = token_sha256(token), here.now()
        try:
            return here.database.ask(lambda db: catalogue.read_stamp(db, mark, now))
        except Exception:  # whatever it is: asked again behind this door, it is answered properly
            return None

    def _is_due(self, stamp: Stamp) -> bool:
        memory = self._memory()
        return memory is None or memory.is_due(stamp.app_user_id)

    def _ask(
        self, environ: Environ, token: str, stamp: Stamp, question: Question
    ) -> tuple[_Answer, Iterable[bytes]]:
        """The application's own answer and its body; remembered if nothing changed while it was
        made. A large file is left in its pieces: each phone that takes it slowly would hold it.
        """
        status, headers, pieces = ask(self._wsgi, environ)
        kept = [one for one in headers if one[0] != "Date"]
        if int(dict(headers).get("Content-Length", 0)) > LARGEST:
            return _Answer(stamp, status, kept, b""), pieces
        body = joined(pieces)
        answer = _Answer(stamp, status, kept, body)
        if status.startswith("200 ") and len(body) <= LARGEST and self._stamp(token) == stamp:
            self._remember(question, answer)
        return answer, [body]

    def _find(self, question: Question) -> _Answer | None:
        with self._lock:
            known = self._answers.get(question)
            if known is not None:
                self._answers.move_to_end(question)
            return known

    def _remember(self, question: Question, answer: _Answer) -> None:
        with self._lock:
            self._forget(self._answers.pop(question, None))
            self._answers[question] = answer
            self._bytes += len(answer.body) + BESIDE
            while self._bytes > ENOUGH:
                self._forget(self._answers.popitem(last=False)[1])

    def _forget(self, answer: _Answer | None) -> None:
        if answer is not None:
            self._bytes -= len(answer.body) + BESIDE


def _token(environ: Environ) -> str | None:
    """The token of a question that may be remembered."""
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or "HTTP_AUTHORIZATION" in environ:
        return None
    found = _ASKED.fullmatch(environ.get("PATH_INFO", ""))
    return found[1] if found else None
