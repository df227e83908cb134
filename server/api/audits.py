"""Who did what, the newest first: of everything, of one submission, of one entity."""

from __future__ import annotations

from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any

from flask import Response, request
from marshmallow import fields
from sqlalchemy.engine import Connection

from server.api import entities, submissions
from server.api.datasets import READ
from server.api.described import PAGED, asked
from server.api.door import KNOWN, route
from server.api.wire import MOST, Time, Wire, number, paging, read_time, say
from server.runtime import runtime
from sync import audit, reading
from sync.access import actor_number
from sync.audit import Event


class AuditShape(Wire):
    """`id` is null for a version of a submission or an entity, which is told with the events."""

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


@route(f"{submissions.ONE}/audits", KNOWN, gives=[AuditShape])
def list_submission_audits(form_id: str, instance_id: str) -> Response:
    """How it came, what was changed, and what was decided of it."""
    with runtime().database.read() as db:
        form = submissions.opened(db, form_id)
        one = reading.find(db, form, instance_id)
        sent, subject = reading.versions(db, form, one), f"submission:{one.id}"
        decided = _decided(db, "submission", subject)
    versions = [
        {
            "actor_id": each.sender.id if each.sender else None,
            "action": "submission.update.version" if number else "submission.create",
            "actee_id": subject,
            "details": {"instanceId": each.instance_id},
            "logged_at": each.received_at,
        }
        for number, each in enumerate(reversed(sent))
    ]
    return _say(versions, decided)


@route(f"{entities.ONE}/audits", READ, gives=[AuditShape])
def list_entity_audits(list_name: str, uuid: str) -> Response:
    """How it came, what was changed, and what people decided of it; of somebody who has moved, from
    the first version on that is of a club of the caller's.
    """
    with runtime().database.read() as db:
        _, story, makers = entities.story_of(db, list_name, uuid)
        read, subject = entities.readable(db, story), f"entity:{list_name}/{story.uuid}"
        since = story.versions[0].created_at if story.versions else runtime().now()
        decided = _decided(db, "entity", subject, since)
    versions = [
        {
            "actor_id": makers[each.number].id if each.number in makers else None,
            "action": "entity.create" if each.number == 1 else "entity.update.version",
            "actee_id": subject,
            "details": {"version": each.number, "source": entities.source_of(each, read)},
            "logged_at": each.created_at,
        }
        for each in story.versions
    ]
    return _say(versions, decided)


def _decided(
    db: Connection, noun: str, subject: str, since: datetime | None = None
) -> list[dict[str, Any]]:
    """The events of one thing, the oldest first. Versions are told by themselves, and of the
    details only what is of nothing else: others would name whom the caller may not see."""
    versions = (f"{noun}.create", f"{noun}.update")
    found = audit.list_events(db, noun, since, None, MOST, 0, subject=subject)
    return [
        _json(one) | {"details": {"state": (one.details or {}).get("state")}}
        for one in reversed(found)
        if one.action not in versions
    ]


def _say(*told: list[dict[str, Any]]) -> Response:
    """Together, the newest first."""
    oldest_first = sorted(chain(*told), key=itemgetter("logged_at"))
    return say(AuditShape(), reversed(oldest_first), many=True)


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
