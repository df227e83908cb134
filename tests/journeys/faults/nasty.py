"""Submissions that somebody made to break the server: kept or refused, and never stuck."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator

from server.demo.phone import Filled, PhoneForm
from tests.device import Device

# What a question is answered with, of whatever kind it is.
ANSWERS = (
    "1e400",
    "NaN",
    "0001-01-01",
    "9999-12-31",
    "2025-09-01T25:00:00.000+99:00",
    "\ufeff\u202e" + "\U0001f480 " * 300,
    "=cmd|' /C calc'!A0",
    "uuid:",
    "2025H2 1999Y 0000H1",
)
MIXED = 2  # of each form, beside those where one answer stands everywhere


def nasty(phone: Device, member: str) -> Iterator[Filled]:
    """Forms whose answers are of no kind that was asked for; and documents that are hardly any."""
    chosen = random.Random(len(ANSWERS))
    for form_id, form in sorted(phone.forms.items()):
        questions = _questions(form)
        told = [dict.fromkeys(questions, answer) for answer in ANSWERS]
        told += [{q: chosen.choice(ANSWERS) for q in questions} for _ in range(MIXED)]
        for answers in told:
            phone.fill(form_id, answers)
            yield phone.outbox.pop()
    for answer in ANSWERS:  # one wrong among good ones gets further
        for question in ("visit_date", "start_time", "minutes", "tasks", "club", "volunteers"):
            phone.visits(member, on="2025-09-01", **{question: answer})
            yield phone.outbox.pop()
    yield from _hardly_any(phone, member)


def _questions(form: PhoneForm) -> list[str]:
    """Names of all that has no parts."""
    return [str(node.tag).rpartition("}")[2] for node in form.template.iter() if not len(node)]


def _hardly_any(phone: Device, member: str) -> Iterator[Filled]:
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
        yield Filled(f"uuid:{uuid.uuid4()}", "care_visit", good.replace(find, put, 1))
