"""Figures of one place over the last periods, and which of them may be compared.

Reports are read as for any page, so a reader sees no more here; kept of them are whole figures
only. What was sent never changes; what is open is gathered again after some minutes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.engine import Connection

from forms.indicators import PLACES
from forms.periods import Period, get_period
from sync.figures import WHOLE
from sync.overview import Line, line
from sync.reports import snapshots
from sync.reports.data import PlaceKey, ReportData
from sync.reports.reading import read_whole

if TYPE_CHECKING:
    from forms.library import Library

MOST = 6  # periods looked back upon
KEPT = 12  # thin reports, of some megabytes
LASTING = timedelta(minutes=5)  # of one that is open
OTHERWISE, OTHER_UNITS = "otherwise", "other_units"


@dataclass(frozen=True, slots=True)
class Point:
    """An indicator in one period. version: of the report that was sent, None of one that is open.

    differs: why it may not be compared with the newest: OTHERWISE counted, or OTHER_UNITS than now
    are what it is over; "" where it may.
    """

    period: Period
    version: int | None
    line: Line
    differs: str


class _Thin(NamedTuple):
    version: int | None
    at: datetime
    data: ReportData


class Trends:
    """The thin reports that were asked for last, of one database; for any thread.

    read: as `read_whole`, for who remembers what another page gathered a moment ago.
    """

    def __init__(self, read: Callable[..., ReportData] = read_whole) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Period, bool], _Thin] = OrderedDict()

    def read(
        self,
        db: Connection,
        library: Library,
        period: Period,
        now: datetime,
        version: int | None = None,
        *,
        small: bool = True,
        **more: Any,
    ) -> ReportData:
        """As `read_whole`, without parts and words; the newest version, else as it stands now."""
        asked = period, small
        newest = max((one.version for one in snapshots.list_versions(db, period)), default=None)
        with self._lock:
            kept = self._kept.get(asked)
        is_good = newest is not None or (kept is not None and abs(now - kept.at) < LASTING)
        if kept is not None and kept.version == newest and is_good:
            return kept.data
        data = _thin(self._read(db, library, period, now, version, small=small, **more))
        with self._lock:
            self._kept[asked] = _Thin(newest, now, data)
            self._kept.move_to_end(asked)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return data


def _thin(data: ReportData) -> ReportData:
    figures = {
        level: {key: one for key, one in of_level.items() if key[2:] == WHOLE}
        for level, of_level in data.figures.items()
    }
    empty: dict[str, Any] = {"words": {}, "chain": (), "narratives": (), "adjustments": ()}
    hidden = frozenset(cell for cell in data.hidden if cell[3:] == WHOLE)
    return replace(data, figures=figures, hidden=hidden, **empty)


def points(
    library: Library, reports: Sequence[ReportData], place: PlaceKey, name: str
) -> list[Point]:
    """Of one indicator at one place, in the order of the reports, the newest first.

    A unit that was not there yet, or is no more, has no point in that period.
    """
    found = list(_lines(reports, place, name))
    of_units = counts_units(library, name)
    for_now = found[0][1] if found else None
    return [
        Point(
            get_period(data.head.period, data.head.calendar),
            data.head.version,
            one,
            _differs(one, for_now, of_units=of_units),
        )
        for data, one in found
        if for_now is not None
    ]


def _lines(
    reports: Sequence[ReportData], place: PlaceKey, name: str
) -> Iterator[tuple[ReportData, Line]]:
    for data in reports:
        here = data.place(*place)
        about = next((one for one in data.indicators if one.id == name), None)
        if here is not None and about is not None and here.level in about.levels:
            yield data, line(data, here, about)


def _differs(then: Line, now: Line | None, *, of_units: bool) -> str:
    if now is None or then.indicator.words != now.indicator.words:
        return OTHERWISE
    return OTHER_UNITS if of_units and then.denominator != now.denominator else ""


def counts_units(library: Library, name: str) -> bool:
    """Whether it, or what it is over, counts units: of 56 and of 94 wards no two shares compare."""
    known = library.figures.indicators
    about = known.get(name)
    both = [about, known.get(about.over or "")] if about is not None else []
    return any(one is not None and one.kind == "per" and one.of != PLACES[0] for one in both)
