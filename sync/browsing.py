"""What was sent, as people look through it: sifted lines of one form, and one submission in words.

Who may see what is decided in `reading`; here nothing is added to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import to_text
from forms.difference import Filled, answers
from forms.odata_filter import Comparison, FieldName, Literal
from forms.periods import Period
from forms.problems import Problem, read_stored
from forms.schema import Field
from sync import access, flags, reading, words
from sync.access import Caller, Reading
from sync.accounts import PROJECT_ID
from sync.attachments import how_many_missing
from sync.clubs import clubs_named
from sync.database import among
from sync.export import shower
from sync.reading import FormView, Sender, Submission, Wanted
from sync.tables import entities, entity_lists, forms, records, submission_versions, submissions
from sync.versions import is_flagged

if TYPE_CHECKING:
    from forms.library import Library

RECEIVED = "received"  # a review state of its own here: nobody has judged it
NEEDS = ("held", "files", "flagged")  # out of figures; files missing; something to look at
LENGTH_OF_UUID = 36
# Flags about days and persons; others may tell of answers that are withheld.
PLAIN_FLAGS = flags.NEEDS_PERSON | flags.KEEPS_OUT


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which lines: of whose day, of which club (uuid), judged how, in need of what, sent by whom.

    Of deleted ones only `state` and `sender` are known.
    """

    period: Period | None = None
    club: str | None = None
    state: str | None = None
    needs: str | None = None
    sender: int | None = None
    deleted: bool = False


class Named(NamedTuple):
    """An entity by its label; `is_person`: it is of a club, and no club itself."""

    list_name: str
    uuid: str
    label: str
    is_person: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A submission without its answers. `missing`: files; `is_read`: the worker has been there;
    `counted_with`: the number of the submission that it tells the same event as.
    """

    number: int
    instance_id: str
    received_at: datetime
    sender: Sender | None
    review_state: str | None
    deleted_at: datetime | None
    versions: int
    missing: int
    day: date | None
    club: str  # name and code; "" = of none
    subject: Named | None
    is_read: bool
    is_held: bool
    counted_with: int | None
    problems: tuple[Problem, ...]


# ------------------------------------------------------------------ forms
@dataclass(frozen=True, slots=True)
class FormLine:
    """A form somebody reads. `held`: how many of its records wait for a person, out of figures."""

    xml_form_id: str
    title: str
    state: str
    held: int


def forms_of(db: Connection, library: Library, caller: Caller, day: date) -> list[FormLine]:
    """The forms that the caller reads, by title."""
    f, r = forms.c, records.c
    # Counted here: to group them SQLite would read all records, form by form.
    held = sa.select(r.form, r.subject_id).where(r.held_back, words.is_whole(records))
    clubs = access.clubs_in_scope(db, library, caller, day)
    if clubs is not None:
        held = held.where(among(db, r.club_id, sorted(clubs)))
    rows = db.execute(held).all()
    locked = {form: access.locked_in(db, library, [form]) for form in {row.form for row in rows}}
    waiting = Counter(row.form for row in rows if row.subject_id not in locked[row.form])
    query = sa.select(f.xml_form_id, f.title, f.state).where(f.project_id == PROJECT_ID)
    return [
        FormLine(*row, held=waiting.get(row.xml_form_id, 0))
        for row in db.execute(query.order_by(f.title, f.xml_form_id))
        if access.reads(library, caller, row.xml_form_id)
    ]


# ------------------------------------------------------------------ lines
def page(db: Connection, form: FormView, sieve: Sieve, after: int | None, limit: int) -> list[Line]:
    """The newest first, from the one after `after` (its number) on."""
    sender = None
    if sieve.sender is not None:
        sender = Comparison("eq", FieldName("__system/submitterId"), Literal(sieve.sender))
    also = tuple(_also(db, form, sieve))
    wanted = Wanted(sender, after=after, limit=limit, deleted=sieve.deleted, also=also)
    return lines(db, form, list(reading.page(db, form, wanted)))


def _also(db: Connection, form: FormView, sieve: Sieve) -> Iterator[sa.ColumnElement[bool]]:
    s = submissions.c
    if sieve.state is not None:
        yield s.review_state == (None if sieve.state == RECEIVED else sieve.state)
    if sieve.deleted:
        return
    if sieve.needs == "files":
        yield how_many_missing() > 0
    if sieve.needs == "flagged" and form.reading.is_whole:
        yield is_flagged(db)
    of_record = list(_of_record(form.reading, sieve))
    if of_record:  # found by the records' indices, where each submission would be looked at
        r = records.c
        mine = sa.select(r.submission_id).where(r.form == form.xml_form_id, words.is_whole(records))
        yield s.id.in_(mine.where(*of_record))


def _of_record(reading: Reading, sieve: Sieve) -> Iterator[sa.ColumnElement[bool]]:
    r = records.c
    if sieve.club is not None:
        yield r.club_id == sieve.club
    elif reading.clubs is not None:
        yield r.club_id.in_(sorted(reading.clubs))
    if sieve.period is not None:
        yield r.happened_on.between(sieve.period.first, sieve.period.last)
    if sieve.needs == "held":
        yield r.held_back


def lines(db: Connection, form: FormView, found: Sequence[Submission]) -> list[Line]:
    """What there is to say of these, in their order."""
    read = _records(db, [one.current.id for one in found])
    clubs = clubs_named(db, {row.club_id for row in read.values() if row.club_id})
    subjects = named(db, form.reading, {row.subject_id for row in read.values() if row.subject_id})
    arrived = _at_arrival(db, [one.current.id for one in found])
    return [
        Line(
            number=one.id,
            instance_id=one.instance_id,
            received_at=one.created_at,
            sender=one.first.sender,
            review_state=one.review_state,
            deleted_at=one.deleted_at,
            versions=one.edits + 1,
            missing=one.attachments_expected - one.attachments_present,
            day=row.happened_on if row else None,
            club=_club_name(clubs.get(row.club_id)) if row else "",
            subject=subjects.get(row.subject_id) if row else None,
            is_read=row is not None,
            is_held=bool(row and row.held_back),
            counted_with=row.counted_with if row else None,
            problems=_told(form, arrived[one.current.id], row.problems if row else ()),
        )
        for one in found
        for row in (read.get(one.current.id),)
    ]


def _records(db: Connection, version_ids: Sequence[int]) -> dict[int, sa.Row[Any]]:
    r, other = records.c, records.alias().c
    same = sa.select(other.submission_id).where(other.id == r.counted_with).scalar_subquery()
    query = sa.select(r.submission_version_id, r.happened_on, r.club_id, r.subject_id).where(
        r.submission_version_id.in_(version_ids), r.table_path == ""
    )
    rows = db.execute(query.add_columns(r.problems, r.held_back, same.label("counted_with")))
    return {row.submission_version_id: row for row in rows}


def _at_arrival(db: Connection, version_ids: Sequence[int]) -> dict[int, Any]:
    v = submission_versions.c
    rows = db.execute(sa.select(v.id, v.problems).where(v.id.in_(version_ids)))
    return {row.id: row.problems for row in rows}


def _club_name(club: tuple[str, str] | None) -> str:
    return "" if club is None else f"{club[1]} ({club[0]})"


def _told(
    form: FormView, arrived: Iterable[Mapping[str, Any]], read: Iterable[Mapping[str, Any]]
) -> tuple[Problem, ...]:
    """Each flag once, as far as the reader may know; those of the arrival tell of no answer."""
    whole = form.reading.is_whole
    shown = [*arrived, *(one for one in read if whole or one["code"] in PLAIN_FLAGS)]
    problems = (read_stored(one) for one in shown)
    return tuple({str(one): one for one in problems if one is not None}.values())


def named(db: Connection, reading: Reading, uuids: Collection[str]) -> dict[str, Named]:
    """Whom the reader may see of these entities, by uuid."""
    e, name = entities.c, entity_lists.c.name
    query = sa.select(name, e.uuid, e.label, sa.func.coalesce(e.club_id != e.uuid, sa.true()))
    query = query.join(entity_lists, entity_lists.c.id == e.list_id)
    query = query.where(among(db, e.uuid, sorted(uuids)), ~e.restricted)
    if reading.clubs is not None:
        query = query.where(e.club_id.in_(sorted(reading.clubs)))
    return {row[1]: Named(row[0], row[1], row[2], bool(row[3])) for row in db.execute(query)}


# ------------------------------------------------------------------ one, in words
@dataclass(frozen=True, slots=True)
class Words:
    """How answers are shown: choices and entities by their labels, days as people write them."""

    names: Mapping[str, Named]
    language: str = "vi"

    def show(self, field: Field | None, text: str) -> str:
        if text in self.names:  # also where it was computed, not chosen
            return self.names[text].label
        if field is None:
            return text
        labels = {uuid: one.label for uuid, one in self.names.items()}
        cell = shower((field,), labels, codes=False, language=self.language)(text)
        return cell if isinstance(cell, str) else to_text(cell)

    @property
    def people(self) -> list[tuple[str, str]]:
        """(list, uuid) of whom the words name."""
        return [(one.list_name, one.uuid) for one in self.names.values() if one.is_person]


def words_for(db: Connection, form: FormView, *versions: Filled, language: str = "vi") -> Words:
    """The words for the answers of these versions that may be seen; in "vi" or "en"."""
    said = (a.text for one in versions for a in answers(one, without=form.reading.without))
    uuids = {word.removeprefix("uuid:") for text in said for word in text.split()}
    named_there = {one for one in uuids if len(one) == LENGTH_OF_UUID}
    return Words(named(db, form.reading, named_there), language)
