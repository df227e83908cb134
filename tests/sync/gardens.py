"""A tiny domain for tests of counting: homes, the people in them and the debts of these people.

It shares no word with the project's library, and is written inside the test that needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from forms.indicators import read_figures
from forms.periods import Period, get_period
from forms.report_rules import read_report_rules
from sync.figures import Figures as Numbers
from sync.rollup import count_clubs
from tests.sync.rows import Rows

PERIOD = get_period("2018H1")
D = date(2018, 6, 30)
START = date(2018, 1, 1)
SEX_AND_AGE = """
[cut.sex]
label = { vi = "Giới", en = "Sex" }
fact = "sex"
[cut.age]
label = { vi = "Tuổi", en = "Age" }
fact = "age"
values = [
  { value = "young", vi = "Trẻ", en = "Young", first = 0, end = 60 },
  { value = "old", vi = "Già", en = "Old", first = 60 },
]
"""
CUTS = (
    SEX_AND_AGE
    + """
[cut.ills]
label = { vi = "Bệnh", en = "Ills" }
fact = "ills"
multi = true
[cut.why_left]
label = { vi = "Lý do", en = "Reason" }
fact = "why_left"
"""
)


def a_garden(folder: Path, **indicators: str) -> Any:
    """A library with these indicators, each the lines of its entry without id and label."""
    (folder / "one").mkdir()
    entries = "".join(_entry(name, lines) for name, lines in indicators.items())
    (folder / "one" / "indicators.toml").write_text(entries, "utf-8")
    (folder / "targets.toml").write_text(CUTS, "utf-8")
    figures = read_figures(folder)
    assert figures.problems == ()
    confirm = {"form": "letter", "period": "about", "where": {"agreed": {"is": "yes"}}}
    return SimpleNamespace(
        figures=figures,
        report=read_report_rules({"confirm": confirm}),
        lists={
            "people": SimpleNamespace(name="people", is_of_clubs=False),
            "homes": SimpleNamespace(name="homes", is_of_clubs=True),
            "debts": SimpleNamespace(name="debts", is_of_clubs=False),
        },
        rules={
            "call": SimpleNamespace(form="call", subject_list="people"),
            "party": SimpleNamespace(form="party", subject_list=None),
            "letter": SimpleNamespace(form="letter", subject_list=None),
        },
    )


def _entry(name: str, lines: str) -> str:
    both = f'{{ vi = "{name}", en = "{name}" }}'
    return f'[[indicator]]\nid = "{name}"\nlabel = {both}\nunit = {both}\n{lines}\n'


class Garden:
    """People and homes in the tables, and what a library counts of them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def a_home(self, uuid: str, unit: int | None = None, *, silent: bool = False) -> str:
        self.rows.a_spell("homes", uuid, "open", "yes", date(2017, 1, 1))
        if unit is not None:
            self.rows.place_club(uuid, unit, date(2017, 1, 1))
        if not silent:
            self.rows.a_record("party", D, uuid)
        return uuid

    def a_person(self, uuid: str, home: str, since: date = date(2017, 3, 1), **facts: str) -> str:
        for name, value in {"lives": "yes", "club": home, **facts}.items():
            self.rows.a_spell("people", uuid, name, value, since)
        return uuid

    def says(
        self, uuid: str, name: str, *turns: tuple[str, date], until: date | None = None
    ) -> None:
        """The values of a fact, each from its day up to the next."""
        ends: Iterator[date | None] = iter([*(day for _, day in turns[1:]), until])
        for value, day in turns:
            self.rows.a_spell("people", uuid, name, value, day, next(ends))

    def count(self, library: Any, *homes: str, period: Period = PERIOD) -> Mapping[str, Any]:
        """What was counted in the first home: "n", or "n/of", or with a cut {"part": n}."""
        return said(library, count_clubs(self.rows.db, library, period, homes), homes[0])


def said(library: Any, figures: Numbers, place: str) -> dict[str, Any]:
    """The figures of a place as short texts by indicator, and by "indicator cut"."""
    found: dict[str, Any] = {}
    for (at, name, cut, value), figure in figures.items():
        if at != place:
            continue
        text = "–" if figure.numerator is None else plain(figure.numerator)
        if library.figures.indicators[name].over is not None:
            below = figure.denominator
            text = f"{text}/{'–' if below is None else plain(below)}"
        if figure.missing:
            text += f" ({figure.missing}?)"
        if cut:
            found.setdefault(f"{name} {cut}", {})[value] = text
        else:
            found[name] = text
    return found


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
