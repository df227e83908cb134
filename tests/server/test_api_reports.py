"""Indicators and reports over the JSON API: the chain from a club up, and a report's figures."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from sync import clubs, places, tables
from tests.conftest import NOW
from tests.server.api import Program, signed_in
from tests.server.conftest import Door

REPORT = "/reports/2025H2"
WARD = "20263"
CLUBS = [
    {"club_code": "A-1", "name": "CLB Một", "unit_code": WARD, "founded_on": "2018-05-01"},
    {"club_code": "B-1", "name": "CLB Hai", "unit_code": "20257", "founded_on": "2018-05-01"},
    {"club_code": "C-1", "name": "CLB Ba", "unit_code": WARD, "founded_on": "2018-05-01"},
]


@pytest.fixture
def town(door: Door) -> Door:
    """Three clubs in two wards, of which nothing was sent."""
    library = door.runtime.library
    with door.database.write() as db:
        places.load_units(db, library.units, library.successions)
        clubs.import_clubs(db, library, CLUBS, NOW, "operator")
    return door


def of_place(door: Door, role: str, **place: Any) -> Program:
    program = signed_in(door, role)
    users = tables.users
    with door.database.write() as db:
        db.execute(users.update().where(users.c.name == f"{role}@example.vn").values(**place))
    return program


def step(program: Program, act: str, **more: Any) -> Any:
    return program.post(f"{REPORT}/steps", json={"act": act, **more})


def test_a_report_goes_up_step_by_step_and_stands_still_when_it_is_sent(town: Door) -> None:
    with town.database.read() as db:
        club = places.find_club(db, "A-1")
        ward = db.execute(sa.select(tables.units.c.id).where(tables.units.c.code == WARD)).scalar()
    chair, commune = of_place(town, "chair", club_id=club), of_place(town, "commune", unit_id=ward)
    city, office = signed_in(town, "city"), signed_in(town, "standing_office")
    (place,) = chair.json(REPORT)["places"]
    assert (place["code"], place["state"], place["mayDo"]) == ("A-1", "open", ["confirm"])
    own = {"level": "club", "code": "A-1"}
    assert step(chair, "confirm", level="club", code="B-1").status_code in (403, 404)
    commune.refused(step(commune, "confirm", level="club", code="A-1"), 403.1)
    chair.refused(step(chair, "confirm"), 404.1)
    assert step(chair, "confirm", **own).get_json()["places"][0]["state"] == "club"
    found = chair.refused(step(chair, "confirm", **own), 409.3)
    assert found["problem"].startswith("report_")
    back = step(commune, "send_back", comment="Thiếu hai phiếu", **own)
    assert [one["state"] for one in back.get_json()["places"]] == ["open"] * 3
    assert step(chair, "confirm", **own).status_code == 200
    assert step(commune, "confirm", level="commune", code=WARD, incomplete=True).status_code == 200
    office.refused(office.get(f"{REPORT}/figures"), 404.1)
    assert office.json(REPORT)["places"] == []
    whole = {"level": "city", "code": "48", "incomplete": True}
    assert step(city, "confirm", **whole).status_code == 200
    sent = step(city, "send", incomplete=True).get_json()
    assert (sent["state"], sent["version"], len(sent["versions"])) == ("sent", 1, 1)
    assert [one["period"] for one in office.json("/reports")] == ["2025H2"]
    assert office.json(f"{REPORT}/figures?version=1&level=city")
    city.refused(city.get(f"{REPORT}/figures?version=2"), 404.1)


def test_figures_come_page_by_page_each_once_and_only_those_of_the_caller(town: Door) -> None:
    city = signed_in(town, "city")
    every = city.json(f"{REPORT}/figures?indicator=B01")
    assert {one["placeCode"] for one in every} >= {"A-1", "B-1", "48"}
    assert {one["indicator"] for one in every} == {"B01"}
    paged: list[Any] = []
    while True:
        after = f"&after={paged[-1]['id']}" if paged else ""
        page = city.json(f"{REPORT}/figures?indicator=B01&limit=2{after}")
        assert len(page) <= 2
        if not page:
            break
        paged += page
    assert paged == every
    city.refused(city.get(f"{REPORT}/figures?after=x"), 400.34)
    with town.database.read() as db:
        club = places.find_club(db, "A-1")
    chair = of_place(town, "chair", club_id=club)
    assert {one["placeCode"] for one in chair.json(f"{REPORT}/figures")} == {"A-1"}


def test_a_program_gets_the_files_of_a_report_cut_as_on_pages_and_each_is_written_down(
    town: Door,
) -> None:
    with town.database.read() as db:
        club = places.find_club(db, "A-1")
    chair, office = of_place(town, "chair", club_id=club), signed_in(town, "standing_office")
    assert chair.get(f"{REPORT}.xlsx").data.startswith(b"PK")
    clubs_csv = chair.get(f"{REPORT}/groups.csv")
    assert clubs_csv.headers["Content-Disposition"].endswith("bao_cao_clb_2025H2.csv")
    assert "A-1" in clubs_csv.text
    assert "B-1" not in clubs_csv.text
    assert "B-1" not in chair.get(f"{REPORT}/figures.csv?live=true").text
    assert chair.get(f"{REPORT}.pdf").data.startswith(b"%PDF")
    chair.refused(chair.get(f"{REPORT}.pdf?level=club&placeCode=B-1"), 404.1)
    office.refused(office.get(f"{REPORT}.xlsx"), 404.1)
    kinds = [
        one["details"]["kind"]
        for one in signed_in(town, "dpo").json("/audits?action=report.export")
    ]
    assert kinds == ["pdf", "csv", "csv", "xlsx"]


def test_a_token_reads_reports_and_takes_no_step(town: Door) -> None:
    city = signed_in(town, "city")
    scope = ["figures.read", "reports.send", "reports.read"]
    new = {"name": "x", "scope": scope, "expiresAt": "2026-03-01T00:00:00Z"}
    program = Program(
        town, {"Authorization": f"Bearer {city.post('/tokens', json=new).json['token']}"}
    )
    assert program.json(REPORT)["state"] == "open"
    program.refused(step(program, "send"), 403.1)


def test_indicators_say_what_is_counted_and_a_period_that_is_none_is_refused(door: Door) -> None:
    dpo = signed_in(door, "dpo")
    found = dpo.json("/indicators")
    assert len(found) == len(door.runtime.library.figures.indicators)
    assert dpo.json(f"/indicators/{found[0]['id']}") == found[0]
    dpo.refused(dpo.get("/indicators/none"), 404.1)
    dpo.refused(dpo.get("/reports"), 403.1)
    city = signed_in(door, "city")
    for path in (
        "/reports/2025H3",
        "/reports/2025H2?calendar=moon",
        "/reports/2025H2/figures?limit=x",
    ):
        assert city.get(path).status_code == 400
