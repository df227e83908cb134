"""What really happened: clubs, people, visits, money. The oracle's own words for it, no table's.

Days are civil dates in Vietnam. What a person or club *is* stands as turns: (day, value), true from
that day until the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.oracle.places import Site

DAY = timedelta(days=1)
Turns = list[tuple[date, str]]


def on(turns: Sequence[tuple[date, str]], day: date) -> str | None:
    """What was so on a day; None before the first turn."""
    said = [value for since, value in turns if since <= day]
    return said[-1] if said else None


@dataclass
class Club:
    """`key` is the word its uuid is made of. status: active, suspended, dissolved."""

    key: str
    name: str
    site: Site
    founded: date
    size: int
    from_file: bool = False  # loaded by an operator, not founded by a form
    status: Turns = field(default_factory=list)
    decision: Turns = field(default_factory=list)  # yes
    troupe: Turns = field(default_factory=list)  # yes, no
    income_fund: Turns = field(default_factory=list)
    activity_fund: Turns = field(default_factory=list)
    placed_on: date | None = None  # the day from which a person said where it is
    silent: bool = False  # it never sends anything
    quiet_since: date | None = None  # it sends nothing any more

    def is_active(self, day: date) -> bool:
        return on(self.status, day) == "active"


@dataclass
class Stay:
    """A person in a club from a day up to (not with) another. how: why it ended."""

    club: str
    since: date
    until: date | None = None
    how: str = ""

    def holds(self, day: date) -> bool:
        return self.since <= day and (self.until is None or self.until > day)


@dataclass
class Person:
    """A member. facts: name -> turns. class_said: the days on which the class was told."""

    key: str
    name: str
    sex: str
    born: date
    precision: str  # day, month, year, estimate
    stays: list[Stay]
    facts: dict[str, Turns] = field(default_factory=dict)
    class_said: list[date] = field(default_factory=list)
    income: Turns = field(default_factory=list)  # up, same, down, as they said on a day
    insured_until: dict[date, date] = field(default_factory=dict)  # day it was told -> card's end

    @property
    def joined(self) -> date:
        return self.stays[0].since

    def stay_on(self, day: date) -> Stay | None:
        return next((stay for stay in self.stays if stay.holds(day)), None)

    def is_member(self, day: date) -> bool:
        return self.stay_on(day) is not None

    def last_club(self, day: date) -> str | None:
        """The club of a day; of who has left the last one."""
        begun = [stay.club for stay in self.stays if stay.since <= day]
        return begun[-1] if begun else None

    def fact(self, name: str, day: date) -> str | None:
        return on(self.facts.get(name, []), day)

    @property
    def died(self) -> date | None:
        return self.stays[-1].until if self.stays[-1].how == "died" else None


def age(born: date, day: date) -> int:
    """Full years. Who was born on 29 February completes one on 1 March in common years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass
class Supply:
    value: int
    source: str


@dataclass
class Visit:
    """client None: somebody not on the list yet. reports: how many phones logged it."""

    key: str
    club: str
    client: str | None
    day: date
    start: int  # minutes since midnight
    minutes: int
    helpers: list[str]
    outcome: str
    tasks: list[str]
    red: list[str] = field(default_factory=list)
    red_action: list[str] = field(default_factory=list)
    supplies: list[Supply] = field(default_factory=list)


@dataclass
class Check:
    """Readings as measured: (systolic, diastolic); glucose: (state, unit, value)."""

    key: str
    club: str
    member: str
    day: date
    kind: str  # full, quick
    pressures: list[tuple[int, int]] = field(default_factory=list)
    glucose: tuple[str, str, float] | None = None
    weight: float | None = None
    height: float | None = None
    adl_helped: int | None = None  # of 6, in how many help is needed
    iadl_helped: int | None = None  # of 8
    falls: int | None = None
    mood: tuple[str, str] | None = None  # 0–3 or refused
    chronic: list[str] = field(default_factory=list)
    medicines: list[str] = field(default_factory=list)
    refer: str = "none"


@dataclass
class Activity:
    """present: everybody, each session; guests are no members."""

    key: str
    club: str
    day: date
    kind: str
    start: int
    topics: list[str] = field(default_factory=list)
    present: int = 0
    guests: int = 0
    sessions: int = 1
    person_hours: float = 0
    roster: list[str] = field(default_factory=list)
    board_trained: list[str] = field(default_factory=list)
    clubs_present: list[str] = field(default_factory=list)
    rights_help: list[tuple[str, str]] = field(default_factory=list)  # (member, kind)


@dataclass
class Help:
    """beneficiary None: somebody outside of the clubs. paid_from: own_pocket, club_fund, ''."""

    key: str
    club: str
    day: date
    kinds: list[str]
    beneficiary: str | None
    labour_days: float = 0
    cash: int = 0
    goods: int = 0
    paid_from: str = ""


@dataclass
class Entry:
    """A line of the fund's book. reversal: takes back what a wrong one said."""

    key: str
    club: str
    day: date
    fund: str
    direction: str
    item: str
    amount: int = 0
    given_as: str = "money"
    source: str = ""
    donor: str = ""
    goods: int = 0
    reversal: bool = False
    batch: list[tuple[int, list[str]]] = field(default_factory=list)  # (each, who)


@dataclass
class Payment:
    key: str
    day: date
    action: str  # pay, extend, write_off
    principal: int = 0
    interest: int = 0
    new_due: date | None = None


@dataclass
class Loan:
    key: str
    club: str
    member: str
    day: date
    principal: int
    months: int
    kind: str  # at_end, monthly, interest_monthly
    source: str
    purpose: str
    payments: list[Payment] = field(default_factory=list)


@dataclass
class Supervision:
    key: str
    club: str
    day: date
    counted: int | None
    book: int | None


@dataclass
class Confirmation:
    """The club's word on a period's figures. agree False: it found them wrong."""

    key: str
    club: str
    day: date
    period: str
    agree: bool


@dataclass
class Refusal:
    """Somebody who did not agree to be kept: only that it happened is known."""

    key: str
    club: str
    day: date


@dataclass
class Truth:
    clubs: dict[str, Club] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    helps: list[Help] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    loans: list[Loan] = field(default_factory=list)
    supervisions: list[Supervision] = field(default_factory=list)
    confirmations: list[Confirmation] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def members_of(self, club: str, day: date) -> Iterator[Person]:
        for person in self.people.values():
            stay = person.stay_on(day)
            if stay is not None and stay.club == club:
                yield person
