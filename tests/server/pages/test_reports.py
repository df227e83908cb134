"""A report's way up, on pages: confirmed, sent back, sent, read by offices, opened again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sync.reports import remembered
from sync.reports.data import ReportData
from sync.reports.desk import periods_for
from tests.server.pages.test_figures import place
from tests.server.pages.town import OTHER_WARD, WARD, Town, post

REPORT = "/reports/2025H2"


def step(client: FlaskClient, act: str, where: str = "", **more: str) -> TestResponse:
    """Take a step as the page's form does; `where`: the path of the place's figures."""
    fields = dict(zip(("level", "key"), where.split("/")[-2:], strict=True)) if where else {}
    return post(client, f"{REPORT}/{act}", REPORT, **fields, **more)


def test_a_report_goes_up_is_frozen_read_and_opened_again(town: Town) -> None:
    chair, commune, city = (town.browser(role) for role in ("chair", "commune", "city"))
    club, ward = place(town, "A-1"), place(town, WARD)

    assert step(chair, "confirm", place(town, "B-1")).status_code in (403, 404)
    assert step(commune, "confirm", club).status_code == 403
    assert step(chair, "confirm", club, comment="đủ số").status_code == 303
    again = step(chair, "confirm", club, comment="gửi lần hai")
    assert again.status_code == 409
    assert "đã xác nhận ngày" in again.text
    assert 'typed">gửi lần hai</p>' in again.text  # the step is no longer offered; the words are

    waiting = step(commune, "confirm", ward)
    assert waiting.status_code == 409
    assert "CLB A-2" in waiting.text
    assert "--incomplete" not in waiting.text  # that is said where commands are typed
    assert step(commune, "send_back", club).status_code == 400  # without a reason
    long = step(commune, "send_back", club, comment=f"{'dài ' * 500}lắm")
    assert long.status_code == 400
    field = long.text.split('<details class="step" open>')[1].split("</textarea>")[0]
    assert 'name="comment"' in field
    assert "Chữ dài quá" in field  # beside the field, which is the one to look at
    assert 'aria-invalid="true" autofocus' in field
    assert field.endswith("dài lắm")  # nothing is cut off
    assert long.text.count("autofocus") == 1
    assert step(commune, "send_back", club, comment="thiếu tháng 9").status_code == 303
    told = chair.get(REPORT).text
    assert "thiếu tháng 9" in told
    assert "chair" in told  # who confirmed at first stands in the list of steps
    assert "CLB B-1" not in told
    assert step(chair, "confirm", club).status_code == 303
    assert step(commune, "confirm", ward, incomplete="yes").status_code == 303
    other = town.browser("commune_b")
    assert step(other, "confirm", place(town, OTHER_WARD), incomplete="yes").status_code == 303
    top = "/".join(["", *_city_path(town)])
    assert step(commune, "send").status_code == 403
    assert step(city, "confirm", top).status_code == 303
    assert step(city, "send").status_code == 303

    office = town.browser("standing_office")
    with town.database.read() as db:  # years later it is still offered
        offered = periods_for(db, town.runtime.library, town.users["city"], date(2030, 1, 5))
    assert "2025H2" in {one.code for one in offered}
    sent = office.get("/figures").text
    assert "Báo cáo đã gửi, bản 1" in sent
    assert "live=1" not in sent
    assert "Báo cáo đã gửi, bản 1" in office.get("/figures/2025H2?live=1").text
    assert office.get(f"{REPORT}.xlsx").data.startswith(b"PK")
    assert office.get(f"{REPORT}/late").status_code == 403
    assert office.get(f"{club}/B01/behind").status_code == 403
    own, elsewhere = town.browser("peoples_committee"), place(town, OTHER_WARD)
    assert own.get(ward).status_code == 200
    assert own.get(elsewhere).status_code == 404
    assert step(office, "report").status_code == 303

    town.joins("late", "A-1", "Phan Thị Ưu", "1949")
    town.works()
    assert "Phan Thị Ưu" not in (late := city.get(f"{REPORT}/late").text)
    assert "mới đến" in late
    assert "B01" in late
    assert step(city, "reopen").status_code == 400
    assert step(city, "reopen", comment="bổ sung").status_code == 303
    assert "Đã mở lại: bổ sung" in city.get(REPORT).text
    assert "Báo cáo đã gửi, bản 1" in office.get("/figures").text


def test_a_report_is_gathered_again_only_when_something_has_changed(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered, real = [], remembered.read_whole

    def counting(*given: Any, **more: Any) -> ReportData:
        gathered.append(given)
        return real(*given, **more)

    monkeypatch.setattr(remembered, "read_whole", counting)
    commune, address = town.browser("commune_b"), f"{place(town, 'B-1')}/B01"
    address = address.replace("2025H2", "2026H1")
    for _ in range(3):
        assert '"amount">1<' in commune.get(address).text
    assert commune.get(f"{address}/behind").status_code == 200
    assert len(gathered) == 1
    town.joins("new", "B-1", "Hồ Thị Ớt", "1949")
    town.works()
    assert '"amount">2<' in commune.get(address).text
    assert town.browser("commune").get(address).status_code == 404  # cut anew for each


def _city_path(town: Town) -> list[str]:
    text = town.browser("city").get("/figures/2025H2").text
    start = text.index("/figures/2025H2/city/")
    return text[start:].split('"')[0].split("?")[0].split("/")[2:5]
