"""A school garden on the same code: its forms, lists, figures and roles share no word with ours."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from forms.cells import BOM
from forms.library import OWN_LIBRARY, Library, load_library
from server import tasks
from server.app import create_app
from server.cli.terminal import GOOD
from server.runtime import open_runtime
from server.settings import read_settings
from sync.places import club_uuid
from tests.server.test_cli import Cayda, cayda  # noqa: F401 - a fixture

GARDEN = Path(__file__).parent / "library"
BEDS = "club_code,name,unit_code,founded_on,sunny\nB1,Luống Một,9101,2025-02-01,yes\n"
TREE = "11111111-2222-4333-8444-{:012d}"
SPACES = (
    'xmlns:orx="http://openrosa.org/xforms" xmlns:e="http://www.opendatakit.org/xforms/entities"'
)


@pytest.fixture
def garden(cayda: Cayda, tmp_path: Path) -> Cayda:  # noqa: F811
    """The console of a school that has one bed."""
    school = replace(cayda, environment={**cayda.environment, "CAYDA_LIBRARY": str(GARDEN)})
    assert school("migrate").exit_code == GOOD
    (tmp_path / "beds.csv").write_text(BEDS, encoding="utf-8")
    assert school.json("club", "load", str(tmp_path / "beds.csv"))["created"] == 1
    return school


@pytest.fixture
def app(garden: Cayda, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in garden.environment.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    runtime = open_runtime(read_settings(data=garden.data))
    app = create_app(runtime.settings, runtime)
    yield app, runtime
    runtime.database.dispose()


def sends(phone: FlaskClient, base: str, form: str, inner: str, number: int) -> None:
    xml = (
        f'<data {SPACES} id="{form}" version="2026112801">{inner}<orx:meta>'
        f"<orx:instanceID>uuid:{TREE.format(900 + number)}</orx:instanceID>"
    )
    if form == "planting":
        entity = (
            f'<entity dataset="plants" id="{TREE.format(number)}" create="1"><label>Cây</label>'
        )
        xml = (
            xml.replace("<orx:meta>", "<meta>").replace("orx:", "")
            + f"{entity}</entity></meta></data>"
        )
    else:
        xml += "</orx:meta></data>"
    part = (io.BytesIO(xml.encode()), "s.xml", "text/xml")
    answer = phone.post(f"{base}/submission", data={"xml_submission_file": part})
    assert answer.status_code == 201, answer.data


def test_pupils_plant_and_water_and_the_teacher_gets_her_figures(
    garden: Cayda, app: Any, tmp_path: Path
) -> None:
    flask, runtime = app
    token = garden.json("phone", "add", "Lớp 5A", "--role", "pupil", "--club", "B1")["token"]
    phone, base = flask.test_client(), f"/v1/key/{token}/projects/1"
    listed = phone.get(f"{base}/formList").text
    assert re.findall("<formID>(.*?)</formID>", listed) == ["planting", "watering"]
    bed = club_uuid("B1")
    for number, crop in enumerate(("tomato", "tomato", "basil"), start=1):
        planted = f"<bed>{bed}</bed><planted_on>2026-03-0{number}</planted_on><crop>{crop}</crop>"
        sends(phone, base, "planting", planted + "<tag>Cây</tag>", number)
    watered = (
        f"<plant>{TREE.format(1)}</plant><watered_on>2026-03-09</watered_on><litres>1.5</litres>"
    )
    sends(phone, base, "watering", watered, 10)
    tasks.run_until_empty(runtime)

    assert garden("export", "report", "2026H1", "--out", str(tmp_path)).exit_code == GOOD
    (clubs,) = tmp_path.glob("bao_cao_luong_*.csv")
    (row,) = csv.DictReader(io.StringIO(clubs.read_text("utf-8").removeprefix(BOM)), delimiter=";")
    assert row == {"Luống": "Luống Một", "Số cây": "3", "Lít nước": "1,5", "Cà chua (%)": "66,7"}
    out = tmp_path / "watering.csv"
    assert garden("export", "records", "watering", "--out", str(out)).exit_code == GOOD
    records = out.read_text("utf-8")
    assert "1,5" in records
    files = [path.read_text("utf-8") for path in tmp_path.glob("*.csv")]
    assert "Tên Luống" in records
    assert not any("CLB" in text for text in files)
    assert garden.json("verify")["differences"] == []


def test_a_role_of_the_clubs_is_unknown_here(garden: Cayda) -> None:
    refused = garden("phone", "add", "a", "--role", "volunteer", "--club", "B1")
    assert refused.exit_code != GOOD
    assert "pupil" in refused.output


# ------------------------------------------------------------------ no word in common
ENGINE = {"club", "status"}  # words of the engine itself: a group, and what is true of it


def words(library: Library) -> set[str]:
    """Every name and code that the library's own data bring in."""
    found = {*library.forms, *library.lists, *library.roles, *library.indicators}
    found |= set(library.figures.cuts)
    for form in library.forms.values():
        found |= set(form.fields)
        found |= {code for codes in form.fields.values() if codes for code in codes}
    for one in library.lists.values():
        found |= one.fact_names
    return found


def test_the_two_libraries_share_no_word() -> None:
    ours, theirs = words(load_library(OWN_LIBRARY)), words(load_library(GARDEN))
    assert ours & theirs <= ENGINE
