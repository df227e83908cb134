"""Public links: one form for whoever has the address, until the link is revoked."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from flask import Response, jsonify
from marshmallow import fields, validate

from server import auth
from server.api.app_users import end_access
from server.api.described import PAGED
from server.api.door import FORM, caller, route
from server.api.scope import find_place
from server.api.wire import Time, Wire, page, say, sent
from server.runtime import runtime
from sync import definitions, public_links
from sync.public_links import LINK


class LinkShape(Wire):
    """`token` stands in the answer to its making only: we keep no more than its hash."""

    id = fields.Integer()
    type = fields.Constant("public_link")
    display_name = fields.String(attribute="name")
    token = fields.String()
    once = fields.Constant(False)
    created_at = Time()
    updated_at = Time()
    deleted_at = Time(attribute="ended_at")


class NewLink(Wire):
    """Without role and place a link's lists are empty: nobody's data is behind an open door."""

    display_name = fields.String(required=True)
    once = fields.Boolean(validate=validate.OneOf([False]))
    role = fields.String(allow_none=True)
    unit_code = fields.String(allow_none=True)
    club_code = fields.String(allow_none=True)


@route(f"{FORM}/public-links", "forms.manage", gives=[LinkShape], query=PAGED)
def list_links(form_id: str) -> Response:
    """The form's links, the revoked too."""
    with runtime().database.read() as db:
        found = public_links.list_links(db, form_id)
    return say(LinkShape(), page(found, attrgetter("id")), many=True)


@route(f"{FORM}/public-links", "forms.manage", methods=["POST"], takes=NewLink, gives=LinkShape)
def create_link(form_id: str) -> Response:
    """A new link: its token goes into `?st=` of Enketo or Web Forms."""
    given, here = sent(NewLink()), runtime()
    token, name = auth.new_token(), given["display_name"]
    with here.database.write() as db:
        role = given.get("role") or ""
        bound = given.get("unit_code") or given.get("club_code")
        place = find_place(db, given | {"role": role}) if bound else (None, None)
        who = (name, role, place, token, here.now(), caller().actor)
        made = public_links.make(db, here.library, form_id, *who)
        mine = public_links.list_links(db, form_id)
        found: dict[str, Any] = LinkShape().dump(next(one for one in mine if one.id == made))
    return jsonify(found | {"token": token})


@route(f"{FORM}/public-links/<int:number>", "forms.manage", methods=["DELETE"])
def revoke_link(form_id: str, number: int) -> Response:
    """End a link at its next use; what came by it stays."""
    with runtime().database.read() as db:
        form = definitions.get_published(db, form_id)
    return end_access(LINK, number, form.form)
