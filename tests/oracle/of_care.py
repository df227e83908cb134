"""What of C and D is counted visit by visit and check by check (§4.4, thresholds of §3.5.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from tests.oracle.figures import FLOW, NOT_OF_A_CLUB, STOCK, indicator
from tests.oracle.truth import Check, Person
from tests.oracle.view import Numbers, View, add_up, split


# ------------------------------------------------------------------ C: visits
@indicator("C05", FLOW)
def clients(v: View) -> Numbers:
    met = (visit.client for visit in v.visits if visit.client)
    return v.count(v.named(met), "sex", "age_band", "hh_class")


@indicator("C07", FLOW)
def visits(v: View) -> Numbers:
    return add_up(1 for _ in v.visits)


@indicator("C08", FLOW)
def hours(v: View) -> Numbers:
    return add_up(visit.minutes * len(visit.helpers) / 60 for visit in v.visits)


@indicator("C09", FLOW, "C09n")
def visits_for_need(v: View) -> Numbers:
    return visits(v)


@indicator("C10", FLOW, "C07")
def tasks(v: View) -> Numbers:
    return split((1, {"care_task": visit.tasks}) for visit in v.visits)


@indicator("C11n", FLOW)
def in_danger(v: View) -> Numbers:
    return add_up(1 for visit in v.visits if visit.red)


@indicator("C11", FLOW, "C11n")
def danger_answered(v: View) -> Numbers:
    return add_up(1 for visit in v.visits if visit.red and visit.red_action)


# ------------------------------------------------------------------ D: checks
@indicator("D01", FLOW)
def full_checks(v: View) -> Numbers:
    return add_up(1 for one in v.checks if one.kind == "full")


def is_pressure_high(one: Check) -> bool:
    """The mean of the last two readings; the higher class of the two numbers."""
    last = one.pressures[-2:]
    systolic = sum(a for a, _ in last) / len(last)
    diastolic = sum(b for _, b in last) / len(last)
    return systolic >= 140 or diastolic >= 90


def pressure_was_known(one: Check) -> bool:
    return "hypertension" in one.chronic or "bp" in one.medicines


GLUCOSE_HIGH = {
    ("fasting", "mmol"): 7.0, ("after_meal", "mmol"): 11.1, ("random", "mmol"): 11.1,
    ("fasting", "mgdl"): 126, ("after_meal", "mgdl"): 200, ("random", "mgdl"): 200,
}  # fmt: skip


def is_glucose_high(one: Check) -> bool:
    """In the unit typed."""
    assert one.glucose is not None
    state, unit, value = one.glucose
    return value >= GLUCOSE_HIGH[state, unit]


def glucose_was_known(one: Check) -> bool:
    return "diabetes" in one.chronic or "diabetes" in one.medicines


def bmi_class(one: Check) -> str:
    assert one.weight
    assert one.height
    bmi = one.weight / (one.height / 100) ** 2
    bounds = ((30, "obese_2"), (25, "obese_1"), (23, "overweight"), (18.5, "normal"))
    return next((name for least, name in bounds if bmi >= least), "thin")


Asked = Callable[[Check], bool]


def _latest(checks: Iterable[Check], measured: Asked) -> dict[str, Check]:
    """Each person's last check of those that measured it."""
    found: dict[str, Check] = {}
    for one in sorted(checks, key=lambda one: one.day):
        if measured(one):
            found[one.member] = one
    return found


def _people(v: View, checks: Iterable[Check], measured: Asked, is_so: Asked) -> list[Person]:
    return v.named(who for who, one in _latest(checks, measured).items() if is_so(one))


CUTS = ("sex", "age_band")


def has_pressure(one: Check) -> bool:
    return bool(one.pressures)


def has_pressure_and_history(one: Check) -> bool:
    return bool(one.pressures) and one.kind == "full"


def has_glucose(one: Check) -> bool:
    return one.glucose is not None


def has_weight(one: Check) -> bool:
    return one.weight is not None and one.height is not None


def anybody(one: Check) -> bool:
    return True


@indicator("D05n", FLOW)
def measured_pressure(v: View) -> Numbers:
    return v.count(_people(v, v.checks, has_pressure, anybody), *CUTS)


@indicator("D06", FLOW, "D05n", *CUTS)
def high_pressure(v: View) -> Numbers:
    return v.count(_people(v, v.checks, has_pressure, is_pressure_high), *CUTS)


def _newly_found(v: View, measured: Asked, is_high: Asked, was_known: Asked) -> Numbers:
    """Flag now, not diagnosed, not on the medicine, and no earlier flag in the whole record."""
    found = []
    for one in v.checks:
        if one.kind == "full" and measured(one) and is_high(one) and not was_known(one):
            earlier = (e for e in v.shelf.checked[one.member] if e.day < one.day)
            if not any(measured(e) and is_high(e) for e in earlier):
                found.append(one.member)
    return v.count(v.named(found), *CUTS)


@indicator("D07a", FLOW, levels=NOT_OF_A_CLUB)
def new_pressure(v: View) -> Numbers:
    return _newly_found(v, has_pressure, is_pressure_high, pressure_was_known)


@indicator("D07c", FLOW, levels=NOT_OF_A_CLUB)
def new_glucose(v: View) -> Numbers:
    return _newly_found(v, has_glucose, is_glucose_high, glucose_was_known)


@indicator("D07bn", FLOW, levels=NOT_OF_A_CLUB)
def known_pressure(v: View) -> Numbers:
    return v.count(_people(v, v.checks, has_pressure_and_history, pressure_was_known), *CUTS)


@indicator("D07b", FLOW, "D07bn", *CUTS, levels=NOT_OF_A_CLUB)
def controlled_pressure(v: View) -> Numbers:
    def controlled(one: Check) -> bool:
        return pressure_was_known(one) and not is_pressure_high(one)

    return v.count(_people(v, v.checks, has_pressure_and_history, controlled), *CUTS)


@indicator("D08n", FLOW, levels=NOT_OF_A_CLUB)
def measured_glucose(v: View) -> Numbers:
    return v.count(_people(v, v.checks, has_glucose, anybody), *CUTS)


@indicator("D08", FLOW, "D08n", *CUTS, levels=NOT_OF_A_CLUB)
def high_glucose(v: View) -> Numbers:
    return v.count(_people(v, v.checks, has_glucose, is_glucose_high), *CUTS)


@indicator("D09n", STOCK, levels=NOT_OF_A_CLUB)
def weighed(v: View) -> Numbers:
    return v.count(_people(v, v.checks_of_12_months, has_weight, anybody), *CUTS)


@indicator("D09", STOCK, "D09n", *CUTS, levels=NOT_OF_A_CLUB)
def by_bmi(v: View) -> Numbers:
    found = weighed(v)
    for one in _latest(v.checks_of_12_months, has_weight).values():
        cell = ("bmi_class", bmi_class(one))
        found[cell] = found.get(cell, 0) + 1
    return found


def _of_those_asked(id_: str, asked: Asked, is_so: Asked) -> None:
    """Two indicators: who was asked within 12 months, and of whom it is so by the latest check."""

    def below(v: View) -> Numbers:
        return v.count(_people(v, v.checks_of_12_months, asked, anybody), *CUTS)

    def above(v: View) -> Numbers:
        return v.count(_people(v, v.checks_of_12_months, asked, is_so), *CUTS)

    indicator(f"{id_}n", STOCK, levels=NOT_OF_A_CLUB)(below)
    indicator(id_, STOCK, f"{id_}n", *CUTS, levels=NOT_OF_A_CLUB)(above)


def mood(one: Check) -> int | None:
    """The sum of both answers; None where one was refused or not asked."""
    if one.mood is None or "refused" in one.mood:
        return None
    return int(one.mood[0]) + int(one.mood[1])


_of_those_asked("D10a", lambda c: c.adl_helped is not None, lambda c: (c.adl_helped or 0) > 0)
_of_those_asked("D10b", lambda c: c.iadl_helped is not None, lambda c: (c.iadl_helped or 0) > 0)
_of_those_asked("D11", lambda c: c.falls is not None, lambda c: (c.falls or 0) >= 2)
_of_those_asked("D12", lambda c: mood(c) is not None, lambda c: (mood(c) or 0) >= 3)


@indicator("D13a", FLOW)
def referrals(v: View) -> Numbers:
    return add_up(1 for one in v.checks if one.kind == "full" and one.refer != "none")


@indicator("D13b", FLOW, "D13a")
def followed_up(v: View) -> Numbers:
    """Another check within 30 days, also after D."""

    def is_seen_again(one: Check) -> bool:
        until = one.day + timedelta(days=30)
        return any(one.day < later.day <= until for later in v.shelf.checked[one.member])

    sent = [one for one in v.checks if one.kind == "full" and one.refer != "none"]
    return add_up(1 for one in sent if is_seen_again(one))
