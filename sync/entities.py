"""Carry out what merge decides: changes, entities and their versions, kept in step.

Entities are folded again from all their changes whenever one is added, and only what differs is
written: a version number, once given, never goes down (protocol §6.6), and nothing changes twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.entities import EntityChange
from sync import canonical, merge, slices
from sync.accounts import PROJECT_ID
from sync.database import among
from sync.merge import Asked, Decision, History, Outcome, Version, strangers
from sync.tables import (
    entities,
    entity_changes,
    entity_decisions,
    entity_lists,
    entity_versions,
    restrictions,
    submission_versions,
)

if TYPE_CHECKING:
    from forms.library import Library

FORCE, RESOLVE = "force", "resolve"  # entity_decisions.kind of what was decided about a change
SYSTEM = "system"  # the actor of what nobody did
AT_ONCE = 1000  # entities folded in one go: their ids are parameters, and there is a limit to those
REFUSED_LIST = Outcome(Decision.REFUSE)  # of a list that no published form declares


class Key(NamedTuple):
    """One entity, known or not."""

    list_name: str
    uuid: str


class _Change(NamedTuple):
    """One change of one submission version, as decisions name it."""

    submission_version_id: int
    list_name: str
    uuid: str
    position: str


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
    """The entities that differ from before; `moved` are those that came, went or changed club,
    `risen` those with another version, which phones take in place of theirs."""

    changed: set[Key]
    moved: set[Key]
    risen: Collection[Key] = ()


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


def refold(
    db: Connection,
    library: Library,
    keys: Iterable[Key],
    deleted: Mapping[Key, datetime | None] | None = None,
    silenced: Collection[str] = (),
) -> Applied:
    """Make these entities what their changes, kept versions and decisions say.

    deleted: since when some of them are, from now on; None = no more. silenced: the versions signed
    by these say nothing from now on; their numbers, which phones know, stay.
    """
    changed: set[Key] = set()
    moved: set[Key] = set()
    risen: set[Key] = set()
    ordered = sorted(set(keys))
    for start in range(0, len(ordered), AT_ONCE):
        some = set(ordered[start : start + AT_ONCE])
        part = _refold(db, library, some, [], deleted or {}, silenced)
        changed |= part.changed
        moved |= part.moved
        risen |= {*part.risen}
    return Applied(changed, moved, risen)


def keep(
    db: Connection,
    library: Library,
    list_name: str,
    rows: Iterable[Kept],
    now: datetime,
) -> set[str]:
    """Take over rows of a person's file: new entities, or new versions where something differs.

    Returns the uuids that changed; the caller tells their spells anew. KeyError when there is no
    list of that name.
    """
    return {key.uuid for key in adopt(db, library, list_name, rows, now, None).changed}


def adopt(
    db: Connection,
    library: Library,
    list_name: str,
    rows: Iterable[Kept],
    now: datetime,
    actor: str | None,
) -> Applied:
    """`keep`, in the name of `actor`, and all that it changed."""
    wanted = {Key(list_name, row.uuid): row for row in rows}
    list_id = _lists(db, [Key(list_name, "")])[list_name]
    known = _load_entities(db, wanted)
    computed = _computed(library, list_name)
    versions: dict[Key, dict[str, Any]] = {}
    for key, row in wanted.items():
        version = _kept_version(known.get(key), row, computed)
        if version is not None:
            versions[key] = version | {"created_at": now, "actor": actor}
    if not versions:
        return Applied(set(), set())
    fresh = [
        {**_empty(list_id, now), "uuid": key.uuid, "label": version["label"]}
        for key, version in versions.items()
        if key not in known
    ]
    ids = {key: row.id for key, row in known.items()} | _insert_entities(db, fresh, list_name)
    db.execute(
        entity_versions.insert(),
        [{"entity_id": ids[key], **version} for key, version in versions.items()],
    )
    touched = [ids[key] for key in versions]
    db.execute(entities.update().where(among(db, entities.c.id, touched)).values(imported=True))
    return refold(db, library, versions)


def _kept_version(
    before: sa.Row[Any] | None, row: Kept, computed: Collection[str]
) -> dict[str, Any] | None:
    """The version a person's row makes; None where it says nothing new."""
    known = _without(before.data, computed) if before else {}
    data = {**known, **_without(row.data, computed)}
    if before is not None and (before.label, known) == (row.label, data):
        return None
    number = before.version if before else 0
    base = {"version": number + 1, "base_version": number or None}
    told = {name: text for name, text in data.items() if known.get(name) != text}
    named = {} if before is not None and before.label == row.label else {merge.LABEL: row.label}
    return {**base, "label": row.label, "data": data, "said": {**told, **named}}


def _empty(list_id: int, now: datetime) -> dict[str, Any]:
    """An entity that has no version yet: the fold makes it what its versions say."""
    when = {"created_at": now, "updated_at": now}
    return {"list_id": list_id, "data": {}, "version": 0, "imported": True, "change_seq": 0} | when


# ------------------------------------------------------------------ what the server computes
def overlay(
    db: Connection,
    library: Library,
    list_name: str,
    names: Collection[str],
    found: Mapping[str, Mapping[str, str]],
) -> dict[Key, set[str]]:
    """Lay these computed properties (uuid -> all that have a value) over what phones and people say
    of entities of the list; whose changed, and which. Versions stay: see `raise_versions`.
    """
    keys = [Key(list_name, uuid) for uuid in found]
    lists = _lists(db, keys)
    known = _load_entities(db, keys)
    changed: dict[Key, dict[str, Any]] = {}
    for key, row in known.items():
        data = {**_without(row.data, names), **found[key.uuid]}
        if data != row.data:
            changed[key] = {"data": data}
    _number(db, lists, changed)
    _update_entities(db, {known[key].id: values for key, values in changed.items()})
    slices.follow(db, library, lists, _seen(known, changed, ()))
    return {key: _differing(known[key].data, one["data"]) for key, one in changed.items()}


def raise_versions(
    db: Connection, library: Library, list_name: str, uuids: Collection[str], now: datetime
) -> None:
    """Give these entities of the list a version in which nobody says anything.

    A phone takes a row only under a higher number than it has. The number is kept, as a person's
    is: when the server found another value is written nowhere else.
    """
    known = _load_entities(db, [Key(list_name, uuid) for uuid in uuids])
    computed = _computed(library, list_name)
    versions = [
        {
            "entity_id": row.id,
            "version": row.version + 1,
            "base_version": row.version,
            "label": row.label,
            "data": _without(row.data, computed),
            "said": {},
            "created_at": now,
            "actor": SYSTEM,
        }
        for row in known.values()
    ]
    if versions:
        db.execute(entity_versions.insert(), versions)
        refold(db, library, known)


def _computed(library: Library, list_name: str) -> Collection[str]:
    rule = library.lists.get(list_name)
    return rule.computed.keys() if rule else ()


def _differing(some: Mapping[str, str], others: Mapping[str, str]) -> set[str]:
    return {name for name in some.keys() | others.keys() if some.get(name) != others.get(name)}


def _without(data: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    return {name: text for name, text in data.items() if name not in names}


# ------------------------------------------------------------------ changes
def _key(row: _Row) -> Key:
    return Key(row.asked.change.list_name, row.asked.change.uuid)


def _change(row: _Row) -> _Change:
    return _Change(row.asked.submission_version_id, *_key(row), row.asked.change.position)


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


def _note_strangers(db: Connection, rows: list[_Row]) -> None:
    """Say of changes by several versions of one submission which versions were strangers."""
    pairs = {(row.asked.submission_id, row.asked.submission_version_id) for row in rows}
    several = [one for one, n in Counter(one for one, _ in pairs).items() if n > 1]
    if not several:
        return
    v = submission_versions.c
    query = sa.select(v.submission_id, v.id, v.instance_id, v.deprecated_id)
    chains: dict[int, list[tuple[int, str, str | None]]] = defaultdict(list)
    for row in db.execute(query.where(v.submission_id.in_(several))):
        replaced = plain_id(row.deprecated_id)
        chains[row.submission_id].append((row.id, plain_id(row.instance_id) or "", replaced))
    apart = {one: them for chain in chains.values() for one, them in strangers(chain).items()}
    for place, one in enumerate(rows):
        them = apart.get(one.asked.submission_version_id, frozenset())
        rows[place] = replace(one, asked=replace(one.asked, apart=them))


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
@dataclass(frozen=True, slots=True)
class _Known:
    """What the tables say of some entities and of what was asked of them."""

    lists: Mapping[str, int]  # name -> id
    entities: Mapping[Key, sa.Row[Any]]
    versions: Mapping[int, Mapping[int, sa.Row[Any]]]  # entity id -> number -> row
    rows: Mapping[Key, Sequence[_Row]]  # in the order of arrival
    decisions: Mapping[_Change, Mapping[str, datetime]]  # kind -> when
    linked: canonical.Linked
    restricted: frozenset[str]  # uuids
    deleted: Mapping[Key, datetime | None] = field(default_factory=dict)  # to be so from now on

    def versions_of(self, key: Key) -> Mapping[int, sa.Row[Any]]:
        return self.versions[self.entities[key].id] if key in self.entities else {}


def _refold(
    db: Connection,
    library: Library,
    keys: set[Key],
    added: Sequence[_Row],
    deleted: Mapping[Key, datetime | None] | None = None,
    silenced: Collection[str] = (),
) -> Applied:
    if not keys:
        return Applied(set(), set())
    known = _load(db, keys, added, deleted or {})
    folded: dict[Key, History] = {}
    settled: list[tuple[_Row, Outcome]] = []
    for key in sorted(keys):
        mine = known.rows.get(key, ())
        if key.list_name not in known.lists:
            settled += [(row, REFUSED_LIST) for row in mine]
            continue
        folded[key] = _fold(known, key, _computed(library, key.list_name), silenced)
        settled += zip(mine, folded[key].outcomes, strict=True)
    _store_outcomes(db, settled)
    return _write(db, library, known, folded)


def _load(
    db: Connection,
    keys: set[Key],
    added: Sequence[_Row],
    deleted: Mapping[Key, datetime | None],
) -> _Known:
    lists = _lists(db, keys)
    rows: dict[Key, list[_Row]] = defaultdict(list)
    for row in [*_load_changes(db, keys), *added]:
        rows[_key(row)].append(row)
    for of_one in rows.values():
        of_one.sort(key=_arrival)
        _note_strangers(db, of_one)
    found = _load_entities(db, keys)
    versions = _load_versions(db, [row.id for row in found.values()])
    decided = _load_decisions(db, keys)
    linked = canonical.read(db, {key.uuid for key in keys})
    restricted = _restricted(db)
    return _Known(lists, found, versions, rows, decided, linked, restricted, deleted)


def _restricted(db: Connection) -> frozenset[str]:
    """They, and who stands for them: a club that sees her no more may register her again."""
    c = restrictions.c
    found = set(db.scalars(sa.select(c.uuid).where(c.undone_at.is_(None))))
    return frozenset(found | {link.canonical for link in canonical.read(db, found).values()})


def _fold(known: _Known, key: Key, computed: Collection[str], silenced: Collection[str]) -> History:
    rows = known.rows.get(key, ())
    forced, resolved = {}, set()
    for place, row in enumerate(rows):
        decided = known.decisions.get(_change(row), {})
        if FORCE in decided:
            forced[place] = _place_at(rows, decided[FORCE])
        if RESOLVE in decided:
            resolved.add(place)
    mine = kept(known.versions_of(key), silenced)
    return merge.fold(mine, [_said(row.asked, computed) for row in rows], forced, resolved)


def _said(asked: Asked, computed: Collection[str]) -> Asked:
    """Without what a phone only guessed."""
    change = asked.change
    if not any(name in computed for name in change.data):
        return asked
    return replace(asked, change=replace(change, data=_without(change.data, computed)))


def _place_at(rows: Sequence[_Row], at: datetime) -> int:
    """How many had arrived then: what came later takes a later number."""
    late = (place for place, row in enumerate(rows) if row.received_at > at)
    return next(late, len(rows))


def _arrival(row: _Row) -> tuple[int, str]:
    return row.asked.submission_version_id, row.asked.change.position


def _lists(db: Connection, keys: Collection[Key]) -> dict[str, int]:
    """Ids of the lists, locked until the end: change_seq must rise in the order of commits."""
    names = {key.list_name for key in keys}
    query = sa.select(entity_lists.c.name, entity_lists.c.id).where(
        entity_lists.c.name.in_(names), entity_lists.c.project_id == PROJECT_ID
    )
    rows = db.execute(query.order_by(entity_lists.c.id).with_for_update())
    return {row.name: row.id for row in rows}


def _load_entities(db: Connection, keys: Collection[Key]) -> dict[Key, sa.Row[Any]]:
    query = (
        sa.select(entities, entity_lists.c.name.label("list_name"))
        .join(entity_lists, entity_lists.c.id == entities.c.list_id)
        .where(among(db, entities.c.uuid, {key.uuid for key in keys}))
        .where(entity_lists.c.project_id == PROJECT_ID)
    )
    found = {Key(row.list_name, row.uuid): row for row in db.execute(query)}
    return {key: row for key, row in found.items() if key in keys}


def _load_versions(db: Connection, ids: Collection[int]) -> dict[int, dict[int, sa.Row[Any]]]:
    found: dict[int, dict[int, sa.Row[Any]]] = defaultdict(dict)
    if ids:
        query = sa.select(entity_versions).where(entity_versions.c.entity_id.in_(ids))
        for row in db.execute(query):
            found[row.entity_id][row.version] = row
    return found


def _load_decisions(db: Connection, keys: Collection[Key]) -> dict[_Change, dict[str, datetime]]:
    c = entity_decisions.c
    found: dict[_Change, dict[str, datetime]] = defaultdict(dict)
    query = sa.select(entity_decisions).where(c.uuid.in_({key.uuid for key in keys}))
    for row in db.execute(query):
        key = _Change(row.submission_version_id, row.list_name, row.uuid, row.position)
        found[key][row.kind] = row.at
    return found


def kept(stored: Mapping[int, sa.Row[Any]], silenced: Collection[str] = ()) -> dict[int, Version]:
    """What persons said in their versions; of older ones, how each differs from the one before.

    It cannot be seen in `data` alone: what a person said again, after a change that has not been
    read yet, is no difference till that is.
    """
    found: dict[int, Version] = {}
    before = {merge.LABEL: ""}
    for number, row in sorted(stored.items()):
        whole = {**row.data, merge.LABEL: row.label}
        if row.submission_version_id is None:
            differs = {name: text for name, text in whole.items() if before.get(name) != text}
            said = {} if row.actor in silenced else differs if row.said is None else dict(row.said)
            label = said.get(merge.LABEL, "")
            data = {name: text for name, text in said.items() if name != merge.LABEL}
            found[number] = Version(number, label, data, said=said)
        before = whole
    return found


def _write(
    db: Connection, library: Library, known: _Known, folded: Mapping[Key, History]
) -> Applied:
    """Make the tables say what was folded, touching only what differs."""
    wanted = {key: _version_values(known, key, history) for key, history in folded.items()}
    changed: dict[Key, dict[str, Any]] = {}
    for key, history in folded.items():
        if history.versions:
            values = _entity_values(library, known, key, history, wanted[key])
            if key not in known.entities or _differs(known.entities[key], values):
                changed[key] = values
    _number(db, known.lists, changed)
    ids = _store_entities(db, known, changed)
    _store_versions(db, {ids[key]: wanted[key] for key in wanted if key in ids}, known.versions)
    gone = {key for key, one in folded.items() if not one.versions and key in known.entities}
    if gone:
        db.execute(entities.delete().where(entities.c.id.in_([ids[key] for key in gone])))
    slices.follow(db, library, known.lists, _seen(known.entities, changed, gone))
    moved = {key for key, values in changed.items() if _moves(known.entities.get(key), values)}
    risen = {key for key, values in changed.items() if _rises(known.entities.get(key), values)}
    return Applied(changed.keys() | gone, moved | gone, risen)


def _store_entities(
    db: Connection, known: _Known, changed: Mapping[Key, Mapping[str, Any]]
) -> dict[Key, int]:
    """Write the rows of `entities`; the ids of all, known or new."""
    ids = {key: row.id for key, row in known.entities.items()}
    _update_entities(db, {ids[key]: values for key, values in changed.items() if key in ids})
    for list_name, list_id in known.lists.items():
        fresh = [
            {**values, "list_id": list_id, "uuid": key.uuid, "imported": False}
            for key, values in changed.items()
            if key not in known.entities and key.list_name == list_name
        ]
        ids |= _insert_entities(db, fresh, list_name)
    return ids


def _moves(row: sa.Row[Any] | None, values: Mapping[str, Any]) -> bool:
    """Whether the entity comes, goes, comes back, or changes its club."""
    if row is None or not row.version or row.club_id != values["club_id"]:
        return True
    if row.linked_to != values["linked_to"]:
        return True
    return bool(row.deleted_at) != bool(values["deleted_at"])


def _rises(row: sa.Row[Any] | None, values: Mapping[str, Any]) -> bool:
    return row is None or row.version != values["version"]


def _seen(
    known: Mapping[Key, sa.Row[Any]],
    changed: Mapping[Key, Mapping[str, Any]],
    gone: Collection[Key],
) -> Iterator[slices.Change]:
    """What phones could see of each entity before, and can now."""
    for key in [*changed, *gone]:
        old = dict(known[key]._mapping) if key in known else None
        new = {"uuid": key.uuid, **(old or {}), **changed[key]} if key in changed else None
        yield (
            key.list_name,
            slices.shown(old) if old else None,
            slices.shown(new) if new else None,
        )


def _version_values(known: _Known, key: Key, history: History) -> dict[int, dict[str, Any]]:
    """version number -> columns of `entity_versions`."""
    stored = known.versions_of(key)
    return {
        version.number: {
            "label": version.label,
            "data": dict(version.data),
            "conflict": version.conflict,
            "said": dict(version.said) if version.source is None else None,
            **(
                _of_person(stored[version.number])
                if version.source is None
                else _of_change(known.rows[key][version.source])
            ),
        }
        for version in history.versions
    }


def _of_person(row: sa.Row[Any]) -> dict[str, Any]:
    """Where a kept version came from stays as it is."""
    names = ("base_version", "trunk_version", "branch_id", "actor", "created_at")
    return {name: row._mapping[name] for name in names} | {"submission_version_id": None}


def _of_change(row: _Row) -> dict[str, Any]:
    change = row.asked.change
    return {
        "base_version": change.base_version,
        "trunk_version": change.trunk_version,
        "branch_id": change.branch_id,
        "actor": None,
        "created_at": row.received_at,
        "submission_version_id": row.asked.submission_version_id,
    }


def _entity_values(
    library: Library,
    known: _Known,
    key: Key,
    history: History,
    versions: Mapping[int, Mapping[str, Any]],
) -> dict[str, Any]:
    latest, row = history.versions[-1], known.entities.get(key)
    computed = _computed(library, key.list_name)
    there = {name: text for name, text in row.data.items() if name in computed} if row else {}
    return {
        "label": latest.label,
        "data": {**_without(latest.data, computed), **there},
        "version": latest.number,
        "club_id": _club_of(library, key, latest.data),
        "conflict": history.conflict,
        "linked_to": known.linked[key].canonical if key in known.linked else None,
        "restricted": _is_restricted(library, known, key, latest.data),
        "created_at": versions[history.versions[0].number]["created_at"],
        "updated_at": versions[latest.number]["created_at"],
        "deleted_at": known.deleted.get(key, row.deleted_at if row else None),
    }


def _is_restricted(library: Library, known: _Known, key: Key, data: Mapping[str, str]) -> bool:
    """Also what is somebody's who is: who owes nothing yet may borrow while she is."""
    owner = library.privacy.owns.get(key.list_name, "")
    return key.uuid in known.restricted or plain_id(data.get(owner)) in known.restricted


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
        db.execute(entity_versions.delete().where(among(db, entity_versions.c.id, wrong)))
    if new:
        db.execute(entity_versions.insert(), new)
