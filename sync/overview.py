"""What a report shows of one place: its indicators against targets, charts, the places below it.

Made of ReportData as a reader may have it, so a page can show no more than the reader's files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Cell
from forms.periods import Period, periods_of
from sync.figures import WHOLE
from sync.reports.charts import Bar, bars_of, of_parts, of_places, places_below, target_bar
from sync.reports.data import CutData, IndicatorData, LabelData, PlaceData, ReportData
from sync.reports.tables import figure_cells
from sync.tables import forms, records

if TYPE_CHECKING:
    from forms.document_rules import Chart, DocumentRules


@dataclass(frozen=True, slots=True)
class Line:
    """One indicator, or one part of it, at one place, as it may be shown.

    Cells are numbers, “–” for no data, “ẩn” for what is hidden, or None where there is none.
    target: in words. judged: "dat", "thap", "cao" against it, else "khong_ap_dung". bar: the share
    and the band of its target, where there is a share.
    """

    indicator: IndicatorData
    numerator: Cell
    denominator: Cell
    value: Cell
    target: str
    judged: str
    missing: Cell
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the report with its lines."""

    label: LabelData
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A column of the table of places: its title, and which indicator it shows."""

    vi: str
    en: str
    indicator: str
    is_share: bool


@dataclass(frozen=True, slots=True)
class Below:
    """The places right below one, each with its numbers in the order of the headings."""

    headings: tuple[Heading, ...]
    rows: tuple[tuple[PlaceData, tuple[Line, ...]], ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """All that a page shows of one place. above: the places over it that may be seen, from the top.

    wanted: the lines that have a target here.
    """

    place: PlaceData
    above: tuple[PlaceData, ...]
    wanted: tuple[Line, ...]
    charts: tuple[tuple[Chart, list[Bar]], ...]
    sections: tuple[Section, ...]
    below: Below
    reporting: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is shown of one indicator at one place: as a whole, in parts, and below.

    parts: by each cut, its lines beside the names of the parts, and the bars of a chart.
    """

    whole: Line
    parts: tuple[tuple[CutData, tuple[tuple[LabelData, Line], ...], list[Bar]], ...]
    below: tuple[tuple[PlaceData, Line], ...]
    bars: list[Bar]


# ------------------------------------------------------------------ which place, which period
def tops(data: ReportData) -> list[PlaceData]:
    """The places over which the reader sees none, from the highest level down."""
    shown = {one.id for one in data.places}
    return [one for one in data.places if one.clubs and one.parent not in shown]


def above(data: ReportData, place: PlaceData) -> list[PlaceData]:
    """The places over one that the reader sees, from the top."""
    found: list[PlaceData] = []
    here: PlaceData | None = place
    while here is not None and here.parent is not None:
        here = data.place(*here.parent)
        if here is not None:
            found.insert(0, here)
    return found


def latest_period(db: Connection, today: date) -> Period:
    """The half-year of the newest event up to today; where nothing happened yet, today's."""
    c = records.c
    # Form by form, each by its index: of all at once every record would be read.
    of_form = (
        sa.select(c.happened_on)
        .where(c.form == forms.c.xml_form_id, c.table_path == "", c.happened_on <= today)
        .where(~c.held_back)
        .order_by(c.happened_on.desc())
        .limit(1)
        .scalar_subquery()
    )
    newest = db.scalar(sa.select(sa.func.max(of_form)).select_from(forms))
    return periods_of(newest or today)[0]


# ------------------------------------------------------------------ one place
def overview(data: ReportData, place: PlaceData, rules: DocumentRules | None) -> Overview:
    """The place as the reader may see it; `rules` name the charts and the columns of places."""
    sections = tuple(_sections(data, place))
    charts = rules.charts if rules is not None else ()
    return Overview(
        place=place,
        above=tuple(above(data, place)),
        wanted=tuple(line for one in sections for line in one.lines if line.target),
        charts=tuple((one, bars_of(data, place, one)) for one in charts),
        sections=sections,
        below=_below(data, place, rules.columns if rules is not None else ()),
        reporting=data.reporting(place),
    )


def line(
    data: ReportData, place: PlaceData, indicator: IndicatorData, cell: tuple[str, str] = WHOLE
) -> Line:
    """One indicator at one place, or one part of it, which has no target."""
    whole = cell == WHOLE
    target = data.target(indicator.id, place.level, place.key) if whole else None
    numerator, denominator, value, _, wanted, judged, missing = figure_cells(
        data, place, indicator, target, cell
    )
    bar = target_bar(data, place, indicator.id) if whole else None
    return Line(
        indicator, numerator, denominator, value, str(wanted or ""), str(judged), missing, bar
    )


def _sections(data: ReportData, place: PlaceData) -> Iterator[Section]:
    for section in data.sections:
        lines = tuple(
            line(data, place, one)
            for one in sorted(data.in_section(section.id), key=lambda one: one.id)
            if place.level in one.levels
        )
        if lines:
            yield Section(section, lines)


def _below(data: ReportData, place: PlaceData, titles: Sequence[str]) -> Below:
    headings = tuple(_headings(data, titles))
    rows = (
        (one, tuple(line(data, one, data.indicator(h.indicator)) for h in headings))
        for one in places_below(data, place)
    )
    return Below(headings, tuple(rows))


def _headings(data: ReportData, titles: Sequence[str]) -> Iterator[Heading]:
    """Figures of whole places among the columns of the table of clubs; without titles, all."""
    for column in data.columns:
        shown = column.figure and not column.cut and column.show in ("count", "share")
        if column.figure is None or not shown or (titles and column.title not in titles):
            continue
        indicator = data.indicator(column.figure)
        is_share = column.show == "share"
        english = indicator.en if is_share or indicator.over is None else ""
        yield Heading(column.title, english, indicator.id, is_share)


# ------------------------------------------------------------------ one indicator
def detail(data: ReportData, place: PlaceData, indicator: IndicatorData) -> Detail:
    """One number with all that the report says of it."""
    found = []
    for cut in data.cuts:
        if cut.name in indicator.by:
            lines = tuple(
                (one, line(data, place, indicator, (cut.name, one.id)))
                for one in cut.bands
                if data.figure(place, indicator.id, cut.name, one.id).numerator is not None
            )
            found.append((cut, lines, of_parts(data, place, indicator.id, cut.name)))
    below = [one for one in places_below(data, place) if one.level in indicator.levels]
    return Detail(
        whole=line(data, place, indicator),
        parts=tuple(found),
        below=tuple((one, line(data, one, indicator)) for one in below),
        bars=of_places(data, indicator.id, below),
    )
