"""Real processes are killed and starved while phones send (longer: `make bench ARGS=faults`)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.faults import catalogue
from tests.journeys.faults.disk import small_disk
from tests.journeys.faults.judge import judge
from tests.journeys.faults.proxy import Mood
from tests.journeys.faults.stage import Embedded, Production, Stage

MOMENT = 0.7  # seconds of sending between two faults


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's: another pytest of this machine shuts that for PostgreSQL's own user."""
    with tempfile.TemporaryDirectory(prefix="cayda-faults-") as name:
        yield Path(name)


def is_right(stage: Stage) -> None:
    """Once phones have sent all they have and the worker has done all there is to do."""
    stage.phones_settle()
    stage.drains(hurry=True)  # what was killed has leases of a minute
    with stage.database.read() as db:
        verdict = judge(db, stage.runtime.blobs, stage.ledger)
    assert verdict.is_good, verdict
    assert verdict.acknowledged > 50
    checked = stage.cayda("verify")
    assert checked.returncode == 0, checked.stdout


def test_c4_c22_one_folder_loses_nothing_when_killed_or_full_or_given_poison(
    folder: Path,
) -> None:
    disk = folder / "disk"
    with small_disk(disk, 60) as is_small:
        stage = Embedded(disk / "stage")
        try:
            stage.start()
            stage.with_phones().phones_send()
            for kills in catalogue.EMBEDDED_KILLS.values():
                time.sleep(MOMENT)
                kills(stage)
            stage.serve.wait_until_ready()
            catalogue.lose_folder_of_blobs(stage, 1)
            if is_small:
                catalogue.fill_disk(stage, disk, 2)
            with catalogue.an_impossible_job(stage), catalogue.a_form_gone_bad(stage):
                time.sleep(MOMENT)
                stage.phones_settle()
            is_right(stage)
        finally:
            stage.stop()
    if not is_small:
        pytest.skip("all but the full disk was tried: no small one can be mounted here")


def test_c4_c22_production_loses_nothing_whichever_of_its_processes_is_killed(
    folder: Path,
) -> None:
    stage = Production(folder / "stage")
    try:
        stage.start()
        stage.with_phones().phones_send()
        for kills in catalogue.PRODUCTION_KILLS.values():
            time.sleep(MOMENT)
            kills(stage)
        catalogue.spoil_store(stage, Mood.GONE, 0.5)
        catalogue.flush_valkey(stage)
        catalogue.take_all_connections(stage, 1)
        catalogue.two_workers_on_one_item(stage)
        is_right(stage)
    finally:
        stage.stop()
