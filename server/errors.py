"""Every failure in its door's language: OpenRosa for phones, JSON for programs, HTML for people."""

from __future__ import annotations

import re
import traceback
from xml.sax.saxutils import escape

from flask import Flask, Response, current_app, jsonify, request
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.routing.exceptions import RoutingException

from forms.problems import (
    BAD_REQUEST,
    INTERNAL,
    METHOD_NOT_ALLOWED,
    NOT_AUTHENTIC,
    NOT_FOUND,
    NOT_MULTIPART,
    TOO_LARGE,
    UNAVAILABLE,
    Problem,
    Refused,
)
from server.runtime import runtime

OPENROSA_XML = "text/xml; charset=utf-8"  # application/xml would be taken for a captive portal

# Paths a phone may ask for, also where no route matches: its user should read why.
_PHONE_PATH = re.compile(r"^/(v1/)?key(/|$)|/(formList|submission)/*$")


class Unauthorized(Refused):
    """No or wrong credentials; `challenges` say how to give them. Phones give none unasked."""

    def __init__(self, challenges: tuple[str, ...]) -> None:
        super().__init__(NOT_AUTHENTIC())
        self.challenges = challenges


def speaks_openrosa() -> bool:
    """Whether this request came through the phones' door, matched or not."""
    if request.blueprint is not None:
        return request.blueprint.startswith("openrosa")
    return _PHONE_PATH.search(request.path) is not None


def openrosa_message(nature: str, text: str, status: int) -> Response:
    """The answer phones show to their user. `message` without prefix: Collect wants that name."""
    body = (
        '<OpenRosaResponse xmlns="http://openrosa.org/http/response" items="0">'
        f'<message nature="{nature}">{escape(text)}</message></OpenRosaResponse>'
    )
    return Response(body, status, content_type=OPENROSA_XML)


def respond(problem: Problem, status: int | None = None) -> Response:
    """The problem in the language of the door that was used."""
    status = status or problem.status or 400
    if speaks_openrosa():
        return openrosa_message("error", str(problem), status)
    if request.path.startswith("/v1/"):
        answer = jsonify(code=problem.code, message=str(problem), vi=problem.vi, en=problem.en)
        answer.status_code = status
        return answer
    return Response(_page(problem), status, content_type="text/html; charset=utf-8")


def register(app: Flask) -> None:
    """Put the handlers into the app; nothing that is raised below leaves as a bare 500."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DBAPIError, _storage)
    app.register_error_handler(OSError, _storage)
    app.register_error_handler(Exception, _unexpected)


def log_failure(error: BaseException) -> None:
    """Type and place of an error; its text may hold answers or a token and is left out."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    cause = type(getattr(error, "orig", None) or error).__qualname__
    current_app.logger.error("%s in %s\n%s", cause, request.endpoint, frames)


def _refused(error: Refused) -> Response:
    answer = respond(error.problem)
    if isinstance(error, Unauthorized):
        for challenge in error.challenges:
            answer.headers.add("WWW-Authenticate", challenge)
    return answer


def _http(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, RoutingException) or (error.response is not None and error.code is None):
        return error  # a redirect
    return respond(_problem_of(error), error.code)


def _problem_of(error: HTTPException) -> Problem:
    if isinstance(error, ClientDisconnected):
        return NOT_MULTIPART()
    if error.code == TOO_LARGE.status:
        return TOO_LARGE(limit=runtime().settings.body_bytes)
    known = {NOT_FOUND.status: NOT_FOUND, METHOD_NOT_ALLOWED.status: METHOD_NOT_ALLOWED}
    return known.get(error.code or 0, BAD_REQUEST)()


def _storage(error: SQLAlchemyError | OSError) -> Response:
    """Busy, gone or full: the phone keeps the form and comes again."""
    log_failure(error)
    answer = respond(UNAVAILABLE())
    answer.headers["Retry-After"] = "60"
    return answer


def _unexpected(error: Exception) -> Response:
    log_failure(error)
    return respond(INTERNAL())


def _page(problem: Problem) -> str:
    return (
        '<!doctype html><html lang="vi"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(problem.vi)}</title>"
        '<body style="font: 18px/1.5 sans-serif; max-width: 40em; margin: 3em auto">'
        f'<h1>{escape(problem.vi)}</h1><p lang="en">{escape(problem.en)}</p>'
        '<p><a href="/">Về trang đầu / Home</a></p></body></html>'
    )
