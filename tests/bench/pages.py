"""`make bench ARGS=pages`: every page, asked by all who may see it, in a city of 6,000 members.

Of each page the slowest of its readers, the worst page first. The server answers in this process,
without a socket: it is its own time, and its CPU, of the best of a few answers (others may be at
work on the machine). The roles and addresses are those of tests/server/test_access_table.py.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import gzip
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click
import sqlalchemy as sa

from forms.library import Library, load_library
from forms.periods import get_period
from server.runtime import open_vault
from server.settings import Settings
from sync import aggregate, comments, rollup
from sync import tables as t
from sync.database import Database
from sync.migrations import upgrade
from tests.bench import figures
from tests.bench.machine import machine
from tests.conftest import NOW
from tests.postgres import a_postgres
from tests.server.addresses import Address, addresses
from tests.server.scope_world import CODES, OWN, SENT, ScopeWorld, Who, callers, make_world
from tests.server.test_access_table import ask, may

STATIC = Path(__file__).parents[2] / "server" / "pages" / "static"
GOAL, DASHBOARD_GOAL, BYTES_GOAL = 150, 300, 100_000  # milliseconds; of CSS and script together
PERIODS = (SENT, figures.PERIOD.code)
SIGN_IN = "/sign-in"  # where who is signed out is sent, in no time
ONE_IN = 4  # events of the audit that showed people
DASHBOARDS = ("pages.home", "pages.figures_of", "pages.figures_at")


@dataclass(frozen=True)
class Measured:
    """A page for one reader: milliseconds by the clock and of CPU, the first answer, its bytes."""

    endpoint: str
    path: str
    who: Who
    wall: float
    cpu: float
    first: float
    bytes: int

    @property
    def goal(self) -> int:
        """In milliseconds."""
        return DASHBOARD_GOAL if self.endpoint in DASHBOARDS else GOAL


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench pages", description=__doc__)
    parser.add_argument("--clubs", type=int, default=100, help="of 60 members and 2,000 events")
    parser.add_argument("--log", type=int, default=200_000, help="events of the audit")
    parser.add_argument("--times", type=int, default=3, help="that each page is asked")
    parser.add_argument("--only", choices=("embedded", "postgres"))
    parser.add_argument("--page", default="", help="only endpoints that hold this")
    given = parser.parse_args(arguments)
    for kind in (given.only,) if given.only else ("embedded", "postgres"):
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cayda-bench-")))
            click.echo(machine(folder))
            url = f"sqlite:///{folder / 'cayda.db'}"
            if kind == "postgres":
                url = stack.enter_context(a_postgres(folder / "pg"))
            database = Database(url, open_vault(Settings(folder)))
            upgrade(database)
            world = fill(database, folder, given.clubs)
            write_log(world, given.log)
            tell(kind, list(measure(world, given.times, given.page)))
            database.dispose()
    read, packed = (sum(map(size, STATIC.glob("cayda.*s"))) for size in (_size, _packed))
    click.echo(f"CSS and script: {read:,} bytes, {packed:,} packed (goal {BYTES_GOAL:,})")


def _size(file: Path) -> int:
    return file.stat().st_size


def _packed(file: Path) -> int:
    return len(gzip.compress(file.read_bytes()))


def tell(kind: str, measured: list[Measured]) -> None:
    worst: dict[str, Measured] = {}
    for one in sorted(measured, key=lambda one: one.wall):
        worst[one.endpoint] = one
    click.echo(f"\n{kind}: {len(measured)} answers\n")
    click.echo(
        "| page | reader | ms | ms CPU | first ms | KB | goal |\n|---|---|---|---|---|---|---|"
    )
    for one in sorted(worst.values(), key=lambda one: -one.wall):
        missed = " **missed**" if one.wall > one.goal else ""
        click.echo(
            f"| {one.path} | {one.who.name} | {one.wall:.0f} | {one.cpu:.0f} | {one.first:.0f} "
            f"| {one.bytes / 1000:.0f} | ≤ {one.goal}{missed} |"
        )


def measure(world: ScopeWorld, times: int, named: str) -> Iterator[Measured]:
    """Everybody asks for every page that is theirs."""
    gc.collect()
    gc.freeze()  # as the server does once it stands: what filled the city is not its garbage
    for method, endpoint, one in addresses():
        if method == "GET" and endpoint.startswith("pages.") and named in endpoint:
            for who in callers():
                if may(who, endpoint, one) and who.place in ("", OWN):
                    found = _ask(world, endpoint, one, who, times)
                    if found.wall > found.goal:
                        click.echo(f"  {who.name} {one.path}: {found.wall:.0f} ms", err=True)
                    yield found


def _ask(world: ScopeWorld, endpoint: str, one: Address, who: Who, times: int) -> Measured:
    took: list[tuple[float, float]] = []
    for _ in range(times):
        start, used = time.perf_counter(), time.process_time()
        answer = ask(world, who, "GET", one)
        took.append((time.perf_counter() - start, time.process_time() - used))
        if answer.status_code >= 400 or answer.headers.get("Location") == SIGN_IN:
            click.echo(f"{who.name} {one.path}: {answer.status_code}", err=True)
    wall, cpu = min(took[1:] or took)
    first = took[0][0]
    return Measured(endpoint, one.path, who, wall * 1e3, cpu * 1e3, first * 1e3, len(answer.data))


# ------------------------------------------------------------------ the city
def fill(database: Database, folder: Path, size: int) -> ScopeWorld:
    """The scope test's clubs and people, and so many clubs more, ten of them in one commune."""
    start = time.perf_counter()
    world = make_world(database, folder, lambda: _fill(database, size))
    figures.measure_all(database, load_library(), PERIODS)  # what sending the report moved
    with database.read() as db:
        events = db.scalar(sa.select(sa.func.count(t.records.c.id)))
        members = db.scalar(sa.select(sa.func.count(t.entities.c.id)))
    took = time.perf_counter() - start
    click.echo(f"{events:,} events, {members:,} entities, filled in {took:.0f} s")
    return world


def _fill(database: Database, size: int) -> None:
    library = load_library()
    own, sent = [CODES[OWN][1]] * 10, get_period(SENT)
    figures.fill(database, size, visits=1_600, first_units=own, placed_on=sent.last)
    _register(database, library)
    with database.write() as db:
        clubs = rollup.all_clubs(db, library)
        aggregate.mark(db, {(code, club) for code in PERIODS for club in clubs})
        earlier = t.stale_cells.c.period < str(sent.first.year)  # which nobody looks at here
        db.execute(sa.delete(t.stale_cells).where(earlier))
    figures.measure_all(database, library, PERIODS)


def write_log(world: ScopeWorld, size: int) -> None:
    """Two years of who did what and saw whom, and what was said of the records that are asked."""
    names, database = world.names, world.door.database
    with database.write() as db:
        e = t.entities.c
        people = db.execute(sa.select(e.uuid).where(e.club_id != e.uuid).limit(1_000)).all()
        first = (db.scalar(sa.select(sa.func.max(t.audit_events.c.id))) or 0) + 1
        for start in range(0, size, figures.AT_ONCE):
            numbers = range(start, min(start + figures.AT_ONCE, size))
            rows = [_event(first + number, number, size) for number in numbers]
            db.execute(sa.insert(t.audit_events), rows)
            saw = [
                {
                    "event_id": first + n,
                    "list_name": "members",
                    "uuid": people[n % len(people)].uuid,
                }
                for n in numbers
                if n % ONE_IN == 0
            ]
            db.execute(sa.insert(t.seen_people), saw)
        if not database.is_sqlite:
            db.execute(
                sa.text("SELECT setval('audit_events_id_seq', :last)"), {"last": first + size}
            )
            db.execute(sa.text("ANALYZE"))
        for name, number in names.items():
            if name.endswith("_number") and "user" not in name:
                for said in range(20):
                    text = f"Xem lại giúp, lần {said}"
                    comments.add(db, int(number), comments.COMMENT, text, "operator", NOW)


def _event(its_id: int, number: int, size: int) -> dict[str, object]:
    at = NOW - timedelta(days=730 * (size - number) / size)
    action = ("entity.show", "report.export", "submission.review", "figure.why")[number % 4]
    row = {"id": its_id, "at": at, "actor": f"user:{1 + number % 20}", "action": action}
    return row | {"subject": f"submission:{number % 5_000}", "details": None}


def _register(database: Database, library: Library) -> None:
    """The entities whose facts `figures.fill` wrote, as registrations would have made them."""
    s = t.spells.c
    with database.write() as db:
        lists = {
            row.name: row.id
            for row in db.execute(sa.select(t.entity_lists.c.name, t.entity_lists.c.id))
        }
        known = set(db.scalars(sa.select(t.entities.c.uuid)))
        told: dict[tuple[str, str], dict[str, str]] = {}
        for row in db.execute(sa.select(s.list_name, s.uuid, s.name, s.value)):
            if row.uuid not in known and row.list_name in lists:
                told.setdefault((row.list_name, row.uuid), {})[row.name] = row.value
        rows = [
            _entity(library, lists[of], of, uuid, facts, number)
            for number, ((of, uuid), facts) in enumerate(told.items())
        ]
        for start in range(0, len(rows), figures.AT_ONCE):
            db.execute(sa.insert(t.entities), rows[start : start + figures.AT_ONCE])


def _entity(
    library: Library, list_id: int, of: str, uuid: str, facts: dict[str, str], number: int
) -> dict[str, object]:
    name = figures.NAMES[number % len(figures.NAMES)]
    rule = library.lists[of]
    data = {name: facts[name] for name in rule.properties if name in facts}
    if rule.club:
        data[rule.club] = facts.get("club", "")
    return {
        "list_id": list_id,
        "uuid": uuid,
        "label": f"{name} · {1930 + number % 60} · tổ {number % 12}",
        "data": data,
        "version": 1,
        "club_id": facts.get("club"),
        "imported": False,
        "created_at": NOW,
        "updated_at": NOW,
        "change_seq": number,
    }
