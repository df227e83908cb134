"""Whom records name, where figures of clubs other than their own look at that (`anywhere`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import among
from sync.tables import mentions, records


def keep(db: Connection, named: Mapping[int, Collection[str]]) -> None:
    """Of the records of these submission versions, inserted just now; they go when these go."""
    named = {version_id: uuids for version_id, uuids in named.items() if uuids}
    if not named:
        return
    c = records.c
    query = sa.select(c.id, c.submission_version_id).where(
        c.table_path == "", among(db, c.submission_version_id, named)
    )
    rows = [
        {"record_id": record_id, "uuid": uuid}
        for record_id, version_id in db.execute(query).all()
        for uuid in sorted(named[version_id])
    ]
    if rows:
        db.execute(mentions.insert(), rows)


def events_naming(db: Connection, uuids: Collection[str]) -> sa.Select[tuple[int]]:
    """The ids of records that count, and in which or in a twin of which one of these is named.

    Of any form: asked for one, SQLite would begin with all records of that.
    """
    c = records.c
    return (
        sa.select(sa.func.coalesce(c.counted_with, c.id))
        .join(mentions, mentions.c.record_id == c.id)
        .where(among(db, mentions.c.uuid, uuids))
    )
