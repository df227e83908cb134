"""The truth as phones wrote it: real forms filled in, with the slips of real life (domain §8).

A paper that is wrong by design (sent again, dated in the future, about a dead person) says so in
`standing`: it adds nothing to the truth, only to the table of quality.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from random import Random
from typing import Any

from tests.oracle.truth import (
    DAY,
    Activity,
    Check,
    Club,
    Entry,
    Help,
    Loan,
    Payment,
    Person,
    Truth,
    Visit,
    on,
)
from tests.sync.sending import an_id

NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)  # the last day anything could come
Answers = dict[str, object]

COUNTS, AGAIN, HELD, WAITING = "counts", "again", "held", "waiting"


@dataclass(frozen=True)
class Paper:
    """One filled-in form. rows: repeat -> answers of each. entity: the uuid it makes or changes.

    replaces: the key of the paper it edits. day, club: where it belongs, if it counts.
    """

    form: str
    key: str
    club: str
    day: date
    answers: Answers
    received: datetime
    rows: Mapping[str, Sequence[Answers]] = field(default_factory=dict)
    entity: str = ""
    label: str = ""
    replaces: str = ""
    standing: str = COUNTS
    first_received: datetime | None = None  # of an edit: when its original came
    decided: str = ""  # a person deleted or rejected it

    @property
    def arrived(self) -> date:
        """The Vietnam date on which it first came."""
        return ((self.first_received or self.received) + timedelta(hours=7)).date()


class Writer:
    """Writes every paper of a truth; with `slips` also those of the mistakes."""

    def __init__(
        self, truth: Truth, club_ids: Mapping[str, str], chance: Random, *, slips: bool = True
    ) -> None:
        self.truth, self.club_ids, self.chance = truth, club_ids, chance
        self.slips, self.papers = slips, list[Paper]()

    def write(self) -> list[Paper]:
        for club in self.truth.clubs.values():
            self._club(club)
        for person in self.truth.people.values():
            self._person(person)
        for things, paper in self._things():
            for thing in things:
                one = paper(thing)
                if one is not None:
                    self._send(one)
        if self.slips:
            self._never_true()
        return sorted(self.papers, key=lambda one: (one.received, one.key))

    def _things(self) -> Iterator[tuple[Sequence[Any], Callable[[Any], Paper | None]]]:
        truth = self.truth
        yield truth.visits, self._visit
        yield truth.checks, self._check
        yield truth.activities, self._activity
        yield truth.helps, self._help
        yield truth.entries, self._entry
        yield truth.loans, self._loan
        yield [(loan, one) for loan in truth.loans for one in loan.payments], self._payment
        yield truth.supervisions, self._supervision
        yield truth.confirmations, self._confirmation
        yield truth.refusals, self._refusal

    # -------------------------------------------------------------- when it came
    def arrival(self, day: date, at_least: int = 0) -> datetime:
        """Mostly within days; some weeks or months late; never in the future."""
        odds = ((at_least, at_least + 4), (5, 20), (21, 60), (90, 150))
        span = self.chance.choices(odds, (70, 18, 9, 3))[0]
        came = datetime.combine(
            day + timedelta(days=max(at_least, self.chance.randint(*span))), time(3), UTC
        ) + timedelta(seconds=self.chance.randint(0, 40_000))
        return min(came, NOW - timedelta(seconds=self.chance.randint(60, 80_000)))

    def paper(
        self, form: str, key: str, club: str, day: date, answers: Answers, **more: Any
    ) -> Paper:
        filled = {name: said for name, said in answers.items() if said not in ("", None)}
        received = more.pop("received", None) or self.arrival(day)
        if form not in ("club_registration",):
            filled = {"club": self.club_ids[club], **filled}
        return Paper(form, key, club, day, filled, received, **more)

    # -------------------------------------------------------------- slips of the post
    def _send(self, paper: Paper) -> None:
        chance = self.chance
        if not self.slips:
            self.papers.append(paper)
            return
        if chance.random() < 0.02:
            self._edits(paper)
            return
        self.papers.append(paper)
        if chance.random() < 0.02 and paper.form != "member_update":
            self._sends_again(paper)
        elif chance.random() < 0.008 and paper.form in ("care_visit", "activity", "ledger"):
            self._throws_away(paper)

    def _edits(self, paper: Paper) -> None:
        """What came first was wrong; the edit is what is true."""
        wrong = dict(paper.answers)
        for name, said in wrong.items():
            if isinstance(said, int) and not isinstance(said, bool):
                wrong[name] = said + 1
            elif isinstance(said, date) and said > date(2018, 2, 1):
                wrong[name] = said - timedelta(days=self.chance.choice((0, 1, 40)))
        first = replace(paper, key=f"{paper.key} first", answers=wrong, standing=AGAIN)
        later = paper.received + timedelta(days=self.chance.randint(0, 3), seconds=5)
        edit = replace(
            paper, replaces=first.key, received=min(later, NOW), first_received=paper.received
        )
        self.papers += [first, edit]

    def _sends_again(self, paper: Paper) -> None:
        """The phone did not hear the thanks: the same content under a new instanceID."""
        later = paper.received + timedelta(days=self.chance.randint(0, 5), seconds=7)
        entity = f"{paper.entity} again" if paper.form in ("membership", "loan") else paper.entity
        again = replace(
            paper, key=f"{paper.key} again", received=min(later, NOW), standing=AGAIN, entity=entity
        )
        self.papers.append(again)

    def _throws_away(self, paper: Paper) -> None:
        """Somebody wrote something that never was, and a person deletes it."""
        answers = {k: v + 5 if isinstance(v, int) else v for k, v in paper.answers.items()}
        day = paper.day + DAY
        answers = {k: day if v == paper.day else v for k, v in answers.items()}
        self.papers.append(
            replace(paper, key=f"{paper.key} never", answers=answers, day=day, standing=AGAIN,
                    decided="deleted", received=min(paper.received + DAY, NOW))
        )  # fmt: skip

    # -------------------------------------------------------------- clubs
    def _club(self, club: Club) -> None:
        if club.from_file:
            self._troupe(club)
            return
        new: Answers = {
            "action": "new", "new_club_id": self.club_ids[club.key],
            "club_id": self.club_ids[club.key], "founded_on": club.founded,
            "club_name": f"CLB {club.name}", "club_code": club.key.upper(),
            "unit": unit_key(club), "programme": "city_2017",
            "has_troupe": on(club.troupe, club.founded),
            "has_income_fund": on(club.income_fund, club.founded),
            "has_activity_fund": on(club.activity_fund, club.founded),
        }  # fmt: skip
        if on(club.decision, club.founded):
            new |= {"decision_no": "12/QĐ-UBND", "decision_date": club.founded}
        self._about(club, club.founded, new, create=True)
        for day, state in club.status[1:]:
            action = {"suspended": "suspend", "dissolved": "dissolve", "active": "resume"}[state]
            self._about(club, day, {"action": action, "reason": "x"})
        for day, _ in club.decision:
            if day > club.founded:
                self._about(club, day, {"action": "update", "club_what": "decision",
                                        "decision_no": "99/QĐ-UBND"})  # fmt: skip
        for day, has in club.income_fund[1:]:
            self._about(club, day, {"action": "update", "club_what": "funds",
                                    "has_income_fund": has})  # fmt: skip
        self._troupe(club, 1)
        if club.placed_on and club.key == "hm1":  # the other one is placed at the console
            commune = club.site.on(club.placed_on).commune
            self._about(club, club.placed_on, {"action": "update", "club_what": "place",
                                               "unit": f"{commune}@{club.placed_on}"})  # fmt: skip

    def _troupe(self, club: Club, told: int = 0) -> None:
        for day, has in club.troupe[told:]:
            self._about(club, day, {"action": "update", "club_what": "troupe", "has_troupe": has})

    def _about(self, club: Club, day: date, answers: Answers, *, create: bool = False) -> None:
        key = f"club {club.key} {day} {answers['action']} {answers.get('club_what', '')}"
        uuid = self.club_ids[club.key]
        said = {"club_id": uuid, **answers}
        if not create:
            said |= {"club": uuid, "effective_date": day}
        self.papers.append(
            self.paper("club_registration", key, club.key, day, said, entity=uuid,
                       label=f"CLB {club.name} · Xã")
        )  # fmt: skip

    # -------------------------------------------------------------- people
    def _person(self, person: Person) -> None:
        self._send(self._membership(person))
        came = self.papers[-1]
        if self.slips and came.standing == COUNTS and self.chance.random() < 0.04:
            self._corrects(person)
        for day, told in self._changes(person):
            self.papers.append(self._update(person, day, told))
        for stay in person.stays:
            if stay.how:
                self._send(self._exit(person, stay.club, stay.until or NOW.date(), stay.how))

    def _membership(self, person: Person) -> Paper:
        day = person.joined
        answers: Answers = {
            "consent_read": "OK", "consent_date": day, "c_member": "yes", "c_health": "yes",
            "c_care": "yes", "c_photo": "no", "consent_by": "self",
            "consent_method": person.fact("consent", day), "full_name": self._spelt(person.name),
            "sex": person.sex, "join_date": day, "hamlet": "Thôn 1", "id_kind": "not_given",
            **born(person), "hh_class_src": "commune_list", "board_role": "none",
            "member_club": self.club_ids[person.stays[0].club], "member_status": "active",
            **{name: person.fact(name, day) for name in TOLD_AT_ONCE},
            "insurance": said_of_insurance(person, day),
            "insurance_expiry": person.insured_until.get(day),
        }  # fmt: skip
        # The label is the phone's; it stands in no figure.
        return self.paper(
            "membership", f"membership {person.key}", person.stays[0].club, day, answers,
            entity=an_id(person.key), label=person.name, received=self.arrival(day),
        )  # fmt: skip

    def _spelt(self, name: str) -> str:
        """As keyboards write it: decomposed, with spaces, with a look-alike Đ."""
        if not self.slips:
            return name
        how = self.chance.random()
        if how < 0.05:
            return unicodedata.normalize("NFD", name)
        return f" {name.replace(' ', '  ')} " if how < 0.12 else name.replace("Đ", "Ð")

    def _corrects(self, person: Person) -> None:
        """The registration had the wrong sex and year; a later form says what is true."""
        paper = self.papers.pop()
        wrong = "male" if person.sex == "female" else "female"
        answers = {**paper.answers, "sex": wrong}
        if "birth_year" in answers:
            answers["birth_year"] = person.born.year - 10
        self.papers.append(replace(paper, answers=answers))
        day = person.joined + timedelta(days=10)
        stay = person.stay_on(day)
        if stay is None or stay.club != person.stays[0].club:
            self.papers[-1] = paper
            return
        said: Answers = {"what": "identity", "sex": person.sex, "correction_reason": "x"}
        self.papers.append(self._update(person, day, {**said, **born(person)}))

    def _changes(self, person: Person) -> Iterator[tuple[date, Answers]]:
        """What was told on each day after joining."""
        told: list[tuple[date, str, str]] = []
        for name, turns in person.facts.items():
            for day, value in turns:
                if day > person.joined and value != "expired":
                    told.append((day, name, value))
        told += [(day, "income_change", said) for day, said in person.income]
        told.sort()
        for day, group in groupby(told, key=lambda one: one[0]):
            said: Answers = {}
            for _, name, value in group:
                said["what"] = f"{said.get('what', '')} {WHAT[name]}".strip()
                said[name] = value
                if name == "insurance":
                    said["insurance_expiry"] = person.insured_until.get(day)
            yield day, said

    def _update(self, person: Person, day: date, told: Answers) -> Paper:
        club = person.last_club(day) or person.stays[0].club
        key = f"update {person.key} {day} {told['what']}"
        answers = {"member": an_id(person.key), "effective_date": day, **told}
        return self.paper("member_update", key, club, day, answers, entity=an_id(person.key))

    def _exit(self, person: Person, club: str, day: date, how: str) -> Paper:
        if how == "consent_withdrawn":
            return self._update(person, day, {"what": "consent", "c_member": "no"})
        answers: Answers = {"member": an_id(person.key), "exit_kind": how, "loan_open": "no"}
        late = self.chance.choice((0, 0, 0, 30, 60, 150)) if how == "died" else 0
        if (day + DAY).month != day.month and self.chance.random() < 0.5:
            # Only the month is known: its last day, unless it was told before that.
            answers |= {"exit_precision": "month", "exit_month": day.replace(day=1)}
            late = max(late, 1)
        else:
            answers |= {"exit_precision": "day", "exit_date": day}
        if how == "transfer":  # told by the club that is left
            new = self.club_ids[person.last_club(day) or club]
            answers |= {"new_club": new, "new_club_id": new}
        return self.paper(
            "member_exit", f"exit {person.key} {day}", club, day, answers,
            entity=an_id(person.key), received=self.arrival(day, late),
        )  # fmt: skip

    # -------------------------------------------------------------- care and health
    def _visit(self, visit: Visit) -> Paper | None:
        answers = visit_answers(visit)
        rows = {"supplies": [{"supply_item": "rice", "supply_value_vnd": one.value,
                              "supply_source": one.source} for one in visit.supplies]}  # fmt: skip
        club = self._club_of(visit.client, visit.day, visit.club)
        paper = self.paper("care_visit", visit.key, club, visit.day, answers, rows=rows)
        twice = visit.outcome == "met" and visit.client is not None
        if self.slips and twice and self.chance.random() < 0.06:
            self._logged_by_both(paper, visit)
            return None
        return paper

    def _first_of_two(self, paper: Paper) -> Paper:
        """Whichever came first counts, so its delay is that of the first."""
        first = min(paper.received, self.papers[-1].received)
        return replace(paper, first_received=first)

    def _logged_by_both(self, paper: Paper, visit: Visit) -> None:
        """Each helper wrote it down: other names, another half of the tasks, another hour."""
        half = (len(visit.tasks) + 1) // 2
        other = {
            **paper.answers, "volunteers": an_id(visit.helpers[-1]),
            "tasks": " ".join(visit.tasks[half:] or visit.tasks),
            "minutes": max(visit.minutes - 15, 5), "start_time": clock(visit.start + 45),
        }  # fmt: skip
        mine = {**paper.answers, "tasks": " ".join(visit.tasks[: half + 1])}
        mine["volunteers"] = " ".join(an_id(one) for one in visit.helpers)
        self.papers.append(
            replace(paper, key=f"{paper.key} other", answers=other, standing=AGAIN,
                    received=self.arrival(visit.day))
        )  # fmt: skip
        self.papers.append(self._first_of_two(replace(paper, answers=mine)))

    def _club_of(self, member: str | None, day: date, otherwise: str) -> str:
        person = self.truth.people.get(member or "")
        return (person.last_club(day) if person else None) or otherwise

    def _check(self, check: Check) -> Paper:
        club = self._club_of(check.member, check.day, check.club)
        return self.paper("health_check", check.key, club, check.day, check_answers(check),
                          entity=an_id(check.member))  # fmt: skip

    # -------------------------------------------------------------- what clubs do
    def _activity(self, one: Activity) -> Paper | None:
        ids = self.club_ids
        answers = activity_answers(one) | {
            "clubs_present": " ".join(ids[club] for club in one.clubs_present)
        }
        rows = {"rights_help": [{"helped_member": an_id(who), "help_kind": kind}
                                for who, kind in one.rights_help]}  # fmt: skip
        paper = self.paper("activity", one.key, one.club, one.day, answers, rows=rows)
        if self.slips and self.chance.random() < 0.05:
            fewer = {**paper.answers, "topic": " ".join(one.topics[:1]),
                     "start_time": clock(one.start - one.start % 60 + 59)}  # fmt: skip
            fewer = {k: v for k, v in fewer.items() if v != ""}
            if "counted_total" in fewer:
                less = max(one.present - 3, one.guests)
                fewer |= {"counted_total": less, "present_total": less}
                fewer |= {"present_members": less - one.guests}
                fewer |= {"attendances": less * one.sessions}
            self.papers.append(
                replace(paper, key=f"{paper.key} other", answers=fewer, standing=AGAIN,
                        received=self.arrival(one.day))
            )  # fmt: skip
            self.papers.append(self._first_of_two(paper))
            return None
        return paper

    def _help(self, one: Help) -> Paper:
        answers: Answers = {
            "help_date": one.day, "kind": " ".join(one.kinds), "occasion": "sick",
            "ben_kind": "member" if one.beneficiary else "outside",
            "beneficiary": an_id(one.beneficiary) if one.beneficiary else "",
            "helper_count": 2, "labour_days": one.labour_days or "", "cash_vnd": one.cash or "",
            "goods_value_vnd": one.goods or "", "paid_from": one.paid_from,
        }  # fmt: skip
        club = self._club_of(one.beneficiary, one.day, one.club)
        return self.paper("mutual_help", one.key, club, one.day, answers)

    # -------------------------------------------------------------- money
    def _entry(self, one: Entry) -> Paper:
        total = sum(each * len(who) for each, who in one.batch)
        asks_source = one.item in ("contribution", "sponsorship", "state_budget")
        answers: Answers = {
            "entry_kind": "reversal" if one.reversal else "ordinary", "txn_date": one.day,
            "fund": one.fund, "direction": one.direction, "item": one.item,
            "source": one.source, "donor": self._spelt(one.donor),
            "given_as": one.given_as if asks_source else "",
            "is_batch": "yes" if one.batch else "", "amount_vnd": one.amount or "",
            "value_vnd": one.goods or "", "batch_total_vnd": total or "", "receipt_no": one.key,
        }  # fmt: skip
        rows = {
            "batch": [
                {"batch_members": " ".join(map(an_id, who)), "batch_each_vnd": each}
                | {"batch_row_vnd": each * len(who)}
                for each, who in one.batch
            ]
        }
        return self.paper("ledger", one.key, one.club, one.day, answers, rows=rows)

    def _loan(self, loan: Loan) -> Paper:
        answers: Answers = {
            "member": an_id(loan.member), "fund_source": loan.source, "principal": loan.principal,
            "disbursed_on": loan.day, "term_months": loan.months, "rate_pct_month": "0.5",
            "repay_kind": loan.kind, "purpose": loan.purpose,
        }  # fmt: skip
        return self.paper("loan", loan.key, loan.club, loan.day, answers, entity=an_id(loan.key),
                          label="5 triệu")  # fmt: skip

    def _payment(self, pair: tuple[Loan, Payment]) -> Paper:
        loan, one = pair
        answers: Answers = {
            "loan": an_id(loan.key), "action": one.action, "pay_date": one.day,
            "principal_paid": one.principal if one.action != "write_off" else "",
            "interest_paid": one.interest or "", "new_due_on": one.new_due or "",
            "reason": "x" if one.action != "pay" else "",
        }  # fmt: skip
        return self.paper("repayment", one.key, loan.club, one.day, answers,
                          entity=an_id(loan.key))  # fmt: skip

    # -------------------------------------------------------------- reports
    def _supervision(self, one: Any) -> Paper:
        both = one.counted is not None and one.book is not None
        answers: Answers = {
            "visit_date": one.day, "visitor_level": "commune", "met_with": "chair",
            "books_seen": "fund", "cash_counted": one.counted, "cash_book": one.book,
            "cash_difference": one.counted - one.book if both else "", "findings": "x",
        }  # fmt: skip
        return self.paper("supervision", one.key, one.club, one.day, answers)

    def _confirmation(self, one: Any) -> Paper:
        answers: Answers = {
            "report_date": one.day, "period_year": int(one.period[:4]),
            "period_part": one.period[4:].lower(), "period": one.period,
            "agree": "yes" if one.agree else "no", "results": f"{one.key}",
        }  # fmt: skip
        received = datetime.combine(one.day, time(5), UTC)
        return self.paper("period_report", one.key, one.club, one.day, answers, received=received)

    def _refusal(self, one: Any) -> Paper:
        answers: Answers = {"consent_read": "OK", "consent_date": one.day, "c_member": "no"}
        return self.paper("membership", one.key, one.club, one.day, answers)

    # -------------------------------------------------------------- what cannot be true
    def _never_true(self) -> None:
        self._of_the_dead_and_unborn()
        late = datetime(2025, 10, 5, 3, tzinfo=UTC)
        for key, club, day, received in (
            ("future", "tq1", date(2026, 6, 1), late),
            ("long ago", "tq1", date(1970, 1, 1), late),
            ("before founding", "hl1", self.truth.clubs["hl1"].founded - DAY, late),
        ):
            one = Activity(f"activity {key}", club, day, "meeting", 480, ["health"], present=7)
            answers = activity_answers(one)
            self.papers.append(
                self.paper(
                    "activity", one.key, club, day, answers, standing=HELD, received=received
                )
            )
        club = "tq1"
        for key, day, received in (
            ("waits", date(2025, 9, 9), datetime(2025, 9, 10, 3, tzinfo=UTC)),
            ("waits not long", date(2025, 12, 30), NOW - timedelta(days=5)),
        ):
            self._odd_visit(key, "nobody", club, day, WAITING, received=received)
        member = next(p for p in self.truth.people.values() if p.is_member(date(2025, 8, 8)))
        here = member.last_club(date(2025, 8, 8)) or club
        self._odd_visit("rejected", member.key, here, date(2025, 8, 8), HELD, decided="rejected")

    def _of_the_dead_and_unborn(self) -> None:
        for person in self.truth.people.values():
            died, last = person.died, person.stays[-1]
            if died is not None and self.chance.random() < 0.3:
                self._odd_visit(f"after {person.key}", person.key, last.club, died + 3 * DAY, HELD)
            first = person.stays[0]
            before = first.since - 2 * DAY
            if self.chance.random() < 0.03 and before >= self.truth.clubs[first.club].founded:
                self._odd_visit(f"before {person.key}", person.key, first.club, before, HELD)

    def _odd_visit(self, key: str, who: str, club: str, day: date, standing: str,
                   **more: Any) -> None:  # fmt: skip
        visit = Visit(f"visit {key}", club, who, day, 540, 30, [who], "met", ["talk"])
        answers = visit_answers(visit)
        self.papers.append(
            self.paper("care_visit", visit.key, club, day, answers, standing=standing, **more)
        )


# ------------------------------------------------------------------ answers
TOLD_AT_ONCE = ("hh_class", "living", "no_support", "disability", "is_volunteer", "care_need")
WHAT = {
    "hh_class": "household", "living": "situation", "no_support": "situation",
    "disability": "disability", "is_volunteer": "roles", "care_need": "care",
    "insurance": "insurance", "consent": "consent", "income_change": "income",
}  # fmt: skip


def said_of_insurance(person: Person, day: date) -> str | None:
    return on(person.facts["insurance"], day)


def unit_key(club: Club) -> str:
    """How the list of units on phones names the commune: its code and the day its row begins."""
    begins = {"xp1": "2025-07-01"}.get(club.key, "2006-01-01")
    return f"{club.site.on(club.founded).commune}@{begins}"


def born(person: Person) -> Answers:
    said: Answers = {"birth_precision": person.precision}
    if person.precision == "day":
        return said | {"birth_date": person.born, "born_in_year": person.born.year}
    if person.precision == "month":
        said["birth_month"] = person.born.month
    return said | {"birth_year": person.born.year, "born_in_year": person.born.year}


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00.000+07:00"


def visit_answers(visit: Visit) -> Answers:
    listed = visit.client is not None
    return {
        "client_kind": "in_care" if listed else "not_listed",
        "client": an_id(visit.client) if visit.client else "",
        "client_new": "" if listed else "Trần Thị Năm",
        "visit_date": visit.day, "outcome": visit.outcome, "start_time": clock(visit.start),
        "minutes": visit.minutes if visit.outcome == "met" else "",
        "volunteers": " ".join(an_id(one) for one in visit.helpers),
        "tasks": " ".join(visit.tasks),
        "red": " ".join(visit.red) or ("none" if visit.outcome == "met" else ""),
        "red_action": " ".join(visit.red_action),
        "gave_supplies": "yes" if visit.supplies else "",
    }  # fmt: skip


ADL = ("bath", "dress", "toilet", "move", "continence", "feed")
IADL = ("phone", "shop", "cook", "clean", "laundry", "travel", "medicine", "money")


def check_answers(check: Check) -> Answers:
    said: Answers = {
        "member": an_id(check.member), "check_date": check.day, "check_kind": check.kind,
        "check_place": "station", "chronic": " ".join(check.chronic),
        "on_med": " ".join(check.medicines), "weight": check.weight, "height": check.height,
        "falls12": check.falls, "refer": check.refer if check.kind == "full" else "",
    }  # fmt: skip
    for number, (systolic, diastolic) in enumerate(check.pressures, 1):
        said |= {f"sys{number}": systolic, f"dia{number}": diastolic}
    if check.glucose:
        state, unit, value = check.glucose
        said |= {"glu_done": "yes", "glu_state": state, "glu_unit": unit, "glu_val": value}
    for name, items, helped in (("adl", ADL, check.adl_helped), ("iadl", IADL, check.iadl_helped)):
        for number, item in enumerate(items):
            if helped is not None:
                said[f"{name}_{item}"] = "help" if number < helped else "self"
    if check.mood:
        said |= {"phq_a": check.mood[0], "phq_b": check.mood[1]}
    return said


def activity_answers(one: Activity) -> Answers:
    by_roster = bool(one.roster)
    said: Answers = {
        "kind": one.kind, "organiser": "club", "act_date": one.day, "start_time": clock(one.start),
        "sessions": one.sessions if one.kind == "exercise" else "",
        "topic": " ".join(one.topics), "count_how": "roster" if by_roster else "total",
        "counted_total": "" if by_roster else one.present,
        "roster": " ".join(an_id(who) for who in one.roster),
        "present_nonmember": one.guests, "present_total": one.present,
        "present_members": one.present - one.guests,
        "attendances": one.present * one.sessions,
        "performed": "yes" if one.kind == "arts" else "no",
        "person_hours": one.person_hours or "",
        "board_trained": " ".join(an_id(who) for who in one.board_trained),
        "gave_rights_help": "yes" if one.rights_help else "",
    }  # fmt: skip
    if one.kind == "training":
        named = [*one.roster, *one.board_trained]
        said["trained"] = " ".join(an_id(who) for who in named)
    return said
