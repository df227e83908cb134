"""For whoever watches the server: can it keep a submission now, and is what it kept worked on?"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError

from server import runtime as running
from server.runtime import Runtime
from sync import status
from sync.gauges import Gauges, read_gauges
from sync.status import Status

health = Blueprint("health", __name__)
EXTENSION = "cayda.health"

ASKED_WITHIN = 15.0  # seconds in which a proxy that wants to know has asked several times
LEAVING = 3.0  # seconds of a last word to it
LOOK_AGAIN = 1.0  # seconds: each look writes a row and a file, and any stranger may ask
PROXY_LOOKS_AGAIN = 5.0  # it asks every second for as long as we live
ALIVE_WITHIN = timedelta(seconds=60)  # meanwhile a worker says four times that it lives
WORK_WITHIN = timedelta(minutes=15)

log = logging.getLogger(__name__)


def can_process(found: Gauges | Status, now: datetime) -> bool:
    """Whether some worker lives, and no work has waited for long."""
    alive = found.worker_seen_at is not None and now - found.worker_seen_at <= ALIVE_WITHIN
    oldest = found.queue.oldest_at
    return alive and (oldest is None or now - oldest <= WORK_WITHIN)


@dataclass
class Watch:
    """What whoever watches may ask for."""

    runtime: Runtime
    counted: CollectorRegistry
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: dict[str, Any] = field(default_factory=dict)
    _looked_at: float = float("-inf")
    _proxy_asked_at: float = float("-inf")
    is_leaving: bool = False

    def note_proxy(self) -> None:
        """Somebody asks who sends phones elsewhere as soon as we say that we leave."""
        self._proxy_asked_at = time.monotonic()

    def leave(self) -> float:
        """This process is about to end. → for how many seconds it must go on answering until every
        proxy has heard so: one that meets a closed door may be unable to send a POST elsewhere.
        """
        self.is_leaving = True
        is_watched = time.monotonic() - self._proxy_asked_at < ASKED_WITHIN
        return LEAVING if is_watched else 0.0

    def look(self, at_most: float) -> dict[str, Any]:
        """Try to store, and see whether work is done; at most so many seconds ago."""
        with self._lock:
            if time.monotonic() - self._looked_at >= at_most:
                self._seen = {**_storing(self.runtime), **_processing(self.runtime)}
                self._looked_at = time.monotonic()
            return self._seen


def register(app: Flask, counted: CollectorRegistry) -> None:
    """Add the two addresses."""
    app.extensions[EXTENSION] = Watch(app.extensions[running.EXTENSION], counted)
    app.register_blueprint(health)


@health.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 when a submission could be kept now, else 503; which part fails is in the JSON.

    Whether it would be processed soon is told beside: phones need no worker to be served. A proxy
    asks with `?leaving`, and hears 503 before this process ends.
    """
    watch: Watch = current_app.extensions[EXTENSION]
    is_proxy = "leaving" in request.args
    if is_proxy:
        watch.note_proxy()
    age = PROXY_LOOKS_AGAIN if is_proxy else LOOK_AGAIN
    seen = {"status": "leaving"} if watch.is_leaving else watch.look(age)
    answer = jsonify(seen)
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if seen["status"] == "ok" else 503


@health.get("/metrics")
def metrics() -> Response:
    """Prometheus text: counts only, nothing about people."""
    watch: Watch = current_app.extensions[EXTENSION]
    return Response(generate_latest(watch.counted), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _storing(runtime: Runtime) -> dict[str, Any]:
    found = {"database": _can_write_rows(runtime), "blobs": _can_write_files(runtime)}
    return {"status": "ok" if all(found.values()) else "failing", **found}


def _processing(runtime: Runtime) -> dict[str, Any]:
    """`processing` is None where the database does not tell."""
    now = runtime.now()
    try:
        with runtime.database.read() as db:
            found = read_gauges(db, now)
    except (SQLAlchemyError, OSError):
        return {"processing": None}
    return {
        "processing": can_process(found, now),
        "worker_seen_seconds": _age(found.worker_seen_at, now),
        "oldest_work_seconds": _age(found.queue.oldest_at, now),
    }


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else round((now - at).total_seconds(), 1)


def _can_write_rows(runtime: Runtime) -> bool:
    try:
        with runtime.database.write() as db:
            status.check_writable(db)
    except (SQLAlchemyError, OSError) as error:
        _log("no row", error)
        return False
    return True


def _can_write_files(runtime: Runtime) -> bool:
    try:
        runtime.blobs.check_writable()
    except OSError as error:
        _log("no file", error)
        return False
    return True


def _log(what: str, error: SQLAlchemyError | OSError) -> None:
    """One line without the way to it: it is asked every few seconds for as long as it fails."""
    kind = type(getattr(error, "orig", None) or error).__qualname__
    log.error("healthz: %s can be kept: %s", what, kind)
