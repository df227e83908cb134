"""What the server says of itself can be read by a program, and says nothing of anybody."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from werkzeug.routing.converters import AnyConverter, NumberConverter

from server import intake, logs, metrics, tasks
from sync.blobs import Folder
from sync.database import Database
from tests.server.api import PASSWORD, signed_in
from tests.server.conftest import TOKEN, Door, instance
from tests.server.serving import ROOT

SOMEONE = "Dấu Vết Người"
NUMBER = "048155009876"
PERSONAL = (SOMEONE, "Dấu", NUMBER, TOKEN, PASSWORD)
ADDRESSES = re.compile(r"[?&]\w+=|/key/|/v1/|%[0-9A-F]{2}")


@pytest.fixture
def said() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines so far, as a program reads them; what a person would read is looked through too."""
    for_programs, for_people = io.StringIO(), io.StringIO()
    handlers = [logging.StreamHandler(for_programs), logging.StreamHandler(for_people)]
    for handler, form in zip(handlers, (logs.AsJson(), logs.ForPeople()), strict=True):
        handler.setFormatter(form)
        logging.getLogger().addHandler(handler)

    def lines() -> list[dict[str, Any]]:
        text = for_programs.getvalue()
        for everything in (text, for_people.getvalue()):
            assert [word for word in PERSONAL if word in everything] == []
            assert ADDRESSES.findall(everything) == []
        return [json.loads(line) for line in text.splitlines()]

    yield lines
    for handler in handlers:
        logging.getLogger().removeHandler(handler)


def everywhere(door: Door, headers: dict[str, str]) -> None:
    """Ask every route, with words that nobody may read; nothing is taken away, or it would end."""
    for rule in door.app.url_map.iter_rules():
        named = {name: _some(rule, name) for name in rule.arguments}
        path = door.app.url_map.bind("x").build(rule.endpoint, named, force_external=False)
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD", "DELETE"}:
            door.at("").call(
                *(method, f"{path}?q={SOMEONE}&deviceID={NUMBER}&$filter=name eq '{SOMEONE}'"),
                headers=headers,
                json={"name": SOMEONE, "label": SOMEONE, "password": PASSWORD} | {"data": NUMBER},
            )


def _some(rule: Any, name: str) -> object:
    converter = rule._converters[name]
    known = {"project": "1", "token": TOKEN, "form_id": "trees", "name": "trees"}
    if name in known:
        return known[name]
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 1 if isinstance(converter, NumberConverter) else SOMEONE


def refuse(*_: Any, **__: Any) -> Any:
    raise IntegrityError(f"INSERT {SOMEONE}", {"id": NUMBER}, ValueError(f"{SOMEONE} is here"))


def broken(*_: Any, **__: Any) -> Any:
    raise KeyError(SOMEONE)


def test_every_door_tells_its_failures_and_nothing_of_people(
    door: Door, monkeypatch: pytest.MonkeyPatch, said: Callable[[], list[dict[str, Any]]]
) -> None:
    headers = {**signed_in(door).headers, "User-Agent": SOMEONE.encode().decode("latin-1")}
    everywhere(door, headers)
    monkeypatch.setattr(Database, "write", refuse)
    everywhere(door, headers)
    monkeypatch.setattr(intake, "receive_many", broken)
    door.post(instance(answer=NUMBER), {f"{SOMEONE}.jpg": b"x"})
    headers = {"X-Request-Id": NUMBER}
    door.at("").get(f"/v1/projects/1/forms/{SOMEONE}?st={TOKEN}", headers=headers)
    found = said()
    assert len(found) > 50
    failed = [line for line in found if line["event"].startswith("failed: ")]
    assert failed
    assert {line["error"] for line in failed} <= {"ValueError", "IntegrityError", "KeyError"}
    for line in found:
        assert {"time", "level", "event"} <= line.keys()


def test_an_answer_that_fails_bears_the_name_of_its_line(
    door: Door, monkeypatch: pytest.MonkeyPatch, said: Callable[[], list[dict[str, Any]]]
) -> None:
    monkeypatch.setattr(intake, "receive_many", broken)
    answer = door.post(instance())
    assert answer.status_code == 500
    failed, answered = said()
    assert failed["request"] == answered["request"] == answer.headers["X-Request-Id"]
    assert failed["event"] == "failed: KeyError"
    assert any(step.startswith("test_logs.py:") for step in failed["way"])
    assert (answered["event"], answered["route"]) == ("answered", "openrosa.submit")
    assert (answered["status"], answered["level"]) == (500, "error")
    assert answered["ms"] > 0
    assert answered["bytes"] == len(answer.data)


def test_a_good_answer_and_a_strangers_knock_cost_no_line_but_a_slow_answer_does(
    door: Door, monkeypatch: pytest.MonkeyPatch, said: Callable[[], list[dict[str, Any]]]
) -> None:
    assert door.post(instance()).status_code == 201
    assert door.get("/no such thing").status_code == 404
    assert door.at("").get("/v1/users").status_code == 401
    assert said() == []
    monkeypatch.setattr(metrics, "SLOW", 0.0)
    door.get("/formList")
    (line,) = said()
    assert (line["event"], line["level"], line["status"]) == ("slow", "warning", 200)


def test_what_breaks_outside_every_door_is_500_in_two_languages(
    said: Callable[[], list[dict[str, Any]]],
) -> None:
    answers: list[tuple[str, dict[str, str]]] = []
    app = metrics.Measured(broken, metrics.Answers(), trusts_proxy=True)
    name = "0123456789abcdef"
    body = app(
        {"HTTP_X_REQUEST_ID": name}, lambda status, headers: answers.append((status, dict(headers)))
    )
    assert "phiếu chưa gửi được vẫn còn trên điện thoại" in b"".join(body).decode()
    ((status, headers),) = answers
    assert status.startswith("500 ")
    assert headers["X-Request-Id"] == name
    assert [line["event"] for line in said()] == ["failed: KeyError", "answered"]


def test_an_answer_given_later_is_counted_once_and_bears_its_name(
    said: Callable[[], list[dict[str, Any]]],
) -> None:
    given: list[tuple[str, dict[str, str], bytes]] = []
    waiting: list[Callable[..., None]] = []

    def first(environ: dict[str, Any], _: Any) -> list[bytes]:
        environ[metrics.ROUTE] = "a.route"
        waiting.append(environ[metrics.LATER]())
        return []

    answers = metrics.Answers()
    later = {metrics.LATER: lambda: lambda *said: given.append((said[0], dict(said[1]), said[2]))}
    assert metrics.Measured(first, answers, trusts_proxy=False)(later, None) == []
    waiting[0]("503 SERVICE UNAVAILABLE", [], b"come again")
    ((status, headers, body),) = given
    assert (status[:3], body) == ("503", b"come again")
    (line,) = said()
    assert line["request"] == headers["X-Request-Id"]
    counted = {sample.labels["status"]: sample.value for sample in next(answers.collect()).samples}
    assert counted == {"503": 1}


def test_work_that_fails_tells_no_text_of_its_error(
    door: Door, monkeypatch: pytest.MonkeyPatch, said: Callable[[], list[dict[str, Any]]]
) -> None:
    door.post(instance(answer=SOMEONE))
    monkeypatch.setitem(tasks.TASKS, "process", refuse)
    tasks.run_until_empty(door.runtime)
    monkeypatch.setattr(Database, "write", refuse)
    assert not tasks.run_safely(door.runtime)
    assert [line["level"] for line in said()] == ["warning", "error"]


def test_a_blob_that_cannot_be_read_names_no_file(
    door: Door, monkeypatch: pytest.MonkeyPatch, said: Callable[[], list[dict[str, Any]]]
) -> None:
    def gone(*_: Any) -> Any:
        raise FileNotFoundError(2, SOMEONE, f"/srv/{NUMBER}")

    monkeypatch.setattr(Folder, "put", gone)
    door.post(instance(photo="a.jpg"), {"a.jpg": b"x"})
    assert said()


def test_another_library_is_told_of_by_what_stood_in_its_source(
    said: Callable[[], list[dict[str, Any]]],
) -> None:
    other = logging.getLogger("rq.worker")
    other.warning(f"job of {SOMEONE}")
    other.warning("job of %s", SOMEONE)
    with pytest.raises(ZeroDivisionError):
        _divide(other)
    first, second, third = said()
    assert re.fullmatch(r"test_logs\.py:\d+", first["event"])
    assert (second["event"], second["from"]) == ("job of %s", "rq.worker")
    assert third["error"] == "ZeroDivisionError"


def _divide(other: logging.Logger) -> None:
    try:
        _ = len(SOMEONE) / 0
    except ZeroDivisionError:
        other.exception("no %s", SOMEONE)
        raise


def test_a_thread_or_a_process_that_breaks_is_told_without_its_error_s_text() -> None:
    code = (
        "import threading\nfrom server import logs\nlogs.configure(serves=True)\n"
        "def broken(): raise KeyError('Dấu Vết')\n"
        "one = threading.Thread(target=broken); one.start(); one.join(); broken()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Vết" not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["a thread ended", "the process ended"]
    assert {line["error"] for line in lines} == {"KeyError"}


def test_at_a_terminal_a_line_is_for_people() -> None:
    record = logging.LogRecord("server.serve", logging.ERROR, "x.py", 1, "ended: %s", (3,), None)
    line = logs.ForPeople().format(record)
    assert re.fullmatch(r"\d\d:\d\d:\d\d ERROR ended: 3", line)
