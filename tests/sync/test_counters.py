"""A counter rises by one with every change, and only together with it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from sync import counters
from sync.database import Database
from sync.tables import counters as table


def values(database: Database) -> dict[str, int]:
    with database.read() as db:
        return {row.name: row.value for row in db.execute(sa.select(table))}


def test_each_change_raises_its_own_number(database: Database) -> None:
    for name in (counters.FORMS, counters.FORMS, counters.LISTS):
        with database.write() as db:
            counters.bump(db, name)
    assert values(database) == {"forms": 2, "lists": 1}


def test_a_change_that_fails_leaves_the_number_as_it_was(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as db:
        counters.bump(db, counters.FORMS)
        raise RuntimeError
    assert values(database) == {}
