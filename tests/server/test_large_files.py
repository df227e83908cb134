"""A film of 100 MB goes in and out of the real server, whose memory does not grow with it."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from sync.blobs import open_blobs
from tests.server.conftest import A, B, Part, instance, multipart
from tests.server.serving import Server, a_server, growth

FORM = """
| survey |       |       |          |              |
|        | type  | name  | label    | media::video |
|        | text  | sp    | Loài cây | lesson.mp4   |
|        | video | photo | Phim     |              |
| settings |         |         |
|          | form_id | version |
|          | trees   | 1       |
"""
SIZE = 100_000_000
MOST_GROWTH = 40_000_000
BLOCK = os.urandom(1 << 20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("large")
    made = a_server(folder / "data")
    (folder / "trees.md").write_text(FORM, encoding="utf-8")
    with (folder / "lesson.mp4").open("wb") as lesson:
        lesson.writelines(film())
    made.json("form", "publish", str(folder / "trees.md"))
    with made.running():
        yield made
    shutil.rmtree(folder)  # pytest keeps the folders of three runs


@pytest.fixture(scope="module")
def phone(server: Server) -> str:
    return urlsplit(server.json("phone", "add", "Lan", "--role", "city")["url"]).path


def web(server: Server) -> psutil.Process:
    """The process that answers: neither the worker nor the herald, which soon ends."""
    assert server.process is not None
    until = time.monotonic() + 30
    while time.monotonic() < until:
        mine = psutil.Process(server.process.pid).children()
        found = [p for p in mine if p.status() != "zombie" and "work" not in p.cmdline()]
        if len(found) == 1:
            return found[0]
        time.sleep(0.1)
    raise AssertionError("more than one web process")


def film() -> Iterator[bytes]:
    left = SIZE
    while left:
        piece = BLOCK[:left]
        left -= len(piece)
        yield piece


def ends(key: str) -> tuple[bytes, bytes]:
    parts = [
        Part("xml_submission_file", "a.xml", instance(key, photo="film.mp4"), "text/xml"),
        Part("film.mp4", "film.mp4", b"|", "video/mp4"),
    ]
    start, end = multipart(parts).split(b"|", 1)
    return start, end


@pytest.mark.parametrize("chunked", [False, True])
def test_a_hundred_megabytes_go_in_and_come_out_without_filling_the_memory(
    server: Server, phone: str, chunked: bool, tmp_path: Path
) -> None:
    key = B if chunked else A
    start, end = ends(key)
    headers = {
        "X-OpenRosa-Version": "1.0",
        "Content-Type": "multipart/form-data; boundary=B",
        "Transfer-Encoding" if chunked else "Content-Length": (
            "chunked" if chunked else str(len(start) + SIZE + len(end))
        ),
    }

    def body() -> Iterator[bytes]:
        yield start
        yield from film()
        yield end

    for _ in range(3):
        server.get("/healthz")
    with growth(web(server)) as grown:
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        line.request("POST", f"{phone}/submission", body(), headers, encode_chunked=chunked)
        assert line.getresponse().status == 201
        line.close()
    assert grown() < MOST_GROWTH
    digest = hashlib.sha256()
    for piece in film():
        digest.update(piece)
    assert open_blobs(str(server.data / "blobs")).size(digest.hexdigest()) == SIZE
    done = server.cayda("submission", "files", "trees", key, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    with (tmp_path / "film.mp4").open("rb") as out:
        assert hashlib.file_digest(out, "sha256").hexdigest() == digest.hexdigest()
    (tmp_path / "film.mp4").unlink()


def test_a_film_beside_a_form_goes_to_a_phone_without_filling_the_memory(
    server: Server, phone: str
) -> None:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    with growth(web(server)) as grown:
        line.request(
            "GET",
            f"{phone}/forms/trees/attachments/lesson.mp4",
            headers={"X-OpenRosa-Version": "1.0"},
        )
        answer = line.getresponse()
        assert answer.status == 200
        time.sleep(1)  # a slow phone: what is ready meanwhile must wait on disk, not in memory
        got = 0
        while piece := answer.read(1 << 20):
            got += len(piece)
    line.close()
    assert got == SIZE
    assert grown() < MOST_GROWTH
