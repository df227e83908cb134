"""Files out: 100,000 care visits as CSV and XLSX, a million as CSV; each command as a process.

Seconds are from the call to the end of the command, its start and imports too; the peak is the
process's own, as the system counts it. Rows are written straight into the tables.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from forms.library import load_library
from sync import clubs, entities, places
from sync import tables as t
from sync.database import Database
from sync.entities import Kept
from tests.bench.server import CAYDA, ROOT, Bench, Line
from tests.bench.stopwatch import Used, timed

FORM, REPEAT = "care_visit", "supplies"
CLUBS, MEMBERS, VISITS = 100, 6_000, 100_000
AT_ONCE = 5_000  # visits inserted in one go
FOUNDED = date(2020, 1, 1)
NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
NAMES = ("Nguyễn Thị Hoa", "Trần Văn Bình", "Lê Thị Thu Hà", "Phạm Đức Anh", "Võ Thị Ánh")
TASKS = ("talk", "housework", "cook", "laundry", "medicine_reminder", "blood_pressure")
NOTE = "Bác khỏe, ăn được, nhắc uống thuốc đúng giờ; tuần sau đưa đi khám ở trạm y tế."


def measure(name: str, bench: Bench, url: str | None) -> Iterator[Line]:
    """All lines of one kind of database."""
    database = bench.database()
    start = time.perf_counter()
    _fill(database)
    database.dispose()
    what = f"{VISITS} visits of {MEMBERS} members"
    yield Line(f"{name}: {what}: written in", f"{time.perf_counter() - start:.0f} s")
    for kind, options, goal in (
        ("csv", (), "≤ 5 s, ≤ 150 MB"),
        ("csv", ("--codes", "--raw"), "≤ 5 s, ≤ 150 MB"),
        ("xlsx", (), "≤ 20 s, constant"),
    ):
        out = bench.data / f"visits.{kind}"
        call = ("export", "records", FORM, "--out", str(out), *options)
        used = _run(bench, call)
        size = out.stat().st_size / 2**20
        yield Line(
            " ".join((f"{name}: export records {FORM}, {kind}", *options)),
            f"{used}, {VISITS / used.seconds:.0f} rows/s, file {size:.0f} MB",
            goal,
        )
    _tenfold(database)
    database.dispose()
    out = bench.data / "million.csv"
    used = _run(bench, ("export", "records", FORM, "--out", str(out)))
    size = out.stat().st_size / 2**20
    yield Line(
        f"{name}: export records {FORM}, csv, {10 * VISITS} rows of {_columns(out)} columns",
        f"{used}, {10 * VISITS / used.seconds:.0f} rows/s, file {size:.0f} MB",
        "≥ 100,000 rows/s, ≤ 200 MB",
    )
    out.unlink()
    few = _run(bench, ("export", "report", "2025H2", "--out", str(bench.data)))
    yield Line(f"{name}: to compare, export report", f"peak {few.megabytes:.0f} MB")


def _run(bench: Bench, arguments: Sequence[str]) -> Used:
    return timed([*CAYDA, *arguments], ROOT, bench.environment)


def _columns(csv: Path) -> int:
    with csv.open(encoding="utf-8-sig") as lines:
        return next(lines).count(";") + 1


# ------------------------------------------------------------------ the rows
def _fill(database: Database) -> None:
    """Clubs, their members, and visits to them through two years."""
    library = load_library()
    with database.write() as db:
        unit = places.read_tree(db).on(FOUNDED, "commune")[0]
        founded = {"unit_code": unit.code, "founded_on": FOUNDED.isoformat()}
        rows = [{"club_code": f"B-{n}", "name": f"CLB {n}", **founded} for n in range(CLUBS)]
        club_ids = list(clubs.import_clubs(db, library, rows, NOW, "bench").uuids.values())
    with database.write() as db:
        kept = [
            Kept(
                _member(n),
                f"{NAMES[n % len(NAMES)]} · 1950 · Thôn {n % 9}",
                {"club_id": club_ids[n % CLUBS], "status": "active"},
            )
            for n in range(MEMBERS)
        ]
        entities.keep(db, library, "members", kept, NOW)
        forms = sa.select(t.forms.c.id).where(t.forms.c.xml_form_id == FORM)
        form_id = db.execute(forms.where(t.forms.c.project_id == 1)).scalar_one()
    for first in range(1, VISITS + 1, AT_ONCE):
        with database.write() as db:
            _insert(db, form_id, range(first, first + AT_ONCE), club_ids)


def _insert(db: sa.Connection, form_id: int, numbers: range, club_ids: Sequence[str]) -> None:
    """Submission, version and record of a number have that number for their id."""
    sent = [
        {"id": n, "form_id": form_id, "instance_id": _instance(n), "created_at": NOW}
        for n in numbers
    ]
    db.execute(sa.insert(t.submissions), [{**one, "current_version_id": one["id"]} for one in sent])
    db.execute(
        sa.insert(t.submission_versions),
        [
            {
                **{k: v for k, v in one.items() if k != "created_at"},
                "submission_id": one["id"],
                "sha256": f"{one['id']:064x}",
                "version": "1",
                "xml": b"<data/>",
                "received_at": NOW,
                "problems": [],
            }
            for one in sent
        ],
    )
    visits = [_record(n, club_ids[n % CLUBS]) for n in numbers]
    gifts = [_gift(visit) for visit in visits if visit["submission_id"] % 20 == 0]
    db.execute(sa.insert(t.records), [*visits, *gifts])


def _tenfold(database: Database) -> None:
    """All that was inserted nine times more, by the database itself."""
    for copy in range(1, 10):
        with database.write() as db:
            for table in (t.submissions, t.submission_versions, t.records):
                db.execute(_again(table, copy * VISITS))


def _again(table: sa.Table, further: int) -> sa.Insert:
    """Of the first VISITS submissions what this table holds, with ids so much higher."""
    moved: dict[str, sa.ColumnElement[Any]] = {one.name: one for one in table.c}
    if table is t.records:  # visits and gifts: numbered as they come
        del moved["id"]
    for name in moved.keys() & {
        "id",
        "submission_id",
        "submission_version_id",
        "current_version_id",
    }:
        moved[name] += further
    if "instance_id" in moved:
        moved["instance_id"] = table.c.instance_id.concat(f"-{further}")
    number = table.c.id if table is t.submissions else table.c.submission_id
    query = sa.select(*moved.values()).where(number <= VISITS)
    return sa.insert(table).from_select(list(moved), query)


def _record(number: int, club_id: str) -> dict[str, Any]:
    chance = random.Random(number)
    day = date(2024, 1, 1) + timedelta(days=number % 730)
    member, helper = _member(number % MEMBERS), _member((number + CLUBS) % MEMBERS)
    answers = {
        "start": f"{day}T08:10:11.123+07:00",
        "end": f"{day}T08:19:40.456+07:00",
        "today": f"{day}",
        "deviceid": "collect:abcdefgh12345678",
        "username": "volunteer",
        "form_number": str(number),
        "last_form_number": str(number),
        "club": club_id,
        "club_label": f"CLB {number % CLUBS} · Phường Hòa Cường",
        "client_kind": "in_care",
        "client": member,
        "client_c_health": "yes",
        "client_c_photo": "no",
        "visit_date": f"{day}",
        "outcome": "met",
        "start_time": "08:00:00.000+07:00",
        "minutes": str(chance.choice((30, 45, 60, 90))),
        "volunteers": f"{member} {helper}",
        "tasks": " ".join(chance.sample(TASKS, 3)),
        "sys": str(chance.randint(100, 180)),
        "dia": str(chance.randint(60, 110)),
        "condition": chance.choice(("same", "better", "worse")),
        "mood": chance.choice(("normal", "happy", "sad")),
        "meal_state": "enough",
        "home_safe": "safe",
        "red": "none",
        "next_visit": f"{day + timedelta(days=7)}",
        "note": f"{number}. {NOTE}",
    }
    return {
        "submission_id": number,
        "submission_version_id": number,
        "form": FORM,
        "table_path": "",
        "position": "",
        "parent_position": None,
        "answers": answers,
        "derived": {},
        "happened_on": day,
        "subject_list": "members",
        "subject_id": member,
        "club_id": club_id,
        "problems": [],
        "held_back": False,
    }


def _gift(visit: dict[str, Any]) -> dict[str, Any]:
    answers = {"supply_item": "rice", "supply_qty": "2.5", "supply_source": "member"}
    place = {"table_path": REPEAT, "position": f"{REPEAT}[1]", "parent_position": ""}
    return {**visit, **place, "answers": answers}


def _member(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def _instance(number: int) -> str:
    return f"uuid:{number:08x}-1111-4000-8000-000000000000"
