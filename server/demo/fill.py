"""Fill an empty server with the demo: people and phones are set up, all data comes by the phones.

Safe to run again after an interruption: every form is made anew from the seed, byte for byte, so
the server knows what it already has.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from random import Random
from threading import Lock

from sqlalchemy.engine import Connection

from server.demo.club_life import club_life
from server.demo.club_money import keep_books, supervisions
from server.demo.club_news import clubs_begin, news
from server.demo.diary import Entry, daily_life, registrations
from server.demo.half_year import CLOSED, come_late, confirmations, without_the_late
from server.demo.offices import LOGINS, PASSWORD, close_and_send
from server.demo.phone import Phone
from server.demo.population import CLUBS, new_uuid, populate
from server.qr import phone_url, write_qr
from server.runtime import Runtime
from server.settings import secret_key
from sync import accounts, clubs, places, status
from sync.status import Status

SEED = 2026
FOUNDING = date(2018, 12, 31)  # the clubs' unit codes are those of this day
PHONES_AT_ONCE = 4
PATIENCE = 60.0  # seconds without any progress of the worker before we give up

Progress = Callable[[int, int], None]
SUPERVISED = (date(2025, 5, 22), date(2025, 11, 20))


def fill(runtime: Runtime, base_url: str, progress: Progress) -> None:
    """Send the whole diary through the door at `base_url`; the last thing written is README.txt."""
    folder = runtime.settings.data / "demo"
    club_ids = _set_up_clubs(runtime)
    set_up_people(runtime, club_ids)
    phones = {
        name: _phone(runtime, folder, base_url, name, role, unit_code, club_id)
        for name, role, unit_code, club_id in _wanted_phones(club_ids)
    }
    stages, late = written(club_ids)
    count = _Counter(sum(len(stage) for stage in (*stages, late)), progress)
    sent = _Sent(phones, count)
    for stage in stages:
        sent.send(stage)
        _wait_until_processed(runtime)
    _wait_until_measured(runtime)
    close_and_send(runtime, CLOSED)
    sent.send(late)
    _wait_until_measured(runtime)
    _write_readme(folder, base_url)


def written(club_ids: dict[str, str]) -> tuple[list[list[Entry]], list[Entry]]:
    """What phones send, in stages: what they need of each other's is there before it is used. Last,
    what comes when the first report has been sent.
    """
    population = populate(SEED)
    daily = daily_life(population, club_ids, SEED)
    told, held = without_the_late(news(population, club_ids, daily, SEED))
    books = keep_books(population, club_ids, SEED)
    done = [*daily, *club_life(population, club_ids, SEED), *supervisions(books, SUPERVISED)]
    done += [entry for book in books.values() for entry in book.entries]
    stages = [
        [*clubs_begin(club_ids), *registrations(population, club_ids)],
        sorted(done, key=lambda entry: entry.day),
        [*told, *confirmations(club_ids)],
    ]
    return stages, come_late(daily, held)


class _Counter:
    """Progress of several threads as one number."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress, self._done, self._lock = total, progress, 0, Lock()

    def add(self, more: int) -> None:
        with self._lock:
            self._done += more
            self._progress(self._done, self._total)


# ---- setting up
def _set_up_clubs(runtime: Runtime) -> dict[str, str]:
    rows = [
        {
            "club_code": club.code,
            "name": club.name,
            "unit_code": club.unit_code,
            "founded_on": club.founded_on.isoformat(),
            "decision_no": club.decision_no,
        }
        for club in CLUBS
    ]
    with runtime.database.write() as db:
        imported = clubs.import_clubs(db, runtime.library, rows, runtime.now(), "operator")
    return dict(imported.uuids)


def set_up_people(runtime: Runtime, club_ids: dict[str, str]) -> None:
    """Those there already stay as they are."""
    with runtime.database.read() as db:
        known = {account.name for account in accounts.list_users(db)}
    key = secret_key(runtime.settings)
    for login in LOGINS:
        if login.name not in known:
            sealed = accounts.seal_password(login.name, PASSWORD, key)
            with runtime.database.write() as db:
                unit_id = _unit_id(db, login.unit_code, login.on) if login.unit_code else None
                club_id = club_ids[login.club_code] if login.club_code else None
                accounts.add_user(
                    db, login.name, login.role, unit_id, club_id, sealed, runtime.now()
                )


def _wanted_phones(club_ids: dict[str, str]) -> Iterable[tuple[str, str, str, str | None]]:
    for club in CLUBS:
        club_id = club_ids[club.code]
        for who, role in (
            ("chair", "chair"),
            ("deputy", "chair"),
            ("volunteer1", "volunteer"),
            ("volunteer2", "volunteer"),
            ("treasurer", "treasurer"),
            ("bookkeeper", "treasurer"),
        ):
            yield f"{club.code}/{who}", role, club.unit_code, club_id
    for unit_code in dict.fromkeys(club.unit_code for club in CLUBS):
        yield f"{unit_code}/health", "health", unit_code, None
        yield f"{unit_code}/commune", "commune", unit_code, None


def _phone(
    runtime: Runtime,
    folder: Path,
    base_url: str,
    name: str,
    role: str,
    unit_code: str,
    club_id: str | None,
) -> Phone:
    """The phone of that name: known from an earlier run, or made now with its QR code."""
    place = folder / "phones" / name.replace("/", "-")
    note = place.with_suffix(".url")
    if note.exists():
        url = note.read_text()
    else:
        token = secrets.token_hex(32)
        url = phone_url(base_url, token)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch(mode=0o600)
        note.write_text(url)
        write_qr(place.with_suffix(".png"), url, name)
        with runtime.database.write() as db:
            unit_id = None if club_id else _unit_id(db, unit_code, FOUNDING)
            accounts.add_app_user(db, name, role, unit_id, club_id, token, runtime.now())
    random = Random(f"{SEED}:{name}")
    return Phone(
        url,
        device_id=f"collect:{random.getrandbits(64):016x}",
        new_uuid=lambda: new_uuid(random),
    )


def _unit_id(db: Connection, code: str, day: date) -> int:
    unit = places.find_unit(db, code, day)
    if unit is None:
        raise LookupError(f"no unit {code} on {day}")
    return unit.id


# ---- sending
class _Sent:
    """All that went out: each phone syncs, fills its forms in order, and sends; a few at once."""

    def __init__(self, phones: dict[str, Phone], count: _Counter) -> None:
        self._phones, self._count = phones, count
        self._ids: dict[int, str] = {}  # id() of an entry → its instanceID, for who edits it

    def send(self, entries: Iterable[Entry]) -> None:
        by_phone: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_phone[entry.phone].append(entry)
        with ThreadPoolExecutor(PHONES_AT_ONCE) as pool:
            list(pool.map(self._send_from, by_phone, by_phone.values()))

    def _send_from(self, name: str, entries: Iterable[Entry]) -> None:
        phone = self._phones[name]
        phone.sync()
        for entry in entries:
            filled = phone.fill(
                entry.form,
                entry.answers,
                entity=entry.entity,
                instance_name=entry.instance_name,
                replaces=self._ids[id(entry.edits)] if entry.edits else None,
            )
            self._ids[id(entry)] = filled.instance_id
            phone.send()
            self._count.add(1)
        if phone.outbox:
            raise RuntimeError(f"{len(phone.outbox)} forms stay on a phone: {phone.last_message}")


def _wait_until_processed(runtime: Runtime) -> None:
    """Until nothing that came waits any more."""
    _wait(runtime, lambda now: now.queue.waiting)


def _wait_until_measured(runtime: Runtime) -> None:
    """Until the figures are those of all that came."""
    _wait(runtime, lambda now: now.queue.waiting + now.stale_cells)


def _wait(runtime: Runtime, count: Callable[[Status], int]) -> None:
    waiting, since = -1, time.monotonic()
    while True:
        with runtime.database.read() as db:
            now_waiting = count(status.read_status(db))
        if now_waiting == 0:
            return
        if now_waiting != waiting:
            waiting, since = now_waiting, time.monotonic()
        if time.monotonic() - since > PATIENCE:
            raise TimeoutError(f"{waiting} pieces of work wait and none is done")
        time.sleep(0.2)


def _write_readme(folder: Path, base_url: str) -> None:
    """What a visitor needs; its being there says that the demo is complete."""
    people = "\n".join(f"  {login.name:<14} {PASSWORD}   {login.words}" for login in LOGINS)
    text = f"""Bản mẫu Cây Đa / The Cây Đa demo
Mọi người trong này đều không có thật. / Nobody in here exists.

Trang web / Web page: {base_url}
{people}

Mã QR để cài ODK Collect hay KoboCollect / QR codes for ODK Collect or KoboCollect:
  {(folder / "phones").resolve()}
"""
    temporary = folder / ".README.part"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(folder / "README.txt")
