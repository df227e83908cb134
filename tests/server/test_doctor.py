"""What is wrong with an installation is found, each by itself, with what to do about it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from server import doctor
from server.app import create_app
from server.cli import main
from server.runtime import Runtime
from server.serve import prepare
from sync import gauges, queue, status, workers
from sync.blobs import open_blobs
from sync.database import Database
from tests.conftest import NOW
from tests.server.conftest import TOKEN, Door, instance


@pytest.fixture
def well(door: Door) -> Runtime:
    """An installation that nothing is wrong with."""
    settings = replace(door.runtime.settings, public_url="https://cay-da.vn", trust_proxy=True)
    runtime = replace(door.runtime, settings=settings, now=lambda: datetime.now(NOW.tzinfo))
    prepare(runtime)
    return runtime


def wrong(runtime: Runtime) -> set[str]:
    """What is found wrong; each says in both languages what to do."""
    found = [one for one in doctor.examine(runtime) if not one.good]
    for one in found:
        vi, _, en = one.to_do.partition(" / ")
        assert vi, one
        assert en, one
    return {one.what for one in found}


def test_nothing_is_wrong_with_an_installation_that_is_well(well: Runtime) -> None:
    assert wrong(well) == set()
    assert {one.what for one in doctor.examine(well)} >= doctor.LOOKS.keys() - {doctor.REDIS}


def test_everything_that_may_be_wrong_says_what_to_do() -> None:
    assert doctor.TO_DO.keys() >= doctor.LOOKS.keys()


def test_a_clock_far_from_the_databases_or_behind_what_came_is_wrong(well: Runtime) -> None:
    ahead = replace(well, now=lambda: datetime.now(NOW.tzinfo) + timedelta(hours=1))
    assert wrong(ahead) == (set() if well.database.is_sqlite else {doctor.CLOCK})


def test_a_clock_that_was_set_back_since_the_last_submission_is_wrong(door: Door) -> None:
    door.clock.time += timedelta(hours=2)
    door.post(instance())
    door.clock.time -= timedelta(hours=1)
    assert doctor.CLOCK in wrong(door.runtime)


def test_a_full_disk_is_wrong(well: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10_000_000))
    assert wrong(well) == {doctor.DISK}


def test_a_folder_that_takes_no_files_is_wrong(
    well: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tempfile.TemporaryFile

    def read_only(**where: Any) -> Any:
        if where["dir"] == well.settings.data:
            raise PermissionError(13, "Permission denied")
        return real(**where)

    monkeypatch.setattr(tempfile, "TemporaryFile", read_only)
    (tmp_path / "a file").write_text("")
    other = replace(well, blobs=open_blobs(str(tmp_path / "a file")))
    assert wrong(other) == {doctor.FOLDER, doctor.BLOBS}


def test_a_missing_index_is_wrong_and_the_statement_that_makes_it_is_told(well: Runtime) -> None:
    with well.database.write() as db:
        db.execute(sa.text("DROP INDEX ix_mentions_uuid"))
    try:
        assert wrong(well) == {doctor.INDEXES}
        (told,) = (one.found for one in doctor.examine(well) if one.what == doctor.INDEXES)
    finally:
        with well.database.write() as db:
            db.execute(sa.text("CREATE INDEX ix_mentions_uuid ON mentions (uuid, record_id)"))
    assert told == "CREATE INDEX ix_mentions_uuid ON mentions (uuid, record_id)"
    assert wrong(well) == set()


def test_an_old_schema_is_wrong_and_looked_at_without_bringing_it_up(well: Runtime) -> None:
    def note(revision: str) -> None:
        with well.database.write() as db:
            db.execute(sa.text("UPDATE alembic_version SET version_num = :at"), {"at": revision})

    head = doctor.HEAD
    try:
        note("0001")
        assert wrong(well) == {doctor.SCHEMA}
        url = well.database.url.render_as_string(hide_password=False)
        environment = {"DATABASE_URL": url, "CAYDA_DATA": str(well.settings.data)}
        done = CliRunner().invoke(main, ["doctor"], env=environment)
        assert done.exit_code == 1
        assert f"✗ {doctor.SCHEMA}: 0001 / {head}\n  → Chạy “cayda migrate”." in done.output
    finally:
        note(head)


def test_a_database_that_is_away_hides_nothing_else(well: Runtime) -> None:
    away = replace(well, database=Database("postgresql://127.0.0.1:1/x"))
    found = wrong(away)
    assert {doctor.DATABASE, doctor.SCHEMA, doctor.CLOCK} <= found
    assert not {doctor.DISK, doctor.FOLDER, doctor.BLOBS, doctor.TLS} & found
    told = {one.what: one for one in doctor.examine(away)}
    assert "Connection refused" in told[doctor.SCHEMA].found
    assert told[doctor.SCHEMA].to_do == doctor.TO_DO[doctor.DATABASE]  # not that it be migrated


def test_a_redis_that_cannot_be_reached_is_wrong(well: Runtime) -> None:
    settings = replace(well.settings, redis_url="redis://127.0.0.1:1/0")
    assert wrong(replace(well, settings=settings)) == {doctor.REDIS}


def test_files_that_are_not_where_they_should_be_are_missed(door: Door, tmp_path: Path) -> None:
    door.post(instance(photo="a.jpg"), {"a.jpg": b"x"})
    assert doctor.FILES not in wrong(door.runtime)
    other = replace(door.runtime, blobs=open_blobs(str(tmp_path / "another disk")))
    assert doctor.FILES in wrong(other)


def test_another_key_is_wrong(well: Runtime) -> None:
    assert wrong(replace(well, settings=replace(well.settings, secret="ab" * 32))) == {doctor.KEY}


def change(well: Runtime, do: Callable[[sa.Connection, datetime], object]) -> None:
    with well.database.write() as db:
        do(db, well.now())


def test_work_that_nobody_does_waits_long_or_failed_is_wrong(well: Runtime) -> None:
    change(well, lambda db, now: queue.add(db, "process", 1, now=now))
    assert wrong(well) == {doctor.WORKER}
    change(well, lambda db, now: workers.beat(db, "a:1", now, now))
    assert wrong(well) == set()
    change(well, lambda db, now: queue.add(db, "x", 2, now=now - timedelta(hours=1)))
    change(well, lambda db, now: queue.done(db, queue.claim(db, "process", 9, now)))
    assert wrong(well) == {doctor.WAITING}

    (work,) = [queue.Work(2, "x", 2, None, queue.MOST_TRIES)]
    change(well, lambda db, now: queue.fail(db, replace(work, id=_only_id(db)), "Oops", now))
    assert wrong(well) == {doctor.FAILED}
    change(well, queue.retry)
    assert doctor.FAILED not in wrong(well)


def _only_id(db: sa.Connection) -> int:
    return int(db.execute(sa.text("SELECT id FROM queue")).scalar_one())


def test_a_backup_of_last_month_is_wrong(well: Runtime) -> None:
    change(well, lambda db, now: gauges.note_backup(db, now - timedelta(days=1)))
    assert wrong(well) == set()
    change(well, lambda db, now: gauges.note_backup(db, now - timedelta(days=30)))
    assert wrong(well) == {doctor.BACKUP}


def test_passwords_in_the_clear_are_wrong(well: Runtime) -> None:
    def with_(**given: Any) -> set[str]:
        return wrong(replace(well, settings=replace(well.settings, **given)))

    assert with_(public_url="http://cay-da.vn") == {doctor.TLS}
    assert with_(public_url=None, host="0.0.0.0") == {doctor.TLS}
    assert with_(public_url=None) == set()
    assert with_(trust_proxy=False) == {doctor.PROXY}


def test_a_proxy_that_is_not_believed_is_seen_and_told(well: Runtime) -> None:
    plain = replace(well, settings=replace(well.settings, trust_proxy=False, public_url=None))
    client = create_app(plain.settings, plain).test_client()
    told, strangers = {"X-Forwarded-For": "203.0.113.9"}, {"REMOTE_ADDR": "1.2.3.4"}
    client.get("/sign-in", headers=told, environ_base=strangers)  # anybody can send a header
    client.get(f"/v1/key/{TOKEN}/projects/1/formList", headers=told)  # no phone is made to write
    client.get("/sign-in")
    assert wrong(plain) == set()
    client.get("/sign-in", headers=told)
    assert wrong(plain) == {doctor.PROXY}
    (found,) = doctor.unheeded_proxy(plain)
    assert "X-Forwarded-For" in found.found
    assert wrong(well) == set()  # once it is set
    month = timedelta(days=30)
    assert doctor.unheeded_proxy(replace(plain, now=lambda: well.now() + month)) == []


def test_the_time_of_the_last_arrival_is_that_of_the_last_number(door: Door) -> None:
    with door.database.read() as db:
        assert status.newest_received_at(db) is None
    door.post(instance())
    with door.database.read() as db:
        assert status.newest_received_at(db) == NOW
