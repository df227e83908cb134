"""`cayda why`: what stands behind a figure, as a list or one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from forms.problems import UNKNOWN_PLACE, Refused
from server.cli.calendar import takes_calendar
from server.cli.command import Command, with_runtime
from server.cli.handing_out import find_caller, seen_as, takes_user
from server.cli.terminal import columns, say

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from forms.periods import Period
    from server.runtime import Runtime
    from sync.why import Part, Why


@click.command(cls=Command)
@click.argument("indicator", metavar="INDICATOR")
@click.argument("code", metavar="PERIOD")
@click.option("--unit", metavar="CODE", help="Của đơn vị này / of this unit.")
@click.option("--club", metavar="CODE", help="Của câu lạc bộ này / of this club.")
@click.option(
    "--cut", metavar="NAME=PART", help="Một phần của phân tổ, ví dụ sex=female / one part."
)
@takes_calendar
@takes_user
@with_runtime
def why(
    runtime: Runtime,
    indicator: str,
    code: str,
    unit: str | None,
    club: str | None,
    cut: str | None,
    calendar: str,
    as_user: str | None,
) -> None:
    """Những gì đứng sau một số liệu / what a figure is made of, row by row."""
    from forms.periods import get_period
    from sync import audit, places
    from sync.access import may
    from sync.reports.reading import report_for
    from sync.why import Asked, explain, without_small

    period = get_period(code, calendar)
    name, _, part = (cut or "").partition("=")
    with runtime.database.read() as db:
        level, place = _place(db, unit, club, period)
        caller = find_caller(db, as_user)
        asked = Asked(indicator, period, level, place, (name, part))
        found = explain(db, runtime.library, caller, asked)
        if not may(runtime.library, caller, "small_cells.read"):
            now = runtime.now()
            data = report_for(db, runtime.library, caller, period, now, provisional=True)
            found = without_small(found, data, asked)
        clubs = places.codes_by_club(db)
    with runtime.database.write() as db:
        details = {"unit": unit, "club": club, "cut": cut, **seen_as(caller)}
        subject = f"figure:{indicator} {code}"
        audit.record(db, "operator", "figure.why", subject, runtime.now(), **details)
    head = {"indicator": indicator, "period": code, "unit": unit, "club": club, "cut": cut}
    say("\n".join(_lines(found, clubs)), **head, **_object(found, clubs))


def _place(db: Connection, unit: str | None, club: str | None, period: Period) -> tuple[str, str]:
    """The level and the place that codes mean; without any, the highest unit. Refused."""
    from forms.indicators import PLACES
    from sync import places

    if club is not None:
        uuid = places.find_club(db, club)
        if uuid is None:
            raise Refused(UNKNOWN_PLACE(code=club))
        return PLACES[0], uuid
    tops = places.units_on(db, period.last, PLACES[-1])
    top = tops[0] if len(tops) == 1 else None
    found = places.find_unit(db, unit, period.last) if unit is not None else top
    if found is None:
        raise Refused(UNKNOWN_PLACE(code=unit or PLACES[-1]))
    return found.level, str(found.id)


def _object(found: Why, clubs: Mapping[str, str]) -> dict[str, Any]:
    figure = found.figure
    return {
        "value": figure.value(found.numerator.indicator),
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "missing": figure.missing,
        "behind": list(_behind(found.numerator, clubs)),
        "over": list(_behind(found.denominator, clubs)) if found.denominator else None,
    }


def _behind(part: Part, clubs: Mapping[str, str]) -> Iterator[dict[str, object]]:
    for row in part.rows:
        shown = {"kind": row.kind, "id": row.id, "day": row.day, "club": _club(row.club, clubs)}
        yield {**shown, "adds": row.amount}
    for one in part.standings:
        yield {"place": _club(one.place, clubs), **one.figures, "adds": one.amount}


def _club(uuid: str, clubs: Mapping[str, str]) -> str:
    return clubs.get(uuid, uuid)


def _lines(found: Why, clubs: Mapping[str, str]) -> Iterator[str]:
    parts = [("", found.numerator), ("Mẫu số / over: ", found.denominator)]
    for heading, part in parts:
        if part is None:
            continue
        one = part.indicator
        number = "–" if part.number is None else f"{part.number:f}"
        yield f"{heading}{one.id} {one.vi} / {one.en}: {number}"
        yield from columns(list(_behind(part, clubs)))
