"""How far a phone's clock is off, read from a clock without morning and evening (incident C9)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.clock import clock_offset
from sync.tables import app_users
from tests.server.conftest import Door

MORNING = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
AFTERNOON = datetime(2026, 1, 20, 15, 0, tzinfo=UTC)
HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("header", "now", "seconds"),
    [
        ("Tue, 20 Jan 2026 03:00:00 GMT", MORNING, 0),
        ("Tue, 20 Jan 2026 03:00:00 GMT", AFTERNOON, 0),  # as Collect writes three in the afternoon
        ("Tue, 20 Jan 2026 15:00:00 GMT", AFTERNOON, 0),  # as everybody else does
        ("Tue, 20 Jan 2026 03:07:30 GMT", AFTERNOON, 450),
        ("Tue, 20 Jan 2026 02:59:00 GMT", MORNING, -60),
        ("Tue, 20 Jan 2026 12:30:00 GMT", datetime(2026, 1, 20, 0, 30, tzinfo=UTC), 0),
        ("Tue, 20 Jan 2026 12:30:00 GMT", datetime(2026, 1, 20, 12, 30, tzinfo=UTC), 0),
        ("Mon, 19 Jan 2026 03:00:00 GMT", MORNING, -12 * HOUR),  # or a whole day: never more
        ("Sun, 18 Jan 2026 03:00:00 GMT", MORNING, -36 * HOUR),
        ("Sat, 20 Jan 2029 03:00:00 GMT", AFTERNOON, 1096 * DAY - 12 * HOUR),
        ("Thu, 01 Jan 1970 12:00:05 GMT", MORNING, -1_768_834_795),
        ("Fri, 31 Dec 9999 03:00:00 GMT", MORNING, 2**31 - 1),
        ("Tue, 20 Jan 2026 03:00:00 +0000", MORNING, 0),
    ],
)
def test_c9_the_offset_of_a_phones_clock(header: str, now: datetime, seconds: int) -> None:
    assert clock_offset(header, now) == seconds


@pytest.mark.parametrize("header", [None, "", "yesterday", "Tue, 99 Jan 2026 03:00:00 GMT"])
def test_no_time_is_no_offset(header: str | None) -> None:
    assert clock_offset(header, MORNING) is None


def test_c9_what_a_phone_says_of_itself_is_kept_with_when_it_was_seen(door: Door) -> None:
    headers = {
        "User-Agent": "org.odk.collect.android/v2026.3.0 Dalvik/2.1.0 (Linux)",
        "Date": "Tue, 20 Jan 2026 03:20:00 GMT",
    }
    door.get("/formList?deviceID=collect%3Aabcdefgh12345678", headers=headers)
    c = app_users.c
    (row,) = door.rows(c.user_agent, c.device_id, c.clock_offset_seconds)
    assert row == (headers["User-Agent"], "collect:abcdefgh12345678", 20 * 60)


def test_a_request_that_says_less_leaves_what_was_known(door: Door) -> None:
    with door.database.write() as db:
        db.execute(app_users.update().values(device_id="collect:x", clock_offset_seconds=7))
    door.get("/formList", headers={"User-Agent": "K" * 300})
    c = app_users.c
    (row,) = door.rows(c.user_agent, c.device_id, c.clock_offset_seconds)
    assert row == ("K" * 255, "collect:x", 7)
