"""What is owed of a loan on any day, told from the loan and its repayments alone.

Domain handbook §3.7, §4.4 (E02, E04–E09). Money is whole đồng, as text. Of one day, payments come
first, then an extension, then a write-off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from itertools import takewhile

from forms.days import read_day
from forms.periods import months_before
from forms.stories import Said, Told

LARGEST = 10**12  # đồng; a slip of the finger must not end the computing
LONGEST = 600  # months
LONG_OVERDUE = 30  # days (E08)
CURRENT_MONTHS = 12  # E05: "disbursed in 12 months"

Answers = Mapping[str, str]


def loan_book(records: Sequence[Told]) -> Iterator[Said]:
    """Facts of one loan from the day it was paid out; none when no loan can be read.

    status        running | paid | written_off
    standing      the same, but overdue while any principal is
    balance       principal still owed, never below 0
    overdue       yes from the day after a due principal was not paid, until it is
    long_overdue  yes while some principal has been due for more than 30 days
    due           one day each: the principal to be paid on that day
    due_on_time   beside each `due`: how much of it was paid by then
    repaid, interest   one day each: what was paid, also what was too much
    written_off   one day: the principal given up
    overpaid      what was paid beyond the balance so far, for a person to look at
    next_due      the day the next payment is due; stays while it is not paid
    last_due      the day the last one is
    last_paid     the day of the last payment
    current       yes while it is running, and for its first 12 months at least
    """
    loan = _read_loan(records)
    if loan is None:
        return
    book = _Book(loan)
    by_day: dict[date, list[Answers]] = {}
    for one in records:
        if one.form == "repayment":
            by_day.setdefault(one.happened_on, []).append(one.answers)
    for day in sorted(by_day):
        book.turn(day, by_day[day])
    yield from book.tell()


# ------------------------------------------------------------------ the loan
@dataclass(frozen=True, slots=True)
class _Loan:
    principal: int
    on: date
    months: int  # 0 = the term cannot be read: nothing is ever due
    kind: str
    monthly_interest: int


def _read_loan(records: Sequence[Told]) -> _Loan | None:
    loans = sorted((one for one in records if one.form == "loan"), key=lambda one: one.order)
    if not loans:
        return None
    answers = loans[0].answers
    principal = _dong(answers, "principal")
    if principal == 0:
        return None
    months = _number(answers, "term_months")
    return _Loan(
        principal=principal,
        on=loans[0].happened_on,
        months=int(months) if months <= LONGEST else 0,
        kind=answers.get("repay_kind", ""),
        monthly_interest=int(principal * min(_number(answers, "rate_pct_month"), 100) / 100),
    )


@dataclass(slots=True)
class _Instalment:
    """A part of the principal, the day it is due, and what was paid of it when."""

    due: date
    amount: int
    paid: list[tuple[date, int]] = field(default_factory=list)
    ended: date | None = None  # paid, put off or given up

    @property
    def open(self) -> int:
        return 0 if self.ended else self.amount - sum(paid for _, paid in self.paid)

    @property
    def on_time(self) -> int:
        return sum(paid for day, paid in self.paid if day <= self.due)

    def give_up(self, day: date) -> None:
        """No more is due of it; before its day only what was paid was."""
        if day <= self.due:
            self.amount -= self.open
        self.ended = day


def _instalments(loan: _Loan) -> list[_Instalment]:
    if not loan.months:
        return []
    if loan.kind != "monthly":
        return [_Instalment(_months_after(loan.on, loan.months), loan.principal)]
    days = [_months_after(loan.on, n) for n in range(1, loan.months + 1)]
    return _in_parts(loan.principal, days)


def _in_parts(amount: int, days: Sequence[date]) -> list[_Instalment]:
    """Equal parts to the đồng."""
    sums = [amount * n // len(days) for n in range(len(days) + 1)]
    return [
        _Instalment(day, after - before)
        for day, before, after in zip(days, sums, sums[1:], strict=False)
        if after > before
    ]


# ------------------------------------------------------------------ its book
class _Book:
    """The loan, turned over day by day. Each list has its own (day, what is so from then on)."""

    def __init__(self, loan: _Loan) -> None:
        self.loan = loan
        self.balance = loan.principal
        self.interest_covered = 0  # paid or forgiven
        self.instalments = _instalments(loan)
        self.status = [(loan.on, "running")]
        self.balances = [(loan.on, loan.principal)]
        self.next_dues = [(loan.on, self._next_due())]
        self.last_dues = [(loan.on, self._last_due())]
        self.last_paid: list[tuple[date, str]] = []
        self.overpaid: list[tuple[date, int]] = []
        self.flows: dict[str, list[tuple[date, int]]] = {
            name: [] for name in ("repaid", "interest", "written_off")
        }
        self.closed_on: date | None = None

    def turn(self, day: date, repayments: Sequence[Answers]) -> None:
        """What was paid and agreed on this day; days come in order."""
        self._pay(day, repayments)
        put_off = [_new_due(answers, day) for answers in repayments]
        until = [new for new in put_off if new]
        if until and self.balance:
            self._extend(day, until[-1])
        if self.balance and any(answers.get("action") == "write_off" for answers in repayments):
            self._write_off(day)
        self.balances.append((day, self.balance))
        self.next_dues.append((day, self._next_due()))
        self.last_dues.append((day, self._last_due()))

    def _pay(self, day: date, repayments: Sequence[Answers]) -> None:
        principal = sum(_dong(answers, "principal_paid") for answers in repayments)
        interest = sum(_dong(answers, "interest_paid") for answers in repayments)
        self.interest_covered += interest
        self.interest_covered += sum(_dong(answers, "fee_waived") for answers in repayments)
        if principal:
            self.flows["repaid"].append((day, principal))
        if interest:
            self.flows["interest"].append((day, interest))
        if principal or interest:
            self.last_paid.append((day, day.isoformat()))
        owed = min(principal, self.balance)
        if principal > owed:
            before = self.overpaid[-1][1] if self.overpaid else 0
            self.overpaid.append((day, before + principal - owed))
        self.balance -= owed
        self._settle(day, owed)
        if owed and not self.balance:
            self._close(day, "paid")

    def _settle(self, day: date, amount: int) -> None:
        """The oldest part first."""
        for one in self.instalments:
            part = min(amount, one.open)
            if part:
                one.paid.append((day, part))
                amount -= part
                if not one.open:
                    one.ended = day

    def _extend(self, day: date, until: date) -> None:
        """All that is still owed is due by another day; in monthly parts if it was before."""
        self._give_up(day)
        days = [until]
        if self.loan.kind == "monthly":
            backwards = (months_before(until, n) for n in range(1, LONGEST))
            days = [*takewhile(lambda one: one > day, backwards)][::-1] + days
        self.instalments += _in_parts(self.balance, days)

    def _write_off(self, day: date) -> None:
        self._give_up(day)
        self.flows["written_off"].append((day, self.balance))
        self.balance = 0
        self._close(day, "written_off")

    def _give_up(self, day: date) -> None:
        for one in self.instalments:
            if one.open:
                one.give_up(day)

    def _close(self, day: date, status: str) -> None:
        self.status.append((day, status))
        self.closed_on = day

    def _next_due(self) -> str:
        days = [one.due for one in self.instalments if one.open]
        if days and self.loan.kind == "interest_monthly" and self.loan.monthly_interest:
            months = min(self.interest_covered // self.loan.monthly_interest, LONGEST)
            days.append(_months_after(self.loan.on, months + 1))
        return min(days).isoformat() if days else ""

    def _last_due(self) -> str:
        days = [one.due for one in self.instalments if one.open]
        return max(days).isoformat() if days else ""

    # -------------------------------------------------------------- told
    def tell(self) -> Iterator[Said]:
        yield from _turns("status", self.status)
        yield from _turns("balance", self.balances)
        yield from _turns("overpaid", self.overpaid)
        yield from _turns("next_due", self.next_dues)
        yield from _turns("last_due", self.last_dues)
        yield from _turns("last_paid", self.last_paid)
        overdue = self._spans(after=1)
        for name, spans in (("overdue", overdue), ("long_overdue", self._spans(LONG_OVERDUE + 1))):
            yield from (Said(name, "yes", first, end) for first, end in spans)
        yield from _turns("standing", _laid_over(self.status, overdue, "overdue"))
        for name, amounts in self.flows.items():
            yield from (_on_day(name, amount, day) for day, amount in amounts)
        yield from self._dues()
        year = _months_after(self.loan.on, CURRENT_MONTHS)
        end = max(self.closed_on, year) if self.closed_on else None
        yield Said("current", "yes", self.loan.on, end)

    def _spans(self, after: int) -> list[tuple[date, date | None]]:
        """From so many days after a due day on, while it was not paid; one after the other."""
        found: list[tuple[date, date | None]] = []
        for one in sorted(self.instalments, key=lambda one: one.due):
            first = one.due + timedelta(days=after)
            if one.amount == 0 or (one.ended and one.ended <= first):
                continue
            if found and (found[-1][1] is None or first <= found[-1][1]):
                found[-1] = found[-1][0], _later(found[-1][1], one.ended)
            else:
                found.append((first, one.ended))
        return found

    def _dues(self) -> Iterator[Said]:
        days = sorted({one.due for one in self.instalments if one.amount})
        for day in days:
            mine = [one for one in self.instalments if one.due == day]
            yield _on_day("due", sum(one.amount for one in mine), day)
            yield _on_day("due_on_time", sum(one.on_time for one in mine), day)


def _later(one: date | None, other: date | None) -> date | None:
    return max(one, other) if one and other else None


def _on_day(name: str, amount: int, day: date) -> Said:
    return Said(name, str(amount), day, day + timedelta(days=1))


def _turns(name: str, told: Sequence[tuple[date, object]]) -> Iterator[Said]:
    """Each holds until the next that says something else; of one day the last; "" is nothing."""
    turns: list[tuple[date, object]] = []
    for day, value in dict(told).items():
        if not turns or turns[-1][1] != value:
            turns.append((day, value))
    ends = [*(day for day, _ in turns), None][1:]
    for (day, value), end in zip(turns, ends, strict=True):
        if value != "":
            yield Said(name, str(value), day, end)


def _laid_over(
    told: Sequence[tuple[date, str]], spans: Sequence[tuple[date, date | None]], value: str
) -> list[tuple[date, object]]:
    """`told`, but another value within the spans; none of them outlasts what is told first."""
    found: dict[date, object] = dict(told)
    first = told[0][1]
    for start, end in spans:
        found[start] = value
        if end is not None:
            found.setdefault(end, first)
    return sorted(found.items())


# ------------------------------------------------------------------ answers
def _new_due(answers: Answers, day: date) -> date | None:
    """The day to which a payment was put off; None where it is not one to come."""
    new = read_day(answers.get("new_due_on", "")) if answers.get("action") == "extend" else None
    return new if new and day <= new <= _months_after(day, LONGEST) else None


def _number(answers: Answers, column: str) -> Decimal:
    """0 where it cannot be read."""
    try:
        number = Decimal(answers.get(column, "").strip() or 0)
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() and 0 <= number <= LARGEST else Decimal(0)


def _dong(answers: Answers, column: str) -> int:
    return int(_number(answers, column))


def _months_after(day: date, months: int) -> date:
    return months_before(day, -months)
