"""The pages: sign in, then the half-year's figures of the clubs in one's scope, and the files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import render_template, request
from werkzeug.wrappers import Response

from forms.cells import Table, to_csv
from forms.days import vietnam_day
from forms.periods import CALENDAR, Period, get_period, periods_between
from server.health import can_process
from server.pages.door import KNOWN, Answer, caller, in_menu, page
from server.pages.words import mark
from server.runtime import runtime
from sync import audit, rolls
from sync.access import may
from sync.overview import Overview, latest_period, read_overview
from sync.reports.reading import report_for
from sync.reports.tables import report_tables
from sync.status import Status, read_status
from sync.workbook import write_xlsx

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
YEARS_BACK = 1  # of periods to choose from


@in_menu(mark("Home"), 0)
@page("/", KNOWN)
def home() -> Answer:
    """What the person's role may see: figures, work of the server, or a word that it is neither."""
    asking = caller()
    today = vietnam_day(runtime().now())
    code = request.args.get("period")
    overview: Overview | None = None
    status: Status | None = None
    with runtime().database.read() as db:
        period = get_period(code) if code else latest_period(db, today)
        if may(runtime().library, asking, "figures.read"):
            overview = read_overview(db, runtime().library, asking, period)
        if may(runtime().library, asking, "work.read"):
            status = read_status(db)
        offers = list(rolls.offers(db, runtime().library, asking, today))
    return render_template(
        "home.html",
        overview=overview,
        status=status,
        processing=status is not None and can_process(status, runtime().now()),
        offers=offers,
        period=period,
        periods=_periods(today),
        is_open=today <= period.last,
    )


@page("/reports/<code>.<any(xlsx):kind>", KNOWN)
@page("/reports/<code>-<any(clubs,figures):which>.<any(csv):kind>", KNOWN)
def download(code: str, kind: str, which: str = "") -> Answer:
    """The period's files as the person may see them, of the report that was sent if it was: both
    tables as XLSX, or one as CSV.
    """
    asking = caller()
    period = get_period(code, request.args.get("calendar", CALENDAR))
    now = runtime().now()
    with runtime().database.read() as db:
        report = report_for(db, runtime().library, asking, period, now)
    tables = report_tables(report)
    with runtime().database.write() as db:
        audit.record(db, asking.actor, "report.export", f"period:{code}", now)
    if kind == "xlsx":
        return _workbook(f"bao_cao_{code}.xlsx", tables)
    return _csv(tables[which == "figures"])


@page("/rolls/<name>/<path:club>.<any(xlsx, csv):kind>", KNOWN)
def roll(name: str, club: str, kind: str) -> Answer:
    """A list of a club's people for paper, marked with who took it; that is written down too."""
    asking, now = caller(), runtime().now()
    library = runtime().library
    with runtime().database.read() as db:
        found = rolls.find_roll(library, name)
        seen = rolls.reading(db, library, asking, found, vietnam_day(now))
        mark = rolls.mark(asking, now)
        (table,) = rolls.roll_tables(
            *(db, library, found, seen, vietnam_day(now), mark), club_code=club
        )
    with runtime().database.write() as db:
        audit.record(db, asking.actor, "roll.export", f"list:{name}", now, club=club)
    if kind == "xlsx":
        return _workbook(f"{table.name}.xlsx", [table])
    return _csv(table)


def _csv(table: Table) -> Response:
    return _file(f"{table.name}.csv", b"".join(to_csv(table)), "text/csv; charset=utf-8")


def _workbook(name: str, tables: Iterable[Table]) -> Response:
    with TemporaryDirectory(prefix="cayda-") as folder:
        path = Path(folder) / "book.xlsx"
        write_xlsx(path, tables)
        return _file(name, path.read_bytes(), XLSX)


def _file(name: str, content: bytes, content_type: str) -> Response:
    answer = Response(content, content_type=content_type)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _periods(today: date) -> list[Period]:
    """Half-years and years to choose from, the current half-year first."""
    found = periods_between(date(today.year - YEARS_BACK, 1, 1), today)
    return sorted(found, key=lambda period: (period.last, period.first), reverse=True)
