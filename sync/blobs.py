"""Bytes by SHA-256: the same bytes are kept once, and once put they survive a power cut.

Only a folder yet; `s3://` comes behind the same three calls.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What was put: hex digests and the size in bytes."""

    sha256: str
    md5: str
    size: int


class Blobs:
    """A folder of files named by hash, in 256 sub-folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def put(self, source: BinaryIO | bytes) -> StoredBlob:
        """Keep the bytes of a stream, in pieces, never the whole in memory; safe to repeat."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{secrets.token_hex(8)}.part"
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        try:
            with temporary.open("wb") as out:
                for piece in _pieces(source):
                    sha256.update(piece)
                    md5.update(piece)
                    size += len(piece)
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            target = self.path(sha256.hexdigest())
            new_folder = not target.parent.exists()
            target.parent.mkdir(exist_ok=True)
            temporary.replace(target)  # atomic; two writers of the same bytes do no harm
            _sync_folder(target.parent)  # without it the name may be lost in a power cut
            if new_folder:
                _sync_folder(self.folder)
        finally:
            temporary.unlink(missing_ok=True)
        return StoredBlob(sha256.hexdigest(), md5.hexdigest(), size)

    def open(self, sha256: str) -> BinaryIO:
        """The bytes as a stream; FileNotFoundError when they are not here."""
        return self.path(sha256).open("rb")

    def all(self) -> Iterator[str]:
        """The hash of every blob, for backup and checks."""
        for path in sorted(self.folder.glob("??/*")):
            yield path.name

    def check_writable(self) -> None:
        """Raise OSError when nothing can be put now."""
        self.put(b"")


def open_blobs(url: str) -> Blobs:
    """A folder's path. ValueError, in both languages, for what is not built yet."""
    if "://" in url:
        raise ValueError(
            f"CAYDA_BLOBS: hiện chỉ dùng được thư mục, không phải “{url.split(':')[0]}” / "
            "only a folder can be used yet"
        )
    return Blobs(Path(url))


def _pieces(source: BinaryIO | bytes) -> Iterable[bytes]:
    if isinstance(source, bytes):
        return (source,)
    return iter(lambda: source.read(CHUNK), b"")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
