"""How the server is doing, in counts: for `cayda status`, and to see if a data folder is new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import generation, queue, sealed, workers
from sync.accounts import DRAFTS_ID
from sync.database import is_sqlite
from sync.tables import (
    Utc,
    app_users,
    entities,
    entity_changes,
    forms,
    projects,
    received,
    stale_cells,
    submission_versions,
    submissions,
    users,
)


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of what is kept and of what waits; no personal data."""

    forms: int
    users: int
    phones: int
    submissions: int
    entities: int
    last_received_at: datetime | None
    worker_seen_at: datetime | None  # when any worker last said that it lives
    queue: queue.Depth
    conflicts: int  # entities that two phones changed at once, and nobody has looked at
    waiting_changes: int  # changes to entities whose registration is still on some phone
    stale_cells: int  # figures of a (period, club) not measured yet
    derive_again: bool  # all is to be computed again after an upgrade, and not queued yet
    sealed: int  # encrypted submissions that wait for their key

    @property
    def is_new(self) -> bool:
        """Nobody has used this data folder: no people, no phones, nothing sent."""
        return not (self.users or self.phones or self.submissions)


def read_status(db: Connection) -> Status:
    """All from one moment. Forms being tried out, and what was sent for them, do not count."""

    def count(table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(*where)
        return int(db.execute(query).scalar_one())

    drafts = sa.select(forms.c.id).where(forms.c.project_id == DRAFTS_ID)
    return Status(
        forms=count(forms, forms.c.project_id != DRAFTS_ID),
        users=count(users),
        phones=count(app_users, app_users.c.kind == "phone"),
        submissions=count(submissions, submissions.c.form_id.not_in(drafts)),
        entities=count(entities),
        last_received_at=newest_received_at(db),
        worker_seen_at=workers.last_seen(db),
        queue=queue.depth(db),
        conflicts=count(
            entities, entities.c.conflict.is_not(None), entities.c.deleted_at.is_(None)
        ),
        waiting_changes=count(entity_changes, entity_changes.c.decision == "hold"),
        stale_cells=count(stale_cells),
        derive_again=generation.is_waiting(db),
        sealed=sealed.count_waiting(db),
    )


def newest_received_at(db: Connection) -> datetime | None:
    """When the last POST came; by its number, for no index leads to times."""
    real = received.c.project_id != DRAFTS_ID
    query = sa.select(received.c.received_at).where(real).order_by(received.c.id.desc()).limit(1)
    return db.execute(query).scalar()


def clock(db: Connection) -> datetime | None:
    """What time it is where the database runs; None where that is here."""
    if is_sqlite(db):
        return None
    return db.execute(sa.select(sa.func.clock_timestamp(type_=Utc))).scalar_one()


def has_forms(db: Connection) -> bool:
    """Whether any form is published: a start asks that, and must not count all there is."""
    published = sa.select(forms.c.id).where(forms.c.project_id != DRAFTS_ID)
    return db.execute(published.limit(1)).first() is not None


def check_writable(db: Connection) -> None:
    """Write a row for real and leave it as it was; raises what a submission would meet now."""
    db.execute(projects.update().values(name=projects.c.name))


@dataclass(frozen=True, slots=True)
class About:
    """What a piece of work about a submission is about, to look for it by."""

    xml_form_id: str
    received_at: datetime


def about_versions(db: Connection, version_ids: Iterable[int]) -> dict[int, About]:
    """Of which form these versions of submissions are, and when they came."""
    v = submission_versions.c
    query = sa.select(v.id, forms.c.xml_form_id, v.received_at).join(forms, forms.c.id == v.form_id)
    rows = db.execute(query.where(v.id.in_(sorted(version_ids))))
    return {row.id: About(row.xml_form_id, row.received_at) for row in rows}
