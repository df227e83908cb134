"""What looks at everything kept reads it once, as SQLite plans it (which knows no sizes)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import versions
from sync.database import Database
from sync.reports import seen
from sync.tables import submissions
from tests.conftest import NOW

Ask = Callable[[Connection], object]


def flagged(db: Connection) -> None:
    db.execute(sa.select(submissions.c.id).where(versions.is_flagged(db))).all()


def read_again(database: Database, ask: Ask) -> Iterator[str]:
    """The statements of it that read a whole table once for each row of another."""
    with database.read() as db:
        said: list[tuple[str, Any]] = []
        noting = (db, "before_cursor_execute", lambda *told: said.append(told[2:4]))
        sa.event.listen(*noting)
        ask(db)
        sa.event.remove(*noting)
        for statement, parameters in said:
            told = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = {step: (above, words) for step, above, _, words in told}
            yield from (statement for step in steps if _is_again(steps, step))


def _is_again(steps: Mapping[int, tuple[int, str]], step: int) -> bool:
    above, words = steps[step]
    if not words.startswith("SCAN"):
        return False
    while above in steps and not words.startswith("CORRELATED"):
        above, words = steps[above]
    return words.startswith("CORRELATED")


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda db: seen.look(db, NOW), id="what a report has seen"),
        pytest.param(flagged, id="what has a flag"),
    ],
)
def test_no_record_is_looked_for_by_reading_them_all_for_each_submission(
    sqlite_template: Path, ask: Ask
) -> None:
    database = Database(f"sqlite:///{sqlite_template}")
    assert not list(read_again(database, ask))
    database.dispose()
