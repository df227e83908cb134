"""The supervisor's files: the report of a period, the records of a form."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.calendar import takes_calendar
from server.cli.command import Group, with_runtime
from server.cli.paths import FOLDER, NEW_FILE, ending
from server.cli.scope import find_unit
from server.cli.terminal import fail, say

if TYPE_CHECKING:
    from forms.cells import Table
    from server.runtime import Runtime

KINDS = click.Choice(["csv", "xlsx"])
_raw = click.option("--raw", is_flag=True, help="CSV cho máy đọc / CSV for programs.")


@click.group(cls=Group)
def export() -> None:
    """Tệp cho người giám sát / the supervisor's files."""


@export.command("report")
@click.argument("code", metavar="PERIOD")
@click.option("--unit", help="Chỉ đơn vị này / of this unit only (its code on the last day).")
@click.option("--out", type=FOLDER, default=Path(), help="Thư mục ghi tệp / folder.")
@click.option("--format", "kind", type=KINDS, default="csv")
@takes_calendar
@_raw
@with_runtime
def export_report(
    runtime: Runtime,
    code: str,
    unit: str | None,
    out: Path,
    kind: str,
    calendar: str,
    raw: bool,
) -> None:
    """Hai bảng của kỳ, ví dụ 2025H2 / the two tables of a period, such as 2025H2."""
    from forms.periods import get_period
    from sync import places
    from sync.reports.reading import only_clubs, read_report
    from sync.reports.tables import report_tables

    period = get_period(code, calendar)
    with runtime.database.read() as db:
        clubs = None
        if unit is not None:
            unit_id = find_unit(db, unit, period.last)
            clubs = places.clubs_under(db, unit_id, period.last)
        report = read_report(db, runtime.library, period, runtime.now())
    tables = report_tables(only_clubs(report, clubs))
    files = write_tables(out, f"bao_cao_{code}", tables, kind, raw)
    _hand_out(runtime, files, "report.export", f"period:{code}", unit=unit)


@export.command("records")
@click.argument("xml_form_id", metavar="FORM")
@click.option("--out", type=NEW_FILE, help="Tệp ghi ra; bảng lặp nằm cạnh / repeats go beside it.")
@click.option(
    "--format", "kind", type=KINDS, help="csv, xlsx; theo đuôi tệp / by the file's ending."
)
@click.option("--codes", is_flag=True, help="Giữ mã, không thay bằng nhãn / codes, not labels.")
@_raw
@with_runtime
def export_records(
    runtime: Runtime, xml_form_id: str, out: Path | None, kind: str | None, codes: bool, raw: bool
) -> None:
    """Mọi phiếu của một biểu mẫu, một bảng và mỗi nhóm lặp một bảng / all records of a form."""
    from sync import export as exporting

    out = out or Path(f"{xml_form_id}.{kind or 'csv'}")
    kind = kind or ending(out)
    if kind not in KINDS.choices:
        fail("Đuôi tệp phải là .csv hoặc .xlsx. / The file must end in .csv or .xlsx.")
    with runtime.database.read() as db:
        tables = exporting.export_records(db, runtime.library, xml_form_id, codes=codes)
        files = write_tables(out.parent, out.stem, _beside(tables, out.stem), kind, raw)
    _hand_out(runtime, files, "records.export", f"form:{xml_form_id}")


def _hand_out(
    runtime: Runtime, files: Sequence[Path], action: str, subject: str, **details: object
) -> None:
    """Write down that these left the house, then say where they are."""
    from sync import audit

    with runtime.database.write() as db:
        audit.record(db, "operator", action, subject, runtime.now(), **details)
    say("\n".join(map(str, files)), files=files)


def write_tables(
    folder: Path, book: str, tables: Iterable[Table], kind: str, raw: bool
) -> list[Path]:
    """One workbook named `book`, or a CSV per table named as the table; whole or not at all."""
    from forms.cells import to_csv
    from sync.workbook import write_xlsx

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    if kind == "xlsx":
        files.append(folder / f"{book}.xlsx")
        write_xlsx(_part(files[-1]), tables)
    else:
        for table in tables:
            files.append(folder / f"{table.name}.csv")
            with _part(files[-1]).open("wb") as out:
                out.writelines(to_csv(table, raw=raw))
    for path in files:
        _part(path).replace(path)
    return files


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _beside(tables: Sequence[Table], stem: str) -> Iterator[Table]:
    """The first table under the file's own name, repeats with theirs behind it."""
    for number, table in enumerate(tables):
        name = stem if number == 0 else f"{stem}_{table.name.replace('/', '_')}"
        yield dataclasses.replace(table, name=name)
