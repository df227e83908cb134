"""What somebody may see: a role, with units and clubs by the codes people know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from forms.problems import NEEDS_PLACE, UNKNOWN_PLACE, Refused

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from forms.library import Library


def takes_scope(command: Callable[..., Any]) -> Callable[..., Any]:
    """--role, and what it is bound to."""
    command = click.option("--club", help="Mã CLB / club code.")(command)
    command = click.option("--unit", help="Mã đơn vị / unit code.")(command)
    return click.option("--role", required=True)(command)


def find_scope(
    db: Connection, library: Library, role: str, unit: str | None, club: str | None, now: datetime
) -> tuple[int | None, str | None]:
    """Codes as people know them → (unit id, club uuid), as of today.

    Refused(NEEDS_PLACE or UNKNOWN_PLACE).
    """
    from forms.days import vietnam_day
    from sync import places

    known = library.roles.get(role)
    if not (known and known.everywhere) and unit is None and club is None:
        raise Refused(NEEDS_PLACE())
    unit_id, club_id = None, None
    if unit is not None:
        unit_id = find_unit(db, unit, vietnam_day(now))
    if club is not None:
        club_id = places.find_club(db, club)
        if club_id is None:
            raise Refused(UNKNOWN_PLACE(code=club))
    return unit_id, club_id


def find_unit(db: Connection, code: str, day: date) -> int:
    """The id of the unit with this code on the day. Refused(UNKNOWN_PLACE)."""
    from sync import places

    found = places.find_unit(db, code, day)
    if found is None:
        raise Refused(UNKNOWN_PLACE(code=code))
    return found.id
