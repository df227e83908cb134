"""What was true of an entity on day D: spells, recomputed whole from records and the entity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import read_day, vietnam_day
from forms.stories import Told
from sync import canonical, counters
from sync.aggregate import Touch
from sync.entities import plain_id
from sync.flags import waits_for_person
from sync.places import UNIT
from sync.statements import Spell, Statement, agree, to_spells
from sync.tables import (
    entities,
    entity_lists,
    entity_versions,
    erased_entities,
    records,
    spells,
    submissions,
)

if TYPE_CHECKING:
    from forms.library import Birth, Fact, Library, ListRule

AT_ONCE = 1000  # entities told in one go: their ids are parameters, and there is a limit to those
CLUB = "club"  # the fact that says which club an entity belongs to


@dataclass(frozen=True, slots=True)
class Retold:
    """Whose spells differ from before, with all that was or is told of each, and the stocks that
    changes.
    """

    lives: Mapping[str, frozenset[Spell]]
    touches: frozenset[Touch]


def retell(db: Connection, library: Library, list_name: str, uuids: Iterable[str]) -> Retold:
    """Make the spells of these entities what their facts say; harmless to repeat.

    Facts count from records that no person has to mend first (a future date, a rejected review).
    """
    rule = library.lists.get(list_name)
    ordered = sorted(set(uuids)) if rule is not None and rule.fact_names else []
    parts = [
        _retell(db, library, list_name, set(ordered[start : start + AT_ONCE]))
        for start in range(0, len(ordered), AT_ONCE)
    ]
    return Retold(
        {uuid: life for part in parts for uuid, life in part.lives.items()},
        frozenset[Touch]().union(*(part.touches for part in parts)),
    )


def _retell(db: Connection, library: Library, list_name: str, wanted: set[str]) -> Retold:
    rule = library.lists[list_name]
    stories = _stories(db, library, rule, wanted)
    told, known_of = _statements(db, library, rule, wanted)
    clubs = {uuid: row.club_id for uuid, row in known_of.items()}
    for uuid, row in known_of.items():
        if row.deleted_at is not None:
            stories.pop(uuid, None)
    found = {uuid: to_spells(told[uuid]) | stories.get(uuid, set()) for uuid in wanted}
    known = _load(db, list_name, wanted)
    changed = {uuid for uuid in wanted if found[uuid] != known[uuid]}
    _replace(db, list_name, {uuid: found[uuid] for uuid in changed})
    if any(spell.name == UNIT for uuid in changed for spell in found[uuid] ^ known[uuid]):
        counters.bump(db, counters.PLACES)
    touches = (_touches(known[uuid], found[uuid], clubs.get(uuid)) for uuid in changed)
    lives = {uuid: frozenset(known[uuid] | found[uuid]) for uuid in changed}
    return Retold(lives, frozenset[Touch]().union(*touches))


# ------------------------------------------------------------------ what is told
def told_of(
    db: Connection, library: Library, list_name: str, uuids: Collection[str]
) -> list[Statement]:
    """All that is told of these entities, before those that are one agree."""
    told, _ = _each_statement(db, library, library.lists[list_name], set(uuids))
    return [one for statements in told.values() for one in statements]


def _statements(
    db: Connection, library: Library, rule: ListRule, wanted: set[str]
) -> tuple[dict[str, list[Statement]], dict[str, Any]]:
    """What is told of each of these entities; and their rows.

    Nothing of one that is linked away: what is told of it is told of the canonical one.
    """
    links = canonical.groups(db, rule.name, wanted)
    away = {link.uuid for of_one in links.values() for link in of_one}
    told, rows = _each_statement(db, library, rule, wanted | away)
    for uuid, of_one in links.items():
        for link in of_one:
            told[uuid] += told[link.uuid]
        told[uuid] = agree(told[uuid], uuid, canonical.choices_of(of_one))
    gone = {uuid for uuid, row in rows.items() if row.deleted_at is not None}
    for uuid in gone | {uuid for name, uuid in canonical.read(db, wanted) if name == rule.name}:
        told[uuid] = []
    return told, {uuid: row for uuid, row in rows.items() if uuid in wanted}


def _each_statement(
    db: Connection, library: Library, rule: ListRule, uuids: set[str]
) -> tuple[dict[str, list[Statement]], dict[str, Any]]:
    """By the entity that each was told of."""
    told = _from_records(db, library, rule, rule.name, uuids)
    rows = {row.uuid: row for row in _entities(db, rule.name, uuids)}
    for uuid, row in rows.items():
        if not any(one.begins for one in told[uuid]):  # what a record says, its edit mends
            told[uuid] += _from_entity(rule, uuid, row.data, vietnam_day(row.created_at))
        if row.deleted_at is not None:
            told[uuid].clear()  # somebody who was never there: nothing is true of it
    return told, rows


def _from_records(
    db: Connection, library: Library, rule: ListRule, list_name: str, uuids: set[str]
) -> dict[str, list[Statement]]:
    told: dict[str, list[Statement]] = defaultdict(list)
    facts: dict[str, list[Fact]] = defaultdict(list)
    for fact in rule.facts:
        if fact.form:
            facts[fact.form].append(fact)
    if not facts:
        return told
    c = records.c
    of_whom = sa.func.coalesce(c.reported_id, c.subject_id).label("of_whom")
    query = (
        sa.select(of_whom, c.form, c.answers, c.happened_on, c.problems)
        .add_columns(c.counted_with)
        .add_columns(c.submission_version_id, submissions.c.review_state)
        .join(submissions, submissions.c.id == c.submission_id)
        .where(c.subject_id.in_(uuids), c.form.in_(list(facts)))
        .where(c.subject_list == list_name, c.table_path == "")
    )
    for row in db.execute(query):
        if waits_for_person(row.problems, row.review_state):
            continue
        form_rule = library.rules.get(row.form)
        creates = form_rule is not None and form_rule.creates == list_name
        if creates and row.counted_with is not None:
            continue  # a registration sent again made one entity more, which nothing is true of
        for fact in facts[row.form]:
            value = read_fact(fact, row.answers)
            day = _day_of(fact, row.answers, row.happened_on)
            if value and day:
                told[row.of_whom].append(
                    Statement(
                        fact.name,
                        value,
                        day,
                        row.submission_version_id,
                        begins=creates or fact.begins,
                        corrects=fact.corrects,
                        said=row.happened_on,
                        by=row.of_whom,
                    )
                )
    return told


def _stories(
    db: Connection, library: Library, rule: ListRule, uuids: set[str]
) -> dict[str, set[Spell]]:
    """What each entity's records tell together, from the day of the one that made it on.

    A record that repeats another is left out, and so is whatever waits for a person.
    """
    if rule.story is None:
        return {}
    c = records.c
    query = (
        sa.select(c.subject_id, c.form, c.answers, c.happened_on, c.problems)
        .add_columns(c.submission_version_id, submissions.c.review_state)
        .join(submissions, submissions.c.id == c.submission_id)
        .where(c.subject_id.in_(uuids), c.form.in_(rule.story.forms), c.table_path == "")
        .where(c.subject_list == rule.name, c.counted_with.is_(None))
    )
    read: dict[str, list[Told]] = defaultdict(list)
    for row in db.execute(query.order_by(c.happened_on, c.submission_version_id)):
        if row.happened_on and not waits_for_person(row.problems, row.review_state):
            one = Told(row.form, row.answers, row.happened_on, row.submission_version_id)
            read[row.subject_id].append(one)
    creating = {form for form, one in library.rules.items() if one.creates == rule.name}
    found: dict[str, set[Spell]] = {}
    for uuid, told in read.items():
        first = min((one.happened_on for one in told if one.form in creating), default=date.max)
        since = [one for one in told if one.happened_on >= first]
        found[uuid] = {Spell(*said) for said in rule.story.tell(since)} if since else set()
    return found


def _from_entity(
    rule: ListRule, uuid: str, data: Mapping[str, str], known_on: date
) -> list[Statement]:
    """Facts read from the entity itself, as a person's file brought it."""
    told = []
    for fact in rule.facts:
        if fact.form:
            continue
        value, day = read_fact(fact, data), _day_of(fact, data, known_on)
        if value and day:
            told.append(Statement(fact.name, value, day, 0, True, by=uuid))
    return told


def _day_of(fact: Fact, answers: Mapping[str, str], otherwise: date | None) -> date | None:
    if fact.from_property:
        return read_day(answers.get(fact.from_property, ""))
    if fact.after:
        last = read_day(answers.get(fact.after, ""))
        return last + timedelta(days=1) if last else None
    return otherwise


def read_fact(fact: Fact, answers: Mapping[str, str]) -> str | None:
    """The fact's value in these answers; None when they do not tell."""
    value = _read(fact, answers)
    return plain_id(value) if fact.name == CLUB else value  # other servers spell ids in other ways


def _read(fact: Fact, answers: Mapping[str, str]) -> str | None:
    if fact.needs and not answers.get(fact.needs, "").strip():
        return None
    if fact.birth:
        born = read_birth(fact.birth, answers)
        return born.isoformat() if born else None
    if fact.field:
        said = answers.get(fact.field, "").strip()
        return (said if fact.values is None else fact.values.get(said)) or None
    return fact.value


def read_birth(columns: Birth, answers: Mapping[str, str]) -> date | None:
    """The day of birth that counts for age (domain §3.2.2): no day is the 1st, no month January."""
    day = read_day(answers.get(columns.date, ""))
    if day:
        return day
    year, month = (answers.get(name, "").strip() for name in (columns.year, columns.month))
    if not (year.isascii() and year.isdigit() and len(year) == 4 and int(year)):
        return None
    has_month = month.isascii() and month.isdigit() and 1 <= int(month) <= 12
    return date(int(year), int(month) if has_month else 1, 1)


def _entities(db: Connection, list_name: str, uuids: set[str]) -> Iterable[Any]:
    """Their data as a person's file brought it last: what a form saved since, its record tells."""
    c, v = entities.c, entity_versions.c
    last = (
        sa.select(sa.func.max(v.version))
        .where(v.entity_id == c.id, v.submission_version_id.is_(None))
        .where(sa.not_(sa.func.coalesce(v.actor, "").startswith(canonical.PREFIX)))
        .correlate(entities)
        .scalar_subquery()
    )
    data = sa.func.coalesce(v.data, c.data, type_=c.data.type).label("data")
    # Who was erased was there: her facts without her name are what counts of earlier days stand on.
    erased = sa.select(erased_entities.c.uuid).where(erased_entities.c.list_name == list_name)
    deleted_at = sa.case((c.uuid.not_in(erased), c.deleted_at)).label("deleted_at")
    query = (
        sa.select(c.uuid, c.club_id, data, c.created_at, deleted_at)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .outerjoin(entity_versions, sa.and_(v.entity_id == c.id, v.version == last))
        .where(entity_lists.c.name == list_name, c.uuid.in_(uuids))
    )
    return db.execute(query)


# ------------------------------------------------------------------ the table
def _load(db: Connection, list_name: str, uuids: set[str]) -> dict[str, set[Spell]]:
    c = spells.c
    known: dict[str, set[Spell]] = defaultdict(set)
    query = sa.select(c.uuid, c.name, c.value, c.valid_from, c.valid_to)
    for row in db.execute(query.where(c.list_name == list_name, c.uuid.in_(uuids))):
        known[row.uuid].add(Spell(row.name, row.value, row.valid_from, row.valid_to))
    return known


def _replace(db: Connection, list_name: str, changed: Mapping[str, set[Spell]]) -> None:
    if not changed:
        return
    c = spells.c
    db.execute(spells.delete().where(c.list_name == list_name, c.uuid.in_(list(changed))))
    rows = [
        {"list_name": list_name, "uuid": uuid, **spell._asdict()}
        for uuid, found in changed.items()
        for spell in sorted(found, key=lambda spell: (spell.name, spell.valid_from))
    ]
    if rows:
        db.execute(spells.insert(), rows)


def _touches(known: set[Spell], found: set[Spell], club_id: str | None) -> set[Touch]:
    """From the first day on that differs, for every club the entity was or is in since."""
    day = min(_first_difference(known, found), _first_difference(found, known))
    since = {club_id: date.min} if club_id else {}
    in_clubs = [spell for spell in known | found if spell.name == CLUB]
    for spell in sorted(in_clubs, key=lambda one: one.valid_from, reverse=True):
        since[spell.value] = spell.valid_from
    return {Touch(club, max(day, start), stock=True) for club, start in since.items()}


def _first_difference(some: set[Spell], others: set[Spell]) -> date:
    """Where a spell differs only in its end, it is the same up to the earlier of the two ends."""
    ends = {spell[:3]: spell.valid_to for spell in others}
    days = [date.max]
    for spell in some - others:
        if spell[:3] in ends:
            days += [end for end in (spell.valid_to, ends[spell[:3]]) if end]
        else:
            days.append(spell.valid_from)
    return min(days)
