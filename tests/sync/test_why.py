"""Behind a number stand the entities, records, places or figures that make it, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from forms.library import load_library
from forms.privacy import Privacy
from forms.problems import NO_SUCH_FIGURE, NOT_ALLOWED, Refused
from forms.roles import Role
from sync import tables as t
from sync import why
from sync.access import OPERATOR, Caller
from sync.aggregate import mark, measure
from sync.counting import OF_FIGURES, count, items
from sync.counting.item import fold
from sync.counting.once import is_counted_once
from sync.database import Database
from sync.figures import WHOLE, Figure
from sync.rollup import is_fresh, places_of_clubs, roll_up_all
from sync.why import Asked, Part, Row, Standing, Why
from tests.sync.gardens import PERIOD, D, Garden, a_garden
from tests.sync.random_world import CLUBS, World
from tests.sync.rows import NOW, Rows
from tests.sync.test_counting_lists import a_village

MARCH, MAY = date(2018, 3, 1), date(2018, 5, 1)


@pytest.fixture
def garden(database: Database) -> Iterator[Garden]:
    with database.write() as db:
        yield Garden(Rows(db))


def explained(garden: Garden, library: Any, name: str, *place: str, cell: Any = WHOLE) -> Why:
    level, where = place or ("club", "h1")
    return why.explain(garden.rows.db, library, OPERATOR, Asked(name, PERIOD, level, where, cell))


def ids(part: Part | None) -> dict[str, str]:
    assert part is not None
    return {row.id: "?" if row.amount is None else str(row.amount) for row in part.rows}


# ------------------------------------------------------------------ the same number


@pytest.mark.parametrize("seed", range(2))
def test_the_items_behind_a_number_make_it_for_every_indicator_of_the_library(
    database: Database, seed: int
) -> None:
    library = load_library()
    counted: set[str] = set()
    with database.write() as db:
        World(Rows(db), library, seed, (PERIOD.first, PERIOD.last)).fill()
        for place_of in ({club: club for club in CLUBS}, dict.fromkeys(CLUBS, "all")):
            direct = [i for i in library.figures.indicators.values() if i.kind not in OF_FIGURES]
            figures = count(db, library, PERIOD, direct, place_of)
            for one in direct:
                if one.kind == "median" or one.empty:
                    continue
                behind = items(db, library, PERIOD, one, place_of)
                made = {
                    (tally.place, one.id, *tally.cell): Figure(
                        Decimal(str(tally.number)), None, tally.missing
                    )
                    for tally in fold([one], ((one, item) for item in behind), place_of, 6)
                    if tally.number or tally.missing
                }
                kept = {key: figure for key, figure in figures.items() if key[1] == one.id}
                assert made == kept, one.id
                counted |= {one.id} if kept else set()
    assert len(counted) > 85


@pytest.mark.parametrize("seed", range(2))
def test_above_the_club_figures_are_what_counting_again_gives(
    database: Database, seed: int
) -> None:
    library = load_library()
    with database.write() as db:
        World(Rows(db), library, seed, (PERIOD.first, PERIOD.last)).fill()
        mark(db, {(PERIOD.code, club) for club in CLUBS})
        assert measure(db, library, 10, NOW) >= len(CLUBS)
        kept = roll_up_all(db, library, PERIOD)
        assert is_fresh(db, PERIOD)
        db.execute(t.figures.delete())
        assert roll_up_all(db, library, PERIOD) == kept
        again = [i for i in library.figures.indicators.values() if is_counted_once(i)]
        shared = 0
        for level in ("commune", "city"):
            place_of = places_of_clubs(db, PERIOD.last, level)
            shown = [i for i in again if level in i.levels]
            for key, figure in count(db, library, PERIOD, shown, place_of).items():
                assert kept[level][key].numerator in (figure.numerator, None), key
                of_clubs = [kept["club"].get((club, *key[1:])) for club in CLUBS]
                shared += sum(f.numerator or 0 for f in of_clubs if f) != figure.numerator
        assert shared > 20


# ------------------------------------------------------------------ what is told


def test_entities_behind_a_share_are_told_also_those_nobody_knows(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        N='count = "people"\nwhere = { lives = { is = "yes" } }\nby = ["sex"]',
        POOR='count = "people"\nover = "N"\nby = ["sex"]\n'
        'where = { lives = { is = "yes" }, poor = { is = "yes" } }',
    )
    garden.a_home("h1")
    garden.a_person("poor", "h1", poor="yes", sex="f")
    garden.a_person("not_known", "h1", sex="f")
    garden.a_person("rich", "h1", poor="no", sex="m")

    found = explained(garden, library, "POOR")

    assert found.figure == Figure(Decimal(1), Decimal(3), missing=1)
    assert ids(found.numerator) == {"poor": "1", "not_known": "?"}
    assert ids(found.denominator) == {"poor": "1", "not_known": "1", "rich": "1"}
    assert found.numerator.rows[0] == Row("people", "not_known", None, "h1", None)
    of_men = explained(garden, library, "POOR", cell=("sex", "m"))
    assert of_men.figure == Figure(Decimal(0), Decimal(1))
    assert (ids(of_men.numerator), ids(of_men.denominator)) == ({}, {"rich": "1"})


def test_records_are_named_by_their_instance_and_a_person_counts_once(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(tmp_path, SEEN='distinct = "call"', MINUTES='sum = "call.minutes"')
    garden.a_home("h1")
    for day, minutes in ((MAY, "10"), (MARCH, "20")):
        garden.rows.a_record("call", day, "h1", "p1", {"minutes": minutes})
    garden.rows.a_record("call", D + timedelta(days=1), "h1", "p1", {"minutes": "40"})

    seen = explained(garden, library, "SEEN").numerator
    minutes_ = explained(garden, library, "MINUTES").numerator

    # uuid:1 is the home's party
    assert [(row.kind, row.id, row.day, row.amount) for row in seen.rows] == [
        ("call", "uuid:3", MARCH, 1),
        ("call", "uuid:2", MAY, 0),
    ]
    assert ids(minutes_) == {"uuid:2": "10", "uuid:3": "20"}
    assert minutes_.number == 30


def test_places_and_their_figures_are_told_of_what_counts_places(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        OPEN='count = "homes"\nwhere = { open = { is = "yes" } }',
        N='count = "people"',
        BIG='per = "club"\nhaving = { OPEN = { at_least = 1 }, N = { at_least = 2 } }\n'
        'over = "OPEN"',
        HAS='per = "commune"\nhaving = { BIG = { at_least = 100 } }\nlevels = ["city"]',
        SUM="total = { OPEN = 2, N = -1 }",
    )
    units = a_village(garden)
    for n in range(2):
        garden.a_person(f"p{n}", "h3")
    city = ("city", str(units["city"]))

    big = explained(garden, library, "BIG", *city)
    has = explained(garden, library, "HAS", *city)
    total = explained(garden, library, "SUM", *city)

    assert big.numerator.standings == (
        Standing("h1", {"OPEN": Decimal(1), "N": Decimal(0)}, Decimal(0)),
        Standing("h2", {"OPEN": Decimal(1), "N": Decimal(0)}, Decimal(0)),
        Standing("h3", {"OPEN": Decimal(1), "N": Decimal(2)}, Decimal(1)),
    )
    assert ids(big.denominator) == {"h1": "1", "h2": "1", "h3": "1"}
    assert has.numerator.standings == (
        Standing(str(units["north"]), {"BIG": Decimal(0)}, Decimal(0)),
        Standing(str(units["south"]), {"BIG": Decimal(100)}, Decimal(1)),
    )
    assert has.figure == Figure(Decimal(1))
    assert [(one.figures, one.amount) for one in total.numerator.standings] == [
        ({"OPEN": Decimal(3)}, 6),
        ({"N": Decimal(2)}, -2),
    ]
    assert total.figure.numerator == 4


def test_a_figure_that_is_not_is_refused(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(tmp_path, N='count = "people"\nby = ["sex"]')
    garden.a_home("h1")
    for name, cell in (("X", WHOLE), ("N", ("age", "old"))):
        with pytest.raises(Refused) as refused:
            explained(garden, library, name, cell=cell)
        assert refused.value.problem.type is NO_SUCH_FIGURE


# ------------------------------------------------------------------ who may see it


def test_only_who_may_see_the_people_sees_them_named(garden: Garden, tmp_path: Path) -> None:
    plain = a_garden(
        tmp_path,
        N='count = "people"',
        CALLS='distinct = "call"',
        LOUD='latest = "call"\nsensitive = true',
        HOMES='count = "homes"',
        BIG='per = "club"\nhaving = { N = { at_least = 2 } }',
    )
    for home in ("h1", "h2"):
        garden.a_home(home)
    verbs = frozenset({"figures.read"})
    roles = {name: Role(name, name, name, verbs) for name in ("chair", "nurse", "board")}
    roles["guest"] = replace(roles["board"], name="guest", verbs=frozenset())
    own = {"chair": SimpleNamespace(rows="club", without=("minutes",))}
    own["nurse"] = SimpleNamespace(rows="club", without=())
    plain.roles, plain.privacy = roles, Privacy()
    plain.lists["people"].pages = {"chair": None, "nurse": None}
    plain.rules["call"].readers = own

    def sees(role: str, name: str, home: str = "h1") -> bool:
        caller = Caller("user", 1, role, role, club_id="h1")
        try:
            why.explain(garden.rows.db, plain, caller, Asked(name, PERIOD, "club", home))
        except Refused as refused:
            return refused.problem.type is not NOT_ALLOWED
        return True

    def seen(role: str) -> str:
        names = ("N", "CALLS", "LOUD", "HOMES", "BIG")
        return " ".join(name for name in names if sees(role, name))

    assert seen("nurse") == "N CALLS LOUD HOMES BIG"
    assert seen("chair") == "N CALLS HOMES BIG"
    assert seen("board") == "HOMES BIG"
    assert seen("guest") == ""
    assert not sees("nurse", "HOMES", "h2")
