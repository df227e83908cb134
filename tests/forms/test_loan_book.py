"""What is owed of a loan on any day: the golden cases, and against a plain day-by-day reckoning."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.library import load_library
from forms.stories import Said, Told

STORY = load_library().lists["loans"].story
assert STORY is not None
ON = date(2025, 1, 31)
MILLION = 1_000_000


def day(text: str) -> date:
    return date.fromisoformat(text)


def a_loan(on: date = ON, **answers: object) -> Told:
    said = {"principal": 6 * MILLION, "term_months": 6, "rate_pct_month": "0.5"} | answers
    said.setdefault("repay_kind", "at_end")
    return Told("loan", {name: str(value) for name, value in said.items()}, on, 1)


def paid(on: str | date, principal: object = 0, order: int = 2, **answers: object) -> Told:
    said = {"action": "pay", "principal_paid": principal} | answers
    on = on if isinstance(on, date) else day(on)
    return Told("repayment", {name: str(value) for name, value in said.items()}, on, order)


def book(*records: Told) -> list[Said]:
    ordered = sorted(records, key=lambda one: (one.happened_on, one.order))
    return list(STORY.tell(ordered))


def spells(name: str, *records: Told) -> list[tuple[str, str, str | None]]:
    return [
        (said.value, str(said.valid_from), str(said.valid_to) if said.valid_to else None)
        for said in book(*records)
        if said.name == name
    ]


def as_of(said: Sequence[Said], name: str, on: date) -> str:
    """The value on a day, "" for none."""
    found = [
        one.value
        for one in said
        if one.name == name and one.valid_from <= on and (one.valid_to is None or on < one.valid_to)
    ]
    assert len(found) <= 1, (name, on)
    return "".join(found)


# ------------------------------------------------------------------ golden cases
def test_a_loan_repaid_twice_offline_goes_down_twice() -> None:
    two = (a_loan(), paid("2025-03-10", 2 * MILLION), paid("2025-03-10", MILLION, order=3))
    assert spells("balance", *two) == [
        ("6000000", "2025-01-31", "2025-03-10"),
        ("3000000", "2025-03-10", None),
    ]
    assert spells("repaid", *two) == [("3000000", "2025-03-10", "2025-03-11")]


def test_a_loan_paid_in_time_is_never_overdue() -> None:
    told = (a_loan(), paid("2025-07-31", 6 * MILLION, interest_paid=180_000))
    assert spells("overdue", *told) == []
    assert spells("status", *told) == [
        ("running", "2025-01-31", "2025-07-31"),
        ("paid", "2025-07-31", None),
    ]
    assert spells("due", *told) == [("6000000", "2025-07-31", "2025-08-01")]
    assert spells("due_on_time", *told) == [("6000000", "2025-07-31", "2025-08-01")]
    assert spells("interest", *told) == [("180000", "2025-07-31", "2025-08-01")]
    assert spells("last_paid", *told) == [("2025-07-31", "2025-07-31", None)]


def test_a_due_day_to_come_says_from_when_it_will_be_overdue() -> None:
    assert spells("overdue", a_loan()) == [("yes", "2025-08-01", None)]
    assert spells("long_overdue", a_loan()) == [("yes", "2025-08-31", None)]
    assert spells("standing", a_loan()) == [
        ("running", "2025-01-31", "2025-08-01"),
        ("overdue", "2025-08-01", None),
    ]


def test_monthly_parts_are_equal_to_the_dong_and_fall_on_the_months_last_day() -> None:
    due = spells("due", a_loan(principal=1_000_000, term_months=3, repay_kind="monthly"))
    assert due == [
        ("333333", "2025-02-28", "2025-03-01"),
        ("333333", "2025-03-31", "2025-04-01"),
        ("333334", "2025-04-30", "2025-05-01"),
    ]


def test_parts_that_follow_each_other_at_once_make_one_time_of_being_late() -> None:
    told = (
        a_loan(principal=3 * MILLION, term_months=3, repay_kind="monthly"),
        paid("2025-03-31", MILLION),
        paid("2025-04-02", MILLION, order=3),
        paid("2025-04-30", MILLION, order=4),
    )
    # The first part was paid when the second was due: two times of being late, a day apart.
    assert spells("overdue", *told) == [
        ("yes", "2025-03-01", "2025-03-31"),
        ("yes", "2025-04-01", "2025-04-02"),
    ]
    assert spells("due_on_time", *told) == [
        ("0", "2025-02-28", "2025-03-01"),
        ("0", "2025-03-31", "2025-04-01"),
        ("1000000", "2025-04-30", "2025-05-01"),
    ]
    assert spells("long_overdue", *told) == []


def test_half_of_what_is_due_is_on_time_by_half() -> None:
    told = (a_loan(), paid("2025-07-30", 2 * MILLION), paid("2025-09-01", 4 * MILLION, order=3))
    assert spells("due_on_time", *told) == [("2000000", "2025-07-31", "2025-08-01")]
    assert spells("overdue", *told) == [("yes", "2025-08-01", "2025-09-01")]
    assert spells("long_overdue", *told) == [("yes", "2025-08-31", "2025-09-01")]


def test_an_extension_moves_what_is_still_owed() -> None:
    told = (
        a_loan(),
        paid("2025-07-20", MILLION, action="extend", new_due_on="2025-10-31"),
    )
    assert spells("due", *told) == [
        ("1000000", "2025-07-31", "2025-08-01"),
        ("5000000", "2025-10-31", "2025-11-01"),
    ]
    assert spells("overdue", *told) == [("yes", "2025-11-01", None)]
    assert spells("last_due", *told) == [
        ("2025-07-31", "2025-01-31", "2025-07-20"),
        ("2025-10-31", "2025-07-20", None),
    ]


def test_an_extension_that_comes_late_ends_the_time_of_being_late() -> None:
    told = (a_loan(), paid("2025-08-15", action="extend", new_due_on="2025-10-31"))
    assert spells("overdue", *told) == [
        ("yes", "2025-08-01", "2025-08-15"),
        ("yes", "2025-11-01", None),
    ]
    assert [value for value, *_ in spells("due", *told)] == ["6000000", "6000000"]


def test_an_extended_loan_in_monthly_parts_goes_on_in_monthly_parts() -> None:
    told = (
        a_loan(principal=3 * MILLION, term_months=3, repay_kind="monthly"),
        paid("2025-02-28", MILLION),
        paid("2025-03-01", action="extend", new_due_on="2025-06-15", order=3),
    )
    assert spells("due", *told) == [
        ("1000000", "2025-02-28", "2025-03-01"),
        ("500000", "2025-03-15", "2025-03-16"),
        ("500000", "2025-04-15", "2025-04-16"),
        ("500000", "2025-05-15", "2025-05-16"),
        ("500000", "2025-06-15", "2025-06-16"),
    ]


@pytest.mark.parametrize("new", ["", "2025-07-01", "nonsense", "9999-12-31"])
def test_a_day_that_is_no_day_to_come_extends_nothing(new: str) -> None:
    told = (a_loan(), paid("2025-07-20", action="extend", new_due_on=new))
    assert spells("due", *told) == [("6000000", "2025-07-31", "2025-08-01")]


def test_what_is_written_off_is_the_balance_of_that_day() -> None:
    told = (
        a_loan(),
        paid("2025-09-30", action="write_off"),
        paid("2025-09-01", 2 * MILLION, order=3),
    )
    assert spells("written_off", *told) == [("4000000", "2025-09-30", "2025-10-01")]
    assert spells("balance", *told)[-1] == ("0", "2025-09-30", None)
    assert spells("standing", *told) == [
        ("running", "2025-01-31", "2025-08-01"),
        ("overdue", "2025-08-01", "2025-09-30"),
        ("written_off", "2025-09-30", None),
    ]


def test_what_is_paid_after_the_write_off_is_kept_and_shown_to_a_person() -> None:
    told = (
        a_loan(),
        paid("2025-09-30", action="write_off"),
        paid("2025-12-01", MILLION, order=3),
    )
    assert spells("status", *told)[-1] == ("written_off", "2025-09-30", None)
    assert spells("overpaid", *told) == [("1000000", "2025-12-01", None)]
    assert spells("repaid", *told) == [("1000000", "2025-12-01", "2025-12-02")]


def test_who_pays_more_than_is_owed_owes_nothing_and_a_person_is_shown() -> None:
    told = (a_loan(), paid("2025-04-01", 5 * MILLION), paid("2025-05-01", 2 * MILLION, order=3))
    assert spells("balance", *told)[-1] == ("0", "2025-05-01", None)
    assert spells("overpaid", *told) == [("1000000", "2025-05-01", None)]
    assert spells("status", *told)[-1] == ("paid", "2025-05-01", None)


def test_a_loan_is_current_for_a_year_and_for_as_long_as_it_runs() -> None:
    quick = (a_loan(), paid("2025-03-01", 6 * MILLION))
    slow = (a_loan(), paid("2027-03-01", 6 * MILLION))
    assert spells("current", *quick) == [("yes", "2025-01-31", "2026-01-31")]
    assert spells("current", *slow) == [("yes", "2025-01-31", "2027-03-01")]
    assert spells("current", a_loan()) == [("yes", "2025-01-31", None)]


def test_interest_every_month_is_what_is_due_next() -> None:
    told = (
        a_loan(repay_kind="interest_monthly"),  # 30,000 đ a month
        paid("2025-02-28", interest_paid=30_000),
        paid("2025-03-31", interest_paid=20_000, fee_waived=10_000, order=3),
    )
    assert [value for value, *_ in spells("next_due", *told)] == [
        "2025-02-28",
        "2025-03-31",
        "2025-04-30",
    ]
    assert [value for value, *_ in spells("next_due", a_loan())] == ["2025-07-31"]


@pytest.mark.parametrize("principal", ["", "0", "-5", "năm triệu", "1e99", "NaN"])
def test_of_a_loan_that_cannot_be_read_nothing_is_told(principal: str) -> None:
    assert book(a_loan(principal=principal)) == []


def test_a_loan_without_a_term_is_owed_but_never_due() -> None:
    told = (a_loan(term_months=""), paid("2025-04-01", MILLION))
    assert spells("balance", *told)[-1] == ("5000000", "2025-04-01", None)
    assert spells("overdue", *told) == []


def test_repayments_alone_tell_nothing() -> None:
    assert book(paid("2025-04-01", MILLION)) == []


# ------------------------------------------------------------------ reckoned day by day
def _month_on(first: date, n: int) -> date:
    year, month = first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1
    return date(year, month, min(first.day, calendar.monthrange(year, month)[1]))


def reckon(loan: Told, repayments: Sequence[Told], days: int) -> dict[date, dict[str, str]]:
    """What a careful bookkeeper has on the page of every day."""
    principal, months = int(loan.answers["principal"]), int(loan.answers["term_months"])
    monthly = loan.answers["repay_kind"] == "monthly"
    dues: dict[date, int] = defaultdict(int)
    if monthly:
        for n in range(1, months + 1):
            dues[_month_on(loan.happened_on, n)] += principal * n // months - (
                principal * (n - 1) // months
            )
    else:
        dues[_month_on(loan.happened_on, months)] = principal
    owed, written_off, over = principal, False, 0
    pages: dict[date, dict[str, str]] = {}
    for n in range(days):
        today = loan.happened_on + timedelta(days=n)
        said = [one.answers for one in repayments if one.happened_on == today]
        coming_in = sum(int(one["principal_paid"]) for one in said)
        over += max(0, coming_in - owed)
        left = coming_in = min(coming_in, owed)
        owed -= coming_in
        for due in sorted(dues):
            taken = min(left, dues[due])
            dues[due] -= taken
            left -= taken
        until = [day(one["new_due_on"]) for one in said if one["action"] == "extend"]
        if until and owed:
            new = [until[-1]]
            while monthly and _month_on(until[-1], -len(new)) > today:
                new.append(_month_on(until[-1], -len(new)))
            new.reverse()
            dues = defaultdict(int)
            for place, due in enumerate(new, 1):
                dues[due] = owed * place // len(new) - owed * (place - 1) // len(new)
        if owed and any(one["action"] == "write_off" for one in said):
            owed, written_off, dues = 0, True, defaultdict(int)
        late = max(((today - due).days for due, left in dues.items() if left), default=0)
        status = "written_off" if written_off else "running" if owed else "paid"
        pages[today] = {
            "balance": str(owed),
            "status": status,
            "overdue": "yes" if late > 0 else "",
            "long_overdue": "yes" if late > 30 else "",
            "standing": "overdue" if late > 0 else status,
            "overpaid": str(over) if over else "",
            "next_due": min((str(due) for due, left in dues.items() if left), default=""),
        }
    return pages


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    kind = draw(st.sampled_from(["at_end", "monthly", "interest_monthly"]))
    loan = a_loan(
        principal=draw(st.integers(1, 20)) * 500_000 + draw(st.integers(0, 3)),
        term_months=draw(st.integers(1, 6)),
        repay_kind=kind,
        rate_pct_month=0,
    )
    repayments = []
    for order in range(2, 2 + draw(st.integers(0, 7))):
        on = ON + timedelta(days=draw(st.integers(0, 300)))
        action = draw(st.sampled_from(["pay", "pay", "pay", "extend", "write_off"]))
        later = on + timedelta(days=draw(st.integers(0, 120)))
        amount = draw(st.sampled_from([0, 1, 500_000, MILLION, 7 * MILLION]))
        repayments.append(paid(on, amount, order, action=action, new_due_on=later))
    return [loan, *repayments]


@given(histories(), st.randoms())
def test_the_book_says_of_every_day_what_a_bookkeeper_would(
    history: list[Told], dice: object
) -> None:
    loan, *repayments = history
    said = book(*history)
    for today, page in reckon(loan, repayments, 480).items():
        for name, value in page.items():
            assert as_of(said, name, today) == value, (name, today)
    dice.shuffle(history)  # type: ignore[attr-defined]
    assert book(*history) == said


@given(histories())
def test_all_that_is_due_is_the_principal_unless_it_was_put_off_late_or_given_up(
    history: list[Told],
) -> None:
    said = book(*history)
    total = sum(int(one.value) for one in said if one.name == "due")
    on_time = sum(int(one.value) for one in said if one.name == "due_on_time")
    assert on_time <= total
    if all(one.answers.get("action") in (None, "pay") for one in history):
        assert total == int(history[0].answers["principal"])
    ledger = sum(int(one.answers.get("principal_paid", 0)) for one in history)
    assert sum(int(one.value) for one in said if one.name == "repaid") == ledger


def test_every_fact_the_library_names_is_told_and_no_other() -> None:
    names = {said.name for said in book(a_loan(), paid("2025-12-01", 9 * MILLION, interest_paid=1))}
    names |= {said.name for said in book(a_loan(), paid("2025-12-01", action="write_off"))}
    assert names == {*STORY.facts}
