"""A published form, its files and lists reach phones; one version never changes its bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.form_key import new_pair, read_public_key
from forms.form_problems import FormRefused
from forms.library import Download, FormRule, ListRule, load_library
from forms.problems import Refused
from forms.xlsform import Compiled, compile_form
from sync import accounts, places, publish
from sync.accounts import DRAFTS_ID, PROJECT_ID
from sync.blobs import Folder, FormBlob, put_for_phones
from sync.database import Database
from sync.tables import (
    app_users,
    audit_events,
    counters,
    entity_lists,
    form_attachments,
    form_versions,
    forms,
    projects,
    submissions,
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


def do(database: Database, compiled: Compiled, **media: FormBlob) -> int:
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
    uploaded = put_for_phones(Folder(tmp_path), b"name,label\n")
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
    blob = put_for_phones(Folder(tmp_path), b"picture")
    do(database, compiled, tree_png=blob)
    do(database, compiled)
    assert attachments(database, version_id) == {"tree.png": (None, blob.sha256)}


def test_files_beside_the_form_are_put_away_and_none_from_elsewhere(tmp_path: Path) -> None:
    folder, blobs = tmp_path / "form", Folder(tmp_path / "blobs")
    (folder / "media").mkdir(parents=True)
    (folder / "trees.csv").write_bytes(b"name,label\n")
    (folder / "media" / "tree.png").write_bytes(b"picture")
    (tmp_path / "secret.png").write_bytes(b"secret")
    rows = FROM_TREES + "\n| | note | n | N | | tree.png |\n| | note | m | M | | ../secret.png |"
    media = publish.put_media(blobs, b"", form(rows=rows), folder)
    assert sorted(media) == ["tree.png", "trees.csv"]


def test_the_library_is_published_whole_and_again_without_a_change(
    database: Database, tmp_path: Path
) -> None:
    library = load_library()
    for _ in range(2):
        with database.write() as db:
            published = publish.publish_library(db, Folder(tmp_path), library, NOW)
    assert len(published) == len(library.forms) == count(database, form_versions)
    with database.read() as db:
        lists = {row.name: row.properties for row in db.execute(sa.select(entity_lists))}
    real = {name: rule for name, rule in library.lists.items() if rule.of is None}
    assert lists.keys() == real.keys()  # a view has no rows of its own
    for name, rule in real.items():
        assert set(rule.properties) <= set(lists[name])


# ------------------------------------------------------------------ drafts, states, files, keys


def do_draft(database: Database, compiled: Compiled) -> int:
    with database.write() as db:
        return publish.draft_form(db, LIBRARY, compiled, {}, NOW, "user:1")


def changes(database: Database) -> int:
    with database.read() as db:
        named = counters.c.name == "forms"
        return db.execute(sa.select(counters.c.value).where(named)).scalar() or 0


def actions(database: Database) -> list[str]:
    with database.read() as db:
        query = sa.select(audit_events.c.action).order_by(audit_events.c.id)
        return list(db.execute(query).scalars())


def test_a_draft_stands_beside_the_published_form_and_takes_other_bytes(database: Database) -> None:
    do(database, form("1"))
    draft_id = do_draft(database, form("2"))
    assert do_draft(database, form("2", label="Họ tên")) == draft_id
    with database.read() as db:
        assert publish.find_draft(db, "trial") == draft_id
        rows = db.execute(sa.select(forms.c.id, forms.c.project_id).order_by(forms.c.id)).all()
        version = form_versions.c.form_id == draft_id
        (row,) = db.execute(sa.select(form_versions).where(version)).all()
    assert [row.project_id for row in rows] == [PROJECT_ID, DRAFTS_ID]
    assert row.md5 == hashlib.md5(form("2", label="Họ tên").xform).hexdigest()


def test_a_draft_declares_no_list_and_is_refused_as_a_published_form_would_be(
    database: Database,
) -> None:
    do_draft(database, form(rows="| | text | b | B | height | |", more=ENTITIES))
    assert count(database, entity_lists) == 0
    with pytest.raises(FormRefused) as refused:
        do_draft(database, form(rows=FROM_TREES.replace("trees", "wells")))
    assert [p.code for p in refused.value.problems] == ["form_file_missing"]


def test_ending_a_draft_ends_its_codes_and_only_its_own(database: Database) -> None:
    draft_id = do_draft(database, form("2"))
    with database.write() as db:
        for number, (kind, form_id) in enumerate([("draft", draft_id), ("phone", None)]):
            accounts.add_app_user(
                *(db, "Máy", "volunteer", None, None, str(number), NOW), kind=kind, form_id=form_id
            )
    with database.write() as db:
        assert publish.end_draft(db, "trial", NOW, "user:1")
    with database.write() as db:
        assert not publish.end_draft(db, "trial", NOW, "user:1")
        assert publish.find_draft(db, "trial") is None
        revoked = dict(db.execute(sa.select(app_users.c.kind, app_users.c.revoked_at)).all())
    assert revoked["draft"] is not None
    assert revoked["phone"] is None


def test_every_change_phones_may_see_raises_the_counter_and_is_written_down(
    database: Database, tmp_path: Path
) -> None:
    compiled = form(rows="| | note | n | Xem ảnh | | tree.png |")
    key = read_public_key(new_pair()[1])
    blob = put_for_phones(Folder(tmp_path), b"picture")

    def draft(db: Connection) -> object:
        return publish.draft_form(db, LIBRARY, form("2"), {}, NOW, "user:1")

    def media(db: Connection) -> object:
        return publish.replace_media(db, "trial", "tree.png", blob, NOW, "user:1")

    def encrypt(db: Connection) -> object:
        return publish.set_public_key(db, LIBRARY, "trial", key, NOW, "user:1")

    do(database, compiled)
    steps: list[Callable[[Connection], object]] = [
        draft,
        lambda db: publish.end_draft(db, "trial", NOW, "user:1"),
        lambda db: publish.set_state(db, "trial", "closing", NOW, "user:1"),
        media,
        encrypt,
    ]
    for step in steps:
        before = changes(database)
        with database.write() as db:
            step(db)
        assert changes(database) > before
    assert actions(database) == [
        *("form.publish", "form.draft", "form.draft_end", "form.state", "form.media"),
        *("form.encrypt", "form.publish"),
    ]


def test_a_state_that_is_so_already_changes_nothing(database: Database) -> None:
    do(database, form())
    before = changes(database)
    with database.write() as db:
        assert not publish.set_state(db, "trial", "open", NOW, "user:1")
    assert changes(database) == before
    with database.write() as db, pytest.raises(Refused):
        publish.set_state(db, "nothing", "closed", NOW, "user:1")


def test_a_file_the_form_does_not_name_is_refused_with_those_it_names(
    database: Database, tmp_path: Path
) -> None:
    rows = FROM_TREES + "\n| | note | n | N | | tree.png |"
    do(database, form(rows=rows + "\n| | text | b | B | height | |", more=ENTITIES))
    blob = put_for_phones(Folder(tmp_path), b"picture")
    for name, code in (("other.png", "media_not_in_form"), ("trees.csv", "media_is_list")):
        with database.write() as db, pytest.raises(Refused) as refused:
            publish.replace_media(db, "trial", name, blob, NOW, "user:1")
        assert refused.value.problem.code == f"form_{code}"
    with database.write() as db, pytest.raises(Refused) as refused:
        publish.replace_media(db, "trial", "other.png", blob, NOW, "user:1")
    assert "tree.png" in refused.value.problem.vi


def test_a_list_is_refused_for_a_role_that_fills_the_form_in_and_may_not_have_it(
    database: Database,
) -> None:
    rule = FormRule("trial", happened_on="a", filled_by=("volunteer", "chair"))
    library = replace(LIBRARY, rules={"trial": rule})
    compiled = form(rows=FROM_TREES)
    with database.write() as db, pytest.raises(FormRefused) as refused:
        publish.declare_lists(db, {"trees": ()})
        publish.publish_form(db, library, compiled, {}, NOW, "user:1")
    (problem,) = refused.value.problems
    assert problem.code == "form_list_not_for_role"
    assert "[trees.download.chair]" in problem.vi
    assert "volunteer" not in problem.vi


def test_a_form_published_with_a_key_from_the_first_has_no_plain_version(
    database: Database,
) -> None:
    key, other = (read_public_key(new_pair()[1]) for _ in range(2))
    with database.write() as db:
        publish.publish_form(db, LIBRARY, form(), {}, NOW, "user:1", key)
        publish.publish_form(db, LIBRARY, form(), {}, NOW, "user:1")
    assert count(database, form_versions) == 1
    with database.write() as db:
        publish.set_public_key(db, LIBRARY, "trial", other, NOW, "user:1")
        publish.set_public_key(db, LIBRARY, "trial", None, NOW, "user:1")
        query = sa.select(form_versions.c.version, form_versions.c.xform)
        found = {row.version: bytes(row.xform) for row in db.execute(query)}
    assert len(found) == 3
    assert found["1"] == form().xform
    assert sum(key.encode() in xform for xform in found.values()) == 1


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


def test_lists_are_locked_in_the_order_in_which_processing_locks_them(database: Database) -> None:
    for name in ("people", "aid"):  # the later one comes first by name
        with database.write() as db:
            publish.declare_lists(db, {name: ()})
    if database.is_sqlite:
        return  # it has one writer
    mine = sa.select(entity_lists.c.id).with_for_update()
    other = threading.Thread(target=_declare, args=(database, ["aid", "people"]))
    with database.write() as db:
        db.execute(mine.where(entity_lists.c.name == "people"))
        other.start()
        other.join(0.3)
        db.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        db.execute(mine.where(entity_lists.c.name == "aid"))
    other.join()


def _declare(database: Database, names: list[str]) -> None:
    with database.write() as db:
        publish.declare_lists(db, dict.fromkeys(names, ()))


def test_phones_need_not_wait_while_their_form_is_changed(database: Database) -> None:
    do(database, form())
    if database.is_sqlite:
        return  # it has one writer
    with database.write() as db, database.write() as phone:
        found = publish.find_form(db, "trial")
        phone.execute(sa.text("SET LOCAL lock_timeout = '1s'"))
        row = {"form_id": found.id, "instance_id": "uuid:a", "created_at": NOW}
        phone.execute(submissions.insert(), row)


def test_a_form_that_asks_for_units_gets_all_communes_with_their_days(
    database: Database, tmp_path: Path
) -> None:
    library = load_library()
    with database.write() as db:
        places.load_units(db, library.units, library.successions)
        units_csv = places.units_csv(db)
    rows = "| | select_one_from_file units.csv | unit | Xã | | |"
    blobs = Folder(tmp_path)
    media = publish.put_media(blobs, units_csv, form(rows=rows), tmp_path)
    with blobs.open(media["units.csv"].sha256) as stream:
        units = list(csv.DictReader(io.StringIO(stream.read().decode())))

    def on(day: str) -> list[dict[str, str]]:
        return [u for u in units if u["valid_from"] <= day < u["valid_to"]]

    today, before = on("2026-01-01"), on("2024-12-31")
    assert len(today) == 94
    assert len([u for u in before if u["code"] < "20333"]) == 56
    assert {u["label"] for u in today if u["code"] == "20242"} == {"Phường Hải Châu"}
    assert {u["label"] for u in before if u["code"] == "20242"} == {"Phường Phước Ninh"}
