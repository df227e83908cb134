"""What people ask about their data, with a clock: from the day it came until it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import NEEDS_REQUEST, NOT_FOUND, REQUEST_CLOSED, REQUEST_DAY, Refused
from sync import audit
from sync.privacy import traces
from sync.tables import privacy_requests, privacy_steps

if TYPE_CHECKING:
    from forms.library import Library
    from forms.privacy import RequestKind
    from sync.privacy.traces import Person

OPEN, ANSWER, EXTEND, CLOSE, REFUSE = "open", "answer", "extend", "close", "refuse"
CORRECT, RESTRICT, LIFT = "correct", "restrict", "lift"
ENDS = frozenset({CLOSE, REFUSE})
LONGEST = 100  # letters of a paper's number


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done."""

    act: str
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Request:
    """answer_by: the first answer; None once it was given. done_by: with the extension."""

    id: int
    kind: RequestKind
    list_name: str
    uuid: str
    received_on: date
    paper: str
    steps: tuple[Step, ...]
    answer_by: date | None
    done_by: date

    @property
    def acts(self) -> frozenset[str]:
        return frozenset(step.act for step in self.steps)

    @property
    def is_open(self) -> bool:
        return not self.acts & ENDS

    @property
    def due_on(self) -> date:
        """What comes next of the two."""
        return min(self.answer_by, self.done_by) if self.answer_by else self.done_by

    def is_late(self, today: date) -> bool:
        return self.is_open and self.due_on < today


def ask(
    db: Connection,
    library: Library,
    kind: str,
    uuid: str,
    received_on: date,
    paper: str,
    actor: str,
    now: datetime,
) -> int:
    """Take a request down; its number. Refused(NOT_FOUND), (REQUEST_DAY) for a day to come."""
    if kind not in library.privacy.requests:
        raise Refused(NOT_FOUND())
    if received_on > vietnam_day(now):
        raise Refused(REQUEST_DAY())
    list_name, found = traces.find(db, library, uuid).key
    values = {"kind": kind, "list_name": list_name, "uuid": found, "received_on": received_on}
    made = privacy_requests.insert().returning(privacy_requests.c.id)
    number: int = db.execute(made, {**values, "paper": paper.strip()[:LONGEST]}).scalar_one()
    _step(db, number, OPEN, actor, now)
    return number


def act(
    db: Connection, library: Library, number: int, what: str, actor: str, now: datetime
) -> None:
    """Note what was done. Refused(NOT_FOUND), or (REQUEST_CLOSED) where that cannot be any more."""
    request = get(db, library, number)
    if what not in (ANSWER, EXTEND, *ENDS):
        raise Refused(NOT_FOUND())
    if not request.is_open or what in request.acts:
        raise Refused(REQUEST_CLOSED())
    _step(db, number, what, actor, now)


def did(db: Connection, number: int, what: str, actor: str, now: datetime) -> None:
    """Note what was carried out upon it, as often as that is done: CORRECT, RESTRICT, LIFT."""
    _step(db, number, what, actor, now)


def working_on(db: Connection, library: Library, number: int) -> tuple[Request, Person]:
    """The open request and its person. Refused(NEEDS_REQUEST) for one that is closed."""
    found = get(db, library, number)
    if not found.is_open:
        raise Refused(NEEDS_REQUEST())
    return found, traces.find(db, library, found.uuid)


def get(db: Connection, library: Library, number: int) -> Request:
    """Refused(NOT_FOUND)."""
    found = _read(db, library, privacy_requests.c.id == number)
    if not found:
        raise Refused(NOT_FOUND())
    return found[0]


def list_requests(db: Connection, library: Library, *, closed: bool = False) -> list[Request]:
    """Those that are open, what is due first at the top; or the closed ones, the last first."""
    ended = sa.select(privacy_steps.c.request_id).where(privacy_steps.c.act.in_(ENDS))
    is_ended = privacy_requests.c.id.in_(ended)
    found = _read(db, library, is_ended if closed else ~is_ended)
    return found[::-1] if closed else sorted(found, key=lambda one: (one.due_on, one.id))


def open_about(db: Connection, library: Library, uuid: str) -> list[Request]:
    """The open ones about a person: only while there is one, her whole file is looked at."""
    mine = _read(db, library, privacy_requests.c.uuid == uuid)
    return [one for one in mine if one.is_open]


def _step(db: Connection, number: int, what: str, actor: str, now: datetime) -> None:
    row = {"request_id": number, "act": what, "at": now, "actor": actor}
    db.execute(privacy_steps.insert(), row)
    audit.record(db, actor, f"privacy_request.{what}", f"privacy_request:{number}", now)


def _read(db: Connection, library: Library, which: sa.ColumnElement[bool]) -> list[Request]:
    r, s = privacy_requests.c, privacy_steps.c
    rows = db.execute(sa.select(privacy_requests).where(which).order_by(r.id)).all()
    steps: dict[int, list[Step]] = {row.id: [] for row in rows}
    query = sa.select(s.request_id, s.act, s.at, s.actor).where(s.request_id.in_(steps))
    for row in db.execute(query.order_by(s.id)):
        steps[row.request_id].append(Step(row.act, row.at, row.actor))
    kinds = library.privacy.requests
    return [
        _request(library, kinds[row.kind], row, tuple(steps[row.id]))
        for row in rows
        if row.kind in kinds
    ]


def _request(library: Library, kind: RequestKind, row: Any, steps: tuple[Step, ...]) -> Request:
    acts = {step.act for step in steps}
    answered = bool(acts & {ANSWER, *ENDS})
    answer_by = library.privacy.after_working_days(row.received_on, kind.answer_working_days)
    days = kind.done_days + (kind.extension_days if EXTEND in acts else 0)
    return Request(
        id=row.id,
        kind=kind,
        list_name=row.list_name,
        uuid=row.uuid,
        received_on=row.received_on,
        paper=row.paper,
        steps=steps,
        answer_by=None if answered else answer_by,
        done_by=row.received_on + timedelta(days=days),
    )
