"""Blobs in a bucket of an S3 store, for servers on several machines; the only user of obstore.

Credentials, region and address of the store come from the environment: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, BinaryIO, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from sync.blobs import CHUNK, NOTES, TRIAL, StoredBlob, Watch, hash_pieces

if TYPE_CHECKING:
    from obstore.store import ClientConfig

IN_MEMORY = 1 << 20  # bytes of a blob on its way in or out; the rest waits in a temporary file
PART = 5 << 20  # bytes; S3 takes no smaller ones
PARTS_AT_ONCE = 2

# A phone that hears nothing gives up and comes again; a thread that waits serves nobody. One part
# in ten seconds is 4 Mbit/s: a store behind a slower line is none for a server.
CONNECT_WITHIN = timedelta(seconds=3)
ANSWER_WITHIN = timedelta(seconds=10)
READ_WITHIN = timedelta(seconds=60)  # all of a blob, 500 MB at 8 MB/s; silence ends it before
RETRY_WITHIN = timedelta(seconds=5)
RETRIES = 2
LATE = 2.0  # seconds after which an error means that the store hangs
REST = 5.0  # seconds in which it is not asked then

_used_by: int | None = None


class Bucket:
    """Objects named by hash below `prefix`, as files are in a folder."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._store = _store(url, {"timeout": ANSWER_WITHIN})
        self._source = _store(url, {"timeout": READ_WITHIN, "read_timeout": ANSWER_WITHIN})
        self._rest_until = 0.0  # by time.monotonic; 0 = it answered when it was asked last
        self._asked_again = threading.Lock()

    def put(self, source: IO[bytes] | bytes, watch: Watch | None = None) -> StoredBlob:
        with SpooledTemporaryFile(IN_MEMORY) as spool:
            blob = hash_pieces(source, spool.write, watch)
            if not self._has(blob):
                spool.seek(0)
                self._upload(blob, spool)
        return blob

    def _has(self, blob: StoredBlob) -> bool:
        try:
            return self.size(blob.sha256) == blob.size
        except FileNotFoundError:
            return False

    def _upload(self, blob: StoredBlob, file: IO[bytes]) -> None:
        key = _key(blob.sha256)
        with self._asking(self._url):  # a bucket that is not there is not found either
            if blob.size <= PART:
                obstore.put(self._store, key, file.read(), use_multipart=False)
            else:
                obstore.put(self._store, key, file, chunk_size=PART, max_concurrency=PARTS_AT_ONCE)

    def open(self, sha256: str) -> BinaryIO:
        """Fetched at once: a slow reader must not hold a connection, and seeking needs a file."""
        key = _key(sha256)
        with ExitStack() as failing, self._asking(f"{self._url}/{key}"):
            spool = failing.enter_context(SpooledTemporaryFile(IN_MEMORY))
            for piece in obstore.get(self._source, key).stream(CHUNK):
                spool.write(piece)
            spool.seek(0)
            failing.pop_all()
            return cast(BinaryIO, spool)

    def size(self, sha256: str) -> int:
        key = _key(sha256)
        with self._asking(f"{self._url}/{key}"):
            return obstore.head(self._store, key)["size"]

    def all(self) -> Iterator[StoredBlob]:
        with self._asking(self._url):
            for found in obstore.list(self._store):
                for one in found:
                    within, _, name = one["path"].rpartition("/")
                    if within != NOTES:
                        yield StoredBlob(name, one["size"])

    def delete(self, sha256: str) -> None:
        with suppress(FileNotFoundError), self._asking(self._url):
            obstore.delete(self._store, _key(sha256))

    def write_note(self, name: str, content: bytes) -> None:
        with self._asking(self._url):
            obstore.put(self._store, f"{NOTES}/{name}", content, use_multipart=False)

    def read_note(self, name: str) -> bytes:
        key = f"{NOTES}/{name}"
        with self._asking(f"{self._url}/{key}"):
            return bytes(obstore.get(self._store, key).bytes())

    def notes(self) -> Iterator[str]:
        with self._asking(self._url):
            for found in obstore.list(self._store, prefix=NOTES):
                yield from (one["path"].rpartition("/")[2] for one in found)

    def check_writable(self) -> None:
        """Written anew each time: that it is there already would say nothing."""
        self._upload(hash_pieces(TRIAL), BytesIO(TRIAL))

    def tidy(self) -> None:
        """Nothing: an object is there whole or not at all."""

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """What goes wrong with the store is an OSError about `what`, as it is with a disk.

        One that did not answer is left alone for a while, and then asked by one thread until it
        does: else all threads wait for it, and with them phones that bring no file.
        """
        _note_process()
        is_late = self._rest_until > 0
        rests = time.monotonic() < self._rest_until
        if is_late and (rests or not self._asked_again.acquire(blocking=False)):
            raise OSError(errno.EIO, "the store did not answer a moment ago", what)
        start = time.monotonic()
        try:
            yield
            self._rest_until = 0.0
        except FileNotFoundError:
            self._rest_until = 0.0
            raise FileNotFoundError(errno.ENOENT, "not in the store", what) from None
        except BaseError as error:
            now = time.monotonic()
            if now - start >= LATE:
                self._rest_until = now + REST
            raise OSError(errno.EIO, str(error).partition("\n")[0], what) from None
        finally:
            if is_late:
                self._asked_again.release()


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _store(url: str, timeouts: ClientConfig) -> S3Store:
    return S3Store.from_url(
        url,
        client_options={"allow_http": True, "connect_timeout": CONNECT_WITHIN, **timeouts},
        retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_WITHIN},
    )


def _note_process() -> None:
    """obstore's threads do not survive a fork, and whoever waits for them waits for ever."""
    global _used_by  # noqa: PLW0603 (one per process, as those threads are)
    if _used_by is None:
        _used_by = os.getpid()
    elif _used_by != os.getpid():
        raise RuntimeError("forked from a process that had used the store")
