"""Every word over entity lists, in small worlds whose figures were counted by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from forms.periods import ADMINISTRATIVE, get_period
from sync.counting.world import Needs, World
from sync.database import Database
from sync.rollup import roll_up_all
from tests.sync.gardens import PERIOD, START, D, Garden, a_garden, said
from tests.sync.rows import Rows

MARCH, APRIL, MAY = date(2018, 3, 1), date(2018, 4, 1), date(2018, 5, 1)
DAY = timedelta(days=1)


@pytest.fixture
def garden(database: Database) -> Iterator[Garden]:
    with database.write() as db:
        yield Garden(Rows(db))


# ------------------------------------------------------------------ on D


def test_any_asks_for_one_of_its_entries_and_every_word_of_one(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        N='count = "people"\nwhere = { lives = { is = "yes" } }\n'
        'any = [ { kind = { in = ["a", "b"], not = ["b"] } }, { alone = { is = "yes" }, '
        "age = { at_least = 60 } } ]",
    )
    garden.a_home("h1")
    garden.a_person("fits_the_first", "h1", kind="a")
    garden.a_person("in_but_not", "h1", kind="b")
    garden.a_person("fits_the_second", "h1", alone="yes", born_on="1958-06-30")
    garden.a_person("too_young_for_it", "h1", alone="yes", born_on="1958-07-01")
    garden.a_person("fits_neither", "h1")

    assert garden.count(library, "h1") == {"N": "2"}


def test_who_is_not_known_is_missing_only_where_nothing_known_says_no(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        ALL='count = "people"\nwhere = { lives = { is = "yes" } }',
        POOR_OLD='count = "people"\nover = "ALL"\n'
        'where = { lives = { is = "yes" }, poor = { is = "yes" }, age = { at_least = 60 } }',
    )
    garden.a_home("h1")
    garden.a_person("both", "h1", poor="yes", born_on="1950-01-01")
    garden.a_person("young_for_sure", "h1", poor="unknown", born_on="2000-01-01")
    garden.a_person("perhaps_poor", "h1", poor="unknown", born_on="1950-01-01")
    garden.a_person("perhaps_old", "h1", poor="yes")
    garden.a_person("nothing_known", "h1")

    assert garden.count(library, "h1")["POOR_OLD"] == "1/5 (3?)"


def test_older_than_is_the_rest_of_what_lies_within(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(
        tmp_path,
        MONTHS='count = "people"\nwhere = { poor = { older_than = 12 } }',
        DAYS='count = "people"\nwhere = { late = { is = "yes", older_than_days = 30 } }',
    )
    garden.a_home("h1")
    garden.a_person("p1", "h1")
    garden.a_person("p2", "h1")
    garden.says("p1", "poor", ("yes", date(2017, 6, 30)))
    garden.says("p2", "poor", ("yes", date(2017, 7, 1)))
    garden.says("p1", "late", ("yes", date(2018, 5, 31)))  # the 31st day on D
    garden.says("p2", "late", ("yes", date(2018, 6, 1)))  # the 30th

    assert garden.count(library, "h1") == {"MONTHS": "1", "DAYS": "1"}


def test_a_person_with_two_ills_stands_in_both_parts_of_the_cut(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(tmp_path, N='count = "people"\nby = ["ills", "age"]')
    garden.a_home("h1")
    garden.a_person("two", "h1", ills="eyes ears", born_on="1958-06-30")
    garden.a_person("one", "h1", ills="ears", born_on="1958-07-01")
    garden.a_person("none_told", "h1")

    assert garden.count(library, "h1") == {
        "N": "3",
        "N ills": {"eyes": "1", "ears": "2", "unknown": "1"},
        "N age": {"old": "1", "young": "1", "unknown": "1"},
    }


def test_a_sum_is_of_numbers_on_the_closing_day(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(tmp_path, OWED='sum = "debts.owed"\nwhere = { paid = { is = "no" } }')
    garden.a_home("h1")
    for debt, owed, paid in (("d1", "1500.5", "no"), ("d2", "200", "yes"), ("d3", "nhiều", "no")):
        for name, value in (("club", "h1"), ("owed", owed), ("paid", paid)):
            garden.rows.a_spell("debts", debt, name, value, MARCH)
    garden.rows.a_spell("debts", "d4", "club", "h1", MARCH)
    garden.rows.a_spell("debts", "d4", "paid", "no", MARCH)
    garden.rows.a_spell("debts", "d4", "owed", "900", MARCH, D)  # no more on D
    garden.rows.a_spell("debts", "d4", "owed", "-0.5", D)

    assert garden.count(library, "h1") == {"OWED": "1500"}


# ------------------------------------------------------------------ in P


def test_who_began_counts_each_time_and_who_ended_where_it_ended(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        IN='began = "people"\nwhere = { lives = { is = "yes" } }\nby = ["sex"]',
        OUT='ended = "people"\nwhere = { lives = { is = "yes" } }\nby = ["why_left"]',
        EARLY='began = "people"\nwhere = { lives = { is = "yes" } }\n'
        "between_days = [2017-01-01, 2018-03-01]",
    )
    garden.a_home("h1")
    rows = garden.rows
    for uuid in ("back", "first_day", "last_day", "before", "after"):
        rows.a_spell("people", uuid, "club", "h1", date(2017, 1, 1))
        rows.a_spell("people", uuid, "sex", "f", date(2017, 1, 1))
    garden.says("back", "lives", ("yes", START), ("no", MARCH), ("yes", MAY))
    garden.says("back", "why_left", ("travel", MARCH), ("unsaid", D))
    garden.says("first_day", "lives", ("yes", START))
    garden.says("last_day", "lives", ("yes", date(2017, 3, 1)), ("no", D))
    garden.says("last_day", "why_left", ("died", D))
    garden.says("before", "lives", ("yes", START - DAY))
    garden.says("after", "lives", ("yes", date(2017, 1, 1)), ("no", D + DAY))

    assert garden.count(library, "h1") == {
        "IN": "3",
        "IN sex": {"f": "3"},
        "OUT": "2",
        "OUT why_left": {"travel": "1", "died": "1"},
        "EARLY": "5",  # each began once by 1 March; who came back in May is too late
    }


def test_a_phase_that_has_not_begun_by_the_closing_day_counts_nobody(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        SOON='began = "homes"\nwhere = { open = { is = "yes" } }\n'
        "between_days = [2019-01-01, 2020-12-31]",
        FOUNDED='began = "homes"\nwhere = { open = { is = "yes" } }\n'
        "between_days = [2017-01-01, 2018-12-31]",
    )
    garden.a_home("h1")

    assert garden.count(library, "h1") == {"SOON": "0", "FOUNDED": "1"}


def test_who_turned_counts_once_in_the_home_of_the_last_turn(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        BETTER='turned = "people"\nfrom = { poor = { in = ["very", "yes"] } }\n'
        'to = { poor = { in = ["no"] } }\nwhere = { lives = { is = "yes" } }',
    )
    garden.a_home("h1")
    garden.a_home("h2")
    for uuid in ("once", "twice", "worse", "before", "not_home"):
        garden.a_person(uuid, "h1", lives="no" if uuid == "not_home" else "yes")
    garden.says("once", "poor", ("yes", date(2017, 3, 1)), ("no", START))
    garden.says("worse", "poor", ("no", date(2017, 3, 1)), ("yes", MARCH))
    garden.says("before", "poor", ("yes", date(2017, 3, 1)), ("no", START - DAY))
    garden.says("not_home", "poor", ("yes", date(2017, 3, 1)), ("no", MARCH))
    turns = [("very", date(2017, 3, 1)), ("no", MARCH), ("yes", APRIL), ("no", MAY)]
    garden.says("twice", "poor", *turns)

    assert garden.count(library, "h1") == {"BETTER": "2"}


def test_days_are_added_up_in_the_home_of_those_days(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(
        tmp_path, DAYS='days = "people"\nwhere = { lives = { is = "yes" }, ill = { is = "yes" } }'
    )
    garden.a_home("h1")
    garden.a_home("h2")
    rows = garden.rows
    rows.a_spell("people", "p", "lives", "yes", date(2017, 1, 1))
    garden.says("p", "club", ("h1", date(2017, 1, 1)), ("h2", date(2018, 2, 1)))
    garden.says("p", "ill", ("yes", date(2017, 12, 1)), ("no", date(2018, 2, 11)))
    garden.says("p", "ill", ("yes", date(2018, 6, 29)))

    assert garden.count(library, "h1", "h2") == {"DAYS": "31"}  # January
    assert garden.count(library, "h2", "h1") == {"DAYS": "12"}  # 1 to 10 February, 29 and 30 June


def test_some_day_asks_for_all_on_one_and_the_same_day(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(
        tmp_path,
        N='count = "people"\nsome_day = true\n'
        'where = { lives = { is = "yes" }, ill = { is = "yes" } }',
    )
    garden.a_home("h1")
    for uuid in ("overlap", "apart", "before_p", "one_day"):
        garden.rows.a_spell("people", uuid, "club", "h1", date(2017, 1, 1))
    garden.says("overlap", "lives", ("yes", date(2017, 1, 1)), ("no", MARCH))
    garden.says("overlap", "ill", ("yes", MARCH - DAY))
    garden.says("apart", "lives", ("yes", date(2017, 1, 1)), ("no", MARCH))
    garden.says("apart", "ill", ("yes", MARCH))
    garden.says("before_p", "lives", ("yes", date(2017, 1, 1)))
    garden.says("before_p", "ill", ("yes", date(2017, 1, 1)), ("no", START))
    garden.says("one_day", "lives", ("yes", D))
    garden.says("one_day", "ill", ("yes", date(2017, 1, 1)))

    assert garden.count(library, "h1") == {"N": "2"}


def test_sums_of_what_began_take_each_spell_by_its_first_day(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(tmp_path, DUE='sum_began = "debts.due"\nwhere = { kind = { is = "club" } }')
    garden.a_home("h1")
    rows = garden.rows
    rows.a_spell("debts", "d", "club", "h1", date(2017, 1, 1))
    rows.a_spell("debts", "d", "kind", "club", date(2017, 1, 1))
    days = [START - DAY, START, MARCH, D, D + DAY]
    for amount, day, end in zip(("1", "10", "100", "1000", "9"), days, [*days[1:], None]):  # noqa: B905 - as many
        rows.a_spell("debts", "d", "due", amount, day, end)
    rows.a_spell("debts", "other", "club", "h1", date(2017, 1, 1))
    rows.a_spell("debts", "other", "due", "5", MARCH)

    assert garden.count(library, "h1") == {"DUE": "1110"}


# ------------------------------------------------------------------ moves


MOVING = {
    "N": 'count = "people"\nwhere = { lives = { is = "yes" } }',
    "BEGAN": 'began = "people"\nwhere = { lives = { is = "yes" } }',
    "ENDED": 'ended = "people"\nwhere = { lives = { is = "yes" } }',
    "MOVED_IN": 'moved_in = "people"\nwhere = { lives = { is = "yes" } }',
    "MOVED_OUT": 'moved_out = "people"\nwhere = { lives = { is = "yes" } }',
}


def a_village(garden: Garden) -> dict[str, int]:
    rows = garden.rows
    city = rows.a_unit("1", "Phố", "city")
    units = {"city": city}
    for name in ("north", "south"):
        district = rows.a_unit(f"1{name}", name, "district", city)
        units[name] = rows.a_unit(f"2{name}", name, "commune", district)
    for home, unit in (("h1", "north"), ("h2", "north"), ("h3", "south")):
        garden.a_home(home, units[unit])
    for home in ("h1", "h2", "h3", garden.a_home("nowhere")):
        rows.a_record("party", date(2017, 8, 1), home)
    return units


def test_a_move_within_a_place_is_none(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(tmp_path, **MOVING)
    units = a_village(garden)
    garden.rows.a_spell("people", "p", "lives", "yes", date(2017, 1, 1))
    garden.says("p", "club", ("h1", date(2017, 1, 1)), ("h2", MARCH), ("h3", MAY))

    figures = roll_up_all(garden.rows.db, library, PERIOD)

    def moves(level: str, place: object) -> tuple[str, str]:
        here = said(library, figures[level], str(place))
        return here["MOVED_IN"], here["MOVED_OUT"]

    assert [moves("club", home) for home in ("h1", "h2", "h3")] == [
        ("0", "1"),
        ("1", "1"),
        ("1", "0"),
    ]
    assert moves("commune", units["north"]) == ("0", "1")
    assert moves("commune", units["south"]) == ("1", "0")
    assert moves("city", units["city"]) == ("0", "0")


@pytest.mark.parametrize("seed", range(3))
def test_who_is_there_is_who_was_there_with_who_came_less_who_went(
    garden: Garden, tmp_path: Path, seed: int
) -> None:
    library = a_garden(tmp_path, **MOVING)
    a_village(garden)
    dice = random.Random(seed)
    days = [START + DAY * n for n in (-200, -1, 0, 1, 40, 41, 100, 180, 181)]
    for n in range(40):
        turns = sorted(dice.sample(days, 3))
        homes = [dice.choice(["h1", "h2", "h3", "nowhere"]) for _ in turns]
        garden.says(f"p{n}", "club", *zip(homes, turns, strict=True))
        some = sorted(dice.sample(days, dice.randint(1, 4)))
        values = [dice.choice(["yes", "no"]) for _ in some]
        end = dice.choice([None, None, some[-1] + DAY])
        garden.says(f"p{n}", "lives", *zip(values, some, strict=True), until=end)

    before = roll_up_all(garden.rows.db, library, get_period("2017H2"))
    after = roll_up_all(garden.rows.db, library, PERIOD)

    checked = 0
    for level, figures in after.items():
        for place in {key[0] for key in figures}:
            now = {name: int(n) for name, n in said(library, figures, place).items()}
            earlier = int(said(library, before[level], place)["N"])
            came, went = now["BEGAN"] + now["MOVED_IN"], now["ENDED"] + now["MOVED_OUT"]
            checked += came + went
            assert now["N"] == earlier + came - went, (level, place)
    assert checked > 40


# ------------------------------------------------------------------ with


def test_with_looks_at_records_of_the_days_it_names(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(
        tmp_path,
        **{
            name: f'count = "people"\nwith = {{ form = "call"{more} }}'
            for name, more in {
                "P": "",
                "DAYS": ", within_days = 30",
                "MONTHS": ", within = 12",
                "EVER": ', within = "ever"',
            }.items()
        },
        NONE='count = "people"\nwithout = { form = "call", within_days = 30 }',
        KIND='count = "people"\nwith = { form = "call", where = { kind = { is = "long" } } }',
        ONE_OF='count = "people"\nwith = [ { form = "call", where = { kind = { is = "long" } } },'
        ' { form = "call", within_days = 1 } ]',
    )
    garden.a_home("h1")
    garden.a_home("h2")
    for number, day in enumerate(
        (D, D - DAY * 29, D - DAY * 30, START, START - DAY, date(2017, 7, 1), date(2017, 6, 30))
    ):
        garden.a_person(f"p{number}", "h1", date(2015, 1, 1))
        kind = "long" if day == START else "short"
        garden.rows.a_record("call", day, "h2", f"p{number}", {"kind": kind})  # from another home
    garden.rows.a_record("call", D + DAY, "h1", "p6")
    garden.rows.a_record("call", D, "h1", "p5", held_back=True)

    found = garden.count(library, "h1")

    assert found == {
        "P": "4",
        "DAYS": "2",
        "MONTHS": "6",
        "EVER": "7",
        "NONE": "5",
        "KIND": "1",
        "ONE_OF": "2",
    }


def test_who_is_named_counts_in_records_of_the_own_home_or_anywhere(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        OWN='count = "people"\nwith = { form = "party", named_in = "guests" }',
        ANYWHERE='count = "people"\n'
        'with = { form = "party", named_in = "guests", anywhere = true }',
    )
    garden.a_home("h1")
    garden.a_home("h2")
    for uuid in ("p1", "p10", "p2", "p3"):
        garden.a_person(uuid, "h1")
    garden.a_person("other", "h2")
    garden.rows.a_record("party", MARCH, "h1", None, {"guests": 'uuid:P10 p2 "x\\ \n,'})
    garden.rows.a_record("party", MARCH, "h2", None, {"guests": "p3 p2 other"})

    assert garden.count(library, "h1", "h2") == {"OWN": "2", "ANYWHERE": "3"}
    assert garden.count(library, "h1") == {"OWN": "2", "ANYWHERE": "3"}


def test_of_other_homes_only_what_names_somebody_here_is_read_or_has_a_twin_that_does(
    garden: Garden, tmp_path: Path
) -> None:
    asked = 'with = { form = "party", named_in = "guests", anywhere = true }'
    library = a_garden(tmp_path, N=f'count = "people"\n{asked}')
    for home, people in {"h1": ("p1", "p2"), "h2": ("other",)}.items():
        garden.a_home(home)
        for uuid in people:
            garden.a_person(uuid, home)
    party = partial(garden.rows.a_record, "party", MARCH, "h2", None)
    party({"guests": "other"})
    whole = party({"guests": "other"}, united={"guests": "other p1"})
    party({"guests": "p1"}, counted_with=whole)
    under_another_id = party({"guests": "p1b"})

    needs = Needs.of(library, PERIOD, library.figures.indicators.values(), {"p1b": "p1"})
    world = World(garden.rows.db, needs, ["h1"])

    assert [event.id for event in world.naming_here("party", "people")] == [whole, under_another_id]
    assert garden.count(library, "h1") == {"N": "1"}


def test_who_is_named_in_a_row_counts_by_the_row_and_its_record(
    garden: Garden, tmp_path: Path
) -> None:
    library = a_garden(
        tmp_path,
        HELPED='count = "people"\nwith = { form = "party", rows = "gifts", named_in = "whom", '
        'where = { what = { is = "food" }, kind = { is = "big" } } }',
        GIVING='count = "people"\nwith = { form = "call", rows = "gifts", '
        'where = { what = { is = "food" } } }',
    )
    garden.a_home("h1")
    for uuid in ("p1", "p2", "p3"):
        garden.a_person(uuid, "h1")

    big = garden.rows.a_record("party", MARCH, "h1", None, {"kind": "big"})
    small = garden.rows.a_record("party", MARCH, "h1", None, {"kind": "small"})
    call = garden.rows.a_record("call", MARCH, "h1", "p3", {"what": "food"})
    garden.rows.a_row(big, "gifts", 1, {"whom": "p1", "what": "food"})
    garden.rows.a_row(big, "gifts", 2, {"whom": "p2", "what": "words"})
    garden.rows.a_row(small, "gifts", 1, {"whom": "p2", "what": "food"})
    garden.rows.a_row(call, "gifts", 1, {"what": "words"})

    assert garden.count(library, "h1") == {"HELPED": "1", "GIVING": "0"}
    garden.rows.a_row(call, "gifts", 2, {"what": "food"})
    assert garden.count(library, "h1") == {"HELPED": "1", "GIVING": "1"}


def test_with_may_ask_for_entities_of_another_list_that_name_this_one(
    garden: Garden, tmp_path: Path
) -> None:
    asked = 'list = "debts", named_in = "who", where = { open = { is = "yes" } }'
    library = a_garden(
        tmp_path,
        OWING=f'count = "people"\nwhere = {{ lives = {{ is = "yes" }} }}\nwith = {{ {asked} }}',
        ANYWHERE=f'count = "people"\nwith = {{ {asked}, anywhere = true }}',
        FREE=f'count = "people"\nwithout = {{ {asked}, anywhere = true }}',
        HOMES='count = "homes"\nwith = { list = "debts", where = { open = { is = "yes" } } }',
    )
    garden.a_home("h1")
    garden.a_home("h2")
    for uuid in ("owes", "paid", "owes_elsewhere", "never"):
        garden.a_person(uuid, "h1")
    rows = garden.rows
    for who, home, end in (("owes", "h1", None), ("paid", "h1", D), ("owes_elsewhere", "h2", None)):
        for name, value in (("club", home), ("who", who)):
            rows.a_spell("debts", f"debt of {who}", name, value, MARCH)
        rows.a_spell("debts", f"debt of {who}", "open", "yes", MARCH, end)

    assert garden.count(library, "h1") == {
        "OWING": "1",
        "ANYWHERE": "2",
        "FREE": "2",
        "HOMES": "1",
    }


def test_a_home_has_what_names_the_period_and_came_in_time(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(
        tmp_path,
        N='count = "homes"\nwith = { form = "letter", period_in = "about", until_days = 5 }',
        GUEST='count = "homes"\nwith = { form = "party", named_in = "homes", anywhere = true }',
    )
    letters = {
        "early": (D - DAY, "2018H1"),
        "just": (D + DAY * 5, "2018H1"),
        "late": (D + DAY * 6, "2018H1"),
        "other": (D, "2017H2"),
    }
    for home, (day, about) in letters.items():
        garden.a_home(home)
        garden.rows.a_record("letter", day, home, None, {"about": about})
    garden.rows.a_record("party", MARCH, "early", None, {"homes": "just late"})

    found = {home: garden.count(library, home) for home in letters}

    assert {home: one["N"] for home, one in found.items()} == {
        "early": "1",
        "just": "1",
        "late": "0",
        "other": "0",
    }
    assert [found[home]["GUEST"] for home in letters] == ["0", "1", "1", "0"]


# ------------------------------------------------------------------ other calendars


def test_every_word_counts_in_an_administrative_period(garden: Garden, tmp_path: Path) -> None:
    library = a_garden(
        tmp_path,
        **MOVING,
        DAYS='days = "people"\nwhere = { lives = { is = "yes" } }',
        CALLED='count = "people"\nwith = { form = "call" }',
    )
    garden.a_home("h1")
    for uuid, since in (("on_the_15th", date(2017, 12, 15)), ("on_the_14th", date(2017, 12, 14))):
        garden.a_person(uuid, "h1", since)
    garden.rows.a_record("call", date(2018, 6, 14), "h1", "on_the_14th")
    garden.rows.a_record("call", date(2018, 6, 15), "h1", "on_the_15th")

    period = get_period("2018H1", ADMINISTRATIVE)
    found: Any = garden.count(library, "h1", period=period)

    assert (found["N"], found["BEGAN"], found["CALLED"]) == ("2", "1", "1")
    assert found["DAYS"] == str(2 * 182)
