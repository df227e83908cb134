"""Reports that tell of one event: which are counted once, and what a person says instead."""

from __future__ import annotations

from flask import render_template, request

from forms.problems import BAD_REQUEST, Refused
from server.pages.door import Answer, caller, done, in_menu, page
from server.pages.words import gettext as _
from server.pages.words import mark
from server.runtime import runtime
from sync import audit, event_desk, same_events
from sync.duplicates import APART, TOGETHER

UNDO = "undo"
WHY = {
    "resent": mark("sent again by the phone"),
    "same_event": mark("written down by two"),
    "decided": mark("somebody says: one"),
    APART: mark("somebody says: two"),
}


@in_menu(mark("Counted once"), 35)
@page("/events", "submission.review")
def events() -> Answer:
    """Which reports count as one, and which two of one day might."""
    now = runtime().now()
    with runtime().database.read() as db:
        decided, alike = event_desk.read(db, runtime().library, caller(), now)
    people = {shown.repeat.about for shown in (*decided, *alike) if shown.repeat.about}
    with runtime().database.write() as db:
        audit.saw(db, caller().actor, "event.read", people, now)
    return render_template("events.html", decided=decided, alike=alike, why=WHY)


@page("/events/<form_id>", "submission.review", methods=("POST",))
def decide_event(form_id: str) -> Answer:
    """Say of two reports that they tell of one event, or of two, or let the rules decide again."""
    instances = request.form.get("one", ""), request.form.get("other", "")
    kind, now, actor = request.form.get("decision"), runtime().now(), caller().actor
    if kind not in (TOGETHER, APART, UNDO):
        raise Refused(BAD_REQUEST())
    library = runtime().library
    with runtime().database.write() as db:
        one, other = event_desk.find_both(db, library, caller(), form_id, instances, now)
        if kind == UNDO:
            same_events.undo(db, one, other, actor, now)
        else:
            same_events.decide(db, library, one, other, kind, actor, now)
    runtime().jobs.wake()
    return done(_("Noted. The figures follow in a moment."), "events")
