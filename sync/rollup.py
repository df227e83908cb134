"""Figures at every level: of clubs as kept or counted, and of communes, districts, the city.

Numerators are added, distinct persons and units counted again, and only then divided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.indicators import NOT_KEPT, PLACES, Conditions, Indicator
from forms.periods import Period
from sync import places
from sync import tables as t
from sync.counting import OF_FIGURES, add_up, read_items
from sync.counting.item import Counted, Item
from sync.counting.of_figures import complete
from sync.counting.once import Once, corrected, is_counted_once, pack
from sync.counting.sent import read_sent
from sync.figures import WHOLE, Figure, Figures, Key, exact

if TYPE_CHECKING:
    from forms.library import Library


@dataclass(frozen=True, slots=True)
class OfClubs:
    """Figures of clubs, also such as only places above show, and what is counted once at those."""

    figures: Figures
    once: Sequence[Once]


def club_figures(db: Connection, library: Library, period: Period) -> Figures:
    """The figures of every club: as stored where they are fresh, else counted now.

    What cannot be stored is counted in any case.
    """
    return _shown(library, _of_clubs(db, library, period).figures)


def _of_clubs(db: Connection, library: Library, period: Period) -> OfClubs:
    clubs = all_clubs(db, library)
    kept = _kept(db, library, period, clubs)
    return _together(kept, _count_passing(db, library, period, sorted(clubs)))


def _together(some: OfClubs, more: OfClubs) -> OfClubs:
    return OfClubs(some.figures | more.figures, [*some.once, *more.once])


def _kept(db: Connection, library: Library, period: Period, clubs: set[str]) -> OfClubs:
    """As stored; counted now are the clubs that wait to be measured, for the first time or again:
    no total may lack the others.
    """
    stored = _stored(db, period)
    waiting = clubs - {club for club, *_ in stored.figures} | _stale(db, period) & clubs
    if not waiting:
        return stored
    figures = {key: one for key, one in stored.figures.items() if key[0] not in waiting}
    once = [one for one in stored.once if one.club not in waiting]
    return _together(OfClubs(figures, once), measure_clubs(db, library, period, sorted(waiting)))


def _stale(db: Connection, period: Period) -> set[str]:
    c = t.stale_cells.c
    query = sa.select(c.club_id).where(c.calendar == period.calendar, c.period == period.code)
    return set(db.scalars(query))


def _stored(db: Connection, period: Period) -> OfClubs:
    f, o = t.figures.c, t.counted_once.c
    columns = (f.club_id, f.indicator, f.cut, f.cut_value, f.numerator, f.denominator, f.missing)
    rows = db.execute(
        sa.select(*columns).where(f.calendar == period.calendar, f.period == period.code)
    )
    figures = {
        (club, name, cut, value): Figure(exact(numerator), exact(denominator), missing)
        for club, name, cut, value, numerator, denominator, missing in rows.all()
    }
    once = sa.select(o.club_id, o.indicator, o.under, o.behind).where(
        o.calendar == period.calendar, o.period == period.code
    )
    return OfClubs(figures, [Once(*row) for row in db.execute(once)])


def _shown(library: Library, figures: Figures) -> Figures:
    known = library.figures.indicators
    names = {name for name, one in known.items() if PLACES[0] in one.levels}
    return {key: figure for key, figure in figures.items() if key[1] in names}


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
    counted = _of_clubs(db, library, period)
    figures = {"club": _shown(library, counted.figures)}
    tree = places.read_tree(db)
    known = library.figures.indicators
    for level in PLACES[1:]:  # bottom up: what counts units looks at the level below
        place_of = places_of_clubs(db, period.last, level)
        added = _added_up(library, counted.figures, place_of)
        right = corrected(added, period, known, counted.once, place_of)
        figures[level] = complete(library, period, level, right, tree=tree, below=figures)
    return figures


def places_of_clubs(db: Connection, day: date, level: str) -> dict[str, str]:
    """The place of this level that each club is in on a day: club's uuid -> unit's id as text."""
    paths = places.clubs_by_unit(db, day)
    units = {club: getattr(path, level) for club, path in paths.items()}
    return {club: str(unit.id) for club, unit in units.items() if unit is not None}


def _added_up(library: Library, clubs: Figures, place_of: Mapping[str, str]) -> Figures:
    """Numerators of clubs added."""
    numbers: dict[Key, Decimal | None] = {}
    missing: dict[Key, int] = {}
    totals = {name for name, one in library.figures.indicators.items() if one.kind == "total"}
    known = library.figures.indicators.keys() - totals
    for (club, name, cut, value), figure in clubs.items():
        place = place_of.get(club)
        if place is None or name not in known:
            continue
        key = (place, name, cut, value)
        before, more = numbers.get(key), figure.numerator
        numbers[key] = more if before is None else before if more is None else before + more
        if figure.missing:
            missing[key] = missing.get(key, 0) + figure.missing
    return {key: Figure(number, None, missing.get(key, 0)) for key, number in numbers.items()}


# ------------------------------------------------------------------ clubs
def count_clubs(db: Connection, library: Library, period: Period, clubs: Sequence[str]) -> Figures:
    """All figures of these clubs, counted from spells and records.

    The numerator is None where a club sent nothing: in P (of what happens in P), or ever (of what
    is so on D); who has confirmed P's figures has sent a zero.
    """
    kept = measure_clubs(db, library, period, clubs)
    passing = _count_passing(db, library, period, clubs)
    return _shown(library, _together(kept, passing).figures)


def measure_clubs(
    db: Connection, library: Library, period: Period, clubs: Sequence[str]
) -> OfClubs:
    """Those that can be stored, with all that places above need of these clubs."""
    known = library.figures.indicators.values()
    asked = [one for one in known if one.kind not in (*OF_FIGURES, *NOT_KEPT)]
    counted = _counted(db, library, period, asked, clubs)
    shown = complete(library, period, "club", counted.figures, clubs=clubs)
    again = {one.id for one in asked if is_counted_once(one)}
    hidden = {key: figure for key, figure in counted.figures.items() if key[1] in again}
    return OfClubs(hidden | shown, counted.once)


def _count_passing(
    db: Connection, library: Library, period: Period, clubs: Sequence[str]
) -> OfClubs:
    """Those that cannot, for other clubs move them too; no indicator stands on one."""
    asked = [one for one in library.figures.indicators.values() if one.kind in NOT_KEPT]
    return _counted(db, library, period, asked, clubs) if asked else OfClubs({}, [])


def _counted(
    db: Connection,
    library: Library,
    period: Period,
    asked: Sequence[Indicator],
    clubs: Sequence[str],
) -> OfClubs:
    again = {one.id for one in asked if is_counted_once(one)}
    kept: dict[tuple[str, str], list[Item]] = defaultdict(list)

    def passing() -> Iterator[Counted]:
        for indicator, item in read_items(db, library, period, asked, clubs):
            if indicator.id in again:
                kept[item.club, indicator.id].append(item)
            yield indicator, item

    own = {club: club for club in clubs}
    counted = add_up(period, asked, passing(), own)
    figures = _with_silence(db, library, period, asked, counted, clubs)
    return OfClubs(figures, [pack(*key, items) for key, items in sorted(kept.items())])


def _with_silence(
    db: Connection,
    library: Library,
    period: Period,
    indicators: Sequence[Indicator],
    counted: Figures,
    clubs: Sequence[str],
) -> Figures:
    """0 where a club sent something, but nothing is counted; nothing at all where it sent none, and
    no other club's record tells of the club itself.
    """
    sent = read_sent(db, library, period, clubs)
    figures: Figures = {}
    of_clubs = {
        i.id for i in indicators if i.of in library.lists and library.lists[i.of].is_of_clubs
    }
    known = {key[:2] for key in counted if key[1] in of_clubs}  # (club, indicator)
    for indicator in indicators:
        zero = Figure(None if indicator.kind == "median" else Decimal(0))
        for club in clubs:
            knows = sent.knows(library, indicator, club)
            figures[club, indicator.id, *WHOLE] = zero if knows else Figure(None)
            if knows:
                known.add((club, indicator.id))
    figures.update({key: figure for key, figure in counted.items() if key[:2] in known})
    return figures


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
