"""All submissions of a form as CSV, alone or in a zip with repeats, files and the phones' audits.

For programs (pyODK, ruODK, statistics): exactly Central's columns, no guard against formulas.
People get `cayda export`, whose cells are disarmed.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from io import TextIOWrapper
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from flask import Response, request
from sqlalchemy.engine import Connection

from forms.central_csv import CsvOptions, Sheet, form_cells, repeat_cells, sheets, to_csv
from forms.file_names import on_any_disk
from forms.odata_filter import read_filter
from forms.problems import Refused
from forms.tree import Node, files_in
from server.api.described import CSV as CSV_FILE
from server.api.described import ZIP, asked, yes_no
from server.api.door import FORM, KNOWN, caller, route
from server.api.submissions import Open, opened
from server.api.wire import flag, to_time
from server.downloads import named
from server.runtime import runtime
from server.streams import PIECE, stream
from server.writes import write
from sync import attachments, audit, reading
from sync.reading import FIELDS, FormView, Submission, Wanted

CSV = "text/csv; charset=utf-8"
COLUMNS = (
    asked("$filter", "As in OData."),
    yes_no("groupPaths", "Columns named with their groups; true."),
    yes_no("splitSelectMultiples", "A column for each choice beside the answer."),
    yes_no("deletedFields", "Also questions that older versions asked."),
)
WITH_FILES = (*COLUMNS, yes_no("attachments", "With the files; true."))
IN_MEMORY = 1 << 20  # bytes of a repeat before it goes to a file
AUDIT = (
    *("event", "node", "start", "end", "latitude", "longitude", "accuracy"),
    *("old-value", "new-value", "user", "change-reason"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one export."""

    wanted: Wanted
    columns: CsvOptions
    media: bool
    deleted_fields: bool

    def tree(self, form: FormView) -> Node:
        """The questions that are columns."""
        return form.all_versions() if self.deleted_fields else form.tree


def _asked() -> Asked:
    text = request.args.get("$filter")
    condition = read_filter(text, FIELDS, runtime().now()) if text else None
    columns = CsvOptions(flag("groupPaths", True), flag("splitSelectMultiples"))
    return Asked(Wanted(condition), columns, flag("attachments", True), flag("deletedFields"))


@route(
    f"{FORM}/submissions.csv",
    KNOWN,
    methods=["GET", "POST"],
    gives=CSV_FILE,
    query=COLUMNS,
    also=[501],
)
def export_csv(form_id: str) -> Response:
    """The form's own table."""
    return say_csv(partial(opened, form_id=form_id), form_id)


def say_csv(open_form: Open, form_id: str) -> Response:
    """The form's own table, as the query asks for it."""
    asked = _asked()
    _note(open_form, form_id)
    answer = stream(lambda db: _root_only(db, open_form(db), asked), CSV)
    return named(answer, f"{form_id}.csv")


@route(
    f"{FORM}/submissions.csv.zip",
    KNOWN,
    methods=["GET", "POST"],
    gives=ZIP,
    query=WITH_FILES,
    also=[501],
)
def export_zip(form_id: str) -> Response:
    """Every table, the audits, and the files unless they are not wanted."""
    return say_zip(partial(opened, form_id=form_id), form_id)


def say_zip(open_form: Open, form_id: str) -> Response:
    """Every table of a form, as the query asks for it."""
    asked = _asked()
    _note(open_form, form_id)
    answer = stream(lambda db: _zipped(db, open_form(db), asked), "application/zip")
    return named(answer, f"{form_id}.{'zip' if asked.media else 'csv.zip'}")


def _note(open_form: Open, form_id: str) -> None:
    """Who took everything is kept."""

    def keep(db: Connection) -> None:
        open_form(db)
        now = runtime().now()
        audit.record(db, caller().actor, "submission.export", f"form:{form_id}", now)

    write(runtime().database, keep)


# ------------------------------------------------------------------ tables
def _root_only(db: Connection, form: FormView, asked: Asked) -> Iterator[bytes]:
    sheet = sheets(asked.tree(form), form.xml_form_id, asked.columns)[0]
    yield to_csv([sheet.header])
    for one in reading.page(db, form, asked.wanted, answers=True):
        yield _form_line(sheet, one)


def _form_line(sheet: Sheet, one: Submission) -> bytes:
    element = one.instance.root if one.instance else None
    return to_csv([form_cells(sheet, element, to_time(one.created_at), _after(one))])


def _after(one: Submission) -> dict[str, str]:
    sender = one.first.sender
    return {
        "KEY": one.instance_id,
        "SubmitterID": str(sender.id) if sender else "",
        "SubmitterName": sender.name if sender else "",
        "AttachmentsPresent": str(one.attachments_present),
        "AttachmentsExpected": str(one.attachments_expected),
        "Status": "not decrypted" if one.is_sealed else "",
        "ReviewState": one.review_state or "",
        "DeviceID": one.first.device_id or "",
        "Edits": str(one.edits),
        "FormVersion": one.current.form_version,
    }


# ------------------------------------------------------------------ the zip
class _Pipe:
    """What ZipFile writes into and the answer takes out of. It cannot be sought in, on purpose."""

    def __init__(self) -> None:
        self.held = bytearray()

    def write(self, data: bytes) -> int:
        self.held += data
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def take(self, least: int = PIECE) -> Iterator[bytes]:
        if len(self.held) >= least:
            yield bytes(self.held)
            self.held.clear()


@dataclass(slots=True)
class _WithFiles:
    """A submission that brought files: which of them may go out (None = all)."""

    version_id: int
    instance_id: str
    allowed: frozenset[str] | None


@dataclass(slots=True)
class _Zip:
    """One archive in the making, and what waits for its turn to stand in it."""

    archive: ZipFile
    pipe: _Pipe
    when: tuple[int, int, int, int, int, int]
    spools: ExitStack
    left_out: list[str] = field(default_factory=list)

    def spool(self) -> IO[bytes]:
        return self.spools.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY))

    def add(self, name: str, pieces: Iterable[bytes], how: int = ZIP_DEFLATED) -> Iterator[bytes]:
        info = ZipInfo(name, self.when)
        info.compress_type = how
        with self.archive.open(info, "w", force_zip64=True) as entry:
            for piece in pieces:
                entry.write(piece)
                yield from self.pipe.take()


def _zipped(db: Connection, form: FormView, asked: Asked) -> Iterator[bytes]:
    now, pipe = runtime().now(), _Pipe()
    with ExitStack() as spools, ZipFile(pipe, "w", ZIP_DEFLATED) as archive:  # type: ignore[call-overload]  # write and flush are enough
        made = _Zip(archive, pipe, now.timetuple()[:6], spools)
        yield from _tables(db, form, asked, made)
    yield from pipe.take(1)


def _tables(db: Connection, form: FormView, asked: Asked, made: _Zip) -> Iterator[bytes]:
    tree = asked.tree(form)
    root, *repeats = sheets(tree, form.xml_form_id, asked.columns)
    spools = [(sheet, made.spool()) for sheet in repeats]
    for sheet, spool in spools:
        spool.write(to_csv([sheet.header]))
    with_files: list[_WithFiles] = []

    def lines() -> Iterator[bytes]:
        yield to_csv([root.header])
        for one in reading.page(db, form, asked.wanted, answers=True):
            yield _form_line(root, one)
            element = one.instance.root if one.instance else None
            for sheet, spool in spools:
                spool.write(to_csv(list(repeat_cells(sheet, element, one.instance_id))))
            if one.attachments_present:
                allowed = None if form.reading.is_whole else files_in(tree, element)
                with_files.append(_WithFiles(one.current.id, one.instance_id, allowed))

    yield from made.add(root.filename, lines())
    for sheet, spool in spools:
        spool.seek(0)
        yield from made.add(sheet.filename, _read(spool))
    if "audit" in tree.below["meta"].below:
        yield from made.add(f"{form.xml_form_id} - audit.csv", _audits(db, form, with_files))
    if asked.media:
        yield from _media(db, with_files, made)


def _read(spool: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: spool.read(PIECE), b"")


# ------------------------------------------------------------------ files
def _media(db: Connection, with_files: Iterable[_WithFiles], made: _Zip) -> Iterator[bytes]:
    """Each file once. Of two with one name the older stands in a folder of its submission."""
    taken: set[str] = set()
    for one in with_files:
        for file in attachments.of_version(db, one.version_id):
            if file.sha256 is None or (one.allowed is not None and file.name not in one.allowed):
                continue
            filed = on_any_disk(file.name)
            name = f"media/{filed}"
            if name in taken:
                folder = on_any_disk(one.instance_id.replace(":", "_").replace("/", "_"))
                name = f"media/{folder}/{filed}"
            taken.add(name)
            yield from _file(db, one, file.name, name, made)
    if made.left_out:
        yield from made.add("not included.txt", ["\n".join(made.left_out).encode()])


def _file(db: Connection, one: _WithFiles, filename: str, name: str, made: _Zip) -> Iterator[bytes]:
    """Without the place a picture was taken at; what cannot go out is listed, with the reason."""
    try:
        found = attachments.open_for_download(db, runtime().blobs, one.version_id, filename)
    except (Refused, FileNotFoundError) as error:
        why = str(error.problem) if isinstance(error, Refused) else "not on this server"
        made.left_out.append(f"{one.instance_id}\t{filename}\t{why}")
        return
    yield from made.add(name, found.pieces, ZIP_STORED)


def _audits(db: Connection, form: FormView, with_files: Iterable[_WithFiles]) -> Iterator[bytes]:
    """What the phones noted while forms were filled in, all in one table."""
    yield to_csv([["instance ID", *AUDIT]])
    if not form.reading.is_whole:  # it may hold every answer that was changed
        return
    for one in with_files:
        for file in attachments.of_version(db, one.version_id):
            if file.sha256 is not None and file.name == "audit.csv":
                yield from _audit_lines(one.instance_id, file.sha256)


def _audit_lines(instance_id: str, sha256: str) -> Iterator[bytes]:
    try:
        source = runtime().blobs.open(sha256)
    except FileNotFoundError:
        return
    with TextIOWrapper(source, encoding="utf-8-sig", errors="replace", newline="") as text:
        rows = csv.DictReader(line.replace("\x00", "") for line in text)
        try:
            for row in rows:
                yield to_csv([[instance_id, *(row.get(name) or "" for name in AUDIT)]])
        except csv.Error:  # a phone's file may be broken anywhere: what was read stays
            return
