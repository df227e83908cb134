"""Submissions at the console: listed, shown, given out, judged, deleted, brought back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from forms.form_key import new_pair
from forms.instance import read_instance
from server.cli.terminal import GOOD, MISUSED, WRONG
from sync import tables
from sync.blobs import Folder
from sync.database import Database
from sync.receive import Arrival, ReceivedFile, receive
from tests.conftest import NOW
from tests.forms.test_photos import IMAGE, PLACE, jpeg
from tests.sealing import envelope
from tests.server.conftest import A, B, instance
from tests.server.test_cli import Cayda, cayda

__all__ = ["cayda"]

FORM = """
| survey |       |       |          |
|        | type  | name  | label    |
|        | text  | sp    | Loài cây |
|        | image | photo | Ảnh      |
| settings |         |         |
|          | form_id | version |
|          | trees   | 1       |
"""


@pytest.fixture
def sent(cayda: Cayda, database: Database, tmp_path: Path) -> Cayda:
    """`trees` with one submission, edited once; its photo is here, another is not."""
    path = tmp_path / "trees.md"
    path.write_text(FORM, encoding="utf-8")
    assert cayda("form", "publish", str(path)).exit_code == GOOD
    blobs = Folder(cayda.data / "blobs")
    photo = ReceivedFile("1.jpg", blobs.put(jpeg()), "image/jpeg")
    extra = ReceivedFile("audit.csv", blobs.put(b"event\n"), "text/csv")
    for xml, files in (
        (instance(A, photo="1.jpg"), (photo, extra)),
        (instance(B, "thông", replaces=A, photo="1.jpg"), ()),
        (instance("uuid:other", photo="2.jpg"), ()),
    ):
        with database.write() as db:
            receive(db, Arrival(1, read_instance(xml), xml, files), NOW)
    assert cayda("reprocess").exit_code == GOOD
    return cayda


def audited(database: Database) -> list[str]:
    with database.read() as db:
        rows = db.execute(tables.audit_events.select().order_by(tables.audit_events.c.id))
        return [row.action for row in rows if row.action.startswith("submission.")]


def test_a_list_tells_no_answers(sent: Cayda) -> None:
    listed = sent.json("submission", "list", "--form", "trees")["submissions"]
    assert {one["instance_id"]: one["versions"] for one in listed} == {A: 2, "uuid:other": 1}
    assert "thông" not in sent("submission", "list").output
    missing = sent.json("submission", "list", "--missing-files")["submissions"]
    assert [one["instance_id"] for one in missing] == ["uuid:other"]
    assert sent("submission", "list", "--flagged").exit_code == GOOD


def test_status_tells_what_is_missing_and_for_how_long(sent: Cayda, database: Database) -> None:
    with database.write() as db:
        old = NOW - timedelta(days=400)
        db.execute(tables.submission_versions.update().values(received_at=old))
    assert "files missing: 1, lâu nhất / for up to " in sent("status").output
    assert sent.json("status")["missing_files"] == 1


def test_a_submission_is_shown_with_its_versions_and_that_is_written_down(
    sent: Cayda, database: Database
) -> None:
    text = sent("submission", "show", "trees", A).output
    assert "* 2." in text
    assert "Loài cây: thông" in text
    assert "Loài cây: sồi" in sent("submission", "show", "trees", B, "--version", "1").output
    told = sent.json("submission", "show", "trees", B)
    assert [version["outcome"] for version in told["versions"]] == ["new", "edited"]
    assert audited(database) == ["submission.read"] * 3


def test_what_a_person_should_know_of_a_submission_is_said_in_words(
    sent: Cayda, database: Database
) -> None:
    odd = instance("uuid:odd").replace(b'version="1"', b'version="9"')
    odd = odd.replace(b"<meta>", b"<extra>x</extra><meta>")  # seen when it comes, and when read
    with database.write() as db:
        receive(db, Arrival(1, read_instance(odd), odd), NOW)
    assert sent("reprocess").exit_code == GOOD
    (listed,) = sent.json("submission", "list", "--flagged")["submissions"]
    assert listed["flags"] == ["unknown_version", "not_in_form"]
    text = sent("submission", "show", "trees", "uuid:odd").stdout
    said = [line for line in text.splitlines() if line.startswith("! ")]
    assert ["! Phiếu dùng" in line for line in said] == [True, False]
    assert all(" / " in line for line in said)
    told = sent.json("submission", "show", "trees", "uuid:odd")
    assert [one["code"] for one in told["flags"]] == listed["flags"]
    assert "! " not in sent("submission", "show", "trees", "uuid:other").stdout


def test_the_very_bytes_of_a_version_can_be_had(sent: Cayda) -> None:
    done = sent("submission", "show", "trees", A, "--version", B, "--xml")
    assert done.stdout_bytes == instance(B, "thông", replaces=A, photo="1.jpg")


def test_an_edit_is_told_by_its_labels(sent: Cayda) -> None:
    assert sent("submission", "show", "trees", A, "--difference").output == (
        "Loài cây: sồi → thông\n"
    )
    (change,) = sent.json("submission", "show", "trees", A, "--difference")["changes"]
    assert change == {"path": "sp", "label": "Loài cây", "old": "sồi", "new": "thông"}
    first = sent("submission", "show", "trees", A, "--version", "1", "--difference")
    assert first.exit_code == WRONG


def test_photos_are_given_out_without_place_unless_asked_for_as_sent(
    sent: Cayda, tmp_path: Path, database: Database
) -> None:
    out = tmp_path / "out"
    found = sent.json("submission", "files", "trees", A, "--out", str(out))["files"]
    assert [(one["name"], one["state"]) for one in found] == [
        ("1.jpg", "của bản trước / carried over")
    ]
    content = (out / "1.jpg").read_bytes()
    assert content.endswith(IMAGE + b"\xff\xd9")
    assert PLACE not in content
    sent.json("submission", "files", "trees", A, "--out", str(out), "--as-sent")
    assert (out / "1.jpg").read_bytes() == jpeg()
    assert audited(database) == ["submission.files"] * 2
    assert "missing" in sent("submission", "files", "trees", "uuid:other").output


def test_files_of_an_encrypted_form_are_written_open_with_the_key(
    cayda: Cayda, database: Database, tmp_path: Path
) -> None:
    (path := tmp_path / "trees.md").write_text(FORM, encoding="utf-8")
    private, public = new_pair()
    for name, pem in (("private", private), ("public", public), ("other", new_pair()[0])):
        (tmp_path / f"{name}.pem").write_bytes(pem)
    keyed = ("--public-key", str(tmp_path / "public.pem"))
    assert cayda("form", "publish", str(path), *keyed).exit_code == GOOD
    files = {"1.jpg": jpeg(), "audit.csv": b"event\n"}
    xml, sealed = envelope(public, instance(A, photo="1.jpg"), files, A, "trees", "1")
    blobs = Folder(cayda.data / "blobs")
    sent = tuple(ReceivedFile(name, blobs.put(sealed[name]), "") for name in sealed)
    with database.write() as db:
        receive(db, Arrival(1, read_instance(xml), xml, sent), NOW)

    out = ("submission", "files", "trees", A, "--out", str(tmp_path / "out"), "--key")
    assert cayda(*out, str(tmp_path / "private.pem")).exit_code == GOOD
    photo = (tmp_path / "out" / "1.jpg").read_bytes()
    assert photo.endswith(IMAGE + b"\xff\xd9")
    assert PLACE not in photo
    assert (tmp_path / "out" / "audit.csv").read_bytes() == b"event\n"
    refused = cayda(*out[:5], str(tmp_path / "shut"), "--key", str(tmp_path / "other.pem"))
    assert refused.exit_code == WRONG
    assert "another key" in refused.output
    assert not list((tmp_path / "shut").iterdir())


def test_a_person_judges_deletes_and_brings_back(sent: Cayda, database: Database) -> None:
    assert sent.json("submission", "review", "trees", A, "rejected")["review_state"] == "rejected"
    assert sent.json("submission", "delete", "trees", A, "--why", "Gửi nhầm")["deleted"]
    shown = sent("submission", "show", "trees", A).output
    assert "deleted" in shown
    assert "operator  delete  Gửi nhầm" in shown
    assert not sent.json("submission", "restore", "trees", A)["deleted"]
    assert audited(database) == [
        "submission.review",
        "submission.delete",
        "submission.read",
        "submission.restore",
    ]
    assert sent("submission", "review", "trees", A, "perfect").exit_code == MISUSED


def test_what_is_not_there_is_said_to_be_not_there(sent: Cayda) -> None:
    for arguments in (("trees", "uuid:nobody"), ("nothing", A)):
        done = sent("submission", "show", *arguments)
        assert done.exit_code == MISUSED
        assert "Không có phiếu" in done.output
    assert sent("submission", "show", "trees", A, "--version", "9").exit_code == WRONG
