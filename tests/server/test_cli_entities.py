"""What people decide about entities at the console, and what `status` says of what waits."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.cli.terminal import MISUSED, WRONG
from sync import aggregate
from sync.aggregate import StaleCell
from sync.database import Database
from sync.tables import entity_lists
from tests.conftest import NOW
from tests.server.test_cli import Cayda
from tests.sync.sending import World, an_id


@pytest.fixture
def world(database: Database) -> World:
    made = World(database)
    with database.write() as db:
        db.execute(entity_lists.update().values(properties=["kg", "note"]))
    return made


@pytest.fixture
def cayda(world: World, tmp_path: Path) -> Cayda:
    url = world.database.url.render_as_string(hide_password=False)
    return Cayda(tmp_path / "data", {"DATABASE_URL": url, "REDIS_URL": None})


def test_status_names_a_cell_that_could_not_be_measured_and_ends_with_1(
    cayda: Cayda, database: Database
) -> None:
    with database.write() as db:
        aggregate.give_up(db, StaleCell("2025H2", "hoa"), "DataError (words.py:70)", NOW)
    done = cayda("status")
    assert done.exit_code == WRONG
    assert "! measure 2025H2 hoa: DataError (words.py:70)" in done.stdout


def in_conflict(world: World) -> str:
    world.join("ba", label="Trần Thị Ba")
    world.weigh("ba", "51", branch="lan", trunk=1, key="a")
    world.weigh("ba", "52", branch="minh", trunk=1, key="b", phone=2)
    world.work()
    return an_id("ba")


def test_what_waits_is_listed_with_its_submission_and_without_names(
    cayda: Cayda, world: World
) -> None:
    world.weigh("ba", "52", base=1, branch="lan", key="early")
    world.work()
    (found,) = cayda.json("entity", "waiting")["waiting"]
    assert found["uuid"] == an_id("ba")
    assert (found["list_name"], found["form"]) == ("people", "weigh")
    assert found["instance_id"] == f"uuid:{an_id('early')}"
    said = cayda.json("status")
    assert said["waiting_changes"] == 1
    assert said["unregistered"]["count"] == 1
    assert "waiting for a registration: 1" in cayda("status").stdout


def test_a_conflict_is_listed_shown_side_by_side_and_settled(cayda: Cayda, world: World) -> None:
    uuid = in_conflict(world)
    listed = cayda("entity", "conflicts", "people").stdout
    assert uuid in listed
    assert "Ba" not in listed
    shown = cayda("entity", "show", "people", f"uuid:{uuid.upper()}").stdout
    assert "kg: 51 → 52" in shown
    assert "conflict: hard" in shown
    done = cayda.json("entity", "resolve", "people", uuid, "--set", "kg=51.5")
    assert done == {"settled": 1}
    assert cayda.json("entity", "conflicts", "people") == {"conflicts": []}
    story = cayda.json("entity", "show", "people", uuid)
    assert (story["data"]["kg"], story["conflict"]) == ("51.5", None)
    assert story["versions"][-1]["actor"] == "operator"


def test_status_counts_conflicts_that_wait_for_a_person(cayda: Cayda, world: World) -> None:
    assert cayda.json("status")["conflicts"] == 0
    uuid = in_conflict(world)
    assert cayda.json("status")["conflicts"] == 1
    assert "hai máy cùng sửa / in conflict: 1" in cayda("status").stdout
    (found,) = cayda.json("entity", "conflicts")["conflicts"]  # of every list
    assert (found["list_name"], found["uuid"]) == ("people", uuid)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("conflicts", "nope"), "Không có danh sách “nope”."),
        (("show", "nope", an_id("x")), "Không có mục này"),
        (("show", "people", "not an id"), "Không có mục này"),
        (("resolve", "people", an_id("x")), "Không có mục này"),
        (("delete", "people", an_id("x")), "hoặc mục đã bị xóa rồi"),
        (("restore", "people", an_id("x")), "hoặc mục chưa bị xóa"),
    ],
)
def test_an_entry_that_is_not_there_is_not_called_an_address(
    cayda: Cayda, world: World, arguments: tuple[str, ...], said: str
) -> None:
    in_conflict(world)
    done = cayda("entity", *arguments)
    assert done.exit_code == MISUSED
    assert said in done.stderr.partition(" / ")[0]
    assert "địa chỉ" not in done.stderr


def test_an_entry_is_deleted_and_brought_back(cayda: Cayda, world: World) -> None:
    uuid = in_conflict(world)
    assert cayda.json("entity", "delete", "people", uuid) == {"deleted": True}
    assert "deleted" in cayda("entity", "show", "people", uuid).stdout
    assert cayda("entity", "delete", "people", uuid).exit_code == MISUSED
    assert cayda.json("entity", "restore", "people", uuid) == {"restored": True}


def test_a_property_that_is_none_is_refused_in_a_sentence(cayda: Cayda, world: World) -> None:
    uuid = in_conflict(world)
    assert cayda("entity", "resolve", "people", uuid, "--set", "kg").exit_code == MISUSED
    refused = cayda("entity", "resolve", "people", uuid, "--set", "shoe=42")
    assert refused.exit_code == MISUSED
    assert "shoe" in refused.stderr
