"""A data folder of older code: the start says what is to be done, the worker does it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from server import tasks
from server.serve import prepare
from sync import generation
from sync.status import read_status
from sync.tables import counters, expected_attachments, slice_marks
from sync.verify import verify
from tests.server.conftest import Door, instance


def test_after_an_upgrade_the_worker_derives_all_again(
    door: Door, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = door.runtime
    prepare(runtime)
    door.post(instance())
    tasks.run_until_empty(runtime)
    with door.database.write() as db:  # as older code left it
        db.execute(counters.delete().where(counters.c.name == generation.DERIVED))
        db.execute(expected_attachments.delete())
        db.execute(slice_marks.delete())
    with caplog.at_level(logging.WARNING):
        prepare(runtime)
        with door.database.read() as db:
            assert read_status(db).derive_again
        tasks.run_until_empty(runtime)
    assert [text for text in caplog.messages if text.startswith("upgraded")] == [
        "upgraded: the worker will compute again all that is derived, once",
        "upgraded: 1 submissions are processed again",
    ]
    with door.database.read() as db:
        assert not read_status(db).derive_again
        assert read_status(db).queue.waiting == 0
        assert verify(db, runtime.library, tmp_path, runtime.now()) == []


def test_a_new_folder_has_nothing_to_derive_again(door: Door) -> None:
    prepare(door.runtime)
    with door.database.read() as db:
        assert not read_status(db).derive_again
