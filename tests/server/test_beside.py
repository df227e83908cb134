"""Long answers are made in a second process, which comes, dies and goes unnoticed."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from server import beside
from server.beside import Beside, is_long
from server.metrics import ROUTE
from tests.server.serving import ROOT


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/projects/1/forms/trees/submissions.csv", True),
        ("POST", "/v1/projects/1/forms/trees/submissions.csv.zip", True),
        ("GET", "/v1/projects/1/forms/trees.svc/Submissions", True),
        ("GET", "/v1/projects/1/datasets/people/entities", True),
        ("POST", "/v1/projects/1/datasets/people/entities", False),
        ("GET", "/reports/2025H2.xlsx", True),
        ("GET", "/", True),
        ("GET", "/figures/2025H2/city/1", True),
        ("POST", "/reports/2025H2/confirm", False),
        ("GET", "/healthz", False),
        ("GET", "/v1/projects/1/forms", False),
        ("POST", "/v1/projects/1/forms/trees/submissions", False),
        ("POST", "/submission", False),
        ("GET", "/key/token/forms/trees/attachments/people.csv", False),
        ("GET", "/v1/key/token/projects/1/forms/trees/attachments/people.csv", False),
    ],
)
def test_only_what_may_take_long_and_is_no_phones_goes_there(
    method: str, path: str, expected: bool
) -> None:
    asked = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_COOKIE": "session=x"}
    assert is_long(asked) is expected


class Door:
    """`Beside` before an application that only says that it was asked, in this process."""

    def __init__(self, *program: str) -> None:
        self.program = program or ("-m", "tests.server.fronting")
        self.started: list[subprocess.Popen[bytes]] = []
        self.beside = Beside(self._here, self._start)

    def _here(self, environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"here: " + environ["wsgi.input"].read()]

    def _start(self, listener: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, *self.program, str(listener)]
        self.started.append(subprocess.Popen(command, cwd=ROOT, pass_fds=[listener]))
        return self.started[-1]

    def asks(self, path: str, body: bytes = b"", **more: str) -> tuple[str, dict[str, str], bytes]:
        environ = {
            "REQUEST_METHOD": "POST" if body else "GET",
            "PATH_INFO": path,
            "REQUEST_URI": path,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
            **more,
        }
        said: list[Any] = []
        pieces = self.beside(environ, lambda *answer: said.extend(answer))
        whole = b"".join(pieces)
        return said[0], dict(said[1]) | {"route": environ.get(ROUTE, "")}, whole

    def ends(self) -> None:
        self.beside.close()
        for process in self.started:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    made = Door()
    yield made
    made.ends()


def test_the_request_goes_along_as_it_came_and_the_answer_comes_back(door: Door) -> None:
    name = "tên".encode().decode("latin-1")  # as WSGI has it
    status, headers, body = door.asks(
        "/a%20b.csv",
        b"key=x",
        HTTP_HOST="phones.example",
        HTTP_COOKIE=name,
        HTTP_CONNECTION="keep-alive",
        HTTP_X_REQUEST_ID="a name by a stranger",
    )
    seen = json.loads(body)
    assert (status, headers["content-type"]) == ("200 OK", "application/json")
    assert seen["size"] == 5
    assert seen["environ"]["REQUEST_URI"] == "/a%20b.csv"
    assert seen["environ"]["HTTP_HOST"] == "phones.example"
    assert seen["environ"]["HTTP_COOKIE"] == name
    assert len(seen["environ"]["HTTP_X_REQUEST_ID"]) == 16


def test_other_requests_are_answered_here(door: Door) -> None:
    assert door.asks("/submission.csv/x", b"form")[2] == b"here: form"


def test_a_long_answer_comes_piece_by_piece_and_a_broken_one_is_no_whole(door: Door) -> None:
    assert len(door.asks("/stream/20.csv")[2]) == 20 * 65536
    with pytest.raises(http.client.IncompleteRead):
        door.asks("/broken/5.csv")


def test_where_the_process_died_another_is_started(door: Door) -> None:
    door.asks("/x.csv")
    door.started[-1].kill()
    door.started[-1].wait()
    assert door.asks("/x.csv")[0] == "200 OK"
    assert len(door.started) == 2


def test_where_it_cannot_be_asked_the_answer_is_made_here(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.beside, "_address", "/nowhere")
    assert door.asks("/x.csv", b"key")[2] == b"here: key"


def test_it_ends_when_nobody_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "IDLE", 0.3)
    door = Door()
    assert door.asks("/x.csv")[0] == "200 OK"
    until = time.monotonic() + 10
    while door.started[0].poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert door.started[0].returncode == 0
    assert door.asks("/x.csv")[0] == "200 OK"
    door.ends()


def test_one_that_dies_before_it_listens_leaves_nobody_waiting() -> None:
    """Its socket is ours: who is in the queue of it would not hear that nobody will take him."""
    door = Door("-c", "import time; time.sleep(0.2)")
    answers: list[bytes] = []

    def ask() -> None:
        answers.append(door.asks("/x.csv", b"key")[2])

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(5)
    assert answers == [b"here: key"]
    door.ends()
