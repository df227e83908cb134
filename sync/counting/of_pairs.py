"""Counting pairs of entities that may be one, as their list says who is alike.

The other one may be in any club: all are read, whichever clubs are asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.alike import Person, pairs
from forms.conditions import hold
from forms.indicators import Indicator
from forms.periods import Period
from sync import places
from sync.counting.item import Counted, Item
from sync.counting.lives import facts_named, read_lives

if TYPE_CHECKING:
    from forms.library import Library


def items(
    db: Connection, library: Library, period: Period, one: Indicator, clubs: Collection[str]
) -> Iterator[Counted]:
    """Each pair in each of its clubs; the key is both uuids. Above both clubs it counts once."""
    rule, day = library.lists[one.of], period.last
    if rule.alike is None or not clubs:  # the library's check refuses the first
        return
    communes = {
        club: str(path.commune.id)
        for club, path in places.clubs_by_unit(db, day).items()
        if path.commune is not None
    }
    club_of: dict[str, str] = {}
    people: list[Person] = []
    names, every = rule.alike.facts | facts_named(one.where), sa.true()
    for life in read_lives(db, rule.name, names, (day, day), every, own_club=rule.is_of_clubs):
        facts = life.on(day)
        club = life.club(facts)
        if club is not None and hold(one.where, facts, day):
            club_of[life.uuid] = club
            said = {name: fact.value for name, fact in facts.items()}
            # Where nobody has said yet on which side of a split a club is, it is a place by itself.
            people.append(Person(life.uuid, communes.get(club, club), said))
    for pair in sorted(pairs(rule.alike, people)):
        key = "+".join(pair)
        for club in sorted({club_of[uuid] for uuid in pair}.intersection(clubs)):
            yield one, Item(club, key, None, once=key)
