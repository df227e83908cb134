"""Who was erased, noted beside the database too: a backup made before brings nobody back.

One note for each entry, in the store of files, which a restored database does not replace.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from sync import links
from sync.access import OPERATOR
from sync.blobs import Blobs
from sync.database import lock_derived
from sync.entities import Key
from sync.privacy import erase, traces
from sync.tables import erased_entities, erasures

if TYPE_CHECKING:
    from collections.abc import Collection

    from forms.library import Library

WHY = "a backup brought back who was erased"


@dataclass(frozen=True, slots=True)
class Noted:
    """One entry that was erased. Nothing is sealed: a lost key must not bring anybody back, and an
    id says nothing to who has no data of that time."""

    list_name: str
    uuid: str
    at: datetime

    @property
    def key(self) -> Key:
        return Key(self.list_name, self.uuid)


def after_erasing(db: Connection, blobs: Blobs) -> int:
    """What is to be done outside the database once an erasure is kept; how many files were deleted.

    Harmless to repeat. OSError where the store is away.
    """
    _write(db, blobs)
    return erase.delete_doomed(db, blobs)


def _write(db: Connection, blobs: Blobs) -> None:
    """Note whoever is erased and has no note yet."""
    c, known = erased_entities.c, set(blobs.notes())
    query = sa.select(c.list_name, c.uuid, erasures.c.at).join(erasures)
    for row in db.execute(query):
        name = _name(row.list_name, row.uuid)
        if name not in known:
            blobs.write_note(name, orjson.dumps(asdict(Noted(*row))))


def not_erased(db: Connection, blobs: Blobs) -> list[Noted]:
    """Who has a note, and is not erased here: people first, then what was theirs. OSError."""
    c = erased_entities.c
    here = {_name(*row) for row in db.execute(sa.select(c.list_name, c.uuid))}
    missing = [_read(blobs.read_note(name)) for name in blobs.notes() if name not in here]
    return sorted(missing, key=lambda one: (one.at, one.list_name, one.uuid))


def _name(list_name: str, uuid: str) -> str:
    return hashlib.sha256(f"{list_name} {uuid}".encode()).hexdigest()


def _read(content: bytes) -> Noted:
    told = orjson.loads(content)
    return Noted(told["list_name"], told["uuid"], datetime.fromisoformat(told["at"]))


def erase_again(
    db: Connection, library: Library, one: Noted, noted: Collection[Noted], now: datetime
) -> bool:
    """Erase somebody whom a backup brought back, as of the day on which it was done; whether there
    was anybody. `noted`: all that are not erased here; whoever else she is linked to here was not
    she any more when it was done, and is parted from her first."""
    lock_derived(db)
    if one.list_name != library.privacy.person or _is_erased(db, one.key):
        return False
    person = traces.seek(db, library, one.uuid)
    if person is None:  # the backup is older than she is
        return False
    mine = {other.key for other in noted}
    for key in (Key(person.list_name, uuid) for uuid in person.uuids[1:]):
        if (key in mine) != (person.key in mine):
            links.unlink(db, library, *key, actor=OPERATOR.actor, now=now)
    day = vietnam_day(one.at)
    erase.erase(db, library, one.uuid, caller=OPERATOR, why=WHY, now=now, day=day)
    return True


def shut_out(db: Connection, noted: Collection[Noted], now: datetime) -> None:
    """Of these let nothing in, where nothing is here: a phone may still hold a form of theirs."""
    lock_derived(db)
    keys = [one.key for one in noted if not _is_erased(db, one.key)]
    if keys:
        erase.write_down_only(db, keys, OPERATOR, WHY, now)


def _is_erased(db: Connection, key: Key) -> bool:
    c = erased_entities.c
    mine = sa.select(c.uuid).where(c.list_name == key.list_name, c.uuid == key.uuid)
    return db.execute(mine).first() is not None
