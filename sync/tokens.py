"""API tokens of people: a name, a scope, an end; kept as their hash, told once, void when revoked.

A token does what its person's role may do now and its scope names. It never does what only the
person may: change a password, make tokens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import TOKEN_END, TOKEN_NAME, TOKEN_SCOPE, Refused
from forms.roles import READ_SUBMISSIONS
from sync import audit
from sync.access import Caller
from sync.accounts import LONGEST_NAME, token_sha256
from sync.tables import api_tokens, users

if TYPE_CHECKING:
    from forms.library import Library

LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One token, without its secret. person: the name to sign in with."""

    id: int
    user_id: int
    person: str
    name: str
    scope: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


def grantable(library: Library, role: str) -> tuple[str, ...]:
    """What a token of somebody with this role may be allowed, in order."""
    known = library.roles.get(role)
    return (*sorted(known.verbs if known else ()), READ_SUBMISSIONS)


def add(
    db: Connection,
    library: Library,
    person: Caller,
    name: str,
    scope: Collection[str],
    expires_at: datetime,
    secret: str,
    now: datetime,
    actor: str,
) -> int:
    """A token of this person; its id. Refused(TOKEN_NAME, TOKEN_SCOPE or TOKEN_END)."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused(TOKEN_NAME())
    allowed = grantable(library, person.role)
    if not scope or not set(scope) <= set(allowed):
        raise Refused(TOKEN_SCOPE(allowed=", ".join(allowed)))
    if not now < expires_at <= now + LONGEST:
        raise Refused(TOKEN_END(days=LONGEST.days))
    row = {
        "user_id": person.id,
        "name": name,
        "scope": sorted(set(scope)),
        "token_sha256": token_sha256(secret),
        "created_at": now,
        "expires_at": expires_at,
    }
    made = int(db.execute(api_tokens.insert().returning(api_tokens.c.id), row).scalar_one())
    audit.record(
        db, actor, "token.create", f"user:{person.id}", now, token=made, scope=row["scope"]
    )
    return made


def find(db: Connection, secret: str, now: datetime) -> tuple[int, Caller] | None:
    """The token's id and who calls by it, with its scope; None where it is void."""
    row = db.execute(_by_secret, {"token_sha256": token_sha256(secret), "now": now}).one_or_none()
    if row is None:
        return None
    person = Caller("user", row.user_id, row.person, row.role, row.unit_id, row.club_id)
    return row.id, replace(person, scope=frozenset(row.scope))


def used(db: Connection, number: int, now: datetime) -> None:
    """Note that it was used."""
    db.execute(api_tokens.update().where(api_tokens.c.id == number).values(last_used_at=now))


def list_tokens(db: Connection, user_id: int | None = None) -> Iterator[ApiToken]:
    """Those of one person or of everybody, the newest first, the void too."""
    c = api_tokens.c
    query = _joined.order_by(c.id.desc())
    if user_id is not None:
        query = query.where(c.user_id == user_id)
    for row in db.execute(query):
        yield ApiToken(
            *(row.id, row.user_id, row.person, row.name, tuple(row.scope)),
            *(row.created_at, row.expires_at, row.last_used_at, row.revoked_at),
        )


def revoke(
    db: Connection, number: int, now: datetime, actor: str, user_id: int | None = None
) -> bool:
    """End a token (of this person); False where there is none that is not revoked."""
    c = api_tokens.c
    mine = sa.true() if user_id is None else c.user_id == user_id
    query = api_tokens.update().where(c.id == number, c.revoked_at.is_(None), mine)
    person = db.execute(query.values(revoked_at=now).returning(c.user_id)).scalar()
    if person is None:
        return False
    audit.record(db, actor, "token.revoke", f"user:{person}", now, token=number)
    return True


_joined = sa.select(
    *(column for column in api_tokens.c if column.name != "token_sha256"),
    users.c.name.label("person"),
    users.c.role,
    users.c.unit_id,
    users.c.club_id,
).join(users, users.c.id == api_tokens.c.user_id)
_by_secret = _joined.where(
    api_tokens.c.token_sha256 == sa.bindparam("token_sha256"),
    api_tokens.c.expires_at > sa.bindparam("now"),
    api_tokens.c.revoked_at.is_(None),
    users.c.disabled_at.is_(None),
)
