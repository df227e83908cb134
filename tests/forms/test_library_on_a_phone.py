"""The library's forms filled in by JavaRosa, the engine of ODK Collect: what a person meets."""

from __future__ import annotations

import pytest

from forms.library import load_library
from tests.forms.phone import Fill, Phone, Saved

BA = {
    "consent_read": "OK", "c_member": "yes", "c_health": "yes", "c_care": "no", "c_photo": "no",
    "consent_by": "self", "consent_method": "thumbprint",
    "full_name": " Trần  Thị Ba ", "is_new": "OK", "alias": "bà Năm", "sex": "female",
    "birth_precision": "year", "birth_year": "1948", "join_date": "2019-05-01",
    "hamlet": "thôn Đông", "id_kind": "not_given", "hh_class": "average",
    "hh_class_src": "self_declared", "living": "alone", "no_support": "no", "disability": "none",
    "insurance": "yes", "is_volunteer": "no", "board_role": "none", "care_need": "no",
}  # fmt: skip


# ------------------------------------------------------------------ registering
def test_a_phone_with_one_club_has_it_chosen_already(phone: Fill) -> None:
    filled = phone("membership", consent_read="OK", c_member="no")
    assert filled.saw("asked club* [CLB Đông Hòa")


def test_a_refusal_ends_the_form_and_nothing_else_is_kept(phone: Fill) -> None:
    filled = phone("membership", **{**BA, "c_member": "no"})
    assert filled.valid
    assert filled.saw("note refused_note")
    assert filled.entity["create"] == "0"
    answered = {node.tag for node in filled.instance.iter() if (node.text or "").strip()}
    assert answered <= {
        "start", "today", "deviceid", "username", "instanceID", "instanceName",
        "club", "club_label", "club_founded_on", "consent_read", "consent_date", "c_member",
        "form_number", "last_form_number",
    }  # fmt: skip


def test_a_registration_creates_a_thin_member_with_a_label_to_tell_namesakes(phone: Fill) -> None:
    filled = phone("membership", **BA)
    assert filled.valid
    assert filled.entity["create"] == "1"
    label = filled.instance.findtext("meta/entity/label")
    assert label == "Trần Thị Ba · 1948 · thôn Đông (bà Năm)"
    assert filled.sent("member_club") == "dong-hoa"
    assert filled.sent("unit_code") == "20194"
    assert filled.sent("member_status") == "active"
    assert filled.sent("born_in_year") == "1948"


def test_the_zodiac_year_is_shown(phone: Fill) -> None:
    filled = phone("membership", **BA)
    assert filled.saw("note zodiac_note: Năm 1948 là năm **Mậu Tý**")


@pytest.mark.parametrize(
    "who",
    [
        {"full_name": "TRAN THI BA", "birth_year": "1958"},  # marks left out, the year far off
        {"full_name": "Tra\u0302\u0300n Thị Bà"},  # taken apart by a keyboard, another mark
        {"full_name": "Trần Ba", "birth_year": "1949"},  # the middle left out, a year older
        {"full_name": "Nguyễn Thị Ba", "birth_year": "1960", "phone": "0905 123 4.56"},
    ],
    ids=["bare", "decomposed", "middle", "phone"],
)
def test_who_may_be_registered_already_is_shown_before_anybody_new_is_made(
    phone: Fill, who: dict[str, str]
) -> None:
    asked = {**BA, **who}
    del asked["is_new"]
    filled = phone("membership", **asked)
    assert filled.saw("asked already_member [] {ba}") or filled.saw("asked already_member {ba}")
    assert filled.saw("asked is_new*")
    assert not filled.saw("asked join_date")
    assert not filled.saw("took join_date")


def test_who_is_registered_already_is_not_registered_again(phone: Fill) -> None:
    filled = phone("membership", **{**BA, "already_member": "ba", "is_new": ""})
    assert filled.valid, filled.shown
    assert filled.saw("note already_note")
    assert filled.entity["create"] == "0"
    assert filled.sent("join_date") in (None, "")


def test_another_person_who_looks_like_one_on_the_list_is_registered(phone: Fill) -> None:
    filled = phone("membership", **BA)
    assert filled.valid, filled.shown
    assert filled.saw("took is_new")
    assert filled.entity["create"] == "1"


@pytest.mark.parametrize(
    "who",
    [
        {"full_name": "Trần Thị Bảy"},  # another given name
        {"full_name": "Lê Văn Ba", "sex": "male"},  # another family name
        {"full_name": "Võ Thị Hoa", "birth_year": "1950"},  # of another club
        {"full_name": "Trần Ba", "birth_year": "1952"},  # no middle name, and years apart
        {"full_name": "Lê Thị Út", "phone": "0905123456"},  # one phone in the house, another name
    ],
)
def test_who_is_like_nobody_on_the_list_is_asked_nothing_more(
    phone: Fill, who: dict[str, str]
) -> None:
    filled = phone("membership", **{**BA, **who})
    assert filled.valid, filled.shown
    assert not filled.saw("asked already_member")
    assert filled.entity["create"] == "1"


def test_nobody_joins_before_the_club_was_founded_or_tomorrow(phone: Fill) -> None:
    assert phone("membership", **{**BA, "join_date": "2017-01-01"}).saw("refused join_date")
    assert phone("membership", **{**BA, "join_date": "2099-01-01"}).saw("refused join_date")


def test_an_age_is_not_taken_for_a_year(phone: Fill) -> None:
    assert phone("membership", **{**BA, "birth_year": "78"}).saw("refused birth_year")


@pytest.mark.parametrize(
    ("number", "taken"),
    [("0905123456", True), ("+84 905.123.456", True), ("02363123456", True), ("905123", False)],
)
def test_phone_numbers_may_be_written_as_people_write_them(
    phone: Fill, number: str, taken: bool
) -> None:
    assert phone("membership", **{**BA, "phone": number}).saw("took phone") is taken


def test_an_odd_citizen_id_is_warned_of_and_kept(phone: Fill) -> None:
    answers = {**BA, "id_kind": "cccd", "id_number": "003048123456"}
    filled = phone("membership", **answers)
    assert filled.saw("note id_province_note")
    assert filled.saw("note id_sex_note")  # an even digit is a man's (0) of the 1900s; female is 1
    assert not filled.saw("note id_year_note")
    assert filled.valid
    assert phone("membership", **{**answers, "id_number": "48048123456"}).saw("refused id_number")


def test_none_and_another_choice_exclude_each_other(phone: Fill) -> None:
    assert phone("membership", **{**BA, "disability": "none mobility"}).saw("refused disability")


# ------------------------------------------------------------------ checking health
FULL = {
    "member": "ba", "check_date": "2024-06-30", "check_kind": "full", "check_place": "club",
    "examiner": "BS An", "examiner_role": "doctor", "sys1": 150, "dia1": 80, "sys2": 145,
    "dia2": 85, "pulse": 70, "anthro_ok": "yes", "weight": "50.5", "glu_done": "no",
    "weight_loss": "no", "appetite_loss": "no", "vision": "good", "hearing": "both",
    "falls12": 0, **{f"adl_{n}": "self" for n in ("bath", "dress", "toilet", "move", "feed")},
    "adl_continence": "self", **{f"iadl_{n}": "self" for n in ("phone", "shop", "cook", "clean")},
    **{f"iadl_{n}": "self" for n in ("laundry", "travel", "medicine", "money")},
    "orient_date": "right", "orient_place": "right", "mem3": 3, "phq_a": "0", "phq_b": "refused",
    "chronic": "none", "on_med": "none", "insurance_used": "yes", "refer": "none",
}  # fmt: skip
QUICK = {"member": "ba", "check_kind": "quick", "check_place": "club", "sys1": 120, "dia1": 70,
         "glu_done": "no", "refer": "none"}  # fmt: skip


def test_a_full_check_moves_the_last_check_and_fills_in_the_last_height(phone: Fill) -> None:
    filled = phone("health_check", **FULL)
    assert filled.valid, filled.shown
    assert filled.entity["update"] == "1"
    assert filled.entity["baseVersion"] == "4"
    assert filled.sent("new_last_check_on") == "2024-06-30"
    assert filled.saw("asked height* [150")
    assert filled.sent("bmi") == "22.4"
    assert filled.sent("new_last_height") is None  # the same as before: nothing to save


def test_an_older_check_entered_late_does_not_move_the_last_check_back(phone: Fill) -> None:
    filled = phone("health_check", **{**FULL, "check_date": "2023-06-30"})
    assert filled.sent("new_last_check_on") == "2024-01-02"


def test_a_quick_check_asks_little_and_leaves_the_list_alone(phone: Fill) -> None:
    filled = phone("health_check", **QUICK)
    assert filled.valid
    assert not filled.saw("asked adl_")
    assert filled.sent("new_last_check_on") is None
    assert filled.entity["update"] == "0"


def test_a_new_height_is_saved_also_by_a_quick_check(phone: Fill) -> None:
    filled = phone("health_check", **QUICK, height=148)
    assert filled.sent("new_last_height") == "148"
    assert filled.entity["update"] == "1"


def test_without_consent_to_health_data_no_reading_can_be_entered(phone: Fill) -> None:
    filled = phone("health_check", **{**FULL, "member": "minh"})
    assert filled.saw("note no_consent_note")
    assert filled.entity["update"] == "0"
    assert filled.sent("sys1") is None


def test_readings_far_apart_ask_for_a_third(phone: Fill) -> None:
    assert not phone("health_check", **FULL).saw("asked sys3")
    apart = phone("health_check", **{**FULL, "sys2": 165})
    assert apart.saw("asked sys3*")
    assert not apart.valid


def test_very_high_pressure_warns_and_asks_why_there_is_no_referral(phone: Fill) -> None:
    filled = phone("health_check", **{**FULL, "sys1": 186, "sys2": 182})
    assert filled.saw("note pressure_urgent_note: Huyết áp trung bình 184/82.5")
    assert filled.saw("asked refer_reason*")


@pytest.mark.parametrize(
    ("name", "value"),
    [("height", "1.52"), ("dia1", "160"), ("sys1", "15"), ("check_date", "2099-01-01")],
)
def test_an_impossible_reading_is_refused_on_the_spot(phone: Fill, name: str, value: str) -> None:
    assert phone("health_check", **{**FULL, name: value}).saw(f"refused {name}")


def test_glucose_in_the_wrong_unit_is_refused_on_the_spot(phone: Fill) -> None:
    glucose = {"glu_done": "yes", "glu_state": "fasting", "glu_unit": "mmol", "glu_val": 98}
    assert phone("health_check", **{**FULL, **glucose}).saw("refused glu_val=98: mmol/L")
    right = phone("health_check", **{**FULL, **glucose, "glu_unit": "mgdl"})
    assert right.saw("took glu_val")


# ------------------------------------------------------------------ visiting
VISIT = {
    "client": "ba", "visit_date": "2024-10-01", "start_time": "08:30", "minutes": 60,
    "volunteers": "minh", "outcome": "met", "tasks": "talk", "condition": "same",
    "mood": "normal", "red": "none",
}  # fmt: skip


def test_the_list_opens_with_those_in_care_who_agreed_and_are_of_the_club(phone: Fill) -> None:
    without = {name: value for name, value in VISIT.items() if name not in ("client", "volunteers")}
    filled = phone("care_visit", **without)
    assert filled.saw("asked client* {ba}")
    assert filled.saw("asked volunteers* {minh}")
    others = phone("care_visit", **without, client_kind="other_member")
    assert others.saw("asked other_client* {ba minh}")


def test_who_is_to_be_visited_is_shown_with_what_helps_to_find_and_to_mind_her(
    phone: Fill, engine: Phone
) -> None:
    filled = phone("care_visit", **VISIT)
    for note in ("landmark", "contact_phone", "falls", "hearing", "last_visit", "next_visit"):
        assert filled.saw(f"note {note}_note"), filled.shown
    assert not filled.saw("note mobility_note")
    clients = engine.folder / "care_clients.csv"
    kept = clients.read_text("utf-8")
    try:  # a role whose list has fewer columns: the board's
        clients.write_text(
            "name,label,__version,club_id,care_level,last_visit_on,next_visit_on\n"
            "ba,Trần Thị Ba,9,dong-hoa,regular,2024-09-20,2024-09-10\n",
            "utf-8",
        )
        filled = phone("care_visit", **VISIT)
    finally:
        clients.write_text(kept, "utf-8")
    assert filled.valid
    assert filled.saw("note last_visit_note")
    for note in ("landmark", "contact_phone", "falls", "hearing", "mobility", "next_visit"):
        assert not filled.saw(f"note {note}_note")


def test_an_ordinary_visit_is_few_taps(phone: Fill) -> None:
    filled = phone("care_visit", **VISIT)
    assert filled.valid, filled.shown
    assert len([line for line in filled.shown if line.startswith("took")]) == len(VISIT)


def test_someone_not_on_the_list_can_be_visited(phone: Fill) -> None:
    filled = phone(
        "care_visit", **{**VISIT, "client_kind": "not_listed", "client_new": "Ông Bảy"},
        client_new_sex="male", client_new_birth_year=1940,
    )  # fmt: skip
    assert filled.valid
    assert filled.sent("client") is None


def test_an_attempt_needs_neither_minutes_nor_tasks(phone: Fill) -> None:
    tried = {name: VISIT[name] for name in ("client", "visit_date", "volunteers")}
    filled = phone("care_visit", **tried, outcome="away")
    assert filled.valid
    assert filled.sent("tasks") is None


def test_danger_signs_say_call_115_and_ask_what_was_done(phone: Fill) -> None:
    filled = phone("care_visit", **{**VISIT, "red": "chest_pain"})
    assert filled.saw("note call_115_note")
    assert filled.saw("asked red_action*")
    assert phone("care_visit", **{**VISIT, "red": "abuse"}).saw("note private_note")
    assert phone("care_visit", **{**VISIT, "red": "none fall"}).saw("refused red")


def test_pressure_at_home_is_asked_only_of_who_agreed_to_health_data(phone: Fill) -> None:
    measured = {**VISIT, "tasks": "talk blood_pressure"}
    assert phone("care_visit", **measured).saw("asked sys*")
    kind = {"client_kind": "other_member", "other_client": "minh"}
    other = phone("care_visit", **{**measured, **kind})
    assert other.saw("note no_health_consent_note")
    assert not other.saw("asked sys")


def test_supplies_repeat(phone: Fill) -> None:
    given = {"gave_supplies": "yes", "supply_item": "rice", "supply_qty": 5}
    filled = phone("care_visit", **VISIT, **given, supply_source="club_fund", repeats=1)
    assert filled.valid
    assert len(filled.instance.findall(".//supplies")) == 2  # Collect opens the first by itself


def test_an_old_visit_is_warned_of_and_kept_a_coming_one_refused(phone: Fill) -> None:
    old = phone("care_visit", **{**VISIT, "visit_date": "2024-01-05"})
    assert old.saw("note old_visit_note")
    assert old.valid
    assert phone("care_visit", **{**VISIT, "visit_date": "2099-01-05"}).saw("refused visit_date")
    assert phone("care_visit", **VISIT, next_visit="2024-12-15").saw("refused next_visit")


# ------------------------------------------------------------------ the phone counts its forms
@pytest.mark.parametrize("form", load_library().forms)
def test_every_form_carries_the_phones_running_number(phone: Fill, saved: Saved, form: str) -> None:
    numbers = []
    for _ in range(3):
        filled = phone(form)
        numbers.append(filled.sent("form_number"))
        saved(form, filled)
    assert numbers == ["1", "2", "3"]


def test_a_draft_opened_again_keeps_its_number_and_none_is_given_twice(
    phone: Fill, saved: Saved
) -> None:
    draft = phone("care_visit")
    saved("care_visit", draft, name="draft")
    saved("care_visit", phone("care_visit", **VISIT))
    again = phone("care_visit", **VISIT, reopen="draft")
    assert again.sent("form_number") == draft.sent("form_number") == "1"
    saved("care_visit", again)  # now the last that was saved is the first
    assert phone("care_visit", **VISIT).sent("form_number") == "3"
