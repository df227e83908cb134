"""What clubs do and their money, filled in by JavaRosa: few questions, no warning that bars."""

from __future__ import annotations

import pytest

from tests.forms.phone import Fill, Filled


def taken(filled: Filled) -> int:
    return len([line for line in filled.shown if line.startswith("took")])


def asked(filled: Filled) -> set[str]:
    """What was still asked, without what a person may pass over."""
    return {line.split()[1].rstrip("*") for line in filled.shown if line.startswith("asked ")}


# ------------------------------------------------------------------ meetings
MEETING = {
    "kind": "meeting", "act_date": "2024-10-05", "start_time": "08:00", "topic": "health",
    "counted_total": 42,
}  # fmt: skip


def test_a_monthly_meeting_is_few_taps(phone: Fill) -> None:
    filled = phone("activity", **MEETING)
    assert filled.valid, filled.shown
    assert taken(filled) == len(MEETING)
    assert filled.sent("present_total") == "42"
    assert filled.sent("present_members") == "42"
    assert filled.sent("attendances") == "42"
    assert filled.sent("performed") == "no"
    assert not asked(filled) & {"comm_kind", "training_days", "clubs_present", "sessions"}


def test_nobody_counts_more_women_older_people_or_guests_than_came(phone: Fill) -> None:
    for part in ("counted_women", "counted_older", "present_nonmember"):
        assert phone("activity", **MEETING, **{part: 43}).saw(f"refused {part}")
    guests = phone("activity", **MEETING, present_nonmember=2)
    assert guests.sent("present_members") == "40"
    assert guests.sent("present_total") == "42"


def test_ticking_names_adds_up_by_itself(phone: Fill) -> None:
    by_name = {name: value for name, value in MEETING.items() if name != "counted_total"}
    filled = phone(
        "activity", **by_name, count_how="roster", roster="ba minh tam", present_nonmember=2
    )
    assert filled.valid, filled.shown
    assert filled.saw("note roster_note: Có mặt: **5** người")
    assert filled.sent("present_total") == "5"
    assert filled.sent("present_members") == "3"
    assert filled.sent("present_women") == "2"
    assert filled.sent("present_older") == "3"


def test_daily_exercise_is_one_form_a_week(phone: Fill) -> None:
    week = {"kind": "exercise", "act_date": "2024-10-05", "start_time": "05:00", "sessions": 6}
    filled = phone("activity", **week, counted_total=20)
    assert filled.valid, filled.shown
    assert filled.saw("note exercise_note")
    assert filled.sent("attendances") == "120"
    assert not filled.saw("asked topic")
    assert phone("activity", **{**week, "sessions": 15}).saw("refused sessions")


def test_a_performance_is_known_by_its_kind_or_by_the_answer(phone: Fill) -> None:
    arts = phone("activity", **{**MEETING, "kind": "arts"})
    assert arts.sent("performed") == "yes"
    assert not arts.saw("asked with_perform")
    assert phone("activity", **MEETING, with_perform="yes").sent("performed") == "yes"


def test_community_work_asks_for_hours_and_a_training_for_its_board(phone: Fill) -> None:
    work = phone("activity", **{**MEETING, "kind": "community"})
    assert work.saw("asked comm_kind*")
    assert not work.valid
    training = phone("activity", **{**MEETING, "kind": "training"}, training_days="0.5")
    assert training.saw("asked board_trained {ba}")
    named = phone(
        "activity", **{**MEETING, "kind": "training"}, training_days=1, count_how="roster",
        roster="minh tam", board_trained="ba",
    )  # fmt: skip
    assert named.sent("trained") == "minh tam ba"


def test_help_with_entitlements_names_each_person_helped(phone: Fill) -> None:
    helped = {"gave_rights_help": "yes", "helped_member": "tam", "help_kind": "insurance"}
    filled = phone("activity", **MEETING, **helped, repeats=1)
    assert filled.valid, filled.shown
    assert len(filled.instance.findall(".//rights_help")) == 2
    assert not phone("activity", **MEETING, gave_rights_help="no").saw("asked helped_member")


def test_an_unlikely_crowd_is_warned_of_and_kept(phone: Fill) -> None:
    filled = phone("activity", **{**MEETING, "counted_total": 900})
    assert filled.saw("note many_note")
    assert filled.valid
    assert phone("activity", **{**MEETING, "act_date": "2099-01-01"}).saw("refused act_date")


# ------------------------------------------------------------------ helping one another
HELP = {
    "help_date": "2024-10-05", "kind": "visit", "beneficiary": "ba", "occasion": "sick",
    "helper_count": 3,
}  # fmt: skip


def test_a_visit_to_the_sick_is_few_taps(phone: Fill) -> None:
    filled = phone("mutual_help", **HELP)
    assert filled.valid, filled.shown
    assert taken(filled) == len(HELP)
    assert not asked(filled) & {"labour_days", "cash_vnd", "goods", "paid_from", "technique_topic"}


def test_of_someone_outside_no_name_is_kept(phone: Fill) -> None:
    outside = {name: value for name, value in HELP.items() if name != "beneficiary"}
    filled = phone(
        "mutual_help", **outside, ben_kind="outside", ben_sex="male", ben_older="yes", ben_poor="no"
    )
    assert filled.valid, filled.shown
    assert filled.saw("note outside_note")
    assert filled.sent("beneficiary") is None


def test_money_from_the_fund_points_to_the_treasurers_entry(phone: Fill) -> None:
    cash = {**HELP, "kind": "visit cash", "cash_vnd": 200000}
    own = phone("mutual_help", **cash, paid_from="own_pocket")
    assert own.valid, own.shown
    assert not own.saw("asked ledger_receipt")
    fund = phone("mutual_help", **cash, paid_from="club_fund")
    assert fund.saw("note fund_note")
    assert fund.saw("asked ledger_receipt*")
    assert not fund.valid
    assert phone("mutual_help", **cash, paid_from="club_fund", ledger_receipt="PC 12").valid


@pytest.mark.parametrize(("days", "is_taken"), [("0.5", True), ("0.1", False), ("-1", False)])
def test_half_a_day_of_work_can_be_given(phone: Fill, days: str, is_taken: bool) -> None:
    filled = phone("mutual_help", **{**HELP, "kind": "labour"}, labour_days=days)
    assert filled.saw("took labour_days") is is_taken


# ------------------------------------------------------------------ the fund's book
SPENT = {
    "direction": "out", "fund": "activity", "txn_date": "2024-10-05", "item": "visits",
    "amount_vnd": 200000,
}  # fmt: skip
FEES = {
    "direction": "in", "fund": "activity", "txn_date": "2024-10-05", "item": "member_fee",
    "is_batch": "yes", "batch_each_vnd": 50000, "batch_members": "ba minh tam",
}  # fmt: skip


def test_an_ordinary_entry_is_few_taps_and_offers_only_its_own_items(phone: Fill) -> None:
    filled = phone("ledger", **SPENT)
    assert filled.valid, filled.shown
    assert taken(filled) == len(SPENT)
    assert not asked(filled) & {"source", "given_as", "is_batch", "goods", "member"}
    unsaid = phone("ledger", direction="out", fund="activity")
    items = next(line for line in unsaid.shown if line.startswith("asked item*"))
    assert "savings_withdrawal" in items
    assert "member_fee" not in items


def test_fees_of_a_whole_meeting_are_one_entry(phone: Fill) -> None:
    filled = phone("ledger", **FEES)
    assert filled.valid, filled.shown
    assert filled.sent("batch_total_vnd") == "150000"
    assert filled.saw("note batch_total_note: Tất cả thu được **150000** đồng")
    assert filled.sent("amount_vnd") is None
    assert phone("ledger", **FEES, repeats=1).sent("batch_total_vnd") == "300000"


def test_a_gift_of_goods_has_a_giver_and_a_value(phone: Fill) -> None:
    gift = {**SPENT, "direction": "in", "item": "sponsorship", "source": "business"}
    goods = {**gift, "given_as": "goods", "goods": "gạo"}
    filled = phone("ledger", **goods, value_vnd=500000)
    assert filled.valid, filled.shown
    assert filled.sent("amount_vnd") is None
    assert phone("ledger", **goods).saw("asked value_vnd*")


def test_a_wrong_entry_is_cancelled_not_typed_with_a_minus(phone: Fill) -> None:
    assert phone("ledger", **{**SPENT, "amount_vnd": -200000}).saw("refused amount_vnd")
    cancels = phone("ledger", **SPENT, entry_kind="reversal")
    assert cancels.saw("asked correction_reason*")
    assert phone("ledger", **SPENT, entry_kind="reversal", correction_reason="ghi hai lần").valid


def test_a_large_or_odd_amount_is_read_back_and_kept(phone: Fill) -> None:
    filled = phone("ledger", **{**SPENT, "amount_vnd": 2500001})
    assert filled.saw("note amount_vnd_note: Số vừa gõ là **2,500001 triệu đồng**")
    assert filled.saw("note odd_note")
    assert filled.valid


# ------------------------------------------------------------------ lending
LOAN = {
    "member": "minh", "principal": 5500000, "disbursed_on": "2024-08-31", "term_months": 6,
    "repay_kind": "at_end", "purpose": "livestock",
}  # fmt: skip


def test_a_loan_creates_what_the_treasurer_will_look_for(phone: Fill) -> None:
    filled = phone("loan", **LOAN)
    assert filled.valid, filled.shown
    assert taken(filled) == len(LOAN)
    assert filled.entity["create"] == "1"
    label = filled.instance.findtext("meta/entity/label")
    assert label == "Lê Văn Minh · 1960 · thôn Đông · 5,5 triệu · 31/08/2024"
    assert filled.sent("first_balance") == "5500000"
    assert filled.sent("first_status") == "running"
    assert filled.sent("rate_pct_month") == "0.5"


@pytest.mark.parametrize(
    ("lent_on", "months", "due_on"),
    [
        ("2024-08-31", 6, "2025-02-28"),
        ("2023-08-31", 6, "2024-02-29"),
        ("2024-12-15", 1, "2025-01-15"),
        ("2024-01-31", 11, "2024-12-31"),
        ("2024-11-30", 12, "2025-11-30"),
        ("2023-05-31", 36, "2026-05-31"),
        ("2023-05-31", 1, "2023-06-30"),
    ],
)
def test_the_phone_shows_the_day_and_the_interest(
    phone: Fill, lent_on: str, months: int, due_on: str
) -> None:
    filled = phone("loan", **{**LOAN, "disbursed_on": lent_on, "term_months": months})
    assert filled.sent("due_on") == due_on
    assert filled.sent("total_interest") == str(5500000 * 5 * months // 1000)
    year, month, day = due_on.split("-")
    assert filled.saw(f"note due_note: Trả xong trước ngày **{day}/{month}/{year}**")


def test_a_second_loan_from_one_source_is_warned_of_and_kept(phone: Fill) -> None:
    assert not phone("loan", **LOAN).saw("note second_loan_note")
    second = phone("loan", **{**LOAN, "member": "ba"}, override="yes")
    assert second.saw("note second_loan_note")
    assert second.valid
    elsewhere = phone("loan", **{**LOAN, "member": "ba"}, fund_source="policy_bank")
    assert not elsewhere.saw("asked override")


def test_an_unusual_loan_is_warned_of_an_impossible_one_refused(phone: Fill) -> None:
    large = phone("loan", **{**LOAN, "principal": 30000000}, rate_pct_month="1.5")
    assert large.saw("note unusual_note")
    assert large.saw("note rate_note")
    assert large.valid
    for name, value in (("principal", -5000000), ("term_months", 37), ("rate_pct_month", 6)):
        assert phone("loan", **{**LOAN, name: value}).saw(f"refused {name}")


# ------------------------------------------------------------------ paying back
PAID = {"loan": "owed", "pay_date": "2024-10-05", "principal_paid": 500000, "interest_paid": 25000}


def test_only_what_the_club_is_still_owed_is_offered(phone: Fill) -> None:
    filled = phone("repayment", pay_date="2024-10-05")
    assert filled.saw("asked loan* {owed}")


def test_paying_back_is_few_taps_and_the_phone_sees_what_is_left(phone: Fill) -> None:
    filled = phone("repayment", **PAID)
    assert filled.valid, filled.shown
    assert taken(filled) == len(PAID)
    assert filled.saw("note balance_note: Theo máy này còn nợ gốc **2 triệu đồng**")
    assert filled.entity["update"] == "1"
    assert filled.entity["baseVersion"] == "3"
    assert filled.sent("new_balance") == "1500000"
    assert filled.sent("new_status") is None
    assert filled.sent("last_paid_on") == "2024-10-05"


def test_the_last_payment_closes_the_loan_on_the_phone(phone: Fill) -> None:
    filled = phone("repayment", **{**PAID, "principal_paid": 2000000})
    assert filled.sent("new_balance") == "0"
    assert filled.sent("new_status") == "paid"


def test_more_than_is_known_to_be_owed_is_warned_of_and_kept(phone: Fill) -> None:
    filled = phone("repayment", **{**PAID, "principal_paid": 2500000})
    assert filled.saw("note overpaid_note")
    assert filled.valid
    assert filled.sent("new_balance") == "0"


def test_a_payment_before_the_loan_is_warned_of_and_kept(phone: Fill) -> None:
    filled = phone("repayment", **{**PAID, "pay_date": "2023-10-05"})
    assert filled.saw("note before_loan_note")
    assert filled.valid
    assert phone("repayment", **{**PAID, "principal_paid": -1}).saw("refused principal_paid")


def test_extending_asks_until_when_and_writing_off_asks_no_amount(phone: Fill) -> None:
    longer = phone("repayment", loan="owed", pay_date="2024-10-05", action="extend")
    assert longer.saw("asked new_due_on*")
    gone = phone("repayment", loan="owed", pay_date="2024-10-05", action="write_off", reason="mất")
    assert gone.valid, gone.shown
    assert not gone.saw("asked principal_paid")
    assert (gone.sent("new_balance"), gone.sent("new_status")) == ("0", "written_off")
