"""Who must be compared: put into the queue, in the transaction of what has changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import generation, queue
from sync.accounts import PROJECT_ID
from sync.database import upsert
from sync.matching import keys, places
from sync.tables import counters, entities, entity_lists

if TYPE_CHECKING:
    from forms.library import Library

MATCH = "match"  # what somebody has just sent
MATCH_AGAIN = "match again"  # everybody, when rule, code or weights have changed: may take long
AT_ONCE = 25  # entities in one piece of work, which is one transaction: phones wait for its end


def add(
    db: Connection,
    library: Library,
    changed: Mapping[str, Collection[str]],
    now: datetime,
    name: str = MATCH,
) -> None:
    """Queue that these entities (list -> uuids) are compared."""
    for list_name in sorted(changed.keys() & library.matches.keys()):
        ordered = sorted(changed[list_name])
        for start in range(0, len(ordered), AT_ONCE):
            payload = {"list": list_name, "uuids": ordered[start : start + AT_ONCE]}
            queue.add(db, name, payload=payload, now=now)


def add_all(db: Connection, library: Library, now: datetime) -> None:
    """Queue everybody."""
    for name in library.matches:
        add(db, library, {name: everybody(db, name)}, now, MATCH_AGAIN)


def notice(db: Connection, library: Library, now: datetime) -> None:
    """Queue whom more than one's own word has changed: by another rule, a club elsewhere."""
    add(db, library, places.follow(db, library), now, MATCH_AGAIN)
    names = {f"rule of matching {name}": name for name in library.matches}
    c = counters.c
    known = {
        row.name: row.value for row in db.execute(sa.select(counters).where(c.name.in_(names)))
    }
    for name, list_name in names.items():
        value = keys.number(list_name, library.matches[list_name].mark)
        if known.get(name) != value:
            upsert(db, counters, [{"name": name, "value": value}], ["name"])
            if not generation.is_waiting(db):  # it will queue everybody itself
                add(db, library, {list_name: everybody(db, list_name)}, now, MATCH_AGAIN)


def everybody(db: Connection, list_name: str) -> list[str]:
    """The uuids of all entities that a list ever had."""
    mine = sa.select(entity_lists.c.id).where(
        entity_lists.c.project_id == PROJECT_ID, entity_lists.c.name == list_name
    )
    query = sa.select(entities.c.uuid).where(entities.c.list_id.in_(mine))
    return list(db.scalars(query.order_by(entities.c.uuid)))
