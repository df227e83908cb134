"""What people decide about entities: kept, visible, and the same when all is computed again."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import sqlalchemy as sa

from forms.problems import Refused
from sync import decisions, entity_history, process
from sync.database import Database
from sync.entity_history import Story
from sync.tables import audit_events, entities, entity_lists, slice_marks, spells
from sync.verify import verify
from tests.sync.sending import NOW, World, an_id

LAN, MINH = "branch of lan", "branch of minh"


@pytest.fixture
def world(database: Database) -> World:
    made = World(database)
    with database.write() as db:
        db.execute(entity_lists.update().values(properties=["club_id", "kg", "note"]))
    return made


def patched(world: World, who: str, label: str | None = None, **data: str) -> int:
    with world.database.write() as db:
        return decisions.patch(
            db,
            world.library,
            "people",
            an_id(who),
            data,
            label,
            base_version=None,
            force=True,
            actor="user:1",
            now=NOW,
        )


def decide(world: World, verb: Any, who: str) -> Any:
    with world.database.write() as db:
        return verb(db, world.library, "people", an_id(who), actor="user:1", now=NOW)


def story(world: World, who: str) -> Story:
    with world.database.read() as db:
        return entity_history.history(db, "people", an_id(who))


def is_proven(world: World, tmp_path: Path) -> bool:
    with world.database.read() as db:
        return verify(db, world.library, Path(mkdtemp(dir=tmp_path)), NOW) == []


def in_conflict(world: World) -> None:
    """Two phones weighed one member without knowing of each other."""
    world.join("ba", label="Bà Ba")
    world.weigh("ba", "51", branch=LAN, trunk=1, key="a", on="2025-05-01")
    world.weigh("ba", "52", branch=MINH, trunk=1, key="b", phone=2, on="2025-05-02")
    world.work()


def test_a_person_makes_a_new_version_with_only_what_differs(world: World, tmp_path: Path) -> None:
    world.join("ba", label="Ba")
    world.work()
    assert patched(world, "ba", label="Trần Thị Ba", note="x") == 2
    assert patched(world, "ba", note="x") == 2  # nothing differs
    ba = world.person("ba")
    assert (ba.label, ba.data["note"], ba.data["club_id"]) == ("Trần Thị Ba", "x", an_id("hoa"))
    last = story(world, "ba").versions[-1]
    assert (last.actor, last.base, last.instance_id) == ("user:1", 1, None)
    assert dict(last.differs) == {"label": ("Ba", "Trần Thị Ba"), "note": (None, "x")}
    assert is_proven(world, tmp_path)


def test_b113_a_change_made_on_another_version_is_refused_unless_forced(world: World) -> None:
    world.join("ba")
    world.work()
    given: Any = {"label": None, "actor": "user:1", "now": NOW}
    place = (world.library, "people", f"uuid:{an_id('ba').upper()}", {"kg": "50"})
    with pytest.raises(Refused) as refused, world.database.write() as db:
        decisions.patch(db, *place, base_version=7, force=False, **given)
    assert (refused.value.problem.code, refused.value.problem.status) == ("version_conflict", 409)
    assert dict(refused.value.problem.details) == {"current": "1"}
    with world.database.write() as db:
        assert decisions.patch(db, *place, base_version=1, force=False, **given) == 2
        assert decisions.patch(db, *place, base_version=7, force=True, **given) == 2


def test_a_change_that_is_processed_late_is_not_lost_under_a_persons_version(
    world: World, tmp_path: Path
) -> None:
    world.join("ba")
    late = world.weigh("ba", "51", base=1, key="late")
    world.waiting.remove(late)
    world.work()
    patched(world, "ba", note="by hand")
    world.work(late)
    ba = world.person("ba")
    assert (ba.version, ba.data["kg"], ba.data["note"]) == (3, "51", "by hand")
    assert is_proven(world, tmp_path)


def test_a_person_and_a_phone_changing_one_property_is_a_hard_conflict(world: World) -> None:
    world.join("ba")
    world.work()
    patched(world, "ba", kg="60")
    world.weigh("ba", "51", branch=LAN, trunk=1)
    world.work()
    assert world.person("ba").conflict == "hard"


def test_a_conflict_waits_for_a_person_and_stays_settled(world: World, tmp_path: Path) -> None:
    in_conflict(world)
    with world.database.read() as db:
        (found,) = entity_history.conflicts(db, "people")
    assert (found.uuid, found.conflict, found.version) == (an_id("ba"), "hard", 3)
    told = story(world, "ba").versions
    assert [(v.data.get("kg"), v.conflict, v.resolved) for v in told] == [
        (None, None, False),
        ("51", None, False),
        ("52", "hard", False),
    ]
    assert patched(world, "ba", kg="51.5") == 4
    assert decide(world, decisions.resolve, "ba") == 1
    assert decide(world, decisions.resolve, "ba") == 0
    assert world.person("ba").conflict is None
    assert story(world, "ba").versions[2].resolved
    world.work_again()
    assert world.person("ba").conflict is None
    assert is_proven(world, tmp_path)


def test_a_new_conflict_after_one_was_settled_is_seen(world: World) -> None:
    in_conflict(world)
    decide(world, decisions.resolve, "ba")
    world.weigh("ba", "70", base=1, key="c", on="2025-05-03")
    world.work()
    assert world.person("ba").conflict == "hard"


def test_facts_are_told_by_events_and_stay_right_while_a_conflict_waits(world: World) -> None:
    in_conflict(world)
    told = {(r.value, r.valid_from.isoformat()) for r in world.rows(spells, spells.c.name == "kg")}
    assert told == {("51", "2025-05-01"), ("52", "2025-05-02")}


def test_a_deleted_entity_does_not_come_back_by_a_late_change(world: World, tmp_path: Path) -> None:
    world.join("ba")
    world.work()
    decide(world, decisions.delete, "ba")
    with pytest.raises(Refused, match="not_found"):
        decide(world, decisions.delete, "ba")
    late = world.weigh("ba", "51", base=1, days=1)
    world.work()
    world.work_again()
    ba = world.person("ba")
    assert (ba.deleted_at, ba.version, ba.data["kg"]) == (NOW, 2, "51")
    assert world.rows(spells, spells.c.uuid == an_id("ba")) == []
    with world.database.read() as db:
        assert [p.code for p in entity_history.problems_of(db, [late])[late]] == ["entity_deleted"]
    assert is_proven(world, tmp_path)
    decide(world, decisions.restore, "ba")
    ba = world.person("ba")
    assert (ba.deleted_at, ba.version) == (None, 2)
    assert {s.name for s in world.rows(spells, spells.c.uuid == an_id("ba"))} >= {"status", "kg"}
    assert is_proven(world, tmp_path)


def test_phones_see_a_deletion_and_a_restoration_as_changes_of_the_list(world: World) -> None:
    world.join("ba")
    world.work()
    before = world.person("ba").change_seq
    decide(world, decisions.delete, "ba")
    decide(world, decisions.restore, "ba")
    assert world.person("ba").change_seq == before + 2
    assert {row.rows for row in world.rows(slice_marks, slice_marks.c.club_id != "")} <= {1}


def test_a_persons_entity_frees_what_waited_for_it(world: World, tmp_path: Path) -> None:
    world.weigh("ba", "51", base=1, branch=LAN)
    world.work()
    with world.database.write() as db:
        uuid = decisions.create(
            db,
            world.library,
            "people",
            f"uuid:{an_id('ba').upper()}",
            {"club_id": an_id("hoa")},
            "Bà Ba",
            actor="user:1",
            now=NOW,
        )
    assert uuid == an_id("ba")
    ba = world.person("ba")
    assert (ba.version, ba.data["kg"], ba.club_id, ba.imported) == (2, "51", an_id("hoa"), True)
    assert not any(row.held_back for row in world.records("weigh"))
    assert is_proven(world, tmp_path)


@pytest.mark.parametrize(
    ("list_name", "uuid", "data", "label", "code"),
    [
        ("nobody", None, {}, "x", "not_found"),
        ("people", "12", {}, "x", "entity_id_refused"),
        ("people", None, {}, " ", "entity_label_missing"),
        ("people", None, {"shoe": "42"}, "x", "entity_no_property"),
        ("people", an_id("ba"), {}, "x", "entity_exists"),
    ],
)
def test_what_cannot_be_made_is_refused(
    world: World, list_name: str, uuid: str | None, data: dict[str, str], label: str, code: str
) -> None:
    world.join("ba")
    world.work()
    with pytest.raises(Refused, match=f"^{code}$"), world.database.write() as db:
        decisions.create(db, world.library, list_name, uuid, data, label, actor="user:1", now=NOW)


def test_decisions_are_audited_without_anybodys_data(world: World) -> None:
    in_conflict(world)
    patched(world, "ba", label="Trần Thị Ba")
    decide(world, decisions.resolve, "ba")
    decide(world, decisions.delete, "ba")
    rows = world.rows(audit_events)
    assert [row.action for row in rows] == ["entity.update", "entity.resolve", "entity.delete"]
    assert {row.subject for row in rows} == {f"entity:people/{an_id('ba')}"}
    assert "Ba" not in str([row.details for row in rows])


def test_more_entities_than_a_database_takes_parameters_are_folded_and_proved(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.entities.AT_ONCE", 3)
    monkeypatch.setattr("sync.timeline.AT_ONCE", 3)
    for n in range(8):
        world.join(f"p{n}")
    world.work()
    with world.database.write() as db:
        assert len(db.scalars(sa.select(entities.c.id)).all()) == 8
        process.follow_clubs(db, world.library, [an_id("hoa")], NOW)
    assert is_proven(world, tmp_path)
