"""Keep what a phone sent, once: five outcomes, one transaction, the bytes untouched.

Insert first and let the unique index judge: phones send the same thing twice at the same moment
(Collect's network layer repeats a POST within milliseconds), and a check before the insert made
twins at peers for years (incidents C2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.instance import Instance, one_id, spellings
from forms.problems import (
    DIFFERENT_CONTENT,
    EDIT_BY_ANOTHER,
    EDIT_OF_OLD,
    FILE_NOT_AS_NAMED,
    FORM_CLOSED,
    OLD_VERSION,
    UNKNOWN_FORM,
    UNKNOWN_VERSION,
    Problem,
    Refused,
)
from sync import queue
from sync.accounts import DRAFTS_ID
from sync.blobs import StoredBlob
from sync.chain import current_version, leads_to, read_chain
from sync.database import insert_once
from sync.privacy import stripped
from sync.tables import (
    attachments,
    form_versions,
    forms,
    received,
    records,
    sealed_submissions,
    submission_versions,
    submissions,
)

PROCESS = "process"  # name of the work that a new version leaves in the queue


class Outcome(StrEnum):
    """What one POST turned out to be; each is answered 201."""

    NEW = "new"
    RESENT = "resent"  # the same bytes again
    MORE = "more"  # the same bytes with further attachments
    EDITED = "edited"  # names a deprecatedID
    DIFFERENT = "different"  # the same instanceID with other bytes: both kept, flagged


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """An attachment whose bytes are already in the blobs."""

    name: str
    blob: StoredBlob
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One POST as read by the door: who sent what. `problems` are flags the door found.

    `only_form_id`: the form that a draft's or a public link's token is bound to.
    """

    project_id: int
    instance: Instance
    xml: bytes
    files: tuple[ReceivedFile, ...] = ()
    app_user_id: int | None = None
    user_id: int | None = None
    device_id: str | None = None
    user_agent: str | None = None
    problems: tuple[Problem, ...] = ()
    only_form_id: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an Arrival."""

    outcome: Outcome
    submission_version_id: int
    problems: tuple[Problem, ...]
    title: str  # of the form


def receive(db: Connection, arrival: Arrival, now: datetime) -> Received:
    """Keep one POST. Raises only Refused(UNKNOWN_FORM), for a form this server never had."""
    form = _find_form(db, arrival)
    sha256 = hashlib.sha256(arrival.xml).hexdigest()
    submission_id, begins, doubts = _submission(db, form.id, arrival, now)
    problems = (*problems_of(form, arrival), *doubts)
    is_known = not begins and _is_known(db, form.id, arrival.instance)
    outcome = _outcome_of_new(arrival.instance, is_known)
    flags = (*problems, DIFFERENT_CONTENT()) if outcome is Outcome.DIFFERENT else problems
    version = version_row(arrival, form, submission_id, sha256, flags, now)
    row = insert_once(db, submission_versions, version)
    known = row or _version_of_bytes(db, version)
    version_id: int = known.id
    files = still_wanted(db, arrival.files, row is None and known.erased_at is not None, now)
    more = keep_files(db, version_id, files, now)
    if row is None:
        outcome, flags = Outcome.MORE if more else Outcome.RESENT, problems
        if more:
            flag_files(db, version_id, arrival.problems)
    else:
        if arrival.instance.encrypted:
            insert_once(db, sealed_submissions, {"submission_version_id": version_id})
        if begins:
            _change(db, submission_id, {"current_version_id": version_id})
        else:
            _take_place(db, submission_id, version_id, arrival.instance)
        if arrival.project_id != DRAFTS_ID:  # what was sent to try a form out means nothing
            queue.add(db, PROCESS, version_id, now=now)
    db.execute(received.insert(), arrival_row(arrival, outcome, version_id, sha256, now))
    return Received(outcome, version_id, flags, form.title)


def check_form(
    db: Connection, project_id: int, xml_form_id: str, only_form_id: int | None = None
) -> None:
    """Refused(UNKNOWN_FORM) as `receive` would: for whoever asks before files are put away."""
    c = forms.c
    query = sa.select(c.id).where(c.project_id == project_id, c.xml_form_id == xml_form_id)
    found = db.scalar(query)
    if found is None or only_form_id not in (None, found):
        raise Refused(UNKNOWN_FORM(form=xml_form_id[:80]))


def to_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Problems as they are stored: code and details; the words come from forms/problems.py."""
    return [{"code": problem.code, "details": dict(problem.details)} for problem in problems]


_form_query = (
    sa.select(
        forms.c.id,
        forms.c.title,
        forms.c.state,
        forms.c.current_version_id,
        form_versions.c.id.label("version_id"),
    )
    .select_from(
        forms.outerjoin(
            form_versions,
            (form_versions.c.form_id == forms.c.id)
            & (form_versions.c.version == sa.bindparam("version")),
        )
    )
    .where(
        forms.c.project_id == sa.bindparam("project_id"),
        forms.c.xml_form_id == sa.bindparam("xml_form_id"),
    )
)


def _find_form(db: Connection, arrival: Arrival) -> Any:
    instance = arrival.instance
    form = db.execute(
        _form_query,
        {
            "project_id": arrival.project_id,
            "xml_form_id": instance.xml_form_id,
            "version": instance.version,
        },
    ).one_or_none()
    if form is None or arrival.only_form_id not in (None, form.id):
        raise Refused(UNKNOWN_FORM(form=instance.xml_form_id[:80]))
    return form


def problems_of(form: Any, arrival: Arrival) -> tuple[Problem, ...]:
    """All flags that the form and the arrival alone tell. `form`: id, state and versions."""
    found = [*arrival.problems, *arrival.instance.problems]
    version = arrival.instance.version[:80]
    if form.version_id is None:
        found.append(UNKNOWN_VERSION(version=version))
    elif form.version_id != form.current_version_id:
        found.append(OLD_VERSION(version=version))
    if form.state in ("closed", "deleted"):
        found.append(FORM_CLOSED())
    return tuple(found)


def _submission(
    db: Connection, form_id: int, arrival: Arrival, now: datetime
) -> tuple[int, bool, tuple[Problem, ...]]:
    """The submission this instance belongs to, whether it begins one and edits none, and flags."""
    instance = arrival.instance
    root_id = instance.instance_id
    if instance.deprecated_id is not None:
        _one_edit_at_a_time(db, form_id)
        v = submission_versions.c
        replaced = db.execute(
            sa.select(v.submission_id, v.app_user_id, v.user_id)
            .where(
                submission_versions.c.form_id == form_id,
                submission_versions.c.instance_id.in_(spellings(instance.deprecated_id)),
            )
            .order_by(submission_versions.c.id)
            .limit(1)
        ).one_or_none()
        if replaced is not None:
            who = (replaced.app_user_id, replaced.user_id)
            same = who == (arrival.app_user_id, arrival.user_id)
            return replaced.submission_id, False, () if same else (EDIT_BY_ANOTHER(),)
        # Its original is still on the phone, and will join it, spelt as phones spell ids.
        root_id = one_id(instance.deprecated_id)
    elif root_id != one_id(root_id):
        _one_edit_at_a_time(db, form_id)
    row = insert_once(
        db, submissions, {"form_id": form_id, "instance_id": root_id, "created_at": now}
    )
    if row is not None:  # what is spelt in another way may have an edit that came before it
        return row.id, instance.deprecated_id is None and root_id == one_id(root_id), ()
    known = db.execute(
        sa.select(submissions.c.id).where(
            submissions.c.form_id == form_id, submissions.c.instance_id == root_id
        )
    ).scalar_one()
    return known, False, ()


def _one_edit_at_a_time(db: Connection, form_id: int) -> None:
    """Two edits of one chain at once would each miss the other, and one thing would count twice.

    Not FOR UPDATE: whoever adds a submission shares its form's key. SQLite has its own lock.
    """
    query = sa.select(forms.c.id).where(forms.c.id == form_id)
    db.execute(query.with_for_update(key_share=True))


def _is_known(db: Connection, form_id: int, instance: Instance) -> bool:
    """Whether a version of this very instance is here; not so when only its edit came before it."""
    c = submission_versions.c
    query = sa.select(c.id).where(c.form_id == form_id, c.instance_id == instance.instance_id)
    return db.execute(query.limit(1)).first() is not None


def _outcome_of_new(instance: Instance, is_known: bool) -> Outcome:
    if instance.deprecated_id is not None:
        return Outcome.EDITED
    return Outcome.DIFFERENT if is_known else Outcome.NEW


def _version_of_bytes(db: Connection, version: dict[str, Any]) -> Any:
    """Its id and erased_at."""
    c, key = submission_versions.c, ("form_id", "instance_id", "sha256")
    same = [c[name] == version[name] for name in key]
    return db.execute(sa.select(c.id, c.erased_at).where(*same)).one()


def _take_place(db: Connection, submission_id: int, version_id: int, instance: Instance) -> None:
    """Say which of the submission's versions counts, now that there is one more."""
    mine = sa.select(submissions.c.id).where(submissions.c.id == submission_id)
    db.execute(mine.with_for_update(key_share=True))  # what rivals added is seen only after this
    _gather_waiting_edits(db, submission_id, instance)
    chain = read_chain(db, submission_id)
    current = current_version(chain)
    values: dict[str, Any] = {"current_version_id": current}
    if instance.deprecated_id is not None:
        if current == version_id:
            values["review_state"] = "edited"
        elif not leads_to(chain, version_id, current):
            # What people said of the version that counts still holds.
            _flag(db, version_id, EDIT_OF_OLD())
    _change(db, submission_id, values)


def _change(db: Connection, submission_id: int, values: Mapping[str, Any]) -> None:
    db.execute(submissions.update().where(submissions.c.id == submission_id).values(**values))


def _gather_waiting_edits(db: Connection, submission_id: int, instance: Instance) -> None:
    """Edits of this very instance that came before it stand under an id of their own: join them."""
    s, names = submissions.c, spellings(instance.instance_id)
    here = sa.select(submission_versions.c.id).where(
        submission_versions.c.submission_id == s.id, submission_versions.c.instance_id.in_(names)
    )
    own = submissions.alias().c
    query = sa.select(s.id, s.review_state, s.deleted_at).where(
        s.instance_id.in_(names),
        s.id != submission_id,
        ~here.exists(),  # else it is a submission of its own, spelt in another way
        s.form_id == sa.select(own.form_id).where(own.id == submission_id).scalar_subquery(),
    )
    orphan = db.execute(query.with_for_update()).first()
    if orphan is None:
        return
    db.execute(records.delete().where(records.c.submission_id == orphan.id))
    db.execute(
        submission_versions.update()
        .where(submission_versions.c.submission_id == orphan.id)
        .values(submission_id=submission_id)
    )
    decided = {"review_state": orphan.review_state, "deleted_at": orphan.deleted_at}
    kept = {name: value for name, value in decided.items() if value is not None}
    if kept:  # what people said of the edits, the end of the chain
        _change(db, submission_id, kept)
    db.execute(submissions.delete().where(s.id == orphan.id))


def flag_files(db: Connection, version_id: int, problems: Iterable[Problem]) -> None:
    """What is odd about files that came after the XML they belong to."""
    for problem in problems:
        if problem.type is FILE_NOT_AS_NAMED:
            _flag(db, version_id, problem)


def _flag(db: Connection, version_id: int, problem: Problem) -> None:
    c = submission_versions.c
    mine = sa.select(c.problems).where(c.id == version_id)
    known = db.execute(mine.with_for_update(key_share=True)).scalar_one()
    db.execute(
        submission_versions.update()
        .where(c.id == version_id)
        .values(problems=[*known, *(one for one in to_json([problem]) if one not in known)])
    )


def still_wanted(
    db: Connection, files: tuple[ReceivedFile, ...], is_erased: bool, now: datetime
) -> tuple[ReceivedFile, ...]:
    """Files that came again with a known version: those of somebody erased since are not kept."""
    if not is_erased:
        return files
    stripped.doom(db, (one.blob.sha256 for one in files), now)
    return ()


def keep_files(
    db: Connection, version_id: int, files: Iterable[ReceivedFile], now: datetime
) -> bool:
    """Note the files, always in one order (no deadlocks); True when any was not here yet."""
    rows = sorted((file_row(version_id, file, now) for file in files), key=file_order)
    found = [insert_once(db, attachments, row) for row in rows]
    return any(row is not None for row in found)


# ------------------------------------------------------------------ rows, as receive_many too


def version_row(
    arrival: Arrival,
    form: Any,
    submission_id: int,
    sha256: str,
    problems: Iterable[Problem],
    now: datetime,
) -> dict[str, Any]:
    """Of `submission_versions`."""
    return {
        "submission_id": submission_id,
        "form_id": form.id,
        "instance_id": arrival.instance.instance_id,
        "deprecated_id": arrival.instance.deprecated_id,
        "sha256": sha256,
        "version": arrival.instance.version,
        "form_version_id": form.version_id,
        "xml": arrival.xml,
        "received_at": now,
        "device_id": arrival.device_id,
        "app_user_id": arrival.app_user_id,
        "user_id": arrival.user_id,
        "problems": to_json(problems),
    }


def file_row(version_id: int, file: ReceivedFile, now: datetime) -> dict[str, Any]:
    """Of `attachments`."""
    return {
        "submission_version_id": version_id,
        "name": file.name,
        "sha256": file.blob.sha256,
        "size": file.blob.size,
        "content_type": file.content_type,
        "received_at": now,
    }


def file_order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """By what is unique, so that two who note the same files wait for each other in one order."""
    return row["submission_version_id"], row["name"], row["sha256"]


def arrival_row(
    arrival: Arrival, outcome: Outcome, version_id: int, sha256: str, now: datetime
) -> dict[str, Any]:
    """Of `received`."""
    return {
        "received_at": now,
        "project_id": arrival.project_id,
        "app_user_id": arrival.app_user_id,
        "user_id": arrival.user_id,
        "device_id": arrival.device_id,
        "user_agent": arrival.user_agent,
        "sha256": sha256,
        "outcome": str(outcome),
        "submission_version_id": version_id,
    }
