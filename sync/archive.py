"""A backup as a file: a plain tar whose end, the manifest, tells what must be in it.

Anybody opens it with tar and zcat: `tables/NAME/N.jsonl.gz` are rows, `blobs/SHA256` files.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO

import orjson

from sync.blobs import StoredBlob, hash_pieces

FORMAT = 1
MANIFEST = "manifest.json"
MARK = "manifest.sha256"
BLOBS = "blobs/"
LARGEST_MANIFEST = 1 << 28  # bytes


class Damaged(Exception):
    """The file is not what was written, or not one of ours; the text names the part."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """One table: its columns with their kinds, in the order they stand in a row."""

    name: str
    columns: list[tuple[str, str]]
    rows: int


@dataclass(slots=True)
class Manifest:
    """What a backup holds. `parts`: SHA-256 by name, of all but the blobs, whose names it is."""

    revision: str
    made_at: str
    database: str
    tables: list[TableRows] = field(default_factory=list)
    blobs: int = 0
    blob_bytes: int = 0
    missing: list[str] = field(default_factory=list)  # SHA-256 of blobs that were not there
    parts: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT


class Writer:
    """Parts one after the other, none of them held longer than it takes to write it."""

    def __init__(self, file: IO[bytes], manifest: Manifest) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 (closed by `finish`)
        self.manifest = manifest

    def add(self, name: str, content: bytes) -> None:
        self.manifest.parts[name] = hashlib.sha256(content).hexdigest()
        self._add(name, BytesIO(content), len(content))

    def add_blob(self, blob: StoredBlob, source: IO[bytes]) -> None:
        self.manifest.blobs += 1
        self.manifest.blob_bytes += blob.size
        self._add(BLOBS + blob.sha256, source, blob.size)

    def finish(self) -> None:
        text = orjson.dumps(self.manifest, option=orjson.OPT_INDENT_2)
        mark = hashlib.sha256(text).hexdigest().encode()
        self._add(MANIFEST, BytesIO(text), len(text))
        self._add(MARK, BytesIO(mark), len(mark))
        self._tar.close()

    def _add(self, name: str, source: IO[bytes], size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._tar.addfile(info, source)
        _forget_parts(self._tar)


def _forget_parts(tar: tarfile.TarFile) -> None:
    """It would remember a million files."""
    tar.members.clear()  # type: ignore[attr-defined]  # typeshed leaves it out


def read_parts(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each part, in order; read one before you ask for the next."""
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as tar:
        while (info := tar.next()) is not None:
            content = tar.extractfile(info)
            if content is None:  # a folder or a link
                raise Damaged(info.name)
            yield info.name, content
            _forget_parts(tar)


def check(file: IO[bytes]) -> Manifest:
    """Read the whole file and compare it with its manifest. Damaged."""
    try:
        return _check(file)
    except tarfile.TarError as error:
        raise Damaged(str(error)) from None


def _check(file: IO[bytes]) -> Manifest:
    parts: dict[str, str] = {}
    blobs = blob_bytes = 0
    text = b""
    for name, content in read_parts(file):
        if name == MANIFEST:
            text = content.read(LARGEST_MANIFEST)
            continue
        if name == MARK:
            if content.read() != hashlib.sha256(text).hexdigest().encode():
                raise Damaged(MANIFEST)
            found = _read_manifest(text)
            if (parts, blobs, blob_bytes) != (found.parts, found.blobs, found.blob_bytes):
                raise Damaged(_first_difference(parts, found.parts))
            return found
        read = hash_pieces(content)
        if not name.startswith(BLOBS):
            parts[name] = read.sha256
        elif name == BLOBS + read.sha256:
            blobs, blob_bytes = blobs + 1, blob_bytes + read.size
        else:
            raise Damaged(name)
    raise Damaged(MANIFEST)  # the file ends before it


def _read_manifest(text: bytes) -> Manifest:
    try:
        found = orjson.loads(text)
        tables = [
            TableRows(one["name"], [(name, kind) for name, kind in one["columns"]], one["rows"])
            for one in found.pop("tables")
        ]
        return Manifest(**found, tables=tables)
    except (TypeError, ValueError, KeyError):
        raise Damaged(MANIFEST) from None


def _first_difference(here: dict[str, str], meant: dict[str, str]) -> str:
    return next((name for name in {**meant, **here} if here.get(name) != meant.get(name)), BLOBS)
