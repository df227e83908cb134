"""The access log answers who saw a person, when and how."""

from __future__ import annotations

import sqlalchemy as sa

from forms.periods import months_before
from sync import audit
from sync.database import Database
from sync.tables import audit_events
from tests.conftest import NOW

LAN, MINH = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def test_what_was_kept_its_months_is_forgotten_with_whom_it_showed_and_what_moves_figures_stays(
    database: Database,
) -> None:
    day = months_before(NOW.date(), 36)
    young, old = (NOW.replace(year=day.year, month=day.month, day=day.day - n) for n in (0, 1))
    with database.write() as db:
        audit.saw(db, "user:3", "person.show", [("people", LAN)], old)
        audit.record(db, "user:3", "club.create", "club:x", old)
        audit.record(db, "user:3", "clubs", None, old)
        audit.saw(db, "user:3", "person.show", [("people", LAN)], young)
        assert audit.forget_old(db, NOW, None) == 0
        assert audit.forget_old(db, NOW, 36, ("club.",)) == 2
        assert len(audit.who_saw(db, "people", [LAN])) == 1
        left = [one.action for one in audit.list_events(db, None, None, None, 9, 0)]
        assert left == ["audit.forget", "person.show", "club.create"]
        assert audit.forget_old(db, NOW, 36, ("club.",)) == 0


def test_a_page_of_a_list_is_one_event_and_says_whom_it_showed(database: Database) -> None:
    with database.write() as db:
        page = [("people", LAN), ("people", MINH), ("people", LAN)]
        audit.saw(db, "user:3", "person.list", page, NOW, page=1)
        audit.saw(db, "user:4", "person.show", [("people", LAN)], NOW)
        audit.saw(db, "user:5", "person.list", [], NOW)
    with database.read() as db:
        of_lan = audit.who_saw(db, "people", [LAN])
        assert [(one.actor, one.action) for one in of_lan] == [
            ("user:4", "person.show"),
            ("user:3", "person.list"),
        ]
        assert of_lan[1].details == {"page": 1}
        assert [one.actor for one in audit.who_saw(db, "people", [MINH])] == ["user:3"]
        assert audit.who_saw(db, "loans", [LAN]) == []
        assert len(audit.who_saw(db, "people", [LAN, MINH], limit=1)) == 1
        assert db.scalar(sa.select(sa.func.count()).select_from(audit_events)) == 2
