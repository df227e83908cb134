"""While phones send, everything goes into one file; and out of it comes the same server."""

from __future__ import annotations

import errno
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from server import backup, lock, ready
from server.cli import main
from server.cli.terminal import GOOD, MISUSED, WRONG
from server.runtime import Runtime, open_runtime
from server.settings import Settings
from sync import key_mark
from sync import tables as t
from sync.archive import Manifest
from sync.blobs import Folder, open_blobs
from tests.device import Device
from tests.journeys.world import World
from tests.sync.test_backup import all_rows, quiet


def write(world: World, path: Path) -> Manifest:
    return backup.write(world.runtime, path, quiet)


def restored(path: Path, folder: Path, **settings: Any) -> Runtime:
    """A server from the file, embedded unless `settings` say otherwise."""
    found = Settings(folder, **settings)
    backup.restore(found, path, quiet)
    return open_runtime(found)


def kept(runtime: Runtime) -> set[bytes]:
    with runtime.database.read() as db:
        return set(db.scalars(sa.select(t.submission_versions.c.xml)))


def visits(phone: Device, count: int) -> set[bytes]:
    """Fill in visits with a photo and send them; the forms that were acknowledged."""
    sent = set()
    for number in range(count):
        phone.visits("Trần Thị Ba", on=f"2025-09-{number + 1:02d}")
        filled = phone.outbox[-1]
        filled.files["photo.jpg"] = f"photo {phone.server_url} {number}".encode()
        assert phone.sends() == 1
        sent.add(filled.xml)
    return sent


@pytest.fixture
def phone(world: World) -> Device:
    phone = world.phone("chair").receives()
    phone.registers("Trần Thị Ba", 1948, joined="2025-07-10")
    assert phone.sends() == 1
    world.works()
    return phone.receives()


def test_what_was_acknowledged_before_a_backup_is_in_it_while_phones_go_on_sending(
    world: World, phone: Device, tmp_path: Path
) -> None:
    before = visits(phone, 3)
    world.a_worker_dies()
    others = threading.Thread(target=visits, args=(phone, 25))
    others.start()
    path = tmp_path / "out" / "cayda.backup"
    path.parent.mkdir()
    manifest = write(world, path)
    others.join()
    assert manifest.missing == []
    assert path.stat().st_mode & 0o077 == 0
    assert backup.drill(world.runtime, path, quiet) == []  # all of its blobs, stored = recomputed
    assert list(path.parent.iterdir()) == [path]
    copy = restored(path, tmp_path / "copy")
    assert before <= kept(copy) <= kept(world.runtime)
    copy.database.dispose()


def test_a_bucket_is_backed_up_and_restored_into_another(
    world: World, tmp_path: Path, bucket: str
) -> None:
    folder = world.runtime.blobs
    at = f"{bucket}/{tmp_path.name}"
    world.runtime = replace(world.runtime, blobs=open_blobs(f"{at}/one"))
    for blob in folder.all():
        with folder.open(blob.sha256) as source:
            world.runtime.blobs.put(source)
    path = tmp_path / "cayda.backup"
    manifest = write(world, path)
    copy = restored(path, tmp_path / "copy", blobs=f"{at}/two")
    assert len(list(copy.blobs.all())) == manifest.blobs > 0
    assert manifest.missing == []
    copy.database.dispose()


# ------------------------------------------------------------------ at the console


def cayda(folder: Path, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["--data", str(folder), *arguments], env=environment)


def test_the_console_makes_proves_and_restores_a_backup_and_tells_of_a_lost_photo(
    world: World, phone: Device, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    visits(phone, 1)
    here = {"DATABASE_URL": world.database.url.render_as_string(hide_password=False)}
    path, into = str(tmp_path / "cayda.backup"), []
    if not world.database.is_sqlite:
        there = {"DATABASE_URL": request.getfixturevalue("empty_postgres")}
        into = ["--into", there["DATABASE_URL"]]
    done = cayda(tmp_path, "backup", path, "--drill", *into, "--json", **here)
    assert done.exit_code == GOOD, done.output
    told = json.loads(done.stdout)
    assert told["drill"]["differences"] == []
    assert (told["rows"]["submissions"], told["missing"]) == (2, [])
    assert told["bytes"] == Path(path).stat().st_size
    if into:  # the drill left it as empty as it was
        done = cayda(tmp_path / "pg", "restore", path, **there)
        assert done.exit_code == GOOD, done.output
    done = cayda(tmp_path / "copy", "restore", path, "--erased-in", str(tmp_path / "blobs"))
    assert done.exit_code == GOOD, done.output
    assert "erased again: 0" in done.stdout
    assert "Phiếu / submissions: 2" in done.stdout
    copy = open_runtime(Settings(tmp_path / "copy"))
    all_here, all_there = all_rows(world.database), all_rows(copy.database)
    copy.database.dispose()
    assert all_here.pop("counters") != all_there.pop("counters")  # noted when the file was whole
    assert all_there == all_here
    key = (tmp_path / "secret.key").read_bytes()
    assert (tmp_path / "copy" / "secret.key").read_bytes() == key

    with world.database.write() as db:
        key_mark.note(db, ready.mark(world.runtime.settings), world.runtime.now())
    done = cayda(tmp_path, "backup", path, CAYDA_SECRET="ab" * 32, **here)
    assert (done.exit_code, done.stdout) == (MISUSED, "")
    assert "this machine's key is not the one the data was sealed with" in done.stderr
    for url in ("nowhere", f"sqlite:///{tmp_path}/drill.db"):
        done = cayda(tmp_path, "backup", path, "--into", url, **here)
        assert (done.exit_code, done.stdout) == (MISUSED, "")
        assert "--into: cần" in done.stderr

    blobs = world.runtime.blobs
    assert isinstance(blobs, Folder)
    lost = next(
        name
        for name in (one.sha256 for one in blobs.all())
        if blobs.path(name).read_bytes().startswith(b"photo ")
    )
    blobs.path(lost).unlink()
    done = cayda(tmp_path, "backup", path, **here)
    assert done.exit_code == WRONG
    assert lost in done.stdout
    done = cayda(tmp_path, "verify", **here)
    assert done.exit_code == WRONG
    assert f"{lost}: its file is missing" in done.stdout


def test_a_backup_for_which_there_is_no_room_is_told_in_a_sentence_and_leaves_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")  # names no file: it is open already

    monkeypatch.setattr("sync.archive.Writer.finish", full)
    here = {"DATABASE_URL": world.database.url.render_as_string(hide_password=False)}
    (tmp_path / "out").mkdir()
    done = cayda(tmp_path, "backup", str(tmp_path / "out" / "cayda.backup"), **here)
    assert (done.exit_code, done.stdout) == (WRONG, "")
    assert "No space left on device" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_restored_is_told_in_a_sentence_and_leaves_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copy = tmp_path / "cayda.backup", tmp_path / "copy"
    old, new = (tmp_path / f".cayda.backup.{n}.part" for n in ("old", "new"))
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    write(world, path)
    assert (old.exists(), new.exists()) == (False, True)  # another may be writing it

    def refused(sentence: str, **environment: str) -> None:
        done = cayda(copy, "restore", str(path), **environment)
        assert (done.exit_code, done.stdout) == (WRONG, "")
        assert sentence in done.stderr
        left = {one.name for one in copy.iterdir()} if copy.exists() else set()
        assert left <= {"serve.lock"}

    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("damaged or cut off")
    path.write_bytes(whole)
    with monkeypatch.context() as patch:
        patch.setattr(backup, "HEAD", "0001")
        refused("written by newer code")
    refused("The key here is not the one in the backup", CAYDA_SECRET="ab" * 32)
    handle = lock.hold(copy)
    refused("A server runs on the folder")
    os.close(handle)
    same = (tmp_path / "secret.key").read_text().upper()
    assert cayda(copy, "restore", str(path), CAYDA_SECRET=same).exit_code == GOOD
    done = cayda(copy, "restore", str(path))
    assert done.exit_code == WRONG
    assert "Only what is empty is restored into" in done.stderr
    assert cayda(copy, "restore", str(tmp_path / "none")).exit_code == MISUSED
