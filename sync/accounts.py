"""Who may call: people with a password, phones with a token. Neither is kept readable.

A password is kept twice: as argon2, and as the HA1 of Digest sealed with a key that is not in the
database, because Digest must know a value that is as good as the password.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy.engine import Connection

from forms.problems import BAD_NAME, BAD_PASSWORD, NAME_TAKEN, Refused
from sync import audit
from sync.access import Caller
from sync.database import insert_once
from sync.tables import api_tokens, app_users, sessions, users

REALM = "cayda"  # part of every HA1: changing it makes all Digest passwords void
PROJECT_ID = 1
DRAFTS_ID = 2  # the project of forms being tried out: kept like any other, never counted
LONGEST_NAME = 100
SHORTEST_PASSWORD = 8

# 19 MiB and two passes (OWASP's second choice): several at once still fit a small machine.
_argon2 = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@dataclass(frozen=True, slots=True)
class SealedPassword:
    """A password as it is kept."""

    password_hash: str
    digest_secret: bytes


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in, with what is needed to check a password."""

    caller: Caller
    password_hash: str
    digest_secret: bytes | None


@dataclass(frozen=True, slots=True)
class Account:
    """One line of a list of people or phones; `ended_at` is when it was disabled or revoked."""

    id: int
    name: str
    role: str
    unit_id: int | None
    club_id: str | None
    created_at: datetime
    ended_at: datetime | None
    last_seen_at: datetime | None = None


# ------------------------------------------------------------------ passwords


def clean_name(name: str) -> str:
    """NFC, no outer spaces. Refused(BAD_NAME) when empty, too long or unfit for Basic, Digest."""
    name = unicodedata.normalize("NFC", name.strip())
    marks = {":", '"', "\\"}  # they separate or quote in the headers of Basic and Digest
    bad = any(c in marks or unicodedata.category(c).startswith("C") for c in name)
    if bad or not 1 <= len(name) <= LONGEST_NAME:
        raise Refused(BAD_NAME(limit=LONGEST_NAME))
    return name


def phone_safe(text: str) -> bool:
    """False: phones may not be able to send it; their Basic turns letters beyond Latin-1 to “?”."""
    return text.isascii()


def seal_password(name: str, password: str, key: bytes) -> SealedPassword:
    """The forms to keep; takes tens of milliseconds, so call it before the transaction.

    `key`: 32 bytes from outside the database. Refused(BAD_NAME or BAD_PASSWORD).
    """
    name = clean_name(name)
    if len(password) < SHORTEST_PASSWORD or any(unicodedata.category(c) == "Cc" for c in password):
        raise Refused(BAD_PASSWORD(limit=SHORTEST_PASSWORD))
    password = unicodedata.normalize("NFC", password)
    return SealedPassword(_argon2.hash(password), _box(key).encrypt(ha1(name, password).encode()))


def seal_anew(db: Connection, old_key: bytes, key: bytes) -> None:
    """Let Digest go on with another key; what the old one does not open is left alone."""
    old, new, c = _box(old_key), _box(key), users.c
    query = sa.select(c.id, c.digest_secret).where(c.digest_secret.is_not(None))
    for row in db.execute(query.with_for_update()).all():
        with suppress(InvalidToken):
            sealed = new.encrypt(old.decrypt(row.digest_secret))
            db.execute(users.update().where(c.id == row.id).values(digest_secret=sealed))


def ha1(name: str, password: str) -> str:
    """MD5 of name:realm:password in hex, as RFC 7616 has it."""
    text = f"{name}:{REALM}:{password}".encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def check(user: User | None, password: str) -> bool:
    """Whether this is the user's password; takes as long for a user who does not exist."""
    password = unicodedata.normalize("NFC", password)
    try:
        _argon2.verify(_nobody() if user is None else user.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    return user is not None


def open_ha1(user: User | None, key: bytes) -> str | None:
    """The HA1 of Digest; None for nobody, and when sealed with another key: the password must be
    set again. Takes as long for a user who does not exist.
    """
    box = _box(key)
    sealed = _nobodys_ha1(key) if user is None else user.digest_secret
    if sealed is None:
        return None
    try:
        opened = box.decrypt(sealed).decode()
    except InvalidToken:
        return None
    return None if user is None else opened


def is_ha1_of(user: User | None, password: str, key: bytes) -> bool:
    """Whether the password is that of the user's HA1: no argon2, for phones that send it each time.

    False tells nothing of a user whose HA1 is not to be had: ask `check`.
    """
    known = open_ha1(user, key)
    name = "" if user is None else user.caller.name
    said = ha1(name, unicodedata.normalize("NFC", password))
    return hmac.compare_digest(said.encode(), (known or "").encode())


@lru_cache(maxsize=4)
def _box(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key, b"digest secrets", "sha256")))


@lru_cache(maxsize=4)
def _nobodys_ha1(key: bytes) -> bytes:
    return _box(key).encrypt(b"0" * 32)


_nobodys: list[str] = []


def _nobody() -> str:
    if not _nobodys:
        _nobodys.append(_argon2.hash("nobody has this password"))
    return _nobodys[0]


# ------------------------------------------------------------------ people


def add_user(
    db: Connection,
    name: str,
    role: str,
    unit_id: int | None,
    club_id: str | None,
    sealed: SealedPassword,
    now: datetime,
    actor: str = "operator",
) -> int:
    """A new person; the new id. Refused(BAD_NAME or NAME_TAKEN)."""
    values = {"role": role, "unit_id": unit_id, "club_id": club_id, **_columns(sealed)}
    row = insert_once(db, users, {"name": clean_name(name), "created_at": now, **values})
    if row is None:
        raise Refused(NAME_TAKEN())
    audit.record(db, actor, "user.create", f"user:{row.id}", now, role=role)
    return int(row.id)


def set_password(
    db: Connection, name: str, sealed: SealedPassword, now: datetime, actor: str = "operator"
) -> bool:
    """Put another password; False when nobody has that name."""
    return _change_user(db, name, _columns(sealed), "user.password", now, actor)


def end_sign_ins(
    db: Connection, name: str, sealed: SealedPassword, now: datetime, actor: str
) -> bool:
    """End all sessions: the same password sealed anew, by which pages know theirs is no more."""
    return _change_user(db, name, _columns(sealed), "user.sign_out", now, actor)


def set_role(
    db: Connection,
    name: str,
    role: str,
    unit_id: int | None,
    club_id: str | None,
    now: datetime,
    actor: str = "operator",
) -> bool:
    """Give a person other rights; False when nobody active has that name."""
    values: dict[str, object] = {"role": role, "unit_id": unit_id, "club_id": club_id}
    return _change_user(db, name, values, "user.role", now, actor)


def disable(db: Connection, name: str, now: datetime, actor: str = "operator") -> bool:
    """End a person's access; what they sent stays. False when nobody active has that name."""
    return _change_user(db, name, {"disabled_at": now}, "user.disable", now, actor)


def find_user(db: Connection, name: str) -> User | None:
    """The active person of that name, for a check of the password."""
    if "\x00" in name:  # PostgreSQL knows no such text
        return None
    name = unicodedata.normalize("NFC", name.strip())
    row = db.execute(_user_by_name, {"name": name}).one_or_none()
    return None if row is None else _to_user(row)


def find_user_by_id(db: Connection, user_id: int) -> User | None:
    """The active person of that id, for a session that already knows them."""
    query = _user_columns.where(users.c.id == user_id, users.c.disabled_at.is_(None))
    row = db.execute(query).one_or_none()
    return None if row is None else _to_user(row)


def list_users(db: Connection) -> list[Account]:
    """Everybody, the disabled too, by name."""
    c = users.c
    query = sa.select(
        c.id, c.name, c.role, c.unit_id, c.club_id, c.created_at, c.disabled_at
    ).order_by(c.name)
    return [Account(*row) for row in db.execute(query)]


def names_of(db: Connection, actors: Collection[str]) -> dict[str, str]:
    """The names of those among these actors ("user:3", "app_user:7") who have one."""
    found: dict[str, str] = {}
    for kind, table in (("user", users), ("app_user", app_users)):
        pairs = (actor.partition(":") for actor in actors)
        ids = {int(number) for word, _, number in pairs if word == kind and number.isdigit()}
        query = sa.select(table.c.id, table.c.name).where(table.c.id.in_(sorted(ids)))
        found |= {f"{kind}:{row.id}": row.name for row in db.execute(query)}
    return found


# ------------------------------------------------------------------ phones


def add_app_user(
    db: Connection,
    name: str,
    role: str,
    unit_id: int | None,
    club_id: str | None,
    token: str,
    now: datetime,
    actor: str = "operator",
    *,
    kind: str = "phone",
    project_id: int = PROJECT_ID,
    form_id: int | None = None,
    person_id: str | None = None,
) -> int:
    """A new phone, draft's QR or public link; the new id.

    The token itself is not kept: it is only in the QR and the URL.
    Refused(BAD_NAME).
    """
    values = {
        "project_id": project_id,
        "kind": kind,
        "form_id": form_id,
        "person_id": person_id,
        "name": clean_name(name),
        "token_sha256": token_sha256(token),
        "created_at": now,
        "role": role,
        "unit_id": unit_id,
        "club_id": club_id,
    }
    row_id: int = db.execute(app_users.insert().returning(app_users.c.id), values).scalar_one()
    audit.record(db, actor, "phone.create", f"app_user:{row_id}", now, role=role)
    return row_id


def token_sha256(token: str) -> str:
    """How a token is kept and found."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_app_user(db: Connection, token_sha256: str) -> Caller | None:
    """The phone of that token unless it is revoked."""
    row = db.execute(_app_user_by_token, {"token_sha256": token_sha256}).one_or_none()
    return None if row is None else Caller("app_user", *row)


def find_app_users(db: Connection, marks: Collection[str]) -> dict[str, Caller]:
    """`find_app_user` of several at once: token_sha256 -> phone, where there is one."""
    rows = db.execute(_app_users_by_token, {"marks": sorted(marks)})
    return {row[0]: Caller("app_user", *row[1:]) for row in rows}


def revoke(
    db: Connection,
    app_user_id: int,
    now: datetime,
    actor: str = "operator",
    *,
    kind: str | None = None,
) -> bool:
    """End a phone's access; what it sent stays. False when there is no such active phone (of this
    kind)."""
    c = app_users.c
    asked = [c.id == app_user_id, c.revoked_at.is_(None)]
    if kind is not None:
        asked.append(c.kind == kind)
    done = db.execute(app_users.update().where(*asked).values(revoked_at=now))
    if done.rowcount:
        audit.record(db, actor, "phone.revoke", f"app_user:{app_user_id}", now)
    return bool(done.rowcount)


@dataclass(frozen=True, slots=True)
class Sign:
    """What a phone says of itself with a request; None where it does not say."""

    user_agent: str | None = None
    device_id: str | None = None
    clock_offset_seconds: int | None = None


def seen(db: Connection, app_user_id: int, now: datetime, sign: Sign | None = None) -> None:
    """Note that the phone called; the door does this every few minutes, not per request."""
    said = {} if sign is None else asdict(sign)
    values = {name: value for name, value in said.items() if value is not None}
    c = app_users.c
    db.execute(app_users.update().where(c.id == app_user_id).values(last_seen_at=now, **values))


def list_app_users(
    db: Connection, kind: str | None = None, form_id: int | None = None
) -> list[Account]:
    """Every phone (of this kind, of this form), the revoked too, in the order they were added."""
    c = app_users.c
    query = sa.select(
        c.id, c.name, c.role, c.unit_id, c.club_id, c.created_at, c.revoked_at, c.last_seen_at
    ).order_by(c.id)
    if kind is not None:
        query = query.where(c.kind == kind)
    if form_id is not None:
        query = query.where(c.form_id == form_id)
    return [Account(*row) for row in db.execute(query)]


# ------------------------------------------------------------------ inside

_user_columns = sa.select(
    users.c.id,
    users.c.name,
    users.c.role,
    users.c.unit_id,
    users.c.club_id,
    users.c.password_hash,
    users.c.digest_secret,
)
_user_by_name = _user_columns.where(
    users.c.name == sa.bindparam("name"), users.c.disabled_at.is_(None)
)
_app_users = sa.select(
    app_users.c.id,
    app_users.c.name,
    app_users.c.role,
    app_users.c.unit_id,
    app_users.c.club_id,
    app_users.c.project_id,
    app_users.c.form_id,
    app_users.c.person_id,
).where(app_users.c.revoked_at.is_(None))
_app_user_by_token = _app_users.where(app_users.c.token_sha256 == sa.bindparam("token_sha256"))
_app_users_by_token = (
    sa.select(app_users.c.token_sha256)
    .add_columns(*_app_users.selected_columns)
    .where(
        app_users.c.revoked_at.is_(None),
        app_users.c.token_sha256.in_(sa.bindparam("marks", expanding=True)),
    )
)


def _to_user(row: Any) -> User:
    caller = Caller("user", row.id, row.name, row.role, row.unit_id, row.club_id)
    return User(caller, row.password_hash, row.digest_secret)


def _columns(sealed: SealedPassword) -> dict[str, object]:
    return {"password_hash": sealed.password_hash, "digest_secret": sealed.digest_secret}


def _change_user(
    db: Connection, name: str, values: dict[str, object], action: str, now: datetime, actor: str
) -> bool:
    c = users.c
    user_id = db.execute(
        users.update()
        .where(c.name == clean_name(name), c.disabled_at.is_(None))
        .values(**values)
        .returning(c.id)
    ).scalar()
    if user_id is not None:
        db.execute(sessions.delete().where(sessions.c.user_id == user_id))
        mine = (api_tokens.c.user_id == user_id, api_tokens.c.revoked_at.is_(None))
        db.execute(api_tokens.update().where(*mine).values(revoked_at=now))
        audit.record(db, actor, action, f"user:{user_id}", now)
    return user_id is not None
