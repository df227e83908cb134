"""Submissions: what was sent, read by who may, and what people said of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

from flask import Response, jsonify, request
from marshmallow import fields
from sqlalchemy.engine import Connection

from forms.difference import Change, difference
from forms.problems import (
    NEEDS_WORDS,
    NO_SUCH_ROW,
    NOT_FOUND,
    Refused,
)
from server.api.described import PAGED, yes_no
from server.api.described import XML as XML_FILE
from server.api.door import FORM, KNOWN, caller, route
from server.api.wire import Time, Wire, extended, flag, paging, sent, to_time
from server.runtime import runtime
from server.streams import stream
from sync import comments, reading, versions
from sync.access import Reading, actor_number
from sync.comments import Said
from sync.reading import FormView, Sender, Submission, Version, Wanted

ONE = f"{FORM}/submissions/<instance_id>"
JSON = "application/json"
XML = "application/xml; charset=utf-8"


# ------------------------------------------------------------------ shapes
class ActorShape(Wire):
    """Whoever sent something."""

    id = fields.Integer()
    type = fields.String()
    display_name = fields.String()
    created_at = Time()
    updated_at = Time()
    deleted_at = Time()


class VersionShape(Wire):
    instance_id = fields.String()
    instance_name = fields.String()
    submitter_id = fields.Integer()
    device_id = fields.String()
    user_agent = fields.String()
    created_at = Time()
    current = fields.Boolean()


class VersionExtra(Wire):
    """What X-Extended-Metadata adds."""

    always = False
    submitter = fields.Nested(ActorShape)


class SubmissionShape(Wire):
    """The top is the first version's, `currentVersion` the latest's."""

    instance_id = fields.String()
    submitter_id = fields.Integer()
    device_id = fields.String()
    user_agent = fields.String()
    review_state = fields.String()
    created_at = Time()
    updated_at = Time()
    deleted_at = Time()
    current_version = fields.Nested(VersionShape)


class SubmissionExtra(VersionExtra):
    """What X-Extended-Metadata adds, also to `currentVersion`."""

    form_version = fields.String()


class ChangeShape(Wire):
    old = fields.String()
    new = fields.String()
    path = fields.List(fields.String())


class KeyShape(Wire):
    id = fields.Integer()
    public = fields.String()
    managed = fields.Boolean()
    hint = fields.String()


class CommentShape(Wire):
    body = fields.String()
    actor_id = fields.Integer()
    created_at = Time()


class NewComment(Wire):
    body = fields.String(required=True)


CHANGES = fields.Dict(values=fields.List(fields.Nested(ChangeShape)))


def submission_json(one: Submission) -> dict[str, Any]:
    """The top is the first version's, `currentVersion` the latest's."""
    found = {
        "instanceId": one.instance_id,
        "submitterId": one.first.sender.id if one.first.sender else None,
        "deviceId": one.first.device_id,
        "userAgent": one.first.user_agent,
        "reviewState": one.review_state,
        "createdAt": to_time(one.created_at),
        "updatedAt": to_time(one.updated_at) if one.updated_at else None,
        "deletedAt": to_time(one.deleted_at) if one.deleted_at else None,
        "currentVersion": version_json(one.current),
    }
    if extended():
        found["submitter"] = sender_json(one.first.sender)
        found["formVersion"] = one.first.form_version
    return found


def version_json(one: Version) -> dict[str, Any]:
    """One version; pyODK wants a userAgent that is a text."""
    found = {
        "instanceId": one.instance_id,
        "instanceName": one.instance_name,
        "submitterId": one.sender.id if one.sender else None,
        "deviceId": one.device_id,
        "userAgent": one.user_agent or "",
        "createdAt": to_time(one.received_at),
        "current": one.is_current,
    }
    return found | ({"submitter": sender_json(one.sender)} if extended() else {})


def sender_json(one: Sender | None) -> dict[str, Any] | None:
    """An actor."""
    if one is None:
        return None
    return {
        "id": one.id,
        "type": "field_key" if one.kind == "app_user" else "user",
        "displayName": one.name,
        "createdAt": to_time(one.created_at),
        "updatedAt": None,
        "deletedAt": to_time(one.ended_at) if one.ended_at else None,
    }


Open = Callable[[Connection], FormView]  # the form as the caller may read it, or Refused


# ------------------------------------------------------------------ reading
def opened(db: Connection, form_id: str) -> FormView:
    """The form as the caller may read it. Refused(NOT_ALLOWED or UNKNOWN_FORM)."""
    here = runtime()
    return reading.open_form(db, here.library, caller(), form_id, here.now())


@route(
    f"{FORM}/submissions",
    KNOWN,
    gives=[(SubmissionShape, SubmissionExtra)],
    query=[*PAGED, yes_no("deleted", "The bin instead of what is there.")],
)
def list_submissions(form_id: str) -> Response:
    """Newest first; all of them where no limit is given."""
    return say_page(partial(opened, form_id=form_id), deleted=flag("deleted"))


def say_page(open_form: Open, *, deleted: bool = False) -> Response:
    """What the query asks for of the submissions of a form."""
    limit, offset = paging() if "limit" in request.args else (None, paging()[1])
    wanted = Wanted(limit=limit, offset=offset, deleted=deleted)
    after = request.args.get("after")

    def pieces(db: Connection) -> Iterator[bytes]:
        form = open_form(db)
        before = b"["
        page = wanted if after is None else replace(wanted, after=_key(db, form, after))
        for one in reading.page(db, form, page, answers=True):
            yield before + json.dumps(submission_json(one), ensure_ascii=False).encode()
            before = b","
        yield b"[]" if before == b"[" else b"]"

    return stream(pieces, JSON)


def _key(db: Connection, form: FormView, instance_id: str) -> int:
    """Where the page goes on, also after one deleted since. Refused(NO_SUCH_ROW)."""
    try:
        return reading.id_after(db, form, instance_id)
    except Refused:
        raise Refused(NO_SUCH_ROW()) from None


@route(ONE, KNOWN, gives=(SubmissionShape, SubmissionExtra))
def get_submission(form_id: str, instance_id: str) -> Response:
    """One submission, without its answers."""
    return say_one(partial(opened, form_id=form_id), instance_id)


def say_one(open_form: Open, instance_id: str) -> Response:
    """One submission of a form."""
    with runtime().database.read() as db:
        one = reading.find(db, open_form(db), instance_id, answers=True)
    return jsonify(submission_json(one))


@route(f"{ONE}.xml", KNOWN, gives=XML_FILE, also=[304])
def get_submission_xml(form_id: str, instance_id: str) -> Response:
    """The document that counts, byte for byte; whole, so only for who may see every answer."""
    return say_xml(partial(opened, form_id=form_id), instance_id)


def say_xml(open_form: Open, instance_id: str) -> Response:
    """The document of one submission of a form."""
    with runtime().database.read() as db:
        form = open_form(db)
        one = reading.find(db, form, instance_id)
        return _xml(reading.xml_of(db, form, one.current.id))


def _xml(document: bytes) -> Response:
    answer = Response(document, content_type=XML)
    answer.set_etag(sha256(document).hexdigest())
    answer.make_conditional(request)
    return answer


@route(f"{ONE}/versions", KNOWN, gives=[(VersionShape, VersionExtra)])
def list_submission_versions(form_id: str, instance_id: str) -> Response:
    """Every version, the newest first."""
    with runtime().database.read() as db:
        found = _versions(db, form_id, instance_id)
    return jsonify([version_json(one) for one in found])


@route(f"{ONE}/versions/<version>", KNOWN, gives=(VersionShape, VersionExtra))
def get_submission_version(form_id: str, instance_id: str, version: str) -> Response:
    """One version by its own instanceID."""
    with runtime().database.read() as db:
        return jsonify(version_json(_named(_versions(db, form_id, instance_id), version)))


@route(f"{ONE}/versions/<version>.xml", KNOWN, gives=XML_FILE, also=[304])
def get_submission_version_xml(form_id: str, instance_id: str, version: str) -> Response:
    """What was sent as that version, byte for byte."""
    with runtime().database.read() as db:
        form = opened(db, form_id)
        one = _named(_versions(db, form_id, instance_id), version)
        return _xml(reading.xml_of(db, form, one.id))


@route(f"{ONE}/diffs", KNOWN, gives=CHANGES)
def list_submission_differences(form_id: str, instance_id: str) -> Response:
    """Per version what it changed, answer by answer; names answers, so only for who sees all."""
    found = {}
    with runtime().database.read() as db:
        form = opened(db, form_id)
        form.require_whole()
        reading.find(db, form, instance_id)
        history = versions.history(db, versions.find(db, form_id, instance_id))
        for one in history:
            old = versions.before(history, one)
            if old is not None:
                filled = versions.get_filled(db, old.id), versions.get_filled(db, one.id)
                found[one.instance_id] = [_change(change) for change in difference(*filled)]
    return jsonify(found)


def _change(one: Change) -> dict[str, Any]:
    return {"old": one.old, "new": one.new, "path": one.path.split("/")}


def _versions(db: Connection, form_id: str, instance_id: str) -> list[Version]:
    form = opened(db, form_id)
    return reading.versions(db, form, reading.find(db, form, instance_id))


def _named(found: list[Version], instance_id: str) -> Version:
    """Of rivals with one id the one that counts, else the newest. Refused(NOT_FOUND)."""
    mine = [one for one in found if one.instance_id == instance_id]
    if not mine:
        raise Refused(NOT_FOUND())
    return next((one for one in mine if one.is_current), mine[0])


@route(f"{FORM}/submissions/submitters", KNOWN, gives=[ActorShape])
def list_submitters(form_id: str) -> Response:
    """Whoever sent something to this form."""
    with runtime().database.read() as db:
        return jsonify([sender_json(one) for one in reading.senders(db, opened(db, form_id))])


@route(f"{FORM}/submissions/keys", KNOWN, gives=[KeyShape])
def list_submission_keys(form_id: str) -> Response:
    """Keys the server could decrypt with, given a passphrase: none, it holds no key."""
    with runtime().database.read() as db:
        opened(db, form_id)
    return jsonify([])


@route(f"{ONE}/comments", KNOWN, gives=[CommentShape])
def list_submission_comments(form_id: str, instance_id: str) -> Response:
    """What people said, the newest first, also with a review; of who read no more than you may."""
    with runtime().database.read() as db:
        form = opened(db, form_id)
        one = reading.find(db, form, instance_id)
        who = (runtime().library, caller())
        said = comments.read_for(db, *who, form_id, form.reading, one.id)
    return jsonify([comment_json(each) for each in reversed(said) if each.text])


@route(
    f"{ONE}/comments", "submission.review", methods=["POST"], takes=NewComment, gives=CommentShape
)
def create_submission_comment(form_id: str, instance_id: str) -> Response:
    """Say something about it."""
    body = sent(NewComment())["body"]
    if not comments.clean(body):
        raise Refused(NEEDS_WORDS())
    with runtime().database.write() as db:
        one = reading.find(db, opened(db, form_id), instance_id)
        who = (caller().actor, runtime().now())
        made = comments.add(db, one.id, comments.COMMENT, body, *who)
        said = next(each for each in comments.read(db, one.id) if each.id == made)
    return jsonify(comment_json(said))


def comment_json(said: Said) -> dict[str, Any]:
    """One comment; the operator is nobody's number."""
    kind, _, number = said.actor.partition(":")
    actor_id = actor_number(kind, int(number)) if number else 0
    return {"body": said.text, "actorId": actor_id, "createdAt": to_time(said.at)}


# ------------------------------------------------------------------ one's own
def mine_or_whole(db: Connection, form_id: str, instance_id: str) -> tuple[Submission, FormView]:
    """What the caller sent, or may read with every answer. Refused."""
    found = mine(db, form_id, instance_id)
    if found is not None:
        return found
    opened(db, form_id).require_whole()
    return read_one(db, form_id, instance_id)


def read_one(db: Connection, form_id: str, instance_id: str) -> tuple[Submission, FormView]:
    """One submission with its answers, and the form as the caller may read it. Refused."""
    form = opened(db, form_id)
    return reading.find(db, form, instance_id, answers=True), form


def mine(db: Connection, form_id: str, instance_id: str) -> tuple[Submission, FormView] | None:
    """What the caller sent, whole; None for all else, be it here or not."""
    form = reading.view_form(db, form_id, Reading(None), caller().project_id)
    try:
        one = reading.find(db, form, instance_id, answers=True)
    except Refused:
        return None
    sender = one.current.sender
    return (one, form) if sender is not None and f"{sender.kind}:{sender.id}" == _me() else None


def _me() -> str:
    return f"{caller().kind}:{actor_number(caller().kind, caller().id)}"
