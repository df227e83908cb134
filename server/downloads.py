"""Files as answers: under their own name in any alphabet, kept ones streamed, run by no browser."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Response, request

from forms.cells import Table, to_csv
from forms.file_names import on_any_disk
from sync.attachments import Download
from sync.workbook import write_xlsx

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def named(answer: Response, name: str) -> Response:
    """The answer, to be saved under this name, as far as any disk can keep it."""
    # Werkzeug writes `filename*=UTF-8''…` (RFC 6266) beside an ASCII one where that is needed.
    answer.headers.set("Content-Disposition", "attachment", filename=on_any_disk(name))
    return answer


def as_file(name: str, content: bytes, content_type: str) -> Response:
    """Bytes that a browser saves under this name."""
    return named(Response(content, content_type=content_type), name)


def csv(table: Table) -> Response:
    """A table as a file for Excel in Vietnam."""
    return as_file(f"{table.name}.csv", b"".join(to_csv(table)), "text/csv; charset=utf-8")


def workbook(name: str, tables: Iterable[Table]) -> Response:
    """Tables as the sheets of one workbook."""
    with TemporaryDirectory(prefix="cayda-") as folder:
        path = Path(folder) / "book.xlsx"
        write_xlsx(path, tables)
        return as_file(name, path.read_bytes(), XLSX)


def send(download: Download) -> Response:
    """200 with the bytes, or 304 when the asker has them already."""
    answer = named(Response(content_type=download.content_type), download.name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.set_etag(download.etag)
    if request.if_none_match.contains_weak(download.etag):
        answer.status_code = 304
        download.pieces.close()
        return answer
    answer.content_length = download.size
    answer.response = download.pieces
    return answer
