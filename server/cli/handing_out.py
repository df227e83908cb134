"""Files for people: written aside, and put in their place when all of them are whole."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

import click

from server.cli.people import NOBODY
from server.cli.terminal import WRONG, fail, say

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from forms.cells import Table
    from server.runtime import Runtime
    from sync.access import Caller

takes_user = click.option(
    "--as",
    "as_user",
    metavar="USER",
    help="Chỉ những gì người này được xem / only what this person may see.",
)
takes_raw = click.option("--raw", is_flag=True, help="CSV cho máy đọc / CSV for programs.")
KINDS = click.Choice(["csv", "xlsx"])
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_tables(
    folder: Path, book: str, tables: Iterable[Table], kind: str, raw: bool
) -> list[Path]:
    """One workbook or zip of CSVs named `book`; of other kinds a file per table, named as it is.

    kind: csv, xlsx, zip or geojson. Whole or not at all: what was there before stays else.
    """
    from forms.cells import Stream, to_csv
    from forms.geojson import to_geojson
    from sync.workbook import write_xlsx

    found = list(tables)  # their rows are not read yet
    with _aside(folder) as here, ExitStack() as end:
        for table in found:
            if isinstance(table.rows, Stream):  # before its connection goes, whatever happens
                end.callback(table.rows.close)
        if kind == "xlsx":
            write_xlsx(here / f"{book}.xlsx", found)
        elif kind == "zip":
            with ZipFile(here / f"{book}.zip", "w", ZIP_DEFLATED) as pack:
                for table in found:
                    with pack.open(f"{table.name}.csv", "w", force_zip64=True) as out:
                        out.writelines(to_csv(table, raw=raw))
        else:
            for table in found:
                pieces = to_csv(table, raw=raw) if kind == "csv" else to_geojson(table)
                with (here / f"{table.name}.{kind}").open("wb") as out:
                    out.writelines(pieces)
        names = sorted(path.name for path in here.iterdir())
    return [folder / name for name in names]


def write_file(path: Path, content: bytes) -> Path:
    """One file, whole or not at all."""
    with _aside(path.parent) as here:
        (here / path.name).write_bytes(content)
    return path


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A hidden folder inside; its files move out of it when nothing went wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".cayda-", dir=folder) as name:
        here = Path(name)
        try:
            yield here
        except OSError as error:
            if error.errno in FULL:
                fail(
                    f"Hết chỗ trên đĩa khi ghi vào {folder}; tệp cũ, nếu có, vẫn còn nguyên. "
                    f"/ The disk is full, writing to {folder}; files from before are as they were.",
                    WRONG,
                )
            if error.filename is None:  # a write that fails does not say where
                raise OSError(error.errno, error.strerror, str(folder)) from error
            raise
        for path in here.iterdir():
            path.replace(folder / path.name)


# ------------------------------------------------------------------ who takes them
def find_caller(db: Connection, name: str | None) -> Caller:
    """The person whose rights the file keeps to; without a name, the operator."""
    from sync import accounts
    from sync.access import OPERATOR

    if name is None:
        return OPERATOR
    user = accounts.find_user(db, name)
    if user is None:
        fail(NOBODY)
    return user.caller


def seen_as(caller: Caller) -> dict[str, str]:
    return {} if caller.kind == "operator" else {"seen_as": caller.actor}


def hand_out(
    runtime: Runtime, files: Sequence[Path], action: str, subject: str, **details: object
) -> None:
    """Write down that these left the house, then say where they are."""
    from sync import audit

    with runtime.database.write() as db:
        audit.record(db, "operator", action, subject, runtime.now(), **details)
    say("\n".join(map(str, files)), files=files)
