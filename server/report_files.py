"""A report handed out as a file: its tables as XLSX or CSV, or one place's document to sign."""

from __future__ import annotations

from typing import Literal

from flask import Response

from forms.problems import NOT_FOUND, Refused
from server.downloads import as_file, csv, workbook
from server.runtime import runtime
from sync import audit, overview
from sync.reports.data import PlaceData, ReportData
from sync.reports.document import to_pdf
from sync.reports.tables import club_table, figure_table, report_tables

File = Literal["xlsx", "pdf", "groups", "figures"]
PDF = "application/pdf"


def hand_out(data: ReportData, file: File, actor: str, place: PlaceData | None = None) -> Response:
    """Both tables in one workbook, one of them for Excel in Vietnam, or the document of a place
    (else of the highest that is in it); written down before. Refused(NOT_FOUND) without a place.
    """
    here, period = runtime(), data.head.period
    with here.database.write() as db:
        about = {"version": data.head.version, "kind": file if file in ("xlsx", "pdf") else "csv"}
        audit.record(db, actor, "report.export", f"period:{period}", here.now(), **about)
    name = f"bao_cao_{period}"
    if file == "pdf":
        place = place or next(iter(overview.tops(data)), None)
        if place is None:
            raise Refused(NOT_FOUND())
        return as_file(f"{name}.pdf", to_pdf(here.library, data, place), PDF)
    if file == "xlsx":
        return workbook(f"{name}.xlsx", report_tables(data))
    return csv(figure_table(data) if file == "figures" else club_table(data))
