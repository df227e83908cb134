"""Prove that what is derived equals what is computed anew from what is kept; or compute it anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.periods import CALENDAR
from forms.problems import UNKNOWN_FORM, Refused
from sync import aggregate, computed, entities, process, queue, slices, timeline
from sync.accounts import DRAFTS_ID
from sync.database import Database, lock_derived
from sync.entities import Key
from sync.matching import waiting as comparing
from sync.matching import whole as matching
from sync.process import Prepared
from sync.receive import PROCESS
from sync.reports import snapshots
from sync.tables import (
    app_users,
    club_places,
    counted_once,
    duplicate_pairs,
    entity_changes,
    entity_decisions,
    entity_links,
    entity_lists,
    entity_versions,
    erased_entities,
    erasures,
    event_decisions,
    expected_attachments,
    figures,
    form_attachments,
    form_versions,
    forms,
    match_keys,
    match_profiles,
    match_weights,
    mentions,
    metadata,
    projects,
    records,
    report_steps,
    reports,
    restrictions,
    sealed_submissions,
    secrets,
    slice_marks,
    spells,
    stale_cells,
    submission_versions,
    submissions,
    unit_successions,
    units,
    users,
)
from sync.tables import entities as entity_rows
from sync.vault import vault_of

if TYPE_CHECKING:
    from forms.library import Library

BATCH = 500
CELLS = 200  # figures of (period, club) measured at a time

# What processing reads, parents first. Secrets of people and phones are left behind.
KEPT: tuple[sa.Table, ...] = (
    units,
    unit_successions,
    club_places,
    projects,
    forms,
    form_versions,
    form_attachments,
)
KEPT += (users, app_users, submissions, submission_versions, sealed_submissions, entity_lists)
KEPT += (entity_decisions, entity_links, event_decisions, reports, report_steps)
KEPT += (match_weights, secrets, erasures, erased_entities, restrictions)
SECRETS = {"password_hash": "", "digest_secret": None}

SURROGATES = ("id", "submission_id", "submission_version_id", "entity_id", "list_id")
SHORT = 12  # bytes kept of a value

Cell = tuple[str, str, str]  # calendar, period, club
Keyed = dict[str, dict[str, bytes]]  # natural key -> column -> digest


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as recomputed. `key` is its natural key: no answers, no names.

    what: "missing", "surplus", the columns that differ, or "cannot be processed".
    """

    table: str
    key: str
    what: str


def verify(db: Connection, library: Library, scratch: Path, now: datetime) -> list[Difference]:
    """Recompute everything in a new SQLite file in `scratch` (left to the caller to delete).

    [] when all is the same, and sent reports are what was sent. Work that still waits in the queue
    shows as "missing"; figures that wait to be measured again are not compared, nor those never
    measured here: they are counted when somebody reads them.
    """
    database = Database(f"sqlite:///{scratch / 'verify.db'}", vault_of(db))
    try:
        with database.write() as copy:
            metadata.create_all(copy)
            _copy(db, copy)
            unread = _process_all(copy, library, now)
            _delete_same(db, copy, library, now)
            _compute_same(db, copy, library)
            # Also where nothing kept leads any more: a club whose founding day was mended.
            aggregate.mark(copy, _measured(db))
            _measure_all(copy, library, now)
            slices.rebuild(copy, library)
            matching.find_all(copy, library, now)
            stale = _stale(db)
            sent = [Difference("report_versions", key, "sha256") for key in snapshots.spoilt(db)]
            apart = stale | (_kept_cells(copy) - _kept_cells(db))
            return [*unread, *sent, *_compare(derived(db, stale), derived(copy, apart))]
    finally:
        database.dispose()


def reprocess(db: Connection, library: Library, form: str | None, now: datetime) -> int:
    """Queue every submission version (of one form) again, in the order of arrival; how many.

    Refused(UNKNOWN_FORM).

    Nothing is deleted first: phones would take a shorter list for people who left (protocol §6.6).
    Only what nothing kept accounts for goes at once.
    """
    v = submission_versions.c
    real = forms.c.project_id != DRAFTS_ID
    query = sa.select(v.id).join(forms, forms.c.id == v.form_id).where(real).order_by(v.id)
    if form is not None:
        if db.scalar(sa.select(forms.c.id).where(real, forms.c.xml_form_id == form)) is None:
            raise Refused(UNKNOWN_FORM(form=form))
        query = query.where(forms.c.xml_form_id == form)
    ids = list(db.execute(query).scalars())
    lock_derived(db)
    _drop_strays(db, library)
    computed.find_all(db, library, now)
    slices.rebuild(db, library)
    comparing.add_all(db, library, now)
    _doubt_figures(db)
    queue.add_many(db, PROCESS, ids, now=now)
    return len(ids)


# ------------------------------------------------------------------ the copy
def _copy(db: Connection, copy: Connection) -> None:
    for table in KEPT:
        _copy_rows(db, copy, table, sa.select(table).order_by(*table.primary_key))
    kept = entity_versions.c.submission_version_id.is_(None)
    with_kept = sa.select(entity_versions.c.entity_id).where(kept)
    of_people = sa.select(entity_rows).where(entity_rows.c.id.in_(with_kept))
    _copy_rows(db, copy, entity_rows, of_people)
    of_both = sa.select(entity_versions).where(entity_versions.c.entity_id.in_(with_kept))
    _copy_said(db, copy, of_both)


def _copy_said(db: Connection, copy: Connection, query: sa.Select[Any]) -> None:
    """Kept versions with what was said in each: those between, which tell that of older ones, are
    not there yet."""
    c = entity_versions.c
    rows = _read(db, query.order_by(c.entity_id, c.version))
    for _, of_one in groupby(rows, key=lambda row: row.entity_id):
        stored = {row.version: row for row in of_one}
        for number, one in entities.kept(stored).items():
            said = {"said": dict(one.said)}
            copy.execute(entity_versions.insert().values({**stored[number]._mapping, **said}))


def _copy_rows(db: Connection, copy: Connection, table: sa.Table, query: sa.Select[Any]) -> None:
    blank = {name: value for name, value in SECRETS.items() if name in table.c}
    rows = db.execute(query.execution_options(yield_per=BATCH)).mappings()
    for part in rows.partitions():
        copy.execute(table.insert(), [{**row, **blank} for row in part])


def _delete_same(db: Connection, copy: Connection, library: Library, now: datetime) -> None:
    """Deletions are decisions of people: kept in the entity's row, which may itself be derived."""
    query = sa.select(entity_lists.c.name, entity_rows.c.uuid, entity_rows.c.deleted_at)
    query = query.join(entity_rows, entity_rows.c.list_id == entity_lists.c.id)
    rows = db.execute(query.where(entity_rows.c.deleted_at.is_not(None)))
    deleted = {Key(row.name, row.uuid): row.deleted_at for row in rows}
    applied = entities.refold(copy, library, deleted, deleted)
    process.follow_entities(copy, library, applied, now)


def _compute_same(db: Connection, copy: Connection, library: Library) -> None:
    """When a value was found is kept in the numbers of versions; the values are found all at once,
    as of the day they are true of here."""
    day = computed.page(db)
    if day is not None:
        computed.lay_over(copy, library, day)


def _process_all(copy: Connection, library: Library, now: datetime) -> list[Difference]:
    """Process all that was kept; what cannot be."""
    keys = _all_entities(copy)
    entities.refold(copy, library, keys)
    for name in {key.list_name for key in keys}:
        told = timeline.retell(copy, library, name, {k.uuid for k in keys if k.list_name == name})
        aggregate.touch(copy, library, told.touches, now)
    ids = copy.execute(sa.select(submission_versions.c.id).order_by(submission_versions.c.id))
    unread: list[int] = []
    for part in ids.scalars().partitions(BATCH):
        process.store(copy, library, _prepare(copy, library, part, now, unread), now)
    names = _version_names(copy) if unread else {}
    return [Difference("submission_versions", names[one], "cannot be processed") for one in unread]


def _prepare(
    copy: Connection, library: Library, ids: Sequence[int], now: datetime, unread: list[int]
) -> list[Prepared]:
    """The batch at once; where that fails one by one, as the worker does (`tasks.py`)."""
    try:
        return process.prepare(copy, library, ids, now)
    except Exception:
        if len(ids) == 1:
            unread += ids
            return []
        return [one for i in ids for one in _prepare(copy, library, [i], now, unread)]


def _measure_all(copy: Connection, library: Library, now: datetime) -> None:
    if not library.figures.indicators:
        return
    aggregate.measure(copy, library, CELLS, now)
    while _stale(copy):
        aggregate.measure(copy, library, CELLS, now)


def _all_entities(db: Connection) -> set[Key]:
    query = sa.select(entity_lists.c.name, entity_rows.c.uuid)
    query = query.join(entity_rows, entity_rows.c.list_id == entity_lists.c.id)
    return {Key(*row) for row in db.execute(query)}


# ------------------------------------------------------------------ comparing
def derived(db: Connection, without: Collection[Cell] = ()) -> dict[str, Keyed]:
    """Every derived row by its natural key; of figures all but those of the cells `without`.

    Surrogate ids are named by what they stand for, so that two databases can be compared.
    """
    names = _version_names(db)
    return {
        "records": _keyed(_records(db, names)),
        "mentions": _keyed(_mentions(db, names)),
        "expected_attachments": _keyed(_expected(db, names)),
        "entities": _keyed(_entities(db)),
        "entity_versions": _keyed(_entity_versions(db, names)),
        "entity_changes": _keyed(_entity_changes(db, names)),
        "slice_marks": _keyed(_slice_marks(db)),
        "spells": _keyed(_spells(db)),
        "match_profiles": _keyed(_match_profiles(db)),
        "match_keys": _keyed(_match_keys(db)),
        "duplicate_pairs": _keyed(_duplicate_pairs(db)),
        "figures": _keyed(_figures(db, without)),
        "counted_once": _keyed(_counted_once(db, without)),
    }


def _keyed(rows: Iterable[tuple[str, dict[str, Any]]]) -> Keyed:
    found: Keyed = {}
    for key, row in rows:
        name = key
        while name in found:  # two rows of one key cannot both be right
            name += " again"
        found[name] = {column: _digest(value) for column, value in row.items()}
    return found


def _digest(value: Any) -> bytes:
    """Enough to see that two values differ; a whole database of answers would not fit in memory."""
    text = json.dumps(value, sort_keys=True, default=str).encode()
    return text if len(text) <= SHORT else hashlib.blake2b(text, digest_size=SHORT).digest()


def _version_names(db: Connection) -> dict[int, str]:
    """submission version id -> form, instance and hash: what it is called in any database."""
    v = submission_versions.c
    query = sa.select(v.id, forms.c.xml_form_id, v.instance_id, v.sha256)
    rows = db.execute(query.join(forms, forms.c.id == v.form_id))
    return {row.id: f"{row.xml_form_id} {row.instance_id} {row.sha256[:12]}" for row in rows}


Rows = Iterator[tuple[str, dict[str, Any]]]


def _records(db: Connection, names: Mapping[int, str]) -> Rows:
    c = records.c
    of_record = {
        row.id: names[row.submission_version_id]
        for row in db.execute(sa.select(c.id, c.submission_version_id).where(c.table_path == ""))
    }
    for row in _read(db, sa.select(records)):
        key = f"{names[row.submission_version_id]} {row.table_path} {row.position}"
        event = of_record.get(row.counted_with, "nothing") if row.counted_with else None
        yield key, _without(row, *SURROGATES) | {"counted_with": event}


def _mentions(db: Connection, names: Mapping[int, str]) -> Rows:
    query = sa.select(records.c.submission_version_id, mentions.c.uuid)
    for row in _read(db, query.join(mentions, mentions.c.record_id == records.c.id)):
        yield f"{names[row.submission_version_id]} {row.uuid}", {}


def _expected(db: Connection, names: Mapping[int, str]) -> Rows:
    """By the hash of the name: people call photos after people."""
    for row in _read(db, sa.select(expected_attachments)):
        name = hashlib.blake2b(row.name.encode(), digest_size=SHORT).hexdigest()
        yield f"{names[row.submission_version_id]} {name}", {}


def _entities(db: Connection) -> Rows:
    query = sa.select(entity_rows, entity_lists.c.name.label("list_name"))
    query = query.join(entity_lists, entity_lists.c.id == entity_rows.c.list_id)
    for row in _read(db, query):
        yield f"{row.list_name} {row.uuid}", _without(row, *SURROGATES, "change_seq", "deleted_at")


def _entity_versions(db: Connection, names: Mapping[int, str]) -> Rows:
    query = sa.select(entity_versions, entity_rows.c.uuid, entity_lists.c.name.label("list_name"))
    query = query.join(entity_rows, entity_rows.c.id == entity_versions.c.entity_id)
    query = query.join(entity_lists, entity_lists.c.id == entity_rows.c.list_id)
    for row in _read(db, query):
        source = names.get(row.submission_version_id)
        key = f"{row.list_name} {row.uuid} {row.version}"
        yield key, _without(row, *SURROGATES, "said") | {"submission": source}


def _entity_changes(db: Connection, names: Mapping[int, str]) -> Rows:
    for row in _read(db, sa.select(entity_changes)):
        source = names[row.submission_version_id]
        yield f"{source} {row.list_name} {row.uuid} {row.position}", _without(row, *SURROGATES)


def _slice_marks(db: Connection) -> Rows:
    """A mark of no rows is as good as none."""
    query = sa.select(slice_marks, entity_lists.c.name.label("list_name"))
    query = query.join(entity_lists, entity_lists.c.id == slice_marks.c.list_id)
    for row in _read(db, query.where(slice_marks.c.rows != 0)):
        yield f"{row.list_name} {row.rule} {row.club_id}", _without(row, *SURROGATES)


def _spells(db: Connection) -> Rows:
    for row in _read(db, sa.select(spells).order_by(spells.c.valid_from, spells.c.valid_to)):
        yield f"{row.list_name} {row.uuid} {row.name} {row.valid_from}", _without(row, *SURROGATES)


def _match_profiles(db: Connection) -> Rows:
    for row in _read(db, sa.select(match_profiles)):
        yield f"{row.list_name} {row.uuid}", {"profile": row.profile, "facts": row.facts}


def _match_keys(db: Connection) -> Rows:
    p, k = match_profiles.c, match_keys.c
    query = sa.select(p.list_name, p.uuid, k.key, k.most, k.crowd)
    for row in _read(db, query.join(match_profiles, p.id == k.profile_id)):
        yield f"{row.list_name} {row.uuid} {row.key}", {"most": row.most, "crowd": row.crowd}


def _duplicate_pairs(db: Connection) -> Rows:
    for row in _read(db, sa.select(duplicate_pairs)):
        yield (
            f"{row.list_name} {row.one} {row.other}",
            {"band": row.band, "bits": row.bits, "levels": row.levels},
        )


def _figures(db: Connection, without: Collection[Cell]) -> Rows:
    for row in _read(db, sa.select(figures)):
        if (row.calendar, row.period, row.club_id) not in without:
            key = [row.calendar, row.period, row.club_id, row.indicator, row.cut, row.cut_value]
            numbers = {"numerator": row.numerator, "denominator": row.denominator}
            # 3 and 3.0000 are one number, whichever database wrote it
            plain = {name: None if n is None else n.normalize() for name, n in numbers.items()}
            yield " ".join(key), plain | {"missing": row.missing}


def _counted_once(db: Connection, without: Collection[Cell]) -> Rows:
    for row in _read(db, sa.select(counted_once)):
        cell = (row.calendar, row.period, row.club_id)
        if cell not in without:
            yield " ".join((*cell, row.indicator)), {"under": row.under, "behind": row.behind}


def _stale(db: Connection) -> set[Cell]:
    c = stale_cells.c
    return {tuple(row) for row in db.execute(sa.select(c.calendar, c.period, c.club_id))}


def _kept_cells(db: Connection) -> set[Cell]:
    c = figures.c
    return {tuple(row) for row in db.execute(sa.select(c.calendar, c.period, c.club_id).distinct())}


def _read(db: Connection, query: sa.Select[Any]) -> Iterator[Any]:
    """Rows in parts, also from PostgreSQL."""
    yield from db.execute(query.execution_options(yield_per=BATCH))


def _without(row: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in names}


def _compare(stored: Mapping[str, Keyed], right: Mapping[str, Keyed]) -> Iterator[Difference]:
    for table, rows in right.items():
        there = stored[table]
        for key in sorted(rows.keys() | there.keys()):
            if key not in there:
                yield Difference(table, key, "missing")
            elif key not in rows:
                yield Difference(table, key, "surplus")
            elif there[key] != rows[key]:
                names = [name for name in rows[key] if there[key][name] != rows[key][name]]
                yield Difference(table, key, ", ".join(names))


# ------------------------------------------------------------------ strays
def _drop_strays(db: Connection, library: Library) -> None:
    """Put right what no submission leads to: entities nobody asked for, spells of nobody."""
    changed = sa.select(entity_changes.c.uuid)
    query = sa.select(entity_lists.c.name, entity_rows.c.uuid)
    query = query.join(entity_rows, entity_rows.c.list_id == entity_lists.c.id)
    strays = {Key(*row) for row in db.execute(query.where(entity_rows.c.uuid.not_in(changed)))}
    entities.refold(db, library, strays)
    told = sa.select(spells.c.list_name, spells.c.uuid).distinct()
    by_list: dict[str, set[str]] = {}
    for list_name, uuid in db.execute(told):
        by_list.setdefault(list_name, set()).add(uuid)
    for list_name, uuids in by_list.items():
        timeline.retell(db, library, list_name, uuids)


def _doubt_figures(db: Connection) -> None:
    """Every figure is measured again, also where no submission leads to it."""
    aggregate.mark(db, _measured(db))


def _measured(db: Connection) -> list[tuple[str, str]]:
    """(period, club) of all figures."""
    c = figures.c
    cells = db.execute(sa.select(c.period, c.club_id).where(c.calendar == CALENDAR).distinct())
    return [(row.period, row.club_id) for row in cells]
