"""What was sent, read by who may: submissions of one form, newest first, page by page.

    open_form (who, which form, which answers) | page, count, find, versions

Pages are cut by key, not by counting rows: what arrives meanwhile moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from forms.days import vietnam_day
from forms.instance import Instance, read_instance
from forms.odata_filter import Condition, Order, fields_in
from forms.problems import BAD_SKIPTOKEN, NOT_FOUND, NOT_WHOLE, UNKNOWN_FORM, Refused
from forms.schema import FormSchema
from forms.tree import Node, files_in, form_tree
from forms.xml import Element
from sync import access
from sync.access import PEOPLE_FROM, Caller, Reading, actor_number
from sync.accounts import PROJECT_ID
from sync.attachments import SEALED
from sync.conditions import Fields, Known, order_by, to_sql
from sync.database import among
from sync.definitions import FormFigures, State, figures_of
from sync.process import read_schemas
from sync.tables import (
    app_users,
    attachments,
    expected_attachments,
    form_versions,
    forms,
    received,
    records,
    sealed_submissions,
    submission_comments,
    submission_versions,
    submissions,
    users,
)

if TYPE_CHECKING:
    from forms.library import Library

AT_A_TIME = 200


@dataclass(frozen=True)
class FormView:
    """A form as one reader has it: its versions, the current one first, and what may be seen."""

    id: int
    xml_form_id: str
    reading: Reading
    schemas: tuple[FormSchema, ...]

    @cached_property
    def tree(self) -> Node:
        """The questions of the current version."""
        return form_tree(self.schemas, self.reading.without)

    def all_versions(self) -> Node:
        """The questions of every version ever published."""
        return form_tree(self.schemas, self.reading.without, deleted=True)

    def may_give(self, document: Element | None, name: str) -> bool:
        """Whether the file of this name may be had: of who may not see every answer, only one
        that an answer of `document` names which may be seen."""
        return self.reading.is_whole or name in files_in(self.all_versions(), document)

    def require_whole(self) -> None:
        """Refused(NOT_WHOLE) for who may not see every answer."""
        if not self.reading.is_whole:
            raise Refused(NOT_WHOLE())


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent something."""

    id: int
    kind: str  # app_user | user
    name: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a submission, without its answers."""

    id: int
    instance_id: str
    instance_name: str | None
    form_version: str
    received_at: datetime
    device_id: str | None
    user_agent: str | None
    sender: Sender | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission. `first` is where it came from, `current` is what counts.

    instance: the answers of the current version; None while they are encrypted, or were not asked.
    """

    id: int
    instance_id: str
    created_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    review_state: str | None
    edits: int
    attachments_expected: int
    attachments_present: int
    first: Version
    current: Version
    is_sealed: bool
    instance: Instance | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which submissions, in which order. after: the id of the last one of the page before."""

    condition: Condition | None = None
    order: tuple[Order, ...] = ()
    after: int | None = None
    limit: int | None = None
    offset: int = 0
    deleted: bool = False  # the bin instead of what is there
    also: tuple[sa.ColumnElement[bool], ...] = ()  # over `submissions`


# ------------------------------------------------------------------ the form
def open_form(
    db: Connection, library: Library, caller: Caller, xml_form_id: str, now: datetime
) -> FormView:
    """Refused(UNKNOWN_FORM or NOT_ALLOWED)."""
    return view_form(
        db, xml_form_id, access.reading(db, library, caller, xml_form_id, vietnam_day(now))
    )


def view_form(
    db: Connection, xml_form_id: str, reading: Reading, project_id: int = PROJECT_ID
) -> FormView:
    """The form with these rights, decided elsewhere. Refused(UNKNOWN_FORM)."""
    f, v = forms.c, form_versions.c
    query = (
        sa.select(f.id, v.id.label("version_id"), v.md5)
        .join(form_versions, v.form_id == f.id)
        .where(f.xml_form_id == xml_form_id, f.project_id == project_id)
        .order_by((v.id == f.current_version_id).desc(), v.id.desc())
    )
    rows = db.execute(query).all()
    if not rows:
        raise Refused(UNKNOWN_FORM(form=xml_form_id[:80]))
    known = read_schemas(db, {row.version_id: row.md5 for row in rows})
    schemas = tuple(known[row.version_id] for row in rows)
    return FormView(rows[0].id, xml_form_id, reading, schemas)


# ------------------------------------------------------------------ submissions
def page(
    db: Connection, form: FormView, wanted: Wanted, *, answers: bool = False
) -> Iterator[Submission]:
    """The submissions asked for; read while they are used, a few at a time."""
    query = _submissions(db, form, wanted, answers)
    if wanted.after is not None:
        query = query.where(submissions.c.id < wanted.after)
    if wanted.limit is not None and not (wanted.order or wanted.offset or wanted.condition):
        query = query.where(among(db, submissions.c.id, _newest(db, form, wanted)))
    query = query.order_by(*order_by(wanted.order, FIELDS), submissions.c.id.desc())
    query = query.limit(wanted.limit) if wanted.limit is not None else query
    if wanted.offset:  # SQLite knows no OFFSET without a LIMIT
        query = query.limit(wanted.limit if wanted.limit is not None else 2**31 - 1)
        query = query.offset(wanted.offset)
    with db.execute(query.execution_options(yield_per=AT_A_TIME)) as rows:
        for row in rows:
            yield _submission(form, row, answers)


def _newest(db: Connection, form: FormView, wanted: Wanted) -> Sequence[int]:
    """Their numbers. Else what is said of each would be looked up to show the newest few, by both
    databases also where all is one statement.
    """
    c = submissions.c
    # SQLite would rather walk through all of the form than begin with the few in `also`.
    of_form = sa.func.coalesce(c.form_id, 0) if wanted.also else c.form_id
    query = sa.select(c.id).where(of_form == form.id, _in_scope(form.reading))
    query = query.where(*_conditions(db, wanted))
    if wanted.after is not None:
        query = query.where(c.id < wanted.after)
    return db.scalars(query.order_by(c.id.desc()).limit(wanted.limit)).all()


def count(db: Connection, form: FormView, wanted: Wanted) -> int:
    """How many there are on all pages."""
    query = _from(sa.select(sa.func.count()), form).where(*_conditions(db, wanted))
    return int(db.execute(query).scalar_one())


def figures(db: Connection, form: FormView) -> FormFigures:
    """How much was sent, as far as it may be seen."""
    s = submissions.c
    query = sa.select(s.review_state, sa.func.count(), sa.func.max(s.created_at)).where(
        s.form_id == form.id, s.deleted_at.is_(None), _in_scope(form.reading)
    )
    return figures_of(State(*row) for row in db.execute(query.group_by(s.review_state)))


def find(
    db: Connection,
    form: FormView,
    instance_id: str,
    *,
    answers: bool = False,
    deleted: bool = False,
) -> Submission:
    """One submission by the instanceID of its first version. Refused(NOT_FOUND)."""
    query = _submissions(db, form, Wanted(deleted=deleted), answers)
    row = db.execute(query.where(submissions.c.instance_id == instance_id)).one_or_none()
    if row is None:
        raise Refused(NOT_FOUND())
    return _submission(form, row, answers)


def find_by_version(db: Connection, form: FormView, version_id: int) -> Submission:
    """The submission one of whose versions this is; also a deleted one."""
    v = submission_versions.c
    owner = sa.select(v.submission_id).where(v.id == version_id).scalar_subquery()
    query = _from(sa.select(*_columns(answers=True)), form)
    row = db.execute(query.where(submissions.c.id == owner)).one()
    return _submission(form, row, True)


def find_by_number(
    db: Connection, form: FormView, submission_id: int, *, answers: bool = False
) -> Submission:
    """One submission by its number here; also a deleted one. Refused(NOT_FOUND)."""
    query = _from(sa.select(*_columns(answers)), form).where(submissions.c.id == submission_id)
    row = db.execute(query).one_or_none()
    if row is None:
        raise Refused(NOT_FOUND())
    return _submission(form, row, answers)


def id_after(db: Connection, form: FormView, instance_id: str) -> int:
    """The key of a page's last submission, also of one deleted since. Refused(BAD_SKIPTOKEN)."""
    c = submissions.c
    mine = sa.or_(_in_scope(form.reading), c.deleted_at.is_not(None))  # filed under no club then
    query = sa.select(c.id).where(c.form_id == form.id, c.instance_id == instance_id, mine)
    found = db.execute(query).scalar()
    if found is None:
        raise Refused(BAD_SKIPTOKEN())
    return int(found)


def versions(db: Connection, form: FormView, submission: Submission) -> list[Version]:
    """Every version of a submission, the newest first."""
    v = _current
    query = _versions_from(sa.select(*_version_columns(v, "current"), v.c.xml.label("xml")), v)
    rows = db.execute(query.where(v.c.submission_id == submission.id).order_by(v.c.id.desc()))
    return [_version(row, "current", submission.current.id, _name(form, row.xml)) for row in rows]


def xml_of(db: Connection, form: FormView, version_id: int) -> bytes:
    """The exact bytes of a version. Refused(NOT_WHOLE) for who may not see every answer."""
    form.require_whole()
    query = sa.select(submission_versions.c.xml).where(submission_versions.c.id == version_id)
    return bytes(db.execute(query).scalar_one())


def senders(db: Connection, form: FormView) -> list[Sender]:
    """Whoever sent one of the submissions that may be seen, by number."""
    query = _from(sa.select(*_sender_columns(_first, "first")), form).distinct()
    query = query.where(submissions.c.deleted_at.is_(None))
    found = [_sender(row, "first") for row in db.execute(query)]
    known = {one.id: one for one in found if one is not None}
    return [known[number] for number in sorted(known)]


# ------------------------------------------------------------------ columns
_first, _current = submission_versions.alias("first"), submission_versions.alias("current")
_people = {
    name: (app_users.alias(f"{name}_phone"), users.alias(f"{name}_person"))
    for name in ("first", "current")
}
_number_of_instances = (
    sa.select(sa.func.count(submission_versions.c.instance_id.distinct()))
    .where(submission_versions.c.submission_id == submissions.c.id)
    .scalar_subquery()
)

FIELDS: Fields = {
    "__id": Known(submissions.c.instance_id, "text"),
    "__system/submissionDate": Known(submissions.c.created_at, "time"),
    "__system/updatedAt": Known(
        sa.case((_first.c.id != _current.c.id, _current.c.received_at)), "time"
    ),
    "__system/deletedAt": Known(submissions.c.deleted_at, "time"),
    "__system/submitterId": Known(
        sa.func.coalesce(_first.c.app_user_id, _first.c.user_id + PEOPLE_FROM), "number"
    ),
    "__system/reviewState": Known(submissions.c.review_state, "text"),
}


def _submissions(db: Connection, form: FormView, wanted: Wanted, answers: bool) -> sa.Select[Any]:
    return _from(sa.select(*_columns(answers)), form).where(*_conditions(db, wanted))


def _columns(answers: bool) -> list[sa.ColumnElement[Any]]:
    s = submissions.c
    bytes_too = [_current.c.xml.label("xml"), sealed_submissions.c.xml.label("opened")]
    return [
        *(s.id, s.instance_id, s.created_at, s.deleted_at, s.review_state),
        (_number_of_instances - 1).label("edits"),
        _expected().label("expected"),
        _expected(here=True).label("present"),
        *_version_columns(_first, "first"),
        *_version_columns(_current, "current"),
        sealed_submissions.c.id.label("sealed_id"),
        *(bytes_too if answers else ()),
    ]


def _from(query: sa.Select[Any], form: FormView) -> sa.Select[Any]:
    """From submissions with their first and current version, those that may be seen."""
    s = submissions.c
    earliest = sa.select(sa.func.min(submission_versions.c.id)).where(
        submission_versions.c.submission_id == s.id
    )
    source = submissions.join(_current, _current.c.id == s.current_version_id).join(
        _first, _first.c.id == earliest.scalar_subquery()
    )
    for name, version in (("first", _first), ("current", _current)):
        phone, person = _people[name]
        source = source.outerjoin(phone, phone.c.id == version.c.app_user_id)
        source = source.outerjoin(person, person.c.id == version.c.user_id)
    source = source.outerjoin(
        sealed_submissions, sealed_submissions.c.submission_version_id == _current.c.id
    )
    return query.select_from(source).where(s.form_id == form.id, _in_scope(form.reading))


def _conditions(db: Connection, wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    """A condition that speaks of deleted ones has the bin in view too."""
    deleted_at, condition = submissions.c.deleted_at, wanted.condition
    asked = condition is not None and "__system/deletedAt" in set(fields_in(condition))
    if not asked:
        yield deleted_at.is_not(None) if wanted.deleted else deleted_at.is_(None)
    if condition is not None:
        yield to_sql(db, condition, FIELDS)
    yield from wanted.also


def _in_scope(reading: Reading) -> sa.ColumnElement[bool]:
    """A submission is of the club its record is filed under; of no club yet, it is nobody's.

    A deleted one has no record: it is of the club it was deleted from, and about whom it was then.
    One about somebody who is locked is nobody's.
    """
    if not reading.locked:
        return _in_clubs(reading)
    r, c, s, locked = records.c, submission_comments.c, submissions.c, sorted(reading.locked)
    about = sa.select(r.id).where(
        r.submission_version_id == s.current_version_id,
        r.table_path == "",
        r.subject_id.in_(locked),
    )
    was_about = sa.select(c.id).where(c.submission_id == s.id, c.subject_id.in_(locked))
    gone = sa.and_(s.deleted_at.is_not(None), was_about.exists())
    return sa.and_(_in_clubs(reading), ~about.exists(), ~gone)


def _in_clubs(reading: Reading) -> sa.ColumnElement[bool]:
    if reading.clubs is None:
        return sa.true()
    r, c, s = records.c, submission_comments.c, submissions.c
    clubs = sorted(reading.clubs)
    mine = sa.select(r.id).where(
        r.submission_version_id == s.current_version_id,
        r.table_path == "",
        r.club_id.in_(clubs),
    )
    was_mine = sa.select(c.id).where(c.submission_id == s.id, c.club_id.in_(clubs))
    return sa.or_(mine.exists(), sa.and_(s.deleted_at.is_not(None), was_mine.exists()))


def _expected(*, here: bool = False) -> sa.ScalarSelect[int]:
    """How many files the current version names; with `here`, those that came with any version."""
    e, other = expected_attachments.c, submission_versions.alias()
    query = sa.select(sa.func.count()).where(
        e.submission_version_id == submissions.c.current_version_id
    )
    if here:
        came = (
            sa.select(attachments.c.id)
            .join(other, other.c.id == attachments.c.submission_version_id)
            .where(other.c.submission_id == submissions.c.id, _is_it(e.name))
        )
        query = query.where(came.exists())
    return query.scalar_subquery()


def _is_it(name: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.or_(attachments.c.name == name, attachments.c.name == name + SEALED)


def _versions_from(query: sa.Select[Any], version: Any) -> sa.Select[Any]:
    phone, person = _people["current"]
    source = version.outerjoin(phone, phone.c.id == version.c.app_user_id)
    return query.select_from(source.outerjoin(person, person.c.id == version.c.user_id))


def _version_columns(version: Any, name: str) -> list[sa.ColumnElement[Any]]:
    agent = (
        sa.select(received.c.user_agent)
        .where(received.c.submission_version_id == version.c.id)
        .order_by(received.c.id)
        .limit(1)
        .scalar_subquery()
    )
    mine = [version.c[n] for n in ("id", "instance_id", "version", "received_at", "device_id")]
    return [
        *(column.label(f"{name}_{column.name}") for column in mine),
        agent.label(f"{name}_user_agent"),
        *_sender_columns(version, name),
    ]


def _sender_columns(version: Any, name: str) -> list[sa.ColumnElement[Any]]:
    phone, person = _people[name]
    return [
        version.c.app_user_id.label(f"{name}_phone_id"),
        version.c.user_id.label(f"{name}_person_id"),
        sa.func.coalesce(phone.c.name, person.c.name).label(f"{name}_name"),
        phone.c.created_at.label(f"{name}_phone_since"),
        person.c.created_at.label(f"{name}_person_since"),
        phone.c.revoked_at.label(f"{name}_phone_until"),
        person.c.disabled_at.label(f"{name}_person_until"),
    ]


# ------------------------------------------------------------------ rows
def _submission(form: FormView, row: Row[Any], answers: bool) -> Submission:
    found = row._mapping
    instance = read_instance(row.opened or row.xml) if answers else None
    is_sealed = row.sealed_id is not None
    readable = None if instance is None or instance.encrypted else instance
    name = readable.instance_name if readable and form.reading.is_whole else None
    current = _version(row, "current", found["current_id"], name)
    first = _version(row, "first", found["current_id"], name)
    return Submission(
        id=row.id,
        instance_id=row.instance_id,
        created_at=row.created_at,
        updated_at=current.received_at if current.id != first.id else None,
        deleted_at=row.deleted_at,
        review_state=row.review_state,
        edits=row.edits,
        attachments_expected=row.expected,
        attachments_present=row.present,
        first=first,
        current=current,
        is_sealed=is_sealed and readable is None,
        instance=readable,
    )


def _version(row: Row[Any], name: str, current_id: int, instance_name: str | None) -> Version:
    found = row._mapping
    return Version(
        id=found[f"{name}_id"],
        instance_id=found[f"{name}_instance_id"],
        instance_name=instance_name,
        form_version=found[f"{name}_version"],
        received_at=found[f"{name}_received_at"],
        device_id=found[f"{name}_device_id"],
        user_agent=found[f"{name}_user_agent"],
        sender=_sender(row, name),
        is_current=found[f"{name}_id"] == current_id,
    )


def _sender(row: Row[Any], name: str) -> Sender | None:
    found = row._mapping
    for kind, word in (("app_user", "phone"), ("user", "person")):
        number = found[f"{name}_{word}_id"]
        if number is not None:
            since, until = found[f"{name}_{word}_since"], found[f"{name}_{word}_until"]
            return Sender(actor_number(kind, number), kind, found[f"{name}_name"], since, until)
    return None


def _name(form: FormView, xml: bytes) -> str | None:
    """An instance's name is made of answers: not for who may not see them all."""
    return read_instance(xml).instance_name if form.reading.is_whole else None
