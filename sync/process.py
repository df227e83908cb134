"""From kept submissions to their meaning, in this order; every step replaces what it made before.

    queue | prepare (reads, no lock: flatten, entity changes)
          | store   (writes: expected files | records | entities.apply | timeline.retell
                             | duplicates.settle | aggregate.touch)

So a batch may run twice, late, or in any order, and the same submissions mean the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import month_end, read_day, vietnam_day
from forms.entities import EntityChange, entity_changes
from forms.flatten import Row, flatten
from forms.instance import read_instance
from forms.problems import FOR_A_PERSON, FUTURE_DATE, NO_DATE, OLD_DATE, Problem
from forms.schema import FormSchema, read_schema
from sync import (
    aggregate,
    attachments,
    canonical,
    carried,
    computed,
    doubts,
    duplicates,
    entities,
    mentions,
    timeline,
)
from sync.accounts import DRAFTS_ID
from sync.aggregate import Touch
from sync.database import among, lock_derived
from sync.duplicates import Happening
from sync.entities import Applied, Key, plain_id
from sync.flags import FIRST_DAY, is_held_back
from sync.matching import waiting as matching
from sync.privacy import stripped
from sync.receive import to_json
from sync.statements import Spell
from sync.tables import (
    erased_entities,
    form_versions,
    forms,
    records,
    sealed_submissions,
    submission_versions,
    submissions,
)
from sync.vault import Vault, vault_of

if TYPE_CHECKING:
    from forms.library import FormRule, Library

HIGHEST_NUMBER = 1_000_000  # of forms filled in on one phone


@dataclass(frozen=True, slots=True)
class Prepared:
    """One submission version, read but not stored: what it says, asks of entities, and names."""

    submission_version_id: int
    submission_id: int
    rows: tuple[dict[str, Any], ...]
    changes: tuple[EntityChange, ...]
    files: tuple[str, ...]  # that its answers name
    sealed: bool  # read as an envelope: what a key has opened meanwhile counts, not this
    left: bytes | None = None  # about somebody erased: all that may be kept of its bytes
    goes_whole: bool = False  # and none of that counts
    gone: int = 0  # how many stood written down as erased when it was read
    is_erased: bool = False  # its bytes were what is left of them by then


# ------------------------------------------------------------------ prepare
def prepare(
    db: Connection, library: Library, version_ids: Iterable[int], now: datetime
) -> list[Prepared]:
    """Read these submission versions, and the current ones of the same submissions.

    The current one too: an edit or a late original can change which of them counts.
    """
    rows = _load(db, list(version_ids))
    schemas = read_schemas(db, {row.schema_id: row.md5 for row in rows})
    gone = stripped.everybody(db)
    return [
        replace(
            _read_one(library, row, schemas[row.schema_id], gone),
            gone=len(gone),
            is_erased=row.erased_at is not None,
        )
        for row in rows
    ]


def reported(
    db: Connection, library: Library, version_ids: Collection[int]
) -> set[tuple[int, str | None]]:
    """Submissions by these versions and current ones, each with the id of whom it says it is about:
    also of deleted ones, which have no records."""
    rows = _load(db, list(version_ids))
    schemas = read_schemas(db, {row.schema_id: row.md5 for row in rows})
    return {
        (row.submission_id, one.rows[0]["subject_id"])
        for row in rows
        for one in (_prepare_one(library, row, schemas[row.schema_id], bytes(row.xml)),)
    }


def _load(db: Connection, version_ids: Sequence[int]) -> list[Any]:
    v, s, f = submission_versions.c, submissions.c, forms.c
    # In a step of its own: PostgreSQL reads the whole table for "these, or those of a subquery".
    current = sa.select(s.current_version_id).join(submission_versions, v.submission_id == s.id)
    wanted = {*version_ids, *db.execute(current.where(v.id.in_(version_ids))).scalars()}
    # A version we do not have is read as the one phones get now; what does not fit is flagged.
    schema_id = sa.func.coalesce(v.form_version_id, f.current_version_id)
    # What a key opened is read as if it had come so.
    plain = sa.func.coalesce(sealed_submissions.c.xml, v.xml).label("xml")
    query = (
        sa.select(v.id, v.submission_id, plain, v.received_at, v.erased_at, f.xml_form_id)
        .add_columns(form_versions.c.id.label("schema_id"), form_versions.c.md5)
        .join(forms, f.id == v.form_id)
        .join(form_versions, form_versions.c.id == schema_id)
        .outerjoin(sealed_submissions, sealed_submissions.c.submission_version_id == v.id)
        .where(v.id.in_(wanted), f.project_id != DRAFTS_ID)  # a draft's data means nothing
        .order_by(v.id)
    )
    return list(db.execute(query))


_read: dict[str, FormSchema] = {}  # by MD5 of the XForm: reading one takes longer than using it
MOST_READ = 200


def read_schemas(db: Connection, md5s: Mapping[int, str]) -> dict[int, FormSchema]:
    """Form versions by id, each with its MD5, as what they ask; read once per process."""
    missing = [version_id for version_id, md5 in md5s.items() if md5 not in _read]
    if missing:
        if len(_read) + len(missing) > MOST_READ:
            _read.clear()
        c = form_versions.c
        for row in db.execute(sa.select(c.md5, c.xform).where(c.id.in_(missing))):
            _read[row.md5] = read_schema(row.xform)
    return {version_id: _read[md5] for version_id, md5 in md5s.items()}


def _read_one(library: Library, row: Any, schema: FormSchema, gone: Collection[str]) -> Prepared:
    """A submission version; of one about somebody erased what may be kept of it."""
    xml = bytes(row.xml)
    whole = _prepare_one(library, row, schema, xml)
    if not stripped.may_name(xml, gone):
        return whole
    subject_id = whole.rows[0]["subject_id"]
    if not stripped.is_about(library.privacy, gone, subject_id, whole.changes):
        return whole
    left = stripped.strip(library, row.xml_form_id, xml)
    if left == xml:
        return whole
    goes_whole = stripped.goes_whole(library, row.xml_form_id)
    rest = _prepare_one(library, row, schema, left)
    return replace(rest, left=left, goes_whole=goes_whole)


def _prepare_one(library: Library, row: Any, schema: FormSchema, xml: bytes) -> Prepared:
    instance = read_instance(xml)
    rule = library.rules.get(row.xml_form_id)
    flat = flatten(schema, instance)
    changes, unclear = entity_changes(schema, instance)
    shared = {
        "submission_id": row.submission_id,
        "submission_version_id": row.id,
        "form": row.xml_form_id,
        "number": _number(rule, flat.rows[0].answers),
        **_filed(rule, flat.rows[0].answers, changes, vietnam_day(row.received_at)),
    }
    problems = (*instance.problems, *flat.problems, *unclear)
    if rule is not None and not instance.encrypted:
        problems += _odd_day(shared["happened_on"], vietnam_day(row.received_at))
        problems += _asks_for_a_person(rule, flat.rows[0].answers)
    flags = to_json(problems)
    rows = tuple(_record(rule, one, shared, flags if one.table == "" else []) for one in flat.rows)
    return Prepared(row.id, row.submission_id, rows, changes, flat.files, instance.encrypted)


def _filed(
    rule: FormRule | None,
    answers: Mapping[str, str],
    changes: Sequence[EntityChange],
    received_on: date,
) -> dict[str, Any]:
    """Which day, about whom, and in whose club as far as the answers alone say."""
    if rule is None:
        return {"happened_on": None, "subject_list": None, "subject_id": None, "club_id": None}
    subject_list, subject_id = rule.subject_list, None
    if rule.creates:
        subject_list = rule.creates
        mine = (c.uuid for c in changes if c.list_name == rule.creates and c.action != "update")
        subject_id = next(mine, None)
    elif rule.subject:
        subject_id = plain_id(answers.get(rule.subject))
        if subject_id is None and rule.subject_else:
            subject_id = plain_id(answers.get(rule.subject_else))
    return {
        "happened_on": _day(rule, answers, received_on),
        "subject_list": subject_list if subject_id else None,
        "subject_id": subject_id,
        "club_id": plain_id(answers.get(rule.club)) if rule.club else None,
    }


def _day(rule: FormRule, answers: Mapping[str, str], received_on: date) -> date | None:
    day = read_day(answers.get(rule.happened_on, ""))
    if rule.happened_on not in answers and rule.happened_on_else:
        day = read_day(answers.get(rule.happened_on_else, ""))
    if day is None or not any(answers.get(name) in codes for name, codes in rule.month_end.items()):
        return day
    return max(day, min(month_end(day), received_on))  # told within the month: it was by then


def _asks_for_a_person(rule: FormRule, answers: Mapping[str, str]) -> tuple[Problem, ...]:
    return tuple(
        FOR_A_PERSON(vi=flag.vi, en=flag.en)
        for flag in rule.flags
        if not flag.facts and flag.asked_by(answers)
    )


def _number(rule: FormRule | None, answers: Mapping[str, str]) -> int | None:
    """The phone's own number of this copy; engines write 7 as "7", "7.0" or "7.0E0"."""
    text = answers.get(rule.number, "") if rule and rule.number else ""
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if 1 <= number <= HIGHEST_NUMBER and number.is_integer() else None


def _odd_day(day: date | None, received_on: date) -> tuple[Problem, ...]:
    if day is None:
        return (NO_DATE(),)
    if day > received_on + timedelta(days=1):  # a phone may be set a zone or a day ahead
        return (FUTURE_DATE(day=day.isoformat()),)
    return (OLD_DATE(day=day.isoformat()),) if day < FIRST_DAY else ()


def _record(
    rule: FormRule | None, row: Row, shared: Mapping[str, Any], flags: list[dict[str, Any]]
) -> dict[str, Any]:
    is_whole = row.table == ""
    derived = rule.derive(row.answers) if rule and rule.derive and is_whole else {}
    return {
        **shared,
        "table_path": row.table,
        "position": row.position,
        "parent_position": row.parent_position,
        "answers": row.answers,
        "derived": dict(derived),
        "problems": flags,
    }


# ------------------------------------------------------------------ store
class Place(NamedTuple):
    """Where a record stands: what may have to be settled and measured when it comes or goes."""

    form: str
    subject: Key | None
    club_id: str | None
    day: date | None
    arrived_on: date
    said: aggregate.Said


def store(db: Connection, library: Library, prepared: Sequence[Prepared], now: datetime) -> None:
    """Store what was prepared and all that follows from it; harmless to repeat."""
    kept = {one.submission_version_id: one for one in prepared}
    if not kept:
        return
    lock_derived(db)
    kept = _read_since(db, library, _without_opened(db, kept), now)
    left = {version_id: one.left for version_id, one in kept.items() if one.left is not None}
    stripped.keep(db, left, {i for i in left if kept[i].goes_whole}, now)
    attachments.expect(db, {version_id: one.files for version_id, one in kept.items()})
    before, after = _replace_records(db, library, kept)
    applied = entities.apply(db, library, {k: one.changes for k, one in kept.items()})
    _follow(db, library, applied, before | after, now)


def _without_opened(db: Connection, kept: Mapping[int, Prepared]) -> dict[int, Prepared]:
    """Leave out envelopes that another worker's key has opened since they were read: the opened
    submission was queued with it, and may be stored already."""
    c = sealed_submissions.c
    envelopes = [version_id for version_id, one in kept.items() if one.sealed]
    query = sa.select(c.submission_version_id).where(c.xml.is_not(None))
    opened: set[int] = set()
    if envelopes:
        opened = set(db.execute(query.where(c.submission_version_id.in_(envelopes))).scalars())
    return {version_id: one for version_id, one in kept.items() if version_id not in opened}


def _read_since(
    db: Connection, library: Library, kept: Mapping[int, Prepared], now: datetime
) -> dict[int, Prepared]:
    """With what was read before somebody was erased read anew: else she would come back by it."""
    v = submission_versions.c
    gone = sa.select(sa.func.count()).select_from(erased_entities).scalar_subquery()
    query = sa.select(v.id, v.erased_at, gone.label("gone")).where(v.id.in_(kept))
    stale = [
        row.id
        for row in db.execute(query)
        if (row.gone, row.erased_at is not None) != (kept[row.id].gone, kept[row.id].is_erased)
    ]
    again = prepare(db, library, stale, now) if stale else ()
    return {**kept, **{one.submission_version_id: one for one in again}}


def follow_clubs(db: Connection, library: Library, clubs: Collection[str], now: datetime) -> None:
    """Judge the records of these clubs anew, after something about the clubs has changed."""
    if not clubs:
        return
    c = records.c
    places = set(_places_of(db, library, sa.and_(c.club_id.in_(clubs), c.table_path == "")))
    _follow(db, library, Applied(set(), set()), places, now)


def follow_entities(db: Connection, library: Library, applied: Applied, now: datetime) -> None:
    """Tell facts, standings and figures anew after entities changed by a person's, or time's,
    decision."""
    if applied.changed:
        _follow(db, library, applied, (), now)


def follow_links(
    db: Connection,
    library: Library,
    list_name: str,
    uuids: Collection[str],
    applied: Applied,
    now: datetime,
) -> None:
    """File the records of these entities under those that stand for them now, after some were
    linked, or are no more; and all that follows from that and from the entities that changed."""
    keys = {Key(list_name, uuid) for uuid in uuids}
    naming = (touch for place in _naming(db, library, uuids) for touch in _touches(place))
    aggregate.touch(db, library, naming, now)
    places = _refile(db, library, list_name, uuids)
    applied = Applied(applied.changed | keys, applied.moved | keys, applied.risen)
    _follow(db, library, applied, places, now)


def _naming(db: Connection, library: Library, uuids: Collection[str]) -> set[Place]:
    """Records in whose answers one of these stands."""
    text = sa.func.lower(sa.cast(records.c.answers, sa.Text))
    return set(_places_of(db, library, sa.or_(*(text.contains(uuid) for uuid in uuids))))


def _places_of(db: Connection, library: Library, which: sa.ColumnElement[bool]) -> Iterable[Place]:
    c = records.c
    query = (
        sa.select(c.form, c.subject_list, c.subject_id, c.club_id, c.happened_on, c.answers)
        .add_columns(submissions.c.created_at)
        .join(submissions, submissions.c.id == c.submission_id)
    )
    for row in db.execute(query.where(which)).mappings():
        yield _place(library, dict(row), row["created_at"])


def _refile(db: Connection, library: Library, list_name: str, uuids: Collection[str]) -> set[Place]:
    """Where the records were that are now about another of these, and where they are."""
    c = records.c
    mine = sa.and_(c.subject_list == list_name, among(db, c.subject_id, uuids))
    reported = sa.func.coalesce(c.reported_id, c.subject_id)
    query = sa.select(c.id, c.subject_id, reported.label("reported_id"), c.submission_version_id)
    moved: dict[tuple[str, str], list[int]] = defaultdict(list)
    linked = canonical.read(db, uuids)
    for row in db.execute(query.where(mine)):
        link = linked.get((list_name, row.reported_id))
        subject = link.canonical if link else row.reported_id
        if subject != row.subject_id:
            moved[row.reported_id, subject].append(row.id)
    is_moved = sa.and_(
        among(db, c.id, [one for some in moved.values() for one in some]), c.table_path == ""
    )
    before = set(_places_of(db, library, is_moved))
    for (reported_id, subject), some in moved.items():
        values = {"subject_id": subject, "reported_id": reported_id}
        db.execute(records.update().where(among(db, c.id, some)).values(**values))
    return before | set(_places_of(db, library, is_moved))


def _follow(
    db: Connection, library: Library, applied: Applied, places: Collection[Place], now: datetime
) -> None:
    """What follows from entities that changed and from records that came or went."""
    applied = carried.carry(db, library, applied, now)
    registered, reported = _happenings(library, places)
    settled = duplicates.settle(db, library, registered)
    touches = {touch for place in places for touch in _touches(place)}
    wanted = _to_tell(library, applied, places, settled.subjects)
    founded = duplicates.founded(db, library) if _names_clubs(library, wanted) else {}
    told = _retell(db, library, wanted)
    contested = doubts.contested(library, told.lives)
    judged = duplicates.settle(db, library, reported, told.keys | applied.moved, contested)
    # A story is told from what counts; who may begin it, and where, does not hang on the others.
    again = _retell(db, library, _with_story(library, judged.subjects))
    touches |= settled.touches | told.touches | judged.touches | again.touches
    # What a person should look at follows from the story's last word; nothing follows from that.
    if again.keys:
        touches |= duplicates.settle(db, library, (), again.keys).touches
    aggregate.touch(db, library, touches, now)
    known = told.keys | again.keys | settled.subjects | judged.subjects | applied.changed
    for name, uuids in _by_list(known).items():
        computed.find(db, library, name, uuids, now, applied.risen)
    for (name, telling), uuids in _told_by_records(library, places, known).items():
        computed.find(db, library, name, uuids, now, applied.risen, telling)
    supplied_by = {name: rule.supplied_by for name, rule in library.matches.items()}
    matching.add(db, library, _differ(told.keys | again.keys, places, supplied_by), now)
    if _names_clubs(library, wanted):  # the registration may come after its club's news
        days = duplicates.founded(db, library).items() ^ founded.items()
        follow_clubs(db, library, {club for club, _ in days}, now)
        matching.notice(db, library, now)


def _names_clubs(library: Library, wanted: Mapping[str, Collection[str]]) -> bool:
    return any(rule.is_of_clubs and wanted.get(name) for name, rule in library.lists.items())


def _by_list(keys: Iterable[Key]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        found[key.list_name].add(key.uuid)
    return found


def _told_by_records(
    library: Library, places: Collection[Place], known: Collection[Key]
) -> dict[tuple[str, frozenset[str]], set[str]]:
    """(list, forms) -> entities of which only what records of these forms tell has changed."""
    telling: dict[Key, set[str]] = defaultdict(set)
    for place in places:
        rule = library.lists.get(place.subject.list_name) if place.subject else None
        if place.subject and place.subject not in known and rule and place.form in rule.computed_by:
            telling[place.subject].add(place.form)
    found: dict[tuple[str, frozenset[str]], set[str]] = defaultdict(set)
    for key, of_one in telling.items():
        found[key.list_name, frozenset(of_one)].add(key.uuid)
    return found


def _differ(
    known: Collection[Key], places: Collection[Place], told_by: Mapping[str, Collection[str]]
) -> dict[str, set[str]]:
    """list -> the entities known, and those of which a record of these forms (list -> forms) tells
    other things than before."""
    subjects = {
        place.subject
        for place in places
        if place.subject and place.form in told_by.get(place.subject.list_name, ())
    }
    return _by_list(subjects.union(known))


class _Told(NamedTuple):
    lives: dict[Key, frozenset[Spell]]
    touches: set[Touch]

    @property
    def keys(self) -> set[Key]:
        return set(self.lives)


def _retell(db: Connection, library: Library, wanted: Mapping[str, Collection[str]]) -> _Told:
    told = _Told({}, set())
    for list_name, uuids in wanted.items():
        retold = timeline.retell(db, library, list_name, uuids)
        told.lives.update((Key(list_name, uuid), life) for uuid, life in retold.lives.items())
        told.touches.update(retold.touches)
    return told


def _with_story(library: Library, keys: Iterable[Key]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        rule = library.lists.get(key.list_name)
        if rule is not None and rule.story is not None:
            found[key.list_name].add(key.uuid)
    return found


def _happenings(
    library: Library, places: Collection[Place]
) -> tuple[set[Happening], set[Happening]]:
    """Registrations, from which facts come, and all else, which is judged by those facts."""
    registered: set[Happening] = set()
    reported: set[Happening] = set()
    for place in places:
        rule = library.rules.get(place.form)
        subject_id = place.subject.uuid if place.subject else None
        one = duplicates.happening(rule, place.form, subject_id, place.club_id, place.day)
        if one.subject_id or one.club_id:
            (registered if rule and rule.creates else reported).add(one)
    return registered, reported


def _to_tell(
    library: Library, applied: Applied, places: Collection[Place], settled: Collection[Key]
) -> dict[str, set[str]]:
    """list -> entities whose facts may differ: told by one of the records, or by the entity."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, rule in library.lists.items():
        for place in places:
            if place.subject and place.subject.list_name == name and place.form in rule.told_by:
                found[name].add(place.subject.uuid)
        if any(not fact.form for fact in rule.facts):
            found[name] |= {key.uuid for key in applied.changed if key.list_name == name}
        found[name] |= {key.uuid for key in (*settled, *applied.moved) if key.list_name == name}
    return found


# ------------------------------------------------------------------ records
def _replace_records(
    db: Connection, library: Library, kept: Mapping[int, Prepared]
) -> tuple[set[Place], set[Place]]:
    """Let each submission have the rows of its current version only; where they were, and are."""
    v, s = submission_versions.c, submissions.c
    query = (
        sa.select(v.id, v.submission_id, s.current_version_id, s.review_state, s.deleted_at)
        .add_columns(s.created_at)
        .join(submissions, s.id == v.submission_id)
        .where(v.id.in_(kept))
        .order_by(v.id)
    )
    rows: list[dict[str, Any]] = []
    arrived: dict[int, datetime] = {}
    for found in db.execute(query):
        arrived[found.submission_id] = found.created_at
        if found.id == found.current_version_id and found.deleted_at is None:
            mine = kept[found.id].rows
            held_back = is_held_back(mine[0]["problems"], found.review_state)
            own = {"submission_id": found.submission_id, "held_back": held_back}
            rows += [row | own for row in mine]
    before = _drop_records(db, library, arrived, kept)
    rows = _filed_under_canonical(db, rows)
    if rows:
        vault = vault_of(db)
        db.execute(records.insert(), [_sealed(vault, library, row) for row in rows])
    after = {
        row["submission_version_id"]: _place(library, row, arrived[row["submission_id"]])
        for row in rows
        if row["table_path"] == ""
    }
    mentions.keep(db, {version_id: place.said.people for version_id, place in after.items()})
    return before, set(after.values())


def _sealed(vault: Vault, library: Library, row: dict[str, Any]) -> dict[str, Any]:
    """As it is kept: what the library marks can be read with the key only."""
    rule = library.rules.get(row["form"])
    if rule is None or not rule.sealed:
        return row
    return row | {
        name: vault.seal_answers(row[name], rule.sealed) for name in ("answers", "derived")
    }


def _filed_under_canonical(
    db: Connection, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """About whom they are: the one that stands for whom the phone named."""
    linked = canonical.read(db, {row["subject_id"] for row in rows if row["subject_id"]})
    found = []
    for row in rows:
        reported = row["subject_id"]
        link = linked.get((row["subject_list"], reported))
        own = {"subject_id": link.canonical if link else reported, "reported_id": reported}
        found.append({**row, **own})
    return found


def _drop_records(
    db: Connection, library: Library, arrived: Mapping[int, datetime], kept: Collection[int]
) -> set[Place]:
    """Delete the rows of these versions, and of versions that are no longer current."""
    c, v, s = records.c, submission_versions.c, submissions.c
    query = (
        sa.select(c.id, c.table_path, c.form, c.subject_list, c.subject_id)
        .add_columns(c.club_id, c.happened_on, c.answers, c.submission_id)
        .join(submission_versions, v.id == c.submission_version_id)
        .join(submissions, s.id == v.submission_id)
        .where(s.id.in_(arrived))
        .where(sa.or_(v.id.in_(kept), v.id != s.current_version_id))
    )
    rows = [dict(row) for row in db.execute(query).mappings()]
    if rows:
        db.execute(records.delete().where(among(db, c.id, [row["id"] for row in rows])))
    before = (row for row in rows if row["table_path"] == "")
    return {_place(library, row, arrived[row["submission_id"]]) for row in before}


def _place(library: Library, row: Mapping[str, Any], arrived_at: datetime) -> Place:
    return Place(
        row["form"],
        Key(row["subject_list"], row["subject_id"]) if row["subject_id"] else None,
        row["club_id"],
        row["happened_on"],
        vietnam_day(arrived_at),
        aggregate.said_in(library, row["form"], row["answers"]),
    )


def _touches(place: Place) -> Iterable[Touch]:
    subject = place.subject.uuid if place.subject else None
    return aggregate.of_record(
        place.form, [place.club_id], place.day, place.arrived_on, subject, place.said
    )
