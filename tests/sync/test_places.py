"""Where a club is on a day, through two reforms; real units of the library on real databases."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import places
from sync.database import Database
from sync.tables import club_places, unit_successions, units

FOLDER = Path(__file__).parents[2] / "forms" / "library" / "places"

SCHEME = date(2018, 6, 30)
END_2024 = date(2024, 12, 31)
H1 = date(2025, 6, 30)
H2 = date(2025, 12, 31)
REFORM = date(2025, 7, 1)


def load(db: Connection) -> None:
    with (
        (FOLDER / "units.csv").open(encoding="utf-8", newline="") as unit_file,
        (FOLDER / "successions.csv").open(encoding="utf-8", newline="") as succession_file,
    ):
        places.load_units(db, csv.DictReader(unit_file), csv.DictReader(succession_file))


def put(db: Connection, club: str, code: str, day: date) -> None:
    unit = places.find_unit(db, code, day)
    assert unit is not None
    db.execute(club_places.insert(), {"club_id": club, "unit_id": unit.id, "valid_from": day})


def where(db: Connection, club: str, day: date) -> tuple[str | None, str | None, str | None]:
    path = places.clubs_by_unit(db, day)[club]
    commune, district, city = (
        unit.name if unit is not None else None for unit in (path.commune, path.district, path.city)
    )
    return commune, district, city


@pytest.fixture
def placed(database: Database) -> Database:
    """Clubs of a merged ward, of both split units, of a ward that kept its code, of the hills."""
    with database.write() as db:
        load(db)
        put(db, "merged", "20212", date(2017, 10, 1))  # Tân Chính
        put(db, "hoa_minh", "20200", date(2017, 11, 1))
        put(db, "hoa_lien", "20296", date(2018, 3, 1))
        put(db, "hoa_xuan", "20314", date(2018, 5, 1))
        put(db, "hills", "20695", date(2025, 1, 1))  # TT. Thạnh Mỹ, Quảng Nam
    return database


def test_loading_the_units_twice_changes_nothing(database: Database) -> None:
    with database.write() as db:
        load(db)
        before = (
            db.execute(sa.select(units).order_by("id")).all(),
            db.execute(sa.select(unit_successions).order_by("id")).all(),
        )
    with database.write() as db:
        load(db)
        after = (
            db.execute(sa.select(units).order_by("id")).all(),
            db.execute(sa.select(unit_successions).order_by("id")).all(),
        )
    assert before == after
    assert len(before[0]) == 428


def test_a_later_library_ends_a_unit_without_giving_it_another_id(database: Database) -> None:
    city = dict.fromkeys(("parent_key", "valid_to"), "") | {
        "key": "48@2006-01-01",
        "level": "city",
        "kind": "city",
        "code": "48",
        "name": "Đà Nẵng",
        "valid_from": "2006-01-01",
        "counts_in_coverage": "no",
    }
    with database.write() as db:
        places.load_units(db, [city], [])
        first = places.find_unit(db, "48", SCHEME)
        places.load_units(db, [city | {"valid_to": "2025-07-01"}], [])
        second = places.find_unit(db, "48", SCHEME)
        assert places.find_unit(db, "48", REFORM) is None
    assert first is not None
    assert second is not None
    assert first.id == second.id


@pytest.mark.parametrize(
    ("day", "communes", "districts", "counted"),
    [(END_2024, 56, 8, 56), (H1, 47, 8, 47), (H2, 94, 0, 93)],
)
def test_units_of_the_city_on_a_day(
    database: Database, day: date, communes: int, districts: int, counted: int
) -> None:
    with database.write() as db:
        load(db)
        tree = places.read_tree(db)

    def of_the_city(level: places.Level) -> list[places.Unit]:
        above = {unit: tree.ancestor(unit, "city") for unit in tree.on(day, level)}
        return [unit for unit, city in above.items() if city is not None and city.code == "48"]

    assert len(of_the_city("commune")) == communes
    assert len(of_the_city("district")) == districts
    assert sum(unit.counts_in_coverage for unit in tree.on(day, "commune")) == counted


def test_a_code_asks_for_its_day(database: Database) -> None:
    with database.write() as db:
        load(db)
        found = [places.find_unit(db, "20242", day) for day in (END_2024, H1, REFORM)]
        names = [unit.full_name for unit in found if unit is not None]
        assert names == ["Phường Phước Ninh", "Phường Phước Ninh", "Phường Hải Châu"]
        assert places.find_unit(db, "20236", REFORM) is None
        assert places.find_unit(db, "492", H1) is not None
        assert places.find_unit(db, "492", REFORM) is None


def test_a_merged_ward_takes_its_club_along(placed: Database) -> None:
    with placed.read() as db:
        assert where(db, "merged", END_2024) == ("Tân Chính", "Thanh Khê", "Đà Nẵng")
        assert where(db, "merged", H1) == ("Chính Gián", "Thanh Khê", "Đà Nẵng")
        assert where(db, "merged", H2) == ("Thanh Khê", None, "Đà Nẵng")
        unit = places.unit_of(db, "merged", H2)
        assert unit is not None
        assert (unit.code, unit.kind) == ("20209", "ward")


def test_the_last_day_of_june_still_has_districts_and_the_next_day_none(placed: Database) -> None:
    with placed.read() as db:
        assert where(db, "hoa_xuan", H1) == ("Hòa Xuân", "Cẩm Lệ", "Đà Nẵng")
        assert where(db, "hoa_xuan", REFORM) == ("Hòa Xuân", None, "Đà Nẵng")
        before, after = (places.unit_of(db, "hoa_xuan", day) for day in (H1, REFORM))
    assert before is not None
    assert after is not None
    assert before.code == after.code == "20314"
    assert before.id != after.id  # three times the land


def test_a_club_of_hoa_lien_is_counted_in_june_and_waits_from_july(placed: Database) -> None:
    with placed.read() as db:
        assert where(db, "hoa_lien", H1) == ("Hòa Liên", "Hòa Vang", "Đà Nẵng")
        assert where(db, "hoa_lien", H2) == (None, None, "Đà Nẵng")
        assert places.unit_of(db, "hoa_lien", H2) is None
        path = places.clubs_by_unit(db, H2)["hoa_lien"]
        assert path.undecided
        assert path.last_known.full_name == "Xã Hòa Liên"
        assert "hoa_lien" not in [one.club_id for one in places.unplaced_clubs(db, H1)]
        waiting = {one.club_id: one for one in places.unplaced_clubs(db, REFORM)}
    assert [unit.name for unit in waiting["hoa_lien"].candidates] == ["Hải Vân", "Liên Chiểu"]


def test_a_decision_ends_the_wait_from_its_day(placed: Database) -> None:
    with placed.write() as db:
        put(db, "hoa_lien", "20197", REFORM)
    with placed.read() as db:
        assert where(db, "hoa_lien", H1) == ("Hòa Liên", "Hòa Vang", "Đà Nẵng")
        assert where(db, "hoa_lien", H2) == ("Liên Chiểu", None, "Đà Nẵng")
        assert [one.club_id for one in places.unplaced_clubs(db, H2)] == ["hoa_minh"]


def test_a_club_of_hoa_minh_may_be_in_either_district(placed: Database) -> None:
    with placed.read() as db:
        assert where(db, "hoa_minh", END_2024) == ("Hòa Minh", "Liên Chiểu", "Đà Nẵng")
        assert where(db, "hoa_minh", date(2025, 1, 1)) == (None, None, "Đà Nẵng")
        (waiting,) = places.unplaced_clubs(db, H1)
        assert waiting.last_known.name == "Hòa Minh"
        assert [unit.name for unit in waiting.candidates] == ["Hòa Minh", "Thanh Khê Tây"]
        (_, later) = places.unplaced_clubs(db, H2)
    assert later.last_known.name == "Hòa Minh"
    assert [unit.name for unit in later.candidates] == ["Hòa Khánh", "Thanh Khê"]


def test_hoa_minh_decided_in_january_is_followed_in_july(placed: Database) -> None:
    with placed.write() as db:
        put(db, "hoa_minh", "20206", date(2025, 1, 1))
    with placed.read() as db:
        assert where(db, "hoa_minh", H1) == ("Thanh Khê Tây", "Thanh Khê", "Đà Nẵng")
        assert where(db, "hoa_minh", H2) == ("Thanh Khê", None, "Đà Nẵng")


def test_the_administrative_half_year_that_spans_the_reform_groups_by_its_last_day(
    placed: Database,
) -> None:
    with placed.read() as db:
        assert where(db, "merged", date(2025, 6, 14))[0] == "Chính Gián"
        assert where(db, "merged", date(2025, 12, 14))[0] == "Thanh Khê"


def test_a_club_of_quang_nam_joins_the_city_in_july(placed: Database) -> None:
    with placed.read() as db:
        assert where(db, "hills", H1) == ("Thạnh Mỹ", "Nam Giang", "Quảng Nam")
        assert where(db, "hills", H2) == ("Thạnh Mỹ", None, "Đà Nẵng")
        kinds = [unit.full_name for d in (H1, H2) if (unit := places.unit_of(db, "hills", d))]
    assert kinds == ["Thị trấn Thạnh Mỹ", "Xã Thạnh Mỹ"]


def test_before_its_first_day_a_club_is_nowhere(placed: Database) -> None:
    with placed.read() as db:
        assert places.unit_of(db, "merged", date(2017, 9, 30)) is None
        assert "merged" not in places.clubs_by_unit(db, date(2017, 9, 30))
        assert places.unit_of(db, "nobody", H2) is None
        assert places.unit_of(db, "merged", date(2017, 10, 1)) is not None


def test_every_unit_of_2018_is_found_again_today_but_for_the_two_splits(database: Database) -> None:
    with database.write() as db:
        load(db)
        tree = places.read_tree(db)
    lost = {
        unit.name
        for unit in tree.on(SCHEME, "commune")
        if tree.path(unit, date(2026, 11, 23)).undecided
    }
    assert lost == {"Hòa Minh", "Hòa Liên"}


def test_every_unit_of_june_2025_leads_to_the_city_of_today(database: Database) -> None:
    with database.write() as db:
        load(db)
        tree = places.read_tree(db)
    for unit in tree.on(H1, "commune"):
        city = tree.path(unit, H2).city
        assert city is not None
        assert (city.code, city.is_on(H2)) == ("48", True)


def test_parts_that_meet_again_end_the_wait() -> None:
    """If both sides of a split are later merged into one, nobody has to decide any more."""
    whole, left, right, one = (
        places.Unit(n, "commune", "ward", str(n), f"P{n}", None, begin, end, True)
        for n, begin, end in (
            (1, date(2006, 1, 1), date(2025, 1, 1)),
            (2, date(2025, 1, 1), REFORM),
            (3, date(2025, 1, 1), REFORM),
            (4, REFORM, None),
        )
    )
    tree = places.Tree(
        [whole, left, right, one],
        {
            1: tuple(places.Succession(n, date(2025, 1, 1), "part") for n in (2, 3)),
            2: (places.Succession(4, REFORM, "whole"),),
            3: (places.Succession(4, REFORM, "whole"),),
        },
    )
    assert tree.path(whole, H1).undecided
    assert tree.path(whole, H2).commune == one
