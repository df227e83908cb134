"""What somebody may see: a role, with unit and club by the codes people know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from server.api.wire import Time, Wire
from server.runtime import runtime
from sync import access, posts
from sync.access import Caller


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


def find_place(db: Connection, given: Mapping[str, Any]) -> posts.Post:
    """Unit id and club uuid, as of today. Refused(UNKNOWN_ROLE, NEEDS_PLACE or UNKNOWN_PLACE)."""
    library, today = runtime().library, vietnam_day(runtime().now())
    access.get_role(library, given["role"])
    codes = (given.get("unit_code"), given.get("club_code"))
    return posts.find_post(db, library, given["role"], *codes, today)


def verbs_of(caller: Caller) -> list[str]:
    """What the caller may do, as Central's clients ask for it."""
    role = runtime().library.roles.get(caller.role)
    return sorted(filter(caller.reaches, role.verbs)) if role else []
