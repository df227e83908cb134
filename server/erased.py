"""Nobody who was erased is served again: looked at after a restore, at each start, each hour."""

from __future__ import annotations

import logging

from server.runtime import Runtime
from sync.blobs import Blobs
from sync.privacy import ledger

log = logging.getLogger(__name__)


def erase_again(runtime: Runtime, noted_in: Blobs | None = None) -> int:
    """Erase whom an older backup brought back; how many people. Each by herself: all forms are read
    for each, and phones wait.

    noted_in: the store that has the notes, where it is not ours. OSError where a store is away.
    """
    database, count = runtime.database, 0
    with database.read() as db:
        back = ledger.not_erased(db, noted_in or runtime.blobs)
    if not back:
        return 0
    for one in back:
        with database.write() as db:
            count += ledger.erase_again(db, runtime.library, one, back, runtime.now())
    with database.write() as db:
        ledger.shut_out(db, back, runtime.now())
    with database.write() as db:
        ledger.after_erasing(db, runtime.blobs)
    log.warning("a backup had brought back who was erased: erased again %s", count)
    return count
