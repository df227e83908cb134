"""An installation of real processes, embedded or of production's shape, with phones that send."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self
from unittest.mock import patch
from urllib.parse import urlsplit

from server.runtime import Runtime, open_runtime, utc_now
from server.serve import prepare
from server.settings import read_settings
from sync import accounts, clubs, publish, queue
from sync.database import Database
from tests.device import Device
from tests.journeys.faults.clock import SteppedClock
from tests.journeys.faults.ledger import Ledger, Line
from tests.journeys.faults.parts import Cayda, Postgres, Valkey, health, kill, wait_for
from tests.journeys.faults.phones import Owner
from tests.journeys.faults.proxy import Proxy
from tests.journeys.forms import news
from tests.s3 import a_bucket
from tests.server.serving import CAYDA, ROOT, free_port

CLUBS = (
    {"club_code": "48-TQ-01", "name": "CLB Thọ Quang 1", "unit_code": "20263"},
    {"club_code": "48-HQ-01", "name": "CLB Hòa Quý 1", "unit_code": "20287"},
)
AGAIN_AFTER = 0.5  # seconds after which what watches the processes starts one again
POST_BYTES = 100_000  # so that photos of one form go in several POSTs


class Stage(ABC):
    """What runs, the ledger of what phones sent to it, and the phones."""

    def __init__(self, folder: Path, clock: SteppedClock | None = None) -> None:
        self.folder = folder
        self.clock = clock
        self.data = folder / "data"
        self.ledger = Ledger()
        self.owners: list[Owner] = []
        self.random = random.Random(0)
        self.runtime: Runtime

    @property
    def database(self) -> Database:
        """With new connections only: those of before a fault may be dead."""
        self.runtime.database.dispose()
        return self.runtime.database

    @abstractmethod
    def start(self) -> None: ...

    def stop(self) -> None:
        for one in self.caydas:
            if one.is_running:
                one.kill()
        for owner in self.owners:
            owner.leaves()
        self.database.dispose()

    @property
    @abstractmethod
    def caydas(self) -> Sequence[Cayda]:
        """All of ours that run."""

    @property
    @abstractmethod
    def door(self) -> int:
        """The port that phones know."""

    @property
    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """The settings, as every command gets them."""

    @property
    def running(self) -> Mapping[str, str]:
        """The same for what runs all the time: its clock may be stepped."""
        return {**self.environment, **(self.clock.environment if self.clock else {})}

    @abstractmethod
    def kill_workers(self) -> None:
        """All of them at once; others take their places."""

    # ---- its life
    def prepare(self) -> None:
        """Schema, library, clubs and our form for news, as an operator gives them."""
        with patch.dict(os.environ, self.environment):  # a bucket's names are read there only
            self.runtime = open_runtime(read_settings())
            prepare(self.runtime)
        library, now = self.runtime.library, utc_now()
        with self.database.write() as db:
            founded = [{**row, "founded_on": "2019-06-01"} for row in CLUBS]
            self._clubs = clubs.import_clubs(db, library, founded, now, "operator").uuids
            publish.publish_form(db, library, news(1), {}, now, "operator")

    def with_phones(self, count: int = 4, seed: int = 1, rest: float = 0.1) -> Self:
        """Chairs of two clubs, each with a phone; `rest`: seconds between what they do."""
        for number in range(count):
            token = secrets.token_hex(32)
            code = CLUBS[number % len(CLUBS)]["club_code"]
            club = self._clubs[code]
            with self.database.write() as db:
                accounts.add_app_user(db, f"phone {number}", "chair", None, club, token, utc_now())
            url = f"http://127.0.0.1:{self.door}/v1/key/{token}/projects/1"
            phone = Device(url, Line(self.ledger), club).receives()
            self.owners.append(Owner(phone, self.ledger, seed + number, rest))
        return self

    def phones_send(self) -> None:
        for owner in self.owners:
            owner.picks_it_up()

    def phones_settle(self) -> None:
        """Nothing new, until nothing waits on any phone."""
        for owner in self.owners:
            owner.puts_it_down()
        for owner in self.owners:
            owner.settles()

    def drains(self, seconds: float = 120, *, hurry: bool = False) -> float:
        """Until nothing waits in the queue → seconds; none of it failed. hurry: time flies."""

        def is_empty() -> bool:
            if hurry:
                self.lets_time_pass()
                self.runtime.jobs.wake()
            with self.database.read() as db:
                return queue.depth(db).waiting == 0

        took = wait_for(is_empty, "the queue is empty", seconds, every=0.3)
        with self.database.read() as db:
            failed = queue.failed(db)
        assert failed == [], [(one.name, one.error) for one in failed]
        return took

    def lets_time_pass(self) -> None:
        """Leases and waits of work end, as if minutes had gone by."""
        with self.database.write() as db:
            queue.release(db, utc_now())

    def cayda(self, *arguments: str, home: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(
            [*CAYDA, *arguments],
            env=dict(self.environment),
            cwd=home,
            capture_output=True,
            text=True,
        )

    def health(self) -> int:
        """What the first that listens says to /healthz."""
        return health(next(one.port for one in self.caydas if one.port))

    def any_of(self, parts: Sequence[Cayda]) -> Cayda:
        return self.random.choice(parts)


class Embedded(Stage):
    """`cayda serve` on one folder."""

    def __init__(self, folder: Path, clock: SteppedClock | None = None) -> None:
        super().__init__(folder, clock)
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.serve = Cayda("serve", ["serve"], self.running, folder / "serve.log", self.port)

    @property
    def environment(self) -> Mapping[str, str]:
        return _ours(CAYDA_DATA=str(self.data), CAYDA_PORT=str(self.port))

    @property
    def caydas(self) -> Sequence[Cayda]:
        return [self.serve]

    def start(self) -> None:
        self.prepare()
        self.serve.start()
        self.serve.wait_until_ready()

    def kill_workers(self) -> None:
        kill(self.serve.worker())

    @property
    def door(self) -> int:
        return self.port


class Production(Stage):
    """Web and work twice each, PostgreSQL, Valkey, a bucket, and a balancer in front."""

    def __init__(
        self, folder: Path, clock: SteppedClock | None = None, disk: Path | None = None
    ) -> None:
        super().__init__(folder, clock)
        folder.mkdir(parents=True, exist_ok=True)
        self.postgres = Postgres((disk or folder) / "pg")
        self.valkey = Valkey(folder / "valkey")
        self._bucket = a_bucket(folder / "store")
        self.bucket, self._keys = self._bucket.__enter__()
        self.store = Proxy([urlsplit(self._keys["AWS_ENDPOINT_URL"]).port or 0])
        self.store.start()
        self.secret = secrets.token_hex(32)
        self.webs = [self._cayda("web", n, free_port()) for n in range(2)]
        self.works = [self._cayda("work", n) for n in range(2)]
        self.balancer = Proxy([web.port for web in self.webs if web.port])

    def _cayda(self, verb: str, number: int, port: int | None = None) -> Cayda:
        name = f"{verb}{number}"
        return Cayda(name, [verb], self.running, self.folder / f"{name}.log", port)

    @property
    def environment(self) -> Mapping[str, str]:
        return _ours(
            CAYDA_DATA=str(self.data),
            CAYDA_BLOBS=self.bucket,
            CAYDA_SECRET=self.secret,
            DATABASE_URL=self.postgres.url,
            REDIS_URL=self.valkey.url,
            **{**self._keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.store.port}"},
        )

    @property
    def caydas(self) -> Sequence[Cayda]:
        return [*self.webs, *self.works]

    def start(self) -> None:
        self.prepare()
        self.balancer.start()
        for one in self.caydas:
            one.start()
        for one in self.webs:
            one.wait_until_ready()

    def kill_workers(self) -> None:
        for one in self.works:
            one.kill()
            one.start()

    @property
    def door(self) -> int:
        return self.balancer.port

    def stop(self) -> None:
        super().stop()
        self.balancer.stop()
        self.store.stop()
        self._bucket.__exit__(None, None, None)
        self.valkey.stop()
        self.postgres.stop()


def _ours(**settings: str) -> Mapping[str, str]:
    """The environment of every process: nothing of the tests' own settings."""
    names = ("CAYDA_", "DATABASE_URL", "REDIS_URL")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(names)}
    return {**kept, "CAYDA_POST_BYTES": str(POST_BYTES), **settings}
