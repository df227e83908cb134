"""Everybody compared with everybody at once, as a new database would find them: to verify."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.matching.keys import without_any_crowds
from forms.matching.rule import MatchRule
from forms.matching.search import find_pairs
from sync.matching import pairs, places, profiles, weights
from sync.matching.profiles import Read
from sync.matching.secret import hashing
from sync.matching.waiting import everybody
from sync.tables import match_keys, match_profiles

if TYPE_CHECKING:
    from forms.library import Library

AT_ONCE = 1000


def find_all(db: Connection, library: Library, now: datetime) -> None:
    """Fill the empty tables of profiles, keys and pairs."""
    places.follow(db, library)
    for list_name, rule in library.matches.items():
        read = read_everybody(db, rule, list_name, now)
        _keep(db, rule, list_name, read)
        held = weights.current(db, rule, list_name)
        whole = {uuid: one.profile for uuid, one in read.items()}
        found = {
            (one.one, one.other): pairs.as_pair(rule, one.score)
            for one in find_pairs(rule, held, whole)
        }
        pairs.keep(db, list_name, found, now, {})


def read_everybody(
    db: Connection, rule: MatchRule, list_name: str, now: datetime
) -> dict[str, Read]:
    """uuid -> all that is told of it, also what a crowd has."""
    hashed, uuids = hashing(db, now), everybody(db, list_name)
    found: dict[str, Read] = {}
    for start in range(0, len(uuids), AT_ONCE):
        part = uuids[start : start + AT_ONCE]
        found |= profiles.read_whole(db, rule, list_name, part, hashed)
    return found


def _keep(db: Connection, rule: MatchRule, list_name: str, read: Mapping[str, Read]) -> None:
    uuids = sorted(read)
    compared = without_any_crowds(rule, [read[uuid].profile for uuid in uuids], {})
    for start in range(0, len(uuids), AT_ONCE):
        rows, keys = [], []
        for at, uuid in enumerate(uuids[start : start + AT_ONCE], start):
            told = read[uuid]
            rows.append(
                {
                    "id": at + 1,
                    "list_name": list_name,
                    "uuid": uuid,
                    "profile": compared[at].to_json(),
                    "facts": told.facts,
                    "made_by": profiles.maker(rule),
                }
            )
            keys += profiles.key_rows(rule, list_name, at + 1, told.profile, compared[at])
        db.execute(match_profiles.insert(), rows)
        if keys:
            db.execute(match_keys.insert(), keys)
