"""One event counts once, in the right club, and only when it can be trusted: settled as a whole.

A record's standing follows from what else is known (its subject, other reports of that day) and
is found anew when any of that changes, so the order of processing leaves no trace. Nothing is lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.likeness import Pair, Report, unite
from forms.problems import (
    AFTER_END,
    AFTER_LEAVING,
    BEFORE_FOUNDING,
    BEFORE_JOINING,
    UNKNOWN_PERSON,
    Problem,
)
from sync import aggregate, doubts
from sync.aggregate import Touch
from sync.database import among
from sync.entities import Key, plain_id
from sync.flags import SETTLED, is_held_back
from sync.receive import to_json
from sync.tables import (
    entities,
    entity_lists,
    event_decisions,
    records,
    spells,
    submission_versions,
    submissions,
)
from sync.timeline import CLUB, read_fact

if TYPE_CHECKING:
    from forms.library import FormRule, Library


TOGETHER, APART = "together", "apart"  # event_decisions.kind; parameters of `unite`


class Happening(NamedTuple):
    """What reports of one event share: a subject; a club where there is none, or a new one each."""

    form: str
    subject_id: str | None
    club_id: str | None
    day: date | None


@dataclass(frozen=True, slots=True)
class Settled:
    """The figures touched, and whom the records are about whose standing is another now."""

    touches: frozenset[Touch]
    subjects: frozenset[Key]


@dataclass(slots=True)
class Subject:
    """What is known of the one a record is about.

    clubs in order of the day they begin; over and away: when such times begin and end.
    """

    known: bool = False
    joined_on: date | None = None
    club_id: str | None = None
    clubs: list[tuple[date, str]] = field(default_factory=list)
    over: list[tuple[date, date | None]] = field(default_factory=list)
    away: list[tuple[date, date | None]] = field(default_factory=list)

    def club_on(self, day: date | None) -> str | None:
        """The club on a day; before the first one is known, the first; else the entity's own."""
        if not self.clubs:
            return self.club_id
        before = [club for start, club in self.clubs if day is not None and start <= day]
        return before[-1] if before else self.clubs[0][1]

    def problems_on(self, day: date | None) -> Iterator[Problem]:
        """Why nothing, or hardly anything, of this day can be true of it."""
        if not self.known:
            yield UNKNOWN_PERSON()
        elif day is not None:
            if self.joined_on is not None and day < self.joined_on:
                yield BEFORE_JOINING()
            if _is_within(day, self.over):
                yield AFTER_END()
            elif _is_within(day, self.away):
                yield AFTER_LEAVING()


def _is_within(day: date, times: Iterable[tuple[date, date | None]]) -> bool:
    """On the day itself on which somebody leaves, much may have happened before."""
    return any(start < day and (end is None or day < end) for start, end in times)


def happening(
    rule: FormRule | None,
    form: str,
    subject_id: str | None,
    club_id: str | None,
    day: date | None,
) -> Happening:
    """Registrations go by club: sent again by hand, each names a new entity."""
    if subject_id is None or (rule is not None and rule.creates):
        return Happening(form, None, club_id, day)
    return Happening(form, subject_id, None, day)


def settle(
    db: Connection,
    library: Library,
    happenings: Collection[Happening],
    subjects: Collection[Key] = (),
    clubs: Collection[str] = (),
) -> Settled:
    """Settle the records of these happenings, all records about (not creating) these subjects, and
    those that may contradict what changed in these clubs.

    Writes club_id, problems, held_back, counted_with and _by, and united where they differ.
    Held back are: dates in the future, before joining or before the club, people not registered
    yet, and rejected reviews.
    """
    contested = _contested(db, library, doubts.rivals(db, library, clubs))
    rows = _load(db, library, {*happenings, *contested}, subjects)
    known = _subjects(db, library, {row.subject_id for row in rows if row.subject_id})
    first_days = founded(db, library)
    in_doubt = doubts.look(db, library, rows)
    before = {row.id: row for row in rows}
    groups: dict[Happening, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        rule = library.rules.get(row.form)
        at = _day_before(row) if _moves(library, row) else row.happened_on
        standing = _stand(rule, row, at, known, first_days, in_doubt.get(row.id, ()))
        groups[_happening_of(library, row)].append(standing)
    repeats = _repeats(db, library, groups, before)
    decided = _decided(db, groups.values(), before)
    for one_event, group in groups.items():
        _count(library.rules.get(one_event.form), one_event, group, before, repeats, decided)
    found = [one for group in groups.values() for one in group]
    changed = [one for one in found if _differs(before[one["id"]], one)]
    _store(db, changed, before)
    pairs = [(before[one["id"]], one) for one in changed]
    return Settled(
        frozenset(
            touch
            for row, one in pairs
            for touch in aggregate.of_record(
                row.form,
                {one["club_id"], row.club_id},
                row.happened_on,
                vietnam_day(row.created_at),
                row.subject_id,
                aggregate.said_in(library, row.form, row.answers),
            )
        ),
        frozenset(Key(row.subject_list, row.subject_id) for row, _ in pairs if row.subject_id),
    )


def _happening_of(library: Library, row: Any) -> Happening:
    rule = library.rules.get(row.form)
    return happening(rule, row.form, row.subject_id, row.club_id, row.happened_on)


def _contested(db: Connection, library: Library, rivals: Collection[Key]) -> Iterator[Happening]:
    """What records say of these that only one of a club can be."""
    if not rivals:
        return
    c = records.c
    forms = [form for form, rule in library.rules.items() if any(f.rival for f in rule.flags)]
    query = sa.select(c.form, c.subject_id, c.club_id, c.happened_on).where(
        among(db, c.subject_id, {key.uuid for key in rivals}), c.form.in_(forms)
    )
    for row in db.execute(query.where(c.table_path == "")):
        yield happening(library.rules[row.form], *row)


# ------------------------------------------------------------------ what is there
def _load(
    db: Connection, library: Library, happenings: set[Happening], keys: Collection[Key]
) -> list[Any]:
    """The records of these happenings, each group whole, all about these subjects, and what is
    judged together with them.
    """
    subjects = {key.uuid for key in keys}
    c, v = records.c, submission_versions.c
    query = (
        sa.select(
            *(c.id, c.form, c.subject_list, c.subject_id, c.happened_on, c.club_id, c.answers),
            *(c.problems, c.held_back, c.counted_with, c.counted_by, c.united),
            *(c.submission_id, c.submission_version_id),
            *(v.received_at, v.device_id, v.app_user_id, v.user_id),
            *(submissions.c.review_state, submissions.c.created_at),
        )
        .join(submission_versions, v.id == c.submission_version_id)
        .join(submissions, submissions.c.id == c.submission_id)
        .where(c.table_path == "")
    )
    found: dict[int, Any] = {}
    if subjects:
        creating = [form for form, rule in library.rules.items() if rule.creates]
        about_them = query.where(among(db, c.subject_id, subjects), c.form.not_in(creating))
        found |= {row.id: row for row in db.execute(about_them)}
    about = [one for one in happenings if one.subject_id and one.subject_id not in subjects]
    at_clubs = [one for one in happenings if not one.subject_id]
    for column, asked, ids in (
        (c.subject_id, about, {one.subject_id for one in about}),
        (c.club_id, at_clubs, {one.club_id for one in at_clubs}),
    ):
        if not asked:
            continue
        days = {one.day for one in asked}
        on_day = c.happened_on.in_(days - {None})
        narrowed = query.where(
            among(db, column, ids),
            c.form.in_({one.form for one in asked}),
            sa.or_(on_day, c.happened_on.is_(None)) if None in days else on_day,
        )
        for row in db.execute(narrowed):
            if _happening_of(library, row) in happenings:
                found[row.id] = row
    came = {(one.form, one.club_id) for one in at_clubs if one.club_id}
    for form, clubs in doubts.compared(db, library, came, keys).items():
        together = query.where(c.form == form, among(db, c.club_id, clubs))
        found |= {row.id: row for row in db.execute(together)}
    return list(found.values())


def _subjects(db: Connection, library: Library, uuids: set[str]) -> dict[Key, Subject]:
    found: dict[Key, Subject] = defaultdict(Subject)
    if not uuids:
        return found
    query = (
        sa.select(entity_lists.c.name, entities.c.uuid, entities.c.club_id)
        .join(entity_lists, entity_lists.c.id == entities.c.list_id)
        .where(among(db, entities.c.uuid, uuids))
    )
    for row in db.execute(query):
        found[Key(row.name, row.uuid)] = Subject(known=True, club_id=row.club_id)
    c = spells.c
    began = sa.select(c.list_name, c.uuid, sa.func.min(c.valid_from).label("day"))
    for first in db.execute(began.where(among(db, c.uuid, uuids)).group_by(c.list_name, c.uuid)):
        found[Key(first.list_name, first.uuid)].joined_on = first.day
    told = {CLUB, *(name for one in library.lists.values() for name in (*one.over, *one.away))}
    times = sa.select(c.list_name, c.uuid, c.name, c.value, c.valid_from, c.valid_to).where(
        among(db, c.uuid, uuids), c.name.in_(told)
    )
    for one in db.execute(times.order_by(c.valid_from)):
        subject, rule = found[Key(one.list_name, one.uuid)], library.lists.get(one.list_name)
        if one.name == CLUB:
            subject.clubs.append((one.valid_from, plain_id(one.value) or one.value))
        if rule and one.value in rule.over.get(one.name, ()):
            subject.over.append((one.valid_from, one.valid_to))
        if rule and one.value in rule.away.get(one.name, ()):
            subject.away.append((one.valid_from, one.valid_to))
    return found


def founded(db: Connection, library: Library) -> dict[str, date]:
    """The first day of every club: uuid -> where its first spell begins."""
    clubs = [rule.name for rule in library.lists.values() if rule.is_of_clubs]
    c = spells.c
    query = sa.select(c.uuid, sa.func.min(c.valid_from)).where(c.list_name.in_(clubs))
    return {row[0]: row[1] for row in db.execute(query.group_by(c.uuid))}


def _repeats(
    db: Connection,
    library: Library,
    groups: Mapping[Happening, Sequence[Mapping[str, Any]]],
    before: Mapping[int, Any],
) -> dict[int, list[Mapping[str, str]]]:
    """submission version -> answers of its repeats, where two reports have to be compared."""
    versions = {
        before[one["id"]].submission_version_id
        for happening, group in groups.items()
        if len(group) > 1 and _resent_within(library.rules.get(happening.form)) is not None
        for one in group
    }
    found: dict[int, list[Mapping[str, str]]] = defaultdict(list)
    if versions:
        c = records.c
        query = sa.select(c.submission_version_id, c.answers).order_by(c.position)
        for row in db.execute(
            query.where(among(db, c.submission_version_id, versions), c.table_path != "")
        ):
            found[row.submission_version_id].append(row.answers)
    return found


def _decided(
    db: Connection,
    groups: Iterable[Sequence[Mapping[str, Any]]],
    before: Mapping[int, Any],
) -> dict[str, set[Pair]]:
    """What people say of two of these reports, by what they say: pairs of submission versions."""
    found: dict[str, set[Pair]] = {TOGETHER: set(), APART: set()}
    rows = [before[one["id"]] for group in groups if len(group) > 1 for one in group]
    version_of = {row.submission_id: row.submission_version_id for row in rows}
    c = event_decisions.c
    query = sa.select(c.submission_id, c.other_id, c.kind).where(
        c.undone_at.is_(None), among(db, c.submission_id, list(version_of))
    )
    for one, other, kind in db.execute(query) if version_of else ():
        if other in version_of:
            found[kind].add(frozenset({version_of[one], version_of[other]}))
    return found


# ------------------------------------------------------------------ what follows
def _moves(library: Library, row: Any) -> bool:
    """Whether the record says that its subject goes to another club: it is of the one before."""
    rule, of_form = library.lists.get(row.subject_list or ""), library.rules.get(row.form)
    return (
        rule is not None
        and not (of_form and of_form.creates)
        and any(
            fact.name == CLUB and fact.form == row.form and read_fact(fact, row.answers)
            for fact in rule.facts
        )
    )


def _day_before(row: Any) -> date | None:
    day: date | None = row.happened_on
    return day - timedelta(days=1) if day and day > date.min else day


def _stand(
    rule: FormRule | None,
    row: Any,
    at: date | None,
    subjects: Mapping[Key, Subject],
    founded: Mapping[str, date],
    in_doubt: Sequence[Problem],
) -> dict[str, Any]:
    """The record's own standing: which flags, held back or not, and the club of its subject `at`
    that day.
    """
    club_id = plain_id(row.answers.get(rule.club)) if rule and rule.club else row.club_id
    problems = [one for one in row.problems if one["code"] not in SETTLED]
    if row.subject_id and not (rule and rule.creates):
        subject = subjects.get(Key(row.subject_list, row.subject_id), Subject())
        club_id = subject.club_on(at) or club_id
        problems += to_json(subject.problems_on(row.happened_on))
    if row.happened_on is not None and row.happened_on < founded.get(club_id or "", date.min):
        problems += to_json([BEFORE_FOUNDING()])
    problems += to_json(in_doubt)
    return {
        "id": row.id,
        "club_id": club_id,
        "problems": problems,
        "held_back": is_held_back(problems, row.review_state),
        "counted_with": None,
        "counted_by": None,
        "united": None,
    }


def _resent_within(rule: FormRule | None) -> int | None:
    return rule.resent_within_days if rule else None


def _count(
    rule: FormRule | None,
    shared: Happening,
    group: Sequence[dict[str, Any]],
    before: Mapping[int, Any],
    repeats: Mapping[int, Sequence[Mapping[str, str]]],
    decided: Mapping[str, Collection[Pair]],
) -> None:
    """Of the reports of one happening, say which one counts.

    One held back takes no part; nor one that was to create an entity and did not: people who
    refuse to be registered all say the same. Two reports about nobody on the list may be about
    two people, whatever the hour: only the same content sent again is one. A form that asks about
    nobody tells what its club did.
    """
    if rule is None:
        return
    alone = [
        one
        for one in group
        if one["held_back"] or (rule.creates and not before[one["id"]].subject_id)
    ]
    for together in ([one for one in group if one not in alone], *([one] for one in alone)):
        reports = {one["id"]: _report(rule, before[one["id"]], repeats) for one in together}
        record_of = {report.id: record_id for record_id, report in reports.items()}
        standings = unite(
            reports.values(),
            rule.same_event,
            rule.resent_within_days,
            of_one=shared.subject_id is not None or rule.subject is None,
            **decided,
        )
        for one in together:
            standing = standings[reports[one["id"]].id]
            if standing.counted_with is not None:
                one["counted_with"] = record_of[standing.counted_with]
                one["counted_by"] = standing.by
            one["united"] = None if standing.united is None else dict(standing.united)


def _report(rule: FormRule, row: Any, repeats: Mapping[int, Sequence[Mapping[str, str]]]) -> Report:
    version_id = row.submission_version_id
    sender = (row.device_id, row.app_user_id, row.user_id)
    # Two copies of one content have two numbers, and are still the same said twice.
    said = {name: text for name, text in row.answers.items() if name not in rule.numbering}
    return Report(version_id, sender, row.received_at, said, tuple(repeats.get(version_id, ())))


def _differs(row: Any, values: Mapping[str, Any]) -> bool:
    return any(row._mapping[name] != value for name, value in values.items())


def _store(db: Connection, changed: Iterable[dict[str, Any]], before: Mapping[int, Any]) -> None:
    """Write standings; rows of repeats stand as their form's row does."""
    rows = [
        {f"its_{name}": value for name, value in one.items()}
        | {"its_version": before[one["id"]].submission_version_id}
        for one in changed
    ]
    if not rows:
        return
    c = records.c
    shared: dict[str, Any] = {
        name: sa.bindparam(f"its_{name}")
        for name in ("club_id", "held_back", "counted_with", "counted_by")
    }
    own: dict[str, Any] = {name: sa.bindparam(f"its_{name}") for name in ("problems", "united")}
    db.execute(records.update().where(c.id == sa.bindparam("its_id")).values(**shared, **own), rows)
    with_repeats = sa.select(c.submission_version_id).where(
        among(db, c.submission_version_id, [row["its_version"] for row in rows]), c.table_path != ""
    )
    parents = set(db.execute(with_repeats).scalars())
    if parents:
        db.execute(
            records.update()
            .where(c.submission_version_id == sa.bindparam("its_version"), c.table_path != "")
            .values(**shared),
            [row for row in rows if row["its_version"] in parents],
        )
