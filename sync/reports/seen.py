"""What had been counted at one moment, so that whatever comes, goes or changes later is found.

Records are rewritten by every reprocess and bear no time of their own; so it is noted what did
*not* count then, which is little. All else that counts later is new, edited, or counted before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import tables as t
from sync import words
from sync.accounts import PROJECT_ID
from sync.reports.data import Seen

OVERLAP = timedelta(hours=1)  # longer than any submission takes from its first byte to its commit


def look(db: Connection, now: datetime) -> Seen:
    """What this transaction sees."""
    v, s, r = t.submission_versions.c, t.submissions.c, t.records.c
    sealed = t.sealed_submissions.c
    read = sa.select(r.id).where(r.submission_version_id == s.current_version_id).exists()
    unread = sa.select(s.current_version_id).where(s.deleted_at.is_(None), ~read)
    unopened = sa.select(sealed.submission_version_id).where(sealed.xml.is_(None))
    recent = sa.select(v.id).where(v.received_at > now - OVERLAP)
    return Seen(
        not_counted=tuple(sorted(db.scalars(not_counted()))),
        waiting=tuple(sorted({*db.scalars(unread), *db.scalars(unopened)})),
        recent=tuple(sorted(db.scalars(recent))),
    )


def not_counted() -> sa.CompoundSelect[Any]:
    """The submissions of the project that are in no figure: without a record, and set aside.

    `~words.counts` of each submission's record would look at all of them; these are few.
    """
    s, f, r = t.submissions.c, t.forms.c, t.records.c
    ours = sa.select(f.id).where(f.project_id == PROJECT_ID)  # joined, SQLite would read each row
    kept = sa.select(s.id).where(s.form_id.in_(ours))
    aside = (r.held_back, r.counted_with.is_not(None))
    of_aside = (sa.select(r.submission_id).where(words.is_whole(t.records), one) for one in aside)
    without = ~sa.select(r.id).where(r.submission_id == s.id).exists()
    return sa.union(kept.where(without), *(kept.where(s.id.in_(one)) for one in of_aside))
