"""What the server says of itself: a JSON line per event, or a line for a person at a terminal.

Never what people sent or who they are: no address of a request, no name, no text of an error. The
words of an event are ours; of other libraries only words that were written before they ran.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

OURS = ("server", "sync", "forms")
ACCESS = logging.getLogger("server.access")

log = logging.getLogger(__name__)


def configure(serves: bool) -> None:
    """All that is logged goes to stderr, from warnings on: as JSON where a process that `serves`
    is not at a terminal.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(AsJson() if serves and not sys.stderr.isatty() else ForPeople())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if serves:  # Python itself would print the error's text
        threading.excepthook = _thread_ended
        sys.excepthook = _process_ended


def _thread_ended(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        log.error("a thread ended", extra={"fields": of_error(told.exc_value)})


def _process_ended(
    kind: type[BaseException], error: BaseException, way: TracebackType | None
) -> None:
    log.critical("the process ended", extra={"fields": of_error(error)})


def answered(request: str, route: str, status: int, seconds: float, size: int) -> None:
    """An answer that failed or was slow."""
    level = logging.ERROR if status >= 500 else logging.WARNING
    which = {"request": request, "route": route, "status": status}
    fields = {**which, "ms": round(seconds * 1000, 1), "bytes": size}
    ACCESS.log(level, "answered" if status >= 400 else "slow", extra={"fields": fields})


def failed(request: str, route: str, error: BaseException) -> None:
    """Why an answer failed."""
    found = of_error(error)
    fields = {"request": request, "route": route, **found}
    ACCESS.error("failed: %s", found["error"], extra={"fields": fields})


class AsJson(logging.Formatter):
    """One JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname.lower(), "event": _words(record)}
        return json.dumps({**line, **_fields(record)}, ensure_ascii=False, default=str)


class ForPeople(logging.Formatter):
    """15:04:05 ERROR words  name=value …"""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        more = "".join(f"  {name}={value}" for name, value in _fields(record).items())
        return f"{at} {record.levelname} {_words(record)}{more}"


def _words(record: logging.LogRecord) -> str:
    """Of another library only what stood in its source: it may put anything into its messages."""
    if record.name.partition(".")[0] in OURS:
        return record.getMessage()
    return str(record.msg) if record.args else f"{Path(record.pathname).name}:{record.lineno}"


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    found: dict[str, object] = {}
    if record.name.partition(".")[0] not in OURS:
        found["from"] = record.name
    found |= getattr(record, "fields", {})
    if record.exc_info and record.exc_info[1] is not None:
        found |= of_error(record.exc_info[1])
    return found


def of_error(error: BaseException) -> dict[str, object]:
    """Type of an error and the way to it; its text may hold answers or a token and is left out."""
    cause = getattr(error, "orig", None) or error
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames[:-1] if "site-packages" not in frame.filename]
    frames[:-1] = ours  # and where it broke
    way = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(cause).__qualname__, "way": way}
