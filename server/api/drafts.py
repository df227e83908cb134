"""A form tried out before it is published: begun, given files, published or dropped."""

from __future__ import annotations

from typing import BinaryIO, cast

from flask import Response, request

from forms.problems import NOT_FOUND, Refused
from server.api.described import ANY_FILE, asked
from server.api.door import FORM, caller, route
from server.api.form_contents import (
    ODATA_NAMES,
    XFORM,
    FieldShape,
    FileShape,
    document,
    file_of,
    say_fields,
    say_files,
)
from server.api.forms import (
    FORM_FILES,
    IGNORE_WARNINGS,
    FormExtra,
    FormShape,
    say_form,
    sent_form,
    visible,
)
from server.api.wire import done
from server.new_form import put_file, put_files
from server.runtime import runtime
from sync import definitions, drafts, publish
from sync.accounts import DRAFTS_ID


@route(
    f"{FORM}/draft",
    "forms.manage",
    methods=["POST"],
    takes=FORM_FILES,
    query=[IGNORE_WARNINGS],
    also=[409],
)
def begin_draft(form_id: str) -> Response:
    """Begin a draft from the form in the body; without one, from what is published."""
    here, who = runtime(), caller().actor
    if not _has_body():
        with here.database.write() as db:
            visible(db, form_id)
            drafts.draft_of_published(db, here.library, form_id, here.now(), who)
        return done()
    compiled = sent_form(form_id)
    media = put_files(here, compiled)
    with here.database.write() as db:
        visible(db, form_id)
        publish.draft_form(db, here.library, compiled, media, here.now(), who, whole=False)
    return done()


def _has_body() -> bool:
    return bool(request.content_length) or request.headers.get("Transfer-Encoding") is not None


@route(f"{FORM}/draft", "forms.manage", gives=(FormShape, FormExtra))
def get_draft(form_id: str) -> Response:
    """The draft, in the shape of a form."""
    return say_form(lambda db: definitions.get_draft(db, form_id))


@route(f"{FORM}/draft.xml", "forms.manage", gives=XFORM, also=[304])
def get_draft_xml(form_id: str) -> Response:
    """The draft's XForm."""
    return document(lambda db: definitions.get_draft(db, form_id))


@route(f"{FORM}/draft/fields", "forms.manage", gives=[FieldShape], query=[ODATA_NAMES])
def get_draft_fields(form_id: str) -> Response:
    """The draft's questions, groups and repeats."""
    return say_fields(lambda db: definitions.get_draft(db, form_id))


@route(f"{FORM}/draft/attachments", "forms.manage", gives=[FileShape])
def list_draft_attachments(form_id: str) -> Response:
    """The files the draft names, also those that are missing."""
    return say_files(lambda db: definitions.get_draft(db, form_id))


@route(f"{FORM}/draft/attachments/<path:name>", "forms.manage", gives=ANY_FILE, also=[304])
def get_draft_attachment(form_id: str, name: str) -> Response:
    """One of its files."""
    return file_of(lambda db: definitions.get_draft(db, form_id), form_id, name)


@route(f"{FORM}/draft/attachments/<path:name>", "forms.manage", methods=["POST"], takes=ANY_FILE)
def put_draft_attachment(form_id: str, name: str) -> Response:
    """The bytes of a file the draft names; sent in chunks or whole."""
    here = runtime()
    request.max_content_length = here.settings.body_bytes
    blob = put_file(here, name, cast(BinaryIO, request.stream))
    with here.database.write() as db:
        who = caller().actor
        publish.replace_media(db, form_id, name, blob, here.now(), who, DRAFTS_ID)
    return done()


@route(
    f"{FORM}/draft/publish",
    "forms.manage",
    methods=["POST"],
    query=[asked("version", "Publish it under this version.")],
    also=[409],
)
def publish_draft(form_id: str) -> Response:
    """Give it to phones, under `version` where the query names one."""
    here = runtime()
    version = request.args.get("version") or None
    with here.database.write() as db:
        drafts.publish_draft(db, here.library, form_id, version, here.now(), caller().actor)
    return done()


@route(f"{FORM}/draft", "forms.manage", methods=["DELETE"])
def drop_draft(form_id: str) -> Response:
    """Let nobody try it out any more."""
    with runtime().database.write() as db:
        if not publish.end_draft(db, form_id, runtime().now(), caller().actor):
            raise Refused(NOT_FOUND())
    return done()
