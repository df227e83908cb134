"""Every answer is counted by route and status: how many, how long, how many bytes.

Each web process counts its own answers; what is in the database all of them tell alike.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache
from time import perf_counter
from typing import Any, cast

from flask import Flask, request
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from forms.problems import INTERNAL
from server import logs
from server.runtime import Runtime
from sync.gauges import Gauges, read_gauges

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]

ROUTE = "cayda.route"  # in the environ: who answers, a word of ours
REQUEST = "cayda.request"  # and the name of this request in logs and in answers that fail
LATER = "cayda.later"  # how whoever cannot answer at once is heard later: see front.py
NO_ROUTE = "none"
SLOW = 2.0  # seconds after which a request is worth a line of the log
UNSAID = (401, 403, 404)  # what any stranger makes, and a lost phone, is counted and not logged
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

_PROXYS_NAME = re.compile(r"[0-9a-f-]{16,36}")
_DOORS = re.compile(r"^openrosa_\w+")  # they differ in how they know who is calling


class _Count:
    """Answers of one route and status."""

    __slots__ = ("answers", "buckets", "bytes", "seconds")

    def __init__(self) -> None:
        self.answers = 0
        self.seconds = 0.0
        self.bytes = 0
        self.buckets = [0] * (len(SECONDS) + 1)


class Answers:
    """What this process has answered since it started."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], _Count] = {}
        self._lock = threading.Lock()

    def add(self, route: str, status: str, seconds: float, size: int) -> None:
        with self._lock:
            count = self._counts.get((route, status))
            if count is None:
                count = self._counts[route, status] = _Count()
            count.answers += 1
            count.seconds += seconds
            count.bytes += size
            count.buckets[bisect_left(SECONDS, seconds)] += 1

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks for it."""
        answers = CounterMetricFamily(
            "cayda_answers", "Answers since this process started.", labels=("route", "status")
        )
        sizes = CounterMetricFamily(
            "cayda_answer_bytes", "Bytes of their bodies.", labels=("route",)
        )
        times = HistogramMetricFamily(
            "cayda_answer_seconds", "From a whole request to a whole answer.", labels=("route",)
        )
        with self._lock:
            for (route, status), count in sorted(self._counts.items()):
                answers.add_metric((route, status), count.answers)
            for route, count in sorted(self._by_route().items()):
                sizes.add_metric((route,), count.bytes)
                times.add_metric((route,), _buckets(count.buckets), count.seconds)
        return iter((answers, sizes, times))

    def _by_route(self) -> dict[str, _Count]:
        found: dict[str, _Count] = {}
        for (route, _), one in self._counts.items():
            whole = found.setdefault(route, _Count())
            whole.seconds += one.seconds
            whole.bytes += one.bytes
            whole.buckets = [a + b for a, b in zip(whole.buckets, one.buckets, strict=True)]
        return found


def _buckets(counts: list[int]) -> list[tuple[str, int]]:
    """Prometheus' are cumulative."""
    total, found = 0, []
    for bound, count in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
        total += count
        found.append((bound, total))
    return found


class Measured:
    """The outermost WSGI application: counts, logs what fails or is slow, names each failure."""

    def __init__(self, wsgi: Wsgi, answers: Answers, trusts_proxy: bool) -> None:
        self.wsgi = wsgi
        self._answers = answers
        self._trusts_proxy = trusts_proxy

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        name = environ.pop("HTTP_X_REQUEST_ID", "") if self._trusts_proxy else ""
        if name and _PROXYS_NAME.fullmatch(name):
            environ[REQUEST] = name
        asked = _Asked(self._answers, environ, start_response)
        try:
            pieces = self.wsgi(environ, asked.begin)
        except Exception as error:  # what no door caught: a server's own words would show its text
            logs.failed(request_id(environ), environ.get(ROUTE, NO_ROUTE), error)
            asked.begin(
                "500 INTERNAL SERVER ERROR", [("Content-Type", "text/plain; charset=utf-8")]
            )
            pieces = [str(INTERNAL()).encode()]
        if not isinstance(pieces, list):
            return _Streamed(pieces, asked.note)
        if not asked.is_later:
            asked.note(sum(map(len, pieces)))
        return pieces


class _Asked:
    """One request until it is answered."""

    __slots__ = (
        "_answers",
        "_environ",
        "_later",
        "_start",
        "_start_response",
        "_status",
        "is_later",
    )

    def __init__(self, answers: Answers, environ: Environ, start_response: Any) -> None:
        self._start = perf_counter()
        self._answers = answers
        self._environ = environ
        self._start_response = start_response
        self._status = "500"
        self.is_later = False
        self._later = environ.get(LATER)
        if self._later is not None:
            environ[LATER] = self.later

    def begin(self, status: str, headers: Headers, *more: Any) -> Any:
        """The `start_response` of this request."""
        return self._start_response(status, self._named(status, headers), *more)

    def later(self) -> Callable[[str, Headers, bytes], None]:
        """The same for an answer that another thread will give, whole."""
        give = cast(Callable[[], Callable[[str, Headers, bytes], None]], self._later)()
        self.is_later = True

        def answer(status: str, headers: Headers, body: bytes) -> None:
            give(status, self._named(status, headers), body)
            self.note(len(body))

        return answer

    def _named(self, status: str, headers: Headers) -> Headers:
        self._status = status[:3]
        if self._status < "400":
            return headers
        return [*headers, ("X-Request-Id", request_id(self._environ))]

    def note(self, size: int) -> None:
        """It is answered, with so many bytes."""
        seconds = perf_counter() - self._start
        route, code = self._environ.get(ROUTE, NO_ROUTE), int(self._status)
        self._answers.add(route, self._status, seconds, size)
        if seconds >= SLOW or (code >= 400 and code not in UNSAID):
            logs.answered(request_id(self._environ), route, code, seconds, size)


class _Streamed:
    """An answer's pieces; `told` hears their size when the server closes it, sent or not."""

    def __init__(self, pieces: Iterable[bytes], told: Callable[[int], None]) -> None:
        self._pieces = pieces
        self._told = told
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._size += len(piece)
            yield piece

    def close(self) -> None:
        try:
            if hasattr(self._pieces, "close"):
                self._pieces.close()
        finally:
            self._told(self._size)


def request_id(environ: Environ) -> str:
    """The name of this request, the proxy's or ours; made when it is first needed."""
    name = environ.get(REQUEST)
    if name is None:
        name = environ[REQUEST] = secrets.token_hex(8)
    return str(name)


def note_route() -> None:
    """Flask's part of it: the endpoint, the same for all of the phones' doors."""
    request.environ.setdefault(ROUTE, _label(request.endpoint))


@cache
def _label(endpoint: str | None) -> str:
    return NO_ROUTE if endpoint is None else _DOORS.sub("openrosa", endpoint)


def register(app: Flask, runtime: Runtime) -> CollectorRegistry:
    """Count what the app answers from now on. Call last: what wraps it later is not counted."""
    answers = Answers()
    app.wsgi_app = Measured(app.wsgi_app, answers, runtime.settings.trust_proxy)  # type: ignore[method-assign]  # Flask documents this
    counted = CollectorRegistry(auto_describe=False)
    counted.register(answers)
    counted.register(_Kept(runtime))
    ProcessCollector(registry=counted)
    return counted


class _Kept:
    """What the database and the disk tell, asked when Prometheus asks."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: else registering would open the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        now = self._runtime.now()
        with self._runtime.database.read() as db:
            found = read_gauges(db, now)
        free = shutil.disk_usage(self._runtime.settings.data).free
        yield CounterMetricFamily("cayda_received", "POSTs kept, by number.", found.received)
        yield CounterMetricFamily("cayda_work_done", "Pieces of work done.", found.done)
        for name, words, value in _gauges(found, now):
            yield GaugeMetricFamily(name, words, value)
        yield GaugeMetricFamily("cayda_disk_free_bytes", "In the data folder.", free)


def _gauges(found: Gauges, now: datetime) -> Iterator[tuple[str, str, float]]:
    """Ages in seconds; what never was has none."""
    yield "cayda_queue_waiting", "Pieces of work that wait, 100,000 at most.", found.queue.waiting
    yield "cayda_queue_failed", "Pieces of work that need a person.", found.queue.failed
    yield (
        "cayda_queue_oldest_seconds",
        "Age of the oldest waiting work.",
        _age(found.queue.oldest_at or now, now),
    )
    yield "cayda_phones", "Phones that may call.", found.phones
    yield "cayda_phones_quiet", "Of them, not seen for two weeks.", found.quiet_phones
    if found.worker_seen_at:
        yield (
            "cayda_worker_seen_seconds",
            "Since some worker said that it lives.",
            _age(found.worker_seen_at, now),
        )
    if found.backed_up_at:
        yield "cayda_backup_seconds", "Since the last whole backup.", _age(found.backed_up_at, now)


def _age(at: datetime, now: datetime) -> float:
    return max((now - at).total_seconds(), 0.0)
