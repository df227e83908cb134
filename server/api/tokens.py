"""API tokens: what a person lets a program do in their name, until a day, told once."""

from __future__ import annotations

from datetime import UTC
from operator import attrgetter
from typing import Any

from flask import Response, jsonify
from marshmallow import fields

from forms.problems import NOT_ALLOWED, NOT_FOUND, Refused
from server import auth
from server.api.described import PAGED, yes_no
from server.api.door import OWN, caller, route
from server.api.wire import Time, Wire, done, flag, page, say, sent
from server.runtime import runtime
from sync import tokens
from sync.access import may


class TokenShape(Wire):
    """`person` is the name to sign in with. `scope`: what it may do, of what they may."""

    id = fields.Integer()
    name = fields.String()
    person = fields.String()
    scope = fields.List(fields.String())
    created_at = Time()
    expires_at = Time()
    last_used_at = Time()
    revoked_at = Time()


class TokenMade(TokenShape):
    """`token` stands in the answer to its making only: we keep no more than its hash."""

    token = fields.String()


class NewToken(Wire):
    """`scope`: verbs of one's role, and `submissions.read`. The end is at most a year away."""

    name = fields.String(required=True)
    scope = fields.List(fields.String(), required=True)
    expires_at = fields.AwareDateTime(format="iso", default_timezone=UTC, required=True)


@route("/tokens", OWN, gives=[TokenShape], query=[
    yes_no("all", "Of everybody, for who manages users."),
    *PAGED,
])  # fmt: skip
def list_api_tokens() -> Response:
    """One's own tokens, the void too, the newest first."""
    whose: int | None = caller().id
    if flag("all"):
        if not may(runtime().library, caller(), "users.manage"):
            raise Refused(NOT_ALLOWED())
        whose = None
    with runtime().database.read() as db:
        found = page(tokens.list_tokens(db, whose), attrgetter("id"))
        return say(TokenShape(), found, many=True)


@route("/tokens", OWN, methods=["POST"], takes=NewToken, gives=TokenMade)
def create_api_token() -> Response:
    """A new token, for `Authorization: Bearer …`."""
    given, here = sent(NewToken()), runtime()
    secret, now = auth.new_token(), here.now()
    with here.database.write() as db:
        made = tokens.add(
            *(db, here.library, caller(), given["name"], given["scope"], given["expires_at"]),
            *(secret, now, caller().actor),
        )
        found = next(one for one in tokens.list_tokens(db, caller().id) if one.id == made)
    shape: dict[str, Any] = TokenMade().dump(found)
    return jsonify(shape | {"token": secret})


@route("/tokens/<int(max=2147483647):number>", OWN, methods=["DELETE"])
def revoke_api_token(number: int) -> Response:
    """End a token at its next use: one's own; who manages users ends anybody's."""
    here = runtime()
    whose = None if may(here.library, caller(), "users.manage") else caller().id
    with here.database.write() as db:
        if not tokens.revoke(db, number, here.now(), caller().actor, whose):
            raise Refused(NOT_FOUND())
    return done()
