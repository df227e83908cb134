"""Home: what needs me today, the newest report's files, lists to print."""

from __future__ import annotations

from flask import render_template

from forms.days import vietnam_day
from server.downloads import csv, workbook
from server.pages.desks import needs
from server.pages.door import KNOWN, Answer, caller, in_menu, page
from server.pages.figures import periods_for
from server.pages.words import mark
from server.runtime import runtime
from sync import audit, rolls
from sync.access import may


@in_menu(mark("Home"), 0)
@page("/", KNOWN)
def home() -> Answer:
    """By role: what waits for the caller, and the shortest ways to what they come for."""
    asking, library = caller(), runtime().library
    today = vietnam_day(runtime().now())
    with runtime().database.read() as db:
        waiting = needs(db, asking)
        sees = may(library, asking, "figures.read") or may(library, asking, "reports.read")
        periods = periods_for(db, asking) if sees else []
        offers = list(rolls.offers(db, library, asking, today))
    over = [one for one in periods if one.last < today]
    return render_template(
        "home.html",
        role=library.roles.get(asking.role),
        needs=waiting,
        newest=next(iter(over or periods), None),
        offers=offers,
    )


@page("/rolls/<name>/<path:club>.<any(xlsx, csv):kind>", KNOWN)
def roll(name: str, club: str, kind: str) -> Answer:
    """A list of a club's people for paper, marked with who took it; that is written down too."""
    asking, now = caller(), runtime().now()
    library = runtime().library
    with runtime().database.read() as db:
        found = rolls.find_roll(library, name)
        seen = rolls.reading(db, library, asking, found, vietnam_day(now))
        mark_of = rolls.mark(asking, now)
        (table,) = rolls.roll_tables(
            *(db, library, found, seen, vietnam_day(now), mark_of), club_code=club
        )
        people = rolls.named_on(db, found, seen, vietnam_day(now), club)
    with runtime().database.write() as db:
        audit.record(db, asking.actor, "roll.export", f"list:{name}", now, club=club)
        audit.saw(db, asking.actor, "roll.people", people, now, list=name, club=club)
    return workbook(f"{table.name}.xlsx", [table]) if kind == "xlsx" else csv(table)
