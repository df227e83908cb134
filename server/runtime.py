"""The parts one process works with, and how code that answers a request reaches them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from flask import current_app

from server.settings import SettingError, Settings, secret_key
from sync.blobs import Blobs, open_blobs
from sync.database import Database
from sync.vault import Vault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from forms.library import Library

EXTENSION = "cayda"


class Jobs(Protocol):
    """Somebody to wake when work was queued; never fails, the next sweep finds what it missed."""

    def wake(self) -> None: ...


class LocalJobs:
    """The embedded mode: the worker looks into the queue twice a second by itself."""

    def wake(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Made once per process. `now` gives an aware UTC time; tests put their own clock there."""

    settings: Settings
    database: Database
    blobs: Blobs
    jobs: Jobs
    library: Library
    now: Callable[[], datetime]
    key: RSAPrivateKey | None = None  # opens encrypted submissions; given to one worker, never kept


def utc_now() -> datetime:
    return datetime.now(UTC)


def open_runtime(settings: Settings, old_key: bytes | None = None) -> Runtime:
    """The runtime the settings ask for. Opens no connection yet, so it may stand before a fork.

    old_key: opens what another key than that of the settings has sealed.
    Raises SettingError for a library that cannot be used.
    """
    return Runtime(
        settings=settings,
        database=Database(settings.database_url, open_vault(settings, old_key)),
        blobs=open_blobs(settings.blobs),
        jobs=_open_jobs(settings),
        library=open_library(settings),
        now=utc_now,
    )


@contextmanager
def passing_runtime(settings: Settings, old_key: bytes | None = None) -> Iterator[Runtime]:
    """The same for who is done with it before the process is: its connections are closed then."""
    runtime = open_runtime(settings, old_key)
    try:
        yield runtime
    finally:
        runtime.database.dispose()


def open_vault(settings: Settings, old_key: bytes | None = None) -> Vault:
    """What seals and opens with the key of the settings; the key is not asked for yet."""
    older = () if old_key is None else (lambda: old_key,)
    return Vault(partial(secret_key, settings), older)


def open_library(settings: Settings) -> Library:
    """The library the settings name. Raises SettingError when it cannot be used."""
    from forms.library import LibraryError, load_library

    try:
        return load_library(settings.library)
    except LibraryError as error:
        vi, en = ("\n".join(getattr(one, way) for one in error.problems) for way in ("vi", "en"))
        raise SettingError("CAYDA_LIBRARY", f"\n{vi}\n", f"\n{en}") from None


def _open_jobs(settings: Settings) -> Jobs:
    if not settings.redis_url:
        return LocalJobs()
    from server.jobs import RqJobs  # rq is large, and the embedded mode runs without it

    return RqJobs(settings.redis_url)


def runtime() -> Runtime:
    """The runtime of the app that answers this request."""
    return cast(Runtime, current_app.extensions[EXTENSION])
