"""Clubs and their people, filled in by JavaRosa: what is not ticked is not asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.forms.phone import LISTS, Fill, Filled, Phone


@pytest.fixture
def two_clubs(engine: Phone) -> Iterator[Fill]:
    """A phone that knows a second club."""
    clubs = engine.folder / "clubs.csv"
    row = "lien,CLB Liên · Phường Mỹ An,1,C2,20284,Phường Mỹ An,active,2019-01-01,\n"
    clubs.write_text(LISTS["clubs"] + row, "utf-8")
    yield engine.fill
    clubs.write_text(LISTS["clubs"], "utf-8")


def asked(filled: Filled) -> set[str]:
    """What was still asked, by name."""
    return {line.split()[1].rstrip("*") for line in filled.shown if line.startswith("asked ")}


# ------------------------------------------------------------------ clubs
NEW_CLUB = {
    "action": "new", "founded_on": "2018-05-20", "club_name": "CLB Phước Ninh 1",
    "club_code": "PN1", "unit": "20242@2006-01-01", "hamlet_kind": "residential_group",
    "hamlet_name": "12", "decision_no": "12/QĐ-UBND", "programme": "city_2017",
    "has_troupe": "yes", "has_income_fund": "yes", "has_activity_fund": "no",
}  # fmt: skip


def test_a_new_club_becomes_an_entity_named_after_its_commune(phone: Fill) -> None:
    filled = phone("club_registration", **NEW_CLUB)
    assert filled.valid, filled.shown
    assert filled.entity["create"] == "1"
    assert filled.entity["update"] == "0"
    assert filled.entity["id"] == filled.sent("club_id") == filled.sent("new_club_id")
    assert filled.instance.findtext("meta/entity/label") == "CLB Phước Ninh 1 · Phường Phước Ninh"
    assert (filled.sent("unit_code"), filled.sent("new_status")) == ("20242", "active")
    assert filled.sent("interest_pct_month") == "0.5"
    assert not {"club", "club_what", "effective_date", "reason"} & asked(filled)


@pytest.mark.parametrize(
    ("day", "unit"), [("2018-05-20", "20242@2006-01-01"), ("2025-08-01", "20242@2025-07-01")]
)
def test_only_the_communes_of_the_founding_day_can_be_chosen(
    phone: Fill, day: str, unit: str
) -> None:
    without = {name: value for name, value in NEW_CLUB.items() if name != "unit"}
    filled = phone("club_registration", **{**without, "founded_on": day})
    assert filled.saw(f"asked unit* {{{unit}}}")


def test_a_club_is_not_founded_before_there_were_any_or_tomorrow(phone: Fill) -> None:
    for day in ("2005-12-31", "2099-01-01"):
        filled = phone("club_registration", **{**NEW_CLUB, "founded_on": day})
        assert filled.saw("refused founded_on")


def test_a_club_without_a_decision_is_warned_of_and_kept(phone: Fill) -> None:
    without = {name: value for name, value in NEW_CLUB.items() if name != "decision_no"}
    filled = phone("club_registration", **without)
    assert filled.saw("note no_decision_note")
    assert filled.valid


def test_a_code_that_another_club_has_is_warned_of_and_kept(phone: Fill) -> None:
    filled = phone("club_registration", **{**NEW_CLUB, "club_code": "C1"})
    assert filled.saw("note same_code_note")
    assert filled.valid


def test_an_update_asks_only_what_was_ticked_and_saves_only_that(phone: Fill) -> None:
    answers = {"action": "update", "effective_date": "2024-05-01", "club_what": "meeting"}
    filled = phone("club_registration", **answers, meeting_day=15)
    assert filled.valid, filled.shown
    assert asked(filled) <= {"club", "meeting_calendar", "meeting_place", "note"}
    assert filled.entity["update"] == "1"
    assert filled.entity["id"] == "dong-hoa"
    assert filled.instance.findtext("meta/entity/label") == "CLB Đông Hòa · Hòa Thọ"
    assert filled.sent("meeting_day") == "15"
    for name in ("new_status", "unit_code", "club_code_now", "new_decision_no", "has_troupe"):
        assert filled.sent(name) is None, name


def test_a_renamed_club_keeps_its_code_and_commune(phone: Fill) -> None:
    answers = {"action": "update", "effective_date": "2024-05-01", "club_what": "name"}
    filled = phone("club_registration", **answers, club_name="CLB Đông Hòa 2")
    assert filled.instance.findtext("meta/entity/label") == "CLB Đông Hòa 2 · Hòa Thọ"
    assert filled.sent("club_code_now") == "C1"


def test_stopping_a_club_asks_when_and_why_and_nothing_else(phone: Fill) -> None:
    answers = {"action": "dissolve", "effective_date": "2024-05-01"}
    filled = phone("club_registration", **answers)
    assert filled.saw("asked reason*")
    assert asked(filled) == {"club", "reason", "note"}
    done = phone("club_registration", **answers, reason="Gộp vào CLB khác")
    assert done.valid
    assert done.sent("new_status") == "dissolved"


def test_resuming_a_club_that_never_stopped_is_warned_of(phone: Fill) -> None:
    filled = phone("club_registration", action="resume", effective_date="2024-05-01")
    assert filled.saw("note not_suspended_note")
    assert filled.valid


# ------------------------------------------------------------------ supervision, confirmation
SUPERVISION = {
    "visit_date": "2024-06-20", "visitor_level": "commune", "met_with": "chair treasurer",
    "books_seen": "members fund", "cash_counted": 2400000, "cash_book": 2500000,
    "areas_active": "health home_care",
}  # fmt: skip


def test_cash_that_differs_from_the_book_is_shown(phone: Fill) -> None:
    filled = phone("supervision", **SUPERVISION)
    assert filled.valid, filled.shown
    assert filled.sent("cash_difference") == "-100000"
    assert filled.saw(
        "note cash_difference_note: Tiền đếm được và tiền trên sổ lệch nhau **-100000"
    )
    same = phone("supervision", **{**SUPERVISION, "cash_counted": 2500000})
    assert not same.saw("note cash_difference_note")
    assert not phone("supervision", **{**SUPERVISION, "books_seen": "members"}).saw("asked cash")


def test_a_period_is_confirmed_in_few_taps(phone: Fill) -> None:
    answers = {"period_part": "h1", "period_year": 2018, "agree": "yes"}
    filled = phone("period_report", **answers)
    assert filled.valid, filled.shown
    assert filled.sent("period") == "2018H1"
    assert not filled.saw("note not_over_note")


def test_who_disagrees_says_with_what(phone: Fill) -> None:
    filled = phone("period_report", period_part="y", period_year=2018, agree="no")
    assert filled.saw("asked corrections*")
    assert not filled.valid
    assert filled.sent("period") == "2018Y"


# ------------------------------------------------------------------ updates
UPDATE = {"member": "ba", "effective_date": "2024-03-01"}


def test_a_new_phone_number_is_two_answers(phone: Fill) -> None:
    filled = phone("member_update", **UPDATE, what="phone", phone="0905123456")
    assert filled.valid, filled.shown
    assert asked(filled) <= {"club", "phone_owner", "contact_name", "note"}
    assert filled.entity["update"] == "1"
    assert filled.instance.findtext("meta/entity/label") == "Trần Thị Ba · 1948 · thôn Đông"
    for name in ("care_need", "new_c_care", "new_status", "new_birth_year", "is_volunteer"):
        assert filled.sent(name) is None, name


def test_who_moved_house_is_told_from_namesakes_by_the_new_hamlet(phone: Fill) -> None:
    filled = phone("member_update", **UPDATE, what="address", hamlet="tổ 12")
    assert filled.valid
    assert filled.instance.findtext("meta/entity/label") == "Trần Thị Ba · 1948 · tổ 12"


def test_only_what_is_wrong_is_corrected(phone: Fill) -> None:
    answers = {"what": "identity", "correction_reason": "gõ nhầm"}
    filled = phone("member_update", **UPDATE, **answers, birth_precision="year", birth_year="1949")
    assert filled.valid, filled.shown
    assert filled.saw("note zodiac_note: Năm 1949 là năm **Kỷ Sửu**")
    assert filled.sent("new_birth_year") == "1949"
    assert filled.sent("new_sex") is None
    assert filled.instance.findtext("meta/entity/label") == "Trần Thị Ba · 1949 · thôn Đông"
    renamed = phone("member_update", **UPDATE, **answers, full_name="Trần Thị Bảy")
    assert renamed.valid
    assert renamed.sent("new_birth_year") is None
    assert renamed.instance.findtext("meta/entity/label") == "Trần Thị Bảy · 1948 · thôn Đông"


def test_taking_consent_back_ends_the_form_and_takes_the_name_off_every_list(phone: Fill) -> None:
    taken_back = {"c_member": "no", "consent_by": "self", "consent_method": "paper_signature"}
    filled = phone("member_update", **UPDATE, what="consent care phone", **taken_back)
    assert filled.valid, filled.shown
    assert filled.saw("note withdrawn_note")
    assert not {"care_need", "phone", "c_health", "note"} & asked(filled)
    assert filled.sent("new_status") == "withdrawn"
    assert {filled.sent(f"new_c_{name}") for name in ("health", "care", "photo")} == {"no"}


def test_a_second_chair_is_warned_of_and_kept(phone: Fill) -> None:
    roles = {"what": "roles", "is_volunteer": "no", "board_role": "chair", "other_roles": "none"}
    filled = phone("member_update", **{**UPDATE, "member": "minh"}, **roles)
    assert filled.saw("note one_chair_note")  # Bà Ba is
    assert filled.valid
    assert not phone("member_update", **UPDATE, **roles).saw("note one_chair_note")


# ------------------------------------------------------------------ leaving
def test_a_death_is_a_reason_a_day_and_a_debt(phone: Fill) -> None:
    answers = {"exit_kind": "died", "exit_precision": "day", "exit_date": "2024-03-15"}
    filled = phone("member_exit", member="ba", **answers, loan_open="no")
    assert filled.valid, filled.shown
    assert filled.saw("note condolence_note")
    assert filled.sent("new_status") == "died"
    label = filled.instance.findtext("meta/entity/label")
    assert label == "Trần Thị Ba · 1948 · thôn Đông (đã qua đời)"
    assert asked(filled) == {"club", "note"}


def test_a_day_of_which_only_the_month_is_known_is_asked_as_a_month(phone: Fill) -> None:
    answers = {"exit_kind": "died", "exit_precision": "month", "exit_month": "2024-03-01"}
    filled = phone("member_exit", member="ba", **answers, loan_open="no")
    assert filled.valid, filled.shown
    assert filled.sent("exit_date") is None


def test_a_move_to_a_club_on_the_list_changes_club_and_commune(two_clubs: Fill) -> None:
    answers = {"exit_kind": "transfer", "exit_precision": "day", "exit_date": "2024-03-15"}
    filled = two_clubs(
        "member_exit", club="dong-hoa", member="ba", **answers, new_club="lien", loan_open="no"
    )
    assert filled.valid, filled.shown
    assert filled.sent("new_club_id") == "lien"
    assert filled.sent("new_unit_code") == "20284"
    assert filled.sent("new_status") is None


def test_an_entry_made_twice_takes_nobody_off_the_list(phone: Fill) -> None:
    filled = phone("member_exit", member="ba", exit_kind="duplicate", exit_date="2024-03-15")
    assert filled.valid, filled.shown
    assert filled.saw("note duplicate_note")
    assert filled.entity["update"] == "0"
    assert not {"exit_precision", "loan_open", "new_club"} & asked(filled)
    assert filled.saw("asked duplicate_of {minh tam}")


def test_a_debt_asks_how_it_will_be_settled(phone: Fill) -> None:
    answers = {"exit_kind": "own_wish", "exit_precision": "day", "exit_date": "2024-03-15"}
    filled = phone("member_exit", member="ba", **answers, loan_open="yes")
    assert filled.saw("asked loan_plan*")
    assert not filled.valid
