"""The city's scheme, rule by rule: what clubs send becomes the figures it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from forms.library import Library
from forms.periods import Period, get_period
from sync import tables as t
from sync.database import Database
from sync.figures import Figure, Figures
from sync.rollup import count_clubs, roll_up
from tests.sync.rows import Rows, a_library

D = date(2018, 6, 30)
MAY = date(2018, 5, 10)
H1 = get_period("2018H1")
LIBRARY: Library = a_library()


@pytest.fixture
def rows(database: Database) -> Iterator[Rows]:
    """One club with three members: Ba and Tư are older women, Năm is a younger man."""
    with database.write() as db:
        rows = Rows(db)
        a_club(rows, "c1")
        rows.a_member("ba", "c1", born="1948-01-01", hh_class="poor", living="alone")
        rows.a_member("tu", "c1", born="1952-03-02", living="with_children", no_support="no")
        rows.a_member("nam", "c1", born="1985-07-01", sex="male", hh_class="unknown")
        yield rows


def a_club(rows: Rows, uuid: str, founded: date = date(2018, 1, 1), **facts: str) -> None:
    """A club that has sent something in P."""
    rows.a_club(uuid, founded=founded)
    for name, value in facts.items():
        rows.a_spell("clubs", uuid, name, value, founded)
    rows.a_record("membership", MAY, uuid)


def told(rows: Rows, *clubs: str, period: Period = H1) -> Figures:
    return count_clubs(rows.db, LIBRARY, period, clubs or ("c1",))


def value(figures: Figures, name: str, cut: str = "", of: str = "", place: str = "c1") -> object:
    """As shown: of a share its value."""
    figure = figures.get((place, name, cut, of), Figure(Decimal(0)))
    return figure.value(LIBRARY.indicators[name])


def values(figures: Figures, *names: str) -> list[object]:
    return [value(figures, name) for name in names]


def activity(rows: Rows, kind: str, day: date = MAY, club: str = "c1", **answers: str) -> int:
    said = {"kind": kind, "present_total": "40", "present_members": "30", "attendances": "40"}
    return rows.a_record("activity", day, club, answers={**said, **answers})


# ------------------------------------------------------------------ II. members


def test_r01_members_come_and_go_and_nobody_is_lost_between(rows: Rows) -> None:
    before, after = date(2018, 2, 1), date(2018, 4, 1)
    a_club(rows, "c2")
    rows.a_member("new", "c1", joined=before)
    rows.a_member("dead", "c1", joined=date(2017, 5, 5), left=after)
    rows.a_spell("members", "dead", "exit_kind", "died", after)
    rows.a_spell("members", "moved", "status", "active", date(2017, 5, 5))
    rows.a_spell("members", "moved", "club", "c2", date(2017, 5, 5), after)
    rows.a_spell("members", "moved", "club", "c1", after)

    figures = told(rows, "c1", "c2")

    # Ba, Tư and Năm came with the club, on 1 January.
    assert values(figures, "B01", "B02", "B02a", "B02b") == [5, 5, 4, 1]
    assert values(figures, "B03", "B03a", "B03b") == [1, 1, 0]
    assert value(figures, "B03a", "exit_kind", "died") == 1
    assert value(figures, "B03b", place="c2") == 1


def test_r04_r05_a_club_above_70_per_cent_women_or_poor_has_not_failed(rows: Rows) -> None:
    a_club(rows, "full")
    for n in range(50):
        rows.a_member(f"p{n}", "full", born="1950-01-01", hh_class="poor")

    figures = told(rows, "full")

    assert [value(figures, n, place="full") for n in ("B08", "B08a", "B08b", "B08c")] == [100] * 4
    women = LIBRARY.figures.target("B06", "club", D)
    assert women is not None
    assert women.judge(Decimal(100)) == "high"


def test_r06_older_women_who_come_first_and_whether_they_were_helped(rows: Rows) -> None:
    rows.a_member("sau", "c1", born="1940-01-01", no_support="yes")
    rows.a_record("mutual_help", MAY, "c1", "sau", {"kind": "cash", "paid_from": "own_pocket"})

    figures = told(rows)

    assert values(figures, "B09", "B09b", "B10", "B10b") == [2, 50, 1, 1]
    assert value(figures, "B09", "living", "alone") == 1


def test_a_member_with_two_disabilities_is_one_member_and_stands_under_both(rows: Rows) -> None:
    rows.a_member("sau", "c1", disability="mobility vision")
    rows.a_member("bay", "c1", disability="none")

    figures = told(rows)

    assert value(figures, "B11") == 1
    assert [value(figures, "B11", "disability", of) for of in ("mobility", "vision")] == [1, 1]


# ------------------------------------------------------------------ IV. health


def test_r08_exercise_by_the_week_counts_its_sessions_and_its_mean(rows: Rows) -> None:
    for month in range(1, 7):
        activity(rows, "exercise", date(2018, month, 5), sessions="3", attendances="60")
    activity(rows, "exercise", MAY, sessions="1", attendances="1")

    assert values(told(rows), "D15a", "D15b", "D15c") == [19, Decimal(361) / 19, 100]


def test_r08_r16_a_club_that_missed_a_month_did_not_meet_in_every_month(rows: Rows) -> None:
    for month in (1, 2, 3, 5, 6):
        activity(rows, "meeting", date(2018, month, 5))
        activity(rows, "exercise", date(2018, month, 5), sessions="1")

    assert values(told(rows), "G01", "G02", "D15c") == [5, 0, 0]


def test_r09_health_talks_are_those_on_health(rows: Rows) -> None:
    activity(rows, "talk", topic="health nutrition", present_total="42")
    activity(rows, "talk", topic="law")
    activity(rows, "meeting", topic="health")

    assert values(told(rows), "D14a", "D14b", "D14c") == [1, 42, 100]


def test_r10_checks_of_the_period_of_twelve_months_and_ever(rows: Rows) -> None:
    rows.a_check(MAY, "c1", "ba", high="yes")
    rows.a_check(date(2017, 7, 1), "c1", "tu")
    rows.a_check(MAY, "c1", "nam", kind="quick")

    figures = told(rows)

    assert values(figures, "D01", "D02b", "D03b") == [1, 50, 100]
    assert values(figures, "D04", "D05", "D06") == [100, Decimal(200) / 3, 50]


def test_r10_high_readings_that_are_new_and_that_are_under_control(rows: Rows) -> None:
    def check(day: date, who: str, high: str, known: str) -> None:
        derived = {"bp_high": high, "bp_known": known}
        rows.a_record("health_check", day, "c1", who, {"check_kind": "full"}, derived=derived)

    check(MAY, "ba", "yes", "no")  # new
    check(date(2017, 5, 5), "tu", "yes", "no")  # seen before
    check(MAY, "tu", "yes", "no")
    check(MAY, "nam", "no", "yes")  # known, and under control

    ward = rolled(rows, "commune")

    assert [ward[name] for name in ("D07a", "D07bn", "D07b")] == [1, 1, 100]


def rolled(rows: Rows, level: str, period: Period = H1) -> dict[str, object]:
    """The figures of the one place of a level, with every club of the test in it."""
    city = rows.a_unit("48", "Đà Nẵng", "city", covered=False)
    district = rows.a_unit("490", "Liên Chiểu", "district", city)
    ward = rows.a_unit("20194", "Hòa Hiệp Bắc", "commune", district)
    place = sa.insert(t.club_places).values(club_id="c1", unit_id=ward, valid_from=H1.first)
    rows.db.execute(place)
    figures = roll_up(rows.db, LIBRARY, period, level)
    return {
        name: figure.value(LIBRARY.indicators[name])
        for (_, name, cut, _), figure in figures.items()
        if not cut
    }


def test_r10_a_referral_is_followed_up_by_a_later_check_within_30_days(rows: Rows) -> None:
    rows.a_record("health_check", MAY, "c1", "ba", {"check_kind": "full", "refer": "hospital"})
    rows.a_record("health_check", MAY, "c1", "tu", {"check_kind": "full", "refer": "station"})
    rows.a_check(MAY + timedelta(days=30), "c1", "ba")
    rows.a_check(MAY + timedelta(days=31), "c1", "tu")

    assert values(told(rows), "D13a", "D13b") == [2, 50]


def test_r11_help_with_insurance_counts_a_member_once_whoever_wrote_it_down(rows: Rows) -> None:
    for who, insured in (("ba", "yes"), ("tu", "expired"), ("nam", "no")):
        rows.a_spell("members", who, "insurance", insured, date(2018, 1, 1))
    day = activity(rows, "meeting", topic="insurance", gave_rights_help="yes")
    helped = {"helped_member": "ba", "help_kind": "insurance"}
    rows.a_repeat(day, "rights_help", helped, {"helped_member": "tu", "help_kind": "allowance"})
    rows.a_record("mutual_help", MAY, "c1", "ba", {"kind": "insurance visit"})

    figures = told(rows)

    assert values(figures, "H01", "H02", "H02a") == [Decimal(100) / 3, 1, 2]


# ------------------------------------------------------------------ V. care at home


def test_r12_volunteers_who_went_to_see_somebody(rows: Rows) -> None:
    for n in range(5):
        rows.a_member(f"v{n}", "c1", is_volunteer="yes")
    rows.a_visit(MAY, "c1", "ba", volunteers="v0 v1")
    rows.a_visit(MAY, "c1", "tu", volunteers="v2", outcome="away")

    assert values(told(rows), "C01", "C02", "C03") == [5, 100, 40]


def test_r13_care_reaches_who_needs_it(rows: Rows) -> None:
    rows.a_member("need", "c1", care_need="regular", joined=date(2018, 6, 1))
    rows.a_member("late", "c1", care_need="temporary", joined=date(2018, 6, 1))
    rows.a_visit(date(2018, 6, 1), "c1", "need", tasks="talk cook", red="fall", red_action="family")
    rows.a_visit(D, "c1", "need", tasks="talk", red="fever")
    rows.a_visit(MAY, "c1", "ba", tasks="talk", red="none")

    figures = told(rows)

    assert values(figures, "C04", "C05", "C06", "C07", "C12") == [2, 2, 50, 3, 1]
    assert value(figures, "C09") == Decimal(3) / 60 * Decimal("30.4375")
    assert value(figures, "C10", "care_task", "cook") == Decimal(100) / 3
    assert value(figures, "C10", "care_task", "talk") == 100
    assert values(figures, "C11n", "C11") == [2, 50]


# ------------------------------------------------------------------ VI. mutual help


def test_r14_r18_help_is_counted_by_what_was_given(rows: Rows) -> None:
    def help_(who: str | None, **answers: str) -> None:
        rows.a_record("mutual_help", MAY, "c1", who, answers)

    help_("ba", kind="labour technique", labour_days="1.5")
    help_("ba", kind="cash", cash_vnd="200000", paid_from="own_pocket")
    help_(None, kind="goods", goods_value_vnd="300000", paid_from="club_fund")
    help_("tu", kind="visit")

    figures = told(rows)

    assert values(figures, "F01a", "F01b", "F05", "G06") == [3, 1, 1, 1]
    assert values(figures, "F02", "F03", "F04") == [Decimal("1.5"), 200000, 300000]
    assert value(figures, "F04", "help_paid_from", "club_fund") == 300000


def test_r15_community_work(rows: Rows) -> None:
    activity(rows, "community", present_total="25", person_hours="50")

    assert values(told(rows), "F06a", "F06b", "F06c", "F07") == [1, 25, 50, 100]


# ------------------------------------------------------------------ VII. meetings, arts, training


def test_r16_attendance_is_of_the_members_of_that_day(rows: Rows) -> None:
    rows.a_member("later", "c1", joined=date(2018, 6, 1))
    activity(rows, "meeting", MAY, present_total="5", present_members="3")
    activity(rows, "meeting", D, present_members="2")
    activity(rows, "talk", MAY, topic="livelihood health", present_total="20")

    figures = told(rows)

    assert values(figures, "G01", "G03n", "G03", "G04a", "G04b") == [2, 7, Decimal(500) / 7, 1, 20]
    assert value(figures, "G04b", "topic", "livelihood") == 20


def test_r17_arts_groups_and_performances(rows: Rows) -> None:
    rows.a_spell("clubs", "c1", "has_troupe", "yes", date(2018, 1, 1))
    activity(rows, "arts")

    assert values(told(rows), "G05a", "G05b") == [100, 1]


def test_r20_who_was_trained_also_by_a_course_of_another_club(rows: Rows) -> None:
    a_club(rows, "c2")
    activity(rows, "training", club="c2", topic="lending", board_trained="ba", trained="ba tu")

    figures = told(rows, "c1", "c2")

    assert value(figures, "G07a", place="c2") == 1
    assert value(figures, "G07b", place="c2") == 2
    assert values(figures, "G07n", "G07c") == [1, 100]


def test_r21_a_club_is_at_a_review_that_another_club_held(rows: Rows) -> None:
    a_club(rows, "c2")
    a_club(rows, "c3")
    activity(rows, "review", club="c2", clubs_present="c1 c2")

    figures = told(rows, "c1", "c2", "c3")

    assert [value(figures, "G08a", place=club) for club in ("c1", "c2", "c3")] == [100, 100, 0]
    assert [value(figures, "G08b", place=club) for club in ("c1", "c2", "c3")] == [0, 1, 0]


def test_r21_a_club_that_sent_nothing_was_at_the_review_that_names_it(rows: Rows) -> None:
    rows.a_club("quiet")
    rows.a_club("silent")
    activity(rows, "review", clubs_present="c1 quiet")

    figures = told(rows, "c1", "quiet", "silent")

    assert [value(figures, "G08a", place=club) for club in ("quiet", "silent")] == [100, None]


# ------------------------------------------------------------------ I. the network


def test_r22_r23_new_clubs_by_phase_up_to_the_closing_day(rows: Rows) -> None:
    a_club(rows, "old", date(2016, 12, 31))
    a_club(rows, "second", date(2019, 1, 1))
    a_club(rows, "later", date(2020, 12, 31))
    clubs = ("c1", "old", "second", "later")

    then, now = told(rows, *clubs), told(rows, *clubs, period=get_period("2020Y"))

    assert [value(then, "A07a", place=club) for club in clubs] == [1, 0, 0, 0]
    assert [value(then, "A07b", place=club) for club in clubs] == [0, 0, 0, 0]
    assert [value(now, "A07b", place=club) for club in clubs] == [0, 0, 1, 1]


def test_r22_districts_with_two_clubs(rows: Rows) -> None:
    assert rolled(rows, "city")["A06"] == 0


def test_r28_a_report_is_in_time_up_to_five_days_after_the_closing_day(rows: Rows) -> None:
    a_club(rows, "c2")
    for club, day in (("c1", D + timedelta(days=5)), ("c2", D + timedelta(days=6))):
        rows.a_record("period_report", day, club, answers={"period": "2018H1", "agree": "yes"})

    figures = told(rows, "c1", "c2")

    assert [value(figures, "A09", place=club) for club in ("c1", "c2")] == [100, 0]


def test_r29_clubs_with_a_founding_decision(rows: Rows) -> None:
    a_club(rows, "c2", has_decision="yes")

    figures = told(rows, "c1", "c2")

    assert [value(figures, "A10", place=club) for club in ("c1", "c2")] == [0, 100]


def test_r32_supervision_visits(rows: Rows) -> None:
    rows.a_record("supervision", MAY, "c1", answers={"cash_difference": "-50000"})

    assert values(told(rows), "S01", "Q08") == [1, -50000]


# ------------------------------------------------------------------ III. and VIII. money


def entry(rows: Rows, day: date, item: str, amount: int, **answers: str) -> None:
    into = amount > 0
    said = {"direction": "in" if into else "out", "item": item, "fund": "income"}
    paid = {"in_vnd": str(amount if into else 0), "out_vnd": str(0 if into else -amount)}
    more = {name: answers.pop(name) for name in ("donor_key", "goods_in_vnd") if name in answers}
    said |= {"entry_kind": "ordinary", **answers}
    derived = {**paid, "net_vnd": str(amount), **more}
    rows.a_record("ledger", day, "c1", answers=said, derived=derived)


def a_loan(rows: Rows, uuid: str, who: str, day: date, principal: int, **answers: str) -> None:
    said = {"member": who, "fund_source": "club_fund", "principal": str(principal), **answers}
    about = {"subject_list": "loans", "answers": said}
    rows.a_record("loan", day, "c1", uuid, **about)  # type: ignore[arg-type]
    facts = {"club": "c1", "borrower": who, "fund_source": said["fund_source"], "current": "yes"}
    for name, fact in {**facts, "status": "running", "balance": str(principal)}.items():
        rows.a_spell("loans", uuid, name, fact, day)


def test_r07_the_balance_is_the_ledger_less_what_is_lent_and_not_yet_back(rows: Rows) -> None:
    start = date(2017, 12, 1)
    entry(rows, start, "opening_balance", 30_000_000)
    entry(rows, MAY, "member_fee", 500_000, fund="activity")
    entry(rows, MAY, "office", -200_000, fund="activity")
    a_loan(rows, "l1", "ba", MAY, 5_000_000, purpose="livestock")
    a_loan(rows, "l2", "tu", MAY, 9_000_000, fund_source="policy_bank")
    paid = {"principal_paid": "1000000", "interest_paid": "25000"}
    rows.a_record(
        "repayment", D, "c1", "l1", paid, subject_list="loans", derived={"paid_vnd": "1025000"}
    )

    figures = told(rows)

    assert values(figures, "E02c", "E02a", "E02b", "E02") == [
        30_000_000,
        26_025_000,
        300_000,
        26_325_000,
    ]
    assert values(figures, "E03", "E03a", "E03b", "E03x") == [525_000, 500_000, 25_000, 200_000]
    assert value(figures, "E03a", "ledger_item", "member_fee") == 500_000
    assert values(figures, "E09a", "E09b") == [25_000, 0]


def test_r07_r30_loans_of_the_fund_and_of_other_programmes_stand_apart(rows: Rows) -> None:
    a_loan(rows, "l1", "ba", MAY, 5_000_000, purpose="livestock")
    a_loan(rows, "l2", "ba", MAY, 3_000_000, purpose="trade")
    a_loan(rows, "l3", "tu", MAY, 9_000_000, fund_source="policy_bank", purpose="crops")

    figures = told(rows)

    assert values(figures, "E04a", "E04b", "E04c", "E13") == [2, 8_000_000, 1, 1]
    assert value(figures, "E04b", "hh_class", "poor") == 8_000_000
    assert value(figures, "E10", "loan_purpose", "trade") == Decimal("37.5")
    assert values(figures, "E05", "E06", "E06n") == [Decimal(100) / 3, 8_000_000, 2]


def test_r07_what_fell_due_and_what_is_late(rows: Rows) -> None:
    a_loan(rows, "l1", "ba", date(2018, 1, 5), 6_000_000)
    a_loan(rows, "l2", "tu", date(2018, 1, 5), 2_000_000)
    due, day_after = date(2018, 4, 5), date(2018, 4, 6)
    for loan, owed, paid in (("l1", "1000000", "1000000"), ("l2", "500000", "0")):
        rows.a_spell("loans", loan, "due", owed, due, day_after)
        rows.a_spell("loans", loan, "due_on_time", paid, due, day_after)
    rows.a_spell("loans", "l2", "long_overdue", "yes", date(2018, 5, 6))

    figures = told(rows)

    assert values(figures, "E07", "E08") == [Decimal(200) / 3, 25]


def test_r07_a_member_leaves_poverty_on_the_day_the_new_class_takes_effect(rows: Rows) -> None:
    for start, end, hh_class in (
        (date(2017, 1, 1), date(2018, 1, 1), "poor"),
        (date(2018, 1, 1), None, "near_poor"),
    ):
        rows.a_spell("members", "risen", "hh_class", hh_class, start, end)
    rows.a_spell("members", "risen", "status", "active", date(2017, 1, 1))
    rows.a_spell("members", "risen", "club", "c1", date(2017, 1, 1))

    assert values(told(rows), "E11", "E11a", "E11b") == [1, 1, 0]


def test_r07_who_says_that_income_rose_is_a_share_of_who_answered(rows: Rows) -> None:
    for who, day, change in (
        ("ba", date(2017, 7, 1), "up"),
        ("tu", MAY, "same"),
        ("nam", date(2017, 6, 30), "up"),  # more than 12 months ago
    ):
        rows.a_record("member_update", day, "c1", who, {"income_change": change})

    assert values(told(rows), "E12n", "E12") == [2, 50]


def test_r19_r27_r31_what_was_raised_and_from_whom(rows: Rows) -> None:
    entry(rows, MAY, "sponsorship", 1_000_000, source="elderly_care_fund", donor_key="quy")
    entry(rows, MAY, "contribution", 300_000, source="member", donor_key="ba")
    entry(rows, MAY, "contribution", 200_000, source="member", donor_key="ba")
    entry(rows, MAY, "contribution", 100_000, source="red_cross")
    entry(rows, MAY, "fundraising", 50_000)
    entry(rows, MAY, "sponsorship", 0, source="business", goods_in_vnd="700000", direction="in")
    visit = rows.a_visit(MAY, "c1", "ba")
    rows.a_repeat(
        visit,
        "supplies",
        {"supply_item": "rice", "supply_value_vnd": "150000", "supply_source": "individual"},
        {"supply_item": "milk", "supply_value_vnd": "90000", "supply_source": "club_fund"},
    )

    figures = told(rows)

    assert values(figures, "I01", "I01n") == [1_650_000, 6]
    assert value(figures, "I01", "ledger_source", "elderly_care_fund") == 1_000_000
    assert value(figures, "I01", "ledger_source", "red_cross") == 100_000
    assert values(figures, "I02", "I02a", "I02b") == [850_000, 700_000, 150_000]
    assert values(figures, "I03", "I03a", "I03b", "I04") == [4, 2, 2, 1]


# ------------------------------------------------------------------ the eight areas


def test_a_club_is_active_in_all_eight_areas_or_it_is_not(rows: Rows) -> None:
    entry(rows, MAY, "contribution", 100_000, source="member")
    rows.a_check(MAY, "c1", "ba")
    activity(rows, "exercise", sessions="1")
    rows.a_visit(MAY, "c1", "ba")
    rows.a_record("mutual_help", MAY, "c1", "ba", {"kind": "technique"})
    activity(rows, "talk", topic="law")

    assert value(told(rows), "A08") == 0  # no arts, exchange or visit yet
    activity(rows, "exchange")
    assert value(told(rows), "A08") == 100


# ------------------------------------------------------------------ quality


def test_what_is_not_known_of_the_members_is_told_in_per_cent(rows: Rows) -> None:
    rows.a_spell("members", "ba", "birth_precision", "year", date(2018, 1, 1))
    rows.a_spell("members", "ba", "consent", "paper_signature", date(2018, 1, 1))

    figures = told(rows)

    one, two = Decimal(100) / 3, Decimal(200) / 3
    assert values(figures, "Q01", "Q02", "Q04") == [one, one, two]


def test_a_class_nobody_wrote_down_for_twelve_months_is_old(rows: Rows) -> None:
    said = {"hh_class": "average"}
    rows.a_record("membership", date(2017, 6, 30), "c1", "ba", {"hh_class": "poor"})
    rows.a_record("member_update", date(2017, 7, 1), "c1", "tu", said)

    # Nobody knows Năm's class: that is another figure.
    assert value(told(rows), "Q03") == Decimal(100) / 3


def test_months_without_any_record_are_counted(rows: Rows) -> None:
    activity(rows, "meeting", date(2018, 1, 31))

    for club in ("silent", "busy"):
        rows.a_club(club)
    for month in range(1, 7):
        activity(rows, "meeting", date(2018, month, 1), club="busy")

    figures = told(rows, "c1", "silent", "busy")

    assert value(figures, "Q09") == 4  # January and May have one
    assert value(figures, "Q09", place="silent") == 6
    assert value(figures, "Q09", place="busy") == 0
