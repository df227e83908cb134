"""Open pairs as somebody may see them: each side by side, with its club and why they may be one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Table
from forms.matching.rule import MatchRule
from forms.matching.score import Score
from forms.matching.words import explain
from forms.problems import NOT_ALLOWED, UNKNOWN_LIST, Refused
from sync import access
from sync.access import Caller
from sync.accounts import PROJECT_ID
from sync.clubs import clubs_named
from sync.database import among
from sync.matching.review import open_pairs
from sync.tables import entities, entity_lists

if TYPE_CHECKING:
    from forms.library import Library

HEADER = (
    "Mức", "Mã CLB 1", "CLB 1", "Người 1", "Mã CLB 2", "CLB 2", "Người 2", "Giống và khác",
    "Tìm thấy", "Mã người 1", "Mã người 2",
)  # fmt: skip
BANDS = {"certain": "chắc chắn", "review": "cần xem"}


@dataclass(frozen=True, slots=True)
class Side:
    """One of two. label: as phones show it, with year of birth and hamlet; None for who is of a
    club the caller does not see: of such the club alone is told."""

    uuid: str
    label: str | None
    club_code: str
    club: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair to be judged. band: certain or review. vi, en: what agrees and what does not."""

    one: Side
    other: Side
    band: str
    bits: float
    vi: str
    en: str
    found_at: datetime


def read(
    db: Connection,
    library: Library,
    caller: Caller,
    list_name: str,
    today: date,
    clubs: Collection[str] | None = None,
) -> list[Shown]:
    """The open pairs of a list with at least one side in the clubs that the caller sees (and in
    `clubs`), the likeliest first. Refused(UNKNOWN_LIST), (NOT_ALLOWED).
    """
    rule = _rule(library, caller, list_name)
    scope = access.clubs_in_scope(db, library, caller, today)
    pairs = open_pairs(db, list_name)
    people = _people(db, list_name, {uuid for pair in pairs for uuid in (pair.one, pair.other)})
    names = clubs_named(db, {club for _, club in people.values()})
    shown = []
    for pair in pairs:
        if pair.one in people and pair.other in people:
            of = {people[pair.one][1], people[pair.other][1]}
            if _is_seen(of, scope, clubs):
                one, other = (_side(u, people, names, scope) for u in (pair.one, pair.other))
                vi, en = explain(rule, Score(pair.bits, pair.levels, {}))
                shown.append(Shown(one, other, pair.band.value, pair.bits, vi, en, pair.found_at))
    return shown


def lists_for(library: Library, caller: Caller) -> list[str]:
    """The lists whose pairs the caller may see. Refused(NOT_ALLOWED) where that is none of them."""
    found = [name for name, rule in library.matches.items() if _may_read(rule, caller)]
    if library.matches and not found:
        raise Refused(NOT_ALLOWED())
    return found


def to_table(list_name: str, found: Iterable[Shown], today: date) -> Table:
    """The pairs as a file."""
    return Table(f"trung_{list_name}_{today.isoformat()}", HEADER, tuple(map(_row, found)))


def _row(pair: Shown) -> tuple[str | datetime | None, ...]:
    sides = ((one.club_code, one.club, one.label) for one in (pair.one, pair.other))
    told = (cell for side in sides for cell in side)
    band = BANDS[pair.band]
    return (band, *told, pair.vi, pair.found_at, pair.one.uuid, pair.other.uuid)


# ------------------------------------------------------------------ who sees what
def _rule(library: Library, caller: Caller, list_name: str) -> MatchRule:
    if list_name not in library.matches:
        raise Refused(UNKNOWN_LIST(list=list_name[:40], lists=", ".join(library.matches)))
    if not _may_read(library.matches[list_name], caller):
        raise Refused(NOT_ALLOWED())
    return library.matches[list_name]


def _may_read(rule: MatchRule, caller: Caller) -> bool:
    return caller.kind == "operator" or (caller.kind == "user" and caller.role in rule.readers)


def _is_seen(
    of: Collection[str], scope: Collection[str] | None, clubs: Collection[str] | None
) -> bool:
    seen = [club for club in of if scope is None or club in scope]
    return any(clubs is None or club in clubs for club in seen)


def _side(
    uuid: str,
    people: dict[str, tuple[str, str]],
    names: dict[str, tuple[str, str]],
    scope: Collection[str] | None,
) -> Side:
    label, club = people[uuid]
    is_seen = scope is None or club in scope
    return Side(uuid, label if is_seen else None, *names.get(club, ("", "")))


# ------------------------------------------------------------------ names
def _people(db: Connection, list_name: str, uuids: Collection[str]) -> dict[str, tuple[str, str]]:
    """uuid -> label and club, of those that are there."""
    c = entities.c
    query = (
        sa.select(c.uuid, c.label, c.club_id)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .where(entity_lists.c.name == list_name, entity_lists.c.project_id == PROJECT_ID)
        .where(among(db, c.uuid, uuids), c.deleted_at.is_(None))
    )
    return {row.uuid: (row.label, row.club_id or "") for row in db.execute(query)}
