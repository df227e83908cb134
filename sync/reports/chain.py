"""Pure: what the steps taken so far make of a report, and why a further one may not be taken.

Club → commune → district (where there is one on D) → city → sent → reported. What is sent back goes
one level down and takes the sender's own confirmation back with it (domain §4.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from forms.days import to_vietnamese
from forms.indicators import PLACES
from forms.periods import Period
from forms.problems import Problem
from forms.report_problems import (
    REPORT_ABOVE_CONFIRMED,
    REPORT_BELOW_OPEN,
    REPORT_CONFIRMED,
    REPORT_NEEDS_COMMENT,
    REPORT_NO_CLUBS,
    REPORT_NOT_OVER,
    REPORT_NOT_SENT,
    REPORT_NOTHING_TO_SEND_BACK,
    REPORT_REPORTED,
    REPORT_SENT,
    REPORT_TOP,
)
from sync.reports.data import PlaceKey

Act = Literal["confirm", "send_back", "send", "report", "reopen"]
OPEN, SENT, REPORTED = "open", "sent", "reported"  # states beside those of a level
MOST_NAMED = 8  # places in one sentence


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """A place whose report is expected: a club that counts on D, or a unit with such a club.

    code: as people know it.
    """

    level: str
    key: str
    code: str
    name: str
    parent: PlaceKey | None

    @property
    def id(self) -> PlaceKey:
        return self.level, self.key


@dataclass(frozen=True, slots=True)
class Step:
    """One step. level, place: "" for the report as a whole. `day`: its own day, in Vietnam.

    by_form: told by a phone, by the form that confirms; `agrees` False takes that back. number: of
    steps of people, in their order.
    """

    level: str
    place: str
    act: Act
    at: datetime
    day: date
    actor: str
    sha256: str = ""
    comment: str = ""
    by_form: bool = False
    agrees: bool = True
    number: int = 0

    @property
    def id(self) -> PlaceKey:
        return self.level, self.place


@dataclass(frozen=True, slots=True)
class Chain:
    """A report's places and steps. number: of the last step of a person; 0 = none yet."""

    period: Period
    places: Mapping[PlaceKey, ChainPlace]
    steps: tuple[Step, ...]

    @property
    def number(self) -> int:
        return max((step.number for step in self.steps), default=0)

    def standing(self) -> Standing:
        """Where it stands after them."""
        return stand(self.places, self.steps)


@dataclass(slots=True)
class Standing:
    """Where a report stands after its steps."""

    places: Mapping[PlaceKey, ChainPlace]
    confirmed: dict[PlaceKey, Step] = field(default_factory=dict)
    sent_back: dict[PlaceKey, Step] = field(default_factory=dict)  # and not confirmed again since
    sent: Step | None = None
    reported: Step | None = None
    versions: int = 0
    reason: str = ""  # of the version being made, after a reopening

    def above(self, place: PlaceKey) -> list[ChainPlace]:
        """The places over it, from below."""
        found = []
        parent = self.places[place].parent
        while parent is not None:
            found.append(self.places[parent])
            parent = self.places[parent].parent
        return found

    def open_below(self, place: PlaceKey | None) -> list[ChainPlace]:
        """The places right below (None: the topmost) that have not confirmed."""
        return [
            one
            for one in self.places.values()
            if one.parent == place and one.id not in self.confirmed
        ]

    def state_of(self, place: PlaceKey) -> str:
        """The state of one place's report: how far up it is confirmed; not by itself = "open"."""
        if place not in self.confirmed:
            return OPEN
        level = place[0]
        for above in self.above(place):
            if above.id not in self.confirmed:
                return level
            level = above.level
        return self._whole() or level

    @property
    def state(self) -> str:
        """The state of the whole report: the highest level on which everybody has confirmed."""
        whole = self._whole()
        if whole:
            return whole
        for level in reversed(PLACES):
            there = [one.id for one in self.places.values() if one.level == level]
            if there and all(place in self.confirmed for place in there):
                return level
        return OPEN

    def _whole(self) -> str:
        return REPORTED if self.reported else SENT if self.sent else ""

    def not_reported(self) -> list[str]:
        """The clubs that have confirmed nothing."""
        return [one.key for one in self.places.values() if self._is_silent(one)]

    def _is_silent(self, one: ChainPlace) -> bool:
        return one.level == PLACES[0] and one.id not in self.confirmed


# ------------------------------------------------------------------ what was done
def stand(places: Mapping[PlaceKey, ChainPlace], steps: Iterable[Step]) -> Standing:
    """Where the report stands after these steps, in whatever order they are given."""
    standing = Standing(places)
    for step in sorted(steps, key=lambda one: (one.at, one.number, one.id)):
        _apply(standing, step)
    return standing


def _apply(standing: Standing, step: Step) -> None:
    if step.act == "send":
        standing.sent, standing.versions = step, standing.versions + 1
    elif step.act == "report":
        standing.reported = step
    elif step.act == "reopen":
        standing.sent = standing.reported = None
        standing.reason = step.comment
        for place in standing.places.values():
            if place.parent is None:
                standing.confirmed.pop(place.id, None)
    elif step.id not in standing.places:  # the place was moved since: its word is of no use here
        return
    elif step.by_form:
        _apply_form(standing, step)
    elif step.act == "confirm":
        _confirm(standing, step)
    else:
        standing.confirmed.pop(step.id, None)
        standing.sent_back[step.id] = step
        for sender in standing.above(step.id)[:1]:
            standing.confirmed.pop(sender.id, None)


def _apply_form(standing: Standing, step: Step) -> None:
    """What comes after those above have confirmed is late: it says when, and changes no state."""
    late = standing.sent or any(one.id in standing.confirmed for one in standing.above(step.id))
    if step.agrees and step.id not in standing.confirmed:
        _confirm(standing, step)
    elif not step.agrees and not late:
        standing.confirmed.pop(step.id, None)


def _confirm(standing: Standing, step: Step) -> None:
    standing.confirmed[step.id] = step
    standing.sent_back.pop(step.id, None)


# ------------------------------------------------------------------ what may be done
@dataclass(frozen=True, slots=True)
class Wish:
    """A step that somebody wants to take. place: None for the report as a whole.

    incomplete: confirm though some below have not; they then stand in the list of who is missing.
    """

    act: Act
    place: PlaceKey | None = None
    comment: str = ""
    incomplete: bool = False


def refusal(standing: Standing, wish: Wish, code: str, last: date, today: date) -> Problem | None:
    """Why this step may not be taken now, or None. `last`: the period's last day."""
    if not standing.places:
        return REPORT_NO_CLUBS(period=code)
    if today < last:
        return REPORT_NOT_OVER(period=code, last=to_vietnamese(last))
    if wish.act in ("send_back", "reopen") and not wish.comment.strip():
        return REPORT_NEEDS_COMMENT()
    if wish.act in ("report", "reopen"):
        return _refuse_after_sending(standing, wish, code)
    if standing.sent is not None:
        day = to_vietnamese(standing.sent.day)
        return REPORT_SENT(period=code, day=day, version=standing.versions)
    if wish.act == "send":
        return _below_open(standing, None)
    assert wish.place is not None
    return (_refuse_confirm if wish.act == "confirm" else _refuse_send_back)(standing, wish)


def _refuse_after_sending(standing: Standing, wish: Wish, code: str) -> Problem | None:
    if standing.sent is None:
        return REPORT_NOT_SENT(period=code)
    if wish.act == "report" and standing.reported is not None:
        return REPORT_REPORTED(period=code, day=to_vietnamese(standing.reported.day))
    return None


def _refuse_confirm(standing: Standing, wish: Wish) -> Problem | None:
    assert wish.place is not None
    name = standing.places[wish.place].name
    done = standing.confirmed.get(wish.place)
    if done is not None:
        return REPORT_CONFIRMED(place=name, day=to_vietnamese(done.day))
    for above in standing.above(wish.place):
        if above.id in standing.confirmed:
            return REPORT_ABOVE_CONFIRMED(place=name, above=above.name)
    return None if wish.incomplete else _below_open(standing, wish.place)


def _refuse_send_back(standing: Standing, wish: Wish) -> Problem | None:
    assert wish.place is not None
    name = standing.places[wish.place].name
    if wish.place not in standing.confirmed:
        return REPORT_NOTHING_TO_SEND_BACK(place=name)
    if standing.places[wish.place].parent is None:
        return REPORT_TOP(place=name)
    for higher in standing.above(wish.place)[1:]:
        if higher.id in standing.confirmed:
            return REPORT_ABOVE_CONFIRMED(place=name, above=higher.name)
    return None


def _below_open(standing: Standing, place: PlaceKey | None) -> Problem | None:
    waiting = standing.open_below(place)
    if not waiting:
        return None
    named = ", ".join(one.name for one in waiting[:MOST_NAMED])
    more = len(waiting) - MOST_NAMED
    return REPORT_BELOW_OPEN(places=f"{named} +{more}" if more > 0 else named)
