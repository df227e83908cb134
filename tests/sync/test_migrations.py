"""Every step of the schema leaves the code before it working, on both databases."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import migrations
from sync.database import Database
from sync.migrations import HEAD, bring_to, current, is_behind, upgrade
from tests.at_once import at_once
from tests.conftest import NOW

REVISIONS = [f"{number:04d}" for number in range(1, int(HEAD) + 1)]

# What a step takes from the code before it, and why that hurt nobody.
EXCUSED: dict[str, str] = {}


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any schema."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("empty_postgres")
    database = Database(url)
    yield database
    database.dispose()


def test_every_step_takes_nothing_from_the_code_before_it_which_still_writes(
    fresh: Database,
) -> None:
    taken: list[str] = []
    before: sa.MetaData | None = None
    for revision in REVISIONS:
        with fresh.write() as db:
            bring_to(db, revision)
        after = sa.MetaData()
        with fresh.read() as db:
            after.reflect(db)
        if before is not None:
            taken += [f"{revision}: {what}" for what in _taken(before, after)]
            _write_as_before(fresh, before)
        before = after
    assert set(taken) == EXCUSED.keys()
    assert current(fresh) == HEAD


def test_what_a_step_takes_is_found() -> None:
    before, after = sa.MetaData(), sa.MetaData()
    gone, free = sa.Column("gone", sa.Text), sa.Column("free", sa.Text)
    sa.Table("a", before, gone, free, sa.Column("kind", sa.Text))
    sa.Table("b", before, sa.Column("id", sa.Integer))
    sa.Table(
        *("a", after),
        sa.Column("free", sa.Text, nullable=False),
        sa.Column("kind", sa.Integer),
        sa.Column("new", sa.Text, nullable=False),
        sa.Column("given", sa.Text, nullable=False, server_default="x"),
        sa.UniqueConstraint("kind", name="one_kind"),
    )
    assert sorted(_taken(before, after)) == [
        "column a.gone",
        "rows that one_kind refuses",
        "rows without a.new",
        "table b",
        "what a.free may hold",
        "what a.kind may hold",
    ]


def _taken(before: sa.MetaData, after: sa.MetaData) -> Iterator[str]:
    """Tables, columns and freedoms that the code before this step has no more."""
    for table in before.sorted_tables:
        if table.name not in after.tables:
            yield f"table {table.name}"
            continue
        now = after.tables[table.name]
        for column in table.columns:
            if column.name not in now.columns:
                yield f"column {column}"
                continue
            then, same = column, now.columns[column.name]
            if str(then.type) != str(same.type) or (then.nullable and not same.nullable):
                yield f"what {column} may hold"
        for column in now.columns:
            demands = not column.nullable and column.server_default is None
            if column.name not in table.columns and demands:
                yield f"rows without {column}"
        for name in _unique(now) - _unique(table):
            yield f"rows that {name} refuses"


def _unique(table: sa.Table) -> set[str]:
    constraints = {
        str(one.name) for one in table.constraints if isinstance(one, sa.UniqueConstraint)
    }
    checks = {str(one.name) for one in table.constraints if isinstance(one, sa.CheckConstraint)}
    return constraints | checks | {str(index.name) for index in table.indexes if index.unique}


def _write_as_before(database: Database, before: sa.MetaData) -> None:
    """A row into every table with all columns that the code before knows; then none of it."""
    with pytest.raises(Undone), database.write() as db:
        for table in before.sorted_tables:
            if table.name != "alembic_version":
                row = {column.name: _some(column) for column in table.columns}
                db.execute(table.insert(), row)
        raise Undone


class Undone(Exception):
    """Rolls back what was only tried."""


def _some(column: sa.Column[Any]) -> object:
    kinds: list[tuple[type, object]] = [
        (sa.Boolean, False),
        (sa.Integer, 1),
        (sa.Float, 1.0),
        (sa.Numeric, 1),
        (sa.JSON, {}),
        (sa.DateTime, NOW),
        (sa.Date, date(2026, 1, 1)),
        (sa.LargeBinary, b"x"),
        (sa.Text, "x"),
    ]
    return next(value for kind, value in kinds if isinstance(column.type, kind))


def test_two_that_bring_the_schema_up_at_once_do_it_once(fresh: Database) -> None:
    each = [Database(fresh.url.render_as_string(hide_password=False)) for _ in range(2)]
    results = at_once(2, lambda one: upgrade(each[one]))
    for mine in each:
        mine.dispose()
    assert len(results) == 2
    assert current(fresh) == HEAD


def test_a_step_that_waits_for_a_long_export_lets_others_through(
    empty_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite readers and its one writer do not wait for each other."""
    fresh = Database(empty_postgres)
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 0.2)
    with fresh.write() as db:
        bring_to(db, "0009")  # the next one changes entity_versions
    asked = sa.text("SELECT count(*) FROM entity_versions")
    upgrading = threading.Thread(target=upgrade, args=(fresh,))
    with fresh.read() as export:
        export.execute(asked)
        upgrading.start()
        until = time.monotonic() + 1.5
        slowest = 0.0
        while time.monotonic() < until:
            start = time.monotonic()
            with fresh.read() as other:
                other.execute(asked)
            slowest = max(slowest, time.monotonic() - start)
            time.sleep(0.02)
        assert upgrading.is_alive()
        assert is_behind(fresh)
    upgrading.join()
    assert current(fresh) == HEAD
    assert slowest < 1
    fresh.dispose()


def test_a_schema_of_newer_code_is_left_alone(fresh: Database) -> None:
    assert is_behind(fresh)
    with fresh.write() as db:
        _say(db, "9999")
    assert not is_behind(fresh)
    assert upgrade(fresh) is False
    assert current(fresh) == "9999"


def _say(db: Connection, revision: str) -> None:
    db.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    db.execute(sa.text("INSERT INTO alembic_version VALUES (:at)"), {"at": revision})
