"""How an entity became what it is: every version side by side, and what a person should look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.entities import EntityChange
from forms.problems import ENTITY_DELETED, ENTITY_UNKNOWN_LIST, NOT_FOUND, Problem, Refused
from sync import merge
from sync.accounts import PROJECT_ID
from sync.entities import FORCE, RESOLVE, plain_id
from sync.merge import LABEL, Decision, Outcome
from sync.tables import (
    entities,
    entity_changes,
    entity_decisions,
    entity_lists,
    entity_versions,
    forms,
    submission_versions,
)

Conflict = Literal["soft", "hard"]


@dataclass(frozen=True, slots=True)
class Told:
    """One version. `differs` holds the properties (and "label") that are not as the one before."""

    number: int
    label: str
    data: Mapping[str, str]
    differs: Mapping[str, tuple[str | None, str | None]]  # name -> before, now; None = not there
    base: int | None  # the version it was made on, as its phone or person counted
    conflict: Conflict | None
    resolved: bool  # a person has looked at the conflict
    forced: bool  # time ran out for what it waited for
    instance_id: str | None  # of the submission that asked for it
    form: str | None
    actor: str | None  # of the person who made it, where no submission did
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """An entity with all its versions, oldest first."""

    list_name: str
    uuid: str
    version: int
    label: str
    data: Mapping[str, str]
    conflict: Conflict | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    linked_to: str | None  # the uuid of the one that stands for it
    versions: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class InConflict:
    """An entity that phones changed without knowing of each other; no names."""

    list_name: str
    uuid: str
    version: int
    conflict: Conflict
    updated_at: datetime


def history(
    db: Connection,
    list_name: str,
    uuid: str,
    is_seen: Callable[[Mapping[str, str]], bool] = lambda _: True,
) -> Story:
    """Refused(NOT_FOUND) where there is no such entity; a deleted one has its story too.

    is_seen: whether a version with these properties is told; `differs` compares those that are.
    """
    row = _entity(db, list_name, plain_id(uuid) or "")
    v, s = entity_versions.c, submission_versions.c
    query = (
        sa.select(entity_versions, s.instance_id, forms.c.xml_form_id.label("form"))
        .outerjoin(submission_versions, s.id == v.submission_version_id)
        .outerjoin(forms, forms.c.id == s.form_id)
        .where(v.entity_id == row.id)
        .order_by(v.version)
    )
    decided = _decided(db, list_name, row.uuid)
    return Story(
        list_name=list_name,
        uuid=row.uuid,
        version=row.version,
        label=row.label,
        data=row.data,
        conflict=row.conflict,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
        linked_to=row.linked_to,
        versions=tuple(_told((v for v in db.execute(query) if is_seen(v.data)), decided)),
    )


def conflicts(db: Connection, list_name: str | None = None) -> list[InConflict]:
    """Entities whose conflict nobody has settled, the longest waiting first; None = of every list.

    Refused(NOT_FOUND).
    """
    c = entities.c
    query = (
        sa.select(entity_lists.c.name, c.uuid, c.version, c.conflict, c.updated_at)
        .join(entity_lists, entity_lists.c.id == c.list_id)
        .where(c.conflict.is_not(None), c.deleted_at.is_(None))
    )
    if list_name is not None:
        query = query.where(c.list_id == _list_id(db, list_name))
    return [InConflict(*row) for row in db.execute(query.order_by(c.updated_at, c.uuid))]


def problems_of(db: Connection, version_ids: Collection[int]) -> dict[int, list[Problem]]:
    """What came of the changes these submission versions ask for, where a person should know."""
    c, v, e = entity_changes.c, submission_versions.c, entities.c
    query = (
        sa.select(c.submission_version_id, c.list_name, c.change, c.decision, c.version)
        .add_columns(v.received_at, e.deleted_at, entity_lists.c.id.label("list_id"))
        .join(submission_versions, v.id == c.submission_version_id)
        .outerjoin(entity_lists, _is_list(c.list_name))
        .outerjoin(entities, sa.and_(e.list_id == entity_lists.c.id, e.uuid == c.uuid))
        .where(c.submission_version_id.in_(version_ids))
        .order_by(c.id)
    )
    found: dict[int, list[Problem]] = defaultdict(list)
    for row in db.execute(query):
        found[row.submission_version_id] += _problems(row)
    return dict(found)


# ------------------------------------------------------------------ parts of it
def _problems(row: Any) -> Iterable[Problem]:
    if row.list_id is None:
        return [ENTITY_UNKNOWN_LIST(list=row.list_name)]
    outcome = Outcome(Decision(row.decision), row.version)
    found = [merge.problem(EntityChange(**row.change), outcome)]
    if row.deleted_at is not None and row.received_at > row.deleted_at:
        found.append(ENTITY_DELETED(list=row.list_name))
    return [one for one in found if one is not None]


def _told(rows: Iterable[Any], decided: Mapping[int, set[str]]) -> Iterable[Told]:
    before: dict[str, str] = {}
    for row in rows:
        kinds = decided.get(row.submission_version_id, set())
        now = {**row.data, LABEL: row.label}
        names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        yield Told(
            number=row.version,
            label=row.label,
            data=row.data,
            differs={name: (before.get(name), now.get(name)) for name in names},
            base=row.base_version,
            conflict=row.conflict,
            resolved=RESOLVE in kinds,
            forced=FORCE in kinds,
            instance_id=row.instance_id,
            form=row.form,
            actor=row.actor,
            created_at=row.created_at,
        )
        before = now


def _decided(db: Connection, list_name: str, uuid: str) -> dict[int, set[str]]:
    c = entity_decisions.c
    query = sa.select(c.submission_version_id, c.kind)
    found: dict[int, set[str]] = defaultdict(set)
    for version_id, kind in db.execute(query.where(c.list_name == list_name, c.uuid == uuid)):
        found[version_id].add(kind)
    return found


def _entity(db: Connection, list_name: str, uuid: str) -> Any:
    query = sa.select(entities).where(
        entities.c.list_id == _list_id(db, list_name), entities.c.uuid == uuid
    )
    row = db.execute(query).one_or_none()
    if row is None:
        raise Refused(NOT_FOUND())
    return row


def _list_id(db: Connection, list_name: str) -> int:
    found = db.scalar(sa.select(entity_lists.c.id).where(_is_list(list_name)))
    if found is None:
        raise Refused(NOT_FOUND())
    return cast(int, found)


def _is_list(name: Any) -> sa.ColumnElement[bool]:
    return sa.and_(entity_lists.c.name == name, entity_lists.c.project_id == PROJECT_ID)
