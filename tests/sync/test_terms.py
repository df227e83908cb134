"""What is kept longer than the library's terms allow is told, and erased when a person says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from forms.problems import Refused
from sync import versions
from sync.access import OPERATOR
from sync.database import Database
from sync.privacy import terms
from sync.privacy.terms import Due
from tests.sync.comparing import compare
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id
from tests.sync.test_member_forms import HOA, join

STAYS, REFUSES, LEFT, LONG_GONE = (an_id(word) for word in ("stays", "refuses", "left", "gone"))


def test_forms_of_who_left_or_refused_are_due_and_whole_people_later(
    database: Database, tmp_path: Path
) -> None:
    world = LibraryWorld(database, tmp_path)
    for who in (STAYS, REFUSES, LEFT, LONG_GONE):
        join(world, who=who)
        check = {"club": HOA, "member": who, "check_date": "2019-06-01", "check_kind": "full"}
        world.send("health_check", check, f"check {who}", update=who)
    said = {"club": HOA, "member": REFUSES, "effective_date": "2025-05-01", "c_health": "no"}
    world.send("member_update", said, "refuses", update=REFUSES)
    for who, day in ((LEFT, "2023-05-01"), (LONG_GONE, "2020-05-01")):
        left = {"club": HOA, "member": who, "exit_kind": "moved_away", "exit_date": day}
        world.send("member_exit", left, f"exit {who}", update=who)
    world.work()
    with database.write() as db:  # one that was deleted is kept too long as well
        one = versions.find(db, "health_check", f"uuid:{an_id(f'check {LEFT}')}")
        versions.delete(db, one, "user:1", world.now)
    world.work(one.current_version_id)
    assert _due(world) == {
        "no_consent": (1, 1), "health_after_leaving": (2, 2), "person_after_leaving": (1, 0)
    }  # fmt: skip
    with database.write() as db:
        for term in ("health_after_leaving", "no_consent", "person_after_leaving"):
            assert terms.carry_out(db, world.library, term, OPERATOR, world.now)
        with pytest.raises(Refused):
            terms.carry_out(db, world.library, "none", OPERATOR, world.now)
    assert _due(world) == {}
    assert [one.subject_id for one in world.records("health_check")] == [STAYS]
    assert world.told(LONG_GONE, "status")[-1][0] == "left"  # as it was: no second end
    compare(database, world.library, world.now)
    assert world.differences() == []


def _due(world: LibraryWorld) -> dict[str, tuple[int, int]]:
    with world.database.read() as db:
        found: list[Due] = terms.due(db, world.library, world.now.date())
        return {one.term.id: (one.people, one.forms) for one in found}
