"""Before a process serves or works: the schema is that of its code, the key that of the data."""

from __future__ import annotations

import hmac
import logging
import os
import sys
import time

import click
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from server.erased import erase_again
from server.runtime import Runtime, passing_runtime
from server.settings import SettingError, Settings, secret_key
from sync import generation, key_mark
from sync.migrations import is_behind

ASK_AGAIN = 2.0  # seconds between looks for a database that does not answer
SAY_AGAIN = 30.0

log = logging.getLogger(__name__)


def cause(error: Exception) -> str:
    """What the database said, in its own words: the first line, before any value of a row."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def why_away(error: Exception) -> str:
    """A sentence for people about a database that cannot be used."""
    return (
        f"Không dùng được cơ sở dữ liệu: {cause(error)}. Hãy xem nó có chạy không, DATABASE_URL có "
        "đúng không, đĩa còn chỗ không; nếu nó hỏng thì nạp lại bản sao lưu. / The database cannot "
        "be used: see whether it runs, DATABASE_URL is right, and its disk is not full; if it is "
        "damaged, restore the backup."
    )


def wait_or_say(settings: Settings, works: bool = False) -> None:
    """Return when this process may start; else say why not, and end it with 1.

    A database that does not answer is waited for: after a power cut it starts beside us, and
    whoever tells the proxy and the phones to come again need not be us.
    """
    with passing_runtime(settings) as runtime:
        try:
            _wait(runtime, works)
        except SettingError as error:
            click.echo(str(error), err=True)
            sys.exit(1)


def _wait(runtime: Runtime, works: bool) -> None:
    said_at, parent = float("-inf"), os.getppid()
    while True:
        try:
            check(runtime, works)
            _let_nobody_back(runtime)
            return
        except OperationalError as error:
            if time.monotonic() - said_at >= SAY_AGAIN:
                log.warning("waiting for the database: %s", cause(error))
                said_at = time.monotonic()
        time.sleep(ASK_AGAIN)
        if os.getppid() != parent:  # who started us has been ended meanwhile
            sys.exit(1)


def _let_nobody_back(runtime: Runtime) -> None:
    try:
        erase_again(runtime)
    except OSError as error:  # phones need us even so
        log.warning("who was erased is looked for again within the hour: %s", error.strerror)


def check(runtime: Runtime, works: bool = False) -> None:
    """Raise SettingError, which says what to do, where this process must not start."""
    if is_behind(runtime.database):
        raise SettingError(
            "DATABASE_URL",
            "cơ sở dữ liệu cũ hơn chương trình này; xin chạy “cayda migrate”",
            "the schema is older than this program; run “cayda migrate”",
        )
    with runtime.database.read() as db:
        check_key(db, runtime.settings)
        if works and generation.is_newer(db):
            raise SettingError(
                "DATABASE_URL",
                "dữ liệu đã do bản mới hơn của chương trình xử lý; xin cập nhật máy này",
                "newer code has taken the data over; upgrade this machine",
            )


def check_key(db: Connection, settings: Settings) -> None:
    """Raise SettingError where passwords were sealed with another key than that of this machine."""
    noted = key_mark.read(db)
    if noted is not None and not hmac.compare_digest(noted, mark(settings)):
        raise SettingError(
            "CAYDA_SECRET",
            "khóa của máy này khác với khóa đã dùng cho dữ liệu: hãy dùng chung một CAYDA_SECRET "
            "(hoặc secret.key) trên mọi máy, hoặc đổi khóa: “cayda migrate --old-key TỆP”; khóa cũ "
            "mất thì lấy trong bản sao lưu; chưa niêm phong gì thì “cayda migrate --new-key”",
            "this machine's key is not the one the data was sealed with: give all machines the "
            "same CAYDA_SECRET (or secret.key), or change it: “cayda migrate --old-key FILE”; a "
            "lost one is in every backup; where nothing is sealed yet, “cayda migrate --new-key”",
        )


def mark(settings: Settings) -> bytes:
    """By which a key is known again, and from which nobody finds it."""
    return hmac.digest(secret_key(settings), b"mark of the key", "sha256")
