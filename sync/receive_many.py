"""Keep what many phones sent at once, in one transaction: as `receive` would one after the other.

The plain ones together: a new submission that edits none, or the same bytes once more. They share
a handful of statements, where `receive` needs eight for each. Whatever is less plain goes there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.instance import one_id
from forms.problems import Problem, Refused
from sync import queue
from sync.accounts import DRAFTS_ID
from sync.database import insert_many_once
from sync.receive import (
    PROCESS,
    Arrival,
    Outcome,
    Received,
    arrival_row,
    file_order,
    file_row,
    flag_files,
    problems_of,
    receive,
    still_wanted,
    version_row,
)
from sync.tables import (
    attachments,
    form_versions,
    forms,
    received,
    sealed_submissions,
    submission_versions,
    submissions,
)


@dataclass(slots=True)
class _Plain:
    """An arrival on the plain way. Without a `version_id` at the end it was not plain after all."""

    arrival: Arrival
    form: Any
    sha256: str
    problems: tuple[Problem, ...]
    submission_id: int = 0  # of one that begins with this arrival
    version_id: int = 0
    outcome: Outcome = Outcome.RESENT
    is_erased: bool = False  # the version known from before

    @property
    def key(self) -> tuple[int, str]:
        """What makes a submission one: the form's id and the instanceID."""
        return self.form.id, self.arrival.instance.instance_id


def receive_many(
    db: Connection, arrivals: Sequence[Arrival], now: datetime
) -> list[Received | Refused]:
    """What became of each, in order. One that is Refused writes nothing and disturbs no other."""
    plain = _find_plain(db, arrivals) if arrivals else []
    _keep_plain(db, [one for one in plain if one is not None], now)
    return [
        _receive_alone(db, arrival, now)
        if one is None or not one.version_id
        else Received(one.outcome, one.version_id, one.problems, one.form.title)
        for arrival, one in zip(arrivals, plain, strict=True)
    ]


def _receive_alone(db: Connection, arrival: Arrival, now: datetime) -> Received | Refused:
    try:
        return receive(db, arrival, now)
    except Refused as refused:
        return refused


def _find_plain(db: Connection, arrivals: Sequence[Arrival]) -> list[_Plain | None]:
    """For each arrival how it may go the plain way, None where its order among the others counts:
    an edit, an id that another one here names too, or one that may be known in another spelling.
    """
    named = Counter(name for arrival in arrivals for name in _names(arrival))
    known = _read_forms(db, arrivals)
    found: list[_Plain | None] = []
    for arrival in arrivals:
        instance, form = arrival.instance, known.get(_form_key(arrival))
        alone = instance.deprecated_id is None and named[instance.instance_id] == 1
        if not alone or form is None or arrival.only_form_id not in (None, form.id):
            found.append(None)
            continue
        sha256 = hashlib.sha256(arrival.xml).hexdigest()
        found.append(_Plain(arrival, form, sha256, problems_of(form, arrival)))
    return found


def _names(arrival: Arrival) -> set[str]:
    instance = arrival.instance
    ids = (instance.instance_id, instance.deprecated_id)
    return {one_id(name) for name in ids if name is not None}


def _form_key(arrival: Arrival) -> tuple[int, str, str]:
    instance = arrival.instance
    return arrival.project_id, instance.xml_form_id, instance.version


_forms_query = (
    sa.select(
        forms.c.project_id,
        forms.c.xml_form_id,
        form_versions.c.version,
        forms.c.id,
        forms.c.title,
        forms.c.state,
        forms.c.current_version_id,
        form_versions.c.id.label("version_id"),
    )
    .join(form_versions, form_versions.c.form_id == forms.c.id)
    .where(
        forms.c.xml_form_id.in_(sa.bindparam("names", expanding=True)),
        form_versions.c.version.in_(sa.bindparam("versions", expanding=True)),
    )
)


def _read_forms(db: Connection, arrivals: Sequence[Arrival]) -> dict[tuple[int, str, str], Any]:
    """(project, form, version) → the form, where we have that version."""
    if not arrivals:
        return {}
    keys = {_form_key(arrival) for arrival in arrivals}
    asked = {
        "names": sorted({key[1] for key in keys}),
        "versions": sorted({key[2] for key in keys}),
    }
    return {tuple(row[:3]): row for row in db.execute(_forms_query, asked)}


def _keep_plain(db: Connection, plain: Sequence[_Plain], now: datetime) -> None:
    new = _begin(db, plain, now)
    _find_resent(db, [one for one in plain if not one.submission_id])
    _keep_new(db, new, now)
    kept = [one for one in plain if one.version_id]
    _note_files(db, kept, now)
    if kept:
        rows = [arrival_row(o.arrival, o.outcome, o.version_id, o.sha256, now) for o in kept]
        db.execute(_note_arrivals, rows)


_note_arrivals = received.insert().returning(received.c.id)  # with it, many rows are one statement


def _begin(db: Connection, plain: Sequence[_Plain], now: datetime) -> list[_Plain]:
    """Those that begin a submission: the unique index says so. In its order, against deadlocks."""
    rows = [{"form_id": o.key[0], "instance_id": o.key[1], "created_at": now} for o in plain]
    rows.sort(key=lambda row: (row["form_id"], row["instance_id"]))
    s = submissions.c
    begun = insert_many_once(db, submissions, rows, (s.id, s.form_id, s.instance_id))
    ids = {(row.form_id, row.instance_id): row.id for row in begun}
    for one in plain:
        one.submission_id = ids.get(one.key, 0)
    return [one for one in plain if one.submission_id]


def _keep_new(db: Connection, new: Sequence[_Plain], now: datetime) -> None:
    """Their bytes, which of them counts, and the work that this makes; in order of arrival."""
    if not new:
        return
    rows = [version_row(o.arrival, o.form, o.submission_id, o.sha256, o.problems, now) for o in new]
    ids = {row.submission_id: row.id for row in db.execute(_insert_versions, rows)}
    for one in new:
        one.version_id, one.outcome = ids[one.submission_id], Outcome.NEW
    db.execute(_count_first, {"ids": [one.submission_id for one in new]})
    sealed = [{"submission_version_id": o.version_id} for o in new if o.arrival.instance.encrypted]
    insert_many_once(db, sealed_submissions, sealed)
    meant = [one.version_id for one in new if one.arrival.project_id != DRAFTS_ID]
    queue.add_many(db, PROCESS, meant, now=now)


_v = submission_versions.c
_insert_versions = submission_versions.insert().returning(_v.id, _v.submission_id)
_count_first = (
    submissions.update()
    .where(submissions.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(
        current_version_id=sa.select(_v.id)
        .where(_v.submission_id == submissions.c.id)
        .scalar_subquery()
    )
)
_versions_of_bytes = sa.select(_v.id, _v.form_id, _v.instance_id, _v.sha256, _v.erased_at).where(
    # Not one list of triples: SQLite would read all versions there are.
    _v.form_id.in_(sa.bindparam("forms", expanding=True)),
    _v.instance_id.in_(sa.bindparam("instances", expanding=True)),
    _v.sha256.in_(sa.bindparam("hashes", expanding=True)),
)


def _find_resent(db: Connection, known: Sequence[_Plain]) -> None:
    """Which version has these very bytes. With other bytes it is not plain."""
    if not known:
        return
    asked = {
        "forms": sorted({one.form.id for one in known}),
        "instances": [one.arrival.instance.instance_id for one in known],
        "hashes": [one.sha256 for one in known],
    }
    found = db.execute(_versions_of_bytes, asked)
    rows = {(row.form_id, row.instance_id, row.sha256): row for row in found}
    for one in known:
        row = rows.get((*one.key, one.sha256))
        if row is not None:
            one.version_id, one.is_erased = row.id, row.erased_at is not None


def _note_files(db: Connection, kept: Iterable[_Plain], now: datetime) -> None:
    """As `keep_files` does for one: a resent one that brings a file is MORE."""
    files = [
        (one, file)
        for one in kept
        for file in still_wanted(db, one.arrival.files, one.is_erased, now)
    ]
    rows = [file_row(one.version_id, file, now) for one, file in files]
    added = insert_many_once(
        db, attachments, sorted(rows, key=file_order), (attachments.c.submission_version_id,)
    )
    more = {row.submission_version_id for row in added}
    for one, _ in files:
        if one.outcome is Outcome.RESENT and one.version_id in more:
            one.outcome = Outcome.MORE
            flag_files(db, one.version_id, one.arrival.problems)
