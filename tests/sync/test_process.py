"""What was sent gets its meaning, the same one whatever happens on the way."""

from __future__ import annotations

from datetime import date

import pytest

from sync.database import Database
from sync.tables import spells, stale_cells
from tests.sync.sending import World, an_id, join, visit


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def codes(record: object) -> list[str]:
    return [one["code"] for one in record.problems]  # type: ignore[attr-defined]


def test_a_visit_becomes_a_row_and_one_per_gift(world: World) -> None:
    world.join("ba")
    world.visit("ba", gifts=["rice", "milk"])
    world.work()
    (row,) = world.records("visit")
    assert row.answers["minutes"] == "30"
    assert (row.happened_on, row.subject_list, row.subject_id) == (
        date(2025, 6, 1),
        "people",
        an_id("ba"),
    )
    assert row.club_id == an_id("hoa")
    assert not row.held_back
    gifts = world.records("visit", "gifts")
    assert [(g.position, g.answers["item"]) for g in gifts] == [
        ("gifts[1]", "rice"),
        ("gifts[2]", "milk"),
    ]
    assert {g.happened_on for g in gifts} == {date(2025, 6, 1)}


def test_a_form_without_rules_is_flattened_too(world: World) -> None:
    world.send(
        b'<data id="poll" version="1"><q>yes</q><meta><instanceID>uuid:1</instanceID></meta></data>'
    )
    world.work()
    (row,) = world.records("poll")
    assert (row.answers, row.happened_on, row.held_back) == ({"q": "yes"}, None, False)


def test_an_unknown_version_is_read_with_the_current_one_and_flagged(world: World) -> None:
    xml, _, _ = visit("ba")
    world.send(
        xml.replace(b'version="1"', b'version="9"').replace(b"<meta>", b"<new>x</new><meta>")
    )
    world.work()
    (row,) = world.records("visit")
    assert row.answers["new"] == "x"
    assert "not_in_form" in codes(row)


def test_processing_twice_changes_nothing(world: World) -> None:
    world.join("ba")
    world.visit("ba")
    world.work()
    before = world.person("ba")
    world.work_again()
    assert world.person("ba") == before
    assert len(world.records("visit")) == 1


def test_an_edit_replaces_the_rows_of_its_original(world: World) -> None:
    world.join("ba")
    world.visit("ba", key="v1", gifts=["rice"])
    world.work()
    world.visit("ba", key="v2", replaces="v1", minutes="45")
    world.work()
    (row,) = world.records("visit")
    assert row.answers["minutes"] == "45"
    assert world.records("visit", "gifts") == []


def test_an_original_processed_after_its_edit_adds_no_rows(world: World) -> None:
    first = world.visit("ba", key="v1")
    edit = world.visit("ba", key="v2", replaces="v1", minutes="45")
    world.work(edit)
    world.work(first)
    assert [row.answers["minutes"] for row in world.records("visit")] == ["45"]


def test_an_edit_that_arrives_first_still_wins(world: World) -> None:
    world.visit("ba", key="v2", replaces="v1", minutes="45")
    world.work()
    late = world.visit("ba", key="v1")
    world.work(late)
    assert [row.answers["minutes"] for row in world.records("visit")] == ["45"]


def test_an_edit_moves_the_visit_to_its_right_person(world: World) -> None:
    world.join("ba")
    world.join("tu", club="sen")
    world.visit("ba", key="v1")
    world.work()
    world.visit("tu", key="v2", replaces="v1")
    world.work()
    (row,) = world.records("visit")
    assert (row.subject_id, row.club_id) == (an_id("tu"), an_id("sen"))


@pytest.mark.parametrize(
    ("day", "flag"),
    [("2029-01-01", "future_date"), ("1970-01-01", "old_date"), ("", "no_date")],
)
def test_a_day_that_cannot_be_is_kept_but_not_counted(world: World, day: str, flag: str) -> None:
    world.join("ba")
    world.visit("ba", on=day)
    world.work()
    (row,) = world.records("visit")
    assert flag in codes(row)
    assert row.held_back


def test_tomorrow_is_not_the_future(world: World) -> None:
    world.join("ba")
    world.visit("ba", on="2026-01-21")  # received on the 20th
    world.work()
    assert world.counted("visit")


def test_a_visit_before_its_registration_waits_and_then_counts(world: World) -> None:
    early = world.visit("ba")
    world.work(early)
    (row,) = world.records("visit")
    assert codes(row) == ["unknown_person"]
    assert row.held_back
    late = world.join("ba")
    world.work(late)
    (row,) = world.counted("visit")
    assert codes(row) == []


def test_a_visit_before_joining_is_held_back(world: World) -> None:
    world.join("ba", on="2025-06-02")
    world.visit("ba", on="2025-06-01")
    world.work()
    (row,) = world.records("visit")
    assert codes(row) == ["before_joining"]
    assert row.held_back


def test_a_rejected_visit_is_held_back(world: World) -> None:
    world.join("ba")
    visited = world.visit("ba")
    world.work()
    world.review(visited, "rejected")
    world.work(visited)
    (row,) = world.records("visit")
    assert row.held_back


def test_a_record_is_filed_under_the_persons_club_of_that_day(world: World) -> None:
    """Incident C27: the phone was in another club, the person decides."""
    world.join("ba", club="sen")
    world.visit("ba", club="hoa")
    world.work()
    (row,) = world.records("visit")
    assert row.club_id == an_id("sen")


def test_correcting_the_joining_day_frees_the_visit(world: World) -> None:
    world.join("ba", on="2025-07-01", key="j1")
    world.visit("ba", on="2025-06-01")
    world.work()
    assert world.counted("visit") == []
    world.join("ba", on="2025-05-01", key="j2", replaces="j1")
    world.work()
    assert len(world.counted("visit")) == 1


def test_a_registration_sent_again_by_hand_counts_once(world: World) -> None:
    world.join("ba")
    again, _, _ = join("ba 2", label="ba", key="j2")
    world.send(again)
    world.work()
    first, second = world.records("join")
    assert second.counted_with == first.id
    assert world.person("ba 2") is not None  # a person decides about the second entity
    assert {spell.uuid for spell in world.rows(spells)} == {an_id("ba")}


def test_a_registration_whose_first_sending_arrives_late_counts_once(world: World) -> None:
    early = world.join("ba")
    again, _, _ = join("ba 2", label="ba", key="j2")
    world.work(world.send(again))
    world.work(early)
    assert len(world.counted("join")) == 1
    assert {spell.uuid for spell in world.rows(spells)} == {an_id("ba")}


def test_refusals_are_all_alike_and_all_counted(world: World) -> None:
    """Who does not agree leaves no name: ten of a day say the same, and are ten."""
    for number in range(3):
        refusal, _, _ = join("x", key=f"refusal {number}")
        world.send(refusal.replace(b'create="1"', b'create="0"'))
    world.work()
    assert len(world.counted("join")) == 3


def test_a_visit_counts_once_its_person_is_known_though_the_joining_day_is_wrong(
    world: World,
) -> None:
    world.visit("ba")
    world.work()
    world.join("ba", on="2031-01-01")
    world.work()
    assert world.rows(spells) == []
    assert len(world.counted("visit")) == 1


def test_two_who_join_on_one_day_are_two(world: World) -> None:
    world.join("ba", klass="poor")
    world.join("tu", klass="near_poor")
    world.work()
    assert len(world.counted("join")) == 2


def test_what_is_stored_makes_figures_stale(world: World) -> None:
    world.join("ba")
    world.visit("ba")
    world.work()
    cells = {(row.period, row.club_id) for row in world.rows(stale_cells)}
    assert ("2025H1", an_id("hoa")) in cells


def test_encrypted_answers_are_kept_and_held_back(world: World) -> None:
    world.send(
        b'<data xmlns="http://opendatakit.org/submissions" encrypted="yes" id="visit" version="1">'
        b"<base64EncryptedKey>x</base64EncryptedKey>"
        b'<meta xmlns="http://openrosa.org/xforms"><instanceID>uuid:1</instanceID></meta>'
        b"<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>"
    )
    world.work()
    (row,) = world.records("visit")
    assert row.held_back
    assert codes(row) == ["encrypted"]


def test_the_phones_own_number_is_kept_beside_the_record(world: World) -> None:
    world.visit("ba", number=7)
    world.visit("hoa")
    world.work()
    assert [row.number for row in world.records("visit")] == [7, None]


@pytest.mark.parametrize("text", ["0", "-1", "7.5", "x", "1e99", "NaN", ""])
def test_a_number_that_is_none_is_no_number(world: World, text: str) -> None:
    xml, _, _ = visit("ba", number=7)
    world.send(xml.replace(b"<number>7<", f"<number>{text}<".encode()))
    world.work()
    assert [row.number for row in world.records("visit")] == [None]


def test_c24_ids_of_people_and_clubs_are_one_in_any_spelling(world: World) -> None:
    """As other servers' lists spell them: with the prefix, in capitals."""
    loud = f"uuid:{an_id('hoa').upper()}"
    xml, phone, _ = join("ba")
    world.send(xml.replace(f"<club>{an_id('hoa')}<".encode(), f"<club>{loud}<".encode()), phone)
    xml, phone, _ = visit("ba")
    xml = xml.replace(f"<who>{an_id('ba')}<".encode(), f"<who>uuid:{an_id('ba').upper()}<".encode())
    world.send(xml.replace(f"<club>{an_id('hoa')}<".encode(), f"<club>{loud}<".encode()), phone)
    world.work()
    assert world.person("ba").club_id == an_id("hoa")
    (in_club,) = world.rows(spells, spells.c.name == "club")
    assert in_club.value == an_id("hoa")
    (record,) = world.counted("visit")
    assert (record.subject_id, record.club_id) == (an_id("ba"), an_id("hoa"))
