"""What report.toml says of the report's life, and what is told of its slips."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from forms.indicators import BadIndicator, Condition
from forms.library import OWN_LIBRARY, LibraryError, load_library
from forms.report_rules import ReportRules, read_report_rules

GOOD = """
[due]
club = 5
commune = 8

[state]
open = { vi = "Đang mở", en = "Open" }

[[section]]
id = "I"
label = { vi = "Tình hình chung", en = "Overview" }

[confirm]
form = "say_yes"
period = "period"
where = { agree = { is = "yes" } }
narrative = [{ field = "results", vi = "Kết quả", en = "Results" }]

[small_cells]
below = 7
"""


def rules(text: str) -> ReportRules:
    return read_report_rules(tomllib.loads(text))


def test_everything_said_is_read() -> None:
    found = rules(GOOD)
    assert found.due == {"club": 5, "commune": 8}
    assert found.small == 7
    assert [one.vi for one in found.sections] == ["Tình hình chung"]
    assert found.confirming is not None
    assert found.confirming.where == {"agree": (Condition("is", "yes"),)}
    assert [one.id for one in found.confirming.narrative] == ["results"]
    assert found.state("open").vi == "Đang mở"


def test_a_library_that_says_nothing_has_a_report_all_the_same() -> None:
    assert rules("") == ReportRules()
    assert rules("").state("sent").vi == "sent"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[due]\nhamlet = 3", "hamlet"),
        ('[due]\nclub = "five"', "due.club"),
        ('[state]\nlost = { vi = "x", en = "y" }', "lost"),
        ('[state]\nopen = { vi = "x" }', "open"),
        ('[confirm]\nform = "f"', "period"),
        ("[small_cells]\nbelow = 0", "below"),
    ],
)
def test_a_slip_is_told_by_its_word(text: str, told: str) -> None:
    with pytest.raises(BadIndicator) as raised:
        rules(text)
    assert told in raised.value.vi
    assert told in str(raised.value)


def _spoilt(tmp_path: Path, old: str, new: str) -> str:
    folder = shutil.copytree(OWN_LIBRARY, tmp_path / "library")
    text = (folder / "report.toml").read_text("utf-8")
    assert old in text
    (folder / "report.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(LibraryError) as raised:
        load_library(folder)
    return str(raised.value)


def test_a_confirming_form_that_is_not_there_is_told_with_file_and_sentence(tmp_path: Path) -> None:
    told = _spoilt(tmp_path, 'form = "period_report"', 'form = "no_such"')
    assert "report.toml" in told
    assert "no_such" in told


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('period = "period"', 'period = "no_period"', "period_report.no_period"),
        ("{ agree = { is", "{ agreed = { is", "period_report.agreed"),
        ('agree = { is = "yes" }', 'agree = { is = "maybe" }', "agree = maybe"),
        ("club = 5", "club = 6", "until_days"),
        ('field = "lessons"', 'field = "lesson"', "period_report.lesson"),
    ],
)
def test_what_the_confirming_form_has_not_is_told(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    assert named in _spoilt(tmp_path, old, new)


def test_a_file_that_is_no_toml_is_told_by_its_name(tmp_path: Path) -> None:
    assert "report.toml" in _spoilt(tmp_path, "[confirm]", "[confirm")
