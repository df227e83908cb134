"""Every failure in its door's language: OpenRosa for phones, JSON for programs, HTML for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import formatdate
from xml.sax.saxutils import escape

from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.exceptions import ClientDisconnected, HTTPException, MethodNotAllowed
from werkzeug.routing.exceptions import RoutingException

from forms.form_problems import FormRefused
from forms.problems import (
    BAD_REQUEST,
    INTERNAL,
    KEEPS_NOTHING,
    METHOD_NOT_ALLOWED,
    NOT_AUTHENTIC,
    NOT_FOUND,
    NOT_MULTIPART,
    OTHER_API,
    TOO_LARGE,
    TOO_MANY_GUESSES,
    UNAVAILABLE,
    Problem,
    Refused,
)
from server import logs
from server.metrics import NO_ROUTE, ROUTE, request_id
from server.runtime import runtime

OPENROSA_XML = "text/xml; charset=utf-8"  # application/xml would be taken for a captive portal

# Paths a phone may ask for, also where no route matches: its user should read why.
_OURS = re.compile(r"^/v1(/|$)")
_API_PATH = re.compile(r"^/v\d+(/|$)")
PHONE_PATH = re.compile(r"^/(v1/)?key(/|$)|^/v1/test(/|$)|/(formList|submission)/*$")

# What Central's clients tell refusals apart by; any other is the status and .1 (of 400, .8).
CODES = {
    "not_json": 400.1,
    "missing_fields": 400.3,
    "bad_fields": 400.11,
    "needs_place": 400.3,
    "bad_password": 400.21,
    "not_multipart": 400.39,
    "not_authentic": 401.2,
    "insecure": 401.3,
    "other_api": 404.3,
    "form_version_taken": 409.6,
    "already_here": 409.3,
    "version_conflict": 409.15,
    "list_exists": 409.16,
    "no_deprecated_id": 400.19,
    "bad_filter": 400.18,
    "bad_skiptoken": 400.34,
    "no_such_row": 400.34,
    "unknown_query_option": 501.1,
    "unknown_filter_function": 501.4,
    "unknown_filter_field": 501.5,
}
_OTHERWISE = {400: 400.8, 401: 401.2, 409: 409.3}
FORM_INVALID, FORM_WARNINGS = 400.15, 400.16


class Unauthorized(Refused):
    """No or wrong credentials; `challenges` say how to give them. Phones give none unasked."""

    def __init__(self, challenges: tuple[str, ...]) -> None:
        super().__init__(NOT_AUTHENTIC())
        self.challenges = challenges


def speaks_openrosa() -> bool:
    """Whether this request came through the phones' door, matched or not."""
    if request.blueprint is not None:
        return request.blueprint.startswith("openrosa")
    return PHONE_PATH.search(request.path) is not None


def openrosa_message(nature: str, text: str, status: int) -> Response:
    """The answer phones show to their user."""
    return Response(openrosa_text(nature, text), status, content_type=OPENROSA_XML)


def openrosa_text(nature: str, text: str) -> str:
    """Its XML. `message` without prefix: Collect wants that name."""
    return (
        '<OpenRosaResponse xmlns="http://openrosa.org/http/response" items="0">'
        f'<message nature="{nature}">{escape(text)}</message></OpenRosaResponse>'
    )


def openrosa_headers(post_bytes: int) -> dict[str, str]:
    """On every answer through the phones' door. `post_bytes`: how much one POST may hold."""
    return {
        "X-OpenRosa-Version": "1.0",
        "X-OpenRosa-Accept-Content-Length": str(post_bytes),
        "Content-Language": "vi, en",
        "Date": formatdate(usegmt=True),
        "Cache-Control": "private, no-cache",
    }


def respond(problem: Problem, status: int | None = None) -> Response:
    """The problem in the language of the door that was used."""
    answer = _in_its_language(problem, status or problem.status or 400)
    answer.headers.update(when_again(problem))
    return answer


def when_again(problem: Problem) -> dict[str, str]:
    """The header that says when to ask again, where that helps."""
    minutes = {
        UNAVAILABLE: "1",
        KEEPS_NOTHING: "1",
        TOO_MANY_GUESSES: problem.details.get("minutes", "1"),
    }
    found = minutes.get(problem.type)
    return {"Retry-After": str(60 * int(found))} if found else {}


def _in_its_language(problem: Problem, status: int) -> Response:
    if speaks_openrosa():
        return openrosa_message("error", str(problem), status)
    if speaks_json():
        code = CODES.get(problem.code, _OTHERWISE.get(status, status + 0.1))
        return json_error(problem, status, code, dict(problem.details))
    return Response(_page(problem), status, content_type="text/html; charset=utf-8")


def speaks_json() -> bool:
    """Whether this request came through the API's door, matched or not."""
    return _API_PATH.match(request.path) is not None and not speaks_openrosa()


def json_error(
    problem: Problem, status: int, code: float, details: Mapping[str, object]
) -> Response:
    """Central's three keys, and the name this problem has everywhere else here."""
    answer = jsonify(message=str(problem), code=code, details=details, problem=problem.code)
    answer.status_code = status
    return answer


def register(app: Flask) -> None:
    """Put the handlers into the app; nothing that is raised below leaves as a bare 500."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(FormRefused, _form_refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DBAPIError, not_stored)
    app.register_error_handler(OSError, not_stored)
    app.register_error_handler(Exception, _unexpected)


def log_failure(error: BaseException) -> None:
    """Type and place of an error, under the name that the answer bears."""
    logs.failed(request_id(request.environ), request.environ.get(ROUTE, NO_ROUTE), error)


def _refused(error: Refused) -> Response:
    answer = respond(error.problem)
    if isinstance(error, Unauthorized):
        for challenge in error.challenges:
            answer.headers.add("WWW-Authenticate", challenge)
    return answer


def _form_refused(error: FormRefused) -> Response:
    """A form that cannot be used: the first refusal, and beside it all there is to say."""
    said = [str(problem) for problem in error.problems]
    worst = next((p for p in error.problems if p.status), error.problems[0])
    if not speaks_json():
        return respond(worst, worst.status or 400)
    if worst.code in CODES:
        return respond(worst, int(CODES[worst.code]))
    if not worst.status:
        found = {"xlsFormWarnings": said, "workflowWarnings": []}
        return json_error(worst, 400, FORM_WARNINGS, {"warnings": found})
    return json_error(worst, 400, FORM_INVALID, {"error": "\n".join(said), "warnings": []})


def _http(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, RoutingException) or (error.response is not None and error.code is None):
        return error  # a redirect
    answer = respond(_problem_of(error), error.code)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.allow.update(error.valid_methods)  # RFC 9110, 15.5.6
    return answer


def _problem_of(error: HTTPException) -> Problem:
    if isinstance(error, ClientDisconnected):
        return NOT_MULTIPART()
    if error.code == TOO_LARGE.status:
        return TOO_LARGE(limit=runtime().settings.body_bytes)
    if error.code == NOT_FOUND.status and speaks_json() and not _OURS.match(request.path):
        return OTHER_API()
    known = {NOT_FOUND.status: NOT_FOUND, METHOD_NOT_ALLOWED.status: METHOD_NOT_ALLOWED}
    return known.get(error.code or 0, BAD_REQUEST)()


def not_stored(error: SQLAlchemyError | OSError) -> Response:
    """Busy, gone or full: the phone keeps the form and comes again."""
    log_failure(error)
    return respond(UNAVAILABLE())


def _unexpected(error: Exception) -> Response:
    log_failure(error)
    return respond(INTERNAL())


def _page(problem: Problem) -> str:
    return (
        '<!doctype html><html lang="vi"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(problem.vi)}</title>"
        '<link rel="stylesheet" href="/static/cayda.css"><body><main>'
        f'<h1>{escape(problem.vi)}</h1><p lang="en">{escape(problem.en)}</p>'
        '<p><a href="/">Về trang đầu / Home</a></p></main></body></html>'
    )
