"""What was true of each entity of a list, day by day: its spells, read once for every figure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.conditions import AGE, BORN, Fact, Facts
from forms.indicators import Conditions
from sync import tables as t

CLUB = "club"  # the fact that says which club an entity belongs to
DAY = timedelta(days=1)


class Stretch(NamedTuple):
    """Days, from `first` up to (not with) `end`, on which all that is asked stayed the same."""

    first: date
    end: date
    facts: Facts
    club: str | None


@dataclass(slots=True)
class Life:
    """The spells of one entity, as far as they were read: (value, since, until) by fact."""

    uuid: str
    own_club: bool
    spells: dict[str, list[tuple[str, date, date | None]]] = field(default_factory=dict)
    _turns: list[date] = field(default_factory=list)
    _between: dict[int, Facts] = field(default_factory=dict)

    def on(self, day: date) -> Facts:
        """What was true on a day: the same from one turn to the next."""
        if not self._turns:
            days = {day for spells in self.spells.values() for _, *both in spells for day in both}
            self._turns = sorted(day for day in days if day is not None)
        turn = bisect_right(self._turns, day)
        facts = self._between.get(turn)
        if facts is None:
            facts = self._between[turn] = {
                name: Fact(value, since)
                for name, spells in self.spells.items()
                for value, since, until in spells
                if since <= day and (until is None or until > day)
            }
        return facts

    def club(self, facts: Facts) -> str | None:
        if self.own_club:
            return self.uuid
        return facts[CLUB].value if CLUB in facts else None

    def stretches(self, first: date, last: date) -> Iterator[Stretch]:
        """The days first…last (both included) in stretches; the first one begins on `first`."""
        turns = {first, last + DAY}
        for spells in self.spells.values():
            for _, since, until in spells:
                turns |= {day for day in (since, until) if day is not None and first < day <= last}
        days = sorted(turns)
        for start, end in pairwise(days):
            facts = self.on(start)
            yield Stretch(start, end, facts, self.club(facts))


def read_lives(
    db: Connection,
    list_name: str,
    names: Collection[str],
    days: tuple[date, date],
    who: sa.ColumnElement[bool],
    *,
    own_club: bool,
) -> list[Life]:
    """The lives of some entities: of these facts, as far as they touch the days (both included).

    who: a condition on the uuid of `spells`. own_club: it is the list of clubs itself.
    """
    c = t.spells.c
    query = sa.select(c.uuid, c.name, c.value, c.valid_from, c.valid_to).where(
        # Not `list_name = …`: SQLite would read the whole list by the index that begins with it.
        sa.func.coalesce(c.list_name, "") == list_name,
        c.valid_from <= days[1],
        # Every club it was ever in: who was never in a club is not told of there.
        sa.or_(c.valid_to.is_(None), c.valid_to > days[0], c.name == CLUB),
        who,
    )
    if not own_club:  # a club is one by whatever is told of it
        query = query.where(c.name.in_(sorted({*names, CLUB})))
    found: dict[str, Life] = {}
    for uuid, name, value, since, until in db.execute(query).all():
        life = found.get(uuid)
        if life is None:
            life = found[uuid] = Life(uuid, own_club)
        life.spells.setdefault(name, []).append((value, since, until))
    return [found[uuid] for uuid in sorted(found)]


def facts_named(*conditions: Conditions) -> set[str]:
    """The stored facts that these conditions ask for."""
    return {BORN if name == AGE else name for where in conditions for name in where}
