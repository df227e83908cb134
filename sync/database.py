"""The engine, `read()` and `write()`, and all that differs between SQLite and PostgreSQL.

Only server/ (and tests) call read() and write(); functions of sync/ take the open `Connection`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, Row, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from sync.vault import NO_VAULT, Vault, give

T = TypeVar("T")
WRITER = "cayda_writer"  # execution option: this connection will write
MOMENT = "cayda_moment"  # execution option: what a transaction that only reads has found so far

BUSY_SECONDS = 30
# Classes of SQLSTATE: connection, rollback (deadlock), resources, lock, operator, system. Others of
# psycopg's operational errors are of what was asked, such as 54: too long for an index.
_PG_OUTAGES = {"08", "40", "53", "55", "57", "58"}
_LITE_OUTAGES = tuple(
    f"SQLITE_{name}" for name in ("BUSY", "LOCKED", "FULL", "IOERR", "CANTOPEN", "READONLY")
)
_LITE_FULL = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR_WRITE")
_PG_FULL = ("53100", "25006")  # disk_full, read_only_sql_transaction
DERIVED_LOCK = 0x63617964  # any number no other advisory lock of this database uses


class Database:
    """One database by URL. Opens its engine on first use in each process, so a fork is harmless.

    `vault`: what opens its sealed columns. Without one nothing that is sealed can be read or kept.
    """

    def __init__(self, url: str, vault: Vault = NO_VAULT) -> None:
        self.url: URL = _with_driver(make_url(url))
        self.vault = vault
        self._engine: Engine | None = None
        self._pid = 0
        self._lock = threading.Lock()
        # SQLite lets waiting writers sleep and guess: with 8 threads some waited a second. Those of
        # one process wait here instead, and only processes meet at the file.
        self._turn = threading.Lock() if self.is_sqlite else nullcontext()

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> Engine:
        if self._engine is None or self._pid != os.getpid():
            with self._lock:
                if self._engine is None or self._pid != os.getpid():
                    if self._engine is not None:  # the parent's sockets are not ours to close
                        self._engine.dispose(close=False)
                    engine = _sqlite_engine(self.url) if self.is_sqlite else _pg_engine(self.url)
                    give(engine, self.vault)
                    self._engine, self._pid = engine, os.getpid()
        return self._engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write: committed at the end, rolled back on any error."""
        with (
            self._turn,
            self.engine.connect().execution_options(**{WRITER: True}) as db,
            db.begin(),
        ):
            yield db

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads, all of it from one moment; always rolled back."""
        options: dict[str, Any] = {MOMENT: {}}
        if not self.is_sqlite:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect().execution_options(**options) as db:
            transaction = db.begin()
            try:
                yield db
            finally:
                transaction.rollback()

    def ask(self, question: Callable[[Connection], T]) -> T:
        """One SELECT, outside any transaction: one round trip where `read()` makes several.

        Asked once more where the pool held a connection that had died, as after a restart of
        PostgreSQL; the pool is whole again then. So nothing else needs to ping before each use.
        """
        try:
            return self._ask(question)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return self._ask(question)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        options: dict[str, Any] = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        with self.engine.connect().execution_options(**options) as db:
            return question(db)

    def dispose(self) -> None:
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()
        self._engine = None


def _with_driver(url: URL) -> URL:
    """postgres:// and postgresql:// mean psycopg 3 here."""
    if url.get_backend_name() in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    return url


# A machine that vanishes says nothing: without these a commit would wait for it for minutes.
_PG_PATIENCE = {
    "connect_timeout": 5,  # seconds, as the three below
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,  # milliseconds
}


def _pg_engine(url: URL) -> Engine:
    """What the URL says itself goes before our patience."""
    patience = {name: value for name, value in _PG_PATIENCE.items() if name not in url.query}
    return sa.create_engine(
        url, pool_size=10, max_overflow=10, hide_parameters=True, connect_args=patience
    )


def _sqlite_engine(url: URL) -> Engine:
    engine = sa.create_engine(
        url,
        pool_size=10,
        max_overflow=10,
        hide_parameters=True,  # an error's text must not carry people's data
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # sqlite3's own transaction handling opens a deferred BEGIN behind our back; switch it off.
        connection.isolation_level = None
        cursor = connection.cursor()
        _keep_log(cursor)
        cursor.execute("PRAGMA synchronous=FULL")  # 201 means kept, also after a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-8000")
        # Else what is deleted, sealed or erased stays in free pages of the file.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(db: Connection) -> None:
        # A writer takes the lock first: a deferred BEGIN that writes later fails as "locked"
        # at once, however long the busy timeout, when another has written in between.
        writer = db.get_execution_options().get(WRITER)
        db.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _keep_log(cursor: Any) -> None:
    """Of several that open a new file at once SQLite refuses all but one here, and lets none wait:
    its timeout is not for a change of the journal.
    """
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > give_up:
                raise
        time.sleep(0.01)


def is_outage(error: BaseException) -> bool:
    """Whether the database was away, full or busy: the same may go well later, unlike bad data."""
    if isinstance(error, NoConnection):  # all of the pool are taken
        return True
    if keeps_nothing(error):
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    lite = getattr(error.orig, "sqlite_errorname", None)
    if lite is not None:
        return str(lite).startswith(_LITE_OUTAGES)
    state = getattr(error.orig, "sqlstate", None)
    return state is None or str(state)[:2] in _PG_OUTAGES


def keeps_nothing(error: BaseException) -> bool:
    """Whether the database has no room or only reads, as on a full disk or on a standby."""
    if not isinstance(error, DBAPIError):
        return False
    lite = str(getattr(error.orig, "sqlite_errorname", ""))
    return lite.startswith(_LITE_FULL) or getattr(error.orig, "sqlstate", None) in _PG_FULL


def once(db: Connection, key: Hashable, read: Callable[[], T]) -> T:
    """What `read` gives, asked once in a transaction that only reads: there nothing can change."""
    known: dict[Hashable, Any] | None = db.get_execution_options().get(MOMENT)
    if known is None:
        return read()
    if key not in known:
        known[key] = read()
    found: T = known[key]
    return found


def is_sqlite(db: Connection) -> bool:
    return db.dialect.name == "sqlite"


def in_utc(db: Connection, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A time whose year, hour, … can be extracted as UTC's: PostgreSQL takes the session's zone,
    and counts parts of a second too.
    """
    if is_sqlite(db):
        return moment
    return sa.func.timezone("UTC", sa.func.date_trunc("second", moment))


MOST_VALUES = 10_000  # PostgreSQL takes 65,535 parameters in one statement, SQLite 32,766


def among(
    db: Connection, column: sa.ColumnElement[Any], values: Collection[Any]
) -> sa.ColumnElement[bool]:
    """`column IN (values)`, however many these are: where too many, as one parameter."""
    if len(values) <= MOST_VALUES:
        return column.in_(values)
    return listed(db, column, values)


def listed(
    db: Connection, column: sa.ColumnElement[Any], values: Collection[Any]
) -> sa.ColumnElement[bool]:
    """`column IN (values)` as one parameter: the statement is the same for any number of them."""
    many = list(values)
    if is_sqlite(db):
        one = sa.func.json_each(json.dumps(many)).table_valued("value")
        return column.in_(sa.select(one.c.value))
    return column == sa.any_(sa.literal(many, postgresql.ARRAY(column.type)))


def lock_derived(db: Connection) -> None:
    """Change what is derived alone until this transaction ends: two at once would each miss what
    the other adds. SQLite has one writer anyway.
    """
    if not is_sqlite(db):
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(DERIVED_LOCK)))


def insert_once(
    db: Connection,
    table: sa.Table,
    values: Mapping[str, Any],
    returning: Sequence[sa.Column[Any]] | None = None,
) -> Row[Any] | None:
    """Insert and return the new row, or None where a unique index says it is there already."""
    return db.execute(_once(db, table, returning), dict(values)).one_or_none()


def insert_many_once(
    db: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    returning: Sequence[sa.Column[Any]] | None = None,
) -> Sequence[Row[Any]]:
    """`insert_once` of several in one statement: the new rows, in no order.

    Who inserts where others do gives them in the order of the unique index: else two may deadlock.
    """
    return db.execute(_once(db, table, returning), rows).all() if rows else ()


def _once(db: Connection, table: sa.Table, returning: Sequence[sa.Column[Any]] | None) -> sa.Insert:
    columns = returning if returning is not None else table.primary_key.columns
    return _insert_once(table, tuple(columns), is_sqlite(db))


@cache  # of some ten statements; to build one takes as long as to insert a row
def _insert_once(table: sa.Table, returning: tuple[sa.Column[Any], ...], lite: bool) -> sa.Insert:
    dialect: Any = sqlite if lite else postgresql
    statement: sa.Insert = dialect.insert(table).on_conflict_do_nothing().returning(*returning)
    return statement


def upsert(
    db: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    key: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert the rows; where `key` is already there, overwrite the other columns given.

    Of the columns `keep` a NULL overwrites nothing.
    """
    if not rows:
        return
    dialect: Any = sqlite if is_sqlite(db) else postgresql
    statement = dialect.insert(table)
    others = {name: statement.excluded[name] for name in rows[0] if name not in key}
    others |= {name: sa.func.coalesce(others[name], table.c[name]) for name in keep}
    statement = (
        statement.on_conflict_do_update(index_elements=list(key), set_=others)
        if others
        else statement.on_conflict_do_nothing(index_elements=list(key))
    )
    db.execute(statement, [dict(row) for row in rows])


def copy_in(db: Connection, table: sa.TableClause, rows: Iterable[Sequence[Any]]) -> int:
    """Insert very many rows, each in the order of the columns; how many. Constraints hold.

    A row may refer to a later one of its table.
    """
    marks = [column.type.dialect_impl(db.dialect).bind_processor(db.dialect) for column in table.c]
    made = (
        [value if mark is None else mark(value) for value, mark in zip(row, marks, strict=True)]
        for row in rows
    )
    names = ", ".join(f'"{column.name}"' for column in table.c)
    cursor: Any = db.connection.cursor()
    try:
        if is_sqlite(db):
            cursor.execute("PRAGMA defer_foreign_keys=ON")
            places = ", ".join("?" for _ in table.c)
            into = f'INSERT INTO "{table.name}" ({names}) VALUES ({places})'  # noqa: S608 (our names)
            cursor.executemany(into, made)
        else:
            with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
                for row in made:
                    copy.write_row(row)
        return int(cursor.rowcount)
    finally:
        cursor.close()


def number_on(db: Connection, tables: Iterable[str]) -> None:
    """Let the next row of each table get the id after its highest; SQLite does so anyway."""
    if is_sqlite(db):
        return
    for name in tables:
        if "id" in {column["name"] for column in sa.inspect(db).get_columns(name)}:
            sequence = f"pg_get_serial_sequence('\"{name}\"', 'id')"
            db.execute(sa.text(f'SELECT setval({sequence}, max(id)) FROM "{name}"'))  # noqa: S608 (our names)


def drop_everything(db: Connection) -> None:
    """Take away all tables of a PostgreSQL database, and the function of their triggers."""
    made = sa.MetaData()
    made.reflect(db)
    made.drop_all(db)
    db.execute(sa.text("DROP FUNCTION IF EXISTS cayda_is_kept()"))
