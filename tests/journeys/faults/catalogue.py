"""What may go wrong: each fault is a function of a running stage that does it and sets it right.

It answers the moment (of time.monotonic) from which on nothing hinders the server any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import redis
import sqlalchemy as sa

from sync import queue, tables
from sync.database import DERIVED_LOCK
from tests.journeys.faults.parts import Cayda, kill, wait_for
from tests.journeys.faults.proxy import Mood
from tests.journeys.faults.stage import AGAIN_AFTER, Embedded, Production, Stage
from tests.journeys.forms import NEWS

BALLAST = 1 << 20
THROW_OUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)
"""


# ------------------------------------------------------------------ kill -9
def kill_embedded_web(stage: Embedded) -> float:
    return _killed(lambda: kill(stage.serve.web()))


def kill_embedded_worker(stage: Embedded) -> float:
    return _killed(lambda: kill(stage.serve.worker()))


def kill_everything(stage: Embedded) -> float:
    """As when the power goes; systemd starts it again."""
    return _killed(stage.serve.kill, stage.serve.start)


def kill_web_child(stage: Production) -> float:
    return _killed(lambda: kill(stage.any_of(stage.webs).web()))


def kill_web(stage: Production) -> float:
    return _killed_whole(stage.any_of(stage.webs))


def kill_worker(stage: Production) -> float:
    return _killed_whole(stage.any_of(stage.works))


def kill_backend(stage: Production) -> float:
    return _killed(stage.postgres.kill_a_backend)


def kill_postmaster(stage: Production) -> float:
    return _killed(stage.postgres.kill, stage.postgres.start)


def kill_valkey(stage: Production) -> float:
    return _killed(stage.valkey.kill, stage.valkey.start)


EMBEDDED_KILLS: dict[str, Callable[[Embedded], float]] = {
    "web": kill_embedded_web,
    "worker": kill_embedded_worker,
    "everything at once": kill_everything,
}
PRODUCTION_KILLS: dict[str, Callable[[Production], float]] = {
    "a web's own child": kill_web_child,
    "one web": kill_web,
    "one worker": kill_worker,
    "a PostgreSQL backend": kill_backend,
    "PostgreSQL": kill_postmaster,
    "Valkey": kill_valkey,
}


def _killed(kills: Callable[[], None], starts: Callable[[], None] | None = None) -> float:
    moment = time.monotonic()
    kills()
    if starts is not None:
        time.sleep(AGAIN_AFTER)
        starts()
    return moment


def _killed_whole(one: Cayda) -> float:
    return _killed(one.kill, one.start)


# ------------------------------------------------------------------ no room, no store
def fill_disk(stage: Stage, disk: Path, seconds: float) -> float:
    """Not a byte is left on the disk for so long."""
    ballast = disk / "ballast"
    until = time.monotonic() + seconds
    with ballast.open("wb", buffering=0) as out:
        while time.monotonic() < until:  # whatever is freed meanwhile is taken too
            with suppress(OSError):
                while out.write(b"\0" * BALLAST) == BALLAST:
                    pass
                out.write(b"\0" * 4096)
            time.sleep(0.02)
    said = stage.health()
    ballast.unlink()
    # PostgreSQL may still have room in pages and files it took before, and then a row can be kept.
    assert said == 503 or not isinstance(stage, Embedded), f"no room, and /healthz says {said}"
    return time.monotonic()


def lose_folder_of_blobs(stage: Stage, seconds: float) -> float:
    """As when a mount is gone; a file stands in its place, so that nobody makes it anew."""
    folder = Path(stage.runtime.settings.blobs)
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_bytes(b"")
    time.sleep(seconds)
    said = stage.health()
    folder.unlink()
    aside.rename(folder)
    assert said == 503, f"no blobs, and /healthz says {said}"
    return time.monotonic()


def spoil_store(stage: Production, mood: Mood, seconds: float) -> float:
    """The bucket is gone, slow or answers 500 for so long."""
    stage.store.turns(mood)
    time.sleep(seconds)
    said = stage.health() if mood is not Mood.SLOW else 503
    stage.store.turns(Mood.WELL)
    assert said == 503, f"the store is {mood.value}, and /healthz says {said}"
    return time.monotonic()


def take_all_connections(stage: Production, seconds: float) -> float:
    """Somebody else has them, after a moment in which all of ours were thrown out."""
    taken = [psycopg.connect(stage.postgres.url, autocommit=True)]

    def throws_out() -> int:
        mine = [one.info.backend_pid for one in taken]
        return len(taken[0].execute(THROW_OUT, [mine]).fetchall())

    while throws_out():  # whoever comes again while we take the rest
        with suppress(psycopg.OperationalError):
            while True:
                taken.append(psycopg.connect(stage.postgres.url, autocommit=True))
    time.sleep(seconds)
    said = stage.health()
    for one in taken:
        one.close()
    assert said == 503, f"no connection to be had, and /healthz says {said}"
    return time.monotonic()


def flush_valkey(stage: Production) -> float:
    with redis.Redis.from_url(stage.valkey.url) as client:
        client.flushall()
    return time.monotonic()


# ------------------------------------------------------------------ work that cannot be done
@contextmanager
def an_impossible_job(stage: Stage) -> Iterator[None]:
    """Work of a kind that exists, about what does not: it fails, waits, fails …, and is visible."""
    with stage.database.write() as db:
        queue.add(db, "match", payload={"list": "nowhere"}, now=stage.runtime.now())
    yield
    assert _tried_in_vain(stage) == 1
    assert stage.cayda("status").returncode == 1
    with stage.database.write() as db:
        db.execute(tables.queue.delete().where(tables.queue.c.failed_at.is_not(None)))


@contextmanager
def a_form_gone_bad(stage: Stage, form: str = NEWS) -> Iterator[None]:
    """Its definition cannot be read, so neither can what is sent to it, until it is mended.

    Workers are started anew in it: they remember the forms they have read.
    """
    v = tables.form_versions.c
    mine = v.form_id.in_(sa.select(tables.forms.c.id).where(tables.forms.c.xml_form_id == form))
    with stage.database.write() as db:
        xform = db.execute(sa.select(v.xform).where(mine)).scalar_one()
        db.execute(tables.form_versions.update().where(mine).values(xform=xform[: len(xform) // 2]))
    stage.kill_workers()
    yield
    failed = _tried_in_vain(stage)
    with stage.database.write() as db:
        db.execute(tables.form_versions.update().where(mine).values(xform=xform))
    assert failed, "nothing of that form was sent"
    assert stage.cayda("status").returncode == 1
    assert stage.cayda("retry").returncode == 0


def _tried_in_vain(stage: Stage) -> int:
    """Until all that still waits has failed for good → how much has."""

    def nothing_waits() -> bool:
        stage.lets_time_pass()
        stage.runtime.jobs.wake()
        time.sleep(0.3)
        with stage.database.read() as db:
            return queue.depth(db).waiting == 0

    wait_for(nothing_waits, "all that can be done is done", 120)
    with stage.database.read() as db:
        return queue.depth(db).failed


def send_nasty_ones(stage: Stage) -> float:
    stage.phones_settle()
    stage.owners[0].sends_nasty_ones()
    return time.monotonic()


def two_workers_on_one_item(stage: Production) -> float:
    """The lease of work ends while its worker still works: the other takes it too, and both end."""
    stage.phones_settle()
    stage.drains(hurry=True)
    with psycopg.connect(stage.postgres.url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [DERIVED_LOCK])
        stage.owners[0].visits()

        def both_want_to_store() -> bool:
            stage.lets_time_pass()
            stage.runtime.jobs.wake()
            time.sleep(0.3)
            return _waiting_for_lock(holder) == len(stage.works)

        wait_for(both_want_to_store, "both workers have the same work", 30)
    return time.monotonic()


def _waiting_for_lock(db: psycopg.Connection[object]) -> int:
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    row = db.execute(query).fetchone()
    assert row is not None
    return int(row[0])  # type: ignore[index]


# ------------------------------------------------------------------ people's doing
def step_clock(stage: Stage, hours: float, seconds: float) -> float:
    """The server's time is wrong for so long, and then set right at once."""
    assert stage.clock is not None
    stage.clock.steps(hours)
    time.sleep(seconds)
    stage.clock.steps(0)
    return time.monotonic()


def deploy(stage: Stage, home: Path) -> float:
    """The code in `home` takes over: schema first, then one process after the other."""
    migrated = stage.cayda("migrate", home=home)
    assert migrated.returncode == 0, migrated.stderr
    for one in stage.caydas:
        one.stop()
        one.home = home
        one.start()
        one.wait_until_ready()
    return time.monotonic()
