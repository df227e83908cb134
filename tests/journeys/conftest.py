"""A whole server with its library, one club of Lan and Minh and another of Hoa; no sockets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from forms.library import load_library
from server import tasks
from server.app import create_app
from server.runtime import Runtime
from server.settings import Settings
from sync import accounts, clubs, places, publish, tables
from sync.blobs import open_blobs
from sync.database import Database
from tests.conftest import NOW
from tests.device import Device

FOUNDED = "2019-06-01"


class QuietJobs:
    """Nobody is woken: a test says itself when the server works."""

    def wake(self) -> None:
        pass


@dataclass
class World:
    """The server and what a story asks of it."""

    app: Flask
    runtime: Runtime
    clubs: dict[str, str]  # code -> uuid
    numbers: Iterator[int]

    @property
    def database(self) -> Database:
        return self.runtime.database

    def works(self) -> None:
        """The worker does all there is to do."""
        tasks.run_until_empty(self.runtime)

    def phone(self, role: str, club: str = "48-TQ-01") -> Device:
        token = f"{next(self.numbers):064d}"
        with self.database.write() as db:
            club_id = self.clubs[club]
            accounts.add_app_user(db, f"{role} {token[-2:]}", role, None, club_id, token, NOW)
        return Device(f"http://localhost/v1/key/{token}/projects/1", self.app, club_id)

    def health_phone(self, unit_code: str = "20263") -> Device:
        token = f"{next(self.numbers):064d}"
        with self.database.write() as db:
            unit = places.find_unit(db, unit_code, NOW.date())
            assert unit is not None
            accounts.add_app_user(db, "health", "health", unit.id, None, token, NOW)
        return Device(
            f"http://localhost/v1/key/{token}/projects/1", self.app, self.clubs["48-TQ-01"]
        )

    def founds_anew(self, club: str, day: str, ended_on: str = "") -> None:
        """The operator loads the club's row again, with another founding day or an end."""
        row = {"club_code": club, "name": "CLB Thọ Quang 1", "unit_code": "20263"}
        with self.database.write() as db:
            founded = [{**row, "founded_on": day, "ended_on": ended_on}]
            clubs.import_clubs(db, self.runtime.library, founded, NOW, "operator")

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


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    settings = Settings(data=tmp_path, database_url=database.url.render_as_string(False))
    library = load_library()
    clock: list[datetime] = [NOW]
    runtime = Runtime(
        settings, database, open_blobs(settings.blobs), QuietJobs(), library, lambda: clock[0]
    )
    rows = [
        {"club_code": "48-TQ-01", "name": "CLB Thọ Quang 1", "unit_code": "20263"},
        {"club_code": "48-HQ-01", "name": "CLB Hòa Quý 1", "unit_code": "20287"},
    ]
    with database.write() as db:
        places.load_units(db, library.units, library.successions)
        publish.publish_library(db, runtime.blobs, library, NOW)
        founded = [{**row, "founded_on": FOUNDED} for row in rows]
        imported = clubs.import_clubs(db, library, founded, NOW, "operator")
    return World(create_app(settings, runtime), runtime, dict(imported.uuids), itertools.count(1))
