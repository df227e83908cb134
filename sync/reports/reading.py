"""A report to read: as frozen where it was, else as it stands now; cut to what a reader may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.periods import Period
from forms.problems import NOT_ALLOWED, Refused
from forms.report_problems import REPORT_NO_VERSION, REPORT_NOT_SENT
from sync import access
from sync.access import Caller
from sync.reports import snapshots
from sync.reports.data import Adjustment, ReportData
from sync.reports.gather import gather
from sync.reports.late import late
from sync.reports.life import with_life
from sync.reports.small_cells import adjusted_for, hidden_small
from sync.reports.steps import read_chain

if TYPE_CHECKING:
    from forms.library import Library


def read_report(
    db: Connection,
    library: Library,
    period: Period,
    now: datetime,
    version: int | None = None,
    *,
    provisional: bool = False,
) -> ReportData:
    """The report of a period, whole; see `only_clubs`.

    This version of it, or the newest; one that was never sent, and on demand, as it stands now.
    Refused(REPORT_NO_VERSION).
    """
    frozen = None if provisional else snapshots.read(db, period, version)
    if frozen is not None:
        return frozen
    if version is not None:
        raise Refused(REPORT_NO_VERSION(period=period.code, version=version))
    chain = read_chain(db, library, period)
    return with_life(db, library, gather(db, library, period, now), chain)


def read_whole(
    db: Connection,
    library: Library,
    period: Period,
    now: datetime,
    version: int | None = None,
    *,
    provisional: bool = False,
    small: bool = True,
) -> ReportData:
    """As `read_report`; without `small`, what is small in it is hidden."""
    data = read_report(db, library, period, now, version, provisional=provisional)
    return data if small else hidden_small(data)


def report_for(
    db: Connection,
    library: Library,
    caller: Caller,
    period: Period,
    now: datetime,
    version: int | None = None,
    *,
    provisional: bool = False,
    read: Callable[..., ReportData] = read_whole,
) -> ReportData:
    """What this caller may see of it: of the own clubs, without small cells, sent or also as it
    stands now. read: as `read_whole`, for who remembers.

    Refused(NOT_ALLOWED, REPORT_NOT_SENT, REPORT_NO_VERSION).
    """
    may_see_open = access.may(library, caller, "figures.read")
    if not may_see_open and not access.may(library, caller, "reports.read"):
        raise Refused(NOT_ALLOWED())
    small = access.may(library, caller, "small_cells.read")
    provisional = provisional and may_see_open
    data = read(db, library, period, now, version, provisional=provisional, small=small)
    if data.head.version is None and not may_see_open:
        raise Refused(REPORT_NOT_SENT(period=period.code))
    return only_clubs(data, access.clubs_in_scope(db, library, caller, period.last))


def late_for(
    db: Connection,
    library: Library,
    caller: Caller,
    period: Period,
    now: datetime,
    *,
    read: Callable[..., ReportData] = read_whole,
) -> tuple[ReportData, Adjustment]:
    """The newest version that was sent, and what came after it; both as this caller may see them.
    read: as `read_whole`, for who remembers.

    Refused(NOT_ALLOWED, REPORT_NOT_SENT). Who sees no open figures sees none of those either.
    """
    if not access.may(library, caller, "figures.read"):
        raise Refused(NOT_ALLOWED())
    if snapshots.newest(db, period) is None:
        raise Refused(REPORT_NOT_SENT(period=period.code))
    small = access.may(library, caller, "small_cells.read")
    frozen = read(db, library, period, now, small=small)
    figures = read(db, library, period, now, provisional=True).figures
    came = late(db, library, frozen, figures)
    data = replace(frozen, adjustments=(came if small else adjusted_for(frozen, came),))
    data = only_clubs(data, access.clubs_in_scope(db, library, caller, period.last))
    return data, data.adjustments[0]


def only_clubs(data: ReportData, clubs: frozenset[str] | None) -> ReportData:
    """The report for who sees only these clubs (None = all).

    A place above with any club outside is left out: a part is not the place's figure. So is one
    without clubs, which only who sees all may see: a district with 0 of 5 wards.
    """
    if clubs is None or clubs.issuperset(one.key for one in data.places if one.level == "club"):
        return data
    shown = tuple(one for one in data.places if one.clubs and clubs.issuperset(one.clubs))
    seen = {one.id for one in shown}
    return replace(
        data,
        places=shown,
        words={key: words for key, words in data.words.items() if key in clubs},
        chain=tuple(one for one in data.chain if (one.level, one.place) in seen or not one.place),
        not_reported=tuple(key for key in data.not_reported if key in clubs),
        narratives=tuple(one for one in data.narratives if one.club in clubs),
        adjustments=tuple(_of_clubs(one, clubs, seen) for one in data.adjustments),
        figures={
            level: {key: one for key, one in of_level.items() if (level, key[0]) in seen}
            for level, of_level in data.figures.items()
        },
    )


def _of_clubs(one: Adjustment, clubs: frozenset[str], seen: set[tuple[str, str]]) -> Adjustment:
    return replace(
        one,
        records=tuple(record for record in one.records if record.club in clubs),
        differences=tuple(d for d in one.differences if (d.level, d.place) in seen),
    )
