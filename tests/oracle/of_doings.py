"""Sections F and G of §4.4, and talks, exercise and help with rights: event by event."""

from __future__ import annotations

from collections.abc import Iterable

from tests.oracle.figures import FLOW, indicator
from tests.oracle.truth import Activity, Help
from tests.oracle.view import WHOLE, Numbers, View, add_up, split

IN_KIND = {"labour", "cash", "goods", "technique"}  # what R14 calls help among members
ON_RIGHTS = {"rights", "policy", "insurance", "law"}


def _helps(v: View, *kinds: str) -> list[Help]:
    return [one for one in v.helps if set(kinds) & set(one.kinds)]


# ------------------------------------------------------------------ F: mutual help
@indicator("F01a", FLOW)
def cases(v: View) -> Numbers:
    return add_up(1 for _ in _helps(v, *IN_KIND))


@indicator("F01b", FLOW)
def beneficiaries(v: View) -> Numbers:
    return add_up(1 for _ in {h.beneficiary for h in _helps(v, *IN_KIND) if h.beneficiary})


@indicator("F02", FLOW)
def labour_days(v: View) -> Numbers:
    return add_up(one.labour_days for one in _helps(v, "labour"))


@indicator("F03", FLOW)
def cash(v: View) -> Numbers:
    return split((h.cash, {"help_paid_from": [h.paid_from]}) for h in _helps(v, "cash"))


@indicator("F04", FLOW)
def goods(v: View) -> Numbers:
    return split((h.goods, {"help_paid_from": [h.paid_from]}) for h in _helps(v, "goods"))


@indicator("F05", FLOW)
def technique(v: View) -> Numbers:
    return add_up(1 for _ in _helps(v, "technique"))


@indicator("G06", FLOW)
def sympathy(v: View) -> Numbers:
    return add_up(1 for _ in _helps(v, "visit"))


# ------------------------------------------------------------------ F: community work
@indicator("F06a", FLOW)
def community_events(v: View) -> Numbers:
    return add_up(1 for _ in v.kind("community"))


@indicator("F06b", FLOW)
def community_people(v: View) -> Numbers:
    return add_up(one.present for one in v.kind("community"))


@indicator("F06c", FLOW)
def community_hours(v: View) -> Numbers:
    return add_up(one.person_hours for one in v.kind("community"))


# ------------------------------------------------------------------ G: meetings
@indicator("G01", FLOW)
def meetings(v: View) -> Numbers:
    return add_up(1 for _ in v.kind("meeting"))


def _months_with(v: View, kind: str) -> Numbers:
    """Months of P with at least one, in any club of the place."""
    return {WHOLE: len({v.period.month_of(one.day) for one in v.kind(kind)})}


@indicator("G02n", FLOW)
def months_with_meeting(v: View) -> Numbers:
    return _months_with(v, "meeting")


@indicator("G03n", FLOW)
def expected_attendance(v: View) -> Numbers:
    return add_up(
        1 for one in v.kind("meeting") for p in v.shelf.people[one.club]
        if (stay := p.stay_on(one.day)) and stay.club == one.club
    )  # fmt: skip


@indicator("G03", FLOW, "G03n")
def attendance(v: View) -> Numbers:
    return add_up(one.present - one.guests for one in v.kind("meeting"))


# ------------------------------------------------------------------ talks, exercise, arts
def _by_topic(events: Iterable[Activity], *, people: bool) -> Numbers:
    return split((one.present if people else 1, {"topic": one.topics}) for one in events)


@indicator("G04a", FLOW)
def talks(v: View) -> Numbers:
    return _by_topic(v.kind("talk"), people=False)


@indicator("G04b", FLOW)
def listeners(v: View) -> Numbers:
    return _by_topic(v.kind("talk"), people=True)


@indicator("G04c", FLOW)
def talks_on_rights(v: View) -> Numbers:
    return add_up(1 for one in v.kind("talk") if ON_RIGHTS & set(one.topics))


def _on_health(v: View) -> list[Activity]:
    return [one for one in v.kind("talk") if "health" in one.topics]


@indicator("D14a", FLOW)
def health_talks(v: View) -> Numbers:
    return add_up(1 for _ in _on_health(v))


@indicator("D14b", FLOW)
def health_listeners(v: View) -> Numbers:
    return add_up(one.present for one in _on_health(v))


@indicator("D15a", FLOW)
def exercise_sessions(v: View) -> Numbers:
    return add_up(one.sessions for one in v.kind("exercise"))


@indicator("D15b", FLOW, "D15a")
def exercise_attendance(v: View) -> Numbers:
    return add_up(one.present * one.sessions for one in v.kind("exercise"))


@indicator("D15n", FLOW)
def months_with_exercise(v: View) -> Numbers:
    return _months_with(v, "exercise")


@indicator("G05b", FLOW)
def performances(v: View) -> Numbers:
    return add_up(1 for _ in v.kind("arts"))


@indicator("G05c", FLOW)
def exchanges(v: View) -> Numbers:
    return add_up(1 for _ in v.kind("exchange"))


# ------------------------------------------------------------------ training, reviews, rights
@indicator("G07a", FLOW)
def courses(v: View) -> Numbers:
    return _by_topic(v.kind("training"), people=False)


@indicator("G07b", FLOW)
def trained(v: View) -> Numbers:
    named = {who for one in v.kind("training") for who in (*one.roster, *one.board_trained)}
    return add_up(1 for _ in named)


@indicator("G07n", FLOW)
def board_trained(v: View) -> Numbers:
    """Members on D, by whomever the course was held."""
    named = {
        who
        for one in v.truth.activities
        if one.kind == "training" and one.day in v.period
        for who in one.board_trained
    }
    return v.count(p for p in v.members if p.key in named)


@indicator("G08b", FLOW)
def reviews(v: View) -> Numbers:
    return add_up(1 for _ in v.kind("review"))


@indicator("H02a", FLOW)
def help_with_rights(v: View) -> Numbers:
    return add_up(len(one.rights_help) for one in v.activities)
