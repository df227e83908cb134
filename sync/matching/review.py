"""Pairs as people judge them: those nobody has judged yet, and how one is put aside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.matching.score import Band
from forms.problems import PAIR_UNKNOWN, Refused
from sync import audit
from sync.database import lock_derived, upsert
from sync.entities import plain_id
from sync.tables import duplicate_dismissals, duplicate_pairs, match_profiles


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


def dismiss(
    db: Connection, list_name: str, one: str, other: str, *, actor: str, now: datetime
) -> None:
    """Say that these two are two; holds until something else is said of one of them.

    Refused(PAIR_UNKNOWN) for two of whom nothing says that they may be one.
    """
    lock_derived(db)
    ids = sorted(plain_id(uuid) or "" for uuid in (one, other))
    p = duplicate_pairs.c
    query = sa.select(p.id).where(p.list_name == list_name, p.one == ids[0], p.other == ids[1])
    if db.execute(query).first() is None:
        raise Refused(PAIR_UNKNOWN(list=list_name[:80]))
    note(db, list_name, ids[0], ids[1], actor, now)
    details = {"uuids": ids}
    audit.record(db, actor, "duplicate.dismiss", f"list:{list_name}", now, **details)


def note(db: Connection, list_name: str, one: str, other: str, actor: str, now: datetime) -> None:
    """Keep that two are two, of what is told of them now."""
    c = match_profiles.c
    ids = sorted((one, other))
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
