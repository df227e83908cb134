"""A file of clubs: taken whole or not at all, loaded again without harm, checked by the day."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.library import Library, load_library
from forms.problems import Refused
from sync import clubs, places
from sync.aggregate import measure
from sync.database import Database, lock_derived
from sync.tables import (
    audit_events,
    club_places,
    entities,
    entity_lists,
    entity_versions,
    spells,
    stale_cells,
)
from sync.verify import Difference, verify

NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
HOA_LIEN = {
    "club_code": "HL1",
    "name": "CLB Hòa Liên 1",
    "unit_code": "20296",
    "founded_on": "2018-03-15",
}
PHUOC_NINH = {
    "club_code": "PN1",
    "name": "CLB Phước Ninh",
    "unit_code": "20242",
    "founded_on": "20/5/2018",
}


@pytest.fixture
def library() -> Library:
    return load_library()


@pytest.fixture
def city(database: Database, library: Library) -> Database:
    with database.write() as db:
        places.load_units(db, library.units, library.successions)
    return database


def take(
    database: Database, library: Library, *rows: dict[str, str], now: datetime = NOW
) -> clubs.Imported:
    with database.write() as db:
        return clubs.import_clubs(db, library, rows, now, "operator")


def refusal(
    database: Database, library: Library, *rows: dict[str, str]
) -> list[tuple[str, int | None]]:
    """code and row of each problem"""
    with pytest.raises(clubs.FileRefused) as caught:
        take(database, library, *rows)
    for problem in caught.value.problems:
        assert problem.vi
        assert problem.en
    return [
        (problem.code, problem.where.row if problem.where else None)
        for problem in caught.value.problems
    ]


def test_a_file_waits_for_what_is_being_stored(city: Database, library: Library) -> None:
    other = threading.Thread(target=take, args=(city, library, PHUOC_NINH))
    with city.write() as db:
        lock_derived(db)  # as a worker in the middle of a batch
        other.start()
        other.join(0.3)
        assert other.is_alive()
    other.join()


def entity(db: Connection, code: str) -> sa.Row[tuple[object, ...]]:
    return db.execute(sa.select(entities).where(entities.c.uuid == places.club_uuid(code))).one()


def test_a_new_club_is_an_entity_with_its_place_its_founding_and_its_own_scope(
    city: Database, library: Library
) -> None:
    imported = take(city, library, PHUOC_NINH)
    assert (imported.created, imported.updated, imported.unchanged) == (1, 0, 0)
    uuid = imported.uuids["PN1"]
    with city.read() as db:
        row = entity(db, "PN1")
        assert (row.uuid, row.club_id, row.imported, row.version) == (uuid, uuid, True, 1)
        assert row.label == "CLB Phước Ninh · Phường Hải Châu"  # where it is today
        assert row.data == {
            "club_code": "PN1",
            "unit_code": "20242",
            "unit_name": "Phường Hải Châu",
            "status": "active",
            "founded_on": "2018-05-20",
        }
        then = places.unit_of(db, uuid, date(2018, 5, 20))
        assert then is not None
        assert then.name == "Phước Ninh"
        assert places.find_club(db, " PN1 ") == uuid
        assert places.find_club(db, "PN2") is None
        told = db.execute(sa.select(spells).where(spells.c.uuid == uuid)).all()
    assert {(s.name, s.value, s.valid_from, s.valid_to) for s in told} == {
        ("founded", "yes", date(2018, 5, 20), None),
        ("status", "active", date(2018, 5, 20), None),
    }


def test_its_figures_are_to_be_measured_and_the_deed_is_on_record(
    city: Database, library: Library
) -> None:
    take(city, library, PHUOC_NINH)
    with city.read() as db:
        stale = set(db.scalars(sa.select(stale_cells.c.period)))
        (event,) = db.execute(sa.select(audit_events)).all()
    assert {"2018H1", "2025H1", "2025H2"} <= stale
    assert (event.actor, event.action) == ("operator", "club.import")
    assert event.details == {"created": 1, "updated": 0}


def test_the_same_file_again_changes_nothing(city: Database, library: Library) -> None:
    take(city, library, PHUOC_NINH, HOA_LIEN)
    with city.read() as db:
        seq = db.scalar(sa.select(entity_lists.c.change_seq))
    again = take(city, library, PHUOC_NINH, HOA_LIEN)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
    with city.read() as db:
        assert db.scalar(sa.select(entity_lists.c.change_seq)) == seq
        assert db.scalar(sa.select(sa.func.count()).select_from(entity_versions)) == 2
        assert db.scalar(sa.select(sa.func.count()).select_from(club_places)) == 2


def test_a_corrected_name_is_a_new_version_of_the_same_club(
    city: Database, library: Library
) -> None:
    first = take(city, library, PHUOC_NINH)
    second = take(city, library, PHUOC_NINH | {"name": "CLB Phước Ninh A"})
    assert (second.created, second.updated) == (0, 1)
    assert first.uuids == second.uuids
    with city.read() as db:
        row = entity(db, "PN1")
    assert (row.version, row.label) == (2, "CLB Phước Ninh A · Phường Hải Châu")


def test_a_status_that_the_file_does_not_name_is_left_alone(
    city: Database, library: Library
) -> None:
    take(city, library, PHUOC_NINH | {"status": "dissolved"})
    take(city, library, PHUOC_NINH)
    with city.read() as db:
        assert entity(db, "PN1").data["status"] == "dissolved"


def test_todays_code_for_a_club_of_2018_is_told_apart_by_its_name(
    city: Database, library: Library
) -> None:
    """20242 is Hải Châu today and was Phước Ninh in 2018: the classic wrong file."""
    row = PHUOC_NINH | {"unit_name": "Phường Hải Châu"}
    assert refusal(city, library, row) == [("club_unit_name", 2)]
    imported = take(city, library, row | {"unit_on": "2025-07-01"})
    uuid = imported.uuids["PN1"]
    with city.read() as db:
        assert places.unit_of(db, uuid, date(2025, 6, 30)) is None  # nobody said where it was
        assert places.unit_of(db, uuid, date(2025, 7, 1)) is not None


@pytest.mark.parametrize("spelling", ["Hoà Liên", "Hòa Liên", "Xã Hoà  Liên", "xã hòa liên"])
def test_both_places_of_a_tone_mark_name_the_same_commune(
    city: Database, library: Library, spelling: str
) -> None:
    assert take(city, library, HOA_LIEN | {"unit_name": spelling}).created == 1


def test_a_club_that_moved_has_a_row_per_place(city: Database, library: Library) -> None:
    moved = PHUOC_NINH | {"unit_code": "20227", "unit_on": "2020-01-01"}
    imported = take(city, library, PHUOC_NINH, moved)
    assert imported.created == 1
    with city.read() as db:
        names = [
            unit.name
            for day in (date(2019, 12, 31), date(2020, 1, 1))
            if (unit := places.unit_of(db, imported.uuids["PN1"], day))
        ]
    assert names == ["Phước Ninh", "Thanh Bình"]


def test_every_mistake_is_told_with_its_row_and_nothing_is_taken(
    city: Database, library: Library
) -> None:
    found = refusal(
        city,
        library,
        PHUOC_NINH,
        HOA_LIEN | {"unit_code": "20999"},
        HOA_LIEN | {"unit_code": "492"},  # a district
        HOA_LIEN | {"founded_on": "31/02/2018"},
        HOA_LIEN | {"unit_on": "2018"},
        {"club_code": "X"},
        PHUOC_NINH | {"name": "CLB khác"},
        PHUOC_NINH | {"unit_code": "20227"},
        HOA_LIEN | {"chairman": "?"},
    )
    assert found == [
        ("club_column_unknown", None),
        ("club_place_refused", 3),
        ("club_place_refused", 4),
        ("club_day", 5),
        ("club_day", 6),
        ("club_column_missing", 7),
        ("club_column_missing", 7),
        ("club_column_missing", 7),
        ("club_rows_apart", 8),
        ("club_rows_apart", 9),
    ]
    with city.read() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(entities)) == 0
        assert db.scalar(sa.select(sa.func.count()).select_from(club_places)) == 0


def test_a_commune_of_quang_nam_is_known_from_2025_on(city: Database, library: Library) -> None:
    hills = {
        "club_code": "TM1",
        "name": "CLB Thạnh Mỹ",
        "unit_code": "20695",
        "founded_on": "2019-01-01",
    }
    assert refusal(city, library, hills) == [("club_place_refused", 2)]
    assert take(city, library, hills | {"unit_on": "2025-01-01"}).created == 1


def test_a_club_of_a_split_commune_keeps_its_last_known_name_until_a_person_decides(
    city: Database, library: Library
) -> None:
    uuid = take(city, library, HOA_LIEN).uuids["HL1"]
    with city.write() as db:
        assert entity(db, "HL1").label == "CLB Hòa Liên 1 · Xã Hòa Liên"
        assert [one.club_id for one in places.unplaced_clubs(db, date(2025, 7, 1))] == [uuid]
        ward = places.find_unit(db, "20194", date(2025, 7, 1))
        assert ward is not None
        clubs.place_club(db, library, uuid, ward, date(2025, 7, 1), NOW, "user:1")
    with city.read() as db:
        row = entity(db, "HL1")
        assert row.label == "CLB Hòa Liên 1 · Phường Hải Vân"
        assert (row.data["unit_code"], row.data["founded_on"]) == ("20194", "2018-03-15")
        assert places.unplaced_clubs(db, date(2025, 12, 31)) == []
    take(city, library, HOA_LIEN)  # the old file again does not undo the decision
    with city.read() as db:
        assert entity(db, "HL1").label == "CLB Hòa Liên 1 · Phường Hải Vân"


def test_a_club_is_not_placed_where_no_commune_was(city: Database, library: Library) -> None:
    uuid = take(city, library, HOA_LIEN).uuids["HL1"]
    with city.read() as db:
        ward = places.find_unit(db, "20194", date(2025, 7, 1))
        district = places.find_unit(db, "490", date(2025, 1, 1))
    assert ward is not None
    assert district is not None
    with city.write() as db:
        with pytest.raises(Refused):
            clubs.place_club(db, library, uuid, ward, date(2025, 6, 30), NOW, "user:1")
        with pytest.raises(Refused):
            clubs.place_club(db, library, uuid, district, date(2025, 2, 1), NOW, "user:1")
        with pytest.raises(LookupError):
            clubs.place_club(db, library, "nobody", ward, date(2025, 7, 1), NOW, "user:1")


def test_a_club_founded_after_today_is_kept_without_being_anywhere_yet(
    city: Database, library: Library
) -> None:
    coming = HOA_LIEN | {"unit_code": "20194", "founded_on": "2026-03-01"}
    uuid = take(city, library, coming).uuids["HL1"]
    with city.read() as db:
        assert entity(db, "HL1").label == "CLB Hòa Liên 1 · Phường Hải Vân"
        assert uuid not in places.clubs_by_unit(db, date(2026, 1, 20))


def test_the_id_of_a_club_is_the_same_on_every_server() -> None:
    assert places.club_uuid("HL1") == places.club_uuid(" HL1") != places.club_uuid("HL2")
    assert places.club_uuid("48-TQ-01") == "280def36-9d69-5da2-8f1c-b801b450ce7d"


def test_what_a_file_of_clubs_leads_to_verifies_also_when_a_founding_day_is_mended(
    city: Database, library: Library, tmp_path: Path
) -> None:
    def wrong(folder: str) -> list[Difference]:
        with city.write() as db:
            while measure(db, library, 1000, NOW):
                pass
        (tmp_path / folder).mkdir()
        with city.read() as db:
            return verify(db, library, tmp_path / folder, NOW)

    take(city, library, HOA_LIEN, PHUOC_NINH)
    assert wrong("loaded") == []
    take(city, library, HOA_LIEN | {"founded_on": "2022-03-15"}, PHUOC_NINH)
    assert wrong("mended") == []
