"""The chain of reports: where each stands, one step more, its files, what came after sending."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from flask import render_template, request

from forms.days import vietnam_day
from forms.problems import NOT_FOUND, TEXT_TOO_LONG, Problem, Refused
from server.kept_reports import kept_reports
from server.pages.door import Answer, caller, done, in_menu, page
from server.pages.figures import (
    SEES,
    Choice,
    address_of,
    chosen,
    find_place,
    periods_for,
)
from server.pages.words import gettext, mark
from server.report_files import File, hand_out
from server.runtime import runtime
from sync import comments
from sync.access import may
from sync.definitions import titles
from sync.figures import Figure
from sync.reports import steps
from sync.reports.chain import Act, Wish
from sync.reports.data import PlaceKey
from sync.reports.desk import read_desk
from sync.reports.document import as_told
from sync.reports.reading import late_for, report_for

STEPS = ("reports.send", "reports.pass_on", "figures.read")  # and whom the library lets confirm
MOST = 300  # figures that would move, on one page
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


def _show(choice: Choice, tried: Wish | None = None, problem: Problem | None = None) -> str:
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
        longest=comments.LONGEST,
        tried=tried,
        problem=problem,
        is_offered=tried is not None and desk.offers(tried),
        has_files=may(library, asking, "figures.read") or bool(desk.versions),
        is_over=today >= choice.period.last,
    )


@page(
    "/reports/<code>/<any(confirm, send_back, send, report, reopen):act>", *STEPS, methods=("POST",)
)
def take_step(code: str, act: Act) -> Answer:
    """One step of the chain, by who may take it; else the page again, with what was typed."""
    choice, asking, now = chosen(code), caller(), runtime().now()
    level, key = request.form.get("level", ""), request.form.get("key", "")
    place: PlaceKey | None = (level, key) if level else None
    comment = comments.clean(request.form.get("comment", ""))
    wish = Wish(act, place, comment, "incomplete" in request.form)
    if act in ("confirm", "send_back") and place is None:
        raise Refused(NOT_FOUND())
    library, database = runtime().library, runtime().database
    try:
        if len(comment) > comments.LONGEST:
            raise Refused(TEXT_TOO_LONG(limit=comments.LONGEST))
        with database.read() as db:
            prepared = steps.prepare(db, library, asking, choice.period, wish, now)
        with database.write() as db:
            steps.take(db, library, asking, choice.period, prepared, now)
    except Refused as refused:
        return _show(choice, wish, refused.problem), refused.problem.status or 400
    return done(gettext(ACTS[act][1]), "report", **choice.ask())


@page("/reports/<code>/late", "figures.read")
def late(code: str) -> Answer:
    """What came after the report was sent, and which figures it would move."""
    choice = chosen(code)
    with runtime().database.read() as db:
        data, found = late_for(
            *(db, runtime().library, caller(), choice.period, runtime().now()),
            read=kept_reports().read,
        )
        names = titles(db)

    def told(name: str, number: Decimal | None, over: Decimal | None) -> str:
        return as_told(data, name, Figure(number, over))

    whole = [one for one in found.differences if not one.cut]  # the highest places first
    return render_template(
        "late.html",
        choice=choice,
        period=choice.period,
        data=data,
        found=found,
        whole=whole[:MOST],
        moved=len(whole),
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
def download(code: str, kind: File, which: str = "") -> Answer:
    """The period's files as the person may see them, of the report that was sent if it was: both
    tables as XLSX, one as CSV, or the document to sign of one place (`level`, `key`; else the top).
    """
    choice, here = chosen(code), runtime()
    with here.database.read() as db:
        data = report_for(
            *(db, here.library, caller(), choice.period, here.now(), choice.version),
            provisional=choice.live,
            read=partial(kept_reports().read, of_now=True),  # for somebody may sign it
        )
    level, key = request.args.get("level"), request.args.get("key", "")
    place = None if level is None else find_place(data, level, key)
    if which:
        kind = "figures" if which == "figures" else "groups"
    return hand_out(data, kind, caller().actor, place)
