"""What may be kept no longer: found by the library's terms, and erased when a person says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import NOT_FOUND, Refused
from sync import audit
from sync.access import Caller
from sync.database import lock_derived
from sync.privacy import consent, erase, traces
from sync.tables import (
    entities,
    entity_lists,
    erased_entities,
    spells,
)

if TYPE_CHECKING:
    from forms.library import Library
    from forms.privacy import Term

AT_ONCE = 5  # people erased in one go: every form is read for each, and SQLite has one writer


@dataclass(frozen=True, slots=True)
class Due:
    """Of one term: of how many people something is kept too long, and how many forms it is."""

    term: Term
    people: int
    forms: int


def due(db: Connection, library: Library, today: date) -> list[Due]:
    """Every term of which anything is due."""
    found = []
    for term in library.privacy.terms.values():
        uuids = _people(db, library, term, today)
        forms = len(traces.filled_in(db, library, uuids, term.forms))
        if forms or (term.person and uuids):
            found.append(Due(term, len(uuids), forms))
    return found


def carry_out(db: Connection, library: Library, term_id: str, caller: Caller, now: datetime) -> int:
    """Erase what is due by a term; how many people, or forms, it was. Of people a few at a time.

    `ledger.after_erasing` follows, once this is kept. Refused(NOT_FOUND) without such a term.
    """
    term = library.privacy.terms.get(term_id)
    if term is None:
        raise Refused(NOT_FOUND())
    lock_derived(db)
    uuids = _people(db, library, term, vietnam_day(now))
    if term.person:
        some = uuids[:AT_ONCE]
        for uuid in some:
            erase.erase(db, library, uuid, caller=caller, why=f"term {term.id}", now=now)
        return len(some)
    mine = traces.filled_in(db, library, uuids, term.forms)
    consent.erase_whole(db, library, consent.versions_of(db, mine), now)
    audit.record(db, caller.actor, "privacy.term", f"term:{term.id}", now, forms=len(mine))
    return len(mine)


def _people(db: Connection, library: Library, term: Term, today: date) -> list[str]:
    """Whom the term speaks of today, who is not erased yet."""
    c, e, person = spells.c, entities.c, library.privacy.person
    gone = sa.select(erased_entities.c.uuid)
    here = (
        sa.select(e.uuid)
        .join(entity_lists, entity_lists.c.id == e.list_id)
        .where(entity_lists.c.name == person, e.deleted_at.is_(None), e.uuid.not_in(gone))
    )
    query = sa.select(c.uuid).where(
        *(c.list_name == person, c.valid_from <= _latest(term, today), c.uuid.in_(here)),
        *(sa.or_(c.valid_to.is_(None), c.valid_to > today), _says(library, term)),
    )
    return sorted(set(db.scalars(query)))


def _says(library: Library, term: Term) -> sa.ColumnElement[bool]:
    """Which spells make the term hold."""
    c, rule = spells.c, library.lists.get(library.privacy.person)
    if term.without is not None:
        consents = library.privacy.consents
        purpose = consents.purpose(term.without) if consents else None
        said = [purpose.answers[term.without]] if purpose else []
        return sa.and_(c.name == term.without, c.value.in_(said))
    ends = [*rule.over.items(), *rule.away.items()] if rule else []
    either = [sa.and_(c.name == name, c.value.in_(values)) for name, values in ends]
    return sa.or_(sa.false(), *either)


def _latest(term: Term, today: date) -> date:
    """The last day on which it may have begun."""
    if term.ended_years is None:
        return today
    try:
        return today.replace(year=today.year - term.ended_years)
    except ValueError:  # 29 February
        return today.replace(year=today.year - term.ended_years, day=28)
