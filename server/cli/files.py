"""The supervisor's files: the report of a period, the records of a form."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forms.file_names import on_any_disk
from server.cli.calendar import takes_calendar
from server.cli.command import with_runtime
from server.cli.handing_out import (
    KINDS,
    find_caller,
    hand_out,
    seen_as,
    takes_raw,
    takes_user,
    write_file,
    write_tables,
)
from server.cli.paths import FOLDER, ending
from server.cli.rolls import Exports
from server.cli.terminal import fail

if TYPE_CHECKING:
    from forms.cells import Table
    from forms.library import Library
    from server.runtime import Runtime
    from sync.reports.data import ReportData

REPORT_KINDS = click.Choice([*KINDS.choices, "pdf"])
RECORD_KINDS = click.Choice(["csv", "zip", "xlsx", "geojson"])
NO_PLACE = (
    "Biểu mẫu này không hỏi tọa độ (geopoint), nên không có bản đồ. "
    "/ This form asks for no geopoint, so there is nothing to put on a map."
)


@click.group(cls=Exports)
def export() -> None:
    """Tệp cho người giám sát / the supervisor's files."""


@export.command("report")
@click.argument("code", metavar="PERIOD")
@click.option("--unit", help="Chỉ đơn vị này / of this unit only (its code on the last day).")
@click.option("--out", type=FOLDER, default=Path(), help="Thư mục ghi tệp / folder.")
@click.option("--format", "kind", type=REPORT_KINDS, default="csv")
@click.option(
    "--version",
    type=click.IntRange(1),
    help="Phiên bản đã gửi này; không ghi thì bản mới nhất / this sent version, not the newest.",
)
@click.option(
    "--provisional",
    is_flag=True,
    help="Số liệu lúc này, dù đã gửi / as it stands now, though it was sent.",
)
@takes_calendar
@takes_user
@takes_raw
@with_runtime
def export_report(
    runtime: Runtime,
    code: str,
    unit: str | None,
    out: Path,
    kind: str,
    version: int | None,
    provisional: bool,
    calendar: str,
    as_user: str | None,
    raw: bool,
) -> None:
    """Hai bảng của kỳ, ví dụ 2025H2, hoặc bản để ký (pdf) / a period's tables, or to sign.

    Of the report as it was sent where it was; until then provisional, and said so.
    """
    from forms.periods import get_period
    from sync import places
    from sync.posts import find_unit
    from sync.reports.reading import only_clubs, report_for
    from sync.reports.tables import report_tables

    period = get_period(code, calendar)
    with runtime.database.read() as db:
        clubs, unit_id = None, None
        if unit is not None:
            unit_id = find_unit(db, unit, period.last)
            clubs = places.clubs_under(db, unit_id, period.last)
        caller = find_caller(db, as_user)
        library, now = runtime.library, runtime.now()
        report = report_for(db, library, caller, period, now, version, provisional=provisional)
    report, name = only_clubs(report, clubs), f"bao_cao_{code}"
    if kind == "pdf":
        name += f"_{unit}" if unit else ""
        files = [write_file(out / f"{name}.pdf", _to_sign(library, report, unit, unit_id))]
    else:
        files = write_tables(out, name, report_tables(report), kind, raw)
    about = {"unit": unit, "version": report.head.version, **seen_as(caller)}
    hand_out(runtime, files, "report.export", f"period:{code}", **about)


def _to_sign(library: Library, report: ReportData, unit: str | None, unit_id: int | None) -> bytes:
    """The document of this unit; without one, of the highest that the report shows whole."""
    from forms.report_problems import REPORT_NO_PLACE
    from sync.reports.document import to_pdf

    whole = (one for one in report.places if one.clubs)  # from the city down
    wanted = (one for one in whole if unit_id is None or one.key == str(unit_id))
    place = next(wanted, None)
    if place is None:
        fail(str(REPORT_NO_PLACE(code=unit or "–", period=report.head.period)))
    return to_pdf(library, report, place)


@export.command("records")
@click.argument("xml_form_id", metavar="FORM")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Tệp hoặc thư mục; bảng lặp nằm cạnh / file or folder; repeats go beside it.",
)
@click.option(
    "--format",
    "kind",
    type=RECORD_KINDS,
    help="csv, zip, xlsx, geojson; theo đuôi tệp / by the file's ending.",
)
@click.option("--codes", is_flag=True, help="Giữ mã, không thay bằng nhãn / codes, not labels.")
@takes_user
@takes_raw
@with_runtime
def export_records(
    runtime: Runtime,
    xml_form_id: str,
    out: Path | None,
    kind: str | None,
    codes: bool,
    as_user: str | None,
    raw: bool,
) -> None:
    """Mọi phiếu của một biểu mẫu, một bảng và mỗi nhóm lặp một bảng / all records of a form."""
    from sync import export as exporting
    from sync.reading import open_form

    folder, stem, kind = _destination(out, xml_form_id, kind)
    with runtime.database.read() as db:
        caller = find_caller(db, as_user)
        form = open_form(db, runtime.library, caller, xml_form_id, runtime.now())
        tables = exporting.export_records(db, runtime.library, form, codes=codes)
        if kind == "geojson":
            tables = [table for table in tables if table.place is not None]
            if not tables:
                fail(NO_PLACE)
        files = write_tables(folder, stem, _beside(tables, xml_form_id, stem), kind, raw)
    hand_out(runtime, files, "records.export", f"form:{xml_form_id}", **seen_as(caller))


def _destination(out: Path | None, name: str, kind: str | None) -> tuple[Path, str, str]:
    """Folder, name without its ending, and kind of what is to be written."""
    if out is None or out.is_dir() or not out.suffix:
        return out or Path(), on_any_disk(name), kind or "csv"
    given = ending(out)
    if given not in RECORD_KINDS.choices:
        fail(
            f"Đuôi tệp phải là một trong: {', '.join(RECORD_KINDS.choices)}. "
            "/ The file must end in one of these."
        )
    if kind not in (None, given):
        fail(
            f"--format {kind} nhưng tên tệp có đuôi .{given}. "
            f"/ --format {kind}, yet the file ends in .{given}."
        )
    return out.parent, out.stem, given


def _beside(tables: Sequence[Table], form: str, stem: str) -> Iterator[Table]:
    """The form's table under the file's own name, repeats with theirs behind it."""
    taken: set[str] = set()
    for table in tables:
        inner = "" if table.name == form else f"-{on_any_disk(table.name)}"
        free = next(n for n in _numbered(stem + inner) if n.lower() not in taken)
        taken.add(free.lower())
        yield dataclasses.replace(table, name=free)


def _numbered(name: str) -> Iterator[str]:
    """ "a", "a 2", "a 3", …"""
    yield name
    yield from (f"{name} {number}" for number in itertools.count(2))
