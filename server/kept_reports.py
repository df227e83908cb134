"""The reports that were asked for last, one memory for the pages and the API of a process."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from flask import current_app
from sqlalchemy.engine import Connection

from server import logs
from server.runtime import Runtime, runtime
from sync.reports.remembered import Remembered


def kept_reports() -> Remembered:
    """Those of this app's database."""
    here = runtime()
    new = Remembered(lambda work: Thread(target=_gather, args=(here, work), daemon=True).start())
    found: Remembered = current_app.extensions.setdefault("cayda reports", new)
    return found


def _gather(here: Runtime, work: Callable[[Connection], None]) -> None:
    """While nobody waits for it; who asks later tries it again."""
    try:
        with here.database.read() as db:
            work(db)
    except Exception as error:
        logs.failed("-", "figures gathered behind", error)
