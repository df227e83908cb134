"""How figures of one place went over the last periods, as lines and as a table."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask import current_app, render_template, request
from markupsafe import Markup
from sqlalchemy.engine import Connection

from forms.indicators import PLACES
from forms.periods import Period, get_period
from forms.problems import Refused
from server.kept_reports import kept_reports
from server.pages.door import Answer, caller, page
from server.pages.figures import (
    JUDGED,
    SEES,
    Choice,
    chosen,
    find_indicator,
    find_place,
    periods_for,
)
from server.pages.line_chart import Bounds, Line, line_chart
from server.pages.words import gettext, mark, one
from server.runtime import runtime
from sync import overview, places
from sync.reports import trend as trends
from sync.reports.data import IndicatorData, PlaceData, ReportData
from sync.reports.reading import report_for
from sync.reports.trend import Point, Trends

DIFFERS = {  # why a period cannot be compared with the newest
    trends.OTHERWISE: mark("counted in another way then"),
    trends.OTHER_UNITS: mark("of another number of units then"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An indicator over the periods. chart: empty where there are no two points to compare."""

    about: IndicatorData
    points: list[Point]
    chart: Markup


@page("/figures/<code>/<level>/<key>/trend", *SEES)
def trend(code: str, level: str, key: str) -> Answer:
    """One indicator of the place, or all that have a target there, in the last periods."""
    choice, asked = chosen(code), request.args.get("indicator", "")
    with runtime().database.read() as db:
        reports = _reports(db, choice)
        first = next(one for one in reports if one.head.period == choice.period.code)
        place = find_place(first, level, key)
        life, before = _life(db, place), []
        if life is not None:
            before = _before(db, reports, place)
    names = [find_indicator(first, level, asked)] if asked else _with_target(first, place)
    return render_template(
        "trend.html",
        choice=choice,
        period=choice.period,
        place=place,
        above=overview.above(first, place),
        asked=asked,
        shown=[_shown(reports, place, about) for about in names],
        life=life,
        before=before,
        oldest=min(one.head.first for one in reports),
        newest=max(one.head.last for one in reports),
        judged=JUDGED,
        differs=DIFFERS,
    )


def _reports(db: Connection, choice: Choice) -> list[ReportData]:
    """What the caller may see of this period and of the last ones as long, the newest first.

    Refused, where this one is not for them.
    """
    asking, period = caller(), choice.period
    alike = [one for one in periods_for(db, asking) if one.months == period.months]
    wanted = {get_period(one.code, period.calendar) for one in alike[: trends.MOST]} | {period}
    found = [_report(db, period)]
    for other in wanted - {period}:
        with suppress(Refused):  # it was sent in another calendar only
            found.append(_report(db, other))
    return sorted(found, key=lambda data: data.head.last, reverse=True)


def _report(db: Connection, period: Period) -> ReportData:
    return report_for(db, runtime().library, caller(), period, runtime().now(), read=_kept().read)


def _kept() -> Trends:
    new = Trends(kept_reports().read)
    found: Trends = current_app.extensions.setdefault("cayda trends", new)
    return found


def _life(db: Connection, place: PlaceData) -> tuple[date, date | None] | None:
    """From when and until when the unit was one; None for a club."""
    if place.level == PLACES[0]:
        return None
    unit = places.read_tree(db).units[int(place.key)]
    return unit.valid_from, unit.valid_to


def _before(
    db: Connection, reports: list[ReportData], place: PlaceData
) -> list[tuple[str, PlaceData]]:
    """The units that the place came of, in the newest period in which the reader sees each."""
    tree = places.read_tree(db)
    found = []
    for _, _, unit in tree.forebears(tree.units[int(place.key)]):
        seen = ((data.head.period, data.place(unit.level, str(unit.id))) for data in reports)
        found += [(code, old) for code, old in seen if old is not None][:1]
    return found


def _with_target(data: ReportData, place: PlaceData) -> list[IndicatorData]:
    return [
        one
        for one in sorted(data.indicators, key=lambda one: one.id)
        if place.level in one.levels and data.target(one.id, place.level, place.key)
    ]


def _shown(reports: list[ReportData], place: PlaceData, about: IndicatorData) -> Shown:
    found = trends.points(runtime().library, reports, place.id, about.id)
    drawn = [
        (each.period.last, Decimal(each.line.value))
        for each in reversed(found)
        if not each.differs and isinstance(each.line.value, int | Decimal)
    ]
    if len(drawn) < 2:
        return Shown(about, found, Markup())
    unit = one({"vi": about.unit_vi, "en": about.unit_en})
    line, name = Line(one(about), drawn), f"trend-{about.id}"
    chart = line_chart(
        one(about), [line], unit, name=name, bounds=_bounds(reports[0], place, about)
    )
    return Shown(about, found, chart)


def _bounds(newest: ReportData, place: PlaceData, about: IndicatorData) -> Bounds | None:
    """The target as it is in the newest period."""
    target = newest.target(about.id, place.level, place.key)
    if target is None:
        return None
    values = [one for one in (target.above, target.at_least, target.at_most) if one is not None]
    return Bounds(gettext("Target"), values)
