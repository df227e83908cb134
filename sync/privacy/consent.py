"""Consent, each for one purpose: what was said when, in which words it was asked; taken back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.erasing import keep_only
from forms.problems import NOT_FOUND, Refused
from sync import audit, made_files, process
from sync.access import Caller
from sync.database import among, lock_derived
from sync.privacy import filing, stripped, traces
from sync.privacy.traces import Person
from sync.tables import (
    app_users,
    records,
    spells,
    submission_versions,
    users,
)
from sync.timeline import read_fact

if TYPE_CHECKING:
    from forms.library import Library
    from forms.privacy import Consents, Purpose


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of one purpose. version: of the form, whose words were read aloud; how, by and
    paper as the form tells them; recorder: whose phone or page it was."""

    fact: str
    value: str
    day: date | None
    form: str
    version: str
    how: str
    by: str
    paper: str
    recorder: str | None
    received_at: datetime


def history(db: Connection, library: Library, person: Person) -> list[Said]:
    """Everything that was said of consent, the newest first."""
    consents, rule = library.privacy.consents, library.lists.get(person.list_name)
    if consents is None or rule is None:
        return []
    purposes = [one.fact for one in consents.purposes]
    facts = [one for one in rule.facts if one.name in purposes and one.form]
    r, v = records.c, submission_versions.c
    query = (
        sa.select(r.form, r.answers, r.happened_on, v.version, v.received_at)
        .add_columns(sa.func.coalesce(app_users.c.name, users.c.name).label("recorder"))
        .join(submission_versions, v.id == r.submission_version_id)
        .outerjoin(app_users, app_users.c.id == v.app_user_id)
        .outerjoin(users, users.c.id == v.user_id)
        .where(r.subject_id.in_(person.uuids), r.table_path == "")
        .where(r.form.in_({one.form for one in facts}))
        .order_by(r.happened_on.desc(), v.id.desc())
    )
    return [
        Said(
            fact.name,
            value,
            row.happened_on,
            row.form,
            row.version,
            **{name: row.answers.get(column, "") for name, column in consents.told.items()},
            recorder=row.recorder,
            received_at=row.received_at,
        )
        for row in db.execute(query)
        for fact in facts
        if fact.form == row.form and (value := read_fact(fact, row.answers))
    ]


def standing(db: Connection, library: Library, person: Person, day: date) -> dict[str, str]:
    """Fact -> what holds on the day, of the purposes that anything was said of."""
    consents, c = library.privacy.consents, spells.c
    names = [one.fact for one in consents.purposes] if consents else []
    query = sa.select(c.name, c.value).where(
        *(c.list_name == person.list_name, c.uuid == person.key.uuid, c.name.in_(names)),
        *(c.valid_from <= day, sa.or_(c.valid_to.is_(None), c.valid_to > day)),
    )
    return {row.name: row.value for row in db.execute(query)}


def withdraw(
    db: Connection, library: Library, uuid: str, fact: str, caller: Caller, now: datetime
) -> int:
    """Take one consent back, as of today, with effect on every list and page at once; how many
    submissions that were filled in under it are erased with it.

    Refused(NOT_FOUND) without such a person or purpose.
    """
    lock_derived(db)
    consents = library.privacy.consents
    purpose = consents.purpose(fact) if consents else None
    if consents is None or purpose is None:
        raise Refused(NOT_FOUND())
    person = traces.find(db, library, uuid)
    _file(db, library, consents, person, purpose.answers, caller, now, vietnam_day(now))
    filled_in = traces.filled_in(db, library, person.uuids, purpose.covers)
    covered = versions_of(db, filled_in)
    erase_whole(db, library, covered, now)
    made_files.forget_people(db, person.everything)
    subject = f"entity:{person.key.list_name}/{person.key.uuid}"
    audit.record(db, caller.actor, "consent.withdraw", subject, now, purpose=fact)
    return len(covered)


def withdraw_all(
    db: Connection, library: Library, person: Person, caller: Caller, now: datetime, day: date
) -> None:
    """Take back, as of that day, each consent that is given; what was filled in under it stays.
    Nothing of who has died or left: that would be another end."""
    consents = library.privacy.consents
    if _has_ended(db, library, person, day):
        return
    answers: dict[str, str] = {}
    for purpose in given(library, standing(db, library, person, day)):
        answers |= purpose.answers
    if consents is not None and answers:
        _file(db, library, consents, person, answers, caller, now, day)


def _has_ended(db: Connection, library: Library, person: Person, day: date) -> bool:
    c, rule = spells.c, library.lists.get(person.list_name)
    ends = [*rule.over.items(), *rule.away.items()] if rule else []
    either = sa.or_(*(sa.and_(c.name == name, c.value.in_(values)) for name, values in ends))
    query = sa.select(c.id).where(
        *(c.list_name == person.list_name, c.uuid == person.key.uuid, either),
        *(c.valid_from <= day, sa.or_(c.valid_to.is_(None), c.valid_to > day)),
    )
    return bool(ends) and db.execute(query.limit(1)).first() is not None


def given(library: Library, standing: Mapping[str, str]) -> list[Purpose]:
    """The purposes for which consent holds: where not that is said which taking it back says."""
    consents = library.privacy.consents
    return [
        one
        for one in (consents.purposes if consents else ())
        if standing.get(one.fact, "") not in ("", *one.answers.values())
    ]


def erase_whole(
    db: Connection, library: Library, version_ids: Collection[int], now: datetime
) -> None:
    """Let nothing stay of these submission versions but that they came."""
    v = submission_versions.c
    mine = sa.select(v.submission_id).where(among(db, v.id, version_ids))
    stripped.forget_comments(db, set(db.scalars(mine)))
    query = sa.select(v.id, v.xml).where(v.id.in_(version_ids), v.erased_at.is_(None))
    left = {row.id: keep_only(bytes(row.xml), ()) for row in db.execute(query).all()}
    stripped.keep(db, left, left, now)
    process.store(db, library, process.prepare(db, library, list(left), now), now)


def versions_of(db: Connection, submission_ids: Collection[int]) -> list[int]:
    """Every version of these, old ones too."""
    v = submission_versions.c
    return list(db.scalars(sa.select(v.id).where(among(db, v.submission_id, submission_ids))))


def _file(
    db: Connection,
    library: Library,
    consents: Consents,
    person: Person,
    answers: Mapping[str, str],
    caller: Caller,
    now: datetime,
    day: date,
) -> None:
    told = {**answers, **consents.answers, consents.day: day.isoformat()}
    filing.file(db, library, consents, person, told, caller, now)
