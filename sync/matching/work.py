"""Comparing whom the queue names: their pairs are found, and what is certain is linked at once."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.matching.score import Band
from forms.problems import Refused
from sync import links
from sync.accounts import PROJECT_ID
from sync.database import among, lock_derived
from sync.matching import pairs, profiles, review, waiting, weights
from sync.matching.review import Ids
from sync.tables import entities, entity_lists

if TYPE_CHECKING:
    from forms.library import Library

SYSTEM = "system"  # the actor


def do(db: Connection, library: Library, payload: Any, now: datetime) -> None:
    """Carry out one piece of work. Harmless to repeat."""
    lock_derived(db)
    waiting.notice(db, library, now)
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
    found = pairs.refresh(db, rule, scorer, list_name, changed, now)
    parted = review.parted(db, list_name, found)
    review.remember(db, list_name, parted)
    if rule.link_certain:
        certain = {ids for ids, one in found.items() if one.band is Band.CERTAIN}
        _link(db, library, list_name, certain - parted.keys(), now)


def _link(
    db: Connection, library: Library, list_name: str, certain: Collection[Ids], now: datetime
) -> None:
    """Each is queued by that to be compared anew; whose turn has not come waits until then.

    Who of two clubs has whom is for a person to say: a link would move her without a word.
    """
    undecided = review.undecided(db, list_name, certain)
    club_of = _clubs(db, list_name, {uuid for ids in undecided for uuid in ids})
    linked: set[str] = set()
    for one, other in sorted(undecided):
        ids = (one, other)
        if linked.isdisjoint(ids) and club_of.get(one) == club_of.get(other):
            # One that is gone, or linked, since it was compared waits to be compared itself.
            with suppress(Refused):
                links.link(db, library, list_name, ids, actor=SYSTEM, now=now)
                linked.update(ids)


def _clubs(db: Connection, list_name: str, uuids: Collection[str]) -> dict[str, str | None]:
    """uuid -> its club."""
    c = entities.c
    query = (
        sa.select(c.uuid, c.club_id)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .where(entity_lists.c.name == list_name, entity_lists.c.project_id == PROJECT_ID)
        .where(among(db, c.uuid, uuids))
    )
    return {row.uuid: row.club_id for row in db.execute(query)} if uuids else {}
