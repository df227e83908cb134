"""The phone's conversations in OpenRosa: list, form, manifest, media, integrity, submission.

A submission is answered 201 only after its bytes are kept; the same again gets 201 again.
"""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from hashlib import md5
from io import SEEK_END
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from flask import Blueprint, Flask, Response, g, request
from sqlalchemy.engine import Connection
from werkzeug.wsgi import wrap_file

from forms.problems import NOT_FOUND, Refused
from server import auth
from server.errors import OPENROSA_XML, openrosa_headers, speaks_openrosa
from server.posting import posting, read_post
from server.runtime import runtime
from server.upload import open_upload
from sync import catalogue, publish
from sync.access import Caller
from sync.accounts import PROJECT_ID

CSV = "text/csv; charset=utf-8"
WORTH_GZIP = 500  # bytes
MOST_REMEMBERED = 200_000
DRAFT = "/v1/test/<token>/projects/<project>/forms/<path:draft>"  # base of a form being tried out

openrosa = Blueprint("openrosa", __name__)


def register(app: Flask) -> None:
    """The same routes for a password, for a token in either spelling, and for a draft."""
    app.register_blueprint(openrosa)
    app.register_blueprint(openrosa, url_prefix="/key/<token>", name="openrosa_key")
    app.register_blueprint(
        openrosa, url_prefix="/v1/key/<token>/projects/<project>", name="openrosa_v1_key"
    )
    app.register_blueprint(_by_password(), url_prefix="/v1/projects/<project>")
    app.register_blueprint(openrosa, url_prefix=f"{DRAFT}/draft", name="openrosa_draft")
    app.register_blueprint(_of_draft(), url_prefix=DRAFT)
    app.after_request(_openrosa_headers)


def _by_password() -> Blueprint:
    """The same in Central's spelling without a token; the other addresses there are the API's."""
    people = Blueprint("openrosa_v1", __name__)
    people.url_value_preprocessor(_take_base)
    people.before_request(_let_in)
    for rule, view in (
        ("/formList", form_list),
        ("/forms/<form_id>/manifest", manifest),
        ("/datasets/<list_name>/integrity", integrity),
        ("/submission", before_submission),
    ):
        people.add_url_rule(rule, view_func=view, strict_slashes=False)
    people.add_url_rule("/submission", view_func=submit, methods=["POST"], strict_slashes=False)
    return people


def _of_draft() -> Blueprint:
    """What Central calls a draft's own form and files; the form's id stands in the base already."""
    files = Blueprint("openrosa_draft_files", __name__)
    files.url_value_preprocessor(_take_base)
    files.before_request(_let_in)
    for rule, view in (
        (".xml", xform),
        ("/manifest", manifest),
        ("/attachments/<filename>", attachment),
    ):
        files.add_url_rule(f"/draft{rule}", view.__name__, partial(_with_draft, view))
    return files


def _with_draft(view: Callable[..., Response], **values: str) -> Response:
    return view(form_id=g.draft, **values)


# ------------------------------------------------------------------ who asks, and from where


@openrosa.url_value_preprocessor
def _take_base(endpoint: str | None, values: dict[str, str] | None) -> None:
    """Keep token and project out of the views; all addresses we hand out repeat them."""
    values = values if values is not None else {}
    g.token, g.project = values.pop("token", None), values.pop("project", None)
    g.draft = values.pop("draft", None)


@openrosa.before_request
def _let_in() -> None:
    g.caller = _asking()
    if g.project not in (None, str(PROJECT_ID)):
        raise Refused(NOT_FOUND())


def _asking() -> Caller:
    if g.draft is not None:
        return _draft_caller()
    return auth.password_caller() if g.token is None else auth.token_caller(g.token)


def _draft_caller() -> Caller:
    """Whoever tries out the draft in the path; 404, as Central, for any token but its own."""
    try:
        found = auth.token_caller(g.token)
    except Refused:
        raise Refused(NOT_FOUND()) from None
    draft_id = runtime().database.ask(lambda db: publish.find_draft(db, g.draft))
    if draft_id is None or found.form_id != draft_id:
        raise Refused(NOT_FOUND())
    return found


def caller() -> Caller:
    """Whoever makes this request."""
    found: Caller = g.caller
    return found


def _address(*parts: str) -> str:
    """An absolute URL under the base that was called, each part percent-encoded whole."""
    base = auth.origin() + request.root_path
    if g.draft is not None:
        base += f"/v1/test/{g.token}/projects/{g.project}/forms/{quote(g.draft, safe='')}/draft"
    elif g.project is not None:
        key = "" if g.token is None else f"/key/{g.token}"
        base += f"/v1{key}/projects/{g.project}"
    elif g.token is not None:
        base += f"/key/{g.token}"
    return base + "".join("/" + quote(part, safe="") for part in parts)


# ------------------------------------------------------------------ what phones download


@openrosa.get("/formList", strict_slashes=False)
def form_list() -> Response:
    """The forms the caller may fill in. Whole or not at all: a short list wipes forms away."""
    auth.require(caller(), "form.list")
    with runtime().database.read() as db:
        listed = catalogue.list_forms(db, runtime().library, caller())
    wanted = request.args.get("formID")
    items = [_listed(form) for form in listed if wanted in (None, form.xml_form_id)]
    body = _document("xforms", "http://openrosa.org/xforms/xformsList", items)
    return _answer(body, OPENROSA_XML)


def _listed(form: catalogue.ListedForm) -> str:
    form_id = form.xml_form_id
    parts = [
        _element("formID", form_id),
        _element("name", form.title.strip() or form_id),  # one empty name, and the list is refused
        _element("version", form.version),
        _element("hash", f"md5:{form.md5}"),
        _element("downloadUrl", _address("forms", f"{form_id}.xml")),
    ]
    if form.has_manifest:
        parts.append(_element("manifestUrl", _address("forms", form_id, "manifest")))
    return f"<xform>{''.join(parts)}</xform>"


@openrosa.get("/forms/<path:form_id>.xml")
@openrosa.get("/forms/<form_id>.xml")  # before the API's route for the same, which weighs more
def xform(form_id: str) -> Response:
    """The very bytes whose MD5 the list shows."""
    auth.require(caller(), "form.list")
    with runtime().database.read() as db:
        form = catalogue.get_xform(db, runtime().library, caller(), form_id)
    return _answer(form.xform, "application/xml; charset=utf-8", form.md5)


@openrosa.get("/forms/<path:form_id>/manifest")
def manifest(form_id: str) -> Response:
    """The files of a form, with a mark that changes when the caller's copy of a file does."""
    auth.require(caller(), "form.list")
    with runtime().database.read() as db:
        entries = catalogue.manifest(db, runtime().library, caller(), form_id, runtime().now())
    items = [_media_file(form_id, entry) for entry in entries]
    body = _document("manifest", "http://openrosa.org/xforms/xformsManifest", items)
    return _answer(body, OPENROSA_XML)


def _media_file(form_id: str, entry: catalogue.MediaEntry) -> str:
    parts = [
        _element("filename", entry.filename),
        _element("hash", f"md5:{entry.hash}"),
        _element("downloadUrl", _address("forms", form_id, "attachments", entry.filename)),
    ]
    if entry.list_name is None:
        return f"<mediaFile>{''.join(parts)}</mediaFile>"
    parts.append(_element("integrityUrl", _address("datasets", entry.list_name, "integrity")))
    return f'<mediaFile type="entityList">{"".join(parts)}</mediaFile>'


@openrosa.get("/forms/<path:form_id>/attachments/<filename>")
def attachment(form_id: str, filename: str) -> Response:
    """One file of a form; an entity list is cut to what the caller may have."""
    auth.require(caller(), "form.list")
    here = runtime()
    with here.database.read() as db:
        entry = catalogue.get_attachment(db, here.library, caller(), form_id, filename, here.now())
        if entry.list_name is not None:
            return _entity_list(db, entry)
    assert entry.sha256 is not None
    kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    return stored_file(entry.sha256, entry.hash, kind)


def _entity_list(db: Connection, entry: catalogue.MediaEntry) -> Response:
    """The CSV, made whole before the answer begins: a list cut short reads as rows deleted."""
    if request.if_none_match.contains_weak(entry.hash):
        return _answer(b"", CSV, entry.hash)
    assert entry.list_name is not None
    here = runtime()
    pieces = catalogue.entity_csv(db, here.library, caller(), entry.list_name, here.now())
    return _answer(b"".join(pieces), CSV, entry.hash)


def stored_file(sha256: str, mark: str, content_type: str) -> Response:
    """Stored bytes, streamed; not gzipped, for most are pictures and sound."""
    answer = Response(content_type=content_type)
    answer.set_etag(mark)
    if request.if_none_match.contains_weak(mark):
        answer.status_code = 304
        return answer
    blob = runtime().blobs.open(sha256)
    answer.content_length = blob.seek(0, SEEK_END)
    blob.seek(0)
    answer.response = wrap_file(request.environ, blob)
    answer.direct_passthrough = True
    return answer


@openrosa.get("/datasets/<list_name>/integrity")
def integrity(list_name: str) -> Response:
    """Which of the phone's own entities are deleted here; what never arrived is left out."""
    auth.require(caller(), "form.list")
    ids = [i for i in request.args.get("id", "").split(",") if i and "\x00" not in i]
    with runtime().database.read() as db:
        found = catalogue.integrity(
            db, runtime().library, caller(), list_name, ids, runtime().now()
        )
    items = [
        f"<entity id={quoteattr(uuid)}><deleted>{str(deleted).lower()}</deleted></entity>"
        for uuid, deleted in found
    ]
    body = f"<data><entities>{''.join(items)}</entities></data>".encode()
    return _answer(body, OPENROSA_XML)


# ------------------------------------------------------------------ what phones send


@openrosa.get("/submission", strict_slashes=False)
def before_submission() -> Response:
    """HEAD or GET before a POST: only 204 lets Collect go on, and a Location unlearns the limit."""
    return Response(status=204)


@openrosa.post("/submission", strict_slashes=False)
def submit() -> Response:
    """Keep one POST of an instance, whole or a part of its files."""
    auth.require(caller(), "submission.create")
    with open_upload(request.environ, runtime().settings.body_bytes) as upload:
        post = read_post(request.environ, upload, runtime(), caller())
    return posting().keep(request.environ, post)


# ------------------------------------------------------------------ documents


def _document(root: str, namespace: str, items: Iterable[str]) -> bytes:
    """Default namespace, no prefixes: Enketo reads literal tag names."""
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{namespace}">'
    return f"{head}{''.join(items)}</{root}>\n".encode()


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _answer(body: bytes, content_type: str, mark: str | None = None) -> Response:
    """200 with an ETag, or 304 when the phone has it already; gzip where that is asked for.

    `mark` must change when the body does; without it the body's own MD5 is taken.
    """
    mark = mark or md5(body, usedforsecurity=False).hexdigest()
    answer = Response(content_type=content_type)
    answer.headers["Vary"] = "Accept-Encoding"
    answer.set_etag(mark)
    if request.if_none_match.contains_weak(mark):
        answer.status_code = 304
    elif len(body) > WORTH_GZIP and request.accept_encodings["gzip"] > 0:
        answer.data = _gzip(body)
        answer.headers["Content-Encoding"] = "gzip"
    else:
        answer.data = body
    return answer


def _gzip(body: bytes) -> bytes:
    """Forms are asked for again and again; what is large is not kept, to bound the memory."""
    return _remembered_gzip(body) if len(body) < MOST_REMEMBERED else _new_gzip(body)


def _new_gzip(body: bytes) -> bytes:
    return gzip.compress(body, 5, mtime=0)


_remembered_gzip = lru_cache(maxsize=32)(_new_gzip)


def _openrosa_headers(answer: Response) -> Response:
    """On every answer through this door, errors of the framework and 304 included."""
    if not speaks_openrosa():
        return answer
    answer.headers.update(openrosa_headers(runtime().settings.post_bytes))
    return answer
