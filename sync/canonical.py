"""Who is who: the entities that people have said are one, and which of them stands for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import among
from sync.tables import entity_links

PREFIX = "link"  # of whoever signs a version of an entity in the name of links


class Link(NamedTuple):
    """One link in force. choices: fact -> the uuid whose word holds, or `statements.AS_TOLD`."""

    id: int
    list_name: str
    uuid: str
    canonical: str
    choices: Mapping[str, str]

    @property
    def actor(self) -> str:
        """Who signs the versions in which this link says something of entities."""
        return f"{PREFIX}:{self.id}"


Linked = Mapping[tuple[str, str], Link]  # by list and uuid of the one that is linked away


def read(db: Connection, uuids: Collection[str] | None = None) -> Linked:
    """The links in force, of these or of all that are linked away; in the order they were made."""
    c = entity_links.c
    query = sa.select(*(c[name] for name in Link._fields)).where(c.undone_at.is_(None))
    if uuids is not None:
        query = query.where(among(db, c.uuid, uuids))
    rows = db.execute(query.order_by(c.id))
    return {(row.list_name, row.uuid): Link(*row) for row in rows}


def ids(db: Connection) -> dict[str, str]:
    """uuid -> the one that stands for it, of whatever list."""
    return {link.uuid: link.canonical for link in read(db).values()}


def in_force(db: Connection, at: datetime | None = None) -> set[tuple[str, str, str]]:
    """(list, uuid, canonical) of the links in force at a moment; None = now."""
    c = entity_links.c
    query = sa.select(c.list_name, c.uuid, c.canonical).where(c.undone_at.is_(None))
    if at is not None:
        still = sa.or_(c.undone_at.is_(None), c.undone_at > at)
        query = sa.select(c.list_name, c.uuid, c.canonical).where(c.at <= at, still)
    return {(row.list_name, row.uuid, row.canonical) for row in db.execute(query)}


def stand_in(db: Connection, uuid: str) -> str:
    """The one that stands for this entity: mostly itself."""
    return next((link.canonical for link in read(db, {uuid}).values()), uuid)


def groups(db: Connection, list_name: str, canonicals: Collection[str]) -> dict[str, list[Link]]:
    """canonical -> the links to it, in the order they were made; those only that have any."""
    c = entity_links.c
    query = sa.select(*(c[name] for name in Link._fields)).where(
        c.undone_at.is_(None), c.list_name == list_name, among(db, c.canonical, canonicals)
    )
    found: dict[str, list[Link]] = defaultdict(list)
    for row in db.execute(query.order_by(c.id)):
        found[row.canonical].append(Link(*row))
    return dict(found)


def choices_of(links: Collection[Link]) -> dict[str, str]:
    """What was chosen among all that are linked: of two choices the later."""
    return {fact: chosen for link in links for fact, chosen in link.choices.items()}


def words(text: str) -> list[str]:
    """Ids with spaces between, each in its one spelling."""
    return [word.lower().removeprefix("uuid:") for word in text.split()]


def in_words(text: str, ids: Mapping[str, str]) -> str:
    """The same with each that is linked away named by the one that stands for it, nobody twice.
    Text that names none of them stays as it is."""
    named = words(text)
    if not any(word in ids for word in named):
        return text
    return " ".join(dict.fromkeys(ids.get(word, word) for word in named))
