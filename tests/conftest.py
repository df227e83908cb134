"""Real databases for every test: one run on SQLite, one on PostgreSQL (from its wheel)."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from werkzeug.routing import Rule

from forms.schema import read_schema
from forms.xlsform import compile_form
from sync.database import Database
from sync.migrations import upgrade
from tests.alike import SECRET, VAULT, connections_shared, statements_shared
from tests.checklist import PAGE, numbers_of, to_page
from tests.chromium import chromium, engines
from tests.made_once import filled_tables
from tests.postgres import a_postgres
from tests.s3 import a_bucket

__all__ = ["chromium", "engines"]  # fixtures

MEMORY, ROOM = Path("/dev/shm"), 4_000_000_000  # bytes; where Linux keeps files in memory
NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)  # 10:00 in Da Nang


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--checklist",
        action="store_true",
        help=f"Run only the tests of checklist cases, and write {PAGE.name}.",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--checklist"):
        items[:] = [item for item in items if numbers_of(item.name.split("[")[0])]


def pytest_collection_finish() -> None:
    gc.enable()
    gc.set_threshold(10_000)  # an application alone has thousands of objects


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # until everything is collected: a tenth of a second each time, for nothing
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        # A commit that waits for the disk takes 5 ms, and thousands of tests make several each.
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    if config.getoption("--checklist") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Checklist(), "checklist")


class Checklist:
    """Hears what every test came to, and writes the page at the end."""

    def __init__(self) -> None:
        self.outcomes: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            name = report.nodeid.removeprefix("tests/").split("[")[0]
            self.outcomes[name].add(report.outcome)

    def pytest_sessionfinish(self) -> None:
        PAGE.write_text(to_page(self.outcomes), encoding="utf-8")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Hundreds of tests publish the whole library, and half a second of each went into compiling
    and reading the same thirteen texts: the same bytes every time (tests/forms/test_xlsform.py).
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sync.publish.compile_form", cache(compile_form))
        patch.setattr("sync.publish.read_schema", cache(read_schema))
        yield


@pytest.fixture(scope="session", autouse=True)
def _routes_once() -> Iterator[None]:
    """An application is made for two thousand tests; nearly all of its 0.12 seconds went into
    compiling the addresses of the same 300 routes.
    """
    compiled, known = Rule.compile, dict[tuple[Any, ...], Rule]()

    def compile_once(rule: Rule) -> None:
        key = (rule.rule, rule.merge_slashes, rule.subdomain, repr(rule.defaults))
        before = known.setdefault(key, rule)
        if before is rule:
            compiled(rule)
            return
        rule._parts, rule._trace = before._parts, before._trace
        rule._converters, rule.arguments = before._converters, before.arguments
        for name in ("_build", "_build_unknown"):
            setattr(rule, name, getattr(before, name).__func__.__get__(rule))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "compile", compile_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_cheap() -> Iterator[None]:
    """argon2 takes 30 ms and 19 MiB, as it shall: but not a thousand times in tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sync.accounts._argon2", PasswordHasher(1, 8, 1))
        yield


@pytest.fixture(scope="session", autouse=True)
def _statements_once() -> Iterator[None]:
    with statements_shared():
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file; each test gets a copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    with database.engine.connect() as db:  # fold the log into the one file that is copied
        db.exec_driver_sql("ROLLBACK")
        db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL of this test runner's own, migrated.

    Not below pytest's folder: when another run begins, pytest shuts that to all others, and as root
    PostgreSQL is another.
    """
    with TemporaryDirectory(prefix="cayda-") as folder, a_postgres(Path(folder)) as url:
        database = Database(url)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            # Speed of the suite; no test cuts the power.
            db.execute(sa.text("ALTER SYSTEM SET fsync = off"))
            db.execute(sa.text("SELECT pg_reload_conf()"))
        upgrade(database)
        database.dispose()
        with connections_shared(url):
            yield url


def empty(database: Database) -> None:
    """Take every row out, so that the next test starts with a new schema's emptiness.

    TRUNCATE makes new files for each table and its indices: only of those that have rows, and of
    what refers to them. DELETE would be quicker, but leave rows of later tests in any order.
    """
    numbering = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
    with database.write() as db:
        found = ", ".join(f'"{name}"' for name in filled_tables(db))
        if found:
            db.execute(sa.text(f"TRUNCATE {found} CASCADE"))
        db.execute(sa.text(numbering))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database; the test runs once on each kind."""
    yield from _one_kind(request, tmp_path)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """As `database`, but once for all tests of a file that only ask, of a world made once."""
    yield from _one_kind(request, tmp_path_factory.mktemp("shared"))


def _one_kind(request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    """The database that the request's parameter names; its key lies in that folder."""
    (folder / "secret.key").write_text(SECRET)
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, folder / "cayda.db")
        database = Database(f"sqlite:///{folder / 'cayda.db'}", VAULT)
    else:
        database = Database(request.getfixturevalue("postgres_url"), VAULT)
        empty(database)
    yield database
    database.dispose()


@pytest.fixture
def empty_postgres(postgres_url: str) -> Iterator[str]:
    """A second database of the same server, without any table."""
    there = Database(postgres_url)
    other = there.url.set(database="restored")
    with there.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(sa.text("CREATE DATABASE restored"))
        yield other.render_as_string(hide_password=False)
        db.execute(sa.text("DROP DATABASE restored"))
    there.dispose()


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a bucket in a real S3 API, its credentials in the environment."""
    with (
        a_bucket(tmp_path_factory.mktemp("s3")) as (url, environment),
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        yield url


@pytest.fixture(params=["folder", "s3"])
def blobs_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing was put yet; the test runs once on each kind."""
    if request.param == "folder":
        return str(tmp_path / "blobs")
    return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"
