"""One multipart POST of a phone: all of it, or Refused with nothing kept."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import SEEK_CUR, SEEK_END, SEEK_SET, BytesIO, RawIOBase
from itertools import count
from typing import IO, Any, BinaryIO, cast

from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from forms.file_kinds import HEAD, belied_ending
from forms.file_names import LONGEST_NAME, file_name
from forms.problems import (
    FILE_NAME_CHANGED,
    FILE_NOT_AS_NAMED,
    NO_XML_PART,
    NOT_MULTIPART,
    TOO_LARGE,
    TOO_MANY_PARTS,
    Problem,
    Refused,
)
from forms.text import nfc
from forms.xml import MAX_BYTES

XML_PART = "xml_submission_file"
MOST_PARTS = 10_000  # Collect sends 102 at most, Enketo as many as fit into the bytes announced
IN_MEMORY = 256 * 1024  # of one POST; the rest goes to one temporary file

Files = MultiDict[str, FileStorage]

_ODD_HEAD = re.compile(rb"\r\n[ \t]|(?<!\r)\n|\r(?!\n)")  # a folded line, or not ended by CRLF


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file beside the XML. `name` is safe to keep: see forms.file_names. `sent_as` is raw."""

    name: str
    sent_as: str
    content_type: str | None
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class Upload:
    """What came: the XML's exact bytes, the files in order, and flags about their names."""

    xml: bytes
    files: tuple[SentFile, ...]
    problems: tuple[Problem, ...]


@contextmanager
def open_upload(environ: dict[str, Any], body_limit: int) -> Iterator[Upload]:
    """Read the body of a WSGI request; its files can be read until the block ends.

    Refused(NOT_MULTIPART, TOO_LARGE, TOO_MANY_PARTS or NO_XML_PART). A body that ends before its
    closing boundary was cut on the way (Collect can abort an upload), so nothing of it may count.
    """
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
        form, files = _parse(environ, body_limit, cast(IO[bytes], spool))
        xml = _xml(form, files)
        problems: list[Problem] = []
        sent = tuple(_sent_files(files, problems))
        yield Upload(xml, sent, tuple(problems))


def _parse(
    environ: dict[str, Any], body_limit: int, spool: IO[bytes]
) -> tuple[MultiDict[str, str], Files]:
    mimetype, options = parse_options_header(environ.get("CONTENT_TYPE", ""))
    if mimetype != "multipart/form-data":
        raise Refused(NOT_MULTIPART())
    if 0 < announced(environ) <= min(IN_MEMORY, body_limit):
        body = environ["wsgi.input"].read(announced(environ))
        small = parse_small(body, options.get("boundary", "").encode())
        if small is not None and len(body) == announced(environ):
            return small
        environ = {**environ, "wsgi.input": BytesIO(body)}
    files_so_far = count(1)

    def new_part(*_: object, **__: object) -> IO[bytes]:
        if next(files_so_far) > MOST_PARTS:
            raise Refused(TOO_MANY_PARTS(limit=MOST_PARTS))
        return cast(IO[bytes], _Part(spool))

    parser = FormDataParser(
        stream_factory=new_part,
        max_form_memory_size=MAX_BYTES,
        max_content_length=body_limit,
        max_form_parts=2 * MOST_PARTS,  # fields too, which no phone sends
        silent=False,  # else a truncated body reads as an empty form
    )
    try:
        _, form, files = parser.parse_from_environ(environ)
    except RequestEntityTooLarge:  # of the body; else of its fields together
        limit = MAX_BYTES if 0 < announced(environ) <= body_limit else body_limit
        raise Refused(TOO_LARGE(limit=limit)) from None
    except (ValueError, BadRequest):
        raise Refused(NOT_MULTIPART()) from None
    return form, files


class _Part(RawIOBase):
    """One part inside the file that holds all parts of a POST: one handle, however many photos.

    Parts are written one after the other and read when all are there.
    """

    def __init__(self, spool: IO[bytes]) -> None:
        super().__init__()
        self._spool = spool
        spool.seek(0, SEEK_END)
        self._start = spool.tell()
        self._size = self._at = 0

    def write(self, data: Any) -> int:
        self._spool.seek(self._start + self._size)
        self._spool.write(data)
        self._size += len(data)
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        left = self._size - self._at
        wanted = left if size is None or size < 0 else min(size, left)
        self._spool.seek(self._start + self._at)
        data = self._spool.read(wanted)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        origin = {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._size}[whence]
        self._at = min(max(0, origin + offset), self._size)
        return self._at


def parse_small(body: bytes, boundary: bytes) -> tuple[MultiDict[str, str], Files] | None:
    """A body that is in memory and has the shape all phones write; None: let Werkzeug judge it.

    Werkzeug compiles two patterns for each boundary, and no two submissions share one: that took
    a fifth of the time of a submission.
    """
    parts = _parts(body, b"--" + boundary) if boundary else None
    if parts is None or any(_ODD_HEAD.search(head) for head, _ in parts):
        return None
    form: MultiDict[str, str] = MultiDict()
    files: Files = MultiDict()
    for head, content in parts:
        headers = _headers(head)
        disposition, names = parse_options_header(headers.get("content-disposition", ""))
        if disposition != "form-data" or "name" not in names:
            return None
        if "filename" in names:
            sent = FileStorage(BytesIO(content), names["filename"], names["name"], headers=headers)
            files.add(names["name"], sent)
        else:
            form.add(names["name"], content.decode(errors="replace"))
    return form, files


def _parts(body: bytes, mark: bytes) -> list[tuple[bytes, bytes]] | None:
    """Head and content of each, by their places: to copy a photo costs as much as to hash it."""
    if not body.startswith(mark + b"\r\n"):
        return None
    parts: list[tuple[bytes, bytes]] = []
    begin = len(mark) + 2
    while len(parts) < MOST_PARTS:
        found = body.find(mark, begin)
        end, blank = found - 2, body.find(b"\r\n\r\n", begin)
        if not begin <= blank <= end - 4 or body[end:found] != b"\r\n":
            return None
        parts.append((body[begin:blank], body[blank + 4 : end]))
        begin = found + len(mark) + 2
        if body[begin - 2 : begin] == b"--":
            return parts if body[begin:] in (b"", b"\r\n") else None
        if body[begin - 2 : begin] != b"\r\n":
            return None
    return None


def _headers(head: bytes) -> Headers:
    lines = (line.partition(":") for line in head.decode(errors="replace").split("\r\n"))
    return Headers([(name.strip(" \t"), value.strip(" \t")) for name, _, value in lines])


def announced(environ: dict[str, Any]) -> int:
    """Bytes of the body as announced; 0 when they are not."""
    text = environ.get("CONTENT_LENGTH", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _xml(form: MultiDict[str, str], files: Files) -> bytes:
    """The XML part, found by its name: its file name is whatever the phone likes."""
    part = files.get(XML_PART)
    if part is None:
        text = form.get(XML_PART)  # some clients send it as a field, without a file name
        if text is None:
            raise Refused(NO_XML_PART())
        return text.encode()
    xml = part.stream.read(MAX_BYTES + 1)
    if len(xml) > MAX_BYTES:
        raise Refused(TOO_LARGE(limit=MAX_BYTES))
    return xml


def _sent_files(files: Files, problems: list[Problem]) -> Iterator[SentFile]:
    for part_name, file in files.items(multi=True):
        if part_name == XML_PART:
            continue
        stream = cast(BinaryIO, file.stream)
        sent_as = file.filename or part_name or ""
        name = file_name(sent_as)
        if name is None:
            name = f"file-{_hash(stream)[:12]}"
        if name != nfc(sent_as):
            problems.append(FILE_NAME_CHANGED())
        problems += odd_kind(name, _head(stream))
        yield SentFile(name, sent_as, (file.content_type or "")[:LONGEST_NAME] or None, stream)


def odd_kind(name: str, head: bytes) -> list[Problem]:
    """The flag of a file that begins so and is of another kind than its name says; or none."""
    ending = belied_ending(name, head)
    return [] if ending is None else [FILE_NOT_AS_NAMED(ending=ending)]


def _head(stream: BinaryIO) -> bytes:
    head = stream.read(HEAD)
    stream.seek(0)
    return head


def _hash(stream: BinaryIO) -> str:
    digest = sha256()
    while piece := stream.read(IN_MEMORY):
        digest.update(piece)
    stream.seek(0)
    return digest.hexdigest()
