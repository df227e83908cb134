"""How an entity became what it is: every version side by side, and what waits or was not taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True)
class Told:
    """One version. `differs` holds the properties (and "label") that are not as the one before."""

    number: int
    label: str
    data: Mapping[str, str]
    differs: Mapping[str, tuple[str | None, str | None]]  # name -> before, now; None = not there
    base: int | None  # the server's version it was made on, where that is known
    conflict: Literal["soft", "hard"] | None
    resolved: bool  # a person has looked at the conflict
    forced: bool  # time ran out for what it waited for
    instance_id: str | None  # of the submission that asked for it
    form: str | None
    actor: str | None  # of the person who made it, where no submission did
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """An entity with all its versions, oldest first."""

    list_name: str
    uuid: str
    version: int
    label: str
    data: Mapping[str, str]
    conflict: Literal["soft", "hard"] | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    versions: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits for what is still on some phone; no names."""

    list_name: str
    uuid: str
    form: str
    instance_id: str
    since: datetime


def history(db: Connection, list_name: str, uuid: str) -> Story:
    """Refused(NOT_FOUND) where there is no such entity; a deleted one has its story too."""
    raise NotImplementedError


def waiting(db: Connection) -> list[Waiting]:
    """Every change on hold, the longest waiting first."""
    raise NotImplementedError
