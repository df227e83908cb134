"""Two who may be one as somebody judges them: side by side, and what was decided before.

Who sees a pair is said by the rule's readers and the clubs in scope; of a side beyond it only the
club is told. To decide, both must be in scope.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.entity_pages import Column, Says
from forms.problems import NOT_FOUND, Refused
from sync import access, links
from sync.access import Caller
from sync.accounts import PROJECT_ID
from sync.matching import listing, review
from sync.matching.listing import Side
from sync.merge import LABEL
from sync.tables import duplicate_pairs, forms

if TYPE_CHECKING:
    from forms.library import Library

NAME = Says("Cách ghi tên", "How the name is written")


class Said(NamedTuple):
    """What a registration says, since which day."""

    says: Says
    since: date | None


@dataclass(frozen=True, slots=True)
class Row:
    """Something the two say differently. said: uuid -> its word; in_time: each may hold in its
    time.
    """

    name: str
    title: Says
    said: Mapping[str, Said]
    in_time: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """One of the two. since: the first day anything is told of it; sent: title of a form -> how
    many named it.
    """

    side: Side
    since: date | None
    sent: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Desk:
    """A pair to be judged. reasons: what agrees and what does not. state: open, dismissed, joined.

    first: who was registered first. may_decide: both are in the caller's scope.
    """

    list_name: str
    sides: tuple[Beside, ...]
    reasons: Says
    rows: tuple[Row, ...]
    first: str
    may_decide: bool
    state: str


@dataclass(frozen=True, slots=True)
class Decided:
    """That two are two, or that `one` is `other`, who stays: decided by whom, when."""

    one: Side
    other: Side
    by: str
    at: datetime
    may_decide: bool


def look(
    db: Connection,
    library: Library,
    caller: Caller,
    list_name: str,
    uuids: tuple[str, str],
    today: date,
) -> Desk:
    """A found pair. Refused(UNKNOWN_LIST), (NOT_ALLOWED); (NOT_FOUND) for one that was not found,
    or is out of sight on both sides.
    """
    known = _Known(db, library, caller, list_name, today, uuids)
    ids = review.as_ids(*uuids)
    p = duplicate_pairs.c
    mine = sa.and_(p.list_name == list_name, p.one == ids[0], p.other == ids[1])
    row = db.execute(sa.select(p.bits, p.levels).where(mine)).one_or_none()
    if row is None or not known.sees(ids):
        raise Refused(NOT_FOUND())
    decidable = known.has_all(ids)
    entries = links.look(db, library, list_name, ids)
    titles = _titles(db)
    earliest = min(entries, key=lambda one: (one.since or date.max, one.uuid))
    return Desk(
        list_name,
        tuple(
            Beside(
                known.side(one.uuid),
                one.since,
                {titles[form]: n for form, n in one.records.items()} if decidable else {},
            )
            for one in entries
        ),
        listing.reasons(library, list_name, row.bits, row.levels),
        _rows(known, ids) if decidable else (),
        earliest.uuid,
        decidable and known.may_decide,
        _state(db, list_name, ids),
    )


def _state(db: Connection, list_name: str, ids: review.Ids) -> str:
    if review.are_joined(db, *ids):
        return "joined"
    return "open" if review.undecided(db, list_name, [ids]) else "dismissed"


def _titles(db: Connection) -> dict[str, str]:
    query = sa.select(forms.c.xml_form_id, forms.c.title).where(forms.c.project_id == PROJECT_ID)
    return {row.xml_form_id: row.title for row in db.execute(query)}


def _rows(known: _Known, uuids: Collection[str]) -> tuple[Row, ...]:
    """What the two say differently, as far as the caller may know it."""
    columns = known.columns()
    found = []
    for one in links.conflicts(known.db, known.library, known.list_name, uuids):
        column = columns.get(one.fact)
        if one.fact == LABEL:
            said = {uuid: Said(Says(text, text), day) for uuid, (text, day) in one.told.items()}
            found.append(Row(LABEL, NAME, said, in_time=False))
        elif column is not None:
            said = {uuid: Said(known.say(column, text), d) for uuid, (text, d) in one.told.items()}
            found.append(Row(one.fact, column.title, said, in_time=True))
    return tuple(found)


def require_decide(
    db: Connection,
    library: Library,
    caller: Caller,
    list_name: str,
    uuids: Iterable[str],
    today: date,
) -> None:
    """Refused(NOT_FOUND) unless the caller may decide about all of these."""
    known = _Known(db, library, caller, list_name, today, tuple(uuids))
    if not known.has_all(known.asked) or not known.may_decide:
        raise Refused(NOT_FOUND())


# ------------------------------------------------------------------ what was decided
def dismissed(
    db: Connection, library: Library, caller: Caller, list_name: str, today: date
) -> list[Decided]:
    """Of whom a person said that they are two, the newest first."""
    rows = review.dismissed(db, list_name)
    return _decided(db, library, caller, list_name, today, rows)


def linked(
    db: Connection, library: Library, caller: Caller, list_name: str, today: date
) -> list[Decided]:
    """Who is linked to whom, the newest first."""
    made = [one for one in links.made(db) if one.list_name == list_name]
    rows = [(one.uuid, one.canonical, one.by, one.at) for one in made]
    return _decided(db, library, caller, list_name, today, rows)


def _decided(
    db: Connection,
    library: Library,
    caller: Caller,
    list_name: str,
    today: date,
    rows: list[tuple[str, str, str, datetime]],
) -> list[Decided]:
    known = _Known(db, library, caller, list_name, today, tuple(u for row in rows for u in row[:2]))
    return [
        Decided(
            known.side(one),
            known.side(other),
            by,
            at,
            known.may_decide and known.has_all((one, other)),
        )
        for one, other, by, at in rows
        if known.sees((one, other))
    ]


# ------------------------------------------------------------------ who knows what
class _Known:
    """What one caller may know of these entries of a list."""

    def __init__(
        self,
        db: Connection,
        library: Library,
        caller: Caller,
        list_name: str,
        today: date,
        uuids: tuple[str, ...],
    ) -> None:
        listing.require(library, caller, list_name)
        self.db, self.library, self.caller, self.list_name = db, library, caller, list_name
        self.asked, self.today = uuids, today
        self.scope = access.clubs_in_scope(db, library, caller, today)
        self.sides = listing.sides(db, list_name, set(uuids), self.scope)
        self.may_decide = access.may(library, caller, "pairs.decide")

    def side(self, uuid: str) -> Side:
        return self.sides[uuid]

    def sees(self, uuids: Collection[str]) -> bool:
        """Both are there, and at least one with its name."""
        there = [self.sides[uuid] for uuid in uuids if uuid in self.sides]
        return len(there) == len(uuids) and any(one.label is not None for one in there)

    def has_all(self, uuids: Collection[str]) -> bool:
        return all(uuid in self.sides and self.sides[uuid].label is not None for uuid in uuids)

    def columns(self) -> dict[str, Column]:
        """fact -> how it is told, of those that the caller may know: as on the list's pages, else
        what is compared."""
        page = self.library.pages.get(self.list_name)
        try:
            seen = access.viewing(self.db, self.library, self.caller, self.list_name, self.today)
            facts = frozenset(seen.facts)
        except Refused:
            facts = self.library.matches[self.list_name].facts
        known = page.known.values() if page else ()
        return {one.of: one for one in known if one.source == "fact" and one.of in facts}

    def say(self, column: Column, text: str) -> Says:
        if column.show != "entry":
            return column.say(text)
        named = listing.sides(self.db, column.list, {text}, None).get(text)
        name = named.label if named and named.label else text
        return Says(name, name)
