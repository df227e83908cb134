"""What must be compared: put into the queue with what changed it, and done right after."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import queue
from sync.accounts import PROJECT_ID
from sync.database import insert_once, lock_derived
from sync.matching import keys, pairs, places, profiles, weights
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
    for name, rule in library.matches.items():
        value = keys.number(name, rule.mark)
        row = {"name": f"rule of matching {name}", "value": value}
        if insert_once(db, counters, row) is None:
            mine = sa.and_(counters.c.name == row["name"], counters.c.value != value)
            if not db.execute(counters.update().where(mine).values(value=value)).rowcount:
                continue
        add(db, library, {name: everybody(db, name)}, now, MATCH_AGAIN)


def everybody(db: Connection, list_name: str) -> list[str]:
    """The uuids of all entities that a list ever had."""
    mine = sa.select(entity_lists.c.id).where(
        entity_lists.c.project_id == PROJECT_ID, entity_lists.c.name == list_name
    )
    query = sa.select(entities.c.uuid).where(entities.c.list_id.in_(mine))
    return list(db.scalars(query.order_by(entities.c.uuid)))


def do(db: Connection, library: Library, payload: Any, now: datetime) -> None:
    """Carry out one piece of work. Harmless to repeat."""
    lock_derived(db)
    notice(db, library, now)
    match(db, library, payload["list"], payload["uuids"], now)


def match(
    db: Connection, library: Library, list_name: str, uuids: Collection[str], now: datetime
) -> None:
    """Find with whom these entities may be one."""
    rule = library.matches.get(list_name)
    if rule is None:
        return
    scorer = weights.scorer(db, rule, list_name)
    changed = profiles.refresh(db, rule, list_name, uuids, now)
    pairs.refresh(db, rule, scorer, list_name, changed.ids, changed.gone, now)
