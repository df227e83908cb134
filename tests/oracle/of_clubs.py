"""Sections A and S of §4.4, what is asked of each club (B04, C02, G02 …), and the quality table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from statistics import median

from tests.oracle import of_care, of_doings, of_money, of_people, places
from tests.oracle.figures import (
    CLUB_ONLY,
    FLOW,
    REGISTER,
    STOCK,
    Number,
    indicator,
)
from tests.oracle.papers import NOW
from tests.oracle.truth import Club, on
from tests.oracle.view import WHOLE, Numbers, View, add_up

ABOVE_COMMUNES = ("district", "city")
CITY_ONLY = ("city",)
DUE_DAYS = 5  # after D a club is to confirm by (§4.6)


# ------------------------------------------------------------------ A: the network
@indicator("A01", REGISTER)
def active(v: View) -> Numbers:
    return add_up(1 for _ in v.active_clubs)


@indicator("A02", REGISTER)
def founded(v: View) -> Numbers:
    return add_up(1 for club in v.club_list if club.founded in v.period)


def _founded_in(v: View, first: int, last: int) -> Numbers:
    """In one of these years, and by D."""
    return add_up(1 for c in v.club_list if first <= c.founded.year <= last and c.founded <= v.day)


@indicator("A07a", REGISTER)
def founded_in_pilot(v: View) -> Numbers:
    return _founded_in(v, 2017, 2018)


@indicator("A07b", REGISTER)
def founded_in_extension(v: View) -> Numbers:
    return _founded_in(v, 2019, 2020)


def _units_with_club(v: View) -> set[str]:
    sites = (club.site.on(v.day).commune for club in v.active_clubs)
    return {commune for commune in sites if commune is not None}


@indicator("A03", REGISTER, levels=ABOVE_COMMUNES)
def units_with_club(v: View) -> Numbers:
    return {WHOLE: len(_units_with_club(v))}


@indicator("A05", REGISTER, "A04", levels=ABOVE_COMMUNES)
def coverage(v: View) -> Numbers:
    return units_with_club(v)


@indicator("A04", REGISTER, levels=ABOVE_COMMUNES)
def units(v: View) -> Numbers:
    level, place = v.place
    if level == "city":
        return {WHOLE: places.units_of_city(v.day)}
    return {WHOLE: places.units_of_district(place, v.day)}


@indicator("A06n", REGISTER, levels=CITY_ONLY)
def districts(v: View) -> Numbers | None:
    found = places.districts_on(v.day)
    return {WHOLE: len(found)} if found else None


@indicator("A06", REGISTER, "A06n", levels=CITY_ONLY)
def districts_with_two(v: View) -> Numbers | None:
    found = places.districts_on(v.day)
    here = [club.site.on(v.day).district for club in v.active_clubs]
    return {WHOLE: sum(here.count(one) >= 2 for one in found)} if found else None


def _have(
    turns: Callable[[Club], list[tuple[date, str]]],
) -> tuple[Number, Callable[[View], Numbers]]:
    """Active clubs of which it is so on D; and those of which nobody has said."""

    def so(v: View) -> Numbers:
        return add_up(1 for club in v.active_clubs if on(turns(club), v.day) == "yes")

    def unknown(v: View) -> Numbers:
        return add_up(1 for club in v.active_clubs if on(turns(club), v.day) is None)

    return so, unknown


for _id, _turns in (
    ("A10", lambda club: club.decision),
    ("G05a", lambda club: club.troupe),
    ("E01a", lambda club: club.income_fund),
    ("E01b", lambda club: club.activity_fund),
):
    _so, _unknown = _have(_turns)
    indicator(_id, REGISTER, "A01", unknown=_unknown)(_so)


@indicator("A09", REGISTER, "A01")
def confirmed(v: View) -> Numbers:
    """Who finds the figures wrong has not confirmed them (README)."""
    due = v.day + timedelta(days=DUE_DAYS)
    of_period = (c for c in v.truth.confirmations if c.period == v.period.code and c.agree)
    in_time = {one.club for one in of_period if one.day <= due}
    return add_up(1 for club in v.active_clubs if club.key in in_time)


@indicator("G08a", FLOW, "A01")
def at_review(v: View) -> Numbers:
    came = {
        club
        for one in v.truth.activities
        if one.kind == "review" and one.day in v.period
        for club in one.clubs_present
    }
    return add_up(1 for club in v.active_clubs if club.key in came)


@indicator("S01", FLOW)
def supervised(v: View) -> Numbers:
    visits = (s for s in v.truth.supervisions if s.club in v.clubs and s.day in v.period)
    return add_up(1 for _ in visits)


# ------------------------------------------------------------------ what is asked of each club
Fits = Callable[[View], bool]


def _whole(number: Number, v: View) -> float:
    found = number(v)
    assert found is not None
    return found[WHOLE]


def _share(number: Number, v: View, least: float) -> bool:
    """Of all members; of none nothing can be said."""
    members = _whole(of_people.members, v)
    return bool(members) and _whole(number, v) * 100 >= least * members


def _size(v: View) -> float:
    return _whole(of_people.members, v)


def _some(v: View, *numbers: Number) -> bool:
    return any(_whole(number, v) >= 1 for number in numbers)


def _has_right_size(v: View) -> bool:
    return 50 <= _size(v) <= 70


def _meets_all_four(v: View) -> bool:
    return (
        _has_right_size(v)
        and _share(of_people.older, v, 70)
        and _share(of_people.women, v, 60)
        and _share(of_people.hard, v, 60)
    )


def _has_eight_areas(v: View) -> bool:
    """The rule below the table of §4.4."""
    d, m = of_doings, of_money
    return (
        _some(v, m.running, m.income_receipts, m.loans)
        and _some(v, of_care.full_checks, d.health_talks)
        and _some(v, d.exercise_sessions)
        and _some(v, of_care.visits)
        and _some(v, d.cases, d.community_events)
        and _some(v, d.help_with_rights, d.talks_on_rights)
        and _some(v, d.talks, d.courses)
        and _some(v, d.performances, d.exchanges, d.sympathy)
        and _some(v, m.times_raised)
    )


def _every_month(v: View, number: Number) -> bool:
    return _whole(number, v) >= v.period.months


RULES: tuple[tuple[str, str, Fits], ...] = (
    ("B04", STOCK, _has_right_size),
    ("B04a", STOCK, lambda v: _size(v) < 50),
    ("B04b", STOCK, lambda v: _size(v) > 70),
    ("B08", STOCK, _meets_all_four),
    ("B08a", STOCK, lambda v: _share(of_people.older, v, 70)),
    ("B08b", STOCK, lambda v: _share(of_people.women, v, 60)),
    ("B08c", STOCK, lambda v: _share(of_people.hard, v, 60)),
    ("C02", STOCK, lambda v: _whole(of_people.volunteers, v) >= 5),
    ("A08", STOCK, _has_eight_areas),
    ("F07", FLOW, lambda v: _some(v, of_doings.community_events)),
    ("G02", FLOW, lambda v: _every_month(v, of_doings.months_with_meeting)),
    ("D14c", FLOW, lambda v: _some(v, of_doings.health_talks)),
    ("D15c", FLOW, lambda v: _every_month(v, of_doings.months_with_exercise)),
    ("G07c", FLOW, lambda v: _some(v, of_doings.board_trained)),
)


def _rule(fits: Fits, told_by: str) -> Number:
    def number(v: View) -> Numbers:
        """Each active club of the place by itself; who told nothing fits nothing."""
        found = 0
        for club in v.active_clubs:
            alone = v.of_one(club.key)
            told = alone.tells_stocks if told_by == STOCK else alone.tells_flows
            found += told and fits(alone)
        return {WHOLE: found}

    return number


for _id, _told_by, _fits in RULES:
    indicator(_id, _told_by, "A01")(_rule(_fits, _told_by))


# ------------------------------------------------------------------ Q: what was sent
@indicator("Q06", FLOW, levels=CLUB_ONLY)
def days_on_the_way(v: View) -> Numbers | None:
    days = [(one.arrived - one.day).days for one in v.counted_papers]
    return {WHOLE: median(days)} if days else None


@indicator("Q07", REGISTER, levels=CLUB_ONLY)
def kept_out(v: View) -> Numbers:
    return add_up(1 for _ in v.held)


@indicator("Q08", FLOW, levels=CLUB_ONLY)
def cash_gap(v: View) -> Numbers:
    return add_up(
        s.counted - s.book
        for s in v.truth.supervisions
        if s.club in v.clubs and s.day in v.period and None not in (s.counted, s.book)
        if s.counted is not None and s.book is not None
    )


@indicator("Q09", REGISTER, levels=CLUB_ONLY)
def silent_months(v: View) -> Numbers:
    months = {v.period.month_of(one.day) for one in v.counted_papers}
    return {WHOLE: v.period.months - len(months)}


@indicator("Q10", REGISTER)
def waits(v: View) -> Numbers:
    """For more than 14 days since they came."""
    long = (one for one in v.waiting if NOW - one.received > timedelta(days=14))
    return add_up(1 for _ in long)
