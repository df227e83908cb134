"""One event counts once, and nothing is lost (domain §4.7 b and d)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from forms.problems import Refused
from sync import same_events, versions
from sync.database import Database
from sync.tables import stale_cells
from tests.sync.sending import NOW, World, an_id, meet, visit
from tests.sync.test_verify import differences


@pytest.fixture
def world(database: Database) -> World:
    world = World(database)
    world.join("ba")
    world.work()
    return world


def test_two_helpers_logs_of_one_visit_count_once_with_both_helpers(world: World) -> None:
    world.visit("ba", helpers="lan hoa", minutes="30")
    world.visit("ba", at="08:50:00.000+07:00", helpers="minh", minutes="45", phone=2)
    world.work()
    (one,) = world.counted("visit")
    assert one.united == {"helpers": "hoa lan minh", "minutes": "45"}
    assert len(world.records("visit")) == 2


def test_a_visit_alone_has_its_values_united_too(world: World) -> None:
    world.visit("ba", helpers="minh lan")
    world.work()
    (one,) = world.counted("visit")
    assert one.united == {"helpers": "lan minh", "minutes": "30"}


def test_the_second_log_may_come_days_later(world: World) -> None:
    world.visit("ba", helpers="lan")
    world.work()
    world.visit("ba", helpers="minh", phone=2, days=9)
    world.work()
    first, second = world.records("visit")
    assert second.counted_with == first.id
    assert first.united["helpers"] == "lan minh"
    assert second.united is None


def test_gifts_of_a_log_that_counts_with_another_do_so_too(world: World) -> None:
    world.visit("ba", gifts=["rice"])
    world.visit("ba", helpers="minh", phone=2, gifts=["rice"])
    world.work()
    first, second = world.records("visit")
    assert [gift.counted_with for gift in world.records("visit", "gifts")] == [None, first.id]
    assert second.counted_with == first.id


def test_an_edit_that_moves_the_day_frees_the_other_log(world: World) -> None:
    world.visit("ba", key="v1")
    world.visit("ba", phone=2)
    world.work()
    assert len(world.counted("visit")) == 1
    world.visit("ba", key="v2", replaces="v1", on="2025-06-02")
    world.work()
    assert len(world.counted("visit")) == 2


def test_rejecting_the_log_that_counts_lets_the_other_count(world: World) -> None:
    first = world.visit("ba")
    world.visit("ba", helpers="minh", phone=2)
    world.work()
    world.review(first, "rejected")
    world.work(first)
    (one,) = world.counted("visit")
    assert one.answers["helpers"] == "minh"
    assert one.united["helpers"] == "minh"


def test_the_same_visit_sent_again_under_a_new_id_counts_once(world: World) -> None:
    world.visit("ba", outcome="away", key="a")
    world.visit("ba", outcome="away", key="b", days=5)
    world.work()
    assert len(world.counted("visit")) == 1


def test_the_number_a_phone_gives_its_copies_tells_no_two_visits_apart(world: World) -> None:
    world.visit("ba", number=1, key="v1", outcome="away")
    world.visit("ba", number=2, key="v2", outcome="away", days=1)
    world.work()
    assert len(world.counted("visit")) == 1


def test_the_same_visit_with_another_gift_is_not_sent_again(world: World) -> None:
    world.visit("ba", outcome="away", key="a", gifts=["rice"])
    world.visit("ba", outcome="away", key="b", gifts=["milk"])
    world.work()
    assert len(world.counted("visit")) == 2


def test_records_without_a_person_are_compared_within_their_club(world: World) -> None:
    """A client who is no member has no id."""
    for key, club in (("a", "hoa"), ("b", "hoa"), ("c", "sen")):
        xml, _, _ = visit("ba", club=club, key=key, outcome="away")
        world.send(xml.replace(f"<who>{an_id('ba')}</who>".encode(), b"<who/>"))
    world.work()
    assert sorted(row.club_id for row in world.counted("visit")) == sorted(
        [an_id("hoa"), an_id("sen")]
    )


def test_visits_to_two_people_on_no_list_in_one_hour_are_two(world: World) -> None:
    for key, helpers in (("a", "lan"), ("b", "minh lan")):
        xml, _, _ = visit("ba", key=key, helpers=helpers)
        world.send(xml.replace(f"<who>{an_id('ba')}</who>".encode(), b"<who/>"))
    world.work()
    counted = world.counted("visit")
    assert [one.united["helpers"] for one in counted] == ["lan", "lan minh"]


def test_who_counts_is_no_matter_of_the_day_it_was_processed(world: World) -> None:
    first = world.visit("ba", key="a")
    second = world.visit("ba", key="b", phone=2)
    world.work(second)
    world.work(first)
    assert [row.submission_version_id for row in world.counted("visit")] == [first]


def test_standing_that_changes_makes_figures_stale(world: World) -> None:
    world.visit("ba")
    world.work()
    with world.database.write() as db:
        db.execute(stale_cells.delete())
    world.visit("ba", phone=2)
    world.work()
    assert ("2025H1", an_id("hoa")) in {
        (row.period, row.club_id) for row in world.rows(stale_cells)
    }


def test_a_person_known_only_later_takes_the_visits_to_her_club(world: World) -> None:
    world.visit("tu", club="hoa")
    world.visit("tu", club="hoa", phone=2)
    world.work()
    assert {row.club_id for row in world.records("visit")} == {an_id("hoa")}
    world.join("tu", club="sen")
    world.work()
    assert {row.club_id for row in world.records("visit")} == {an_id("sen")}
    assert len(world.counted("visit")) == 1


# ------------------------------------------------------------------ what a club does
def test_a_meeting_written_down_by_two_counts_once(world: World) -> None:
    world.meet("hoa", came="40")
    world.meet("hoa", came="42", at="08:50:00.000+07:00", phone=2, days=9)
    world.work()
    (one,) = world.counted("meet")
    assert one.united == {"came": "42"}
    assert len(world.records("meet")) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "talk"},
        {"at": "09:00:00.000+07:00"},
        {"at": ""},
        {"on": "2025-06-02"},
        {"club": "sen"},
    ],
)
def test_another_kind_hour_day_or_club_is_another_meeting(
    world: World, other: dict[str, str]
) -> None:
    world.meet("hoa", key="first")
    world.send(meet(**{"club": "hoa", "key": "second", **other})[0], phone=2)
    world.work()
    assert len(world.counted("meet")) == 2


def test_a_meeting_counts_once_in_whatever_order_it_came_was_edited_and_deleted(
    world: World,
) -> None:
    first = world.meet("hoa", key="m1", at="07:00:00.000+07:00")
    edit = world.meet("hoa", key="m1b", replaces="m1")
    other = world.meet("hoa", key="m2", phone=2, came="41")
    for version in (other, edit, first):
        world.work(version)
    (one,) = world.counted("meet")
    assert one.united == {"came": "41"}
    world.delete(other)
    world.work(other)
    (one,) = world.counted("meet")
    assert one.united == {"came": "40"}


# ------------------------------------------------------------------ what a person says of two
def decide(world: World, one: str, other: str, kind: str | None) -> None:
    with world.database.write() as db:
        both = [versions.find(db, "visit", f"uuid:{an_id(key)}") for key in (one, other)]
        if kind is None:
            same_events.undo(db, *both, "operator", NOW)
        else:
            same_events.decide(db, world.library, *both, kind, "operator", NOW)
    world.work(*(one.current_version_id for one in both))


def whys(world: World) -> list[str]:
    with world.database.read() as db:
        return [one.by for one in same_events.repeats(db, "visit")]


def test_two_logs_that_a_person_parts_both_count_until_that_is_taken_back(
    world: World, tmp_path: Path
) -> None:
    world.visit("ba", key="a", helpers="lan")
    world.visit("ba", key="b", helpers="minh", phone=2)
    world.work()
    assert whys(world) == ["same_event"]

    decide(world, "b", "a", "apart")
    assert [row.united["helpers"] for row in world.counted("visit")] == ["lan", "minh"]
    assert whys(world) == ["apart"]
    assert not differences(world, tmp_path)

    decide(world, "a", "b", None)
    assert [row.united["helpers"] for row in world.counted("visit")] == ["lan minh"]
    assert whys(world) == ["same_event"]
    assert not differences(world, tmp_path)
    with pytest.raises(Refused, match="event_undecided"):
        decide(world, "a", "b", None)


def test_two_logs_that_no_rule_joins_are_one_when_a_person_says_so(
    world: World, tmp_path: Path
) -> None:
    world.visit("ba", key="a", helpers="lan", minutes="30")
    world.visit("ba", key="b", at="15:00:00.000+07:00", helpers="minh", minutes="45", phone=2)
    world.visit("ba", key="c", on="2025-06-02")
    world.work()
    decide(world, "a", "b", "together")
    (one, _) = world.counted("visit")
    assert one.united == {"helpers": "lan minh", "minutes": "45"}
    assert whys(world) == ["decided"]
    assert not differences(world, tmp_path)
    for others in (("a", "c"), ("a", "a")):
        with pytest.raises(Refused, match="event_unlike"):
            decide(world, *others, "together")


def test_two_of_a_day_are_shown_however_long_ago_and_whichever_club_told_of_the_other(
    world: World,
) -> None:
    later = {"at": "15:00:00.000+07:00", "phone": 2}
    for day in ("2024-11-03", "2025-03-01", "2025-06-01"):
        world.visit("ba", on=day, key=f"morning {day}")
        world.visit("ba", on=day, key=f"evening {day}", **later)
    world.visit("somebody", club="sen", key="elsewhere")
    world.visit("somebody", club="hoa", key="here", **later)
    world.visit("somebody", club="hoa", key="another day", on="2025-05-31")
    world.work()
    decide(world, "morning 2025-03-01", "evening 2025-03-01", "apart")
    with world.database.read() as db:
        for clubs in ({an_id("hoa")}, None):
            found = list(same_events.alike(db, "visit", clubs, date(2024, 12, 1)))
            assert [(one.instance_id, one.counts_with) for one in found] == [
                (f"uuid:{an_id(one)}", f"uuid:{an_id(other)}")
                for one, other in (
                    ("evening 2025-06-01", "morning 2025-06-01"),
                    ("here", "elsewhere"),
                )
            ]
        assert not list(same_events.alike(db, "visit", {an_id("sen")}, date(2024, 12, 1)))
