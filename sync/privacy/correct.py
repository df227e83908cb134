"""What an entry says of a person, corrected upon her request: told by a form, so all follows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.corrections import Correctable, Corrections, join_answers
from forms.days import vietnam_day
from forms.entity_pages import Says
from forms.problems import CORRECT_ANSWER, CORRECT_DAY, CORRECT_NOTHING, NOT_FOUND, Refused
from forms.schema import Field, in_language
from forms.text import tidy
from sync import access, audit
from sync.access import Caller
from sync.catalogue import AFTER_NAME
from sync.database import lock_derived
from sync.privacy import filing
from sync.privacy.identity import NEEDS_OPEN_REQUEST
from sync.privacy.traces import Person
from sync.tables import entities, entity_lists, records

if TYPE_CHECKING:
    from forms.library import Library


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer to be corrected: the question, what is kept now, and what may be chosen. is_birth:
    a day, or only a month or year."""

    column: str
    title: Says
    now: Says
    choices: tuple[tuple[str, Says], ...]
    is_birth: bool


def questions(
    db: Connection, library: Library, person: Person, without: Collection[str] = ()
) -> list[Asked]:
    """What may be corrected by who sees all answers but those to `without`. Refused(NOT_FOUND)."""
    corrections = _corrections(library)
    asked, known = _fields(db, corrections), _known(db, library, corrections, person)
    return [
        _asked(asked[one.column], one, known)
        for one in corrections.fields
        if one.column in asked and one.column not in without
    ]


def correct(
    db: Connection,
    library: Library,
    person: Person,
    given: Mapping[str, str],
    *,
    day: date,
    reason: str,
    without: Collection[str] = (),
    caller: Caller,
    now: datetime,
) -> None:
    """Let these answers, by column, hold from the day on; what was wrong from the beginning, from
    then on. Blank ones and those `without` stay as they are.

    Refused(CORRECT_NOTHING), (CORRECT_ANSWER) with the question, (CORRECT_DAY), (NOT_FOUND).
    """
    lock_derived(db)
    corrections = _corrections(library)
    said = _said(db, corrections, given, without, vietnam_day(now))
    if not said or not tidy(reason):
        raise Refused(CORRECT_NOTHING())
    if day > vietnam_day(now):
        raise Refused(CORRECT_DAY())
    answers = join_answers([*said.values(), *(one.answers for one in said)])
    told = {**answers, corrections.day: day.isoformat(), corrections.reason: tidy(reason)}
    label = _label(db, library, person, said)
    filed = filing.file(db, library, corrections, person, told, caller, now, label)
    c = records.c
    held = sa.select(c.id).where(c.submission_version_id == filed, c.held_back)
    if db.execute(held).first() is not None:
        raise Refused(CORRECT_DAY())
    subject = f"entity:{person.key.list_name}/{person.key.uuid}"
    audit.record(
        db, caller.actor, "person.correct", subject, now, columns=[one.column for one in said]
    )


def withheld(db: Connection, library: Library, caller: Caller, day: date) -> frozenset[str]:
    """The questions whose answers the caller does not see; the desk, for a request, sees all."""
    if access.may(library, caller, NEEDS_OPEN_REQUEST):
        return frozenset()
    return access.reading(db, library, caller, _corrections(library).form, day).without


def _corrections(library: Library) -> Corrections:
    if library.privacy.corrections is None:
        raise Refused(NOT_FOUND())
    return library.privacy.corrections


def _fields(db: Connection, corrections: Corrections) -> dict[str, Field]:
    return {one.column: one for one in filing.form_of(db, corrections.form).columns()}


def _said(
    db: Connection,
    corrections: Corrections,
    given: Mapping[str, str],
    without: Collection[str],
    today: date,
) -> dict[Correctable, dict[str, str]]:
    """What was filled in, as answers of the form."""
    asked, found = _fields(db, corrections), {}
    for one in corrections.fields:
        text = tidy(given.get(one.column, ""))
        if not text or one.column in without:
            continue
        choices = [choice.name for choice in asked[one.column].choices or ()]
        said = one.said(text, today)
        if said is None or (choices and text not in choices):
            label = _title(asked[one.column]).vi
            raise Refused(CORRECT_ANSWER(label=label, text=text[:80]))
        found[one] = said
    return found


# ------------------------------------------------------------------ what is kept now
def _known(
    db: Connection, library: Library, corrections: Corrections, person: Person
) -> dict[str, str]:
    """The latest answer to every question about her entry, and what it says on lists."""
    r, e = records.c, entities.c
    rules = library.rules.items()
    telling = {name for name, rule in rules if rule.creates == person.list_name}
    query = sa.select(r.answers).where(
        r.subject_id.in_(person.uuids),
        r.form.in_({*telling, corrections.form}),
        r.table_path == "",
        ~r.held_back,
    )
    found: dict[str, str] = {}
    for answers in db.scalars(query.order_by(r.happened_on, r.submission_version_id)):
        found |= {column: text for column, text in answers.items() if text}
    mine = sa.select(e.label, e.data).join(entity_lists, entity_lists.c.id == e.list_id)
    mine = mine.where(entity_lists.c.name == person.list_name, e.uuid == person.key.uuid)
    row = db.execute(mine).one()
    found = {corrections.called: row.label.partition(AFTER_NAME)[0]} | found
    return found | {name: text for name, text in row.data.items() if text}


def _label(
    db: Connection,
    library: Library,
    person: Person,
    said: Mapping[Correctable, Mapping[str, str]],
) -> str | None:
    """What she is called from now on; None where nothing of it changed."""
    corrections = _corrections(library)
    changed: dict[str, str] = {}
    for one, answers in said.items():
        changed |= answers
        if one.birth is not None:
            changed[one.birth.year] = answers[one.birth.born_in]
    if not changed.keys() & set(corrections.named):
        return None
    return corrections.label_of(_known(db, library, corrections, person) | changed)


def _asked(field: Field, one: Correctable, known: Mapping[str, str]) -> Asked:
    choices = tuple((choice.name, _words(choice.labels)) for choice in field.choices or ())
    now = known.get(one.column, "")
    if one.birth is not None:
        now = one.birth.write(known)
    return Asked(
        one.column,
        _title(field),
        dict(choices).get(now, Says(now, now)),
        choices,
        one.birth is not None,
    )


def _title(field: Field) -> Says:
    return _words(field.labels) if field.labels else Says(field.name, field.name)


def _words(labels: Mapping[str, str]) -> Says:
    return Says(in_language(labels, "vi") or "", in_language(labels, "en") or "")
