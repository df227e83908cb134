"""A consent taken back at a page holds at once, on phones' lists too, and every word is kept."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from sync import comments, computed, versions
from sync.access import OPERATOR
from sync.database import Database
from sync.privacy import consent, traces
from sync.tables import entities, submission_versions
from tests.sync.comparing import compare
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id
from tests.sync.test_member_forms import BA, HOA, join


def test_taking_back_one_consent_reaches_lists_at_once_and_erases_what_it_covered(
    database: Database, tmp_path: Path
) -> None:
    world = LibraryWorld(database, tmp_path)
    join(world)
    for day in ("2025-04-01", "2025-05-01"):
        check = {"club": HOA, "member": BA, "check_date": day, "check_kind": "full"}
        world.send("health_check", check | {"weight": "57.31"}, f"check {day}", update=BA)
    world.work()
    with database.write() as db:  # a check that somebody deleted is not forgotten
        one = versions.find(db, "health_check", f"uuid:{an_id('check 2025-05-01')}")
        versions.delete(db, one, "user:1", world.now, "Đau khớp gối")
    world.work(one.current_version_id)
    with database.write() as db:
        computed.turn(db, world.library, world.now)
        taken = consent.withdraw(db, world.library, BA, "c_health", OPERATOR, world.now)
        assert taken == 2
    with database.read() as db:
        data = db.execute(sa.select(entities.c.data).where(entities.c.uuid == BA)).scalar_one()
        assert (data["c_health"], data["status"], data["agrees_to_care"]) == ("no", "active", "yes")
        person = traces.find(db, world.library, BA)
        said = consent.history(db, world.library, person)
        assert [(one.fact, one.value) for one in said[:1]] == [("c_health", "no")]
        assert {one.how for one in said[1:]} == {"paper_signature"}
        assert said[-1].version.isdigit()
        standing = consent.standing(db, world.library, person, world.now.date())
        assert standing == {"c_member": "yes", "c_health": "no", "c_care": "yes", "c_photo": "no"}
        assert not any(
            b"57.31" in bytes(x) for x in db.scalars(sa.select(submission_versions.c.xml))
        )
        assert {said.text for said in comments.read(db, one.id)} == {""}
    assert world.records("health_check") == []
    with database.write() as db:
        consent.withdraw(db, world.library, BA, "c_member", OPERATOR, world.now)
        data = db.execute(sa.select(entities.c.data).where(entities.c.uuid == BA)).scalar_one()
        assert (data["status"], data["agrees_to_care"]) == ("withdrawn", "no")
    assert world.told(BA, "status")[-1][0] == "withdrawn"
    compare(database, world.library, world.now)
    assert world.differences() == []
