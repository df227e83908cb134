"""What the clubs of the truth did: visits, checks, meetings, help, money, reports (domain §8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random

from tests.oracle.people import a_day, open_days
from tests.oracle.truth import (
    DAY,
    Activity,
    Check,
    Club,
    Confirmation,
    Entry,
    Help,
    Loan,
    Payment,
    Person,
    Refusal,
    Supervision,
    Supply,
    Truth,
    Visit,
    age,
)

TASKS = ("talk", "cook", "laundry", "housework", "blood_pressure", "movement", "medicine_reminder")
DANGERS = ("fall", "breathless", "fever", "not_eating", "abuse")
ACTIONS = ("family", "station", "call_115", "board")
SUPPLIERS = ("member", "club_fund", "individual", "red_cross", "business")
TOPICS = ("health", "nutrition", "livelihood", "policy", "rights", "insurance", "law", "digital")
PURPOSES = ("livestock", "crops", "trade", "fishing", "services")
SOURCES = ("better_off_member", "individual", "business", "peoples_committee", "elderly_care_fund",
           "fatherland_front", "red_cross")  # fmt: skip
DONORS = ("Hội Chữ thập đỏ", "Công ty Hòa Bình", "Bà Tư", "")
CHRONIC = ("hypertension", "diabetes", "joints", "none")


def months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The months, or parts of months, of a stretch of days."""
    while first <= last:
        end = (first.replace(day=1) + timedelta(days=32)).replace(day=1) - DAY
        yield first, min(end, last)
        first = end + DAY


class Diary:
    """Writes what one club does, month by month. busy: how much, 1 = as the small world does."""

    def __init__(self, truth: Truth, chance: Random, club: Club, busy: float) -> None:
        self.truth, self.chance, self.club, self.busy = truth, chance, club, busy

    def write(self) -> None:
        spans = open_days(self.club)
        for first, last in spans:
            self._opens_books(first)
            for start, end in months(first, last):
                self._month(start, end)
            self._half_years(first, last)
            self._lends(first, last)

    # -------------------------------------------------------------- small words
    def happens(self, probability: float) -> bool:
        return self.chance.random() < probability

    def times(self, mean: float) -> int:
        whole = int(mean * self.busy)
        return whole + self.happens(mean * self.busy - whole)

    def key(self, kind: str, things: Sequence[object]) -> str:
        return f"{kind} {self.club.key} {len(things)}"

    def people(self, day: date) -> list[Person]:
        return list(self.truth.members_of(self.club.key, day))

    def some(self, people: Sequence[Person], most: int) -> list[str]:
        number = min(self.chance.randint(1, most), len(people))
        return [person.key for person in self.chance.sample(list(people), number)]

    # -------------------------------------------------------------- a month
    def _month(self, first: date, last: date) -> None:
        self._gathers(first, last)
        for _ in range(self.times(4)):
            self._visits(a_day(self.chance, first, last))
        for _ in range(self.times(1.4)):
            self._checks(a_day(self.chance, first, last))
        for _ in range(self.times(1.2)):
            self._helps(a_day(self.chance, first, last))
        for _ in range(self.times(1.5)):
            self._enters(a_day(self.chance, first, last))
        if self.happens(0.03):
            refused = self.truth.refusals
            refused.append(Refusal(self.key("refusal", refused), self.club.key, last))

    def _gathers(self, first: date, last: date) -> None:
        for kind, odds in (
            ("meeting", 0.85), ("exercise", 0.7), ("talk", 0.35), ("arts", 0.15),
            ("community", 0.3), ("training", 0.1), ("exchange", 0.06), ("fundraising", 0.06),
        ):  # fmt: skip
            if self.happens(odds * min(self.busy, 1)):
                self._holds(kind, a_day(self.chance, first, last))

    def _holds(self, kind: str, day: date) -> Activity:
        chance, here = self.chance, self.people(day)
        one = Activity(
            self.key("activity", self.truth.activities), self.club.key, day, kind,
            start=chance.choice((420, 450, 840, 870)),
        )  # fmt: skip
        if any(a.club == one.club and a.day == day and a.kind == kind for a in self._own()):
            return one  # one such on a day is enough
        one.guests = chance.choice((0, 0, 0, 2, 5))
        if kind in ("meeting", "training") and here and self.happens(0.5):
            one.roster = self.some(here, min(len(here), 12))
        came = chance.randint(len(here) // 2, len(here)) if here else 0
        one.present = (len(one.roster) or came) + one.guests
        if kind in ("meeting", "talk", "training"):
            one.topics = chance.sample(TOPICS, chance.randint(1, 3))
        if kind == "exercise":
            one.sessions = chance.choice((1, 1, 3, 5))
        if kind == "community":
            one.person_hours = chance.choice((20, 37.5, 60))
        if kind == "training" and here:
            one.board_trained = self.some(here, 3)
        if kind in ("meeting", "talk") and here and self.happens(0.15):
            one.rights_help = [
                (who, chance.choice(("insurance", "allowance", "other")))
                for who in self.some(here, 2)
            ]
        self.truth.activities.append(one)
        return one

    def _own(self) -> Iterator[Activity]:
        return (one for one in self.truth.activities if one.club == self.club.key)

    def _visits(self, day: date) -> None:
        chance, here = self.chance, self.people(day)
        if not here:
            return
        needy = [p for p in here if p.fact("care_need", day) not in (None, "no")]
        client: str | None = chance.choice(needy if needy and self.happens(0.85) else here).key
        if self.happens(0.03):
            client = None
        able = [p for p in here if p.fact("is_volunteer", day) == "yes" and p.key != client]
        helpers = self.some(able or here, 2)
        outcome = chance.choices(("met", "not_met", "in_hospital", "refused"), (88, 5, 4, 3))[0]
        start, minutes = 8 * 60 + chance.choice((0, 15, 30)), chance.choice((30, 45, 60, 75, 90))
        one = Visit(self.key("visit", self.truth.visits), self.club.key, client, day, start,
                    minutes, helpers, outcome, [])  # fmt: skip
        taken = {(v.client, v.day) for v in self.truth.visits if v.day == day and v.client}
        if (client, day) in taken:
            one.start += 5 * 60  # a second visit on the same day
            if any(v.client == client and v.day == day and v.start >= 12 * 60
                   for v in self.truth.visits):  # fmt: skip
                return
        if outcome == "met":
            self._looks_after(one)
        self.truth.visits.append(one)

    def _looks_after(self, one: Visit) -> None:
        chance = self.chance
        one.tasks = chance.sample(TASKS, chance.randint(1, 4))
        if self.happens(0.12):
            one.red = [chance.choice(DANGERS)]
            one.red_action = [chance.choice(ACTIONS)] if self.happens(0.7) else []
        if self.happens(0.12):
            one.supplies = [
                Supply(chance.choice((50_000, 120_000, 200_000)), chance.choice(SUPPLIERS))
                for _ in range(chance.randint(1, 2))
            ]

    # -------------------------------------------------------------- health
    def _checks(self, day: date) -> None:
        chance, here = self.chance, self.people(day)
        done = {(c.member, c.day) for c in self.truth.checks if c.day == day}
        here = [p for p in here if (p.key, day) not in done]
        if not here:
            return
        person = chance.choice(here)
        kind = "full" if self.happens(0.65) else "quick"
        one = Check(self.key("check", self.truth.checks), self.club.key, person.key, day, kind)
        if self.happens(0.92):
            systolic = round(chance.gauss(134 + max(age(person.born, day) - 60, 0) * 0.4, 18))
            diastolic = min(round(chance.gauss(80, 10)), systolic - 15)
            one.pressures = [
                (min(max(systolic + n, 90), 240), min(max(diastolic + n // 2, 45), 130))
                for n in chance.choice(((0,), (0, -4), (0, 5), (12, 0, -2)))
            ]
        if kind == "full":
            self._full(one)
        self.truth.checks.append(one)

    def _full(self, one: Check) -> None:
        chance = self.chance
        if self.happens(0.5):
            state = chance.choice(("fasting", "after_meal", "random"))
            values = (4.9, 5.7, 6.5, 7.0, 8.4, 11.0, 11.1, 14.0)
            value = chance.choice(values)
            one.glucose = (state, "mmol", value)
            if self.club.key == "hl1":  # its meter shows mg/dL; 126 is 6.99 mmol/L, and high
                one.glucose = (state, "mgdl", chance.choice((98, 125, 126, 140, 199, 200, 260)))
        if self.happens(0.9):
            one.weight, one.height = chance.choice((39.5, 47, 52.5, 58, 66)), chance.choice(
                (145, 150, 155.5, 162))  # fmt: skip
        one.adl_helped = chance.choices((0, 1, 3), (85, 10, 5))[0]
        one.iadl_helped = chance.choices((0, 2, 5), (75, 15, 10))[0]
        one.falls = chance.choices((0, 1, 2, 4), (75, 12, 9, 4))[0]
        if self.happens(0.9):
            one.mood = (chance.choice("0012"), chance.choice(("0", "1", "2", "3", "refused")))
        one.chronic = [chance.choice(CHRONIC)]
        one.medicines = ["none"] if self.happens(0.6) else [chance.choice(("bp", "diabetes"))]
        one.refer = chance.choices(("none", "station", "hospital"), (85, 10, 5))[0]

    # -------------------------------------------------------------- help and money
    def _helps(self, day: date) -> None:
        chance, here = self.chance, self.people(day)
        kinds = chance.sample(
            ("labour", "cash", "goods", "technique", "visit", "insurance", "paperwork"),
            chance.choices((1, 2), (80, 20))[0],
        )
        who = chance.choice(here).key if here and self.happens(0.9) else None
        one = Help(self.key("help", self.truth.helps), self.club.key, day, kinds, who)
        if "labour" in kinds:
            one.labour_days = chance.choice((0.5, 1, 2, 3.5))
        if "cash" in kinds:
            one.cash = chance.choice((100_000, 200_000, 500_000))
        if "goods" in kinds:
            one.goods = chance.choice((50_000, 150_000))
        if one.cash or one.goods:
            one.paid_from = chance.choice(("own_pocket", "club_fund"))
        self.truth.helps.append(one)

    def _opens_books(self, day: date) -> None:
        if not any(one.club == self.club.key for one in self.truth.entries):
            for fund, amount in (("income", 50_000_000), ("activity", 3_000_000)):
                self._enter(day, fund, "in", "opening_balance", amount)

    def _enter(self, day: date, fund: str, direction: str, item: str, amount: int = 0,
               **more: object) -> Entry:  # fmt: skip
        key = self.key("entry", self.truth.entries)
        one = Entry(key, self.club.key, day, fund, direction, item, amount, **more)  # type: ignore[arg-type]
        self.truth.entries.append(one)
        return one

    def _enters(self, day: date) -> None:
        chance, here = self.chance, self.people(day)
        fund = chance.choice(("income", "activity"))
        what = chance.random()
        if what < 0.2 and len(here) > 3:
            one = self._enter(day, "activity", "in", "member_fee")
            one.batch = [(5_000, self.some(here, 8)), (10_000, self.some(here, 3))]
        elif what < 0.45:
            item = chance.choice(("contribution", "sponsorship", "state_budget"))
            one = self._enter(day, fund, "in", item, chance.choice((200_000, 1_000_000)))
            one.source, one.donor = chance.choice(SOURCES), chance.choice(DONORS)
            if self.happens(0.3):
                one.given_as, one.amount, one.goods = "goods", 0, 300_000
        elif what < 0.6:
            item = chance.choice(("fundraising", "bank_interest", "loan_interest", "other_income"))
            self._enter(day, fund, "in", item, chance.choice((50_000, 75_500, 400_000)))
        else:
            item = chance.choice(("visits", "activities", "help", "office"))
            one = self._enter(day, fund, "out", item, chance.choice((50_000, 120_000, 300_000)))
            if self.happens(0.15):  # it was wrong, and is taken back some days later
                later = day + timedelta(days=chance.randint(0, 20))
                if self.club.is_active(later):
                    self._enter(later, fund, "out", item, one.amount, reversal=True)

    def _lends(self, first: date, last: date) -> None:
        for _ in range(self.times((last - first).days / 75)):
            day = a_day(self.chance, first, last)
            here = self.people(day)
            if here:
                self._loan(self.chance.choice(here), day, last)

    def _loan(self, person: Person, day: date, last: date) -> None:
        chance = self.chance
        loan = Loan(
            self.key("loan", self.truth.loans), self.club.key, person.key, day,
            principal=chance.choice((3_000_000, 5_000_000, 7_500_000, 10_000_000)),
            months=chance.choice((1, 3, 6, 12)),
            kind=chance.choice(("at_end", "at_end", "monthly", "interest_monthly")),
            source=chance.choices(("club_fund", "policy_bank", "vie_project"), (8, 1, 1))[0],
            purpose=chance.choice(PURPOSES),
        )  # fmt: skip
        self.truth.loans.append(loan)
        end = add_months(day, loan.months)
        fate = chance.choices(
            ("in_time", "late", "very_late", "never", "parts", "extended", "written_off", "twice"),
            (40, 12, 12, 8, 16, 8, 6, 6),
        )[0]
        self._pays(loan, fate, end)
        loan.payments = [one for one in loan.payments if day <= one.day <= last]

    def _pays(self, loan: Loan, fate: str, end: date) -> None:
        chance, interest = self.chance, loan.principal // 200 * loan.months
        whole = loan.principal

        def pay(day: date, principal: int, interest: int = 0, action: str = "pay",
                new_due: date | None = None) -> None:  # fmt: skip
            key = f"payment {loan.key} {len(loan.payments)}"
            loan.payments.append(Payment(key, day, action, principal, interest, new_due))

        if fate in ("in_time", "late", "very_late"):
            late = {"in_time": -chance.randint(0, 5), "late": 12, "very_late": 45}[fate]
            pay(end + timedelta(days=late), whole, interest)
        elif fate == "parts":
            for n in range(1, loan.months + 1):
                day = add_months(loan.day, n) + timedelta(days=chance.choice((-2, 0, 3, 40)))
                pay(day, whole * n // loan.months - whole * (n - 1) // loan.months, 25_000)
        elif fate == "extended":
            half = loan.day + timedelta(days=(end - loan.day).days // 2)
            pay(half, whole // 2, 50_000)
            when = end + timedelta(days=chance.choice((-3, 10)))
            pay(when, 0, 0, "extend", when + timedelta(days=75))
            pay(when + timedelta(days=chance.choice((70, 80))), whole - whole // 2, 30_000)
        elif fate == "written_off":
            pay(loan.day + timedelta(days=20), whole // 4)
            pay(end + timedelta(days=60), 0, 0, "write_off")
        elif fate == "twice":  # two phones without signal took the same money
            pay(end, whole, interest)
            pay(end + DAY, whole // 2, 0)

    # -------------------------------------------------------------- half-years
    def _half_years(self, first: date, last: date) -> None:
        chance, t = self.chance, self.truth
        halves = {(day.year, 1 + (day.month > 6)) for day, _ in months(first, last)}
        for year, half in sorted(halves):
            start, end = ((date(year, 1, 1), date(year, 6, 30)) if half == 1
                          else (date(year, 7, 1), date(year, 12, 31)))  # fmt: skip
            inside = max(first, start), min(last, end)
            if self.happens(0.5):
                key, day = self.key("supervision", t.supervisions), a_day(chance, *inside)
                cash = chance.choice(((1_200_000, 1_200_000), (1_000_000, 1_150_000), (None, 5)))
                t.supervisions.append(Supervision(key, self.club.key, day, *cash))
            if self.club.key in ("tq1", "hl1"):
                one = self._holds("review", a_day(chance, *inside))
                guests = [c.key for c in t.clubs.values() if c.is_active(one.day)]
                one.clubs_present = chance.sample(guests, min(3, len(guests)))
            self._confirms(year, half, end)

    def _confirms(self, year: int, half: int, end: date) -> None:
        t = self.truth
        if self.happens(0.75):
            day = end + timedelta(days=self.chance.choice((1, 3, 5, 6, 12)))
            agree = self.happens(0.85)
            t.confirmations.append(
                Confirmation(self.key("confirmation", t.confirmations), self.club.key, day,
                             f"{year}H{half}", agree))  # fmt: skip


def add_months(day: date, months: int) -> date:
    """The same day some months later; the month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for number in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, number))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
