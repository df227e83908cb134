"""Which indexes of tables.py a database has not: without one all is right, and slow."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import AddConstraint, CreateIndex

from sync.tables import metadata


def missing_indexes(db: Connection) -> list[str]:
    """The statements that would make them; empty where none is missing."""
    look = sa.inspect(db)
    names = {one["name"] for found in look.get_multi_indexes().values() for one in found}
    unique = {  # by their columns: PostgreSQL cuts long names
        (table, tuple(one["column_names"]))
        for (_, table), found in look.get_multi_unique_constraints().items()
        for one in found
    }
    wanted: list[CreateIndex | AddConstraint] = []
    for table in metadata.sorted_tables:
        wanted += [
            CreateIndex(one)
            for one in sorted(table.indexes, key=lambda index: str(index.name))
            if one.name not in names
        ]
        wanted += [
            AddConstraint(one)
            for one in table.constraints
            if isinstance(one, sa.UniqueConstraint)
            and (table.name, tuple(one.columns.keys())) not in unique
        ]
    return [" ".join(str(one.compile(dialect=db.dialect)).split()) for one in wanted]
