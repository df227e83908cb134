"""What was sent to try a draft out: kept like what is sent, and counted nowhere."""

from __future__ import annotations

from flask import Response
from sqlalchemy.engine import Connection

from server.api.described import ANY_FILE, CSV, PAGED, ZIP
from server.api.described import XML as XML_FILE
from server.api.door import FORM, KNOWN, caller, route
from server.api.submission_files import SubmissionFile, give_file, say_files
from server.api.submissions import (
    Open,
    SubmissionExtra,
    SubmissionShape,
    say_one,
    say_page,
    say_xml,
)
from server.api.submissions_csv import COLUMNS, WITH_FILES, say_csv, say_zip
from server.runtime import runtime
from sync import drafts, reading
from sync.reading import FormView

TRIED = f"{FORM}/draft/submissions"
ONE = f"{TRIED}/<instance_id>"


def _tried(form_id: str) -> Open:
    def open_form(db: Connection) -> FormView:
        here = runtime()
        return drafts.open_try_outs(db, here.library, caller(), form_id, here.now())

    return open_form


@route(TRIED, KNOWN, gives=[(SubmissionShape, SubmissionExtra)], query=PAGED)
def list_try_outs(form_id: str) -> Response:
    """Newest first. For who manages forms; of a draft that gives phones a list, which names people,
    for who reads all of the form.
    """
    return say_page(_tried(form_id))


@route(f"{TRIED}.csv", KNOWN, gives=CSV, query=COLUMNS, also=[501])
def export_try_outs_csv(form_id: str) -> Response:
    """The form's own table of them."""
    return say_csv(_tried(form_id), form_id)


@route(f"{TRIED}.csv.zip", KNOWN, gives=ZIP, query=WITH_FILES, also=[501])
def export_try_outs_zip(form_id: str) -> Response:
    """Every table of them, the audits, and the files unless they are not wanted."""
    return say_zip(_tried(form_id), form_id)


@route(ONE, KNOWN, gives=(SubmissionShape, SubmissionExtra))
def get_try_out(form_id: str, instance_id: str) -> Response:
    """One of them, without its answers."""
    return say_one(_tried(form_id), instance_id)


@route(f"{ONE}.xml", KNOWN, gives=XML_FILE, also=[304])
def get_try_out_xml(form_id: str, instance_id: str) -> Response:
    """Its document, byte for byte."""
    return say_xml(_tried(form_id), instance_id)


@route(f"{ONE}/attachments", KNOWN, gives=[SubmissionFile])
def list_try_out_files(form_id: str, instance_id: str) -> Response:
    """The files it names, here or not."""
    with runtime().database.read() as db:
        form = _tried(form_id)(db)
        return say_files(db, form, reading.find(db, form, instance_id, answers=True))


@route(f"{ONE}/attachments/<filename>", KNOWN, gives=ANY_FILE, also=[304])
def get_try_out_file(form_id: str, instance_id: str, filename: str) -> Response:
    """One of them, without the place a picture was taken at."""
    return give_file(_tried(form_id), instance_id, filename)
