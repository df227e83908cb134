"""The document to sign: every figure as the files have it, set by the library's own template."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from forms.library import load_library
from forms.periods import get_period
from forms.problems import Refused
from sync.database import Database
from sync.reports.data import AnswerData, Narrative, PlaceData, ReportData, StepData
from sync.reports.document import contents, to_pdf
from sync.reports.reading import read_report
from tests.conftest import NOW
from tests.sync.rows import Rows

LIBRARY = load_library()
H1 = get_period("2018H1")
DAY = date(2018, 3, 1)


@pytest.fixture
def rows(database: Database) -> Iterator[Rows]:
    with database.write() as db:
        yield Rows(db)


@pytest.fixture
def report(rows: Rows) -> ReportData:
    """A ward with two clubs: one of three old women and an old man, and a silent one."""
    city = rows.a_unit("48", "Đà Nẵng", "city", covered=False)
    ward = rows.a_unit(
        "20236", "Hải Châu I", "commune", rows.a_unit("492", "Hải Châu", "district", city)
    )
    for club in ("c1", "c2"):
        rows.a_club(club, ward, label=f"CLB {club} · Phường Hải Châu I")
    for number, sex in enumerate(("female", "female", "female", "male")):
        rows.a_member(f"m{number}", "c1", sex=sex, born="1950-01-01", hh_class="poor")
    rows.a_record("membership", DAY, "c1")
    return read_report(rows.db, LIBRARY, H1, NOW)


def city_of(report: ReportData) -> PlaceData:
    return next(place for place in report.places if place.level == "city")


def told(report: ReportData, place: PlaceData) -> dict[str, dict[str, str]]:
    assert LIBRARY.report.document is not None
    found = contents(LIBRARY.report.document, report, place)
    return {row["id"]: row for section in found["sections"] for row in section["rows"]}


def test_a_figure_stands_with_its_parts_its_target_and_how_it_meets_it(report: ReportData) -> None:
    row = told(report, city_of(report))["B06"]
    assert row["value"] == "75,0"
    assert row["detail"] == "3/4"
    assert row["target"] == "60–70"
    assert row["judged"] == "cao"


def test_every_indicator_of_the_level_stands_in_its_section(report: ReportData) -> None:
    place = city_of(report)
    sections = {section.id for section in report.sections}
    expected = {
        one.id
        for one in report.indicators
        if "city" in one.levels and one.section in sections - {report.quality}
    }
    assert set(told(report, place)) == expected
    assert {one.section for one in report.indicators} <= sections


def test_charts_are_of_the_same_figures_as_the_tables(report: ReportData) -> None:
    assert LIBRARY.report.document is not None
    found = contents(LIBRARY.report.document, report, city_of(report))
    charts = [chart for section in found["sections"] for chart in section["charts"]]
    assert {chart["kind"] for chart in charts} == {"targets", "parts", "places"}
    women = next(bar for c in charts for bar in c["bars"] if bar["text"] == "75,0 %")
    assert (women["low"], women["high"]) == (0.6, 0.7)


def test_a_silent_club_is_named_as_one_that_has_not_reported(report: ReportData) -> None:
    assert LIBRARY.report.document is not None
    silent = replace(report, not_reported=("c2",))
    found = contents(LIBRARY.report.document, silent, city_of(silent))
    assert found["head"]["reporting"] == "1/2"
    assert found["not_reported"] == ["CLB c2"]


def test_the_same_report_is_the_same_file(report: ReportData) -> None:
    for place in report.places:
        first = to_pdf(LIBRARY, report, place)
        assert first.startswith(b"%PDF-")
        assert first == to_pdf(LIBRARY, report, place)


def test_a_library_without_a_document_says_so(report: ReportData) -> None:
    without = replace(LIBRARY, report=replace(LIBRARY.report, document=None))
    with pytest.raises(Refused) as refused:
        to_pdf(without, report, city_of(report))
    assert refused.value.problem.code == "no_document"


@pytest.mark.skipif(
    shutil.which("pdftotext") is None and "CI" not in os.environ,
    reason="pdftotext (poppler-utils) is not here: what stands in the PDF is not read back",
)
def test_what_clubs_wrote_and_who_confirmed_can_be_read_in_the_pdf(
    report: ReportData, tmp_path: Path
) -> None:
    wrote = "Mưa lũ <script> #let x = 1 $y$ _không_ *đậm* làm chậm"
    step = StepData(
        "club",
        "c1",
        "CLB c1",
        "confirm",
        "club",
        "user:1",
        "lan",
        "chair",
        NOW,
        NOW.date(),
        "ab12" * 16,
        "",
    )
    narrative = Narrative(
        "c1", "CLB c1", DAY, (AnswerData("x", "X", "Khó khăn", "Difficulties", wrote),)
    )
    full = replace(report, narratives=(narrative,), chain=(step,))
    (tmp_path / "r.pdf").write_bytes(to_pdf(LIBRARY, full, city_of(full)))
    done = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "r.pdf", "-"], capture_output=True, check=True
    )
    text = " ".join(done.stdout.decode().split())
    for said in (
        "6 tháng đầu năm 2018",
        "Số liệu tạm tính",
        wrote,
        "Khó khăn",
        "CLB c1",
        "ab12ab12ab12",
    ):
        assert said in text, said
