"""Submissions that somebody made to break the server: kept or refused, and never stuck."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from server.demo.phone import Filled
from tests.device import Device

# What a question is answered with, of whatever kind it is.
ANSWERS = (
    "1e400",
    "-0",
    "NaN",
    "9" * 400,
    "0001-01-01",
    "9999-12-31",
    "2025-02-30",
    "2025-09-01T25:00:00.000+99:00",
    "\ufeff\u202e" + "\U0001f480" * 3000,
    "=cmd|' /C calc'!A0",
    "a" * 300_000,
    "x " * 20_000,
    "' OR 1=1 --",
)
QUESTIONS = ("visit_date", "start_time", "minutes", "client", "tasks", "club")


def nasty(phone: Device, member: str) -> Iterator[Filled]:
    """Visits whose answers are of no kind that was asked for; and documents that are hardly any."""
    for answer in ANSWERS:
        for question in QUESTIONS:
            answers = {question: answer} if question != "client" else {}
            who = answer if question == "client" else member
            phone.visits(who, on="2025-09-01", by=member, **answers)
            yield phone.outbox.pop()
    phone.visits(member, on="2025-09-01")
    good = phone.outbox.pop().xml
    version = good.partition(b'version="')[2].partition(b'"')[0]
    for find, put in (
        (b"<meta>", b"<meta/><meta>"),
        (b"<meta>", b"<x>" * 60 + b"</x>" * 60 + b"<meta>"),
        (b"<meta>", b"<tasks/>" * 5000 + b"<meta>"),
        (version, b"no such version"),
        (b"<instanceID>uuid:", b"<instanceID>  "),
        (b"<instanceID>", b"<deprecatedID>uuid:0</deprecatedID><instanceID>"),
        (b"</meta>", b"</meta><meta><instanceID>uuid:other</instanceID></meta>"),
    ):
        name = f"uuid:{uuid.uuid4()}"
        xml = good.replace(find, put, 1)
        head, _, tail = xml.partition(b"<instanceID>uuid:")
        yield Filled(name, "care_visit", head + (b"<instanceID>uuid:" + tail if tail else b""))
