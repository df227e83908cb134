"""What was true of an entity on day D: spells, recomputed whole from records and the entity itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from forms.library import Library
    from sync.aggregate import Touch


def rebuild(
    db: Connection, library: Library, list_name: str, uuids: Iterable[str], now: datetime
) -> set[Touch]:
    """Make the spells of these entities what their facts say; which stocks that changes."""
    raise NotImplementedError
