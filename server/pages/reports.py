"""The chain of reports: where each stands, one step more, its files, what came after sending."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Response, render_template, request

from forms.cells import Table, to_csv
from forms.days import vietnam_day
from forms.problems import NOT_FOUND, Refused
from server.downloads import XLSX, as_file
from server.pages.door import Answer, caller, done, in_menu, page
from server.pages.figures import SEES, Choice, address_of, chosen, find_place, periods_for
from server.pages.words import gettext, mark
from server.runtime import runtime
from sync import audit, overview
from sync.access import may
from sync.definitions import titles
from sync.figures import Figure
from sync.reports import steps
from sync.reports.chain import Act, Wish
from sync.reports.data import PlaceKey
from sync.reports.desk import read_desk
from sync.reports.document import as_told, to_pdf
from sync.reports.reading import late_for, report_for
from sync.reports.tables import report_tables
from sync.workbook import write_xlsx

PDF = "application/pdf"
STEPS = ("reports.send", "reports.pass_on", "figures.read")  # and whom the library lets confirm
LONGEST = 2000  # letters of a reason
ACTS = {  # the button, and what was done
    "confirm": (mark("Confirm"), mark("Confirmed.")),
    "send_back": (mark("Send back"), mark("Sent back.")),
    "send": (mark("Send the report"), mark("The report is sent; its figures stand still now.")),
    "report": (mark("Passed on"), mark("Noted that it was passed on.")),
    "reopen": (mark("Open again"), mark("The report is open again.")),
}
HAPPENED = {  # what happened to a record after the report was sent
    "arrived": mark("arrived"),
    "edited": mark("edited"),
    "deleted": mark("deleted"),
    "counts_now": mark("counts now"),
    "counts_no_more": mark("counts no more"),
    "linked": mark("its person was linked to another, or is no more"),
}


@in_menu(mark("Reports"), 20)
@page("/reports", *SEES)
def reports() -> Answer:
    """Each period's report: where it stands, and what waits for the caller in it."""
    today, asking = vietnam_day(runtime().now()), caller()
    with runtime().database.read() as db:
        periods = periods_for(db, asking)
        desks = [read_desk(db, runtime().library, asking, one, today) for one in periods]
    return render_template("reports.html", desks=desks, rules=runtime().library.report)


@page("/reports/<code>", *SEES)
def report(code: str) -> Answer:
    """One report: its chain place by place, the steps the caller may take, versions and files."""
    return _show(chosen(code))


def _show(choice: Choice, problem: object = None) -> str:
    library, asking = runtime().library, caller()
    with runtime().database.read() as db:
        periods = periods_for(db, asking)
        today = vietnam_day(runtime().now())
        desk = read_desk(db, library, asking, choice.period, today)
    return render_template(
        "report.html",
        choice=choice,
        period=choice.period,
        periods=periods,
        desk=desk,
        rules=library.report,
        roles=library.roles,
        acts=ACTS,
        problem=problem,
        has_files=may(library, asking, "figures.read") or bool(desk.versions),
        is_over=today >= choice.period.last,
    )


@page(
    "/reports/<code>/<any(confirm, send_back, send, report, reopen):act>", *STEPS, methods=("POST",)
)
def take_step(code: str, act: Act) -> Answer:
    """One step of the chain, by who may take it; else the page again, with the reason why not."""
    choice, asking, now = chosen(code), caller(), runtime().now()
    level, key = request.form.get("level", ""), request.form.get("key", "")
    place: PlaceKey | None = (level, key) if level else None
    comment = request.form.get("comment", "")[:LONGEST]
    wish = Wish(act, place, comment, "incomplete" in request.form)
    if act in ("confirm", "send_back") and place is None:
        raise Refused(NOT_FOUND())
    library, database = runtime().library, runtime().database
    try:
        with database.read() as db:
            prepared = steps.prepare(db, library, asking, choice.period, wish, now)
        with database.write() as db:
            steps.take(db, library, asking, choice.period, prepared, now)
    except Refused as refused:
        return _show(choice, refused.problem), refused.problem.status or 400
    return done(gettext(ACTS[act][1]), "report", **choice.ask())


@page("/reports/<code>/late", "figures.read")
def late(code: str) -> Answer:
    """What came after the report was sent, and which figures it would move."""
    choice = chosen(code)
    with runtime().database.read() as db:
        data, found = late_for(db, runtime().library, caller(), choice.period)
        names = titles(db)

    def told(name: str, number: Decimal | None, over: Decimal | None) -> str:
        return as_told(data, name, Figure(number, over))

    return render_template(
        "late.html",
        choice=choice,
        period=choice.period,
        data=data,
        found=found,
        whole=[one for one in found.differences if not one.cut],
        happened=HAPPENED,
        indicators={one.id: one for one in data.indicators},
        titles=names,
        told=told,
        address_of=lambda record: address_of(
            "find_record", form_id=record.form, id=record.instance_id
        ),
    )


# ------------------------------------------------------------------ files
@page("/reports/<code>.<any(xlsx, pdf):kind>", *SEES)
@page("/reports/<code>-<any(clubs,figures):which>.<any(csv):kind>", *SEES)
def download(code: str, kind: str, which: str = "") -> Answer:
    """The period's files as the person may see them, of the report that was sent if it was: both
    tables as XLSX, one as CSV, or the document to sign of one place (`level`, `key`; else the top).
    """
    choice, now, library = chosen(code), runtime().now(), runtime().library
    with runtime().database.read() as db:
        data = report_for(
            *(db, library, caller(), choice.period, now), choice.version, provisional=choice.live
        )
    with runtime().database.write() as db:
        about = {"version": data.head.version, "kind": kind}
        audit.record(db, caller().actor, "report.export", f"period:{code}", now, **about)
    name = f"bao_cao_{code}"
    if kind == "pdf":
        tops = overview.tops(data)
        if not tops:
            raise Refused(NOT_FOUND())
        level, key = request.args.get("level"), request.args.get("key", "")
        place = tops[0] if level is None else find_place(data, level, key)
        return as_file(f"{name}.pdf", to_pdf(library, data, place), PDF)
    tables = report_tables(data)
    if kind == "xlsx":
        return workbook(f"{name}.xlsx", tables)
    return csv(tables[which == "figures"])


def csv(table: Table) -> Response:
    """A table as a file for Excel in Vietnam."""
    return as_file(f"{table.name}.csv", b"".join(to_csv(table)), "text/csv; charset=utf-8")


def workbook(name: str, tables: Iterable[Table]) -> Response:
    """Tables as the sheets of one workbook."""
    with TemporaryDirectory(prefix="cayda-") as folder:
        path = Path(folder) / "book.xlsx"
        write_xlsx(path, tables)
        return as_file(name, path.read_bytes(), XLSX)
