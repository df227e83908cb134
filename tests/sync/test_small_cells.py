"""No number of very few people is shown, and none can be computed from what is (domain §6.2, 7)."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.reports.data import ReportData, missing_of
from sync.reports.reading import report_for
from sync.reports.small_cells import hidden_small, hide, solved
from sync.reports.tables import report_tables
from tests.sync import sending
from tests.sync.village import H1, Village

Numbers = dict[Any, Decimal]
Sums = list[dict[Any, Fraction]]


def table(numbers: Sequence[Sequence[int]]) -> tuple[Numbers, Sums]:
    """Places in rows, parts in columns; with the sums of rows, of columns, and of all."""
    cells = ((r, c, n) for r, row in enumerate(numbers) for c, n in enumerate(row))
    found: Numbers = {(r, c): Decimal(n) for r, c, n in cells}
    rows, columns = range(len(numbers)), range(len(numbers[0]))
    sums: Sums = []

    def add(whole: Any, parts: list[Any]) -> None:
        found[whole] = sum((found[part] for part in parts), Decimal(0))
        sums.append({whole: Fraction(-1), **dict.fromkeys(parts, Fraction(1))})

    for r in rows:
        add((r, "all"), [(r, c) for c in columns])
    for c in columns:
        add(("all", c), [(r, c) for r in rows])
    add(("all", "all"), [(r, "all") for r in rows])
    sums.append({("all", "all"): Fraction(-1), **{("all", c): Fraction(1) for c in columns}})
    return found, sums


def small(numbers: Numbers) -> set[Any]:
    return {key for key, number in numbers.items() if 0 < number < 5 and "all" not in key}


def determined(sums: Sums, hidden: Collection[Any]) -> set[Any]:
    """Which of the hidden an attacker computes: those whose unit row lies in the equations' span.
    Written apart from the code it judges: plain rational elimination, one question per unknown.
    """
    names = sorted(hidden, key=repr)
    rows = [[Fraction(one.get(name, 0)) for name in names] for one in sums]
    rank = _rank(rows)
    return {
        name
        for n, name in enumerate(names)
        if _rank([*rows, [Fraction(n == other) for other in range(len(names))]]) == rank
    }


def _rank(rows: list[list[Fraction]]) -> int:
    rows = [list(row) for row in rows]
    rank = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((n for n in range(rank, len(rows)) if rows[n][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for n in range(rank + 1, len(rows)):
            if rows[n][column]:
                times = rows[n][column] / rows[rank][column]
                rows[n] = [a - times * b for a, b in zip(rows[n], rows[rank], strict=True)]
        rank += 1
    return rank


tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 12), min_size=width, max_size=width), min_size=1, max_size=6
    )
)


# ------------------------------------------------------------------ the rule


@given(tables)
def test_no_hidden_number_of_a_table_can_be_computed(numbers: list[list[int]]) -> None:
    found, sums = table(numbers)
    hidden = hide(found, sums, small(found))
    assert small(found) <= hidden
    assert determined(sums, hidden) & {name for name in hidden if found[name]} == set()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_nor_can_it_over_a_tree_of_places_with_several_cuts(seed: int) -> None:
    chance = random.Random(seed)
    found: Numbers = {}
    sums: Sums = []
    cuts = {"a": 3, "b": 2}
    tree = {f"u{u}": [f"k{u}{k}" for k in range(chance.randint(1, 4))] for u in range(3)}
    for club in (club for clubs in tree.values() for club in clubs):
        whole = chance.randint(0, 25)
        found[club, ""] = Decimal(whole)
        for cut, width in cuts.items():
            marks = sorted(chance.randint(0, whole) for _ in range(width - 1))
            parts = [b - a for a, b in zip([0, *marks], [*marks, whole], strict=True)]
            for n, part in enumerate(parts):
                found[club, f"{cut}{n}"] = Decimal(part)
    cells = ["", *(f"{cut}{n}" for cut, width in cuts.items() for n in range(width))]
    for unit, inside in {**tree, "all": list(tree)}.items():
        for cell in cells:
            found[unit, cell] = sum((found[place, cell] for place in inside), Decimal(0))
            sums.append({(unit, cell): Fraction(-1)} | {(p, cell): Fraction(1) for p in inside})
    for place in {place for place, _ in found}:
        for cut, width in cuts.items():
            parts = {(place, f"{cut}{n}"): Fraction(1) for n in range(width)}
            sums.append({(place, ""): Fraction(-1)} | parts)
    few = {key for key, number in found.items() if 0 < number < 5 and key[1].startswith("a")}
    hidden = hide(found, sums, few)
    assert few <= hidden
    assert determined(sums, hidden) & {name for name in hidden if found[name]} == set()


@given(tables)
def test_where_nothing_is_small_nothing_is_hidden(numbers: list[list[int]]) -> None:
    found, sums = table([[n + 5 for n in row] for row in numbers])
    assert hide(found, sums, small(found)) == set()


def test_one_more_is_hidden_the_smallest_that_is_not_0() -> None:
    found, sums = table([[3, 9, 7, 0]])
    assert hide(found, [sums[0]], small(found)) == {(0, 0), (0, 2)}


def test_what_every_sum_hides_twice_and_yet_tells_is_found() -> None:
    """Two squares and a bridge between them: each row and column hides two, the bridge is told."""
    equations = [
        {"a": 1, "b": 1}, {"c": 1, "d": 1}, {"a": 1, "c": 1}, {"b": 1, "d": 1, "bridge": 1},
        {"e": 1, "f": 1, "bridge": 1}, {"g": 1, "h": 1}, {"e": 1, "g": 1}, {"f": 1, "h": 1},
    ]  # fmt: skip
    assert solved(equations, set("abcdefgh") | {"bridge"}) == {"bridge"}


@given(tables, st.randoms(use_true_random=False))
def test_what_is_solved_is_what_plain_algebra_solves(
    numbers: list[list[int]], chance: random.Random
) -> None:
    found, sums = table(numbers)
    hidden = set(chance.sample(sorted(found, key=repr), min(len(found), 8)))
    unknowns: list[Mapping[Any, int]] = [
        {name: int(factor) for name, factor in one.items() if name in hidden} for one in sums
    ]
    assert solved(unknowns, hidden) == determined(sums, hidden)


# ------------------------------------------------------------------ the report


@pytest.fixture
def told(village: Village) -> Village:
    """Classes of people: hoa 2 poor, 6 near, 7 other, 1 unknown; mai 8 and 8; sen 6 poor."""
    classes = {
        "hoa": {"poor": 2, "near": 6, "other": 7, "": 1},
        "mai": {"poor": 8, "other": 8},
        "sen": {"poor": 6},
    }
    for club, found in classes.items():
        for klass, count in found.items():
            for n in range(count):
                who = f"{club} {klass} {n}"
                day = f"2025-02-{n + 1:02}"  # else one would be the other, sent again
                xml, phone, _ = sending.join(who, club=club, klass=klass, on=day)
                village.world.send(xml, phone, village.now)
    village.world.work()
    return village


def _hidden(data: ReportData) -> set[tuple[str, str, str]]:
    """place, indicator, part of the cells that are hidden."""
    names = {one.id: one.club_name or one.code for one in data.places}
    return {(names[level, place], i, value) for level, place, i, _, value in data.hidden}


def test_a_small_cell_is_hidden_and_whatever_would_tell_it(told: Village) -> None:
    hidden = _hidden(hidden_small(told.report()))
    assert ("CLB hoa", "P1", "poor") in hidden
    assert ("CLB hoa", "P1", "unknown") in hidden
    of_part = {where for where, indicator, part in hidden if (indicator, part) == ("P1", "poor")}
    assert len(of_part) > 1  # else hoa is the ward less mai


def test_no_cell_of_a_report_can_be_computed_from_what_is_shown(told: Village) -> None:
    from sync.reports.small_cells import _numbers, sums_of

    data = hidden_small(told.report())
    numbers = _numbers(data)
    sums = [dict(one) for one in sums_of(data, numbers)]
    tells = {name for name in determined(sums, data.hidden) if numbers[name]}
    assert tells == set()
    assert any(name == missing_of("P2") for _, _, name, _, _ in data.hidden)


def test_both_files_hide_it_and_say_why(told: Village) -> None:
    clubs, figures = report_tables(hidden_small(told.report()))
    hoa = dict(zip(clubs.header, next(iter(clubs.rows)), strict=True))
    assert hoa["Nghèo"] == "ẩn"
    assert "ẩn" in str(hoa["Ghi chú"])
    lines = [dict(zip(figures.header, row, strict=True)) for row in figures.rows]
    titles, wanted = ("Tên CLB", "Mã chỉ tiêu", "Mã phân tổ"), ["CLB hoa", "P1", "klass=poor"]
    (line,) = [one for one in lines if [one[title] for title in titles] == wanted]
    assert (line["Tử số"], line["Giá trị"]) == ("ẩn", "ẩn")


def test_who_is_of_the_commune_sees_all_and_who_is_above_does_not(told: Village) -> None:
    for role, club, unit, sees in (
        ("chair", "hoa", None, True),
        ("commune", "", told.wards[0], True),
        ("district", "", told.district, False),
        ("city", "", None, False),
    ):
        who = told.who(role, club=club, unit=unit)
        with told.database.read() as db:
            data = report_for(db, told.library, who, H1, told.now)
        assert (data.hidden == frozenset()) is sees, role
        place = told.seen_at(data, "hoa")
        assert (data.value(place, "P1", "klass", "poor") == 2) is sees, role


def test_the_standing_office_reads_what_was_sent_without_small_cells_or_hashes_of_places(
    told: Village,
) -> None:
    told.sends_off()
    office = told.who("standing_office")
    with told.database.read() as db:
        data = report_for(db, told.library, office, H1, told.now)
    assert data.head.version == 1
    assert data.hidden
    assert {bool(one.sha256) for one in data.chain if one.place} == {False}
