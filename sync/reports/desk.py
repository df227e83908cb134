"""The chain of a report as one person has it before them: where it stands, and what they may do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.indicators import PLACES
from forms.periods import CALENDAR, Period, periods_between
from forms.report_problems import REPORT_BELOW_OPEN
from sync import access
from sync.access import Caller
from sync.reports import snapshots
from sync.reports.chain import Act, Chain, ChainPlace, Standing, Step, Wish, refusal
from sync.reports.data import PlaceKey, VersionData
from sync.reports.life import Account, accounts_of
from sync.reports.steps import VERBS, read_chain

if TYPE_CHECKING:
    from forms.library import Library

OF_PLACES: tuple[Act, ...] = ("confirm", "send_back")
OF_THE_WHOLE: tuple[Act, ...] = ("send", "report", "reopen")
YEARS_BACK = 1  # of periods to choose from
TRIED = "…"  # a reason, to see whether the step could be taken with one


@dataclass(frozen=True, slots=True)
class Doing:
    """A step that the person may take now. place: None for the report as a whole.

    incomplete: only if they say that those below who have not confirmed shall be left out.
    """

    act: Act
    place: PlaceKey | None = None
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One place. depth: how far below the topmost that the person sees. state: of STATES.

    due: until when it should confirm; is_late: that day is past and it has not.
    """

    place: ChainPlace
    depth: int
    state: str
    confirmed: Step | None
    sent_back: Step | None
    due: date | None
    is_late: bool
    doings: tuple[Doing, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """All of it. versions: that were sent, the first first. steps: of the places seen and of the
    whole, as they were taken; accounts: who took them.
    """

    period: Period
    standing: Standing
    lines: tuple[Line, ...]
    doings: tuple[Doing, ...]
    versions: tuple[VersionData, ...]
    steps: tuple[Step, ...]
    accounts: dict[str, Account]

    @property
    def every(self) -> list[Doing]:
        """All steps, of the whole and of its places."""
        return [*self.doings, *(doing for line in self.lines for doing in line.doings)]

    @property
    def todo(self) -> list[Doing]:
        """What moves the report on: neither sending back nor opening again."""
        return [one for one in self.every if one.act not in ("send_back", "reopen")]

    def offers(self, wish: Wish) -> bool:
        """Whether this step, of this place, is one of them."""
        return any((one.act, one.place) == (wish.act, wish.place) for one in self.every)

    @property
    def confirmed(self) -> tuple[int, int]:
        """How many of the clubs seen have confirmed, and how many there are."""
        clubs = [line for line in self.lines if line.place.level == PLACES[0]]
        return sum(line.confirmed is not None for line in clubs), len(clubs)


def periods_for(db: Connection, library: Library, caller: Caller, today: date) -> list[Period]:
    """Half-years and years to choose from, the newest first: those whose report was sent; and for
    who sees open figures the last ones too, of all of them such as had clubs for them at their end.
    """
    found: Iterable[Period] = snapshots.sent_periods(db, CALENDAR)
    if access.may(library, caller, "figures.read"):
        every = {*found, *periods_between(date(today.year - YEARS_BACK, 1, 1), today)}
        scope = {one.last: access.clubs_in_scope(db, library, caller, one.last) for one in every}
        found = [one for one in every if scope[one.last] is None or scope[one.last]]
    return sorted(found, key=lambda period: (period.last, period.first), reverse=True)


def read_desk(
    db: Connection, library: Library, caller: Caller, period: Period, today: date
) -> Desk:
    """Of the places in the caller's scope on D; who sees no open figures sees none of a report that
    was not sent.
    """
    chain = read_chain(db, library, period)
    standing = chain.standing()
    scope = access.clubs_in_scope(db, library, caller, period.last)
    seen = {
        place for place, clubs in _clubs_below(chain).items() if scope is None or clubs <= scope
    }
    role = library.roles.get(caller.role)

    @cache  # of many places it is the same office that speaks
    def speaks(place: PlaceKey) -> bool:
        if role is None or role.confirms != place[0]:
            return False
        return access.speaks_for(db, library, caller, place, period.last, today)

    lines = tuple(_lines(library, chain, standing, seen, speaks, today))
    steps = tuple(one for one in chain.steps if one.id in seen or not one.place)
    if standing.sent is None and not access.may(library, caller, "figures.read"):
        lines, steps = (), ()
    return Desk(
        period=period,
        standing=standing,
        lines=lines,
        doings=tuple(_of_the_whole(library, caller, chain, standing, today)),
        versions=tuple(snapshots.list_versions(db, period)),
        steps=tuple(sorted(steps, key=lambda one: (one.at, one.number, one.id))),
        accounts=accounts_of(db, steps),
    )


def _clubs_below(chain: Chain) -> dict[PlaceKey, set[str]]:
    """The clubs in each place, its own for a club."""
    found: dict[PlaceKey, set[str]] = {place: set() for place in chain.places}
    for one in chain.places.values():
        if one.level == PLACES[0]:
            here: PlaceKey | None = one.id
            while here is not None:
                found[here].add(one.key)
                here = chain.places[here].parent
    return found


def _lines(
    library: Library,
    chain: Chain,
    standing: Standing,
    seen: set[PlaceKey],
    speaks: Callable[[PlaceKey], bool],
    today: date,
) -> Iterator[Line]:
    for place, depth in _from_above(chain, seen):
        done, after = standing.confirmed.get(place.id), library.report.due.get(place.level)
        due = None if after is None else chain.period.last + timedelta(days=after)
        yield Line(
            place=place,
            depth=depth,
            state=standing.state_of(place.id),
            confirmed=done,
            sent_back=standing.sent_back.get(place.id),
            due=due,
            is_late=done is None and due is not None and today > due,
            doings=tuple(_of_place(chain, standing, place, speaks, today)),
        )


def _from_above(chain: Chain, seen: set[PlaceKey]) -> Iterator[tuple[ChainPlace, int]]:
    """The places that are seen, each after the one it belongs to."""

    def below(parent: PlaceKey | None, depth: int) -> Iterator[tuple[ChainPlace, int]]:
        inside = (one for one in chain.places.values() if one.parent == parent)
        for place in sorted(inside, key=lambda one: one.code):
            shown = place.id in seen
            if shown:
                yield place, depth
            yield from below(place.id, depth + shown)

    return below(None, 0)


# ------------------------------------------------------------------ what may be done
def _of_place(
    chain: Chain,
    standing: Standing,
    place: ChainPlace,
    speaks: Callable[[PlaceKey], bool],
    today: date,
) -> Iterator[Doing]:
    for act in OF_PLACES:
        speaker = place.id if act == "confirm" or place.parent is None else place.parent
        if speaks(speaker):
            yield from _possible(chain, standing, Wish(act, place.id, TRIED), today)


def _of_the_whole(
    library: Library, caller: Caller, chain: Chain, standing: Standing, today: date
) -> Iterator[Doing]:
    for act in OF_THE_WHOLE:
        if access.may(library, caller, VERBS[act]):
            yield from _possible(chain, standing, Wish(act, None, TRIED), today)


def _possible(chain: Chain, standing: Standing, wish: Wish, today: date) -> Iterator[Doing]:
    """The step, if nothing but the silence of some below stands against it."""
    period = chain.period
    problem = refusal(standing, wish, period.code, period.last, today)
    if problem is None:
        yield Doing(wish.act, wish.place)
    elif problem.type is REPORT_BELOW_OPEN and wish.act == "confirm":
        yield Doing(wish.act, wish.place, incomplete=True)
