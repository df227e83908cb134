"""How often somebody may guess, by name and by where it comes from; and each guess takes longer.

Counted in this process, and where there are several by Valkey together; without Valkey each counts
for itself. A name is known to neither: they hold a keyed hash of it.
"""

from __future__ import annotations

import hmac
import time
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from forms.problems import TOO_MANY_GUESSES, Refused

OF_ONE_NAME = parse("20/15minutes")  # from one address; whoever knows it has signed in by then
OF_ONE_ADDRESS = parse("200/15minutes")  # an office of many people may stand behind one

SHORTEST_WAIT, LONGEST_WAIT = 0.5, 4.0  # seconds

Key = tuple[RateLimitItem, str]


class Guesses:
    """Wrong passwords so far. `key`: 32 bytes that make the hashes ours."""

    def __init__(self, key: bytes, redis_url: str | None) -> None:
        self._key = key
        self._here = FixedWindowRateLimiter(MemoryStorage())
        self._everywhere = None
        if redis_url:
            options = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
            storage = storage_from_string(redis_url, wrap_exceptions=True, **options)
            self._everywhere = FixedWindowRateLimiter(storage)

    def refuse_many(self, name: str, address: str, *, everywhere: bool = False) -> None:
        """Refused(TOO_MANY_GUESSES) where this name from there, or anybody from there, guessed
        wrong too often. everywhere: also in other processes, which costs a question to Valkey.
        """
        for item, key in self._keys(name, address):
            if not self._here.test(item, key) or (everywhere and not self._is_free(item, key)):
                reset = self._here.get_window_stats(item, key).reset_time
                minutes = max(1, round((reset - time.time()) / 60))
                raise Refused(TOO_MANY_GUESSES(minutes=minutes))

    def missed(self, name: str, address: str) -> float:
        """One more that was wrong. → how many seconds later to say so."""
        mine, _ = keys = self._keys(name, address)
        for item, key in keys:
            self._here.hit(item, key)
            if self._everywhere is not None:
                with suppress(StorageError):  # nobody is shut out because it is away
                    self._everywhere.hit(item, key)
        return self._longer(*mine)

    def missed_token(self, address: str) -> float:
        """A token that is nobody's. They are not to be guessed: whoever asks on waits, no more, for
        a whole office may stand behind an address where one program has an old one."""
        mine = OF_ONE_NAME, self._hashed(f"\0token\0{_line_of(address)}")
        self._here.hit(*mine)
        return self._longer(*mine)

    def _longer(self, item: RateLimitItem, key: str) -> float:
        """Half a second after the first, then twice as long each time."""
        before = item.amount - self._here.get_window_stats(item, key).remaining - 1
        return float(min(LONGEST_WAIT, SHORTEST_WAIT * 2**before))

    def found(self, name: str, address: str) -> None:
        """The person of this name knows it: their slips before count no more."""
        item, key = self._keys(name, address)[0]
        self._here.clear(item, key)
        if self._everywhere is not None:
            with suppress(StorageError):
                self._everywhere.clear(item, key)

    def _is_free(self, item: RateLimitItem, key: str) -> bool:
        if self._everywhere is not None:
            with suppress(StorageError):
                return self._everywhere.test(item, key)
        return True

    def _keys(self, name: str, address: str) -> tuple[Key, Key]:
        line = _line_of(address)
        return (
            (OF_ONE_NAME, self._hashed(f"{name}\0{line}")),
            (OF_ONE_ADDRESS, self._hashed(line)),
        )

    def _hashed(self, text: str) -> str:
        return hmac.digest(self._key, text.encode(errors="surrogateescape"), "sha256").hex()[:32]


def _line_of(address: str) -> str:
    """What one subscriber has: of IPv6 a network (RFC 4291, 2.5.4), to take any address in it."""
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return f"{found.packed[:8].hex()}::/64"
    return address
