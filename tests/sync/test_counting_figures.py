"""Figures that stand on others, in small worlds counted by hand; and zero told from silence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from forms.days import vietnam_day
from forms.periods import get_period, periods_of
from sync.database import Database
from sync.rollup import roll_up_all
from tests.sync.gardens import PERIOD, D, Garden, a_garden, said
from tests.sync.rows import NOW, Rows
from tests.sync.test_counting_lists import a_village

MARCH = date(2018, 3, 1)
DAY = timedelta(days=1)
PEOPLE = 'count = "people"\nwhere = { lives = { is = "yes" } }'
OPEN = 'count = "homes"\nwhere = { open = { is = "yes" } }'


@pytest.fixture
def garden(database: Database) -> Iterator[Garden]:
    with database.write() as db:
        yield Garden(Rows(db))


# ------------------------------------------------------------------ places that have what is asked


def test_of_each_area_one_sign_at_least_is_asked(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(
        tmp_path,
        CALLS='count = "call"',
        LONG='count = "call"\nwhere = { kind = { is = "long" } }',
        PARTIES='count = "party"',
        BIG=PEOPLE,
        N='per = "club"\nhaving = { BIG = { at_least = 1 } }\n'
        "each = [ { LONG = { at_least = 1 }, BIG = { at_least = 3 } }, "
        "{ PARTIES = { between = [1, 2] } }, { CALLS = { at_most = 1 } } ]",
    )
    for home, people in (("h1", 1), ("h2", 3), ("h3", 2), ("h4", 0), ("h5", 1)):
        garden.a_home(home)  # has one party
        for n in range(people):
            garden.a_person(f"{home} {n}", home)
    for home in ("h1", "h4", "h5", "h5"):
        garden.rows.a_record("call", D, home, None, {"kind": "long"})

    found = {f"h{n}": garden.count(library, f"h{n}")["N"] for n in range(1, 6)}

    # h1 by a long call, h2 by its size; h3 has neither; h4 nobody; h5 two calls
    assert found == {"h1": "1", "h2": "1", "h3": "0", "h4": "0", "h5": "0"}


def test_every_month_means_as_many_as_the_period_has(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(
        tmp_path,
        OPEN=OPEN,
        PARTIES='count = "party"',
        N='per = "club"\nhaving = { PARTIES = { every_month = true } }\nover = "OPEN"',
    )
    for home, number in (("h5", 5), ("h6", 6), ("h12", 12)):
        garden.a_home(home, silent=True)
        for _ in range(number):
            garden.rows.a_record("party", MARCH, home)

    year = get_period("2018Y")
    assert [garden.count(library, home)["N"] for home in ("h5", "h6")] == ["0/1", "1/1"]
    assert [garden.count(library, home, period=year)["N"] for home in ("h6", "h12")] == [
        "0/1",
        "1/1",
    ]


def test_units_are_counted_at_their_own_level_and_above(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(
        tmp_path,
        OPEN=OPEN,
        HAS='per = "commune"\nhaving = { OPEN = { at_least = 2 } }\n'
        'levels = ["commune", "district", "city"]',
        ALL='per = "commune"\nlevels = ["commune", "district", "city"]',
        TWO='per = "district"\nhaving = { HAS = { at_least = 1 } }\nlevels = ["city"]\n'
        'over = "ALL"',
    )
    units = a_village(garden)

    figures = roll_up_all(garden.rows.db, library, PERIOD)

    north = said(library, figures["commune"], str(units["north"]))
    south = said(library, figures["commune"], str(units["south"]))
    assert (north["HAS"], north["ALL"], south["HAS"], south["ALL"]) == ("1", "1", "0", "1")
    assert sorted(f["HAS"] for f in _each(library, figures["district"])) == ["0", "1"]
    city = said(library, figures["city"], str(units["city"]))
    assert (city["HAS"], city["ALL"], city["TWO"]) == ("1", "2", "1/2")


def _each(library: object, figures: object) -> list[dict[str, str]]:
    return [said(library, figures, place) for place in {key[0] for key in figures}]  # type: ignore[attr-defined,arg-type]


# ------------------------------------------------------------------ totals and shares


def test_a_total_adds_figures_times_their_factors_cell_by_cell(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        BEGAN='began = "people"\nwhere = { lives = { is = "yes" } }\nby = ["sex", "age"]',
        MOVED='moved_in = "people"\nwhere = { lives = { is = "yes" } }\nby = ["sex"]',
        CAME='total = { BEGAN = 1, MOVED = 1 }\nby = ["sex"]\nover = "PEOPLE"',
        PEOPLE=PEOPLE + '\nby = ["sex"]',
        HOURS='sum = "call.minutes"\ndivided_by = 60',
        BALANCE="total = { HOURS = 2, CALLS = -0.5 }",
        CALLS='count = "call"',
    )
    units = a_village(garden)
    garden.a_person("new", "h1", MARCH, sex="f", born_on="1950-01-01")
    garden.a_person("moves", "h1", sex="m")
    garden.rows.db.exec_driver_sql(
        "DELETE FROM spells WHERE uuid = 'moves' AND name = 'club'"  # told again below
    )
    garden.says("moves", "club", ("h3", date(2017, 3, 1)), ("h1", MARCH))
    garden.a_person("stays", "h1", sex="m")
    for minutes in ("90", "60"):
        garden.rows.a_record("call", D, "h1", None, {"minutes": minutes})

    figures = roll_up_all(garden.rows.db, library, PERIOD)
    home = said(library, figures["club"], "h1")
    city = said(library, figures["city"], str(units["city"]))

    assert home["CAME"] == "2/3"
    assert home["CAME sex"] == {"f": "1/1", "m": "1/2"}
    assert "CAME age" not in home
    assert home["BALANCE"] == "4"  # 2 × 2.5 hours − 0.5 × 2 calls
    assert city["CAME"] == "1/3"  # the move was within the city
    assert city["CAME sex"] == {"f": "1/1", "m": "0/2"}
    assert city["BALANCE"] == "4"


def test_a_share_cut_as_what_it_is_over_is_not_is_of_the_whole(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path, N=PEOPLE, KINDS='count = "people"\nover = "N"\nby = ["ills"]\nscale = 1000'
    )
    garden.a_home("h1")
    garden.a_person("p1", "h1", ills="eyes ears")
    garden.a_person("p2", "h1", ills="ears")

    found = garden.count(library, "h1")

    assert found["KINDS"] == "2/2"
    assert found["KINDS ills"] == {"eyes": "1/2", "ears": "2/2"}


# ------------------------------------------------------------------ zero and silence


def test_who_sent_nothing_and_confirmed_nothing_has_no_figure(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        OPEN=OPEN,
        N=PEOPLE + '\nby = ["sex"]',
        BEGAN='began = "people"\nwhere = { lives = { is = "yes" } }',
        CALLS='count = "call"',
        CALLED='count = "people"\nwith = { form = "call" }\nover = "N"\nby = ["sex"]',
        SOON='count = "homes"\nwith = { form = "letter", period_in = "about", until_days = 5 }',
        MET='per = "club"\nhaving = { OPEN = { at_least = 1 }, CALLS = { at_least = 1 } }',
        SUM="total = { CALLS = 1, OPEN = 1 }",
        BOTH="total = { CALLS = 1, BEGAN = 1 }",
    )
    for home in ("never", "long_ago", "confirmed", "refused", "sent"):
        garden.a_home(home, silent=True)
        garden.a_person(f"of {home}", home, sex="f")
    garden.rows.a_record("party", date(2017, 3, 1), "long_ago")
    garden.rows.a_record("party", MARCH, "sent")
    after = D + DAY * 9
    for home, agreed in (("confirmed", "yes"), ("refused", "no")):
        garden.rows.a_record("letter", after, home, None, {"about": "2018H1", "agreed": agreed})
    garden.rows.a_record("party", D, "sent", held_back=True)

    silent = {"CALLS": "–", "BEGAN": "–", "MET": "–", "BOTH": "–", "SUM": "1"}
    silent |= {"OPEN": "1", "SOON": "0"}
    zero = {"CALLS": "0", "BEGAN": "0", "MET": "0", "BOTH": "0", "SUM": "1"}
    zero |= {"OPEN": "1", "SOON": "0"}
    there = {"N": "1", "N sex": {"f": "1"}}
    no_call = {"CALLED": "0/1", "CALLED sex": {"f": "0/1"}}

    def found(home: str) -> object:
        return garden.count(library, home)

    assert found("never") == {**silent, "N": "–", "CALLED": "–/–"}
    assert found("refused") == {**silent, "N": "–", "CALLED": "–/–"}
    assert found("long_ago") == {**silent, **there, "CALLED": "–/1"}
    assert found("confirmed") == {**zero, **there, **no_call}
    assert found("sent") == {**zero, **there, **no_call}


def test_a_median_of_no_records_is_none_and_of_those_that_came_at_once_is_zero(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(tmp_path, DELAY='median = "call"')
    garden.a_home("none")
    garden.a_home("at_once")
    garden.rows.a_record("call", vietnam_day(NOW), "at_once")
    now = periods_of(vietnam_day(NOW))[0]

    assert garden.count(library, "none", period=now) == {"DELAY": "–"}
    assert garden.count(library, "at_once", period=now) == {"DELAY": "0"}


def test_a_place_of_silent_homes_has_no_figure_also_of_what_is_counted_again(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        CALLS='count = "call"',
        CALLED='distinct = "call"\nlevels = ["commune", "district", "city"]',
        MOVED='moved_in = "people"\nwhere = { lives = { is = "yes" } }',
    )
    rows = garden.rows
    city = rows.a_unit("1", "Phố", "city")
    units = [rows.a_unit(f"2{n}", f"{n}", "commune", city) for n in range(3)]
    for home, unit, silent in (("h1", 0, True), ("h2", 1, True), ("h3", 1, False)):
        garden.a_home(home, units[unit], silent=silent)

    figures = roll_up_all(rows.db, library, PERIOD)

    def found(level: str, unit: int) -> object:
        return said(library, figures[level], str(unit))

    nothing = {"CALLS": "–", "CALLED": "–", "MOVED": "–"}
    zero = {"CALLS": "0", "CALLED": "0", "MOVED": "0"}
    assert found("commune", units[0]) == nothing
    assert found("commune", units[1]) == zero
    assert found("commune", units[2]) == {}  # no home at all
    assert found("city", city) == zero
    assert figures["district"] == {}
