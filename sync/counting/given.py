"""What differs from one counting to the next, as parameters: the period, and clubs at places.

So a statement is written once; to write it takes longer than to count one club.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from forms.periods import Period, months_before, years_before
from sync.database import is_sqlite
from sync.words import Value

FIRST = sa.bindparam("first", type_=sa.Date)  # day of P
LAST = sa.bindparam("last", type_=sa.Date)  # D
MONTHS = sa.bindparam("months", type_=sa.Integer)  # of P
SHIFT = sa.bindparam("shift", type_=sa.Integer)  # days from the first of P to the 1st of its month


def months_to_last(months: int) -> Value:
    """The day before the last so many months, which end on D."""
    return sa.bindparam(f"before_{months}", type_=sa.Date)


def born_by(years: int) -> Value:
    """Who was born on this day is so old on D."""
    return sa.bindparam(f"born_{years}", type_=sa.Text)


def places(db: Connection) -> Any:
    """A table with the columns club and place."""
    if is_sqlite(db):
        each = sa.func.json_each(sa.bindparam("places", type_=sa.Text)).table_valued("key", "value")
        return sa.select(each.c.key.label("club"), each.c.value.label("place")).subquery("places")
    texts = postgresql.ARRAY(sa.Text)
    pairs = (sa.bindparam("placed", type_=texts), sa.bindparam("places", type_=texts))
    return sa.func.unnest(*pairs).table_valued("club", "place", name="places").render_derived()


def names_in(statement: Any) -> frozenset[str]:
    """The parameters of a statement that are not given yet."""
    binds = sa.sql.visitors.iterate(statement)
    return frozenset(b.key for b in binds if isinstance(b, sa.BindParameter) and b.required)


def values(
    db: Connection, names: frozenset[str], period: Period, place_of: Mapping[str, str]
) -> dict[str, Any]:
    """Their values."""
    given: dict[str, Any] = {
        "first": period.first,
        "last": period.last,
        "months": period.months,
        "shift": 1 - period.first.day,
        "placed": list(place_of),
        "places": json.dumps(place_of) if is_sqlite(db) else list(place_of.values()),
    }
    for name in names - given.keys():
        word, _, number = name.partition("_")
        day = period.last
        given[name] = (
            months_before(day, int(number))
            if word == "before"
            else years_before(day, int(number)).isoformat()
        )
    return given
