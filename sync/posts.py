"""Where an account belongs: to a unit or a club, by the code people know or chosen from a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import NEEDS_PLACE, NO_PHONE_ROLE, UNKNOWN_PLACE, Refused
from forms.text import fold, sort_key
from sync import places
from sync.clubs import clubs_named
from sync.tables import entities, units

if TYPE_CHECKING:
    from forms.library import Library

Post = tuple[int | None, str | None]  # unit id, club uuid

CITY, DISTRICT, COMMUNE, CLUB = "city", "district", "commune", "club"


@dataclass(frozen=True, slots=True)
class Choice:
    """A place to choose from a list; `value` is what a page sends back."""

    value: str
    level: str
    label: str


def find_post(
    db: Connection, library: Library, role: str, unit: str | None, club: str | None, day: date
) -> Post:
    """Codes as people know them on the day. Refused(NEEDS_PLACE or UNKNOWN_PLACE)."""
    unit_id = None if unit is None else find_unit(db, unit, day)
    club_id = None if club is None else places.find_club(db, club)
    if club is not None and club_id is None:
        raise Refused(UNKNOWN_PLACE(code=club))
    return _fit(library, role, (unit_id, club_id))


def find_unit(db: Connection, code: str, day: date) -> int:
    """The id of the unit with this code on the day. Refused(UNKNOWN_PLACE)."""
    found = places.find_unit(db, code, day)
    if found is None:
        raise Refused(UNKNOWN_PLACE(code=code))
    return found.id


def find_chosen(db: Connection, library: Library, role: str, value: str, day: date) -> Post:
    """What was chosen from `choices`; nothing chosen is no place.

    Refused(NEEDS_PLACE or UNKNOWN_PLACE).
    """
    if value and value not in {one.value for one in choices(db, day)}:
        raise Refused(UNKNOWN_PLACE(code=value[:80]))
    kind, _, key = value.partition(":")
    post = (None, key) if kind == CLUB else (int(key) if key else None, None)
    return _fit(library, role, post)


def _fit(library: Library, role: str, post: Post) -> Post:
    known = library.roles.get(role)
    if post == (None, None) and not (known and known.everywhere):
        raise Refused(NEEDS_PLACE())
    return post


def choices(db: Connection, day: date) -> list[Choice]:
    """The units that exist on the day, then the clubs, each by name."""
    tree = places.read_tree(db)
    found = [
        Choice(as_value(unit.id, None), level, _unit_label(tree, unit))
        for level in places.LEVELS
        for unit in tree.on(day, level)
    ]
    named = clubs_named(db, places.latest_places(db, day))
    found += [
        Choice(as_value(None, uuid), CLUB, f"{name} ({code})" if code else name)
        for uuid, (code, name) in named.items()
    ]
    order = {level: number for number, level in enumerate((*places.LEVELS, CLUB))}
    return sorted(found, key=lambda one: (order[one.level], sort_key(one.label)))


def _unit_label(tree: places.Tree, unit: places.Unit) -> str:
    above = tree.units[unit.parent_id].full_name if unit.parent_id else ""
    return f"{unit.full_name} ({unit.code})" + (f", {above}" if above else "")


def as_value(unit_id: int | None, club_id: str | None) -> str:
    """The `value` of the choice that stands for this place; empty for none."""
    if club_id is not None:
        return f"{CLUB}:{club_id}"
    return "" if unit_id is None else f"unit:{unit_id}"


def check_phone_role(library: Library, role: str) -> None:
    """Refused(NO_PHONE_ROLE) for a role whose phone would get nothing."""
    for_phones = [role.name for role in library.roles.values() if role.has_phone]
    if role not in for_phones:
        raise Refused(NO_PHONE_ROLE(role=role[:40], roles=", ".join(for_phones)))


def read_role(library: Library, text: str) -> str:
    """The code of a role from its code or its Vietnamese name; else the text as it is."""
    names = {fold(role.vi): name for name, role in library.roles.items()}
    return names.get(fold(text), text.strip().lower())


def place_names(db: Connection, posts: Iterable[Post]) -> dict[Post, str]:
    """What people call each club or unit; nothing for who has neither."""
    asked = set(posts)
    clubs, of_units = {club for _, club in asked}, {unit for unit, _ in asked}
    c, u = entities.c, units.c
    labels = sa.select(c.uuid, c.label).where(c.uuid.in_(clubs - {None}), c.uuid == c.club_id)
    kinds = sa.select(u.id, u.kind, u.name).where(u.id.in_(of_units - {None}))
    club_names = {row.uuid: row.label for row in db.execute(labels)}
    unit_names = {row.id: f"{places.KIND_NAMES[row.kind]} {row.name}" for row in db.execute(kinds)}
    return {
        (unit, club): club_names.get(club, "") if club is not None else unit_names.get(unit, "")
        for unit, club in asked
    }
