"""Indicators as data: the library's are whole, and every slip in one is told, not lost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from forms.indicators import (
    BadIndicator,
    Condition,
    Figures,
    check_names,
    read_figures,
    read_indicator,
)
from forms.library import load_library

LABEL = 'label = { vi = "Số", en = "Number" }\nunit = { vi = "người", en = "people" }\n'
GOOD = f'[[indicator]]\nid = "X1"\n{LABEL}count = "people"\n'


def a_folder(folder: Path, indicators: str, targets: str = "", report: str = "") -> Figures:
    (folder / "one").mkdir()
    (folder / "one" / "indicators.toml").write_text(indicators, "utf-8")
    (folder / "targets.toml").write_text(targets, "utf-8")
    (folder / "report.toml").write_text(report, "utf-8")
    return read_figures(folder)


def test_the_librarys_figures_are_whole() -> None:
    figures = load_library().figures
    assert figures.problems == ()
    asked = "A01 A05 B01 B04 B05 B06 B07 C01 C02 C05 C07 C08 D01 D02 D06"
    assert set(asked.split()) <= set(figures.indicators)
    assert len(figures.columns) == 65
    assert figures.since == date(2017, 1, 1)


def test_the_reports_columns_are_those_a_supervisor_expects() -> None:
    titles = [column.title for column in load_library().figures.columns]
    assert titles[:4] == ["STT", "Kỳ báo cáo", "Ngày chốt", "Mã quận/huyện"]
    assert titles[-1] == "Ghi chú"
    assert len(set(titles)) == len(titles)


def test_what_others_stand_on_is_computed_first() -> None:
    indicators = load_library().figures.indicators
    order = list(indicators)
    for one in indicators.values():
        for below in (*one.having, *([one.over] if one.over else [])):
            assert order.index(below) < order.index(one.id)


def test_targets_hold_between_their_days_and_judge_unrounded_values() -> None:
    figures = load_library().figures
    assert figures.target("A05", "city", date(2020, 12, 30)) is None
    coverage = figures.target("A05", "city", date(2020, 12, 31))
    assert coverage is not None
    assert coverage.judge(Decimal(50)) == "low"  # strictly more than half
    assert coverage.judge(100 * Decimal(29) / 56) == "met"
    women = figures.target("B06", "club", date(2025, 6, 30))
    assert women is not None
    judged = [women.judge(Decimal(v)) for v in ("59.99", "60", "70", "70.01")]
    assert judged == ["low", "met", "met", "high"]


def test_a_later_target_replaces_an_earlier_one(tmp_path: Path) -> None:
    target = '[[target]]\nindicator="X1"\nlevels=["club"]\nat_least={}\nvalid_from={}\nsource="s"\n'
    two = target.format(60, "2017-01-01") + target.format(70, "2020-01-01")
    figures = a_folder(tmp_path, GOOD, two)
    found = [figures.target("X1", "club", date(year, 6, 30)) for year in (2016, 2019, 2021)]
    assert [one.at_least if one else None for one in found] == [None, 60, 70]


def test_numbers_are_exact() -> None:
    entry: dict[str, Any] = {
        "id": "X",
        "label": {"vi": "a", "en": "a"},
        "unit": {"vi": "a", "en": "a"},
        "count": "people",
        "where": {"kg": {"at_least": 62.1}, "age": {"between": [50, 70]}},
    }
    where = read_indicator(entry).where
    assert where["kg"] == (Condition("at_least", Decimal("62.1")),)
    assert where["age"] == (Condition("between", (Decimal(50), Decimal(70))),)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("", "needs exactly one of"),
        ('count = "a"\nsum = "a.b"', "needs exactly one of"),
        ('count = "a"\ntimes = "b"', "word “times” does not go with “count”"),
        ('count = "a"\nwher = {}', "word “wher” does not go"),
        ('count = "a"\nwhere = { b = { equals = 1 } }', "no word “equals”"),
        ('count = "a"\nwhere = { b = { at_least = "ten" } }', "“ten” is not a number"),
        ('count = "a"\nwhere = { b = { at_least = true } }', "not a number"),
        ('count = "a"\nwhere = { b = { between = [1] } }', "needs two numbers"),
        ('sum = "a"', "need name.field"),
        ('count = "a"\nwith = { where = {} }', "“with” needs “form” or “list”"),
        ('count = "a"\nwith = { form = "f", within = "week" }', "“within” is"),
        ('count = "a"\nover = "X9"', "no indicator “X9”"),
        ('count = "a"\nby = ["moon"]', "no cut “moon”"),
        ('count = "a"\nlevels = ["village"]', "no level “village”"),
        ('per = "village"', "no level “village”"),
        ('began = "a"', "lacks “where”"),
        ('turned = "a"\nto = { b = { is = "c" } }', "lacks “from”"),
        ('count = "a"\nwith = { form = "f", wher = {} }', "“with” has no word “wher”"),
        ('count = "a"\nwith = { list = "l", rows = "r" }', "word “rows” does not go with “list”"),
    ],
)
def test_a_slip_is_told_with_its_file_and_the_entry_is_left_out(
    tmp_path: Path, entry: str, told: str
) -> None:
    figures = a_folder(tmp_path, f'{GOOD}\n[[indicator]]\nid = "X2"\n{LABEL}{entry}\n')

    assert list(figures.indicators) == ["X1"]
    (problem,) = figures.problems
    assert told in problem.en
    assert problem.vi
    assert problem.where is not None
    assert problem.where.sheet == "one/indicators.toml"


def test_an_id_used_twice_and_a_label_in_one_language_are_told(tmp_path: Path) -> None:
    half = '[[indicator]]\nid = "X3"\nlabel = { vi = "Số" }\ncount = "a"\n'
    figures = a_folder(tmp_path, GOOD + GOOD + half)
    assert {p.details["indicator"] for p in figures.problems} == {"X1", "X3"}


def test_targets_and_columns_that_name_nothing_are_told(tmp_path: Path) -> None:
    figures = a_folder(
        tmp_path,
        GOOD,
        '[[target]]\nindicator="X8"\nlevels=["club"]\nat_least=1\nvalid_from=2020-01-01\nsource="s"',
        '[[column]]\ntitle="t"\ncount="X9"\n[[column]]\ntitle="u"\ncount="X1"\ncut="moon"\nvalues=["a"]',
    )
    assert {p.details["indicator"] for p in figures.problems} == {"X8", "X9", "X1"}


def test_a_circle_is_told(tmp_path: Path) -> None:
    def per(name: str, below: str) -> str:
        having = f"having = {{ {below} = {{ at_least = 1 }} }}"
        return f'[[indicator]]\nid = "{name}"\n{LABEL}per = "club"\n{having}\n'

    figures = a_folder(tmp_path, per("P", "Q") + per("Q", "P"))
    assert {p.en.partition("wrong: ")[2] for p in figures.problems} == {"stands on itself."}
    assert "P" not in figures.indicators


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ('[[target]]\nindicator = "X1"', "“levels” is missing"),
        ('[cut.age]\nfact = "age"', "“label” is missing"),
        ('[cut]\nage = "old"', "wrong shape"),
    ],
)
def test_a_target_or_a_cut_without_its_words_is_told(
    tmp_path: Path, targets: str, told: str
) -> None:
    (problem,) = a_folder(tmp_path, GOOD, targets).problems
    assert told in problem.en


def test_an_entry_of_the_wrong_shape_is_told(tmp_path: Path) -> None:
    flat = f'[[indicator]]\nid = "X2"\n{LABEL}count = "a"\nwhere = "status"\n'
    assert "wrong shape" in a_folder(tmp_path, flat).problems[0].en


def test_names_that_no_form_list_or_choice_has_are_told() -> None:
    library = load_library()
    facts = {"members": frozenset({"status"}), "clubs": frozenset({"status"})}
    fields: dict[str, Any] = {
        "care_visit": {"outcome": frozenset({"seen"}), "minutes": None, "volunteers": None},
        "health_check": {"check_kind": None},
    }
    told = {p.en for p in check_names(library.figures, facts, fields)}
    assert any("care_visit.outcome = met" in one for one in told)
    assert any("members.sex" in one for one in told)
    assert any("health_check.bp_high" in one for one in told)


def test_a_bad_entry_alone_raises() -> None:
    with pytest.raises(BadIndicator) as wrong:
        read_indicator({"id": "X", "count": "a"})
    assert wrong.value.vi
