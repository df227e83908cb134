"""What links say in entities: what phones send of one linked away, and who is named by others.

All of it stands in kept versions, signed by the link: undone, they say nothing (`entities.refold`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import canonical, entities
from sync.accounts import PROJECT_ID
from sync.canonical import Link
from sync.database import among, insert_once
from sync.entities import Applied, Kept, Key
from sync.merge import LABEL
from sync.tables import entities as entity_rows
from sync.tables import (
    entity_changes,
    entity_decisions,
    entity_lists,
    entity_versions,
)

if TYPE_CHECKING:
    from forms.library import Library

CARRIED = "carried"  # entity_decisions.kind: what a change said is said of the canonical one too


def carry(db: Connection, library: Library, applied: Applied, now: datetime) -> Applied:
    """After these entities changed: let the one that stands for them know, once, and let none of
    them name one that is linked away. What changed in all; harmless to repeat."""
    linked = canonical.read(db) if applied.changed else {}
    if not linked:
        return applied
    for key in sorted(applied.changed):
        if key in linked:
            applied = _and(applied, _carry_one(db, library, linked[key], now))
    away = {link.uuid: link for link in linked.values()}
    for row in _rows(db, applied.changed - linked.keys()):
        for link, said in _renamed(row.data, away):
            rows = [Kept(row.uuid, row.label, said)]
            more = entities.adopt(db, library, row.list_name, rows, now, link.actor)
            applied = _and(applied, more)
    return applied


def _and(some: Applied, more: Applied) -> Applied:
    return Applied(some.changed | more.changed, some.moved | more.moved, {*some.risen, *more.risen})


def note_known(db: Connection, link: Link, now: datetime) -> None:
    """What was sent until now is weighed by the link itself, and never carried over."""
    for change, _ in _changes(db, link):
        _take(db, link, change, now)


# ------------------------------------------------------------------ what phones send of it
def _carry_one(db: Connection, library: Library, link: Link, now: datetime) -> Applied:
    found = Applied(set(), set())
    for change, said in _changes(db, link):
        if _take(db, link, change, now) and said:
            (row,) = _rows(db, [Key(link.list_name, link.canonical)])
            label = said.pop(LABEL, row.label)
            rows = [Kept(link.canonical, label, said)]
            more = entities.adopt(db, library, link.list_name, rows, now, link.actor)
            found = _and(found, more)
    return found


def _take(db: Connection, link: Link, change: Any, now: datetime) -> bool:
    """True for the first to take it."""
    values = {
        "list_name": link.list_name,
        "uuid": link.uuid,
        "submission_version_id": change.submission_version_id,
        "position": change.position,
        "kind": CARRIED,
        "actor": link.actor,
        "at": now,
    }
    return insert_once(db, entity_decisions, values) is not None


def _changes(db: Connection, link: Link) -> Iterator[tuple[Any, dict[str, str]]]:
    """The changes that made a version of the one linked away, and what each changed in it."""
    c, v, e = entity_changes.c, entity_versions.c, entity_rows.c
    query = (
        sa.select(v.version, v.label, v.data, c.submission_version_id, c.position)
        .join(entity_rows, e.id == v.entity_id)
        .join(entity_lists, entity_lists.c.id == e.list_id)
        .outerjoin(
            entity_changes,
            sa.and_(
                *(c.list_name == link.list_name, c.uuid == link.uuid, c.version == v.version),
                c.submission_version_id == v.submission_version_id,
            ),
        )
        .where(entity_lists.c.name == link.list_name, entity_lists.c.project_id == PROJECT_ID)
        .where(e.uuid == link.uuid)
        .order_by(v.version)
    )
    before: Mapping[str, str] = {}
    for row in db.execute(query).all():
        known = {**row.data, LABEL: row.label}
        if row.submission_version_id is not None:
            yield row, {name: text for name, text in known.items() if before.get(name) != text}
        before = known


# ------------------------------------------------------------------ who is named
def naming(db: Connection, uuids: Collection[str]) -> set[Key]:
    """The entities in whose data one of these stands."""
    text = sa.cast(entity_rows.c.data, sa.Text)
    query = sa.select(entity_lists.c.name, entity_rows.c.uuid).join(
        entity_lists, entity_lists.c.id == entity_rows.c.list_id
    )
    return {
        Key(*row)
        for row in db.execute(query.where(sa.or_(*(text.contains(uuid) for uuid in uuids))))
    }


def _renamed(
    data: Mapping[str, str], away: Mapping[str, Link]
) -> Iterator[tuple[Link, dict[str, str]]]:
    """Of each link, the properties that name who is linked away, as they should be."""
    known = dict(data)
    named = {word for text in data.values() for word in canonical.words(text)} & away.keys()
    for link in sorted((away[uuid] for uuid in named), key=lambda one: one.id):
        ids = {link.uuid: link.canonical}
        told = {name: canonical.in_words(text, ids) for name, text in known.items()}
        yield link, {name: text for name, text in told.items() if text != known[name]}
        known = told


def _rows(db: Connection, keys: Collection[Key]) -> list[Any]:
    c = entity_rows.c
    query = (
        sa.select(entity_lists.c.name.label("list_name"), c.uuid, c.label, c.data)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .where(entity_lists.c.project_id == PROJECT_ID)
        .where(among(db, c.uuid, {key.uuid for key in keys}))
    )
    return [row for row in db.execute(query) if Key(row.list_name, row.uuid) in keys]
