"""What a download rule shows of a list, as one number a club, kept in step with every change.

The mark of a phone's slice is the sum over its clubs: a look at a few rows, never at the list. Each
entity adds a hash of what the rule shows of it, so the sum says which rows there are, in any order.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import counters
from sync.accounts import PROJECT_ID
from sync.database import among, upsert
from sync.tables import entities, entity_lists, slice_marks

if TYPE_CHECKING:
    from forms.library import Download, Library

MODULUS = 2**63  # of sums: what a BigInteger holds
NO_CLUB = ""  # its row is always there: it says that the rule's marks are kept at all
BATCH = 1000


class Shown(NamedTuple):
    """An entity as far as a download can show it."""

    uuid: str
    label: str
    version: int
    data: Mapping[str, str]
    club_id: str | None
    change_seq: int


class Mark(NamedTuple):
    """How many rows there are, and the sum of their hashes."""

    rows: int
    sum: int


Change = tuple[str, Shown | None, Shown | None]  # name of the list, before, after; None = not there
Place = tuple[str, str]  # rule, club: the key of a mark within its list


def shown(values: Mapping[str, Any]) -> Shown | None:
    """The row of `entities` as phones may see it; None for one that is deleted, restricted, linked
    to another or not made yet."""
    if any(values.get(one) for one in ("deleted_at", "restricted", "linked_to")):
        return None
    if not values["version"]:
        return None
    return Shown(*(values[name] for name in Shown._fields))


def is_there() -> sa.ColumnElement[bool]:
    """What `shown` asks of the rows of `entities`."""
    return sa.and_(may_be_shown(), entities.c.linked_to.is_(None))


def may_be_shown() -> sa.ColumnElement[bool]:
    """Of `entities`: that its name and what it holds may stand anywhere but at the desk."""
    return sa.and_(entities.c.deleted_at.is_(None), ~entities.c.restricted)


# ------------------------------------------------------------------ one rule and one entity
def fingerprint(download: Download) -> str:
    """The rule's name in `slice_marks`: roles whose rules show the same share their marks."""
    where = [sorted((n, sorted(c)) for n, c in one.items()) for one in _conditions(download)]
    what = [list(download.properties), where, download.assigned_by, download.of_view]
    return hashlib.md5(json.dumps(what).encode(), usedforsecurity=False).hexdigest()


def _conditions(download: Download) -> Iterator[Mapping[str, Sequence[str]]]:
    yield download.where
    yield from download.any_of


def number(download: Download, one: Shown) -> int:
    """63 bits that differ when a cell of the row the rule shows does; a view's versions only say
    that one did."""
    cells = [one.data.get(name, "") for name in download.properties]
    text = json.dumps([one.uuid, one.label, None if download.of_view else one.version, cells])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) % MODULUS


def assigned_key(club_id: str | None, person_id: str) -> str:
    """Where a row counts that is for one person: in that person's part of the club."""
    return f"{club_id or NO_CLUB} {person_id}"


def _keys(download: Download, one: Shown | None) -> list[str]:
    """The marks in which the entity counts."""
    if one is None or not download.takes(one.data):
        return []
    if download.assigned_by is None:
        return [one.club_id or NO_CLUB]
    return [assigned_key(one.club_id, person) for person in sorted(download.persons(one.data))]


def add_up(download: Download, rows: Iterable[Shown]) -> dict[str, Mark]:
    """The marks of one rule, from the rows themselves."""
    found: dict[str, Mark] = {}
    for one in rows:
        for key in _keys(download, one):
            found[key] = _plus(found.get(key, Mark(0, 0)), 1, number(download, one))
    return found


def sum_of(download: Download, rows: Iterable[Shown]) -> Mark:
    """The mark of these rows together."""
    found = Mark(0, 0)
    for one in rows:
        found = _plus(found, 1, number(download, one))
    return found


def _plus(mark: Mark, rows: int, value: int) -> Mark:
    return Mark(mark.rows + rows, (mark.sum + value) % MODULUS)


# ------------------------------------------------------------------ kept in step
def follow(
    db: Connection, library: Library, lists: Mapping[str, int], changes: Iterable[Change]
) -> None:
    """Let the marks say what the entities say now. The lists' rows are locked by the caller.

    lists: name -> id. A list whose marks are not kept yet gets them, from all its rows.
    """
    by_list: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_list[change[0]].append(change)
    for name, mine in by_list.items():
        rules = _rules(library, name)
        kept = _kept_rules(db, lists[name])
        _forget_others(db, lists[name], rules, kept)
        moves = _moves({rule: one for rule, one in rules.items() if rule in kept}, mine)
        _apply(db, lists[name], moves)
        _build(db, lists[name], {rule: one for rule, one in rules.items() if rule not in kept})


def _moves(rules: Mapping[str, Download], changes: Iterable[Change]) -> dict[Place, Mark]:
    found: dict[Place, Mark] = defaultdict(lambda: Mark(0, 0))
    for _, before, after in changes:
        for rule, download in rules.items():
            for one, sign in ((before, -1), (after, 1)):
                for key in _keys(download, one):
                    assert one is not None
                    found[rule, key] = _plus(found[rule, key], sign, sign * number(download, one))
    return {place: move for place, move in found.items() if move != (0, 0)}


def _apply(db: Connection, list_id: int, moves: Mapping[Place, Mark]) -> None:
    if not moves:
        return
    c = slice_marks.c
    query = sa.select(c.rule, c.club_id, c.rows, c.sum).where(
        c.list_id == list_id,
        c.rule.in_({rule for rule, _ in moves}),
        among(db, c.club_id, {club for _, club in moves}),
    )
    there = {(row.rule, row.club_id): Mark(row.rows, row.sum) for row in db.execute(query)}
    _store(db, list_id, {at: _plus(there.get(at, Mark(0, 0)), *move) for at, move in moves.items()})


def _store(db: Connection, list_id: int, marks: Mapping[Place, Mark]) -> None:
    rows = [
        {"list_id": list_id, "rule": rule, "club_id": club, "rows": mark.rows, "sum": mark.sum}
        for (rule, club), mark in sorted(marks.items())
    ]
    upsert(db, slice_marks, rows, ["list_id", "rule", "club_id"])
    counters.bump(db, counters.LISTS)


def _rules(library: Library, list_name: str) -> dict[str, Download]:
    rules = library.rules_on(list_name)
    return {fingerprint(one): one for rule in rules for one in rule.downloads.values()}


def _kept_rules(db: Connection, list_id: int) -> set[str]:
    c = slice_marks.c
    return set(db.scalars(sa.select(c.rule).where(c.list_id == list_id, c.club_id == NO_CLUB)))


def _forget_others(
    db: Connection, list_id: int, rules: Collection[str], kept: Collection[str]
) -> None:
    """Marks that this process's library has no rule for: it cannot keep them in step."""
    if set(kept).difference(rules):
        c = slice_marks.c
        db.execute(slice_marks.delete().where(c.list_id == list_id, c.rule.not_in(rules)))
        counters.bump(db, counters.LISTS)


# ------------------------------------------------------------------ made whole
def build(db: Connection, library: Library) -> None:
    """Marks for every rule of the library that has none yet, and for no other; repeatable."""
    for list_id, name in _lock_lists(db):
        rules = _rules(library, name)
        kept = _kept_rules(db, list_id)
        _forget_others(db, list_id, rules, kept)
        _build(db, list_id, {rule: one for rule, one in rules.items() if rule not in kept})


def rebuild(db: Connection, library: Library) -> None:
    """Every mark anew from the rows."""
    _lock_lists(db)
    db.execute(slice_marks.delete())
    build(db, library)


def _build(db: Connection, list_id: int, rules: Mapping[str, Download]) -> None:
    if not rules:
        return
    marks: dict[Place, Mark] = {(rule, NO_CLUB): Mark(0, 0) for rule in rules}
    for one in rows_of(db, list_id):
        for rule, download in rules.items():
            for key, mark in add_up(download, [one]).items():
                marks[rule, key] = _plus(marks.get((rule, key), Mark(0, 0)), *mark)
    _store(db, list_id, marks)


def _lock_lists(db: Connection) -> list[tuple[int, str]]:
    """(id, name) of every list, in the order in which changes lock them."""
    c = entity_lists.c
    query = sa.select(c.id, c.name).where(c.project_id == PROJECT_ID).order_by(c.id)
    return [(row.id, row.name) for row in db.execute(query.with_for_update())]


def rows_of(
    db: Connection, list_id: int, condition: sa.ColumnElement[bool] | None = None
) -> Iterator[Shown]:
    """The entities of a list that phones may see (as far as `condition`), in any order."""
    c = entities.c
    query = sa.select(*(c[name] for name in Shown._fields)).where(c.list_id == list_id, is_there())
    if condition is not None:
        query = query.where(condition)
    for row in db.execute(query.execution_options(yield_per=BATCH)):
        yield Shown(*row)


# ------------------------------------------------------------------ asked
def total(
    db: Connection,
    list_id: int,
    download: Download,
    clubs: Collection[str] | None,
    person: str | None,
) -> Mark | None:
    """The sum over these clubs (None = all); None where the rule's marks are not kept."""
    c = slice_marks.c
    mine = _in_scope(download, clubs, person)
    query = sa.select(c.club_id, c.rows, c.sum, mine.label("mine")).where(
        c.list_id == list_id,
        c.rule == fingerprint(download),
        sa.or_(c.club_id == NO_CLUB, mine),
    )
    is_kept, found = False, Mark(0, 0)
    for row in db.execute(query):
        is_kept |= row.club_id == NO_CLUB
        if row.mine:
            found = _plus(found, row.rows, row.sum)
    return found if is_kept else None


def _in_scope(
    download: Download, clubs: Collection[str] | None, person: str | None
) -> sa.ColumnElement[bool]:
    club = slice_marks.c.club_id
    if download.assigned_by is None:
        return sa.true() if clubs is None else club.in_(sorted(clubs))
    if person is None:
        return sa.false()
    if clubs is None:
        return club.endswith(f" {person}", autoescape=True)
    return club.in_(sorted(assigned_key(one, person) for one in clubs))
