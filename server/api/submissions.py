"""Submissions: what was sent, read by who may; sent, edited and judged by programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from flask import Response, jsonify, request
from marshmallow import fields, validate
from sqlalchemy.engine import Connection
from werkzeug.wsgi import get_input_stream

from forms.difference import Change, difference
from forms.file_kinds import HEAD
from forms.file_names import file_name
from forms.instance import Instance, one_id, read_instance
from forms.problems import (
    ALREADY_HERE,
    MISSING_FIELDS,
    NEEDS_WORDS,
    NO_DEPRECATED_ID,
    NO_SUCH_ROW,
    NOT_ALLOWED,
    NOT_FOUND,
    OTHER_FORM,
    Refused,
)
from forms.tree import files_in, form_tree
from forms.xml import MAX_BYTES, Element
from server import downloads
from server.api.described import ANY_FILE, PAGED, asked, yes_no
from server.api.described import XML as XML_FILE
from server.api.door import FORM, KNOWN, caller, route
from server.api.wire import Time, Wire, done, extended, flag, paging, sent, to_time
from server.auth import note_of_itself
from server.runtime import runtime
from server.streams import stream
from server.upload import odd_kind
from server.writes import write
from sync import attachments, comments, reading, versions
from sync.access import Reading, actor_number, doubts
from sync.comments import Said
from sync.reading import FormView, Sender, Submission, Version, Wanted
from sync.receive import Arrival, Outcome, Received, ReceivedFile, flag_files, keep_files, receive
from sync.tables import submission_versions

ONE = f"{FORM}/submissions/<instance_id>"
JSON = "application/json"
XML = "application/xml; charset=utf-8"


class NewReview(Wire):
    review_state = fields.String(allow_none=True, validate=validate.OneOf(versions.REVIEWS))


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


class SubmissionFile(Wire):
    name = fields.String()
    exists = fields.Boolean()


CHANGES = fields.Dict(values=fields.List(fields.Nested(ChangeShape)))
DOCUMENT = ("application/xml", "text/xml")
DEVICE = asked("deviceID", "What the sender calls itself.")


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


def notes() -> str:
    """Why it was done: Central's header, percent-encoded."""
    return unquote(request.headers.get("X-Action-Notes", ""))


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
        one, _ = _mine_or_whole(db, form_id, instance_id)
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
        versions.review(db, kept, given["review_state"], *who, notes())
        changed = reading.find(db, form, instance_id, answers=True)
    runtime().jobs.wake()
    return jsonify(submission_json(changed))


@route(ONE, "submission.review", methods=["DELETE"])
def delete_submission(form_id: str, instance_id: str) -> Response:
    """Out of lists and figures; kept."""
    with runtime().database.write() as db:
        _whole(db, form_id, instance_id, deleted=False)
        kept = versions.find(db, form_id, instance_id)
        versions.delete(db, kept, caller().actor, runtime().now(), notes())
    runtime().jobs.wake()
    return done()


@route(f"{ONE}/restore", "submission.review", methods=["POST"])
def restore_submission(form_id: str, instance_id: str) -> Response:
    """Take the deleting back."""
    with runtime().database.write() as db:
        _whole(db, form_id, instance_id, deleted=True)
        kept = versions.find(db, form_id, instance_id)
        versions.restore(db, kept, caller().actor, runtime().now(), notes())
    runtime().jobs.wake()
    return done()


def _whole(db: Connection, form_id: str, instance_id: str, *, deleted: bool) -> None:
    """Refused unless the caller may see all of it. Refused(NOT_FOUND)."""
    form = opened(db, form_id)
    form.require_whole()
    reading.find(db, form, instance_id, deleted=deleted)


# ------------------------------------------------------------------ files
@route(f"{ONE}/attachments", KNOWN, gives=[SubmissionFile])
def list_submission_files(form_id: str, instance_id: str) -> Response:
    """The files a submission names, here or not, and what else came along. Whoever sent it sees
    them at once: pyODK asks before it brings them, and before anything was filed under a club."""
    with runtime().database.read() as db:
        one, form = _mine(db, form_id, instance_id) or _read(db, form_id, instance_id)
        return say_files(db, form, one)


def say_files(db: Connection, form: FormView, one: Submission) -> Response:
    """The files that a submission names, and what else came along."""
    found = {file.name: file.sha256 is not None for file in _files(db, one)}
    named = _names(form, one)
    names = [*found, *sorted(named - set(found))]
    shown = [name for name in names if form.may_give(_document_of(one), name)]
    return jsonify([{"name": name, "exists": found.get(name, False)} for name in shown])


@route(f"{ONE}/attachments/<filename>", KNOWN, gives=ANY_FILE, also=[304])
def get_submission_file(form_id: str, instance_id: str, filename: str) -> Response:
    """A file as it came, without the place a picture was taken at."""
    return give_file(partial(opened, form_id=form_id), instance_id, filename)


def give_file(open_form: Open, instance_id: str, filename: str) -> Response:
    """One file of one submission of a form."""
    here = runtime()
    with here.database.read() as db:
        form = open_form(db)
        one = reading.find(db, form, instance_id, answers=True)
        if not form.may_give(_document_of(one), file_name(filename) or ""):
            raise Refused(NOT_ALLOWED())
        file = attachments.open_for_download(db, here.blobs, one.current.id, filename)
    return downloads.send(file)


@route(f"{ONE}/attachments/<filename>", "submission.create", methods=["POST"], takes=ANY_FILE)
def put_submission_file(form_id: str, instance_id: str, filename: str) -> Response:
    """Bring a file that the submission names: for who sent it, or reads it whole."""
    here, name = runtime(), file_name(filename)
    with here.database.read() as db:
        one, form = _mine_or_whole(db, form_id, instance_id)
        if name is None or name not in _names(form, one):
            raise Refused(NOT_FOUND())
    limit = here.settings.body_bytes
    blob = here.blobs.put(get_input_stream(request.environ, max_content_length=limit))
    file = ReceivedFile(name, blob, request.content_type)
    with here.blobs.open(blob.sha256) as source:
        flags = odd_kind(name, source.read(HEAD))

    def keep(db: Connection) -> None:
        keep_files(db, one.current.id, [file], here.now())
        flag_files(db, one.current.id, flags)

    write(here.database, keep)
    return done()


def _mine_or_whole(db: Connection, form_id: str, instance_id: str) -> tuple[Submission, FormView]:
    """What the caller sent, or may read with every answer. Refused."""
    mine = _mine(db, form_id, instance_id)
    if mine is not None:
        return mine
    opened(db, form_id).require_whole()
    return _read(db, form_id, instance_id)


def _read(db: Connection, form_id: str, instance_id: str) -> tuple[Submission, FormView]:
    form = opened(db, form_id)
    return reading.find(db, form, instance_id, answers=True), form


def _mine(db: Connection, form_id: str, instance_id: str) -> tuple[Submission, FormView] | None:
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


def _files(db: Connection, one: Submission) -> list[attachments.Attachment]:
    return attachments.of_version(db, one.current.id)


def _names(form: FormView, one: Submission) -> frozenset[str]:
    """What the document names, before anything was processed."""
    return files_in(form_tree(form.schemas, deleted=True), _document_of(one))


def _document_of(one: Submission) -> Element | None:
    return one.instance.root if one.instance else None
