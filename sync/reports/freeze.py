"""Make the snapshot of a report that is being sent: all it says, and what came late for others."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from sync.reports import seen
from sync.reports.adjustments import adjustments
from sync.reports.data import pack
from sync.reports.gather import gather
from sync.reports.life import with_life
from sync.reports.snapshots import Snapshot, list_versions

if TYPE_CHECKING:
    from forms.library import Library
    from sync.reports.chain import Chain


def freeze(db: Connection, library: Library, chain: Chain, now: datetime) -> Snapshot:
    """The report as it is now. Only reads. `chain` holds the step by which it is sent."""
    data = with_life(db, library, gather(db, library, chain.period, now), chain)
    previous = tuple(list_versions(db, chain.period))
    version = len(previous) + 1
    data = replace(
        data,
        head=replace(data.head, version=version, frozen_at=now),
        adjustments=tuple(adjustments(db, library, chain.period)),
        previous=previous,
        seen=seen.look(db, now),
    )
    content = pack(data)
    digest = hashlib.sha256(content).hexdigest()
    return Snapshot(version, now, data.head.reason, digest, zlib.compress(content))
