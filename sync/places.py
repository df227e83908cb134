"""The tree of administrative units with dates, and in which unit a club is on which day.

A code or a name is never a key: both are used again for other land (domain §5.3). A row of `units`
never changes its land: a reform ends rows, begins others, and successions join them.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.text import tidy
from sync import counters
from sync.database import once, upsert
from sync.tables import club_places, entities, entity_lists, spells, unit_successions, units

Level = Literal["city", "district", "commune"]
LEVELS: tuple[Level, ...] = ("city", "district", "commune")  # parents first

UNITS_CSV = "units.csv"  # communes and wards of all times, for any form that asks for one
UNIT = "unit"  # the fact with the key of the unit a club is in
CODE = "club_code"  # the property people call a club by
CLUBS = UUID("6f0f3c1e-7d0b-5c52-9a51-0c1fb4a7d9e3")  # namespace: never change it, ids hang on it

KIND_NAMES = {
    "city": "Thành phố",
    "province": "Tỉnh",
    "urban_district": "Quận",
    "rural_district": "Huyện",
    "island_district": "Huyện đảo",
    "provincial_city": "Thành phố",
    "town": "Thị xã",
    "ward": "Phường",
    "commune": "Xã",
    "township": "Thị trấn",
    "special_zone": "Đặc khu",
}


@dataclass(frozen=True, slots=True)
class Unit:
    """One row of `units`: one piece of land under one code, name, kind and parent."""

    id: int
    level: Level
    kind: str
    code: str
    name: str
    parent_id: int | None
    valid_from: date
    valid_to: date | None  # first day it is no more
    counts_in_coverage: bool

    def is_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    @property
    def full_name(self) -> str:
        """ "Phường Hải Châu" """
        return f"{KIND_NAMES[self.kind]} {self.name}"


@dataclass(frozen=True, slots=True)
class UnitPath:
    """The units a club is in on a day, from below to above.

    `commune` None: the club's unit was split and nobody has said yet on which side the club is.
    It is then on the worklist, `last_known` is the unit it was in before the split, and
    district and city are given where all sides share them. From July 2025 there is no district.
    """

    commune: Unit | None
    district: Unit | None
    city: Unit | None
    last_known: Unit

    @property
    def undecided(self) -> bool:
        return self.commune is None

    def __contains__(self, unit_id: int) -> bool:
        return any(
            u is not None and u.id == unit_id for u in (self.commune, self.district, self.city)
        )


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A club on the worklist: where it was, and the units it may be in now."""

    club_id: str
    last_known: Unit
    candidates: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Succession:
    """`old` gave all (whole, rename, kind_change) or some (part) of its land to `new` on a day."""

    new_id: int
    happened_on: date
    kind: str


class Tree:
    """All units and successions, read once: pure questions from here on."""

    def __init__(
        self, rows: Iterable[Unit], successions: Mapping[int, tuple[Succession, ...]]
    ) -> None:
        self.units = {unit.id: unit for unit in rows}
        self.successions = successions

    def on(self, day: date, level: str) -> tuple[Unit, ...]:
        """The units of a level that existed on a day, by code."""
        found = (u for u in self.units.values() if u.level == level and u.is_on(day))
        return tuple(sorted(found, key=lambda u: u.code))

    def ancestors(self, unit: Unit) -> Iterator[Unit]:
        """The unit, its parent, and so on up."""
        at: Unit | None = unit
        while at is not None:
            yield at
            at = self.units[at.parent_id] if at.parent_id is not None else None

    def ancestor(self, unit: Unit, level: str) -> Unit | None:
        return next((u for u in self.ancestors(unit) if u.level == level), None)

    def holders(self, unit: Unit, day: date) -> frozenset[Unit]:
        """The units that hold the unit's land, or a part of it, on a day not before it began.

        Two and more after a split; again one when later reforms put the parts together; none after
        an end without heirs, as of the districts.
        """
        if unit.is_on(day):
            return frozenset({unit})
        heirs = self.successions.get(unit.id, ())
        return frozenset[Unit]().union(
            *(self.holders(self.units[s.new_id], day) for s in heirs if s.happened_on <= day)
        )

    def forebears(self, unit: Unit) -> list[tuple[str, date, Unit]]:
        """The units whose land, or a part of it, became this one: how, when, which."""
        return [
            (one.kind, one.happened_on, self.units[old])
            for old, heirs in self.successions.items()
            for one in heirs
            if one.new_id == unit.id
        ]

    def last_known(self, unit: Unit, day: date) -> Unit:
        """Follow the unit up to `day`, or to the row before the first split on the way."""
        while not unit.is_on(day):
            heirs = self.successions.get(unit.id, ())
            if len(heirs) != 1 or heirs[0].kind == "part":
                break
            unit = self.units[heirs[0].new_id]
        return unit

    def path(self, unit: Unit, day: date) -> UnitPath:
        """Where something placed in `unit` (on an earlier day, or on this one) is on `day`."""
        holders = self.holders(unit, day)
        if len(holders) == 1:
            (commune,) = holders
            return UnitPath(
                commune, self.ancestor(commune, "district"), self.ancestor(commune, "city"), commune
            )
        return UnitPath(
            None,
            self._shared(holders, "district"),
            self._shared(holders, "city"),
            self.last_known(unit, day),
        )

    def _shared(self, holders: frozenset[Unit], level: str) -> Unit | None:
        above = {self.ancestor(unit, level) for unit in holders}
        return above.pop() if len(above) == 1 else None

    def body(self, unit: Unit, day: date) -> tuple[Unit, ...]:
        """The rows through which an office lives on, from its own unit's row up to that of `day`.

        An office passes whole into its heir. Of a unit that lost a part, it stays with the side
        that kept code, level and name (Hòa Minh, 2025); where no side did (Hòa Liên), it ends until
        its people are given another unit: least scope.
        """
        rows = [unit]
        while not rows[-1].is_on(day):
            heir = self._heir(rows[-1], day)
            if heir is None:
                break
            rows.append(heir)
        return tuple(rows)

    def _heir(self, unit: Unit, day: date) -> Unit | None:
        for succession in self.successions.get(unit.id, ()):
            new = self.units[succession.new_id]
            same = (new.level, new.code, new.name) == (unit.level, unit.code, unit.name)
            if succession.happened_on <= day and (succession.kind != "part" or same):
                return new
        return None


def read_tree(db: Connection) -> Tree:
    """Everything known about units: some six hundred rows, two queries."""
    return once(db, read_tree, lambda: _read_tree(db))


def _read_tree(db: Connection) -> Tree:
    columns = (units.c[one.name] for one in fields(Unit))
    rows = [Unit(*row) for row in db.execute(sa.select(*columns))]
    heirs: dict[int, list[Succession]] = defaultdict(list)
    query = sa.select(unit_successions).order_by(unit_successions.c.happened_on, "id")
    for row in db.execute(query):
        heirs[row.old_id].append(Succession(row.new_id, row.happened_on, row.kind))
    return Tree(rows, {old: tuple(found) for old, found in heirs.items()})


# ------------------------------------------------------------------ units in
def load_units(
    db: Connection, unit_rows: Iterable[Mapping[str, str]], successions: Iterable[Mapping[str, str]]
) -> None:
    """Make `units` and `unit_successions` say what the library's two CSVs say; harmless to repeat.

    Rows are as csv.DictReader gives them. Nothing is deleted: people and clubs may point at a unit.
    An open end in the rows does not open a unit that a decision has ended since (`reform.py`).
    """
    rows = list(unit_rows)
    ids: dict[str, int] = {}
    for level in LEVELS:
        wanted = {row["key"]: _unit_values(row, ids) for row in rows if row["level"] == level}
        upsert(db, units, list(wanted.values()), ["code", "level", "valid_from"], keep=["valid_to"])
        known = sa.select(units.c.id, units.c.code, units.c.valid_from).where(
            units.c.level == level
        )
        found = {(row.code, row.valid_from): row.id for row in db.execute(known)}
        ids |= {key: found[values["code"], values["valid_from"]] for key, values in wanted.items()}
    upsert(
        db,
        unit_successions,
        [
            {
                "old_id": ids[row["old_key"]],
                "new_id": ids[row["new_key"]],
                "happened_on": date.fromisoformat(row["date"]),
                "kind": row["kind"],
            }
            for row in successions
        ],
        ["old_id", "new_id", "happened_on"],
    )
    counters.bump(db, counters.PLACES)


def _key(code: str, valid_from: date) -> str:
    return f"{code}@{valid_from}"


def as_rows(tree: Tree) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Units and successions as the library's two CSVs would have them, from what is known."""
    keys = {unit.id: _key(unit.code, unit.valid_from) for unit in tree.units.values()}
    rows = [
        {
            "key": keys[unit.id],
            "level": unit.level,
            "kind": unit.kind,
            "code": unit.code,
            "name": unit.name,
            "parent_key": keys[unit.parent_id] if unit.parent_id is not None else "",
            "valid_from": unit.valid_from.isoformat(),
            "valid_to": unit.valid_to.isoformat() if unit.valid_to else "",
            "counts_in_coverage": "yes" if unit.counts_in_coverage else "no",
        }
        for unit in tree.units.values()
    ]
    heirs = [
        {
            "old_key": keys[old],
            "new_key": keys[one.new_id],
            "date": one.happened_on.isoformat(),
            "kind": one.kind,
        }
        for old, found in tree.successions.items()
        for one in found
    ]
    return rows, heirs


def units_csv(db: Connection) -> bytes:
    """The commune-level units of all times as `units.csv` for phones, with what was decided since.

    `name` is the row's key, for a code means other land on another day. A form filters by the day
    it is about: `valid_from <= ${day} and ${day} < valid_to`, where "9999-12-31" is an open end.
    """
    rows = {row["key"]: row for row in as_rows(read_tree(db))[0]}
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("name", "label", "code", "kind", "parent", "valid_from", "valid_to"))
    for row in rows.values():
        if row["level"] == "commune":
            label = f"{KIND_NAMES[row['kind']]} {row['name']}"
            parent = rows[row["parent_key"]]["name"]
            days = (row["valid_from"], row["valid_to"] or "9999-12-31")
            writer.writerow((row["key"], label, row["code"], row["kind"], parent, *days))
    return out.getvalue().encode()


def to_unit(id_: int, row: Mapping[str, str], ids: Mapping[str, int]) -> Unit:
    """A row of the table as a unit; `ids` are those of the other rows by key."""
    return Unit(id=id_, **_unit_values(row, ids))


def _unit_values(row: Mapping[str, str], ids: Mapping[str, int]) -> dict[str, Any]:
    return {
        "level": row["level"],
        "kind": row["kind"],
        "code": row["code"],
        "name": row["name"],
        "parent_id": ids[row["parent_key"]] if row["parent_key"] else None,
        "valid_from": date.fromisoformat(row["valid_from"]),
        "valid_to": date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        "counts_in_coverage": row["counts_in_coverage"] == "yes",
    }


# ------------------------------------------------------------------ questions
def units_on(db: Connection, day: date, level: str) -> tuple[Unit, ...]:
    """The units of a level that existed on a day, by code; before July 2025 with Quảng Nam's."""
    return read_tree(db).on(day, level)


def find_unit(db: Connection, code: str, day: date) -> Unit | None:
    """The unit that had this official code on this day, at any level (codes differ in length)."""
    query = sa.select(units).where(
        units.c.code == code,
        units.c.valid_from <= day,
        sa.or_(units.c.valid_to.is_(None), units.c.valid_to > day),
    )
    row = db.execute(query).mappings().one_or_none()
    return Unit(**row) if row is not None else None


def club_uuid(code: str) -> str:
    """The entity id of the club with this code: the same on every server, after every reload."""
    return str(uuid5(CLUBS, tidy(code)))


def clubs_by_code(db: Connection) -> dict[str, str]:
    """Code -> uuid of every club that has one; of two with one code the one from a file."""
    c = entities.c
    own = sa.select(c.uuid, c.data).where(c.club_id == c.uuid, c.deleted_at.is_(None))
    found: dict[str, str] = {}
    for row in db.execute(own.order_by(c.id)):
        code = tidy(row.data.get(CODE, ""))
        if code and found.setdefault(code, row.uuid) != row.uuid and row.uuid == club_uuid(code):
            found[code] = row.uuid
    return found


def codes_by_club(db: Connection) -> dict[str, str]:
    """What people call a club, by its uuid."""
    return {uuid: code for code, uuid in clubs_by_code(db).items()}


def find_club(db: Connection, code: str) -> str | None:
    """The uuid of the club with this code, if there is one."""
    return clubs_by_code(db).get(tidy(code))


def clubs_by_unit(db: Connection, day: date) -> dict[str, UnitPath]:
    """Where every club is on a day: uuid -> its units. A club without a place by then is absent."""
    tree = read_tree(db)
    return {
        club_id: tree.path(tree.units[unit_id], day)
        for club_id, unit_id in latest_places(db, day).items()
    }


History = Sequence[tuple[date, int]]  # (from this day on, unit id), oldest first


def read_history(db: Connection, club_id: str | None = None) -> dict[str, History]:
    """Every word about where a club is (or only this one): club uuid -> its places in time.

    What forms told (the fact `unit`), and what people decided; for one day the latter.
    """
    return once(db, (read_history, club_id), lambda: _read_history(db, club_id))


def _read_history(db: Connection, club_id: str | None) -> dict[str, History]:
    found: dict[str, dict[date, int]] = defaultdict(dict)
    for uuid, day, unit_id in _told_places(db, club_id):
        found[uuid][day] = unit_id
    c = club_places.c
    query = sa.select(c.club_id, c.valid_from, c.unit_id)
    for row in db.execute(query if club_id is None else query.where(c.club_id == club_id)):
        found[row.club_id][row.valid_from] = row.unit_id
    return {uuid: sorted(places.items()) for uuid, places in found.items()}


def _told_places(db: Connection, club_id: str | None) -> Iterator[tuple[str, date, int]]:
    """(club, from, unit id) as forms told them, oldest first; a unit not yet there, from its start.

    A form names a unit by its key in `units.csv`, for a code means other land on another day.
    """
    c = spells.c
    lists = sa.select(entity_lists.c.name)  # named, so that the index is used
    query = sa.select(c.uuid, c.value, c.valid_from).where(c.list_name.in_(lists), c.name == UNIT)
    rows = db.execute(query if club_id is None else query.where(c.uuid == club_id))
    told = sorted(rows, key=lambda row: row.valid_from)
    if not told:
        return
    u = units.c
    communes = db.execute(sa.select(u.id, u.code, u.valid_from).where(u.level == "commune"))
    by_key = {_key(row.code, row.valid_from): row for row in communes}
    for row in told:
        unit = by_key.get(row.value)
        if unit is not None:
            yield row.uuid, max(row.valid_from, unit.valid_from), unit.id


def place_on(history: History, day: date) -> int | None:
    """The unit id of the last decision that holds on the day."""
    return next((unit_id for since, unit_id in reversed(history) if since <= day), None)


def unit_of(db: Connection, club_id: str, day: date) -> Unit | None:
    """The club's commune on a day; None when it had no place yet, or a split left it undecided."""
    tree = read_tree(db)
    unit_id = latest_places(db, day, club_id).get(club_id)
    return None if unit_id is None else tree.path(tree.units[unit_id], day).commune


def unplaced_clubs(db: Connection, day: date) -> list[Unplaced]:
    """The worklist: clubs whose unit was split by `day` and that nobody has placed since."""
    tree = read_tree(db)
    waiting = []
    for club_id, unit_id in sorted(latest_places(db, day).items()):
        path = tree.path(tree.units[unit_id], day)
        if path.undecided:
            sides = sorted(tree.holders(tree.units[unit_id], day), key=lambda u: u.code)
            waiting.append(Unplaced(club_id, path.last_known, tuple(sides)))
    return waiting


def clubs_under(db: Connection, unit_id: int, day: date) -> frozenset[str]:
    """The clubs that an office of this unit sees on a day.

    Those in the unit, or in what it became whole; and those left undecided that were in it before.
    An office founded after `day` (a ward of July 2025 looking at June) sees those it began with.
    """
    return once(db, (clubs_under, unit_id, day), lambda: _clubs_under(db, unit_id, day))


def _clubs_under(db: Connection, unit_id: int, day: date) -> frozenset[str]:
    tree = read_tree(db)
    unit = tree.units[unit_id]
    day = max(day, unit.valid_from)
    rows = {row.id for row in tree.body(unit, day)}
    latest = latest_places(db, day)
    seen = {
        placed_in
        for placed_in in set(latest.values())
        if _is_seen(tree.path(tree.units[placed_in], day), rows)
    }
    return frozenset(club_id for club_id, placed_in in latest.items() if placed_in in seen)


def _is_seen(path: UnitPath, rows: set[int]) -> bool:
    return any(row in path for row in rows) or (path.undecided and path.last_known.id in rows)


def latest_places(db: Connection, day: date, club_id: str | None = None) -> dict[str, int]:
    """club uuid -> unit id of the last decision about it that holds on the day."""
    held = {club: place_on(history, day) for club, history in read_history(db, club_id).items()}
    return {club: unit_id for club, unit_id in held.items() if unit_id is not None}
