"""Whom programs were shown is written down: of one entry each time, of a whole list once a day."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from flask import Response, current_app, g, request
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import Refused
from server.api.door import api
from server.api.odata import read_address
from server.api.wire import flag
from server.runtime import runtime
from sync import audit, export, listing, versions
from sync.access import Caller
from sync.entry_pages.reader import Reader
from sync.reading import open_form
from sync.tables import entities, records

People = Iterable[tuple[str, str]]

ENTRIES = frozenset({
    "get_dataset_csv", "list_entities", "entities_table",
    "get_entity", "list_entity_versions", "list_entity_differences", "list_entity_audits",
    "get_entities_geojson", "get_entity_geojson", "change_entity",
})  # fmt: skip
ANSWERS = frozenset({
    "export_csv", "export_zip", "odata_table", "get_submission_xml", "get_submission_version_xml",
    "list_submission_differences", "list_submission_comments", "get_submission_file",
    "list_submission_audits", "get_submissions_geojson",
})  # fmt: skip
EXTENSION = "cayda.api.seen"  # (who, what) -> the day on which all of it was written down


@api.after_request
def _write_down(answer: Response) -> Response:
    """Who cannot be written down is not shown: the answer fails with it."""
    view = (request.endpoint or "").rpartition(".")[2]
    asking: Caller | None = g.get("caller")
    if view in ENTRIES | ANSWERS and answer.status_code == 200 and asking and asking.kind == "user":
        try:
            _saw(asking, view, **(request.view_args or {}))
        except BaseException:
            answer.close()  # it may be reading the database still
            raise
    return answer


def _saw(asking: Caller, view: str, **at: str) -> None:
    what, one = at.get("list_name") or at["form_id"], at.get("uuid") or at.get("instance_id")
    if "address" in at:
        one = read_address(at["address"]).instance_id
    here, today = runtime(), vietnam_day(runtime().now())
    written = current_app.extensions.setdefault(EXTENSION, {})
    deleted = view == "list_entities" and flag("deleted")
    all_of_it = (asking, what, deleted)
    if one is None and written.get(all_of_it) == today:
        return
    of_list = view in ENTRIES
    noun = ("entry" if one else "list") if of_list else "submission"
    with here.database.read() as db:
        if of_list:
            people = {*_in_list(db, asking, what, one, deleted=deleted)}
        else:
            people = {*_in_form(db, asking, what, one)}
    with here.database.write() as db:
        details = {"list" if of_list else "form": what, "by": "api"}
        audit.saw(db, asking.actor, f"{noun}.read", people, here.now(), **details)
    if one is None:
        written[all_of_it] = today


def _in_list(
    db: Connection, asking: Caller, name: str, uuid: str | None, *, deleted: bool
) -> People:
    """One entry that was shown, or all that may be: of what is there, or of the bin."""
    library, now = runtime().library, runtime().now()
    mine = listing.slice_for(db, library, asking, name, now)
    if uuid is not None:
        uuids = [listing.find_any(db, mine, uuid).uuid]  # what was changed may be out of it now
    else:
        there = mine.condition(deleted=deleted)
        uuids = list(db.scalars(sa.select(entities.c.uuid).where(there)))
    if name not in library.lists:  # one from elsewhere: who knows whom it names
        return [(name, uuid) for uuid in uuids]
    return Reader(db, library, asking, mine, vietnam_day(now)).people(uuids)


def _in_form(db: Connection, asking: Caller, form_id: str, instance_id: str | None) -> People:
    """Whom one submission is about, or all whom those of the form may name."""
    library = runtime().library
    if instance_id is None:
        form = open_form(db, library, asking, form_id, runtime().now())
        return export.people_in(db, library, form)
    try:
        kept = versions.find(db, form_id, instance_id)
    except Refused:  # it has gone since
        return ()
    r, clubs = records.c, [rule.name for rule in library.lists.values() if rule.is_of_clubs]
    query = sa.select(r.subject_list, r.subject_id).where(r.submission_id == kept.id)
    found = db.execute(query.where(r.subject_id.is_not(None), r.subject_list.not_in(clubs)))
    return [(row.subject_list, row.subject_id) for row in found]
