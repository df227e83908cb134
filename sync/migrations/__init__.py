"""Alembic: brings the schema of a database to that of tables.py, on SQLite and on PostgreSQL."""

from __future__ import annotations

import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from sync.database import Database, is_sqlite

HEAD = "0025"  # the newest revision; a test compares it with the files in versions/

SCHEMA_LOCK = 0x63617965  # any number no other advisory lock of this database uses
LOCK_SECONDS = 2  # whoever asks for a table while a migration waits for it waits too
TRIES = 300  # a long export holds its tables for minutes
NOT_AVAILABLE = "55P03"  # PostgreSQL's name for a lock that was waited for too long


def upgrade(database: Database) -> bool:
    """Bring the schema to HEAD; True when anything had to be done. Repeatable, also twice at once.

    A schema of newer code is left alone: this code works with it (see README.md).
    """
    for left in reversed(range(TRIES)):
        if not is_behind(database):
            return False
        try:
            with database.write() as db:
                lock_schema(db)
                if not is_sqlite(db):
                    db.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
                bring_to(db, HEAD)
        except OperationalError as error:
            if left == 0 or getattr(error.orig, "sqlstate", None) != NOT_AVAILABLE:
                raise
            time.sleep(1)  # let those through who have queued behind us
        else:
            return True
    raise AssertionError("unreachable")


def bring_to(db: Connection, revision: str) -> None:
    """The steps from where the schema is to this revision; none where it is there already."""
    from alembic import command  # slow to import, and needed only on a new or old database
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = db
    command.upgrade(config, revision)


def lock_schema(db: Connection) -> None:
    """Prepare a database alone until this transaction ends. SQLite has one writer anyway."""
    if not is_sqlite(db):
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_LOCK)))


def is_behind(database: Database) -> bool:
    """Whether the schema is older than this code. Revisions are numbers of equal length."""
    at = current(database)
    return at is None or at < HEAD


def current(database: Database) -> str | None:
    """The revision the database is at, or None when it has no schema yet."""
    with database.read() as db:
        if not sa.inspect(db).has_table("alembic_version"):
            return None
        return db.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
