"""What many tests begin with is made once per runner and kind of database, then copied."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import Database, is_sqlite
from sync.tables import metadata

T = TypeVar("T")
_SEQUENCES = "SELECT seqrelid::regclass::text FROM pg_sequence"


@dataclass(frozen=True)
class _Made:
    rows: Any  # of SQLite the whole database in memory; of PostgreSQL {SQL: what it takes}
    files: dict[Path, bytes]
    told: Any


_known: dict[tuple[str, bool], _Made] = {}


def made_once(name: str, database: Database, folder: Path, make: Callable[[], T]) -> T:
    """What `make` answers after it filled this database and folder, or a copy of all three.

    Always made where the database holds anything already. What it answers is plain data.
    """
    if not _is_empty(database):
        return make()
    key = (name, database.is_sqlite)
    if key in _known:
        made = _known[key]
        _put(made, database, folder)
        told: T = deepcopy(made.told)
        return told
    before = set(folder.rglob("*"))
    told = make()
    files = {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path not in before and path.is_file() and not path.name.startswith("cayda.db")
    }
    with database.read() as db:
        rows = _lite_rows(db) if is_sqlite(db) else _postgres_rows(db)
    _known[key] = _Made(rows, files, deepcopy(told))
    return told


def filled_tables(db: Connection) -> list[str]:
    """The names of the tables that hold a row."""
    names = [table.name for table in metadata.sorted_tables]
    asked = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in names)
    return list(db.scalars(sa.text(" UNION ALL ".join(asked))))


def _is_empty(database: Database) -> bool:
    with database.read() as db:
        return not filled_tables(db)


def _put(made: _Made, database: Database, folder: Path) -> None:
    for path, content in made.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    if database.is_sqlite:
        with database.engine.connect() as db:
            db.exec_driver_sql("ROLLBACK")  # a copy is a transaction of its own
            made.rows.backup(db.connection.dbapi_connection)
        return
    with database.write() as db:
        cursor: Any = db.connection.cursor()
        cursor.execute("SET LOCAL session_replication_role = replica")  # rows in any order
        for statement, content in made.rows.items():
            if content is None:
                cursor.execute(statement)
                continue
            with cursor.copy(statement) as copy:
                copy.write(content)


def _lite_rows(db: Connection) -> sqlite3.Connection:
    kept = sqlite3.connect(":memory:", check_same_thread=False)
    here: Any = db.connection.dbapi_connection
    here.backup(kept)
    return kept


def _postgres_rows(db: Connection) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    cursor: Any = db.connection.cursor()
    for name in filled_tables(db):
        with cursor.copy(f'COPY "{name}" TO STDOUT') as copy:
            found[f'COPY "{name}" FROM STDIN'] = b"".join(copy)
    for name in db.scalars(sa.text(_SEQUENCES)).all():
        last, called = db.execute(sa.text(f"SELECT last_value, is_called FROM {name}")).one()
        found[f"SELECT setval('{name}', {last}, {called})"] = None
    return found
