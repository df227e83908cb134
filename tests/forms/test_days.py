"""forms/days.py: which day it is in Vietnam."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.days import (
    age_on,
    month_end,
    read_day,
    read_moment,
    read_written_day,
    to_vietnamese,
    vietnam_day,
)


def test_c10_half_past_five_in_the_evening_utc_is_tomorrow_in_vietnam() -> None:
    assert vietnam_day(datetime(2018, 6, 30, 16, 59, tzinfo=UTC)) == date(2018, 6, 30)
    assert vietnam_day(datetime(2018, 6, 30, 17, 30, tzinfo=UTC)) == date(2018, 7, 1)


def test_a_time_without_zone_has_no_day() -> None:
    with pytest.raises(ValueError, match="zone"):
        vietnam_day(datetime(2026, 1, 1))  # noqa: DTZ001 - the very thing that is refused


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-06-30", date(2026, 6, 30)),
        (" 2026-06-30 ", date(2026, 6, 30)),
        ("2026-06-30T23:30:00.000+07:00", date(2026, 6, 30)),
        ("2026-06-30T17:30:00.000Z", date(2026, 7, 1)),
        ("2026-06-30T23:30:00.000+07", date(2026, 6, 30)),
        ("2026-06-30T23:30:00", date(2026, 6, 30)),
        ("30/06/2026", None),
        ("2026-02-30", None),
        ("20260630", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("18:08:00.000+07:00", None),
        ("T", None),
        ("", None),
    ],
)
def test_the_day_of_an_answer(text: str, day: date | None) -> None:
    assert read_day(text) == day


def test_a_moment_without_an_offset_is_vietnams() -> None:
    assert read_moment("2026-06-30T07:00:00.000") == datetime(2026, 6, 30, tzinfo=UTC)
    assert read_moment("2026-06-30T02:00:00.000-05:00") == datetime(2026, 6, 30, 7, tzinfo=UTC)
    assert read_moment("2026-06-30") is None


@given(st.dates(date(1900, 1, 1), date(2999, 12, 31)))
def test_any_day_survives_being_written(day: date) -> None:
    assert read_day(day.isoformat()) == day
    assert read_day(f"{day.isoformat()}T23:59:59.999+07:00") == day


def test_born_on_29_february_a_year_is_complete_on_1_march() -> None:
    born = date(1944, 2, 29)
    assert age_on(born, date(2026, 2, 28)) == 81
    assert age_on(born, date(2026, 3, 1)) == 82
    assert age_on(born, date(2024, 2, 29)) == 80


@given(st.dates(), st.integers(0, 365))
def test_nobody_gets_younger(born: date, days: int) -> None:
    day = min(date(9998, 1, 1), born) + timedelta(days)
    assert age_on(born, day) <= age_on(born, day + timedelta(1))


def test_days_are_shown_day_first() -> None:
    assert to_vietnamese(date(2026, 7, 1)) == "01/07/2026"


@pytest.mark.parametrize(
    ("day", "last"),
    [("2024-02-01", "2024-02-29"), ("2023-02-28", "2023-02-28"), ("9999-12-05", "9999-12-31")],
)
def test_a_month_ends_on_its_last_day(day: str, last: str) -> None:
    assert month_end(date.fromisoformat(day)) == date.fromisoformat(last)


@pytest.mark.parametrize("text", ["0001-01-01", "1799-12-31", "3000-01-01", "9999-12-31"])
def test_a_year_that_nobody_means_is_no_day(text: str) -> None:
    assert read_day(text) is None
    assert read_day(f"{text}T12:00:00.000+07:00") is None


def test_a_day_is_read_as_people_write_it_and_never_month_first() -> None:
    for text in ("2018-05-30", "30/05/2018", "30/5/2018", "30-5-18", "30.05.2018"):
        assert read_written_day(text) == date(2018, 5, 30), text
    assert read_written_day("01/02/1998") == date(1998, 2, 1)
    for text in ("", "05/30/2018", "30/5-2018", "31/02/2018", "5/2018", "mùng 5"):
        assert read_written_day(text) is None, text
