"""A new decision about units: what it would change, and carrying it out.

Clubs and offices go with their land: whole units pass by themselves, clubs of a unit that was split
wait on the worklist (`places.unplaced_clubs`), an office lives on where `Tree.body` finds its heir.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.decision import Decided, decide
from sync import audit, clubs, counters, places
from sync.blobs import Blobs, put_for_phones
from sync.clubs import plain_name
from sync.matching import waiting as matching
from sync.places import Succession, Tree, Unit
from sync.tables import app_users, entities, form_attachments, forms, users

if TYPE_CHECKING:
    from forms.library import Library

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UnitChange:
    """A unit that ends, begins, or passes into another on a day; one side may be missing."""

    day: date
    kind: str
    old: Unit | None
    new: Unit | None


@dataclass(frozen=True, slots=True)
class ClubMove:
    """A club whose unit is another afterwards; `new` None: a person must say on which side."""

    day: date
    name: str
    old: Unit
    new: Unit | None


@dataclass(frozen=True, slots=True)
class OfficeChange:
    """An account (of the web or of a phone) of a unit that ends; `new` None: it sees nothing more
    until it is given another unit."""

    day: date
    name: str
    old: Unit
    new: Unit | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a decision would change, in the order a person reads it."""

    units: tuple[UnitChange, ...]
    clubs: tuple[ClubMove, ...]
    offices: tuple[OfficeChange, ...]


def read_decision(db: Connection, rows: Sequence[Row]) -> Decided:
    """The tables with the decision carried out in them, or its problems. Nothing is written."""
    return decide(*places.as_rows(places.read_tree(db)), rows)


def preview(db: Connection, decided: Decided) -> Preview:
    """What it would change for units, clubs, and accounts that hang on a unit."""
    before, after = places.read_tree(db), to_tree(decided)
    was = {_key(unit) for unit in before.units.values()}
    ends = {_key(unit) for unit in before.units.values() if unit.valid_to is not None}
    return Preview(
        tuple(sorted(_unit_changes(after, was, ends), key=_in_order)),
        tuple(_club_moves(db, before, after, decided.days)),
        tuple(_office_changes(db, before, after, decided.days)),
    )


def carry_out(
    db: Connection, blobs: Blobs, library: Library, decided: Decided, now: datetime, actor: str
) -> None:
    """Keep the decision; phones see the new units, and from its day on the clubs in them."""
    places.load_units(db, decided.units, decided.successions)
    renew_units(db, blobs)
    clubs.follow_units(db, library, now)
    matching.notice(db, library, now)
    days = ", ".join(day.isoformat() for day in decided.days)
    audit.record(db, actor, "unit.decision", None, now, days=days)


def renew_units(db: Connection, blobs: Blobs) -> None:
    """Give every form that asks for places those of today: after a decision about units."""
    blob = put_for_phones(blobs, places.units_csv(db))
    c = form_attachments.c
    values = {"sha256": blob.sha256, "md5": blob.md5, "size": blob.size}
    current = sa.select(forms.c.current_version_id)
    other = sa.and_(
        c.filename == places.UNITS_CSV,
        c.list_name.is_(None),
        c.form_version_id.in_(current),
        c.sha256.is_distinct_from(blob.sha256),
    )
    if db.execute(form_attachments.update().where(other).values(values)).rowcount:
        counters.bump(db, counters.FORMS)  # a start that brings nothing moves nothing


def to_tree(decided: Decided) -> Tree:
    """The tree as it would be; ids are of this tree alone."""
    ids = {row["key"]: number for number, row in enumerate(decided.units)}
    heirs: dict[int, list[Succession]] = defaultdict(list)
    for one in sorted(decided.successions, key=lambda one: one["date"]):
        day = date.fromisoformat(one["date"])
        heirs[ids[one["old_key"]]].append(Succession(ids[one["new_key"]], day, one["kind"]))
    units = (places.to_unit(ids[row["key"]], row, ids) for row in decided.units)
    return Tree(units, {old: tuple(found) for old, found in heirs.items()})


def _key(unit: Unit) -> tuple[str, date]:
    return unit.code, unit.valid_from


def _unit_changes(
    after: Tree, was: set[tuple[str, date]], ended: set[tuple[str, date]]
) -> Iterator[UnitChange]:
    with_forebear = set()
    for old, heirs in after.successions.items():
        for one in heirs:
            new = after.units[one.new_id]
            with_forebear.add(one.new_id)
            if _key(new) not in was:
                yield UnitChange(one.happened_on, one.kind, after.units[old], new)
    for unit in after.units.values():
        if _key(unit) not in was and unit.id not in with_forebear:
            yield UnitChange(unit.valid_from, "begin", None, unit)
        newly_ended = unit.valid_to is not None and _key(unit) in was - ended
        if newly_ended and unit.valid_to and not after.successions.get(unit.id):
            yield UnitChange(unit.valid_to, "end", unit, None)


def _in_order(change: UnitChange) -> tuple[date, str, str]:
    return (
        change.day,
        change.new.code if change.new else "",
        change.old.code if change.old else "",
    )


def _club_moves(
    db: Connection, before: Tree, after: Tree, days: Iterable[date]
) -> Iterator[ClubMove]:
    same = {_key(unit): unit for unit in after.units.values()}
    for day in days:
        held = places.latest_places(db, day)
        names = _names(db, held)
        for club in sorted(held, key=lambda club: names.get(club, "")):
            unit = before.units[held[club]]
            was, now = before.path(unit, day), after.path(same[_key(unit)], day)
            old = was.commune or was.last_known
            if now.commune is None or _key(now.commune) != _key(old):
                yield ClubMove(day, names.get(club, "–"), old, now.commune)


def _names(db: Connection, uuids: Iterable[str]) -> dict[str, str]:
    c = entities.c
    query = sa.select(c.uuid, c.label).where(c.uuid.in_(list(uuids)), c.deleted_at.is_(None))
    return {row.uuid: plain_name(row.label) for row in db.execute(query)}


def _office_changes(
    db: Connection, before: Tree, after: Tree, days: Iterable[date]
) -> Iterator[OfficeChange]:
    same = {_key(unit): unit for unit in after.units.values()}
    for day in days:
        for name, unit_id in _accounts(db):
            unit = before.units[unit_id]
            old, new = before.body(unit, day)[-1], after.body(same[_key(unit)], day)[-1]
            if old.is_on(day) and (not new.is_on(day) or _key(new) != _key(old)):
                yield OfficeChange(day, name, old, new if new.is_on(day) else None)


def _accounts(db: Connection) -> Iterator[tuple[str, int]]:
    for table, ended in ((users, users.c.disabled_at), (app_users, app_users.c.revoked_at)):
        query = sa.select(table.c.name, table.c.unit_id).where(
            table.c.unit_id.is_not(None), ended.is_(None)
        )
        yield from ((row.name, row.unit_id) for row in db.execute(query.order_by(table.c.name)))
