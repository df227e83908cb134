"""What stands open in the database although it is to be sealed, sealed a batch at a time.

It does so where older code kept it, where the library marks another column since, and where the key
is a new one. Harmless to repeat and to break off: what is as it should be is left alone.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import lock_derived, upsert
from sync.matching import secret
from sync.tables import (
    Json,
    SealedWords,
    SealedXml,
    counters,
    privacy_requests,
    records,
    sealed_submissions,
    secrets,
    submission_comments,
    submission_versions,
)
from sync.vault import Vault, salt_of, vault_of

if TYPE_CHECKING:
    from forms.library import Library

AT_ONCE = 500
SEALED = "sealed"  # the row of `counters` that says by which key and marks all was sealed
TABLES = (submission_versions, sealed_submissions, records, submission_comments, privacy_requests)


class Place(NamedTuple):
    """How far it is done: the rows of TABLES[table] with an id beyond `after` are next."""

    table: int = 0
    after: int = 0


def is_done(db: Connection, library: Library) -> bool:
    """Whether all is sealed with the key, and as the library marks it."""
    query = sa.select(counters.c.value).where(counters.c.name == SEALED)
    return bool(db.scalar(query) == _mark(vault_of(db), library))


def note_done(db: Connection, library: Library) -> None:
    """Seal what is left, a key of our own, and note that nothing stands open."""
    c = secrets.c
    kept = db.scalar(sa.select(c.value).where(c.name == secret.NAME).with_for_update())
    if kept is not None:
        vault = vault_of(db)
        value = vault.seal(secret.PLACE, vault.open(secret.PLACE, bytes(kept)))
        db.execute(secrets.update().where(c.name == secret.NAME).values(value=value))
    upsert(db, counters, [{"name": SEALED, "value": _mark(vault_of(db), library)}], ["name"])


def _mark(vault: Vault, library: Library) -> int:
    marked = {name: sorted(rule.sealed) for name, rule in library.rules.items() if rule.sealed}
    words = [marked, [table.name for table in TABLES]]
    told = json.dumps(words, sort_keys=True).encode() + vault.seal(SEALED, SEALED.encode())
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), signed=True)


def seal_some(db: Connection, library: Library, at: Place) -> Place | None:
    """Seal the next rows; where to go on, None when there are no more.

    Locked, where something is sealed with a key that is not here.
    """
    table = TABLES[at.table]
    if table is records:
        some = _answers(db, library, at)
    else:
        some = _xml(db, table, at) if "xml" in table.c else _words(db, table, at)
    if some is not None:
        return Place(at.table, some)
    return Place(at.table + 1) if table is not TABLES[-1] else None


def _xml(db: Connection, table: sa.Table, at: Place) -> int | None:
    """The last id of these rows; None when there were none."""
    c, vault = table.c, vault_of(db)
    # Locked: whoever erases a person meanwhile must not find the bytes here again.
    query = (
        sa.select(c.id, sa.type_coerce(c.xml, sa.LargeBinary).label("kept"), c.xml)
        .where(c.id > at.after)
        .order_by(c.id)
        .limit(AT_ONCE)
        .with_for_update()
    )
    rows = db.execute(query).all()
    changed = [
        {"its_id": row.id, "content": row.xml}
        for row in rows
        if row.xml is not None and vault.seal(SealedXml.place, row.xml) != bytes(row.kept)
    ]
    if changed:
        mine = table.update().where(c.id == sa.bindparam("its_id"))
        db.execute(mine.values(xml=sa.bindparam("content")), changed)
    return rows[-1].id if rows else None


def _words(db: Connection, table: sa.Table, at: Place) -> int | None:
    """As `_xml`."""
    c, vault = table.c, vault_of(db)
    (column,) = (one for one in c if isinstance(one.type, SealedWords))
    kept_so = sa.type_coerce(column, sa.Text).label("kept")
    query = sa.select(c.id, column.label("words"), kept_so).where(c.id > at.after)
    rows = db.execute(query.order_by(c.id).limit(AT_ONCE).with_for_update()).all()
    place = SealedWords.place
    changed = []
    for row in rows:
        kept = {place: row.kept}
        if vault.seal_answers({place: row.words}, {place}, salt_of(kept)) != kept:
            changed.append({"its_id": row.id, "its_words": row.words})
    if changed:
        mine = table.update().where(c.id == sa.bindparam("its_id"))
        db.execute(mine.values({column.name: sa.bindparam("its_words")}), changed)
    return rows[-1].id if rows else None


def _answers(db: Connection, library: Library, at: Place) -> int | None:
    """As `_xml`."""
    lock_derived(db)
    marked = {name: rule.sealed for name, rule in library.rules.items() if rule.sealed}
    c, vault = records.c, vault_of(db)
    columns = (c.answers, c.derived)
    kept = [sa.type_coerce(one, Json).label(f"kept_{one.name}") for one in columns]
    query = sa.select(c.id, c.form, *columns, *kept).where(c.id > at.after, c.form.in_(marked))
    rows = db.execute(query.order_by(c.id).limit(AT_ONCE)).all()
    changed = []
    for row in rows:
        told = dict(row._mapping)
        before = {one.name: told[f"kept_{one.name}"] for one in columns}
        values = {
            name: vault.seal_answers(told[name], marked[row.form], salt_of(kept_so))
            for name, kept_so in before.items()
        }
        if values != before:
            changed.append({"its_id": row.id} | {f"its_{k}": value for k, value in values.items()})
    if changed:
        mine = records.update().where(c.id == sa.bindparam("its_id"))
        new: dict[str, Any] = {one.name: sa.bindparam(f"its_{one.name}") for one in columns}
        db.execute(mine.values(**new), changed)
    return rows[-1].id if rows else None
