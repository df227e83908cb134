"""A draft's way: begun from what is published, tried out, and published as it was tried out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.form_problems import CANNOT_FILL_IN, DRAFT_NEEDS_PLACE
from forms.form_version import with_version
from forms.problems import NOT_ALLOWED, NOT_FOUND, Refused
from forms.xlsform import Compiled
from sync import access, accounts, definitions, publish, reading
from sync.access import Caller, Reading
from sync.blobs import FormBlob
from sync.definitions import Definition
from sync.posts import Post
from sync.reading import FormView

if TYPE_CHECKING:
    from forms.library import Library


@dataclass(frozen=True, slots=True)
class Tester:
    """Who tries a draft out: the name and role of the code, and the form's title."""

    name: str
    role: str
    title: str


def draft_of_published(
    db: Connection, library: Library, xml_form_id: str, now: datetime, actor: str
) -> int:
    """Begin a draft with the form and files that phones have now; its forms.id. Refused."""
    published = definitions.get_form(db, xml_form_id)
    if published.is_draft:
        raise Refused(NOT_FOUND())
    media = _files(db, published)
    compiled = _compiled(published)
    return publish.draft_form(db, library, compiled, media, now, actor, whole=False)


def publish_draft(
    db: Connection,
    library: Library,
    xml_form_id: str,
    version: str | None,
    now: datetime,
    actor: str,
) -> int:
    """Give phones what was tried out, under `version` where one is given; form_versions.id.

    Refused(UNKNOWN_FORM, NOT_FOUND), FormRefused as publish_form.
    """
    draft = definitions.get_draft(db, xml_form_id)
    compiled = _compiled(draft)
    if version is not None:
        compiled = with_version(compiled, version)
    return publish.publish_form(db, library, compiled, _files(db, draft), now, actor)


# ------------------------------------------------------------------ who tries it out


def testers(db: Connection, library: Library, draft: Definition) -> tuple[str, ...]:
    """The roles that can try it out: that fill the form in, and may have the lists it asks for."""
    lists = publish.attached_lists(db, draft.form)
    rule = library.rules.get(draft.xml_form_id)
    phones = [role.name for role in library.roles.values() if role.has_phone]
    roles = (rule.filled_by if rule else ()) or phones
    return tuple(r for r in roles if all(r in library.lists[name].downloads for name in lists))


def let_in(
    db: Connection,
    library: Library,
    xml_form_id: str,
    role: str | None,
    post: Post,
    token: str,
    now: datetime,
    actor: str,
) -> Tester:
    """Give somebody this token for the draft, as the first role that can try it out if none is
    named. Refused(UNKNOWN_FORM, NOT_FOUND, CANNOT_FILL_IN, DRAFT_NEEDS_PLACE).
    """
    draft = definitions.get_draft(db, xml_form_id)
    good = testers(db, library, draft)
    role = role or next(iter(good), "")
    if role not in good:
        raise Refused(CANNOT_FILL_IN(role=role, roles=", ".join(good)))
    lists = publish.attached_lists(db, draft.form)
    if lists and post == (None, None) and not library.roles[role].everywhere:
        raise Refused(DRAFT_NEEDS_PLACE(lists=", ".join(lists)))
    name = f"Nháp {draft.form}"
    accounts.add_app_user(
        *(db, name, role, *post, token, now, actor),
        kind="draft",
        project_id=accounts.DRAFTS_ID,
        form_id=draft.form,
    )
    return Tester(name, role, draft.name)


# ------------------------------------------------------------------ what was sent to try it out


def open_try_outs(
    db: Connection, library: Library, caller: Caller, xml_form_id: str, now: datetime
) -> FormView:
    """What was sent to try the draft out, for who manages forms; where it gave phones a list, it
    may name people of that list, and is for who reads all of the form, of every club.

    Refused(UNKNOWN_FORM, NOT_FOUND or NOT_ALLOWED).
    """
    manages = access.may(library, caller, "forms.manage")
    if not manages and not access.reads(library, caller, xml_form_id):
        raise Refused(NOT_ALLOWED())
    draft = definitions.get_draft(db, xml_form_id)
    if not manages or publish.attached_lists(db, draft.form, ever=True):
        known = access.reading(db, library, caller, xml_form_id, vietnam_day(now))
        if known.clubs is not None or not known.is_whole:
            raise Refused(NOT_ALLOWED())
    return reading.view_form(db, xml_form_id, Reading(None), accounts.DRAFTS_ID)


def _compiled(found: Definition) -> Compiled:
    return Compiled(
        found.xml_form_id, found.version, found.name, found.xform, found.source, found.kind
    )


def _files(db: Connection, found: Definition) -> dict[str, FormBlob]:
    files = definitions.list_files(db, found.version_id)
    return {file.name: file.blob for file in files if file.blob is not None}
