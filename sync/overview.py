"""The table a person sees after signing in: the clubs in scope and their main figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.periods import Period, periods_of
from sync import access, places, rollup, words
from sync.access import Caller
from sync.clubs import list_of_clubs, plain_name
from sync.figures import Figure, Figures
from sync.tables import entities, records, spells

if TYPE_CHECKING:
    from forms.indicators import Column, Indicator
    from forms.library import Library


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: its title in both languages; a share is shown in per cent."""

    vi: str
    en: str
    is_share: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """What to show: None = no data was sent, which is not zero. Counts behind a share beside it."""

    value: Decimal | None
    numerator: Decimal | None = None
    denominator: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One club, with its commune on the last day of the period."""

    label: str
    commune: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Headings, and a line per club by commune and label."""

    headings: tuple[Heading, ...]
    lines: tuple[Line, ...]


def read_overview(db: Connection, library: Library, caller: Caller, period: Period) -> Overview:
    """The whole-club columns of the library's report that forms feed, for the caller's clubs."""
    shown = list(_columns(library))
    figures = rollup.club_figures(db, library, period)
    scope = access.clubs_in_scope(db, library, caller, period.last)
    with_figures = {place for place, *_ in figures}
    clubs = with_figures & _standing(db, library, period)
    clubs = clubs if scope is None else clubs & scope
    units = places.clubs_by_unit(db, period.last)
    lines = [
        Line(
            label,
            _commune(units, club),
            tuple(_cell(figures, club, column, indicator) for column, indicator in shown),
        )
        for club, label in _labels(db, clubs).items()  # an answer may name a club that is none
    ]
    headings = tuple(
        Heading(column.title, _english(column, indicator), column.show == "share")
        for column, indicator in shown
    )
    return Overview(headings, tuple(sorted(lines, key=lambda line: (line.commune, line.label))))


def _standing(db: Connection, library: Library, period: Period) -> set[str]:
    """The clubs that were, on some day of the period, what the library counts as a club."""
    c = spells.c
    there = sa.select(c.uuid).where(
        c.list_name == list_of_clubs(library).name,
        c.valid_from <= period.last,
        sa.or_(c.valid_to.is_(None), c.valid_to > period.first),
    )
    found = set(db.scalars(there))
    for name, conditions in rollup.what_is_a_club(library).items():
        fits = (words.WORDS[one.word](c.value, one.value) for one in conditions)
        found &= set(db.scalars(there.where(c.name == name, *fits)))
    return found


def latest_period(db: Connection, today: date) -> Period:
    """The half-year of the newest event up to today; where nothing happened yet, today's."""
    c = records.c
    newest = sa.select(sa.func.max(c.happened_on)).where(c.happened_on <= today, ~c.held_back)
    return periods_of(db.scalar(newest) or today)[0]


def _columns(library: Library) -> Iterator[tuple[Column, Indicator]]:
    """Figures of whole clubs: cuts and words about the club are for the file."""
    for column in library.figures.columns:
        if column.show in ("count", "share") and column.figure and not column.cut:
            yield column, library.figures.indicators[column.figure]


def _english(column: Column, indicator: Indicator) -> str:
    """The indicator's name; of a share's numerator there is none."""
    return "" if column.show == "count" and indicator.over else indicator.en


def _cell(figures: Figures, club: str, column: Column, indicator: Indicator) -> Cell:
    figure = figures.get((club, indicator.id, "", ""), Figure(None))
    if column.show == "share":
        return Cell(figure.value(indicator), figure.numerator, figure.denominator)
    if figure.numerator is None:
        return Cell(None)
    return Cell(figure.numerator / indicator.divided_by)


def _labels(db: Connection, clubs: set[str]) -> dict[str, str]:
    query = sa.select(entities.c.uuid, entities.c.label).where(entities.c.uuid.in_(sorted(clubs)))
    return {row.uuid: plain_name(row.label) for row in db.execute(query)}


def _commune(units: Mapping[str, places.UnitPath], club: str) -> str:
    path = units.get(club)
    return "" if path is None else (path.commune or path.last_known).full_name
