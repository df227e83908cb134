"""Whom to see to today: who is due, overdue or flagged, with what to do about it."""

from __future__ import annotations

from flask import render_template

from forms.days import vietnam_day
from server.pages.door import Answer, caller, in_menu, page
from server.pages.words import mark
from server.runtime import runtime
from sync import audit, follow_up
from sync.access import Caller
from sync.entry_pages import lists


def _has_lists(asking: Caller) -> bool:
    return bool(follow_up.lists_for(runtime().library, asking))


@in_menu(mark("To do today"), 10, _has_lists)
@page("/follow-up", "entities.read")
def follow_up_lists() -> Answer:
    """Every list of the caller, and how many are on it."""
    library, today = runtime().library, vietnam_day(runtime().now())
    with runtime().database.read() as db:
        lists_of_caller = follow_up.lists_for(library, caller())
        on = follow_up.count_entries(db, library, caller(), lists_of_caller, today)
        counts = [(one, on[one.id]) for one in lists_of_caller]
    return render_template("follow_up_lists.html", counts=counts)


@page("/follow-up/<list_id>", "entities.read")
def follow_up_list(list_id: str) -> Answer:
    """Who is on one of the lists, club by club, the longest waiting first."""
    library, now = runtime().library, runtime().now()
    with runtime().database.read() as db:
        one = follow_up.get_list(library, caller(), list_id)
        found = follow_up.read_entries(db, library, caller(), one, vietnam_day(now))
        beside = {name for name, _ in lists.pages_for(db, library, caller(), now)}
    people = [entry.about for entry in found if entry.about]
    with runtime().database.write() as db:
        audit.saw(db, caller().actor, "follow_up.read", people, now, list=list_id)
    return render_template(
        "follow_up_list.html",
        one_list=one,
        found=found,
        beside=beside,
        has_clubs=len({entry.club_code for entry in found}) > 1,
    )
