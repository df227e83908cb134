"""Open pairs as somebody may see them: each side by side, with its club and why they may be one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Table
from forms.entity_pages import Says
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
from sync.slices import may_be_shown
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
    club_id: str


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
    require(library, caller, list_name)
    scope = access.clubs_in_scope(db, library, caller, today)
    pairs = open_pairs(db, list_name)
    people = sides(
        db, list_name, {uuid for pair in pairs for uuid in (pair.one, pair.other)}, scope
    )
    shown = []
    for pair in pairs:
        if pair.one in people and pair.other in people:
            one, other = people[pair.one], people[pair.other]
            seen = {side.club_id for side in (one, other) if side.label is not None}
            if any(clubs is None or club in clubs for club in seen):
                vi, en = reasons(library, list_name, pair.bits, pair.levels)
                shown.append(Shown(one, other, pair.band.value, pair.bits, vi, en, pair.found_at))
    return shown


def reasons(library: Library, list_name: str, bits: float, levels: Mapping[str, str]) -> Says:
    """What two have in common and what not."""
    return Says(*explain(library.matches[list_name], Score(bits, levels, {})))


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
def require(library: Library, caller: Caller, list_name: str) -> None:
    """Refused(UNKNOWN_LIST), (NOT_ALLOWED) unless the caller is a reader of the list's pairs."""
    if list_name not in library.matches:
        raise Refused(UNKNOWN_LIST(list=list_name[:40], lists=", ".join(library.matches)))
    if not _may_read(library.matches[list_name], caller):
        raise Refused(NOT_ALLOWED())


def _may_read(rule: MatchRule, caller: Caller) -> bool:
    return caller.kind == "operator" or (caller.kind == "user" and caller.role in rule.readers)


# ------------------------------------------------------------------ names
def sides(
    db: Connection, list_name: str, uuids: Collection[str], scope: Collection[str] | None
) -> dict[str, Side]:
    """uuid -> how it is shown to who sees these clubs (None = all), of those that are there."""
    c = entities.c
    query = (
        sa.select(c.uuid, c.label, c.club_id)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .where(entity_lists.c.name == list_name, entity_lists.c.project_id == PROJECT_ID)
        .where(among(db, c.uuid, uuids), may_be_shown())
    )
    people = {row.uuid: (row.label, row.club_id or "") for row in db.execute(query)}
    names = clubs_named(db, {club for _, club in people.values()})
    return {
        uuid: Side(
            uuid,
            label if scope is None or club in scope else None,
            *names.get(club, ("", "")),
            club,
        )
        for uuid, (label, club) in people.items()
    }
