"""Phones over real sockets to real processes, which are killed in the worst moments."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from server.runtime import open_vault
from server.settings import Settings
from sync import tables
from sync.database import Database
from tests.device import Device
from tests.journeys.forms import news
from tests.network import Socket
from tests.server.serving import CAYDA, ROOT, Server, a_server

CLUBS = "club_code,name,unit_code,founded_on\n48-TQ-01,CLB Thọ Quang 1,20263,2025-06-01\n"
PHOTOS = {f"ảnh {n}.jpg": bytes([n]) * 60_000 for n in range(4)}  # two POSTs and a bit


class Killed:
    """`cayda serve`, which somebody keeps killing with SIGKILL and starting again."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.process: subprocess.Popen[bytes] | None = None

    def starts(self) -> None:
        self.process = subprocess.Popen(
            [*CAYDA, "serve"],
            env=dict(self.server.environment),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 90
        while time.monotonic() < until:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.server.get("/healthz")[0] == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def dies(self) -> None:
        """All its processes at once, as in a power cut; nobody can tidy up."""
        assert self.process is not None
        mine = psutil.Process(self.process.pid)
        for one in [mine, *mine.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                os.kill(one.pid, 9)
        self.process.wait(30)

    def restarts(self) -> None:
        self.dies()
        self.starts()

    def what_differs(self) -> str:
        """From what recomputing gives, once the worker has done all that waits; "" = nothing."""
        until = time.monotonic() + 60
        while True:
            done = self.server.cayda("verify", "--json")
            told = json.loads(done.stdout)
            if not told["waiting"]:
                return "" if done.returncode == 0 else done.stdout
            assert time.monotonic() < until, "the worker does nothing"
            time.sleep(0.3)


@pytest.fixture
def server(database: Database, tmp_path: Path) -> Iterator[Killed]:
    url = {} if database.is_sqlite else {"DATABASE_URL": _url(database)}
    made = a_server(tmp_path / "data", CAYDA_POST_BYTES="100000", **url)
    (tmp_path / "clubs.csv").write_text(CLUBS, encoding="utf-8")
    (tmp_path / "news.xml").write_bytes(news(1).xform)
    assert made.cayda("migrate").returncode == 0
    killed = Killed(made)
    killed.starts()
    try:
        for command in (
            ("club", "load", str(tmp_path / "clubs.csv")),
            ("form", "publish", str(tmp_path / "news.xml")),
        ):
            done = made.cayda(*command)
            assert done.returncode == 0, done.stderr
        yield killed
    finally:
        killed.dies()


def _url(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


@pytest.fixture
def lan(server: Killed) -> Iterator[Device]:
    url = server.server.json("phone", "add", "Lan", "--role", "chair", "--club", "48-TQ-01")["url"]
    phone = Device(url, Socket(), "", restart=server.restarts).receives()
    phone.club_id = phone.lists["clubs"][0]["name"]
    yield phone
    phone.weather.line.hangs_up()


def kept(database: Database, server: Killed) -> Database:
    vault = open_vault(Settings(server.server.data))
    if database.is_sqlite:
        return Database(f"sqlite:///{server.server.data / 'cayda.db'}", vault)
    return Database(_url(database), vault)


def eventually_knows(phone: Device, members: int) -> None:
    until = time.monotonic() + 60
    while len(phone.receives().members()) != members:
        assert time.monotonic() < until, "the worker does nothing"
        time.sleep(0.3)


def test_c22_a_server_killed_between_and_within_the_posts_of_a_form_loses_nothing(
    database: Database, server: Killed, lan: Device
) -> None:
    ba = lan.registers("Trần Thị Ba", 1948, joined="2025-07-10")
    assert lan.sends() == 1
    eventually_knows(lan, 1)
    filled = lan.notes(ba, hamlet="tổ 7", photos=PHOTOS)
    lan.notes(ba, hamlet="tổ 8")
    # HEAD; the first POST is kept and the server dies before it can say so; okhttp repeats at once.
    lan.meets("", "restart_behind", "", "restart_before", "", "cut_inside")
    lan.sends()
    assert lan.outbox == []
    lan.meets("", "cut_inside", "cut_inside", "cut_inside")
    lan.visits(ba, on="2025-09-01")
    assert lan.sends() == 0
    server.restarts()
    lan.loses_power()
    assert lan.sends() == 1
    eventually_knows(lan, 1)

    here = kept(database, server)
    with here.read() as db:
        xmls = list(db.execute(sa.select(tables.submission_versions.c.xml)).scalars())
        a, v = tables.attachments.c, tables.submission_versions.c
        names = db.execute(
            sa.select(a.name, a.sha256)
            .join(tables.submission_versions, v.id == a.submission_version_id)
            .where(v.instance_id == filled.instance_id)
        )
        files = {
            name: (server.server.data / "blobs" / sha[:2] / sha).read_bytes() for name, sha in names
        }
    here.dispose()
    assert sorted(map(bytes, xmls)) == sorted(one.xml for one in lan.sent)
    assert files == filled.files
    until = time.monotonic() + 60
    while lan.receives().entities["members"][ba].trunk_version != 3:
        assert time.monotonic() < until
        time.sleep(0.3)
    assert server.what_differs() == ""
