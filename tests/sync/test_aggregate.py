"""Figures: the golden cases of the domain, and that stored equals counted again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.periods import ADMINISTRATIVE, get_period
from sync import tables as t
from sync.aggregate import Touch, count_stale, keep, measure, take_stale, touch
from sync.database import Database
from sync.figures import Figure, Figures
from sync.rollup import count_clubs, is_fresh, roll_up
from tests.sync.rows import NOW, Rows, a_library

D = date(2018, 6, 30)
PERIOD = get_period("2018H1")


@pytest.fixture
def library() -> Any:
    return a_library()


@pytest.fixture
def rows(database: Database) -> Iterator[Rows]:
    with database.write() as db:
        yield Rows(db)


def figure(figures: Figures, place: str, name: str, cut: str = "", value: str = "") -> Figure:
    return figures.get((place, name, cut, value), Figure(Decimal(0)))


def number(figures: Figures, place: str, name: str, cut: str = "", value: str = "") -> int | None:
    found = figure(figures, place, name, cut, value).numerator
    return None if found is None else int(found)


def share(library: Any, figures: Figures, place: str, name: str) -> Decimal | None:
    return figure(figures, place, name).value(library.figures.indicators[name])


def counted(rows: Rows, library: Any, *clubs: str, period: Any = PERIOD) -> Figures:
    return count_clubs(rows.db, library, period, list(clubs))


# ------------------------------------------------------------------ golden cases


def test_r03_sixty_on_the_closing_day_is_old_and_a_day_later_is_not(
    rows: Rows, library: Any
) -> None:
    rows.a_club("c1")
    rows.a_member("sixty_on_D", "c1", born="1958-06-30")
    rows.a_member("sixty_on_the_next_day", "c1", born="1958-07-01")
    rows.a_member("year_only_1958", "c1", born="1958-01-01")
    rows.a_check(D, "c1", "sixty_on_D")

    figures = counted(rows, library, "c1")

    assert number(figures, "c1", "B01") == 3
    assert number(figures, "c1", "B05") == 2
    assert figure(figures, "c1", "B05").denominator == 3
    assert number(figures, "c1", "B01", "age_band", "60_69") == 2
    assert number(figures, "c1", "B01", "age_band", "18_59") == 1


def test_who_leaves_on_the_closing_day_is_out_and_a_day_later_is_in(
    rows: Rows, library: Any
) -> None:
    rows.a_club("c1")
    rows.a_member("out", "c1", left=D)
    rows.a_member("in", "c1", left=D + timedelta(days=1))
    rows.a_check(D, "c1", "in")

    assert number(counted(rows, library, "c1"), "c1", "B01") == 1


def test_a_club_founded_on_the_closing_day_is_counted(rows: Rows, library: Any) -> None:
    rows.a_club("today", founded=D)
    rows.a_club("tomorrow", founded=D + timedelta(days=1))
    for club in ("today", "tomorrow"):
        rows.a_record("membership", D, club)

    figures = counted(rows, library, "today", "tomorrow")

    assert number(figures, "today", "A01") == 1
    assert number(figures, "tomorrow", "A01") == 0
    assert number(figures, "today", "A02") == 1


def test_r05_an_unknown_class_stays_in_the_denominator_and_is_shown(
    rows: Rows, library: Any
) -> None:
    rows.a_club("c1")
    rows.a_member("poor", "c1", hh_class="poor")
    rows.a_member("nobody_knows", "c1", hh_class="unknown")
    rows.a_member("average", "c1")
    rows.a_check(D, "c1", "poor")

    figures = counted(rows, library, "c1")

    assert figure(figures, "c1", "B07") == Figure(Decimal(1), Decimal(3), missing=1)
    assert number(figures, "c1", "B01", "hh_class", "unknown") == 1


def fifty_six_units(rows: Rows) -> list[int]:
    city = rows.a_unit("48", "Đà Nẵng", "city", covered=False)
    district = rows.a_unit("490", "Liên Chiểu", "district", city)
    rows.a_unit("498", "Hoàng Sa", "commune", city, covered=False)
    return [rows.a_unit(f"{20000 + n}", f"Phường {n}", "commune", district) for n in range(56)]


@pytest.mark.parametrize(("covered", "judged"), [(28, "low"), (29, "met")])
def test_r24_more_than_half_of_56_units_means_29(
    rows: Rows, library: Any, covered: int, judged: str
) -> None:
    period = get_period("2020H2")
    units = fifty_six_units(rows)
    for n in range(covered):
        rows.a_club(f"c{n}", units[n])
        rows.a_record("membership", date(2020, 12, 1), f"c{n}")

    figures = roll_up(rows.db, library, period, "city")

    ((place, *_),) = [key for key in figures if key[1] == "A05"]
    assert figure(figures, place, "A05") == Figure(Decimal(covered), Decimal(56))
    target = library.figures.target("A05", "city", period.last)
    value = share(library, figures, place, "A05")
    assert value is not None
    assert target.judge(value) == judged


def test_r24_two_clubs_in_one_ward_cover_one_ward(rows: Rows, library: Any) -> None:
    units = fifty_six_units(rows)
    for club in ("c1", "c2"):
        rows.a_club(club, units[0])
        rows.a_record("membership", date(2018, 5, 1), club)

    figures = roll_up(rows.db, library, PERIOD, "district")
    city = roll_up(rows.db, library, PERIOD, "city")

    assert {k[1]: int(f.numerator or 0) for k, f in figures.items() if k[1] in ("A01", "A03")} == {
        "A01": 2,
        "A03": 1,
    }
    assert [int(f.numerator or 0) for k, f in city.items() if k[1] == "A06"] == [1]


def test_r01_fifty_and_seventy_members_are_within_the_rule_and_71_are_not(
    rows: Rows, library: Any
) -> None:
    for club, size in (("c49", 49), ("c50", 50), ("c70", 70), ("c71", 71)):
        rows.a_club(club)
        rows.a_record("membership", D, club)
        for n in range(size):
            rows.a_member(f"{club}_{n}", club)

    figures = counted(rows, library, "c49", "c50", "c70", "c71")

    assert [number(figures, c, "B04") for c in ("c49", "c50", "c70", "c71")] == [0, 1, 1, 0]


def test_r03_exactly_seventy_per_cent_is_enough_and_just_below_is_not(
    rows: Rows, library: Any
) -> None:
    target = library.figures.target("B05", "club", D)
    assert target.judge(100 * Decimal(35) / 50) == "met"
    assert target.judge(Decimal("69.96")) == "low"


def test_r12_five_volunteers_are_a_team_and_four_are_not(rows: Rows, library: Any) -> None:
    for club, team in (("four", 4), ("five", 5)):
        rows.a_club(club)
        rows.a_record("membership", D, club)
        for n in range(team):
            rows.a_member(f"{club}{n}", club, is_volunteer="yes")

    figures = counted(rows, library, "four", "five")

    assert number(figures, "four", "C02") == 0
    assert number(figures, "five", "C02") == 1


def test_zero_is_not_missing(rows: Rows, library: Any) -> None:
    rows.a_club("sent_checks_only")
    rows.a_club("silent")
    rows.a_member("m1", "sent_checks_only")
    rows.a_check(D, "sent_checks_only", "m1")

    figures = counted(rows, library, "sent_checks_only", "silent")

    assert figure(figures, "sent_checks_only", "C07") == Figure(Decimal(0))
    assert figure(figures, "silent", "C07") == Figure(None)
    assert figure(figures, "silent", "B01") == Figure(None)
    assert figure(figures, "silent", "A01") == Figure(Decimal(1))  # the register knows it


# ------------------------------------------------------------------ events


def test_only_met_visits_of_the_period_that_stand_for_themselves_count(
    rows: Rows, library: Any
) -> None:
    rows.a_club("c1")
    rows.a_member("m1", "c1", hh_class="poor")
    first = rows.a_visit(date(2018, 1, 1), "c1", "m1")
    rows.a_visit(D, "c1", "m1", outcome="away")
    rows.a_visit(D + timedelta(days=1), "c1", "m1")
    again = rows.a_visit(date(2018, 1, 1), "c1", "m1")
    held = rows.a_visit(D, "c1", "m1")
    is_record = t.records.c.id
    rows.db.execute(sa.update(t.records).where(is_record == again).values(counted_with=first))
    rows.db.execute(sa.update(t.records).where(is_record == held).values(held_back=True))

    figures = counted(rows, library, "c1")

    assert number(figures, "c1", "C07") == 1
    assert number(figures, "c1", "C05") == 1
    assert number(figures, "c1", "C05", "hh_class", "poor") == 1


def test_hours_are_minutes_times_helpers_of_the_united_visit(rows: Rows, library: Any) -> None:
    rows.a_club("c1")
    rows.a_member("m1", "c1")
    rows.a_visit(D, "c1", "m1", minutes="20")
    rows.a_visit(D, "c1", "m1", minutes="không nhớ")
    visit = rows.a_visit(D, "c1", "m1", minutes="30")
    whole = {"minutes": "45", "volunteers": "v1 v2", "outcome": "met"}
    rows.db.execute(sa.update(t.records).where(t.records.c.id == visit).values(united=whole))

    found = figure(counted(rows, library, "c1"), "c1", "C08")

    assert found.numerator == 20 + 45 * 2
    assert found.value(library.figures.indicators["C08"]) == Decimal(110) / 60


@pytest.mark.parametrize("slip", ["9" * 400, "1e99", "1e999", "-1e30", "10000000001"])
def test_a_number_too_large_to_be_true_is_no_number_and_others_are_still_counted(
    rows: Rows, library: Any, slip: str
) -> None:
    rows.a_club("c1")
    rows.a_member("m1", "c1")
    rows.a_visit(D, "c1", "m1", minutes="20")
    rows.a_visit(D, "c1", "m1", minutes=slip)
    touch(rows.db, library, {Touch("c1", D)}, NOW)

    assert measure(rows.db, library, 100, NOW) > 0
    assert number(counted(rows, library, "c1"), "c1", "C08") == 20


def test_a_sum_too_large_to_be_stored_keeps_nothing_else_from_being_measured(
    rows: Rows, library: Any
) -> None:
    rows.a_club("c1")
    rows.a_member("m1", "c1")
    rows.a_visit(D, "c1", "m1", minutes="9999999999", volunteers=" ".join(["v"] * 20_000))
    touch(rows.db, library, {Touch("c1", D)}, NOW)

    assert measure(rows.db, library, 100, NOW) > 0
    figures = counted(rows, library, "c1")
    assert number(figures, "c1", "C07") == 1
    assert not number(figures, "c1", "C08")


def test_the_latest_pressure_of_a_person_decides(rows: Rows, library: Any) -> None:
    rows.a_club("c1")
    for member in ("m1", "m2", "m3"):
        rows.a_member(member, "c1")
    rows.a_check(date(2018, 2, 1), "c1", "m1", high="yes")
    rows.a_check(date(2018, 5, 1), "c1", "m1", high="no")
    rows.a_check(date(2018, 5, 1), "c1", "m2", high="yes")
    rows.a_check(date(2018, 6, 1), "c1", "m2", high="", kind="full")  # not measured this time
    rows.a_check(date(2018, 6, 1), "c1", "m3", high="no", kind="quick")

    figures = counted(rows, library, "c1")

    assert figure(figures, "c1", "D06") == Figure(Decimal(1), Decimal(3))
    assert figure(figures, "c1", "D05") == Figure(Decimal(3), Decimal(3))
    assert number(figures, "c1", "D01") == 4
    assert figure(figures, "c1", "D02") == Figure(Decimal(2), Decimal(3))


def test_a_check_counts_for_twelve_months_up_to_the_closing_day(rows: Rows, library: Any) -> None:
    rows.a_club("c1")
    for member in ("just_in", "just_out"):
        rows.a_member(member, "c1", joined=date(2017, 1, 1))
    rows.a_check(date(2017, 7, 1), "c1", "just_in")
    rows.a_check(date(2017, 6, 30), "c1", "just_out")

    figures = counted(rows, library, "c1")

    assert number(figures, "c1", "D03") == 1
    assert number(figures, "c1", "D04") == 2
    assert number(figures, "c1", "D02") is None  # nothing was sent in the period


def test_a_volunteer_is_active_when_named_in_a_visit(rows: Rows, library: Any) -> None:
    rows.a_club("c1")
    rows.a_member("m1", "c1")
    for volunteer in ("v1", "v10"):
        rows.a_member(volunteer, "c1", is_volunteer="yes")
    rows.a_visit(D, "c1", "m1", volunteers="v10 x")

    assert figure(counted(rows, library, "c1"), "c1", "C03") == Figure(Decimal(1), Decimal(2))


def test_the_parts_of_a_cut_add_up_to_the_whole(rows: Rows, library: Any) -> None:
    dice = random.Random(4)
    rows.a_club("c1")
    for n in range(40):
        rows.a_member(
            f"m{n}",
            "c1",
            born=dice.choice([None, f"{dice.randint(1925, 2005)}-03-05"]),
            sex=dice.choice(["female", "male"]),
            hh_class=dice.choice(["poor", "near_poor", "unknown", "average"]),
        )
    for n in range(80):
        rows.a_visit(D - timedelta(days=n % 30), "c1", f"m{dice.randrange(40)}")

    figures = counted(rows, library, "c1")

    for indicator in library.figures.indicators.values():
        for cut in indicator.by:
            parts = sum(f.numerator for k, f in figures.items() if k[1:3] == (indicator.id, cut))
            assert parts == figure(figures, "c1", indicator.id).numerator, (indicator.id, cut)


# ------------------------------------------------------------------ levels


def test_a_person_seen_in_two_clubs_is_one_person_in_the_city(rows: Rows, library: Any) -> None:
    units = fifty_six_units(rows)
    rows.a_club("c1", units[0])
    rows.a_club("c2", units[1])
    rows.a_member("moved", "c1")
    rows.a_visit(date(2018, 2, 1), "c1", "moved")
    rows.a_visit(date(2018, 5, 1), "c2", "moved")

    clubs = roll_up(rows.db, library, PERIOD, "club")
    city = roll_up(rows.db, library, PERIOD, "city")

    ((place, *_),) = [key for key in city if key[1:] == ("C05", "", "")]
    assert number(clubs, "c1", "C05") == number(clubs, "c2", "C05") == 1
    assert number(city, place, "C05") == 1
    assert number(city, place, "C07") == 2


def test_shares_are_divided_after_adding(rows: Rows, library: Any) -> None:
    units = fifty_six_units(rows)
    rows.a_club("small", units[0])
    rows.a_club("large", units[0])
    rows.a_member("s", "small", sex="male")
    for n in range(9):
        rows.a_member(f"l{n}", "large")
    for club in ("small", "large"):
        rows.a_record("membership", D, club)

    ward = roll_up(rows.db, library, PERIOD, "commune")

    assert share(library, ward, str(units[0]), "B06") == 90
    assert figure(ward, str(units[0]), "B06") == Figure(Decimal(9), Decimal(10))


def test_a_total_of_silent_clubs_is_missing_and_of_some_is_theirs(rows: Rows, library: Any) -> None:
    units = fifty_six_units(rows)
    rows.a_club("silent", units[0])
    rows.a_club("alone", units[1])
    rows.a_club("neighbour", units[1])
    rows.a_member("m1", "alone")
    rows.a_visit(D, "alone", "m1")

    wards = roll_up(rows.db, library, PERIOD, "commune")

    assert number(wards, str(units[0]), "C07") is None
    assert number(wards, str(units[1]), "C07") == 1


def test_the_administrative_half_year_ends_on_14_june(rows: Rows, library: Any) -> None:
    rows.a_club("c1")
    rows.a_member("m1", "c1")
    for day in (date(2017, 12, 14), date(2017, 12, 15), date(2018, 6, 14), date(2018, 6, 15)):
        rows.a_visit(day, "c1", "m1")

    figures = roll_up(rows.db, library, get_period("2018H1", ADMINISTRATIVE), "club")

    assert number(figures, "c1", "C07") == 2


# ------------------------------------------------------------------ stale cells


def stale(rows: Rows) -> set[tuple[str, str]]:
    cells = t.stale_cells.c
    return {(r.period, r.club_id) for r in rows.db.execute(sa.select(cells.period, cells.club_id))}


def test_a_fact_touches_every_later_period_and_none_before(rows: Rows, library: Any) -> None:
    touch(rows.db, library, [Touch("c1", date(2025, 3, 1), stock=True)] * 2, NOW)

    assert stale(rows) == {(p, "c1") for p in ("2025H1", "2025H2", "2025Y", "2026H1", "2026Y")}


def test_with_its_first_record_a_clubs_figures_are_known_from_then_on(
    rows: Rows, library: Any
) -> None:
    rows.a_club("c1")
    rows.a_record("supervision", date(2025, 3, 1), "c1")
    touch(rows.db, library, [Touch("c1", date(2025, 3, 1), form="supervision")], NOW)
    assert stale(rows) == {(p, "c1") for p in ("2025H1", "2025H2", "2025Y", "2026H1", "2026Y")}

    rows.db.execute(t.stale_cells.delete())
    rows.a_record("supervision", date(2025, 4, 1), "c1")
    touch(rows.db, library, [Touch("c1", date(2025, 4, 1), form="supervision")], NOW)
    assert stale(rows) == {("2025H1", "c1"), ("2025Y", "c1")}


def test_a_touch_before_the_scheme_or_in_the_far_future_is_harmless(
    rows: Rows, library: Any
) -> None:
    touch(rows.db, library, [Touch("c1", date(2099, 3, 1))], NOW)
    assert stale(rows) == set()

    touch(rows.db, library, [Touch("c1", date(1970, 1, 1), stock=True)], NOW)
    assert min(stale(rows)) == ("2017H1", "c1")


def test_measured_figures_are_what_counting_again_gives_c20(rows: Rows, library: Any) -> None:
    dice = random.Random(20)
    clubs = ["c1", "c2", "c3"]
    for club in clubs:
        rows.a_club(club)
    for n in range(30):
        club = dice.choice(clubs)
        rows.a_member(f"m{n}", club, sex=dice.choice(["female", "male"]))
        touch(rows.db, library, [Touch(club, date(2018, 1, 1), stock=True)], NOW)
    for _ in range(12):
        club, day = dice.choice(clubs), date(2025, 1, 1) + timedelta(days=dice.randrange(380))
        rows.a_visit(day, club, f"m{dice.randrange(30)}")
        touch(rows.db, library, [Touch(club, day)], NOW)
        if dice.random() < 0.5:
            while measure(rows.db, library, 5, NOW):
                pass
    while measure(rows.db, library, 5, NOW):
        pass

    for code in ("2024Y", "2025H1", "2025H2", "2025Y", "2026H1", "2026Y"):
        period = get_period(code)
        assert is_fresh(rows.db, period)
        stored = roll_up(rows.db, library, period, "club")
        assert stored == count_clubs(rows.db, library, period, clubs), code


def test_a_new_period_opens_with_the_members_of_the_old(rows: Rows, library: Any) -> None:
    rows.a_club("c1")
    rows.a_member("m1", "c1")
    rows.a_record("membership", date(2018, 1, 1), "c1", "m1")

    assert measure(rows.db, library, 10, NOW) == 2
    assert measure(rows.db, library, 10, NOW) == 0

    figures = roll_up(rows.db, library, get_period("2026H1"), "club")
    assert number(figures, "c1", "B01") == 1
    assert number(figures, "c1", "C07") is None


def test_c20_a_mark_made_while_it_is_measured_is_not_lost(database: Database, library: Any) -> None:
    with database.write() as db:
        Rows(db).a_club("c1")
        touch(db, library, [Touch("c1", date(2026, 1, 1))], NOW)
    with database.read() as db:
        early = count_stale(db, library, 10, NOW)
    with database.write() as db:
        touch(db, library, [Touch("c1", date(2026, 1, 1))], NOW)
    with database.write() as db:
        keep(db, early)
        assert not is_fresh(db, get_period("2026H1"))
        assert measure(db, library, 10, NOW) > 0
        assert is_fresh(db, get_period("2026H1"))


def test_a_period_whose_clubs_are_measured_in_parts_lacks_none(rows: Rows, library: Any) -> None:
    for club in ("c1", "c2", "c3"):
        rows.a_club(club)
        rows.a_member(f"of {club}", club)
        rows.a_record("membership", date(2018, 1, 1), club, f"of {club}")
    assert measure(rows.db, library, 2, NOW) == 2

    figures = roll_up(rows.db, library, get_period("2026H1"), "club")

    assert [number(figures, club, "B01") for club in ("c1", "c2", "c3")] == [1, 1, 1]


def test_a_first_measurement_does_not_overwrite_a_newer_one(
    database: Database, library: Any
) -> None:
    with database.write() as db:
        rows = Rows(db)
        rows.a_club("c1")
        rows.a_record("membership", date(2018, 1, 1), "c1")
    with database.read() as db:
        late = count_stale(db, library, 10, NOW)
    with database.write() as db:
        rows.db = db
        rows.a_member("m1", "c1")
        touch(db, library, [Touch("c1", date(2026, 1, 1), stock=True)], NOW)
        measure(db, library, 10, NOW)
    with database.write() as db:
        keep(db, late)
        figures = roll_up(db, library, get_period("2026H1"), "club")
    assert number(figures, "c1", "B01") == 1


def test_what_another_worker_has_measured_is_passed_by(database: Database, library: Any) -> None:
    with database.write() as db:
        Rows(db).a_club("c1")
        touch(db, library, [Touch("c1", date(2026, 1, 1))], NOW)
    with database.read() as db:
        late = count_stale(db, library, 10, NOW)
    with database.write() as db:
        measure(db, library, 10, NOW)
        keep(db, late)
        assert measure(db, library, 10, NOW) == 0


def test_two_workers_take_different_cells_and_what_the_first_leaves_is_free_again(
    database: Database, library: Any
) -> None:
    with database.write() as db:
        rows = Rows(db)
        for club in ("c1", "c2", "c3"):
            rows.a_club(club)
            touch(db, library, [Touch(club, date(2026, 1, 1))], NOW)

    def taken_by(db: Connection, limit: int) -> set[str]:
        return {f"{cell.period} {cell.club_id}" for cell in take_stale(db, library, limit, NOW)}

    with database.read() as second:
        with database.read() as first:
            mine, others = taken_by(first, 2), taken_by(second, 100)
            assert len(mine) == 2
            if not database.is_sqlite:  # beside which there is one worker
                assert others
                assert not mine & others
        assert mine <= taken_by(second, 100)


def test_postgresql_learns_the_size_of_what_was_just_filled(
    database: Database, library: Any
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite plans well without statistics")
    spells = t.spells.c
    analyzed = sa.text(
        "SELECT analyze_count FROM pg_stat_user_tables WHERE relid = CAST('spells' AS regclass)"
    )
    with database.read() as db:
        before = db.scalar(analyzed)
    with database.write() as db:
        many = sa.insert(t.spells).from_select(
            [spells.list_name, spells.uuid, spells.name, spells.value, spells.valid_from],
            sa.select(
                sa.literal("members"),
                sa.cast(sa.column("n"), sa.Text),
                sa.literal("sex"),
                sa.literal("female"),
                sa.cast("2018-01-01", sa.Date),
            ).select_from(sa.func.generate_series(1, 2000).alias("n")),
        )
        db.execute(many)
        db.execute(sa.text("SELECT pg_stat_force_next_flush()"))
    with database.write() as db:
        touch(db, library, [Touch("c1", date(2025, 1, 1))], NOW)
        db.execute(sa.text("SELECT pg_stat_force_next_flush()"))

    with database.read() as db:
        assert db.scalar(analyzed) == before + 1
