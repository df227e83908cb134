"""Name of work → one or two transactions, each around one sync function.

All of it may run twice and at the same time as itself: claims are leases, results replace.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from server.erased import erase_again
from server.making import make_files, tidy
from server.runtime import Runtime
from server.unseal import open_waiting
from sync import aggregate, audit, clubs, computed, made_files, process, queue, verify, waiting
from sync.aggregate import MEASURE, StaleCell
from sync.database import is_outage
from sync.generation import DERIVE_AGAIN
from sync.matching import waiting as comparing
from sync.matching import work as matching
from sync.privacy import ledger
from sync.queue import Work
from sync.reports import adjustments
from sync.waiting import Swept

BATCH = 100  # submissions in one transaction: few commits, and the writers at the door wait briefly
CELLS = 50  # figures of (period, club) measured in one transaction
SHARE = 5  # measuring may have one part of so many of a worker's time
LOOK_FOR_STALE = (
    10.0  # seconds between looks without work of our own: others make figures stale too
)
LOOK_FOR_FILES = 1.0  # seconds
LOOK_EVERY = 0.5  # seconds between looks into an empty queue
SWEEP_EVERY = 3600.0  # seconds; what is overdue by days is found within the hour
TRY_KEY_EVERY = 5.0  # seconds between tries of a key on what is encrypted
REST_AFTER_FAILURE = 5.0
RENEW_EVERY = queue.LEASE.total_seconds() / 4

DIED = "the worker died"  # what is told of work that no try lived to tell of

log = logging.getLogger(__name__)


def process_submissions(runtime: Runtime, works: Sequence[Work]) -> None:
    """What was received becomes records, entities, spells; read first, so that writing is short."""
    versions = [work.subject_id for work in works if work.subject_id is not None]
    now = runtime.now()
    with runtime.database.read() as db:
        prepared = process.prepare(db, runtime.library, versions, now)
    with runtime.database.write() as db:
        computed.turn(db, runtime.library, now)
        process.store(db, runtime.library, prepared, now)
        queue.done(db, works)


def measure_again(runtime: Runtime, works: Sequence[Work]) -> None:
    """Cells that could not be measured, and that a person has tried once more."""
    cells = [(work.payload["period"], work.payload["club"]) for work in works]
    with runtime.database.write() as db:
        aggregate.mark(db, cells)
        queue.done(db, works)


def derive_again(runtime: Runtime, works: Sequence[Work]) -> None:
    """Queue every submission again, after an upgrade of the code that processes them."""
    with runtime.database.write() as db:
        queued = verify.reprocess(db, runtime.library, None, runtime.now())
        queue.done(db, works)
    log.warning("upgraded: %s submissions are processed again", queued)


def match(runtime: Runtime, works: Sequence[Work]) -> None:
    """Find with whom people may be one; each piece by itself, for phones wait for its end."""
    for work in works:
        with runtime.database.write() as db:
            matching.do(db, runtime.library, work.payload, runtime.now())
            queue.done(db, [work])


TASKS: dict[str, Callable[[Runtime, Sequence[Work]], None]] = {
    DERIVE_AGAIN: derive_again,
    "process": process_submissions,
    MEASURE: measure_again,
    comparing.MATCH: match,
    comparing.MATCH_AGAIN: match,
    made_files.MAKE: make_files,
}
AT_ONCE = {
    comparing.MATCH_AGAIN: 4,
    made_files.MAKE: 1,
}  # pieces of work; what may be endless lets others through


SLOW = (made_files.MAKE,)  # a worker that lives does it beside: what phones sent does not wait


@contextmanager
def files_beside(runtime: Runtime, stopping: threading.Event) -> Iterator[None]:
    """A thread that makes the files that are ordered, as long as the block runs."""

    def make() -> None:
        while not stopping.wait(LOOK_FOR_FILES):
            try:
                with runtime.database.read() as db:  # looking must not stop those who write
                    waiting = [name for name in SLOW if queue.has_due(db, name, runtime.now())]
                for name in waiting:
                    _run_batch(runtime, name)
            except Exception as error:
                log.error("making files stopped, will try again: %s", describe(error))
                stopping.wait(REST_AFTER_FAILURE)

    maker = threading.Thread(target=make, name="files", daemon=True)
    maker.start()
    yield
    stopping.set()
    maker.join(timeout=REST_AFTER_FAILURE)  # what it leaves is made anew by the next worker


def sweep(runtime: Runtime) -> Swept:
    """What a new day changes; and what has waited too long is carried out without what it waited
    for, or counted as waiting."""
    patience, now = timedelta(days=runtime.settings.hold_days), runtime.now()
    tidy(runtime.settings)
    with suppress(OSError):  # that the store is away is told by others
        runtime.blobs.tidy()
        with runtime.database.write() as db:
            ledger.after_erasing(db, runtime.blobs)
        erase_again(runtime)
    with runtime.database.write() as db:
        clubs.follow_units(db, runtime.library, now)  # a decision's day may have come
        computed.turn(db, runtime.library, now)
        comparing.notice(db, runtime.library, now)
        made_files.forget_old(db, now)
        audit.forget_old(db, now, runtime.library.privacy.log_months, adjustments.MOVING)
        return waiting.sweep(db, runtime.library, now, patience)


class Pace:
    """When a worker measures: after work, a fifth of its time at most; else only now and then.

    While submissions stream in each batch makes figures stale, and measuring takes a core.
    """

    def __init__(self) -> None:
        self._sweep_at = 0.0
        self._open_at = 0.0
        self.has_opened = False
        self._worked = True
        self._rest_until = 0.0
        self._look_at = 0.0

    def note_work(self) -> None:
        self._worked = True

    def is_time_to_sweep(self) -> bool:
        """At the start, and then SWEEP_EVERY."""
        now = time.monotonic()
        if now < self._sweep_at:
            return False
        self._sweep_at = now + SWEEP_EVERY
        return True

    def is_time_to_open(self) -> bool:
        """Every few seconds: an envelope whose file is on its way is read each time."""
        now = time.monotonic()
        if now < self._open_at:
            return False
        self._open_at = now + TRY_KEY_EVERY
        return True

    def is_time(self) -> bool:
        now = time.monotonic()
        return now >= self._rest_until and (self._worked or now >= self._look_at)

    def note_measured(self, seconds: float, cells: int) -> None:
        now = time.monotonic()
        self._rest_until = now + seconds * (SHARE - 1)
        if not cells:
            self._worked = False
            self._look_at = now + LOOK_FOR_STALE


def run_until_empty(
    runtime: Runtime, stopping: threading.Event | None = None, pace: Pace | None = None
) -> int:
    """Do all due work and measure what it made stale → how many pieces were done or failed.

    With a `pace` some figures may be left stale for the next run; without, none.
    """
    total = 0
    if pace is not None and pace.is_time_to_sweep():
        sweep(runtime)
    while stopping is None or not stopping.is_set():
        _open_waiting(runtime, pace)
        done = sum(_run_batch(runtime, name) for name in TASKS if pace is None or name not in SLOW)
        total += done
        if done and pace is not None:
            pace.note_work()
        if done and pace is None:
            continue
        measured = _measure(runtime, pace)
        if not done and not measured:
            break
    return total


def _open_waiting(runtime: Runtime, pace: Pace | None) -> None:
    """Try this worker's key on what waits; the first time also where a key given before failed."""
    if runtime.key is None or (pace is not None and not pace.is_time_to_open()):
        return
    open_waiting(runtime, runtime.key, again=pace is not None and not pace.has_opened)
    if pace is not None:
        pace.has_opened = True


def work_here(runtime: Runtime, stopping: threading.Event) -> None:
    """The embedded worker: look, work, rest a moment; until `stopping`."""
    pace = Pace()
    while not stopping.is_set():
        good = run_safely(runtime, stopping, pace)
        stopping.wait(LOOK_EVERY if good else REST_AFTER_FAILURE)


def run_safely(
    runtime: Runtime, stopping: threading.Event | None = None, pace: Pace | None = None
) -> bool:
    """`run_until_empty` for a worker that outlives a database restart. False when it failed."""
    try:
        run_until_empty(runtime, stopping, pace)
    except Exception as error:
        log.error("work stopped, will try again: %s", describe(error))
        return False
    return True


def describe(error: BaseException) -> str:
    """The kind of an error and its place; not its text, which may hold people's data."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "site-packages" not in f.filename and f.filename != __file__]
    place = "".join(f" ({Path(f.filename).name}:{f.lineno})" for f in (ours or frames)[-1:])
    return f"{type(error).__name__}{place}"


def _run_batch(runtime: Runtime, name: str) -> int:
    with runtime.database.write() as db:
        works = queue.claim(db, name, AT_ONCE.get(name, BATCH), runtime.now())
        if works and works[0].tries > queue.MOST_TRIES:  # no try lived to say how it ended
            queue.fail(db, works[0], DIED, runtime.now())
            return 1
    if works:
        with _renewed(runtime, works):
            _attempt(runtime, name, works)
    return len(works)


@contextmanager
def _renewed(runtime: Runtime, works: Sequence[Work]) -> Iterator[None]:
    """Nobody else takes these, however long they last, as long as this process lives."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(RENEW_EVERY):
            with suppress(SQLAlchemyError), runtime.database.write() as db:
                queue.renew(db, works, runtime.now())

    renewer = threading.Thread(target=renew, name="lease", daemon=True)
    renewer.start()
    try:
        yield
    finally:
        ended.set()
        renewer.join()


def _attempt(runtime: Runtime, name: str, works: Sequence[Work]) -> None:
    """The batch at once; where that fails one by one, so that poison keeps nobody else waiting."""
    try:
        TASKS[name](runtime, works)
    except Exception as error:
        if is_outage(error):
            log.warning("%s put back: %s", name, describe(error))
            with runtime.database.write() as db:
                queue.put_back(db, works, runtime.now())
            return
        if len(works) > 1:
            for work in works:
                _attempt(runtime, name, [work])
            return
        log.warning("%s %s failed: %s", name, works[0].subject_id, describe(error))
        with runtime.database.write() as db:
            queue.fail(db, works[0], describe(error), runtime.now())


def _measure(runtime: Runtime, pace: Pace | None) -> int:
    if pace is not None and not pace.is_time():
        return 0
    start = time.monotonic()
    with runtime.database.read() as db:  # as long as it lasts, no other worker measures these
        cells = aggregate.take_stale(db, runtime.library, CELLS, runtime.now())
        if not cells and pace is None:  # who took the last ones may die before they are counted
            cells = aggregate.stale(db, runtime.library, CELLS, runtime.now())
        if cells:
            _measure_cells(runtime, cells)
    if pace is not None:
        pace.note_measured(time.monotonic() - start, len(cells))
    return len(cells)


def _measure_cells(runtime: Runtime, cells: Sequence[StaleCell]) -> None:
    """All at once; where that fails one by one, so that a bad one keeps no other waiting."""
    try:
        with runtime.database.read() as db:  # counting takes long, and phones need the write lock
            measured = aggregate.count_cells(db, runtime.library, cells)
        with runtime.database.write() as db:
            aggregate.keep(db, measured)
    except Exception as error:
        if is_outage(error):
            raise
        if len(cells) > 1:
            for cell in cells:
                _measure_cells(runtime, [cell])
            return
        log.warning("measuring %s failed: %s", cells[0].period, describe(error))
        with runtime.database.write() as db:
            aggregate.give_up(db, cells[0], describe(error), runtime.now())
