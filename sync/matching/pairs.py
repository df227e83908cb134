"""Pairs of entities that may be one: found again whenever one of the two says something else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.matching.profile import Profile, profile_from_json
from forms.matching.rule import MatchRule
from forms.matching.score import Band, Score, Scorer, decide
from sync.database import among, upsert
from sync.matching import keys
from sync.matching.profiles import Changed, maker
from sync.matching.review import Ids
from sync.tables import duplicate_pairs, match_profiles


class Pair(NamedTuple):
    """What is kept of two that may be one."""

    band: Band
    bits: float
    levels: Mapping[str, str]


class _Person(NamedTuple):
    uuid: str
    profile: Profile


def refresh(
    db: Connection,
    rule: MatchRule,
    scorer: Scorer,
    list_name: str,
    changed: Changed,
    now: datetime,
) -> dict[Ids, Pair]:
    """Find all pairs anew of profiles that have changed, and keep those."""
    together = _candidates(db, changed)
    people = _read(db, rule, {*together, *(one for some in together.values() for one in some)})
    found: dict[Ids, Pair] = {}
    for one, others in together.items():
        for other in others:
            if one in people and other in people:
                found.update(_pair(rule, scorer, people[one], people[other]))
    mine = {people[one].uuid for one in together if one in people}
    _replace(db, list_name, mine | changed.gone, found, now)
    return found


def _candidates(db: Connection, changed: Changed) -> dict[int, set[int]]:
    """Profile -> those that have a key in common with it which not too many have."""
    others = changed.ids - changed.blocks.keys()
    own = {**changed.blocks, **keys.of_profiles(db, others, crowd=False)}
    limits = {key: most for of_one in own.values() for key, most in of_one.items()}
    rest = {key: most for key, most in limits.items() if key not in changed.found}
    found = {**changed.found, **keys.holders(db, rest)}
    return {
        one: {other for key in of_one if found[key].are_few for other in found[key].ids} - {one}
        for one, of_one in own.items()
    }


def _read(db: Connection, rule: MatchRule, ids: Collection[int]) -> dict[int, _Person]:
    c = match_profiles.c
    query = sa.select(c.id, c.uuid, c.profile).where(among(db, c.id, ids))
    rows = db.execute(query.where(c.made_by == maker(rule))) if ids else ()
    return {row.id: _Person(row.uuid, profile_from_json(rule, row.profile)) for row in rows}


def _pair(rule: MatchRule, scorer: Scorer, a: _Person, b: _Person) -> Iterator[tuple[Ids, Pair]]:
    one, other = (a, b) if a.uuid < b.uuid else (b, a)
    score = scorer.score(one.profile, other.profile)
    if score is not None:
        yield (one.uuid, other.uuid), as_pair(rule, score)


def as_pair(rule: MatchRule, score: Score) -> Pair:
    return Pair(decide(rule, score), round(score.bits, 2), dict(score.levels))


# ------------------------------------------------------------------ rows
def _replace(
    db: Connection,
    list_name: str,
    uuids: Collection[str],
    found: Mapping[Ids, Pair],
    now: datetime,
) -> None:
    """Let these be in these pairs and no others. When one was first found stays."""
    known = {(row.one, row.other): row for row in _of(db, list_name, uuids)}
    lost = [row.id for ids, row in known.items() if ids not in found]
    if lost:
        db.execute(duplicate_pairs.delete().where(among(db, duplicate_pairs.c.id, lost)))
    keep(
        db,
        list_name,
        {ids: one for ids, one in found.items() if ids not in known or _differs(known[ids], one)},
        now,
        {ids: row.found_at for ids, row in known.items()},
    )


def keep(
    db: Connection,
    list_name: str,
    found: Mapping[Ids, Pair],
    now: datetime,
    since: Mapping[Ids, datetime],
) -> None:
    """Store pairs, with the time they were found at."""
    rows = [
        {
            "list_name": list_name,
            "one": ids[0],
            "other": ids[1],
            "band": one.band.value,
            "bits": one.bits,
            "levels": one.levels,
            "found_at": since.get(ids, now),
        }
        for ids, one in sorted(found.items())
    ]
    upsert(db, duplicate_pairs, rows, ["list_name", "one", "other"])


def _of(db: Connection, list_name: str, uuids: Collection[str]) -> Iterable[Any]:
    c = duplicate_pairs.c
    either = sa.or_(among(db, c.one, uuids), among(db, c.other, uuids))
    return db.execute(sa.select(duplicate_pairs).where(c.list_name == list_name, either))


def _differs(row: Any, pair: Pair) -> bool:
    return (row.band, row.bits, row.levels) != (pair.band.value, pair.bits, pair.levels)
