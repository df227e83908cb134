"""Whom to see to today: each list against a small world counted by hand, for who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from forms.library import load_library
from forms.problems import Refused
from sync.access import OPERATOR, Caller
from sync.database import Database
from sync.follow_up import Entry, count_entries, get_list, lists_for, read_entries, to_table
from sync.tables import entities, spells
from tests.sync.rows import Rows

LIBRARY = load_library()
TODAY = date(2026, 1, 20)
FULL = {"check_kind": "full"}


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def rows(database: Database) -> Iterator[Rows]:
    """Two clubs with a member each who agreed to health data and needs care."""
    with database.write() as db:
        made = Rows(db)
        for club in ("c1", "c2"):
            made.a_club(club)
            made.a_member(f"m{club}", club, c_health="yes", care_need="regular")
        yield made


def on(rows: Rows, name: str, caller: Caller = OPERATOR) -> list[Entry]:
    one = get_list(LIBRARY, caller, name)
    return read_entries(rows.db, LIBRARY, caller, one, TODAY)


def clubs_on(rows: Rows, name: str, caller: Caller = OPERATOR) -> list[str]:
    return [entry.club_code for entry in on(rows, name, caller)]


def test_a_check_is_overdue_a_year_after_the_last_full_one(rows: Rows) -> None:
    rows.a_record("health_check", ago(364), "c1", "mc1", FULL)
    rows.a_record("health_check", ago(366), "c2", "mc2", FULL)
    rows.a_record("health_check", ago(3), "c2", "mc2", {"check_kind": "quick"})
    (entry,) = on(rows, "checks_overdue")
    assert entry.club_code == "C2"
    assert entry.cells == (ago(366), date(2026, 1, 19))
    assert clubs_on(rows, "checks_due") == ["C1"]


def test_who_was_never_checked_is_overdue_and_who_did_not_agree_is_on_no_list(rows: Rows) -> None:
    rows.a_member("no", "c1", c_health="no")
    assert clubs_on(rows, "checks_overdue") == ["C1", "C2"]
    assert on(rows, "checks_overdue")[0].cells == (None, None)


def test_a_client_not_met_for_thirty_days_is_told_with_how_long(rows: Rows) -> None:
    rows.a_visit(ago(29), "c1", "mc1")
    rows.a_visit(ago(31), "c2", "mc2")
    rows.a_visit(ago(2), "c2", "mc2", outcome="not_met")
    (entry,) = on(rows, "not_visited")
    assert (entry.club_code, entry.cells) == ("C2", (ago(31), 31))


def test_a_danger_sign_waits_a_day_for_somebody_to_do_something(rows: Rows) -> None:
    rows.a_visit(ago(0), "c1", "mc1", red="fall", red_action="watch")  # not a day ago yet
    rows.a_visit(ago(2), "c1", "mc1", red="fall abuse", red_action="watch")
    rows.a_visit(ago(2), "c2", "mc2", red="fever", red_action="family watch")
    rows.a_visit(ago(3), "c2", "mc2", red="none")
    (entry,) = on(rows, "red_flags")
    assert entry.club_code == "C1"
    assert entry.cells[0] == ago(2)
    assert "Té ngã" in str(entry.cells[1])


def test_only_the_newest_pressure_is_to_be_checked_again_and_in_words(rows: Rows) -> None:
    bad = {"bp_sys": "190", "bp_dia": "100", "flags": "bp_urgent mood"}
    rows.a_record("health_check", ago(10), "c1", "mc1", FULL, derived=bad)
    rows.a_record("health_check", ago(20), "c2", "mc2", FULL, derived=bad)
    good = {"bp_sys": "120", "bp_dia": "70", "flags": ""}
    rows.a_record("health_check", ago(5), "c2", "mc2", {"check_kind": "quick"}, derived=good)
    (entry,) = on(rows, "flagged_pressure")
    assert entry.club_code == "C1"
    assert str(entry.cells[1]).startswith("Huyết áp rất cao, cần kiểm tra lại trong ngày; ")
    assert clubs_on(rows, "flagged_checks") == ["C1", "C2"]  # a quick check takes no mood back


def test_what_is_owed_and_since_when_is_the_servers_own(rows: Rows) -> None:
    loan = {"due_on": "2026-01-01", "last_paid_on": "2025-12-01"}
    rows.an_entity("loans", "l1", "Khoản vay A", "c1", loan)
    for name, value in (("status", "running"), ("overdue", "yes"), ("balance", "1500000")):
        rows.a_spell("loans", "l1", name, value, ago(10))
    rows.a_spell("loans", "l1", "club", "c1", ago(90))
    (entry,) = on(rows, "loans_overdue")
    assert entry.label == "Khoản vay A"
    assert entry.cells == ("1500000", date(2025, 12, 1), date(2026, 1, 1))


def test_each_role_sees_its_lists_and_its_clubs(rows: Rows) -> None:
    chair = Caller("user", 1, "Lan", "chair", club_id="c1")
    seen = {one.id for one in lists_for(LIBRARY, chair)}
    assert "not_visited" in seen
    assert not {"red_flags", "flagged_checks"} & seen  # not the club's to see (domain 2, 3.6)
    assert clubs_on(rows, "not_visited", chair) == ["C1"]
    with pytest.raises(Refused) as refused:
        get_list(LIBRARY, chair, "red_flags")
    assert refused.value.problem.code == "not_allowed"
    assert lists_for(LIBRARY, Caller("app_user", 1, "Lan", "chair", club_id="c1")) == []


def test_counted_together_is_as_many_as_stand_on_each_list(rows: Rows) -> None:
    bad = {"bp_sys": "190", "bp_dia": "100", "flags": "bp_urgent mood"}
    rows.a_record("health_check", ago(340), "c1", "mc1", FULL, derived=bad)
    rows.a_record("health_check", ago(366), "c2", "mc2", FULL)
    rows.a_visit(ago(31), "c2", "mc2", red="fall", red_action="watch")
    rows.a_visit(ago(3), "c1", "mc1", red="fall", red_action="watch")
    lists = lists_for(LIBRARY, OPERATOR)
    counts = count_entries(rows.db, LIBRARY, OPERATOR, lists, TODAY)
    assert counts == {one.id: len(on(rows, one.id)) for one in lists}
    assert sorted(counts.values())[-5:] == [1, 1, 1, 1, 2], counts


def test_who_died_or_left_since_is_asked_to_no_second_look(rows: Rows) -> None:
    bad = {"bp_sys": "190", "bp_dia": "100", "flags": "bp_urgent"}
    for who, club in (("mc1", "c1"), ("mc2", "c2")):
        rows.a_record("health_check", ago(40), club, who, FULL, derived=bad)
    died = spells.c.uuid == "mc1", spells.c.name == "status"
    rows.db.execute(spells.update().where(*died).values(value="died"))
    assert clubs_on(rows, "flagged_pressure") == clubs_on(rows, "flagged_checks") == ["C2"]
    lists = lists_for(LIBRARY, OPERATOR)
    counts = count_entries(rows.db, LIBRARY, OPERATOR, lists, TODAY)
    assert counts == {one.id: len(on(rows, one.id)) for one in lists}


def test_who_is_restricted_or_took_consent_back_is_on_no_list_and_not_counted(rows: Rows) -> None:
    bad = {"bp_sys": "190", "bp_dia": "100", "flags": "bp_urgent"}
    rows.a_member("no", "c2", c_health="no", care_need="regular")
    for who, club in (("mc1", "c1"), ("mc2", "c2"), ("no", "c2")):
        rows.a_record("health_check", ago(40), club, who, FULL, derived=bad)
        rows.a_visit(ago(31), club, who, red="fall", red_action="watch")
    rows.an_entity("members", "mc1", "Lan", "c1", {})
    rows.db.execute(entities.update().where(entities.c.uuid == "mc1").values(restricted=True))
    assert clubs_on(rows, "flagged_pressure") == clubs_on(rows, "flagged_checks") == ["C2"]
    assert clubs_on(rows, "red_flags") == clubs_on(rows, "not_visited") == ["C2", "C2"]
    lists = lists_for(LIBRARY, OPERATOR)
    counts = count_entries(rows.db, LIBRARY, OPERATOR, lists, TODAY)
    assert counts == {one.id: len(on(rows, one.id)) for one in lists}


def test_who_has_moved_away_is_named_to_the_clubs_she_is_in_today_alone(rows: Rows) -> None:
    bad = {"bp_sys": "190", "bp_dia": "100", "flags": "bp_urgent"}
    rows.a_record("health_check", ago(40), "c1", "mc1", FULL, derived=bad)
    rows.an_entity("members", "mc1", "Lan", "c2", {})
    (before,) = on(rows, "flagged_checks", Caller("user", 1, "a", "health", club_id="c1"))
    assert (before.label, before.about) == ("", None)
    (whole,) = on(rows, "flagged_checks")
    assert (whole.label, whole.about) == ("Lan", ("members", "mc1"))


def test_an_unknown_list_is_told_with_those_there_are() -> None:
    with pytest.raises(Refused) as refused:
        get_list(LIBRARY, OPERATOR, "nobody")
    assert "checks_overdue" in refused.value.problem.vi


def test_a_list_is_a_file_with_dates_and_names(rows: Rows) -> None:
    one = get_list(LIBRARY, OPERATOR, "not_visited")
    table = to_table(LIBRARY, one, on(rows, "not_visited"), TODAY)
    assert table.name == "not_visited_2026-01-20"
    assert table.header[:3] == ("Mã CLB", "CLB", "Họ tên")
    assert len(list(table.rows)) == 2
