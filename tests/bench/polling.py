"""What it costs to tell 1,000 phones that nothing has changed for them, over 20,000 members.

A poll is what Collect does every quarter of an hour: the form list, then every manifest, each with
the ETag it has from before, as OkHttp sends it. A pair is the list and one manifest.
"""

from __future__ import annotations

import gzip
import itertools
import re
import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import psutil

from forms.library import load_library
from sync import accounts, clubs, entities, places
from sync.database import Database
from sync.entities import Kept
from tests.bench.server import Bench, Line, web_process

CLUBS, MEMBERS, PHONES = 330, 20_000, 1_000
EVERY = 15 * 60  # seconds between two polls of a phone
FOUNDED = date(2020, 1, 1)
CONNECTIONS = 8
PAIRS = 6_000
TABLES = 300  # phones whose entity list is asked for
HERE = "127.0.0.1"
MEMBER = {"birth_year": "1950", "sex": "female", "hamlet": "Thôn 2", "status": "active"}
MEMBER |= {"is_volunteer": "no", "care_need": "yes", "c_health": "yes", "c_care": "yes"}
NAMES = ("Nguyễn Thị Hoa", "Trần Văn Bình", "Lê Thị Thu Hà", "Phạm Đức Anh", "Võ Thị Ánh")

Phone = tuple[str, int | None, str | None]  # role, unit, club


def measure(name: str, bench: Bench, url: str | None) -> Iterator[Line]:
    """All lines of one kind of database."""
    database = bench.database()
    start = time.perf_counter()
    club_ids = _fill(database)
    tokens = _add_phones(database, club_ids)
    took = time.perf_counter() - start
    yield Line(
        f"{name}: {MEMBERS} members of {CLUBS} clubs, {PHONES} phones: written in", f"{took:.0f} s"
    )
    with bench.serving() as (server, _):
        web = psutil.Process(web_process(server))
        goal = "≥ 1500/s" if url is None else ""
        yield from _polls(name, bench.port, web, tokens, goal)
        yield from _changes(name, bench.port, database, club_ids, tokens)
    database.dispose()


def _polls(
    name: str, port: int, web: psutil.Process, tokens: list[str], goal: str
) -> Iterator[Line]:
    phones = [_Phone(port, token) for token in tokens]
    before, start = _cpu(web), time.perf_counter()
    for phone in phones:
        phone.poll()
    cpu, took = _cpu(web) - before, time.perf_counter() - start
    count = sum(len(phone.requests) for phone in phones)
    each = f"{1000 * cpu / len(phones):.2f} ms CPU a poll of {count / len(phones):.1f} requests"
    yield Line(
        f"{name}: polls where all is worked out anew", f"{len(phones) / took:.0f}/s ({each})"
    )
    yield Line(f"{name}: so {PHONES} phones take", _share(cpu, len(phones)), "small")
    polls = list(itertools.chain.from_iterable(phone.requests for phone in phones))
    cpu, rate = _closed_loop(port, web, polls)
    each = f"{1000 * cpu / len(phones):.2f} ms CPU"
    yield Line(
        f"{name}: polls, nothing changed", f"{rate * len(phones) / len(polls):.0f}/s ({each})"
    )
    yield Line(f"{name}: so {PHONES} phones take", _share(cpu, len(phones)), "small")
    pairs = list(itertools.islice(itertools.cycle(phones), PAIRS))
    requests = [one for phone in pairs for one in phone.requests[:2]]
    cpu, rate = _closed_loop(port, web, requests)
    each = f"{1e6 * cpu / len(requests):.0f} µs CPU a request"
    yield Line(f"{name}: pairs, nothing changed", f"{rate / 2:.0f}/s ({each})", goal)
    yield Line(f"{name}: requests, nothing changed", f"{rate:.0f}/s", goal)
    yield from _tables(name, port, web, phones)


def _tables(name: str, port: int, web: psutil.Process, phones: list[_Phone]) -> Iterator[Line]:
    """Entity lists of phones that have them already, and of phones that were set up anew."""
    known, anew = [], []
    for phone in phones[:TABLES]:
        path = next(path for path in phone.files if path.endswith("/members.csv"))
        with socket.create_connection((HERE, port), 60) as line:
            phone.get(line, path, remember=True)
        known.append(phone.requests.pop())
        anew.append(_request(port, path))
    for what, asked, answer in (("known", known, b"304"), ("whole", anew, b"200")):
        requests = list(itertools.islice(itertools.cycle(asked), PAIRS))
        cpu, rate = _closed_loop(port, web, requests, answer)
        each = f"{1e6 * cpu / len(requests):.0f} µs CPU a request"
        yield Line(f"{name}: entity lists, unchanged, {what}", f"{rate:.0f}/s ({each})", "≥ 2000/s")


def _changes(
    name: str, port: int, database: Database, club_ids: list[str], tokens: list[str]
) -> Iterator[Line]:
    """One member of a club changes; her chair's phone fetches the list anew."""
    phone = _Phone(port, tokens[0])
    phone.poll()
    path = next(path for path in phone.files if path.endswith("/members.csv"))
    times, size = [], 0
    with socket.create_connection((HERE, port), 60) as line:
        for number in range(30):
            with database.write() as db:
                label = f"{NAMES[0]} · 1950 · Thôn {number}"
                kept = Kept(_member(0), label, {"hamlet": f"{number}"})
                entities.keep(db, load_library(), "members", [kept], datetime.now(UTC))
            start = time.perf_counter()
            body = phone.get(line, path)
            times.append(1000 * (time.perf_counter() - start))
            size = body.count(b"\n") - 1
    said = f"{statistics.median(times):.1f} ms, worst {max(times):.1f} ms"
    yield Line(f"{name}: a changed slice of {size} members", said, "≤ 20 ms")


def _share(cpu: float, polls: int) -> str:
    return f"{100 * cpu / polls * PHONES / EVERY:.2f} % of a core"


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# ------------------------------------------------------------------ the phones


class _Phone:
    """Polls, and remembers its questions with the ETag of each answer."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.base = f"/v1/key/{token}/projects/1"
        self.requests: list[bytes] = []
        self.files: list[str] = []

    def poll(self) -> None:
        with socket.create_connection((HERE, self.port), 60) as line:
            listed = self.get(line, f"{self.base}/formList", remember=True)
            for path in _urls(listed, b"manifestUrl"):
                self.files += _urls(self.get(line, path, remember=True), b"downloadUrl")

    def get(self, line: socket.socket, path: str, remember: bool = False) -> bytes:
        line.sendall(_request(self.port, path))
        head, body = _read(line)
        assert head.startswith(b"HTTP/1.1 200"), head
        if remember:
            mark = re.search(rb"(?im)^etag: (\S+)", head)
            assert mark is not None
            self.requests.append(_request(self.port, path, mark[1].decode()))
        return body


def _urls(document: bytes, name: bytes) -> list[str]:
    found = re.findall(rb"<%s>([^<]+)" % name, document)
    return [urlsplit(one.decode()).path for one in found]


def _request(port: int, path: str, mark: str = "") -> bytes:
    known = f"If-None-Match: {mark}\r\n" if mark else ""
    return (
        f"GET {path}?deviceID=collect%3Aabcdefgh12345678 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "X-OpenRosa-Version: 1.0\r\nUser-Agent: org.odk.collect.android/v2026.3\r\n"
        f"Accept-Encoding: gzip\r\n{known}\r\n"
    ).encode()


def _read(line: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = line.recv(65536)
        assert piece, "the server hung up"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    while len(body) < _length(head):
        body += line.recv(65536)
    return head, gzip.decompress(body) if b"gzip" in head else body


def _length(head: bytes) -> int:
    found = re.search(rb"(?i)content-length: (\d+)", head)
    return int(found[1]) if found else 0


def _closed_loop(
    port: int, web: psutil.Process, requests: list[bytes], status: bytes = b"304"
) -> tuple[float, float]:
    """Ask all, over a few connections at a time → (CPU seconds of the server, requests a second).

    One thread and no parsing: the client shares the cores with the server.
    """
    waiting = iter(requests)
    selector = selectors.DefaultSelector()
    before, start = _cpu(web), time.perf_counter()
    for _ in range(CONNECTIONS):
        line = socket.create_connection((HERE, port), 60)
        line.sendall(next(waiting))
        selector.register(line, selectors.EVENT_READ)
    done = 0
    while done < len(requests):
        for key, _ in selector.select():
            line = key.fileobj  # type: ignore[assignment]
            answer = line.recv(65536)
            assert answer.startswith(b"HTTP/1.1 " + status), answer
            head, _, body = answer.partition(b"\r\n\r\n")
            assert status != b"200" or len(body) == _length(head)  # a few KB, in one piece
            done += 1
            following = next(waiting, None)
            if following is None:
                selector.unregister(line)
                line.close()
            else:
                line.sendall(following)
    return _cpu(web) - before, done / (time.perf_counter() - start)


# ------------------------------------------------------------------ the people


def _fill(database: Database) -> list[str]:
    """Clubs in every commune, members in every club; the clubs' uuids."""
    library = load_library()
    now = datetime.now(UTC)
    with database.write() as db:
        communes = places.read_tree(db).on(FOUNDED, "commune")
        units = itertools.islice(itertools.cycle(communes), CLUBS)
        rows = [
            {
                "club_code": f"B-{number}",
                "name": f"CLB {number}",
                "unit_code": unit.code,
                "founded_on": FOUNDED.isoformat(),
            }
            for number, unit in enumerate(units)
        ]
        club_ids = list(clubs.import_clubs(db, library, rows, now, "bench").uuids.values())
    numbers = iter(range(MEMBERS))
    while part := list(itertools.islice(numbers, 2000)):
        with database.write() as db:
            kept = [_kept(number, club_ids[number % CLUBS]) for number in part]
            entities.keep(db, library, "members", kept, now)
    return club_ids


def _kept(number: int, club_id: str) -> Kept:
    label = f"{NAMES[number % len(NAMES)]} · 1950 · Thôn {number % 9}"
    return Kept(_member(number), label, {**MEMBER, "club_id": club_id})


def _member(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def _add_phones(database: Database, club_ids: list[str]) -> list[str]:
    """A chair a club, its commune's health worker for every sixth, else volunteers; tokens."""
    today = datetime.now(UTC)
    tokens = [f"{number:064d}" for number in range(PHONES)]
    with database.write() as db:
        places_now = places.clubs_by_unit(db, today.date())
        for number, token in enumerate(tokens):
            club = club_ids[number % CLUBS]
            commune = places_now[club].commune
            phone: Phone = ("chair", None, club) if number < CLUBS else ("volunteer", None, club)
            if number % 6 == 5 and commune is not None:
                phone = ("health", commune.id, None)
            accounts.add_app_user(db, f"p{number}", *phone, token, today)
    return tokens
