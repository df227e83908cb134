"""Who has which role, and which phone fills in which form: told, and decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response
from marshmallow import fields
from sqlalchemy.engine import Connection

from forms.problems import NOT_FOUND, ONE_ROLE, ROLE_DECIDES, Refused
from server.api.app_users import PHONE
from server.api.door import FORM, PROJECT, route
from server.api.submissions import ActorShape
from server.api.users import APP_USER, role_of, roles
from server.api.wire import Wire, done, say
from server.runtime import runtime
from sync import accounts, catalogue, definitions
from sync.access import Caller, actor_number
from sync.accounts import Account

OF_PROJECT = f"{PROJECT}/assignments"
OF_FORM = f"{FORM}/assignments"


class AssignmentShape(Wire):
    actor_id = fields.Integer()
    role_id = fields.Integer()


class FormAssignmentShape(AssignmentShape):
    xml_form_id = fields.String()


# ------------------------------------------------------------------ people and their roles
@route(OF_PROJECT, "users.manage", gives=[AssignmentShape])
def list_project_assignments() -> Response:
    """The role of everybody who signs in."""
    numbers = {role["name"]: role["id"] for role in roles()}
    found = [
        {"actor_id": actor_number("user", one.id), "role_id": numbers[one.role]}
        for one in _people()
        if one.role in numbers  # a library may have lost a role
    ]
    return say(AssignmentShape(), found, many=True)


@route(f"{OF_PROJECT}/<role>", "users.manage", gives=[ActorShape])
def list_project_actors(role: str) -> Response:
    """Everybody with one role."""
    name = role_of(role)["name"]
    found = (_actor(one, "user") for one in _people() if one.role == name)
    return say(ActorShape(), found, many=True)


# 405: where the role is "forms" and the number none, the address is that of a list further down.
@route(f"{OF_PROJECT}/<role>/<int:number>", "users.manage", methods=["POST"], also=[405, 409])
def assign_role(role: str, number: int) -> Response:
    """Harmless where that is the person's role already; else the person is changed, with a place
    (PATCH /users).
    """
    if not _has(role, number):
        raise Refused(ONE_ROLE())
    return done()


@route(f"{OF_PROJECT}/<role>/<int:number>", "users.manage", methods=["DELETE"], also=[405, 409])
def unassign_role(role: str, number: int) -> Response:
    """Nobody is without a role: the person is changed or ended."""
    raise Refused(ONE_ROLE() if _has(role, number) else NOT_FOUND())


def _has(role: str, number: int) -> bool:
    """Whether that is the person's role. Refused(NOT_FOUND) for no person, or no such role."""
    found = [one.role for one in _people() if actor_number("user", one.id) == number]
    if not found:
        raise Refused(NOT_FOUND())
    return found == [role_of(role)["name"]]


def _people() -> list[Account]:
    with runtime().database.read() as db:
        return [one for one in accounts.list_users(db) if one.ended_at is None]


# ------------------------------------------------------------------ phones and their forms
@route(f"{OF_PROJECT}/forms", "phones.manage", gives=[FormAssignmentShape])
def list_form_assignments() -> Response:
    """Of every form the phones whose role fills it in."""
    return say(FormAssignmentShape(), _assignments(), many=True)


@route(f"{OF_PROJECT}/forms/<role>", "phones.manage", gives=[FormAssignmentShape])
def list_form_assignments_of_role(role: str) -> Response:
    """The same, as Central asks for the role of phones; of any other role nothing."""
    number = role_of(role)["id"]
    found = (one for one in _assignments() if one["role_id"] == number)
    return say(FormAssignmentShape(), found, many=True)


@route(OF_FORM, "phones.manage", gives=[AssignmentShape])
def list_assignments(form_id: str) -> Response:
    """The phones whose role fills the form in."""
    found = [{"actor_id": one.id, "role_id": APP_USER} for one in _filling_in(form_id)]
    return say(AssignmentShape(), found, many=True)


@route(f"{OF_FORM}/<any('2', 'app-user'):role>", "phones.manage", gives=[ActorShape])
def list_form_actors(form_id: str, role: str) -> Response:
    """Those phones themselves."""
    found = (_actor(one, "field_key") for one in _filling_in(form_id))
    return say(ActorShape(), found, many=True)


ASSIGNED = f"{OF_FORM}/<any('2', 'app-user'):role>/<int:number>"


@route(ASSIGNED, "phones.manage", methods=["POST"], also=[409])
def assign(form_id: str, role: str, number: int) -> Response:
    """Harmless where the phone's role fills the form in already; else that role decides: no."""
    if not any(one.id == number for one in _filling_in(form_id)):
        _require_phone(number)
        raise Refused(ROLE_DECIDES(form=form_id))
    return done()


@route(ASSIGNED, "phones.manage", methods=["DELETE"], also=[409])
def unassign(form_id: str, role: str, number: int) -> Response:
    """Harmless where the phone's role does not fill the form in; else that role decides: no."""
    if any(one.id == number for one in _filling_in(form_id)):
        raise Refused(ROLE_DECIDES(form=form_id))
    _require_phone(number)
    return done()


def _require_phone(number: int) -> None:
    with runtime().database.read() as db:
        if all(one.id != number for one in _phones(db)):
            raise Refused(NOT_FOUND())


def _filling_in(form_id: str) -> list[Account]:
    """Refused(UNKNOWN_FORM)."""
    with runtime().database.read() as db:
        definitions.get_form(db, form_id)
        return [phone for phone, forms in _filled_by_each(db) if form_id in forms]


def _assignments() -> list[dict[str, Any]]:
    with runtime().database.read() as db:
        return [
            {"actor_id": phone.id, "role_id": APP_USER, "xml_form_id": form}
            for phone, forms in _filled_by_each(db)
            for form in forms
        ]


def _filled_by_each(db: Connection) -> Iterator[tuple[Account, list[str]]]:
    """Every phone and the forms on its list, which its role decides alone."""
    known: dict[str, list[str]] = {}
    for one in _phones(db):
        if one.role not in known:
            asking = Caller("app_user", one.id, one.name, one.role, one.unit_id, one.club_id)
            listed = catalogue.list_forms(db, runtime().library, asking)
            known[one.role] = [form.xml_form_id for form in listed]
        yield one, known[one.role]


def _phones(db: Connection) -> list[Account]:
    return [one for one in accounts.list_app_users(db, PHONE) if one.ended_at is None]


def _actor(one: Account, kind: str) -> dict[str, Any]:
    return {
        "id": actor_number("user" if kind == "user" else "app_user", one.id),
        "type": kind,
        "display_name": one.name,
        "created_at": one.created_at,
    }
