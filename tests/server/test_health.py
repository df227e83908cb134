"""healthz is 200 exactly when a submission could be kept; metrics count; errors fit their door."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from server.app import create_app
from sync import queue
from sync.blobs import Blobs
from sync.database import Database
from tests.conftest import NOW
from tests.server.conftest import TOKEN, Door, instance


@pytest.fixture
def root(door: Door) -> Door:
    return door.at("")


def test_healthz_is_200_when_it_can_store(root: Door) -> None:
    answer = root.get("/healthz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "database": True, "blobs": True}
    assert answer.headers["Cache-Control"] == "no-store"
    assert root.head("/healthz").status_code == 200


def test_healthz_is_503_when_the_database_takes_no_row(
    root: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_: Any) -> Any:
        raise OperationalError("BEGIN", {}, ConnectionError("Nguyễn Thị Hoa is gone"))

    monkeypatch.setattr(Database, "write", gone)
    answer = root.get("/healthz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["database"], answer.json["blobs"]) == (False, True)
    assert caplog.messages == ["healthz: no row can be kept: ConnectionError"]
    assert caplog.records[0].exc_info is None


def test_healthz_is_503_when_no_file_can_be_put(root: Door, tmp_path: Path) -> None:
    (tmp_path / "no folder").write_text("")
    runtime = replace(root.runtime, blobs=Blobs(tmp_path / "no folder"))
    other = replace(root, app=create_app(runtime.settings, runtime))
    answer = other.get("/healthz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["database"], answer.json["blobs"]) == (True, False)


def test_metrics_count_answers_and_waiting_work(door: Door) -> None:
    door.post(instance())
    door.post(b"no xml")
    with door.database.write() as db:
        queue.add(db, "process", 2, now=NOW)
    text = door.at("").get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert lines["cayda_queue_waiting"] == "2"
    assert lines["cayda_queue_failed"] == "0"
    assert lines['cayda_answers_total{door="openrosa",status="201"}'] == "1"
    assert lines['cayda_answers_total{door="openrosa",status="400"}'] == "1"
    assert TOKEN not in text


def test_a_page_that_does_not_exist_is_a_page(root: Door) -> None:
    answer = root.get("/no such page")
    assert answer.status_code == 404
    assert answer.content_type == "text/html; charset=utf-8"
    assert '<html lang="vi">' in answer.text
    assert "X-OpenRosa-Version" not in answer.headers


def test_an_api_address_that_does_not_exist_is_json(root: Door) -> None:
    answer = root.get("/v1/nothing")
    assert answer.status_code == 404
    found = json.loads(answer.data)
    assert found["code"] == 404.1
    assert "Không tìm thấy" in found["message"]
