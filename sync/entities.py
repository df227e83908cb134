"""Carry out what merge decides: changes, entities and their versions, kept in step.

Entities are folded again from all their changes whenever one is added, and only what differs is
written: a version number, once given, never goes down (protocol §6.6), and nothing changes twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.entities import EntityChange
from sync import merge, slices
from sync.merge import Asked, Decision, History, Outcome, Version
from sync.tables import (
    entities,
    entity_changes,
    entity_lists,
    entity_versions,
    submission_versions,
)

if TYPE_CHECKING:
    from forms.library import Library

REFUSED_LIST = Outcome(Decision.REFUSE)  # of a list that no published form declares


class Key(NamedTuple):
    """One entity, known or not."""

    list_name: str
    uuid: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What a person's file says of an entity. `data` holds only the properties it speaks of."""

    uuid: str
    label: str
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Row:
    """A change, where it came from, and its stored outcome (None = not stored yet)."""

    id: int | None
    asked: Asked
    received_at: datetime
    stored: Outcome | None


@dataclass(frozen=True, slots=True)
class Applied:
    """The entities that differ from before; `moved` are those that came, went or changed club."""

    changed: set[Key]
    moved: set[Key]


def plain_id(text: str | None) -> str | None:
    """An entity's id in its one spelling: lower case, without "uuid:"; None when blank."""
    found = (text or "").strip().lower().removeprefix("uuid:")
    return found or None


def apply(db: Connection, library: Library, asked: Mapping[int, Sequence[EntityChange]]) -> Applied:
    """Let each submission version (by id) ask for exactly these changes; harmless to repeat.

    Updates whose entity has not arrived stay as `hold`, and are carried out when it does.
    """
    added = _new_rows(db, asked)
    replaced = _drop(db, asked)
    keys = {_key(row) for row in added} | replaced
    return _refold(db, library, keys, added)


def refold(db: Connection, library: Library, keys: Collection[Key]) -> Applied:
    """Make these entities what their changes and kept versions say."""
    return _refold(db, library, set(keys), [])


def keep(
    db: Connection, library: Library, list_name: str, rows: Iterable[Kept], now: datetime
) -> set[str]:
    """Take over rows of a person's file: new entities, or new versions where something differs.

    Returns the uuids that changed; the caller tells their spells anew. KeyError when there is no
    list of that name.
    """
    wanted = {Key(list_name, row.uuid): row for row in rows}
    list_id = _lists(db, [Key(list_name, "")])[list_name]
    known = _load_entities(db, wanted)
    versions: list[dict[str, Any]] = []
    for key, row in wanted.items():
        before = known.get(key)
        data = {**(before.data if before else {}), **row.data}
        if before is None or (before.label, before.data) != (row.label, data):
            number = before.version + 1 if before else 1
            versions.append({"key": key, "version": number, "label": row.label, "data": data})
    ids = {key: row.id for key, row in known.items()}
    ids |= _insert_entities(
        db,
        [
            {
                "list_id": list_id,
                "uuid": one["key"].uuid,
                "label": one["label"],
                "data": {},
                "version": 0,  # none yet: the fold below makes it what its versions say
                "imported": True,
                "created_at": now,
                "updated_at": now,
                "change_seq": 0,
            }
            for one in versions
            if one["key"] not in known
        ],
        list_name,
    )
    for one in versions:
        one |= {"entity_id": ids[one.pop("key")], "created_at": now}
    if not versions:
        return set()
    db.execute(entity_versions.insert(), versions)
    touched = [one["entity_id"] for one in versions]
    db.execute(entities.update().where(entities.c.id.in_(touched)).values(imported=True))
    by_id = {entity_id: key for key, entity_id in ids.items()}
    return {key.uuid for key in refold(db, library, {by_id[one] for one in touched}).changed}


# ------------------------------------------------------------------ changes
def _key(row: _Row) -> Key:
    return Key(row.asked.change.list_name, row.asked.change.uuid)


def _new_rows(db: Connection, asked: Mapping[int, Sequence[EntityChange]]) -> list[_Row]:
    ids = [version_id for version_id, changes in asked.items() if changes]
    if not ids:
        return []
    c = submission_versions.c
    found = db.execute(sa.select(c.id, c.submission_id, c.received_at).where(c.id.in_(ids)))
    return [
        _Row(None, Asked(row.submission_id, row.id, change), row.received_at, None)
        for row in found
        for change in asked[row.id]
    ]


def _drop(db: Connection, asked: Mapping[int, Sequence[EntityChange]]) -> set[Key]:
    """Forget the stored changes of these submission versions; whose they were."""
    c = entity_changes.c
    gone = db.execute(
        entity_changes.delete()
        .where(c.submission_version_id.in_(list(asked)))
        .returning(c.list_name, c.uuid)
    )
    return {Key(*row) for row in gone}


def _load_changes(db: Connection, keys: Collection[Key]) -> list[_Row]:
    c, v = entity_changes.c, submission_versions.c
    query = (
        sa.select(
            c.id,
            c.submission_version_id,
            c.change,
            c.decision,
            c.version,
            v.submission_id,
            v.received_at,
        )
        .join(submission_versions, v.id == c.submission_version_id)
        .where(c.uuid.in_({key.uuid for key in keys}))
    )
    rows = [
        _Row(
            row.id,
            Asked(row.submission_id, row.submission_version_id, EntityChange(**row.change)),
            row.received_at,
            Outcome(Decision(row.decision), row.version),
        )
        for row in db.execute(query)
    ]
    return [row for row in rows if _key(row) in keys]


def _store_outcomes(db: Connection, settled: Iterable[tuple[_Row, Outcome]]) -> None:
    new, changed = [], []
    for row, outcome in settled:
        values: dict[str, Any] = {"decision": str(outcome.decision), "version": outcome.version}
        if row.id is None:
            change = row.asked.change
            new.append(
                {
                    "list_name": change.list_name,
                    "uuid": change.uuid,
                    "submission_version_id": row.asked.submission_version_id,
                    "position": change.position,
                    "change": asdict(change),
                    **values,
                }
            )
        elif row.stored != outcome:
            changed.append({"of_id": row.id, **values})
    if new:
        db.execute(entity_changes.insert(), new)
    if changed:
        by_id = entity_changes.update().where(entity_changes.c.id == sa.bindparam("of_id"))
        db.execute(by_id, changed)


# ------------------------------------------------------------------ entities
def _refold(db: Connection, library: Library, keys: set[Key], added: Sequence[_Row]) -> Applied:
    if not keys:
        return Applied(set(), set())
    lists = _lists(db, keys)
    rows: dict[Key, list[_Row]] = defaultdict(list)
    for row in [*_load_changes(db, keys), *added]:
        rows[_key(row)].append(row)
    for of_one in rows.values():
        of_one.sort(key=_arrival)
    known = _load_entities(db, keys)
    stored = _load_versions(db, [row.id for row in known.values()])
    folded: dict[Key, History] = {}
    settled: list[tuple[_Row, Outcome]] = []
    for key in sorted(keys):
        mine = rows[key]
        if key.list_name not in lists:
            settled += [(row, REFUSED_LIST) for row in mine]
            continue
        kept = _kept(stored[known[key].id]) if key in known else {}
        folded[key] = merge.fold(kept, [row.asked for row in mine])
        settled += zip(mine, folded[key].outcomes, strict=True)
    _store_outcomes(db, settled)
    return _write(db, library, lists, known, stored, folded, rows)


def _arrival(row: _Row) -> tuple[int, str]:
    return row.asked.submission_version_id, row.asked.change.position


def _lists(db: Connection, keys: Collection[Key]) -> dict[str, int]:
    """Ids of the lists, locked until the end: change_seq must rise in the order of commits."""
    names = {key.list_name for key in keys}
    query = sa.select(entity_lists.c.name, entity_lists.c.id).where(entity_lists.c.name.in_(names))
    rows = db.execute(query.order_by(entity_lists.c.id).with_for_update())
    return {row.name: row.id for row in rows}


def _load_entities(db: Connection, keys: Collection[Key]) -> dict[Key, sa.Row[Any]]:
    query = (
        sa.select(entities, entity_lists.c.name.label("list_name"))
        .join(entity_lists, entity_lists.c.id == entities.c.list_id)
        .where(entities.c.uuid.in_({key.uuid for key in keys}))
    )
    return {Key(row.list_name, row.uuid): row for row in db.execute(query)}


def _load_versions(db: Connection, ids: Collection[int]) -> dict[int, dict[int, sa.Row[Any]]]:
    found: dict[int, dict[int, sa.Row[Any]]] = defaultdict(dict)
    if ids:
        query = sa.select(entity_versions).where(entity_versions.c.entity_id.in_(ids))
        for row in db.execute(query):
            found[row.entity_id][row.version] = row
    return found


def _kept(stored: Mapping[int, sa.Row[Any]]) -> dict[int, Version]:
    return {
        number: Version(number, row.label, row.data)
        for number, row in stored.items()
        if row.submission_version_id is None
    }


def _write(
    db: Connection,
    library: Library,
    lists: Mapping[str, int],
    known: Mapping[Key, sa.Row[Any]],
    stored: Mapping[int, Mapping[int, sa.Row[Any]]],
    folded: Mapping[Key, History],
    rows: Mapping[Key, Sequence[_Row]],
) -> Applied:
    """Make the tables say what was folded, touching only what differs."""
    wanted = {
        key: _version_values(history, rows[key], stored[known[key].id] if key in known else {})
        for key, history in folded.items()
    }
    changed: dict[Key, dict[str, Any]] = {}
    for key, history in folded.items():
        if history.versions:
            values = _entity_values(library, key, history, wanted[key])
            if key not in known or _differs(known[key], values):
                changed[key] = values
    _number(db, lists, changed)
    ids = {key: row.id for key, row in known.items()}
    _update_entities(db, {ids[key]: changed[key] for key in changed if key in known})
    fresh = [
        {**values, "list_id": lists[key.list_name], "uuid": key.uuid, "imported": False}
        for key, values in changed.items()
        if key not in known
    ]
    for list_name in lists:
        mine = [row for row in fresh if row["list_id"] == lists[list_name]]
        ids |= _insert_entities(db, mine, list_name)
    _store_versions(db, {ids[key]: wanted[key] for key in wanted if key in ids}, stored)
    gone = {key for key, history in folded.items() if not history.versions and key in known}
    if gone:
        db.execute(entities.delete().where(entities.c.id.in_([ids[key] for key in gone])))
    slices.follow(db, library, lists, _seen(known, changed, gone))
    moved = {
        key
        for key, values in changed.items()
        if key not in known or known[key].club_id != values["club_id"]
    }
    return Applied(changed.keys() | gone, moved | gone)


def _seen(
    known: Mapping[Key, sa.Row[Any]],
    changed: Mapping[Key, Mapping[str, Any]],
    gone: Collection[Key],
) -> Iterator[slices.Change]:
    """What phones could see of each entity before, and can now."""
    for key in [*changed, *gone]:
        old = dict(known[key]._mapping) if key in known else None
        new = {"uuid": key.uuid, **(old or {}), **changed[key]} if key in changed else None
        yield key.list_name, old and slices.shown(old), new and slices.shown(new)


def _version_values(
    history: History, rows: Sequence[_Row], stored: Mapping[int, sa.Row[Any]]
) -> dict[int, dict[str, Any]]:
    """version number -> columns of `entity_versions`."""
    found: dict[int, dict[str, Any]] = {}
    for version in history.versions:
        change = version.change
        values: dict[str, Any] = {
            "label": version.label,
            "data": dict(version.data),
            "base_version": change.base_version if change else None,
            "trunk_version": change.trunk_version if change else None,
            "branch_id": change.branch_id if change else None,
            "conflict": version.conflict,
        }
        if version.source is None:
            values |= {
                "submission_version_id": None,
                "created_at": stored[version.number].created_at,
            }
        else:
            row = rows[version.source]
            values |= {
                "submission_version_id": row.asked.submission_version_id,
                "created_at": row.received_at,
            }
        found[version.number] = values
    return found


def _entity_values(
    library: Library, key: Key, history: History, versions: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    latest = history.versions[-1]
    return {
        "label": latest.label,
        "data": dict(latest.data),
        "version": latest.number,
        "club_id": _club_of(library, key, latest.data),
        "conflict": history.conflict,
        "created_at": versions[history.versions[0].number]["created_at"],
        "updated_at": versions[latest.number]["created_at"],
    }


def _club_of(library: Library, key: Key, data: Mapping[str, str]) -> str | None:
    rule = library.lists.get(key.list_name)
    if rule is None or not rule.club:
        return None
    return key.uuid if rule.is_of_clubs else plain_id(data.get(rule.club))


def _differs(row: sa.Row[Any], values: Mapping[str, Any]) -> bool:
    return any(row._mapping[name] != value for name, value in values.items())


def _number(
    db: Connection, lists: Mapping[str, int], changed: Mapping[Key, dict[str, Any]]
) -> None:
    """Give each changed entity the next number of its list, so that phones see the list differ."""
    for name, list_id in lists.items():
        mine = [values for key, values in sorted(changed.items()) if key.list_name == name]
        if not mine:
            continue
        last = db.execute(
            entity_lists.update()
            .where(entity_lists.c.id == list_id)
            .values(change_seq=entity_lists.c.change_seq + len(mine))
            .returning(entity_lists.c.change_seq)
        ).scalar_one()
        for number, values in enumerate(mine, last - len(mine) + 1):
            values["change_seq"] = number


def _update_entities(db: Connection, changed: Mapping[int, Mapping[str, Any]]) -> None:
    if changed:
        db.execute(
            entities.update().where(entities.c.id == sa.bindparam("of_id")),
            [{"of_id": entity_id, **values} for entity_id, values in changed.items()],
        )


def _insert_entities(
    db: Connection, rows: Sequence[Mapping[str, Any]], list_name: str
) -> dict[Key, int]:
    if not rows:
        return {}
    statement = entities.insert().returning(entities.c.uuid, entities.c.id)
    return {Key(list_name, row.uuid): row.id for row in db.execute(statement, list(rows))}


def _store_versions(
    db: Connection,
    wanted: Mapping[int, Mapping[int, Mapping[str, Any]]],
    stored: Mapping[int, Mapping[int, sa.Row[Any]]],
) -> None:
    """Replace the version rows that differ (late arrivals move the ones after them)."""
    wrong: list[int] = []
    new: list[dict[str, Any]] = []
    for entity_id, versions in wanted.items():
        there = stored.get(entity_id, {})
        for number, row in there.items():
            if number not in versions or _differs(row, versions[number]):
                wrong.append(row.id)
        for number, values in versions.items():
            if number not in there or _differs(there[number], values):
                new.append({"entity_id": entity_id, "version": number, **values})
    if wrong:
        db.execute(entity_versions.delete().where(entity_versions.c.id.in_(wrong)))
    if new:
        db.execute(entity_versions.insert(), new)
