"""Pairs as people judge them: those nobody has judged yet, and how one is put aside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.matching.score import Band
from forms.problems import PAIR_JOINED, PAIR_UNKNOWN, Refused
from sync import audit, canonical
from sync.database import among, lock_derived, upsert
from sync.entities import plain_id
from sync.tables import duplicate_dismissals, duplicate_pairs, entity_links, match_profiles

Ids = tuple[str, str]  # uuids, the lesser first


class OpenPair(NamedTuple):
    """Two that may be one, and about whom nobody has decided since they said what they say."""

    one: str
    other: str
    band: Band
    bits: float
    levels: Mapping[str, str]
    found_at: datetime


def open_pairs(db: Connection, list_name: str) -> list[OpenPair]:
    """Those of a list, the likeliest first."""
    p = duplicate_pairs.c
    query = sa.select(p.one, p.other, p.band, p.bits, p.levels, p.found_at)
    rows = db.execute(_open(query).where(p.list_name == list_name))
    found = [OpenPair(row.one, row.other, Band(row.band), *row[3:]) for row in rows]
    return sorted(found, key=lambda one: (one.band is not Band.CERTAIN, -one.bits, one[:2]))


def _open(query: sa.Select[Any]) -> sa.Select[Any]:
    """Not dismissed, or with other facts on either side since."""
    p, d = duplicate_pairs.c, duplicate_dismissals
    one, other = match_profiles.alias("one"), match_profiles.alias("other")
    same = sa.and_(d.c.list_name == p.list_name, d.c.one == p.one, d.c.other == p.other)
    return (
        query.join(one, sa.and_(one.c.list_name == p.list_name, one.c.uuid == p.one))
        .join(other, sa.and_(other.c.list_name == p.list_name, other.c.uuid == p.other))
        .outerjoin(d, same)
        .where(
            sa.or_(
                d.c.id.is_(None),
                d.c.facts_of_one != one.c.facts,
                d.c.facts_of_other != other.c.facts,
            )
        )
    )


def undecided(db: Connection, list_name: str, ids: Collection[Ids]) -> set[Ids]:
    """Those of these pairs about whom nobody has decided."""
    if not ids:
        return set()
    p = duplicate_pairs.c
    mine = sa.and_(p.list_name == list_name, among(db, p.one, {one for one, _ in ids}))
    rows = db.execute(_open(sa.select(p.one, p.other)).where(mine))
    return {(row.one, row.other) for row in rows}.intersection(ids)


def parted(db: Connection, list_name: str, ids: Collection[Ids]) -> dict[Ids, Any]:
    """Those of these pairs that were linked and taken apart again -> the last such link."""
    if not ids:
        return {}
    c, later = entity_links.c, entity_links.alias("later")
    either = {uuid for pair in ids for uuid in pair}
    # Who came along when the other was linked further was not parted from it.
    came_along = sa.exists().where(
        *(later.c.list_name == c.list_name, later.c.uuid == c.uuid, later.c.id > c.id),
        *(later.c.at == c.undone_at, later.c.actor == c.undone_by),
    )
    undone = sa.select(c.uuid, c.canonical, c.undone_by, c.undone_at).where(
        *(c.list_name == list_name, c.undone_at.is_not(None), among(db, c.uuid, either)),
        sa.not_(came_along),
    )
    rows = db.execute(undone.order_by(c.undone_at))
    return {pair: row for row in rows if (pair := as_ids(row.uuid, row.canonical)) in ids}


def remember(db: Connection, list_name: str, parted: Mapping[Ids, Any]) -> None:
    """Who took a link back said that two are two: kept as if it had been said so then."""
    if not parted:
        return
    d = duplicate_dismissals.c
    said = sa.select(d.one, d.other, d.at).where(
        d.list_name == list_name, among(db, d.one, {one for one, _ in parted})
    )
    since = {(row.one, row.other): row.at for row in db.execute(said)}
    for pair, row in parted.items():
        if pair not in since or since[pair] < row.undone_at:
            note(db, list_name, pair, row.undone_by, row.undone_at)


def as_ids(one: str, other: str) -> Ids:
    return (one, other) if one < other else (other, one)


def dismiss(
    db: Connection, list_name: str, one: str, other: str, *, actor: str, now: datetime
) -> None:
    """Say that these two are two; holds until something else is said of one of them.

    Refused(PAIR_UNKNOWN) for two of whom nothing says that they may be one; (PAIR_JOINED).
    """
    lock_derived(db)
    require_apart(db, one, other)
    ids = as_ids(plain_id(one) or "", plain_id(other) or "")
    p = duplicate_pairs.c
    query = sa.select(p.id).where(p.list_name == list_name, p.one == ids[0], p.other == ids[1])
    if db.execute(query).first() is None:
        raise Refused(PAIR_UNKNOWN(list=list_name[:80]))
    note(db, list_name, ids, actor, now)
    audit.record(db, actor, "duplicate.dismiss", f"list:{list_name}", now, uuids=ids)


def require_apart(db: Connection, one: str, other: str) -> None:
    """Refused(PAIR_JOINED) for two who are joined: a page may have been open long."""
    if are_joined(db, one, other):
        raise Refused(PAIR_JOINED())


def are_joined(db: Connection, one: str, other: str) -> bool:
    """Whether these two are one: the same entry stands for both."""
    ids = as_ids(plain_id(one) or "", plain_id(other) or "")
    return ids[0] != ids[1] and len({canonical.stand_in(db, uuid) for uuid in ids}) == 1


def dismissed(db: Connection, list_name: str) -> list[tuple[str, str, str, datetime]]:
    """Of which pairs somebody said that they are two, and it still holds: uuids, by whom, when; the
    newest first.
    """
    p, d = duplicate_pairs.c, duplicate_dismissals.c
    same = sa.and_(d.list_name == p.list_name, d.one == p.one, d.other == p.other)
    query = sa.select(d.one, d.other, d.actor, d.at).join(duplicate_pairs, same)
    rows = db.execute(query.where(d.list_name == list_name).order_by(d.at.desc(), d.id.desc()))
    found = [tuple(row) for row in rows]
    open_ones = undecided(db, list_name, {(one, other) for one, other, *_ in found})
    return [row for row in found if row[:2] not in open_ones]


def reopen(
    db: Connection, list_name: str, one: str, other: str, *, actor: str, now: datetime
) -> None:
    """Take back that these two are two: they are asked about again. Refused(PAIR_UNKNOWN) where
    nobody says it.

    The row stays, of nobody's facts: without it a link that was taken back would say it again.
    """
    lock_derived(db)
    ids = as_ids(plain_id(one) or "", plain_id(other) or "")
    d = duplicate_dismissals.c
    mine = (d.list_name == list_name, d.one == ids[0], d.other == ids[1], d.facts_of_one != "")
    values = {"facts_of_one": "", "facts_of_other": "", "actor": actor, "at": now}
    if db.execute(duplicate_dismissals.update().where(*mine).values(values)).rowcount == 0:
        raise Refused(PAIR_UNKNOWN(list=list_name[:80]))
    audit.record(db, actor, "duplicate.reopen", f"list:{list_name}", now, uuids=ids)


def note(db: Connection, list_name: str, ids: Ids, actor: str, now: datetime) -> None:
    """Keep that two are two, of what is told of them now."""
    c = match_profiles.c
    query = sa.select(c.uuid, c.facts).where(c.list_name == list_name, c.uuid.in_(ids))
    facts = {row.uuid: row.facts for row in db.execute(query)}
    values = {
        "list_name": list_name,
        "one": ids[0],
        "other": ids[1],
        "facts_of_one": facts.get(ids[0], ""),
        "facts_of_other": facts.get(ids[1], ""),
        "actor": actor,
        "at": now,
    }
    upsert(db, duplicate_dismissals, [values], ["list_name", "one", "other"])
