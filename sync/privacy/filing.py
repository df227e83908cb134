"""What an office says of a person, kept as the form by which a phone would say so.

It is read at once: facts, lists and figures follow as from any form; its history is that of forms.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.filling import fill_in
from forms.instance import read_instance
from forms.problems import NOT_FOUND, Refused
from forms.schema import FormSchema
from sync import process, receive
from sync.access import Caller
from sync.accounts import PROJECT_ID
from sync.privacy import stripped
from sync.privacy.traces import Person
from sync.receive import Arrival
from sync.tables import entities, entity_lists, form_versions, forms, spells
from sync.timeline import CLUB

if TYPE_CHECKING:
    from forms.library import Library


class Way(Protocol):
    """By which form something is said, and its columns for whom and of which club."""

    @property
    def form(self) -> str: ...
    @property
    def person(self) -> str: ...
    @property
    def club(self) -> str: ...


def file(
    db: Connection,
    library: Library,
    way: Way,
    person: Person,
    answers: Mapping[str, str],
    caller: Caller,
    now: datetime,
    label: str | None = None,
) -> int:
    """Keep the form; the submission version that it is. label: what she is called from now on.

    Refused(NOT_FOUND) where the form is not published, (ALREADY_ERASED): nothing of it would stay.
    """
    stripped.require_here(db, person.uuids)
    schema, entity = form_of(db, way.form), _entity(db, person)
    told = {**answers, way.person: person.key.uuid, way.club: _club(db, person) or entity.club_id}
    said = {column: text for column, text in told.items() if text}
    update = (*person.key, entity.version)
    xml = fill_in(schema, said, f"uuid:{uuids.uuid4()}", update, label)
    user_id = caller.id if caller.kind == "user" else None
    arrival = Arrival(PROJECT_ID, read_instance(xml), xml, user_id=user_id)
    version_id = receive.receive(db, arrival, now).submission_version_id
    process.store(db, library, process.prepare(db, library, [version_id], now), now)
    return version_id


def form_of(db: Connection, xml_form_id: str) -> FormSchema:
    """The published version of a form. Refused(NOT_FOUND)."""
    f, v = forms.c, form_versions.c
    query = sa.select(v.id, v.md5).join(forms, f.current_version_id == v.id)
    row = db.execute(
        query.where(f.xml_form_id == xml_form_id, f.project_id == PROJECT_ID)
    ).one_or_none()
    if row is None:
        raise Refused(NOT_FOUND())
    return process.read_schemas(db, {row.id: row.md5})[row.id]


def _entity(db: Connection, person: Person) -> Any:
    e = entities.c
    query = sa.select(e.version, e.club_id).join(entity_lists, entity_lists.c.id == e.list_id)
    mine = sa.and_(entity_lists.c.name == person.list_name, e.uuid == person.key.uuid)
    return db.execute(query.where(mine)).one()


def _club(db: Connection, person: Person) -> str | None:
    c = spells.c
    query = sa.select(c.value).where(c.uuid == person.key.uuid, c.name == CLUB)
    return db.scalar(query.order_by(c.valid_from.desc()).limit(1))
