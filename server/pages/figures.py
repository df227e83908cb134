"""Figures of a period: a place against its targets, the places below it, one number whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import current_app, render_template, request, url_for
from sqlalchemy.engine import Connection

from forms.cells import Cell
from forms.days import vietnam_day
from forms.periods import CALENDAR, Period, get_period
from forms.problems import NOT_FOUND, Refused
from server.kept_reports import kept_reports
from server.pages.charts import BarChart, bar_chart
from server.pages.door import Answer, caller, in_menu, page, pages
from server.pages.words import gettext, mark, one
from server.row_numbers import row_number
from server.runtime import runtime
from sync import overview, why
from sync.access import Caller, may
from sync.reports import desk, snapshots
from sync.reports.charts import Bar
from sync.reports.data import IndicatorData, PlaceData, ReportData
from sync.reports.reading import report_for
from sync.reports.tables import rounded, tidy, to_read

if TYPE_CHECKING:
    from forms.document_rules import Chart

SEES = ("figures.read", "reports.read")
JUDGED = {  # words of the report's files → what is said, and how it looks
    "dat": (mark("Met"), "good"),
    "thap": (mark("Below the target"), "warn"),
    "cao": (mark("Above the band"), ""),
}

pages.app_template_filter("cell")(to_read)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which report is looked at: of this period, a version of it, or as it stands now."""

    period: Period
    version: int | None
    live: bool

    def ask(self) -> dict[str, object]:
        """What an address needs to say the same again; `code` is a part of its path."""
        found: dict[str, object] = {"code": self.period.code}
        if self.period.calendar != CALENDAR:
            found["calendar"] = self.period.calendar
        if self.version is not None:
            found["version"] = self.version
        return found | ({"live": 1} if self.live else {})


def chosen(code: str) -> Choice:
    """As the address says. Refused(BAD_PERIOD)."""
    period = get_period(code, request.args.get("calendar", CALENDAR))
    return Choice(period, request.args.get("version", type=row_number), "live" in request.args)


def read(db: Connection, asking: Caller, choice: Choice) -> ReportData:
    """What the caller may see of it."""
    return report_for(
        *(db, runtime().library, asking, choice.period, runtime().now()),
        choice.version,
        provisional=choice.live,
        read=kept_reports().read,
    )


# ------------------------------------------------------------------ a place
@in_menu(mark("Figures"), 10)
@page("/figures", *SEES)
def figures() -> Answer:
    """The newest period that the caller may see anything of, from the top."""
    with runtime().database.read() as db:
        offered = periods_for(db, caller())
        newest = overview.latest_period(db, vietnam_day(runtime().now()))
    if not offered:
        return render_template("no_figures.html", periods=(), period=None)
    period = newest if newest in offered else offered[0]
    return _show(Choice(period, None, live=False), None)


@page("/figures/<code>", *SEES)
def figures_of(code: str) -> Answer:
    """A period from the highest place that the caller sees."""
    return _show(chosen(code), None)


@page("/figures/<code>/<level>/<key>", *SEES)
def figures_at(code: str, level: str, key: str) -> Answer:
    """A period at one place."""
    return _show(chosen(code), (level, key))


def _show(choice: Choice, wanted: tuple[str, str] | None) -> Answer:
    library, asking = runtime().library, caller()
    with runtime().database.read() as db:
        data = read(db, asking, choice)
        periods = periods_for(db, asking)
        was_sent = data.head.version is not None or bool(
            choice.live and list(snapshots.list_versions(db, choice.period))
        )
    tops = overview.tops(data)
    common = {"choice": choice, "period": choice.period, "periods": periods, "data": data}
    if wanted is None and len(tops) != 1:
        return render_template("no_figures.html", tops=tops, **common)
    place = tops[0] if wanted is None else find_place(data, *wanted)
    shown = overview.overview(data, place, library.report.document)
    return render_template(
        "figures.html",
        shown=shown,
        charts=[_chart(data, n, *one) for n, one in enumerate(shown.charts)],
        judged=JUDGED,
        was_sent=was_sent,
        sees_live=may(library, asking, "figures.read"),
        **common,
    )


def find_place(data: ReportData, level: str, key: str) -> PlaceData:
    """The place, where the reader sees it. Refused(NOT_FOUND)."""
    found = data.place(level, key)
    if found is None:
        raise Refused(NOT_FOUND())
    return found


def periods_for(db: Connection, asking: Caller) -> list[Period]:
    """The periods to choose from, the newest first."""
    return desk.periods_for(db, runtime().library, asking, vietnam_day(runtime().now()))


# ------------------------------------------------------------------ one indicator
@page("/figures/<code>/<level>/<key>/<indicator>", *SEES)
def figure(code: str, level: str, key: str, indicator: str) -> Answer:
    """One number: how it is counted, its parts, the places below, and whether more may be seen."""
    choice, asking = chosen(code), caller()
    with runtime().database.read() as db:
        data = read(db, asking, choice)
        place, about = find_place(data, level, key), find_indicator(data, level, indicator)
        asked = why.Asked(about.id, choice.period, level, key)
        behind = data.head.version is None and why.may_ask(db, runtime().library, asking, asked)
    shown = overview.detail(data, place, about)
    return render_template(
        "figure.html",
        choice=choice,
        period=choice.period,
        data=data,
        place=place,
        above=overview.above(data, place),
        about=about,
        over=data.indicator(about.over) if about.over else None,
        shown=shown,
        below=_bars(data, "below", gettext("By place"), shown.bars),
        parts=[
            (cut, lines, _bars(data, f"cut-{n}", one(cut), bars))
            for n, (cut, lines, bars) in enumerate(shown.parts)
        ],
        judged=JUDGED,
        behind=behind,
    )


def find_indicator(data: ReportData, level: str, name: str) -> IndicatorData:
    """The indicator, where it is one of this level. Refused(NOT_FOUND)."""
    for found in data.indicators:
        if found.id == name and level in found.levels:
            return found
    raise Refused(NOT_FOUND())


def address_of(view: str, **values: Any) -> str:
    """Of another page, where there is one."""
    name = f"pages.{view}"
    return url_for(name, **values) if name in current_app.view_functions else ""


# ------------------------------------------------------------------ charts
def _chart(data: ReportData, number: int, chart: Chart, bars: Iterable[Bar]) -> BarChart:
    title = one({"vi": chart.title, "en": chart.title_en or chart.title})
    return _bars(data, f"chart-{number}", title, bars)


def _bars(data: ReportData, name: str, title: str, bars: Iterable[Bar]) -> BarChart:
    return bar_chart(name, title, [(one(bar), _said(data, bar), bar) for bar in bars])


def _said(data: ReportData, bar: Bar) -> str:
    about = data.indicator(bar.indicator)
    shown: Cell = rounded(bar.value) if about.over else tidy(bar.value)
    unit = one({"vi": about.unit_vi, "en": about.unit_en})
    return f"{to_read(shown)} {unit}"
