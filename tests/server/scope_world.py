"""Three clubs, a person and a record of every kind in each, and somebody of every role beside them.

What must not be seen carries a word found nowhere else (`PLANTS`), so that a leak is found by its
letters in whatever was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from forms.indicators import PLACES
from forms.library import Library, load_library
from forms.periods import get_period
from server.app import create_app
from server.pages import sitting
from server.pages.sign_in import Person
from server.runtime import Runtime
from server.settings import Settings
from sync import accounts, aggregate, clubs, places, tables
from sync.access import OPERATOR, actor_number
from sync.blobs import open_blobs
from sync.database import Database
from sync.matching import work as matching
from sync.privacy import requests
from sync.reports import steps
from sync.reports.chain import Wish
from tests.conftest import NOW
from tests.server.conftest import Clock, CountingJobs, Door
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id

BEFORE = date(2025, 6, 30)
SENT = "2025H1"  # the report that was sent; of the later half-year there is none yet
LEFT = ("same name in other texts", "encrypted")  # what a proof of erasing still asks for
OWN, SIBLING, FAR = (
    "own",
    "sibling",
    "far",
)  # the club that is asked about; one of its commune; else
CODES = {OWN: ("A-1", "20263"), SIBLING: ("A-2", "20263"), FAR: ("B-1", "20194")}
LEVELS = {"volunteer": "club", "chair": "club", "treasurer": "club"}
DISTRICTS = {"district": {OWN: "493", FAR: "490"}}  # of the clubs' communes, until they ended
LEVELS |= {
    "district": "district",
    "health": "commune",
    "commune": "commune",
    "peoples_committee": "commune",
}

# Domain 2, written by hand: word → the roles that may ever read it, of clubs in their scope.
TWINS = tuple(sorted((an_id("a twin"), an_id("her twin"))))
PLANTS: Mapping[str, frozenset[str]] = {
    "zqname": frozenset({"chair", "treasurer", "health", "commune"}),
    "zqtwin": frozenset({"chair", "treasurer", "health", "commune", "city"}),  # of a pair
    "zqphone": frozenset({"chair", "health", "commune"}),
    "zqhead": frozenset({"chair", "commune"}),
    "zqway": frozenset({"chair", "commune"}),
    "zqidnumber": frozenset(),
    "zqdiagnosis": frozenset({"health"}),
    "zqchecknote": frozenset({"health"}),
    "zqdanger": frozenset({"health", "commune"}),
    "zqvisitnote": frozenset({"health", "commune"}),
    "zqpurpose": frozenset({"treasurer"}),
    "zqledger": frozenset({"treasurer", "chair"}),
    "zqfinding": frozenset({"chair", "commune", "city"}),
}


@dataclass(frozen=True)
class Who:
    """A caller: of which role, and where from the club that is asked about."""

    role: str
    place: str  # OWN, SIBLING, FAR; "" = bound to no place

    @property
    def name(self) -> str:
        return f"{self.role}-{self.place}" if self.place else self.role

    @property
    def is_in_scope(self) -> bool:
        """Whether the club that is asked about is in the caller's scope today."""
        return self.sees(OWN)

    def sees(self, place: str) -> bool:
        """Whether that club is in the caller's scope today. Districts ended in July 2025."""
        if self.role in DISTRICTS:
            return False
        if not self.place or self.place == place:
            return True
        return LEVELS[self.role] == "commune" and {self.place, place} == {OWN, SIBLING}


def callers() -> Iterator[Who]:
    """Everybody of domain 2, at every distance that makes a difference."""
    for name, role in load_library().roles.items():
        if role.everywhere:
            yield Who(name, "")
        elif LEVELS.get(name) == "club":
            yield from (Who(name, place) for place in CODES)
        else:
            yield from (Who(name, place) for place in (OWN, FAR))


@dataclass
class ScopeWorld:
    """`names` stand in addresses: "/members/{member}"."""

    door: Door
    names: dict[str, str] = field(default_factory=dict)
    clients: dict[Who, FlaskClient] = field(default_factory=dict)
    csrf: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether everybody is asked for, and not only whom SQL treats in another way."""
        return self.door.database.engine.dialect.name == "sqlite"

    def client(self, who: Who | None) -> FlaskClient:
        """The browser of this caller, signed in; of a stranger without."""
        return self.door.app.test_client() if who is None else self.clients[who]


def make_world(
    database: Database, folder: Path, others: Callable[[], None] = lambda: None
) -> ScopeWorld:
    """Everything there is, sent as phones send it and processed; `others` adds what else there
    should be before a report is sent.
    """
    sender = LibraryWorld(database, folder)
    library = sender.library
    rows = [
        {"club_code": code, "name": f"CLB {code}", "unit_code": unit, "founded_on": "2018-05-01"}
        for code, unit in CODES.values()
    ]
    with database.write() as db:
        clubs.import_clubs(db, library, rows, NOW, "operator")
        uuids = {place: places.find_club(db, code) or "" for place, (code, _) in CODES.items()}
    for place, club in uuids.items():
        _fill_in(sender, place, club)
    _enter_twice(sender, uuids[OWN])
    settings = Settings(data=folder, database_url=str(database.url))
    blobs, clock = open_blobs(settings.blobs), Clock(NOW)
    runtime = Runtime(settings, database, blobs, CountingJobs(), library, clock)
    sender.work()
    with database.write() as db:
        matching.match(db, library, "members", TWINS, NOW)
    others()
    _send_report(database, library)
    door = Door(create_app(settings, runtime), runtime, clock)
    world = ScopeWorld(door)
    _add_people(world, uuids)
    _name_things(world, uuids)
    _begin_drafts(world)
    return world


def text_of(answer: TestResponse) -> str:
    """All that is in an answer, also within the parts of a workbook or an archive."""
    if not is_zipfile(BytesIO(answer.data)):
        return answer.data.decode("utf-8", "replace")
    with ZipFile(BytesIO(answer.data)) as book:
        return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())


def leaks(who: Who | None, text: str) -> set[str]:
    """The planted words in a text that this caller must not see."""
    return {
        plant + place
        for plant, roles in PLANTS.items()
        for place in CODES
        if plant + place in text and (who is None or who.role not in roles or not who.sees(place))
    }


# ------------------------------------------------------------------ what is there
def _fill_in(world: LibraryWorld, place: str, club: str) -> None:
    member, loan = an_id(f"member {place}"), an_id(f"loan {place}")
    name = f"Nguyễn Thị zqname{place}"
    world.send(
        "membership",
        {
            "club": club,
            "join_date": "2024-02-01",
            "c_member": "yes",
            "c_health": "yes",
            "c_care": "yes",
            "full_name": name,
            "sex": "female",
            "birth_year": "1950",
            "born_in_year": "1950",
            "birth_precision": "year",
            "phone": f"zqphone{place}",
            "address_note": f"zqway{place}",
            "hh_head": f"zqhead{place}",
            "hh_class": "poor",
            "care_need": "regular",
            "id_kind": "cccd",
            "id_number": f"zqidnumber{place}",
            "member_club": club,
            "member_status": "active",
        },
        f"membership {place}",
        create=member,
        label=f"{name} · 1950",
    )
    world.send(
        "health_check",
        {
            "club": club,
            "member": member,
            "check_date": "2025-10-02",
            "check_kind": "full",
            "sys1": "150",
            "dia1": "95",
            "weight": "51",
            "chronic": "other",
            "chronic_other": f"zqdiagnosis{place}",
            "note": f"zqchecknote{place}",
        },
        f"health_check {place}",
    )
    world.send(
        "care_visit",
        {
            "club": club,
            "client": member,
            "client_kind": "care",
            "visit_date": "2025-11-03",
            "outcome": "met",
            "red": "other",
            "red_other": f"zqdanger{place}",
            "note": f"zqvisitnote{place}",
        },
        f"care_visit {place}",
    )
    world.send(
        "loan",
        {
            "club": club,
            "member": member,
            "disbursed_on": "2025-03-01",
            "principal": "5000000",
            "term_months": "12",
            "purpose": "other",
            "purpose_other": f"zqpurpose{place}",
            "first_status": "running",
        },
        f"loan {place}",
        create=loan,
        label=f"VAY {place}",
    )
    world.send(
        "ledger",
        {
            "club": club,
            "txn_date": "2025-08-01",
            "direction": "in",
            "amount_vnd": "100000",
            "note": f"zqledger{place}",
        },
        f"ledger {place}",
    )
    world.send(
        "supervision",
        {"club": club, "visit_date": "2025-09-01", "findings": f"zqfinding{place}"},
        f"supervision {place}",
    )


def _enter_twice(world: LibraryWorld, club: str) -> None:
    """One person registered twice: a pair that somebody must judge."""
    name = f"Lê Thị zqtwin{OWN}"
    for day, twin in zip(("2024-03-01", "2024-06-15"), TWINS, strict=True):
        answers = {
            "club": club, "member_club": club, "join_date": day, "phone": "0900000321",
            "c_member": "yes", "full_name": name, "sex": "female", "birth_year": "1951",
            "born_in_year": "1951", "birth_precision": "year", "member_status": "active",
        }  # fmt: skip
        world.send("membership", answers, f"join {twin}", create=twin, label=f"{name} · 1951")


def _send_report(database: Database, library: Library) -> None:
    """The half-year before last goes up from its clubs to the city, and is sent."""
    period = get_period(SENT)
    with database.write() as db:
        chain = steps.read_chain(db, library, period)
        upwards = sorted(chain.places.values(), key=lambda place: PLACES.index(place.level))
        for wish in (*(Wish("confirm", place.id) for place in upwards), Wish("send")):
            while aggregate.measure(db, library, 100, NOW):  # as a worker does between them
                pass
            prepared = steps.prepare(db, library, OPERATOR, period, wish, NOW)
            steps.take(db, library, OPERATOR, period, prepared, NOW)


def _add_people(world: ScopeWorld, uuids: Mapping[str, str]) -> None:
    door = world.door
    with door.database.write() as db:
        units = {
            place: places.find_unit(db, code, NOW.date()) for place, (_, code) in CODES.items()
        }
        for who in callers():
            of_club = LEVELS.get(who.role) == "club"
            unit = units.get(who.place)
            if who.role in DISTRICTS:
                unit = places.find_unit(db, DISTRICTS[who.role][who.place], BEFORE)
            unit_id = None if of_club or unit is None else unit.id
            club = uuids[who.place] if of_club else None
            accounts.add_user(db, who.name, who.role, unit_id, club, _NO_PASSWORD, NOW)
        for name in ("", "spare_"):  # the spare ones are ended by the first who may
            own, token = uuids[OWN], (name or "t")[0] * 64
            user = accounts.add_user(
                db, f"{name}somebody", "treasurer", None, own, _NO_PASSWORD, NOW
            )
            phone = accounts.add_app_user(db, f"{name}Máy", "volunteer", None, own, token, NOW)
            world.names |= {f"{name}person": str(user), f"{name}phone": str(phone)}
            world.names[f"{name}user_number"] = str(actor_number("user", user))
    with door.app.test_request_context(), door.database.read() as db:
        found = {who: accounts.find_user(db, who.name) for who in callers()}
    for who, user in found.items():
        assert user is not None
        with door.app.test_request_context():
            number = Person(user).get_id()
        client = door.app.test_client()
        with client.session_transaction() as session:
            session["_user_id"], session["csrf_token"] = number, _CSRF
            session.update(sitting.new(door.clock.time))
        world.clients[who] = client
    world.csrf = _token(door)


def _begin_drafts(world: ScopeWorld) -> None:
    """A draft of one form, and a public link of another."""
    admin = world.client(Who("admin", ""))
    forms, by_script = "/v1/projects/1/forms", {"X-Requested-With": "XMLHttpRequest"}
    assert admin.post(f"{forms}/membership/draft", headers=by_script).status_code == 200
    link = {"displayName": "Cổng thông tin"}
    made = admin.post(f"{forms}/care_visit/public-links", json=link, headers=by_script)
    world.names["link"] = str(made.json["id"])


_CSRF = "0" * 40
_NO_PASSWORD = accounts.SealedPassword("$argon2id$none", b"")


def _token(door: Door) -> str:
    """What a form of the pages carries for a session whose secret is _CSRF."""
    from flask import session
    from flask_wtf.csrf import generate_csrf

    with door.app.test_request_context():
        session["csrf_token"] = _CSRF
        return str(generate_csrf())


def _name_things(world: ScopeWorld, uuids: Mapping[str, str]) -> None:
    names = world.names
    for form in world.door.runtime.library.forms:
        names[form] = f"uuid:{an_id(f'{form} {OWN}')}"
    names["member"], names["loan_entity"] = an_id(f"member {OWN}"), an_id(f"loan {OWN}")
    with world.door.database.write() as db:
        library, asked = world.door.runtime.library, (names["member"], BEFORE, "", "operator")
        number = requests.ask(db, library, "erase", *asked, NOW)
        names["correction"] = str(requests.ask(db, library, "correct", *asked, NOW))
        proof = {"why": "", "files": 0, "counted": {}, "rows": {}, "left": dict.fromkeys(LEFT, 0)}
        kept = {"at": NOW, "actor": "operator", "proof": proof | {"frozen_reports": []}}
        made = db.execute(tables.erasures.insert().returning(tables.erasures.c.id), kept)
        names["privacy_request"], names["erasure"] = str(number), str(made.scalar_one())
    names["one_twin"], names["other_twin"] = TWINS
    names["club"], names["club_code"] = uuids[OWN], CODES[OWN][0]
    with world.door.database.read() as db:
        version = sa.select(tables.form_versions.c.version).join(
            tables.forms, tables.forms.c.current_version_id == tables.form_versions.c.id
        )
        asked = tables.forms.c.xml_form_id == "care_visit"
        names["version"] = str(db.execute(version.where(asked)).scalar_one())
        for form, number in db.execute(
            sa.select(tables.forms.c.xml_form_id, tables.submissions.c.id)
            .join(tables.submissions, tables.submissions.c.form_id == tables.forms.c.id)
            .where(tables.submissions.c.instance_id.in_(list(names.values())))
        ):
            names[f"{form}_number"] = str(number)
        unit = places.find_unit(db, CODES[OWN][1], NOW.date())
        names["unit"] = str(unit.id if unit else "")
