"""Web processes are started again one by one behind the real Caddy while phones send.

The Caddyfile is that of deploy/, with another name and port. Nobody may be refused; what a phone
waits is told.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.server import CAYDA, ROOT, Bench, Line, free_port, load_generator
from tests.postgres import a_postgres

FORM = ("person_registration", "2026111801")
PHONES = 8
REST = 0.05  # seconds of a phone between two forms: the machine is not what is measured here


def measure() -> Iterator[Line]:
    """Two webs on PostgreSQL; then one box, SQLite, its socket held as systemd does."""
    if not shutil.which("caddy"):
        raise SystemExit("Caddy is not here: apt-get install caddy")
    for webs in (2, 1):
        with tempfile.TemporaryDirectory(prefix="cayda-upgrade-") as name:
            folder = Path(name)
            with contextlib.ExitStack() as stack:
                url = stack.enter_context(a_postgres(folder / "pg")) if webs == 2 else None
                sent = _restart_all(folder, Bench(folder, url), webs)
        refused = sum(count for status, count in sent.statuses.items() if status != 201)
        what = f"refused while {webs} web(s) are started again, one after the other, behind Caddy"
        yield Line(what, f"{refused} of {sent.statuses.total()}; {dict(sent.statuses)}", "0")
        yield Line("the longest that a phone waited", f"{sent.longest:.1f} s")


@dataclass
class Sent:
    """What phones heard; None is a connection that broke."""

    statuses: Counter[int | None] = field(default_factory=Counter)
    longest: float = 0.0


def _restart_all(folder: Path, bench: Bench, webs: int) -> Sent:
    held = [_listen() for _ in range(webs)]
    ports, port = [one.getsockname()[1] for one in held], free_port()
    starts = [
        partial(_start, bench, web, one if webs == 1 else None)
        for web, one in zip(ports, held, strict=True)
    ]
    if webs > 1:
        for one in held:
            one.close()
    running = [start() for start in starts]
    sent, over = Sent(), threading.Event()
    try:
        with _caddy(folder, port, ports):
            _wait(port)
            phones = [
                threading.Thread(target=_send, args=(bench, port, phone, sent, over))
                for phone in range(PHONES)
            ]
            for phone in phones:
                phone.start()
            for number, start in enumerate(starts):
                time.sleep(3)
                running[number].terminate()
                running[number].wait(60)
                running[number] = start()
            time.sleep(3)
            over.set()
            for phone in phones:
                phone.join()
    finally:
        for process in running:
            process.terminate()
            process.wait(60)
        for one in held:
            one.close()
    return sent


def _listen() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def _start(bench: Bench, port: int, held: socket.socket | None) -> subprocess.Popen[bytes]:
    """`cayda web` at that port; or `cayda serve` on the socket held there, as systemd gives it."""
    environment = {**bench.environment, "CAYDA_PORT": str(port), "CAYDA_TRUST_PROXY": "1"}
    if held is not None:
        held.listen(4096)
        given = 'exec 3<&"$0"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        command = ["bash", "-c", given, str(held.fileno()), *CAYDA, "serve"]
        web = subprocess.Popen(
            command, env=environment, cwd=ROOT, pass_fds=[held.fileno()], stdout=subprocess.DEVNULL
        )
    else:
        web = subprocess.Popen([*CAYDA, "web"], env=environment, cwd=ROOT)
    _wait(port)
    return web


@contextlib.contextmanager
def _caddy(folder: Path, port: int, webs: list[int]) -> Iterator[None]:
    file = "Caddyfile" if len(webs) == 1 else "compose.Caddyfile"
    text = (ROOT / "deploy" / file).read_text(encoding="utf-8")
    text = text.replace("{\n", "{\n\tadmin off\n\tauto_https off\n", 1)
    (folder / "Caddyfile").write_text(text, encoding="utf-8")
    environment = {"SITE": f"http://127.0.0.1:{port}", "HOME": str(folder)}
    environment["WEBS"] = " ".join(f"127.0.0.1:{web}" for web in webs)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with (folder / "caddy.log").open("w") as log:
        caddy = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            caddy.terminate()
            caddy.wait(20)


def _wait(port: int) -> None:
    """Until somebody answers there."""
    for _ in range(600):
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"nobody answers at port {port}")


def _send(bench: Bench, port: int, phone: int, sent: Sent, over: threading.Event) -> None:
    """One form after the other, each over a connection of its own, as after a while offline."""
    path = urlsplit(bench.url).path + "/submission"
    maker = load_generator().Maker(*FORM, f"upgrade{phone}-{time.time()}", 0)
    number = 0
    while not over.is_set():
        content_type, body = maker.body(number)
        number += 1
        start = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
        status: int | None = None
        with contextlib.suppress(OSError, http.client.HTTPException):
            headers = {"Content-Type": content_type, "X-OpenRosa-Version": "1.0"}
            connection.request("POST", path, b"".join(body), headers)
            status = connection.getresponse().status
        connection.close()
        sent.statuses[status] += 1
        sent.longest = max(sent.longest, time.perf_counter() - start)
        time.sleep(REST)
