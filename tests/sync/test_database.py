"""read() and write() keep their promises on both databases."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from sync.database import Database, among, insert_once, is_outage, keeps_nothing, once, upsert
from sync.migrations import HEAD, current, upgrade
from sync.tables import audit_events, metadata, projects
from tests.at_once import at_once
from tests.conftest import NOW


def test_head_is_the_newest_migration_and_equals_tables_py(database: Database) -> None:
    assert current(database) == HEAD
    assert upgrade(database) is False
    with database.read() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []


def test_write_rolls_back_on_an_error(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as db:
        db.execute(projects.insert().values(name="a"))
        raise RuntimeError
    with database.read() as db:
        assert db.execute(sa.select(sa.func.count()).select_from(projects)).scalar() == 0


def test_a_database_that_can_only_be_read_is_an_outage(database: Database) -> None:
    only = "PRAGMA query_only=1" if database.is_sqlite else "SET TRANSACTION READ ONLY"
    with pytest.raises(DBAPIError) as error, database.write() as db:
        db.exec_driver_sql(only)
        db.execute(projects.insert(), {"name": "A"})
    database.dispose()  # its connection only reads
    assert keeps_nothing(error.value)
    assert is_outage(error.value)


def test_insert_once_lets_the_unique_index_judge(database: Database) -> None:
    with database.write() as db:
        assert insert_once(db, projects, {"name": "a"}) is not None
        assert insert_once(db, projects, {"name": "a"}) is None


def test_upsert_overwrites_what_is_there(database: Database) -> None:
    with database.write() as db:
        upsert(db, projects, [{"id": 1, "name": "a"}], ["id"])
        upsert(db, projects, [{"id": 1, "name": "b"}], ["id"])
        assert db.execute(sa.select(projects.c.name)).scalars().all() == ["b"]


def test_among_takes_more_values_than_a_statement_has_parameters(database: Database) -> None:
    with database.write() as db:
        db.execute(projects.insert(), [{"id": n, "name": f"a {n}"} for n in range(1, 4)])
        query = sa.select(projects.c.id).order_by(projects.c.id)
        for many in (2, 70_000):
            ids = range(2, many + 2)
            found = db.execute(query.where(among(db, projects.c.id, ids))).scalars().all()
            assert found == [2, 3]
            names = {f"a {n}" for n in ids}
            found = db.execute(query.where(among(db, projects.c.name, names))).scalars().all()
            assert found == [2, 3]
        gone = projects.delete().where(among(db, projects.c.id, range(3, 70_000)))
        assert db.execute(gone).rowcount == 1


def test_three_that_open_a_new_database_at_once_all_come_in(tmp_path: Path) -> None:
    def come_in(url: str) -> list[int | None]:
        each = [Database(url) for _ in range(3)]
        came_in = at_once(3, lambda one: each[one].ask(lambda db: db.scalar(sa.select(1))))
        for database in each:
            database.dispose()
        return came_in

    for number in range(60):  # of a hundred such openings some six were refused
        assert come_in(f"sqlite:///{tmp_path}/{number}.db") == [1, 1, 1]


def test_two_hundred_read_then_write_updates_from_eight_threads_all_succeed(
    database: Database,
) -> None:
    with database.write() as db:
        db.execute(projects.insert().values(id=1, name="0"))
    failures: list[BaseException] = []

    def count_up() -> None:
        for _ in range(25):
            try:
                with database.write() as db:
                    locked = sa.select(projects.c.name).with_for_update()
                    n = int(db.execute(locked).scalar_one())
                    db.execute(projects.update().values(name=str(n + 1)))
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read() as db:
        assert db.execute(sa.select(projects.c.name)).scalar() == "200"


def test_a_time_comes_back_as_the_same_moment_in_utc(database: Database) -> None:
    with database.write() as db:
        db.execute(audit_events.insert().values(at=NOW, actor="system", action="x"))
    with database.read() as db:
        assert db.execute(sa.select(audit_events.c.at)).scalar() == NOW


def test_a_time_without_zone_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.StatementError), database.write() as db:
        db.execute(audit_events.insert().values(at=NOW.replace(tzinfo=None), actor="s", action="x"))


def test_a_question_is_asked_again_after_the_pool_lost_its_connections(database: Database) -> None:
    """What a restart of PostgreSQL leaves: connections that died while nobody used them."""

    def answer() -> int:
        return database.ask(lambda db: int(db.execute(sa.text("SELECT 41 + 1")).scalar_one()))

    assert answer() == 42
    if not database.is_sqlite:
        other = Database(database.url.render_as_string(hide_password=False), database.vault)
        kill = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        other.ask(lambda db: db.execute(sa.text(f"{kill} AND datname = current_database()")))
        other.dispose()
    assert answer() == 42
    with database.write() as db:
        db.execute(projects.insert().values(name="a"))


def test_what_is_asked_once_in_a_moment_is_asked_again_in_the_next_and_by_who_writes(
    database: Database,
) -> None:
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    with database.read() as db:
        assert [once(db, "how many", ask), once(db, "how many", ask)] == [1, 1]
    with database.read() as db:
        assert once(db, "how many", ask) == 2
    with database.write() as db:
        assert [once(db, "how many", ask), once(db, "how many", ask)] == [3, 4]


def test_a_postgres_that_vanishes_is_waited_for_seconds_unless_its_url_says_otherwise() -> None:
    url = "postgresql://cayda@db.invalid/cayda"
    assert _asked(url)["connect_timeout"] == 5
    asked = _asked(f"{url}?connect_timeout=1")
    assert (asked["connect_timeout"], asked["tcp_user_timeout"]) == ("1", 20_000)


def _asked(url: str) -> dict[str, object]:
    """What the driver is asked to connect with."""
    found: dict[str, object] = {}
    engine = Database(url).engine

    @sa.event.listens_for(engine, "do_connect")
    def _look(_dialect: object, _record: object, _args: object, given: dict[str, object]) -> None:
        found.update(given)
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        engine.connect()
    return found
