"""What may be wrong with an installation: one finding each, in a sentence that says what to do."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from server.runtime import Runtime
from sync import form_list, status

MIN_FREE = 1_000_000_000  # bytes; photos of one busy week
MIN_SQLITE = (3, 38, 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    good: bool
    found: str


def examine(runtime: Runtime) -> list[Finding]:
    """Look at everything that often is the reason when something does not work."""
    return list(_findings(runtime))


def _findings(runtime: Runtime) -> Iterator[Finding]:
    settings = runtime.settings
    yield Finding("Python", sys.version_info >= (3, 11), sys.version.split()[0])
    if runtime.database.is_sqlite:
        found = sqlite3.sqlite_version
        yield Finding("SQLite", sqlite3.sqlite_version_info >= MIN_SQLITE, found)
    free = shutil.disk_usage(settings.data).free
    yield Finding("Đĩa trống / free disk", free >= MIN_FREE, f"{free // 2**20} MB")
    yield _tried("Ghi cơ sở dữ liệu / database", lambda: _write(runtime))
    yield _tried("Ghi tệp / blobs", runtime.blobs.check_writable)
    yield _library(runtime)
    if settings.redis_url:
        yield _tried("Redis", lambda: _ping(settings.redis_url or ""))
    if settings.public_url:
        secure = settings.public_url.startswith("https:")
        yield Finding("Điện thoại gửi qua https / phones use https", secure, settings.public_url)


def _library(runtime: Runtime) -> Finding:
    """An upgrade brings forms that phones do not get by themselves; not everybody wants all."""
    with runtime.database.read() as db:
        published = {one.xml_form_id for one in form_list.read_forms(db)}
    missing = sorted(runtime.library.forms.keys() - published)
    found = f"{', '.join(missing)}: cayda form publish --library" if missing else "ok"
    return Finding("Biểu mẫu chưa công bố / forms not published", True, found)


def _tried(what: str, attempt: Callable[[], object]) -> Finding:
    try:
        attempt()
    except Exception as error:  # whatever it is, it is the finding
        return Finding(what, False, type(error).__name__)
    return Finding(what, True, "ok")


def _write(runtime: Runtime) -> None:
    with runtime.database.write() as db:
        status.check_writable(db)


def _ping(url: str) -> None:
    import redis

    redis.Redis.from_url(url, socket_connect_timeout=2).ping()
