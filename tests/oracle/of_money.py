"""Sections E and I of §4.4: the funds, the loan book, what was raised. Whole đồng."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from tests.oracle.doings import add_months
from tests.oracle.figures import FLOW, STOCK, indicator
from tests.oracle.truth import DAY, Entry, Loan
from tests.oracle.view import OF_PEOPLE, Numbers, View, add_up, split

RAISED = ("contribution", "sponsorship", "state_budget", "fundraising")


# ------------------------------------------------------------------ the books of the funds
def money(one: Entry) -> int:
    """What stands on the line; a reversal takes it back."""
    amount = one.amount or sum(each * len(who) for each, who in one.batch)
    return -amount if one.reversal else amount


def _net(entries: Iterable[Entry], *funds: str) -> int:
    return sum(
        money(one) if one.direction == "in" else -money(one) for one in entries if one.fund in funds
    )


def _lent(v: View, until: date) -> int:
    loans = (one for club in v.clubs for one in v.shelf.loans[club])
    return sum(x.principal for x in loans if x.source == "club_fund" and x.day <= until)


def _paid_back(v: View, until: date) -> int:
    return sum(
        one.principal + one.interest for one in v.payments_until(until) if one.action != "write_off"
    )


@indicator("E02d", STOCK)
def income_book(v: View) -> Numbers:
    return add_up([_net(v.entries_until(v.day), "income")])


@indicator("E02e", STOCK)
def paid_back(v: View) -> Numbers:
    return add_up([_paid_back(v, v.day)])


@indicator("E02f", STOCK)
def lent(v: View) -> Numbers:
    return add_up([_lent(v, v.day)])


@indicator("E02b", STOCK)
def activity_fund(v: View) -> Numbers:
    return add_up([_net(v.entries_until(v.day), "activity")])


def _balance(v: View, until: date, *funds: str) -> int:
    """Opening + Σ in − Σ out + Σ repaid − Σ lent (E02)."""
    return _net(v.entries_until(until), *funds) + _paid_back(v, until) - _lent(v, until)


@indicator("E02a", STOCK)
def income_fund(v: View) -> Numbers:
    return add_up([_balance(v, v.day, "income")])


@indicator("E02", STOCK)
def both_funds(v: View) -> Numbers:
    return add_up([_balance(v, v.day, "income", "activity")])


@indicator("E02g", STOCK)
def books_before(v: View) -> Numbers:
    return add_up([_net(v.entries_until(v.period.first - DAY), "income", "activity")])


@indicator("E02h", STOCK)
def paid_back_before(v: View) -> Numbers:
    return add_up([_paid_back(v, v.period.first - DAY)])


@indicator("E02i", STOCK)
def lent_before(v: View) -> Numbers:
    return add_up([_lent(v, v.period.first - DAY)])


@indicator("E02c", STOCK)
def both_funds_before(v: View) -> Numbers:
    return add_up([_balance(v, v.period.first - DAY, "income", "activity")])


# ------------------------------------------------------------------ receipts and spending of P
def _cuts(one: Entry) -> Mapping[str, list[str]]:
    return {
        "fund": [one.fund],
        "ledger_item": [one.item],
        "ledger_source": [one.source or "unknown"],
    }


def _receipts(v: View) -> list[Entry]:
    return [x for x in v.entries if x.direction == "in" and x.item != "opening_balance"]


@indicator("E03a", FLOW)
def receipts(v: View) -> Numbers:
    return split((money(one), _cuts(one)) for one in _receipts(v))


def _interest(v: View) -> int:
    return sum(one.interest for one in v.payments_until(v.day) if one.day in v.period)


@indicator("E03b", FLOW)
def interest(v: View) -> Numbers:
    return add_up([_interest(v)])


@indicator("E03", FLOW)
def all_receipts(v: View) -> Numbers:
    return add_up([*(money(one) for one in _receipts(v)), _interest(v)])


@indicator("E03f", FLOW)
def income_receipts(v: View) -> Numbers:
    return add_up(1 for one in _receipts(v) if one.fund == "income" and not one.reversal)


@indicator("E03x", FLOW)
def spending(v: View) -> Numbers:
    out = (one for one in v.entries if one.direction == "out")
    return split((money(one), {"fund": [one.fund], "ledger_item": [one.item]}) for one in out)


def _interest_in_book(v: View) -> int:
    return sum(money(one) for one in v.entries if one.item == "loan_interest")


@indicator("E09c", FLOW)
def interest_in_book(v: View) -> Numbers:
    return add_up([_interest_in_book(v)])


@indicator("E09a", FLOW)
def all_interest(v: View) -> Numbers:
    return add_up([_interest(v), _interest_in_book(v)])


# ------------------------------------------------------------------ lending in P
def _of_club_fund(v: View) -> list[Loan]:
    return [one for one in v.loans if one.source == "club_fund"]


def _borrower(v: View, loan: Loan) -> Mapping[str, list[str]]:
    person = v.truth.people[loan.member]
    return {cut: list(OF_PEOPLE[cut](person, v.day)) for cut in ("sex", "hh_class")}


@indicator("E04a", FLOW)
def loans(v: View) -> Numbers:
    return split((1, _borrower(v, one)) for one in _of_club_fund(v))


@indicator("E04b", FLOW)
def amount_lent(v: View) -> Numbers:
    return split((one.principal, _borrower(v, one)) for one in _of_club_fund(v))


@indicator("E04c", FLOW)
def borrowers(v: View) -> Numbers:
    return v.count(v.named(one.member for one in _of_club_fund(v)), "sex", "hh_class")


@indicator("E10", FLOW, "E04b")
def by_purpose(v: View) -> Numbers:
    return split((one.principal, {"loan_purpose": [one.purpose]}) for one in _of_club_fund(v))


@indicator("E13", FLOW)
def other_borrowers(v: View) -> Numbers:
    others = (one for one in v.loans if one.source != "club_fund")
    return v.count(v.named(one.member for one in others))


# ------------------------------------------------------------------ the loan book on D
@dataclass
class Part:
    """Principal due on a day; what was paid of it when; the day from which it is due no more."""

    due: date
    amount: int
    paid: list[tuple[date, int]]
    closed: date | None = None

    def left(self) -> int:
        return 0 if self.closed else self.amount - sum(n for _, n in self.paid)


class Book:
    """One loan up to a day, on which payments come first, then an extension, then a write-off."""

    def __init__(self, loan: Loan, until: date) -> None:
        self.loan, self.owed, self.written_off = loan, loan.principal, 0
        self.written_off_on: date | None = None
        self.closed_on: date | None = None
        self.parts = self._plan()
        order = {"pay": 0, "extend": 1, "write_off": 2}
        known = [one for one in loan.payments if one.day <= until]
        for one in sorted(known, key=lambda one: (one.day, order[one.action])):
            if one.action == "write_off":
                self._write_off(one.day)
            else:
                self._pay(one.day, one.principal)
                if one.action == "extend" and one.new_due and self.owed:
                    self._extend(one.day, one.new_due)

    def _plan(self) -> list[Part]:
        loan = self.loan
        if loan.kind != "monthly":
            return [Part(add_months(loan.day, loan.months), loan.principal, [])]
        days = [add_months(loan.day, n) for n in range(1, loan.months + 1)]
        return _in_parts(loan.principal, days)

    def _pay(self, day: date, amount: int) -> None:
        amount = min(amount, self.owed)
        self.owed -= amount
        for part in self.parts:
            now = min(part.left(), amount)
            if now:
                part.paid.append((day, now))
                amount -= now
                part.closed = day if not part.left() else None
        if not self.owed and self.closed_on is None:
            self.closed_on = day

    def _extend(self, day: date, until: date) -> None:
        self._let_go(day)
        days = [until]
        if self.loan.kind == "monthly":  # in monthly parts again, counted back from the new day
            number = 1
            while (earlier := add_months(until, -number)) > day:
                days.insert(0, earlier)
                number += 1
        self.parts += _in_parts(self.owed, days)

    def _let_go(self, day: date) -> None:
        """What was due before this day stays so; what was to come is due no more."""
        for part in self.parts:
            if part.left():
                if day <= part.due:
                    part.amount -= part.left()
                part.closed = day

    def _write_off(self, day: date) -> None:
        if self.owed:
            self._let_go(day)
            self.written_off, self.written_off_on = self.owed, day
            self.owed, self.closed_on = 0, day

    def is_long_overdue(self, day: date) -> bool:
        """Some principal has been due for more than 30 days."""
        return any(
            part.amount and part.due + timedelta(days=30) < day
            and (part.closed is None or part.closed > day)
            for part in self.parts
        )  # fmt: skip


def _in_parts(amount: int, days: list[date]) -> list[Part]:
    """Equal parts to the đồng, what does not divide on the later ones."""
    ends = [amount * n // len(days) for n in range(len(days) + 1)]
    return [Part(day, b - a, []) for day, a, b in zip(days, ends, ends[1:], strict=False)]


def _books(v: View) -> list[Book]:
    return [Book(one, v.day) for one in v.all_loans]


@indicator("E06", STOCK)
def outstanding(v: View) -> Numbers:
    return add_up(book.owed for book in _books(v))


@indicator("E06n", STOCK)
def running(v: View) -> Numbers:
    return add_up(1 for book in _books(v) if book.owed)


@indicator("E08", STOCK, "E06")
def long_overdue(v: View) -> Numbers:
    return add_up(book.owed for book in _books(v) if book.is_long_overdue(v.day))


def _all_told(v: View) -> list[Book]:
    """With all that is known by now: an instalment due in P may be put off, or paid, only later."""
    return [Book(one, date.max) for one in v.all_loans]


@indicator("E07n", FLOW)
def due(v: View) -> Numbers:
    parts = (part for book in _all_told(v) for part in book.parts)
    return add_up(part.amount for part in parts if part.due in v.period)


@indicator("E07", FLOW, "E07n")
def paid_in_time(v: View) -> Numbers:
    parts = (part for book in _all_told(v) for part in book.parts if part.due in v.period)
    return add_up(amount for part in parts for day, amount in part.paid if day <= part.due)


@indicator("E09b", FLOW)
def written_off(v: View) -> Numbers:
    return add_up(
        b.written_off for b in _books(v) if b.written_off_on and b.written_off_on in v.period
    )


@indicator("E05", STOCK, "B01", "sex", "hh_class")
def members_with_loan(v: View) -> Numbers:
    """Open on D, or paid out in the 12 months up to it; of the member's own club (README)."""
    has = set()
    for book in _books(v):
        if book.owed or v.day < add_months(book.loan.day, 12):
            has.add((book.loan.club, book.loan.member))
    people = (p for p in v.members if (p.last_club(v.day), p.key) in has)
    return v.count(people, "sex", "hh_class")


# ------------------------------------------------------------------ I: what was raised
def _raised(v: View) -> list[Entry]:
    return [one for one in v.entries if one.item in RAISED]


def _source(one: Entry) -> Mapping[str, list[str]]:
    return {"ledger_source": [one.source or "unknown"]}


@indicator("I01", FLOW)
def raised(v: View) -> Numbers:
    return split((money(one), _source(one)) for one in _raised(v))


@indicator("I01n", FLOW)
def times_raised(v: View) -> Numbers:
    return add_up(1 for one in _raised(v) if not one.reversal)


def _goods(one: Entry) -> int:
    return -one.goods if one.reversal else one.goods


@indicator("I02a", FLOW)
def goods_in_book(v: View) -> Numbers:
    return split((_goods(one), _source(one)) for one in v.entries)


def _supplies(v: View) -> list[tuple[float, Mapping[str, list[str]]]]:
    every = (one for club in v.clubs for one in v.shelf.visits[club] if one.day in v.period)
    return [
        (one.value, {"supply_source": [one.source]})
        for visit in every
        for one in visit.supplies
        if one.source != "club_fund"  # that money stands in the book
    ]


@indicator("I02b", FLOW)
def supplies(v: View) -> Numbers:
    return split(_supplies(v))


@indicator("I02", FLOW)
def all_goods(v: View) -> Numbers:
    return add_up([*map(_goods, v.entries), *(amount for amount, _ in _supplies(v))])


def _donor(one: Entry) -> str:
    """One donor however it is written: marks, capitals and spaces aside."""
    plain = unicodedata.normalize("NFD", one.donor.replace("đ", "d").replace("Đ", "D"))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())


def _given(v: View) -> list[Entry]:
    return [one for one in v.entries if one.source and not one.reversal]


@indicator("I03a", FLOW)
def donors(v: View) -> Numbers:
    return add_up(1 for _ in {_donor(one) for one in _given(v) if one.donor})


@indicator("I03b", FLOW)
def nameless(v: View) -> Numbers:
    return add_up(1 for one in _given(v) if not one.donor)


@indicator("I03", FLOW)
def all_donors(v: View) -> Numbers:
    named = {_donor(one) for one in _given(v) if one.donor}
    return add_up([len(named), sum(1 for one in _given(v) if not one.donor)])


@indicator("I04", FLOW)
def supported(v: View) -> Numbers:
    """Members of some day of P who got supplies that were raised, or help from the club's fund."""
    got = {
        visit.client
        for visits in v.shelf.visits.values()
        for visit in visits
        if visit.day in v.period and any(one.source != "member" for one in visit.supplies)
    }
    got |= {
        one.beneficiary
        for helps in v.shelf.helps.values()
        for one in helps
        if one.day in v.period
        and one.paid_from == "club_fund"
        and {"cash", "goods"} & set(one.kinds)
    }
    return v.count(p for p in v.of_the_period if p.key in got)
