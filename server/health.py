"""For whoever watches the server: can it keep a submission now, and is what it kept worked on?"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify
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

LOOK_AGAIN = 1.0  # seconds: each look writes a row and a file, and any stranger may ask
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
    _until: float = 0.0

    def look(self) -> dict[str, Any]:
        """Try to store, and see whether work is done; at most LOOK_AGAIN ago."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._seen = {**_storing(self.runtime), **_processing(self.runtime)}
                self._until = time.monotonic() + LOOK_AGAIN
            return self._seen


def register(app: Flask, counted: CollectorRegistry) -> None:
    """Add the two addresses."""
    app.extensions[EXTENSION] = Watch(app.extensions[running.EXTENSION], counted)
    app.register_blueprint(health)


@health.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 when a submission could be kept now, else 503; which part fails is in the JSON.

    Whether it would be processed soon is told beside: phones need no worker to be served.
    """
    watch: Watch = current_app.extensions[EXTENSION]
    seen = watch.look()
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
