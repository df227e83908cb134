"""One multipart POST of a phone: all of it, or Refused with nothing kept."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import IO, Any, BinaryIO, cast

from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header
from werkzeug.wsgi import get_input_stream

from forms.problems import (
    FILE_NAME_CHANGED,
    NO_XML_PART,
    NOT_MULTIPART,
    TOO_LARGE,
    Problem,
    Refused,
)
from forms.xml import MAX_BYTES

XML_PART = "xml_submission_file"
MOST_PARTS = 1_000
IN_MEMORY = 256 * 1024  # larger parts go to a temporary file
LONGEST_NAME = 255

Files = MultiDict[str, FileStorage]

_ODD_HEAD = re.compile(rb"\r\n[ \t]|(?<!\r)\n|\r(?!\n)")  # a folded line, or not ended by CRLF


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file beside the XML. `name` is safe to keep: NFC, no path, no control characters."""

    name: str
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

    Refused(NOT_MULTIPART, TOO_LARGE or NO_XML_PART). A body that ends before its closing boundary
    was cut on the way (Collect can abort an upload), so nothing of it may count.
    """
    with ExitStack() as streams:
        form, files = _parse(environ, body_limit, streams)
        xml = _xml(form, files)
        problems: list[Problem] = []
        sent = tuple(_sent_files(files, problems))
        yield Upload(xml, sent, tuple(problems))


def _parse(
    environ: dict[str, Any], body_limit: int, streams: ExitStack
) -> tuple[MultiDict[str, str], Files]:
    def new_stream(*_: object, **__: object) -> IO[bytes]:
        stream = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (streams closes it)
        return cast(IO[bytes], streams.enter_context(stream))

    mimetype, options = parse_options_header(environ.get("CONTENT_TYPE", ""))
    if mimetype != "multipart/form-data":
        raise Refused(NOT_MULTIPART())
    if 0 < _length(environ) <= IN_MEMORY:
        body = get_input_stream(environ, max_content_length=body_limit).read()
        small = parse_small(body, options.get("boundary", "").encode())
        if small is not None:
            return small
        environ = {**environ, "wsgi.input": BytesIO(body)}
    parser = FormDataParser(
        stream_factory=new_stream,
        max_form_memory_size=MAX_BYTES,
        max_content_length=body_limit,
        max_form_parts=MOST_PARTS,
        silent=False,  # else a truncated body reads as an empty form
    )
    try:
        _, form, files = parser.parse_from_environ(environ)
    except RequestEntityTooLarge:
        raise Refused(TOO_LARGE(limit=body_limit)) from None
    except (ValueError, BadRequest):
        raise Refused(NOT_MULTIPART()) from None
    return form, files


def parse_small(body: bytes, boundary: bytes) -> tuple[MultiDict[str, str], Files] | None:
    """A body that is in memory and has the shape all phones write; None: let Werkzeug judge it.

    Werkzeug compiles two patterns for each boundary, and no two submissions share one: that took
    a fifth of the time of a submission.
    """
    start, between, end = (
        mark % boundary for mark in (b"--%s\r\n", b"\r\n--%s\r\n", b"\r\n--%s--")
    )
    inner, found, after = body.partition(end)
    if not boundary or not found or after not in (b"", b"\r\n") or not inner.startswith(start):
        return None
    parts = inner[len(start) :].split(between)
    if len(parts) > MOST_PARTS or any(b"--" + boundary in part for part in parts):
        return None
    form: MultiDict[str, str] = MultiDict()
    files: Files = MultiDict()
    for part in parts:
        head, blank, content = part.partition(b"\r\n\r\n")
        if not blank or _ODD_HEAD.search(head):
            return None
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


def _headers(head: bytes) -> Headers:
    lines = (line.partition(":") for line in head.decode(errors="replace").split("\r\n"))
    return Headers([(name.strip(" \t"), value.strip(" \t")) for name, _, value in lines])


def _length(environ: dict[str, Any]) -> int:
    """Of the body as announced; 0 when it is not."""
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
        name = safe_name(sent_as)
        if name is None:
            name = f"file-{_hash(stream)[:12]}"
        if name != unicodedata.normalize("NFC", sent_as):
            problems.append(FILE_NAME_CHANGED())
        yield SentFile(name, (file.content_type or "")[:LONGEST_NAME] or None, stream)


def safe_name(sent_as: str) -> str | None:
    """The last part of a file name, NFC, without control characters; None where nothing is left.

    Form and file may come from two programs, one writing `ả` as one character, the other as two.
    """
    name = unicodedata.normalize("NFC", sent_as).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cs")).strip()
    if len(name) > LONGEST_NAME:
        stem, dot, extension = name.rpartition(".")
        tail = dot + extension if stem and len(extension) < 10 else ""
        name = name[: LONGEST_NAME - len(tail)] + tail
    return None if name in ("", ".", "..") else name


def _hash(stream: BinaryIO) -> str:
    digest = sha256(stream.read()).hexdigest()
    stream.seek(0)
    return digest
