"""Her name in what people wrote beside forms: taken out, or, where nothing may change, counted."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.erasing import ERASED, pattern
from sync.privacy.traces import Person
from sync.tables import (
    app_users,
    audit_events,
    entities,
    entity_lists,
    privacy_requests,
    records,
    report_steps,
    report_versions,
    seen_people,
    submission_comments,
)

_about = sa.select(records.c.subject_id).where(
    records.c.submission_id == submission_comments.c.submission_id, records.c.table_path == ""
)
TEXTS = {  # and whom each is about, where that is known
    submission_comments.c.text: _about.scalar_subquery(),
    report_steps.c.comment: sa.null(),
    privacy_requests.c.paper: privacy_requests.c.uuid,
    app_users.c.name: app_users.c.person_id,
}


def take_names_out(db: Connection, person: Person) -> Counter[str]:
    """Table -> how many rows of it lost a name of hers; of her own phones the whole name goes. What
    is about another of the same name stays: there it is that one's."""
    names, done = pattern(person.names), Counter[str]()
    mine = app_users.c.person_id.in_(person.uuids)
    own = app_users.update().where(mine).values(person_id=None, name=ERASED)
    done[app_users.name] = db.execute(own).rowcount
    if names is None:
        return done
    others = _namesakes(db, person, names)
    for column, whose in TEXTS.items():
        table: Any = column.table
        written = sa.select(table.c.id, column.label("text")).where(
            column != "", sa.func.coalesce(whose, "").not_in(others)
        )
        for row in db.execute(written).all():
            left = names.sub(ERASED, row.text)
            if left != row.text:
                db.execute(table.update().where(table.c.id == row.id).values({column.name: left}))
                done[table.name] += 1
    done[audit_events.name] = _out_of_the_log(db, person, names)
    return done


def _namesakes(db: Connection, person: Person, names: re.Pattern[str]) -> list[str]:
    """Others of her list who are called so too."""
    e = entities.c
    query = sa.select(e.uuid, e.label).join(entity_lists, entity_lists.c.id == e.list_id)
    of_list = sa.and_(entity_lists.c.name == person.list_name, e.uuid.not_in(person.uuids))
    return [row.uuid for row in db.execute(query.where(of_list)) if names.search(row.label)]


def _out_of_the_log(db: Connection, person: Person, names: re.Pattern[str]) -> int:
    """Of the events that showed her: why somebody looked, as they wrote it at the console."""
    c, shown = audit_events.c, seen_people.c
    of_her = sa.select(shown.event_id).where(shown.uuid.in_(person.uuids))
    rows = db.execute(sa.select(c.id, c.details).where(c.id.in_(of_her), c.details.is_not(None)))
    count = 0
    for row in rows.all():
        left = {
            name: names.sub(ERASED, text) if isinstance(text, str) else text
            for name, text in row.details.items()
        }
        if left != row.details:
            db.execute(audit_events.update().where(c.id == row.id).values(details=left))
            count += 1
    return count


def in_sent_reports(db: Connection, names: Collection[str]) -> int:
    """How many versions of reports that were sent hold a name of hers, in what a club or an office
    wrote: they are what was published, and are never changed."""
    spelt = [name.encode() for name in names]
    contents = db.scalars(sa.select(report_versions.c.snapshot))
    return sum(any(one in zlib.decompress(content) for one in spelt) for content in contents)
