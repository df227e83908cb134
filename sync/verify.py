"""Prove that what is derived equals what would be computed from what is kept, or compute it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from forms.library import Library


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as recomputed. `key` is its natural key; no answers, no names of people."""

    table: str
    key: str
    what: str  # "missing" | "surplus" | names of the columns that differ


def verify(db: Connection, library: Library, scratch: Path, now: datetime) -> list[Difference]:
    """Recompute everything in a new SQLite file in `scratch`; [] when all is the same."""
    raise NotImplementedError


def reprocess(db: Connection, form: str | None, now: datetime) -> int:
    """Queue every submission version (of one form) again, in the order of arrival; how many."""
    raise NotImplementedError
