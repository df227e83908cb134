"""Put into a gathered report what people did and wrote: its chain, its state, what clubs tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.periods import Period
from forms.report_rules import Label
from sync import tables as t
from sync import words
from sync.reports.chain import OPEN, Chain, Standing, Step
from sync.reports.data import (
    AnswerData,
    ClubWords,
    Narrative,
    PlaceData,
    ReportData,
    StepData,
)

if TYPE_CHECKING:
    from forms.library import Library

STATE_WORD, HANDED_IN_WORD = "report_state", "handed_in_on"  # of columns of the row per club
ENDS_IN = {"send": "sent", "report": "reported", "send_back": OPEN, "reopen": ""}
Account = tuple[str, str]  # name, role


def with_life(db: Connection, library: Library, data: ReportData, chain: Chain) -> ReportData:
    """The report with its chain, states, narratives, and who has not reported."""
    standing = chain.standing()
    clubs = {one.key: one.club_name for one in data.places if one.level == "club"}
    return replace(
        data,
        head=replace(data.head, state=standing.state, reason=standing.reason),
        words={key: _with_state(data, standing, key, words) for key, words in data.words.items()},
        chain=tuple(_told(db, data, standing, chain)),
        not_reported=tuple(key for key in clubs if key in set(standing.not_reported())),
        narratives=tuple(_narratives(db, library, chain.period, clubs)),
    )


def _with_state(data: ReportData, standing: Standing, club: str, words: ClubWords) -> ClubWords:
    """A club of which no report is expected has no state."""
    place = ("club", club)
    if place not in standing.places:
        return words
    state = data.state(standing.state_of(place)).vi
    done = standing.confirmed.get(place)
    days: Mapping[str, date] = {HANDED_IN_WORD: done.day} if done else {}
    return ClubWords({**words.texts, STATE_WORD: state}, {**words.days, **days})


# ------------------------------------------------------------------ the chain
def _told(db: Connection, data: ReportData, standing: Standing, chain: Chain) -> Iterator[StepData]:
    """What people did, and of what phones said that which holds."""
    said = [one for one in standing.confirmed.values() if one.by_form]
    steps = [*said, *(one for one in chain.steps if not one.by_form)]
    accounts = accounts_of(db, steps)
    for step in sorted(steps, key=lambda one: (one.at, one.number, one.id)):
        place = data.place(*step.id)
        name, role = accounts.get(step.actor, ("", ""))
        yield StepData(
            level=step.level,
            place=step.place,
            place_name=_name(place, standing, step),
            act=step.act,
            state=ENDS_IN.get(step.act, step.level),
            actor=step.actor,
            who=name,
            role=role,
            at=step.at,
            day=step.day,
            sha256=step.sha256,
            comment=step.comment,
            by_form=step.by_form,
        )


def _name(place: PlaceData | None, standing: Standing, step: Step) -> str:
    if place is not None:
        return place.club_name or place.name
    known = standing.places.get(step.id)
    return known.name if known else ""


def accounts_of(db: Connection, steps: Iterable[Step]) -> dict[str, Account]:
    """Name and role behind "user:3" and "app_user:7"."""
    asked: dict[str, set[int]] = {"user": set(), "app_user": set()}
    for step in steps:
        kind, _, number = step.actor.partition(":")
        if number:
            asked[kind].add(int(number))
    found: dict[str, Account] = {}
    for kind, table in (("user", t.users), ("app_user", t.app_users)):
        c = table.c
        query = sa.select(c.id, c.name, c.role).where(c.id.in_(asked[kind]))
        found |= {f"{kind}:{row.id}": (row.name, row.role) for row in db.execute(query)}
    return found


# ------------------------------------------------------------------ what clubs wrote
def _narratives(
    db: Connection, library: Library, period: Period, clubs: Mapping[str, str]
) -> Iterator[Narrative]:
    """The last form of each club, in the order of the clubs; headings without text are left out."""
    confirming = library.report.confirming
    if confirming is None:
        return
    r = t.records.c
    query = sa.select(r.club_id, r.happened_on, r.answers).where(
        r.form == confirming.form,
        r.club_id.in_(clubs),
        words.counts(t.records),
        words.answer(t.records, confirming.period) == period.code,
    )
    last = {row.club_id: row for row in db.execute(query.order_by(r.submission_id))}
    for club, name in clubs.items():
        if club in last:
            written = tuple(_answers(confirming.narrative, last[club].answers))
            yield Narrative(club, name, last[club].happened_on, written)


def _answers(headings: Iterable[Label], answers: Mapping[str, str]) -> Iterator[AnswerData]:
    for one in headings:
        text = answers.get(one.id, "").strip()
        if text:
            yield AnswerData(one.id, one.section, one.vi, one.en, text)
