"""Without Flask a phone reads the same, whatever it sends."""

from __future__ import annotations

import io
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
import sqlalchemy as sa

from server import posting
from server.metrics import LATER
from sync import accounts
from sync.tables import app_users, received
from tests.conftest import NOW
from tests.server.conftest import TOKEN, A, B, C, Door, Part, instance, multipart

OTHER = "o" * 64  # of a role that sends nothing
GONE = "g" * 64  # of a phone that was revoked
PHOTO = {"1.jpg": b"jpg"}

Send = Callable[[Door], Any]

# In this order: what was kept before decides what comes of the next.
REQUESTS: dict[str, tuple[bool, Send]] = {
    "new": (True, lambda door: door.post(instance())),
    "the other address": (True, lambda door: door.at(f"/key/{TOKEN}").post(instance())),
    "a slash": (True, lambda door: door.post(instance(), path="/submission/")),
    "many slashes": (True, lambda door: door.post(instance(), path="///submission//")),
    "a query": (True, lambda door: door.post(instance(), path="/submission?deviceID=a%20b&x=1")),
    "a file": (True, lambda door: door.post(instance(photo="1.jpg"), PHOTO)),
    "a large file": (True, lambda door: door.post(instance(B), {"2.jpg": bytes(400_000)})),
    "another content": (True, lambda door: door.post(instance(answer="tần bì"))),
    "an edit": (True, lambda door: door.post(instance(C, replaces=A))),
    "an older version": (True, lambda door: door.post(instance(C, version="0"))),
    "a file for no form": (False, lambda door: door.post(instance(form_id="rivers"), PHOTO)),
    "a form that is not here": (True, lambda door: door.post(instance(form_id="rivers"))),
    "a token of nobody": (True, lambda door: door.at(f"/key/{'n' * 64}").post(instance())),
    "a revoked token": (True, lambda door: door.at(f"/key/{GONE}").post(instance())),
    "a file of a revoked one": (
        False,
        lambda door: door.at(f"/key/{GONE}").post(instance(), PHOTO),
    ),
    "a large file of a revoked one": (
        False,
        lambda door: door.at(f"/key/{GONE}").post(instance(), {"2.jpg": bytes(20_000)}),
    ),
    "a role without the right": (True, lambda door: door.at(f"/key/{OTHER}").post(instance())),
    "no token at all": (False, lambda door: door.at("").post(instance())),
    "a short token": (False, lambda door: door.at("/key/abc").post(instance())),
    "another project": (
        False,
        lambda door: door.at(f"/v1/key/{TOKEN}/projects/7").post(instance()),
    ),
    "no project": (False, lambda door: door.at(f"/v1/key/{TOKEN}").post(instance())),
    "no multipart": (False, lambda door: door.post_body(instance(), content_type="text/xml")),
    "a body cut off": (
        False,
        lambda door: door.post_body(multipart([Part("xml_submission_file", "f", b"<")], end=False)),
    ),
    "no form in it": (False, lambda door: door.post(None, PHOTO)),
    "no XML": (False, lambda door: door.post(b"<data")),
    "a DOCTYPE": (False, lambda door: door.post(b"<!DOCTYPE a><a/>")),
    "nothing": (False, lambda door: door.post_body(b"")),
    "another verb": (False, lambda door: door.call("PUT", "/submission")),
}


@pytest.fixture
def phones(door: Door) -> Door:
    with door.database.write() as db:
        accounts.add_app_user(db, "x", "nobody", None, None, OTHER, NOW)
        gone = accounts.add_app_user(db, "y", "city", None, None, GONE, NOW)
        accounts.revoke(db, gone, NOW)
    door.head("/submission")  # its first call of all is noted, behind Flask
    return door


def test_the_answers_are_those_of_flask_byte_for_byte(
    phones: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once more behind Flask: what is sent again reads the same every time."""
    ways: list[bool] = []
    real = posting.Posting._read

    def read(self: Any, environ: Any, token: str) -> Any:
        post = real(self, environ, token)
        ways.append(post is not None)
        return post

    for name, (is_usual, send) in REQUESTS.items():
        send(phones)
        with monkeypatch.context() as patch:
            patch.setattr(posting.Posting, "_read", read)
            ours = send(phones)
        assert any(ways) == is_usual, name
        ways.clear()
        with monkeypatch.context() as patch:
            patch.setattr(posting, "_token", lambda _: None)
            flasks = send(phones)
        assert (ours.status, ours.data) == (flasks.status, flasks.data), name
        assert said(ours) == said(flasks), name


def said(answer: Any) -> list[tuple[str, str]]:
    """All headers; the time, the challenge and the name of a failure differ each time."""
    new = {"Date", "X-Request-Id", "WWW-Authenticate"}
    return sorted((name, "" if name in new else value) for name, value in answer.headers)


def test_what_is_refused_leaves_no_file_here(phones: Door) -> None:
    assert phones.at(f"/key/{GONE}").post(instance(), PHOTO).status_code == 403
    assert phones.post(instance(form_id="rivers"), PHOTO).status_code == 404
    assert list(phones.runtime.blobs.all()) == []


def test_a_phone_is_noted_as_seen_with_what_it_sends(phones: Door) -> None:
    with phones.database.write() as db:
        accounts.add_app_user(db, "new", "city", None, None, "w" * 64, NOW)
    headers = {"User-Agent": "Collect", "Date": "Tue, 20 Jan 2026 03:00:09 GMT"}
    at = phones.at(f"/key/{'w' * 64}")
    assert at.post(instance(), path="/submission?deviceID=d", headers=headers).status_code == 201
    c = app_users.c
    query = sa.select(c.last_seen_at, c.user_agent, c.device_id, c.clock_offset_seconds)
    with phones.database.read() as db:
        assert tuple(db.execute(query.where(c.name == "new")).one()) == (NOW, "Collect", "d", 9)


def later(phones: Door, xml: bytes, photo: bytes | None = None) -> tuple[int, bytes]:
    """Status and body of an answer that comes when the call is over."""
    answers: SimpleQueue[Any] = SimpleQueue()
    files = [] if photo is None else [Part("1.jpg", "1.jpg", photo)]
    body = multipart([Part("xml_submission_file", "f", xml), *files])
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/key/{TOKEN}/submission",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_TYPE": "multipart/form-data; boundary=B",
        "CONTENT_LENGTH": str(len(body)),
        LATER: lambda: lambda *answer: answers.put(answer),
    }
    assert phones.app(environ, lambda *_: pytest.fail("answered at once")) == []
    status, headers, answer = answers.get(timeout=10)
    assert dict(headers)["Content-Length"] == str(len(answer))
    return int(status[:3]), answer


@pytest.mark.parametrize("photo", [None, bytes(20_000)])
def test_where_the_front_can_wait_no_thread_does(phones: Door, photo: bytes | None) -> None:
    assert later(phones, instance(form_id="no"), photo)[0] == 404
    status, answer = later(phones, instance(), photo)
    assert status == 201
    assert phones.count(received) == 1
    assert answer == phones.post(instance()).data


def test_nor_does_one_behind_flask(phones: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where people come with a password."""
    monkeypatch.setattr(posting, "_token", lambda _: None)
    assert later(phones, instance(form_id="no"))[0] == 404
    status, answer = later(phones, instance(), b"jpg")
    assert status == 201
    assert phones.count(received) == 1
    assert answer == phones.post(instance()).data


def test_whatever_the_store_throws_the_phone_hears_of_it(
    phones: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panic(*_: object) -> None:
        raise BaseException("as libraries written in Rust do")

    monkeypatch.setattr(type(phones.runtime.blobs), "put", panic)
    assert later(phones, instance(photo="1.jpg"), bytes(20_000))[0] == 500
