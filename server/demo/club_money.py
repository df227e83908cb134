"""Fourteen months of the money of the demo's clubs: entries, loans, repayments, counted cash.

Pure. A club starts with 50 million đồng (domain.md §8) and never lends or spends what it has not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from server.demo.diary import Entry, label, stamps
from server.demo.phone import EntityEdit
from server.demo.population import CLUBS, FIRST, LAST, Club, Person, Population, age, new_uuid

INCOME, ACTIVITY = "income", "activity"
OPENED = date(2024, 12, 2)
START = {INCOME: 30_000_000, ACTIVITY: 20_000_000}
FEE = 15_000  # a quarter
STEP, LEAST = 500_000, 2_000_000  # of a loan
RATE = 0.5  # percent a month, flat
LOANS = 8
PURPOSES = ("livestock", "trade", "crops", "services", "fishing", "crafts")
# What became of single loans, by club and its number there: (days after the due day, and what).
ON_TIME = (-3, "pay")
FATES = {
    ("48-TQ-01", 0): (-2, "paid_twice"),
    ("48-TQ-02", 1): (12, "pay"),
    ("48-HQ-01", 0): (20, "pay"),
    ("48-HQ-02", 1): (45, "pay"),
    ("48-HP-01", 0): (60, "write_off"),
    ("48-HP-01", 2): (-4, "extend"),
    ("48-HC-01", 1): (0, "unpaid"),
}
FROM_OUTSIDE = {("48-TQ-02", 5), ("48-HP-01", 5)}  # of the bank for social policies
MONTHLY = 3  # the number of the loan that is paid back in monthly parts


@dataclass(slots=True)
class Book:
    """A club's treasurer: what she enters, and what the funds have on any day."""

    club: Club
    club_id: str
    entries: list[Entry] = field(default_factory=list)
    moves: list[tuple[date, str, int]] = field(default_factory=list)

    def cash(self, day: date, fund: str | None = None) -> int:
        """đồng in hand at the end of the day, of one fund or of both."""
        return sum(
            amount for on, of, amount in self.moves if on <= day and (fund is None or fund == of)
        )

    def enter(self, form: str, day: date, answers: Mapping[str, Any], **more: Any) -> None:
        if day <= LAST:
            known = {**stamps(day, "16:40"), "club": self.club_id, **answers}
            phone = more.pop("phone", "treasurer")
            self.entries.append(Entry(f"{self.club.code}/{phone}", form, day, known, **more))

    def receive(self, day: date, fund: str, amount: int, answers: Mapping[str, Any]) -> None:
        self._ledger(day, fund, "in", amount, {"amount_vnd": amount, **answers})

    def spend(self, day: date, item: str, amount: int, **answers: Any) -> None:
        self._ledger(day, ACTIVITY, "out", amount, {"item": item, "amount_vnd": amount, **answers})

    def _ledger(
        self, day: date, fund: str, direction: str, amount: int, answers: Mapping[str, Any]
    ) -> None:
        kind = {"entry_kind": "ordinary", "txn_date": day, "fund": fund, "direction": direction}
        self.enter("ledger", day, {**kind, **answers})
        if day <= LAST:
            self.moves.append((day, fund, amount if direction == "in" else -amount))


def keep_books(population: Population, club_ids: Mapping[str, str], seed: int) -> dict[Club, Book]:
    """Every club's book; its entries in the order of their days, loans before their repayments."""
    random = Random(f"money:{seed}")
    books = {}
    for club in CLUBS:
        book = Book(club, club_ids[club.code])
        _open(book)
        _fees(random, book, population)
        _gifts(random, book, population)
        _spending(random, book, population)
        _lend(random, book, population)
        book.entries.sort(key=lambda entry: entry.day)
        books[club] = book
    return books


# ---- the ledger
def _open(book: Book) -> None:
    for fund, amount in START.items():
        book.receive(OPENED, fund, amount, {"item": "opening_balance"})


def _fees(random: Random, book: Book, population: Population) -> None:
    """Quarterly, of most members, as one batch."""
    for year, month in ((2024, 12), (2025, 3), (2025, 6), (2025, 9), (2025, 12)):
        day = date(year, month, 20)
        members = [one for one in population.there(book.club, day) if random.random() < 0.85]
        total = FEE * len(members)
        row: dict[str, Any] = {"batch_each_vnd": FEE, "batch_row_vnd": total}
        row |= {"batch_members": " ".join(one.id for one in members)}
        kind = {"entry_kind": "ordinary", "txn_date": day, "fund": ACTIVITY, "direction": "in"}
        paid = {"item": "member_fee", "is_batch": "yes", "batch": [row], "batch_total_vnd": total}
        book.enter("ledger", day, {**kind, **paid})
        book.moves.append((day, ACTIVITY, total))


def _gifts(random: Random, book: Book, population: Population) -> None:
    """From well-off members, the neighbourhood and the authorities; rice before Tết."""
    better_off = next(
        (one for one in population.there(book.club, LAST) if one.hh_class == "better_off"), None
    )
    money = {"given_as": "money"}
    if better_off:
        who = {"item": "contribution", "source": "better_off_member", "member": better_off.id}
        for month in (4, 10):
            day = date(2025, month, random.randint(2, 27))
            book.receive(day, INCOME, 500_000 * random.randint(1, 4), {**who, **money})
    business = {"item": "sponsorship", "source": "business", "donor": "Một cửa hàng trong xóm"}
    state = {"item": "state_budget", "source": "peoples_committee"}
    front = {"item": "contribution", "source": "fatherland_front"}
    book.receive(date(2025, 1, 20), ACTIVITY, 1_000_000, {**business, **money})
    book.receive(date(2025, 5, 12), ACTIVITY, 2_000_000, {**state, **money})
    book.receive(date(2025, 10, 1), ACTIVITY, 1_000_000, {**front, **money})
    book.receive(
        date(2025, 9, 21), ACTIVITY, 100_000 * random.randint(15, 40),
        {"item": "fundraising", **money},
    )  # fmt: skip
    kilos = random.randrange(60, 160, 10)
    rice: dict[str, Any] = {"item": "contribution", "source": "red_cross", "given_as": "goods"}
    rice |= {"goods": "gạo", "goods_qty": kilos, "goods_unit": "kg", "value_vnd": kilos * 18_000}
    day = date(2025, 1, 18)
    kind = {"entry_kind": "ordinary", "txn_date": day, "fund": ACTIVITY, "direction": "in"}
    book.enter("ledger", day, {**kind, **rice})


def _spending(random: Random, book: Book, population: Population) -> None:
    months = [date(2025, month, random.randint(3, 26)) for month in range(1, 13)]
    for day in months[1::2]:
        book.spend(day, "activities", 50_000 * random.randint(4, 12), receipt_no=_receipt(day))
    for day in months[0::3]:
        book.spend(day, "visits", 200_000, receipt_no=_receipt(day))
    book.spend(months[8], "office", 120_000, receipt_no=_receipt(months[8]))
    for day in (months[2], months[9]):
        _help(random, book, population, day)
    if book.club is CLUBS[3]:
        _wrong_entry(book, date(2025, 8, 4))


def _receipt(day: date) -> str:
    return f"PC {day:%d%m/%y}"


def _help(random: Random, book: Book, population: Population, day: date) -> None:
    """The fund's money for who is in sudden need: in the ledger, and as help that points there."""
    amount = 100_000 * random.randint(2, 5)
    book.spend(day, "help", amount, receipt_no=_receipt(day))
    in_need = random.choice(population.there(book.club, day))
    book.enter(
        "mutual_help",
        day,
        {
            "help_date": day,
            "kind": "visit cash",
            "ben_kind": "member",
            "beneficiary": in_need.id,
            "occasion": random.choice(("sick", "hardship", "funeral")),
            "helper_count": random.randint(2, 4),
            "cash_vnd": amount,
            "paid_from": "club_fund",
            "ledger_receipt": _receipt(day),
        },
    )


def _wrong_entry(book: Book, day: date) -> None:
    """A zero too many; cancelled the next day and entered right."""
    book.spend(day, "office", 1_500_000, receipt_no="PC 0408/25")
    next_day = day + timedelta(days=1)
    cancels = {"entry_kind": "reversal", "txn_date": next_day, "fund": ACTIVITY, "item": "office"}
    cancels |= {"direction": "out", "amount_vnd": 1_500_000, "corrects_receipt": "PC 0408/25"}
    book.enter("ledger", next_day, {**cancels, "correction_reason": "Ghi thừa một số 0"})
    book.moves.append((next_day, ACTIVITY, 1_500_000))
    book.spend(next_day, "office", 150_000, receipt_no="PC 0508/25")


# ---- loans
@dataclass(frozen=True, slots=True)
class _Loan:
    book: Book
    id: str
    number: int
    member: Person
    principal: int
    day: date
    months: int
    kind: str

    @property
    def is_ours(self) -> bool:
        return (self.book.club.code, self.number) not in FROM_OUTSIDE

    @property
    def due(self) -> date:
        return _months_later(self.day, self.months)


def _lend(random: Random, book: Book, population: Population) -> None:
    """Eight in a year, to different people, as far as the money goes."""
    able = [
        one
        for one in population.there(book.club, FIRST)
        if one.left is None and age(one.born, LAST) < 76
    ]
    for number, member in enumerate(random.sample(able, LOANS)):
        day = date(2024, 12, 10) + timedelta(days=42 * number + random.randrange(14))
        loan = _loan(random, book, number, member, day)
        if loan.is_ours and loan.principal < LEAST:
            continue  # the fund is lent out; next time
        _pay_out(random, loan)
        for repaid in _repayments(loan):
            _pay_back(loan, *repaid)


def _loan(random: Random, book: Book, number: int, member: Person, day: date) -> _Loan:
    there = book.cash(day, INCOME) // STEP * STEP
    wanted, months = random.randint(6, 12) * STEP, random.choice((6, 6, 8, 10, 12))
    if (book.club.code, number) in FATES:
        months = 6  # so that it comes out within the fourteen months
    key = str(new_uuid(Random(f"loan:{book.club.code}:{number}")))
    if (book.club.code, number) in FROM_OUTSIDE:
        return _Loan(book, key, number, member, 10_000_000, day, 24, "at_end")
    if number == MONTHLY:
        return _Loan(book, key, number, member, min(3_000_000, there), day, 6, "monthly")
    return _Loan(book, key, number, member, min(wanted, there), day, months, "at_end")


def _pay_out(random: Random, loan: _Loan) -> None:
    rate = RATE if loan.is_ours else 0.55
    book, name = loan.book, label(loan.member)
    answers = {
        "member": loan.member.id,
        "member_label": name,
        "fund_source": "club_fund" if loan.is_ours else "policy_bank",
        "open_loans": 0,
        "principal": loan.principal,
        "disbursed_on": loan.day,
        "term_months": loan.months,
        "rate_pct_month": rate,
        "repay_kind": loan.kind,
        "due_on": loan.due,
        "total_interest": round(loan.principal * rate * loan.months / 100),
        "purpose": random.choice(PURPOSES),
        "minutes_ref": f"BB {loan.day:%m/%Y}",
        "first_balance": loan.principal,
        "first_status": "running",
    }
    millions = f"{loan.principal / 1_000_000:g}".replace(".", ",")
    text = f"{name} · {millions} triệu · {loan.day:%d/%m/%Y}"
    book.enter("loan", loan.day, answers, entity=EntityEdit(loan.id, "create", text))
    if loan.is_ours:
        book.moves.append((loan.day, INCOME, -loan.principal))


def _repayments(loan: _Loan) -> Iterator[tuple[date, int, int, dict[str, Any], str]]:
    """(day, principal left after it, principal paid, other answers, whose phone) of each."""
    late, what = FATES.get((loan.book.club.code, loan.number), ON_TIME)
    day = loan.due + timedelta(days=late)
    interest = round(loan.principal * RATE * loan.months / 100)
    if loan.kind == "monthly":
        part = loan.principal // loan.months
        for n in range(1, loan.months + 1):
            on = _months_later(loan.day, n) - timedelta(days=1)
            monthly = {"interest_paid": interest // loan.months}
            yield on, loan.principal - n * part, part, monthly, "treasurer"
    elif what == "write_off":
        why: dict[str, Any] = {
            "action": "write_off",
            "reason": "Bão làm sập chuồng, mất cả đàn heo; BCN đã họp",
        }
        yield day, 0, 0, why, "treasurer"
    elif what == "extend":
        until = _months_later(loan.due, 6)
        why = {"action": "extend", "new_due_on": until, "reason": "Mất mùa vì mưa lụt"}
        yield day, loan.principal, 0, {**why, "interest_paid": interest}, "treasurer"
    elif what != "unpaid":
        yield day, 0, loan.principal, {"interest_paid": interest}, "treasurer"
        if what == "paid_twice":  # on the phone of the bookkeeper, who had no network
            again = {"interest_paid": interest, "receipt_no": "PT sổ tay"}
            yield day + timedelta(days=1), 0, loan.principal, again, "bookkeeper"


def _pay_back(
    loan: _Loan, day: date, left: int, paid: int, more: Mapping[str, Any], phone: str
) -> None:
    if day > LAST or not loan.is_ours:
        return
    book = loan.book
    answers: dict[str, Any] = {
        "loan": loan.id,
        "loan_balance": left + paid,
        "action": "pay",
        "pay_date": day,
        **more,
        "new_balance": left,
    }
    if answers["action"] != "write_off":
        answers["principal_paid"] = paid
    if paid or answers.get("interest_paid"):
        answers["last_paid_on"] = day
    if left == 0:
        answers["new_status"] = "written_off" if answers["action"] == "write_off" else "paid"
    earlier = sum(1 for one in book.entries if one.answers.get("loan") == loan.id)
    branch = str(new_uuid(Random(f"branch:{loan.id}")))
    edit = EntityEdit(loan.id, "update", base_version=str(1 + earlier), branch_id=branch)
    book.enter("repayment", day, answers, phone=phone, entity=edit)
    book.moves.append((day, INCOME, paid + int(answers.get("interest_paid", 0))))


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or its 28th."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, 28))


# ---- counted by visitors
def supervisions(books: Mapping[Club, Book], days: Sequence[date]) -> list[Entry]:
    """The commune looks into every club's books; in one the cash is a little short."""
    return [
        _supervision(book, day, short=50_000 if book.club is CLUBS[4] and day == days[0] else 0)
        for day in days
        for book in books.values()
    ]


def _supervision(book: Book, day: date, short: int) -> Entry:
    cash = book.cash(day)
    answers: dict[str, Any] = {
        **stamps(day, "08:30"),
        "club": book.club_id,
        "visit_date": day,
        "visitor_level": "commune",
        "met_with": "chair treasurer members",
        "books_seen": "members fund loans care minutes",
        "cash_counted": cash - short,
        "cash_book": cash,
        "cash_difference": -short,
        "areas_active": "income health home_care self_help rights awareness culture resources",
        "findings": "Sổ sách đủ, ghi kịp thời. Các cụ đến sinh hoạt đông.",
    }
    if short:
        answers["actions"] = "Thủ quỹ đối chiếu lại phiếu chi tháng trước."
        answers["deadline"] = day + timedelta(days=14)
    return Entry(f"{book.club.unit_code}/commune", "supervision", day, answers)
