"""The same bytes are kept once and come back the same."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from sync.blobs import Blobs, open_blobs


def test_bytes_come_back_as_they_were_put(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    stored = blobs.put(io.BytesIO(b"anh nha" * 100_000))
    with blobs.open(stored.sha256) as source:
        assert hashlib.sha256(source.read()).hexdigest() == stored.sha256
    assert stored.size == 700_000


def test_the_same_bytes_twice_are_one_blob(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    assert blobs.put(b"x") == blobs.put(io.BytesIO(b"x"))
    assert len(list(blobs.all())) == 1


def test_a_broken_stream_leaves_nothing_behind(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        Blobs(tmp_path).put(Broken())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_missing_blob_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Blobs(tmp_path).open("0" * 64)


def test_a_place_that_is_not_built_yet_is_refused_in_both_languages() -> None:
    with pytest.raises(ValueError, match="only a folder"):
        open_blobs("s3://bucket/prefix")
