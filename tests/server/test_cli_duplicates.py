"""One person entered twice, at the console: side by side, linked, and taken apart again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server.cli.terminal import MISUSED
from sync import catalogue
from sync.access import Caller
from sync.database import Database
from sync.tables import entities
from tests.server.test_cli import Cayda
from tests.sync.comparing import compare
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id
from tests.sync.test_member_forms import HOA, JOINED, join, visit, world  # noqa: F401 (a fixture)

ONE, OTHER, LOAN = an_id("ba"), an_id("ba again"), an_id("loan")
BORN = {"birth_year": "1950", "born_in_year": "1950"}


@pytest.fixture
def cayda(world: LibraryWorld, tmp_path: Path) -> Cayda:  # noqa: F811
    """One woman registered twice; under her second entry somebody visited her and lent to her."""
    join(world, "2019-05-01", born_in_year="1949")
    join(world, "2019-08-01", OTHER, **BORN, hh_class="average", alias="bà Ba")
    world.send(
        "care_visit",
        {"club": HOA, "client": OTHER, "visit_date": "2025-07-05", "outcome": "met"},
        "visit of the other",
    )
    lent = {"club": HOA, "member": OTHER, "disbursed_on": "2025-08-01", "principal": "5000000"}
    lent |= {"fund_source": "club_fund", "term_months": "12", "rate_pct_month": "0.5"}
    lent |= {"repay_kind": "at_end", "purpose": "livestock", "member_id": OTHER}
    world.send("loan", lent, "lent", create=LOAN, label="Khoản vay 1")
    visit(world, "2025-07-20")
    world.work()
    url = world.database.url.render_as_string(hide_password=False)
    return Cayda(tmp_path / "data", {"DATABASE_URL": url, "REDIS_URL": None})


def row(database: Database, uuid: str) -> Any:
    with database.read() as db:
        return db.execute(entities.select().where(entities.c.uuid == uuid)).one()


def gone(world: LibraryWorld) -> list[tuple[str, bool]]:  # noqa: F811
    """Whether the two are gone, as the club's phone asks."""
    chair = Caller("app_user", 1, "phone", "chair", club_id=HOA)
    with world.database.read() as db:
        both = [ONE, OTHER]
        return catalogue.integrity(db, world.library, chair, "members", both, world.now)


def test_two_entries_are_shown_side_by_side_linked_and_unlinked(
    cayda: Cayda,
    world: LibraryWorld,  # noqa: F811
) -> None:
    shown = cayda("duplicates", "show", "members", ONE, OTHER).stdout
    assert f"2. {OTHER}" in shown
    assert "care_visit: 1" in shown
    assert "hh_class  poor (2019-05-01)" in shown

    take = ("--take", f"born_on={OTHER}")
    assert cayda.json("duplicates", "link", "members", ONE, OTHER, *take) == {"canonical": ONE}
    assert world.told(ONE, "born_on") == [("1950-01-01", "2019-05-01", None)]
    assert world.told(ONE, "hh_class") == [("poor", "2019-05-01", None)]
    data = row(world.database, ONE).data
    assert (data["birth_year"], data["alias"]) == ("1950", "bà Ba")
    assert row(world.database, LOAN).data["member_id"] == ONE
    assert gone(world) == [(OTHER, True), (ONE, False)]
    (_, away) = cayda.json("duplicates", "show", "members", ONE, OTHER)["entries"]
    assert (away["linked_to"], away["records"]) == (ONE, {"care_visit": 1, "membership": 1})
    (made,) = cayda.json("duplicates", "linked")["linked"]
    assert (made["uuid"], made["canonical"], made["by"]) == (OTHER, ONE, "operator")
    assert f"linked to {ONE}" in cayda("duplicates", "link", "members", ONE, OTHER).stderr
    compare(world.database, world.library, datetime.now(UTC))
    assert not world.differences()

    assert cayda.json("duplicates", "unlink", "members", OTHER) == {"canonical": ONE}
    data = row(world.database, ONE).data
    assert (data["birth_year"], data.get("alias")) == (JOINED["birth_year"], None)
    assert row(world.database, LOAN).data["member_id"] == OTHER
    assert gone(world) == [(OTHER, False), (ONE, False)]
    compare(world.database, world.library, datetime.now(UTC))
    assert not world.differences()
    assert cayda.json("duplicates", "linked")["linked"] == []
    done = cayda("duplicates", "unlink", "members", OTHER)
    assert done.exit_code == MISUSED
    assert "chưa gộp vào mục nào" in done.stderr


def test_a_choice_that_is_none_is_told_in_a_sentence(cayda: Cayda) -> None:
    done = cayda("duplicates", "link", "members", ONE, OTHER, "--take", "sex")
    assert done.exit_code == MISUSED
    assert "--take thông_tin=mã" in done.stderr


def test_reports_of_one_event_are_listed_with_the_rule_and_parted(
    cayda: Cayda,
    world: LibraryWorld,  # noqa: F811
) -> None:
    seen = {"club": HOA, "client": ONE, "visit_date": "2025-09-01", "outcome": "met"}
    for key, start in (("first log", "08:00"), ("second log", "08:30")):
        world.send("care_visit", {**seen, "start_time": start}, key)
    world.work()
    (one,) = cayda.json("duplicates", "events", "list", "--form", "care_visit")["events"]
    assert (one["by"], one["counts_with"]) == ("same_event", f"uuid:{an_id('first log')}")
    shown = cayda("duplicates", "events", "list").stdout
    assert "hai người cùng ghi" in shown
    assert "01/09/2025" in shown
    assert HOA not in shown  # a club is known by its code

    both = ("care_visit", one["instance_id"], one["counts_with"])
    assert cayda.json("duplicates", "events", "apart", *both) == {"decided": "apart"}
    assert cayda.json("duplicates", "events", "undo", *both) == {"decided": None}
    assert "Chưa ai quyết định" in cayda("duplicates", "events", "undo", *both).stderr


def test_who_may_be_one_is_listed_with_why_until_somebody_tells_them_apart(
    cayda: Cayda, tmp_path: Path
) -> None:
    (pair,) = cayda.json("duplicates", "list")["pairs"]
    assert {pair["one"]["uuid"], pair["other"]["uuid"]} == {ONE, OTHER}
    assert "trùng họ tên (có dấu), lệch năm sinh 1" in pair["vi"]
    told = cayda("duplicates", "list", "members").stdout
    assert told.splitlines()[0] == "1. cần xem / to be looked at"
    (file,) = cayda.json("duplicates", "list", "--out", str(tmp_path))["files"]
    assert "lệch năm sinh 1" in Path(file).read_text("utf-8-sig")
    assert cayda("duplicates", "list", "--club", "NOWHERE").exit_code == MISUSED
    assert cayda.json("duplicates", "dismiss", "members", OTHER, ONE) == {"dismissed": True}
    assert cayda.json("duplicates", "list")["pairs"] == []
    learnt = cayda("duplicates", "estimate")
    assert learnt.exit_code == MISUSED
    assert "cần ít nhất 1000 người" in learnt.stderr
