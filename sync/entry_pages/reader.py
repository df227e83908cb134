"""One reader of one list: which entities, and what of them in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.entity_pages import Column, EntityPage, Says
from forms.problems import NOT_FOUND, Refused
from forms.text import name_key, sort_key
from sync import access, listing
from sync.access import Caller
from sync.catalogue import AFTER_NAME, Slice
from sync.database import among
from sync.tables import entities, spells
from sync.timeline import CLUB

if TYPE_CHECKING:
    from forms.library import Library


Days = tuple[date, date | None]  # the first, and the first that is no more of them; None = open


@dataclass(frozen=True, slots=True)
class Told:
    """One value in words; hidden: behind a tap. entry: list and uuid of what it names."""

    says: Says
    hidden: bool = False
    entry: tuple[str, str] | None = None


Cell = Told | None


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: what it is called, and a cell per column."""

    uuid: str
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Dated:
    """A fact with the days it held; until: the first day it was not so any more."""

    title: Says
    told: Told
    since: date
    until: date | None


def title_of(library: Library, name: str) -> Says:
    rule = library.lists[name]
    return Says(rule.label_vi, rule.label_en)


def open_page(
    db: Connection, library: Library, caller: Caller, name: str, now: datetime
) -> tuple[EntityPage, Reader]:
    """The library's page of a list, and who reads it. Refused(NOT_FOUND), (NOT_ALLOWED)."""
    if name not in library.pages:
        raise Refused(NOT_FOUND())
    mine = listing.slice_for(db, library, caller, name, now)
    return library.pages[name], Reader(db, library, caller, mine, vietnam_day(now))


@dataclass(frozen=True)
class Reader:
    """Reads the entities of one slice, on one day."""

    db: Connection
    library: Library
    caller: Caller
    mine: Slice
    day: date

    @property
    def base(self) -> str:
        """The list whose entities these are."""
        rule = self.library.lists[self.mine.list_name]
        return rule.of or rule.name

    @property
    def title(self) -> Says:
        return title_of(self.library, self.mine.list_name)

    @property
    def is_of_clubs(self) -> bool:
        return self.library.lists[self.base].is_of_clubs

    @property
    def club_title(self) -> Says:
        group = self.library.report.group
        return Says(group.vi, group.en)

    def order(self, label: str) -> str:
        """People by their given names, places as they are written."""
        name = label.partition(AFTER_NAME)[0]
        return sort_key(name) if self.is_of_clubs else name_key(name)

    def allowed(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        facts, properties = self.mine.download.facts, self.mine.properties
        return tuple(c for c in columns if c.of in (facts if c.source == "fact" else properties))

    def rows(self, search: Sequence[str], *where: sa.ColumnElement[bool]) -> list[Any]:
        """uuid, label and club of those in sight, and these properties as `p_NAME`."""
        c = entities.c
        wanted = [c.data[name].as_string().label(f"p_{name}") for name in search]
        query = sa.select(c.uuid, c.label, c.club_id, *wanted)
        return list(self.db.execute(query.where(self.mine.condition(), *where)).all())

    def values(self, column: Column, uuids: Collection[str]) -> dict[str, str]:
        """uuid -> what the column holds today, as it was said."""
        if column.source == "property":
            c = entities.c
            value = c.data[column.of].as_string()
            query = sa.select(c.uuid, value).where(
                c.list_id == self.mine.list_id, among(self.db, c.uuid, uuids)
            )
            return {uuid: text or "" for uuid, text in self.db.execute(query)}
        return self.facts([column.of], uuids).get(column.of, {})

    def facts(self, names: Collection[str], uuids: Collection[str]) -> dict[str, dict[str, str]]:
        """fact -> uuid -> its value of the day."""
        c = spells.c
        query = sa.select(c.uuid, c.name, c.value).where(
            c.list_name == self.base,
            c.name.in_(sorted(names)),
            among(self.db, c.uuid, uuids),
            c.valid_from <= self.day,
            sa.or_(c.valid_to.is_(None), c.valid_to > self.day),
        )
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self.db.execute(query.order_by(c.value)):
            before = found[row.name].get(row.uuid)
            found[row.name][row.uuid] = f"{before} {row.value}" if before else row.value
        return found

    def people(self, uuids: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Who is shown by name with these entries: list and uuid, for the access log."""
        if self.is_of_clubs:
            return ()
        privacy, c = self.library.privacy, entities.c
        entries = [(self.base, uuid) for uuid in uuids]
        if self.base in privacy.owns:
            owner = c.data[privacy.owns[self.base]].as_string()
            mine = (c.list_id == self.mine.list_id, among(self.db, c.uuid, uuids))
            owners = self.db.execute(sa.select(owner).where(*mine)).scalars()
            entries += [(privacy.person, person) for person in owners if person]
        return tuple(entries)

    def holds(self, uuid: str, needs: Mapping[str, Collection[str]]) -> bool:
        held = self.facts(needs.keys(), [uuid])
        return all(held.get(name, {}).get(uuid, "") in values for name, values in needs.items())

    def lines(self, uuids: Sequence[str], columns: Sequence[Column]) -> list[Line]:
        """These entries, in this order."""
        c = entities.c
        query = sa.select(c.uuid, c.label, c.data).where(
            c.list_id == self.mine.list_id, c.uuid.in_(list(uuids))
        )
        rows = {row.uuid: row for row in self.db.execute(query)}
        named = [column.of for column in columns if column.source == "fact"]
        facts = self.facts(named, uuids) if named else {}
        said = [
            {uuid: facts.get(column.of, {}).get(uuid, "") for uuid in uuids}
            if column.source == "fact"
            else {uuid: rows[uuid].data.get(column.of, "") for uuid in uuids}
            for column in columns
        ]
        cells = [self._cells(column, texts) for column, texts in zip(columns, said, strict=True)]
        return [
            Line(uuid, rows[uuid].label.partition(AFTER_NAME)[0], tuple(one[uuid] for one in cells))
            for uuid in uuids
        ]

    def history(self, uuid: str, columns: Sequence[Column]) -> list[Dated]:
        """What these facts were, the newest first; of somebody who has moved, as long as she was
        in a club of the reader's."""
        by_name = {column.of: column for column in columns}
        c = spells.c
        query = sa.select(c.name, c.value, c.valid_from, c.valid_to).where(
            c.list_name == self.base, c.uuid == uuid, c.name.in_(sorted(by_name))
        )
        rows = self.db.execute(query.order_by(c.valid_from.desc(), c.id.desc())).all()
        theirs, found = self._within_sight(uuid), []
        for row in rows:
            column = by_name[row.name]
            told = self._cells(column, {uuid: row.value})[uuid]
            if told is not None:
                for since, until in both((row.valid_from, row.valid_to), theirs):
                    found.append(Dated(column.title, told, since, until))
        return sorted(found, key=lambda one: one.since, reverse=True)

    def _within_sight(self, uuid: str) -> list[Days]:
        """When the entry was in a club of the reader's: always, where it is of no club in time."""
        c, clubs = spells.c, self.mine.clubs
        query = sa.select(c.value, c.valid_from, c.valid_to).where(
            c.list_name == self.base, c.uuid == uuid, c.name == CLUB
        )
        rows = self.db.execute(query.order_by(c.valid_from)).all()
        if clubs is None or self.is_of_clubs or not rows:
            return [(date.min, None)]
        return [(row.valid_from, row.valid_to) for row in rows if row.value in clubs]

    def _cells(self, column: Column, texts: Mapping[str, str]) -> dict[str, Cell]:
        """uuid -> its cell, of what it says."""
        if column.show != "entry":
            return {uuid: told(column, text) for uuid, text in texts.items()}
        names = self._named(column.list, {text for text in texts.values() if text})
        return {
            uuid: Told(Says(names[text], names[text]), column.hidden, (column.list, text))
            if text in names
            else None
            for uuid, text in texts.items()
        }

    def _named(self, name: str, uuids: Collection[str]) -> dict[str, str]:
        """uuid -> name, of those entries of another list that the reader may see there."""
        try:
            seen = access.viewing(self.db, self.library, self.caller, name, self.day)
        except Refused:
            return {}
        c = entities.c
        query = sa.select(c.uuid, c.label, c.club_id).where(
            among(self.db, c.uuid, uuids), ~c.restricted
        )
        return {
            row.uuid: row.label.partition(AFTER_NAME)[0]
            for row in self.db.execute(query)
            if seen.clubs is None or row.club_id in seen.clubs
        }


def both(days: Days, others: Sequence[Days]) -> list[Days]:
    """The days that are in `days` and in one of the others."""
    found = []
    for since, until in others:
        first = max(days[0], since)
        end = min((one for one in (days[1], until) if one is not None), default=None)
        if end is None or first < end:
            found.append((first, end))
    return found


def told(column: Column, text: str) -> Cell:
    says = column.say(text)
    return Told(says, column.hidden) if says.vi else None
