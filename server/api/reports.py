"""Indicators, and reports: where each stands, its steps, its figures, its files."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import Any

from flask import Response, request
from marshmallow import fields, validate

from forms.cells import Cell
from forms.days import vietnam_day
from forms.indicators import PLACES
from forms.periods import ADMINISTRATIVE, CALENDAR, Period, get_period
from forms.problems import NOT_ALLOWED, NOT_FOUND, Refused
from server.api.described import CSV, PAGED, asked, natural, yes_no
from server.api.door import KNOWN, caller, route
from server.api.wire import Time, Wire, flag, number, page, say, sent
from server.downloads import XLSX
from server.kept_reports import kept_reports
from server.report_files import PDF, File, hand_out
from server.runtime import runtime
from sync.reports import steps
from sync.reports.chain import Wish
from sync.reports.data import IndicatorData, PlaceData, ReportData
from sync.reports.desk import Desk, Line, periods_for, read_desk
from sync.reports.reading import report_for
from sync.reports.tables import HIDDEN, figure_cells, figures_in_order, target_of

SEES = ("figures.read", "reports.read")
STEPS = ("reports.send", "reports.pass_on", "figures.read")  # and whom the library lets confirm
ONE = "/reports/<code>"
CALENDARS = validate.OneOf([CALENDAR, ADMINISTRATIVE])
WHICH = asked("calendar", "Which half-years.", fields.String(validate=CALENDARS))
STAND = (
    WHICH,
    natural("version", "A version that was sent; else the last, or as it stands now."),
    yes_no("live", "As it stands now, for who sees open figures."),
)


class IndicatorShape(Wire):
    """`over`: the indicator it is a share of. `by`: its cuts. `levels`: of which places."""

    id = fields.String()
    vi = fields.String()
    en = fields.String()
    unit_vi = fields.String()
    unit_en = fields.String()
    formula_vi = fields.String()
    formula_en = fields.String()
    source = fields.String()
    section = fields.String()
    over = fields.String()
    by = fields.List(fields.String())
    levels = fields.List(fields.String())
    sensitive = fields.Boolean()


class VersionSent(Wire):
    version = fields.Integer()
    frozen_at = Time()
    sha256 = fields.String()
    reason = fields.String()


class ReportListed(Wire):
    """`state`: how far up everybody has confirmed; sent; reported. `version` is the last sent."""

    period = fields.String()
    calendar = fields.String()
    first = fields.Date()
    last = fields.Date()
    state = fields.String()
    version = fields.Integer()


class PlaceStanding(Wire):
    """One place of the chain. `mayDo`: the steps that the caller may take for it now."""

    level = fields.String()
    code = fields.String()
    name = fields.String()
    depth = fields.Integer()
    state = fields.String()
    confirmed_at = Time()
    due_on = fields.Date()
    is_late = fields.Boolean()
    may_do = fields.List(fields.String())


class ReportShape(ReportListed):
    """With the places in the caller's scope, and the versions that were sent."""

    may_do = fields.List(fields.String())
    places = fields.List(fields.Nested(PlaceStanding))
    versions = fields.List(fields.Nested(VersionSent))


class FigureShape(Wire):
    """`cut` and `cutValue`: of which part; blank for the whole. Numbers are null where nothing was
    sent, and where they are kept back because they are small (`isHidden`).
    """

    id = fields.String()
    level = fields.String()
    place_code = fields.String()
    place_name = fields.String()
    indicator = fields.String()
    cut = fields.String()
    cut_value = fields.String()
    numerator = fields.Float()
    denominator = fields.Float()
    value = fields.Float()
    missing = fields.Float()
    is_hidden = fields.Boolean()
    target = fields.String()


class NewStep(Wire):
    """`level` and `code` of a place to confirm it or send it back; without, the report as a whole.
    `incomplete`: without those below who have not confirmed.
    """

    act = fields.String(
        required=True, validate=validate.OneOf(["confirm", "send_back", "send", "report", "reopen"])
    )
    level = fields.String(allow_none=True)
    code = fields.String(allow_none=True)
    comment = fields.String(validate=validate.Length(max=2000))
    incomplete = fields.Boolean()


# ------------------------------------------------------------------ indicators
@route("/indicators", KNOWN, gives=[IndicatorShape])
def list_indicators() -> Response:
    """What is counted, and how."""
    return say(IndicatorShape(), runtime().library.figures.indicators.values(), many=True)


@route("/indicators/<indicator>", KNOWN, gives=IndicatorShape)
def get_indicator(indicator: str) -> Response:
    """One of them."""
    found = runtime().library.figures.indicators.get(indicator)
    if found is None:
        raise Refused(NOT_FOUND())
    return say(IndicatorShape(), found)


# ------------------------------------------------------------------ reports
@route("/reports", *SEES, gives=[ReportListed])
def list_reports() -> Response:
    """The reports of late, the newest period first; of others only those that were sent."""
    today, library = vietnam_day(runtime().now()), runtime().library
    with runtime().database.read() as db:
        periods = periods_for(db, library, caller(), today)
        desks = [read_desk(db, library, caller(), one, today) for one in periods]
    return say(ReportListed(), map(_listed, desks), many=True)


@route(ONE, *SEES, gives=ReportShape, query=[WHICH])
def get_report(code: str) -> Response:
    """Where one report stands, place by place."""
    return _say(_period(code))


def _say(period: Period) -> Response:
    with runtime().database.read() as db:
        today = vietnam_day(runtime().now())
        desk = read_desk(db, runtime().library, caller(), period, today)
    more = {
        "may_do": [one.act for one in desk.doings],
        "places": map(_place, desk.lines),
        "versions": desk.versions,
    }
    return say(ReportShape(), _listed(desk) | more)


def _period(code: str) -> Period:
    return get_period(code, request.args.get("calendar", CALENDAR))


def _listed(desk: Desk) -> dict[str, Any]:
    period = desk.period
    return {
        "period": period.code,
        "calendar": period.calendar,
        "first": period.first,
        "last": period.last,
        "state": desk.standing.state,
        "version": desk.versions[-1].version if desk.versions else None,
    }


def _place(line: Line) -> dict[str, Any]:
    return {
        "level": line.place.level,
        "code": line.place.code,
        "name": line.place.name,
        "depth": line.depth,
        "state": line.state,
        "confirmed_at": line.confirmed.at if line.confirmed else None,
        "due_on": line.due,
        "is_late": line.is_late,
        "may_do": [one.act for one in line.doings],
    }


@route(f"{ONE}/steps", *STEPS, methods=["POST"], takes=NewStep, gives=ReportShape, query=[WHICH],
       also=[409])  # fmt: skip
def take_report_step(code: str) -> Response:
    """Confirm, send back, send, pass on or open again; a person does it, no token."""
    if caller().scope is not None:
        raise Refused(NOT_ALLOWED())
    period, given, library, now = _period(code), sent(NewStep()), runtime().library, runtime().now()
    with runtime().database.read() as db:
        place, level = None, given.get("level")
        if level is not None:
            chain, is_club = steps.read_chain(db, library, period), level == PLACES[0]
            place = steps.find_place(chain, given.get("code") or "", is_club=is_club)
        elif given["act"] in ("confirm", "send_back"):
            raise Refused(NOT_FOUND())
        wish = Wish(given["act"], place, given.get("comment", ""), given.get("incomplete", False))
        prepared = steps.prepare(db, library, caller(), period, wish, now)
    with runtime().database.write() as db:
        steps.take(db, library, caller(), period, prepared, now)
    return _say(period)


# ------------------------------------------------------------------ files
@route(f"{ONE}.xlsx", *SEES, gives=XLSX, query=STAND)
def get_report_xlsx(code: str) -> Response:
    """Both tables as one workbook, of what the caller may see."""
    return hand_out(_report(code), "xlsx", caller().actor)


@route(f"{ONE}/<any(groups, figures):table>.csv", *SEES, gives=CSV, query=STAND)
def get_report_csv(code: str, table: File) -> Response:
    """One table, for Excel in Vietnam: a row per group that is counted (a club), or per figure."""
    return hand_out(_report(code), table, caller().actor)


@route(f"{ONE}.pdf", *SEES, gives=PDF, query=[
    *STAND,
    asked("level", "Of the place of this level …"),
    asked("placeCode", "… and of this code; else of the highest that the caller sees."),
])  # fmt: skip
def get_report_pdf(code: str) -> Response:
    """The document to sign."""
    data, level = _report(code), request.args.get("level")
    if level is None:
        return hand_out(data, "pdf", caller().actor)
    named = (level, request.args.get("placeCode"))
    found = [one for one in data.places if (one.level, one.club_code or one.code) == named]
    if not found:
        raise Refused(NOT_FOUND())
    return hand_out(data, "pdf", caller().actor, found[0])


# ------------------------------------------------------------------ figures
@route(f"{ONE}/figures", *SEES, gives=[FigureShape], query=[
    *STAND,
    asked("indicator", "Only of this one."),
    asked("level", "Only of places of this level."),
    *PAGED,
])  # fmt: skip
def list_report_figures(code: str) -> Response:
    """Every figure the caller may see, by place, indicator and part."""
    return say(FigureShape(), page(_figures(_report(code)), itemgetter("id")), many=True)


def _report(code: str) -> ReportData:
    """What the caller may see of it, as the query says."""
    version = number("version", 0) or None
    with runtime().database.read() as db:
        return report_for(
            *(db, runtime().library, caller(), _period(code), runtime().now(), version),
            provisional=flag("live"),
            read=partial(kept_reports().read, of_now=True),
        )


def _figures(data: ReportData) -> Iterator[dict[str, Any]]:
    wanted = {name: request.args.get(name) for name in ("indicator", "level")}
    for place, indicator, cell in figures_in_order(data):
        if wanted["indicator"] in (None, indicator.id) and wanted["level"] in (None, place.level):
            yield _figure(data, place, indicator, cell)


def _figure(
    data: ReportData, place: PlaceData, indicator: IndicatorData, cell: tuple[str, str]
) -> dict[str, Any]:
    target = target_of(data, place, indicator, cell)
    over, below, value, _, wish, _, missing = figure_cells(data, place, indicator, target, cell)
    return {
        "id": "/".join((*place.id, indicator.id, *cell)),
        "level": place.level,
        "place_code": place.club_code or place.code,
        "place_name": place.club_name or place.name,
        "indicator": indicator.id,
        "cut": cell[0],
        "cut_value": cell[1],
        "numerator": _number(over),
        "denominator": _number(below),
        "value": _number(value),
        "missing": _number(missing),
        "is_hidden": HIDDEN in (over, below, value, missing),
        "target": wish,
    }


def _number(cell: Cell) -> float | None:
    """What stands in files as a number; a word there ("–", "ẩn") is none here."""
    return float(cell) if isinstance(cell, Decimal | int) else None
