"""The key under which numbers and answers are hashed: made once, kept sealed, and never told."""

from __future__ import annotations

import hashlib
import json
import secrets as random_bytes
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import insert_once
from sync.tables import secrets
from sync.vault import vault_of

NAME = "matching"
PLACE = "secrets.matching"
SIZE = 12  # bytes of a hash: enough that no two numbers ever share one


class Hashing:
    """Hashes that nobody can make, or try all numbers with, who has not the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def number(self, text: str) -> str:
        return self._hash(f"number {text}")

    def facts(self, told: Mapping[str, str]) -> str:
        """Of all that is said of somebody: another where anything is said differently."""
        return self._hash(f"facts {json.dumps(dict(told), sort_keys=True)}")

    def _hash(self, text: str) -> str:
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=SIZE).hexdigest()


def hashing(db: Connection, now: datetime) -> Hashing:
    """With the key of this database; the first time one is made."""
    query = sa.select(secrets.c.value).where(secrets.c.name == NAME)
    key = db.scalar(query)
    if key is None:
        made = vault_of(db).seal(PLACE, random_bytes.token_bytes(32))
        insert_once(db, secrets, {"name": NAME, "value": made, "made_at": now})
        key = db.execute(query).scalar_one()
    return Hashing(vault_of(db).open(PLACE, bytes(key)))
