"""Entities, their versions and what waits: what phones are told stays true."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from sync import process
from sync.database import Database
from sync.entities import Kept, keep, plain_id
from sync.tables import entities, entity_changes, entity_lists, entity_versions
from tests.sync.sending import NOW, World, an_id, join, weigh


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def decided(world: World) -> list[tuple[str, int | None]]:
    rows = world.rows(entity_changes)
    return [(r.decision, r.version) for r in sorted(rows, key=lambda r: r.submission_version_id)]


def sequence(world: World, name: str = "people") -> int:
    (row,) = world.rows(entity_lists, entity_lists.c.name == name)
    return int(row.change_seq)


def test_a_registration_makes_an_entity_of_its_club(world: World) -> None:
    world.join("ba", label="Bà Ba")
    world.work()
    ba = world.person("ba")
    assert (ba.label, ba.version, ba.club_id) == ("Bà Ba", 1, an_id("hoa"))
    assert ba.data == {"club_id": an_id("hoa")}
    assert (ba.conflict, ba.imported, ba.created_at) == (None, False, NOW)


def test_an_update_finds_its_entity_in_any_spelling_of_the_id(world: World) -> None:
    """Incident C24: with and without prefix, upper and lower case."""
    world.join("ba")
    world.weigh("ba", "51")  # writes uuid:UPPER
    world.work()
    assert world.person("ba").data["kg"] == "51"
    assert len(world.rows(entities)) == 1


def test_a_visit_before_registration_waits_and_a_registration_frees_it(world: World) -> None:
    """Incident C23."""
    world.weigh("ba", "51")
    world.work()
    assert decided(world) == [("hold", None)]
    assert world.person("ba") is None
    world.join("ba")
    world.work()
    assert decided(world) == [("apply", 2), ("create", 1)]
    assert world.person("ba").version == 2


def test_the_second_registration_of_one_id_is_refused_and_visible(world: World) -> None:
    world.join("ba", label="first")
    world.join("ba", label="second", key="j2")
    world.work()
    assert decided(world) == [("create", 1), ("refuse", None)]
    assert world.person("ba").label == "first"


def test_an_edit_of_a_registration_does_not_run_again(world: World) -> None:
    world.join("ba", key="j1")
    world.work()
    world.join("ba", key="j2", replaces="j1", label="other")
    world.work()
    assert decided(world) == [("create", 1), ("edit", None)]
    assert world.person("ba").version == 1


def test_two_phones_on_one_version_conflict_and_the_last_wins(world: World) -> None:
    world.join("ba")
    world.weigh("ba", "51", branch="lan", trunk=1, key="a")
    world.weigh("ba", "52", branch="minh", trunk=1, key="b", phone=2)
    world.work()
    ba = world.person("ba")
    assert (ba.version, ba.conflict, ba.data["kg"]) == (3, "hard", "52")


def test_a_change_processed_late_takes_its_place_and_no_version_goes_down(world: World) -> None:
    world.join("ba")
    first = world.weigh("ba", "51", branch="lan", trunk=1, key="a", note="n")
    second = world.weigh("ba", "52", branch="minh", trunk=1, key="b", phone=2)
    world.work(1, second)
    assert world.person("ba").version == 2
    world.work(first)
    ba = world.person("ba")
    assert (ba.version, ba.data["kg"], ba.data["note"]) == (3, "52", "n")
    rows = sorted(world.rows(entity_versions), key=lambda row: row.version)
    assert [row.submission_version_id for row in rows] == [1, first, second]


def test_an_absent_answer_leaves_a_property_alone_and_a_blank_one_empties_it(world: World) -> None:
    world.join("ba")
    world.weigh("ba", "51", note="n", key="a")
    xml, _, _ = weigh("ba", "", base=2, key="b")
    world.send(xml)
    world.work()
    assert world.person("ba").data == {"club_id": an_id("hoa"), "kg": "", "note": "n"}


def test_each_change_gives_the_list_a_new_number_and_work_done_twice_none(world: World) -> None:
    world.join("ba")
    world.join("tu")
    world.work()
    assert sequence(world) == 2
    world.weigh("tu")
    world.work()
    assert sequence(world) == 3
    assert world.person("tu").change_seq == 3
    world.work_again()
    assert sequence(world) == 3


def test_a_list_nobody_declared_refuses_and_the_record_is_still_there(world: World) -> None:
    with world.database.write() as db:
        db.execute(entity_lists.delete().where(entity_lists.c.name == "people"))
    world.join("ba")
    world.work()
    assert decided(world) == [("refuse", None)]
    assert len(world.records("join")) == 1


def test_a_persons_file_makes_versions_only_where_something_differs(world: World) -> None:
    rows = [Kept(an_id("hoa"), "Hoa", {"status": "active"})]
    with world.database.write() as db:
        assert keep(db, world.library, "clubs", rows, NOW) == {an_id("hoa")}
        assert keep(db, world.library, "clubs", rows, NOW) == set()
        longer = [Kept(an_id("hoa"), "Hoa", {"meets": "5"})]
        assert keep(db, world.library, "clubs", longer, NOW) == {an_id("hoa")}
    club = world.person("hoa")
    assert (club.version, club.imported, club.club_id) == (2, True, an_id("hoa"))
    assert club.data == {"status": "active", "meets": "5"}
    assert sequence(world, "clubs") == 2


def test_a_persons_file_and_phones_may_change_the_same_entity(world: World) -> None:
    world.join("ba", label="Ba")
    world.work()
    with world.database.write() as db:
        keep(db, world.library, "people", [Kept(an_id("ba"), "Trần Thị Ba", {"x": "1"})], NOW)
    world.weigh("ba", "51", base=2, trunk=2, branch="lan")
    world.work()
    ba = world.person("ba")
    assert (ba.version, ba.label, ba.data["kg"], ba.data["x"]) == (3, "Trần Thị Ba", "51", "1")
    assert ba.conflict is None


def test_workers_at_once_give_one_version_each(world: World) -> None:
    """Twenty updates of one person, stored by four workers: none is lost, none is doubled."""
    world.join("ba")
    world.work()
    ids = [world.weigh("ba", str(n), base=1, key=f"k{n}", note=f"{n}") for n in range(20)]
    failures: list[BaseException] = []

    def worker(mine: list[int]) -> None:
        try:
            for one in mine:
                with world.database.read() as db:
                    prepared = process.prepare(db, world.library, [one], NOW)
                with world.database.write() as db:
                    process.store(db, world.library, prepared, NOW)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=worker, args=(ids[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    ba = world.person("ba")
    assert (ba.version, ba.data["kg"]) == (21, "19")
    with world.database.read() as db:
        numbers = db.execute(sa.select(entity_versions.c.version)).scalars().all()
    assert sorted(numbers) == list(range(1, 22))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("uuid:ABC", "abc"),
        (" abc ", "abc"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_an_id_has_one_spelling(text: str | None, plain: str | None) -> None:
    assert plain_id(text) == plain


def test_the_same_instance_with_other_bytes_does_not_run_twice(world: World) -> None:
    """Incident C6: both are kept, and the entity is made once."""
    world.join("ba")
    other, _, _ = join("ba", label="other bytes")
    world.send(other)
    world.work()
    assert decided(world) == [("create", 1), ("edit", None)]
