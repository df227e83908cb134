"""Clubs as people decide them: a file that founds them, and where one belongs after a split.

Clubs that were there before any form come so. The file may be loaded again, corrected or longer:
what it says again changes nothing, and a club it does not name stays as it is.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import read_written_day, vietnam_day
from forms.problems import (
    CLUB_COLUMN_MISSING,
    CLUB_COLUMN_UNKNOWN,
    CLUB_DAY,
    CLUB_PLACE_REFUSED,
    CLUB_ROWS_APART,
    CLUB_UNIT_NAME,
    Problem,
    Refused,
    Where,
)
from forms.text import settle_tones, tidy
from sync import aggregate, audit, counters, entities, process, timeline
from sync.accounts import PROJECT_ID
from sync.database import among, lock_derived, upsert
from sync.matching import waiting as matching
from sync.places import (
    CODE,
    Tree,
    Unit,
    UnitPath,
    club_uuid,
    clubs_by_code,
    clubs_by_unit,
    read_tree,
    unplaced_clubs,
)
from sync.publish import declare_lists
from sync.tables import club_places, entity_lists
from sync.tables import entities as entity_rows

if TYPE_CHECKING:
    from forms.library import Library, ListRule

NEEDED = ("club_code", "name", "unit_code", "founded_on")
PLACING = ("unit_name", "unit_on")  # of the row, not of the club
BETWEEN = " · "  # name of the club and of its commune, in its label


def plain_name(label: str) -> str:
    """The club's own name, without the commune its label ends in."""
    return label.partition(BETWEEN)[0]


def clubs_named(db: Connection, uuids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """uuid -> code and name, as people know a club."""
    c = entity_rows.c
    query = sa.select(c.uuid, c.label, c.data).where(among(db, c.uuid, sorted(uuids)))
    return {row.uuid: (row.data.get(CODE, ""), plain_name(row.label)) for row in db.execute(query)}


@dataclass(frozen=True, slots=True)
class Imported:
    """How many clubs the file brought, changed, or only named again; club code -> entity uuid."""

    created: int
    updated: int
    unchanged: int
    uuids: Mapping[str, str]


class FileRefused(Exception):
    """The file of clubs has problems, with their rows; nothing of it was taken."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.code for problem in self.problems))


@dataclass(slots=True)
class _Club:
    """What all rows of one club say together."""

    code: str
    name: str
    founded_on: date
    places: dict[date, Unit]
    data: dict[str, str]


def list_of_clubs(library: Library) -> ListRule:
    """The library's list whose entities are clubs: each is its own club. Raises LookupError."""
    for rule in library.lists.values():
        if rule.is_of_clubs:
            return rule
    raise LookupError("no list of the library has club = 'name'")


def import_clubs(
    db: Connection,
    library: Library,
    rows: Iterable[Mapping[str, str]],
    now: datetime,
    actor: str,
) -> Imported:
    """Take in rows as csv.DictReader gives them; all of the file or, raising FileRefused, nothing.

    Columns: `club_code`, `name`, `unit_code`, `founded_on`; optionally `unit_on`, the day on which
    the code meant the club's unit (else the day of founding: codes are used again), `unit_name` to
    check it by, and any property of the list. A club that moved has a row per `unit_on`.
    """
    lock_derived(db)
    rule = list_of_clubs(library)
    tree = read_tree(db)
    found = _read_rows(tree, _properties(rule), list(rows))
    declare_lists(db, {rule.name: _properties(rule)})  # also before any form names it
    known = set(db.scalars(sa.select(entity_rows.c.uuid).where(_is_of(rule.name))))
    by_code = clubs_by_code(db)  # a form may have founded it
    uuids = {by_code.get(club.code) or club_uuid(club.code): club for club in found}
    _keep_places(db, uuids)
    kept = _as_entities(uuids, known, clubs_by_unit(db, vietnam_day(now)))
    changed = entities.keep(db, library, rule.name, kept, now)
    touches = timeline.retell(db, library, rule.name, changed).touches
    aggregate.touch(db, library, touches, now)
    process.follow_clubs(db, library, changed & known, now)  # a founding day judges what was before
    matching.notice(db, library, now)
    created = len(changed - known)
    updated = len(changed) - created
    audit.record(db, actor, "club.import", None, now, created=created, updated=updated)
    named = {club.code: uuid for uuid, club in uuids.items()}
    return Imported(created, updated, len(uuids) - len(changed), named)


def place_club(
    db: Connection,
    library: Library,
    club_id: str,
    unit: Unit,
    day: date,
    now: datetime,
    actor: str,
) -> None:
    """Say that the club is in this commune from `day` on: how a person clears the worklist.

    Raises Refused when the unit is no commune of that day, LookupError when there is no such club.
    """
    if unit.level != "commune" or not unit.is_on(day):
        raise Refused(CLUB_PLACE_REFUSED(code=unit.code, day=day.isoformat()))
    rule = list_of_clubs(library)
    query = sa.select(entity_rows.c.label).where(_is_of(rule.name), entity_rows.c.uuid == club_id)
    label = db.scalar(query)
    if label is None:
        raise LookupError("no such club")
    place = {"club_id": club_id, "unit_id": unit.id, "valid_from": day}
    lock_derived(db)
    upsert(db, club_places, [place], ["club_id", "valid_from"])
    counters.bump(db, counters.PLACES)
    path = clubs_by_unit(db, vietnam_day(now)).get(club_id)
    name = label.rpartition(BETWEEN)[0]
    if path is not None:
        here = path.commune or path.last_known
        entities.keep(db, library, rule.name, [_entity(club_id, name, here, {})], now)
    matching.notice(db, library, now)
    details = {"unit": unit.code, "day": day.isoformat()}
    audit.record(db, actor, "club.place", f"club:{club_id}", now, **details)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A club on the worklist, as people know it: where it was, and the units it may be in now."""

    club_id: str
    code: str
    name: str
    last_known: Unit
    candidates: tuple[Unit, ...]


def worklist(db: Connection, library: Library, day: date) -> list[Waiting]:
    """Clubs whose unit was split by `day` and that nobody has placed since."""
    waiting = unplaced_clubs(db, day)
    query = sa.select(entity_rows.c.uuid, entity_rows.c.label, entity_rows.c.data).where(
        _is_of(list_of_clubs(library).name), entity_rows.c.uuid.in_([w.club_id for w in waiting])
    )
    known = {row.uuid: (row.data.get("club_code", "–"), row.label) for row in db.execute(query)}
    named = ((known.get(one.club_id, ("–", "–")), one) for one in waiting)
    return [
        Waiting(one.club_id, code, plain_name(label), one.last_known, one.candidates)
        for (code, label), one in named
    ]


def follow_units(db: Connection, library: Library, now: datetime) -> set[str]:
    """Have every club say the unit it is in today: after a decision, and on the day it begins.

    Returns the uuids of clubs that said another before. Harmless to repeat.
    """
    paths = clubs_by_unit(db, vietnam_day(now))
    if not paths:  # a library may have no clubs at all
        return set()
    rule = list_of_clubs(library)
    query = sa.select(entity_rows.c.uuid, entity_rows.c.label, entity_rows.c.data).where(
        _is_of(rule.name), entity_rows.c.uuid.in_(paths), entity_rows.c.deleted_at.is_(None)
    )
    moved = []
    for row in db.execute(query):
        unit = paths[row.uuid].commune or paths[row.uuid].last_known
        one = _entity(row.uuid, plain_name(row.label), unit, {})
        if any(row.data.get(name) != text for name, text in one.data.items()):
            moved.append(one)
    lock_derived(db)
    return entities.keep(db, library, rule.name, moved, now)


# ------------------------------------------------------------------ reading the file
def _properties(rule: ListRule) -> list[str]:
    """The columns a file may have beside those it must: what the list keeps, what facts need."""
    names = [*rule.properties, *(fact.from_property for fact in rule.facts)]
    return list(dict.fromkeys(name for name in names if name))


def _read_rows(tree: Tree, properties: Iterable[str], rows: list[Mapping[str, str]]) -> list[_Club]:
    allowed = {*NEEDED, *PLACING, *properties}
    problems = [
        CLUB_COLUMN_UNKNOWN(column=name or "…")
        for name in dict.fromkeys(name for row in rows for name in row if name not in allowed)
    ]
    clubs: dict[str, _Club] = {}
    for number, row in enumerate(rows, start=2):  # as a spreadsheet counts: row 1 is the header
        tidied = {name: tidy(text or "") for name, text in row.items() if name in allowed}
        read = list(_read_row(tree, tidied, Where(row=number)))
        for one in read:
            if isinstance(one, Problem):
                problems.append(one)
            else:
                problems += _join(clubs.setdefault(one.code, one), one, Where(row=number))
    if problems:
        raise FileRefused(problems)
    return list(clubs.values())


def _read_row(tree: Tree, row: Mapping[str, str], where: Where) -> Iterator[_Club | Problem]:
    """The one club of a row, or else what is wrong with the row."""
    missing = [name for name in NEEDED if not row.get(name)]
    if missing:
        yield from (CLUB_COLUMN_MISSING(where, column=name) for name in missing)
        return
    founded_on = read_written_day(row["founded_on"])
    unit_on = read_written_day(row["unit_on"]) if row.get("unit_on") else founded_on
    if founded_on is None or unit_on is None:
        yield CLUB_DAY(where, column="founded_on" if founded_on is None else "unit_on")
        return
    unit = next((u for u in tree.on(unit_on, "commune") if u.code == row["unit_code"]), None)
    if unit is None:
        yield CLUB_PLACE_REFUSED(where, code=row["unit_code"], day=unit_on.isoformat())
    elif row.get("unit_name") and not _is_named(unit, row["unit_name"]):
        yield CLUB_UNIT_NAME(
            where,
            code=unit.code,
            day=unit_on.isoformat(),
            unit=unit.full_name,
            given=row["unit_name"],
        )
    else:
        data = {k: v for k, v in row.items() if k not in (*NEEDED, *PLACING) and v}
        yield _Club(row["club_code"], row["name"], founded_on, {unit_on: unit}, data)


def _join(club: _Club, row: _Club, where: Where) -> Iterator[Problem]:
    """Add a further row of the same club; its name and founding must be the same."""
    for column in ("name", "founded_on"):
        if getattr(club, column) != getattr(row, column):
            yield CLUB_ROWS_APART(where, code=club.code, column=column)
    (day,) = row.places
    if club.places.get(day, row.places[day]) != row.places[day]:
        yield CLUB_ROWS_APART(where, code=club.code, column="unit_code")
    club.places |= row.places
    club.data |= row.data


def _is_named(unit: Unit, given: str) -> bool:
    key = settle_tones(given).casefold()
    return key in (settle_tones(name).casefold() for name in (unit.name, unit.full_name))


# ------------------------------------------------------------------ keeping it
def _is_of(list_name: str) -> sa.ColumnElement[bool]:
    of_list = sa.select(entity_lists.c.id).where(
        entity_lists.c.project_id == PROJECT_ID, entity_lists.c.name == list_name
    )
    return entity_rows.c.list_id.in_(of_list)


def _keep_places(db: Connection, clubs: Mapping[str, _Club]) -> None:
    places = [
        {"club_id": uuid, "unit_id": unit.id, "valid_from": day}
        for uuid, club in clubs.items()
        for day, unit in club.places.items()
    ]
    upsert(db, club_places, places, ["club_id", "valid_from"])
    counters.bump(db, counters.PLACES)


def _as_entities(
    clubs: Mapping[str, _Club], known: Container[str], paths: Mapping[str, UnitPath]
) -> list[entities.Kept]:
    kept = []
    for uuid, club in clubs.items():
        path = paths.get(uuid)  # none before the day of founding
        unit = (path.commune or path.last_known) if path else club.places[min(club.places)]
        data = {
            "club_code": club.code,
            "founded_on": club.founded_on.isoformat(),
            **({} if uuid in known else {"status": "active"}),
            **club.data,
        }
        kept.append(_entity(uuid, club.name, unit, data))
    return kept


def _entity(uuid: str, name: str, unit: Unit, data: Mapping[str, str]) -> entities.Kept:
    """The club as phones see it, named after the commune it is in now."""
    where = {"unit_code": unit.code, "unit_name": unit.full_name}
    return entities.Kept(uuid, f"{name}{BETWEEN}{unit.full_name}", {**data, **where})
