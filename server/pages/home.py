"""The pages: sign in, then the half-year's figures of the clubs in one's scope, and the files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Blueprint, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from forms.cells import Table, to_csv
from forms.days import to_vietnamese, vietnam_day
from forms.periods import CALENDAR, Period, get_period, periods_between
from forms.problems import BAD_REQUEST, NOT_AUTHENTIC, Refused
from server.health import can_process
from server.pages import sign_in as session
from server.pages.sign_in import SignInForm, SignOutForm
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

pages = Blueprint("pages", __name__, template_folder="templates", static_folder="static")


@pages.get("/")
@login_required  # type: ignore[untyped-decorator]
def home() -> str:
    """What the person's role may see: figures, work of the server, or a word that it is neither."""
    caller = session.caller()
    today = vietnam_day(runtime().now())
    code = request.args.get("period")
    overview: Overview | None = None
    status: Status | None = None
    with runtime().database.read() as db:
        period = get_period(code) if code else latest_period(db, today)
        if may(runtime().library, caller, "figures.read"):
            overview = read_overview(db, runtime().library, caller, period)
        if may(runtime().library, caller, "work.read"):
            status = read_status(db)
        offers = list(rolls.offers(db, runtime().library, caller, today))
    return render_template(
        "home.html",
        person=caller,
        sign_out=SignOutForm(),
        overview=overview,
        status=status,
        processing=status is not None and can_process(status, runtime().now()),
        offers=offers,
        period=period,
        periods=_periods(today),
        is_open=today <= period.last,
    )


@pages.get("/reports/<code>.<any(xlsx):kind>")
@pages.get("/reports/<code>-<any(clubs,figures):which>.<any(csv):kind>")
@login_required  # type: ignore[untyped-decorator]
def download(code: str, kind: str, which: str = "") -> Response:
    """The period's files as the person may see them, of the report that was sent if it was: both
    tables as XLSX, or one as CSV.
    """
    caller = session.caller()
    period = get_period(code, request.args.get("calendar", CALENDAR))
    now = runtime().now()
    with runtime().database.read() as db:
        report = report_for(db, runtime().library, caller, period, now)
    tables = report_tables(report)
    with runtime().database.write() as db:
        audit.record(db, caller.actor, "report.export", f"period:{code}", now)
    if kind == "xlsx":
        return _workbook(f"bao_cao_{code}.xlsx", tables)
    return _csv(tables[which == "figures"])


@pages.get("/rolls/<name>/<path:club>.<any(xlsx, csv):kind>")
@login_required  # type: ignore[untyped-decorator]
def roll(name: str, club: str, kind: str) -> Response:
    """A list of a club's people for paper, marked with who took it; that is written down too."""
    caller, now = session.caller(), runtime().now()
    library = runtime().library
    with runtime().database.read() as db:
        found = rolls.find_roll(library, name)
        seen = rolls.reading(db, library, caller, found, vietnam_day(now))
        mark = rolls.mark(caller, now)
        (table,) = rolls.roll_tables(
            *(db, library, found, seen, vietnam_day(now), mark), club_code=club
        )
    with runtime().database.write() as db:
        audit.record(db, caller.actor, "roll.export", f"list:{name}", now, club=club)
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


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response | str | tuple[str, int]:
    """The form; after it, home."""
    form = SignInForm()
    problem, status = None, 200
    if request.method == "POST":
        if not form.validate_on_submit():
            problem, status = BAD_REQUEST(), 400
        elif session.enter(form.name.data, form.password.data):
            return redirect(url_for("pages.home"), 303)
        else:
            problem, status = NOT_AUTHENTIC(), 401
    return render_template("sign_in.html", form=form, problem=problem), status


@pages.post("/sign-out")
def sign_out() -> Response:
    """End the session, also where it has ended already."""
    if not SignOutForm().validate_on_submit():
        raise Refused(BAD_REQUEST())
    session.leave()
    return redirect(url_for("pages.sign_in"), 303)


def _periods(today: date) -> list[Period]:
    """Half-years and years to choose from, the current half-year first."""
    found = periods_between(date(today.year - YEARS_BACK, 1, 1), today)
    return sorted(found, key=lambda period: (period.last, period.first), reverse=True)


# ------------------------------------------------------------------ how things are written


@pages.app_template_filter("number")
def number(value: Decimal | int | None, digits: int = 0) -> str:
    """1.234,5 as Vietnamese readers write it; “–” where nothing was sent."""
    if value is None:
        return "–"
    exact = digits if digits or value == int(value) else 1
    text = f"{value:,.{exact}f}"
    return text.translate(str.maketrans(",.", ".,"))


@pages.app_template_filter("day")
def day(value: date) -> str:
    """31/12/2025"""
    return to_vietnamese(value)


@pages.app_template_filter("period_vi")
def period_vi(period: Period) -> str:
    """6 tháng cuối năm 2025"""
    year, part = period.code[:4], period.code[4:]
    names = {"H1": "6 tháng đầu năm", "H2": "6 tháng cuối năm", "Y": "Cả năm"}
    return f"{names[part]} {year}"
