"""Signing in and out of the JSON API: a name and a password become a token for a day."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields

from forms.problems import NOT_AUTHENTIC, NOT_FOUND, Refused
from server import auth
from server.api.door import KNOWN, OPEN, OWN, caller, route
from server.api.wire import Time, Wire, done, say, sent
from server.runtime import runtime
from sync import accounts, sessions
from sync.access import may


class SignIn(Wire):
    """`email` is our user name: people here have none."""

    stored = False

    email = fields.String(required=True)
    password = fields.String(required=True)


class SessionShape(Wire):
    token = fields.String()
    csrf = fields.String()
    expires_at = Time()
    created_at = Time()


class Restored(Wire):
    created_at = Time()
    expires_at = Time()


@route("/sessions", OPEN, methods=["POST"], takes=SignIn, gives=SessionShape, also=[429])
def begin_session() -> Response:
    """A token for name and password."""
    given = sent(SignIn())
    person = auth.sign_in(given["email"], given["password"])
    if person is None:
        raise Refused(NOT_AUTHENTIC())
    now = runtime().now()
    token = auth.new_token()
    with runtime().database.write() as db:
        sessions.begin(db, person.id, token, now)
    made: dict[str, Any] = {"token": token, "csrf": auth.new_token()}
    return say(SessionShape(), made | {"created_at": now, "expires_at": now + sessions.LASTS})


@route("/sessions/restore", KNOWN, gives=Restored)
def restore_session() -> Response:
    """When the sign-in of this request ends; 404 for one who has none."""
    token, now = auth.bearer(), runtime().now()
    if token is None:
        raise Refused(NOT_FOUND())
    with runtime().database.read() as db:
        found = sessions.find(db, token, now)
    if found is None:
        raise Refused(NOT_FOUND())
    return say(Restored(), found)


@route("/sessions/current", OWN, methods=["DELETE"])
def end_current_session() -> Response:
    """Sign out."""
    return _end(auth.bearer() or "")


@route("/sessions/<session_token>", OWN, "phones.manage", methods=["DELETE"])
def end_session(session_token: str) -> Response:
    """End one's own sign-in by its token; who manages phones ends a phone's access so too."""
    if may(runtime().library, caller(), "phones.manage"):
        with runtime().database.write() as db:
            phone = accounts.find_app_user(db, accounts.token_sha256(session_token))
            if phone is not None:
                accounts.revoke(db, phone.id, runtime().now(), caller().actor)
                return done()
    return _end(session_token)


def _end(token: str) -> Response:
    with runtime().database.write() as db:
        if not sessions.end(db, token, caller().id):
            raise Refused(NOT_FOUND())
    return done()
