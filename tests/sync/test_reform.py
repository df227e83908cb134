"""A decision about real units: what it would change is shown, then it is so from its day on."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from forms.decision import NEEDED, OF_NEW, Decided
from forms.library import load_library
from sync import clubs, places, publish, reform
from sync.blobs import Folder
from sync.database import Database
from sync.tables import counters, form_attachments
from tests.conftest import NOW

LIBRARY = load_library()
DAY = date(2027, 1, 1)
AFTER = datetime(2027, 1, 2, tzinfo=UTC)


def a_row(**cells: str) -> dict[str, str]:
    empty = dict.fromkeys((*NEEDED, *OF_NEW), "")
    return {**empty, "day": DAY.isoformat(), "level": "commune", **cells}


MERGED = [
    a_row(kind="whole", old_code="20263", new_code="20263", new_name="Sơn Trà Mới"),
    a_row(kind="whole", old_code="20275", new_code="20263"),
]
SPLIT = [
    a_row(kind="part", old_code="20242", new_code="20242"),
    a_row(kind="part", old_code="20242", new_code="20257"),
    a_row(kind="whole", old_code="20257", new_code="20257"),
]


@pytest.fixture
def city(database: Database) -> Database:
    """The real units, a club in An Hải and one in Hải Châu, an office of An Hải."""
    rows = [
        {"club_code": code, "name": name, "unit_code": unit, "founded_on": "2025-08-01"}
        for code, name, unit in (("A", "CLB An Hải", "20275"), ("H", "CLB Hải Châu", "20242"))
    ]
    with database.write() as db:
        places.load_units(db, LIBRARY.units, LIBRARY.successions)
        clubs.import_clubs(db, LIBRARY, rows, NOW, "operator")
    return database


def decide(database: Database, rows: list[dict[str, str]]) -> Decided:
    with database.read() as db:
        found = reform.read_decision(db, rows)
    assert found.problems == ()
    return found


def carry_out(database: Database, rows: list[dict[str, str]], folder: Path) -> None:
    decided = decide(database, rows)
    with database.write() as db:
        reform.carry_out(db, Folder(folder), LIBRARY, decided, NOW, "operator")


def commune(database: Database, code: str, day: date) -> str | None:
    with database.read() as db:
        unit = places.unit_of(db, places.club_uuid(code), day)
    return unit.name if unit else None


def test_a_merger_is_shown_with_the_clubs_that_move_and_nothing_is_written(city: Database) -> None:
    decided = decide(city, MERGED)
    with city.read() as db:
        shown = reform.preview(db, decided)
        assert places.find_unit(db, "20275", DAY) is not None
    names = [(c.old and c.old.name, c.new and c.new.name) for c in shown.units]
    assert names == [("Sơn Trà", "Sơn Trà Mới"), ("An Hải", "Sơn Trà Mới")]
    assert [(m.name, m.new and m.new.name) for m in shown.clubs] == [("CLB An Hải", "Sơn Trà Mới")]


def test_a_club_goes_with_its_place_from_the_day_on(city: Database, tmp_path: Path) -> None:
    carry_out(city, MERGED, tmp_path)
    assert commune(city, "A", date(2026, 12, 31)) == "An Hải"
    assert commune(city, "A", DAY) == "Sơn Trà Mới"


def test_a_club_of_a_split_ward_waits_until_a_person_places_it(
    city: Database, tmp_path: Path
) -> None:
    decided = decide(city, SPLIT)
    with city.read() as db:
        moves = reform.preview(db, decided).clubs
    assert [(move.name, move.new) for move in moves] == [("CLB Hải Châu", None)]
    carry_out(city, SPLIT, tmp_path)
    with city.read() as db:
        (waiting,) = clubs.worklist(db, LIBRARY, DAY)
    assert (waiting.code, waiting.name) == ("H", "CLB Hải Châu")
    assert [unit.code for unit in waiting.candidates] == ["20242", "20257"]
    with city.write() as db:
        side = waiting.candidates[1]
        clubs.place_club(db, LIBRARY, places.club_uuid("H"), side, DAY, AFTER, "operator")
        assert clubs.worklist(db, LIBRARY, DAY) == []
    assert commune(city, "H", DAY) == "Hòa Cường"


def test_a_restart_does_not_undo_what_was_decided(city: Database, tmp_path: Path) -> None:
    carry_out(city, MERGED, tmp_path)
    with city.write() as db:
        places.load_units(db, LIBRARY.units, LIBRARY.successions)
    assert commune(city, "A", DAY) == "Sơn Trà Mới"


def test_carrying_it_out_twice_is_carrying_it_out_once(city: Database, tmp_path: Path) -> None:
    carry_out(city, MERGED, tmp_path)
    with city.read() as db:
        before = places.as_rows(places.read_tree(db))
    carry_out(city, MERGED, tmp_path)
    with city.read() as db:
        assert places.as_rows(places.read_tree(db)) == before


def test_phones_see_the_clubs_new_unit_when_its_day_has_come(
    city: Database, tmp_path: Path
) -> None:
    carry_out(city, MERGED, tmp_path)
    with city.write() as db:
        assert clubs.follow_units(db, LIBRARY, NOW) == set()
        assert clubs.follow_units(db, LIBRARY, AFTER) == {places.club_uuid("A")}
        assert clubs.follow_units(db, LIBRARY, AFTER) == set()


def test_phones_are_offered_the_new_units_with_their_days(city: Database, tmp_path: Path) -> None:
    carry_out(city, MERGED, tmp_path)
    with city.read() as db:
        rows = list(csv.DictReader(io.StringIO(places.units_csv(db).decode())))
    ends = {row["name"]: row["valid_to"] for row in rows if row["code"] == "20263"}
    assert ends["20263@2025-07-01"] == "2027-01-01"
    assert ends["20263@2027-01-01"] == "9999-12-31"


def test_a_form_has_the_new_units_and_a_start_that_brings_none_moves_no_counter(
    city: Database, tmp_path: Path
) -> None:
    blobs = Folder(tmp_path)
    with city.write() as db:
        publish.publish_library(db, blobs, LIBRARY, NOW)

    def seen() -> tuple[int, set[str | None]]:
        c = form_attachments.c
        files = sa.select(c.sha256).where(c.filename == places.UNITS_CSV)
        number = sa.select(counters.c.value).where(counters.c.name == "forms")
        with city.read() as db:
            return db.execute(number).scalar_one(), set(db.scalars(files))

    before = seen()
    with city.write() as db:
        reform.renew_units(db, blobs)
    assert seen() == before
    carry_out(city, MERGED, tmp_path)
    assert seen()[0] > before[0]
    assert seen()[1].isdisjoint(before[1])
