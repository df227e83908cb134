"""Figures as pages show them: from the city to the records behind a number, cut to the scope."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import sqlalchemy as sa

from forms.periods import get_period
from sync import tables as t
from sync.figures import WHOLE, Figure
from sync.reports.trend import OTHER_UNITS, OTHERWISE, Trends, points
from tests.conftest import NOW
from tests.server.pages.town import WARD, Town
from tests.sync.sending import an_id


def place(town: Town, code: str) -> str:
    """The path of a unit or a club in the half-year."""
    if code in town.clubs:
        return f"/figures/2025H2/club/{town.clubs[code]}"
    with town.database.read() as db:
        u = t.units.c
        now = sa.select(u.id, u.level).where(u.code == code, u.valid_to.is_(None))
        unit = db.execute(now.order_by(u.id.desc())).first()
    assert unit is not None
    return f"/figures/2025H2/{unit.level}/{unit.id}"


def test_the_city_goes_down_to_wards_clubs_and_one_number(town: Town) -> None:
    city = town.browser("city")
    top = city.get("/figures/2025H2")
    assert "Thành phố Đà Nẵng: 6 tháng cuối năm 2025" in top.text
    assert "Số liệu lúc này" in top.text
    assert f'href="{place(town, WARD)}"' in top.text
    ward = city.get(place(town, WARD)).text
    assert "CLB A-1" in ward
    assert "CLB B-1" not in ward
    club = city.get(place(town, "A-1")).text
    assert f'href="{place(town, "A-1")}/B06"' in club
    assert "ẩn/ẩn" in city.get(f"{place(town, 'A-1')}/B06").text  # of three: too few for the city
    number = town.browser("commune").get(f"{place(town, 'A-1')}/B06").text
    assert "3/3" in number
    assert "60–70" in number


def test_each_chart_says_in_words_what_it_draws(town: Town) -> None:
    text = town.browser("city").get("/figures/2025H2").text
    charts = re.findall(r"<svg viewBox.*?</svg>", text, re.DOTALL)
    assert charts
    for chart in charts:
        named = re.search(r'aria-labelledby="([^" ]+) ([^"]+)"', chart)
        assert named is not None
        assert f'<title id="{named[1]}">' in chart
        said = re.search(rf'<desc id="{named[2]}">([^<]+)</desc>', chart)
        assert said is not None
        assert ":" in said[1]
    assert "style=" not in text


def test_a_chair_sees_her_club_and_of_others_not_even_that_they_are_there(town: Town) -> None:
    chair = town.browser("chair")
    assert "CLB A-1: 6 tháng" in chair.get("/figures/2025H2").text
    for code in ("A-2", "B-1", WARD):
        assert chair.get(place(town, code)).status_code == 404
        assert chair.get(f"{place(town, code)}/B01").status_code == 404
        assert chair.get(f"{place(town, code)}/B01/behind").status_code in (403, 404)
    assert chair.get(f"{place(town, 'A-1')}/Z99").status_code == 404


def test_behind_a_number_stand_people_by_name_for_whom_they_are_and_it_is_written_down(
    town: Town,
) -> None:
    chair, city = town.browser("chair"), town.browser("city")
    path = f"{place(town, 'A-1')}/B01"
    assert f'href="{path}/behind"' in chair.get(path).text
    behind = chair.get(f"{path}/behind").text
    assert "Trần Thị Ba" in behind
    assert "Nguyễn Thị Thủy" not in behind
    assert "/behind" not in city.get(path).text  # the city has no people of the list
    assert city.get(f"{path}/behind").status_code == 403
    with town.database.read() as db:
        seen = set(db.scalars(sa.select(t.seen_people.c.list_name)))
        actions = set(db.scalars(sa.select(t.audit_events.c.action)))
    assert seen == {"members"}
    assert {"figure.why", "figure.people"} <= actions


def test_behind_a_part_and_what_a_share_is_over_are_looked_at_one_by_one(town: Town) -> None:
    chair = town.browser("chair")
    path = f"{place(town, 'A-1')}/B06/behind"
    assert "Trên tổng" in chair.get(path).text
    assert "Trần Thị Ba" in chair.get(f"{path}?over=1").text
    part = chair.get(f"{place(town, 'A-1')}/B01/behind?cut=sex&part=male").text
    assert "Trần Thị Ba" not in part
    assert chair.get(f"{place(town, 'A-1')}/B01/behind?cut=shoe_size&part=44").status_code == 404
    assert "Trần Thị Ba" in chair.get(f"{place(town, 'A-1')}/B01/behind?skip=-1").text
    assert "Trần Thị Ba" not in chair.get(f"{place(town, 'A-1')}/B01/behind?skip=200").text


def test_who_sees_reports_only_has_nothing_before_one_is_sent(town: Town) -> None:
    for role in ("standing_office", "peoples_committee"):
        browser = town.browser(role)
        assert "Chưa có báo cáo nào được gửi" in browser.get("/figures").text
        assert browser.get("/figures/2025H2").status_code == 404
        assert browser.get("/figures/2025H2?live=1").status_code == 404
        assert browser.get("/reports/2025H2.pdf").status_code == 404
        assert "CLB A-1" not in browser.get("/reports/2025H2").text
    for role in ("admin", "health", "treasurer", "volunteer", "dpo"):
        assert town.browser(role).get("/figures/2025H2").status_code == 403


def test_home_tells_each_role_what_waits_for_it(town: Town) -> None:
    assert "báo cáo cần làm" in town.browser("chair").get("/").text
    health = town.browser("health").get("/").text
    assert "báo cáo cần làm" not in health
    assert "/reports/" not in health
    admin = town.browser("admin").get("/").text
    assert "Biểu mẫu" in admin
    assert "CLB A-1" not in admin
    assert "Hôm nay không có việc gì chờ." in town.browser("standing_office").get("/").text


def test_whom_a_list_on_paper_names_is_written_down(town: Town) -> None:
    assert town.browser("chair_a2").get("/rolls/members/A-2.xlsx").data.startswith(b"PK")
    with town.database.read() as db:
        e, p = t.audit_events.c, t.seen_people.c
        query = sa.select(p.uuid).join(t.audit_events, e.id == p.event_id)
        seen = set(db.scalars(query.where(e.action == "roll.people")))
    assert seen == {an_id("thuy")}


def test_a_number_is_shown_over_the_periods_with_its_target_to_who_may_see_it(town: Town) -> None:
    chair, path = town.browser("chair"), place(town, "A-1")
    assert f'href="{path}/trend"' in chair.get(path).text
    assert f'href="{path}/trend?indicator=B06"' in chair.get(f"{path}/B06").text
    text = chair.get(f"{path}/trend?indicator=B06").text
    assert "6 tháng đầu năm 2025" in text
    assert text.count('scope="row"') == 3
    assert '<svg class="chart"' in text
    assert 'class="chart-bound"' in text
    assert "B05" in chair.get(f"{path}/trend").text  # all that have a target
    assert chair.get(f"{place(town, 'B-1')}/trend").status_code == 404
    assert chair.get(f"{path}/trend?indicator=Z9").status_code == 404
    ward = town.browser("commune").get(f"{place(town, WARD)}/trend").text
    assert "có từ ngày 01/07/2025" in ward
    assert re.search(r'href="/figures/2025H1/commune/\d+/trend"', ward)  # what it came of
    assert "ẩn" in town.browser("city").get(f"{path}/trend?indicator=B07").text


def test_only_what_is_counted_alike_is_compared_over_the_periods(town: Town) -> None:
    library, kept = town.runtime.library, Trends()
    with town.database.read() as db:
        now, then = (kept.read(db, library, get_period(code), NOW) for code in ("2026H1", "2025H2"))
    (city, *_) = (one.id for one in now.places if one.level == "city")
    alike = points(library, [now, then], city, "B06")
    assert [one.differs for one in alike] == ["", ""]
    changed = (replace(one, words="as it was counted once") for one in then.indicators)
    otherwise = points(library, [now, replace(then, indicators=tuple(changed))], city, "B06")
    assert [one.differs for one in otherwise] == ["", OTHERWISE]
    share = Figure(Decimal(1), Decimal(56))
    of_56 = replace(then, figures={"city": {(city[1], "A05", *WHOLE): share}})
    assert [one.differs for one in points(library, [now, of_56], city, "A05")] == ["", OTHER_UNITS]
    assert points(library, [now], ("commune", "0"), "B06") == []


def test_behind_a_number_the_city_reads_no_number_of_very_few_people(town: Town) -> None:
    """Also where a number is made of others: of every one that the library has, at each place."""
    known = town.runtime.library.indicators
    sensitive = {name for name, one in known.items() if one.sensitive}
    made = [one for one in known.values() if {*one.asks, *one.total} & sensitive]
    assert made
    names = "|".join(sorted(sensitive))
    seen = 0
    for one in made:
        for at in (WARD, "A-1"):
            for role, sees in (("city", False), ("commune", True)):
                text = town.browser(role).get(f"{place(town, at)}/{one.id}/behind").text
                table = text.partition("<table")[2]
                told = [n for _, n in re.findall(rf"\b({names}) ([\d,.]+)", table) if n != "0,0"]
                seen += len(told)
                assert sees or not told, (one.id, at, told)
    assert seen
