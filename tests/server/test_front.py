"""Before the application: slow, huge, broken and strange requests over real sockets.

Of the numbers those of the bench (`make bench ARGS=bad`) are the full ones; here they are smaller.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import os
import resource
import select
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from server import body as bodies
from server import front
from server.connection import raise_file_limit
from tests.server.fronting import BODY_LIMIT, Line, Web, a_web, head

SLOW = {"HEAD_SECONDS": 1, "BODY_SECONDS": 1, "LEAST_BYTES": 100, "SWEEP": 0.1, "STALL_SECONDS": 1}


@pytest.fixture(scope="module")
def patient() -> Iterator[Web]:
    with a_web() as made:
        yield made


@pytest.fixture
def web(patient: Web) -> Iterator[Web]:
    yield patient
    patient.hangs_up()


@pytest.fixture(scope="module")
def hasty() -> Iterator[Web]:
    """One that loses patience within a second."""
    with a_web(**SLOW) as made:
        yield made


def chunked(body: bytes, size: int = 10_000) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


# ------------------------------------------------------------------ bodies


@pytest.mark.parametrize("size", [0, 4_000, 300_000, 3_000_000])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_is_given_on_whole_and_can_be_read_twice(
    web: Web, size: int, in_chunks: bool
) -> None:
    body = os.urandom(size)
    line = web.line()
    if in_chunks:
        line.sends(head("/", None, Transfer__Encoding="chunked"), *chunked(body))
    else:
        line.asks("/", body)
    seen = line.seen()
    assert (seen["size"], seen["sha256"]) == (size, hashlib.sha256(body).hexdigest())
    assert int(seen["environ"].get("CONTENT_LENGTH", 0)) == size
    assert "HTTP_TRANSFER_ENCODING" not in seen["environ"]


def test_answers_that_are_held_back_hold_no_thread_and_no_more_than_some(web: Web) -> None:
    start = time.monotonic()
    held = [web.line().asks("/wait/2") for _ in range(front.MOST_HELD_BACK)]
    assert web.seen("/")["size"] == 0
    web.line().asks("/wait/2").seen()
    assert time.monotonic() - start < 2
    for line in held:
        line.seen()
    assert 2 <= time.monotonic() - start < 4


def test_phones_that_send_slowly_hold_nobody_up(web: Web) -> None:
    body = os.urandom(300_000)
    slow = [web.line().sends(head("/", len(body)), body[:250_000]) for _ in range(100)]
    start = time.monotonic()
    assert web.seen("/", b"quick")["size"] == 5
    assert time.monotonic() - start < 1
    for line in slow:
        line.sends(body[250_000:])
    assert {line.seen()["sha256"] for line in slow} == {hashlib.sha256(body).hexdigest()}


@pytest.mark.parametrize("ending", ["hangs up", "half-closes"])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_that_was_cut_off_is_given_to_nobody(web: Web, in_chunks: bool, ending: str) -> None:
    before = web.asked()
    line = web.line()
    if in_chunks:
        line.sends(head("/", None, Transfer__Encoding="chunked"), b"5\r\nwhole\r\n")
    else:
        line.sends(head("/", 10), b"whole")
    if ending == "half-closes":
        line.socket.shutdown(1)
        assert not line.everything().startswith(b"HTTP/1.1 2")
    line.close()
    time.sleep(0.1)
    assert web.asked() == before + 1


def test_a_body_too_large_is_refused_before_it_comes(web: Web) -> None:
    line = web.line().sends(head("/key/x/submission", 5_000_000_000))
    status, headers, body = line.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert headers["content-type"].startswith("text/xml")
    assert "quá lớn" in body.decode()


def test_a_body_without_end_is_cut_where_it_is_too_large(web: Web) -> None:
    line = web.line().sends(head("/", None, Transfer__Encoding="chunked"))
    piece = b"%x\r\n%b\r\n" % (100_000, bytes(100_000))
    line.sends(*[piece] * (BODY_LIMIT // 100_000 + 5))
    assert line.answer()[0] == 413


def test_large_bodies_leave_the_last_of_the_disk_to_small_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "KEPT_FREE", 1 << 60)
    small, large = bodies.Body(), bodies.Body()
    small.add(b"x")
    small.write(small.take())
    large.add(bytes(bodies.LARGE + 1))
    with pytest.raises(OSError, match="kept"):
        large.write(large.take())
    assert small.open().read() == b"x"
    small.close()


def test_collect_is_told_to_go_on_before_it_sends_the_body(web: Web) -> None:
    line = web.line().sends(head("/", 5, Expect="100-continue"))
    assert line.answer()[0] == 100
    assert line.sends(b"hello").seen()["size"] == 5


def test_nothing_that_was_packed_is_unpacked(web: Web) -> None:
    bomb = gzip.compress(bytes(30_000_000))
    seen = web.seen("/", bomb, Content__Encoding="gzip")
    assert seen["size"] == len(bomb) < 100_000


def test_an_upgrade_does_not_take_the_body_away(web: Web) -> None:
    line = web.line().asks("/", b"body", Connection="Upgrade", Upgrade="h2c")
    assert line.answer()[0] == 400


# ------------------------------------------------------------------ heads


@pytest.mark.parametrize(
    "text",
    [
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
        b"GET /?" + b"y" * 300_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 10_000_000,
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
    ids=lambda text: text[:24].decode() + str(len(text)),
)
def test_a_strange_or_endless_head_is_refused(web: Web, text: bytes) -> None:
    before = web.asked()
    line = web.line()
    with contextlib.suppress(ConnectionError):
        line.sends(text)
    assert line.everything()[:12] in (b"HTTP/1.1 400", b"")
    assert web.asked() == before + 1


def test_a_header_cannot_pass_for_another(web: Web) -> None:
    seen = web.seen("/", X_Forwarded_Proto="https", X__Twice="a")["environ"]
    assert "HTTP_X_FORWARDED_PROTO" not in seen
    assert seen["HTTP_X_TWICE"] == "a"


def test_a_path_keeps_its_spelling_and_its_marks(web: Web) -> None:
    seen = web.seen("//m%E1%BA%ABu/a%2Fb?x=a+b&y=%C4%91")["environ"]
    assert seen["REQUEST_URI"] == "//m%E1%BA%ABu/a%2Fb?x=a+b&y=%C4%91"
    assert seen["PATH_INFO"].encode("latin-1").decode() == "//mẫu/a/b"
    assert seen["QUERY_STRING"] == "x=a+b&y=%C4%91"


def test_collect_may_ask_about_thousands_of_entities_in_one_url(web: Web) -> None:
    query = "id=" + "%2C".join(f"{number:036d}" for number in range(6_000))
    seen = web.line().asks(f"/list?{query}", method="GET").seen()["environ"]
    assert seen["QUERY_STRING"] == query
    assert seen["PATH_INFO"] == "/list"


def test_of_large_heads_that_do_not_end_only_some_are_held(web: Web) -> None:
    large = b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000
    lines = [web.line().sends(large) for _ in range(250)]
    time.sleep(0.3)
    answered, _, _ = select.select([line.socket for line in lines], [], [], 0)
    assert len(answered) >= 50
    assert web.seen("/", b"x")["size"] == 1


def test_a_trailer_counts_for_nothing(web: Web) -> None:
    line = web.line().sends(head("/", None, Transfer__Encoding="chunked"))
    line.sends(b"1\r\na\r\n0\r\nAuthorization: Basic eA==\r\n\r\n")
    assert "HTTP_AUTHORIZATION" not in line.seen()["environ"]


def test_who_asks_many_things_at_once_gets_no_more_than_a_few(web: Web) -> None:
    one = head("/", 0, "GET")
    line = web.line().sends(one * 3)
    assert [line.seen()["size"] for _ in range(3)] == [0, 0, 0]
    before = web.asked()
    web.line().sends(one * 5000).everything()
    assert web.asked() - before < 50


# ------------------------------------------------------------------ who sends nothing


def test_lines_on_which_nothing_moves_are_ended(hasty: Web) -> None:
    silent = hasty.line()
    head_only = hasty.line().sends(b"POST / HTTP/1.1\r\nHost: x\r\n")
    body_only = hasty.line().sends(head("/", 1000), b"x" * 50)
    between = hasty.line().asks("/")
    between.seen()
    between.sends(b"\r\n")  # which HTTP allows before a request
    assert [line.is_over(4) for line in (silent, head_only, body_only, between)] == [True] * 4


def test_a_slow_loris_is_ended_and_a_slow_phone_lives(hasty: Web) -> None:
    loris, phone = hasty.line(), hasty.line()
    loris.sends(b"POST / HTTP/1.1\r\n")
    phone.sends(head("/", 1000))
    left = 1000
    with pytest.raises(ConnectionError):
        while left:
            time.sleep(0.1)
            phone.sends(b"x" * 50)
            left -= 50
            loris.sends(b"X: y\r\n")
    assert phone.sends(b"x" * left).seen()["size"] == 1000


def test_whoever_takes_nothing_of_an_answer_is_ended(hasty: Web) -> None:
    line = hasty.line().asks("/stream/2000", method="GET")
    time.sleep(2)
    got = len(line.everything())
    assert got < 2000 * 65536


# ------------------------------------------------------------------ many


def test_thousands_of_idle_and_slow_lines_leave_the_others_their_second(web: Web) -> None:
    raise_file_limit()  # both ends of 2,000 lines are here
    before = web.rss()
    slow = [web.line().sends(b"POST / HTTP/1.1\r\nHost: x\r\nX: ") for _ in range(1000)]
    slow += [web.line().sends(head("/", 1000), b"x" * 500) for _ in range(1000)]
    start = time.monotonic()
    web.seen("/", b"x" * 1000)
    assert time.monotonic() - start < 1
    assert web.rss() - before < 60_000_000


def test_where_there_are_too_many_lines_the_oldest_that_wait_are_ended() -> None:
    with a_web(OTHER_FILES=files_beside(100)) as web:
        first = web.line()
        busy = web.line().asks("/sleep/1")
        for _ in range(300):
            web.line()
        assert first.is_over(2)
        assert web.seen("/", b"x")["size"] == 1
        assert busy.seen()["size"] == 0


def test_bodies_take_no_more_files_than_the_system_leaves_to_them() -> None:
    with a_web(OTHER_FILES=files_beside(60)) as web:
        lines = [web.line().sends(head("/", 600_000), bytes(500_000)) for _ in range(25)]
        time.sleep(0.5)
        said = [line.sends(bytes(100_000)).answer()[0] for line in lines]
        assert Counter(said) == {200: 20, 503: 5}


def files_beside(connections: int) -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] - connections


# ------------------------------------------------------------------ answers


def test_head_and_body_of_an_answer_leave_together(web: Web) -> None:
    line = web.line()
    for _ in range(5):
        line.asks("/", b"x")
        piece = line.socket.recv(65536)
        assert piece.startswith(b"HTTP/1.1 200")
        assert piece.endswith(b"}")


def test_a_long_answer_waits_for_who_takes_it(web: Web) -> None:
    before = web.rss()
    line = web.line().asks("/stream/3000", method="GET")
    time.sleep(0.5)
    assert web.rss() - before < 10_000_000
    line.close()
    assert web.seen()["size"] == 0


def test_an_answer_that_fails_half_way_cannot_pass_for_whole(web: Web) -> None:
    client = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    client.request("GET", "/broken/5")
    answer = client.getresponse()
    assert answer.status == 200
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    client.close()


def test_what_follows_a_body_has_a_bound_too(web: Web) -> None:
    before = web.rss()
    line = web.line().sends(head("/", None, Transfer__Encoding="chunked"), b"1\r\nx\r\n0\r\nX: ")
    with pytest.raises(ConnectionError):
        for _ in range(500):
            line.sends(b"x" * 65536)
    assert web.rss() - before < 10_000_000


def test_whatever_is_thrown_a_turn_goes_on(web: Web) -> None:
    for _ in range(1 + front.TURNS):
        assert web.line().asks("/panic").answer()[0] == 500
    assert web.seen()


def test_a_long_answer_is_whole(web: Web) -> None:
    client = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    client.request("GET", "/stream/50")
    assert client.getresponse().read() == b"x" * 65536 * 50
    client.close()


def test_many_wait_for_one_answer_without_a_thread_each(web: Web) -> None:
    lines: list[Line] = [web.line().asks("/later", b"x") for _ in range(50)]
    assert web.seen("/release")["size"] == 0
    assert {line.answer()[::2] for line in lines} == {(201, b"<kept/>")}


def test_the_answer_to_head_has_no_body(web: Web) -> None:
    line = web.line().asks("/", method="HEAD")
    line.socket.settimeout(0.3)
    text = line.socket.recv(65536)
    assert text.endswith(b"\r\n\r\n")
    assert b"content-length" in text


# ------------------------------------------------------------------ the end


def test_what_was_begun_is_answered_after_sigterm_and_nothing_new_is_taken() -> None:
    with a_web() as web:
        computing, sending, begun, idle = (web.line() for _ in range(4))
        idle.asks("/").seen()
        computing.asks("/sleep/1")
        sending.sends(head("/", 10), b"12345")
        begun.sends(b"POST / HTTP/1.1\r\nHost: x\r\n")
        time.sleep(0.3)
        web.stops()
        assert idle.is_over(2)
        with pytest.raises(ConnectionRefusedError):
            web.line()
        sending.sends(b"67890")
        begun.sends(b"Content-Length: 2\r\n\r\nab")
        sizes = []
        for line in (sending, begun, computing):
            status, headers, _ = line.answer()
            sizes.append((status, headers["connection"]))
        assert sizes == [(200, "close")] * 3
        web.process.wait(3)


def test_who_had_connected_before_the_end_is_answered() -> None:
    with a_web() as web:
        busy = [web.line().asks("/sleep/0.5") for _ in range(2)]
        os.kill(web.process.pid, 19)  # stopped: the kernel takes connections, and nobody else
        lines = [web.line().asks("/", b"x") for _ in range(20)]
        web.stops()
        os.kill(web.process.pid, 18)
        assert [line.seen()["size"] for line in lines] == [1] * 20
        assert all(line.seen() for line in busy)
