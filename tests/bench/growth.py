"""Whether a submission costs the same when 10,000 are kept and when 2,000,000 are (PostgreSQL).

A few are sent through the door and processed; the rest are these, written again by SQL with ids of
their own, over three years and 2,000 phones. At each size the same load comes again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import sqlalchemy as sa

from sync.database import Database
from tests.bench.load import say, send
from tests.bench.server import Bench, Line

SIZES = (10_000, 100_000, 500_000, 2_000_000)
PATTERNS = 2_000  # sent for real
PHONES = 2_000
AT_ONCE = 50_000  # rows of one statement
LOAD = 3_000
CONNECTIONS = 32


def measure(
    name: str, bench: Bench, url: str | None, sizes: tuple[int, ...] = SIZES
) -> Iterator[Line]:
    """All lines; PostgreSQL only, as the issue asks: SQLite is for what fits on one box."""
    if url is None:
        return
    database = bench.database()
    with bench.serving() as (server, _):
        send(bench, server, "submit", PATTERNS, CONNECTIONS, "patterns")
        bench.drain()
    with database.write() as db:
        patterns = _prepare(db)
    costs: dict[str, list[float]] = {}
    for size in sizes:
        start = time.perf_counter()
        kept = _grow(database, patterns, size)
        took, disk = time.perf_counter() - start, _size(database)
        yield Line(f"{name}: grown to {kept:,} submissions", f"{took:.0f} s, {disk:.1f} GB")
        with bench.serving() as (server, ready):
            yield Line(f"{name}: {size:,} kept: ready after", f"{ready:.1f} s")
            for phase in ("submit", "replay"):
                result = send(bench, server, phase, LOAD, CONNECTIONS, f"size{size}")
                costs.setdefault(f"a {phase} by the clock", []).append(1 / result["rps"])
                used = result["server_cpu_s"]
                cpu = (used["web"] + used["PostgreSQL"]) / result["ok"]
                costs.setdefault(f"a {phase} in CPU", []).append(cpu)
                yield Line(
                    f"{name}: {size:,} kept: {phase}, {CONNECTIONS} connections", say(result)
                )
                rest = bench.drain()
                if phase == "submit":
                    rate = LOAD / (rest + result["wall_s"])
                    yield Line(f"{name}: {size:,} kept: sent and processed", f"{rate:.0f}/s")
                    costs.setdefault("one sent and processed", []).append(1 / rate)
            yield Line(f"{name}: {size:,} kept: /metrics", f"{_metrics_ms(bench):.1f} ms")
    for what, (least, *_, most) in costs.items():
        said = f"{100 * (most / least - 1):+.0f} %"
        yield Line(f"{name}: {what}: {sizes[-1]:,} against {sizes[0]:,} kept", said, "≤ +20 %")
    database.dispose()


def _metrics_ms(bench: Bench) -> float:
    start = time.perf_counter()
    bench.get("/metrics")
    return 1000 * (time.perf_counter() - start)


def _size(database: Database) -> float:
    with database.read() as db:
        found = db.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
    return float(found) / 2**30


# ------------------------------------------------------------------ the rows
def _prepare(db: sa.Connection) -> int:
    """Phones for the copies → how many versions are copied."""
    db.execute(
        sa.text(
            "INSERT INTO app_users (name, kind, role, token_sha256, created_at, project_id) SELECT"
            " 'phone ' || n, 'phone', 'city', encode(sha256(n::text::bytea), 'hex'), now(), 1"
            " FROM generate_series(1, :n) AS n"
        ),
        {"n": PHONES},
    )
    return int(db.execute(sa.text("SELECT count(*) FROM submission_versions")).scalar_one())


_COPY = """
WITH fresh AS MATERIALIZED (
  SELECT nextval(pg_get_serial_sequence('submissions', 'id')) AS new_submission,
         nextval(pg_get_serial_sequence('submission_versions', 'id')) AS new_version,
         'uuid:' || gen_random_uuid() AS new_instance,
         now() - random() * interval '3 years' AS at,
         :phone + (random() * :phones)::int AS phone,
         v.*
  FROM (SELECT * FROM submission_versions ORDER BY id LIMIT :patterns) AS v,
       generate_series(1, :times)
), sent AS MATERIALIZED (
  SELECT new_version,
         convert_to(new_instance, 'UTF8') AS its_own  -- sealed, the XML cannot be written again
  FROM fresh
), s AS (
  INSERT INTO submissions (id, form_id, instance_id, current_version_id, created_at)
  SELECT new_submission, form_id, new_instance, new_version, at FROM fresh
), v AS (
  INSERT INTO submission_versions (id, submission_id, form_id, instance_id, sha256, version,
         form_version_id, xml, received_at, device_id, app_user_id, problems)
  SELECT new_version, new_submission, form_id, new_instance, encode(sha256(its_own), 'hex'),
         version, form_version_id, xml, at, device_id, phone, problems
  FROM fresh JOIN sent USING (new_version)
), r AS (
  INSERT INTO received (received_at, project_id, app_user_id, device_id, user_agent, sha256,
         outcome, submission_version_id)
  SELECT at, 1, phone, device_id, 'load', encode(sha256(its_own), 'hex'), 'new', new_version
  FROM fresh JOIN sent USING (new_version)
), told AS (
  INSERT INTO records (submission_id, submission_version_id, form, table_path, position,
         parent_position, answers, derived, happened_on, subject_list, subject_id, reported_id,
         club_id, problems, held_back)
  SELECT new_submission, new_version, form, table_path, position, parent_position, answers,
         derived, happened_on, subject_list, subject_id, reported_id, club_id, c.problems, held_back
  FROM fresh f JOIN records c ON c.submission_version_id = f.id
)
SELECT count(*) FROM fresh
"""


def _grow(database: Database, patterns: int, size: int) -> int:
    """Copies until so many submissions are kept, then what autovacuum would do in time."""
    with database.read() as db:
        kept = int(db.execute(sa.text("SELECT count(*) FROM submissions")).scalar_one())
        first = sa.text("SELECT min(id) FROM app_users WHERE name LIKE 'phone %'")
        phone = int(db.execute(first).scalar_one())
    while kept < size:
        times = max(1, min(AT_ONCE, size - kept) // patterns)
        with database.write() as db:
            db.execute(sa.text("SET LOCAL session_replication_role = replica"))  # no foreign keys
            values = {"phone": phone, "phones": PHONES - 1, "patterns": patterns}
            kept += int(db.execute(sa.text(_COPY), values | {"times": times}).scalar_one())
    options = {"isolation_level": "AUTOCOMMIT"}
    with database.engine.connect().execution_options(**options) as db:
        db.execute(sa.text("VACUUM ANALYZE"))
    return kept
