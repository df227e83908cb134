"""What phones send: how many a second, how long each waits, what it costs, how soon it counts."""

from __future__ import annotations

import http.client
import itertools
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.bench.load import say, send
from tests.bench.server import Bench, Line, load_generator, pss

FORM = ("person_registration", "2026111801")
CONNECTIONS = (1, 8, 32)
PHOTOS = 300  # submissions with a photo of 200 KB, per measurement
WHAT = {"submit": "submissions", "replay": "the same again", "attach": "with a photo of 200 KB"}
RATES = {"submit": (1000, 700), "replay": (1300, 1300), "attach": (350, 350)}  # a second, by 32


def measure(name: str, bench: Bench, database_url: str | None, n: int = 3000) -> Iterator[Line]:
    """All lines of one kind of database."""
    embedded = database_url is None
    with bench.serving() as (server, ready):
        yield Line(f"{name}: ready on an existing folder", f"{ready:.2f} s", "≤ 3 s" * embedded)
        time.sleep(5)
        count = len(server.children(recursive=True)) + 1
        goal = "≤ 200 MB" * embedded
        yield Line(f"{name}: idle, PSS of {count} processes", f"{pss(server):.0f} MB", goal)
        send(bench, server, "submit", 200, 4, f"warm{time.time()}")
        seed = str(time.time())
        for connections, phase in itertools.product(CONNECTIONS, WHAT):
            bench.drain()
            many = PHOTOS if phase == "attach" else n
            result = send(bench, server, phase, many, connections, seed)
            what = f"{name}: {WHAT[phase]}, {connections} connection{'s' * (connections > 1)}"
            yield Line(what, say(result), _goal(phase, connections, embedded))
            if phase == "submit":
                yield Line(f"{name}: queue empty after", f"{bench.drain():.1f} s")
        oldest, rest = _lag_at(bench, 50, 20)
        yield Line(f"{name}: oldest waiting at 50/s", f"{oldest:.2f} s", "≤ 5 s")
        yield Line(f"{name}: all processed after the last", f"{rest:.2f} s", "≤ 5 s")
        yield Line(f"{name}: PSS afterwards", f"{pss(server):.0f} MB")


def _goal(phase: str, connections: int, embedded: bool) -> str:
    if connections < max(CONNECTIONS):
        return ""
    rate = f"≥ {RATES[phase][not embedded]:,}/s"
    return f"{rate}, p99 ≤ 150 ms, ≤ 1.5 ms in Python" if phase == "submit" else rate


def _lag_at(bench: Bench, rate: int, seconds: int) -> tuple[float, float]:
    """Open loop: so many a second → (oldest waiting work seen, seconds until none was left)."""
    generator = load_generator()
    maker = generator.Maker(*FORM, f"lag{time.time()}", 0)
    posts = [maker.body(i) for i in range(rate * seconds)]
    parts = urlsplit(bench.url)
    oldest = 0.0
    phone = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
    start = time.perf_counter()
    for i, (content_type, body) in enumerate(posts):
        time.sleep(max(0.0, start + i / rate - time.perf_counter()))
        headers = {"Content-Type": content_type, "X-OpenRosa-Version": "1.0"}
        phone.request("POST", f"{parts.path}/submission", b"".join(body), headers)
        answer = phone.getresponse()
        assert answer.status == 201, answer.read()
        answer.read()
        if i % (rate // 5) == 0:
            oldest = max(oldest, bench.metric("cayda_queue_oldest_seconds"))
    phone.close()
    end = time.perf_counter()
    for _ in itertools.count():
        oldest = max(oldest, bench.metric("cayda_queue_oldest_seconds"))
        if bench.metric("cayda_queue_waiting") == 0:
            return oldest, time.perf_counter() - end
        time.sleep(0.05)
    raise AssertionError
