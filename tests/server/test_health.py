"""healthz is 200 exactly when a submission could be kept; metrics count; errors fit their door."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from server import health
from server.app import create_app
from sync import gauges, queue, workers
from sync.blobs import Folder
from sync.database import Database
from tests.conftest import NOW
from tests.server.conftest import TOKEN, Door, instance


@pytest.fixture
def root(door: Door) -> Door:
    return door.at("")


def test_healthz_is_200_when_it_can_store(root: Door) -> None:
    answer = root.get("/healthz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["status"] == "ok"
    assert (answer.json["database"], answer.json["blobs"]) == (True, True)
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
    assert caplog.messages == ["healthz: no row can be kept: ConnectionError", "answered"]
    assert caplog.records[0].exc_info is None


def test_healthz_asked_again_at_once_writes_nothing_more(
    root: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts = 0

    def count(_: Any) -> None:
        nonlocal puts
        puts += 1

    monkeypatch.setattr(Folder, "check_writable", count)
    for _ in range(5):
        assert root.get("/healthz").status_code == 200
    assert puts == 1


def test_healthz_tells_apart_who_can_store_and_who_can_process(root: Door) -> None:
    def seen() -> Any:
        app = create_app(root.runtime.settings, root.runtime)  # which has not looked yet
        answer = replace(root, app=app).get("/healthz")
        assert answer.status_code == 200
        return answer.json

    assert seen()["processing"] is False  # no worker was ever there
    with root.database.write() as db:
        workers.beat(db, "a:1", NOW, NOW - timedelta(seconds=20))
        queue.add(db, "process", 2, now=NOW - timedelta(minutes=10))
    now = seen()
    assert now["processing"] is True
    assert (now["worker_seen_seconds"], now["oldest_work_seconds"]) == (20, 600)

    root.clock.time += timedelta(minutes=6)
    with root.database.write() as db:
        workers.beat(db, "a:1", NOW, root.clock.time)
    assert seen()["processing"] is False  # it lives, and does nothing
    root.clock.time += timedelta(seconds=61)
    with root.database.write() as db:
        queue.done(db, queue.claim(db, "process", 9, root.clock.time))
    assert seen()["processing"] is False


def test_healthz_is_503_when_no_file_can_be_put(root: Door, tmp_path: Path) -> None:
    (tmp_path / "no folder").write_text("")
    runtime = replace(root.runtime, blobs=Folder(tmp_path / "no folder"))
    other = replace(root, app=create_app(runtime.settings, runtime))
    answer = other.get("/healthz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["database"], answer.json["blobs"]) == (True, False)


def test_a_process_that_is_about_to_end_tells_the_proxies_that_ask(root: Door) -> None:
    watch: health.Watch = root.app.extensions[health.EXTENSION]
    assert root.get("/healthz").status_code == 200
    assert watch.leave() == 0  # nobody who asked sends phones elsewhere
    watch.is_leaving = False
    assert root.get("/healthz?leaving").status_code == 200
    assert watch.leave() > 1
    answer = root.get("/healthz?leaving")
    assert (answer.status_code, answer.json) == (503, {"status": "leaving"})


def test_metrics_count_answers_and_waiting_work(door: Door) -> None:
    door.post(instance())
    door.post(b"no xml")
    with door.database.write() as db:
        queue.add(db, "process", 2, now=NOW)
    answer = door.at("").get("/metrics")
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert TOKEN not in answer.text
    lines = read_metrics(answer.text)
    assert lines["cayda_queue_waiting"] == 2
    assert lines["cayda_queue_failed"] == 0
    assert lines["cayda_received_total"] == 1
    assert lines['cayda_answers_total{route="openrosa.submit",status="201"}'] == 1
    assert lines['cayda_answers_total{route="openrosa.submit",status="400"}'] == 1
    assert lines['cayda_answer_seconds_count{route="openrosa.submit"}'] == 2
    assert lines['cayda_answer_seconds_bucket{le="+Inf",route="openrosa.submit"}'] == 2
    assert lines['cayda_answer_bytes_total{route="openrosa.submit"}'] > 200
    assert lines["cayda_phones"] == 1
    assert lines["cayda_phones_quiet"] == 0
    assert lines["cayda_disk_free_bytes"] > 0
    assert "cayda_backup_seconds" not in lines


def test_metrics_tell_what_was_done_who_is_silent_and_when_all_was_backed_up(door: Door) -> None:
    door.post(instance())
    with door.database.write() as db:
        queue.done(db, queue.claim(db, "process", 9, NOW))
        gauges.note_backup(db, NOW)
        workers.beat(db, "a:1", NOW, NOW)
    door.clock.time += timedelta(days=15)
    lines = read_metrics(door.at("").get("/metrics").text)
    assert lines["cayda_work_done_total"] == 1
    assert lines["cayda_queue_waiting"] == 0
    assert lines["cayda_phones_quiet"] == 1
    assert lines["cayda_backup_seconds"] == lines["cayda_worker_seen_seconds"] == 15 * 86400


def test_what_is_asked_of_all_doors_has_one_name_and_no_address_becomes_a_name(door: Door) -> None:
    for path in (*["/formList"] * 3, "/nothing/of/ours"):
        door.get(path)
    door.at(f"/key/{TOKEN}").get("/formList")
    door.at("").get("/healthz")
    text = door.at("").get("/metrics").text
    routes = set(re.findall(r'cayda_answers_total\{route="([^"]+)"', text))
    assert routes == {"openrosa.form_list", "openrosa.remembered", "none", "health.healthz"}


def test_metrics_cost_the_same_however_much_waits(door: Door) -> None:
    with door.database.write() as db:
        queue.add_many(db, "process", range(3000), now=NOW)
        assert queue.depth(db, 1000) == queue.Depth(1000, 0, NOW)
        assert queue.depth(db) == queue.Depth(3000, 0, NOW)


def read_metrics(text: str) -> dict[str, float]:
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


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
