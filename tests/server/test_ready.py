"""A process starts on the schema of its code and with the key of its data, or says why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from server import ready
from server.runtime import open_runtime
from server.serve import prepare, prepare_folder
from server.settings import SettingError, secret_key
from sync import accounts, generation
from sync.database import Database, upsert
from sync.tables import counters, submission_versions
from sync.vault import Locked
from tests.conftest import NOW
from tests.server.conftest import Door, instance
from tests.server.serving import a_server


def note_revision(database: Database, revision: str) -> None:
    with database.write() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = :at"), {"at": revision})


def test_a_schema_older_than_the_code_is_refused_and_a_newer_one_is_not(door: Door) -> None:
    from sync.migrations import HEAD

    try:
        note_revision(door.database, "0001")
        with pytest.raises(SettingError, match=r"cayda migrate.* / .*cayda migrate"):
            ready.check(door.runtime)
        note_revision(door.database, "9999")  # this is the code of yesterday, during an upgrade
        ready.check(door.runtime)
    finally:
        note_revision(door.database, HEAD)


def test_a_worker_older_than_the_data_is_refused_and_a_web_is_not(door: Door) -> None:
    with door.database.write() as db:
        newer = {"name": generation.DERIVED, "value": generation.GENERATION + 1}
        upsert(db, counters, [newer], ["name"])
    ready.check(door.runtime)
    with pytest.raises(SettingError, match="newer code"):
        ready.check(door.runtime, works=True)


def test_a_machine_with_another_key_is_refused_until_it_is_said_that_the_old_one_is_lost(
    door: Door,
) -> None:
    prepare(door.runtime)
    ready.check(door.runtime)
    settings = replace(door.runtime.settings, secret="ab" * 32)
    other = replace(door.runtime, settings=settings)
    for start in (ready.check, prepare):
        with pytest.raises(SettingError, match=r"^CAYDA_SECRET: .*--new-key.* / .*--new-key"):
            start(other)
    prepare(other, new_key=True)
    ready.check(other)
    with pytest.raises(SettingError):
        ready.check(door.runtime)


def test_a_key_is_changed_with_the_old_one_and_not_without_it(
    door: Door,
) -> None:
    prepare(door.runtime)
    door.post(instance())
    old_key = secret_key(door.runtime.settings)
    with door.database.write() as db:
        sealed = accounts.seal_password("hoa", "mat khau cu", old_key)
        accounts.add_user(db, "hoa", "city", None, None, sealed, NOW)
    settings = replace(door.runtime.settings, secret="ab" * 32)
    with pytest.raises(SettingError, match=r"^CAYDA_SECRET: .*--old-key.* / .*--old-key"):
        prepare_folder(settings, new_key=True)
    ready.check(door.runtime)  # nothing was changed
    prepare_folder(settings, old_key=old_key)
    changed = open_runtime(settings)
    ready.check(changed)
    with changed.database.read() as db:
        assert db.scalar(sa.select(submission_versions.c.xml)) == instance()
        hoa = accounts.find_user(db, "hoa")
    assert accounts.open_ha1(hoa, secret_key(settings)) == accounts.ha1("hoa", "mat khau cu")
    changed.database.dispose()
    with pytest.raises(Locked):
        door.rows(submission_versions.c.xml)


def test_a_database_that_does_not_answer_yet_is_waited_for(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[bool] = []
    opened: list[Database] = []

    def starting(runtime: Any, works: bool) -> None:
        asked.append(works)
        opened.append(runtime.database)
        if len(asked) < 3:
            raise OperationalError("", {}, ConnectionError("is starting up\nand more"))

    monkeypatch.setattr(ready, "check", starting)
    monkeypatch.setattr(ready, "ASK_AGAIN", 0.0)
    ready.wait_or_say(door.runtime.settings, works=True)
    assert asked == [True, True, True]
    assert caplog.messages == ["waiting for the database: is starting up"]
    assert opened[0]._engine is None  # who waited is done with it


def test_web_and_work_without_a_schema_end_with_a_sentence(tmp_path: Path) -> None:
    server = a_server(tmp_path / "data")
    server.data.mkdir()
    for command in ("web", "work"):
        done = server.cayda(command)
        assert done.returncode == 1
        assert "cayda migrate" in done.stderr
        assert "Traceback" not in done.stderr
