"""What came, changed or went after a report was frozen, and what it would say differently now.

It is shown, and goes into a revision or into the next report's adjustments: never silently into the
next period's flow (domain §4.7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.indicators import PLACES
from forms.periods import Period, get_period
from sync import canonical, process, rollup
from sync import tables as t
from sync.accounts import PROJECT_ID
from sync.clubs import plain_name
from sync.database import among
from sync.figures import Figure, Figures, Key
from sync.places import read_tree
from sync.reports.data import Adjustment, Difference, LateRecord, PlaceKey, ReportData, Seen
from sync.reports.gather import clubs_of, is_counted_alike
from sync.reports.seen import OVERLAP, not_counted

if TYPE_CHECKING:
    from forms.library import Library


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a period: as frozen, with what later reports have told of it since."""

    data: ReportData
    at: datetime
    seen: Seen
    figures: Mapping[str, Figures]

    @property
    def period(self) -> Period:
        return get_period(self.data.head.period, self.data.head.calendar)


def late(
    db: Connection,
    library: Library,
    frozen: ReportData,
    now: Mapping[str, Figures] | None = None,
) -> Adjustment:
    """Everything since this version was frozen, whatever other reports have told of it."""
    assert frozen.head.frozen_at is not None
    told = Told(frozen, frozen.head.frozen_at, frozen.seen, frozen.figures)
    return since(db, library, told, now)


def since(
    db: Connection, library: Library, told: Told, now: Mapping[str, Figures] | None = None
) -> Adjustment:
    """Records and figures that are not as told. All records are named that may move a figure, also
    where two of them cancel out. now: the figures of every level, where they are at hand.
    """
    if now is None:
        now = rollup.roll_up_all(db, library, told.period)
    head = told.data.head
    return Adjustment(
        head.period,
        head.calendar,
        head.version or 0,
        tuple(changed_records(db, library, told)),
        tuple(_differences(db, library, told, now)),
    )


# ------------------------------------------------------------------ figures
def _differences(
    db: Connection, library: Library, told: Told, figures: Mapping[str, Figures]
) -> Iterator[Difference]:
    """Of indicators that are still counted as they were then, and that tell no quality of data."""
    levels = [(level, told.figures.get(level, {}), figures[level]) for level in reversed(PLACES)]
    keys = {level: _differing(then, now) for level, then, now in levels}
    moved = {indicator for found in keys.values() for _, indicator, *_ in found}
    same = {
        one.id
        for one in told.data.indicators
        if one.id in moved and one.section != told.data.quality and is_counted_alike(library, one)
    }
    names = _names(db, library, told)
    for level, then, now in levels:
        for key in sorted(keys[level]):
            place, indicator, cut, value = key
            before, after = then.get(key, Figure(None)), now.get(key, Figure(None))
            if indicator in same and (level, place) in names:
                yield Difference(
                    level,
                    place,
                    names[level, place],
                    indicator,
                    cut,
                    value,
                    before.numerator,
                    after.numerator,
                    before.denominator,
                    after.denominator,
                )


def _differing(then: Figures, now: Figures) -> set[Key]:
    """Where numerator or denominator differ; of a hundred thousand figures these are few."""
    nothing = Figure(None)

    def differ(one: Figure, other: Figure) -> bool:
        return (one.numerator, one.denominator) != (other.numerator, other.denominator)

    new = {key for key, one in now.items() if differ(then.get(key, nothing), one)}
    return new | {key for key in then.keys() - now.keys() if differ(then[key], nothing)}


def _names(db: Connection, library: Library, told: Told) -> dict[PlaceKey, str]:
    """Names of all places that the report had, or would have now."""
    units = read_tree(db).units.values()
    names: dict[PlaceKey, str] = {(u.level, str(u.id)): u.full_name for u in units}
    clubs = clubs_of(db, library, told.period)
    names |= {(PLACES[0], club.uuid): plain_name(club.label) for club in clubs}
    return names | {one.id: one.club_name or one.name for one in told.data.places}


# ------------------------------------------------------------------ records
def changed_records(db: Connection, library: Library, told: Told) -> list[LateRecord]:
    """What arrived, was edited, deleted, or counts now and did not (or the other way round)."""
    arrived = set(db.scalars(_arrived(db, told)))
    now_out = set(db.scalars(not_counted()))
    was_out = set(told.seen.not_counted)
    moved = was_out ^ now_out
    of_links = _of_links(db, told) - arrived - moved
    found = []
    for row in db.execute(_rows(db, {*arrived, *moved, *of_links})):
        kind = _kind(row, row.id in arrived, row.id in was_out, row.id in now_out)
        if row.id in of_links and kind:
            kind = "linked"
        if kind and (record := _record(db, library, told, row, kind)):
            found.append(record)
    return sorted(found, key=lambda one: (one.received_at, one.instance_id))


def _arrived(db: Connection, told: Told) -> sa.Select[Any]:
    """Submissions of which a version came since, or was not read yet."""
    v = t.submission_versions.c
    after = sa.and_(v.received_at > told.at - OVERLAP, ~among(db, v.id, told.seen.recent))
    return sa.select(v.submission_id).where(sa.or_(after, among(db, v.id, told.seen.waiting)))


def _of_links(db: Connection, told: Told) -> set[int]:
    """Submissions about somebody who was linked to another since, or is no more."""
    r = t.records.c
    relinked = canonical.in_force(db) ^ canonical.in_force(db, told.at)
    mine = sa.tuple_(r.subject_list, sa.func.coalesce(r.reported_id, r.subject_id))
    away = [(list_name, uuid) for list_name, uuid, _ in relinked]
    if not away:  # else all records would be read to find none
        return set()
    query = sa.select(r.submission_id).where(r.table_path == "", mine.in_(away))
    return set(db.scalars(query))


def _rows(db: Connection, submissions: set[int]) -> sa.Select[Any]:
    """Each submission as it stands now; day and club are None where it has no record."""
    s, f, v, r = t.submissions.c, t.forms.c, t.submission_versions.c, t.records.c
    any_version = t.submission_versions.alias("any_version").c
    first = sa.select(sa.func.min(any_version.id)).where(any_version.submission_id == s.id)
    return (
        sa.select(s.id, s.instance_id, s.deleted_at, f.xml_form_id.label("form"))
        .add_columns(v.id.label("version_id"), v.received_at, r.happened_on, r.club_id, r.answers)
        .add_columns(first.scalar_subquery().label("first_id"), r.id.label("record_id"))
        .join(t.forms, f.id == s.form_id)
        .join(t.submission_versions, v.id == s.current_version_id)
        .outerjoin(t.records, sa.and_(r.submission_id == s.id, r.table_path == ""))
        .where(f.project_id == PROJECT_ID, among(db, s.id, sorted(submissions)))
    )


def _kind(row: Any, has_arrived: bool, was_out: bool, is_out: bool) -> str:
    """What happened to it; "" for what counted neither then nor now."""
    is_new = has_arrived and row.first_id == row.version_id
    if is_out and (was_out or is_new):
        return ""
    if row.deleted_at is not None:
        return "deleted"
    if has_arrived:
        return "arrived" if is_new else "edited"
    return "counts_no_more" if is_out else "counts_now"


def _record(db: Connection, library: Library, told: Told, row: Any, kind: str) -> LateRecord | None:
    """The record, unless it has nothing to do with the period, as it reads now or as it read."""
    readings = [_Reading(row.happened_on, row.club_id, row.answers)] if row.record_id else []
    if kind in ("edited", "deleted"):
        v = t.submission_versions.c
        versions = db.scalars(sa.select(v.id).where(v.submission_id == row.id)).all()
        for one in process.prepare(db, library, versions, told.at):
            first = one.rows[0]
            readings.append(_Reading(first["happened_on"], first["club_id"], first["answers"]))
    if not any(_is_of(library, told.period, row.form, one) for one in readings):
        return None
    club = next((one.club for one in readings if one.club), "")
    place = told.data.place(PLACES[0], club)
    return LateRecord(
        row.instance_id,
        row.form,
        row.happened_on or max((one.day for one in readings if one.day), default=None),
        row.received_at,
        club,
        place.club_name if place else "",
        kind,
    )


class _Reading(NamedTuple):
    """What one version of a record says, as far as it matters here."""

    day: date | None
    club: str | None
    answers: Mapping[str, str]


def _is_of(library: Library, period: Period, form: str, one: _Reading) -> bool:
    """Whether figures of the period may stand on it: by its day; a confirmation by its period."""
    by = library.report.confirming
    if by is not None and form == by.form:
        return one.answers.get(by.period) == period.code
    return one.day is not None and may_move(library, form, one.day, period)


def may_move(library: Library, form: str, day: date, period: Period) -> bool:
    """Whether something told by this form, of this day, can move a figure of the period."""
    if any(fact.form == form for rule in library.lists.values() for fact in rule.facts):
        return day <= period.last  # what is true once stays true
    figures = library.figures
    return figures.looks_at(form) and figures.reach(form).moves(day, period)
