"""Reports of one event as somebody may see them: which count together, which do not, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import Refused
from sync import access, reading, same_events, versions
from sync.access import Caller
from sync.accounts import PROJECT_ID
from sync.catalogue import AFTER_NAME
from sync.clubs import clubs_named
from sync.database import among
from sync.same_events import Repeat
from sync.tables import entities, forms
from sync.versions import Submission

if TYPE_CHECKING:
    from forms.library import Library

MOST = 200  # of one form, the newest
LOOK_BACK = 400  # days in which two that count as two may be one all the same


@dataclass(frozen=True, slots=True)
class Shown:
    """Two reports: of which form, in which club, about whom; `repeat` says the rest."""

    repeat: Repeat
    title: str
    club: str
    name: str


def read(
    db: Connection, library: Library, caller: Caller, now: datetime
) -> tuple[list[Shown], list[Shown]]:
    """Those that count as one or were parted, and those of one entity and day that count as two; of
    the forms and clubs that the caller reads, each the newest day first.
    """
    decided: list[Repeat] = []
    open_ones: list[Repeat] = []
    since = vietnam_day(now) - timedelta(days=LOOK_BACK)
    for form, rule in library.rules.items():
        try:
            mine = access.reading(db, library, caller, form, vietnam_day(now))
        except Refused:
            continue
        decided += islice(same_events.repeats(db, form, mine.clubs), MOST)
        if rule.same_event is not None:
            open_ones += islice(same_events.alike(db, form, mine.clubs, since), MOST)
    return list(_shown(db, decided)), list(_shown(db, open_ones))


def _shown(db: Connection, found: list[Repeat]) -> Iterator[Shown]:
    c = forms.c
    query = sa.select(c.xml_form_id, c.title).where(c.project_id == PROJECT_ID)
    titles = {row.xml_form_id: row.title for row in db.execute(query)}
    clubs = clubs_named(db, {one.club_id for one in found if one.club_id})
    about = {one.about[1] for one in found if one.about}
    named = sa.select(entities.c.uuid, entities.c.label).where(
        among(db, entities.c.uuid, about), ~entities.c.restricted
    )
    names = {row.uuid: row.label.partition(AFTER_NAME)[0] for row in db.execute(named)}
    for one in found:
        club = clubs.get(one.club_id or "", ("", ""))[1]
        name = names.get(one.about[1], "") if one.about else ""
        yield Shown(one, titles.get(one.form, one.form), club, name)


def find_both(
    db: Connection,
    library: Library,
    caller: Caller,
    form: str,
    instances: tuple[str, str],
    now: datetime,
) -> tuple[Submission, Submission]:
    """Two submissions of a form that the caller reads. Refused(NOT_ALLOWED), (NOT_FOUND)."""
    view = reading.open_form(db, library, caller, form, now)
    one, other = (reading.find(db, view, instance) for instance in instances)
    return versions.find(db, form, one.instance_id), versions.find(db, form, other.instance_id)
