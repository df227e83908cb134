"""Which phones are well: last seen and sent, app, clock, form versions, forms that are missing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import VIETNAM, vietnam_day
from forms.problems import SAME_PHONE, UNKNOWN_MEMBER, Refused
from sync.access import Caller
from sync.accounts import PROJECT_ID, clean_name
from sync.entities import plain_id
from sync.tables import (
    app_users,
    entities,
    entity_lists,
    form_versions,
    forms,
    records,
    submission_versions,
    submissions,
    users,
)

if TYPE_CHECKING:
    from forms.library import Library

Condition = sa.ColumnElement[bool]

MOST_COUNTED = 100  # in one answer to a phone
QUIET_DAYS = 14
BAD_CLOCK_SECONDS = 10 * 60
RECENT = timedelta(days=30)
LATE_START = 10  # a number 1 that comes after higher ones than this begins anew; else it was late

AT_A_TIME = 1000  # rows of what all phones sent
LOOKED_AT = timedelta(days=90)  # for gaps and form versions; what is older will hardly come now

NEW_ENTITIES = (2025, 1)  # several entities in one form, or in repeats
_OPENS_NEW = {"ODK Collect": (2026, 1)}  # older ones cannot open such a form; no KoboCollect can
_ENTITIES = re.compile(rb'entities-version="(\d+)\.(\d+)')
_APPS = {"org.odk.collect.android": "ODK Collect", "org.koboc.collect.android": "KoboCollect"}
_AGENT = re.compile(r"^([\w.]+)/(v?(\d+)\.(\d+)\S*)")


# ------------------------------------------------------------------ while a phone is calling
def sent_today(db: Connection, callers: Iterable[Caller], now: datetime) -> dict[Caller, int]:
    """How many submissions of each came for the first time today; at most MOST_COUNTED of each."""
    midnight = datetime.combine(vietnam_day(now), datetime.min.time(), VIETNAM)
    found: dict[Caller, int] = {}
    for kind, query in _sent_today.items():
        asked = {caller.id: caller for caller in callers if caller.kind == kind}
        if asked:
            rows = db.execute(query, {"senders": sorted(asked), "midnight": midnight})
            found |= {asked[row.id]: row.sent for row in rows}
    return found


def _sent(people: sa.Table, sender: sa.Column[Any]) -> sa.Select[Any]:
    v = submission_versions.c
    some = (
        sa.select(v.submission_id)
        .distinct()
        .where(sender == people.c.id, v.received_at >= sa.bindparam("midnight"))
        .where(v.deprecated_id.is_(None))  # a correction is no further form
        .limit(MOST_COUNTED)
        .correlate(people)
        .subquery()
    )
    sent = sa.select(sa.func.count()).select_from(some).correlate(people).scalar_subquery()
    asked = people.c.id.in_(sa.bindparam("senders", expanding=True))
    return sa.select(people.c.id, sent.label("sent")).where(asked)


_sent_today = {
    "app_user": _sent(app_users, submission_versions.c.app_user_id),
    "user": _sent(users, submission_versions.c.user_id),
}


# ------------------------------------------------------------------ looking at them all
@dataclass(frozen=True, slots=True)
class HeldForm:
    """A form as this phone last sent it, and which version it should have."""

    xml_form_id: str
    version: str
    current: str


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone. `missing`: forms filled in on it that are not here, as far as its numbers tell."""

    id: int
    name: str
    role: str
    unit_id: int | None
    club_id: str | None
    person_id: str | None
    created_at: datetime
    revoked_at: datetime | None
    last_seen_at: datetime | None
    last_sent_at: datetime | None
    quiet_days: int
    app: str | None
    clock_offset_seconds: int | None
    recent: int
    missing: int
    forms: tuple[HeldForm, ...]
    cannot_open: tuple[str, ...]

    @property
    def is_quiet(self) -> bool:
        """Whether somebody should ask what is the matter with it."""
        return self.revoked_at is None and self.quiet_days >= QUIET_DAYS

    @property
    def clock_is_wrong(self) -> bool:
        return abs(self.clock_offset_seconds or 0) > BAD_CLOCK_SECONDS

    @property
    def worries(self) -> tuple[str, ...]:
        """Why somebody should ask after it, in words of code; none for a revoked one."""
        if self.revoked_at is not None:
            return ()
        named = {
            "quiet": self.is_quiet,
            "missing": self.missing > 0,
            "clock": self.clock_is_wrong,
            "app": bool(self.cannot_open),
        }
        return tuple(name for name, holds in named.items() if holds)

    @property
    def old_forms(self) -> tuple[HeldForm, ...]:
        """Forms it still sends in an older version."""
        return tuple(one for one in self.forms if one.version != one.current)


def read_phones(
    db: Connection, library: Library, now: datetime, only: Collection[int] | None = None
) -> list[Phone]:
    """Every phone (or only these), the revoked too, in the order they were added."""
    of = _these(_a.id, only), _these(submission_versions.c.app_user_id, only)
    sent, demanding = _read_sent(db, now, of[0]), _read_demanding(db)
    held, missing = _read_held(db, now, of[1]), _read_missing(db, now, of[1])
    found = []
    for row in db.execute(_phone_query.where(of[0])):
        last_sent_at, recent = sent.get(row.id, (None, 0))
        signs = (row.created_at, row.last_seen_at, last_sent_at)
        app = read_app(row.user_agent)
        found.append(
            Phone(
                **{name: value for name, value in row._mapping.items() if name != "user_agent"},
                last_sent_at=last_sent_at,
                quiet_days=max((now - max(one for one in signs if one)).days, 0),
                app=None if app is None else app.text,
                recent=recent,
                missing=missing.get(row.id, 0),
                forms=tuple(held.get(row.id, ())),
                cannot_open=tuple(
                    name
                    for name, version in demanding.items()
                    if app and not app.opens(version) and _is_for(library, name, row.role)
                ),
            )
        )
    return found


def _these(column: sa.ColumnElement[int], only: Collection[int] | None) -> Condition:
    return sa.true() if only is None else column.in_(sorted(only))


_a = app_users.c
_phone_query = (
    sa.select(_a.id, _a.name, _a.role, _a.unit_id, _a.club_id, _a.person_id, _a.created_at)
    .add_columns(_a.revoked_at, _a.last_seen_at, _a.user_agent, _a.clock_offset_seconds)
    .where(_a.kind == "phone")
    .order_by(_a.id)
)


def _read_sent(
    db: Connection, now: datetime, these: Condition
) -> dict[int, tuple[datetime | None, int]]:
    """phone -> when it last sent, and how many submissions came in the last days."""
    v = submission_versions.c
    last = sa.select(sa.func.max(v.received_at)).where(v.app_user_id == _a.id)
    recent = sa.select(sa.func.count(sa.distinct(v.submission_id))).where(
        v.app_user_id == _a.id, v.received_at > now - RECENT, v.deprecated_id.is_(None)
    )
    query = sa.select(_a.id, last.scalar_subquery(), recent.scalar_subquery())
    return {row[0]: (row[1], row[2]) for row in db.execute(query.where(_a.kind == "phone", these))}


def _read_held(db: Connection, now: datetime, these: Condition) -> dict[int, list[HeldForm]]:
    """phone -> the forms it sent lately, each in the version that came last."""
    v, f, current = submission_versions.c, forms.c, form_versions.alias("current")
    query = (
        sa.select(v.app_user_id, f.xml_form_id, v.version, current.c.version.label("current"))
        .join(forms, f.id == v.form_id)
        .join(current, current.c.id == f.current_version_id)
        .where(f.project_id == PROJECT_ID, v.app_user_id.is_not(None), these)
        .where(v.received_at > now - LOOKED_AT)
        .group_by(v.app_user_id, f.xml_form_id, v.version, current.c.version)
        .order_by(sa.func.max(v.id))
    )
    found: dict[int, dict[str, HeldForm]] = defaultdict(dict)
    for row in db.execute(query):
        found[row.app_user_id][row.xml_form_id] = HeldForm(*row[1:])
    return {phone: [mine[name] for name in sorted(mine)] for phone, mine in found.items()}


# ------------------------------------------------------------------ forms that are not here yet
def _read_missing(db: Connection, now: datetime, these: Condition) -> dict[int, int]:
    """phone -> forms that were filled in on it and are not here."""
    v, s, r = submission_versions.c, submissions.c, records.c
    here = (r.submission_version_id == s.current_version_id) & (r.table_path == "")
    query = (  # an edit of the office is another's version, of a submission that this phone sent
        sa.select(v.app_user_id, v.device_id, forms.c.xml_form_id, r.id.label("record"), r.number)
        .join(forms, forms.c.id == v.form_id)
        .join(submissions, s.id == v.submission_id)
        .outerjoin(records, here)
        .where(forms.c.project_id == PROJECT_ID, v.app_user_id.is_not(None), these)
        .where(v.received_at > now - LOOKED_AT)
        .group_by(v.app_user_id, v.device_id, forms.c.xml_form_id, v.submission_id, r.id, r.number)
        .order_by(sa.func.min(v.id))
    )
    numbers: dict[tuple[int, str | None, str], list[int]] = defaultdict(list)
    unread: dict[tuple[int, str | None, str], int] = defaultdict(int)
    rows = db.execute(query.execution_options(yield_per=AT_A_TIME))
    for phone, device, form, record, number in rows:
        if number is not None:
            numbers[phone, device, form].append(number)
        elif record is None:  # deleted, or not read yet: which number it has, nobody can say
            unread[phone, device, form] += 1
    found: dict[int, int] = defaultdict(int)
    for key, mine in numbers.items():
        found[key[0]] += max(count_missing(mine) - unread[key], 0)
    return found


def count_missing(numbers: Iterable[int]) -> int:
    """How many are missing between the numbers of one form on one phone, in order of arrival.

    A phone that was set up anew begins at 1 again; what it numbered before is another series.
    """
    series: list[set[int]] = [set()]
    for number in numbers:
        begins_anew = number == 1 and min(series[-1], default=1) > LATE_START
        if begins_anew or number in series[-1]:
            series.append(set())
        series[-1].add(number)
    return sum(max(one) - min(one) + 1 - len(one) for one in series if one)


# ------------------------------------------------------------------ apps
@dataclass(frozen=True, slots=True)
class App:
    """The program a phone calls with."""

    name: str
    text: str
    version: tuple[int, int]

    def opens(self, entities: tuple[int, int]) -> bool:
        """Whether it opens a form of this version of entities; of an unknown app: yes."""
        if entities < NEW_ENTITIES or self.name not in _APPS.values():
            return True
        return self.name in _OPENS_NEW and self.version >= _OPENS_NEW[self.name]


def read_app(user_agent: str | None) -> App | None:
    """ODK Collect or KoboCollect and its version; other programs as they name themselves."""
    found = _AGENT.match(user_agent or "")
    if found is None:
        return App(user_agent, user_agent, (0, 0)) if user_agent else None
    package, version, year, part = found.groups()
    name = _APPS.get(package, package)
    return App(name, f"{name} {version}", (int(year), int(part)))


def _read_demanding(db: Connection) -> dict[str, tuple[int, int]]:
    """Forms in use that not every app can open -> the version of entities they need."""
    query = (
        sa.select(forms.c.xml_form_id, form_versions.c.xform)
        .join(form_versions, form_versions.c.id == forms.c.current_version_id)
        .where(forms.c.project_id == PROJECT_ID, forms.c.state == "open")
        .order_by(forms.c.xml_form_id)
    )
    found = {name: _ENTITIES.search(xform) for name, xform in db.execute(query)}
    versions = {name: (int(m[1]), int(m[2])) for name, m in found.items() if m}
    return {name: version for name, version in versions.items() if version >= NEW_ENTITIES}


def _is_for(library: Library, xml_form_id: str, role: str) -> bool:
    rule = library.rules.get(xml_form_id)
    return rule is None or not rule.filled_by or role in rule.filled_by


# ------------------------------------------------------------------ adding some
def find_owner(db: Connection, library: Library, member: str) -> str:
    """The uuid of the person that somebody wrote down. Refused(UNKNOWN_MEMBER)."""
    uuid, people = plain_id(member), library.privacy.person
    query = sa.select(entities.c.uuid).join(entity_lists, entity_lists.c.id == entities.c.list_id)
    query = query.where(
        entity_lists.c.name == people, entities.c.uuid == uuid, entities.c.deleted_at.is_(None)
    )
    found: str | None = db.scalar(query.limit(1))
    if found is None:
        raise Refused(UNKNOWN_MEMBER(member=member[:80]))
    return found


def check_unlike(
    db: Connection, name: str, role: str, unit_id: int | None, club_id: str | None
) -> None:
    """Refused(SAME_PHONE) when an active phone cannot be told from this one: a file added twice."""
    same = sa.select(_a.id).where(
        *(_a.kind == "phone", _a.revoked_at.is_(None), _a.name == clean_name(name)),
        *(_a.role == role, _a.unit_id.is_not_distinct_from(unit_id)),
        _a.club_id.is_not_distinct_from(club_id),
    )
    if db.scalar(same.limit(1)) is not None:
        raise Refused(SAME_PHONE(name=name))
