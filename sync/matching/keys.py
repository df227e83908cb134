"""The keys of profiles as rows: who has which, how many have it, and whether that is too many."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import among, is_sqlite
from sync.tables import match_keys

Keys = Mapping[int, int]  # the key as it stands in the table -> how many may have it
NO_CHANGE: Keys = {}


class Holders(NamedTuple):
    """Who has a key: the ids of their profiles, all or at least one more than may have it.

    crossed: whether, by what has just changed, they are too many now or no longer.
    """

    ids: list[int]
    most: int
    crossed: bool

    @property
    def are_few(self) -> bool:
        return len(self.ids) <= self.most


def number(list_name: str, words: str) -> int:
    """What stands for a key in the table. Two keys of one number would compare a pair too many."""
    digest = hashlib.blake2b(f"{list_name}|{words}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def of_profiles(db: Connection, ids: Collection[int], *, crowd: bool) -> dict[int, Keys]:
    """profile id -> its keys, all ids."""
    c = match_keys.c
    found: dict[int, dict[int, int]] = {one: {} for one in ids}
    query = sa.select(c.profile_id, c.key, c.most).where(among(db, c.profile_id, ids))
    for row in db.execute(query.where(c.crowd == crowd)) if ids else ():
        found[row.profile_id][row.key] = row.most
    return dict(found)


def replace(
    db: Connection, known: Mapping[int, Keys], wanted: Mapping[int, Keys], *, crowd: bool
) -> dict[int, Holders]:
    """Let these profiles have these keys instead of those; who has the keys now that any got or
    lost."""
    lost = _beyond(known, wanted)
    got = _beyond(wanted, known)
    c = match_keys.c
    for one, keys in lost.items():
        db.execute(match_keys.delete().where(c.profile_id == one, c.key.in_(keys)))
    rows = [
        {"key": key, "profile_id": one, "most": most, "crowd": crowd}
        for one, keys in got.items()
        for key, most in keys.items()
    ]
    if rows:
        db.execute(match_keys.insert(), rows)
    more: dict[int, int] = defaultdict(int)
    limits: dict[int, int] = {}
    for changed, by in ((lost, -1), (got, 1)):
        for keys in changed.values():
            limits.update(keys)
            for key in keys:
                more[key] += by
    return holders(db, limits, more)


def _beyond(some: Mapping[int, Keys], others: Mapping[int, Keys]) -> dict[int, dict[int, int]]:
    """What each has that it has not, or has with another limit, among the others."""
    found = {
        one: {key: most for key, most in keys.items() if others.get(one, {}).get(key) != most}
        for one, keys in some.items()
    }
    return {one: keys for one, keys in found.items() if keys}


def holders(
    db: Connection, limits: Keys, more: Mapping[int, int] = NO_CHANGE
) -> dict[int, Holders]:
    """Who has these keys. more: by how many they have just become more, or (below 0) fewer."""
    # As many as it takes to see whether they are, and were, too many; of thousands no more.
    enough = {key: most + 1 + max(more.get(key, 0), 0) for key, most in limits.items()}
    ids: dict[int, list[int]] = {key: [] for key in limits}
    for key, profile_id in _some_of_each(db, enough):
        ids[key].append(profile_id)
    found = {}
    for key, most in limits.items():
        size = len(ids[key])
        crossed = (size > most) != (size - more.get(key, 0) > most)
        found[key] = Holders(ids[key], most, crossed)
    return found


_SOME = "SELECT key, profile_id FROM match_keys WHERE key = ? LIMIT ?"
_SOME_OF_EACH = """
SELECT asked.key, found.profile_id
FROM unnest(%s::bigint[], %s::integer[]) AS asked(key, enough),
LATERAL (SELECT profile_id FROM match_keys WHERE key = asked.key LIMIT asked.enough) AS found
"""


def _some_of_each(db: Connection, enough: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """(key, profile id), of each key so many. SQLite asks faster ten times than once for ten."""
    if not enough:
        return
    if is_sqlite(db):
        for asked in enough.items():
            yield from ((row[0], row[1]) for row in db.exec_driver_sql(_SOME, asked))
    else:
        asked_for = (list(enough), list(enough.values()))
        yield from ((row[0], row[1]) for row in db.exec_driver_sql(_SOME_OF_EACH, asked_for))
