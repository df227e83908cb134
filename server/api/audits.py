"""Who did what, the newest first."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from marshmallow import fields

from server.api.described import PAGED, asked
from server.api.door import route
from server.api.wire import Time, Wire, number, paging, read_time, say
from server.runtime import runtime
from sync import audit
from sync.access import actor_number
from sync.audit import Event


class AuditShape(Wire):
    id = fields.Integer()
    actor_id = fields.Integer()
    action = fields.String()
    actee_id = fields.String()
    details = fields.Dict()
    logged_at = Time()


@route(
    "/audits",
    "audit.read",
    gives=[AuditShape],
    query=[
        asked("action", "One (form.publish) or all of a kind (form)."),
        asked("start", "From this moment on.", Time()),
        asked("end", "Before this moment.", Time()),
        *PAGED,
    ],
)
def list_audits() -> Response:
    """Who did what, the newest first."""
    (limit, offset), before = paging(), number("after", 0) or None
    action, start, end = request.args.get("action"), read_time("start"), read_time("end")
    action = None if action == "nonverbose" else action
    with runtime().database.read() as db:
        found = audit.list_events(db, action, start, end, limit, offset, before=before)
    return say(AuditShape(), (_json(event) for event in found), many=True)


def _json(event: Event) -> dict[str, Any]:
    kind, _, number = event.actor.partition(":")
    return {
        "id": event.id,
        "actor_id": actor_number(kind, int(number)) if number.isdigit() else None,
        "action": event.action,
        "actee_id": event.subject,
        "details": event.details,
        "logged_at": event.at,
    }
