"""Sections B, C and H of §4.4, and what D, E and Q say of members: counted person by person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise

from tests.oracle.alike import pairs as find_alike
from tests.oracle.figures import CLUB_ONLY, FLOW, REGISTER, STOCK, indicator
from tests.oracle.truth import DAY, Person, Stay, on
from tests.oracle.view import WHOLE, Numbers, View, years_before

HARD = ("poor", "near_poor", "hard_up")
CUTS = ("sex", "age_band", "hh_class")
IN_NEED = ("regular", "temporary")


# ------------------------------------------------------------------ B: who they are
@indicator("B01", STOCK)
def members(v: View) -> Numbers:
    return v.count(
        v.members, "sex", "age_band", "age_55", "age_75", "hh_class", "living", "disability"
    )


@indicator("B02a", FLOW)
def joined(v: View) -> Numbers:
    first = [p for p in v.everybody if p.stays[0].club in v.clubs and p.joined in v.period]
    return v.count(first, "sex", "age_band")


def _left(v: View) -> Iterator[tuple[Person, Stay]]:
    for person in v.everybody:
        last = person.stays[-1]
        if last.until and last.until in v.period and last.club in v.clubs:
            yield person, last


@indicator("B03a", FLOW)
def left(v: View) -> Numbers:
    found = v.count((person for person, _ in _left(v)), "sex", "age_band")
    for _, stay in _left(v):
        found["exit_kind", stay.how] = found.get(("exit_kind", stay.how), 0) + 1
    return found


def _moves(v: View) -> Iterator[tuple[Person, str, str]]:
    """(who, from, to) of every move in P between two places of this level."""
    for person in v.everybody:
        for before, after in pairwise(person.stays):
            apart = v.place_of.get(before.club) != v.place_of.get(after.club)
            if after.since in v.period and apart:
                yield person, before.club, after.club


@indicator("B02b", FLOW)
def came(v: View) -> Numbers:
    return v.count((p for p, _, to in _moves(v) if to in v.clubs), "sex", "age_band")


@indicator("B03b", FLOW)
def went(v: View) -> Numbers:
    return v.count((p for p, from_, _ in _moves(v) if from_ in v.clubs), "sex", "age_band")


def _sum(one: Numbers, other: Numbers) -> Numbers:
    return {cell: one.get(cell, 0) + other.get(cell, 0) for cell in {**one, **other}}


@indicator("B02", FLOW)
def all_in(v: View) -> Numbers:
    return _sum(joined(v), came(v))


@indicator("B03", FLOW)
def all_out(v: View) -> Numbers:
    parts = {cell: n for cell, n in left(v).items() if cell[0] != "exit_kind"}
    return _sum(parts, went(v))


@indicator("B05", STOCK, "B01", *CUTS)
def older(v: View) -> Numbers:
    return v.count(v.older(v.members), "sex", "age_band", "hh_class")


@indicator("B05b", STOCK, "B01", "sex")
def of_55(v: View) -> Numbers:
    return v.count(v.older(v.members, 55), "sex")


@indicator("B06", STOCK, "B01", "age_band")
def women(v: View) -> Numbers:
    return v.count((p for p in v.members if p.sex == "female"), "age_band")


def _class_unknown(v: View) -> list[Person]:
    return [p for p in v.members if v.known(p, "hh_class") in (None, "unknown")]


@indicator(
    "B07",
    STOCK,
    "B01",
    "sex",
    "age_band",
    unknown=lambda v: v.count(_class_unknown(v), "sex", "age_band"),
)
def hard(v: View) -> Numbers:
    found = (p for p in v.members if v.known(p, "hh_class") in HARD)
    return v.count(found, "sex", "age_band")


def _put_first(v: View) -> list[Person]:
    """R06: older women, poor or alone or with nobody to rely on."""
    return [
        p
        for p in v.older(v.members)
        if p.sex == "female"
        and (
            v.known(p, "hh_class") in HARD
            or v.known(p, "living") == "alone"
            or v.known(p, "no_support") == "yes"
        )
    ]


@indicator("B09", STOCK)
def put_first(v: View) -> Numbers:
    return v.count(_put_first(v), "hh_class", "living")


def _was_met(v: View, person: Person) -> bool:
    return any(visit.day in v.period for visit in v.shelf.met[person.key])


@indicator("B09b", FLOW, "B09", "hh_class", "living")
def looked_after(v: View) -> Numbers:
    found = (
        p
        for p in _put_first(v)
        if _was_met(v, p) or any(one.day in v.period for one in v.shelf.helped[p.key])
    )
    return v.count(found, "hh_class", "living")


@indicator("B10", STOCK)
def alone(v: View) -> Numbers:
    found = (p for p in v.older(v.members) if v.known(p, "living") == "alone")
    return v.count(found, "sex", "age_band", "hh_class")


@indicator("B10b", STOCK)
def without_support(v: View) -> Numbers:
    found = (p for p in v.older(v.members) if v.known(p, "no_support") == "yes")
    return v.count(found, "sex", "age_band", "hh_class")


@indicator("B11", STOCK)
def disabled(v: View) -> Numbers:
    found = [p for p in v.members if v.known(p, "disability") not in (None, "none")]
    return v.count(found, "disability", "sex")


# ------------------------------------------------------------------ C: volunteers, who needs care
def _volunteers(v: View) -> list[Person]:
    return [p for p in v.members if v.known(p, "is_volunteer") == "yes"]


@indicator("C01", STOCK)
def volunteers(v: View) -> Numbers:
    return v.count(_volunteers(v), "sex", "age_band")


@indicator("C03", FLOW, "C01")
def active_volunteers(v: View) -> Numbers:
    """Named in a visit of their own club (README)."""
    visits = [(club, one) for club in v.clubs for one in v.shelf.visits[club]]
    met = [(club, one) for club, one in visits if one.outcome == "met" and one.day in v.period]
    named = {(club, who) for club, one in met for who in one.helpers}
    return v.count(p for p in _volunteers(v) if (p.last_club(v.day), p.key) in named)


def _in_need(v: View) -> list[Person]:
    return [p for p in v.members if v.known(p, "care_need") in IN_NEED]


@indicator("C04", STOCK)
def in_need(v: View) -> Numbers:
    return v.count(_in_need(v), "sex", "age_band", "hh_class")


def _days_of_need(v: View, person: Person) -> Iterator[tuple[date, str]]:
    """Each day of P on which a member needed care, and the club of that day."""
    for stay in person.stays:
        day = max(stay.since, v.period.first)
        last = min(stay.until - DAY if stay.until else v.day, v.day)
        while day <= last:
            if person.fact("care_need", day) in IN_NEED:
                yield day, stay.club
            day += DAY


def _needed_once(v: View) -> list[Person]:
    return [p for p in v.of_the_period if any(_days_of_need(v, p))]


@indicator("C06n", FLOW)
def needed_once(v: View) -> Numbers:
    return v.count(_needed_once(v))


@indicator("C06", FLOW, "C06n")
def needed_and_met(v: View) -> Numbers:
    return v.count(p for p in _needed_once(v) if _was_met(v, p))


@indicator("C09n", FLOW)
def days_of_need(v: View) -> Numbers:
    return {WHOLE: sum(1 for p in v.everybody for _, club in _days_of_need(v, p)
                       if club in v.clubs)}  # fmt: skip


@indicator("C12", STOCK)
def not_visited(v: View) -> Numbers:
    since_day = v.day - timedelta(days=30)
    return v.count(
        p
        for p in _in_need(v)
        if not any(since_day < visit.day <= v.day for visit in v.shelf.met[p.key])
    )


# ------------------------------------------------------------------ D: who was checked
def _with_check(v: View, people: Iterable[Person], after: date, *, full: bool) -> list[Person]:
    return [
        p
        for p in people
        if any(
            after < one.day <= v.day and (one.kind == "full" or not full)
            for one in v.shelf.checked[p.key]
        )
    ]


LONG_AGO = date(1900, 1, 1)


@indicator("D02", FLOW, "B01", *CUTS)
def checked(v: View) -> Numbers:
    return v.count(_with_check(v, v.members, v.period.first - DAY, full=True), *CUTS)


@indicator("D02b", FLOW, "B05", *CUTS)
def older_checked(v: View) -> Numbers:
    return v.count(_with_check(v, v.older(v.members), v.period.first - DAY, full=True), *CUTS)


@indicator("D03", STOCK, "B01", *CUTS)
def checked_in_a_year(v: View) -> Numbers:
    return v.count(_with_check(v, v.members, years_before(v.day, 1), full=True), *CUTS)


@indicator("D03b", STOCK, "B05", *CUTS)
def older_checked_in_a_year(v: View) -> Numbers:
    return v.count(_with_check(v, v.older(v.members), years_before(v.day, 1), full=True), *CUTS)


@indicator("D04", STOCK, "B01")
def has_record(v: View) -> Numbers:
    return v.count(_with_check(v, v.members, LONG_AGO, full=False))


@indicator("D04b", STOCK, "B05")
def older_has_record(v: View) -> Numbers:
    return v.count(_with_check(v, v.older(v.members), LONG_AGO, full=False))


@indicator("D05", FLOW, "B01", "sex", "age_band")
def pressure_taken(v: View) -> Numbers:
    taken = (
        p
        for p in v.members
        if any(one.pressures and one.day in v.period for one in v.shelf.checked[p.key])
    )
    return v.count(taken, "sex", "age_band")


# ------------------------------------------------------------------ H: insurance
@indicator(
    "H01",
    STOCK,
    "B01",
    *CUTS,
    unknown=lambda v: v.count(
        (p for p in v.members if v.known(p, "insurance") == "unknown"), *CUTS
    ),
)
def insured(v: View) -> Numbers:
    return v.count((p for p in v.members if v.known(p, "insurance") == "yes"), *CUTS)


@indicator("H02", FLOW)
def helped_with_insurance(v: View) -> Numbers:
    """By an activity of their own club, or by mutual help."""
    by_club = {
        (one.club, who)
        for one in v.activities
        for who, kind in one.rights_help
        if kind == "insurance"
    }
    found = (
        p
        for p in v.of_the_period
        if (p.last_club(v.day), p.key) in by_club
        or any("insurance" in h.kinds and h.day in v.period for h in v.shelf.helped[p.key])
    )
    return v.count(found, *CUTS)


# ------------------------------------------------------------------ E11, E12: income
BETTER = {
    "poor": ("near_poor", "hard_up", "escaped_poverty", "average", "better_off"),
    "near_poor": ("hard_up", "escaped_poverty", "average", "better_off"),
}


def _risen(v: View, from_: str) -> Numbers:
    """Whose class went from this one to a better one on a day of P."""
    found = []
    for person in v.everybody:
        turns = person.facts["hh_class"]
        for (_, was), (day, now) in reversed(list(pairwise(turns))):
            if was == from_ and now in BETTER[from_] and day in v.period:
                found += [person] if person.last_club(day) in v.clubs else []
                break
    return {WHOLE: len(found)}


@indicator("E11a", FLOW)
def out_of_poverty(v: View) -> Numbers:
    return _risen(v, "poor")


@indicator("E11b", FLOW)
def out_of_near_poverty(v: View) -> Numbers:
    return _risen(v, "near_poor")


@indicator("E11", FLOW)
def out_of_either(v: View) -> Numbers:
    return _sum(out_of_poverty(v), out_of_near_poverty(v))


def _told_of_income(v: View, *said: str) -> Numbers:
    first = years_before(v.day, 1)
    return v.count(
        p for p in v.members
        if any(first < day <= v.day and word in said for day, word in p.income)
    )  # fmt: skip


@indicator("E12n", STOCK)
def asked_of_income(v: View) -> Numbers:
    return _told_of_income(v, "up", "same", "down")


@indicator("E12", STOCK, "E12n")
def income_rose(v: View) -> Numbers:
    return _told_of_income(v, "up")


# ------------------------------------------------------------------ Q: what is known of them
@indicator("Q01", STOCK, "B01", levels=CLUB_ONLY)
def only_year(v: View) -> Numbers:
    return v.count(p for p in v.members if p.precision in ("year", "estimate"))


@indicator("Q02", STOCK, "B01", levels=CLUB_ONLY)
def class_unknown(v: View) -> Numbers:
    return v.count(_class_unknown(v))


def _not_said_lately(v: View) -> list[Person]:
    """Whose class nobody has told for 12 months."""
    year_ago = years_before(v.day, 1)
    return [p for p in v.members if not any(year_ago < day <= v.day for day in p.class_said)]


@indicator(
    "Q03",
    STOCK,
    "B01",
    levels=CLUB_ONLY,
    unknown=lambda v: v.count(p for p in _not_said_lately(v) if p in _class_unknown(v)),
)
def stale_class(v: View) -> Numbers:
    return v.count(p for p in _not_said_lately(v) if p not in _class_unknown(v))


@indicator("Q04", STOCK, "B01", levels=CLUB_ONLY)
def no_consent(v: View) -> Numbers:
    return v.count(p for p in v.members if not on(p.facts.get("consent", []), v.day))


@indicator("Q05", REGISTER)
def alike(v: View) -> Numbers:
    pairs = [(a, b) for a, b in find_alike(v.truth) if a.is_member(v.day) and b.is_member(v.day)]
    here = {p.key for p in v.members}
    return {WHOLE: sum(one.key in here or other.key in here for one, other in pairs)}
