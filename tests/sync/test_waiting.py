"""What waits for something still on a phone: visible, freed, and in the end decided by time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from types import MappingProxyType

import pytest

from forms.indicators import read_indicator
from sync import aggregate, entity_history, waiting
from sync.database import Database
from sync.tables import entity_changes, entity_decisions, stale_cells
from sync.tables import figures as figure_rows
from sync.verify import reprocess, verify
from sync.waiting import Swept
from tests.sync.sending import NOW, World, an_id

LAN = "branch of lan"
PATIENCE = timedelta(days=5)
LABEL = {"vi": "x", "en": "x"}
WAITS = {"id": "W", "label": LABEL, "unit": LABEL, "waiting": "people", "after_days": 14}
VISITS = {"id": "V", "label": LABEL, "unit": LABEL, "count": "visit"}


@pytest.fixture
def world(database: Database) -> World:
    made = World(database)
    indicators = {entry["id"]: read_indicator(entry) for entry in (WAITS, VISITS)}
    figures = replace(made.library.figures, indicators=MappingProxyType(indicators))
    made.library = replace(made.library, figures=figures)
    return made


def swept(world: World, days: float) -> Swept:
    with world.database.write() as db:
        return waiting.sweep(db, world.library, NOW + timedelta(days=days), PATIENCE)


def decisions_of(world: World) -> list[str]:
    rows = sorted(world.rows(entity_changes), key=lambda row: row.submission_version_id)
    return [row.decision for row in rows]


def is_proven(world: World, tmp_path: Path, days: float = 0) -> bool:
    with world.database.read() as db:
        found = verify(db, world.library, Path(mkdtemp(dir=tmp_path)), NOW + timedelta(days=days))
    return found == []


def codes(world: World, version_id: int) -> list[str]:
    with world.database.read() as db:
        return [p.code for p in entity_history.problems_of(db, [version_id]).get(version_id, [])]


# ------------------------------------------------------------------ changes
def test_a87_a_chain_that_arrives_out_of_order_waits_visibly_and_is_freed(world: World) -> None:
    world.join("ba")
    late = world.weigh("ba", "53", base=2, branch=LAN, trunk=1, key="second", days=1)
    world.work()
    with world.database.read() as db:
        (found,) = waiting.waiting(db)
    assert (found.list_name, found.uuid, found.form) == ("people", an_id("ba"), "weigh")
    assert found.since == NOW + timedelta(days=1)
    assert found.instance_id == f"uuid:{an_id('second')}"
    assert codes(world, late) == ["entity_waits"]
    world.weigh("ba", "52", base=1, branch=LAN, trunk=1, key="first", days=2)
    world.work()
    assert decisions_of(world) == ["create", "apply", "apply"]
    assert (world.person("ba").data["kg"], world.person("ba").conflict) == ("53", None)
    assert codes(world, late) == []


def test_c23_after_a_set_time_a_change_is_carried_out_without_its_parent(
    world: World, tmp_path: Path
) -> None:
    world.join("ba")
    world.weigh("ba", "53", base=2, branch=LAN, trunk=1, key="second")
    world.weigh("ba", "54", base=3, branch=LAN, trunk=1, key="third")
    world.work()
    assert swept(world, 4.9) == Swept(0, 0)
    assert decisions_of(world) == ["create", "hold", "hold"]
    assert swept(world, 5) == Swept(2, 0)
    assert decisions_of(world) == ["create", "conflict", "apply"]
    ba = world.person("ba")
    assert (ba.version, ba.data["kg"], ba.conflict) == (3, "54", "soft")
    assert swept(world, 6) == Swept(0, 0)
    assert {(d.kind, d.actor) for d in world.rows(entity_decisions)} == {("force", "system")}
    world.work_again()
    assert world.person("ba").version == 3
    assert is_proven(world, tmp_path, 6)


def test_what_arrives_after_a_forced_change_takes_a_later_number(
    world: World, tmp_path: Path
) -> None:
    """Numbers that phones have seen stay what they were."""
    world.join("ba")
    world.weigh("ba", "53", base=2, branch=LAN, trunk=1, key="second")
    world.work()
    swept(world, 5)
    parent = world.weigh("ba", "52", base=1, branch=LAN, trunk=1, key="first", days=7)
    world.work()
    assert decisions_of(world) == ["create", "conflict", "conflict"]
    with world.database.read() as db:
        told = entity_history.history(db, "people", an_id("ba")).versions
    assert [(v.data.get("kg"), v.forced) for v in told] == [
        (None, False),
        ("53", True),
        ("52", False),
    ]
    assert codes(world, parent) == ["entity_conflict"]
    with world.database.write() as db:
        reprocess(db, world.library, None, NOW)
    world.work(*reversed(world.all_versions()))
    assert is_proven(world, tmp_path, 7)


def test_an_update_of_somebody_never_registered_goes_on_waiting(world: World) -> None:
    world.weigh("ba", "51", base=1, branch=LAN)
    world.work()
    assert swept(world, 400).forced == 0
    assert decisions_of(world) == ["hold"]
    assert world.person("ba") is None


def test_a_late_create_after_a_forced_upsert_fills_in_what_is_older(
    world: World, tmp_path: Path
) -> None:
    upsert = (
        f'<data id="weigh" version="1"><who>{an_id("ba")}</who><day>2025-05-01</day><kg>51</kg>'
        f"<meta><instanceID>uuid:{an_id('up')}</instanceID>"
        f'<entity dataset="people" create="1" update="1" id="{an_id("ba")}" baseVersion="1"'
        f' trunkVersion="" branchId="{an_id(LAN)}"><label>Bà Ba</label></entity></meta></data>'
    )
    allowed = b' update="1" id="" baseVersion', b' create="1" update="1" id="" baseVersion'
    change_form(world, "weigh", *allowed)
    world.send(upsert.encode())
    world.work()
    assert decisions_of(world) == ["hold"]  # what it counts on is on the same phone
    assert swept(world, 5).forced == 1
    assert decisions_of(world) == ["create"]
    world.join("ba", label="Ba", days=8)
    world.join("ba", label="nobody", key="again", days=9)
    world.work()
    assert decisions_of(world) == ["create", "conflict", "refuse"]
    ba = world.person("ba")
    assert (ba.version, ba.label, ba.data) == (2, "Bà Ba", {"kg": "51", "club_id": an_id("hoa")})
    assert ba.club_id == an_id("hoa")
    assert is_proven(world, tmp_path, 9)


def change_form(world: World, name: str, old: bytes, new: bytes) -> None:
    from sync.tables import form_versions

    with world.database.write() as db:
        (row,) = [r for r in db.execute(form_versions.select()) if r.md5 == f"sending-{name}"]
        values = {"xform": bytes(row.xform).replace(old, new), "md5": f"other-{name}"}
        db.execute(form_versions.update().where(form_versions.c.id == row.id).values(**values))


@pytest.mark.parametrize(
    ("base", "trunk", "branch"), [(7, None, ""), (7, 7, LAN), (None, None, ""), (7, 3, "")]
)
def test_a_base_that_never_was_is_applied_and_flagged(
    world: World, base: int | None, trunk: int | None, branch: str
) -> None:
    """Central refuses these; we keep what was said, and say that somebody should look."""
    world.join("ba")
    odd = world.weigh("ba", "51", base=base, trunk=trunk, branch=branch)
    world.work()
    assert decisions_of(world) == ["create", "conflict"]
    assert world.person("ba").data["kg"] == "51"
    assert codes(world, odd) == ["entity_unknown_base"]
    flags = [one["code"] for row in world.records("weigh") for one in row.problems]
    assert flags == (["entity_trunk_alone"] if trunk and not branch else [])


def test_a_second_registration_of_one_id_is_said_on_its_submission(world: World) -> None:
    world.join("ba", label="first")
    second = world.join("ba", label="second", key="j2")
    world.work()
    assert codes(world, second) == ["entity_already_there"]


# ------------------------------------------------------------------ records
def figures(world: World, days: float) -> dict[tuple[str, str], int]:
    """Of (period, indicator), after measuring what is stale."""
    with world.database.write() as db:
        while aggregate.measure(db, world.library, 50, NOW + timedelta(days=days)):
            pass
    return {
        (row.period, row.indicator): int(row.numerator)
        for row in world.rows(figure_rows, figure_rows.c.club_id == an_id("hoa"))
        if row.numerator is not None
    }


def test_c23_records_of_somebody_never_registered_are_counted_as_waiting_until_released(
    world: World, tmp_path: Path
) -> None:
    world.visit("ba", on="2025-06-01")
    world.visit("ba", on="2025-08-01", days=3)
    world.work()
    with world.database.read() as db:
        found = waiting.unregistered(db)
    assert (found.count, found.oldest_at) == (2, NOW)
    assert swept(world, 13).counted == 0
    assert figures(world, 13).get(("2025H1", "W"), 0) == 0
    assert swept(world, 14).counted == 1
    assert {row.period for row in world.rows(stale_cells)} >= {"2025H1"}
    assert figures(world, 14)["2025H1", "W"] == 1
    assert is_proven(world, tmp_path, 14)
    assert swept(world, 14) == Swept(0, 0)
    assert swept(world, 17).counted == 1
    found_then = figures(world, 17)
    assert (found_then["2025H2", "W"], found_then.get(("2025H2", "V"), 0)) == (1, 0)
    assert is_proven(world, tmp_path, 17)
    world.join("ba", days=20)
    world.work()
    after = figures(world, 20)
    assert [after[period, "W"] for period in ("2025H1", "2025H2")] == [0, 0]
    assert [after[period, "V"] for period in ("2025H1", "2025H2")] == [1, 1]
    with world.database.read() as db:
        assert waiting.unregistered(db).count == 0
    assert is_proven(world, tmp_path, 20)


def test_an_edit_of_a_record_that_is_counted_as_waiting_waits_no_second_time(
    world: World,
) -> None:
    world.visit("ba", on="2025-06-01", key="a")
    world.work()
    swept(world, 14)
    world.visit("ba", on="2025-06-02", key="b", replaces="a", days=15)
    world.work()
    assert figures(world, 15)["2025H1", "W"] == 1
