"""What stands behind one number as it is now: records, people, places; for who may see that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import render_template, request, url_for
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from server.kept_reports import kept_reports
from server.pages.door import Answer, caller, page
from server.pages.figures import (
    Choice,
    address_of,
    chosen,
    find_indicator,
    find_place,
    read,
)
from server.pages.words import one
from server.runtime import runtime
from sync import audit, why
from sync.access import Caller
from sync.clubs import clubs_named
from sync.definitions import titles
from sync.figures import WHOLE
from sync.reports.data import ReportData
from sync.reports.tables import HIDDEN
from sync.why import Asked, Part, Row, Why

AT_ONCE = 200  # rows of one page


@dataclass(frozen=True, slots=True)
class Shown:
    """One row as the caller may have it. words: a name where it may be seen, else what it is.

    address: where to read on; "" where there is nothing for them.
    """

    row: Row
    words: str
    address: str = ""
    is_named: bool = False


@page("/figures/<code>/<level>/<key>/<indicator>/behind", "figures.read")
def behind(code: str, level: str, key: str, indicator: str) -> Answer:
    """The rows of a number or of what it is over, some at a time; it is written down who looked."""
    choice, asking, now = chosen(code), caller(), runtime().now()
    cell = (request.args.get("cut", ""), request.args.get("part", ""))
    asked = Asked(indicator, choice.period, level, key, cell if cell[0] else WHOLE)
    skip = max(request.args.get("skip", 0, type=int), 0)
    live = Choice(choice.period, None, live=True)
    with runtime().database.read() as db:
        found = why.explain(
            *(db, runtime().library, asking, asked),
            lambda: (
                kept_reports()
                .read(db, runtime().library, choice.period, now, provisional=True)
                .figures
            ),
        )
        data = read(db, asking, live)
        found = why.without_small(found, data, asked)
        part = _wanted(found)
        rows = part.rows[skip : skip + AT_ONCE]
        shown = list(_shown(db, asking, rows))
        clubs = clubs_named(db, {row.club for row in rows})
    details = {"figure": f"{indicator} {code}", "level": level, "place": key}
    with runtime().database.write() as db:
        audit.record(db, asking.actor, "figure.why", f"figure:{indicator} {code}", now, **details)
        audit.saw(db, asking.actor, "figure.people", _people(shown), now, **details)
    here = {**(request.view_args or {}), **request.args.to_dict()}
    after = skip + AT_ONCE
    return render_template(
        "behind.html",
        choice=choice,
        period=choice.period,
        place=find_place(data, level, key),
        about=find_indicator(data, level, indicator),
        part_name=_part_name(data, *asked.cell),
        found=found,
        part=part,
        cut=cell[0],
        value=cell[1],
        shown=shown,
        data=data,
        clubs=clubs,
        kept_back=HIDDEN,
        names={place.key: place.club_name or place.name for place in data.places},
        further=url_for("pages.behind", **{**here, "skip": after}) if part.rows[after:] else "",
    )


def _wanted(found: Why) -> Part:
    """The numerator; with `?over`, what it is over."""
    over = found.denominator if "over" in request.args else None
    return over or found.numerator


def _shown(db: Connection, asking: Caller, rows: Sequence[Row]) -> Iterator[Shown]:
    library = runtime().library
    named = why.names(db, library, asking, rows, vietnam_day(runtime().now()))
    forms = titles(db)
    for row in rows:
        rule, name = library.lists.get(row.kind), named.get((row.kind, row.id))
        if name is not None:
            address = address_of("entity", list_name=row.kind, uuid=row.id)
            yield Shown(row, name, address, is_named=True)
        elif rule is not None:
            yield Shown(row, one({"vi": rule.label_vi, "en": rule.label_en}))
        else:
            address = address_of("find_record", form_id=row.kind, id=row.id)
            yield Shown(row, forms.get(row.kind, row.kind), address)


def _people(shown: Sequence[Shown]) -> Iterator[tuple[str, str]]:
    """Those on the page who are told by name; a club is nobody."""
    lists = runtime().library.lists
    for each in shown:
        if each.is_named and not lists[each.row.kind].is_of_clubs:
            yield each.row.kind, each.row.id


def _part_name(data: ReportData, cut: str, value: str) -> str:
    for found in data.cuts:
        for part in found.bands:
            if (found.name, part.id) == (cut, value):
                return f"{one(found)}: {one(part)}"
    return ""
