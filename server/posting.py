"""POSTs of phones that have a token, without Flask: read, put away, kept with others, answered.

Whatever is unusual (other addresses, passwords, what cannot be read) goes on to Flask; and what
Flask would answer to a refusal or a failure, Flask answers here too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Response, current_app, request
from sqlalchemy.engine import Connection
from werkzeug.wrappers import Request

from forms.file_names import name_meant
from forms.instance import Instance, read_instance
from forms.problems import Refused
from server.auth import Memory, note_of_itself
from server.errors import OPENROSA_XML, openrosa_headers, openrosa_text
from server.gateway import ask, joined
from server.intake import Intake, Kept, Outcome, Post, check_sender
from server.metrics import LATER, ROUTE, Headers
from server.runtime import Runtime
from server.tasks import describe
from server.thanks import thanks
from server.upload import SentFile, Upload, announced, open_upload
from sync import accounts
from sync.access import Caller
from sync.accounts import DRAFTS_ID, PROJECT_ID
from sync.blobs import Blobs
from sync.receive import ReceivedFile, check_form

Environ = dict[str, Any]
Answer = tuple[str, Headers, bytes]
Respond = Callable[[str, Headers, bytes], None]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]

SMALL = 8192  # bytes of a body that hardly brings a file
AT_ONCE = 16  # POSTs with files, each waiting for the disk or the bucket: together these are faster
EXTENSION = "cayda.posting"
FAILED = "cayda.failed"  # in the environ: what Flask shall answer to

_TOKEN = "([A-Za-z0-9!$]{64})"  # noqa: S105 (a pattern)
_PATH = re.compile(f"(?:/key/{_TOKEN}|/v1/key/{_TOKEN}/projects/{PROJECT_ID})/submission/?")


def read_post(
    environ: Environ,
    upload: Upload,
    here: Runtime,
    sender: Caller | None,
    token_sha256: str = "",
) -> Post:
    """What was uploaded, read, and its files put away: hashing and syncing a photo must keep nobody
    waiting for the transaction. Refused for what is no instance of a form, or has files that
    nobody would miss. With a token its owner is the sender, and is asked for again when it is kept.
    """
    instance = read_instance(upload.xml)
    if upload.files:

        def check(db: Connection) -> None:
            found = check_sender(here.library, sender or accounts.find_app_user(db, token_sha256))
            check_form(db, found.project_id, instance.xml_form_id, found.form_id)

        here.database.ask(check)
    asked = Request(environ)
    user_agent, device_id = note_of_itself(asked)
    return Post(
        xml=upload.xml,
        instance=instance,
        files=tuple(_put_away(file, instance, here.blobs) for file in upload.files),
        problems=upload.problems,
        user_agent=user_agent,
        device_id=device_id,
        date=asked.headers.get("Date"),
        token_sha256=token_sha256,
        caller=None if token_sha256 else sender,
    )


def _put_away(file: SentFile, instance: Instance, blobs: Blobs) -> ReceivedFile:
    name = name_meant(file.sent_as, instance.root) or file.name
    return ReceivedFile(name, blobs.put(file.stream), file.content_type)


def to_text(kept: Kept) -> str:
    """The body of the answer to what was kept."""
    on_trial = kept.caller.project_id == DRAFTS_ID
    return openrosa_text("submit_success", thanks(kept.received, kept.today, on_trial=on_trial))


def raise_failure() -> None:
    """Before any other step of a request: what went wrong before it came to Flask."""
    failure: Exception | None = request.environ.get(FAILED)
    if failure is not None:
        raise failure


class _Later(Response):
    """What a view answers when somebody else will."""

    def __call__(self, *_: object) -> Iterable[bytes]:
        return []


def posting() -> Posting:
    """Of the app that answers this request."""
    found: Posting = current_app.extensions[EXTENSION]
    return found


class Posting:
    """A WSGI application before that of Flask, which comes back to it with what it has let in."""

    def __init__(self, wsgi: Wsgi, runtime: Runtime, memory: Callable[[], Memory | None]) -> None:
        self._wsgi = wsgi
        self._runtime = runtime
        self._memory = memory
        self._intake = Intake(runtime, memory)
        self._large = ThreadPoolExecutor(AT_ONCE, "large")

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        token = _token(environ)
        is_seekable = hasattr(environ["wsgi.input"], "seek")
        if token is None or not is_seekable or self._memory() is None:
            return self._wsgi(environ, start_response)
        mark = accounts.token_sha256(token)
        if LATER in environ and announced(environ) > SMALL:
            self._large.submit(self._take_large, environ, mark, environ[LATER]())
            return []
        post = self._read(environ, mark)
        if post is None:
            return self._wsgi(environ, start_response)
        if LATER in environ:
            self._offer(environ, post, environ[LATER]())
            return []
        status, headers, body = self._answer(environ, self._intake.keep(post))
        start_response(status, headers)
        return [body]

    def keep(self, environ: Environ, post: Post) -> Response:
        """For a view: the answer, or nothing yet where it comes later. Raises what went wrong."""
        if LATER in environ:
            self._offer(environ, post, environ[LATER]())
            return _Later()
        outcome = self._intake.keep(post)
        if not isinstance(outcome, Kept):
            raise outcome
        return Response(to_text(outcome), 201, content_type=OPENROSA_XML)

    def _read(self, environ: Environ, mark: str) -> Post | None:
        """The POST, where it is a usual one; else Flask has to answer to it, or to what FAILED."""
        here = self._runtime
        try:
            sender = None
            if announced(environ) > SMALL:  # a stranger's gigabyte is not looked at
                asked = here.database.ask(lambda db: accounts.find_app_user(db, mark))
                sender = check_sender(here.library, asked)
            with open_upload(environ, here.settings.body_bytes) as upload:
                post = read_post(environ, upload, here, sender, mark)
        except Refused:  # Flask says so too, or that the token is nobody's: in its own order
            environ["wsgi.input"].seek(0)
            return None
        except Exception as failure:
            environ[FAILED] = failure
            return None
        except BaseException as failure:  # a library in Rust panics so, and somebody waits
            environ[FAILED] = RuntimeError(describe(failure))
            return None
        environ[ROUTE] = "openrosa.submit"
        return post

    def _take_large(self, environ: Environ, mark: str, answer: Respond) -> None:
        post = self._read(environ, mark)
        if post is None:
            answer(*self._ask_flask(environ))
        else:
            self._offer(environ, post, answer)

    def _offer(self, environ: Environ, post: Post, answer: Respond) -> None:
        self._intake.offer(post, lambda outcome: answer(*self._answer(environ, outcome)))

    def _answer(self, environ: Environ, outcome: Outcome) -> Answer:
        if not isinstance(outcome, Kept):
            environ[FAILED] = outcome
            return self._ask_flask(environ)
        body = to_text(outcome).encode()
        headers = {
            "Content-Type": OPENROSA_XML,
            "Content-Length": str(len(body)),
            **openrosa_headers(self._runtime.settings.post_bytes),
        }
        return "201 CREATED", list(headers.items()), body

    def _ask_flask(self, environ: Environ) -> Answer:
        """Its whole answer to the request, or to what FAILED."""
        environ.pop(LATER, None)
        status, headers, pieces = ask(self._wsgi, environ)
        return status, headers, joined(pieces)


def _token(environ: Environ) -> str | None:
    """The token of a POST that may be a usual one."""
    if environ["REQUEST_METHOD"] != "POST":
        return None
    found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
    return found and (found[1] or found[2])
