"""A number that no page shows is shown to who may ask for it, of one person, with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import NEEDS_REQUEST, NO_REASON, NOT_FOUND, Refused
from sync import audit, listing
from sync.access import Caller, may
from sync.privacy import requests, traces
from sync.tables import entities, records

if TYPE_CHECKING:
    from forms.library import Library

NEEDS_OPEN_REQUEST = "privacy.manage"  # who has it sees nobody but those who have asked


def reveal(
    db: Connection, library: Library, caller: Caller, uuid: str, reason: str, now: datetime
) -> list[tuple[str, str]]:
    """(question, answer), the latest answer to each; that it was seen is written down with the why.

    Refused(NOT_FOUND) out of the caller's scope, (NO_REASON), (NEEDS_REQUEST).
    """
    person = traces.find(db, library, uuid)
    check(db, library, caller, person.key.uuid, now)
    if reason not in library.privacy.reasons:
        raise Refused(NO_REASON())
    r = records.c
    query = sa.select(r.answers).where(r.subject_id.in_(person.uuids), r.table_path == "")
    found: dict[str, str] = {}
    for answers in db.scalars(query.order_by(r.happened_on, r.submission_version_id)):
        found |= {name: answers[name] for name in library.privacy.identity if answers.get(name)}
    audit.saw(db, caller.actor, "identity.reveal", [person.key], now, reason=reason)
    return sorted(found.items())


def check(db: Connection, library: Library, caller: Caller, uuid: str, now: datetime) -> None:
    """Refused(NOT_FOUND) for whom the caller does not see, (NEEDS_REQUEST) where nobody asked."""
    if caller.kind == "operator":
        return
    if may(library, caller, NEEDS_OPEN_REQUEST):
        if not requests.open_about(db, library, uuid):
            raise Refused(NEEDS_REQUEST())
        return
    mine = listing.slice_for(db, library, caller, library.privacy.person, now)
    query = sa.select(entities.c.id).where(entities.c.uuid == uuid, mine.condition())
    if db.execute(query).first() is None:
        raise Refused(NOT_FOUND())
