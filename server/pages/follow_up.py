"""Whom to see to today: who is due, overdue or flagged, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from flask import render_template
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.follow_up import FollowList
from forms.problems import NOT_FOUND, Refused
from server.downloads import workbook
from server.pages.door import Answer, caller, in_menu, page
from server.pages.words import language, mark
from server.runtime import runtime
from sync import audit, follow_up, rolls
from sync.access import Caller
from sync.entry_pages import lists
from sync.follow_up import Entry


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
    with runtime().database.read() as db:
        one, found = _read(db, list_id, language())
        beside = {name for name, _ in lists.pages_for(db, runtime().library, caller(), _now())}
    _saw("follow_up.read", found, list_id)
    return render_template(
        "follow_up_list.html",
        one_list=one,
        found=found,
        beside=beside,
        has_clubs=len({entry.club_code for entry in found}) > 1,
    )


@page("/follow-up/<list_id>/xlsx", "entities.read")
def follow_up_file(list_id: str) -> Answer:
    """The same as a workbook to take along, marked with who took it."""
    with runtime().database.read() as db:
        one, found = _read(db, list_id)
    _saw("follow_up.export", found, list_id)
    table = follow_up.to_table(runtime().library, one, found, vietnam_day(_now()))
    marked = replace(table, mark=rolls.mark(caller(), _now()))
    return workbook(f"{table.name}.xlsx", [marked])


def _now() -> datetime:
    return runtime().now()


def _read(db: Connection, list_id: str, language: str = "vi") -> tuple[FollowList, list[Entry]]:
    library, today = runtime().library, vietnam_day(_now())
    if list_id not in library.follow_up:
        raise Refused(NOT_FOUND())
    one = follow_up.get_list(library, caller(), list_id)
    return one, follow_up.read_entries(db, library, caller(), one, today, language)


def _saw(action: str, found: Iterable[Entry], list_id: str) -> None:
    people = [entry.about for entry in found if entry.about]
    with runtime().database.write() as db:
        audit.saw(db, caller().actor, action, people, _now(), list=list_id)
