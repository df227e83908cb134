"""What a health check says beyond its answers: means, classes, scores and screening flags.

Cut-offs stand in thresholds.toml. A flag is never a diagnosis. Domain handbook §3.5.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

THRESHOLDS: Mapping[str, Any] = tomllib.loads(
    (Path(__file__).parent / "thresholds.toml").read_text("utf-8"), parse_float=Decimal
)
LARGEST = 10**9  # nothing counted or measured here comes near; a slip must not end the computing
ADL = ("bath", "dress", "toilet", "move", "continence", "feed")
IADL = ("phone", "shop", "cook", "clean", "laundry", "travel", "medicine", "money")

Answers = Mapping[str, str]
Found = dict[str, str]


def screen(answers: Answers) -> Found:
    """Every column that can be computed from these answers; what was not measured has no key.

    Numbers are text with a point, at most two decimals; `flags` are names of [flag] joined by
    spaces, "" when there is none.
    """
    on = _day(answers.get("check_date", ""))
    found: Found = {}
    flags: list[str] = []
    _pressure(answers, _in_force("blood_pressure", on), found, flags)
    _glucose(answers, _in_force("glucose", on), found, flags)
    _body(answers, _in_force("body", on), found, flags)
    _function(answers, _in_force("screening", on), found, flags)
    found["flags"] = " ".join(dict.fromkeys(flags))
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return date.max  # unreadable: the newest table


def _in_force(name: str, on: date) -> Mapping[str, Any]:
    """The table that held on this day; before the first one, the first."""
    tables = sorted(THRESHOLDS[name], key=lambda table: table["valid_from"])
    begun = [table for table in tables if table["valid_from"] <= on]
    table: Mapping[str, Any] = begun[-1] if begun else tables[0]
    return table


# ------------------------------------------------------------------ blood pressure
def _pressure(answers: Answers, table: Mapping[str, Any], found: Found, flags: list[str]) -> None:
    readings = [_reading(answers, n, table) for n in "123"]
    if any(answers.get(f"sys{n}") and not r for n, r in zip("123", readings, strict=True)):
        flags.append("doubtful")
    counted = [reading for reading in readings if reading][-2:]  # the mean of the last two
    if not counted:
        return
    systolic = sum((reading[0] for reading in counted), Decimal(0)) / len(counted)
    diastolic = sum((reading[1] for reading in counted), Decimal(0)) / len(counted)

    def reaches(bound: Mapping[str, Any]) -> bool:
        return bool(systolic >= bound["systolic"] or diastolic >= bound["diastolic"])

    high, urgent = reaches(table["high"]), reaches(table["urgent"])
    found["bp_sys"], found["bp_dia"] = _shown(systolic), _shown(diastolic)
    found["bp_class"] = [c["name"] for c in table["classes"] if reaches(c)][-1]
    found["bp_high"], found["bp_urgent"] = _yes(high), _yes(urgent)
    found |= _known(answers, "bp_known", "hypertension", "bp")
    flags += ["bp_urgent"] * urgent + ["bp_high"] * high
    flags += ["bp_low"] * (systolic < table["low_below"])


def _reading(answers: Answers, n: str, table: Mapping[str, Any]) -> tuple[Decimal, Decimal] | None:
    systolic = _within(answers.get(f"sys{n}"), table["systolic"])
    diastolic = _within(answers.get(f"dia{n}"), table["diastolic"])
    if systolic is None or diastolic is None or diastolic >= systolic:
        return None
    return systolic, diastolic


def _known(answers: Answers, column: str, disease: str, medicine: str) -> Found:
    """Whether it was known before this check; only a full check asks."""
    if not answers.get("chronic"):
        return {}
    known = disease in answers["chronic"].split() or medicine in answers.get("on_med", "").split()
    return {column: _yes(known)}


# ------------------------------------------------------------------ glucose
def _glucose(answers: Answers, table: Mapping[str, Any], found: Found, flags: list[str]) -> None:
    unit, state = answers.get("glu_unit", ""), answers.get("glu_state", "")
    if unit not in ("mmol", "mgdl") or not answers.get("glu_val"):
        return
    bounds = table[unit]
    value = _within(answers["glu_val"], bounds["reading"])
    if value is None:  # 98 under mmol/L is mg/dL typed in the wrong unit: nobody can know
        flags.append("doubtful")
        return
    found["glu_mmol"] = _shown(value if unit == "mmol" else value / table["mgdl_per_mmol"])
    by_state = bounds.get(state, bounds["random"])
    kind = _glucose_class(value, bounds, by_state)
    found["glu_class"], found["glu_high"] = kind, _yes(kind == "high")
    found |= _known(answers, "glu_known", "diabetes", "diabetes")
    urgent = value >= bounds["urgent"] or value < bounds["urgent_below"]
    flags += ["glu_urgent"] * urgent + [f"glu_{kind}"] * (kind in ("high", "low"))


def _glucose_class(value: Decimal, bounds: Mapping[str, Any], by_state: Mapping[str, Any]) -> str:
    if value < bounds["low_below"]:
        return "low"
    if value >= by_state["high"]:
        return "high"
    return "raised" if "raised" in by_state and value >= by_state["raised"] else "normal"


# ------------------------------------------------------------------ body
def _body(answers: Answers, table: Mapping[str, Any], found: Found, flags: list[str]) -> None:
    weight = _within(answers.get("weight"), table["weight"])
    height = _within(answers.get("height"), table["height"])
    if (answers.get("weight") and not weight) or (answers.get("height") and not height):
        flags.append("doubtful")  # 1.52 is a height in metres
    if weight and height:
        bmi = weight / (height / 100) ** 2
        found["bmi"] = _shown(bmi, places=1)
        found["bmi_class"] = [c["name"] for c in table["bmi"] if bmi >= c["from"]][-1]
        flags += ["thin"] * (found["bmi_class"] == "thin")
        flags += ["obese"] * found["bmi_class"].startswith("obese")
    waist, limit = _number(answers.get("waist")), table["waist"].get(answers.get("member_sex"))
    flags += ["waist"] * (waist is not None and limit is not None and waist >= limit)


# ------------------------------------------------------------------ function, mood
def _function(answers: Answers, table: Mapping[str, Any], found: Found, flags: list[str]) -> None:
    _scores(answers, table, found, flags)
    asked = {
        "nutrition": "yes" in (answers.get("weight_loss"), answers.get("appetite_loss")),
        "vision": answers.get("vision", "good") not in ("", "good"),
        "hearing": answers.get("hearing", "both") not in ("", "both"),
        "mobility": answers.get("chair_unable") == "yes"
        or _above(answers.get("chair5"), table["chair_seconds"]),
        "falls": _at_least(answers.get("falls12"), table["falls"])
        or answers.get("fall_injury") == "yes",
        "memory": "wrong" in (answers.get("orient_date"), answers.get("orient_place"))
        or _below(answers.get("mem3"), table["words"]),
        "medicines": _at_least(answers.get("med_count"), table["medicines"]),
    }
    flags += [name for name, there in asked.items() if there]


def _scores(answers: Answers, table: Mapping[str, Any], found: Found, flags: list[str]) -> None:
    mood = [_number(answers.get(name)) for name in ("phq_a", "phq_b")]
    if None not in mood:  # "refused" is no number
        total = sum((one for one in mood if one is not None), Decimal(0))
        found["phq2"], found["phq2_positive"] = _shown(total), _yes(total >= table["phq2"])
        flags += ["mood"] * bool(total >= table["phq2"])
    for name, items in (("adl", ADL), ("iadl", IADL)):
        given = [answers.get(f"{name}_{item}", "") for item in items]
        if all(given):
            score = given.count("self")
            found[f"{name}_score"] = str(score)
            flags += [name] * bool(score < table[name])


# ------------------------------------------------------------------ numbers
def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text or "")
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) <= LARGEST else None


def _within(text: str | None, bounds: tuple[int, int]) -> Decimal | None:
    """The number, if it can be a reading at all."""
    number = _number(text)
    return number if number is not None and bounds[0] <= number <= bounds[1] else None


def _at_least(text: str | None, bound: int) -> bool:
    number = _number(text)
    return number is not None and number >= bound


def _above(text: str | None, bound: int) -> bool:
    number = _number(text)
    return number is not None and number > bound


def _below(text: str | None, bound: int) -> bool:
    number = _number(text)
    return number is not None and number < bound


def _shown(number: Decimal, places: int = 2) -> str:
    """Plain digits with a point; no trailing zeros."""
    text = f"{round(number, places):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _yes(there: bool) -> str:
    return "yes" if there else "no"
