"""Phones added: each gets a code that is told this once, for we keep no more than its hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from forms.roles import Role
from server.auth import new_token
from server.qr import inline_qr, phone_url
from server.sheets import Sheet
from sync import accounts, posts
from sync.phone_file import Wanted


@dataclass(frozen=True, slots=True)
class NewPhone:
    """One phone as it was added; `url` holds the token."""

    id: int
    name: str
    role: str
    place: str
    token: str
    url: str


def add_phones(
    db: Connection, wanted: Iterable[Wanted], origin: str, now: datetime, actor: str
) -> list[NewPhone]:
    """Add them all. `origin`: scheme and host that phones call. Refused(BAD_NAME)."""
    made = []
    for one in wanted:
        token = new_token()
        phone_id = accounts.add_app_user(db, *one.who, token, now, actor, person_id=one.person_id)
        name, post = accounts.clean_name(one.name), (one.unit_id, one.club_id)
        place = posts.place_names(db, [post])[post]
        made.append(NewPhone(phone_id, name, one.role, place, token, phone_url(origin, token)))
    return made


def as_sheets(made: Iterable[NewPhone], roles: Mapping[str, Role]) -> list[Sheet]:
    """A page to print for each."""
    return [
        Sheet(one.name, roles[one.role], one.place, inline_qr(one.url, one.name)) for one in made
    ]
