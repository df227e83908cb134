"""Forms: uploaded with what is wrong by row and cell, seen, tried out, published, closed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import PurePath
from typing import BinaryIO, cast

from flask import render_template, request
from markupsafe import Markup
from sqlalchemy.engine import Connection
from werkzeug.datastructures import FileStorage

from forms.days import vietnam_day
from forms.form_problems import EMPTY_FILE, FILE_TOO_LARGE, FORM_ID_IS_ADDRESS, FormRefused
from forms.problems import BAD_FIELDS, NO_FILE, NOT_FOUND, Problem, Refused
from forms.schema import Field, FormSchema, in_language
from forms.xlsform import Compiled, compile_form, to_xlsx
from server import auth
from server.api.forms import LARGEST_FORM, NOT_AN_ID
from server.downloads import XLSX, as_file, named
from server.new_form import put_file, put_files
from server.openrosa import stored_file
from server.pages.door import Answer, caller, done, in_menu, page, pages
from server.pages.words import gettext as _
from server.pages.words import language, mark
from server.qr import draft_url, inline_qr, of_draft, phone_url
from server.runtime import runtime
from sync import accounts, definitions, drafts, form_list, posts, public_links, publish
from sync.accounts import DRAFTS_ID, PROJECT_ID
from sync.definitions import Definition, FormFigures

MANAGE = "forms.manage"
FORM = "/forms/<form_id>"
ENDINGS = {".md": "md", ".csv": "csv", ".xml": "xml"}  # any other is looked at as a workbook
MOST_CHOICES = 12  # of one question that are drawn

STATES = {
    "open": mark("Open: phones get it"),
    "closing": mark("Closing: hidden, filled-in forms are taken"),
    "closed": mark("Closed: what comes later is kept and flagged"),
    "deleted": mark("Deleted by a program: what comes later is kept and flagged"),
    form_list.DRAFT: mark("Draft being tried out"),
    form_list.DRAFT_ENDED: mark("Draft that has ended"),
}
MOVES = {
    "open": mark("Open it again"),
    "closing": mark("Hide it, still take what is filled in"),
    "closed": mark("Close it"),
}


@in_menu(mark("Forms"), 60)
@page("/forms", MANAGE)
def list_forms() -> Answer:
    """Every form and every draft: versions, state, how much was sent."""
    with runtime().database.read() as db:
        found = form_list.read_forms(db)
    return render_template("forms.html", forms=found, states=STATES)


@page(FORM, MANAGE)
def show_form(form_id: str) -> Answer:
    """One form: its state, versions, files, draft and public links."""
    return _show_form(form_id)


def _show_form(form_id: str, part: str = "", problem: Problem | None = None) -> Answer:
    """problem: with the part of the page ("file", "link") that was sent and refused."""
    with runtime().database.read() as db:
        found = definitions.get_published(db, form_id)
        shown = render_template(
            "form.html",
            form=found,
            versions=definitions.list_versions(db, form_id),
            files=definitions.list_files(db, found.version_id),
            draft=definitions.find_draft(db, form_id),
            figures=definitions.form_figures(db).get(found.form, FormFigures()),
            links=public_links.list_links(db, form_id),
            roles=[one for one in runtime().library.roles.values() if one.has_phone],
            places=posts.choices(db, vietnam_day(runtime().now())),
            states=STATES,
            moves=[(state, MOVES[state]) for state in publish.STATES if state != found.state],
            origin=auth.origin(),
            given=request.form,
            wrong={part: problem},
        )
    return shown, problem.status if problem else 200


# ------------------------------------------------------------------ in
@page("/upload-form", MANAGE, methods=("GET", "POST"))
def upload_form() -> Answer:
    """A designer's file becomes a draft; or all that is wrong with it, with sheet, row and cell."""
    if request.method == "GET":
        return render_template("form_upload.html", problems=(), name="")
    file = request.files.get("file")
    name = PurePath(file.filename or "").name if file else ""
    try:
        compiled = _compiled(file, name)
        _keep_draft(compiled)
    except FormRefused as refused:
        shown = render_template("form_upload.html", problems=refused.problems, name=name)
        return shown, 400
    form_id = compiled.xml_form_id
    if compiled.warnings:  # to read once; the draft is kept all the same
        return render_template("form_warnings.html", problems=compiled.warnings, form_id=form_id)
    return done(_("The draft is kept. Try it out on a phone."), "show_draft", form_id=form_id)


def _compiled(file: FileStorage | None, name: str) -> Compiled:
    """FormRefused, also for an id that would be another form's address."""
    source = file.read(LARGEST_FORM + 1) if file else b""
    if not source:
        raise FormRefused((EMPTY_FILE(),))
    if len(source) > LARGEST_FORM:
        raise FormRefused((FILE_TOO_LARGE(limit=LARGEST_FORM // 1_000_000),))
    kind = ENDINGS.get(PurePath(name).suffix.lower(), "xlsx")
    compiled = compile_form(source, kind, PurePath(name).stem or "form")
    if "/" in compiled.xml_form_id or compiled.xml_form_id.lower().endswith(NOT_AN_ID):
        raise FormRefused((FORM_ID_IS_ADDRESS(form=compiled.xml_form_id),))
    return compiled


def _keep_draft(compiled: Compiled) -> None:
    here = runtime()
    media = put_files(here, compiled)
    with here.database.write() as db:
        who = (here.now(), caller().actor)
        publish.draft_form(db, here.library, compiled, media, *who, whole=False)


@page(f"{FORM}/media", MANAGE, methods=("POST",))
def replace_form_file(form_id: str) -> Answer:
    """Other bytes for a file that the form names."""
    try:
        _replace(form_id, PROJECT_ID)
    except Refused as refused:
        return _show_form(form_id, "file", refused.problem)
    return done(_("The file is kept: phones fetch it."), "show_form", form_id=form_id)


@page(f"{FORM}/draft/media", MANAGE, methods=("POST",))
def replace_draft_file(form_id: str) -> Answer:
    """Other bytes for a file that the draft names."""
    try:
        _replace(form_id, DRAFTS_ID)
    except Refused as refused:
        return _show_draft(form_id, "file", [refused.problem])
    return done(_("The file is kept: phones fetch it."), "show_draft", form_id=form_id)


def _replace(form_id: str, project: int) -> None:
    here, file = runtime(), request.files.get("file")
    if file is None or not file.filename:
        raise Refused(NO_FILE())
    name = request.form.get("name", "")
    blob = put_file(here, name, cast(BinaryIO, file.stream))
    with here.database.write() as db:
        publish.replace_media(db, form_id, name, blob, here.now(), caller().actor, project)


# ------------------------------------------------------------------ out
@page(f"{FORM}/preview", MANAGE)
def preview_form(form_id: str) -> Answer:
    """A version as a phone asks it, and its questions as a table."""
    with runtime().database.read() as db:
        found = _asked(db, form_id)
    drawn = list(drawing(found.schema, language()))
    return render_template("form_preview.html", form=found, drawn=drawn)


@page(f"{FORM}/back/<any(xlsx, xml):kind>", MANAGE)
def form_file(form_id: str, kind: str) -> Answer:
    """A version back: a workbook to edit, or the XForm as phones get it."""
    with runtime().database.read() as db:
        found = _asked(db, form_id)
    if kind == "xml":
        return as_file(f"{form_id}.xml", found.xform, "application/xml; charset=utf-8")
    if found.kind == "xml":
        raise Refused(NOT_FOUND())
    return as_file(f"{form_id}.xlsx", to_xlsx(found.source, found.kind), XLSX)


@page(f"{FORM}/media/<path:name>", MANAGE)
def form_media(form_id: str, name: str) -> Answer:
    """A stored file of a version; lists of people are not given here."""
    with runtime().database.read() as db:
        file = definitions.get_file(db, _asked(db, form_id).version_id, name)
    if file.blob is None:
        raise Refused(NOT_FOUND())
    answer = stored_file(file.blob.sha256, file.blob.md5, "application/octet-stream")
    return named(answer, file.name)


def _asked(db: Connection, form_id: str) -> Definition:
    """The version that the address names, or the draft; else what phones get. Refused."""
    if "draft" in request.args:
        return definitions.get_draft(db, form_id)
    if "version" in request.args:
        return definitions.get_version(db, form_id, request.args["version"])
    return definitions.get_published(db, form_id)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A question as it is drawn; `more`: how many of its choices are not."""

    field: Field
    depth: int
    label: str
    choices: tuple[str, ...] = ()
    more: int = 0


def drawing(schema: FormSchema, language: str) -> Iterator[Drawn]:
    """What a phone shows, in the form's order: all that has a label."""
    for field in schema.fields:
        label = in_language(field.labels, language)
        if label:
            choices = [in_language(one.labels, language) or one.name for one in field.choices or ()]
            drawn = tuple(choices[:MOST_CHOICES])
            yield Drawn(field, len(field.path), label, drawn, len(choices) - len(drawn))


@pages.app_template_filter("bold")
def bold(label: str) -> Markup:
    """A label with its **strong** words, as phones show them; all else as it is written."""
    parts = re.split(r"\*\*(.+?)\*\*", label, flags=re.DOTALL)
    strong = (Markup("<strong>{}</strong>").format(part) for part in parts[1::2])
    return Markup("").join(chain(*zip_longest(parts[::2], strong, fillvalue="")))


# ------------------------------------------------------------------ life
@page(f"{FORM}/state", MANAGE, methods=("POST",))
def change_form_state(form_id: str) -> Answer:
    """Open it, let it close, or close it."""
    state = request.form.get("state", "")
    if state not in publish.STATES:
        raise Refused(BAD_FIELDS(fields="state"))
    with runtime().database.write() as db:
        publish.set_state(db, form_id, state, runtime().now(), caller().actor)
    return done(_(STATES[state]), "show_form", form_id=form_id)


@page(f"{FORM}/draft", MANAGE)
def show_draft(form_id: str) -> Answer:
    """The draft: what it still lacks, a code to try it out, and the button that publishes it."""
    return _show_draft(form_id)


def _show_draft(form_id: str, part: str = "", problems: Sequence[Problem] = ()) -> Answer:
    """problems: with the part of the page ("file", "code", "publish") that was sent and refused."""
    here = runtime()
    with here.database.read() as db:
        draft = definitions.get_draft(db, form_id)
        good = drafts.testers(db, here.library, draft)
        shown = render_template(
            "form_draft.html",
            form=draft,
            files=definitions.list_files(db, draft.version_id),
            figures=definitions.form_figures(db).get(draft.form, FormFigures()),
            roles=[here.library.roles[name] for name in good],
            places=posts.choices(db, vietnam_day(here.now())),
            origin=auth.origin(),
            given=request.form,
            wrong={part: problems},
        )
    return shown, (problems[0].status or 400) if problems else 200


@page(f"{FORM}/draft/begin", MANAGE, methods=("POST",))
def begin_form_draft(form_id: str) -> Answer:
    """A draft of what phones have now."""
    here = runtime()
    with here.database.write() as db:
        drafts.draft_of_published(db, here.library, form_id, here.now(), caller().actor)
    return done(_("The draft is kept. Try it out on a phone."), "show_draft", form_id=form_id)


@page(f"{FORM}/draft/code", MANAGE, methods=("POST",))
def draft_code(form_id: str) -> Answer:
    """A code to try the draft out; the answer shows it, once."""
    here, token = runtime(), auth.new_token()
    role = request.form.get("role") or None
    try:
        with here.database.write() as db:
            who = (role, _chosen_post(db, role or ""), token, here.now(), caller().actor)
            made = drafts.let_in(db, here.library, form_id, *who)
    except Refused as refused:
        return _show_draft(form_id, "code", [refused.problem])
    url = draft_url(auth.origin(), token, form_id)
    code = inline_qr(url, made.name, *of_draft(made.title))
    return render_template("form_code.html", form_id=form_id, title=made.title, url=url, code=code)


def _chosen_post(db: Connection, role: str) -> posts.Post:
    """The place that was chosen, or none. Refused(UNKNOWN_PLACE)."""
    here, chosen = runtime(), request.form.get("place", "")
    if not chosen:
        return None, None
    return posts.find_chosen(db, here.library, role, chosen, vietnam_day(here.now()))


@page(f"{FORM}/draft/publish", MANAGE, methods=("POST",))
def publish_form_draft(form_id: str) -> Answer:
    """Give it to phones, under another version where one is written."""
    here, version = runtime(), request.form.get("version", "").strip() or None
    try:
        with here.database.write() as db:
            who = (here.now(), caller().actor)
            drafts.publish_draft(db, here.library, form_id, version, *who)
    except FormRefused as refused:
        return _show_draft(form_id, "publish", refused.problems)
    here.jobs.wake()
    return done(_("Published: phones get it with their next look."), "show_form", form_id=form_id)


@page(f"{FORM}/draft/drop", MANAGE, methods=("POST",))
def drop_form_draft(form_id: str) -> Answer:
    """Let nobody try it out any more."""
    with runtime().database.write() as db:
        if not publish.end_draft(db, form_id, runtime().now(), caller().actor):
            raise Refused(NOT_FOUND())
    return done(_("The draft has ended; what was sent for it stays, as a draft's."), "list_forms")


# ------------------------------------------------------------------ public links
@page(f"{FORM}/links", MANAGE, methods=("POST",))
def make_form_link(form_id: str) -> Answer:
    """A link to this one form for whoever has it; the answer shows it, once."""
    here, token = runtime(), auth.new_token()
    name, role = request.form.get("name", ""), request.form.get("role", "")
    try:
        with here.database.write() as db:
            title = definitions.get_published(db, form_id).name
            who = (name, role, _chosen_post(db, role), token, here.now(), caller().actor)
            public_links.make(db, here.library, form_id, *who)
    except Refused as refused:
        return _show_form(form_id, "link", refused.problem)
    url = phone_url(auth.origin(), token)
    code = inline_qr(url, accounts.clean_name(name), title)
    return render_template("form_code.html", form_id=form_id, title=title, url=url, code=code)


@page(f"{FORM}/links/<int:number>/revoke", MANAGE, methods=("POST",))
def revoke_form_link(form_id: str, number: int) -> Answer:
    """End a link at its next use; what came by it stays."""
    here = runtime()
    with here.database.write() as db:
        if number not in {one.id for one in public_links.list_links(db, form_id)}:
            raise Refused(NOT_FOUND())
        is_new = accounts.revoke(db, number, here.now(), caller().actor)
    said = _("The link is shut.") if is_new else _("It was shut out before.")
    return done(said, "show_form", form_id=form_id)
