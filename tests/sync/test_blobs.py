"""The same bytes are kept once and come back the same, from a folder and from a bucket."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import pytest

from sync import s3
from sync.blobs import LEFT_AFTER, Blobs, Folder, StoredBlob, open_blobs, put_for_phones

FILM = b"phim" * 3_000_000  # bytes; several parts of a bucket


@pytest.fixture
def blobs(blobs_url: str) -> Blobs:
    return open_blobs(blobs_url)


def content(blobs: Blobs, sha256: str) -> bytes:
    with blobs.open(sha256) as source:
        return source.read()


def test_bytes_come_back_as_they_were_put(blobs: Blobs) -> None:
    stored = blobs.put(io.BytesIO(b"anh nha" * 100_000))
    assert stored == StoredBlob(hashlib.sha256(b"anh nha" * 100_000).hexdigest(), 700_000)
    assert content(blobs, stored.sha256) == b"anh nha" * 100_000
    assert blobs.size(stored.sha256) == 700_000


def test_a_film_comes_back_and_can_be_read_anywhere(blobs: Blobs) -> None:
    stored = blobs.put(io.BytesIO(FILM))
    with blobs.open(stored.sha256) as source:
        assert source.seek(0, os.SEEK_END) == len(FILM)
        source.seek(6_000_001)
        assert source.read(4) == b"himp"
        source.seek(0)
        assert hashlib.file_digest(source, "sha256").hexdigest() == stored.sha256


def test_a_stream_that_cannot_seek_is_kept(blobs: Blobs) -> None:
    class Body(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            return pieces.pop(0) if pieces else b""

    pieces = [b"mot ", b"hai"]
    assert content(blobs, blobs.put(cast(BinaryIO, Body())).sha256) == b"mot hai"


def test_the_same_bytes_twice_are_one_blob(blobs: Blobs) -> None:
    assert blobs.put(b"x") == blobs.put(io.BytesIO(b"x"))
    assert len(list(blobs.all())) == 1


def test_all_blobs_are_told_in_the_order_of_their_hashes(blobs: Blobs) -> None:
    put = [blobs.put(str(n).encode() * n) for n in range(12)]
    assert list(blobs.all()) == sorted(put, key=lambda one: one.sha256)


def test_a_note_is_kept_under_its_name_and_is_no_blob(blobs: Blobs) -> None:
    assert list(blobs.notes()) == []
    with pytest.raises(FileNotFoundError):
        blobs.read_note("b" * 64)
    put = blobs.put(b"x")
    for name, content in (("a" * 64, b"1"), ("b" * 64, b"2"), ("b" * 64, b"3")):
        blobs.write_note(name, content)
    assert sorted(blobs.notes()) == ["a" * 64, "b" * 64]
    assert blobs.read_note("b" * 64) == b"3"
    assert list(blobs.all()) == [put]


def test_a_file_of_a_form_has_its_md5_too(blobs: Blobs) -> None:
    stored = put_for_phones(blobs, io.BytesIO(FILM))
    assert stored.md5 == hashlib.md5(FILM).hexdigest()
    assert StoredBlob(stored.sha256, stored.size) == blobs.put(FILM)


def test_a_broken_stream_leaves_nothing_behind(blobs: Blobs, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        blobs.put(Broken())
    assert list(blobs.all()) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_c34_what_a_kill_left_goes_after_a_day_and_nothing_else(tmp_path: Path) -> None:
    blobs = Folder(tmp_path)
    kept = blobs.put(b"kept")
    left, writing = tmp_path / ".aa.part", tmp_path / ".bb.part"
    for file in (left, writing):
        file.write_bytes(b"half of a photo")
    for file in (left, blobs.path(kept.sha256)):
        os.utime(file, (0, time.time() - LEFT_AFTER - 1))
    blobs.tidy()
    assert not left.exists()
    assert writing.exists()
    assert list(blobs.all()) == [kept]


def test_a_missing_blob_says_so(blobs: Blobs) -> None:
    for ask in (blobs.open, blobs.size):
        with pytest.raises(FileNotFoundError) as missing:
            ask("0" * 64)
        assert str(missing.value.filename).endswith("00/" + "0" * 64)


def test_what_is_deleted_is_gone_and_may_be_deleted_again_or_put_anew(blobs: Blobs) -> None:
    stored = blobs.put(b"anh nha")
    for _ in range(2):
        blobs.delete(stored.sha256)
        assert list(blobs.all()) == []
    assert blobs.put(b"anh nha") == stored
    assert content(blobs, stored.sha256) == b"anh nha"


def test_what_can_be_written_can_be_written_again(blobs: Blobs) -> None:
    blobs.check_writable()
    blobs.check_writable()
    assert [one.size for one in blobs.all()] == [65536]  # a full disk still takes an empty file


def test_a_bucket_is_laid_out_as_a_folder_is(
    bucket: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """So that one can be copied into the other by any tool."""
    put = [open_blobs(f"{bucket}/a/b").put(text) for text in (b"mot", b"hai", b"ba")]
    (served,) = tmp_path_factory.getbasetemp().glob("s30")
    copied = Folder(served / "cayda" / "a" / "b")
    assert list(copied.all()) == sorted(put, key=lambda one: one.sha256)


# ------------------------------------------------------------------ a store that fails


@contextmanager
def a_store_that(answers: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of a listener that does this with every connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answers, args=(line,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def says_500(line: socket.socket) -> None:
    with line:
        while line.recv(1 << 20):
            line.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")


def says_nothing(line: socket.socket) -> None:
    with line:
        time.sleep(5)


def drops(line: socket.socket) -> None:
    line.close()


@pytest.mark.parametrize("answers", [says_500, says_nothing, drops])
def test_c4_a_store_that_fails_is_an_error_within_seconds(
    answers: Callable[[socket.socket], None], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANSWER_WITHIN", "READ_WITHIN"):
        monkeypatch.setattr(s3, name, timedelta(seconds=0.1))
    with a_store_that(answers) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        blobs = open_blobs(f"{bucket}/x")
        for ask in (
            lambda: blobs.put(b"x"),
            lambda: blobs.open("0" * 64),
            lambda: list(blobs.all()),
            blobs.check_writable,
        ):
            start = time.monotonic()
            with pytest.raises(OSError, match="S3 error") as failed:
                ask()
            assert not isinstance(failed.value, FileNotFoundError)
            assert failed.value.filename.startswith(f"{bucket}/x")
            assert time.monotonic() - start < 5


def test_a_store_that_hangs_is_asked_by_one_thread_only_and_used_again_when_it_answers(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + later)
    later, hangs, asked = 0.0, True, 0
    for name, value in (
        ("ANSWER_WITHIN", timedelta(seconds=0.3)),
        ("RETRIES", 0),
        ("LATE", 0.1),
        ("REST", 100.0),
        ("time", clock),
    ):
        monkeypatch.setattr(s3, name, value)
    store = urlsplit(os.environ["AWS_ENDPOINT_URL"])

    def forward(line: socket.socket) -> None:
        nonlocal asked
        asked += 1
        if hangs:
            time.sleep(0.5)
            line.close()
            return
        with line, socket.create_connection((store.hostname, store.port)) as behind:
            threading.Thread(target=pump, args=(behind, line), daemon=True).start()
            pump(line, behind)

    def fails() -> None:
        with pytest.raises(OSError):  # noqa: PT011 (how it says so is tested elsewhere)
            blobs.put(b"x")

    with a_store_that(forward) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        blobs = open_blobs(f"{bucket}/hangs")
        fails()
        fails()
        assert asked == 1
        later += 101
        threads = [threading.Thread(target=fails) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert asked == 2
        hangs = False
        later += 101
        assert content(blobs, blobs.put(b"x").sha256) == b"x"


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)


def test_a_bucket_that_is_not_there_is_an_error(bucket: str) -> None:
    with pytest.raises(OSError, match="not in the store"):
        open_blobs("s3://other").put(b"x")


def test_a_child_of_a_process_that_used_the_store_says_so_and_does_not_hang(bucket: str) -> None:
    blobs = open_blobs(f"{bucket}/fork")
    blobs.put(b"x")
    child = os.fork()
    if child == 0:
        try:
            blobs.put(b"y")
        except RuntimeError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
