"""Roles open doors, scope cuts rows; what nobody wrote down is closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from forms.library import load_library
from forms.problems import Refused
from sync import access, places, publish
from sync.access import KNOWN_VERBS, OPERATOR, Caller, clubs_in_scope, may
from sync.database import Database
from tests.sync.test_places import END_2024, H1, H2, load, put

LIBRARY = load_library()
LAN = Caller("app_user", 1, "Lan", "chair", club_id="lan")


def office(database: Database, role: str, code: str, day: date) -> Caller:
    """Someone whose account was made for the unit that had this code on that day."""
    with database.read() as db:
        unit = places.find_unit(db, code, day)
    assert unit is not None
    return Caller("user", 9, "Hoa", role, unit_id=unit.id)


def sees(database: Database, caller: Caller, day: date) -> set[str] | None:
    with database.read() as db:
        found = clubs_in_scope(db, LIBRARY, caller, day)
    return None if found is None else set(found)


@pytest.fixture
def clubs(database: Database) -> Database:
    with database.write() as db:
        load(db)
        for club, code in {
            "lan": "20263",  # Thọ Quang, Sơn Trà
            "neighbour": "20269",  # Mân Thái, Sơn Trà: same ward as Lan's since July 2025
            "vinh_trung": "20218",  # whose code was Thạc Gián's later
            "hoa_minh": "20200",
            "hoa_lien": "20296",
            "hoa_bac": "20293",
        }.items():
            put(db, club, code, date(2018, 1, 1))
    return database


def test_a_club_person_sees_that_club_and_no_other(clubs: Database) -> None:
    assert sees(clubs, LAN, H2) == {"lan"}
    both = Caller("user", 2, "Lan", "chair", unit_id=1, club_id="lan")
    assert sees(clubs, both, H2) == {"lan"}


@pytest.mark.parametrize("role", ["volunteer", "chair", "treasurer", "health", "commune", "none"])
def test_without_club_and_unit_a_local_role_sees_nothing(clubs: Database, role: str) -> None:
    assert sees(clubs, Caller("user", 3, "Minh", role), H2) == set()


@pytest.mark.parametrize("role", ["city", "standing_office", "dpo", "admin"])
def test_without_club_and_unit_a_citywide_role_sees_all(clubs: Database, role: str) -> None:
    assert sees(clubs, Caller("user", 3, "Minh", role), H2) is None


def test_the_operator_at_the_console_sees_all(clubs: Database) -> None:
    assert sees(clubs, OPERATOR, H2) is None
    assert all(may(LIBRARY, OPERATOR, verb) for verb in KNOWN_VERBS)


def test_a_ward_office_passes_into_the_merged_ward(clubs: Database) -> None:
    hoa = office(clubs, "commune", "20263", END_2024)
    assert sees(clubs, hoa, H1) == {"lan"}
    assert sees(clubs, hoa, H2) == {"lan", "neighbour"}


def test_a_new_ward_sees_its_clubs_also_for_the_half_year_before_it_began(clubs: Database) -> None:
    hoa = office(clubs, "commune", "20263", H2)
    assert sees(clubs, hoa, H1) == {"lan", "neighbour"}
    assert sees(clubs, hoa, H2) == {"lan", "neighbour"}


def test_a_code_used_again_opens_no_other_ward(clubs: Database) -> None:
    """20242 was Phước Ninh and is Hải Châu; 20218 was Vĩnh Trung, then Thạc Gián."""
    assert sees(clubs, office(clubs, "commune", "20242", END_2024), END_2024) == set()
    assert sees(clubs, office(clubs, "commune", "20218", END_2024), H1) == {"vinh_trung"}
    assert sees(clubs, office(clubs, "commune", "20221", END_2024), END_2024) == set()
    assert sees(clubs, office(clubs, "commune", "20221", END_2024), H1) == {"vinh_trung"}


def test_a_district_sees_its_communes_until_it_ends(clubs: Database) -> None:
    son_tra = office(clubs, "district", "493", END_2024)
    assert sees(clubs, son_tra, H1) == {"lan", "neighbour"}
    assert sees(clubs, son_tra, H2) == set()


def test_a_district_that_gave_land_away_does_not_follow_it(clubs: Database) -> None:
    lien_chieu = office(clubs, "district", "490", END_2024)
    thanh_khe = office(clubs, "district", "491", END_2024)
    assert sees(clubs, lien_chieu, END_2024) == {"hoa_minh"}
    assert "vinh_trung" not in (sees(clubs, lien_chieu, H1) or set())
    assert sees(clubs, thanh_khe, H1) == {"vinh_trung"}


def test_an_undecided_club_stays_with_the_office_that_had_it(clubs: Database) -> None:
    hoa_minh = office(clubs, "commune", "20200", END_2024)
    assert sees(clubs, hoa_minh, H1) == {"hoa_minh"}
    assert "hoa_minh" in (sees(clubs, hoa_minh, H2) or set())
    hoa_lien = office(clubs, "commune", "20296", H1)
    assert sees(clubs, hoa_lien, H2) == {"hoa_lien"}
    assert "hoa_lien" not in (sees(clubs, office(clubs, "commune", "20194", H2), H2) or set())


def test_a_decided_club_leaves_the_office_that_had_it(clubs: Database) -> None:
    with clubs.write() as db:
        put(db, "hoa_lien", "20194", date(2025, 7, 1))
        put(db, "hoa_minh", "20206", date(2025, 1, 1))
    assert sees(clubs, office(clubs, "commune", "20296", H1), H2) == set()
    assert sees(clubs, office(clubs, "commune", "20194", H2), H2) == {"hoa_bac", "hoa_lien"}
    assert sees(clubs, office(clubs, "commune", "20200", END_2024), H1) == set()
    assert sees(clubs, office(clubs, "district", "491", END_2024), H1) == {"vinh_trung", "hoa_minh"}


def test_an_office_of_the_whole_city_sees_every_placed_club(clubs: Database) -> None:
    everywhere = {"lan", "neighbour", "vinh_trung", "hoa_minh", "hoa_lien", "hoa_bac"}
    for made_on in (END_2024, H2):
        city = office(clubs, "city", "48", made_on)
        assert sees(clubs, city, END_2024) == everywhere
        assert sees(clubs, city, H2) == everywhere


# ------------------------------------------------------------------ verbs
@pytest.mark.parametrize("role", ["volunteer", "chair", "treasurer", "health", "commune", "city"])
def test_who_reports_may_fetch_forms_and_send(role: str) -> None:
    for kind in ("user", "app_user"):
        caller = Caller(kind, 1, "Lan", role)
        assert may(LIBRARY, caller, "form.list")
        assert may(LIBRARY, caller, "submission.create")


@pytest.mark.parametrize("role", sorted(LIBRARY.roles))
def test_a_phone_token_does_no_more_than_a_phone(role: str) -> None:
    caller = Caller("app_user", 1, "Lan", role)
    allowed = {verb for verb in KNOWN_VERBS if may(LIBRARY, caller, verb)}
    assert allowed <= {"form.list", "submission.create"}


@pytest.mark.parametrize("role", sorted(LIBRARY.roles))
def test_nobody_on_the_web_reads_rows_of_records_yet(role: str) -> None:
    """They hold clinical values; no role may see all columns of all forms (domain §2)."""
    assert not may(LIBRARY, Caller("user", 1, "Lan", role), "records.read")


# ------------------------------------------------------------------ who reads what was sent
def may_read(database: Database, caller: Caller, form: str) -> access.Reading | None:
    with database.read() as db:
        try:
            return access.reading(db, LIBRARY, caller, form, H2)
        except Refused:
            return None


@pytest.mark.parametrize(
    ("form", "readers"),
    [
        ("health_check", {"health"}),
        ("care_visit", {"chair", "commune", "health"}),
        ("membership", {"chair", "commune"}),
        ("a_form_from_elsewhere", {"city"}),
    ],
)
def test_a_form_is_read_by_the_roles_that_are_named_and_by_no_token(
    database: Database, form: str, readers: set[str]
) -> None:
    found = {r for r in LIBRARY.roles if may_read(database, Caller("user", 1, "Lan", r), form)}
    assert found == readers
    assert not any(
        may_read(database, Caller("app_user", 1, "Lan", role), form) for role in LIBRARY.roles
    )
    assert may_read(database, OPERATOR, form) == access.Reading(None)


def test_the_club_reads_neither_abuse_nor_talk_of_dying_nor_what_was_measured(
    database: Database,
) -> None:
    chair = Caller("user", 1, "Lan", "chair", club_id="lan")
    reading = may_read(database, chair, "care_visit")
    assert reading is not None
    assert reading.clubs == {"lan"}
    assert {"red", "red_other", "red_action", "sys", "dia"} <= reading.without
    assert not reading.is_whole
    commune = may_read(database, Caller("user", 1, "Hoa", "commune"), "care_visit")
    assert commune is not None
    assert commune.without == {"sys", "dia"}
    assert commune.clubs == set()


def test_nobody_reads_a_whole_id_number(database: Database) -> None:
    for role in LIBRARY.roles:
        reading = may_read(database, Caller("user", 1, "Lan", role), "membership")
        assert reading is None or "id_number" in reading.without


def test_open_figures_are_for_those_who_make_the_report() -> None:
    readers = {
        role
        for role in LIBRARY.roles
        if may(LIBRARY, Caller("user", 1, "Lan", role), "figures.read")
    }
    assert readers == {"chair", "commune", "district", "city"}


def test_an_unknown_role_may_nothing_and_an_unknown_verb_is_a_mistake_of_ours() -> None:
    nobody = Caller("user", 1, "Lan", "superuser")
    assert not any(may(LIBRARY, nobody, verb) for verb in KNOWN_VERBS)
    with pytest.raises(ValueError, match="no such verb"):
        may(LIBRARY, OPERATOR, "forms.mange")


def test_the_actor_names_no_person() -> None:
    assert LAN.actor == "app_user:1"
    assert OPERATOR.actor == "operator"


@pytest.mark.parametrize("day", [END_2024, H1, H2])
def test_no_club_is_seen_by_two_offices_and_no_decided_one_by_none(
    database: Database, day: date
) -> None:
    with database.write() as db:
        load(db)
        founding = places.units_on(db, date(2018, 1, 1), "commune")
        for unit in founding:
            put(db, unit.name, unit.code, date(2018, 1, 1))
        offices = [
            Caller("user", 9, "Hoa", "commune", unit_id=unit.id)
            for unit in places.units_on(db, day, "commune")
        ]
        seen = [
            club for office in offices for club in clubs_in_scope(db, LIBRARY, office, day) or ()
        ]
        waiting = {one.club_id for one in places.unplaced_clubs(db, day)}
    assert len(seen) == len(set(seen))
    assert set(seen) == {unit.name for unit in founding} - waiting


# ------------------------------------------------------------------ entity lists
def views(database: Database, caller: Caller, name: str) -> access.Viewing | None:
    with database.read() as db:
        try:
            return access.viewing(db, LIBRARY, caller, name, H2)
        except Refused:
            return None


def test_a_list_is_seen_by_the_roles_it_names_in_their_clubs(clubs: Database) -> None:
    with clubs.write() as db:
        publish.declare_lists(db, {"members": ["sex"], "trees": ["height"]})
    chair, city = Caller("user", 1, "Lan", "chair", club_id="lan"), Caller("user", 2, "Hoa", "city")
    mine = views(clubs, chair, "members")
    assert mine is not None
    assert mine.clubs == {"lan"}
    assert "last_height" not in mine.properties
    assert "hh_class" in mine.facts
    assert views(clubs, chair, "trees") is None
    assert views(clubs, LAN, "members") is None  # by a token in a URL phones get what phones hold
    assert views(clubs, city, "members") is None
    strange, of_clubs = views(clubs, city, "trees"), views(clubs, city, "clubs")
    assert strange is not None
    assert strange.properties == ("height",)
    assert of_clubs is not None
    assert of_clubs.clubs is None
    narrow = replace(city, scope=frozenset({"other_forms.read"}))
    assert views(clubs, narrow, "trees") is None
    assert views(clubs, city, "none") is None
    whole = views(clubs, OPERATOR, "members")
    assert whole is not None
    assert whole.properties == ("sex",)
