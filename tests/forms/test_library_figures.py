"""The library's figures: each says what it is, by what rule and source, in both languages."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from forms.indicators import PLACES, Indicator, Target
from forms.library import load_library
from forms.periods import get_period

FIGURES = load_library().figures
DAY = date(2017, 7, 20)
LINES = list(FIGURES.indicators.values())
SECTIONS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "Q")


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_a_line_has_its_words_in_both_languages_its_source_and_its_section(line: Indicator) -> None:
    assert all((line.vi, line.en, line.formula_vi, line.formula_en, line.source))
    assert all((line.unit_vi, line.unit_en))
    assert line.section in SECTIONS
    assert set(line.levels) <= set(PLACES)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_a_share_is_shown_in_the_unit_of_its_scale(line: Indicator) -> None:
    is_share = line.over is not None and line.scale == 100
    assert is_share == (line.unit_vi == "%")


def test_what_is_added_up_is_counted_for_each_club() -> None:
    """A sum above the clubs is made of the clubs' own."""
    adding = [one for one in LINES if one.adds_up and one.kind not in ("per", "total")]
    assert [one.id for one in adding if "club" not in one.levels] == []


def test_poverty_disability_and_readings_are_told_apart_as_sensitive() -> None:
    open_ones = {one.id for one in LINES if not one.sensitive}
    assert not {"B07", "B11", "D06"} & open_ones
    assert FIGURES.cuts["hh_class"].sensitive
    assert not {"A01", "B01", "C07"} - open_ones


@pytest.mark.parametrize("target", FIGURES.targets, ids=lambda one: f"{one.indicator} {one.source}")
def test_a_target_has_a_source_a_bound_and_levels_its_line_is_shown_at(target: Target) -> None:
    assert target.source
    assert (target.at_least, target.at_most, target.above) != (None, None, None)
    assert set(target.levels) <= set(FIGURES.indicators[target.indicator].levels)


def test_the_bound_of_a_half_year_is_doubled_for_a_year() -> None:
    half = Target("X", ("club",), DAY, None, Decimal(6), None, None, "s", per_months=6)
    assert half.over(get_period("2018H2").months).at_least == 6
    assert half.over(get_period("2018Y").months).at_least == 12
    assert Target("X", ("club",), DAY, None, Decimal(6), None, None, "s").over(12).at_least == 6
