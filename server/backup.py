"""A backup of everything into one file while the server runs, and everything back out of it."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from typing import IO

import sqlalchemy as sa

from server import lock, ready, tasks
from server.erased import erase_again
from server.runtime import Runtime, open_runtime, open_vault
from server.settings import Settings, secret_key
from sync import backup, gauges, named_blobs, queue, verify
from sync.archive import FORMAT, Damaged, Manifest, Writer, check
from sync.backup import KEY, Tell
from sync.blobs import Blobs, open_blobs, sync_folder
from sync.database import Database, drop_everything
from sync.migrations import HEAD, bring_to, current, upgrade
from sync.verify import Difference

IN_MEMORY = 1 << 20  # bytes of the names of blobs
DRILL = ".cayda-drill-"
LEFT_AFTER = 86_400.0  # seconds without a change, after which nobody writes there any more


class Unusable(Exception):
    """A backup that cannot be made or brought back here; the text says why and what to do."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(f"{vi} / {en}")


# ------------------------------------------------------------------ out


def write(runtime: Runtime, path: Path, tell: Tell) -> Manifest:
    """Everything as it is at one moment; the file appears when it is whole.

    Unusable, OSError, and SettingError where the key here is not that of the data.

    Blobs never change and none is deleted, so those of that moment are still there afterwards.
    """
    database = runtime.database
    if current(database) != HEAD:
        raise Unusable(
            "Cơ sở dữ liệu thuộc bản khác của chương trình; hãy sao lưu bằng bản đó.",
            "The database is of another version of this program; make the backup with that one.",
        )
    manifest = Manifest(HEAD, runtime.now().isoformat(), database.url.get_backend_name())
    with (
        _new_file(path) as new,
        new.open("wb") as file,
        SpooledTemporaryFile(IN_MEMORY) as names,
    ):
        out = Writer(file, manifest)
        out.add(KEY, secret_key(runtime.settings).hex().encode())
        with database.read() as db:
            ready.check_key(db, runtime.settings)
            backup.write_tables(db, out, tell)
            names.writelines(f"{sha256}\n".encode() for sha256, _ in named_blobs.named(db))
        names.seek(0)
        backup.write_blobs(runtime.blobs, (line.decode().strip() for line in names), out, tell)
        out.finish()
    with database.write() as db:
        gauges.note_backup(db, runtime.now())
    return manifest


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """Another name to write to, which becomes `path` when it is whole and on the disk.

    For its owner's eyes only: all three files written here hold secrets.
    """
    _clear(path.parent, f".{path.name}.*.part*")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield temporary
        os.fsync(handle)
        temporary.replace(path)
        sync_folder(path.absolute().parent)
    finally:
        os.close(handle)
        for left in path.parent.glob(f"{temporary.name}*"):  # and what SQLite puts beside
            left.unlink(missing_ok=True)


def _clear(folder: Path, pattern: str) -> None:
    """What a power cut left of an earlier attempt, and would fill the disk night by night."""
    for left in folder.glob(pattern):
        if time.time() - left.stat().st_mtime > LEFT_AFTER:
            shutil.rmtree(left) if left.is_dir() else left.unlink()


# ------------------------------------------------------------------ in


def restore(
    settings: Settings, path: Path, tell: Tell, noted_in: Blobs | None = None
) -> tuple[Manifest, int]:
    """Everything back, into a database that is not there yet or empty: all of it or nothing. But
    whoever was erased since is erased again: how many people.

    The file is read whole and checked first. What a failure may leave behind are blobs nobody
    names, which the next attempt uses. noted_in: the store of files that stood beside the database
    that is lost, where it is another. Unusable, OSError.
    """
    with path.open("rb") as file:
        manifest = _checked(file, path)
        with _held(settings.data):
            _require_empty(settings)
            _keep_key(settings, backup.read_key(file))
            with _database(settings) as database:
                with database.write() as db:
                    bring_to(db, manifest.revision)
                    backup.fill(db, open_blobs(settings.blobs), file, manifest, tell)
                upgrade(database)
                here = replace(open_runtime(settings), database=database)
                return manifest, erase_again(here, noted_in)


def _checked(file: IO[bytes], path: Path) -> Manifest:
    try:
        manifest = check(file)
    except Damaged as error:
        raise Unusable(
            f"{path} bị hỏng hoặc thiếu ({error}). Không nạp gì cả; hãy dùng bản sao khác.",
            f"{path} is damaged or cut off. Nothing was restored; take another copy.",
        ) from None
    if manifest.format > FORMAT or manifest.revision > HEAD:
        raise Unusable(
            f"{path} do bản mới hơn của chương trình ghi; hãy cập nhật chương trình rồi nạp lại.",
            f"{path} was written by newer code; upgrade this program, then restore.",
        )
    return manifest


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    try:
        handle = lock.hold(folder, patience=0)
    except lock.Taken:
        raise Unusable(
            f"Máy chủ đang chạy trên thư mục {folder}; hãy dừng nó trước.",
            f"A server runs on the folder {folder}; stop it first.",
        ) from None
    try:
        yield
    finally:
        os.close(handle)


def _require_empty(settings: Settings) -> None:
    database = Database(settings.database_url)
    try:
        if database.is_sqlite:
            names = [f"{database.url.database}{end}" for end in ("", "-wal", "-shm")]
            found = [name for name in names if Path(name).exists()]
        else:
            with database.read() as db:
                found = sa.inspect(db).get_table_names()
    finally:
        database.dispose()
    if found:
        raise Unusable(
            f"Chỉ nạp vào nơi còn trống, mà ở đây đã có {found[0]}. Hãy dùng thư mục dữ liệu "
            "hoặc cơ sở dữ liệu mới.",
            "Only what is empty is restored into. Take a new data folder or database.",
        )


def _keep_key(settings: Settings, key: bytes) -> None:
    file = settings.data / KEY
    here = settings.secret or (file.read_text() if file.exists() else "")
    if here and here.strip().lower() != key.decode():
        raise Unusable(
            f"Khóa ở đây (CAYDA_SECRET hoặc {file}) khác với khóa trong bản sao; hãy bỏ nó đi "
            "rồi nạp lại.",
            "The key here is not the one in the backup; take it away, then restore.",
        )
    if not here:
        with _new_file(file) as new:
            new.write_bytes(key)


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    """The one to fill. A file of SQLite gets its name when it is whole."""
    vault = open_vault(settings)
    database = Database(settings.database_url, vault)
    if not database.is_sqlite:
        yield from _closing(database)
        return
    with _new_file(Path(database.url.database or "")) as new:
        yield from _closing(Database(f"sqlite:///{new}", vault))


def _closing(database: Database) -> Iterator[Database]:
    try:
        yield database
    finally:
        database.dispose()  # SQLite folds its log into the file


# ------------------------------------------------------------------ the drill


def drill(runtime: Runtime, path: Path, tell: Tell, into: str | None = None) -> list[Difference]:
    """Restore beside the file, work off what waited, prove everything, and take it away again:
    [] when all is as it was.

    Into SQLite; or into the empty database `into`, which is empty again afterwards.
    """
    beside = path.absolute().parent
    _clear(beside, f"{DRILL}*")
    with TemporaryDirectory(prefix=DRILL, dir=beside) as name:
        folder = Path(name)
        url = into or f"sqlite:///{folder / 'cayda.db'}"
        settings = Settings(folder, url, library=runtime.settings.library)
        restore(settings, path, tell)
        copy = replace(open_runtime(settings), now=runtime.now)
        try:
            return _prove(copy, folder, tell)
        finally:
            if into:
                with copy.database.write() as db:
                    drop_everything(db)
            copy.database.dispose()


def _prove(copy: Runtime, folder: Path, tell: Tell) -> list[Difference]:
    tell("verify", 0)
    with copy.database.write() as db:
        queue.release(db, copy.now())  # a worker had claimed it when the backup was made
    tasks.run_until_empty(copy)
    scratch = folder / "scratch"
    scratch.mkdir()
    with copy.database.read() as db:
        lost = named_blobs.examine(db, copy.blobs).differences
        return lost + verify.verify(db, copy.library, scratch, copy.now())
