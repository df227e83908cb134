"""The library's figures: each says what it is, by what rule and source, in both languages."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

from forms.indicators import PLACES, Indicator, Target
from forms.library import load_library
from forms.periods import get_period

FIGURES = load_library().figures
DAY = date(2017, 7, 20)
LINES = list(FIGURES.indicators.values())
SPEC = [  # domain §4.4 and §4.7: the first and the last of each letter
    f"{letter}{number:02}"
    for letter, last in zip("ABCDEFGHISQ", (10, 11, 12, 15, 13, 7, 8, 2, 4, 1, 9), strict=True)
    for number in range(1, last + 1)
]
CUTS_OF_THE_SPEC = {  # s a h g k of §4.4; the levels c u d are places
    "B01": "sex age_band hh_class living disability",
    "B02": "sex age_band",
    "B03": "sex age_band",
    "B05": "sex",
    "B06": "age_band",
    "B07": "sex age_band",
    "B09": "hh_class living",
    "B10": "sex age_band hh_class",
    "B10b": "sex age_band hh_class",
    "B11": "disability sex",
    "C01": "sex age_band",
    "C04": "sex age_band hh_class",
    "C05": "sex age_band hh_class",
    "D02": "sex age_band hh_class",
    "D03": "sex age_band hh_class",
    "D05": "sex age_band",
    "D06": "sex age_band",
    "D07a": "sex age_band",
    "D07b": "sex age_band",
    "D08": "sex age_band",
    "D09": "sex age_band",
    "D10a": "sex age_band",
    "D10b": "sex age_band",
    "D11": "sex age_band",
    "D12": "sex age_band",
    "E04a": "sex hh_class",
    "E04b": "sex hh_class",
    "E04c": "sex hh_class",
    "E05": "sex hh_class",
    "H01": "sex age_band hh_class",
    "H02": "sex age_band hh_class",
}
TARGETS_OF_THE_SPEC = (  # column T of §4.4
    "A05 A06 A07a A07b A08 A09 A10 B04 B05 B06 B07 C02 C06 C09 C11 C12 D03b D04 "
    "E01a E01b E05 E07 E08 F01a F06a G02 G05a G08b"
)
SECTIONS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "Q")


@pytest.mark.parametrize("name", SPEC)
def test_every_figure_of_the_handbook_is_there(name: str) -> None:
    """Itself, or as several lines: D14 is D14a, D14b and D14c."""
    assert [one for one in LINES if re.fullmatch(f"{name}[a-z]?", one.id)]


@pytest.mark.parametrize(("name", "cuts"), CUTS_OF_THE_SPEC.items())
def test_a_figure_is_split_as_the_handbook_says(name: str, cuts: str) -> None:
    assert set(cuts.split()) <= set(FIGURES.indicators[name].by)


def test_the_targets_of_the_handbook_are_there() -> None:
    assert {one.indicator for one in FIGURES.targets} == set(TARGETS_OF_THE_SPEC.split())


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


def test_r02_a_club_may_serve_several_hamlets_or_groups() -> None:
    form = load_library().forms["club_registration"]
    assert form.fields["hamlet_kind"] == {"hamlet", "residential_group", "block"}
    assert b"| begin_repeat | catchment |" in form.source


def test_r25_a_club_is_asked_for_results_difficulties_lessons_and_proposals() -> None:
    asked = load_library().forms["period_report"].fields
    narrative = "results difficulties causes good_practice lessons proposals next_plan"
    assert set(narrative.split()) <= asked.keys()


def test_r26_the_citys_board_sees_every_place_and_runs_the_network() -> None:
    library = load_library()
    city = library.roles["city"]
    assert city.everywhere
    assert {"figures.read", "reports.read", "places.manage"} <= city.verbs
    for form in ("club_registration", "supervision", "period_report"):
        assert library.rules[form].readers["city"].rows == "all"


def test_the_bound_of_a_half_year_is_doubled_for_a_year() -> None:
    half = Target("X", ("club",), DAY, None, Decimal(6), None, None, "s", per_months=6)
    assert half.over(get_period("2018H2").months).at_least == 6
    assert half.over(get_period("2018Y").months).at_least == 12
    assert Target("X", ("club",), DAY, None, Decimal(6), None, None, "s").over(12).at_least == 6
