"""Keep what phones send: whoever sends while a commit is on its way shares the next one.

A commit that survives a power cut costs the disk as much for one submission as for thirty. No
clock delays anybody: a lone phone is kept at once, and groups form by themselves when many send.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from forms.instance import Instance
from forms.problems import NOT_ALLOWED, REVOKED, Problem, Refused
from server.auth import Memory
from server.clock import clock_offset
from server.runtime import Runtime
from server.tasks import describe
from server.writes import write
from sync import accounts, phones
from sync.access import Caller, doubts, may
from sync.database import is_outage
from sync.receive import Arrival, Received, ReceivedFile
from sync.receive_many import receive_many

if TYPE_CHECKING:
    from forms.library import Library

MOST_TOGETHER = 64  # POSTs in one transaction: others who write wait for its end
PATIENCE = 10.0  # seconds with a database that is away; who is left hears what the last one heard
LINGER = 1.0  # seconds without a POST until the thread ends; to start one takes 0.1 ms

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """One POST as read, its files put away. It is of `caller`, or of whoever has this token when it
    is kept: so a phone that is revoked meanwhile does not get in.
    """

    xml: bytes
    instance: Instance
    files: tuple[ReceivedFile, ...]
    problems: tuple[Problem, ...]
    user_agent: str | None
    device_id: str | None
    date: str | None = None  # by the phone's own clock
    token_sha256: str = ""
    caller: Caller | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a POST. `today`: how many of its sender came today, as phones.py counts."""

    received: Received
    caller: Caller
    today: int


Outcome = Kept | Exception
Settle = Callable[[Outcome], None]


class Intake:
    """Takes POSTs from any thread and commits on one of its own.

    `memory` tells which phones were noted as seen lately, once this is known.
    """

    def __init__(self, runtime: Runtime, memory: Callable[[], Memory | None]) -> None:
        self._runtime = runtime
        self._memory = memory
        self._waiting: list[tuple[Post, Settle]] = []
        self._change = threading.Condition()
        self._is_running = False

    def keep(self, post: Post) -> Outcome:
        """Wait until it is kept, or what kept it from that is known."""
        found: SimpleQueue[Outcome] = SimpleQueue()
        self.offer(post, found.put)
        return found.get()

    def offer(self, post: Post, settle: Settle) -> None:
        """Have it kept soon; `settle` is called once, on another thread, after the commit."""
        with self._change:
            if not self._is_running:
                threading.Thread(target=self._run, name="intake", daemon=True).start()
                self._is_running = True
            self._waiting.append((post, settle))
            self._change.notify()

    # ------------------------------------------------------------------ the thread that commits

    def _run(self) -> None:
        while group := self._take():
            outcomes = self._keep_group([post for post, _ in group])
            told = zip(group, outcomes, strict=True)
            steps: list[Callable[[], None]] = [partial(one[1], outcome) for one, outcome in told]
            for step in (*steps, self._runtime.jobs.wake):
                try:
                    step()
                except BaseException as error:  # who is not answered comes again
                    log.warning("somebody was not told: %s", describe(error))

    def _take(self) -> list[tuple[Post, Settle]]:
        """Who waits now; nobody after LINGER, and the thread ends."""
        with self._change:
            self._change.wait_for(lambda: self._waiting, LINGER)
            group = self._waiting[:MOST_TOGETHER]
            del self._waiting[:MOST_TOGETHER]
            self._is_running = bool(group)
            return group

    def _keep_group(self, posts: Sequence[Post]) -> list[Outcome]:
        """All at once; where that fails one by one, so that poison keeps nobody else waiting.

        Whatever it is: all phones wait for this thread, and libraries in Rust raise what is no
        Exception.
        """
        start = time.monotonic()
        if len(posts) > 1:
            try:
                with self._runtime.database.write() as db:
                    return self._keep(db, posts)
            except BaseException as error:
                log.warning("%s submissions fail together: %s", len(posts), describe(error))
        found: list[Outcome] = []
        for post in posts:
            is_away = bool(found) and _is_away(found[-1])
            is_hopeless = is_away and time.monotonic() - start > PATIENCE
            found.append(found[-1] if is_hopeless else self._keep_one(post))
        return found

    def _keep_one(self, post: Post) -> Outcome:
        try:
            return write(self._runtime.database, lambda db: self._keep(db, [post])[0])
        except Exception as error:
            return error
        except BaseException as error:
            return RuntimeError(describe(error))

    def _keep(self, db: Connection, posts: Sequence[Post]) -> list[Outcome]:
        now = self._runtime.now()
        senders = self._senders(db, posts)
        pairs = zip(posts, senders, strict=True)
        allowed = [(post, sender) for post, sender in pairs if isinstance(sender, Caller)]
        received = iter(receive_many(db, [self._arrival(*one) for one in allowed], now))
        today = phones.sent_today(db, {sender for _, sender in allowed}, now)
        self._note_seen(db, allowed, now)
        found: list[Outcome] = []
        for sender in senders:
            if isinstance(sender, Refused):
                found.append(sender)
                continue
            one = next(received)
            found.append(Kept(one, sender, today[sender]) if isinstance(one, Received) else one)
        return found

    def _senders(self, db: Connection, posts: Sequence[Post]) -> list[Caller | Refused]:
        marks = {post.token_sha256 for post in posts if post.caller is None}
        known = accounts.find_app_users(db, marks) if marks else {}
        found: list[Caller | Refused] = []
        for post in posts:
            try:
                caller = post.caller or known.get(post.token_sha256)
                found.append(check_sender(self._runtime.library, caller))
            except Refused as refused:
                found.append(refused)
        return found

    def _arrival(self, post: Post, caller: Caller) -> Arrival:
        flags = doubts(self._runtime.library, caller, post.instance.xml_form_id)
        is_phone = caller.kind == "app_user"
        return Arrival(
            project_id=caller.project_id,
            only_form_id=caller.form_id,
            instance=post.instance,
            xml=post.xml,
            files=post.files,
            app_user_id=caller.id if is_phone else None,
            user_id=None if is_phone else caller.id,
            device_id=post.device_id,
            user_agent=post.user_agent,
            problems=(*post.problems, *flags),
        )

    def _note_seen(
        self, db: Connection, posts: Iterable[tuple[Post, Caller]], now: datetime
    ) -> None:
        """In one order: two processes may note the same phones."""
        memory = self._memory()
        for post, caller in sorted(posts, key=lambda one: one[1].id):
            if memory is not None and caller.kind == "app_user" and memory.is_news(caller.id):
                offset = clock_offset(post.date, now)
                sign = accounts.Sign(post.user_agent, post.device_id, offset)
                accounts.seen(db, caller.id, now, sign)


def check_sender(library: Library, caller: Caller | None) -> Caller:
    """The caller, who may send. Refused(REVOKED or NOT_ALLOWED)."""
    if caller is None:
        raise Refused(REVOKED())
    if not may(library, caller, "submission.create"):
        raise Refused(NOT_ALLOWED())
    return caller


def _is_away(outcome: Outcome) -> bool:
    """Whether the database is, so that others would fare no better."""
    return isinstance(outcome, Exception) and is_outage(outcome)
