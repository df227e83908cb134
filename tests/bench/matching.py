"""One new person among a million: how long until everybody is found who may be the same.

The million is made as `tests/bench/people` makes people, and written straight into the tables of
profiles and keys; those who are new come as facts and a record, as processing leaves them.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from forms.library import Library, load_library
from forms.matching.keys import without_any_crowds
from forms.matching.profile import read_profile
from sync import tables as t
from sync.database import Database, is_sqlite
from sync.matching import profiles, work
from sync.matching.secret import Hashing, hashing
from tests.bench.people.register import Record, register
from tests.bench.server import Bench, Line
from tests.sync.rows import Rows

LIST = "members"
NOW = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
JOINED = date(2020, 1, 1)
AT_ONCE = 50_000
NEW = 50


def measure(name: str, bench: Bench, url: str | None, size: int = 1_000_000) -> Iterator[Line]:
    """All lines of one kind of database."""
    database = bench.database()
    start = time.perf_counter()
    fill(database, load_library(), size)
    yield Line(f"{name}: {size} people written in", f"{time.perf_counter() - start:.0f} s")
    yield from measured(name, database, load_library())
    database.dispose()


def measured(name: str, database: Database, library: Library) -> Iterator[Line]:
    took, cpu, found = [], [], 0
    new = register(seed=999, n=NEW).records[:NEW]
    with database.write() as db:
        rows = Rows(db)
        for record in new:
            say(rows, record)
    for one in (as_uuid(record.id) for record in new):
        with database.write() as db:
            at, at_cpu = time.perf_counter(), time.process_time()
            work.match(db, library, LIST, [one], NOW)
            took.append(time.perf_counter() - at)
            cpu.append(time.process_time() - at_cpu)
            p = t.duplicate_pairs.c
            mine = sa.or_(p.one == one, p.other == one)
            found += db.scalar(sa.select(sa.func.count()).where(mine)) or 0
    goal = "≤ 50 ms" if database.is_sqlite else "≤ 20 ms"
    ms = [1000 * one for one in took]
    yield Line(
        f"{name}: one new person among all",
        f"median {statistics.median(ms):.1f} ms, worst {max(ms):.0f} ms "
        f"(CPU {1000 * statistics.median(cpu):.1f} ms; {found} pairs for {NEW})",
        goal,
    )


def as_uuid(text: str) -> str:
    return str(uuid.UUID(text))


# ------------------------------------------------------------------ the million
LOADED = "CREATE TABLE loaded (key BIGINT, profile_id INTEGER, most INTEGER, crowd BOOLEAN)"
IN_ORDER = (  # an index that grows at a million places at once would take half an hour
    "DROP INDEX ix_match_keys_profile_id",
    "INSERT INTO match_keys SELECT * FROM loaded ORDER BY key, profile_id",
    "CREATE INDEX ix_match_keys_profile_id ON match_keys (profile_id)",
    "DROP TABLE loaded",
)


def fill(database: Database, library: Library, size: int) -> None:
    """Profiles and keys of so many, in lots that know nothing of each other's second times."""
    rule = library.matches[LIST]
    with database.write() as db:
        hashed = hashing(db, NOW)
        db.exec_driver_sql(LOADED)
    for seed in range(-(-size // AT_ONCE)):
        lot = min(AT_ONCE, size - seed * AT_ONCE)
        records = register(seed=seed, n=lot).records[:lot]
        people = [read_profile(rule, as_told(one, hashed)) for one in records]
        compared = without_any_crowds(rule, people, {})
        rows, keys = [], []
        for number, (record, whole, one) in enumerate(
            zip(records, people, compared, strict=True), 1 + seed * AT_ONCE
        ):
            made = {"id": number, "list_name": LIST, "uuid": as_uuid(record.id), "facts": ""}
            rows.append(made | {"profile": one.to_json(), "made_by": profiles.maker(rule)})
            keys += [
                tuple(row.values()) for row in profiles.key_rows(rule, LIST, number, whole, one)
            ]
        with database.write() as db:
            db.execute(t.match_profiles.insert(), rows)
            _load(db, keys)
    with database.write() as db:
        for statement in IN_ORDER:
            db.exec_driver_sql(statement)
        if not database.is_sqlite:
            db.execute(sa.text("SELECT setval('match_profiles_id_seq', :n)"), {"n": size})
            db.execute(sa.text("ANALYZE match_keys, match_profiles"))


def _load(db: sa.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    driver: Any = db.connection.driver_connection
    if is_sqlite(db):
        driver.executemany("INSERT INTO loaded VALUES (?, ?, ?, ?)", rows)
        return
    with driver.cursor() as cursor, cursor.copy("COPY loaded FROM STDIN") as out:
        for row in rows:
            out.write_row(row)


def as_told(record: Record, hashed: Hashing) -> dict[str, str]:
    """The facts, with a token of the number as the server makes it."""
    facts = dict(record.facts)
    if "number" in facts:
        kind, _, said = facts["number"].split(":")
        facts["number"] = f"{kind}:{hashed.number(record.number)}:{said}"
    return facts


def say(rows: Rows, record: Record) -> None:
    """The same as processing leaves it."""
    one, facts = as_uuid(record.id), record.facts
    for name in ("full_name", "sex", "born_on", "birth_precision", "phone"):
        if name in facts:
            rows.a_spell(LIST, one, name, facts[name], JOINED)
    rows.a_spell(LIST, one, "club", facts["commune"], JOINED)
    kind, _, digits = record.number.partition(":")
    answers = {"hamlet": facts.get("hamlet", ""), "alias": facts.get("alias", "")}
    answers |= {"id_kind": kind, "id_number": digits}
    rows.a_record("membership", JOINED, facts["commune"], one, answers)
