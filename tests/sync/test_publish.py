"""A published form, its files and lists reach phones; one version never changes its bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from forms.form_problems import FormRefused
from forms.library import Download, ListRule, load_library
from forms.xlsform import Compiled, compile_form
from sync import publish
from sync.blobs import Blobs, StoredBlob
from sync.database import Database
from sync.tables import (
    audit_events,
    entity_lists,
    form_attachments,
    form_versions,
    forms,
    projects,
)
from tests.conftest import NOW


def form(version: str = "1", label: str = "Tên", rows: str = "", more: str = "") -> Compiled:
    source = f"""
| survey |
| | type | name | label | save_to | media::image |
| | text | a | {label} | | |
{rows}

| settings |
| | form_id | version |
| | trial | {version} |
{more}
"""
    return compile_form(source.encode(), "md", "trial")


ENTITIES = """
| entities |
| | list_name | label |
| | trees | ${a} |
"""
FROM_TREES = "| | select_one_from_file trees.csv | t | Cây | | |"


# The list `trees` may be downloaded by volunteers; the library has it not.
TREES = ListRule("trees", "Cây", "Trees", None, (), {"volunteer": Download("all", {}, ())}, ())
LIBRARY = replace(load_library(), lists={**load_library().lists, "trees": TREES})


def do(database: Database, compiled: Compiled, **media: StoredBlob) -> int:
    files = {name.replace("_", "."): blob for name, blob in media.items()}
    with database.write() as db:
        return publish.publish_form(db, LIBRARY, compiled, files, NOW, "user:1")


def count(database: Database, table: sa.Table) -> int:
    with database.read() as db:
        return db.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def attachments(database: Database, version_id: int) -> dict[str, tuple[str | None, str | None]]:
    query = sa.select(form_attachments).where(form_attachments.c.form_version_id == version_id)
    with database.read() as db:
        return {row.filename: (row.list_name, row.sha256) for row in db.execute(query)}


def test_a_version_becomes_the_one_phones_get_with_the_md5_of_its_bytes(database: Database) -> None:
    compiled = form()
    version_id = do(database, compiled)
    with database.read() as db:
        row = db.execute(sa.select(form_versions)).one()
        current = db.execute(sa.select(forms.c.current_version_id)).scalar_one()
    assert current == row.id == version_id
    assert bytes(row.xform) == compiled.xform
    assert row.md5 == hashlib.md5(compiled.xform).hexdigest()
    assert (bytes(row.source), row.source_kind) == (compiled.source, "md")


def test_publishing_the_same_again_changes_nothing(database: Database) -> None:
    assert do(database, form()) == do(database, form())
    assert count(database, form_versions) == 1
    assert count(database, audit_events) == 1
    assert count(database, projects) == 1


def test_other_bytes_under_the_same_version_are_refused(database: Database) -> None:
    do(database, form(label="Tên"))
    with pytest.raises(FormRefused) as refused:
        do(database, form(label="Họ tên"))
    assert [p.code for p in refused.value.problems] == ["form_version_taken"]
    with database.read() as db:
        assert "Họ tên".encode() not in bytes(db.execute(sa.select(form_versions.c.xform)).scalar())


def test_a_new_version_takes_over_the_old_one_is_kept_and_may_come_back(database: Database) -> None:
    one, two = do(database, form("1")), do(database, form("2", label="Họ tên"))
    assert one != two
    assert do(database, form("1")) == one
    with database.read() as db:
        assert db.execute(sa.select(forms.c.current_version_id)).scalar_one() == one
    assert count(database, form_versions) == 2
    assert count(database, audit_events) == 3


def test_a_declared_list_is_made_and_only_ever_gains_properties(database: Database) -> None:
    do(database, form("1", rows="| | text | b | B | height | |", more=ENTITIES))
    do(database, form("2", rows="| | text | b | B | species | |", more=ENTITIES))
    with database.read() as db:
        [row] = db.execute(sa.select(entity_lists)).all()
    assert (row.name, row.properties) == ("trees", ["height", "species"])


def test_a_csv_named_like_a_list_is_served_from_the_list(
    database: Database, tmp_path: Path
) -> None:
    uploaded = Blobs(tmp_path).put(b"name,label\n")
    version_id = do(
        database,
        form(rows=FROM_TREES + "\n| | text | b | B | height | |", more=ENTITIES),
        trees_csv=uploaded,
    )
    assert attachments(database, version_id) == {"trees.csv": ("trees", None)}


def test_a_csv_that_is_nowhere_refuses_the_form_and_leaves_no_trace(database: Database) -> None:
    with pytest.raises(FormRefused) as refused:
        do(database, form(rows=FROM_TREES))
    assert [p.code for p in refused.value.problems] == ["form_file_missing"]
    assert "trees.csv" in refused.value.problems[0].vi
    assert count(database, forms) == 0


def test_a_picture_may_come_later_and_is_not_lost_by_publishing_again(
    database: Database, tmp_path: Path
) -> None:
    compiled = form(rows="| | note | n | Xem ảnh | | tree.png |")
    version_id = do(database, compiled)
    assert attachments(database, version_id) == {"tree.png": (None, None)}
    blob = Blobs(tmp_path).put(b"picture")
    do(database, compiled, tree_png=blob)
    do(database, compiled)
    assert attachments(database, version_id) == {"tree.png": (None, blob.sha256)}


def test_files_beside_the_form_are_put_away_and_none_from_elsewhere(tmp_path: Path) -> None:
    folder, blobs = tmp_path / "form", Blobs(tmp_path / "blobs")
    (folder / "media").mkdir(parents=True)
    (folder / "trees.csv").write_bytes(b"name,label\n")
    (folder / "media" / "tree.png").write_bytes(b"picture")
    (tmp_path / "secret.png").write_bytes(b"secret")
    rows = FROM_TREES + "\n| | note | n | N | | tree.png |\n| | note | m | M | | ../secret.png |"
    media = publish.put_media(blobs, load_library(), form(rows=rows), folder)
    assert sorted(media) == ["tree.png", "trees.csv"]


def test_the_library_is_published_whole_and_again_without_a_change(
    database: Database, tmp_path: Path
) -> None:
    library = load_library()
    for _ in range(2):
        with database.write() as db:
            published = publish.publish_library(db, Blobs(tmp_path), library, NOW)
    assert len(published) == len(library.forms) == count(database, form_versions)
    with database.read() as db:
        lists = {row.name: row.properties for row in db.execute(sa.select(entity_lists))}
    for name, rule in library.lists.items():
        assert set(rule.properties) <= set(lists[name])


def test_two_who_publish_at_once_make_one_version(database: Database) -> None:
    compiled = form(rows="| | text | b | B | height | |", more=ENTITIES)
    made: list[int] = []
    threads = [
        threading.Thread(target=lambda: made.append(do(database, compiled))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    assert len(set(made)) == 1
    assert count(database, audit_events) == 1


def test_a_form_that_asks_for_units_gets_all_communes_with_their_days(tmp_path: Path) -> None:
    rows = "| | select_one_from_file units.csv | unit | Xã | | |"
    blobs = Blobs(tmp_path)
    media = publish.put_media(blobs, load_library(), form(rows=rows), tmp_path)
    with blobs.open(media["units.csv"].sha256) as stream:
        units = list(csv.DictReader(io.StringIO(stream.read().decode())))

    def on(day: str) -> list[dict[str, str]]:
        return [u for u in units if u["valid_from"] <= day < u["valid_to"]]

    today, before = on("2026-01-01"), on("2024-12-31")
    assert len(today) == 94
    assert len([u for u in before if u["code"] < "20333"]) == 56
    assert {u["label"] for u in today if u["code"] == "20242"} == {"Phường Hải Châu"}
    assert {u["label"] for u in before if u["code"] == "20242"} == {"Phường Phước Ninh"}
