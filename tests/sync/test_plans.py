"""What looks at everything kept reads it once, as SQLite plans it (which knows no sizes)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.library import load_library
from sync import browsing, versions
from sync.access import OPERATOR
from sync.database import Database
from sync.reports import seen
from sync.tables import submissions
from tests.conftest import NOW

Ask = Callable[[Connection], object]


def flagged(db: Connection) -> None:
    db.execute(sa.select(submissions.c.id).where(versions.is_flagged(db))).all()


Step = tuple[int, str]  # the step that it is a part of, and what is done


def plans(database: Database, ask: Ask) -> Iterator[tuple[str, Mapping[int, Step]]]:
    """Each statement of it, and the steps in which it is carried out."""
    with database.read() as db:
        said: list[tuple[str, Any]] = []
        noting = (db, "before_cursor_execute", lambda *told: said.append(told[2:4]))
        sa.event.listen(*noting)
        ask(db)
        sa.event.remove(*noting)
        for statement, parameters in said:
            told = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = {step: (above, words) for step, above, _, words in told}
            yield statement, steps


def is_again(steps: Mapping[int, Step], step: int) -> bool:
    """Whether it reads a whole table, once for each row of another."""
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
    for statement, steps in plans(database, ask):
        assert not any(is_again(steps, step) for step in steps), statement
    database.dispose()


def test_what_waits_for_a_person_is_counted_without_reading_what_does_not(
    sqlite_template: Path,
) -> None:
    database = Database(f"sqlite:///{sqlite_template}")
    library = load_library()
    found = [
        words
        for _, steps in plans(
            database, lambda db: browsing.forms_of(db, library, OPERATOR, NOW.date())
        )
        for _, words in steps.values()
        if "records" in words
    ]
    assert [words.split()[-1] for words in found] == ["ix_records_held_back"]
    database.dispose()


def test_what_came_since_a_moment_is_found_without_reading_all_that_ever_came(
    sqlite_template: Path,
) -> None:
    database = Database(f"sqlite:///{sqlite_template}")
    found = [
        words
        for _, steps in plans(database, lambda db: seen.look(db, NOW))
        for _, words in steps.values()
        if "submission_versions" in words
    ]
    assert found
    assert not [words for words in found if words.startswith("SCAN")]
    database.dispose()
