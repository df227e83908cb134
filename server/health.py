"""For whoever watches the server: can it keep a submission now, and how much waits?"""

from __future__ import annotations

import threading
from collections import Counter

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from sqlalchemy.exc import SQLAlchemyError

from server.runtime import runtime
from sync import queue, status

health = Blueprint("health", __name__)
EXTENSION = "cayda.answers"


class Answers:
    """How many answers of each status this process gave, per door."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()

    def add(self, door: str, code: int) -> None:
        with self._lock:
            self._counts[door, code] += 1

    def all(self) -> list[tuple[str, int, int]]:
        """(door, status, count), sorted."""
        with self._lock:
            return sorted((door, code, count) for (door, code), count in self._counts.items())


def register(app: Flask) -> None:
    """Add the two addresses and start counting answers."""
    app.extensions[EXTENSION] = Answers()
    app.register_blueprint(health)
    app.after_request(_count)


@health.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 when a submission could be kept now, else 503; which part fails is in the JSON."""
    found = {"database": _can_write_rows(), "blobs": _can_write_files()}
    good = all(found.values())
    answer = jsonify(status="ok" if good else "failing", **found)
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if good else 503


@health.get("/metrics")
def metrics() -> Response:
    """Prometheus text: counts only, nothing about people."""
    with runtime().database.read() as db:
        depth = queue.depth(db)
    age = (runtime().now() - depth.oldest_at).total_seconds() if depth.oldest_at else 0.0
    answers: Answers = current_app.extensions[EXTENSION]
    lines = [
        "# HELP cayda_queue_waiting Pieces of work that wait.",
        "# TYPE cayda_queue_waiting gauge",
        f"cayda_queue_waiting {depth.waiting}",
        "# HELP cayda_queue_failed Pieces of work that need a person.",
        "# TYPE cayda_queue_failed gauge",
        f"cayda_queue_failed {depth.failed}",
        "# HELP cayda_queue_oldest_seconds Age of the oldest waiting work.",
        "# TYPE cayda_queue_oldest_seconds gauge",
        f"cayda_queue_oldest_seconds {max(age, 0.0):.3f}",
        "# HELP cayda_answers_total Answers since this process started.",
        "# TYPE cayda_answers_total counter",
        *(
            f'cayda_answers_total{{door="{door}",status="{code}"}} {count}'
            for door, code, count in answers.all()
        ),
    ]
    return Response("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4")


def _can_write_rows() -> bool:
    try:
        with runtime().database.write() as db:
            status.check_writable(db)
    except (SQLAlchemyError, OSError) as error:
        _log("no row", error)
        return False
    return True


def _can_write_files() -> bool:
    try:
        runtime().blobs.check_writable()
    except OSError as error:
        _log("no file", error)
        return False
    return True


def _log(what: str, error: SQLAlchemyError | OSError) -> None:
    """One line without the error's text: it is asked every few seconds for as long as it fails."""
    kind = type(getattr(error, "orig", None) or error).__qualname__
    current_app.logger.error("healthz: %s can be kept: %s", what, kind)


def _count(answer: Response) -> Response:
    answers: Answers = current_app.extensions[EXTENSION]
    door = (request.endpoint or "none").partition("_")[0].replace(".", "_")
    answers.add(door, answer.status_code)
    return answer
