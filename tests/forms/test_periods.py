"""Periods: both calendars, their edges, and the days ages and windows are counted from."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.days import age_on
from forms.periods import (
    ADMINISTRATIVE,
    CALENDAR,
    get_period,
    months_before,
    periods_between,
    periods_of,
    years_before,
)
from forms.problems import Refused

DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("code", "calendar", "first", "last"),
    [
        ("2018H1", CALENDAR, date(2018, 1, 1), date(2018, 6, 30)),
        ("2018H2", CALENDAR, date(2018, 7, 1), date(2018, 12, 31)),
        ("2018Y", CALENDAR, date(2018, 1, 1), date(2018, 12, 31)),
        ("2018H1", ADMINISTRATIVE, date(2017, 12, 15), date(2018, 6, 14)),
        ("2018H2", ADMINISTRATIVE, date(2018, 6, 15), date(2018, 12, 14)),
        ("2018Y", ADMINISTRATIVE, date(2017, 12, 15), date(2018, 12, 14)),
    ],
)
def test_a_code_names_its_days_in_both_calendars(
    code: str, calendar: str, first: date, last: date
) -> None:
    period = get_period(code, calendar)
    assert (period.first, period.last) == (first, last)
    assert first in period
    assert last in period
    assert last + timedelta(days=1) not in period


@pytest.mark.parametrize("code", ["", "2018", "2018H3", "2018h1", "18H1", "2018H1\n", "٢٠١٨H1"])
def test_what_is_no_code_is_refused_with_examples(code: str) -> None:
    with pytest.raises(Refused) as refused:
        get_period(code)
    assert refused.value.problem.code == "bad_period"
    assert "2025H1" in refused.value.problem.vi


@given(DAYS, st.sampled_from([CALENDAR, ADMINISTRATIVE]))
def test_every_day_is_in_one_half_year_and_one_year(day: date, calendar: str) -> None:
    found = periods_of(day, calendar)
    assert sorted(period.code[4:5] for period in found) == ["H", "Y"]
    assert all(day in period for period in found)


@given(DAYS, st.integers(0, 2000), st.sampled_from([CALENDAR, ADMINISTRATIVE]))
def test_periods_between_two_days_are_those_of_any_day_between(
    first: date, length: int, calendar: str
) -> None:
    last = first + timedelta(days=length)
    days = {first + timedelta(days=n) for n in range(0, length, 20)} | {last}
    expected = {period for day in days for period in periods_of(day, calendar)}
    assert set(periods_between(first, last, calendar)) == expected


@given(st.dates(date(1900, 1, 1), date(2020, 1, 1)), st.integers(0, 110), DAYS)
def test_the_day_before_which_one_is_old_enough_agrees_with_the_age(
    born: date, years: int, day: date
) -> None:
    assert (born <= years_before(day, years)) == (age_on(born, day) >= years)


def test_who_is_born_on_29_february_completes_a_year_on_1_march() -> None:
    assert date(1960, 2, 29) > years_before(date(2021, 2, 28), 61)
    assert date(1960, 2, 29) <= years_before(date(2021, 3, 1), 61)


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2018, 6, 30), 12, date(2017, 6, 30)),
        (date(2018, 8, 31), 6, date(2018, 2, 28)),
        (date(2020, 3, 31), 1, date(2020, 2, 29)),
        (date(2018, 1, 15), 1, date(2017, 12, 15)),
        (date(2018, 1, 31), -1, date(2018, 2, 28)),
    ],
)
def test_months_before_keep_the_day_or_take_the_months_last(
    day: date, months: int, before: date
) -> None:
    assert months_before(day, months) == before
