"""Alembic: brings the schema of a database to that of tables.py, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from sync.database import Database

HEAD = "0010"  # the newest revision; a test compares it with the files in versions/


def upgrade(database: Database) -> bool:
    """Bring the schema to HEAD; True when anything had to be done. Safe to run at every start."""
    if current(database) == HEAD:
        return False
    from alembic import command  # slow to import, and needed only on a new or old database
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with database.write() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "head")
    return True


def current(database: Database) -> str | None:
    """The revision the database is at, or None when it has no schema yet."""
    with database.read() as db:
        if not sa.inspect(db).has_table("alembic_version"):
            return None
        return db.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
