"""Erase a person for good: what names her goes, what only counts stays, and the proof says which.

Whatever phones send about her later is stripped before it is read (`stripped.py`), so erasing is:
write down that she is erased, and read all that there is of her once more.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.erasing import ERASED, pattern, without_names
from forms.problems import ALREADY_ERASED, Refused
from sync import audit, entities, made_files, process
from sync.access import Caller
from sync.blobs import Blobs
from sync.database import insert_once, lock_derived
from sync.entities import Key
from sync.matching import work as matching
from sync.merge import LABEL
from sync.privacy import consent, loose_texts, stripped, traces
from sync.privacy.traces import Found, Person
from sync.tables import (
    attachments,
    doomed_blobs,
    duplicate_dismissals,
    entity_lists,
    entity_versions,
    erased_entities,
    erasures,
    form_attachments,
    forms,
    report_versions,
    sealed_submissions,
    submission_comments,
    submission_versions,
    submissions,
)
from sync.tables import entities as entity_rows

if TYPE_CHECKING:
    from forms.library import Library

Proof = dict[str, Any]
# What became of a submission version that named her.
WHOLE, PART, SAME = "erased whole", "erased in part", "names an id only"
BATCH = 500


def erase(
    db: Connection,
    library: Library,
    uuid: str,
    *,
    caller: Caller,
    why: str,
    now: datetime,
    looked: Found | None = None,
    day: date | None = None,
) -> tuple[int, Proof]:
    """Erase whoever this entry is, for good; the number of the erasure and its proof. Who is still
    on the list takes all consent back with it, from today on, or from that day.

    looked: what a look at everything found a moment ago, without the write lock for which phones
    wait. why: what it is done upon, "request 12". Afterwards `ledger.after_erasing` takes the
    bytes of her files away, once this is kept. Refused(NOT_FOUND), or (ALREADY_ERASED).
    """
    lock_derived(db)
    actor, person = caller.actor, traces.find(db, library, uuid)
    names = pattern(person.names)
    why = names.sub(ERASED, why) if names else why
    consent.withdraw_all(db, library, person, caller, now, day or vietnam_day(now))
    found = _look(db, person, looked)
    number = _write_down(db, person.keys | person.theirs, person.uuids, actor, now)
    before = _hashes(db, found.by_id)
    proof = _begin_proof(db, person.keys, caller, why, now) | {
        "theirs": _told(person.theirs),
        "files": _count_files(db, found.by_id),
        "rows": _rewrite_rows(db, library, person),
        "left": _left(
            len(found.by_name), found.unread, loose_texts.in_sent_reports(db, person.names)
        ),
    }
    _take_names_out(db, library, person, found.by_id, now)
    about = _read_again(db, library, found.by_id, now)
    whole = stripped.forget_comments(db, about)
    proof["rows"][submission_comments.name] = proof["rows"].get(submission_comments.name, 0) + whole
    _take_off_lists(db, library, person, now)
    proof["rows"]["made_files"] = made_files.forget_people(db, person.everything)
    proof["submissions"] = [*_what_became(db, library, before)]
    proof["counted"] = dict(Counter(one["became"] for one in proof["submissions"]))
    _keep_proof(db, number, proof, caller, now)
    return number, proof


def write_down_only(
    db: Connection, keys: Collection[Key], caller: Caller, why: str, now: datetime
) -> None:
    """Say that these are erased, of whom nothing is here: what still comes of them is stripped."""
    number = _write_down(db, keys, (), caller.actor, now)
    _keep_proof(db, number, _begin_proof(db, keys, caller, why, now), caller, now)


def _keep_proof(db: Connection, number: int, proof: Proof, caller: Caller, now: datetime) -> None:
    db.execute(erasures.update().where(erasures.c.id == number).values(proof=proof))
    audit.record(db, caller.actor, "person.erase", f"erasure:{number}", now, why=proof["why"])


def delete_doomed(db: Connection, blobs: Blobs) -> int:
    """Delete the bytes that erased people sent where nothing names them any more; how many.

    For after the transaction that doomed them: what is deleted does not come back with a rollback.
    """
    d, deleted = doomed_blobs.c, 0
    for sha256 in db.scalars(sa.select(d.sha256).order_by(d.sha256)).all():
        if not _is_named(db, sha256):
            blobs.delete(sha256)
            deleted += 1
        db.execute(doomed_blobs.delete().where(d.sha256 == sha256))
    return deleted


def _is_named(db: Connection, sha256: str) -> bool:
    tables = (attachments.c, form_attachments.c)
    named = [sa.exists().where(c.sha256 == sha256) for c in tables]
    return bool(db.scalar(sa.select(sa.or_(*named))))


# ------------------------------------------------------------------ steps
def _look(db: Connection, person: Person, looked: Found | None) -> Found:
    """All that names her. What another wrote while it was looked, under a lower number, is filed
    under her by now, or is stripped when it is read."""
    if looked is None or looked.person != person:
        return traces.look_everywhere(db, person)
    later = traces.look_everywhere(db, person, looked.last)
    return looked | later | replace(later, by_id=frozenset(traces.filed(db, person)), unread=0)


def _write_down(
    db: Connection, keys: Collection[Key], new: Collection[str], actor: str, now: datetime
) -> int:
    """The number of the erasure. Refused(ALREADY_ERASED) where one of the `new` is erased."""
    made = erasures.insert().returning(erasures.c.id)
    number: int = db.execute(made, {"at": now, "actor": actor, "proof": {}}).scalar_one()
    for list_name, uuid in sorted(keys):
        row = {"list_name": list_name, "uuid": uuid, "erasure_id": number}
        if insert_once(db, erased_entities, row) is None and uuid in new:
            raise Refused(ALREADY_ERASED())
    return number


def _take_names_out(
    db: Connection, library: Library, person: Person, version_ids: Collection[int], now: datetime
) -> None:
    """Of what is about others and names her: her name, and nothing of theirs."""
    v, s = submission_versions.c, sealed_submissions.c
    for part in _parts(version_ids):
        query = sa.select(v.id, v.xml, s.xml.label("opened")).outerjoin(
            sealed_submissions, s.submission_version_id == v.id
        )
        for row in db.execute(query.where(v.id.in_(part))).all():
            xml = bytes(row.opened or row.xml)
            left = without_names(xml, person.names)
            if left == xml:
                continue
            if row.opened is None:
                stripped.rewrite(db, {row.id: left}, now)
            else:
                opened = sealed_submissions.update().where(s.submission_version_id == row.id)
                db.execute(opened.values(xml=left))


def _read_again(
    db: Connection, library: Library, version_ids: Collection[int], now: datetime
) -> set[int]:
    """Strip what is about her, and let follow what follows; the submissions that it was."""
    about: set[int] = set()
    for part in _parts(version_ids):
        prepared = process.prepare(db, library, part, now)
        process.store(db, library, prepared, now)
        about |= {one.submission_id for one in prepared if one.left is not None}
    return about


def _take_off_lists(db: Connection, library: Library, person: Person, now: datetime) -> None:
    deleted = dict.fromkeys(person.keys, now)
    applied = entities.refold(db, library, person.keys | person.theirs, deleted)
    process.follow_entities(db, library, applied, now)
    matching.match(db, library, person.list_name, person.uuids, now)


def _rewrite_rows(db: Connection, library: Library, person: Person) -> dict[str, int]:
    """What is kept beside submissions; how many rows of each."""
    c, d = entity_versions.c, duplicate_dismissals.c
    found, rows = pattern(person.names), 0
    for key in sorted(person.keys | person.theirs):
        rule = library.lists.get(key.list_name)
        stays = {LABEL, rule.club if rule and rule.club else LABEL}
        if key in person.theirs:
            stays |= {*rule.properties} if rule else set()
        query = (
            sa.select(c.id, c.label, c.data, c.said)
            .join(entity_rows, entity_rows.c.id == c.entity_id)
            .join(entity_lists, entity_lists.c.id == entity_rows.c.list_id)
            .where(entity_lists.c.name == key.list_name, entity_rows.c.uuid == key.uuid)
            .where(c.submission_version_id.is_(None))
        )
        for row in db.execute(query).all():
            values = _nameless(row, stays, found)
            db.execute(entity_versions.update().where(c.id == row.id).values(**values))
            rows += 1
    either = sa.or_(d.one.in_(person.uuids), d.other.in_(person.uuids))
    mine = sa.and_(d.list_name == person.list_name, either)
    dismissed = db.execute(duplicate_dismissals.delete().where(mine)).rowcount
    done = loose_texts.take_names_out(db, person)
    return {entity_versions.name: rows, duplicate_dismissals.name: dismissed, **done}


def _nameless(row: Any, stays: Collection[str], names: re.Pattern[str] | None) -> dict[str, Any]:
    """A version that a person made: without what tells who somebody is."""

    def of(said: Mapping[str, str]) -> dict[str, str]:
        left = {name: text for name, text in said.items() if name in stays}
        return {
            name: ERASED if name == LABEL else names.sub(ERASED, text) if names else text
            for name, text in left.items()
        }

    said = None if row.said is None else of(row.said)
    return {"label": ERASED, "data": of(row.data), "said": said}


# ------------------------------------------------------------------ the proof
def _begin_proof(
    db: Connection, keys: Collection[Key], caller: Caller, why: str, now: datetime
) -> Proof:
    """Of somebody of whom nothing was found."""
    return {
        "at": now.isoformat(),
        "actor": caller.actor,
        "why": why,
        "entries": _told(keys),
        "theirs": [],
        "files": 0,
        "rows": {},
        "left": _left(0, 0, 0),
        "frozen_reports": _frozen(db),
        "submissions": [],
        "counted": {},
    }


def _told(keys: Collection[Key]) -> list[str]:
    return [f"{key.list_name} {key.uuid}" for key in sorted(keys)]


def _hashes(db: Connection, version_ids: Collection[int]) -> dict[int, str]:
    """Of the bytes as they stand: submission version -> SHA-256."""
    v = submission_versions.c
    found: dict[int, str] = {}
    for part in _parts(version_ids):
        for row in db.execute(sa.select(v.id, v.xml).where(v.id.in_(part))):
            found[row.id] = hashlib.sha256(bytes(row.xml)).hexdigest()
    return found


def _what_became(
    db: Connection, library: Library, before: Mapping[int, str]
) -> Iterator[dict[str, str]]:
    """Of each submission version that named her: the hash of its bytes, before and after."""
    v, s = submission_versions.c, submissions.c
    for part in _parts(before):
        query = (
            sa.select(v.id, v.instance_id, v.xml, s.deleted_at, forms.c.xml_form_id)
            .join(submissions, s.id == v.submission_id)
            .join(forms, forms.c.id == v.form_id)
        )
        for row in db.execute(query.where(v.id.in_(part)).order_by(v.id)).all():
            after = hashlib.sha256(bytes(row.xml)).hexdigest()
            whole = row.deleted_at and stripped.goes_whole(library, row.xml_form_id)
            yield {
                "form": row.xml_form_id,
                "instance": row.instance_id,
                "became": SAME if after == before[row.id] else WHOLE if whole else PART,
                "before": before[row.id],
                "after": after,
            }


def _count_files(db: Connection, version_ids: Collection[int]) -> int:
    a = attachments.c
    count = sa.select(sa.func.count())
    parts = (count.where(a.submission_version_id.in_(part)) for part in _parts(version_ids))
    return sum(int(db.execute(part).scalar_one()) for part in parts)


def _left(same_name: int, encrypted: int, sent: int) -> dict[str, int]:
    """What a person has to look at: nobody can tell whether it is about her."""
    told = {"same name in other texts": same_name, "encrypted": encrypted}
    return told | {"same name in sent reports": sent}


def _frozen(db: Connection) -> list[str]:
    """The hashes of all reports that were sent: none of them is touched."""
    c = report_versions.c
    return list(db.scalars(sa.select(c.sha256).order_by(c.id)))


def _parts(ids: Collection[int]) -> Iterator[list[int]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]
