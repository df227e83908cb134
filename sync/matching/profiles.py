"""Profiles and keys of entities, kept in step with what is told of them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.matching.keys import (
    blocking_keys,
    crowd_keys,
    most_of,
    most_of_crowd,
    without_crowds,
)
from forms.matching.profile import Profile, read_profile
from forms.matching.rule import MatchRule
from sync.database import among, upsert
from sync.generation import GENERATION
from sync.matching import inputs, keys
from sync.matching.secret import Hashing, hashing
from sync.tables import match_profiles

log = logging.getLogger(__name__)


class Read(NamedTuple):
    """What an entity may be compared by, and a hash of what people said of it."""

    profile: Profile
    facts: str


class Changed(NamedTuple):
    """ids: of the profiles that may be in other pairs than before. gone: uuids that are in none.

    blocks: the keys of these profiles, as far as they were made; found: who has some of those.
    """

    ids: set[int]
    gone: set[str]
    blocks: dict[int, keys.Keys]
    found: dict[int, keys.Holders]


def maker(rule: MatchRule) -> str:
    """What another rule, or other code, made of an entity cannot be compared with it."""
    return f"{GENERATION} {rule.mark}"


def refresh(
    db: Connection, rule: MatchRule, list_name: str, uuids: Collection[str], now: datetime
) -> Changed:
    """Make the profiles and keys of these entities what is told of them now."""
    hashed = hashing(db, now)
    read: dict[str, Read] = {}
    ids: dict[str, int] = {}
    crowds: dict[int, keys.Holders] = {}
    others, full, old = set(uuids), set[str](), set[int]()
    while others:
        told = read_whole(db, rule, list_name, others, hashed)
        known = _ids(db, list_name, others)
        new = _insert(db, list_name, told.keys() - known.keys())
        wanted = {
            i: limits(list_name, crowds_of(rule, told[uuid].profile if uuid in told else None))
            for uuid, i in (known | new).items()
        }
        before = keys.of_profiles(db, known.values(), crowd=True)
        grown = keys.replace(db, before, wanted, crowd=True)
        full |= _full(list_name, grown, (crowds_of(rule, one.profile) for one in told.values()))
        read, ids, crowds, old = (
            read | told,
            ids | known | new,
            crowds | grown,
            old | {*known.values()},
        )
        # Whom a crowd that has become one, or is one no more, lets say other things.
        others = _uuids(db, _crossed(grown) - set(ids.values()))
    crowded = _crowded(db, rule, list_name, read.values(), crowds)
    compared = {uuid: without_crowds(rule, one.profile, crowded) for uuid, one in read.items()}
    blocks = {i: limits(list_name, blocks_of(rule, compared.get(uuid))) for uuid, i in ids.items()}
    found = keys.replace(db, keys.of_profiles(db, old, crowd=False), blocks, crowd=False)
    full |= _full(list_name, found, (blocks_of(rule, one) for one in compared.values()))
    if full:
        log.warning("%s: too many have one key to be compared: %s", list_name, sorted(full))
    made = {uuid: Read(one, read[uuid].facts) for uuid, one in compared.items()}
    _keep(db, list_name, made, maker(rule))
    gone = ids.keys() - read.keys()
    _delete(db, list_name, gone)
    for uuid in gone:
        del blocks[ids[uuid]]
    return Changed(blocks.keys() | _crossed(found), gone, blocks, found)


def read_whole(
    db: Connection, rule: MatchRule, list_name: str, uuids: Collection[str], hashed: Hashing
) -> dict[str, Read]:
    """uuid -> all that is told of it, of those of whom anything is."""
    told = inputs.read(db, rule, list_name, uuids, hashed)
    return {
        uuid: Read(read_profile(rule, one), hashed.facts(inputs.said(rule, one)))
        for uuid, one in told.items()
    }


# ------------------------------------------------------------------ keys in words
def blocks_of(rule: MatchRule, profile: Profile | None) -> dict[str, int]:
    """Key in words -> how many may have it."""
    found = blocking_keys(rule, profile) if profile else ()
    return {words: most_of(rule, words) for words in found}


def crowds_of(rule: MatchRule, profile: Profile | None) -> dict[str, int]:
    """The same of what is only counted."""
    found = crowd_keys(rule, profile) if profile else ()
    return {words: most_of_crowd(rule, words) for words in found}


def limits(list_name: str, words: Mapping[str, int]) -> keys.Keys:
    return {keys.number(list_name, key): most for key, most in words.items()}


def key_rows(
    rule: MatchRule, list_name: str, profile_id: int, whole: Profile, compared: Profile
) -> list[dict[str, int | bool]]:
    """All rows of one profile in match_keys. whole: also with what crowds have."""
    return [
        {"key": key, "profile_id": profile_id, "most": most, "crowd": crowd}
        for crowd, words in ((True, crowds_of(rule, whole)), (False, blocks_of(rule, compared)))
        for key, most in limits(list_name, words).items()
    ]


def _crossed(found: Mapping[int, keys.Holders]) -> set[int]:
    return {one for holders in found.values() if holders.crossed for one in holders.ids}


def _crowded(
    db: Connection,
    rule: MatchRule,
    list_name: str,
    read: Iterable[Read],
    known: Mapping[int, keys.Holders],
) -> set[str]:
    """Which of what these say too many say. known: of what that has been asked already."""
    words = {key: most for one in read for key, most in crowds_of(rule, one.profile).items()}
    asked = limits(list_name, words)
    rest = {key: most for key, most in asked.items() if key not in known}
    found = {**known, **keys.holders(db, rest)}
    return {key for key in words if not found[keys.number(list_name, key)].are_few}


def _full(
    list_name: str, found: Mapping[int, keys.Holders], words: Iterable[Iterable[str]]
) -> set[str]:
    """The names, not the words, of keys that too many have now, and had not before."""
    crossed = {key for key, one in found.items() if one.crossed and not one.are_few}
    known = {word for some in words for word in some} if crossed else ()
    return {word.partition(":")[0] for word in known if keys.number(list_name, word) in crossed}


# ------------------------------------------------------------------ rows
def _ids(db: Connection, list_name: str, uuids: Collection[str]) -> dict[str, int]:
    """uuid -> id of its row, of those that have one."""
    c = match_profiles.c
    mine = sa.and_(c.list_name == list_name, among(db, c.uuid, uuids))
    return {row.uuid: row.id for row in db.execute(sa.select(c.uuid, c.id).where(mine))}


def _insert(db: Connection, list_name: str, uuids: Collection[str]) -> dict[str, int]:
    """uuid -> id of a new row, to be filled when it is known what crowds say."""
    c = match_profiles.c
    blank = {"list_name": list_name, "profile": [], "facts": "", "made_by": ""}
    rows = [{**blank, "uuid": uuid} for uuid in sorted(uuids)]
    if not rows:
        return {}
    made = db.execute(match_profiles.insert().returning(c.uuid, c.id), rows)
    return {row.uuid: row.id for row in made}


def _uuids(db: Connection, ids: Collection[int]) -> set[str]:
    c = match_profiles.c
    return set(db.scalars(sa.select(c.uuid).where(among(db, c.id, ids)))) if ids else set()


def _keep(db: Connection, list_name: str, made: Mapping[str, Read], made_by: str) -> None:
    rows = [
        {
            "list_name": list_name,
            "uuid": uuid,
            "profile": one.profile.to_json(),
            "facts": one.facts,
            "made_by": made_by,
        }
        for uuid, one in sorted(made.items())
    ]
    upsert(db, match_profiles, rows, ["list_name", "uuid"])


def _delete(db: Connection, list_name: str, uuids: Collection[str]) -> None:
    c = match_profiles.c
    if uuids:
        db.execute(
            match_profiles.delete().where(c.list_name == list_name, among(db, c.uuid, uuids))
        )
