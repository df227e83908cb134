"""Stored equals recomputed, whatever order work was done in; and a slip is found and mended."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from forms.problems import Refused
from sync import process, queue
from sync.aggregate import measure
from sync.database import Database, lock_derived
from sync.entities import Applied, Kept, Key, keep
from sync.receive import PROCESS
from sync.tables import (
    entities,
    entity_lists,
    entity_versions,
    figures,
    records,
    slice_marks,
    spells,
)
from sync.timeline import retell
from sync.verify import Difference, derived, reprocess, verify
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import NOW, Sending, World, an_id, join, visit, weigh


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def differences(world: World, folder: Path) -> list[Difference]:
    scratch = folder / str(next(world.serial))
    scratch.mkdir()
    with world.database.read() as db:
        return verify(db, world.library, scratch, NOW)


def everything() -> list[Sending]:
    """One of each thing that can meet another: edits, branches, conflicts, late parents."""
    return [
        join("ba", days=1),
        join("tu", club="sen", on="2025-04-01"),
        join("tu", club="sen", on="2025-04-02", key="join tu 2", phone=2),  # refused: there is one
        join("nam", key="j1", days=2),
        join("nam", key="j2", replaces="j1", klass="average", days=3),
        join("ba twin", label="ba", key="resent", days=1),
        weigh("ba", "51", base=1, branch="b", key="w1"),
        weigh("ba", "52", base=2, branch="b", key="w2", on="2025-05-02"),
        weigh("ba", "53", base=3, branch="b", key="w3", on="2025-05-03"),
        weigh("ba", "60", base=1, key="w4", phone=2, on="2025-05-04"),
        weigh("nobody", base=1),
        weigh("tu", base=1, key="w5"),
        weigh("tu", "70", base=1, key="w6", replaces="w5"),
        visit("ba", helpers="lan hoa", minutes="30", gifts=["rice"]),
        visit("ba", at="08:40:00.000+07:00", helpers="minh", minutes="45", phone=2),
        visit("ba", key="again", days=3, gifts=["rice"]),
        visit("tu", on="2025-03-01"),
        visit("tu", on="2030-01-01", key="future"),
        visit("tu", key="v1", outcome="away"),
        visit("nam", key="v2", replaces="v1"),
        visit("nobody"),
    ]


def send_all(world: World, sendings: list[Sending]) -> None:
    for xml, phone, days in sendings:
        world.send(xml, phone, NOW + timedelta(days=days))


def test_what_a_person_said_again_after_a_phones_change_is_not_lost(
    world: World, tmp_path: Path
) -> None:
    world.join("ba")
    world.work()
    for say in ("65", "40", "65"):
        if say == "40":
            world.weigh("ba", say, base=2)
            world.work()
            continue
        with world.database.write() as db:
            keep(db, world.library, "people", [Kept(an_id("ba"), "ba", {"kg": say})], NOW)
    assert world.person("ba").data["kg"] == "65"
    assert differences(world, tmp_path) == []


def work_anyhow(
    world: World, dice: random.Random, between: Callable[[int], None] = lambda number: None
) -> None:
    """All that can happen comes in some order, and is worked on in batches cut anywhere, some late,
    some twice. `between` is called after each arrival."""
    sendings = everything()
    dice.shuffle(sendings)
    for number, sending in enumerate(sendings):
        send_all(world, [sending])
        between(number)
        if dice.random() < 0.5:
            ready = dice.sample(world.waiting, k=dice.randint(1, len(world.waiting)))
            world.work(*ready, *dice.choices(world.all_versions(), k=dice.randint(0, 2)))
    if world.waiting:
        world.work()


def test_all_that_can_happen_verifies(world: World, tmp_path: Path) -> None:
    send_all(world, everything())
    world.work()
    assert differences(world, tmp_path) == []


def test_a_change_that_missed_what_a_person_said_verifies(world: World, tmp_path: Path) -> None:
    """What the person said is one property, not all that was known by then."""
    world.join("ba")
    world.weigh("ba", "51", note="a", key="w1")
    world.work()
    with world.database.write() as db:
        keep(db, world.library, "people", [Kept(an_id("ba"), "ba", {"kg": "70"})], NOW)
    world.weigh("ba", "70", note="b", base=2, key="w2", on="2025-06-01")
    world.work()
    assert world.person("ba").conflict == "soft"
    assert differences(world, tmp_path) == []


@pytest.mark.parametrize("seed", range(10))
def test_any_order_and_any_repeats_of_processing_give_the_same(
    world: World, tmp_path: Path, seed: int
) -> None:
    """Batches cut anywhere, some late, some twice: as if all had come once, in order."""
    work_anyhow(world, random.Random(seed))
    assert differences(world, tmp_path) == []


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_arrival_counts_the_same_events(world: World, seed: int) -> None:
    """What differs by arrival is only who of two equal reports stands for both."""
    dice = random.Random(seed)
    rivals = [an_id("w4").encode(), an_id("ba twin").encode()]  # the later to arrive wins
    sendings = [one for one in everything() if not any(id_ in one[0] for id_ in rivals)]
    dice.shuffle(sendings)
    for xml, phone, _ in sendings:
        world.send(xml, phone, NOW)
    world.work(*dice.sample(world.all_versions(), k=len(world.all_versions())))
    counted = sorted(
        (r.subject_id, str(r.happened_on), r.club_id, str(sorted((r.united or {}).items())))
        for r in world.counted("visit")
    )
    assert counted == sorted(
        [
            (
                an_id("ba"),
                "2025-06-01",
                an_id("hoa"),
                "[('helpers', 'hoa lan minh'), ('minutes', '45')]",
            ),
            (
                an_id("nam"),
                "2025-06-01",
                an_id("hoa"),
                "[('helpers', 'lan'), ('minutes', '30')]",
            ),
        ]
    )
    assert world.person("ba").data["kg"] == "53"
    assert world.person("ba").version == 4
    found = {(s.uuid, s.name, s.value, str(s.valid_from)) for s in world.rows(spells)}
    assert (an_id("nam"), "klass", "average", "2025-03-01") in found
    assert (an_id("ba"), "kg", "52", "2025-05-02") in found


def test_a_slip_in_any_table_is_found_and_mended(world: World, tmp_path: Path) -> None:
    send_all(world, everything())
    world.work()
    with world.database.write() as db:
        db.execute(records.update().where(records.c.form == "visit").values(held_back=True))
        db.execute(spells.delete().where(spells.c.uuid == an_id("ba")))
        db.execute(entities.update().where(entities.c.uuid == an_id("ba")).values(label="x"))
        stray = {"label": "s", "data": {}, "version": 1, "imported": False, "change_seq": 0}
        stray |= {"list_id": 1, "uuid": an_id("stray"), "created_at": NOW, "updated_at": NOW}
        db.execute(entities.insert().values(**stray))
        db.execute(
            spells.insert().values(
                list_name="people",
                uuid=an_id("stray"),
                name="club",
                value="x",
                valid_from=NOW.date(),
            )
        )
        figure = {"calendar": "calendar", "period": "2025H1", "club_id": an_id("moon")}
        figure |= {"indicator": "B01", "cut": "", "cut_value": "", "numerator": 7}
        db.execute(figures.insert().values(**figure))
        db.execute(slice_marks.update().values(sum=1))
    found = differences(world, tmp_path)
    tables = {"records", "spells", "entities", "figures", "slice_marks"}
    assert tables <= {one.table for one in found}
    assert {"missing", "surplus", "label"} <= {one.what for one in found}
    with world.database.write() as db:
        assert reprocess(db, world.library, None, NOW) == len(everything())
    work_the_queue(world)
    with world.database.write() as db:
        measure(db, world.library, 1000, NOW)
    assert differences(world, tmp_path) == []


def work_the_queue(world: World) -> None:
    while True:
        with world.database.write() as db:
            works = queue.claim(db, PROCESS, 7, NOW + timedelta(days=30))
        if not works:
            return
        world.work(*(work.subject_id for work in works if work.subject_id))
        with world.database.write() as db:
            queue.done(db, works)


def test_reprocessing_keeps_what_phones_hold(world: World) -> None:
    """No version goes down, no entity is gone for a moment, and no list looks changed."""
    send_all(world, everything())
    world.work()
    before = world.rows(entities), world.rows(entity_lists), world.rows(entity_versions)
    with world.database.write() as db:
        reprocess(db, world.library, None, NOW)
    assert world.rows(entities) == before[0]
    world.work_again()
    assert (world.rows(entities), world.rows(entity_lists), world.rows(entity_versions)) == before


def test_one_form_can_be_reprocessed(world: World) -> None:
    send_all(world, everything())
    with world.database.write() as db:
        assert reprocess(db, world.library, "weigh", NOW) == 7


def test_a_form_that_is_not_there_is_not_reprocessed_in_silence(world: World) -> None:
    with world.database.write() as db, pytest.raises(Refused, match="unknown_form"):
        reprocess(db, world.library, "wiegh", NOW)


def test_reprocessing_waits_for_what_is_being_stored(world: World) -> None:
    done = []

    def reprocess_all() -> None:
        with world.database.write() as db:
            reprocess(db, world.library, None, NOW)
        done.append("reprocess")

    other = threading.Thread(target=reprocess_all)
    with world.database.write() as db:
        lock_derived(db)  # as a worker in the middle of a batch
        other.start()
        other.join(0.3)
        done.append("store")
    other.join()
    assert done == ["store", "reprocess"]


def test_entities_of_a_persons_file_are_kept_and_verify(world: World, tmp_path: Path) -> None:
    with world.database.write() as db:
        rows = [Kept(an_id("hoa"), "Hoa", {"founded_on": "2018-05-01"})]
        assert keep(db, world.library, "clubs", rows, NOW) == {an_id("hoa")}
        retell(db, world.library, "clubs", [an_id("hoa")])
    send_all(world, everything())
    world.work()
    assert differences(world, tmp_path) == []
    with world.database.write() as db:
        db.execute(spells.delete().where(spells.c.list_name == "clubs"))
    assert [(d.table, d.what) for d in differences(world, tmp_path)] == [("spells", "missing")]


def test_what_cannot_be_processed_is_told_and_hides_nothing_else(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_all(world, [join("ba", days=1), visit("ba")])
    world.work()
    world.visit("ba", key="poison", minutes="666")
    prepare_one = process._prepare_one

    def fails_on_poison(library: Any, row: Any, *further: Any) -> Any:
        if b"666" in row.xml:
            raise ArithmeticError
        return prepare_one(library, row, *further)

    monkeypatch.setattr(process, "_prepare_one", fails_on_poison)
    [found] = differences(world, tmp_path)
    assert (found.table, found.what) == ("submission_versions", "cannot be processed")


def test_differences_name_no_answers(world: World, tmp_path: Path) -> None:
    send_all(world, [join("Trần Thị Ba", key="x")])
    world.work()
    with world.database.write() as db:
        db.execute(records.update().values(answers={}))
        db.execute(entities.update().values(label="Khác"))
    said = str(differences(world, tmp_path))
    assert "Trần" not in said
    assert "Khác" not in said


def test_the_derived_state_is_the_same_after_working_again(world: World) -> None:
    send_all(world, everything())
    world.work()
    state = derived_of(world)
    world.work_again()
    assert derived_of(world) == state


def derived_of(world: World) -> object:
    with world.database.read() as db:
        return derived(db)


def test_a_city_of_seventy_thousand_people_is_told_and_judged_anew(world: World) -> None:
    """More than a statement has parameters: as after an upgrade, or when all clubs change."""
    world.join("ba")
    world.visit("ba")
    world.work()
    keys = {Key("people", uuid) for uuid in (an_id("ba"), *map(str, range(70_000)))}
    with world.database.write() as db:
        process.follow_entities(db, world.library, Applied(keys, keys), NOW)


def test_a_figure_that_nobody_has_measured_is_not_missing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the way the recomputation may take somebody for a member of a later club too early."""
    monkeypatch.setattr("sync.verify.BATCH", 1)
    world = LibraryWorld(database, tmp_path)
    hoa, sen, ba = an_id("hoa"), an_id("sen"), an_id("ba")
    of_ba = {"club": hoa, "member": ba}
    moves = {**of_ba, "exit_kind": "transfer", "exit_date": "2025-02-01", "new_club": sen}
    moved = world.send("member_exit", moves, "exit", update=ba)
    told = {**of_ba, "effective_date": "2018-05-01", "what": "care", "care_need": "regular"}
    updated = world.send("member_update", told, "update", update=ba)
    joins = {"club": hoa, "c_member": "yes", "join_date": "2018-03-01", "full_name": "Trần Thị Ba"}
    joined = world.send("membership", joins, "join", create=ba, label="Ba")
    for one in (joined, updated, moved):
        world.work(one)
    with database.write() as db:
        measure(db, world.library, 1000, NOW)
    assert world.differences() == []
