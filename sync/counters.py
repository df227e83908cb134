"""Numbers that rise with every change phones may have downloaded: unchanged, all is the same."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from sync.database import is_sqlite
from sync.tables import counters

FORMS, LISTS, PLACES = NAMES = ("forms", "lists", "places")


def bump(db: Connection, name: str, by: int = 1) -> None:
    """Say that something of this kind has changed, in the transaction of the change itself."""
    dialect: Any = sqlite if is_sqlite(db) else postgresql
    statement = dialect.insert(counters).values(name=name, value=by)
    db.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"value": counters.c.value + statement.excluded.value}
        )
    )


def value_sql(name: str) -> str:
    """The SELECT of one number, to stand inside another; NULL before its first change."""
    return f"SELECT value FROM counters WHERE name = '{name}'"  # noqa: S608 (one of NAMES)
