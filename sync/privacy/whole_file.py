"""All that is kept of one person, in one value: for her, and for who works on her request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import audit
from sync.privacy import consent, traces
from sync.privacy.traces import Person
from sync.tables import (
    attachments,
    entities,
    entity_lists,
    forms,
    records,
    spells,
    submission_versions,
    submissions,
)

if TYPE_CHECKING:
    from forms.library import Library

Rows = list[dict[str, Any]]
File = Mapping[str, Rows]


def read(db: Connection, library: Library, person: Person) -> File:
    """Name of a part -> its rows: entries and what is theirs, facts in time, what was sent about
    them, its files, consent, and to whom they were shown. Health and ID numbers too: it is hers."""
    versions = traces.filed(db, person)
    return {
        "entries": [*_entries(db, person)],
        "facts": [*_facts(db, person)],
        "answers": [*_answers(db, person)],
        "files": [*_files(db, versions)],
        "consent": [asdict(one) for one in consent.history(db, library, person)],
        "seen_by": [*_seen(db, person)],
    }


def _entries(db: Connection, person: Person) -> Iterator[dict[str, Any]]:
    e = entities.c
    query = (
        sa.select(entity_lists.c.name, e.uuid, e.label, e.data, e.created_at, e.deleted_at)
        .join(entity_lists, entity_lists.c.id == e.list_id)
        .where(e.uuid.in_(sorted(person.ids)))
        .order_by(entity_lists.c.name, e.uuid)
    )
    for row in db.execute(query):
        own = {"list": row.name, "uuid": row.uuid, "label": row.label}
        yield own | {"created_at": row.created_at, "deleted_at": row.deleted_at} | row.data


def _facts(db: Connection, person: Person) -> Iterator[dict[str, Any]]:
    c = spells.c
    query = sa.select(c.list_name, c.uuid, c.name, c.value, c.valid_from, c.valid_to)
    query = query.where(c.uuid.in_(sorted(person.ids))).order_by(c.list_name, c.name, c.valid_from)
    yield from (dict(row) for row in db.execute(query).mappings())


def _answers(db: Connection, person: Person) -> Iterator[dict[str, Any]]:
    """One answer to a row, in the order in which it happened."""
    r, v = records.c, submission_versions.c
    about = sa.select(r.submission_version_id).where(r.subject_id.in_(sorted(person.ids)))
    query = (
        sa.select(r.form, r.happened_on, r.position, r.answers, v.instance_id, v.received_at)
        .join(submission_versions, v.id == r.submission_version_id)
        .where(r.submission_version_id.in_(about))
        .order_by(r.happened_on, v.id, r.id)
    )
    for row in db.execute(query):
        own = {"form": row.form, "day": row.happened_on, "received_at": row.received_at}
        where = own | {"instance": row.instance_id, "position": row.position}
        for name, text in row.answers.items():
            yield where | {"question": name, "answer": text}


def _files(db: Connection, version_ids: set[int]) -> Iterator[dict[str, Any]]:
    a, v = attachments.c, submission_versions.c
    query = (
        sa.select(forms.c.xml_form_id, submissions.c.instance_id, a.name, a.size, a.sha256)
        .join(submission_versions, v.id == a.submission_version_id)
        .join(submissions, submissions.c.id == v.submission_id)
        .join(forms, forms.c.id == v.form_id)
    )
    for row in db.execute(query.where(v.id.in_(version_ids)).order_by(a.id)):
        yield dict(zip(("form", "instance", "name", "size", "sha256"), row, strict=True))


def _seen(db: Connection, person: Person) -> Iterator[dict[str, Any]]:
    for event in audit.who_saw(db, person.list_name, person.uuids):
        own = {"at": event.at, "who": event.actor, "action": event.action}
        yield own | {"details": event.details or {}}
