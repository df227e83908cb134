"""Reports that tell of one event: which are counted once, and what a person says instead."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import render_template, request, url_for

from forms.problems import BAD_PARAMETER, BAD_REQUEST, Refused
from server.pages.door import Answer, caller, done, in_menu, page
from server.pages.words import gettext as _
from server.pages.words import mark
from server.runtime import runtime
from sync import audit, event_desk, same_events
from sync.duplicates import APART, TOGETHER
from sync.event_desk import Key

UNDO = "undo"
LISTS = ("decided", "alike")
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
    now, asked = runtime().now(), (runtime().library, caller(), runtime().now())
    with runtime().database.read() as db:
        decided = event_desk.read_decided(db, *asked, _after("decided"))
        alike = event_desk.read_alike(db, *asked, _after("alike"))
    shown = (*decided.shown, *alike.shown)
    people = {one.repeat.about for one in shown if one.repeat.about}
    with runtime().database.write() as db:
        audit.saw(db, caller().actor, "event.read", people, now)
    return render_template(
        "events.html",
        decided=decided.shown,
        alike=alike.shown,
        more_decided=_further("decided", decided.after),
        more_alike=_further("alike", alike.after),
        why=WHY,
    )


def _after(name: str) -> Key | None:
    """Where a list goes on: what `_further` wrote into the address. Refused(BAD_PARAMETER)."""
    written = request.args.get(name)
    if not written:
        return None
    day, *numbers = written.split("_")
    try:
        one, other = map(int, numbers)
        return date.fromisoformat(day), one, other
    except ValueError:
        raise Refused(BAD_PARAMETER(name=name, value=written[:40])) from None


def _further(name: str, after: Key | None) -> str:
    """The address of the next piece; the other list stays where it is."""
    if after is None:
        return ""
    day, one, other = after
    here: dict[str, Any] = {key: request.args[key] for key in LISTS if key in request.args}
    return url_for("pages.events", **{**here, name: f"{day.isoformat()}_{one}_{other}"})


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
