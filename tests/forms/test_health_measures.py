"""Means, classes and flags of a health check: the golden cases of the handbook."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.library import OWN_LIBRARY, load_library


def _measures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("measures", OWN_LIBRARY / "health/measures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MEASURES = _measures()
ALONE = {f"adl_{item}": "self" for item in MEASURES.ADL}


def screen(**answers: str) -> dict[str, str]:
    found: dict[str, str] = MEASURES.screen({"check_date": "2026-11-23", **answers})
    return found


def flags(**answers: str) -> set[str]:
    return set(screen(**answers)["flags"].split())


# ------------------------------------------------------------------ blood pressure
@pytest.mark.parametrize(
    ("systolic", "diastolic", "kind", "high"),
    [
        ("119", "79", "optimal", "no"),
        ("120", "79", "normal", "no"),
        ("119", "80", "normal", "no"),
        ("130", "70", "pre_hypertension", "no"),
        ("139", "89", "pre_hypertension", "no"),
        ("140", "70", "grade_1", "yes"),  # isolated systolic: graded by systolic
        ("125", "90", "grade_1", "yes"),
        ("145", "100", "grade_2", "yes"),  # the higher class of the two
        ("180", "80", "grade_3", "yes"),
        ("150", "110", "grade_3", "yes"),
    ],
)
def test_the_higher_class_of_the_two_numbers_counts(
    systolic: str, diastolic: str, kind: str, high: str
) -> None:
    found = screen(sys1=systolic, dia1=diastolic)
    assert (found["bp_class"], found["bp_high"]) == (kind, high)


def test_the_mean_is_of_the_last_two_readings() -> None:
    found = screen(sys1="190", dia1="120", sys2="140", dia2="80", sys3="135", dia3="85")
    assert (found["bp_sys"], found["bp_dia"]) == ("137.5", "82.5")
    assert found["bp_high"] == "no"


def test_a_reading_that_cannot_be_one_is_left_out_and_flagged() -> None:
    found = screen(sys1="150", dia1="80", sys2="15", dia2="8")
    assert found["bp_sys"] == "150"
    assert "doubtful" in found["flags"]
    assert "bp_sys" not in screen(sys1="80", dia1="120")  # the numbers were swapped


def test_very_high_pressure_is_urgent_and_very_low_is_low() -> None:
    assert flags(sys1="180", dia1="80") == {"bp_urgent", "bp_high"}
    assert flags(sys1="85", dia1="50") == {"bp_low"}


def test_a_check_without_cuff_has_no_pressure_at_all() -> None:
    assert not [name for name in screen(weight="50") if name.startswith("bp_")]


def test_known_before_needs_the_disease_or_the_medicine() -> None:
    assert screen(sys1="150", dia1="80", chronic="hypertension")["bp_known"] == "yes"
    assert screen(sys1="150", dia1="80", chronic="none", on_med="bp heart")["bp_known"] == "yes"
    assert screen(sys1="150", dia1="80", chronic="none", on_med="none")["bp_known"] == "no"
    assert "bp_known" not in screen(sys1="150", dia1="80")


# ------------------------------------------------------------------ glucose
@pytest.mark.parametrize(
    ("state", "unit", "value", "kind"),
    [
        ("fasting", "mgdl", "126", "high"),  # 6.99 mmol/L, and still high
        ("fasting", "mmol", "6.99", "raised"),
        ("fasting", "mmol", "7.0", "high"),
        ("fasting", "mmol", "5.5", "normal"),
        ("fasting", "mgdl", "100", "raised"),
        ("random", "mmol", "11.0", "normal"),
        ("random", "mmol", "11.1", "high"),
        ("random", "mgdl", "200", "high"),
        ("after_meal", "mmol", "7.8", "raised"),
        ("after_meal", "mmol", "11.1", "high"),
        ("fasting", "mmol", "3.8", "low"),
        ("fasting", "mgdl", "69", "low"),
        ("random", "mmol", "25", "high"),  # 25 is possible in both units
        ("random", "mgdl", "25", "low"),
    ],
)
def test_glucose_is_classified_in_the_unit_typed(
    state: str, unit: str, value: str, kind: str
) -> None:
    found = screen(glu_done="yes", glu_state=state, glu_unit=unit, glu_val=value)
    assert found["glu_class"] == kind


def test_glucose_is_kept_in_mmol_too() -> None:
    assert screen(glu_state="fasting", glu_unit="mgdl", glu_val="126")["glu_mmol"] == "6.99"


def test_milligrams_typed_under_mmol_are_flagged_not_converted() -> None:
    found = screen(glu_state="fasting", glu_unit="mmol", glu_val="98")
    assert "glu_mmol" not in found
    assert found["flags"] == "doubtful"


def test_dangerous_glucose_is_urgent() -> None:
    assert "glu_urgent" in flags(glu_state="random", glu_unit="mmol", glu_val="16.7")
    assert "glu_urgent" in flags(glu_state="random", glu_unit="mgdl", glu_val="53")
    assert "glu_urgent" not in flags(glu_state="random", glu_unit="mmol", glu_val="3.0")


# ------------------------------------------------------------------ body
@pytest.mark.parametrize(
    ("weight", "kind"),
    [("47.35", "thin"), ("47.36", "normal"), ("58.87", "normal"), ("58.88", "overweight"),
     ("64", "obese_1"), ("76.8", "obese_2")],
)  # fmt: skip
def test_the_unrounded_bmi_is_compared(weight: str, kind: str) -> None:
    assert screen(weight=weight, height="160")["bmi_class"] == kind


def test_a_height_in_metres_gives_no_bmi_and_is_flagged() -> None:
    found = screen(weight="50", height="1.52")
    assert "bmi" not in found
    assert found["flags"] == "doubtful"


def test_the_waist_is_judged_by_sex() -> None:
    assert flags(waist="80", member_sex="female") == {"waist"}
    assert flags(waist="80", member_sex="male") == set()
    assert flags(waist="120") == set()


# ------------------------------------------------------------------ function and mood
def test_phq_is_the_sum_and_a_refusal_is_no_answer() -> None:
    assert screen(phq_a="1", phq_b="2")["phq2_positive"] == "yes"
    assert screen(phq_a="1", phq_b="1")["phq2"] == "2"
    assert "phq2" not in screen(phq_a="refused", phq_b="3")


def test_daily_living_is_scored_only_when_all_was_asked() -> None:
    assert screen(**ALONE)["adl_score"] == "6"
    helped = {**ALONE, "adl_bath": "help"}
    assert screen(**helped)["adl_score"] == "5"
    assert flags(**helped) == {"adl"}
    assert "adl_score" not in screen(adl_bath="self")


@pytest.mark.parametrize(
    ("answers", "flag"),
    [
        ({"falls12": "2"}, "falls"),
        ({"falls12": "1", "fall_injury": "yes"}, "falls"),
        ({"chair5": "14.1", "chair_unable": "no"}, "mobility"),
        ({"chair_unable": "yes"}, "mobility"),
        ({"mem3": "2"}, "memory"),
        ({"orient_place": "wrong"}, "memory"),
        ({"weight_loss": "yes"}, "nutrition"),
        ({"vision": "near"}, "vision"),
        ({"hearing": "one"}, "hearing"),
        ({"med_count": "5"}, "medicines"),
    ],
)
def test_a_miss_is_a_flag(answers: dict[str, str], flag: str) -> None:
    assert flags(**answers) == {flag}


def test_a_quick_check_with_good_readings_has_no_flag() -> None:
    assert screen(sys1="120", dia1="70", chair5="14", falls12="1", mem3="3")["flags"] == ""


def test_a_number_too_large_to_be_true_ends_no_computing() -> None:
    assert "phq2" not in screen(phq_a="9" * 40, phq_b="1")
    assert screen(phq_a="2", phq_b="1", waist="9" * 40)["phq2"] == "3"


# ------------------------------------------------------------------ promises
def test_every_flag_asks_to_check_again_in_both_languages() -> None:
    for texts in MEASURES.THRESHOLDS["flag"].values():
        assert "cần kiểm tra lại" in texts["vi"]
        assert "again" in texts["en"] or "to be" in texts["en"]


def test_thresholds_name_their_source_and_day() -> None:
    for name, tables in MEASURES.THRESHOLDS.items():
        if name != "flag":
            assert all(table["source"] and table["valid_from"] for table in tables)


TYPED = ["NaN", "Infinity", "1.0E2", "-5", "120", "9" * 40, "1e999", "-1E30"]
MESSY = st.one_of(st.text(max_size=6), st.sampled_from(TYPED))
FIELDS = sorted(load_library().forms["health_check"].fields)


@given(st.dictionaries(st.sampled_from(FIELDS), MESSY))
def test_whatever_was_typed_the_measure_answers_only_what_it_promised(
    answers: dict[str, str],
) -> None:
    rule = load_library().rules["health_check"]
    found = MEASURES.screen(answers)
    assert found.keys() <= {*rule.derives}
    assert set(found["flags"].split()) <= MEASURES.THRESHOLDS["flag"].keys()
    assert all(isinstance(value, str) for value in found.values())
