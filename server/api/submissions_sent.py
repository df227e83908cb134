"""Submissions sent, edited and judged by programs."""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import unquote

import sqlalchemy as sa
from flask import Response, jsonify, request
from marshmallow import fields, validate
from sqlalchemy.engine import Connection
from werkzeug.wsgi import get_input_stream

from forms.instance import Instance, one_id, read_instance
from forms.problems import (
    ALREADY_HERE,
    MISSING_FIELDS,
    NO_DEPRECATED_ID,
    OTHER_FORM,
    Refused,
)
from forms.xml import MAX_BYTES
from server.api.described import asked
from server.api.door import FORM, caller, route
from server.api.submissions import (
    ONE,
    SubmissionExtra,
    SubmissionShape,
    mine_or_whole,
    opened,
    submission_json,
)
from server.api.wire import Wire, done, sent
from server.auth import note_of_itself
from server.runtime import runtime
from server.writes import write
from sync import reading, versions
from sync.access import Reading, doubts
from sync.reading import Submission
from sync.receive import Arrival, Outcome, Received, receive
from sync.tables import submission_versions

DOCUMENT = ("application/xml", "text/xml")
DEVICE = asked("deviceID", "What the sender calls itself.")


class NewReview(Wire):
    review_state = fields.String(allow_none=True, validate=validate.OneOf(versions.REVIEWS))


# ------------------------------------------------------------------ sending
@route(
    f"{FORM}/submissions",
    "submission.create",
    methods=["POST"],
    takes=DOCUMENT,
    gives=(SubmissionShape, SubmissionExtra),
    query=[DEVICE],
    also=[409],
)
def create_submission(form_id: str) -> Response:
    """Keep a document. What is here already is refused, unlike through the phones' door; other
    content under a known id is kept beside it all the same, and flagged."""
    xml, instance = _document(form_id)
    now = runtime().now()
    received = write(runtime().database, lambda db: receive(db, _arrival(xml, instance), now))
    runtime().jobs.wake()
    if received.outcome not in (Outcome.NEW, Outcome.EDITED):
        raise Refused(ALREADY_HERE(instance=instance.instance_id))
    return _kept(form_id, received)


@route(
    ONE,
    "submission.review",
    methods=["PUT"],
    takes=DOCUMENT,
    gives=(SubmissionShape, SubmissionExtra),
    query=[DEVICE],
    also=[409],
)
def edit_submission(form_id: str, instance_id: str) -> Response:
    """Put a new version in the place of the one that counts; the same again is the same."""
    xml, instance = _document(form_id)

    def keep(db: Connection) -> Received:
        # Who does not see an answer would write a blank over it.
        one, _ = mine_or_whole(db, form_id, instance_id)
        if not _is_here(db, one, xml) and not _edits(instance, one):
            raise Refused(NO_DEPRECATED_ID())
        return receive(db, _arrival(xml, instance), runtime().now())

    received = write(runtime().database, keep)
    runtime().jobs.wake()
    return _kept(form_id, received)


def _document(form_id: str) -> tuple[bytes, Instance]:
    """The body as sent and as read. Refused for what is no document of this form."""
    xml = get_input_stream(request.environ, max_content_length=MAX_BYTES).read()
    instance = read_instance(xml)
    if instance.xml_form_id != form_id:
        raise Refused(OTHER_FORM())
    return xml, instance


def _arrival(xml: bytes, instance: Instance) -> Arrival:
    is_phone = caller().kind == "app_user"
    user_agent, device_id = note_of_itself(request)
    return Arrival(
        project_id=caller().project_id,
        only_form_id=caller().form_id,
        instance=instance,
        xml=xml,
        device_id=device_id,
        user_agent=user_agent,
        app_user_id=caller().id if is_phone else None,
        user_id=None if is_phone else caller().id,
        problems=doubts(runtime().library, caller(), instance.xml_form_id),
    )


def _is_here(db: Connection, one: Submission, xml: bytes) -> bool:
    v = submission_versions.c
    same = (v.submission_id == one.id, v.sha256 == sha256(xml).hexdigest())
    return db.execute(sa.select(v.id).where(*same)).first() is not None


def _edits(instance: Instance, one: Submission) -> bool:
    """Whether it says that it takes the place of what counts now."""
    old = instance.deprecated_id
    return old is not None and one_id(old) == one_id(one.current.instance_id)


def _kept(form_id: str, received: Received) -> Response:
    """What the sender may know of what it sent."""
    with runtime().database.read() as db:
        form = reading.view_form(db, form_id, Reading(None), caller().project_id)
        return jsonify(
            submission_json(reading.find_by_version(db, form, received.submission_version_id))
        )


# ------------------------------------------------------------------ judging
@route(
    ONE,
    "submission.review",
    methods=["PATCH"],
    takes=NewReview,
    gives=(SubmissionShape, SubmissionExtra),
)
def review_submission(form_id: str, instance_id: str) -> Response:
    """Say what a person thinks of it."""
    given = sent(NewReview())
    if "review_state" not in given:
        raise Refused(MISSING_FIELDS(fields="reviewState"))
    with runtime().database.write() as db:
        form = opened(db, form_id)
        one = reading.find(db, form, instance_id)
        kept = versions.find(db, form_id, one.instance_id)
        who = (caller().actor, runtime().now())
        versions.review(db, kept, given["review_state"], *who, _notes())
        changed = reading.find(db, form, instance_id, answers=True)
    runtime().jobs.wake()
    return jsonify(submission_json(changed))


@route(ONE, "submission.review", methods=["DELETE"])
def delete_submission(form_id: str, instance_id: str) -> Response:
    """Out of lists and figures; kept."""
    with runtime().database.write() as db:
        _whole(db, form_id, instance_id, deleted=False)
        kept = versions.find(db, form_id, instance_id)
        versions.delete(db, kept, caller().actor, runtime().now(), _notes())
    runtime().jobs.wake()
    return done()


@route(f"{ONE}/restore", "submission.review", methods=["POST"])
def restore_submission(form_id: str, instance_id: str) -> Response:
    """Take the deleting back."""
    with runtime().database.write() as db:
        _whole(db, form_id, instance_id, deleted=True)
        kept = versions.find(db, form_id, instance_id)
        versions.restore(db, kept, caller().actor, runtime().now(), _notes())
    runtime().jobs.wake()
    return done()


def _whole(db: Connection, form_id: str, instance_id: str, *, deleted: bool) -> None:
    """Refused unless the caller may see all of it. Refused(NOT_FOUND)."""
    form = opened(db, form_id)
    form.require_whole()
    reading.find(db, form, instance_id, deleted=deleted)


def _notes() -> str:
    """Why it was done: Central's header, percent-encoded."""
    return unquote(request.headers.get("X-Action-Notes", ""))
