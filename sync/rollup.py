"""Figures at every level: of clubs as kept or counted, and of communes, districts, the city.

Numerators are added, distinct persons and units counted again, and only then divided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.indicators import PLACES, Conditions, Indicator
from forms.periods import Period
from sync import places
from sync import tables as t
from sync.counting import OF_FIGURES, count
from sync.counting.of_figures import complete
from sync.counting.sent import read_sent
from sync.figures import WHOLE, Figure, Figures, exact, plus

if TYPE_CHECKING:
    from forms.library import Library


def club_figures(db: Connection, library: Library, period: Period) -> Figures:
    """The figures of every club: as stored where they are fresh, else counted now."""
    clubs = all_clubs(db, library)
    if not is_fresh(db, period):
        return count_clubs(db, library, period, sorted(clubs))
    stored = t.figures.c
    rows = db.execute(
        sa.select(t.figures).where(stored.calendar == period.calendar, stored.period == period.code)
    )
    figures = {
        (r.club_id, r.indicator, r.cut, r.cut_value): Figure(
            exact(r.numerator), exact(r.denominator), r.missing
        )
        for r in rows
    }
    # When a period opens its clubs are measured some at a time: no total may lack the others.
    waiting = clubs - {club for club, *_ in figures}
    return figures | count_clubs(db, library, period, sorted(waiting)) if waiting else figures


def roll_up(db: Connection, library: Library, period: Period, level: str) -> Figures:
    """The figures of every place of one level (club, commune, district, city); see roll_up_all."""
    if level == "club":
        return club_figures(db, library, period)
    return roll_up_all(db, library, period)[level]


def roll_up_all(db: Connection, library: Library, period: Period) -> dict[str, Figures]:
    """The figures of every place, by level, as of the period's D.

    A place is a club's uuid or, above, a unit's id as text. Numerators are added, distinct persons
    and units counted again, and only then divided. A club that nobody has placed since its unit was
    split counts above the split only.
    """
    figures = {"club": club_figures(db, library, period)}
    for level in PLACES[1:]:  # bottom up: what counts units looks at the level below
        figures[level] = _rolled_up(db, library, period, level, figures)
    return figures


def _rolled_up(
    db: Connection, library: Library, period: Period, level: str, below: Mapping[str, Figures]
) -> Figures:
    place_of = places_of_clubs(db, period.last, level)
    figures = _added_up(library, below["club"], place_of)
    again = [
        i
        for i in library.figures.indicators.values()
        if not i.adds_up and level in i.levels and i.kind not in OF_FIGURES
    ]
    figures.update(_counted(db, library, period, again, place_of))
    tree = places.read_tree(db)
    return complete(library, period, level, figures, tree=tree, below=below)


def _counted(
    db: Connection,
    library: Library,
    period: Period,
    indicators: Sequence[Indicator],
    place_of: Mapping[str, str],
) -> Figures:
    """Counted at these places: 0 where clubs sent something, but nothing is counted; nothing at all
    where no club sent anything, and no other club's record tells of the club itself.
    """
    counted = count(db, library, period, indicators, place_of)
    sent = read_sent(db, library, period, place_of)
    figures: Figures = {}
    of_clubs = {
        i.id for i in indicators if i.of in library.lists and library.lists[i.of].is_of_clubs
    }
    known = {key[:2] for key in counted if key[1] in of_clubs}  # place, indicator
    for indicator in indicators:
        telling = {
            place for club, place in place_of.items() if sent.knows(library, indicator, club)
        }
        known |= {(place, indicator.id) for place in telling}
        zero = _zero(indicator, period)
        for place in set(place_of.values()):
            whole = zero if place in telling else Figure(None)
            figures[place, indicator.id, *WHOLE] = whole
    figures.update({key: figure for key, figure in counted.items() if key[:2] in known})
    return figures


def _zero(indicator: Indicator, period: Period) -> Figure:
    """What an indicator is where nothing is counted."""
    if indicator.kind == "median":
        return Figure(None)
    return Figure(Decimal(period.months if indicator.empty else 0))


def places_of_clubs(db: Connection, day: date, level: str) -> dict[str, str]:
    """The place of this level that each club is in on a day: club's uuid -> unit's id as text."""
    paths = places.clubs_by_unit(db, day)
    units = {club: getattr(path, level) for club, path in paths.items()}
    return {club: str(unit.id) for club, unit in units.items() if unit is not None}


def _added_up(library: Library, clubs: Figures, place_of: Mapping[str, str]) -> Figures:
    """Numerators of clubs added, of what can be."""
    figures: Figures = {}
    known = library.figures.indicators
    adding = {name for name, one in known.items() if one.adds_up and one.kind != "total"}
    for (club, name, cut, value), figure in clubs.items():
        place = place_of.get(club)
        if place is not None and name in adding:
            key = (place, name, cut, value)
            figures[key] = plus(figures.get(key), figure)
    return figures


# ------------------------------------------------------------------ clubs
def count_clubs(db: Connection, library: Library, period: Period, clubs: Sequence[str]) -> Figures:
    """All figures of these clubs, counted from spells and records.

    The numerator is None where a club sent nothing: in P (of what happens in P), or ever (of what
    is so on D); who has confirmed P's figures has sent a zero.
    """
    counted = [
        i
        for i in library.figures.indicators.values()
        if "club" in i.levels and i.kind not in OF_FIGURES
    ]
    figures = _counted(db, library, period, counted, {club: club for club in clubs})
    return complete(library, period, "club", figures, clubs=clubs)


def is_fresh(db: Connection, period: Period) -> bool:
    """Whether figures of this period are kept and no club's wait to be measured again."""
    stale, kept = t.stale_cells.c, t.figures.c
    waiting = sa.select(stale.id).where(
        stale.calendar == period.calendar, stale.period == period.code
    )
    stored = sa.select(kept.id).where(kept.calendar == period.calendar, kept.period == period.code)
    return (
        db.execute(waiting.limit(1)).first() is None
        and db.execute(stored.limit(1)).first() is not None
    )


def all_clubs(db: Connection, library: Library) -> set[str]:
    spells = t.spells.c
    lists = [rule.name for rule in library.lists.values() if rule.is_of_clubs]
    query = sa.select(spells.uuid).where(spells.list_name.in_(lists)).distinct()
    return set(db.scalars(query))


def what_is_a_club(library: Library) -> Conditions:
    """Which facts make a club one that counts: those of the indicator that counts clubs."""
    lists = {rule.name for rule in library.lists.values() if rule.is_of_clubs}
    counting = (i for i in library.figures.indicators.values() if i.of in lists)
    return next((i.where for i in counting if i.kind == "count" and not i.with_), {})
