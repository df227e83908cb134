"""What a stranger can do: many idle and slow lines, huge and endless bodies, floods of headers.

For each attack: what became of it, by how much the web process grew, and how long the others waited
meanwhile: a phone that sends forms one after the other, on a connection of its own for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import resource
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

import psutil
import uvloop

from tests.bench.server import Bench, Line, load_generator, web_process
from tests.server.serving import growth

LINES = 10_000
FORM = ("person_registration", "2026111801")
HOLDS = 10.0  # seconds for which attackers stay
CHUNK = bytes(1 << 20)


def measure(name: str, bench: Bench, url: str | None, lines: int = LINES) -> Iterator[Line]:
    """Embedded only: nothing of this reaches a database."""
    if url is not None:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    path = urlsplit(bench.url).path
    attacks: dict[str, Callable[[int], str]] = {
        "nobody attacks": _nobody,
        f"{lines} idle lines": partial(_lines, lines, b""),
        f"{lines} heads without end": partial(_lines, lines, b"POST / HTTP/1.1\r\nHost: x\r\nX: "),
        f"{lines} bodies without end": partial(_lines, lines, _head(path, 1_000_000) + bytes(4096)),
        "1,000 lines of 10,000 headers each": partial(_lines, 1000, _FLOOD),
        "5 GB announced": partial(_huge, _head(path, 5_000_000_000), b"%b"),
        "5 GB in chunks": partial(_huge, _head(path, None), b"%x\r\n%%b\r\n" % len(CHUNK)),
        "gzip bomb of 1 GB": partial(_post, path, _bomb, {"Content-Encoding": "gzip"}),
        "multipart of a million parts": partial(_post, path, _million_parts, {}),
    }
    with bench.serving() as (server, _):
        web = psutil.Process(web_process(server))
        for what, attack in attacks.items():
            with _Others(bench) as others, growth(web) as grown:
                outcome = attack(bench.port)
            value = f"{outcome}; web process +{grown() / 2**20:.0f} MB; others {others.waits()}"
            yield Line(f"{name}: {what}", value, "others ≤ 1 s")


# ------------------------------------------------------------------ attacks

_FLOOD = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n"


def _head(path: str, size: int | None) -> bytes:
    length = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    return (
        f"POST {path}/submission HTTP/1.1\r\nHost: x\r\nX-OpenRosa-Version: 1.0\r\n"
        f"Content-Type: multipart/form-data; boundary=B\r\n{length}\r\n\r\n"
    ).encode()


def _nobody(_port: int) -> str:
    time.sleep(HOLDS)
    return "nothing"


def _lines(count: int, text: bytes, port: int) -> str:
    """So many connections that send this and then a byte every two seconds."""
    return uvloop.run(_hold(count, text, port))


async def _hold(count: int, text: bytes, port: int) -> str:
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(_Held, "127.0.0.1", port) for _ in range(count)]
    for transport, _ in opened:
        transport.write(text)
    end = loop.time() + HOLDS
    while text and loop.time() < end:
        await asyncio.sleep(2)
        for transport, held in opened:
            if not held.is_over:
                transport.write(b"y")
    await asyncio.sleep(max(0.0, end - loop.time()))
    over = sum(held.is_over for _, held in opened)
    said = Counter(held.status for _, held in opened if held.status)
    for transport, _ in opened:
        transport.abort()
    return f"{len(opened)} opened, {over} ended by the server {dict(said) or ''}".rstrip()


class _Held(asyncio.Protocol):
    def __init__(self) -> None:
        self.is_over = False
        self.status = ""

    def data_received(self, data: bytes) -> None:
        self.status = data[9:12].decode()

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_over = True


def _huge(head: bytes, frame: bytes, port: int) -> str:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.connect()
    sent, start = 0, time.perf_counter()
    line.sock.sendall(head)
    line.sock.settimeout(0)
    answer = b""
    piece = frame % CHUNK
    while not answer and sent < 5_000_000_000:
        with contextlib.suppress(BlockingIOError):
            answer = line.sock.recv(65536)
            break
        line.sock.settimeout(5)
        with contextlib.suppress(OSError):
            line.sock.sendall(piece)
            sent += len(CHUNK)
        line.sock.settimeout(0)
    line.close()
    seconds = time.perf_counter() - start
    return f"{answer[9:12].decode()} after {sent / 1e6:.0f} MB and {seconds:.2f} s"


def _post(path: str, make: Callable[[], bytes], more: dict[str, str], port: int) -> str:
    body = make()
    headers = {"Content-Type": "multipart/form-data; boundary=B", "X-OpenRosa-Version": "1.0"}
    start = time.perf_counter()
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("POST", f"{path}/submission", body, {**headers, **more})
    status = line.getresponse().status
    line.close()
    return f"{status} after {len(body) / 1e6:.0f} MB and {time.perf_counter() - start:.2f} s"


def _bomb() -> bytes:
    return gzip.compress(bytes(1_000_000_000), 1)


def _million_parts() -> bytes:
    part = b'--B\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n\r\n'
    return part * 1_000_000 + b"--B--\r\n"


# ------------------------------------------------------------------ the others


class _Others:
    """A phone that sends form after form while the block runs."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._waits: list[float] = []
        self._failed = 0

    def __enter__(self) -> _Others:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _send(self) -> None:
        maker = load_generator().Maker(*FORM, f"others{time.time()}", 0)
        path = urlsplit(self._bench.url).path
        while not (self._waits and self._stopping.wait(0.05)):
            kind, parts = maker.body(len(self._waits), False)
            start = time.perf_counter()
            line = http.client.HTTPConnection("127.0.0.1", self._bench.port, timeout=60)
            headers = {"Content-Type": kind, "X-OpenRosa-Version": "1.0"}
            try:
                line.request("POST", f"{path}/submission", b"".join(parts), headers)
                self._failed += line.getresponse().status != 201
            except (OSError, http.client.HTTPException):
                self._failed += 1
            line.close()
            self._waits.append(time.perf_counter() - start)

    def waits(self) -> str:
        waits = sorted(1000 * one for one in self._waits)
        middle, most = waits[len(waits) // 2], waits[-1]
        return f"{len(waits)} sent, {self._failed} failed, p50 {middle:.0f} ms, max {most:.0f} ms"
