"""Counting pairs of entities that may be one, and about whom nobody has decided yet.

The other one may be in any club: all are read, whichever clubs are asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.conditions import hold
from forms.indicators import Indicator
from forms.periods import Period
from sync import tables as t
from sync.counting.item import Counted, Item
from sync.counting.lives import facts_named, read_lives
from sync.database import among
from sync.matching.review import open_pairs

if TYPE_CHECKING:
    from forms.library import Library


def items(
    db: Connection, library: Library, period: Period, one: Indicator, clubs: Collection[str]
) -> Iterator[Counted]:
    """Each pair open today, of which both were there on D, in each of its clubs; the key is both
    uuids. Above both clubs it counts once."""
    rule, day = library.lists[one.of], period.last
    pairs = open_pairs(db, one.of) if clubs else []
    who = among(db, t.spells.c.uuid, {uuid for pair in pairs for uuid in (pair.one, pair.other)})
    names = facts_named(one.where)
    club_of: dict[str, str] = {}
    for life in read_lives(db, rule.name, names, (day, day), who, own_club=rule.is_of_clubs):
        facts = life.on(day)
        club = life.club(facts)
        if club is not None and hold(one.where, facts, day):
            club_of[life.uuid] = club
    for pair in pairs:
        if pair.one in club_of and pair.other in club_of:
            key = f"{pair.one}+{pair.other}"
            for club in sorted({club_of[pair.one], club_of[pair.other]}.intersection(clubs)):
                yield one, Item(club, key, None, once=key)
