"""A request about somebody's data has a clock of working days, and is done once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from forms.library import load_library
from forms.problems import Refused
from sync.database import Database
from sync.privacy import requests
from tests.sync.library_world import LibraryWorld
from tests.sync.test_member_forms import BA, join


def test_working_days_leave_out_weekends_and_the_new_year_holidays() -> None:
    privacy = load_library().privacy
    friday, eve = date(2026, 1, 23), date(2026, 2, 13)  # the Friday before the lunar new year
    assert privacy.after_working_days(friday, 2) == date(2026, 1, 27)
    assert privacy.after_working_days(eve, 2) == date(2026, 2, 24)
    assert privacy.after_working_days(date(2031, 1, 3), 1) == date(2031, 1, 6)  # a year not known


def test_a_request_is_due_answered_extended_and_closed(database: Database, tmp_path: Path) -> None:
    world = LibraryWorld(database, tmp_path)
    join(world)
    world.work()
    library, today = world.library, world.now.date()
    with database.write() as db:
        number = requests.ask(db, library, "erase", BA, today, "12/YC", "user:9", world.now)
        for day, code in ((today + timedelta(days=1), "request_day"), (today, "not_found")):
            kind = "erase" if code == "request_day" else "none"
            with pytest.raises(Refused) as refused:
                requests.ask(db, library, kind, BA, day, "", "user:9", world.now)
            assert refused.value.problem.code == code
        (one,) = requests.list_requests(db, library)
        assert (one.due_on, one.done_by) == (date(2026, 1, 22), today + timedelta(days=20))
        assert one.is_late(date(2026, 1, 23))
        assert [found.id for found in requests.open_about(db, library, BA)] == [number]
        for act in (requests.ANSWER, requests.EXTEND):
            requests.act(db, library, number, act, "user:9", world.now)
        one = requests.get(db, library, number)
        assert (one.answer_by, one.due_on) == (None, today + timedelta(days=35))
        requests.act(db, library, number, requests.CLOSE, "user:9", world.now)
        with pytest.raises(Refused) as refused:
            requests.act(db, library, number, requests.REFUSE, "user:9", world.now)
        assert refused.value.problem.code == "request_closed"
        assert requests.list_requests(db, library) == requests.open_about(db, library, BA) == []
        assert [found.id for found in requests.list_requests(db, library, closed=True)] == [number]
