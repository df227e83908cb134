"""Public links: one form for whoever has the address, until the link is revoked."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.problems import BAD_FIELDS, Refused
from sync import access, accounts, definitions
from sync.accounts import Account
from sync.posts import Post

if TYPE_CHECKING:
    from forms.library import Library

LINK = "link"


def list_links(db: Connection, xml_form_id: str) -> list[Account]:
    """The form's links, the newest first, the revoked too. Refused(UNKNOWN_FORM)."""
    form = definitions.get_published(db, xml_form_id)
    return accounts.list_app_users(db, LINK, form.form)[::-1]


def make(
    db: Connection,
    library: Library,
    xml_form_id: str,
    name: str,
    role: str,
    post: Post,
    token: str,
    now: datetime,
    actor: str,
) -> int:
    """A new link of this token; its number. Bound to no place its lists are empty.

    Refused(UNKNOWN_FORM, UNKNOWN_ROLE, BAD_NAME; BAD_FIELDS for a role that reaches every club:
    everybody's data would be behind an open door).
    """
    form = definitions.get_published(db, xml_form_id)
    role = role or _role(library, xml_form_id)
    if access.get_role(library, role).everywhere:
        raise Refused(BAD_FIELDS(fields="role"))
    who = (name, role, *post, token, now, actor)
    return accounts.add_app_user(db, *who, kind=LINK, form_id=form.form)


def _role(library: Library, xml_form_id: str) -> str:
    """The first that fills the form in and, bound to no place, sees nobody."""
    rule = library.rules.get(xml_form_id)
    fills_in = (rule.filled_by if rule else ()) or library.roles
    bound = (library.roles[name] for name in fills_in)
    return next((role.name for role in bound if role.has_phone and not role.everywhere), "")
