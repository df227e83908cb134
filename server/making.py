"""Files that people order, made in the background: each kind's rights, and how it is made."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy.engine import Connection

from forms.cells import Cell, Stream, Table, to_csv
from forms.days import vietnam_day
from forms.file_names import on_any_disk
from forms.periods import get_period
from forms.problems import NOT_FOUND, Refused
from server import lock
from server.downloads import XLSX
from server.runtime import Runtime
from server.settings import Settings
from sync import access, accounts, audit, export, follow_up, made_files, overview, queue, rolls
from sync.access import Caller
from sync.made_files import Made, MadeFile
from sync.queue import Work
from sync.reading import open_form
from sync.reports.document import to_pdf
from sync.reports.reading import report_for
from sync.reports.tables import report_tables
from sync.workbook import write_xlsx

if TYPE_CHECKING:
    from forms.library import Library

ROOMS = "making"  # of the data folder
ZIP, PDF = "application/zip", "application/pdf"
TELL_EVERY = 1.0  # seconds between two words about how far it is
ROWS_BETWEEN = 500  # after so many the clock is looked at
What = Mapping[str, Any]
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """rights: what the caller may see of it, in words that are equal while that is the same, and
    Refused where it is nothing. make: writes the file to the path. total: about how many rows.
    """

    rights: Callable[[Connection, Library, Caller, What, datetime], str]
    make: Callable[[Connection, Library, Caller, What, datetime, Path, Tell], Made]
    total: Callable[[Connection, Library, Caller, What, datetime], int | None]


# ------------------------------------------------------------------ the report of a period
def _report_rights(
    db: Connection, library: Library, caller: Caller, what: What, now: datetime
) -> str:
    verbs = ("figures.read", "reports.read", "small_cells.read")
    held = [verb for verb in verbs if access.may(library, caller, verb)]
    if not {"figures.read", "reports.read"} & set(held):
        raise Refused(NOT_FOUND())
    last = get_period(what["code"], what["calendar"]).last
    return _words(held, access.clubs_in_scope(db, library, caller, last))


def _make_report(
    db: Connection,
    library: Library,
    caller: Caller,
    what: What,
    now: datetime,
    path: Path,
    tell: Tell,
) -> Made:
    period = get_period(what["code"], what["calendar"])
    live = bool(what.get("live"))
    data = report_for(db, library, caller, period, now, what.get("version"), provisional=live)
    rights, name = _report_rights(db, library, caller, what, now), f"bao_cao_{period.code}"
    if what["format"] == "pdf":
        place = next(iter(overview.tops(data)), None)
        if place is None:
            raise Refused(NOT_FOUND())
        path.write_bytes(to_pdf(library, data, place))
        return Made(f"{name}.pdf", PDF, rights)
    write_xlsx(path, report_tables(data))
    return Made(f"{name}.xlsx", XLSX, rights)


# ------------------------------------------------------------------ the records of a form
def _records_rights(
    db: Connection, library: Library, caller: Caller, what: What, now: datetime
) -> str:
    reading = access.reading(db, library, caller, what["form"], vietnam_day(now))
    return _words(sorted(reading.without), reading.clubs, reading.locked)


def _count_records(
    db: Connection, library: Library, caller: Caller, what: What, now: datetime
) -> int:
    return export.count_rows(db, open_form(db, library, caller, what["form"], now))


def _make_records(
    db: Connection,
    library: Library,
    caller: Caller,
    what: What,
    now: datetime,
    path: Path,
    tell: Tell,
) -> Made:
    form = open_form(db, library, caller, what["form"], now)
    tables = list(_told(export.export_records(db, library, form), tell))
    rights = _records_rights(db, library, caller, what, now)
    people = frozenset(export.people_in(db, library, form))
    if what["format"] == "xlsx":
        write_xlsx(path, tables)
        return Made(f"{form.xml_form_id}.xlsx", XLSX, rights, people)
    with ZipFile(path, "w", ZIP_DEFLATED) as pack:
        for table in tables:
            with pack.open(f"{on_any_disk(table.name)}.csv", "w", force_zip64=True) as out:
                out.writelines(to_csv(table))
    return Made(f"{form.xml_form_id}.zip", ZIP, rights, people)


# ------------------------------------------------------------------ lists of people
def _roll_rights(
    db: Connection, library: Library, caller: Caller, what: What, now: datetime
) -> str:
    roll = rolls.find_roll(library, what["list"])
    reading = rolls.reading(db, library, caller, roll, vietnam_day(now))
    return _words(sorted(reading.without), reading.clubs)


def _make_roll(
    db: Connection,
    library: Library,
    caller: Caller,
    what: What,
    now: datetime,
    path: Path,
    tell: Tell,
) -> Made:
    """A sheet for each club that the caller may have it of."""
    roll, day = rolls.find_roll(library, what["list"]), vietnam_day(now)
    reading = rolls.reading(db, library, caller, roll, day)
    tables = rolls.roll_tables(db, library, roll, reading, day, rolls.mark(caller, now))
    if not tables:
        raise Refused(NOT_FOUND())
    write_xlsx(path, tables)
    people = frozenset(rolls.named_on(db, roll, reading, day))
    return Made(f"{roll.file}.xlsx", XLSX, _roll_rights(db, library, caller, what, now), people)


def _follow_up_rights(
    db: Connection, library: Library, caller: Caller, what: What, now: datetime
) -> str:
    locked = follow_up.locked(db, library, follow_up.get_list(library, caller, what["list"]))
    return _words(access.clubs_in_scope(db, library, caller, vietnam_day(now)), locked)


def _make_follow_up(
    db: Connection,
    library: Library,
    caller: Caller,
    what: What,
    now: datetime,
    path: Path,
    tell: Tell,
) -> Made:
    day = vietnam_day(now)
    one = follow_up.get_list(library, caller, what["list"])
    found = follow_up.read_entries(db, library, caller, one, day)
    table = follow_up.to_table(library, one, found, day)
    write_xlsx(path, [replace(table, mark=rolls.mark(caller, now))])
    rights = _follow_up_rights(db, library, caller, what, now)
    people = frozenset(entry.about for entry in found if entry.about)
    return Made(f"{table.name}.xlsx", XLSX, rights, people)


def _told(tables: Iterable[Table], tell: Tell) -> Iterator[Table]:
    """The tables, telling how many rows of all of them were written."""
    written = 0

    def rows(inner: Stream, make: Callable[[Cell], Any]) -> Generator[list[Any]]:
        nonlocal written
        try:
            for row in inner.through(make):
                yield row
                written += 1
                if written % ROWS_BETWEEN == 0:
                    tell(written)
        finally:
            inner.close()

    for table in tables:
        if isinstance(table.rows, Stream):
            yield replace(table, rows=Stream(partial(rows, table.rows)))
        else:
            yield table


def _words(*rights: Any) -> str:
    plain = [sorted(one) if isinstance(one, frozenset) else one for one in rights]
    return json.dumps(plain)


KINDS: Mapping[str, Kind] = {
    "report": Kind(_report_rights, _make_report, lambda *_: None),
    "records": Kind(_records_rights, _make_records, _count_records),
    "roll": Kind(_roll_rights, _make_roll, lambda *_: None),
    "follow_up": Kind(_follow_up_rights, _make_follow_up, lambda *_: None),
}


# ------------------------------------------------------------------ making, taking
def check_order(
    db: Connection, library: Library, caller: Caller, kind: str, what: What, now: datetime
) -> None:
    """Refused, where nothing of it is the caller's to see."""
    KINDS[kind].rights(db, library, caller, what, now)


def may_take(
    db: Connection, library: Library, caller: Caller, one: MadeFile, now: datetime
) -> bool:
    """Whether its owner may see today exactly what they might when it was made."""
    if caller.kind != "user" or caller.id != one.user_id:
        return False
    try:
        return KINDS[one.kind].rights(db, library, caller, one.what, now) == one.rights
    except Refused:
        return False


def make_files(runtime: Runtime, works: Iterable[Work]) -> None:
    """Each of the files that were ordered; may run twice."""
    for work in works:
        _make(runtime, work)


def _make(runtime: Runtime, work: Work) -> None:
    assert work.subject_id is not None
    file_id, database, now = work.subject_id, runtime.database, runtime.now()
    with database.write() as db:
        epoch = made_files.begin(db, file_id)
        if epoch is None:
            queue.done(db, [work])
            return
    try:
        with _room(runtime.settings) as path:
            with database.read() as db:
                one = made_files.find(db, file_id)
                made = _make_one(runtime, db, one, path, now)
            _keep(runtime, work, made, path, epoch)
    except Refused as refused:
        problem = refused.problem
        with database.write() as db:
            made_files.refuse(db, file_id, problem.code, problem.vi, problem.en)
            queue.done(db, [work])


@contextmanager
def _room(settings: Settings) -> Iterator[Path]:
    """A path to write to, in a folder of its own that is held as long as the block runs."""
    folder = settings.data / ROOMS / secrets.token_hex(8)
    held = lock.hold(folder)
    try:
        yield folder / "made"
    finally:
        shutil.rmtree(folder)
        os.close(held)


def tidy(settings: Settings) -> None:
    """Take away what killed workers had half made: whoever lives holds their folder."""
    for folder in (settings.data / ROOMS).glob("*"):
        try:
            held = lock.hold(folder, patience=0)
        except lock.Taken:
            continue
        shutil.rmtree(folder)
        os.close(held)


def _make_one(runtime: Runtime, db: Connection, one: MadeFile, path: Path, now: datetime) -> Made:
    user = accounts.find_user_by_id(db, one.user_id)
    if user is None:  # their account has ended
        raise Refused(NOT_FOUND())
    kind, library = KINDS[one.kind], runtime.library
    total = kind.total(db, library, user.caller, one.what, now)
    tell = _Progress(runtime, one.id, total)
    tell.now(0)
    return kind.make(db, library, user.caller, one.what, now, path, tell)


class _Progress:
    """Writes down now and then how far a file is."""

    def __init__(self, runtime: Runtime, file_id: int, total: int | None) -> None:
        self._runtime, self._file, self._total = runtime, file_id, total
        self._next = time.monotonic() + TELL_EVERY

    def __call__(self, done: int) -> None:
        if time.monotonic() >= self._next:
            self.now(done)

    def now(self, done: int) -> None:
        with self._runtime.database.write() as db:
            made_files.tell(db, self._file, done, self._total)
        self._next = time.monotonic() + TELL_EVERY


def _keep(runtime: Runtime, work: Work, made: Made, path: Path, epoch: int) -> None:
    """Piece by piece, so that phones never wait long for the database."""
    assert work.subject_id is not None
    with path.open("rb") as source:
        for number, content in made_files.cut(source):
            with runtime.database.write() as db:
                made_files.put(db, work.subject_id, number, content)
    now, size = runtime.now(), path.stat().st_size
    with runtime.database.write() as db:
        made_files.finish(db, work.subject_id, made, size, epoch, now)
        owner = f"user:{made_files.find(db, work.subject_id).user_id}"
        audit.record(db, owner, "file.make", f"file:{work.subject_id}", now, name=made.name)
        queue.done(db, [work])
