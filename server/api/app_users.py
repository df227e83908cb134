"""Phones, each with a token in its address."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from flask import Response, jsonify
from marshmallow import fields

from forms.problems import NOT_FOUND, Refused
from server import auth
from server.api.described import PAGED
from server.api.door import PROJECT, caller, route
from server.api.scope import AccountShape, Scoped, find_place
from server.api.wire import Time, Wire, done, extended, page, sent
from server.runtime import runtime
from sync import accounts
from sync.accounts import Account

PHONE = "phone"


class AppUserShape(AccountShape):
    """`token` stands in the answer to its making only: we keep no more than its hash."""

    id = fields.Integer()
    type = fields.Constant("field_key")
    token = fields.String()
    project_id = fields.Constant(1)


class AppUserExtra(Wire):
    """What X-Extended-Metadata adds."""

    always = False
    last_used = Time()
    created_by = fields.Integer()
    properties = fields.Dict()


class AppUserMade(AppUserShape):
    """`url` goes into the phone."""

    url = fields.String()


class NewAppUser(Scoped):
    display_name = fields.String(required=True)


@route(f"{PROJECT}/app-users", "phones.manage", gives=[(AppUserShape, AppUserExtra)], query=PAGED)
def list_app_users() -> Response:
    """Every phone, the revoked too."""
    with runtime().database.read() as db:
        found = accounts.list_app_users(db, PHONE)
    return jsonify([_json(one) for one in page(reversed(found), attrgetter("id"))])


@route(
    f"{PROJECT}/app-users",
    "phones.manage",
    methods=["POST"],
    takes=NewAppUser,
    gives=(AppUserMade, AppUserExtra),
)
def create_app_user() -> Response:
    """A new phone, whose role and place say what it may download."""
    given, here = sent(NewAppUser()), runtime()
    token, name = auth.new_token(), given["display_name"]
    with here.database.write() as db:
        place = find_place(db, given)
        now, who = here.now(), caller().actor
        made = accounts.add_app_user(db, name, given["role"], *place, token, now, who)
        (found,) = [one for one in accounts.list_app_users(db, PHONE) if one.id == made]
    url = f"{auth.origin()}/v1/key/{token}/projects/1"
    return jsonify(_json(found) | {"token": token, "url": url})


@route(f"{PROJECT}/app-users/<int:number>", "phones.manage", methods=["DELETE"])
def revoke_app_user(number: int) -> Response:
    """End a phone's access at its next request; what it sent stays."""
    return end_access(PHONE, number)


def end_access(kind: str, number: int, form: int | None = None) -> Response:
    """Revoke a token of this kind. Refused(NOT_FOUND)."""
    here = runtime()
    with here.database.write() as db:
        mine = {one.id for one in accounts.list_app_users(db, kind, form)}
        if number not in mine or not accounts.revoke(db, number, here.now(), caller().actor):
            raise Refused(NOT_FOUND())
    return done()


def _json(found: Account) -> dict[str, Any]:
    shape: dict[str, Any] = AppUserShape().dump(found)
    if extended():
        shape["lastUsed"] = Time().serialize("last_seen_at", found)
        shape["createdBy"] = None
        shape["properties"] = {}
    return shape
