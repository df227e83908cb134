"""The chain as it is kept: read with what phones confirmed, and one step more, taken once.

A step is prepared in a transaction that reads, for figures and snapshots take seconds, and then
taken in one that writes: there the report's row is locked and all is decided again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.periods import CALENDAR, Period
from forms.problems import NOT_ALLOWED, Refused
from forms.report_problems import REPORT_MOVED, REPORT_NO_PLACE, REPORT_NOT_YOURS
from sync import access, aggregate, audit, rollup, words
from sync import tables as t
from sync.access import Caller
from sync.clubs import plain_name
from sync.database import insert_once
from sync.places import UnitPath
from sync.reports import snapshots
from sync.reports.chain import Chain, ChainPlace, Standing, Step, Wish, refusal
from sync.reports.data import PlaceKey, figures_sha256
from sync.reports.freeze import freeze
from sync.reports.gather import clubs_of, is_of_confirming
from sync.reports.snapshots import Snapshot

if TYPE_CHECKING:
    from forms.library import Library

UP = ("commune", "district", "city")  # a club's units, from below
VERBS = {"send": "reports.send", "reopen": "reports.send", "report": "reports.pass_on"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A step that might be taken. sha256: of its figures. number: of the last step seen."""

    wish: Wish
    sha256: str = ""
    number: int = 0
    snapshot: Snapshot | None = None


# ------------------------------------------------------------------ reading
def read_chain(db: Connection, library: Library, period: Period) -> Chain:
    """All places that should report, and all that was done so far."""
    places = {one.id: one for one in _places(db, library, period)}
    steps = (*_steps(db, period), *_by_form(db, library, period))
    return Chain(period, places, steps)


def find_place(chain: Chain, code: str, *, is_club: bool) -> PlaceKey:
    """The chain's club or unit with this code on D. Refused(REPORT_NO_PLACE)."""
    for place in chain.places.values():
        if place.code == code and (place.level == "club") == is_club:
            return place.id
    raise Refused(REPORT_NO_PLACE(code=code[:40], period=chain.period.code))


def _places(db: Connection, library: Library, period: Period) -> Iterator[ChainPlace]:
    units: dict[PlaceKey, ChainPlace] = {}
    for club in clubs_of(db, library, period):
        if club.is_active:
            path = list(_path(club.path))
            units |= {place.id: place for place in path}
            parent = path[0].id if path else None
            code = club.data.get("club_code", "")
            yield ChainPlace("club", club.uuid, code, plain_name(club.label), parent)
    yield from units.values()


def _path(path: UnitPath) -> Iterator[ChainPlace]:
    """A club's units from below; where the commune is undecided, it stands under the next above."""
    there = [unit for level in UP if (unit := getattr(path, level)) is not None]
    for unit, above in zip(there, [*there[1:], None], strict=True):
        parent = (above.level, str(above.id)) if above else None
        yield ChainPlace(unit.level, str(unit.id), unit.code, unit.full_name, parent)


def _steps(db: Connection, period: Period) -> Iterator[Step]:
    """What people did on a page or at the console."""
    s = t.report_steps.c
    query = sa.select(t.report_steps).join(t.reports, t.reports.c.id == s.report_id)
    for row in db.execute(query.where(snapshots.is_of(period)).order_by(s.number)):
        yield Step(
            level=row.level,
            place=row.place,
            act=row.act,
            at=row.at,
            day=vietnam_day(row.at),
            actor=row.actor,
            sha256=row.sha256,
            comment=row.comment,
            number=row.number,
        )


def _by_form(db: Connection, library: Library, period: Period) -> Iterator[Step]:
    """What chairs said on their phones. An edited form speaks twice: when it came, and as edited;
    both times as it reads now.
    """
    confirming = library.report.confirming
    if confirming is None:
        return
    r, s, v = t.records.c, t.submissions.c, t.submission_versions.c
    agrees = words.answers_fit(t.records, confirming.where)
    query = (
        sa.select(r.club_id, r.happened_on, s.created_at, v.received_at)
        .add_columns(v.app_user_id, v.user_id, agrees.label("agrees"))
        .join(t.submissions, s.id == r.submission_id)
        .join(t.submission_versions, v.id == r.submission_version_id)
        .where(
            r.form == confirming.form,
            r.table_path == "",
            ~r.held_back,  # the same words said again count: after a sending back they mean it anew
            words.answer(t.records, confirming.period) == period.code,
        )
    )
    for row in db.execute(query):
        for at in dict.fromkeys((row.created_at, row.received_at)):
            yield Step(
                level="club",
                place=row.club_id or "",
                act="confirm",
                at=at,
                day=row.happened_on or vietnam_day(at),
                actor=_sender(row),
                by_form=True,
                agrees=bool(row.agrees),
            )


def _sender(row: Any) -> str:
    return f"user:{row.user_id}" if row.user_id else f"app_user:{row.app_user_id}"


# ------------------------------------------------------------------ taking
def prepare(
    db: Connection, library: Library, caller: Caller, period: Period, wish: Wish, now: datetime
) -> Prepared:
    """What the step is about, counted now. Refused with the sentence that says why not."""
    chain = read_chain(db, library, period)
    _check(db, library, caller, chain, wish, vietnam_day(now))
    if wish.act == "send":
        sent = Step("", "", "send", now, vietnam_day(now), caller.actor, number=chain.number + 1)
        chain_sent = replace(chain, steps=(*chain.steps, sent))
        snapshot = freeze(db, library, chain_sent, now)
        return Prepared(wish, snapshot.sha256, chain.number, snapshot)
    if wish.act != "confirm" or wish.place is None:
        return Prepared(wish, number=chain.number)
    level, key = wish.place
    figures = rollup.roll_up(db, library, period, level)
    indicators = library.figures.indicators.values()
    without = {one.id for one in indicators if is_of_confirming(library, one)}
    return Prepared(wish, figures_sha256(figures, key, without), chain.number)


def take(
    db: Connection,
    library: Library,
    caller: Caller,
    period: Period,
    prepared: Prepared,
    now: datetime,
) -> Standing:
    """Take the step; where the report stands then. Refused when another was quicker."""
    report_id = _lock(db, period, now)
    chain = read_chain(db, library, period)
    wish = prepared.wish
    _check(db, library, caller, chain, wish, vietnam_day(now))
    if prepared.snapshot is not None and chain.number != prepared.number:
        raise Refused(REPORT_MOVED())  # the snapshot tells a chain that is no longer so
    level, place = wish.place or ("", "")
    step = Step(
        level=level,
        place=place,
        act=wish.act,
        at=now,
        day=vietnam_day(now),
        actor=caller.actor,
        sha256=prepared.sha256,
        comment=wish.comment.strip(),
        number=chain.number + 1,
    )
    if not _insert(db, report_id, step):
        raise Refused(REPORT_MOVED())
    if prepared.snapshot is not None:
        snapshots.keep(db, report_id, prepared.snapshot)
    if wish.act == "confirm" and level == "club" and period.calendar == CALENDAR:
        aggregate.mark(db, {(period.code, place)})  # whether it was in time is a figure itself
    subject = f"report:{period.code} {period.calendar}"
    about = {"level": level, "place": place} if place else {}
    audit.record(db, caller.actor, f"report.{wish.act}", subject, now, **about)
    return replace(chain, steps=(*chain.steps, step)).standing()


def _lock(db: Connection, period: Period, now: datetime) -> int:
    """The report's row, made where there is none, held until this transaction ends."""
    insert_once(
        db,
        t.reports,
        {
            "period": period.code,
            "calendar": period.calendar,
            "first_on": period.first,
            "last_on": period.last,
            "created_at": now,
        },
    )
    query = sa.select(t.reports.c.id).where(snapshots.is_of(period)).with_for_update()
    return int(db.execute(query).scalar_one())


def _insert(db: Connection, report_id: int, step: Step) -> bool:
    values = {
        name: getattr(step, name)
        for name in ("number", "level", "place", "act", "at", "actor", "sha256", "comment")
    }
    return insert_once(db, t.report_steps, {"report_id": report_id, **values}) is not None


def _check(
    db: Connection, library: Library, caller: Caller, chain: Chain, wish: Wish, today: date
) -> None:
    """Who may not is told so before anything about the report. Refused(…)."""
    if wish.place is not None:
        _check_speaker(db, library, caller, chain, wish, today)
    elif not access.may(library, caller, VERBS[wish.act]):
        raise Refused(NOT_ALLOWED())
    problem = refusal(chain.standing(), wish, chain.period.code, chain.period.last, today)
    if problem is not None:
        raise Refused(problem)


def _check_speaker(
    db: Connection, library: Library, caller: Caller, chain: Chain, wish: Wish, today: date
) -> None:
    """A place confirms for itself; it is sent back by the one right above."""
    assert wish.place is not None
    place = chain.places.get(wish.place)
    if place is None:
        raise Refused(REPORT_NO_PLACE(code=wish.place[1], period=chain.period.code))
    speaker = place if wish.act == "confirm" or place.parent is None else chain.places[place.parent]
    if not access.speaks_for(db, library, caller, speaker.id, chain.period.last, today):
        raise Refused(REPORT_NOT_YOURS(place=speaker.name))
