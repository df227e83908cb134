"""Who is calling: a phone by the token in its path, a person by Digest or Basic; and may they?"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import string
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import md5
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask, current_app, request
from flask_login import current_user
from sqlalchemy.exc import DBAPIError
from werkzeug.datastructures import Authorization
from werkzeug.wrappers import Request

from forms.problems import INSECURE, NOT_ALLOWED, REVOKED, UNAVAILABLE, Refused
from server.clock import clock_offset
from server.errors import Unauthorized
from server.guesses import Guesses
from server.runtime import runtime
from server.settings import secret_key
from sync import accounts, sessions, tokens
from sync.access import Caller, may

TOKEN_LENGTH = 64
TOKEN_LETTERS = (
    string.ascii_letters + string.digits
)  # nothing that a URL or a shell reads otherwise
NONCE_SECONDS = 30 * 60
SEEN_SECONDS = 10 * 60  # how exact "phones last seen" is; one write per phone and this time
GUESSES_AT_ONCE = 1  # argon2 takes a core and 19 MiB; phones have two turns, a guess one at most
SIGN_IN_WAITS = 5.0  # seconds
REMEMBERED = 2_000
LONGEST_NOTE = 255  # of what a phone says of itself

EXTENSION = "cayda.auth"
WAIT = "cayda.wait"  # in the environ: seconds; see front.py

_TOKEN = re.compile(r"[A-Za-z0-9!$]{64}")  # ours, and what ODK Central would give
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Memory:
    """What this process remembers between requests; losing it costs time only."""

    def __init__(self, key: bytes, redis_url: str | None = None) -> None:
        self.key = key
        self.turn_to_guess = threading.BoundedSemaphore(GUESSES_AT_ONCE)
        self.guesses = Guesses(key, redis_url)
        self._mark = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._seen: dict[int | str, float] = {}
        self._lock = threading.Lock()

    def mark(self, user: accounts.User, password: str) -> bytes:
        """A keyed hash that says nothing without this process; another password_hash voids it."""
        text = "\0".join((user.caller.name, user.password_hash, password))
        return hmac.digest(self._mark, text.encode(errors="surrogateescape"), "sha256")

    def knows(self, mark: bytes) -> bool:
        with self._lock:
            return mark in self._good

    def remember(self, mark: bytes) -> None:
        with self._lock:
            self._good[mark] = None
            while len(self._good) > REMEMBERED:
                self._good.popitem(last=False)

    def is_due(self, who: int | str) -> bool:
        """Whether it is time to note that this phone (its number) or this token called."""
        before = self._seen.get(who)
        return before is None or time.monotonic() - before >= SEEN_SECONDS

    def is_news(self, who: int | str) -> bool:
        """As `is_due`, but True for one of several threads, which then notes it."""
        with self._lock:
            due = self.is_due(who)
            if due:
                self._seen[who] = time.monotonic()
            return due


def memory() -> Memory:
    """This app's memory, made at the first need; of several who come first one makes it for all."""
    found = memory_of(current_app)
    if found is None:
        settings = runtime().settings
        made = Memory(secret_key(settings), settings.redis_url)
        found = current_app.extensions.setdefault(EXTENSION, made)
    return found


def memory_of(app: Flask) -> Memory | None:
    """The memory of this app, if it was needed yet."""
    found: Memory | None = app.extensions.get(EXTENSION)
    return found


def require(caller: Caller, verb: str) -> None:
    """Refused(NOT_ALLOWED) unless the caller's role has the verb."""
    if not may(runtime().library, caller, verb):
        raise Refused(NOT_ALLOWED())


def new_token() -> str:
    """A secret for a phone's URL: 380 bits, the length ODK's own tokens have."""
    return "".join(secrets.choice(TOKEN_LETTERS) for _ in range(TOKEN_LENGTH))


def token_caller(token: str) -> Caller:
    """The phone of this token. Refused(REVOKED), 403, for any other: a 401 would make Collect
    ask its user for a password that does not exist."""
    mark = accounts.token_sha256(token)
    caller = runtime().database.ask(lambda db: accounts.find_app_user(db, mark))
    if caller is None:
        raise Refused(REVOKED())
    _note_seen(caller)
    return caller


def is_token(text: str) -> bool:
    """Whether this may be a phone's token at all."""
    return _TOKEN.fullmatch(text) is not None


def password_caller() -> Caller:
    """The person of this request's Digest, Basic or Bearer. Unauthorized, with challenges, for
    others."""
    scheme, text = _authorization()
    caller: Caller | None = None
    if scheme == "digest" and request.authorization is not None:
        caller = _digest_caller(request.authorization)
    elif scheme == "basic" and is_secure():
        caller = _basic_caller(text)
    elif scheme == "bearer":
        caller = _bearer_caller(text)
    if caller is None:
        raise Unauthorized(_challenges())
    return caller


def person_caller() -> Caller:
    """The person of this request's Bearer, Basic or session of our pages, the first that is given.

    Unauthorized for others, without a challenge: a browser would ask over the page that called.
    """
    scheme, text = _authorization()
    caller: Caller | None = None
    if scheme == "bearer":
        caller = _bearer_caller(text)
    elif scheme == "basic":
        if not is_secure():
            raise Refused(INSECURE())
        caller = _basic_caller(text)
    elif not scheme:
        caller = _page_caller()
    if caller is None:
        raise Unauthorized(())
    return caller


def bearer() -> str | None:
    """The token of this request's sign-in, where it names one."""
    scheme, text = _authorization()
    return text if scheme == "bearer" else None


def _authorization() -> tuple[str, str]:
    scheme, _, text = request.headers.get("Authorization", "").strip().partition(" ")
    return scheme.lower(), text.strip()


def _bearer_caller(token: str) -> Caller | None:
    now, database = runtime().now(), runtime().database
    signed_in = database.ask(lambda db: sessions.find(db, token, now))
    if signed_in is not None:
        return signed_in.caller
    found = database.ask(lambda db: tokens.find(db, token, now))
    if found is None:
        _answer_late(memory().guesses.missed_token(caller_address()))
        return None
    number, caller = found
    if memory().is_news(f"token:{number}"):
        try:
            with database.write() as db:
                tokens.used(db, number, now)
        except DBAPIError:  # as for phones: who only reads is not sent away by a full disk
            current_app.logger.warning("could not note when a token was last used")
    return caller


def _page_caller() -> Caller | None:
    """Who is signed in to the pages. To change anything takes a header that no form on another
    site can send, and a browser that does not say it comes from one."""
    cookie = current_app.session_interface.get_cookie_name(current_app)
    if cookie not in request.cookies:
        return None
    by_script = request.headers.get("X-Requested-With") == "XMLHttpRequest"
    if request.method not in _SAFE_METHODS and (not by_script or is_from_elsewhere()):
        return None
    found: Caller | None = getattr(current_user, "caller", None)
    return found


def sign_in(name: str, password: str, wait: float = SIGN_IN_WAITS) -> Caller | None:
    """The person of this name and password; argon2 is paid once per process, not per request.

    Refused(UNAVAILABLE) where others are checked for longer than `wait` seconds;
    Refused(TOO_MANY_GUESSES).
    """
    guesses, address = memory().guesses, caller_address()
    guesses.refuse_many(name, address, everywhere=True)
    user = _find_user(name)
    mark = None if user is None else memory().mark(user, password)
    if user is not None and mark is not None and memory().knows(mark):
        return user.caller
    if not memory().turn_to_guess.acquire(timeout=wait):
        raise Refused(UNAVAILABLE())
    try:
        good = accounts.check(user, password)
    finally:
        memory().turn_to_guess.release()
    if not good or user is None or mark is None:
        _answer_late(guesses.missed(name, address))
        return None
    guesses.found(name, address)
    _answer_late(0)
    memory().remember(mark)
    return user.caller


def is_from_elsewhere() -> bool:
    """Whether the browser says that a page of another site sends this; old ones say nothing."""
    return request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")


def _answer_late(seconds: float) -> None:
    """Whoever guesses waits, and holds no thread meanwhile."""
    request.environ[WAIT] = seconds


def is_secure() -> bool:
    """Whether the caller's own connection is encrypted, as far as we may believe it."""
    if runtime().settings.trust_proxy:
        return _forwarded("X-Forwarded-Proto", request.scheme) == "https"
    return request.scheme == "https"


def is_behind_tls() -> bool:
    """Whether the browser's connection is encrypted, also where only the settings say so."""
    return is_secure() or (runtime().settings.public_url or "").startswith("https:")


def caller_address() -> str:
    """Where the request comes from, as the nearest proxy says where it is believed."""
    address = request.remote_addr or ""
    if runtime().settings.trust_proxy:
        return _forwarded("X-Forwarded-For", address)
    return address


def origin() -> str:
    """Scheme and host for addresses we hand out, as the phone sees us."""
    settings = runtime().settings
    if settings.public_url:
        return settings.public_url
    scheme, host = request.scheme, request.host
    if settings.trust_proxy:
        scheme, host = _forwarded("X-Forwarded-Proto", scheme), _forwarded("X-Forwarded-Host", host)
    return f"{scheme}://{host}"


def _forwarded(header: str, default: str) -> str:
    """The nearest proxy's word: it appends, what stands before may be the caller's own."""
    return request.headers.get(header, default).rpartition(",")[2].strip() or default


def note_of_itself(asked: Request) -> tuple[str | None, str | None]:
    """The User-Agent and the deviceID of a request, as far as they are kept."""
    said = (asked.headers.get("User-Agent"), asked.args.get("deviceID"))
    agent, device = ((one or "").replace("\x00", "")[:LONGEST_NOTE] or None for one in said)
    return agent, device


def _note_seen(caller: Caller) -> None:
    if not memory().is_news(caller.id):
        return
    now = runtime().now()
    sign = accounts.Sign(*note_of_itself(request), clock_offset(request.headers.get("Date"), now))
    try:
        with runtime().database.write() as db:
            accounts.seen(db, caller.id, now, sign)
    except DBAPIError:  # a phone must not be sent away because this note could not be written
        current_app.logger.warning("could not note when a phone was last seen")


# ------------------------------------------------------------------ Basic


def _basic_caller(text: str) -> Caller | None:
    """Phones send Latin-1, everybody else UTF-8: whichever fits. (Werkzeug reads UTF-8 only.)"""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    pairs = [pair.partition(":")[::2] for pair in _readings(raw)]
    for name, password in pairs:
        memory().guesses.refuse_many(name, caller_address())
        user = _find_user(name)
        if accounts.is_ha1_of(user, password, memory().key) and user is not None:
            return user.caller
    # Who guesses pays for argon2 each time; so does, once, who has no HA1 that we could open.
    # Nobody waits here for another's guess: phones would stand behind whoever tries passwords.
    found = (sign_in(name, password, wait=0) for name, password in pairs)
    return next((caller for caller in found if caller is not None), None)


def _find_user(name: str) -> accounts.User | None:
    return runtime().database.ask(lambda db: accounts.find_user(db, name))


def _readings(raw: bytes) -> list[str]:
    try:
        utf8 = raw.decode()
    except UnicodeDecodeError:
        return [raw.decode("latin-1")]
    return [utf8] if utf8.isascii() else [utf8, raw.decode("latin-1")]


# ------------------------------------------------------------------ Digest (RFC 7616, MD5)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The fields of a Digest answer that matter here."""

    name: str
    uri: str
    nonce: str
    response: str
    qop: str
    nc: str
    cnonce: str


def _digest_caller(given: Authorization) -> Caller:
    answer = _read_answer(given)
    if answer is None or not _is_this_request(answer.uri):
        raise Unauthorized(_challenges())
    user = _find_user(answer.name)
    guesses, address = memory().guesses, caller_address()
    guesses.refuse_many(answer.name, address)
    ha1 = accounts.open_ha1(user, memory().key)
    expected = _response(answer, ha1 or "0" * 32)
    if not hmac.compare_digest(expected.encode(), answer.response.encode()) or ha1 is None:
        _answer_late(guesses.missed(answer.name, address))
        raise Unauthorized(_challenges())
    if not _is_fresh(answer.nonce):
        # Only now: stale=true for a wrong password would make the phone try twenty times.
        raise Unauthorized(_challenges(stale=True))
    assert user is not None
    return user.caller


def _read_answer(given: Authorization) -> _Answer | None:
    fields = {name: value or "" for name, value in given.parameters.items()}
    if fields.get("realm") != accounts.REALM or fields.get("qop", "") not in ("", "auth"):
        return None
    if fields.get("algorithm", "MD5").upper() != "MD5":
        return None
    return _Answer(
        name=_utf8(fields.get("username", "")),
        uri=fields.get("uri", ""),
        nonce=fields.get("nonce", ""),
        response=fields.get("response", "").lower(),
        qop=fields.get("qop", ""),
        nc=fields.get("nc", ""),
        cnonce=fields.get("cnonce", ""),
    )


def _utf8(text: str) -> str:
    """WSGI reads headers as Latin-1; the challenge asked for UTF-8."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _response(answer: _Answer, ha1: str) -> str:
    ha2 = _md5(f"{request.method}:{answer.uri}")
    if answer.qop:
        return _md5(f"{ha1}:{answer.nonce}:{answer.nc}:{answer.cnonce}:{answer.qop}:{ha2}")
    return _md5(f"{ha1}:{answer.nonce}:{ha2}")


def _md5(text: str) -> str:
    return md5(text.encode("latin-1", "replace"), usedforsecurity=False).hexdigest()


def _is_this_request(uri: str) -> bool:
    """Whether the `uri` that was signed names what is asked for.

    The signature is checked over the phone's own spelling of it, so no server or proxy can break it
    by writing `%21` as `!`; here both are compared with their percent-signs resolved.
    """
    if "://" in uri:
        parts = urlsplit(uri)
        uri = parts.path + (f"?{parts.query}" if parts.query else "")
    environ = request.environ
    asked = environ.get("cayda.path", environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"])
    path, _, query = uri.partition("?")
    return _bytes(path) == asked.encode("latin-1") and _bytes(query) == _bytes(
        environ.get("QUERY_STRING", "")
    )


def _bytes(text: str) -> bytes:
    return unquote_to_bytes(text.encode("latin-1", "replace"))


def _challenges(stale: bool = False) -> tuple[str, ...]:
    """Digest first: the first scheme a phone knows wins. Basic only where it is safe."""
    parts = (
        f'Digest realm="{accounts.REALM}"',
        'qop="auth"',
        "algorithm=MD5",
        f'nonce="{new_nonce()}"',
        "charset=UTF-8",
        *(("stale=true",) if stale else ()),
    )
    digest = ", ".join(parts)
    basic = f'Basic realm="{accounts.REALM}", charset="UTF-8"'
    return (digest, basic) if is_secure() else (digest,)


def new_nonce() -> str:
    """The time, signed: nothing to keep, valid in every process that has the key."""
    when = f"{int(runtime().now().timestamp()):x}"
    return f"{when}-{_sign(when)}"


def _is_fresh(nonce: str) -> bool:
    when, _, signature = nonce.partition("-")
    if not hmac.compare_digest(_sign(when).encode(), signature.encode()):
        return False
    age = runtime().now().timestamp() - int(when, 16)
    return -60 <= age <= NONCE_SECONDS


def _sign(text: str) -> str:
    return hmac.new(memory().key, b"nonce:" + text.encode(), "sha256").hexdigest()[:32]
