"""A whole server with its library, one club of Lan and Minh and another of Hoa; no sockets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from forms.library import load_library
from server import tasks
from server.app import create_app
from server.runtime import Runtime
from server.settings import Settings
from sync import accounts, clubs, places, publish, queue, tables
from sync.blobs import open_blobs
from sync.database import Database
from tests.device import Device
from tests.journeys.forms import news
from tests.network import Door
from tests.sync.library_world import publish_once

FOUNDED = "2019-06-01"
CLUBS = (
    {"club_code": "48-TQ-01", "name": "CLB Thọ Quang 1", "unit_code": "20263"},
    {"club_code": "48-HQ-01", "name": "CLB Hòa Quý 1", "unit_code": "20287"},
)


class QuietJobs:
    """Nobody is woken: a test says itself when the server works."""

    def wake(self) -> None:
        pass


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    time: datetime

    def __call__(self) -> datetime:
        return self.time

    def moves(self, **how_far: float) -> None:
        self.time += timedelta(**how_far)


@dataclass
class World:
    """The server and what a story asks of it."""

    runtime: Runtime
    clock: Clock
    door: Door
    clubs: dict[str, str] = field(default_factory=dict)  # code -> uuid
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def database(self) -> Database:
        return self.runtime.database

    @property
    def app(self) -> Flask:
        return self.door.app

    # ---- the server's life
    def works(self, pace: tasks.Pace | None = None) -> None:
        """The worker does all there is to do; with a pace it leaves some figures for later."""
        tasks.run_until_empty(self.runtime, None, pace)

    def restarts(self) -> None:
        """The process ends and another begins, on the same database and files."""
        url = self.database.url
        self.database.dispose()
        database = Database(url.render_as_string(hide_password=False), self.database.vault)
        blobs = open_blobs(self.runtime.settings.blobs)
        self.runtime = replace(self.runtime, database=database, blobs=blobs)
        self.door.app = create_app(self.runtime.settings, self.runtime)

    def a_worker_dies(self) -> None:
        """It took work and never said how that ended."""
        with self.database.write() as db:
            queue.claim(db, "process", 3, self.clock())

    def publishes_news(self, version: int) -> None:
        """Our own form in this version is what phones get from now on."""
        with self.database.write() as db:
            library = self.runtime.library
            publish.publish_form(db, library, news(version), {}, self.clock(), "operator")

    def sets_state(self, form: str, state: str) -> None:
        with self.database.write() as db:
            publish.set_state(db, form, state, self.clock(), "operator")

    # ---- phones
    def new_url(self, name: str, role: str, club: str | None, unit_code: str | None = None) -> str:
        """What the QR of a new phone holds."""
        token = f"{next(self.numbers):064d}"
        with self.database.write() as db:
            unit_id = None
            if unit_code is not None:
                unit = places.find_unit(db, unit_code, self.clock().date())
                assert unit is not None
                unit_id = unit.id
            club_id = self.clubs[club] if club else None
            accounts.add_app_user(db, name, role, unit_id, club_id, token, self.clock())
        return f"http://localhost/v1/key/{token}/projects/1"

    def phone(self, role: str, club: str = "48-TQ-01", **options: Any) -> Device:
        url = self.new_url(f"{role} {next(self.numbers)}", role, club)
        return self._device(url, club, options)

    def health_phone(self, unit_code: str = "20263", **options: Any) -> Device:
        url = self.new_url(f"health {next(self.numbers)}", "health", None, unit_code)
        return self._device(url, "48-TQ-01", options)

    def _device(self, url: str, club: str, options: dict[str, Any]) -> Device:
        return Device(url, self.door, self.clubs[club], restart=self.restarts, **options)

    def revokes(self, phone: Device) -> None:
        """The operator takes back the QR this phone was set up with."""
        mark = accounts.token_sha256(phone.server_url.split("/key/")[1].split("/")[0])
        with self.database.write() as db:
            c = tables.app_users.c
            found = db.execute(sa.select(c.id).where(c.token_sha256 == mark)).scalar_one()
            accounts.revoke(db, found, self.clock())

    def founds_anew(self, club: str, day: str, ended_on: str = "") -> None:
        """The operator loads the club's row again, with another founding day or an end."""
        row = {"club_code": club, "name": "CLB Thọ Quang 1", "unit_code": "20263"}
        with self.database.write() as db:
            founded = [{**row, "founded_on": day, "ended_on": ended_on}]
            clubs.import_clubs(db, self.runtime.library, founded, self.clock(), "operator")

    # ---- what is kept and counted
    def figure(self, indicator: str, period: str, club: str = "48-TQ-01") -> Decimal | None:
        """The stored numerator of one club."""
        c = tables.figures.c
        with self.database.read() as db:
            return db.execute(
                sa.select(c.numerator).where(
                    c.indicator == indicator,
                    c.period == period,
                    c.calendar == "calendar",
                    c.club_id == self.clubs[club],
                    c.cut == "",
                )
            ).scalar()

    def count(self, table: sa.Table) -> int:
        with self.database.read() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def answers(self, form: str) -> list[dict[str, str]]:
        with self.database.read() as db:
            c = tables.records.c
            found = sa.select(c.answers).where(c.form == form, c.table_path == "").order_by(c.id)
            return list(db.execute(found).scalars())

    def flags(self, form: str) -> list[str]:
        """Codes of what was noticed of each version received, in the order of arrival."""
        v, f = tables.submission_versions.c, tables.forms.c
        query = sa.select(v.problems).join(tables.forms, f.id == v.form_id)
        with self.database.read() as db:
            rows = db.execute(query.where(f.xml_form_id == form).order_by(v.id)).scalars()
            return [problem["code"] for problems in rows for problem in problems]

    def files(self) -> list[tuple[str, str, bytes]]:
        """instanceID, name and bytes of every attachment, read anew."""
        a, v = tables.attachments.c, tables.submission_versions.c
        query = sa.select(v.instance_id, a.name, a.sha256).join(
            tables.submission_versions, v.id == a.submission_version_id
        )
        with self.database.read() as db:
            rows = list(db.execute(query.order_by(v.id, a.name)))
        return [(i, n, self._bytes(sha256)) for i, n, sha256 in rows]

    def _bytes(self, sha256: str) -> bytes:
        with self.runtime.blobs.open(sha256) as file:
            return file.read()


def a_world(
    database: Database,
    folder: Path,
    now: datetime,
    *,
    clubs_of: Sequence[Mapping[str, str]] = CLUBS,
    founded_on: str = FOUNDED,
    with_news: bool = False,
    post_bytes: int = 10_000_000,
) -> World:
    """A server on this migrated, empty database."""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(data=folder, database_url=url, post_bytes=post_bytes)
    clock, library = Clock(now), load_library()
    blobs = open_blobs(settings.blobs)
    runtime = Runtime(settings, database, blobs, QuietJobs(), library, clock)
    publish_once(database, folder, library, now)
    with database.write() as db:
        founded = [{**row, "founded_on": founded_on} for row in clubs_of]
        imported = clubs.import_clubs(db, library, founded, now, "operator")
    world = World(runtime, clock, Door(create_app(settings, runtime)), dict(imported.uuids))
    if with_news:
        world.publishes_news(1)
    return world
