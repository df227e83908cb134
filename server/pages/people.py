"""Lists of people and places, searched and filtered, and a page for each entry of them."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, session, url_for
from sqlalchemy.engine import Connection

from forms.search import LONGEST
from server.pages.door import Answer, caller, in_menu, page
from server.pages.line_chart import Bounds, Line, line_chart
from server.pages.words import mark, one
from server.runtime import runtime
from sync import audit
from sync.entry_pages import entry as entries
from sync.entry_pages import lists
from sync.entry_pages.entry import Curve
from sync.entry_pages.lists import Asked

SOUGHT = "sought"  # in the session, for a name must not stand in an address: list -> what is sought


@in_menu(mark("Lists"), 20)
@page("/lists", "entities.read")
def entity_lists() -> Answer:
    """Which lists there are for the caller."""
    with runtime().database.read() as db:
        found = lists.pages_for(db, runtime().library, caller(), runtime().now())
    return render_template("entity_lists.html", lists=found)


@page("/lists/<list_name>", "entities.read")
def entity_list(list_name: str) -> Answer:
    """One page of a list, by name, as it was searched last."""
    sought = session.get(SOUGHT, {}).get(list_name, "")
    asked = Asked(sought, request.args.to_dict(), request.args.get("at", 1, type=int))
    library, now = runtime().library, runtime().now()
    with runtime().database.read() as db:
        found = lists.read_list(db, library, caller(), list_name, asked, now)
        beside = _names(db)
    _saw("list.read", found.people, list=list_name)
    chosen = {one.name: one.chosen for one in found.filters}
    return render_template(
        "entity_list.html", found=found, sought=sought, chosen=chosen, beside=beside
    )


@page("/lists/<list_name>/search", "entities.read", methods=("POST",))
def search_list(list_name: str) -> Answer:
    """Keep what is sought while the session lasts; blank: nothing any more."""
    with runtime().database.read() as db:
        filters = lists.filters_of(db, runtime().library, caller(), list_name, runtime().now())
    text = request.form.get("sought", "").strip()[:LONGEST]
    others = {key: value for key, value in session.get(SOUGHT, {}).items() if key != list_name}
    session[SOUGHT] = {**others, **({list_name: text} if text else {})}
    chosen: dict[str, Any] = {key: request.form[key] for key in filters if key in request.form}
    return redirect(url_for("pages.entity_list", list_name=list_name, **chosen), 303)


@page("/lists/<list_name>/<uuid>", "entities.read")
def entity(list_name: str, uuid: str) -> Answer:
    """One entry with all of it that the caller may see."""
    library, now = runtime().library, runtime().now()
    with runtime().database.read() as db:
        found = entries.read_entry(db, library, caller(), list_name, uuid, now)
        beside = _names(db)
    _saw("entry.read", found.people, list=list_name)
    return render_template("entity.html", found=found, draw=_draw, beside=beside)


def _names(db: Connection) -> list[str]:
    """The lists to whose entries a link leads anywhere."""
    found = lists.pages_for(db, runtime().library, caller(), runtime().now())
    return [name for name, _ in found]


def _draw(curve: Curve, name: str) -> object:
    lines = [Line(one(title), points) for title, points in curve.lines]
    days = [day for line in lines for day, _ in line.points]
    bounds = None
    if curve.guide is not None and days:
        bounds = Bounds(one(curve.guide.title), curve.guide.on(max(days)))
    return line_chart(one(curve.title), lines, curve.unit, name=name, bounds=bounds)


def _saw(action: str, people: tuple[tuple[str, str], ...], **details: object) -> None:
    if not people:
        return
    with runtime().database.write() as db:
        audit.saw(db, caller().actor, action, people, runtime().now(), **details)
