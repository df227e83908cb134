"""The files of submissions: listed, given, brought."""

from __future__ import annotations

from functools import partial

from flask import Response, jsonify, request
from marshmallow import fields
from sqlalchemy.engine import Connection
from werkzeug.wsgi import get_input_stream

from forms.file_kinds import HEAD
from forms.file_names import file_name
from forms.problems import (
    NOT_ALLOWED,
    NOT_FOUND,
    Refused,
)
from forms.tree import files_in, form_tree
from forms.xml import Element
from server import downloads
from server.api.described import ANY_FILE
from server.api.door import KNOWN, route
from server.api.submissions import (
    ONE,
    Open,
    mine,
    mine_or_whole,
    opened,
    read_one,
)
from server.api.wire import Wire, done
from server.runtime import runtime
from server.upload import odd_kind
from server.writes import write
from sync import attachments, reading
from sync.reading import FormView, Submission
from sync.receive import ReceivedFile, flag_files, keep_files


class SubmissionFile(Wire):
    name = fields.String()
    exists = fields.Boolean()


@route(f"{ONE}/attachments", KNOWN, gives=[SubmissionFile])
def list_submission_files(form_id: str, instance_id: str) -> Response:
    """The files a submission names, here or not, and what else came along. Whoever sent it sees
    them at once: pyODK asks before it brings them, and before anything was filed under a club."""
    with runtime().database.read() as db:
        one, form = mine(db, form_id, instance_id) or read_one(db, form_id, instance_id)
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
        one, form = mine_or_whole(db, form_id, instance_id)
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


def _files(db: Connection, one: Submission) -> list[attachments.Attachment]:
    return attachments.of_version(db, one.current.id)


def _names(form: FormView, one: Submission) -> frozenset[str]:
    """What the document names, before anything was processed."""
    return files_in(form_tree(form.schemas, deleted=True), _document_of(one))


def _document_of(one: Submission) -> Element | None:
    return one.instance.root if one.instance else None
