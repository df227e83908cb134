"""What the demo's phones send could have been filled in by people, and is the same each time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from forms.library import load_library
from server.demo.club_money import ACTIVITY, INCOME, keep_books
from server.demo.diary import Entry
from server.demo.fill import SEED, written
from server.demo.half_year import FIRST_HALF
from server.demo.population import CLUBS, FIRST, LAST, Population, populate

CLUB_IDS = {club.code: f"{n:08d}-0000-4000-8000-000000000000" for n, club in enumerate(CLUBS)}
ABOUT = ("member", "client", "beneficiary")  # who a form is about
FURTHER = 900  # forms beside registrations, visits and checks: a filling should take about a minute


@pytest.fixture(scope="module")
def population() -> Population:
    return populate(SEED)


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    stages, late = written(CLUB_IDS)
    return [entry for stage in (*stages, late) for entry in stage]


def of(entries: list[Entry], *forms: str) -> Iterator[Entry]:
    return (entry for entry in entries if entry.form in forms)


def told(answers: Any) -> Iterator[tuple[str, str]]:
    """Question and answer, also of the rows of repeats."""
    for name, value in answers.items():
        if isinstance(value, list):
            for row in value:
                yield from told(row)
        elif name:
            yield name, str(value)


def test_an_interrupted_filling_writes_the_same_again(entries: list[Entry]) -> None:
    stages, late = written(CLUB_IDS)
    assert [entry for stage in (*stages, late) for entry in stage] == entries


def test_every_form_of_the_library_is_filled_in(entries: list[Entry]) -> None:
    assert {entry.form for entry in entries} == set(load_library().forms)


def test_only_what_a_form_asks_is_answered_and_with_its_choices(entries: list[Entry]) -> None:
    forms = load_library().forms
    for entry in entries:
        fields = forms[entry.form].fields
        for name, value in told(entry.answers):
            assert name in fields, f"{entry.form} asks no {name}"
            strange = set(value.split()) - fields[name] if fields[name] else set()
            assert not strange, f"{entry.form}: {name} = {value}"


def test_there_are_not_too_many_forms_to_wait_for(entries: list[Entry]) -> None:
    further = [e for e in entries if e.form not in ("membership", "care_visit", "health_check")]
    assert len(further) <= FURTHER


def test_who_takes_part_is_helped_or_borrows_is_a_member_on_that_day(
    entries: list[Entry], population: Population
) -> None:
    people = {person.id: person for person in population.people}
    for entry in of(entries, "activity", "mutual_help", "loan", "member_update"):
        named = [value for name, value in told(entry.answers) if name in (*ABOUT, "roster")]
        for one in " ".join(named).split():
            assert people[one].is_there(entry.day), f"{entry.form} of {entry.day}"


def test_no_more_members_come_than_there_are(entries: list[Entry], population: Population) -> None:
    clubs = {CLUB_IDS[club.code]: club for club in CLUBS}
    for entry in of(entries, "activity"):
        there = population.there(clubs[entry.answers["club"]], entry.day)
        reviewed = entry.answers["kind"] == "review"  # of several clubs
        assert entry.answers["present_members"] <= len(there) or reviewed
        for part in ("present_women", "present_older", "present_members"):
            assert entry.answers[part] <= entry.answers["present_total"]


def test_no_club_meets_in_the_month_of_tet_nor_in_a_storm(entries: list[Entry]) -> None:
    meetings = [e for e in of(entries, "activity") if e.answers["kind"] == "meeting"]
    assert not [e for e in meetings if (e.day.year, e.day.month) == (2025, 1)]
    by_phone: dict[str, int] = {}
    for entry in meetings:
        by_phone[entry.phone] = by_phone.get(entry.phone, 0) + 1
    assert by_phone.pop("48-HP-01/chair") < 13  # floods there in October and November
    assert set(by_phone.values()) == {13}


@pytest.mark.parametrize("fund", [INCOME, ACTIVITY])
def test_no_fund_lends_or_spends_what_it_has_not(population: Population, fund: str) -> None:
    for book in keep_books(population, CLUB_IDS, SEED).values():
        days = {day for day, _fund, _amount in book.moves}
        assert min(book.cash(day, fund) for day in days) >= 0
        assert book.cash(FIRST) == 0
        assert book.cash(LAST) > 20_000_000


def test_money_of_the_fund_that_helps_stands_in_the_ledger(entries: list[Entry]) -> None:
    receipts = {
        (e.answers["club"], e.answers.get("receipt_no"), e.answers["amount_vnd"])
        for e in of(entries, "ledger")
        if e.answers["item"] == "help"
    }
    helps = [e for e in of(entries, "mutual_help") if e.answers.get("paid_from") == "club_fund"]
    assert len(helps) == len(receipts) > 0
    for entry in helps:
        paid = entry.answers["ledger_receipt"], entry.answers["cash_vnd"]
        assert (entry.answers["club"], *paid) in receipts


def test_all_that_comes_after_the_report_belongs_into_it(entries: list[Entry]) -> None:
    _stages, late = written(CLUB_IDS)
    first, last = FIRST_HALF
    days = {
        form: answer
        for form, name in (
            ("care_visit", "visit_date"),
            ("health_check", "check_date"),
            ("member_exit", "exit_date"),
        )
        for entry in late
        if entry.form == form and isinstance(answer := entry.answers[name], date)
    }
    assert set(days) == {entry.form for entry in late}
    assert all(first <= day <= last for day in days.values())
    (edited,) = [entry for entry in late if entry.edits]
    assert edited.edits in entries
