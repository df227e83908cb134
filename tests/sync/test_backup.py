"""Every table goes out and comes back as it was, between any two databases; and what is named."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from server.runtime import open_vault
from server.settings import Settings
from sync import backup, named_blobs
from sync import tables as t
from sync.archive import Damaged, Manifest, Writer, check, read_parts
from sync.blobs import Folder
from sync.database import Database, drop_everything
from sync.migrations import HEAD, bring_to, current, upgrade
from tests.conftest import NOW

MICRO = datetime(2026, 1, 20, 3, 0, 0, 123457, tzinfo=UTC)
EVERY_BYTE = bytes(range(256))


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database without any table."""
    vault = open_vault(Settings(tmp_path))
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'restored.db'}", vault)
    else:
        database = Database(request.getfixturevalue("empty_postgres"), vault)
    yield database
    database.dispose()


def quiet(*_: object) -> None:
    """No progress."""


def fill_oddly(database: Database, sha256: str) -> None:
    """Values that the two databases keep in different ways."""
    with database.write() as db:
        city = _unit(2, level="city", code="Đà Nẵng “48”", valid_to=date(2027, 1, 1))
        db.execute(t.units.insert().values([_unit(1, parent_id=2), city]))  # refers to a later row
        for table, row in (
            (t.projects, {"id": 7, "name": "Cây Đa\nở đầu\tlàng \\N “x”, 'y'"}),
            (t.forms, {"id": 3, "project_id": 7, "xml_form_id": "f", "title": "", "state": "open",
                     "created_at": MICRO, "current_version_id": None}),
            (t.users, {"id": 1, "name": "lan", "role": "chair", "password_hash": "h",
                     "digest_secret": EVERY_BYTE, "created_at": NOW}),
            (t.submissions, {"id": 9, "form_id": 3, "instance_id": "uuid:1", "created_at": MICRO}),
            (t.submission_versions, {
                "id": 12, "submission_id": 9, "form_id": 3, "instance_id": "uuid:1",
                "sha256": "x", "version": "1", "xml": EVERY_BYTE, "received_at": MICRO,
                "problems": [{"code": "p", "details": {"ô": "đ “\u2028”", "n": 1, "z": None}}]}),
            (t.attachments, {"submission_version_id": 12, "name": "ảnh.jpg", "sha256": sha256,
                           "size": 3, "content_type": None, "received_at": NOW}),
            (t.received, {"received_at": NOW, "project_id": 7, "sha256": "x", "outcome": "new",
                        "submission_version_id": 12}),
            (t.entity_lists, {"project_id": 7, "name": "l", "properties": [], "change_seq": 4}),
            (t.queue, {"name": "process", "payload": None, "added_at": NOW, "due_at": NOW}),
            (t.figures, {"period": "2025H2", "calendar": "calendar", "club_id": "c",
                       "indicator": "B01", "cut": "", "cut_value": "",
                       "numerator": Decimal("12345678.0625"), "denominator": None}),
            (t.match_keys, {"key": -(2**63), "profile_id": 1, "most": 5, "crowd": True}),
            (t.duplicate_pairs, {"list_name": "l", "one": "a", "other": "b", "band": "review",
                               "bits": -0.1 + 1e-9, "levels": {"a": 1}, "found_at": MICRO}),
            (t.counters, {"name": "n", "value": 2**62}),
            (t.secrets, {"name": "s", "value": b"", "made_at": NOW}),
        ):  # fmt: skip
            db.execute(table.insert(), row)


def _unit(number: int, **other: Any) -> dict[str, Any]:
    row = {"id": number, "level": "commune", "kind": "ward", "code": str(number), "name": "Xã Ô"}
    row |= {"parent_id": None, "valid_from": date(2025, 7, 1), "valid_to": None}
    return row | {"counts_in_coverage": number == 1} | other


def all_rows(database: Database) -> dict[str, list[Any]]:
    with database.read() as db:
        return {
            table.name: [tuple(row) for row in db.execute(sa.select(table).order_by(*table.c))]
            for table in t.metadata.sorted_tables
            if db.scalar(sa.select(sa.func.count()).select_from(table))
        }


def archived(database: Database, folder: Path, revision: str = HEAD) -> BytesIO:
    """Everything of a database and the folder's blobs, as a file."""
    file = BytesIO()
    out = Writer(file, Manifest(revision, "now", "sqlite"))
    out.add(backup.KEY, b"key")
    with database.read() as db:
        backup.write_tables(db, out, quiet)
        names = [sha256 for sha256, _ in named_blobs.named(db)]
    backup.write_blobs(Folder(folder), names, out, quiet)
    out.finish()
    return file


def test_everything_comes_back_as_it_was_on_either_database(
    database: Database, target: Database, tmp_path: Path
) -> None:
    blob = Folder(tmp_path / "a").put(b"jpg")
    fill_oddly(database, blob.sha256)
    file = archived(database, tmp_path / "a")
    assert backup.read_key(file) == b"key"
    with target.write() as db:
        bring_to(db, HEAD)
        backup.fill(db, Folder(tmp_path / "b"), file, check(file), quiet)
    assert all_rows(target) == all_rows(database)
    assert list(Folder(tmp_path / "b").all()) == [blob]
    with target.write() as db:  # numbers go on where they were
        more = t.received.insert().values(
            received_at=NOW, project_id=7, sha256="y", outcome="new", submission_version_id=12
        )
        assert db.execute(more).inserted_primary_key == (2,)
        if not target.is_sqlite:
            drop_everything(db)


def test_every_table_and_every_column_is_in_it(database: Database, tmp_path: Path) -> None:
    told = check(archived(database, tmp_path)).tables
    assert {one.name: [name for name, _ in one.columns] for one in told} == {
        table.name: table.c.keys() for table in t.metadata.sorted_tables
    }


def test_rows_are_read_with_tar_and_zcat_alone(database: Database, tmp_path: Path) -> None:
    fill_oddly(database, Folder(tmp_path).put(b"jpg").sha256)
    parts = {name: part.read() for name, part in read_parts(archived(database, tmp_path))}
    (line,) = gzip.decompress(parts["tables/projects/1.jsonl.gz"]).splitlines()
    assert orjson.loads(line) == [7, "Cây Đa\nở đầu\tlàng \\N “x”, 'y'"]


def test_what_older_code_wrote_is_brought_up_afterwards(target: Database, tmp_path: Path) -> None:
    file = BytesIO()
    out = Writer(file, Manifest("0010", "then", "sqlite"))
    out.add("tables/projects/1.jsonl.gz", gzip.compress(b'[7,"Cay"]\n'))
    out.manifest.tables.append(
        backup.TableRows("projects", [("id", "integer"), ("name", "text")], 1)
    )
    out.finish()
    with target.write() as db:
        bring_to(db, "0010")
        backup.fill(db, Folder(tmp_path), file, check(file), quiet)
    upgrade(target)
    assert current(target) == HEAD
    with target.write() as db:
        assert db.execute(sa.select(t.projects)).one() == (7, "Cay")
        if not target.is_sqlite:
            drop_everything(db)


def test_a_file_that_is_damaged_or_cut_anywhere_is_not_taken(
    database: Database, tmp_path: Path
) -> None:
    fill_oddly(database, Folder(tmp_path).put(b"jpg").sha256)
    whole = archived(database, tmp_path).getvalue()
    content = {name: part.read() for name, part in read_parts(BytesIO(whole))}
    for end in range(0, len(whole) - 20 * 512, 999):
        with pytest.raises(Damaged):
            check(BytesIO(whole[:end]))
    for at in range(100, len(whole), 333):
        spoilt = bytearray(whole)
        spoilt[at] ^= 1
        file = BytesIO(spoilt)
        try:
            check(file)
        except Damaged:
            continue
        assert {name: part.read() for name, part in read_parts(file)} == content  # in a filling


# ------------------------------------------------------------------ what is named


def test_what_is_named_and_not_whole_is_told_and_what_nothing_names_is_counted(
    database: Database, tmp_path: Path
) -> None:
    blobs = Folder(tmp_path)
    photo, orphan = blobs.put(b"jpg"), blobs.put(b"of a transaction that failed")
    blobs.check_writable()
    fill_oddly(database, photo.sha256)

    def found(read_all: bool = False) -> named_blobs.Examined:
        with database.read() as db:
            return named_blobs.examine(db, blobs, read_all=read_all)

    assert found(read_all=True) == named_blobs.Examined([], 1, 1, orphan.size)
    blobs.path(photo.sha256).write_bytes(b"gif")
    assert found().differences == []
    (told,) = found(read_all=True).differences
    assert (told.table, told.what) == ("attachments", "its file is damaged")
    assert told.key == f"f uuid:1 {photo.sha256}"  # not the name: photos are called after people
    blobs.path(photo.sha256).write_bytes(b"")
    assert [one.what for one in found().differences] == ["its file is damaged"]
    blobs.path(photo.sha256).unlink()
    assert [one.what for one in found().differences] == ["its file is missing"]
    out = Writer(BytesIO(), Manifest(HEAD, "now", ""))
    backup.write_blobs(blobs, [photo.sha256], out, quiet)
    assert out.manifest.missing == [photo.sha256]


def test_every_column_that_names_a_blob_is_looked_at() -> None:
    digests = {
        f"{table.name}.{column.name}"
        for table in t.metadata.tables.values()
        for column in table.c
        if "sha256" in column.name
    }
    of_other_things = {
        *("received.sha256", "submission_versions.sha256"),  # of the XML, in its row
        *("app_users.token_sha256", "sessions.token_sha256", "api_tokens.token_sha256"),
        *("report_steps.sha256", "report_versions.sha256", "match_weights.sha256"),
        "doomed_blobs.sha256",  # named by nobody: on their way out
    }
    assert digests - of_other_things == {"attachments.sha256", "form_attachments.sha256"}
