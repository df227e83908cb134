"""What a person, or time, decides about an entity: a new version, a conflict settled, gone, back.

Every decision is kept, so the entity can be computed again from what phones sent and from these;
each verb also does what follows: facts, standings of records, figures.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.entities import is_uuid
from forms.problems import (
    ENTITY_COMPUTED,
    ENTITY_EXISTS,
    ENTITY_ID_REFUSED,
    ENTITY_LABEL_MISSING,
    ENTITY_NO_PROPERTY,
    LINK_ALREADY,
    NOT_FOUND,
    VERSION_CONFLICT,
    Refused,
)
from forms.text import nfc
from sync import audit, entities, process
from sync.accounts import PROJECT_ID
from sync.database import insert_once, lock_derived
from sync.entities import RESOLVE, Applied, Kept, Key, plain_id
from sync.privacy import stripped
from sync.tables import entities as entity_rows
from sync.tables import entity_changes, entity_decisions, entity_lists

if TYPE_CHECKING:
    from forms.library import Library


def create(
    db: Connection,
    library: Library,
    list_name: str,
    uuid: str | None,
    data: Mapping[str, str],
    label: str,
    *,
    actor: str,
    now: datetime,
) -> str:
    """A new entity by a person; its uuid (None = a new one).

    Refused(NOT_FOUND) without such a list, (ENTITY_EXISTS), (ENTITY_ID_REFUSED),
    (ENTITY_LABEL_MISSING), (ENTITY_NO_PROPERTY), (ENTITY_COMPUTED).
    """
    lock_derived(db)
    said = _said(db, library, list_name, data)
    found = plain_id(uuid) if uuid is not None else str(uuids.uuid4())
    if found is None or not is_uuid(found):
        raise Refused(ENTITY_ID_REFUSED())
    if not label.strip():
        raise Refused(ENTITY_LABEL_MISSING())
    key = Key(list_name, found)
    if _find(db, key) is not None:
        raise Refused(ENTITY_EXISTS(list=list_name))
    _keep(db, library, key, nfc(label).strip(), said, actor, now)
    _note(db, key, "create", actor, now)
    return found


def patch(
    db: Connection,
    library: Library,
    list_name: str,
    uuid: str,
    data: Mapping[str, str],
    label: str | None,
    *,
    base_version: int | None,
    force: bool,
    actor: str,
    now: datetime,
) -> int:
    """A new version by a person, with these properties (and label) changed; its number, which is
    the old one where nothing differs.

    Refused(NOT_FOUND), (ENTITY_NO_PROPERTY), (ENTITY_COMPUTED), (ENTITY_LABEL_MISSING),
    (LINK_ALREADY) for one that another stands for, or (VERSION_CONFLICT) where `base_version` is
    not the current one and `force` is not set.
    """
    lock_derived(db)
    said = _said(db, library, list_name, data)
    key, row = _known(db, list_name, uuid)
    if row.deleted_at is not None:
        raise Refused(NOT_FOUND())
    if label is not None and not label.strip():
        raise Refused(ENTITY_LABEL_MISSING())
    if row.linked_to is not None:
        raise Refused(LINK_ALREADY(uuid=key.uuid, canonical=row.linked_to))
    if base_version != row.version and not force:
        raise Refused(VERSION_CONFLICT(current=row.version))
    name = nfc(label).strip() if label is not None else row.label
    _keep(db, library, key, name, said, actor, now)
    _note(db, key, "update", actor, now)
    return int(_known(db, *key)[1].version)


def resolve(
    db: Connection, library: Library, list_name: str, uuid: str, actor: str, now: datetime
) -> int:
    """Say that what is there now is right; how many conflicting changes that settles.

    Refused(NOT_FOUND).
    """
    lock_derived(db)
    key, _ = _known(db, list_name, uuid)
    c = entity_changes.c
    conflicts = db.execute(
        sa.select(c.submission_version_id, c.position).where(
            c.list_name == key.list_name, c.uuid == key.uuid, c.decision == "conflict"
        )
    ).all()
    settled = sum(decide(db, key, *row, RESOLVE, actor, now) for row in conflicts)
    _follow(db, library, entities.refold(db, library, [key]), now)
    _note(db, key, "resolve", actor, now, changes=settled)
    return settled


def delete(
    db: Connection, library: Library, list_name: str, *uuids: str, actor: str, now: datetime
) -> None:
    """Take entities off every list; their versions stay, and a phone's late change does not bring
    them back. Refused(NOT_FOUND) where one is not there, or is deleted already; (LINK_ALREADY).
    """
    _set_deleted(db, library, list_name, uuids, now, actor, now)


def restore(
    db: Connection, library: Library, list_name: str, *uuids: str, actor: str, now: datetime
) -> None:
    """Take deletions back. Refused(NOT_FOUND) where one is not deleted, (ALREADY_ERASED) where
    nothing of it is left."""
    stripped.require_here(db, map(plain_id, uuids))
    _set_deleted(db, library, list_name, uuids, None, actor, now)


def decide(
    db: Connection,
    key: Key,
    submission_version_id: int,
    position: str,
    kind: str,
    actor: str,
    now: datetime,
) -> bool:
    """Keep a decision about one change; False where it was made before."""
    change = {"submission_version_id": submission_version_id, "position": position}
    values = {**key._asdict(), **change, "kind": kind, "actor": actor, "at": now}
    return insert_once(db, entity_decisions, values) is not None


# ------------------------------------------------------------------ parts of it
def _set_deleted(
    db: Connection,
    library: Library,
    list_name: str,
    uuids: Collection[str],
    since: datetime | None,
    actor: str,
    now: datetime,
) -> None:
    lock_derived(db)
    keys = []
    for uuid in uuids:
        key, row = _known(db, list_name, uuid)
        if (row.deleted_at is None) == (since is None):
            raise Refused(NOT_FOUND())
        if since is not None and row.linked_to is not None:
            raise Refused(LINK_ALREADY(uuid=key.uuid, canonical=row.linked_to))
        keys.append(key)
    _follow(db, library, entities.refold(db, library, keys, dict.fromkeys(keys, since)), now)
    for key in keys:
        _note(db, key, "restore" if since is None else "delete", actor, now)


def _keep(
    db: Connection,
    library: Library,
    key: Key,
    label: str,
    said: Mapping[str, str],
    actor: str,
    now: datetime,
) -> None:
    rows = [Kept(key.uuid, label, said)]
    applied = entities.adopt(db, library, key.list_name, rows, now, actor)
    _follow(db, library, applied, now)


def _follow(db: Connection, library: Library, applied: Applied, now: datetime) -> None:
    process.follow_entities(db, library, applied, now)


def _note(
    db: Connection, key: Key, verb: str, actor: str, now: datetime, **details: object
) -> None:
    audit.record(db, actor, f"entity.{verb}", f"entity:{key.list_name}/{key.uuid}", now, **details)


def _said(
    db: Connection, library: Library, list_name: str, data: Mapping[str, str]
) -> dict[str, str]:
    """The properties as kept. Refused without such a list, for what is none of its, and for what
    the server finds by itself."""
    c = entity_lists.c
    query = sa.select(c.properties).where(c.project_id == PROJECT_ID, c.name == list_name)
    properties = db.scalar(query)
    if properties is None:
        raise Refused(NOT_FOUND())
    for name in data:
        if name not in properties:
            raise Refused(ENTITY_NO_PROPERTY(list=list_name, name=name))
        if list_name in library.lists and name in library.lists[list_name].computed:
            raise Refused(ENTITY_COMPUTED(list=list_name, name=name))
    return {name: nfc(text) for name, text in data.items()}


def _known(db: Connection, list_name: str, uuid: str) -> tuple[Key, Any]:
    key = Key(list_name, plain_id(uuid) or "")
    row = _find(db, key)
    if row is None:
        raise Refused(NOT_FOUND())
    return key, row


def _find(db: Connection, key: Key) -> Any:
    of_list = sa.select(entity_lists.c.id).where(
        entity_lists.c.project_id == PROJECT_ID, entity_lists.c.name == key.list_name
    )
    query = sa.select(entity_rows).where(
        entity_rows.c.uuid == key.uuid, entity_rows.c.list_id.in_(of_list)
    )
    return db.execute(query).one_or_none()
