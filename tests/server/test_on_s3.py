"""With a bucket for a folder: what phones send is kept there, leaves again, and waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from forms.encrypted import read_private_key
from forms.form_key import new_pair
from server.app import create_app
from server.unseal import OPENED, open_waiting
from sync import attachments, sealed
from sync.blobs import open_blobs
from sync.tables import submission_versions
from tests.forms.test_photos import IMAGE, PLACE, jpeg
from tests.sealing import envelope
from tests.server.conftest import A, Door, instance


def with_blobs(door: Door, url: str) -> Door:
    """The same server with its files elsewhere."""
    settings = replace(door.runtime.settings, blobs=url)
    runtime = replace(door.runtime, settings=settings, blobs=open_blobs(url))
    return replace(door, app=create_app(settings, runtime), runtime=runtime)


@pytest.fixture
def on_s3(door: Door, bucket: str, tmp_path: Path) -> Iterator[Door]:
    yield with_blobs(door, f"{bucket}/{tmp_path.name}")
    assert not (tmp_path / "blobs").exists()


@pytest.fixture
def away(on_s3: Door, monkeypatch: pytest.MonkeyPatch) -> Door:
    """The same server while nobody answers at the store's address."""
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        return with_blobs(on_s3, on_s3.runtime.settings.blobs)


def test_a_photo_sent_in_two_posts_is_kept_once_and_leaves_without_its_place(on_s3: Door) -> None:
    for _ in range(2):
        assert on_s3.post(instance(photo="1.jpg"), {"1.jpg": jpeg()}).status_code == 201
    assert len(list(on_s3.runtime.blobs.all())) == 1
    ((version,),) = on_s3.rows(submission_versions.c.id)
    with on_s3.database.read() as db:
        found = attachments.open_for_download(db, on_s3.runtime.blobs, version, "1.jpg")
        content = b"".join(found.pieces)
    assert len(content) == found.size
    assert IMAGE in content
    assert PLACE not in content


def test_a_file_of_a_form_is_streamed_with_its_size_and_mark(on_s3: Door) -> None:
    on_s3.add_attachment("trees", "tree.png", b"png" * 500_000)
    answer = on_s3.get("/forms/trees/attachments/tree.png")
    assert (answer.status_code, answer.content_length) == (200, 1_500_000)
    assert answer.data == b"png" * 500_000
    mark = {"If-None-Match": answer.headers["ETag"]}
    assert on_s3.get("/forms/trees/attachments/tree.png", headers=mark).status_code == 304


def test_an_encrypted_submission_is_opened_from_the_bucket_once_it_answers(
    on_s3: Door, away: Door
) -> None:
    private, public = new_pair()
    key = read_private_key(private)
    xml, files = envelope(public, instance(photo="1.jpg"), {"1.jpg": jpeg()}, A, "trees", "1")
    assert on_s3.post(xml, files).status_code == 201
    assert open_waiting(away.runtime, key) == {"unavailable": 1}
    assert open_waiting(on_s3.runtime, key) == {OPENED: 1}
    with on_s3.database.read() as db:
        assert sealed.count_waiting(db) == 0


def test_c4_a_store_that_is_away_is_503_with_nothing_kept_and_the_retry_is_taken(
    on_s3: Door, away: Door
) -> None:
    answer = away.post(instance(photo="1.jpg"), {"1.jpg": b"jpg"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert set(away.kept().values()) == {0}
    health = away.at("").get("/healthz")
    assert (health.status_code, health.json and health.json["blobs"]) == (503, False)
    assert away.post(instance("uuid:no-photo")).status_code == 201  # needs no file
    assert on_s3.post(instance(photo="1.jpg"), {"1.jpg": b"jpg"}).status_code == 201
