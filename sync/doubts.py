"""What a person must look at in a record because of what else is known; it counts all the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.library import holds
from forms.problems import LOOK_AT, Problem
from sync.database import among
from sync.entities import Key
from sync.statements import Spell
from sync.tables import records, spells
from sync.timeline import CLUB

if TYPE_CHECKING:
    from forms.library import Another, Flag, FormRule, Library

Spells = Mapping[Key, Sequence[Any]]


def compared(
    db: Connection,
    library: Library,
    came: Collection[tuple[str, str]],
    changed: Collection[Key],
) -> dict[str, set[str]]:
    """form -> clubs all of whose records are judged together, when records of these forms came to
    these clubs, or went, and these entities changed.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for form, rule in library.rules.items():
        if not any(flag.another for flag in rule.flags):
            continue
        made = {key.uuid for key in changed if key.list_name == rule.creates}
        clubs = {club for of_form, club in came if of_form == form}
        if made:
            c = records.c
            query = sa.select(c.club_id).where(c.form == form, among(db, c.subject_id, made))
            clubs |= {club for club in db.execute(query).scalars() if club}
        if clubs:
            found[form] = clubs
    return found


def contested(library: Library, lives: Mapping[Key, Collection[Spell]]) -> set[str]:
    """The clubs of those among these who are or were what a flag calls a `rival`."""
    found: set[str] = set()
    for list_name, rival in _rivals(library):
        for key, life in lives.items():
            said = {(spell.name, spell.value) for spell in life}
            if key.list_name == list_name and all(
                any((name, value) in said for value in values) for name, values in rival
            ):
                found |= {value for name, value in said if name == CLUB}
    return found


def rivals(db: Connection, library: Library, clubs: Collection[str]) -> set[Key]:
    """Who in these clubs is or was what a flag calls a `rival`.

    Their records are judged again when one of them changed: she may stand beside the others now,
    or no more.
    """
    found: set[Key] = set()
    for list_name, rival in _rivals(library) if clubs else ():
        there = spells.alias()
        query = (
            sa.select(there.c.uuid)
            .where(there.c.list_name == list_name, there.c.name == CLUB)
            .where(among(db, there.c.value, clubs))
        )
        for name, values in rival:
            held = spells.alias()
            same = sa.and_(held.c.list_name == list_name, held.c.uuid == there.c.uuid)
            query = query.where(
                sa.exists().where(same, held.c.name == name, held.c.value.in_(values))
            )
        found |= {Key(list_name, uuid) for uuid in db.execute(query).scalars()}
    return found


Rival = tuple[tuple[str, tuple[str, ...]], ...]  # (fact, values), all of which must be so


def _rivals(library: Library) -> set[tuple[str, Rival]]:
    """(list, what flags of forms about it call a rival)."""
    return {
        (str(rule.subject_list), tuple(flag.rival.items()))
        for rule in library.rules.values()
        for flag in rule.flags
        if flag.rival
    }


def look(db: Connection, library: Library, rows: Collection[Any]) -> dict[int, list[Problem]]:
    """record id -> its doubts. `rows` holds every record that `compared` asks for."""
    in_doubt = [row for row in rows if row.subject_id and _may_be_doubted(library, row)]
    told = _spells(db, library, {_subject(row) for row in in_doubt})
    near = rivals(db, library, _asked_of(library, in_doubt, told))
    told |= _spells(db, library, near)
    alike = _alike(library, in_doubt)
    return {
        row.id: [
            LOOK_AT(vi=flag.vi, en=flag.en)
            for flag in _doubts(library, row.form)
            if flag.asked_by(row.answers)
            and _is_so(flag, row, told, alike)
            and _has_rival(flag, row, told, near)
        ]
        for row in in_doubt
        if row.happened_on is not None
    }


def _subject(row: Any) -> Key:
    return Key(row.subject_list, row.subject_id)


def _may_be_doubted(library: Library, row: Any) -> bool:
    """Whether its answers ask for a flag, or others are compared with it."""
    return any(flag.another or flag.asked_by(row.answers) for flag in _doubts(library, row.form))


def _doubts(library: Library, form: str) -> Iterator[Flag]:
    rule: FormRule | None = library.rules.get(form)
    yield from (flag for flag in (rule.flags if rule else ()) if flag.facts)


def _spells(db: Connection, library: Library, keys: Collection[Key]) -> dict[Key, list[Any]]:
    """What is told of these entities, as far as any flag asks."""
    found: dict[Key, list[Any]] = defaultdict(list)
    names = {name for rule in library.rules.values() for flag in rule.flags for name in flag.facts}
    if not names or not keys:
        return found
    c = spells.c
    query = sa.select(c.list_name, c.uuid, c.name, c.value, c.valid_from, c.valid_to)
    uuids = {key.uuid for key in keys}
    for spell in db.execute(query.where(among(db, c.uuid, uuids), c.name.in_({*names, CLUB}))):
        found[Key(spell.list_name, spell.uuid)].append(spell)
    return found


def _asked_of(library: Library, rows: Collection[Any], told: Spells) -> set[str]:
    """The clubs of whom a record says what only one of a club can be."""
    return {
        spell.value
        for row in rows
        if any(flag.rival and flag.asked_by(row.answers) for flag in _doubts(library, row.form))
        for spell in told.get(_subject(row), ())
        if spell.name == CLUB
    }


def _alike(library: Library, rows: Collection[Any]) -> Mapping[Hashable, set[Key]]:
    """The entities made by records that say the same."""
    found: dict[Hashable, set[Key]] = defaultdict(set)
    for row in rows:
        for flag in _doubts(library, row.form):
            if flag.another:
                found[_said(flag.another, row)].add(_subject(row))
    return found


def _said(another: Another, row: Any) -> Hashable:
    return row.form, row.club_id, another.same, *(row.answers.get(name) for name in another.same)


def _is_so(flag: Flag, row: Any, told: Spells, alike: Mapping[Hashable, set[Key]]) -> bool:
    mine, day = _subject(row), row.happened_on
    if flag.since and not any(
        spell.name == flag.since and spell.valid_from == day for spell in told.get(mine, ())
    ):
        return False
    if flag.standing and not holds(flag.standing, _standing(told.get(mine, ()))):
        return False
    return flag.another is None or any(
        _was(told.get(other, ()), flag.another.during, day)
        for other in alike[_said(flag.another, row)] - {mine}
    )


def _has_rival(flag: Flag, row: Any, told: Spells, near: Collection[Key]) -> bool:
    mine, day = _subject(row), row.happened_on
    club = _on_day(told.get(mine, ()), day).get(CLUB)
    wanted = {**flag.rival, CLUB: (club or "",)}
    return not flag.rival or any(
        _was(told.get(other, ()), wanted, day)
        for other in near
        if other != mine and other.list_name == mine.list_name
    )


def _was(told: Sequence[Any], during: Mapping[str, tuple[str, ...]], day: date) -> bool:
    """Whether each of these facts had one of its values on that day."""
    on_day = _on_day(told, day)
    return all(on_day.get(name) in values for name, values in during.items())


def _standing(told: Sequence[Any]) -> dict[str, str]:
    """What holds and has no end yet."""
    return {spell.name: spell.value for spell in told if spell.valid_to is None}


def _on_day(told: Sequence[Any], day: date) -> dict[str, str]:
    return {
        spell.name: spell.value
        for spell in told
        if spell.valid_from <= day and (spell.valid_to is None or day < spell.valid_to)
    }
