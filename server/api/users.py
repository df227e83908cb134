"""People who sign in with a name and a password, and the roles there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Response, jsonify, request
from marshmallow import fields

from forms.problems import NOT_ALLOWED, NOT_AUTHENTIC, NOT_FOUND, Refused
from forms.roles import OF_PHONES
from forms.text import fold
from server import auth
from server.api.described import PAGED, asked
from server.api.door import KNOWN, OWN, caller, route
from server.api.scope import AccountShape, Scoped, find_place, verbs_of
from server.api.wire import Time, Wire, done, extended, page, say, sent
from server.runtime import runtime
from server.settings import secret_key
from sync import accounts
from sync.access import PEOPLE_FROM, actor_number, may
from sync.accounts import Account


class UserShape(AccountShape):
    """`email` is the name to sign in with. Role and place are ours."""

    id = fields.Function(lambda found: actor_number("user", found.id), metadata={"type": "integer"})
    type = fields.Constant("user")
    email = fields.String(attribute="name", dump_only=True)


class UserExtra(Wire):
    """What X-Extended-Metadata adds."""

    always = False
    verbs = fields.List(fields.String())
    preferences = fields.Dict()


class NewUser(Scoped):
    email = fields.String(required=True)
    password = fields.String(required=True)


class NewPassword(Wire):
    """`old` may be left out by who manages users."""

    old = fields.String()
    new = fields.String(required=True)


class RoleShape(Wire):
    id = fields.Integer()
    name = fields.String()
    system = fields.String()
    verbs = fields.List(fields.String())
    created_at = Time()
    updated_at = Time()


@route("/users/current", KNOWN, gives=(UserShape, UserExtra))
def get_current_user() -> Response:
    """Who asks; with X-Extended-Metadata also what they may do."""
    found: dict[str, Any] = UserShape().dump(_user(caller().id))
    if extended():
        found |= {"verbs": verbs_of(caller()), "preferences": {}}
    return jsonify(found)


@route(
    "/users",
    "users.manage",
    gives=[UserShape],
    query=[asked("q", "A part of the name, marks or not."), *PAGED],
)
def list_users() -> Response:
    """Everybody who may sign in; `q` looks for a part of the name, marks or not."""
    wanted = fold(request.args.get("q", ""))
    with runtime().database.read() as db:
        found = accounts.list_users(db)
    there = (one for one in found if one.ended_at is None and wanted in fold(one.name))
    asked_for = page(there, lambda one: actor_number("user", one.id))
    return say(UserShape(), asked_for, many=True)


@route("/users", "users.manage", methods=["POST"], takes=NewUser, gives=UserShape, also=[409])
def create_user() -> Response:
    """A new person with a role, which decides what they may do; no token makes one."""
    if caller().scope is not None:  # by the password it gives it would outlast its own end
        raise Refused(NOT_ALLOWED())
    given = sent(NewUser())
    here = runtime()
    sealed = accounts.seal_password(given["email"], given["password"], secret_key(here.settings))
    with here.database.write() as db:
        place = find_place(db, given)
        now, who = here.now(), caller().actor
        made = accounts.add_user(db, given["email"], given["role"], *place, sealed, now, who)
    return say(UserShape(), _user(made))


@route("/users/<int:number>", "users.manage", gives=UserShape)
def get_user(number: int) -> Response:
    """One person."""
    return say(UserShape(), _user(number - PEOPLE_FROM))


@route("/users/<int:number>", "users.manage", methods=["PATCH"], takes=Scoped, gives=UserShape)
def change_user(number: int) -> Response:
    """Another role or place. A name stays: the password is sealed with it."""
    given = sent(Scoped())
    found = _user(number - PEOPLE_FROM)
    with runtime().database.write() as db:
        place = find_place(db, given)
        now, who = runtime().now(), caller().actor
        accounts.set_role(db, found.name, given["role"], *place, now, who)
    return say(UserShape(), _user(found.id))


@route("/users/<int:number>", "users.manage", methods=["DELETE"])
def disable_user(number: int) -> Response:
    """End a person's access; what they sent stays."""
    found = _user(number - PEOPLE_FROM)
    with runtime().database.write() as db:
        accounts.disable(db, found.name, runtime().now(), caller().actor)
    return done()


@route("/users/<int:number>/password", OWN, methods=["PUT"], takes=NewPassword)
def change_password(number: int) -> Response:
    """One's own, with the old one; who manages users sets anybody's. All sign-ins end."""
    given, here = sent(NewPassword()), runtime()
    mine = number == actor_number(caller().kind, caller().id)
    if not mine and not may(runtime().library, caller(), "users.manage"):
        raise Refused(NOT_FOUND())
    found = _user(number - PEOPLE_FROM)
    if mine and auth.sign_in(found.name, given.get("old") or "") is None:
        raise Refused(NOT_AUTHENTIC())
    sealed = accounts.seal_password(found.name, given["new"], secret_key(here.settings))
    with here.database.write() as db:
        accounts.set_password(db, found.name, sealed, here.now(), caller().actor)
    return done()


def _user(user_id: int) -> Account:
    with runtime().database.read() as db:
        found = [one for one in accounts.list_users(db) if one.id == user_id]
    if not found or found[0].ended_at is not None:
        raise Refused(NOT_FOUND())
    return found[0]


# ------------------------------------------------------------------ roles

APP_USER = 2  # pyODK has this number in its code


def roles() -> Iterable[dict[str, Any]]:
    """Central's two that clients know by number, then ours."""
    known = runtime().library.roles
    names = ["admin", "app-user", *(role for role in known if role != "admin")]
    for number, name in enumerate(names, 1):
        verbs = known[name].verbs if name in known else OF_PHONES
        yield {"id": number, "name": name, "system": name, "verbs": sorted(verbs)}


@route("/roles", KNOWN, gives=[RoleShape])
def list_roles() -> Response:
    """The roles there are, each with its verbs."""
    return say(RoleShape(), roles(), many=True)


@route("/roles/<role>", KNOWN, gives=RoleShape)
def get_role(role: str) -> Response:
    """By number or by name."""
    return say(RoleShape(), role_of(role))


def role_of(role: str) -> dict[str, Any]:
    """The role of this number or name. Refused(NOT_FOUND)."""
    found = next((one for one in roles() if role in (str(one["id"]), one["system"])), None)
    if found is None:
        raise Refused(NOT_FOUND())
    return found
