"""Entity lists and their entities, read without a phone: the slice that `access.viewing` gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from forms.days import vietnam_day
from forms.odata_filter import Condition, Order
from forms.problems import NOT_ALLOWED, NOT_FOUND, Refused
from forms.schema import read_schema
from sync import access, catalogue
from sync.access import Caller, actor_number
from sync.accounts import PROJECT_ID
from sync.catalogue import Slice
from sync.conditions import Fields, Known, order_by, to_sql
from sync.entities import plain_id
from sync.tables import (
    app_users,
    entities,
    entity_lists,
    entity_versions,
    erased_entities,
    form_attachments,
    form_versions,
    forms,
    received,
    submission_versions,
    users,
)

if TYPE_CHECKING:
    from forms.library import Library

AT_A_TIME = 500
NOBODY = 0  # the number of who loaded a file at the console: clients want one


@dataclass(frozen=True, slots=True)
class FormName:
    """A form by its id and title."""

    xml_form_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list: the properties its reader may have, and the forms beside it."""

    name: str
    created_at: datetime
    properties: tuple[str, ...]
    linked: tuple[FormName, ...]  # they download it
    sources: tuple[FormName, ...]  # they make its entities


@dataclass(frozen=True, slots=True)
class ListFigures:
    """What of a list its reader may see."""

    entities: int
    last_entity: datetime | None
    conflicts: int


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made a version."""

    id: int
    name: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity as its reader may have it."""

    id: int
    uuid: str
    label: str
    data: dict[str, str]
    version: int
    base_version: int | None
    conflict: str | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    linked_to: str | None  # the uuid of the one that stands for it
    creator: Maker
    changer: Maker


# ------------------------------------------------------------------ lists
def slice_for(
    db: Connection, library: Library, caller: Caller, list_name: str, now: datetime
) -> Slice:
    """What the caller may have of a list. Refused(NOT_FOUND or NOT_ALLOWED)."""
    seen = access.viewing(db, library, caller, list_name, vietnam_day(now))
    list_id, _ = catalogue.find_list(db, library, list_name)
    return Slice(list_id, list_name, seen.rule, seen.clubs)


def list_lists(db: Connection, library: Library, caller: Caller, now: datetime) -> list[Slice]:
    """The lists the caller may have something of, by name."""
    c = entity_lists.c
    query = sa.select(c.name).where(c.project_id == PROJECT_ID).order_by(c.name)
    found = []
    for name in db.execute(query).scalars().all():
        try:
            found.append(slice_for(db, library, caller, name, now))
        except Refused:
            continue
    return found


def describe(db: Connection, mine: Slice) -> ListOf:
    """The list around a slice."""
    f, v, a = forms.c, form_versions.c, form_attachments.c
    current = sa.select(f.xml_form_id, f.title, v.xform, v.id, f.created_at).join(
        form_versions, v.id == f.current_version_id
    )
    rows = db.execute(current.where(f.project_id == PROJECT_ID).order_by(f.id)).all()
    attached = sa.select(a.form_version_id).where(a.list_name == mine.list_name)
    with_list = set(db.execute(attached).scalars())
    sources = [row for row in rows if mine.list_name in _makes(row.xform)]
    return ListOf(
        name=mine.list_name,
        created_at=created_at(db),
        properties=mine.properties,
        linked=tuple(FormName(row.xml_form_id, row.title) for row in rows if row.id in with_list),
        sources=tuple(FormName(row.xml_form_id, row.title) for row in sources),
    )


def created_at(db: Connection) -> datetime:
    """Lists do not keep when they were made: the day of the first form stands for it."""
    found: datetime | None = db.execute(sa.select(sa.func.min(forms.c.created_at))).scalar()
    return found or datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _makes(xform: bytes) -> set[str]:
    return {one.list_name for one in read_schema(bytes(xform)).entities}


def figures(db: Connection, mine: Slice) -> ListFigures:
    """How much of a list its reader may see."""
    c = entities.c
    query = sa.select(sa.func.count(), sa.func.max(c.created_at), sa.func.count(c.conflict))
    return ListFigures(*db.execute(query.where(mine.condition())).one())


# ------------------------------------------------------------------ entities
def page(
    db: Connection,
    mine: Slice,
    *,
    condition: Condition | None = None,
    order: tuple[Order, ...] = (),
    after: int | None = None,
    limit: int | None = None,
    offset: int = 0,
    deleted: bool = False,
) -> Iterator[Entity]:
    """The entities of a slice, newest first; read while they are used.

    after: the id of the last one of the page before. deleted: the bin instead, without the erased.
    """
    query = _query().where(_seen(db, mine, condition, deleted=deleted))
    query = query.order_by(*order_by(order, FIELDS), entities.c.id.desc())
    if after is not None:
        query = query.where(entities.c.id < after)
    if limit is not None or offset:
        query = query.limit(limit if limit is not None else 2**31 - 1).offset(offset)
    with db.execute(query.execution_options(yield_per=AT_A_TIME)) as rows:
        for row in rows:
            yield _entity(row, mine.properties)


def count(db: Connection, mine: Slice, condition: Condition | None = None) -> int:
    """How many there are on all pages."""
    query = sa.select(sa.func.count()).select_from(entities).where(_seen(db, mine, condition))
    return int(db.execute(query).scalar_one())


def find(db: Connection, mine: Slice, uuid: str) -> Entity:
    """One entity of a slice, or linked to another, which no list shows. Refused(NOT_FOUND)."""
    wanted = entities.c.uuid == (plain_id(uuid) or "")
    row = db.execute(_query().where(mine.condition(also_linked=True), wanted)).one_or_none()
    if row is None:
        raise Refused(NOT_FOUND())
    return _entity(row, mine.properties)


def find_any(db: Connection, mine: Slice, uuid: str) -> Entity:
    """One entity of the list, in the slice or not: for who just wrote it. Refused(NOT_FOUND)."""
    wanted = (entities.c.list_id == mine.list_id, entities.c.uuid == (plain_id(uuid) or ""))
    row = db.execute(_query().where(*wanted)).one_or_none()
    if row is None:
        raise Refused(NOT_FOUND())
    return _entity(row, mine.properties)


def makers(db: Connection, mine: Slice, uuid: str) -> dict[int, Maker]:
    """Who made each version of an entity."""
    query = _makers_from(sa.select(_version.c.version, *_maker_columns("current")))
    query = query.join(entities, entities.c.id == _version.c.entity_id).where(
        entities.c.list_id == mine.list_id, entities.c.uuid == plain_id(uuid)
    )
    return {row.version: _maker(row, "current") for row in db.execute(query)}


def require_within(db: Connection, mine: Slice, uuid: str) -> None:
    """Refused(NOT_ALLOWED) where an entity, deleted or not, is of a club beyond the slice's."""
    c = entities.c
    query = sa.select(c.club_id).where(c.list_id == mine.list_id, c.uuid == plain_id(uuid))
    found = db.execute(query).one_or_none()
    if found is None:
        raise Refused(NOT_FOUND())
    if mine.clubs is not None and found.club_id not in mine.clubs:
        raise Refused(NOT_ALLOWED())


def require_visible(mine: Slice, names: Sequence[str]) -> None:
    """Refused(NOT_ALLOWED) for a property of the list that its reader does not see."""
    if any(name not in mine.properties for name in names):
        raise Refused(NOT_ALLOWED())


# ------------------------------------------------------------------ columns
_version, _first = entity_versions.alias("current"), entity_versions.alias("first")
FIELDS: Fields = {
    "__id": Known(entities.c.uuid, "text"),
    "__system/createdAt": Known(entities.c.created_at, "time"),
    "__system/updatedAt": Known(sa.case((entities.c.version > 1, entities.c.updated_at)), "time"),
    "__system/deletedAt": Known(entities.c.deleted_at, "time"),
    "__system/conflict": Known(entities.c.conflict, "text"),
}
_sent = {name: submission_versions.alias(f"{name}_sent") for name in ("current", "first")}
_phones = {name: app_users.alias(f"{name}_phone") for name in _sent}
_people = {name: users.alias(f"{name}_person") for name in _sent}


def _seen(
    db: Connection, mine: Slice, condition: Condition | None, *, deleted: bool = False
) -> sa.ColumnElement[bool]:
    found = mine.condition(deleted=deleted)
    if deleted:
        found &= entities.c.uuid.not_in(sa.select(erased_entities.c.uuid))
    return found if condition is None else sa.and_(found, to_sql(db, condition, FIELDS))


def _query() -> sa.Select[Any]:
    e = entities.c
    earliest = sa.select(sa.func.min(entity_versions.c.version)).where(
        entity_versions.c.entity_id == e.id
    )
    query = sa.select(
        *(e.id, e.uuid, e.label, e.data, e.version, e.conflict, e.created_at, e.updated_at),
        *(e.deleted_at, e.linked_to),
        _version.c.base_version,
        *_maker_columns("current"),
        *_maker_columns("first"),
    )
    source = entities.join(
        _version, sa.and_(_version.c.entity_id == e.id, _version.c.version == e.version)
    ).join(
        _first,
        sa.and_(_first.c.entity_id == e.id, _first.c.version == earliest.scalar_subquery()),
    )
    return query.select_from(_with_makers(_with_makers(source, "current"), "first"))


def _makers_from(query: sa.Select[Any]) -> sa.Select[Any]:
    return query.select_from(_with_makers(_version, "current"))


def _with_makers(source: Any, name: str) -> Any:
    version = _version if name == "current" else _first
    sent, phone, person = _sent[name], _phones[name], _people[name]
    source = source.outerjoin(sent, sent.c.id == version.c.submission_version_id)
    source = source.outerjoin(phone, phone.c.id == sent.c.app_user_id)
    by_hand = version.c.actor == sa.literal("user:") + sa.cast(person.c.id, sa.Text)
    return source.outerjoin(person, sa.or_(person.c.id == sent.c.user_id, by_hand))


def _maker_columns(name: str) -> list[sa.ColumnElement[Any]]:
    agent = (
        sa.select(received.c.user_agent)
        .where(received.c.submission_version_id == _sent[name].c.id)
        .order_by(received.c.id)
        .limit(1)
        .scalar_subquery()
    )
    columns = {
        "phone": _phones[name].c.id,
        "person": _people[name].c.id,
        "name": sa.func.coalesce(_phones[name].c.name, _people[name].c.name),
        "agent": agent,
    }
    return [column.label(f"{name}_{key}") for key, column in columns.items()]


# ------------------------------------------------------------------ rows
def _entity(row: Row[Any], properties: Sequence[str]) -> Entity:
    return Entity(
        id=row.id,
        uuid=row.uuid,
        label=row.label,
        data={name: row.data[name] for name in properties if name in row.data},
        version=row.version,
        base_version=row.base_version,
        conflict=row.conflict,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
        linked_to=row.linked_to,
        creator=_maker(row, "first"),
        changer=_maker(row, "current"),
    )


def _maker(row: Row[Any], name: str) -> Maker:
    found = row._mapping
    agent, who = found[f"{name}_agent"] or "", found[f"{name}_name"] or "operator"
    for kind, word in (("app_user", "phone"), ("user", "person")):
        number = found[f"{name}_{word}"]
        if number is not None:
            return Maker(actor_number(kind, number), who, agent)
    return Maker(NOBODY, who, agent)
