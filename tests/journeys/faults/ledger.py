"""What phones sent and what they were told, written down POST by POST."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from tests.network import Answer, Socket, parts_of

XML_PART = "xml_submission_file"


@dataclass(frozen=True, slots=True)
class Version:
    """The very bytes of one instance; what cannot be read as one has no form and no id."""

    form: str
    instance_id: str
    sha256: str


@dataclass(slots=True)
class Post:
    """One POST. `status` stays None where no answer came: kept or not, nobody can know."""

    version: Version
    files: Mapping[str, str]  # name -> SHA-256
    began: float  # of time.monotonic
    ended: float = 0.0
    status: int | None = None

    @property
    def is_acknowledged(self) -> bool:
        return self.status in (201, 202)

    @property
    def is_refused(self) -> bool:
        """For good: nothing of it may be kept."""
        return self.status is not None and 400 <= self.status < 500

    @property
    def seen(self) -> str:
        """What the phone saw."""
        return "no answer" if self.status is None else str(self.status)


class Ledger:
    """All POSTs of all phones; phones are threads."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self._lock = threading.Lock()

    @contextmanager
    def noting(self, content_type: str, body: bytes) -> Iterator[Post]:
        post = _read(content_type, body)
        with self._lock:
            self.posts.append(post)
        try:
            yield post
        finally:
            post.ended = time.monotonic()

    def since(self, moment: float) -> list[Post]:
        with self._lock:
            return [post for post in self.posts if post.ended >= moment]

    def seen_since(self, moment: float) -> Counter[str]:
        """What phones saw, but for what was refused: they sent that on purpose."""
        return Counter(post.seen for post in self.since(moment) if not post.is_refused)

    def served_after(self, moment: float) -> float:
        """Seconds from then until somebody was told 201, and nobody any more that it cannot be."""
        posts = self.since(moment)
        good = [post.ended for post in posts if post.is_acknowledged]
        bad = [p.ended for p in posts if not (p.is_acknowledged or p.is_refused)]
        return max(min(good, default=moment), max(bad, default=moment)) - moment


class Line(Socket):
    """A socket whose POSTs stand in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(timeout=30)
        self.ledger = ledger

    def hears(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, arrived: int
    ) -> Answer:
        if method != "POST":
            return super().hears(method, url, headers, body, arrived)
        with self.ledger.noting(headers["Content-Type"], body) as post:
            answer = super().hears(method, url, headers, body, arrived)
            post.status = answer[0]
        return answer


def _read(content_type: str, body: bytes) -> Post:
    parts = parts_of(content_type, body)
    xml = parts.pop(XML_PART)
    parts.pop("*isIncomplete*", None)
    form = re.search(rb' id="([^"]*)"', xml)
    instance = re.search(rb"<instanceID>([^<]*)<", xml)
    version = Version(
        form[1].decode() if form else "",
        instance[1].decode().strip() if instance else "",
        sha256(xml).hexdigest(),
    )
    files = {name: sha256(content).hexdigest() for name, content in parts.items()}
    return Post(version, files, time.monotonic())
