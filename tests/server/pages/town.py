"""A small town behind the pages: three clubs of two wards, their people, and who signs in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from forms.library import load_library
from server import tasks
from server.app import create_app
from server.pages import sitting
from server.pages.sign_in import Person
from server.runtime import Runtime
from server.settings import Settings
from sync import accounts, clubs, places
from sync.access import Caller
from sync.blobs import open_blobs
from sync.database import Database
from tests.conftest import NOW
from tests.made_once import made_once
from tests.server.conftest import Clock, CountingJobs
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id

WARD, OTHER_WARD = "20263", "20194"
CLUBS = {"A-1": WARD, "A-2": WARD, "B-1": OTHER_WARD}  # code -> code of its ward
# Who signs in: name -> role, code of a unit, code of a club; and their like elsewhere.
PEOPLE = {
    "volunteer": ("volunteer", None, "A-1"),
    "chair": ("chair", None, "A-1"),
    "chair_a2": ("chair", None, "A-2"),
    "chair_b1": ("chair", None, "B-1"),
    "treasurer": ("treasurer", None, "A-1"),
    "treasurer_a2": ("treasurer", None, "A-2"),
    "treasurer_b1": ("treasurer", None, "B-1"),
    "health": ("health", WARD, None),
    "health_b": ("health", OTHER_WARD, None),
    "commune": ("commune", WARD, None),
    "commune_b": ("commune", OTHER_WARD, None),
    "district": ("district", WARD, None),
    "district_b": ("district", OTHER_WARD, None),
    "city": ("city", None, None),
    "standing_office": ("standing_office", None, None),
    "peoples_committee": ("peoples_committee", WARD, None),
    "peoples_committee_b": ("peoples_committee", OTHER_WARD, None),
    "dpo": ("dpo", None, None),
    "admin": ("admin", None, None),
}
# Members: word of their id -> club, name, year of birth. Ba stands twice, written in two ways.
MEMBERS = {
    "ba": ("A-1", "Trần Thị Ba", "1948"),
    "ba again": ("A-1", "Tran Thi Ba", "1948"),
    "nam": ("A-1", "Lê Văn Năm", "1951"),
    "thuy": ("A-2", "Nguyễn Thị Thủy", "1945"),
    "hoa": ("B-1", "Huỳnh Thị Hòa", "1950"),
}
JOINED = {
    "c_member": "yes", "c_health": "yes", "c_care": "yes", "c_photo": "no",
    "consent_method": "paper_signature", "sex": "female", "birth_precision": "year",
    "hh_class": "poor", "hh_class_year": "2025", "living": "alone", "disability": "none",
    "insurance": "yes", "is_volunteer": "no", "board_role": "none", "care_need": "regular",
    "member_status": "active", "join_date": "2019-05-01", "hamlet": "tổ 1",
}  # fmt: skip
CHECKS = {"2024-06-10": ("152", "94", "47.5"), "2025-09-15": ("146", "92", "46.0")}


@dataclass
class Town:
    """The server, and what tests ask of it. Nobody may change what other tests of the file read."""

    world: LibraryWorld
    runtime: Runtime
    app: Flask
    clubs: dict[str, str]  # code -> uuid
    users: dict[str, Caller] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.world.database

    def browser(self, name: str | None = None) -> FlaskClient:
        """A browser in which this person of PEOPLE is signed in; None: nobody is."""
        client = self.app.test_client()
        if name is not None:
            with self.database.read() as db:
                user = accounts.find_user_by_id(db, self.users[name].id)
            assert user is not None
            with self.app.app_context(), client.session_transaction() as session:
                session["_user_id"], session["_fresh"] = Person(user).get_id(), True
                session.update(sitting.new(self.runtime.now()))
        return client

    def works(self) -> None:
        """The worker does all there is to do."""
        tasks.run_until_empty(self.runtime, None)

    def joins(self, who: str, club: str, name: str, year: str, **more: str) -> None:
        """Somebody is registered in a club; `who` is the word of the new id."""
        answers = {
            **JOINED, "club": self.clubs[club], "member_club": self.clubs[club],
            "full_name": name, "birth_year": year, **more,
        }  # fmt: skip
        label = f"{name} · {year} · tổ 1"
        self.world.send("membership", answers, f"join {who}", create=an_id(who), label=label)

    def is_checked(self, who: str, club: str, day: str, **more: str) -> None:
        sys, dia, weight = CHECKS.get(day, ("120", "80", "50"))
        answers = {
            "club": self.clubs[club], "member": an_id(who), "check_date": day, "sys1": sys,
            "dia1": dia, "sys2": sys, "dia2": dia, "weight": weight, "height": "152",
            "check_kind": "full", **more,
        }  # fmt: skip
        self.world.send("health_check", answers, f"check {who} {day}", update=an_id(who))

    def is_visited(self, who: str, club: str, day: str, *, key: str = "", **more: str) -> None:
        answers = {
            "club": self.clubs[club], "client": an_id(who), "visit_date": day, "outcome": "met",
            "minutes": "45", "start_time": "08:00:00.000+07:00", **more,
        }  # fmt: skip
        self.world.send("care_visit", answers, key or f"visit {who} {day}")


def a_town(database: Database, folder: Path) -> Town:
    """The town on this migrated, empty database, everything processed and counted."""
    clubs, users = made_once("town", database, folder, lambda: _live(database, folder))
    town = _server(LibraryWorld(database, folder, published=True))
    return replace(town, clubs=clubs, users=users)


def _live(database: Database, folder: Path) -> tuple[dict[str, str], dict[str, Caller]]:
    """All that happened in the town until now; its clubs and users."""
    town = _server(LibraryWorld(database, folder))
    _settle(town)
    for who, (club, name, year) in MEMBERS.items():
        town.joins(who, club, name, year)
    for who, club in (("ba", "A-1"), ("thuy", "A-2"), ("hoa", "B-1")):
        for day in CHECKS:
            town.is_checked(who, club, day)
        town.is_visited(who, club, "2025-11-03")
    town.works()
    return town.clubs, town.users


def _server(world: LibraryWorld) -> Town:
    url = world.database.url.render_as_string(hide_password=False)
    settings = Settings(data=world.folder, database_url=url)
    blobs = open_blobs(settings.blobs)
    runtime = Runtime(settings, world.database, blobs, CountingJobs(), load_library(), Clock(NOW))
    return Town(world, runtime, create_app(settings, runtime), {})


def _settle(town: Town) -> None:
    """Clubs, and people with an account; their passwords are nobody's, see `Town.browser`."""
    library, no_password = town.runtime.library, accounts.SealedPassword("-", b"")
    founded = [
        {"club_code": code, "name": f"CLB {code}", "unit_code": ward, "founded_on": "2018-05-01"}
        for code, ward in CLUBS.items()
    ]
    with town.database.write() as db:
        if not db.execute(sa.text("SELECT 1 FROM projects")).first():
            accounts.add_project(db, "Cây Đa")
        town.clubs |= clubs.import_clubs(db, library, founded, NOW, "operator").uuids
        for name, (role, ward, club) in PEOPLE.items():
            unit = places.find_unit(db, ward, NOW.date()) if ward else None
            unit_id, club_id = unit.id if unit else None, town.clubs[club] if club else None
            accounts.add_user(db, name, role, unit_id, club_id, no_password, NOW)
            user = accounts.find_user(db, name)
            assert user is not None
            town.users[name] = user.caller


def token_in(page: TestResponse) -> str:
    """The CSRF token of the first form of a page."""
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def told(page: TestResponse) -> str:
    """What a page says, without its CSRF tokens and without the address that it was asked by."""
    return re.sub(r'name="csrf_token" value="[^"]+"|\?next=[^"]+', "", page.text)


def post(client: FlaskClient, address: str, seen_on: str = "/", **fields: Any) -> TestResponse:
    """Send a form with the token of a page of ours."""
    fields["csrf_token"] = token_in(client.get(seen_on))
    return client.post(address, data=fields)
