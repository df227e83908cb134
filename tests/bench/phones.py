"""All phones come home: so many within a minute, each with its forms and photos over its own line.

A phone asks once (HEAD), then sends form after form on one connection, as Collect does, and repeats
what a dying connection swallowed, as okhttp does. Lines are shaped by the client: a third of the
phones at 20 KB/s, a third at 200 KB/s, a third at 1 MB/s. A wait is the time from the last byte
sent to the first byte of the answer.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import psutil
import sqlalchemy as sa
import uvloop

from sync import tables as t
from sync.database import Database
from tests.bench.server import Bench, Line, load_generator, web_process

FORM = ("person_registration", "2026111801")
PHONES, FORMS, PHOTOS = 2_000, 20, 5
WITHIN = 60.0  # seconds in which all arrive
PHOTO_BYTES = 150_000
LINES = (20_000, 200_000, 1_000_000)  # bytes a second
STEP = 0.25  # seconds between two pieces that a phone sends
TRIES = 3
ANSWERED_WITHIN = 180.0  # seconds; who waits longer has given up


@dataclass
class Heard:
    """What all phones together saw."""

    kept: int = 0
    photos: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)


def measure(
    name: str,
    bench: Bench,
    url: str | None,
    phones: int = PHONES,
    forms: int = FORMS,
    photos: int = PHOTOS,
) -> Iterator[Line]:
    """All lines of one kind of database."""
    with bench.serving() as (server, _), _watched(server) as peak:
        web = psutil.Process(web_process(server))
        start, used = time.perf_counter(), sum(web.cpu_times()[:2])
        heard = uvloop.run(_come_home(bench, phones, forms, photos))
        seconds = time.perf_counter() - start
        cpu = 1000 * (sum(web.cpu_times()[:2]) - used) / max(heard.kept, 1)
    found, files = _found(url or f"sqlite:///{bench.data / 'cayda.db'}")
    what = f"{name}: {phones} phones within {WITHIN:.0f} s, {forms} forms and {photos} photos each"
    refused = sum(heard.refused.values())
    waits = sorted(heard.waits)
    yield Line(f"{what}: all sent after", f"{seconds:.0f} s, {heard.kept / seconds:.0f} forms/s")
    yield Line(f"{name}: refused", f"{refused} {dict(heard.refused) or ''}".strip(), "0")
    yield Line(f"{name}: repeated after a dead connection", str(heard.repeated))
    lost = f"{heard.kept - found} of {heard.kept}, photos {heard.photos - files} of {heard.photos}"
    yield Line(f"{name}: lost (acknowledged and not found)", lost, "0")
    yield Line(f"{name}: longest wait for a byte", f"{waits[-1]:.1f} s", "≤ 60 s")
    p50, p99 = (1000 * waits[int(len(waits) * share)] for share in (0.5, 0.99))
    yield Line(f"{name}: waits", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    yield Line(f"{name}: memory of all processes at most (PSS)", f"{peak():.0f} MB", "≤ 400 MB")
    yield Line(f"{name}: CPU of the web process a form", f"{cpu:.2f} ms")


@contextmanager
def _watched(server: psutil.Process) -> Iterator[Any]:
    """The most memory that the server's processes had together, in MB."""
    peak = 0.0
    stopping = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stopping.wait(1):
            total = 0
            for process in [server, *server.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:  # it ended meanwhile
                    continue
            peak = max(peak, total / 2**20)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: peak
    finally:
        stopping.set()
        thread.join()


def _found(url: str) -> tuple[int, int]:
    """Submissions and photos in the database."""
    database = Database(url)
    a = t.attachments.c
    with database.read() as db:
        submissions = db.execute(sa.select(sa.func.count()).select_from(t.submissions)).scalar_one()
        has_bytes = sa.select(sa.func.count()).where(a.sha256.is_not(None))
        files = db.execute(has_bytes.select_from(t.attachments)).scalar_one()
    database.dispose()
    return submissions, files


# ------------------------------------------------------------------ the phones


async def _come_home(bench: Bench, phones: int, forms: int, photos: int) -> Heard:
    heard = Heard()
    maker = load_generator().Maker(*FORM, f"home{time.time()}", PHOTO_BYTES)
    path = urlsplit(bench.url).path

    async def one(number: int) -> None:
        chance = random.Random(number)
        await asyncio.sleep(chance.uniform(0, WITHIN))
        phone = _Phone(bench.port, LINES[number % len(LINES)], heard)
        await phone.asks([_head("HEAD", path, None, 0)])
        for form in range(forms):
            has_photo = form < photos
            kind, parts = maker.body(number * forms + form, has_photo)
            request = [_head("POST", path, kind, sum(map(len, parts))), *parts]
            if await phone.asks(request) == 201:
                heard.kept += 1
                heard.photos += has_photo
        phone.hangs_up()

    await asyncio.gather(*map(one, range(phones)))
    return heard


def _head(method: str, path: str, content_type: str | None, size: int) -> bytes:
    about = f"Content-Type: {content_type}\r\nContent-Length: {size}\r\n" if content_type else ""
    return (
        f"{method} {path}/submission?deviceID=collect%3Abench HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"User-Agent: org.odk.collect.android/v2026.1.0\r\nX-OpenRosa-Version: 1.0\r\n{about}\r\n"
    ).encode()


class _Phone:
    """Its connection, made anew where it died."""

    def __init__(self, port: int, rate: int, heard: Heard) -> None:
        self._port = port
        self._step = int(rate * STEP)
        self._heard = heard
        self._line: _Line | None = None

    async def asks(self, request: Sequence[bytes]) -> int:
        """The status of the answer; 0 when there was none."""
        why = ""
        for attempt in range(TRIES):
            self._heard.repeated += attempt > 0
            try:
                async with asyncio.timeout(ANSWERED_WITHIN):
                    status, waited = await self._send(b"".join(request))
            except (OSError, EOFError, TimeoutError) as error:
                why = type(error).__name__
                self.hangs_up()
                continue
            self._heard.waits.append(waited)
            if status not in (201, 204):
                self._heard.refused[str(status)] += 1
            return status
        self._heard.refused[why] += 1
        return 0

    async def _send(self, request: bytes) -> tuple[int, float]:
        if self._line is None or self._line.is_over:
            loop = asyncio.get_running_loop()
            _, self._line = await loop.create_connection(_Line, "127.0.0.1", self._port)
        return await self._line.ask(request, self._step)

    def hangs_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class _Line(asyncio.Protocol):
    """One request at a time; only the status of an answer is looked at."""

    def __init__(self) -> None:
        self.is_over = False
        self._came = bytearray()
        self._answer: asyncio.Future[tuple[int, float]] | None = None
        self._is_head = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or EOFError())

    async def ask(self, request: bytes, step: int) -> tuple[int, float]:
        self._answer = asyncio.get_running_loop().create_future()
        self._is_head = request.startswith(b"HEAD")
        self._came.clear()
        self._first = 0.0
        for start in range(0, len(request), step):
            if start:
                await asyncio.sleep(STEP)
            self._transport.write(request[start : start + step])
        sent = time.perf_counter()
        status, first = await self._answer
        return status, max(0.0, first - sent)

    def data_received(self, data: bytes) -> None:
        self._first = self._first or time.perf_counter()
        self._came += data
        head, end, body = self._came.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
        size = int(length[1]) if length and not self._is_head else 0
        if end and len(body) >= size and self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), self._first))

    def close(self) -> None:
        self._transport.close()
