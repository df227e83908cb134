"""Which clubs confirmed a period's report in person: the steps that are as good as their form."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.indicators import PLACES
from forms.periods import Period
from sync import tables as t
from sync.database import among


def steps_of_clubs(db: Connection, period: Period, clubs: Collection[str]) -> dict[str, date]:
    """Of these clubs, the day on which somebody first confirmed for it on a page or at the console.

    As with the form, what was sent back later was confirmed all the same.
    """
    r, s = t.reports.c, t.report_steps.c
    query = (
        sa.select(s.place, sa.func.min(s.at).label("at"))
        .join(t.reports, r.id == s.report_id)
        .where(r.period == period.code, r.calendar == period.calendar)
        .where(s.level == PLACES[0], s.act == "confirm", among(db, s.place, clubs))
        .group_by(s.place)
    )
    return {row.place: vietnam_day(row.at) for row in db.execute(query)}
