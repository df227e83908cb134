"""Properties that the server finds by itself: laid over what phones say, true of today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from sync import entities
from sync.accounts import PROJECT_ID
from sync.database import among, insert_once, lock_derived
from sync.entities import Key
from sync.tables import counters, entity_lists, records, spells
from sync.tables import entities as entity_rows

if TYPE_CHECKING:
    from forms.computed import Computed
    from forms.library import Library, ListRule

PAGE = "computed for day"  # the row of `counters` with the day (as a number) that all are true of
AT_ONCE = 1000  # entities at a time: their ids are parameters, and there is a limit to those


def page(db: Connection) -> date | None:
    """The day of which all computed properties are true; None before the first was turned."""
    query = sa.select(counters.c.value).where(counters.c.name == PAGE)
    number = db.execute(query).scalar()
    return None if number is None else date.fromordinal(number)


def turn(db: Connection, library: Library, now: datetime) -> None:
    """Make computed properties true of today; the first time all of them. Harmless to repeat."""
    today = vietnam_day(now)
    if _is_turned(page(db), today):
        return
    lock_derived(db)
    before = page(db)  # another worker may have turned it meanwhile
    if _is_turned(before, today):
        return
    insert_once(db, counters, {"name": PAGE, "value": today.toordinal()})
    db.execute(counters.update().where(counters.c.name == PAGE).values(value=today.toordinal()))
    for rule in _rules(library):
        find(db, library, rule.name, _turned(db, rule, before, today), now)


def _is_turned(before: date | None, today: date) -> bool:
    return before is not None and before >= today


def find_all(db: Connection, library: Library, now: datetime) -> None:
    """All computed properties anew."""
    for rule in _rules(library):
        find(db, library, rule.name, _all(db, rule), now)


def find(
    db: Connection,
    library: Library,
    list_name: str,
    uuids: Iterable[str],
    now: datetime,
    risen: Collection[Key] = (),
    forms: Collection[str] | None = None,
) -> None:
    """Find the computed properties of these entities anew, where the list has some.

    risen: those that have a new version anyway, which no phone has seen yet. The others get one
    when a phone that changes the list can see the difference. forms: nothing has changed but
    records of these, so only what they tell is asked; None = anything may have.
    """
    today, rule = page(db), library.lists.get(list_name)
    names = _told_by(rule, forms) if rule is not None else []
    if today is None or rule is None or not names:
        return
    shown = {name for one in rule.downloads.values() for name in one.properties}
    ordered = sorted(set(uuids))
    for start in range(0, len(ordered), AT_ONCE):
        found = _found(db, library, rule, names, ordered[start : start + AT_ONCE], today)
        changed = entities.overlay(db, library, list_name, names, found)
        old = [key.uuid for key, names in changed.items() if names & shown and key not in risen]
        entities.raise_versions(db, library, list_name, old, now)


def lay_over(db: Connection, library: Library, today: date) -> None:
    """All computed properties of a copy, as of a day; no version rises."""
    for rule in _rules(library):
        uuids = _all(db, rule)
        for start in range(0, len(uuids), AT_ONCE):
            names = list(rule.computed)
            part = _found(db, library, rule, names, uuids[start : start + AT_ONCE], today)
            entities.overlay(db, library, rule.name, names, part)


def _told_by(rule: ListRule, forms: Collection[str] | None) -> list[str]:
    """The properties that records of these forms tell; of all forms and facts where None."""
    return [
        name
        for name, one in rule.computed.items()
        if forms is None or not set(forms).isdisjoint(one.latest)
    ]


def _rules(library: Library) -> Iterator[ListRule]:
    return (rule for rule in library.lists.values() if rule.computed)


# ------------------------------------------------------------------ whom a new day changes
def _turned(db: Connection, rule: ListRule, before: date | None, today: date) -> list[str]:
    """The entities of which one of the facts begins or ends by today."""
    if before is None:
        return _all(db, rule)
    c = spells.c
    names = {fact for one in rule.computed.values() for fact in one.facts}
    query = sa.select(c.uuid).where(c.list_name == rule.name, c.name.in_(names)).distinct()
    days = sa.or_(c.valid_from.between(before, today), c.valid_to.between(before, today))
    return list(db.execute(query.where(days)).scalars())


def _all(db: Connection, rule: ListRule) -> list[str]:
    return list(db.execute(sa.select(entity_rows.c.uuid).where(_of(rule))).scalars())


def _of(rule: ListRule) -> sa.ColumnElement[bool]:
    mine = sa.select(entity_lists.c.id).where(
        entity_lists.c.name == rule.name, entity_lists.c.project_id == PROJECT_ID
    )
    return entity_rows.c.list_id == mine.scalar_subquery()


# ------------------------------------------------------------------ what is found
def _found(
    db: Connection,
    library: Library,
    rule: ListRule,
    names: Sequence[str],
    uuids: Collection[str],
    today: date,
) -> dict[str, dict[str, str]]:
    """uuid -> computed property, of these -> value; what nothing tells is left out."""
    sources = [_source(library, rule, rule.computed[name], today) for name in names]
    query = sa.select(entity_rows.c.uuid, *sources).where(
        _of(rule), among(db, entity_rows.c.uuid, uuids)
    )
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for uuid, *values in db.execute(query):
        told = zip(names, values, strict=True)
        found[uuid] = dict(_told(rule.computed, told))
    return found


def _told(
    computed: Mapping[str, Computed], values: Iterable[tuple[str, object]]
) -> Iterator[tuple[str, str]]:
    for name, value in values:
        text = computed[name].cut("" if value is None else str(value))
        if text:
            yield name, text


def _source(library: Library, rule: ListRule, one: Computed, today: date) -> Any:
    """A SELECT of one value: for each entity by itself, so that an index ends it at the first."""
    told = _latest(library, rule, one) if one.fact is None else _fact(rule, one.fact, today)
    allowed = [_fact(rule, name, today).in_(codes) for name, codes in one.needs.items()]
    return sa.case((sa.and_(*allowed), told)) if allowed else told


def _fact(rule: ListRule, name: str, today: date) -> sa.ColumnElement[str]:
    c = spells.c
    query = sa.select(c.value).where(
        *(c.list_name == rule.name, c.uuid == entity_rows.c.uuid, c.name == name),
        *(c.valid_from <= today, sa.or_(c.valid_to.is_(None), c.valid_to > today)),
    )
    return query.limit(1).scalar_subquery()


def _latest(library: Library, rule: ListRule, one: Computed) -> sa.ColumnElement[Any]:
    r = records.c
    form = r.form == one.latest[0] if len(one.latest) == 1 else r.form.in_(one.latest)
    told = r.happened_on if one.column is None else _column(library, one, one.column)
    query = sa.select(told).where(
        *(r.subject_id == entity_rows.c.uuid, r.subject_list == rule.name),
        *(form, r.table_path == "", sa.not_(r.held_back)),
        *(_column(library, one, name).in_(codes) for name, codes in one.where.items()),
    )
    if one.column is not None:
        query = query.where(told != "")
    newest = query.order_by(r.happened_on.desc(), r.submission_version_id.desc())
    return newest.limit(1).scalar_subquery()


def _column(library: Library, one: Computed, name: str) -> sa.ColumnElement[str]:
    is_derived = any(name in library.rules[form].derives for form in one.latest)
    column: sa.ColumnElement[Any] = records.c.derived if is_derived else records.c.answers
    found: sa.ColumnElement[str] = column[name].as_string()
    return found
