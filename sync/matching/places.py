"""In which place the people of a club are from, as their profiles have it.

By what is known of units on the last of days: one day's decision about units makes nobody another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import counters, places
from sync.database import upsert
from sync.tables import counters as counter_rows
from sync.tables import match_places, spells
from sync.timeline import CLUB

if TYPE_CHECKING:
    from forms.library import Library

NOTED = "places in profiles"  # the row of `counters` that says of which state of places


def follow(db: Connection, library: Library) -> dict[str, list[str]]:
    """Note where clubs are now. list -> entities whose club is in another place than before.

    Nothing is read where no place has changed since.
    """
    if not library.matches:
        return {}
    c = counter_rows.c
    asked = sa.select(c.name, c.value).where(c.name.in_((counters.PLACES, NOTED)))
    values = {row.name: row.value for row in db.execute(asked)}
    now = values.get(counters.PLACES, 0)
    if values.get(NOTED) == now:
        return {}
    upsert(db, counter_rows, [{"name": NOTED, "value": now}], ["name"])
    moved = _note(db, {level for _, level in _asked(library)})
    lists = sorted({name for name, _ in _asked(library)})
    return {name: _of_clubs(db, name, moved) for name in lists} if moved else {}


def _asked(library: Library) -> Iterator[tuple[str, str]]:
    """(list, level) of the places that profiles have."""
    for name, rule in library.matches.items():
        for one in rule.supplied.values():
            if one is not None and one.unit is not None:
                yield name, one.unit


def _note(db: Connection, levels: Collection[str]) -> set[str]:
    """The clubs that are, at one of these levels, in another place than was noted."""
    c = match_places.c
    known = {(row.club_id, row.level): row.place for row in db.execute(sa.select(match_places))}
    found = {
        (club, level): str(unit.id)
        for club, path in places.clubs_by_unit(db, date.max).items()
        for level in levels
        if (unit := getattr(path, level)) is not None
    }
    gone, other = known.keys() - found.keys(), dict(found.items() - known.items())
    for club, level in gone:
        db.execute(match_places.delete().where(c.club_id == club, c.level == level))
    rows = [{"club_id": key[0], "level": key[1], "place": place} for key, place in other.items()]
    upsert(db, match_places, rows, ["club_id", "level"])
    return {club for club, _ in (*gone, *other)}


def _of_clubs(db: Connection, list_name: str, clubs: Collection[str]) -> list[str]:
    c = spells.c
    here = sa.and_(c.list_name == list_name, c.name == CLUB, c.value.in_(sorted(clubs)))
    return list(db.scalars(sa.select(c.uuid).where(here).distinct().order_by(c.uuid)))
