"""What people decide about entities at the console, and what `status` says of what waits."""

from __future__ import annotations

from server.cli.terminal import WRONG
from sync import aggregate
from sync.aggregate import StaleCell
from sync.database import Database
from tests.conftest import NOW
from tests.server.test_cli import Cayda, cayda  # noqa: F401 - a fixture


def test_status_names_a_cell_that_could_not_be_measured_and_ends_with_1(
    cayda: Cayda,  # noqa: F811
    database: Database,
) -> None:
    with database.write() as db:
        aggregate.give_up(db, StaleCell("2025H2", "hoa"), "DataError (words.py:70)", NOW)
    done = cayda("status")
    assert done.exit_code == WRONG
    assert "! measure 2025H2 hoa: DataError (words.py:70)" in done.stdout
