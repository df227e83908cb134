"""From kept submissions to their meaning: flatten, entities, facts, one event counted once, figures.

    queue | prepare (read, no lock) | store (write):
        records  ->  entities.apply  ->  timeline.rebuild  ->  duplicates.settle  ->  aggregate.touch

Every step replaces what it made before, so a batch may run twice, late or in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from forms.entities import EntityChange

if TYPE_CHECKING:
    from forms.library import Library


@dataclass(frozen=True, slots=True)
class Prepared:
    """One submission version, read but not stored: rows of `records` and changes of entities."""

    submission_version_id: int
    submission_id: int
    rows: tuple[dict[str, Any], ...]
    changes: tuple[EntityChange, ...]


def prepare(
    db: Connection, library: Library, version_ids: Iterable[int], now: datetime
) -> list[Prepared]:
    """Read these submission versions, and the current ones of the same submissions."""
    raise NotImplementedError


def store(db: Connection, library: Library, prepared: Sequence[Prepared], now: datetime) -> None:
    """Store what was prepared and all that follows from it; harmless to repeat."""
    raise NotImplementedError
