"""Random weeks of five phones and a server, and what must be true at the end of each.

A week is a list of steps, each an action, a phone and a number for the choices within; it can be
drawn by Hypothesis, which then looks for the shortest that fails, or from a seed.
"""

from __future__ import annotations

import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import sqlalchemy as sa

from forms.library import load_library
from server.demo.phone import SyncError
from server.tasks import Pace
from sync import tables, verify
from sync.blobs import open_blobs
from sync.database import Database
from tests.device import Device
from tests.journeys.forms import NEWS, news
from tests.journeys.reference import Entity, Kept, Reference, compute
from tests.journeys.world import World, a_world
from tests.network import FAULTS

NOW = datetime.fromisoformat("2026-01-12T01:00:00+00:00")  # a Monday morning in Da Nang
FOUNDED = "2025-07-02"  # few half-years to count
CLUBS = (
    {"club_code": "48-TQ-01", "name": "CLB Thọ Quang 1", "unit_code": "20263"},
    {"club_code": "48-HQ-01", "name": "CLB Hòa Quý 1", "unit_code": "20285"},
)
JOINED = "2025-08-01"
FIRST_VISIT = date(2025, 9, 1)
PERIODS = ("2025H2", "2026H1")
TQ, HQ = "48-TQ-01", "48-HQ-01"
CORRECTED = ("care_visit", NEWS)
POST_BYTES = 6_000  # so that three photos go in several POSTs
PEOPLE = (  # name, role, club, unit
    ("Minh", "volunteer", TQ, None),
    ("Lan", "chair", TQ, None),
    ("Hoa", "chair", HQ, None),
    ("Trạm", "health", None, "20263"),
    ("Phường", "commune", None, "20263"),
)


class Step(NamedTuple):
    """One thing that happens. `number` is cut into the choices the action has to make."""

    action: str
    phone: int
    number: int


ACTIONS: dict[str, int] = {  # action -> how often, beside the others
    "registers": 8,
    "visits": 14,
    "checks": 8,
    "notes": 16,
    "corrects": 8,
    "receives": 12,
    "sends": 14,
    "sends_out_of_order": 8,
    "meets": 26,
    "goes_offline": 4,
    "comes_online": 6,
    "goes_to_market": 2,
    "loses_power": 3,
    "is_revoked": 2,
    "takes_new_qr": 3,
    "time_passes": 6,
    "server_works": 8,
    "worker_dies": 2,
    "server_restarts": 3,
    "form_is_published": 2,
    "form_is_closed": 2,
    "form_is_opened": 3,
}
WEIGHTED = [action for action, weight in ACTIONS.items() for _ in range(weight)]


def random_week(seed: int, steps: int = 150) -> list[Step]:
    random = Random(seed)
    return [
        Step(random.choice(WEIGHTED), random.randrange(len(PEOPLE)), random.getrandbits(20))
        for _ in range(steps)
    ]


@dataclass
class Result:
    """What a week came to. `wrong` is empty when all was well."""

    forms: int = 0
    posts: int = 0
    entities: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Person:
    """A phone and who carries it."""

    name: str
    role: str
    club: str | None
    unit: str | None
    device: Device
    is_revoked: bool = False


class Week:
    """Does the steps, then looks at everything."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = Random("week")
        self.other = Database(_url(world), world.database.vault)
        self.people = [self._set_up(*one) for one in PEOPLE]
        self.finalized: list[tuple[str, bytes, dict[str, bytes]]] = []  # form, XML, files
        self.acknowledged: set[bytes] = set()
        self.count = 0
        self.version = 1
        self.pace = Pace()
        self.wrong: list[str] = []

    def _set_up(self, name: str, role: str, club: str | None, unit: str | None) -> Person:
        url = self.world.new_url(name, role, club, unit)
        device = Device(
            url,
            self.world.door,
            self.world.clubs[club or TQ],
            restart=self.world.restarts,
            new_uuid=lambda: uuid.UUID(int=self.random.getrandbits(128), version=4),
        )
        device.receives()
        return Person(name, role, club, unit, device)

    def begins(self) -> None:
        """A few members in each club, known to every phone."""
        for place in (1, 1, 1, 2, 2):
            self._registers(self.people[place], Random(self.count + 1))
        for person in self.people:
            self._sends(person, Random(0))
        self.world.works()
        for person in self.people:
            self._receives(person, Random(0))

    # ---- the steps
    def does(self, step: Step) -> None:
        person = self.people[step.phone % len(self.people)]
        getattr(self, f"_{step.action}")(person, Random(step.number))

    def _fills(self, person: Person, form: str, fill: Callable[[], Any]) -> None:
        """One more finalized form, where the phone has the blank."""
        if form not in person.device.forms:
            return
        fill()
        filled = person.device.outbox[-1]
        self.finalized.append((filled.name, filled.xml, dict(filled.files)))

    def _registers(self, person: Person, random: Random) -> None:
        self.count += 1
        name = f"Trần Thị {_word(self.count)}"
        answers = {
            "c_care": random.choice(("yes", "yes", "yes", "no")),
            "c_health": random.choice(("yes", "yes", "yes", "no")),
            "is_volunteer": random.choice(("yes", "no", "no")),
            "care_need": random.choice(("regular", "no")),
            "phone": "",
        }
        born = 1935 + self.count % 40
        self._fills(
            person,
            "membership",
            lambda: person.device.registers(name, born, joined=JOINED, **answers),
        )

    def _visits(self, person: Person, random: Random) -> None:
        member = _someone(person, random)
        if member is None:
            return
        self.count += 1
        on = FIRST_VISIT + timedelta(days=self.count % 120)
        answers = {"club": member["club_id"], "outcome": random.choice(("met", "met", "not_met"))}
        at = f"{7 + self.count // 120 % 10:02d}:00"
        self._fills(
            person,
            "care_visit",
            lambda: person.device.visits(member["name"], on=on.isoformat(), at=at, **answers),
        )

    def _checks(self, person: Person, random: Random) -> None:
        member = _someone(person, random)
        if member is None or member.get("c_health") != "yes":
            return
        self.count += 1
        on = (FIRST_VISIT + timedelta(days=self.count % 120)).isoformat()
        pressure = (110 + random.randrange(60), 70)
        self._fills(
            person,
            "health_check",
            lambda: person.device.checks(member["name"], on=on, pressure=pressure),
        )

    def _notes(self, person: Person, random: Random) -> None:
        member = _someone(person, random)
        if member is None:
            return
        self.count += 1
        answers: dict[str, Any] = {"club": member["club_id"]}
        if random.random() < 0.7:
            answers["hamlet"] = random.choice(("tổ 2", "tổ 3", f"tổ {self.count}", ""))
        if random.random() < 0.4:
            answers["care_need"] = random.choice(("no", "regular"))
        if random.random() < 0.3:
            answers["alias"] = f"bà {self.count}"
        self._fills(
            person,
            NEWS,
            lambda: person.device.notes(member["name"], photos=_photos(random), **answers),
        )

    def _corrects(self, person: Person, random: Random) -> None:
        """A form that was filled here, and not yet corrected, once more; or twice or thrice."""
        device = person.device
        edited = {_text(f.xml, "deprecatedID") for f in (*device.sent, *device.outbox)}
        filled = [
            f
            for f in (*device.sent, *device.outbox)
            if f.name in CORRECTED and f.name in device.forms and f.instance_id not in edited
        ]
        if not filled:
            return
        one = random.choice(filled)
        for _ in range(random.choice((1, 1, 2, 3))):
            answers = {"outcome": random.choice(("met", "not_met", "away"))}
            files: dict[str, bytes] = {}
            if one.name == NEWS:
                answers = {"hamlet": f"tổ {random.randrange(20)}", "photo3": "1767348000199.jpg"}
                files = {"1767348000199.jpg": random.randbytes(2_000)}
            fill = partial(device.corrects, one.instance_id, files, **answers)
            self._fills(person, one.name, fill)
            one = device.outbox[-1]

    def _receives(self, person: Person, random: Random) -> None:
        outbox = [filled.xml for filled in person.device.outbox]
        with suppress(SyncError):
            person.device.receives()
        self._must(outbox == [f.xml for f in person.device.outbox], "a sync changed an outbox")

    def _sends(self, person: Person, random: Random) -> None:
        before = list(person.device.outbox)
        person.device.sends()
        gone = [filled for filled in before if filled not in person.device.outbox]
        self.acknowledged |= {filled.xml for filled in gone}
        if gone:
            self._must_be_kept([filled.xml for filled in gone])

    def _sends_out_of_order(self, person: Person, random: Random) -> None:
        """One after the other, but every second one fails (files sent apart add to the muddle)."""
        faults = [random.choice(("", "error_500", "error_after")) for _ in person.device.outbox]
        person.device.meets(*(word for fault in faults for word in ("", fault)))
        self._sends(person, random)

    def _meets(self, person: Person, random: Random) -> None:
        fair = random.randrange(4)
        often = [1 if fault.startswith("restart") else 4 for fault in FAULTS]
        faults = random.choices(FAULTS, often, k=random.choice((1, 1, 2, 4)))
        person.device.meets(*[""] * fair, *faults)

    def _goes_offline(self, person: Person, random: Random) -> None:
        person.device.goes_offline()

    def _comes_online(self, person: Person, random: Random) -> None:
        person.device.comes_online().leaves_market()

    def _goes_to_market(self, person: Person, random: Random) -> None:
        person.device.goes_to_market()

    def _loses_power(self, person: Person, random: Random) -> None:
        person.device.loses_power()

    def _is_revoked(self, person: Person, random: Random) -> None:
        if not person.is_revoked:
            self.world.revokes(person.device)
            person.is_revoked = True

    def _takes_new_qr(self, person: Person, random: Random) -> None:
        if person.is_revoked:
            name = f"{person.name} {next(self.world.numbers)}"
            url = self.world.new_url(name, person.role, person.club, person.unit)
            person.device.takes_new_qr(url)
            person.is_revoked = False

    def _time_passes(self, person: Person, random: Random) -> None:
        self.world.clock.moves(hours=random.choice((1, 6, 20)))

    def _server_works(self, person: Person, random: Random) -> None:
        self.world.works(self.pace)

    def _worker_dies(self, person: Person, random: Random) -> None:
        self.world.a_worker_dies()

    def _server_restarts(self, person: Person, random: Random) -> None:
        self.world.restarts()

    def _form_is_published(self, person: Person, random: Random) -> None:
        self.version += 1
        self.world.publishes_news(self.version)

    def _form_is_closed(self, person: Person, random: Random) -> None:
        form = random.choice((NEWS, NEWS, "care_visit", "health_check"))
        self.world.sets_state(form, random.choice(("closing", "closed")))

    def _form_is_opened(self, person: Person, random: Random) -> None:
        for form in (NEWS, "care_visit", "health_check"):
            self.world.sets_state(form, "open")

    # ---- the end of the week
    def ends(self) -> None:
        """Everybody comes home, sends all there is, and receives what came of it."""
        for person in self.people:
            person.device.weather.clears_up()
            self._takes_new_qr(person, Random(0))
            self._sends(person, Random(0))
            self._must(not person.device.outbox, f"{person.name} cannot send")
        self._form_is_opened(self.people[0], Random(0))
        self.world.clock.moves(hours=1)
        self.world.works()
        for person in self.people:
            person.device.receives()

    def looks(self) -> Result:
        """Everything that must be true."""
        xforms = self._xforms()
        with self._new_connection() as db:
            truth = compute(self.world.door.accepted, xforms, _silent(db))
            result = self._forms(db, truth)
            self._files(db, truth)
            self._chains(db, truth)
            self._entities(db, truth)
        result.entities = len(truth.entities)
        self._phones(truth)
        self._figures(truth)
        self._verify()
        self._must(500 not in self.world.door.codes, "the server failed")
        for person in self.people:
            self._must(not person.device.report.wrong_hashes, "a form is not what its hash says")
        result.wrong = self.wrong
        return result

    @contextmanager
    def _new_connection(self) -> Iterator[sa.Connection]:
        """One that was not there when anything was written."""
        with self.other.read() as db:
            yield db
        self.other.engine.dispose()

    def _must(self, good: bool, what: str) -> None:
        if not good:
            self.wrong.append(what)

    def _xforms(self) -> dict[tuple[str, str], bytes]:
        forms, versions = tables.forms.c, tables.form_versions.c
        query = sa.select(forms.xml_form_id, versions.version, versions.xform)
        with self._new_connection() as db:
            rows = db.execute(query.join(tables.forms, forms.id == versions.form_id))
            found = {(row[0], row[1]): bytes(row[2]) for row in rows}
        for number in range(1, self.version + 1):
            assert found[NEWS, str(number)] == news(number).xform
        return found

    def _must_be_kept(self, xmls: Sequence[bytes]) -> None:
        with self._new_connection() as db:
            kept = Counter(bytes(xml) for xml in _versions(db))
        lost = [xml for xml in xmls if kept[xml] != 1]
        self._must(not lost, f"{len(lost)} forms were acknowledged and are not here once")

    def _forms(self, db: sa.Connection, truth: Reference) -> Result:
        kept = Counter(bytes(xml) for xml in _versions(db))
        filled = {xml for _, xml, _ in self.finalized}
        lost = len(filled - kept.keys())
        doubled = sum(kept.values()) - len(kept)
        self._must(not lost, f"{lost} forms were lost")
        self._must(not doubled, f"{doubled} forms are here twice")
        self._must(kept.keys() == filled, "something is here that nobody filled")
        self._must(self.acknowledged == filled, "a form was never acknowledged")
        self._must({one.xml for one in truth.kept} == filled, "the reference missed a form")
        posts = len(self.world.door.accepted)
        return Result(forms=len(filled), posts=posts, lost=lost, doubled=doubled)

    def _files(self, db: sa.Connection, truth: Reference) -> None:
        a, v = tables.attachments.c, tables.submission_versions.c
        query = sa.select(v.xml, a.name, a.sha256)
        query = query.join(tables.submission_versions, v.id == a.submission_version_id)
        here: Counter[tuple[bytes, str, bytes]] = Counter()
        blobs = open_blobs(self.world.runtime.settings.blobs)
        for xml, name, sha256 in db.execute(query):
            with blobs.open(sha256) as file:
                here[bytes(xml), name, file.read()] += 1
        sent = Counter(
            (xml, name, content)
            for _, xml, files in self.finalized
            for name, content in files.items()
        )
        self._must(here == sent, f"files differ: {len(sent - here)} lost, {len(here - sent)} more")

    def _chains(self, db: sa.Connection, truth: Reference) -> None:
        s, v = tables.submissions.c, tables.submission_versions.c
        query = sa.select(v.xml).join(tables.submissions, s.current_version_id == v.id)
        here = Counter(bytes(xml) for xml in db.execute(query).scalars())
        should = Counter(one.xml for one in truth.current())
        self._must(here == should, "another version counts than the last of its chain")

    def _entities(self, db: sa.Connection, truth: Reference) -> None:
        e, lists = tables.entities.c, tables.entity_lists.c
        query = sa.select(e.uuid, e.label, e.data, e.version)
        query = query.join(tables.entity_lists, lists.id == e.list_id)
        here = {
            row.uuid: (row.label, _said(row.data), row.version)
            for row in db.execute(query.where(lists.name == "members"))
        }
        should = {i: (one.label, _said(one.data), one.version) for i, one in truth.entities.items()}
        wrong = [i for i in {**here, **should} if here.get(i) != should.get(i)]
        self._must(not wrong, f"{len(wrong)} entities differ from the reference")
        v = tables.entity_versions.c
        rows = db.execute(
            sa.select(e.uuid, v.version, v.label, v.data)
            .join(tables.entities, e.id == v.entity_id)
            .join(tables.entity_lists, lists.id == e.list_id)
            .where(lists.name == "members")
            .order_by(e.uuid, v.version)
        )
        histories: dict[str, list[tuple[str, dict[str, str]]]] = {}
        for row in rows:
            histories.setdefault(row.uuid, []).append((row.label, dict(row.data)))
        good = histories == {
            i: [(label, _said(data)) for label, data in one.versions]
            for i, one in truth.entities.items()
        }
        self._must(good, "the versions of entities differ from the reference")

    def _phones(self, truth: Reference) -> None:
        """Each phone has its own people, as the server knows them, and nobody else's."""
        clubs = {uuid_: code for code, uuid_ in self.world.clubs.items()}
        for person in self.people:
            reach = {person.club} if person.club else {TQ}
            should = {
                i: (one.label, one.version)
                for i, one in truth.entities.items()
                if clubs[one.data["club_id"]] in reach and _may_have(person.role, one)
            }
            rows = person.device.lists["members"]
            here = {row["name"]: (row["label"], int(row["__version"])) for row in rows}
            self._must(here == should, f"the list on the phone of {person.name} is not its own")
            same = all(
                value == _shown(truth, row["name"], name)
                for row in rows
                if row["name"] in truth.entities
                for name, value in row.items()
                if name not in ("name", "label") and not name.startswith("__")
            )
            self._must(same, f"what the phone of {person.name} says of somebody is not so")

    def _figures(self, truth: Reference) -> None:
        for code, club in self.world.clubs.items():
            here = {
                (name, period): int(self.world.figure(name, period, code) or 0)
                for name in ("B01", "C07", "D01")
                for period in PERIODS
            }
            should = {
                **{("B01", period): _members(truth, club) for period in PERIODS},
                **{("C07", period): _visits_in(truth, club, period) for period in PERIODS},
                **{("D01", period): _checks_in(truth, club, period) for period in PERIODS},
            }
            self._must(here == should, f"figures of {code}: {here} and not {should}")

    def _verify(self) -> None:
        runtime = self.world.runtime
        with tempfile.TemporaryDirectory() as scratch, runtime.database.read() as db:
            found = verify.verify(db, runtime.library, Path(scratch), self.world.clock())
        self._must(not found, f"verify: {found[:5]}")


# ------------------------------------------------------------------ recounting, as domain.md says


FOUND = load_library().lists["members"].computed.keys()  # by the server, whatever phones say


def _said(data: Mapping[str, str]) -> dict[str, str]:
    """What phones said of an entity as far as it is theirs to say."""
    return {name: value for name, value in data.items() if name not in FOUND}


def _shown(truth: Reference, member: str, name: str) -> str:
    """What a phone must show of a member."""
    if name not in FOUND:
        return truth.entities[member].data.get(name, "")
    if name != "last_check_on":
        return ""  # nobody is measured or visited with a next time in these weeks
    checks = [one for one in truth.current() if one.form_id == "health_check"]
    days = [one.answer("check_date") for one in checks if one.answer("member") == member]
    return max(days, default="")


def _silent(db: sa.Connection) -> dict[str, frozenset[int]]:
    """The version numbers in which the server only says that it found another value."""
    e, v = tables.entities.c, tables.entity_versions.c
    query = sa.select(e.uuid, v.version).join(tables.entities, e.id == v.entity_id)
    found: dict[str, set[int]] = {}
    for row in db.execute(query.where(v.actor == "system")):
        found.setdefault(row.uuid, set()).add(row.version)
    return {uuid_: frozenset(numbers) for uuid_, numbers in found.items()}


def _may_have(role: str, member: Entity) -> bool:
    """domain §3.9: who is on whose phone (all members of these weeks are active)."""
    told = member.data
    if role == "volunteer":
        return told.get("c_care") == "yes" or told.get("is_volunteer") == "yes"
    return role != "health" or told.get("c_health") == "yes"


def _of_club(one: Kept, club: str) -> bool:
    return one.answer("club") == club


def _members(truth: Reference, club: str) -> int:
    forms = [one for one in truth.current() if one.form_id == "membership"]
    return sum(_of_club(one, club) for one in forms)


def _visits_in(truth: Reference, club: str, period: str) -> int:
    return sum(
        one.form_id == "care_visit"
        and _of_club(one, club)
        and one.answer("outcome") == "met"
        and _half(one.answer("visit_date")) == period
        for one in truth.current()
    )


def _checks_in(truth: Reference, club: str, period: str) -> int:
    return sum(
        one.form_id == "health_check"
        and _of_club(one, club)
        and _half(one.answer("check_date")) == period
        for one in truth.current()
    )


def _half(day: str) -> str:
    return f"{day[:4]}H{1 if day[5:7] <= '06' else 2}"


# ------------------------------------------------------------------ material


def _someone(person: Person, random: Random) -> dict[str, str] | None:
    rows = person.device.lists.get("members", [])
    return random.choice(rows) if rows else None


def _word(number: int) -> str:
    """A name that no other number has and no spelling rule joins with another's."""
    syllables = ("An", "Bình", "Cúc", "Dung", "Giang", "Hạnh", "Kim", "Liên", "Mận", "Ngọc")
    return " ".join(syllables[int(digit)] for digit in str(number))


def _photos(random: Random) -> dict[str, bytes]:
    names = ("1767348000123.jpg", "ảnh nhà.jpg", "a b.jpg", "1767348000124.jpg")
    chosen = random.sample(names, random.choice((0, 1, 2, 3)))
    return {name: random.randbytes(random.choice((0, 900, 5_000, 9_000))) for name in chosen}


def _text(xml: bytes, name: str) -> str:
    opening = f"<{name}>".encode()
    return xml.partition(opening)[2].partition(b"<")[0].decode() if opening in xml else ""


def _versions(db: sa.Connection) -> list[bytes]:
    return list(db.execute(sa.select(tables.submission_versions.c.xml)).scalars())


def _url(world: World) -> str:
    return world.database.url.render_as_string(hide_password=False)


def run_week(database: Database, folder: Path, steps: Sequence[Step]) -> Result:
    """One week on this migrated, empty database."""
    world = a_world(
        database,
        folder,
        NOW,
        clubs_of=CLUBS,
        founded_on=FOUNDED,
        with_news=True,
        post_bytes=POST_BYTES,
    )
    week = Week(world)
    try:
        week.begins()
        for step in steps:
            week.does(step)
        week.ends()
        return week.looks()
    finally:
        week.other.dispose()
        world.database.dispose()
