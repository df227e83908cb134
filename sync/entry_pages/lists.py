"""The lists somebody may see, and one page of one of them: searched, filtered, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.entity_pages import Column, EntityPage, Says
from forms.problems import Refused
from forms.search import Sought
from sync import access
from sync.access import Caller
from sync.clubs import clubs_named
from sync.entry_pages.reader import Line, Reader, open_page, title_of

if TYPE_CHECKING:
    from forms.library import Library

LINES = 50  # on one page
CLUB = "club"  # the filter that every list of people has


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a filter, and how many entries it would leave."""

    code: str
    says: Says
    count: int


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter. chosen: a code, or "" for all."""

    name: str
    title: Says
    options: tuple[Option, ...]
    chosen: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants of a list. chosen: filter -> code: "" is all, not named as it starts."""

    text: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    page: int = 1


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list. total: of all pages. people: list and uuid of whom it shows by name."""

    name: str
    title: Says
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...]
    lines: tuple[Line, ...]
    total: int
    page: int
    pages: int
    people: tuple[tuple[str, str], ...]


def pages_for(
    db: Connection, library: Library, caller: Caller, now: datetime
) -> list[tuple[str, Says]]:
    """The lists of which the caller may see something, with their titles."""
    found = []
    for name in library.pages:
        try:
            access.viewing(db, library, caller, name, vietnam_day(now))
        except Refused:
            continue
        found.append((name, title_of(library, name)))
    return found


def filters_of(
    db: Connection, library: Library, caller: Caller, name: str, now: datetime
) -> tuple[str, ...]:
    """The names of a list's filters. Refused(NOT_FOUND), (NOT_ALLOWED)."""
    page, _ = open_page(db, library, caller, name, now)
    return (CLUB, *page.filters)


def read_list(
    db: Connection, library: Library, caller: Caller, name: str, asked: Asked, now: datetime
) -> ListPage:
    """The lines somebody asked for: what was typed exactly first, then by name.

    Refused(NOT_FOUND) where there is no such list, (NOT_ALLOWED).
    """
    page, reader = open_page(db, library, caller, name, now)
    search = [name for name in page.search if name in reader.mine.properties]  # else it would tell
    rows = _found(reader.rows(search), Sought(asked.text), search)
    filters, rows = _filtered(reader, page, asked, rows)
    rows.sort(key=lambda row: (row[0], reader.order(row[1].label)))
    last = max(1, -(-len(rows) // LINES))
    number = min(max(asked.page, 1), last)
    shown = [row.uuid for _, row in rows[(number - 1) * LINES : number * LINES]]
    columns = reader.allowed(page.columns)
    return ListPage(
        name,
        reader.title,
        columns,
        tuple(filters),
        tuple(reader.lines(shown, columns)),
        len(rows),
        number,
        last,
        reader.people(shown),
    )


Ranked = tuple[int, Any]


def _found(rows: Iterable[Any], sought: Sought, search: Sequence[str]) -> list[Ranked]:
    if not sought:
        return [(0, row) for row in rows]
    found = []
    for row in rows:
        texts = (row.label, *(row._mapping[f"p_{name}"] or "" for name in search))
        rank = sought.rank(" ".join(texts))
        if rank is not None:
            found.append((rank, row))
    return found


@dataclass(frozen=True, slots=True)
class _Sieve:
    """One filter at work. held: uuid -> the codes it has, with spaces between."""

    name: str
    title: Says
    codes: Mapping[str, Says]
    held: Mapping[str, str]
    chosen: str

    def takes(self, uuid: str) -> bool:
        return not self.chosen or self.chosen in self.held.get(uuid, "").split()


def _sieves(reader: Reader, page: EntityPage, asked: Asked, rows: list[Ranked]) -> list[_Sieve]:
    found = []
    if not reader.is_of_clubs and (reader.mine.clubs is None or len(reader.mine.clubs) > 1):
        held = {row.uuid: row.club_id or "" for _, row in rows}
        names = clubs_named(reader.db, set(held.values()) - {""})
        codes = {uuid: Says(name, name) for uuid, (_, name) in names.items()}
        found.append(_Sieve(CLUB, reader.club_title, codes, held, asked.chosen.get(CLUB, "")))
    for key, column in page.filters.items():
        if reader.allowed((column,)):
            values = reader.values(column, [row.uuid for _, row in rows])
            chosen = asked.chosen.get(key, page.start.get(key, ""))
            found.append(_Sieve(key, column.title, column.codes, values, chosen))
    return found


def _filtered(
    reader: Reader, page: EntityPage, asked: Asked, rows: list[Ranked]
) -> tuple[list[Filter], list[Ranked]]:
    """Filters with what each choice would leave of what the others leave, and what is left."""
    sieves = _sieves(reader, page, asked, rows)
    filters = []
    for one in sieves:
        others = [sieve for sieve in sieves if sieve is not one]
        counts: Counter[str] = Counter()
        for _, row in rows:
            if all(sieve.takes(row.uuid) for sieve in others):
                counts.update(one.held.get(row.uuid, "").split())
        known = [code for code in one.codes if counts[code] or code == one.chosen]
        options = tuple(Option(code, one.codes[code], counts[code]) for code in known)
        filters.append(Filter(one.name, one.title, options, one.chosen))
    left = [row for row in rows if all(sieve.takes(row[1].uuid) for sieve in sieves)]
    return filters, left
