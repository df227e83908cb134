"""Two entries of a list are one person: linked, not merged. Nothing is deleted, all can be undone.

One of them is canonical and stands for all; what is told of the others is told of it
(`timeline.py`), their records are about it (`process.py`), and no phone gets them any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import (
    LINK_ALREADY,
    LINK_LIST,
    LINK_NONE,
    LINK_TAKE,
    LINK_TWO,
    LINK_UNKNOWN,
    Refused,
)
from sync import aggregate, audit, canonical, carried, counters, entities, process, timeline
from sync.accounts import PROJECT_ID
from sync.aggregate import Touch
from sync.canonical import Link
from sync.database import among, lock_derived
from sync.entities import Kept, Key, plain_id
from sync.merge import LABEL
from sync.statements import AS_TOLD, Statement, differing, right_words
from sync.tables import entities as entity_rows
from sync.tables import entity_links, entity_lists, entity_versions, records, spells
from sync.timeline import CLUB

if TYPE_CHECKING:
    from forms.library import Library, ListRule

Said = tuple[str, Mapping[str, str]]  # label and data of an entity


@dataclass(frozen=True, slots=True)
class Conflict:
    """A fact (or LABEL) that entries say differently: uuid -> what it says, since which day."""

    fact: str
    told: Mapping[str, tuple[str, date | None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry to compare with others. since: the first day anything is told of it; records: how
    many of each form were filed under its id.
    """

    uuid: str
    label: str
    since: date | None
    linked_to: str | None
    records: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Made:
    """A link in force. by: who made it (`system`, or as in the audit). No names of people."""

    list_name: str
    uuid: str
    canonical: str
    by: str
    at: datetime


# ------------------------------------------------------------------ looked at
def made(db: Connection) -> list[Made]:
    """Every link in force, the newest first."""
    c = entity_links.c
    query = sa.select(c.list_name, c.uuid, c.canonical, c.actor, c.at)
    rows = db.execute(query.where(c.undone_at.is_(None)).order_by(c.id.desc()))
    return [Made(*row) for row in rows]


def look(db: Connection, library: Library, list_name: str, uuids: Iterable[str]) -> list[Entry]:
    """These entries, in the order given. Refused(LINK_LIST), (LINK_UNKNOWN)."""
    _rule(library, list_name)
    rows = _rows(db, list_name, list(map(_plain, uuids)))
    told = timeline.told_of(db, library, list_name, rows.keys())
    filed = _filed(db, list_name, rows.keys())
    return [
        Entry(
            uuid,
            rows[uuid].label,
            min((one.day for one in told if one.by == uuid), default=None),
            rows[uuid].linked_to,
            filed.get(uuid, {}),
        )
        for uuid in dict.fromkeys(map(_plain, uuids))
    ]


def _filed(db: Connection, list_name: str, uuids: Collection[str]) -> dict[str, dict[str, int]]:
    """uuid -> form -> how many records named it."""
    c = records.c
    stands = {link.canonical for link in canonical.read(db, uuids).values()}
    reported = sa.func.coalesce(c.reported_id, c.subject_id)
    query = (
        sa.select(reported, c.form, sa.func.count())
        .where(c.subject_list == list_name, c.table_path == "")
        .where(among(db, c.subject_id, stands | set(uuids)), among(db, reported, uuids))
        .group_by(reported, c.form)
        .order_by(c.form)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for uuid, form, count in db.execute(query):
        found[uuid][form] = count
    return found


def conflicts(
    db: Connection, library: Library, list_name: str, uuids: Iterable[str]
) -> list[Conflict]:
    """What the registrations of these entries tell differently, for a person to choose.

    Refused(LINK_LIST), (LINK_UNKNOWN).
    """
    _rule(library, list_name)
    rows = _rows(db, list_name, list(map(_plain, uuids)))
    found = []
    labels = {uuid: (row.label, None) for uuid, row in rows.items()}
    if len({label for label, _ in labels.values()}) > 1:
        found.append(Conflict(LABEL, labels))
    differ = differing(timeline.told_of(db, library, list_name, rows.keys()))
    for name, words in differ.items():
        told = {uuid: (one.value, one.day) for uuid, one in words.items()}
        found.append(Conflict(name, told))
    return found


# ------------------------------------------------------------------ done and undone
def link(
    db: Connection,
    library: Library,
    list_name: str,
    uuids: Iterable[str],
    *,
    canonical_id: str | None = None,
    take: Mapping[str, str] | None = None,
    actor: str,
    now: datetime,
) -> str:
    """Say that these entries are one; the uuid that stands for all from now on.

    canonical_id: which (else the one registered first). take: fact, property or LABEL -> the uuid
    whose word holds, or AS_TOLD (of a fact): each says its own in its time. What was linked to one
    of them comes along. Refused(LINK_LIST), (LINK_UNKNOWN), (LINK_TWO), (LINK_ALREADY),
    (LINK_TAKE).
    """
    lock_derived(db)
    rule = _rule(library, list_name)
    named = [*map(_plain, uuids), *([_plain(canonical_id)] if canonical_id else [])]
    rows = _rows(db, list_name, named)
    if len(rows) < 2:
        raise Refused(LINK_TWO())
    for (_, uuid), known in canonical.read(db, rows.keys()).items():
        raise Refused(LINK_ALREADY(uuid=uuid, canonical=known.canonical))
    stands = _plain(canonical_id) if canonical_id else _first(db, list_name, rows)
    others = [uuid for uuid in rows if uuid != stands]
    before = [one for links in canonical.groups(db, list_name, others).values() for one in links]
    here = canonical.groups(db, list_name, [stands]).get(stands, [])
    group = {stands, *others, *(one.uuid for one in (*before, *here))}
    chosen = _chosen(rule, take or {}, group)
    _undo(db, before, actor, now)
    # Those that come along first: of two choices the one made now holds.
    for uuid, choices in [*((one.uuid, one.choices) for one in before), *((o, {}) for o in others)]:
        _insert(db, list_name, uuid, stands, {**choices, **chosen}, actor, now)
    _follow(db, library, list_name, group, before, now)
    _note(db, "link", list_name, stands, actor, now, uuids=sorted(others), choices=chosen)
    return stands


def unlink(
    db: Connection, library: Library, list_name: str, uuid: str, *, actor: str, now: datetime
) -> str:
    """Take a link back: all is as if it had never been made, but what came meanwhile stays with
    whom it was said of. The uuid it was linked to. Refused(LINK_LIST), (LINK_NONE)."""
    lock_derived(db)
    _rule(library, list_name)
    known = canonical.read(db, [_plain(uuid)]).get((list_name, _plain(uuid)))
    if known is None:
        raise Refused(LINK_NONE(uuid=_plain(uuid)[:80]))
    links = canonical.groups(db, list_name, [known.canonical])[known.canonical]
    _undo(db, [known], actor, now)
    group = {known.canonical, *(one.uuid for one in links)}
    _follow(db, library, list_name, group, [known], now)
    _note(db, "unlink", list_name, known.canonical, actor, now, uuids=[known.uuid])
    return known.canonical


# ------------------------------------------------------------------ what is asked
def _plain(uuid: str) -> str:
    return plain_id(uuid) or ""


def _rule(library: Library, list_name: str) -> ListRule:
    """Clubs are places, not people; and of two stories nobody could tell one."""
    rule = library.lists.get(list_name)
    if rule is None or rule.of or rule.is_of_clubs or rule.story is not None:
        raise Refused(LINK_LIST(list=list_name[:80]))
    return rule


def _rows(db: Connection, list_name: str, uuids: Sequence[str]) -> dict[str, Any]:
    """The entries by uuid. Refused(LINK_UNKNOWN) for one that is not there, or is deleted."""
    c = entity_rows.c
    query = (
        sa.select(c.uuid, c.label, c.created_at, c.linked_to)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .where(entity_lists.c.name == list_name, entity_lists.c.project_id == PROJECT_ID)
        .where(among(db, c.uuid, uuids), c.deleted_at.is_(None))
    )
    found = {row.uuid: row for row in db.execute(query)}
    for uuid in uuids:
        if uuid not in found:
            raise Refused(LINK_UNKNOWN(list=list_name, uuid=uuid[:80]))
    return found


def _first(db: Connection, list_name: str, rows: Mapping[str, Any]) -> str:
    """Who was registered first, by the first day on which anything is told of them."""
    c = spells.c
    query = sa.select(c.uuid, sa.func.min(c.valid_from)).where(
        c.list_name == list_name, among(db, c.uuid, list(rows))
    )
    days: dict[str, date] = {row[0]: row[1] for row in db.execute(query.group_by(c.uuid))}
    return min(rows, key=lambda uuid: (days.get(uuid, vietnam_day(rows[uuid].created_at)), uuid))


def _chosen(rule: ListRule, take: Mapping[str, str], group: Collection[str]) -> dict[str, str]:
    """`take` in its one spelling. Refused(LINK_TAKE)."""
    found = {}
    for name, text in take.items():
        chosen = text if text == AS_TOLD else _plain(text)
        is_fact = name in rule.fact_names
        is_cell = name == LABEL or (name in rule.properties and name not in rule.computed)
        if not (is_fact or is_cell) or not (chosen in group or (is_fact and chosen == AS_TOLD)):
            raise Refused(LINK_TAKE(fact=name[:40], chosen=text[:80]))
        found[name] = chosen
    return found


# ------------------------------------------------------------------ the rows of links
def _insert(
    db: Connection,
    list_name: str,
    uuid: str,
    stands: str,
    choices: Mapping[str, str],
    actor: str,
    now: datetime,
) -> None:
    values = {"list_name": list_name, "uuid": uuid, "canonical": stands, "choices": dict(choices)}
    db.execute(entity_links.insert().values(**values, actor=actor, at=now))


def _undo(db: Connection, links: Collection[Link], actor: str, now: datetime) -> None:
    mine = entity_links.c.id.in_([one.id for one in links])
    db.execute(entity_links.update().where(mine).values(undone_by=actor, undone_at=now))


def _note(
    db: Connection,
    verb: str,
    list_name: str,
    uuid: str,
    actor: str,
    now: datetime,
    **details: object,
) -> None:
    audit.record(db, actor, f"entity.{verb}", f"entity:{list_name}/{uuid}", now, **details)


# ------------------------------------------------------------------ what follows
def _follow(
    db: Connection,
    library: Library,
    list_name: str,
    group: Collection[str],
    undone: Collection[Link],
    now: datetime,
) -> None:
    """Make everything true again for the entries of a group, some of which are linked now and some
    no more; `undone`: the links that were in force before."""
    canonicals = {one.canonical for one in undone} | {
        one.canonical for one in canonical.read(db, group).values()
    }
    silenced = {one.actor for one in undone} | {_signed(uuid) for uuid in canonicals}
    keys = {Key(list_name, uuid) for uuid in group}
    touched = keys | _signed_by(db, silenced) | carried.naming(db, group)
    said = _said(db, library, touched)
    clubs = _clubs(db, list_name, group)
    applied = entities.refold(db, library, touched, silenced=silenced)
    for one in canonical.read(db, group).values():
        carried.note_known(db, one, now)
    process.follow_links(db, library, list_name, group, _all_of(applied, touched), now)
    for stands in sorted(canonicals):
        _agree(db, library, list_name, stands, now)
    _raise(db, library, said, now)
    _touch(db, library, list_name, group, clubs, now)
    counters.bump(db, counters.LISTS)


def _signed(uuid: str) -> str:
    """Who signs what the links of a canonical entry say in it together."""
    return f"{canonical.PREFIX}ed:{uuid}"


def _all_of(applied: entities.Applied, keys: set[Key]) -> entities.Applied:
    return entities.Applied(applied.changed | keys, applied.moved, applied.risen)


def _signed_by(db: Connection, actors: Collection[str]) -> set[Key]:
    v, e = entity_versions.c, entity_rows.c
    query = (
        sa.select(entity_lists.c.name, e.uuid)
        .join(entity_rows, e.list_id == entity_lists.c.id)
        .join(entity_versions, v.entity_id == e.id)
        .where(v.actor.in_(sorted(actors)))
    )
    return {Key(*row) for row in db.execute(query.distinct())}


def _said(db: Connection, library: Library, keys: Collection[Key]) -> dict[Key, tuple[int, Said]]:
    """Version, and label and data (but what the server finds), of entities."""
    c = entity_rows.c
    query = (
        sa.select(entity_lists.c.name, c.uuid, c.version, c.label, c.data)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .where(entity_lists.c.project_id == PROJECT_ID)
        .where(among(db, c.uuid, {key.uuid for key in keys}))
    )
    found: dict[Key, tuple[int, Said]] = {}
    for row in db.execute(query):
        rule = library.lists.get(row.name)
        computed = rule.computed if rule else {}
        data = {name: text for name, text in row.data.items() if name not in computed}
        found[Key(row.name, row.uuid)] = row.version, (row.label, data)
    return {key: one for key, one in found.items() if key in keys}


def _raise(
    db: Connection, library: Library, before: Mapping[Key, tuple[int, Said]], now: datetime
) -> None:
    """A higher number for what says something else now: a phone takes it only so."""
    for key, (version, said) in _said(db, library, before.keys()).items():
        if before[key][0] == version and before[key][1] != said:
            entities.raise_versions(db, library, key.list_name, [key.uuid], now)


def _clubs(db: Connection, list_name: str, uuids: Collection[str]) -> dict[str, date]:
    """The clubs these entries are or were in, all since the first day of any."""
    c = spells.c
    mine = sa.and_(c.list_name == list_name, among(db, c.uuid, uuids))
    first = db.scalar(sa.select(sa.func.min(c.valid_from)).where(mine))
    clubs = db.scalars(sa.select(c.value).where(mine, c.name == CLUB).distinct())
    return dict.fromkeys(clubs, first) if first is not None else {}


def _touch(
    db: Connection,
    library: Library,
    list_name: str,
    uuids: Collection[str],
    before: Mapping[str, date],
    now: datetime,
) -> None:
    """Who counts where is another matter now, in every period since."""
    after = _clubs(db, list_name, uuids)
    touches = [
        Touch(club, min(after.get(club, date.max), before.get(club, date.max)), stock=True)
        for club in before.keys() | after.keys()
    ]
    aggregate.touch(db, library, touches, now)


# ------------------------------------------------------------------ the row on phones
def _agree(db: Connection, library: Library, list_name: str, stands: str, now: datetime) -> None:
    """Let the canonical entry's own row say what its links make of it, in one kept version."""
    links = canonical.groups(db, list_name, [stands]).get(stands, [])
    if not links:
        return
    order = [Key(list_name, uuid) for uuid in (stands, *(one.uuid for one in links))]
    said = _said(db, library, order)
    rows = {key.uuid: said[key][1] for key in order if key in said}
    choices = canonical.choices_of(links)
    differ = differing(timeline.told_of(db, library, list_name, rows.keys()))
    words = right_words(differ, stands, choices)
    true_now = _facts(db, list_name, stands, vietnam_day(now))
    label, data = agreed(library.lists[list_name], rows, stands, choices, words, true_now)
    kept = [Kept(stands, label, data)]
    applied = entities.adopt(db, library, list_name, kept, now, _signed(stands))
    process.follow_entities(db, library, applied, now)


def _facts(db: Connection, list_name: str, uuid: str, day: date) -> dict[str, str]:
    c = spells.c
    query = sa.select(c.name, c.value).where(
        *(c.list_name == list_name, c.uuid == uuid, c.valid_from <= day),
        sa.or_(c.valid_to.is_(None), c.valid_to > day),
    )
    return {row.name: row.value for row in db.execute(query)}


def agreed(
    rule: ListRule,
    rows: Mapping[str, Said],
    stands: str,
    choices: Mapping[str, str],
    words: Mapping[str, Statement],
    true_now: Mapping[str, str],
) -> Said:
    """Label and data of the canonical row. A property that a fact tells is as that is now, where a
    row has it so; one that a person chose is the chosen one's; the others stay, and where there is
    nothing, are as the first has it that says anything. rows: the canonical's first."""
    names = {name: None for _, data in rows.values() for name in data}
    found = {}
    for name in names:
        told = {uuid: data[name] for uuid, (_, data) in rows.items() if data.get(name)}
        found[name] = _cell(rule, name, told, choices, words, true_now)
    label = rows[choices.get(LABEL, stands)][0] if choices.get(LABEL, stands) in rows else ""
    return label or rows[stands][0], {name: text for name, text in found.items() if text}


def _cell(
    rule: ListRule,
    name: str,
    told: Mapping[str, str],
    choices: Mapping[str, str],
    words: Mapping[str, Statement],
    true_now: Mapping[str, str],
) -> str:
    if name in choices and choices[name] in told and name not in rule.fact_names:
        return told[choices[name]]
    fact = _fact_in(rule, name) or ""
    for text in told.values():
        if _plain(text) == _plain(true_now.get(fact, "")):
            return text
    right = words[fact].by if fact in words else ""
    return told.get(right) or next(iter(told.values()), "")


def _fact_in(rule: ListRule, name: str) -> str | None:
    """The fact that a property shows, by its own name or by the column it is read from."""
    if name == rule.club:
        return CLUB
    births = ((one.birth, one.name) for one in rule.facts if one.birth)
    columns = {column: fact for birth, fact in births for column in (birth.date, birth.year)}
    return name if name in rule.fact_names else columns.get(name)
