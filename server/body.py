"""A request's body as it comes: in memory while it is small, then in one temporary file."""

from __future__ import annotations

import errno
import shutil
import tempfile
from io import BytesIO
from typing import BinaryIO

LARGE = 1 << 24  # bytes: more than phones send at once, but for a film
KEPT_FREE = 1 << 30  # bytes of the disk that large bodies leave to all others


class Body:
    """The event loop adds and takes; whoever writes or reads it is in a thread.

    `size` is all that came, `held` what of it is in memory, both in bytes.
    """

    __slots__ = ("_file", "_pieces", "held", "size")

    def __init__(self) -> None:
        self.size = self.held = 0
        self._pieces: list[bytes] = []
        self._file: BinaryIO | None = None

    @property
    def is_on_disk(self) -> bool:
        return self._file is not None

    def add(self, data: bytes) -> None:
        self._pieces.append(data)
        self.held += len(data)
        self.size += len(data)

    def take(self) -> list[bytes]:
        """All that is in memory, to be written down; from now on it does not count as held."""
        taken, self._pieces, self.held = self._pieces, [], 0
        return taken

    def write(self, pieces: list[bytes]) -> None:
        """Put them behind what was written before. OSError where the disk is (nearly) full."""
        if self.size > LARGE and shutil.disk_usage(tempfile.gettempdir()).free < KEPT_FREE:
            raise OSError(errno.ENOSPC, "kept for small bodies")  # strangers send large ones too
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed when it is answered)
        self._file.writelines(pieces)

    def open(self) -> BinaryIO:
        """All of it, at its start, seekable; closed by `close`."""
        pieces, self._pieces = self._pieces, []
        if self._file is None:
            return BytesIO(b"".join(pieces))
        self.write(pieces)
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        self._pieces = []
        if self._file is not None:
            self._file.close()
