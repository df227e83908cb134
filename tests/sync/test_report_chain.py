"""Who confirms what, in which order, and what is said to who may not (domain §4.6)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from forms.periods import ADMINISTRATIVE, get_period
from forms.problems import Refused
from sync import aggregate
from sync import tables as t
from sync.access import OPERATOR, Caller
from sync.reports import steps
from sync.reports.chain import Wish
from sync.reports.desk import periods_for
from sync.verify import verify
from tests.at_once import at_once
from tests.sync import sending
from tests.sync.village import H1, H2, Village


def states(village: Village, period: Any = H1) -> dict[str, str]:
    standing = village.standing(period)
    return {name: standing.state_of(("club", uuid)) for name, uuid in village.clubs.items()}


# ------------------------------------------------------------------ upwards


def test_the_chain_goes_from_the_club_up_to_who_it_is_for(village: Village) -> None:
    assert village.standing().state == "open"
    for club in ("hoa", "mai", "sen"):
        assert village.does("confirm", club).state in ("open", "club")
    assert village.standing().state == "club"
    for ward in village.wards:
        village.does("confirm", ward)
    assert village.standing().state == "commune"
    assert village.does("confirm", village.district).state == "district"
    assert village.does("confirm", village.city).state == "city"
    assert village.does("send").state == "sent"
    assert village.does("report").state == "reported"
    assert set(states(village).values()) == {"reported"}


def test_the_state_of_a_club_tells_how_far_up_it_is_confirmed(village: Village) -> None:
    for step in ("hoa", "mai", village.wards[0]):
        village.does("confirm", step)
    assert states(village) == {"hoa": "commune", "mai": "commune", "sen": "open"}
    assert village.standing().state == "open"


def test_there_is_no_step_of_a_district_once_there_are_none(village: Village) -> None:
    later = datetime(2026, 1, 3, tzinfo=UTC)
    village.now = later
    levels = {place.level for place in village.standing(H2).places.values()}
    assert levels == {"club", "commune", "city"}
    village.confirms_all(H2)
    assert village.does("send", period=H2).state == "sent"


def test_a_district_chooses_among_its_periods_and_none_after_it(village: Village) -> None:
    def offered(role: str, unit: int | None = None) -> list[str]:
        asking, today = village.who(role, unit=unit), date(2026, 11, 28)
        with village.database.read() as db:
            return [one.code for one in periods_for(db, village.library, asking, today)]

    assert offered("district", village.district) == ["2025H1"]
    after = ["2026H2", "2026Y", "2026H1", "2025H2", "2025Y", "2025H1"]
    assert sorted(offered("city")) == sorted(after)


def test_each_step_keeps_who_when_and_the_hash_of_the_figures(village: Village) -> None:
    village.sends(sending.join("ba", on="2025-03-01"))
    lan = village.who("chair", club="hoa")
    village.does("confirm", "hoa", lan)
    (row,) = village.world.rows(t.report_steps)
    report = village.report()
    assert (row.level, row.act, row.actor, row.at) == ("club", "confirm", lan.actor, village.now)
    assert row.sha256 == report.sha256_of(village.seen_at(report, "hoa"))
    village.sends(sending.join("tư", on="2025-04-01"))
    report = village.report()
    assert row.sha256 != report.sha256_of(village.seen_at(report, "hoa"))
    (event,) = [e for e in village.world.rows(t.audit_events) if e.action == "report.confirm"]
    assert (event.actor, event.subject) == (lan.actor, "report:2025H1 calendar")


# ------------------------------------------------------------------ out of order


def test_a_place_waits_for_those_below_or_goes_on_without_them_knowingly(village: Village) -> None:
    village.does("confirm", "hoa")
    assert village.refuses("confirm", village.wards[0]) == "report_below_open"
    standing = village.does("confirm", village.wards[0], incomplete=True)
    assert village.clubs["mai"] in standing.not_reported()
    assert village.clubs["hoa"] not in standing.not_reported()


def test_a_step_is_taken_once(village: Village) -> None:
    village.does("confirm", "hoa")
    assert village.refuses("confirm", "hoa") == "report_confirmed"
    assert len(village.world.rows(t.report_steps)) == 1


def test_what_is_confirmed_above_is_not_confirmed_below_any_more(village: Village) -> None:
    village.does("confirm", village.wards[0], incomplete=True)
    assert village.refuses("confirm", "hoa") == "report_above_confirmed"


def test_nothing_is_confirmed_before_the_last_day_is_here(village: Village) -> None:
    village.now = datetime(2025, 6, 29, 16, 59, tzinfo=UTC)
    assert village.refuses("confirm", "hoa") == "report_not_over"
    village.now += timedelta(minutes=1)  # 30 June in Vietnam
    village.does("confirm", "hoa")
    assert village.refuses("confirm", "hoa", period=get_period("2031H1")) == "report_not_over"


def test_a_period_without_clubs_has_nothing_to_report(village: Village) -> None:
    assert village.refuses("send", period=get_period("2017H1")) == "report_no_clubs"


def test_a_report_is_sent_when_all_have_confirmed_and_passed_on_when_it_was_sent(
    village: Village,
) -> None:
    assert village.refuses("send") == "report_below_open"
    assert village.refuses("report") == "report_not_sent"
    village.sends_off()
    assert village.refuses("send") == "report_sent"
    assert village.refuses("confirm", "hoa") == "report_sent"
    village.does("report")
    assert village.refuses("report") == "report_reported"


def test_the_two_calendars_have_reports_of_their_own(village: Village) -> None:
    village.does("confirm", "hoa")
    other = get_period("2025H1", ADMINISTRATIVE)
    assert village.standing(other).confirmed == {}
    village.does("confirm", "hoa", period=other)
    bounds = {(r.calendar, str(r.first_on), str(r.last_on)) for r in village.world.rows(t.reports)}
    assert bounds == {
        ("calendar", "2025-01-01", "2025-06-30"),
        ("administrative", "2024-12-15", "2025-06-14"),
    }


# ------------------------------------------------------------------ back again


def test_sending_back_goes_one_level_down_with_a_word_why(village: Village) -> None:
    village.confirms_all()
    assert village.refuses("send_back", "hoa", comment="x") == "report_above_confirmed"
    assert village.refuses("send_back", village.district) == "report_needs_comment"
    village.does("send_back", village.district, comment="Số thăm chưa khớp")
    standing = village.does("send_back", village.wards[0], comment="Xem lại CLB Hoa")
    assert ("district", str(village.district)) not in standing.confirmed
    standing = village.does("send_back", "hoa", comment="Đếm lại")
    assert standing.sent_back["club", village.clubs["hoa"]].comment == "Đếm lại"
    assert ("commune", str(village.wards[0])) not in standing.confirmed
    assert states(village) == {"hoa": "open", "mai": "club", "sen": "commune"}
    village.sends_off()
    assert village.standing().sent_back == {}


def test_what_is_not_confirmed_cannot_be_sent_back(village: Village) -> None:
    assert village.refuses("send_back", "hoa", comment="x") == "report_nothing_to_send_back"
    assert village.refuses("send_back", village.city, comment="x") == "report_nothing_to_send_back"
    village.confirms_all()
    assert village.refuses("send_back", village.city, comment="x") == "report_top"


def test_reopening_needs_a_reason_and_the_city_confirms_again(village: Village) -> None:
    village.sends_off()
    assert village.refuses("reopen") == "report_needs_comment"
    standing = village.does("reopen", comment="Thiếu CLB Sen")
    assert standing.state == "district"
    assert village.refuses("send") == "report_below_open"
    village.sends_off()
    assert village.standing().versions == 2


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize(
    ("role", "at", "own"),
    [
        ("chair", "hoa", "hoa"),
        ("commune", "ward", "ward"),
        ("commune", "ward", "heir"),  # what the ward has become speaks for it
        ("district", "district", "district"),
        ("city", "city", None),
    ],
)
def test_each_confirms_for_the_own_place(
    village: Village, role: str, at: str, own: str | None
) -> None:
    village.confirms_all()
    units = {
        "ward": village.wards[0],
        "heir": village.heirs[0],
        "district": village.district,
        "city": village.city,
    }
    place = units.get(at, at)
    if at == "city":
        village.does("send_back", village.district, comment="x")
        village.does("confirm", village.district)
    else:
        above = {"hoa": "ward", "ward": "district"}
        for higher in [h for h in ("district", "ward") if h != at][: 2 if at == "hoa" else 1]:
            if at != "district":
                village.does("send_back", units[higher], comment="x")
        assert above
        village.does("send_back", place, comment="x")
    if own == "hoa":
        who = village.who(role, club="hoa")
    else:
        who = village.who(role, unit=units[own] if own else None)
    village.does("confirm", place, who)


@pytest.mark.parametrize(
    ("role", "club", "unit"),
    [
        ("chair", "mai", None),  # of another club
        ("treasurer", "hoa", None),
        ("commune", "", 1),  # the commune does not speak for its clubs
        ("city", "", None),
        ("standing_office", "", None),
        ("none", "", None),
    ],
)
def test_nobody_confirms_for_another_place(
    village: Village, role: str, club: str, unit: int | None
) -> None:
    who = village.who(role, club=club, unit=village.wards[0] if unit else None)
    assert village.refuses("confirm", "hoa", who) == "report_not_yours"


def test_a_phones_token_confirms_nothing_but_by_its_form(village: Village) -> None:
    token = Caller("app_user", 1, "Lan", "chair", club_id=village.clubs["hoa"])
    assert village.refuses("confirm", "hoa", token) == "report_not_yours"


def test_a_ward_sends_back_its_own_clubs_and_no_other(village: Village) -> None:
    village.does("confirm", "hoa")
    village.does("confirm", "sen")
    ward = village.who("commune", unit=village.wards[0])
    assert village.refuses("send_back", "sen", ward, comment="x") == "report_not_yours"
    village.does("send_back", "hoa", ward, comment="x")
    chair = village.who("chair", club="hoa")
    village.does("confirm", "hoa", chair)
    assert village.refuses("send_back", "hoa", chair, comment="x") == "report_not_yours"


def test_only_the_city_sends_and_opens_again_and_the_standing_office_passes_on(
    village: Village,
) -> None:
    village.confirms_all()
    ward, city = village.who("commune", unit=village.wards[0]), village.who("city")
    office = village.who("standing_office")
    for who in (ward, office):
        assert village.refuses("send", by=who) == "not_allowed"
        assert village.refuses("reopen", by=who, comment="x") == "not_allowed"
    village.does("send", by=city)
    assert village.refuses("report", by=ward) == "not_allowed"
    village.does("report", by=office)
    village.does("reopen", by=city, comment="x")


# ------------------------------------------------------------------ by the form


def test_a_chair_confirms_from_the_phone(village: Village) -> None:
    village.says("hoa")
    assert states(village)["hoa"] == "club"
    assert village.refuses("confirm", "hoa") == "report_confirmed"
    report = village.report()
    (row,) = [words for key, words in report.words.items() if key == village.clubs["hoa"]]
    assert row.texts["report_state"] == "CLB đã chốt"
    assert str(row.days["handed_in_on"]) == "2025-07-02"
    (step,) = report.chain
    assert (step.by_form, step.who, step.role) == (True, "phone 1", "volunteer")


def test_a_chair_who_does_not_agree_has_not_confirmed(village: Village) -> None:
    village.says("hoa", agree="no")
    assert states(village)["hoa"] == "open"


def test_who_agrees_and_then_does_not_is_open_again(village: Village) -> None:
    village.says("hoa")
    village.now += timedelta(hours=1)
    village.says("hoa", agree="no", key="second thoughts")
    assert states(village)["hoa"] == "open"


def test_after_a_sending_back_the_chair_confirms_again_by_a_new_form_or_by_editing_the_old(
    village: Village,
) -> None:
    village.says("hoa", key="first")
    for key, replaces in (("second", ""), ("third", "second")):
        village.now += timedelta(hours=1)
        village.does("send_back", "hoa", comment="x")
        assert states(village)["hoa"] == "open"
        village.now += timedelta(hours=1)
        village.says("hoa", key=key, replaces=replaces, results=key)
        assert states(village)["hoa"] == "club"


def test_a_form_of_another_period_confirms_nothing_here(village: Village) -> None:
    village.says("hoa", period="2024H2")
    assert states(village)["hoa"] == "open"
    assert states(village, get_period("2024H2"))["hoa"] == "club"


def test_what_a_chair_takes_back_after_the_ward_confirmed_changes_no_state(
    village: Village,
) -> None:
    village.says("hoa")
    village.now += timedelta(hours=1)
    village.does("confirm", village.wards[0], incomplete=True)
    village.now += timedelta(hours=1)
    village.says("hoa", agree="no", key="too late")
    assert states(village)["hoa"] == "commune"


def test_what_the_club_wrote_is_in_the_report_with_its_headings(village: Village) -> None:
    village.says("mai", results="Sinh hoạt đều", plan=" ")
    (narrative,) = village.report().narratives
    assert narrative.club_name == "CLB mai"
    (answer,) = narrative.answers
    assert (answer.section, answer.vi, answer.text) == ("II", "Kết quả", "Sinh hoạt đều")


def test_who_confirmed_nothing_stands_in_the_list_of_who_has_not_reported(
    village: Village,
) -> None:
    village.says("hoa")
    village.sends(sending.join("ba", club="mai", on="2025-03-01"))
    report = village.report()
    assert set(report.not_reported) == {village.clubs["mai"], village.clubs["sen"]}
    assert {place.club_name for place in report.expected if place.has_sent} == {
        "CLB hoa",
        "CLB mai",
    }
    assert report.reporting(village.seen_at(report, village.city)) == (2, 3)


def test_whoever_confirms_in_whichever_way_confirms_in_time_or_late(
    village: Village, tmp_path: Path
) -> None:
    village.says("hoa")
    village.does("confirm", "mai", village.who("chair", club="mai"))
    village.now = datetime(2025, 7, 6, tzinfo=UTC)
    village.does("confirm", "sen")
    report = village.report()
    shares = {name: report.value(village.seen_at(report, name), "K2") for name in village.clubs}
    assert shares == {"hoa": 100, "mai": 100, "sen": 0}
    city = report.figure(village.seen_at(report, village.city), "K2")
    assert (city.numerator, city.denominator) == (2, 3)
    visits = {name: report.value(village.seen_at(report, name), "V1") for name in village.clubs}
    assert visits == {"hoa": 0, "mai": 0, "sen": 0}  # confirmed: 0 is none, and not silence
    with village.database.write() as db:
        assert aggregate.measure(db, village.library, 100, village.now) > 0
    with village.database.read() as db:
        found = verify(db, village.library, tmp_path, village.now)
    assert [one for one in found if "2025H1" in one.key] == []


# ------------------------------------------------------------------ at once


def test_of_two_who_confirm_at_once_one_does(village: Village) -> None:
    wish = Wish("confirm", village.place("hoa"))
    with village.database.read() as db:
        prepared = steps.prepare(db, village.library, OPERATOR, H1, wish, village.now)

    def confirm(_: int) -> str:
        try:
            with village.database.write() as db:
                steps.take(db, village.library, OPERATOR, H1, prepared, village.now)
        except Refused as refused:
            return refused.problem.code
        return "done"

    outcomes = at_once(4, confirm)
    assert sorted(outcomes) == ["done", "report_confirmed", "report_confirmed", "report_confirmed"]
    assert len(village.world.rows(t.report_steps)) == 1


def test_a_snapshot_made_before_somebody_elses_step_is_not_sent(village: Village) -> None:
    village.confirms_all()
    with village.database.read() as db:
        prepared = steps.prepare(db, village.library, OPERATOR, H1, Wish("send"), village.now)
    village.does("send_back", village.district, comment="x")
    village.does("confirm", village.district)
    village.does("confirm", village.city)
    with pytest.raises(Refused) as raised, village.database.write() as db:
        steps.take(db, village.library, OPERATOR, H1, prepared, village.now)
    assert raised.value.problem.code == "report_moved"
    assert village.world.rows(t.report_versions) == []


def test_a_step_is_never_changed_or_taken_out(village: Village) -> None:
    village.does("confirm", "hoa")
    for change in (t.report_steps.update().values(actor="user:9"), t.report_steps.delete()):
        with (
            pytest.raises(sa.exc.DBAPIError, match="never changed"),
            village.database.write() as db,
        ):
            db.execute(change)
