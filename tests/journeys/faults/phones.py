"""Phones that send all the time, as Collect does: the same bytes until somebody says 201."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

from server.demo.phone import Filled, multipart
from tests.device import Device
from tests.journeys.faults.ledger import Ledger, Line
from tests.journeys.faults.nasty import nasty

DAYS = [(date(2025, 7, 10) + timedelta(days=n)).isoformat() for n in range(150)]
PATIENCE = 90.0  # seconds in which all that waits on the phones must have gone, once all is well
SAME_PHOTO = b"\xff\xd8 the leaflet that everybody photographs \xff\xd9" * 200


class Owner:
    """Somebody with a phone, who fills in and sends between `picks_it_up` and `puts_it_down`."""

    def __init__(self, phone: Device, ledger: Ledger, seed: int, rest: float) -> None:
        self.phone = phone
        self.ledger = ledger
        self.rest = rest
        self.random = random.Random(seed)
        self.known: list[str] = []  # members
        self.error: BaseException | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._habits: dict[Callable[[], object], int] = {
            self._registers: 15,
            self._visits: 35,
            self._notes: 25,
            self._corrects: 8,
            self._sends_again: 6,
            self._sends_twice_at_once: 4,
            self._sends_a_rival: 3,
            self._sends_what_is_refused: 3,
            self._loses_one: 1,
        }

    def picks_it_up(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._lives, daemon=True)
        self._thread.start()

    def puts_it_down(self) -> None:
        """Nothing new from now on; what waits is still being sent."""
        self._stopping.set()

    def settles(self) -> None:
        """Wait until all has gone that waited."""
        assert self._thread is not None
        self._thread.join(PATIENCE + 60)
        if self.error is not None:
            raise self.error
        assert self.phone.outbox == [], "a phone cannot get rid of what it has"

    def leaves(self) -> None:
        """For good, with whatever was not sent."""
        self.puts_it_down()
        self.phone.outbox.clear()
        if self._thread is not None:
            self._thread.join(60)
        self.phone.weather.line.hangs_up()

    def _lives(self) -> None:
        try:
            while not self._stopping.is_set():
                with suppress(OSError):
                    self.random.choices(list(self._habits), list(self._habits.values()))[0]()
                self.phone.sends()
                self._stopping.wait(self.rest * self.random.uniform(0.5, 1.5))
            until = time.monotonic() + PATIENCE
            while self.phone.outbox and time.monotonic() < until:
                if not self.phone.sends():
                    time.sleep(0.1)
        except BaseException as error:  # told to whoever waits for it to settle
            self.error = error

    def visits(self) -> None:
        """One visit, sent by the hand that calls this."""
        self._visits()
        assert self.phone.sends() == 1

    def sends_nasty_ones(self) -> None:
        """Each is kept, or refused for good."""
        if not self.known:
            self._registers()
        for filled in nasty(self.phone, self.known[0]):
            status = self._posts(filled)
            assert status in (201, 202) or 400 <= status < 500, filled.xml[:2000]

    # ---- what people do
    def _registers(self) -> None:
        born = self.random.randint(1930, 1960)
        name = f"Người {self.random.randrange(10**9)}"
        self.known.append(self.phone.registers(name, born, joined="2025-07-10"))

    def _visits(self) -> None:
        if self.known:
            self.phone.visits(self._someone(), on=self.random.choice(DAYS))

    def _notes(self) -> None:
        if self.known:
            count = self.random.choice((0, 1, 1, 2, 3))
            photos = {f"{uuid.uuid4().hex}.jpg": self._photo() for _ in range(count)}
            hamlet = f"tổ {self.random.randrange(20)}"
            self.phone.notes(self._someone(), hamlet=hamlet, photos=photos)

    def _corrects(self) -> None:
        visits = [one for one in self.phone.sent if one.name == "care_visit"]
        if visits:
            chosen = self.random.choice(visits).instance_id
            self.phone.corrects(chosen, minutes=self.random.randint(10, 90))

    def _sends_again(self) -> None:
        """What was acknowledged long ago, as after a phone was restored from its backup."""
        if self.phone.sent:
            self._posts(self.random.choice(self.phone.sent))

    def _sends_twice_at_once(self) -> None:
        """What only just went: okhttp repeats within milliseconds what a dying line swallowed."""
        if self.phone.outbox or not self.known:
            return
        self.phone.visits(self._someone(), on=self.random.choice(DAYS))
        self._posts_beside(self.phone.outbox[-1])

    def _sends_a_rival(self) -> None:
        """The same instanceID with other bytes: both are to be kept."""
        if self.phone.sent:
            one = self.random.choice(self.phone.sent)
            self.phone.outbox.append(Filled(one.instance_id, one.name, one.xml + b"\n"))

    def _sends_what_is_refused(self) -> None:
        one = Filled(f"uuid:{uuid.uuid4()}", "no_such_form", b"")
        one.xml = (
            f'<data id="no_such_form" version="1"><meta><instanceID>{one.instance_id}</instanceID>'
            f"</meta></data>"
        ).encode()
        if self.random.random() < 0.5:
            one.xml = one.xml[:-3]
        one.files = {"photo.jpg": self._photo()}
        self._posts(one)

    def _loses_one(self) -> None:
        """Sent once, and whatever came of it, the phone is gone."""
        if self.known:
            photos = {"last.jpg": self._photo()}
            self.phone.notes(self._someone(), hamlet="tổ 99", photos=photos)
            self._posts(self.phone.outbox.pop())

    # ---- how
    def _posts(self, filled: Filled) -> int:
        content_type, body = multipart(filled, filled.files, incomplete=False)
        url = f"{self.phone.server_url}/submission"
        return self.phone._call("POST", url, {"Content-Type": content_type}, body)[0]

    def _posts_beside(self, filled: Filled) -> None:
        """On a line of its own, while the phone sends the same."""
        content_type, body = multipart(filled, filled.files, incomplete=False)
        line = Line(self.ledger)
        headers = {"Content-Type": content_type, "X-OpenRosa-Version": "1.0"}

        def post() -> None:
            with suppress(OSError):
                line("POST", f"{self.phone.server_url}/submission?deviceID=twin", headers, body)
            line.hangs_up()

        twin = threading.Thread(target=post)
        twin.start()
        self.phone.sends()
        twin.join()

    def _someone(self) -> str:
        return self.random.choice(self.known)

    def _photo(self) -> bytes:
        if self.random.random() < 0.2:
            return SAME_PHOTO
        return self.random.randbytes(self.random.randint(2_000, 70_000))
