"""What may be wrong with an installation: one finding each, in a sentence, and what to do about it.

Each looks by itself: where the database is away, the others still tell.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from server import ready
from server.health import ALIVE_WITHIN, WORK_WITHIN
from server.runtime import Runtime
from server.settings import SettingError
from sync import attachments, form_list, status
from sync.database import is_outage
from sync.gauges import Gauges, read_gauges
from sync.indexes import missing_indexes
from sync.migrations import HEAD, current, is_behind

MIN_FREE = 1_000_000_000  # bytes; photos of one busy week
MIN_SQLITE = (3, 38, 0)
CLOCKS_APART = timedelta(seconds=30)  # more is no network: somebody's clock is wrong
LOOKED_AT = 20  # of the newest attachments
PROXY_WITHIN = timedelta(days=7)  # since one was seen that is not believed
BACKUP_WITHIN = timedelta(days=8)  # a weekly one, a day late


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `to_do` in Vietnamese and English where it is not good."""

    what: str
    good: bool
    found: str
    to_do: str = ""


Look = Callable[[Runtime], Iterator[Finding]]


def examine(runtime: Runtime) -> list[Finding]:
    """Look at everything that often is the reason when something does not work."""
    return [finding for what, look in LOOKS.items() for finding in _tried(what, look, runtime)]


def _tried(what: str, look: Look, runtime: Runtime) -> Sequence[Finding]:
    """What cannot even be looked at is a finding too."""
    try:
        return list(look(runtime))
    except Exception as error:  # whatever it is
        if is_outage(error):
            return [Finding(what, False, ready.cause(error), TO_DO[DATABASE])]
        kind = type(getattr(error, "orig", None) or error).__name__
        return [Finding(what, False, kind, TO_DO[SCHEMA if kind == "UndefinedTable" else what])]


def _finding(what: str, good: bool, found: str) -> Finding:
    return Finding(what, good, found, "" if good else TO_DO[what])


# ------------------------------------------------------------------ this machine


def _programs(_: Runtime) -> Iterator[Finding]:
    yield _finding(PROGRAMS, sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}")
    found = f"SQLite {sqlite3.sqlite_version}"
    yield _finding(PROGRAMS, sqlite3.sqlite_version_info >= MIN_SQLITE, found)


def _disks(runtime: Runtime) -> Iterator[Finding]:
    for folder in _folders(runtime):
        free = shutil.disk_usage(folder).free
        yield _finding(DISK, free >= MIN_FREE, f"{folder}: {free // 2**20} MB")


def _folders_take_files(runtime: Runtime) -> Iterator[Finding]:
    for folder in _folders(runtime):
        try:
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            yield _finding(FOLDER, False, f"{folder}: {error.strerror}")
        else:
            yield _finding(FOLDER, True, str(folder))


def _folders(runtime: Runtime) -> list[Path]:
    """Where files go: our data, and bodies on their way in. What is not there yet will be made."""
    data = runtime.settings.data.absolute()
    standing = next(folder for folder in (data, *data.parents) if folder.exists())
    return [standing, Path(tempfile.gettempdir())]


def _clock(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.read() as db:
        theirs, newest = status.clock(db), status.newest_received_at(db)
    now = runtime.now()
    if theirs is not None:
        apart = abs(now - theirs)
        yield _finding(CLOCK, apart <= CLOCKS_APART, f"± {apart.total_seconds():.0f} s")
    ahead = newest - now if newest is not None else timedelta(0)
    if ahead > CLOCKS_APART:
        yield _finding(CLOCK, False, f"− {ahead}")
    elif theirs is None:
        yield _finding(CLOCK, True, f"{now:%Y-%m-%d %H:%M} UTC")


# ------------------------------------------------------------------ what it stands on


def _database(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.write() as db:
        status.check_writable(db)
    yield _finding(DATABASE, True, runtime.database.url.get_backend_name())


def _schema(runtime: Runtime) -> Iterator[Finding]:
    at = current(runtime.database)
    yield _finding(SCHEMA, not is_behind(runtime.database), f"{at} / {HEAD}")


def _indexes(runtime: Runtime) -> Iterator[Finding]:
    if is_behind(runtime.database):  # `migrate` makes those that are not there yet
        return
    with runtime.database.read() as db:
        missing = missing_indexes(db)
    yield _finding(INDEXES, not missing, "; ".join(missing) or "ok")


def _key(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.read() as db:
        try:
            ready.check_key(db, runtime.settings)
        except SettingError:
            yield _finding(KEY, False, "≠")
        else:
            yield _finding(KEY, True, "ok")


def _blobs(runtime: Runtime) -> Iterator[Finding]:
    runtime.blobs.check_writable()
    yield _finding(BLOBS, True, "ok")


def _newest_files(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.read() as db:
        newest = attachments.newest(db, LOOKED_AT)
    missing = sum(1 for sha256 in newest if not _is_there(runtime, sha256))
    yield _finding(FILES, not missing, f"{len(newest) - missing} / {len(newest)}")


def _is_there(runtime: Runtime, sha256: str) -> bool:
    try:
        runtime.blobs.size(sha256)
    except FileNotFoundError:
        return False
    return True


def _redis(runtime: Runtime) -> Iterator[Finding]:
    url = runtime.settings.redis_url
    if url:
        import redis

        redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2).ping()
        yield _finding(REDIS, True, "ok")


# ------------------------------------------------------------------ how it is doing


def _work(runtime: Runtime) -> Iterator[Finding]:
    now = runtime.now()
    with runtime.database.read() as db:
        found = read_gauges(db, now)
    seen, waiting = found.worker_seen_at, found.queue.waiting
    alive = seen is not None and now - seen <= ALIVE_WITHIN
    said = "–" if seen is None else f"{_minutes(now - seen)} min"
    yield _finding(WORKER, alive or not waiting, said)
    oldest = now - (found.queue.oldest_at or now)
    yield _finding(WAITING, oldest <= WORK_WITHIN, f"{waiting}, {_minutes(oldest)} min")
    yield _finding(FAILED, not found.queue.failed, str(found.queue.failed))
    yield _backup(found, now)


def _backup(found: Gauges, now: datetime) -> Finding:
    """A new installation has none, and is not wrong yet."""
    at = found.backed_up_at
    late = at is not None and now - at > BACKUP_WITHIN
    return _finding(BACKUP, not late, "–" if at is None else f"{at:%Y-%m-%d %H:%M} UTC")


def _minutes(age: timedelta) -> int:
    return int(age.total_seconds() // 60)


def _addresses(runtime: Runtime) -> Iterator[Finding]:
    settings = runtime.settings
    if settings.public_url is None:
        yield _finding(TLS, settings.host in ("127.0.0.1", "::1", "localhost"), settings.host)
        return
    yield _finding(TLS, settings.public_url.startswith("https:"), settings.public_url)


def unheeded_proxy(runtime: Runtime) -> list[Finding]:
    """What to say where a proxy stands in front and the settings do not know it."""
    return [one for one in _tried(PROXY, _proxy, runtime) if not one.good]


def _proxy(runtime: Runtime) -> Iterator[Finding]:
    """Whoever trusts one that is not there believes strangers: so it is set, and never guessed."""
    settings, now = runtime.settings, runtime.now()
    found = f"CAYDA_TRUST_PROXY={settings.trust_proxy:d}"
    if settings.trust_proxy:
        yield _finding(PROXY, True, found)
        return
    with runtime.database.read() as db:
        seen_at = read_gauges(db, now).unheeded_proxy_at
    if seen_at is not None and now - seen_at < PROXY_WITHIN:
        yield _finding(PROXY, False, f"{found}, X-Forwarded-For {seen_at:%Y-%m-%d %H:%M} UTC")
    else:
        yield _finding(PROXY, not (settings.public_url or "").startswith("https:"), found)


def _library(runtime: Runtime) -> Iterator[Finding]:
    """An upgrade brings forms that phones do not get by themselves; not everybody wants all."""
    with runtime.database.read() as db:
        published = {one.xml_form_id for one in form_list.read_forms(db)}
    missing = sorted(runtime.library.forms.keys() - published)
    found = f"{', '.join(missing)}: cayda form publish --library" if missing else "ok"
    yield _finding(LIBRARY, True, found)


# ------------------------------------------------------------------ in words

PROGRAMS = "Chương trình / programs"
DISK = "Đĩa trống / free disk"
FOLDER = "Thư mục ghi được / folder takes files"
CLOCK = "Đồng hồ / clock"
DATABASE = "Ghi cơ sở dữ liệu / database"
SCHEMA = "Bản cơ sở dữ liệu / schema"
INDEXES = "Chỉ mục / indexes"
KEY = "Khóa / key"
BLOBS = "Ghi tệp / blobs"
FILES = "Tệp gửi gần đây còn đủ / newest files are there"
REDIS = "Redis"
WORKER = "Người làm việc / worker"
WAITING = "Hàng chờ / queue"
FAILED = "Việc hỏng / failed work"
BACKUP = "Sao lưu / backup"
TLS = "Điện thoại gửi qua https / phones use https"
PROXY = "Proxy đứng trước / proxy in front"
LIBRARY = "Biểu mẫu chưa công bố / forms not published"

LOOKS: dict[str, Look] = {
    PROGRAMS: _programs,
    DISK: _disks,
    FOLDER: _folders_take_files,
    DATABASE: _database,
    SCHEMA: _schema,
    INDEXES: _indexes,
    CLOCK: _clock,
    KEY: _key,
    BLOBS: _blobs,
    FILES: _newest_files,
    REDIS: _redis,
    WORKER: _work,
    TLS: _addresses,
    PROXY: _proxy,
    LIBRARY: _library,
}

TO_DO = {
    PROGRAMS: "Cài Python ≥ 3.11 và SQLite ≥ 3.38. / Install Python ≥ 3.11 and SQLite ≥ 3.38.",
    DISK: "Xóa bớt tệp khác hoặc thêm đĩa; đừng xóa gì trong thư mục dữ liệu. Đĩa đầy thì điện "
    "thoại giữ phiếu và gửi lại sau. / Free space or add a disk, and delete nothing in the data "
    "folder. While it is full phones keep their forms and come again.",
    FOLDER: "Cho người dùng chạy cayda quyền ghi (chown, chmod 700), và xem đĩa có gắn chỉ-đọc "
    "không. / Let the user that runs cayda write there (chown, chmod 700); see whether the disk is "
    "mounted read-only.",
    CLOCK: "Bật đồng bộ giờ (timedatectl set-ntp true) trên cả hai máy. / Switch time "
    "synchronisation on (timedatectl set-ntp true), on the database's machine too.",
    DATABASE: "Xem máy chủ cơ sở dữ liệu có chạy không, DATABASE_URL có đúng không, đĩa của nó có "
    "đầy không. / See whether the database runs, DATABASE_URL is right, and its disk is not full.",
    SCHEMA: "Chạy “cayda migrate”. / Run “cayda migrate”.",
    INDEXES: "Chạy các lệnh trên trong cơ sở dữ liệu, lúc vắng. / Run these statements in the "
    "database, at a quiet hour.",
    KEY: "Dùng chung một CAYDA_SECRET hoặc secret.key (bản sao lưu nào cũng có); muốn đổi khóa thì "
    "“cayda migrate --old-key TỆP”. / Use the CAYDA_SECRET or secret.key of the other machines, or "
    "of a backup; to change it, “cayda migrate --old-key FILE”.",
    BLOBS: "Xem CAYDA_BLOBS: thư mục ghi được không; với s3:// xem mạng, AWS_ENDPOINT_URL, khóa và "
    "tên kho. / Look at CAYDA_BLOBS: whether the folder can be written to; of s3:// the network, "
    "AWS_ENDPOINT_URL, the keys and the bucket's name.",
    FILES: "CAYDA_BLOBS có đúng chỗ không, đĩa đã gắn chưa? Nếu đúng rồi mà vẫn thiếu thì lấy lại "
    "từ bản sao lưu. / Is CAYDA_BLOBS the right place, and its disk mounted? If so, take the files "
    "back from the backup.",
    REDIS: "Xem Redis có chạy không, REDIS_URL có đúng không. Không mất gì: việc được quét 10 giây "
    "một lần. / See whether Redis runs and REDIS_URL is right. Nothing is lost: work is looked for "
    "every 10 seconds.",
    WORKER: "Khởi động “cayda work” (hoặc “cayda serve”). Phiếu vẫn được giữ, chỉ chưa được xử "
    "lý. / Start “cayda work” (or “cayda serve”). Submissions are kept, and not processed yet.",
    WAITING: "Xem nhật ký của người làm việc; sau nâng cấp thì đợi; nếu thiếu sức thì chạy thêm "
    "một “cayda work”. / Look into the worker's log; after an upgrade wait; where it cannot keep "
    "up, start another “cayda work”.",
    FAILED: "“cayda status” kể từng việc; sửa nguyên nhân rồi “cayda retry”. / “cayda status” "
    "names them; mend the reason, then “cayda retry”.",
    BACKUP: "Bản sao lưu gần nhất đã cũ: xem deploy/README.md. / The last backup is old: see "
    "deploy/README.md.",
    TLS: "Đặt Caddy ở trước và CAYDA_PUBLIC_URL=https://…: xem deploy/README.md. / Put Caddy in "
    "front and set CAYDA_PUBLIC_URL=https://…: see deploy/README.md.",
    PROXY: "Có proxy của mình đứng trước thì đặt CAYDA_TRUST_PROXY=1; nếu không, mọi người chung "
    "một địa chỉ: một người đoán mật khẩu là chặn tất cả, và Basic bị từ chối. / Where a proxy of "
    "yours is in front set CAYDA_TRUST_PROXY=1: else all share one address, so that one who "
    "guesses passwords shuts out everybody, and Basic is refused.",
    LIBRARY: "Xem CAYDA_LIBRARY. / Look at CAYDA_LIBRARY.",
}
