"""Lists, their entries and what is to do today: what each role finds, who is noted as seen."""

from __future__ import annotations

import re
from io import BytesIO
from zipfile import ZipFile

import sqlalchemy as sa
from werkzeug.test import TestResponse

from sync import audit
from sync.tables import audit_events, seen_people
from tests.server.pages.town import Town, post, told
from tests.sync.sending import an_id


def names(page: TestResponse) -> list[str]:
    """Who stands on a page of a list, in its order."""
    assert page.status_code == 200, page.text
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', page.text)


def entry(who: str) -> str:
    return f"/lists/members/{an_id(who)}"


def test_each_role_has_its_lists_and_its_rows_by_given_name(town: Town) -> None:
    chair, commune = town.browser("chair"), town.browser("commune")
    assert names(chair.get("/lists/members")) == ["Tran Thi Ba", "Trần Thị Ba", "Lê Văn Năm"]
    assert len(names(commune.get("/lists/members"))) == 4
    assert names(town.browser("chair_b1").get("/lists/members")) == ["Huỳnh Thị Hòa"]
    assert "/lists/loans" in town.browser("treasurer").get("/lists").text
    assert "/lists/loans" not in chair.get("/lists").text
    assert names(town.browser("city").get("/lists/clubs")) == ["CLB A-1", "CLB A-2", "CLB B-1"]
    assert town.browser("city").get("/lists/members").status_code == 403
    assert town.browser("volunteer").get("/lists").status_code == 403
    assert chair.get("/lists/nowhere").status_code == 404


def test_a_name_is_sought_with_marks_or_without_and_never_stands_in_an_address(town: Town) -> None:
    chair = town.browser("chair")
    answer = post(chair, "/lists/members/search", sought="trần ba", status="active")
    assert (answer.status_code, answer.location) == (303, "/lists/members?status=active")
    assert names(chair.get(answer.location)) == ["Trần Thị Ba", "Tran Thi Ba"]
    post(chair, "/lists/members/search", sought="năm")
    page = chair.get("/lists/members")
    assert names(page) == ["Lê Văn Năm"]
    assert 'value="năm"' in page.text
    post(chair, "/lists/members/search", sought="")
    assert len(names(chair.get("/lists/members"))) == 3


def test_filters_say_how_many_each_choice_leaves(town: Town) -> None:
    commune = town.browser("commune")
    page = commune.get("/lists/members")
    assert "CLB A-1 (3)" in page.text
    assert "CLB A-2 (1)" in page.text
    assert "CLB B-1" not in page.text
    only = commune.get(f"/lists/members?club={town.clubs['A-2']}")
    assert names(only) == ["Nguyễn Thị Thủy"]
    assert names(commune.get("/lists/members?care_need=no")) == []


def test_the_health_worker_sees_checks_as_curves_and_nobody_else_any_value(town: Town) -> None:
    text = town.browser("health").get(entry("ba")).text
    assert "Huyết áp: 152" not in text
    assert "Tâm thu: 152 (10/06/2024) → 146 mmHg (15/09/2025)" in text
    assert "Cân nặng: 47,5 (10/06/2024) → 46 kg (15/09/2025)" in text
    assert "Huyết áp cao, cần kiểm tra lại" in text
    assert "Hộ nghèo" not in text
    chair = town.browser("chair").get(entry("ba")).text
    assert "Thăm tại nhà" in chair
    assert "Hộ nghèo" in chair
    for word in ("152", "47,5", "Huyết áp", "mmHg"):
        assert word not in chair


def test_what_shames_waits_for_a_tap(town: Town) -> None:
    text = town.browser("chair").get(entry("ba")).text
    found = re.search(r'<details class="masked"><summary>[^<]+</summary><div>Hộ nghèo', text)
    assert found is not None
    health = town.browser("health").get(entry("ba")).text
    assert health.index("<details") < health.index("<svg")


def test_nobody_out_of_sight_is_there_and_no_page_says_that_somebody_is(town: Town) -> None:
    nobody = town.browser("chair").get(entry("no such person"))
    other = town.browser("chair").get(entry("hoa"))
    assert (nobody.status_code, other.status_code) == (404, 404)
    assert told(nobody) == told(other)
    assert town.browser("commune_b").get(entry("ba")).status_code == 404
    assert town.browser("treasurer").get(f"/lists/loans/{an_id('ba')}").status_code == 404


def test_a_club_has_a_page_with_its_days(town: Town) -> None:
    text = town.browser("city").get(f"/lists/clubs/{town.clubs['B-1']}").text
    assert "01/05/2018" in text
    assert "Đang hoạt động" in text


def test_whoever_looks_at_people_is_written_down_with_whom(town: Town) -> None:
    town.browser("health_b").get("/lists/members")
    town.browser("health_b").get(entry("hoa"))
    with town.database.read() as db:
        found = audit.who_saw(db, "members", [an_id("hoa")])
        mine = [one for one in found if one.actor == town.users["health_b"].actor]
        clubs = sa.select(seen_people.c.uuid).where(seen_people.c.list_name == "clubs")
        assert db.execute(clubs).first() is None
        told = db.execute(sa.select(audit_events.c.details)).scalars().all()
    assert [one.action for one in mine] == ["entry.read", "list.read"]
    assert "Hòa" not in str(told)


# ------------------------------------------------------------------ to do today
def test_each_role_has_its_own_lists_with_how_many_are_on_them(town: Town) -> None:
    health = town.browser("health").get("/follow-up").text
    chair = town.browser("chair").get("/follow-up").text
    assert "Huyết áp lần đo gần nhất cần kiểm tra lại" in health
    assert "Huyết áp" not in chair
    found = re.search(r'class="count">(\d+)</p>\s*<p><a href="/follow-up/not_visited"', chair)
    assert found is not None
    assert found[1] == "3"
    assert town.browser("volunteer").get("/follow-up").status_code == 403
    assert "Việc hôm nay" not in town.browser("city").get("/").text


def test_who_is_on_a_list_has_a_link_and_values_wait_for_a_tap(town: Town) -> None:
    text = town.browser("health").get("/follow-up/flagged_pressure").text
    assert f'<a href="/lists/members/{an_id("ba")}">Trần Thị Ba</a>' in text
    assert "Nguyễn Thị Thủy" in text  # of the ward's other club
    assert "Huỳnh Thị Hòa" not in text
    assert "15/09/2025" in text
    assert re.search(r"<details[^>]*><summary>[^<]*</summary><div>146</div>", text)
    with town.database.read() as db:
        (seen, *_) = audit.who_saw(db, "members", [an_id("ba")])
    assert (seen.action, seen.details) == ("follow_up.read", {"list": "flagged_pressure"})


def test_a_list_is_taken_along_as_a_workbook_that_says_who_took_it(town: Town) -> None:
    answer = town.browser("health").get("/follow-up/flagged_pressure/xlsx")
    assert "flagged_pressure_2026-01-20.xlsx" in answer.headers["Content-Disposition"]
    sheet = ZipFile(BytesIO(answer.data)).read("xl/worksheets/sheet1.xml").decode()
    assert "Trần Thị Ba" in sheet
    assert "health tải lúc 20/01/2026" in sheet
    assert town.browser("chair").get("/follow-up/flagged_pressure/xlsx").status_code == 403


def test_what_codes_of_a_list_mean_is_told_in_english_to_who_chose_english(town: Town) -> None:
    health, path = town.browser("health"), "/follow-up/flagged_checks"
    assert "Huyết áp cao, cần kiểm tra lại" in health.get(path).text
    post(health, "/language", language="en")
    english = health.get(path).text
    assert "Huyết áp" not in english
    assert "High blood pressure" in english


def test_a_list_of_another_role_or_none_at_all_is_refused(town: Town) -> None:
    assert town.browser("chair").get("/follow-up/flagged_pressure").status_code == 403
    nowhere = town.browser("chair").get("/follow-up/nowhere")
    assert nowhere.status_code == 404
    assert "flagged" not in nowhere.text


def test_nobody_is_found_by_what_the_role_may_not_see(town: Town) -> None:
    """The number in the club's register is for the board: by searching a station could guess it."""
    town.joins("xuan", "A-1", "Hồ Thị Xuân", "1949", member_code="Z-77")
    town.works()
    for who, found in (("chair", ["Hồ Thị Xuân"]), ("health", [])):
        browser = town.browser(who)
        post(browser, "/lists/members/search", seen_on="/lists", sought="Z-77")
        assert names(browser.get("/lists/members")) == found
