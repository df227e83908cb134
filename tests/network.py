"""What lies between a phone and the server: okhttp's habits, weather that breaks things, the door.

A transport is called with method, URL, headers and body, and answers status, headers and body. They
stand one upon the other: `OkHttp(Weather(Door(app)))`, or `OkHttp(Socket())` over a real one.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import urljoin, urlsplit

from flask import Flask

from server.demo.phone import Headers, Transport

Answer = tuple[int, Headers, bytes]
SENDS = 3  # okhttp repeats at once what a dying connection swallowed: so many sends in all
HOPS = 20


class Unreachable(ConnectionError):
    """No signal: nothing was sent."""


class Died(ConnectionError):
    """The connection died before an answer began; okhttp repeats at once."""


class CutShort(ConnectionError):
    """The answer began and did not end; nobody repeats at once."""


# ------------------------------------------------------------------ the server's side


@dataclass
class Door:
    """The app's WSGI door. Keeps every POST it answered with success, in the order of answers.

    What the phone hears of that answer is the weather's business, so this list is what the server
    promised to keep.
    """

    app: Flask
    accepted: list[tuple[str, bytes]] = field(default_factory=list)  # content type, body
    codes: list[int] = field(default_factory=list)

    def __call__(self, method: str, url: str, headers: Headers, body: bytes) -> Answer:
        return self.hears(method, url, headers, body, len(body))

    def hears(self, method: str, url: str, headers: Headers, body: bytes, arrived: int) -> Answer:
        """The server's answer when only the first `arrived` bytes of the body came."""
        response = self.app.test_client().open(
            url,
            method=method,
            headers=dict(headers),
            input_stream=BytesIO(body[:arrived]) if body else None,
            content_length=len(body) if body else None,
            buffered=True,
        )
        answered = dict(response.headers.items())
        challenges = response.headers.getlist("WWW-Authenticate")
        if challenges:
            answered["WWW-Authenticate"] = "\n".join(challenges)
        self.codes.append(response.status_code)
        if method == "POST" and response.status_code in (201, 202):
            self.accepted.append((dict(headers).get("Content-Type", ""), body))
        return response.status_code, answered, response.data

    def hangs_up(self) -> None:
        """Nothing to do: each request has a connection of its own."""


class Socket:
    """HTTP/1.1 over one kept-alive connection per host, which breaks as they do."""

    def __init__(self, timeout: float = 60) -> None:
        self.timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def __call__(self, method: str, url: str, headers: Headers, body: bytes) -> Answer:
        return self.hears(method, url, headers, body, len(body))

    def hears(self, method: str, url: str, headers: Headers, body: bytes, arrived: int) -> Answer:
        """Send no more than `arrived` bytes of the body, then hang up when that was not all."""
        parts = urlsplit(url)
        connection = self._connect(parts.netloc)
        try:
            connection.putrequest(method, f"{parts.path}?{parts.query}", skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[:arrived] if body else None)
            if arrived < len(body):
                raise Died
            response = connection.getresponse()
            content = response.read()
        except (http.client.HTTPException, ConnectionError) as error:
            self.hangs_up()
            raise Died from error
        except TimeoutError:
            self.hangs_up()  # a late answer must not be taken for the next one's
            raise
        answered = dict(response.headers)
        challenges = response.headers.get_all("WWW-Authenticate")
        if challenges:
            answered["WWW-Authenticate"] = "\n".join(challenges)
        return response.status, answered, content

    def hangs_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connect(self, host: str) -> http.client.HTTPConnection:
        if self._connection is None or self._connection.sock is None:
            self._connection = http.client.HTTPConnection(host, timeout=self.timeout)
            try:
                self._connection.connect()
            except OSError as error:
                self.hangs_up()
                raise Unreachable from error
        return self._connection


# ------------------------------------------------------------------ the weather between

FAULTS = (
    "no_signal",
    "cut_before",  # the connection dies with the request on its way
    "cut_inside",  # ... in the middle of the body: the server sees the beginning
    "cut_behind",  # ... with the whole body sent: the server keeps it, the phone never hears
    "answer_cut",  # the phone hears the beginning of the answer
    "too_slow",  # the phone stops waiting; the server does not
    "error_500",
    "error_after",  # a proxy's 502, though the server kept everything
    "portal",  # the market's gateway answers in the server's place
    "restart_before",
    "restart_behind",
)
PORTAL = (
    200,
    {"Content-Type": "text/html"},
    b"<html><body>Wi-Fi ch\xe1\xbb\xa3: xin ...</body></html>",
)


class Weather:
    """Between a phone and a Door or Socket: each request meets the next fault that was called."""

    def __init__(self, line: Door | Socket, restart: Callable[[], None] = lambda: None) -> None:
        self.line = line
        self.restart = restart
        self.faults: list[str] = []  # "" = fair
        self.is_offline = False
        self.at_market = False

    def brings(self, *faults: str) -> None:
        self.faults.extend(faults)

    def clears_up(self) -> None:
        self.faults.clear()
        self.is_offline = self.at_market = False

    def __call__(self, method: str, url: str, headers: Headers, body: bytes) -> Answer:
        fault = self.faults.pop(0) if self.faults else ""
        if self.is_offline or fault == "no_signal":
            raise Unreachable
        if self.at_market or fault == "portal":
            return PORTAL
        if fault == "error_500":
            return 500, {"Content-Type": "text/plain"}, b"Internal Server Error"
        if fault in ("cut_before", "restart_before"):
            self._restart_if(fault)
            raise self._dead()
        if fault == "cut_inside":
            if body:
                with suppress(Died):
                    self.line.hears(method, url, headers, body, self._somewhere_in(body))
            raise self._dead()
        status, answered, content = self.line(method, url, headers, body)
        self._restart_if(fault)
        return self._answer(fault, status, answered, content)

    def _answer(self, fault: str, status: int, headers: Headers, content: bytes) -> Answer:
        if fault in ("cut_behind", "restart_behind"):
            raise self._dead()
        if fault == "answer_cut":
            raise CutShort
        if fault == "too_slow":
            raise TimeoutError
        if fault == "error_after":
            return 502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>"
        return status, headers, content

    def _dead(self) -> Died:
        """The connection is gone: the next request needs another."""
        self.line.hangs_up()
        return Died()

    def _restart_if(self, fault: str) -> None:
        if fault.startswith("restart"):
            self.restart()

    @staticmethod
    def _somewhere_in(body: bytes) -> int:
        """Anywhere, but always the same for one body: often within a photo."""
        return int.from_bytes(hashlib.sha256(body).digest()[:6]) % len(body)


# ------------------------------------------------------------------ okhttp


@dataclass
class _Cached:
    etag: str
    headers: Headers
    body: bytes


class OkHttp:
    """The phone's HTTP library as Collect sets it up (protocol §1)."""

    def __init__(self, line: Transport, username: str = "", password: str = "") -> None:
        self.line = line
        self.username, self.password = username, password
        self.sent: list[tuple[str, str, dict[str, str]]] = []  # what went out, to be looked at
        self._cache: dict[str, _Cached] = {}
        self._challenge: dict[str, str] | None = None  # answered once, sent unasked from then on
        self._scheme = ""
        self._count = 0

    def __call__(self, method: str, url: str, headers: Headers, body: bytes) -> Answer:
        for _ in range(HOPS):
            status, answered, content = self._with_credentials(method, url, headers, body)
            place = answered.get("location")
            if status not in (301, 302, 303, 307, 308) or not place:
                return status, answered, content
            if status < 307 and method == "POST":
                method, body = "GET", b""
            url = urljoin(url, place)
        raise CutShort

    # ---- credentials
    def _with_credentials(self, method: str, url: str, headers: Headers, body: bytes) -> Answer:
        """Nothing is sent before a challenge; after it always, and twice refused is refused."""
        for _ in range(HOPS):
            sent_with = self._authorization(method, url)
            extra = {"Authorization": sent_with} if sent_with else {}
            answer = self._repeating(method, url, {**headers, **extra}, body)
            if answer[0] != 401 or not self._takes(answer[1], url, bool(sent_with)):
                return answer
        return answer

    def _takes(self, headers: Headers, url: str, was_sent: bool) -> bool:
        """Whether the challenge can be answered: the first one of a known scheme counts."""
        if not self.username:
            return False
        for line in headers.get("www-authenticate", "").split("\n"):
            scheme, _, rest = line.strip().partition(" ")
            fields = dict(re.findall(r'(\w+)="?([^",]*)"?', rest))
            if scheme.lower() == "basic" and not url.startswith("https:"):
                continue
            if scheme.lower() not in ("basic", "digest"):
                continue
            if was_sent and scheme.lower() == self._scheme and fields.get("stale") != "true":
                return False
            self._scheme, self._challenge, self._count = scheme.lower(), fields, 0
            return True
        return False

    def _authorization(self, method: str, url: str) -> str:
        if self._challenge is None:
            return ""
        if self._scheme == "basic":
            pair = f"{self.username}:{self.password}".encode("latin-1", "replace")
            return f"Basic {base64.b64encode(pair).decode()}"
        return self._digest(self._challenge, method, url)

    def _digest(self, challenge: dict[str, str], method: str, url: str) -> str:
        self._count += 1
        parts = urlsplit(url)
        uri = f"{parts.path}?{parts.query}" if parts.query else parts.path
        charset = challenge.get("charset", "ascii")
        realm, nonce, cnonce, count = (
            challenge["realm"], challenge["nonce"], secrets.token_hex(8), f"{self._count:08x}",
        )  # fmt: skip
        ha1 = _md5(f"{self.username}:{realm}:{self.password}", charset)
        ha2 = _md5(f"{method}:{uri}", charset)
        response = _md5(f"{ha1}:{nonce}:{count}:{cnonce}:auth:{ha2}", charset)
        return (
            f'Digest username="{self.username}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}", qop=auth, nc={count}, cnonce="{cnonce}", algorithm=MD5'
        )

    # ---- repeating, cache, gzip
    def _repeating(self, method: str, url: str, headers: Headers, body: bytes) -> Answer:
        repeated = False
        for attempt in range(1, SENDS + 1):
            try:
                answer = self._cached(method, url, headers, body)
            except Died:
                if attempt == SENDS:
                    raise
                continue
            is_asked = answer[0] == 408 or (answer[0], answer[1].get("retry-after")) == (503, "0")
            if not is_asked or repeated:
                return answer
            repeated = True
        return answer

    def _cached(self, method: str, url: str, headers: Headers, body: bytes) -> Answer:
        known = self._cache.get(url) if method == "GET" else None
        asked = {"Accept-Encoding": "gzip", **headers}
        if known is not None:
            asked["If-None-Match"] = known.etag
        self.sent.append((method, url, asked))
        status, raw, content = self.line(method, url, asked, body)
        answered = {name.lower(): value for name, value in raw.items()}
        if known is not None and status == 304:
            return 200, {**known.headers, **answered}, known.body
        if answered.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        if method == "GET" and status == 200 and "etag" in answered:
            self._cache[url] = _Cached(answered["etag"], answered, content)
        return status, answered, content


def _md5(text: str, charset: str) -> str:
    return hashlib.md5(text.encode(charset, "replace")).hexdigest()


def parts_of(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a phone's multipart body by name, read without the server's parser."""
    mark = b"--" + content_type.partition("boundary=")[2].encode()
    found: dict[str, bytes] = {}
    for piece in body.split(mark)[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        name = re.search(r'; name="([^"]*)"', head.decode())
        assert name is not None
        found[name[1].replace("%22", '"')] = content.removesuffix(b"\r\n")
    return found
