"""Who sends while a commit is on its way shares the next one; what is wrong with one, others
do not feel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from server import intake, posting
from sync import accounts
from sync.tables import received, submissions
from tests.conftest import NOW
from tests.server.conftest import A, B, C, Door, instance, message

D = "uuid:dddddddd-1111-4111-8111-111111111111"
POISON = "cấm"


class Gate:
    """In the place of `receive_many`: the first group waits in it until all others wait for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.is_open = threading.Event()
        self.is_reached = threading.Event()
        self.do: Callable[[Connection], object] = lambda db: None
        self._real = intake.receive_many
        monkeypatch.setattr(intake, "receive_many", self)

    def __call__(self, db: Any, arrivals: Sequence[Any], now: Any) -> Any:
        self.sizes.append(len(arrivals))
        self.is_reached.set()
        assert self.is_open.wait(10)
        self.do(db)
        if any(POISON.encode() in arrival.xml for arrival in arrivals):
            raise KeyError("poison")
        return self._real(db, arrivals, now)

    def send(self, door: Door, first: bytes, *others: bytes) -> list[Any]:
        """Send the first, and the others while it is being kept; their answers in this order."""
        answers: dict[int, Any] = {}

        def post(number: int, xml: bytes) -> None:
            answers[number] = door.post(xml)

        threads = [threading.Thread(target=post, args=one) for one in enumerate((first, *others))]
        threads[0].start()
        assert self.is_reached.wait(10)
        for thread in threads[1:]:
            thread.start()
        waiting = door.app.extensions[posting.EXTENSION]._intake._waiting
        until = time.monotonic() + 10
        while len(waiting) < len(others) and time.monotonic() < until:
            time.sleep(0.001)
        self.is_open.set()
        for thread in threads:
            thread.join()
        return [answers[number] for number in range(len(threads))]


@pytest.fixture
def gate(door: Door, monkeypatch: pytest.MonkeyPatch) -> Gate:
    door.head("/submission")
    return Gate(monkeypatch)


def test_a_lone_phone_waits_for_nobody_and_those_who_come_meanwhile_share_a_commit(
    door: Door, gate: Gate
) -> None:
    answers = gate.send(door, instance(A), instance(B), instance(C), instance(C), instance(D))
    assert {answer.status_code for answer in answers} == {201}
    assert gate.sizes == [1, 4]
    assert (door.count(submissions), door.count(received)) == (4, 5)


def test_what_poisons_a_group_hurts_only_itself(door: Door, gate: Gate) -> None:
    answers = gate.send(door, instance(A), instance(B), instance(C, POISON), instance(D))
    assert [answer.status_code for answer in answers] == [201, 201, 500, 201]
    assert gate.sizes == [1, 3, 1, 1, 1]
    assert (door.count(submissions), door.count(received)) == (3, 3)


def test_nor_does_it_where_the_group_has_taken_long(
    door: Door, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PATIENCE", 0)
    answers = gate.send(door, instance(A), instance(B, POISON), instance(C), instance(D))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 500]


def test_one_that_is_refused_hurts_only_itself(door: Door, gate: Gate) -> None:
    answers = gate.send(door, instance(A), instance(B), instance(C, form_id="no"), instance(D))
    assert [answer.status_code for answer in answers] == [201, 201, 404, 201]
    assert gate.sizes == [1, 3]
    assert "3" in message(answers[3])


def test_where_nothing_can_be_kept_all_hear_so_and_nothing_is_half_kept(
    door: Door, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that wait do not find out one after the other for minutes."""

    def away(_: Any) -> Any:
        raise OperationalError("BEGIN", {}, Exception("away"))

    monkeypatch.setattr(intake, "PATIENCE", 0)
    monkeypatch.setattr(Gate, "__call__", lambda *_: away(gate.is_open.wait(10)))
    gate.is_reached.set()
    answers = gate.send(door, instance(A), instance(B), instance(C))
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all(answer.headers["Retry-After"] == "60" for answer in answers)
    assert door.count(received) == 0
    monkeypatch.undo()
    assert door.post(instance(A)).status_code == 201


def test_a_phone_that_is_revoked_while_it_waits_is_refused(door: Door, gate: Gate) -> None:
    gate.do = lambda db: accounts.revoke(db, 1, NOW)  # the only phone, after it sent both
    answers = gate.send(door, instance(A), instance(B))
    assert [answer.status_code for answer in answers] == [201, 403]
    assert door.count(received) == 1


def test_the_thread_that_commits_ends_and_another_takes_its_place(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LINGER", 0.01)
    for one in (A, B):
        assert door.post(instance(one)).status_code == 201
        for thread in threading.enumerate():
            if thread.name == "intake":
                thread.join(5)
                assert not thread.is_alive()


def test_nobody_waits_for_ever_where_the_thread_that_commits_stumbles(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.head("/submission")
    here = door.app.extensions[posting.EXTENSION]._intake

    class Panic(BaseException):
        """As libraries written in Rust raise it."""

    def panic(*_: object) -> None:
        raise Panic

    monkeypatch.setattr(intake, "receive_many", panic)
    answers: list[Any] = []
    posts = threading.Thread(target=lambda: answers.append(door.post(instance(A))), daemon=True)
    posts.start()
    posts.join(5)
    assert [answer.status_code for answer in answers] == [500]
    monkeypatch.undo()
    monkeypatch.setattr(type(here._runtime.jobs), "wake", panic)
    for one in (A, B):
        assert door.post(instance(one)).status_code == 201
