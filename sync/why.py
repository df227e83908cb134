"""Why a figure is what it is: the entities, records, places or other figures behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.indicators import PLACES, Indicator
from forms.periods import Period
from forms.problems import NO_SUCH_FIGURE, NOT_ALLOWED, Refused
from sync import access, places, rollup
from sync import tables as t
from sync.access import Caller
from sync.catalogue import AFTER_NAME
from sync.counting import OF_FIGURES, items
from sync.counting.item import Item, cells
from sync.counting.of_figures import has
from sync.database import among
from sync.figures import WHOLE, Cell, Figure, Figures
from sync.slices import may_be_shown

if TYPE_CHECKING:
    from forms.library import Library
    from sync.reports.data import ReportData


@dataclass(frozen=True, slots=True)
class Asked:
    """One number: of an indicator in a period, at a place (a club's uuid, or a unit's id as text),
    whole or in one part of a cut.
    """

    indicator: str
    period: Period
    level: str
    place: str
    cell: Cell = WHOLE


@dataclass(frozen=True, slots=True)
class Row:
    """An entity (of a list) or a record (of a form, by its instance id), and what it adds.

    amount: None = it would count, but nobody knows; 0 = counted already (a second visit).
    """

    kind: str
    id: str
    day: date | None
    club: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A place or a figure that a figure is made of: what it shows, and what it adds. hidden: the
    figures kept from this reader; where one of them is what it adds, that is None too."""

    place: str
    figures: Mapping[str, Decimal | None]
    amount: Decimal | None
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """What an indicator's number is made of: rows, or places and figures.

    The amounts add up to the number (a median is the middle one of them; `empty` months are those
    that no row is of). is_hidden: the number is kept from this reader.
    """

    indicator: Indicator
    number: Decimal | None
    rows: tuple[Row, ...] = ()
    standings: tuple[Standing, ...] = ()
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Why:
    """A figure, its numerator and what it is over."""

    figure: Figure
    numerator: Part
    denominator: Part | None


def explain(
    db: Connection,
    library: Library,
    caller: Caller,
    asked: Asked,
    known: Callable[[], Mapping[str, Figures]] | None = None,
) -> Why:
    """What stands behind one figure, for who may see that. known: gives the figures of every level,
    for who has them at hand.

    Refused(NO_SUCH_FIGURE, NOT_ALLOWED).
    """
    one, clubs = _check(db, library, caller, asked)
    if asked.level == PLACES[0]:
        counted = rollup.count_clubs(db, library, asked.period, sorted(clubs))
        figures: Mapping[str, Figures] = {asked.level: counted}
    else:
        figures = known() if known else rollup.roll_up_all(db, library, asked.period)
    key = (asked.place, one.id, *asked.cell)
    numerator = _part(db, library, one, asked, clubs, figures)
    if one.over is None:
        return Why(figures[asked.level].get(key, Figure(None)), numerator, None)
    over = library.figures.indicators[one.over]
    below = asked if not asked.cell[0] or asked.cell[0] in over.by else _whole(asked)
    denominator = _part(db, library, over, below, clubs, figures)
    return Why(figures[asked.level].get(key, Figure(None)), numerator, denominator)


def without_small(found: Why, data: ReportData, asked: Asked) -> Why:
    """The same without what is hidden in the report as its reader has it: `reading.report_for`."""
    over = {one.id: one.over for one in data.indicators}

    def hides(level: str, place: str, name: str, cell: Cell) -> bool:
        names = (name, over.get(name))
        return any((level, place, one, *cell) in data.hidden for one in names if one)

    def cut(part: Part) -> Part:
        one, here = part.indicator, (asked.level, asked.place)
        level, cell = (one.of, WHOLE) if one.kind == "per" else (asked.level, asked.cell)
        standings = [
            (each, frozenset(n for n in each.figures if hides(level, each.place, n, cell)))
            for each in part.standings
        ]
        own = asked.cell if asked.cell[0] in ("", *one.by) else WHOLE
        is_hidden = (*here, one.id, *own) in data.hidden
        return replace(
            part,
            number=None if is_hidden else part.number,
            standings=tuple(_without(each, hidden, one) for each, hidden in standings),
            is_hidden=is_hidden,
        )

    shown = not hides(asked.level, asked.place, asked.indicator, asked.cell)
    below = found.denominator and cut(found.denominator)
    return Why(found.figure if shown else Figure(None), cut(found.numerator), below)


def _without(one: Standing, hidden: frozenset[str], of: Indicator) -> Standing:
    figures = {name: None if name in hidden else value for name, value in one.figures.items()}
    tells = hidden and of.kind != "per"  # a place only counts or not; a term is the figure itself
    return replace(one, figures=figures, hidden=hidden, amount=None if tells else one.amount)


def may_ask(db: Connection, library: Library, caller: Caller, asked: Asked) -> bool:
    """Whether `explain` would answer this caller."""
    try:
        _check(db, library, caller, asked)
    except Refused:
        return False
    return True


def _check(
    db: Connection, library: Library, caller: Caller, asked: Asked
) -> tuple[Indicator, frozenset[str]]:
    """The indicator and the clubs of a question that may be answered; Refused as `explain`."""
    one, clubs = _indicator(library, asked), _clubs_of(db, asked)
    _allow(db, library, caller, one, asked, clubs)
    if one.over is not None:
        _allow(db, library, caller, library.figures.indicators[one.over], asked, clubs)
    return one, clubs


def _whole(asked: Asked) -> Asked:
    return Asked(asked.indicator, asked.period, asked.level, asked.place)


def _indicator(library: Library, asked: Asked) -> Indicator:
    one = library.figures.indicators.get(asked.indicator)
    cut = asked.cell[0]
    if one is None or asked.level not in one.levels or (cut and cut not in one.by):
        raise Refused(NO_SUCH_FIGURE(figure=f"{asked.indicator} {asked.level} {cut}".strip()))
    return one


def _clubs_of(db: Connection, asked: Asked) -> frozenset[str]:
    if asked.level == PLACES[0]:
        return frozenset({asked.place})
    place_of = rollup.places_of_clubs(db, asked.period.last, asked.level)
    return frozenset(club for club, place in place_of.items() if place == asked.place)


# ------------------------------------------------------------------ who may see it
def _allow(
    db: Connection,
    library: Library,
    caller: Caller,
    one: Indicator,
    asked: Asked,
    clubs: frozenset[str],
) -> None:
    """Refused(NOT_ALLOWED) for who may not see the figure, or not whom it is about."""
    scope = access.clubs_in_scope(db, library, caller, asked.period.last)
    if not access.may(library, caller, "figures.read") or not (scope is None or clubs <= scope):
        raise Refused(NOT_ALLOWED())
    if caller.kind == "operator" or one.kind in OF_FIGURES:
        return
    forms = {with_.form for with_ in (*one.with_, *one.without) if with_.form}
    rule = library.lists.get(one.of)
    if rule is not None and not rule.is_of_clubs and caller.role not in rule.pages:
        raise Refused(NOT_ALLOWED())  # a role that has no people of the list sees them counted
    if one.of in library.rules:
        reading = access.reading(db, library, caller, one.of, asked.period.last)
        if reading.clubs is not None and not clubs <= reading.clubs:
            raise Refused(NOT_ALLOWED())
        forms.add(one.of)
    cut = library.figures.cuts.get(asked.cell[0])
    if one.sensitive or (cut is not None and cut.sensitive):
        _allow_answers(db, library, caller, forms, asked.period.last)


def _allow_answers(
    db: Connection, library: Library, caller: Caller, forms: Collection[str], day: date
) -> None:
    """Who is in such a number is an answer in itself."""
    for form in forms:
        if not access.reading(db, library, caller, form, day).is_whole:
            raise Refused(NOT_ALLOWED())


# ------------------------------------------------------------------ names
def names(
    db: Connection, library: Library, caller: Caller, rows: Sequence[Row], day: date
) -> dict[tuple[str, str], str]:
    """(list, uuid) → name of the entities among these rows that the caller may see by name.

    Whom a figure counts is one thing; the page of a list decides who may be named.
    """
    found: dict[tuple[str, str], str] = {}
    for kind in {row.kind for row in rows} & library.lists.keys():
        try:
            clubs = access.viewing(db, library, caller, kind, day).clubs
        except Refused:
            continue
        uuids = {
            row.id for row in rows if row.kind == kind and (clubs is None or row.club in clubs)
        }
        c = t.entities.c
        query = sa.select(c.uuid, c.label).where(among(db, c.uuid, uuids), may_be_shown())
        for row in db.execute(query):
            found[kind, row.uuid] = row.label.partition(AFTER_NAME)[0]
    return found


# ------------------------------------------------------------------ rows
def _part(
    db: Connection,
    library: Library,
    one: Indicator,
    asked: Asked,
    clubs: frozenset[str],
    figures: Mapping[str, Figures],
) -> Part:
    figure = figures[asked.level].get((asked.place, one.id, *asked.cell), Figure(Decimal(0)))
    if one.kind == "per":
        found = tuple(_per(db, library, one, asked, clubs, figures))
        return Part(one, figure.numerator, standings=found)
    if one.kind == "total":
        return Part(one, figure.numerator, standings=tuple(_terms(library, one, asked, figures)))
    place_of = dict.fromkeys(clubs, asked.place)
    counted = items(db, library, asked.period, one, place_of)
    shown = [item for item in counted if asked.cell in cells(one, item)]
    return Part(one, figure.numerator, tuple(_rows(db, library, one, shown)))


def _rows(db: Connection, library: Library, one: Indicator, shown: Sequence[Item]) -> Iterator[Row]:
    of_entities = one.of in library.lists and one.kind != "waiting"
    named = {} if of_entities else _instances(db, {int(item.key) for item in shown})
    seen: set[str] = set()
    for item in sorted(shown, key=lambda item: (item.day or date.min, item.club, item.key)):
        again = item.once is not None and item.once in seen
        seen |= {item.once} if item.once is not None else set()
        amount = None if item.missing else Decimal(0) if again else Decimal(item.amount)
        kind, key = (one.of, item.key) if of_entities else named[int(item.key)]
        yield Row(kind, key, item.day, item.club, amount)


def _instances(db: Connection, records: Collection[int]) -> Mapping[int, tuple[str, str]]:
    """The form and the instance id of each record: a record's own id is made anew by reprocess."""
    r, s = t.records.c, t.submissions.c
    query = sa.select(r.id, r.form, s.instance_id).join(t.submissions, s.id == r.submission_id)
    found = db.execute(query.where(among(db, r.id, records)))
    return {row.id: (row.form, row.instance_id) for row in found}


# ------------------------------------------------------------------ other figures
def _per(
    db: Connection,
    library: Library,
    one: Indicator,
    asked: Asked,
    clubs: frozenset[str],
    figures: Mapping[str, Figures],
) -> Iterator[Standing]:
    """Each place that could have counted, with the figures that were looked at."""
    here = figures[one.of]
    wholes = {key[:2]: figure for key, figure in here.items() if key[2:] == WHOLE}
    known = library.figures.indicators
    for place in _places_below(db, one, asked, clubs):
        values = {
            name: wholes[place, name].value(known[name]) if (place, name) in wholes else None
            for name in one.asks
        }
        fits = has(library, asked.period, one, wholes, place)
        yield Standing(place, values, Decimal(fits))


def _places_below(db: Connection, one: Indicator, asked: Asked, clubs: frozenset[str]) -> list[str]:
    if one.of == PLACES[0]:
        return sorted(clubs)
    tree = places.read_tree(db)
    units = tree.on(asked.period.last, one.of)
    above = ((unit, tree.ancestor(unit, asked.level)) for unit in units if unit.counts_in_coverage)
    return [str(unit.id) for unit, top in above if top is not None and str(top.id) == asked.place]


def _terms(
    library: Library, one: Indicator, asked: Asked, figures: Mapping[str, Figures]
) -> Iterator[Standing]:
    known = library.figures.indicators
    for name, factor in one.total.items():
        figure = figures[asked.level].get((asked.place, name, *asked.cell), Figure(None))
        shown = None if figure.numerator is None else figure.numerator / known[name].divided_by
        amount = factor * (shown or Decimal(0)) * one.divided_by
        yield Standing(asked.place, {name: shown}, amount)
