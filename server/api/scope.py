"""What somebody may see: a role, with unit and club by the codes people know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from marshmallow import fields
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import NEEDS_PLACE, UNKNOWN_PLACE, Refused
from server.api.wire import Time, Wire
from server.runtime import runtime
from sync import access, places
from sync.access import Caller

T = TypeVar("T")


class AccountShape(Wire):
    """What is said of a person and of a phone alike."""

    display_name = fields.String(attribute="name", dump_only=True)
    created_at = Time()
    updated_at = Time()
    deleted_at = Time(attribute="ended_at")
    role = fields.String()
    unit_id = fields.Integer()
    club_id = fields.String()


class Scoped(Wire):
    """What we need beside Central's own keys, to know what a person or a phone may see."""

    role = fields.String(required=True)
    unit_code = fields.String(allow_none=True)
    club_code = fields.String(allow_none=True)


def find_place(db: Connection, given: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """Unit id and club uuid, as of today. Refused(UNKNOWN_ROLE, NEEDS_PLACE or UNKNOWN_PLACE)."""
    unit_code, club_code = given.get("unit_code"), given.get("club_code")
    role = access.get_role(runtime().library, given["role"])
    if not role.everywhere and unit_code is None and club_code is None:
        raise Refused(NEEDS_PLACE())
    unit_id, club_id = None, None
    if unit_code is not None:
        unit = places.find_unit(db, unit_code, vietnam_day(runtime().now()))
        unit_id = _known(None if unit is None else unit.id, unit_code)
    if club_code is not None:
        club_id = _known(places.find_club(db, club_code), club_code)
    return unit_id, club_id


def _known(found: T | None, code: str) -> T:
    if found is None:
        raise Refused(UNKNOWN_PLACE(code=code))
    return found


def verbs_of(caller: Caller) -> list[str]:
    """What the caller's role may do, as Central's clients ask for it."""
    role = runtime().library.roles.get(caller.role)
    return sorted(role.verbs) if role else []
