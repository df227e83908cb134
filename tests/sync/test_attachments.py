"""Files of submissions: named, here, carried over, missing; and out without their place."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from forms.instance import read_instance
from forms.problems import Refused
from sync import attachments, receive, verify
from sync.attachments import Attachment
from sync.blobs import Folder
from sync.database import Database
from sync.tables import (
    expected_attachments,
    form_versions,
    forms,
    submission_versions,
    submissions,
)
from tests.conftest import NOW
from tests.forms.test_photos import IMAGE, PLACE, jpeg
from tests.sync.sending import World

FORM = (
    '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"><h:head>'
    '<h:title>Ảnh</h:title><model><instance><data id="photos" version="1"><photo/><second/>'
    "<room><photo/></room><meta><instanceID/><audit/></meta></data></instance>"
    '<bind nodeset="/data/photo" type="binary"/><bind nodeset="/data/second" type="binary"/>'
    '<bind nodeset="/data/room/photo" type="binary"/>'
    '<bind nodeset="/data/meta/audit" type="binary"/></model></h:head><h:body>'
    '<group ref="/data/room"><repeat nodeset="/data/room"><upload ref="/data/room/photo"/>'
    "</repeat></group></h:body></h:html>"
)
A, B, C = (f"uuid:{n * 8}-1111-4111-8111-111111111111" for n in "abc")
DAY = timedelta(days=1)


class Photos(World):
    """Phones that send `photos`: forms whose answers are files."""

    blobs: Folder

    def take(
        self,
        key: str,
        answers: str,
        files: dict[str, bytes] | None = None,
        *,
        replaces: str = "",
        after: timedelta = timedelta(0),
    ) -> int:
        """One POST, processed; the version's id."""
        old = f"<deprecatedID>{replaces}</deprecatedID>" if replaces else ""
        xml = (
            f'<data id="photos" version="1">{answers}<meta><instanceID>{key}</instanceID>{old}'
            "</meta></data>"
        ).encode()
        sent = tuple(
            receive.ReceivedFile(name, self.blobs.put(content), "image/jpeg")
            for name, content in (files or {}).items()
        )
        arrival = receive.Arrival(1, read_instance(xml), xml, sent, app_user_id=1)
        with self.database.write() as db:
            version = receive.receive(db, arrival, self.now + after).submission_version_id
        self.work(version)
        return version

    def named(self, version: int) -> list[str]:
        c = expected_attachments.c
        return [
            row.name for row in self.rows(expected_attachments, c.submission_version_id == version)
        ]

    def files(self, version: int) -> dict[str, Attachment]:
        with self.database.read() as db:
            return {one.name: one for one in attachments.of_version(db, version)}

    def missing(self) -> list[tuple[str, str]]:
        with self.database.read() as db:
            found = attachments.missing(db)
            assert attachments.count_missing(db)[0] == len(found)
            return [(one.instance_id, one.name) for one in found]

    def download(self, version: int, name: str, as_sent: bool = False) -> tuple[str, bytes]:
        with self.database.read() as db:
            found = attachments.open_for_download(db, self.blobs, version, name, as_sent=as_sent)
            content = b"".join(found.pieces)
            assert len(content) == found.size
            return found.name, content


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Photos:
    made = Photos(database)
    made.blobs = Folder(tmp_path / "blobs")
    with database.write() as db:
        form = {"project_id": 1, "xml_form_id": "photos", "title": "Ảnh", "state": "open"}
        form_id = db.execute(
            forms.insert().returning(forms.c.id), {"id": 99, "created_at": NOW, **form}
        ).scalar_one()
        version = {"form_id": form_id, "version": "1", "xform": FORM.encode(), "md5": "photos"}
        db.execute(
            form_versions.insert(),
            {"id": 99, "source_kind": "xml", "published_at": NOW, **version},
        )
        db.execute(forms.update().where(forms.c.id == 99).values(current_version_id=99))
    return made


# ------------------------------------------------------------------ what is named
def test_every_file_of_the_answers_is_named_once(world: Photos) -> None:
    inside = "<room><photo>2.jpg</photo></room><room><photo>1.jpg</photo></room>"
    version = world.take(A, f"<photo>1.jpg</photo><second>1.jpg</second>{inside}")
    assert world.named(version) == ["1.jpg", "2.jpg"]


def test_an_audit_is_named_by_meta(world: Photos) -> None:
    version = world.take(A, "<meta><audit>audit.csv</audit></meta>")
    assert world.named(version) == ["audit.csv"]


def test_older_versions_keep_what_they_named_and_verify_agrees(
    world: Photos, tmp_path: Path
) -> None:
    first = world.take(A, "<photo>1.jpg</photo>")
    second = world.take(B, "<photo>2.jpg</photo>", replaces=A)
    world.work_again()
    assert (world.named(first), world.named(second)) == (["1.jpg"], ["2.jpg"])
    with world.database.read() as db:
        assert verify.verify(db, world.library, tmp_path, NOW) == []
    with world.database.write() as db:
        db.execute(expected_attachments.update().values(name="x.jpg"))
    (tmp_path / "again").mkdir()
    with world.database.read() as db:
        found = verify.verify(db, world.library, tmp_path / "again", NOW)
    assert {one.what for one in found} == {"missing", "surplus"}
    assert not any("jpg" in one.key for one in found)
    world.work_again()
    assert (world.named(first), world.named(second)) == (["1.jpg"], ["2.jpg"])


# ------------------------------------------------------------------ what is missing
def test_a_missing_file_is_known_with_its_age(world: Photos) -> None:
    world.take(A, "<photo>1.jpg</photo><second>2.jpg</second>", {"2.jpg": b"2"}, after=-3 * DAY)
    world.take(C, "<photo>3.jpg</photo>", after=-DAY)
    assert world.missing() == [(A, "1.jpg"), (C, "3.jpg")]
    with world.database.read() as db:
        assert attachments.count_missing(db) == (2, NOW - 3 * DAY)
    world.take(A, "<photo>1.jpg</photo><second>2.jpg</second>", {"1.jpg": b"1"})
    assert world.missing() == [(C, "3.jpg")]


def test_c8_a_name_in_pieces_is_not_missing(world: Photos) -> None:
    """The form writes it one way, the upload the other; either way round."""
    nfc = "ảnh nhà cô Đào.jpg"
    nfd = unicodedata.normalize("NFD", nfc)
    world.take(A, f"<photo>{nfd}</photo>", {nfc: b"1"})
    assert world.missing() == []


def test_nothing_is_missing_of_what_was_replaced_or_deleted(world: Photos) -> None:
    world.take(A, "<photo>1.jpg</photo>")
    world.take(B, "<photo>2.jpg</photo>", {"2.jpg": b"2"}, replaces=A)
    world.take(C, "<photo>3.jpg</photo>")
    with world.database.write() as db:
        db.execute(
            submissions.update().where(submissions.c.instance_id == C).values(deleted_at=NOW)
        )
    assert world.missing() == []


# ------------------------------------------------------------------ carried over
def test_a82_a_file_not_sent_again_is_carried_over_by_name(world: Photos) -> None:
    first = world.take(A, "<photo>1.jpg</photo>", {"1.jpg": b"one", "old.jpg": b"old"})
    second = world.take(B, "<photo>1.jpg</photo>", replaces=A)
    third = world.take(C, "<photo>1.jpg</photo>", {"1.jpg": b"three"}, replaces=B)
    assert world.missing() == []
    assert [world.download(version, "1.jpg")[1] for version in (first, second, third)] == [
        b"one",
        b"one",
        b"three",
    ]
    assert world.files(second)["1.jpg"].version_id == first
    assert "old.jpg" not in world.files(second)  # no answer names it any more


def test_a82_the_nearest_version_that_has_the_file_gives_it(world: Photos) -> None:
    world.take(A, "<photo>1.jpg</photo>", {"1.jpg": b"one"})
    world.take(B, "<photo>1.jpg</photo>", {"1.jpg": b"two"}, replaces=A)
    third = world.take(C, "<photo>1.jpg</photo>", replaces=B)
    assert world.download(third, "1.jpg")[1] == b"two"


def test_a82_an_edit_that_came_first_finds_the_files_of_its_original(world: Photos) -> None:
    second = world.take(B, "<photo>1.jpg</photo>", replaces=A)
    assert world.missing() == [(A, "1.jpg")]
    world.take(A, "<photo>1.jpg</photo>", {"1.jpg": b"one"})
    assert world.missing() == []
    assert world.download(second, "1.jpg")[1] == b"one"


def test_c123_of_two_contents_under_one_name_both_are_kept_and_the_newer_is_served(
    world: Photos,
) -> None:
    version = world.take(A, "<photo>1.jpg</photo>", {"1.jpg": b"one"})
    assert world.take(A, "<photo>1.jpg</photo>", {"1.jpg": b"two"}, after=DAY) == version
    file = world.files(version)["1.jpg"]
    assert (world.download(version, "1.jpg")[1], file.others) == (b"two", 1)
    assert len(list(world.blobs.all())) == 2


def test_a61_a_file_that_no_answer_names_is_listed_apart(world: Photos) -> None:
    version = world.take(A, "<photo>1.jpg</photo>", {"extra.jpg": b"x"})
    found = world.files(version)
    assert [(one.name, one.is_named, one.size) for one in found.values()] == [
        ("1.jpg", True, None),
        ("extra.jpg", False, 1),
    ]


# ------------------------------------------------------------------ the way out
def test_a_photo_leaves_without_its_place_and_is_kept_with_it(world: Photos) -> None:
    photo = jpeg()
    version = world.take(A, "<photo>1.jpg</photo>", {"1.jpg": photo})
    name, content = world.download(version, "1.jpg")
    assert name == "1.jpg"
    assert PLACE not in content
    assert content.endswith(IMAGE + b"\xff\xd9")
    assert world.download(version, "1.jpg", as_sent=True)[1] == photo


def test_a_picture_whose_place_cannot_be_taken_out_stays_inside(world: Photos) -> None:
    heic = b"\0\0\0\x18ftypheic" + PLACE
    version = world.take(A, "<photo>1.heic</photo>", {"1.heic": heic})
    with pytest.raises(Refused) as refused:
        world.download(version, "1.heic")
    assert refused.value.problem.code == "place_in_picture"
    assert world.download(version, "1.heic", as_sent=True)[1] == heic


def test_any_other_file_leaves_as_it_came(world: Photos) -> None:
    sent = {"audit.csv": b"event,node\n", "film.mp4": bytes(70_000)}
    version = world.take(A, "<photo>film.mp4</photo>", sent)
    for name, content in sent.items():
        assert world.download(version, name)[1] == content


def test_a_name_leaves_as_the_form_wrote_it(world: Photos) -> None:
    written = unicodedata.normalize("NFD", "ảnh.mp4")
    version = world.take(A, f"<photo>{written}</photo>", {"ảnh.mp4": b"1"})
    for asked in (written, "ảnh.mp4"):
        assert world.download(version, asked) == (written, b"1")


@pytest.mark.parametrize("name", ["2.jpg", "1.jpg", "", "../1.jpg", "a\x00b"])
def test_a_file_that_is_not_here_is_not_found(world: Photos, name: str) -> None:
    version = world.take(A, "<photo>1.jpg</photo>")
    with pytest.raises(Refused) as refused:
        world.download(version, name)
    assert refused.value.problem.status == 404


def test_the_tables_are_small_when_nothing_is_named(world: Photos) -> None:
    world.take(A, "<photo/>")
    assert world.rows(expected_attachments) == []
    assert len(world.rows(submission_versions, sa.true())) == 1
