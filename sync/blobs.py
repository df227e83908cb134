"""Bytes by SHA-256: the same bytes are kept once, and once put they survive a power cut.

In a folder (here) or in a bucket (s3.py), under the same names: one can be copied into the other.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, Protocol

CHUNK = 1 << 18
TRIAL = bytes(
    1 << 16
)  # what is put to see whether it can be: a full disk still takes an empty file

NOTES = "notes"  # the sub-folder of what is not named by its hash
LEFT_AFTER = 86_400.0  # seconds without a change

Watch = Callable[[bytes], object]  # is shown each piece that is kept, in order


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What was put: the hex digest and the size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class FormBlob(StoredBlob):
    """A file that phones download with a form: OpenRosa's manifest names it by MD5."""

    md5: str


class Blobs(Protocol):
    """Where bytes are kept. What is away, slow or full raises OSError within seconds."""

    def put(self, source: IO[bytes] | bytes, watch: Watch | None = None) -> StoredBlob:
        """Keep the bytes of a stream, in pieces, never the whole in memory; safe to repeat."""

    def open(self, sha256: str) -> BinaryIO:
        """The bytes as a stream that can seek; FileNotFoundError when they are not here."""

    def size(self, sha256: str) -> int:
        """In bytes; FileNotFoundError when they are not here."""

    def all(self) -> Iterator[StoredBlob]:
        """Every blob in the order of its hash, for backup and checks."""

    def delete(self, sha256: str) -> None:
        """Take these bytes away for good; harmless where they are not here."""

    def write_note(self, name: str, content: bytes) -> None:
        """Keep a few bytes under a name, apart from the blobs; again under it, instead of them."""

    def read_note(self, name: str) -> bytes:
        """FileNotFoundError when there is none."""

    def notes(self) -> Iterator[str]:
        """The names of all notes, in no order."""

    def check_writable(self) -> None:
        """Raise OSError when nothing can be put now."""

    def tidy(self) -> None:
        """Take away what a killed process left half written, when nobody writes it any more."""


class Folder:
    """A folder of files named by hash, in 256 sub-folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, source: IO[bytes] | bytes, watch: Watch | None = None) -> StoredBlob:
        return self._write(source, None, watch)

    def _write(
        self, source: IO[bytes] | bytes, note: str | None, watch: Watch | None = None
    ) -> StoredBlob:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = os.path.join(self.folder, f".{secrets.token_hex(8)}.part")
        try:
            with open(temporary, "xb") as out:
                blob = hash_pieces(source, out.write, watch)
                out.flush()
                os.fsync(out.fileno())
            if note is None:
                self._name(temporary, blob.sha256[:2], blob.sha256)
            else:
                self._name(temporary, NOTES, note)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return blob

    def _name(self, temporary: str, within: str, name: str) -> None:
        folder = os.path.join(self.folder, within)
        target = os.path.join(folder, name)
        try:
            os.replace(temporary, target)  # atomic; two writers of the same bytes do no harm
        except FileNotFoundError:  # the first in its sub-folder
            os.makedirs(folder, exist_ok=True)
            sync_folder(self.folder)
            os.replace(temporary, target)
        sync_folder(folder)  # without it the name may be lost in a power cut

    def open(self, sha256: str) -> BinaryIO:
        return self.path(sha256).open("rb")

    def size(self, sha256: str) -> int:
        return self.path(sha256).stat().st_size

    def all(self) -> Iterator[StoredBlob]:
        for path in sorted(self.folder.glob("??")):
            for found in sorted(os.scandir(path), key=lambda one: one.name):
                yield StoredBlob(found.name, found.stat().st_size)

    def delete(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)

    def write_note(self, name: str, content: bytes) -> None:
        self._write(content, name)

    def read_note(self, name: str) -> bytes:
        return (self.folder / NOTES / name).read_bytes()

    def notes(self) -> Iterator[str]:
        folder = self.folder / NOTES
        return (path.name for path in folder.iterdir()) if folder.is_dir() else iter(())

    def check_writable(self) -> None:
        self.put(TRIAL)

    def tidy(self) -> None:
        for left in self.folder.glob(".*.part"):
            with suppress(FileNotFoundError):  # it has its name by now, or another process tidies
                if time.time() - left.stat().st_mtime > LEFT_AFTER:
                    left.unlink()

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256


def open_blobs(url: str) -> Blobs:
    """A folder's path, or s3://bucket/prefix."""
    if "://" not in url:
        return Folder(Path(url))
    from sync.s3 import Bucket  # a large library, and most run without it

    return Bucket(url)


def put_for_phones(blobs: Blobs, source: IO[bytes] | bytes) -> FormBlob:
    """Put a file of a form. MD5 takes longer than all else of `put`: photos go without."""
    md5 = hashlib.md5(usedforsecurity=False)
    blob = blobs.put(source, md5.update)
    return FormBlob(blob.sha256, blob.size, md5.hexdigest())


def hash_pieces(source: IO[bytes] | bytes, *readers: Watch | None) -> StoredBlob:
    """Read a stream to its end, piece by piece, and give each piece to every reader."""
    stream: IO[bytes] = BytesIO(source) if isinstance(source, bytes) else source
    digest, size = hashlib.sha256(), 0
    watching = [digest.update, *(one for one in readers if one is not None)]
    while piece := stream.read(CHUNK):
        size += len(piece)
        for look in watching:
            look(piece)
    return StoredBlob(digest.hexdigest(), size)


def sync_folder(folder: str | Path) -> None:
    """Let the names in it survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
