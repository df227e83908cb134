"""Pairs that may be one, counted: at each club, once above, until somebody decides about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from forms.library import load_library
from forms.periods import get_period
from sync import aggregate, counters, rollup, why
from sync.access import OPERATOR
from sync.database import Database
from sync.matching import places, review, work
from sync.why import Asked
from tests.sync.rows import NOW, Rows

H1 = get_period("2018H1")
LIBRARY = load_library()
LINE = LIBRARY.indicators["Q05"]
LINES = {"B01": LIBRARY.indicators["B01"], LINE.id: LINE}
LIBRARY = replace(LIBRARY, figures=replace(LIBRARY.figures, indicators=LINES))


@pytest.fixture
def rows(database: Database) -> Iterator[Rows]:
    """Clubs c1 and c2 in one ward, c3 in another."""
    with database.write() as db:
        rows = Rows(db)
        city = rows.a_unit("48", "Đà Nẵng", "city")
        near, far = (rows.a_unit(code, code, parent=city) for code in ("20194", "20195"))
        for club, unit in (("c1", near), ("c2", near), ("c3", far)):
            rows.a_club(club, unit)
        yield rows


def twin(rows: Rows, uuid: str, club: str, name: str = "Lê Thị Hòa", **more: str) -> None:
    left = date.fromisoformat(more.pop("left")) if "left" in more else None
    rows.a_member(uuid, club, full_name=name, left=left, **more)
    counters.bump(rows.db, counters.PLACES)
    for list_name, moved in places.follow(rows.db, LIBRARY).items():
        work.match(rows.db, LIBRARY, list_name, moved, NOW)
    work.match(rows.db, LIBRARY, "members", [uuid], NOW)


def counted(rows: Rows, level: str = "club") -> list[Decimal | None]:
    """At each place of the level, by name."""
    figures = rollup.roll_up(rows.db, LIBRARY, H1, level)
    return [figures[key].numerator for key in sorted(figures) if key[1] == LINE.id]


def test_a_pair_in_two_clubs_counts_at_each_and_once_above(rows: Rows) -> None:
    twin(rows, "a", "c1")
    twin(rows, "b", "c2", "le thi hoa")
    assert counted(rows) == [1, 1, 0]
    assert counted(rows, "commune") == [1, 0]
    assert counted(rows, "city") == [1]


def test_one_club_alone_is_told_of_the_others_of_its_commune(rows: Rows) -> None:
    twin(rows, "a", "c1")
    twin(rows, "b", "c2")
    assert rollup.count_clubs(rows.db, LIBRARY, H1, ["c1"])["c1", LINE.id, "", ""].numerator == 1


def test_in_another_commune_it_takes_more_than_a_name_and_a_year(rows: Rows) -> None:
    twin(rows, "a", "c1", phone="0905 000 123")
    twin(rows, "b", "c3")
    assert counted(rows) == [0, 0, 0]
    twin(rows, "c", "c3", phone="+84905000123")
    assert counted(rows) == [1, 0, 2]  # of its own commune "b" is one


def test_a_pair_that_somebody_told_apart_counts_no_more(rows: Rows) -> None:
    twin(rows, "a", "c1")
    twin(rows, "b", "c2")
    review.note(rows.db, "members", ("a", "b"), "user:1", NOW)
    assert counted(rows) == [0, 0, 0]


def test_who_left_by_d_makes_no_pair(rows: Rows) -> None:
    twin(rows, "a", "c1")
    twin(rows, "b", "c1", left="2018-06-30")
    assert counted(rows) == [0, 0, 0]
    twin(rows, "c", "c1", left="2018-07-01")
    assert counted(rows) == [1, 0, 0]


def test_in_a_club_that_is_in_no_commune_yet_its_own_people_are_compared(rows: Rows) -> None:
    rows.a_club("c4")
    for uuid, club in (("a", "c4"), ("b", "c4"), ("c", "c1")):
        twin(rows, uuid, club)
    assert counted(rows) == [0, 0, 0, 1]


def test_a_pair_is_never_kept_so_a_club_knows_at_once_what_another_one_wrote(rows: Rows) -> None:
    twin(rows, "a", "c1")
    while aggregate.measure(rows.db, LIBRARY, 100, NOW):
        pass
    twin(rows, "b", "c2")  # nothing of c1 has changed
    assert counted(rows) == [1, 1, 0]


def test_behind_the_number_stands_each_pair_by_both_ids(rows: Rows) -> None:
    for uuid, club in (("a", "c1"), ("b", "c1"), ("c", "c2")):
        twin(rows, uuid, club)

    def behind(level: str, place: str) -> list[tuple[str, str, Decimal | None]]:
        found = why.explain(rows.db, LIBRARY, OPERATOR, Asked("Q05", H1, level, place))
        return [(row.id, row.club, row.amount) for row in found.numerator.rows]

    assert behind("club", "c1") == [("a+b", "c1", 1), ("a+c", "c1", 1), ("b+c", "c1", 1)]
    assert behind("club", "c2") == [("a+c", "c2", 1), ("b+c", "c2", 1)]
    (city,) = {key[0] for key in rollup.roll_up(rows.db, LIBRARY, H1, "city")}
    assert sum(amount or 0 for *_, amount in behind("city", city)) == 3
