"""Which clubs have sent anything: what tells a zero from a figure that is missing (domain §4.7)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.indicators import Indicator
from forms.periods import Period
from sync import tables as t
from sync import words
from sync.counting.having import read_confirmed

if TYPE_CHECKING:
    from forms.library import Library

# What the server knows by itself, whatever phones have sent.
OURS = frozenset({"waiting", "held", "pairs"})
ON_D = frozenset({"count", "sum"})  # of a list: what is so on D, not what happened in P


@dataclass(frozen=True)
class Sent:
    """Clubs with a record up to D, and with one in P. Who confirmed P's figures is in both."""

    ever: frozenset[str]
    in_period: frozenset[str]

    def knows(self, library: Library, indicator: Indicator, club: str) -> bool:
        """Whether nothing counted in this club is a zero."""
        if is_ours(library, indicator):
            return True
        return club in (self.in_period if _is_flow(library, indicator) else self.ever)


def read_sent(db: Connection, library: Library, period: Period, clubs: Collection[str]) -> Sent:
    """Which of these clubs have sent something that counts, or confirmed."""
    confirmed = read_confirmed(db, library, period, clubs)
    return Sent(
        _with_record(db, clubs, t.records.c.happened_on <= period.last) | confirmed,
        _with_record(db, clubs, t.records.c.happened_on.between(period.first, period.last))
        | confirmed,
    )


def _with_record(
    db: Connection, clubs: Collection[str], then: sa.ColumnElement[bool]
) -> frozenset[str]:
    """Looks for one record of each club, and not at all of them."""
    if not clubs:
        return frozenset()
    records, column = t.records.c, sa.column("uuid", sa.Text)
    known = sa.values(column, name="known").data([(club,) for club in sorted(clubs)]).cte("asked")
    sent = (
        sa.select(sa.literal(1))
        .where(records.club_id == known.c.uuid, then, words.counts(t.records))
        .correlate(known)
        .exists()
    )
    return frozenset(db.scalars(sa.select(known.c.uuid).where(sent)))


def is_ours(library: Library, indicator: Indicator) -> bool:
    """Whether the server knows it, whatever phones have sent: the clubs themselves, from their
    list; whether they reported in time; and what it keeps back.
    """
    if indicator.kind in ("per", "total"):
        others = library.figures.indicators
        return all(is_ours(library, others[name]) for name in indicator.stands_on)
    of_list = library.lists.get(indicator.of)
    is_of_register = of_list is not None and of_list.is_of_clubs
    by_period = all(one.period_in is not None for one in indicator.with_ + indicator.without)
    return indicator.kind in OURS or indicator.empty or (is_of_register and by_period)


def _is_flow(library: Library, indicator: Indicator) -> bool:
    """Whether it tells what happened in P; else what is so on D."""
    if indicator.of in library.lists and indicator.kind in ON_D:
        in_period = (one.within == "period" and not one.list for one in indicator.with_)
        return indicator.some_day or any(in_period)
    return indicator.up_to == "period" and indicator.within is None
