"""Indicators as data: the library's are whole, and every slip in one is told, not lost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from forms.indicator_names import KnownForm, Names, check_names
from forms.indicators import (
    BadIndicator,
    Condition,
    Figures,
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
        ('count = "a"\nlevels = ["city"]', "it needs the level “club”"),
        ('per = "commune"\nhaving = { X1 = { at_least = 1 } }\nover = "X3"', "“X3”"),
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


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('levels = ["village"]\nat_least = 1\nsource = "s"', "no level “village”"),
        ('levels = ["club", "city"]\nat_least = 1\nsource = "s"', "no figure at level “club”"),
        ('levels = ["city"]\nat_least = 1', "“source” is missing"),
        ('levels = ["city"]\nat_least = 1\nsource = " "', "“source” is missing"),
        ('levels = ["city"]\nsource = "s"', "it has no bound"),
        ('levels = ["city"]\nat_least = 1\nsource = "s"\nvalid_to = 2020-01-01', "is not after"),
    ],
)
def test_a_target_without_source_bound_or_level_is_told(
    tmp_path: Path, lines: str, told: str
) -> None:
    one = f'[[indicator]]\nid = "X1"\n{LABEL}per = "commune"\nlevels = ["city"]\n'
    target = f'[[target]]\nindicator = "X1"\nvalid_from = 2020-01-01\n{lines}\n'
    (problem,) = a_folder(tmp_path, one, target).problems
    assert told in problem.en
    assert problem.where is not None
    assert (problem.where.sheet, problem.details["indicator"]) == ("targets.toml", "X1")


def test_what_is_cut_or_counted_at_a_level_needs_what_it_stands_on_there(tmp_path: Path) -> None:
    both = f'[[indicator]]\nid = "N"\n{LABEL}distinct = "a"\nlevels = ["city"]\n'
    cut = '[cut.sex]\nlabel = { vi = "Giới", en = "Sex" }\nfact = "sex"\n'
    share = f'[[indicator]]\nid = "S"\n{LABEL}count = "a"\nover = "N"\n'
    total = f'[[indicator]]\nid = "T"\n{LABEL}total = {{ N = 1 }}\nlevels = ["city"]\n'
    told = {
        (p.details["indicator"], p.details["why"])
        for p in a_folder(tmp_path, both + share + total + 'by = ["sex"]\n', cut).problems
    }
    assert told == {("S", "has not all its levels “N”"), ("T", "has not its cut “N sex”")}


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
        (
            '[[target]]\nindicator = "X1"\nlevels = ["city"]\nvalid_from = 2020-01-01\n'
            'source = "s"\nwhere = { kind = { is = "a" } }',
            "“where” is for the level club only",
        ),
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


PEOPLE = {"home": frozenset({"yes", "no"}), "owed": None, "sex": None}
NAMES = Names(
    {"people": PEOPLE, "homes": {"open": frozenset({"yes"})}},
    {
        "call": KnownForm(
            {"kind": frozenset({"long", "short"}), "minutes": None, "whom": None},
            frozenset({"gifts"}),
            "people",
        ),
        "party": KnownForm({"guests": None, "about": None}),
    },
)
CUTS = """
[cut.sex]
label = { vi = "Giới", en = "Sex" }
fact = "sex"
[cut.kind]
label = { vi = "Loại", en = "Kind" }
answer = "kind"
values = [ { value = "long", vi = "Dài", en = "Long" } ]
"""


def names_told(folder: Path, lines: str, cuts: str = CUTS) -> list[str]:
    figures = a_folder(folder, f'[[indicator]]\nid = "X2"\n{LABEL}{lines}\n', cuts)
    assert figures.problems == ()
    problems = check_names(figures, NAMES)
    assert all(p.vi and p.where and p.details["indicator"] for p in problems)
    return [str(p.details["why"]) for p in problems]


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ('count = "nobody"', "nobody"),
        ('began = "call"\nwhere = { kind = { is = "long" } }', "call"),
        ('distinct = "people"', "people"),
        ('count = "people"\nwhere = { moon = { is = "full" } }', "people.moon"),
        ('count = "people"\nwhere = { home = { is = "maybe" } }', "people.home = maybe"),
        ('count = "people"\nany = [ { home = { not = ["no", "nay"] } } ]', "people.home = nay"),
        ('turned = "people"\nfrom = { moon = { is = "a" } }\nto = { sex = { is = "b" } }',
         "people.moon"),
        ('sum = "people.weight"', "people.weight"),
        ('sum = "call.hours"', "call.hours"),
        ('sum = "call.minutes"\ntimes = "helpers"', "call.helpers"),
        ('named = "call.helpers"', "call.helpers"),
        ('count = "call"\nwhere = { kind = { in = ["long", "huge"] } }', "call.kind = huge"),
        ('count = "call"\nrows = "presents"', "call.presents"),
        ('count = "call"\nby = ["moon"]', "call.moon"),
        ('count = "party"\nby = ["sex"]', "party.sex"),
        ('count = "people"\nby = ["kind"]', "people.kind"),
        ('count = "call"\nabout = "friend"', "call.friend"),
        ('count = "call"\nabout = "whom"\nof = "friends"', "friends"),
        ('count = "call"\nfacts = { moon = { is = "full" } }', "people.moon"),
        ('count = "call"\nnot_before = { moon = { is = "full" } }', "call.moon"),
        ('count = "call"\nfollowed = { form = "letter", within_days = 3 }', "letter"),
        ('latest = "call"\nmeasured = { kind = { is = "loud" } }', "call.kind = loud"),
        ('standing = "call"\nof = "people"\nfacts = { moon = { is = "full" } }', "people.moon"),
        ('count = "people"\nwith = { form = "letter" }', "letter"),
        ('count = "people"\nwith = { form = "call", rows = "gift" }', "call.gift"),
        ('count = "people"\nwith = { form = "party", named_in = "guest" }', "party.guest"),
        ('count = "people"\nwith = { form = "party", period_in = "month" }', "party.month"),
        ('count = "people"\nwithout = { form = "call", where = { kind = { is = "x" } } }',
         "call.kind = x"),
        ('count = "people"\nwith = { list = "debts", named_in = "who" }', "debts"),
        ('count = "people"\nwith = { list = "homes", named_in = "who" }', "homes.who"),
        ('count = "people"\nwith = { list = "homes", where = { open = { is = "no" } } }',
         "homes.open = no"),
    ],
)  # fmt: skip
def test_a_name_that_nothing_has_is_told(tmp_path: Path, lines: str, name: str) -> None:
    moon = '[cut.moon]\nlabel = { vi = "Trăng", en = "Moon" }\nanswer = "moon"\n'
    cuts = CUTS + moon if "moon" in lines and "by" in lines else CUTS
    told = names_told(tmp_path, lines, cuts)
    assert f"nothing is called “{name}”" in told


@pytest.mark.parametrize(
    ("lines", "word", "of"),
    [
        ('count = "people"\nrows = "gifts"', "rows", "people"),
        ('count = "people"\nup_to = "end"', "up_to", "people"),
        ('sum = "people.owed"\ntimes = "sex"', "times", "people"),
        ('count = "call"\nsome_day = true', "some_day", "call"),
        ('count = "call"\nfacts = { age = { at_least = 60 } }', "age", "facts"),
        ('count = "call"\nfacts = { home = { older_than = 3 } }', "older_than", "facts"),
        (
            'count = "people"\nwith = { form = "call", rows = "gifts", named_in = "whom", '
            "anywhere = true }",
            "rows",
            "anywhere",
        ),
        ('count = "call"\nwith = { form = "party" }', "with", "call"),
        ('count = "call"\nwhere = { kind = { older_than = 3 } }', "older_than", "call.kind"),
        ('count = "people"\nwhere = { age = { is = "60" } }', "is", "age"),
        ('count = "people"\nwhere = { home = { every_month = true } }', "every_month", "home"),
        ('per = "club"\nhaving = { X2n = { is = "1" } }', "is", "X2n"),
    ],
)
def test_a_word_that_says_nothing_of_what_it_is_used_for_is_told(
    tmp_path: Path, lines: str, word: str, of: str
) -> None:
    below = f'\n[[indicator]]\nid = "X2n"\n{LABEL}count = "homes"' if "X2n" in lines else ""
    assert f"word “{word}” does not go with “{of}”" in names_told(tmp_path, lines + below)


def test_a_part_of_a_cut_that_nothing_can_be_in_is_told(tmp_path: Path) -> None:
    moon = '[cut.moon]\nlabel = { vi = "Trăng", en = "Moon" }\nfact = "moon"\n'
    part = ', { value = "loud", vi = "To", en = "Loud" } ]'
    told = names_told(tmp_path, 'count = "call"\nby = ["kind"]', CUTS.replace(" ]", part) + moon)
    assert told == ["nothing is called “kind = loud”", "nothing is called “moon”"]


def test_what_every_form_counts_asks_for_no_answers(tmp_path: Path) -> None:
    assert names_told(tmp_path, 'median = "*"') == []
    (tmp_path / "more").mkdir()
    assert names_told(tmp_path / "more", 'months = "*"\nby = ["kind"]') == [
        "word “by” does not go with “*”"
    ]


def test_a_bad_entry_alone_raises() -> None:
    with pytest.raises(BadIndicator) as wrong:
        read_indicator({"id": "X", "count": "a"})
    assert wrong.value.vi
