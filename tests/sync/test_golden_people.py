"""Golden cases of domain §8 about clubs and people, from the form to the figure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from forms.periods import get_period
from sync import rollup
from sync.aggregate import measure
from sync.database import Database
from sync.figures import Figures
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id

HOA, LIEN, LATER = an_id("hoa"), an_id("lien"), an_id("later")
H1 = get_period("2018H1")  # D = 30-06-2018


@pytest.fixture
def world(database: Database, tmp_path: Path) -> LibraryWorld:
    world = LibraryWorld(database, tmp_path, now=datetime(2018, 7, 4, 3, 0, tzinfo=UTC))
    a_club(world, HOA, "2018-01-10", "20242@2006-01-01")
    a_club(world, LIEN, "2018-02-01", "20284@2006-01-01")
    return world


def a_club(world: LibraryWorld, club: str, on: str, unit: str) -> None:
    answers = {"action": "new", "club_id": club, "founded_on": on, "unit": unit}
    world.send("club_registration", answers, f"found {club}", create=club, label="CLB")


def join(world: LibraryWorld, who: str, club: str = HOA) -> None:
    answers = {"club": club, "join_date": "2018-03-01", "c_member": "yes", "full_name": who}
    answers |= {"member_club": club, "member_status": "active", "sex": "female"}
    world.send("membership", answers, f"join {who}", create=an_id(who), label=who)


def leave(world: LibraryWorld, who: str, kind: str, on: str, new_club: str = "") -> None:
    answers = {"member": an_id(who), "exit_kind": kind, "exit_precision": "day", "exit_date": on}
    answers |= {"new_club": new_club} if new_club else {}
    world.send("member_exit", answers, f"leave {who}", update=an_id(who))


def club_figures(world: LibraryWorld) -> Figures:
    with world.database.write() as db:
        while measure(db, world.library, 100, world.now):
            pass
        return rollup.club_figures(db, world.library, H1)


def city_figures(world: LibraryWorld) -> Figures:
    with world.database.read() as db:
        return rollup.roll_up(db, world.library, H1, "city")


def numbers(figures: Figures, *names: str) -> dict[tuple[str, str], Decimal]:
    """(place, indicator) -> number, where it is not 0."""
    return {
        key[:2]: one.numerator
        for key, one in figures.items()
        if key[1] in names and key[2] == "" and one.numerator
    }


def test_who_leaves_on_d_is_out_and_on_the_day_after_still_in(world: LibraryWorld) -> None:
    world.now = datetime(2018, 7, 4, 3, 0, tzinfo=UTC)
    for who, day in (("ba", "2018-06-30"), ("tu", "2018-07-01"), ("nam", "2018-06-29")):
        join(world, who)
        leave(world, who, "own_wish", day)
    join(world, "sau")
    world.work()
    found = numbers(club_figures(world), "B01", "B03")
    assert found == {(HOA, "B01"): 2, (HOA, "B03"): 2}


def test_a_move_between_clubs_in_p_changes_both_clubs_and_not_the_city(world: LibraryWorld) -> None:
    join(world, "ba")
    join(world, "tu")
    leave(world, "ba", "transfer", "2018-05-05", LIEN)
    world.work()
    found = numbers(club_figures(world), "B01", "B02a", "B02b", "B03a", "B03b")
    assert found == {
        (HOA, "B01"): 1, (LIEN, "B01"): 1, (HOA, "B02a"): 2, (LIEN, "B02b"): 1, (HOA, "B03b"): 1,
    }  # fmt: skip
    city = numbers(city_figures(world), "B01", "B02a", "B02b", "B03a", "B03b")
    assert {name: number for (_, name), number in city.items()} == {"B01": 2, "B02a": 2}


def test_a_club_founded_on_d_is_counted_where_it_is(world: LibraryWorld) -> None:
    a_club(world, LATER, "2018-06-30", "20242@2006-01-01")
    world.work()
    found = numbers(club_figures(world), "A01", "A02")
    assert {place for place, name in found if name == "A01"} == {HOA, LIEN, LATER}
    with world.database.read() as db:
        communes = numbers(rollup.roll_up(db, world.library, H1, "commune"), "A01")
    assert sorted(communes.values()) == [1, 2]
    city = numbers(city_figures(world), "A01", "A02", "A03")
    assert {name: number for (_, name), number in city.items()} == {"A01": 3, "A02": 3, "A03": 2}


def test_a_suspended_club_is_not_active_on_d(world: LibraryWorld) -> None:
    answers = {"action": "suspend", "club": LIEN, "club_id": LIEN, "effective_date": "2018-06-30"}
    world.send("club_registration", answers, "suspend", update=LIEN)
    world.work()
    found = numbers(club_figures(world), "A01")
    assert {place for place, _ in found} == {HOA}
