"""Figures at every level: of clubs as kept or counted, and of communes, districts, the city.

Numerators are added, distinct persons and units counted again, and only then divided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.indicators import PLACES, Condition, Conditions, Indicator
from forms.periods import Period
from sync import places, words
from sync import tables as t
from sync.counting import count
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
    place_of = _places_of_clubs(db, period.last, level)
    figures = _added_up(library, below["club"], place_of)
    again = [i for i in library.figures.indicators.values() if not i.adds_up and level in i.levels]
    reported = {key[0] for key, figure in figures.items() if figure.numerator is not None}
    counted = count(db, library, period, again, place_of)
    figures.update({key: figure for key, figure in counted.items() if key[0] in reported})
    figures.update(_count_units(db, library, period, level, below))
    return _shown(library, _over(library, figures), level)


def _shown(library: Library, figures: Figures, level: str) -> Figures:
    names = {i.id for i in library.figures.indicators.values() if level in i.levels}
    return {key: figure for key, figure in figures.items() if key[1] in names}


def _places_of_clubs(db: Connection, day: date, level: str) -> dict[str, str]:
    paths = places.clubs_by_unit(db, day)
    units = {club: getattr(path, level) for club, path in paths.items()}
    return {club: str(unit.id) for club, unit in units.items() if unit is not None}


def _added_up(library: Library, clubs: Figures, place_of: Mapping[str, str]) -> Figures:
    """Numerators of clubs added; of what cannot be added a 0 is left, to be counted again."""
    figures: Figures = {}
    for (club, name, cut, value), figure in clubs.items():
        indicator = library.figures.indicators.get(name)
        if club not in place_of or indicator is None:
            continue
        key = (place_of[club], name, cut, value)
        more = figure if indicator.adds_up else replace(figure, numerator=_zero(figure.numerator))
        figures[key] = plus(figures.get(key), more)
    return figures


def _zero(numerator: Decimal | None) -> Decimal | None:
    return None if numerator is None else Decimal(0)


def _count_units(
    db: Connection, library: Library, period: Period, level: str, below: Mapping[str, Figures]
) -> Figures:
    """Indicators that count units (per = commune, district), such as communes that have a club."""
    figures: Figures = {}
    tree = places.read_tree(db)
    for indicator in library.figures.indicators.values():
        of = indicator.of
        if indicator.kind != "per" or of == "club" or level not in indicator.levels:
            continue
        for unit in tree.on(period.last, of):
            above = tree.ancestor(unit, level)
            if above is None or not unit.counts_in_coverage:
                continue
            fits = _has(library, below[of], str(unit.id), indicator.having)
            key = (str(above.id), indicator.id, *WHOLE)
            figures[key] = plus(figures.get(key), Figure(Decimal(fits)))
    return figures


def _has(library: Library, figures: Figures, place: str, having: Conditions) -> bool:
    """Whether the figures of a place fit; no data fits nothing."""
    for name, conditions in having.items():
        figure = figures.get((place, name, *WHOLE))
        value = figure.value(library.figures.indicators[name]) if figure else None
        if value is None or not all(_fits(value, condition) for condition in conditions):
            return False
    return True


def _fits(value: Decimal, condition: Condition) -> bool:
    wanted: Any = condition.value
    match condition.word:
        case "at_least":
            return bool(value >= wanted)
        case "at_most":
            return bool(value <= wanted)
        case "between":
            return bool(wanted[0] <= value <= wanted[1])
    raise ValueError(f"“{condition.word}” is no word of “having”")


def _over(library: Library, figures: Figures) -> Figures:
    """Put under each share the numerator of the indicator it is over, of the same place and cut."""
    result = dict(figures)
    for name, indicator in library.figures.indicators.items():
        for (place, below, cut, value), figure in figures.items():
            if below != indicator.over or (cut and cut not in indicator.by):
                continue
            key = (place, name, cut, value)
            if key in figures:
                result[key] = replace(figures[key], denominator=figure.numerator)
            elif cut and figure.numerator:
                result[key] = Figure(Decimal(0), figure.numerator)
    return result


# ------------------------------------------------------------------ clubs
def count_clubs(db: Connection, library: Library, period: Period, clubs: Sequence[str]) -> Figures:
    """All figures of these clubs, counted from spells and records.

    The numerator is None where a club sent nothing: in P (what happens in P), ever (what is on D).
    """
    indicators = [i for i in library.figures.indicators.values() if "club" in i.levels]
    figures = count(db, library, period, indicators, {club: club for club in clubs})
    ever, in_period = who_reported(db, period, clubs)
    for club in clubs:
        for indicator in indicators:
            key = (club, indicator.id, *WHOLE)
            sent = in_period if _is_flow(library, indicator) else ever
            if club not in sent and not _is_ours(library, indicator):
                figures[key] = Figure(None)
            else:
                figures.setdefault(key, Figure(Decimal(0)))
    figures = _over(library, figures)
    for indicator in indicators:
        if indicator.kind == "per":
            for club in clubs:
                key = (club, indicator.id, *WHOLE)
                if figures[key].numerator is not None:
                    figures[key] = Figure(Decimal(_has(library, figures, club, indicator.having)))
    return _over(library, figures)


def who_reported(db: Connection, period: Period, clubs: Sequence[str]) -> tuple[set[str], set[str]]:
    """The clubs with any record up to D, and those with one in P."""
    records = t.records.c
    query = (
        sa.select(records.club_id, sa.func.max(records.happened_on))
        .where(
            records.club_id.in_(clubs), records.happened_on <= period.last, words.counts(t.records)
        )
        .group_by(records.club_id)
    )
    latest = {row[0]: row[1] for row in db.execute(query)}
    return set(latest), {club for club, day in latest.items() if day >= period.first}


def _is_ours(library: Library, indicator: Indicator) -> bool:
    """Whether the server knows it, whatever phones have sent: the clubs themselves, from their
    list, and what it keeps waiting.
    """
    of_list = library.lists.get(indicator.of)
    is_of_register = of_list is not None and of_list.is_of_clubs and not indicator.with_
    return is_of_register or indicator.kind == "waiting"


def _is_flow(library: Library, indicator: Indicator) -> bool:
    """Whether it tells what happened in P; else what is so on D."""
    if indicator.kind == "count" and indicator.of in library.lists:
        return any(one.within == "period" and not one.list for one in indicator.with_)
    return indicator.kind != "per"


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
