"""What a person, or time, decides about an entity: a new version, a conflict settled, gone, back.

Every decision is kept, so the entity can be computed again from what phones sent and from these;
each verb also does what follows: facts, standings of records, figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from forms.library import Library


def create(
    db: Connection,
    library: Library,
    list_name: str,
    uuid: str | None,
    data: Mapping[str, str],
    label: str,
    *,
    actor: str,
    now: datetime,
) -> str:
    """A new entity by a person; its uuid (None = a new one).

    Refused(NOT_FOUND) without such a list, (ENTITY_EXISTS), (ENTITY_BAD_ID), (ENTITY_NO_LABEL),
    (ENTITY_NO_PROPERTY).
    """
    raise NotImplementedError


def patch(
    db: Connection,
    library: Library,
    list_name: str,
    uuid: str,
    data: Mapping[str, str],
    label: str | None,
    *,
    base_version: int | None,
    force: bool,
    actor: str,
    now: datetime,
) -> int:
    """A new version by a person, with these properties (and label) changed; its number.

    Refused(NOT_FOUND), (ENTITY_NO_PROPERTY), or (VERSION_CONFLICT) where `base_version` is not the
    current one and `force` is not set.
    """
    raise NotImplementedError


def resolve(
    db: Connection, library: Library, list_name: str, uuid: str, actor: str, now: datetime
) -> int:
    """Say that what is there now is right; how many conflicting changes that settles.

    Refused(NOT_FOUND).
    """
    raise NotImplementedError


def delete(
    db: Connection, library: Library, list_name: str, uuid: str, *, actor: str, now: datetime
) -> None:
    """Take an entity off every list; its versions stay, and a phone's late change does not bring it
    back. Refused(NOT_FOUND) where there is none, or it is deleted already.
    """
    raise NotImplementedError


def restore(
    db: Connection, library: Library, list_name: str, uuid: str, *, actor: str, now: datetime
) -> None:
    """Take a deletion back. Refused(NOT_FOUND) where there is nothing deleted."""
    raise NotImplementedError
