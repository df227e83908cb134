"""One period seen at one place: the things of the truth that belong there, each found once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from tests.oracle.papers import COUNTS, HELD, WAITING, Paper
from tests.oracle.truth import (
    DAY,
    Activity,
    Check,
    Club,
    Entry,
    Help,
    Loan,
    Payment,
    Person,
    Truth,
    Visit,
    age,
)

Cell = tuple[str, str]  # cut, its part; ("", "") is the whole
Numbers = dict[Cell, float]
WHOLE: Cell = ("", "")


@dataclass(frozen=True)
class Span:
    """A half-year or year of one of the two calendars (§4.1). `last` is D."""

    code: str
    calendar: str
    first: date
    last: date

    @property
    def months(self) -> int:
        return 12 if self.code.endswith("Y") else 6

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def month_of(self, day: date) -> tuple[int, int]:
        """Which of its months a day is in; administrative ones begin on the 15th."""
        moved = day - timedelta(days=self.first.day - 1)
        return moved.year, moved.month


def span(code: str, calendar: str = "calendar") -> Span:
    year, part = int(code[:4]), code[4:]
    if calendar == "calendar":
        bounds = {"H1": ((1, 1), (6, 30)), "H2": ((7, 1), (12, 31)), "Y": ((1, 1), (12, 31))}[part]
        return Span(code, calendar, date(year, *bounds[0]), date(year, *bounds[1]))
    first = {"H1": date(year - 1, 12, 15), "H2": date(year, 6, 15), "Y": date(year - 1, 12, 15)}
    last = date(year, 6, 14) if part == "H1" else date(year, 12, 14)
    return Span(code, calendar, first[part], last)


def years_before(day: date, years: int) -> date:
    return day.replace(
        year=day.year - years, day=28 if (day.month, day.day) == (2, 29) else day.day
    )


# ------------------------------------------------------------------ the truth, by club
class Shelf:
    """Things of the truth by the club that counts them."""

    def __init__(self, truth: Truth, papers: Iterable[Paper]) -> None:
        self.truth = truth
        self.visits: dict[str, list[Visit]] = defaultdict(list)
        self.checks: dict[str, list[Check]] = defaultdict(list)
        self.activities: dict[str, list[Activity]] = defaultdict(list)
        self.helps: dict[str, list[Help]] = defaultdict(list)
        self.entries: dict[str, list[Entry]] = defaultdict(list)
        self.loans: dict[str, list[Loan]] = defaultdict(list)
        self.papers: dict[str, list[Paper]] = defaultdict(list)
        self.people: dict[str, list[Person]] = defaultdict(list)
        self.met: dict[str, list[Visit]] = defaultdict(list)  # by client
        self.checked: dict[str, list[Check]] = defaultdict(list)  # by member
        self.helped: dict[str, list[Help]] = defaultdict(list)  # by beneficiary
        self._put_care()
        self._put_doings()
        for paper in papers:
            self.papers[paper.club].append(paper)
        for person in truth.people.values():
            for club in {stay.club for stay in person.stays}:
                self.people[club].append(person)

    def _put_care(self) -> None:
        truth = self.truth
        for visit in truth.visits:
            self.visits[self.home(visit.client, visit.day, visit.club)].append(visit)
            if visit.outcome == "met" and visit.client:
                self.met[visit.client].append(visit)
        for check in truth.checks:
            self.checks[self.home(check.member, check.day, check.club)].append(check)
            self.checked[check.member].append(check)
        for one in truth.helps:
            self.helps[self.home(one.beneficiary, one.day, one.club)].append(one)
            if one.beneficiary:
                self.helped[one.beneficiary].append(one)

    def _put_doings(self) -> None:
        for activity in self.truth.activities:
            self.activities[activity.club].append(activity)
        for entry in self.truth.entries:
            self.entries[entry.club].append(entry)
        for loan in self.truth.loans:
            self.loans[loan.club].append(loan)

    def home(self, who: str | None, day: date, otherwise: str) -> str:
        """An event counts where its person was on that day."""
        person = self.truth.people.get(who or "")
        return (person.last_club(day) if person else None) or otherwise


# ------------------------------------------------------------------ cuts
def age_band(born: date, day: date) -> str:
    years = age(born, day)
    for least, name in ((80, "80_up"), (70, "70_79"), (60, "60_69"), (18, "18_59")):
        if years >= least:
            return name
    return "under_18"


Parts = Callable[[Person, date], Collection[str]]
OF_PEOPLE: Mapping[str, Parts] = {
    "sex": lambda p, d: [p.sex],
    "age_band": lambda p, d: [age_band(p.born, d)],
    "age_55": lambda p, d: ["55_up" if age(p.born, d) >= 55 else "under_55"],
    "age_75": lambda p, d: ["75_up" if age(p.born, d) >= 75 else "under_75"],
    "hh_class": lambda p, d: [p.fact("hh_class", d) or "unknown"],
    "living": lambda p, d: [p.fact("living", d) or "unknown"],
    "disability": lambda p, d: (p.fact("disability", d) or "unknown").split(),
}


# ------------------------------------------------------------------ the view
class View:
    """What there is of some clubs in a period. D is `day`."""

    def __init__(self, shelf: Shelf, period: Span, clubs: Collection[str],
                 place_of: Mapping[str, str | None], place: tuple[str, str]) -> None:  # fmt: skip
        self.shelf, self.period, self.clubs = shelf, period, frozenset(clubs)
        self.place = place  # level, key
        self.place_of = place_of  # of every club, at this level on D
        self.truth, self.day = shelf.truth, period.last

    def of_one(self, club: str) -> View:
        """The same period seen at one club."""
        return View(self.shelf, self.period, [club], {club: club}, ("club", club))

    def _all(self, by_club: Mapping[str, list]) -> Iterator:  # type: ignore[type-arg]
        for club in self.clubs:
            yield from by_club.get(club, ())

    def _of_period(self, by_club: Mapping[str, list]) -> list:  # type: ignore[type-arg]
        return [one for one in self._all(by_club) if one.day in self.period]

    # ---- clubs
    @cached_property
    def club_list(self) -> list[Club]:
        return [self.truth.clubs[key] for key in sorted(self.clubs)]

    @cached_property
    def active_clubs(self) -> list[Club]:
        return [club for club in self.club_list if club.is_active(self.day)]

    # ---- people
    @cached_property
    def everybody(self) -> list[Person]:
        """Who was ever in one of these clubs."""
        return list({p.key: p for p in self._all(self.shelf.people)}.values())

    @cached_property
    def members(self) -> list[Person]:
        """Active on D in one of these clubs."""
        found = []
        for person in self.everybody:
            stay = person.stay_on(self.day)
            if stay is not None and stay.club in self.clubs:
                found.append(person)
        return found

    @cached_property
    def of_the_period(self) -> list[Person]:
        """Members on some day of P, counted where they are, or last were, on D."""
        first, last = self.period.first, self.period.last
        return [
            person
            for person in self.everybody
            if person.last_club(last) in self.clubs
            and any(s.since <= last and (s.until is None or s.until > first) for s in person.stays)
        ]

    def older(self, people: Iterable[Person], years: int = 60) -> list[Person]:
        return [person for person in people if age(person.born, self.day) >= years]

    def known(self, person: Person, name: str) -> str | None:
        return person.fact(name, self.day)

    # ---- doings of P
    @cached_property
    def visits(self) -> list[Visit]:
        """Only a visit that met the person is a visit."""
        return [one for one in self._of_period(self.shelf.visits) if one.outcome == "met"]

    @cached_property
    def checks(self) -> list[Check]:
        return self._of_period(self.shelf.checks)

    @cached_property
    def checks_of_12_months(self) -> list[Check]:
        first = years_before(self.day, 1)
        return [one for one in self._all(self.shelf.checks) if first < one.day <= self.day]

    @cached_property
    def activities(self) -> list[Activity]:
        return self._of_period(self.shelf.activities)

    def kind(self, *kinds: str) -> list[Activity]:
        return [one for one in self.activities if one.kind in kinds]

    @cached_property
    def helps(self) -> list[Help]:
        return self._of_period(self.shelf.helps)

    @cached_property
    def entries(self) -> list[Entry]:
        return self._of_period(self.shelf.entries)

    def entries_until(self, day: date) -> list[Entry]:
        return [one for one in self._all(self.shelf.entries) if one.day <= day]

    @cached_property
    def loans(self) -> list[Loan]:
        return self._of_period(self.shelf.loans)

    @cached_property
    def all_loans(self) -> list[Loan]:
        """Of the clubs' own fund, paid out up to D."""
        return [
            one
            for one in self._all(self.shelf.loans)
            if one.source == "club_fund" and one.day <= self.day
        ]

    def payments_until(self, day: date) -> list[Payment]:
        return [p for one in self._all(self.shelf.loans) if one.source == "club_fund"
                for p in one.payments if p.day <= day]  # fmt: skip

    # ---- what was sent
    @cached_property
    def counted_papers(self) -> list[Paper]:
        found = self._of_period(self.shelf.papers)
        return [one for one in found if one.standing == COUNTS]

    def papers_of(self, standing: str) -> list[Paper]:
        return [one for one in self._all(self.shelf.papers) if one.standing == standing]

    @cached_property
    def held(self) -> list[Paper]:
        """Kept out of the figures until somebody mends them; of an impossible day, by arrival."""
        found = []
        for one in self.papers_of(HELD):
            can_be = date(2000, 1, 1) <= one.day <= one.arrived + DAY
            found += [one] if (one.day if can_be else one.arrived) in self.period else []
        return found

    @cached_property
    def waiting(self) -> list[Paper]:
        return [one for one in self.papers_of(WAITING) if one.day in self.period]

    def has_confirmed(self, club: str) -> bool:
        return any(
            one.club == club and one.period == self.period.code and one.agree
            for one in self.truth.confirmations
        )

    @cached_property
    def tells_flows(self) -> bool:
        """Whether nothing counted in P is a zero: something was sent of P, or P was confirmed."""
        return bool(self.counted_papers) or any(map(self.has_confirmed, self.clubs))

    @cached_property
    def tells_stocks(self) -> bool:
        sent = (p.standing == COUNTS and p.day <= self.day for p in self._all(self.shelf.papers))
        return any(sent) or any(map(self.has_confirmed, self.clubs))

    # ---- counting
    def count(self, people: Iterable[Person], *cuts: str) -> Numbers:
        """How many, and how many in each part of the cuts, as things are on D."""
        found: Counter[Cell] = Counter({WHOLE: 0})
        for person in people:
            found[WHOLE] += 1
            for cut in cuts:
                for part in OF_PEOPLE[cut](person, self.day):
                    found[cut, part] += 1
        return dict(found)

    def named(self, keys: Iterable[str]) -> list[Person]:
        """Each person once."""
        return [self.truth.people[key] for key in sorted(set(keys))]


def add_up(amounts: Iterable[float]) -> Numbers:
    return {WHOLE: sum(amounts, 0)}


def split(parts: Iterable[tuple[float, Mapping[str, Collection[str]]]]) -> Numbers:
    """Amounts added, whole and by the parts of each cut."""
    found: Numbers = {WHOLE: 0}
    for amount, cuts in parts:
        found[WHOLE] += amount
        for cut, values in cuts.items():
            for value in values:
                found[cut, value] = found.get((cut, value), 0) + amount
    return found
