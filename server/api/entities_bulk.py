"""Many entities at once, all or none: deleted, brought back. What is so already stays so."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from marshmallow import fields, validate
from sqlalchemy.engine import Connection

from server.api.datasets import LIST, mine
from server.api.door import caller, route
from server.api.entities import WRITE
from server.api.wire import Wire, done, sent
from server.runtime import runtime
from sync import decisions, listing
from sync.catalogue import Slice

AT_ONCE = 250  # while they are written, nobody else writes


class Several(Wire):
    """`ids` are uuids."""

    ids = fields.List(fields.String(), required=True, validate=validate.Length(max=AT_ONCE))


@route(f"{LIST}/entities/bulk-delete", WRITE, methods=["POST"], takes=Several, also=[409])
def delete_entities(list_name: str) -> Response:
    """Off every list; kept. One that is not there for the caller, and none is deleted."""
    return _each(list_name, decisions.delete, is_there=True)


@route(f"{LIST}/entities/bulk-restore", WRITE, methods=["POST"], takes=Several, also=[409])
def restore_entities(list_name: str) -> Response:
    """Take the deleting back. One that is not the caller's, and none is brought back."""
    return _each(list_name, decisions.restore, is_there=False)


def _each(list_name: str, change: Callable[..., None], *, is_there: bool) -> Response:
    """Change those that are there, or those that are not."""
    given, here = dict.fromkeys(sent(Several())["ids"]), runtime()
    with here.database.write() as db:
        of = mine(db, list_name)
        changing = [uuid for uuid in given if _is_there(db, of, uuid) == is_there]
        change(db, here.library, list_name, *changing, actor=caller().actor, now=here.now())
    return done()


def _is_there(db: Connection, of: Slice, uuid: str) -> bool:
    """Whether it is on its list still. Refused(NOT_FOUND or NOT_ALLOWED) beyond the slice."""
    found = listing.find_any(db, of, uuid)
    if found.deleted_at is None:
        listing.find(db, of, uuid)
        return True
    listing.require_within(db, of, uuid)
    return False
