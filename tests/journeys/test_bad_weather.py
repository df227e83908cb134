"""Stories of phones that are offline, cut off, renewed, and of what the server does about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from server.demo.phone import SyncError
from server.settings import secret_key
from sync import accounts, places, queue, tables, verify
from sync.database import Database
from tests.conftest import NOW
from tests.device import Device
from tests.journeys.faults.nasty import nasty
from tests.journeys.world import World, a_world

PHOTO = b"\xff\xd8 a photo \xff\xd9"
JOINED = "2025-07-10"
HALF = "2025H2"


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    """With our own form for news, and POSTs so small that two photos do not fit into one."""
    world = a_world(database, tmp_path, NOW, with_news=True, post_bytes=6_000)
    yield world
    world.database.dispose()


@pytest.fixture
def ba(world: World) -> str:
    """A member both clubs' phones can be synced to; registered by the chair."""
    chair = world.phone("chair").receives()
    member = chair.registers("Trần Thị Ba", 1948, joined=JOINED, care_need="regular")
    chair.sends()
    world.works()
    return member


def photos(count: int, size: int = 4_000) -> dict[str, bytes]:
    return {f"17673480001{n:02d}.jpg": bytes([n]) * size for n in range(count)}


def days(count: int, first: str = "2025-09-01") -> list[str]:
    return [(date.fromisoformat(first) + timedelta(days=n)).isoformat() for n in range(count)]


def version_of(world: World, member: str) -> tuple[int, str | None, dict[str, str]]:
    e = tables.entities.c
    with world.database.read() as db:
        row = db.execute(sa.select(e.version, e.conflict, e.data).where(e.uuid == member)).one()
        return row.version, row.conflict, dict(row.data)


def is_clean(world: World, scratch: Path) -> bool:
    with world.database.read() as db:
        return verify.verify(db, world.runtime.library, scratch, world.clock()) == []


# ------------------------------------------------------------------ lost answers, cut lines


def test_an_offline_week_comes_in_through_bad_weather_each_form_once(
    world: World, ba: str, tmp_path: Path
) -> None:
    minh = world.phone("volunteer").receives().goes_offline()
    for n, day in enumerate(days(7)):
        minh.visits(ba, on=day)
        minh.notes(ba, hamlet=f"tổ {n}", photos=photos(3))
    assert minh.sends() == 0
    assert len(minh.outbox) == 14

    minh.comes_online().meets(
        "", "cut_behind", "cut_before", "", "cut_inside", "too_slow", "", "error_after",
        "restart_behind", "", "portal", "", "error_500", "no_signal", "answer_cut", "cut_inside",
    )  # fmt: skip
    while minh.outbox:
        minh.sends()
    world.works()
    assert world.count(tables.submissions) == 1 + 14
    assert world.count(tables.submission_versions) == 1 + 14
    sent = {(f.instance_id, n, content) for f in minh.sent for n, content in f.files.items()}
    mine = {f.instance_id for f in minh.sent}
    assert {one for one in world.files() if one[0] in mine} == sent
    assert world.figure("C07", HALF) == 7
    assert version_of(world, ba)[:2] == (8, None)
    assert is_clean(world, tmp_path)


def test_c1_a_connection_that_dies_behind_the_body_makes_okhttp_send_three_times_at_once(
    world: World, ba: str
) -> None:
    minh = world.phone("volunteer").receives()
    minh.visits(ba, on="2025-09-01")
    minh.meets("", "cut_behind", "cut_behind", "cut_behind")
    assert minh.sends() == 0
    assert [method for method, *_ in minh.http.sent][-4:] == ["HEAD", "POST", "POST", "POST"]
    assert minh.sends() == 1
    assert world.count(tables.submission_versions) == 1 + 1
    assert world.count(tables.received) == 1 + 4


def test_a_body_cut_inside_leaves_nothing_behind(world: World, ba: str) -> None:
    minh = world.phone("volunteer").receives()
    minh.notes(ba, hamlet="tổ 2", photos=photos(1))
    minh.meets("", "cut_inside", "cut_inside", "cut_inside")
    assert minh.sends() == 0
    assert 400 in world.door.codes
    assert world.count(tables.submission_versions) == 1
    assert minh.sends() == 1


def test_c7_twenty_photos_over_many_posts_with_one_lost_are_all_here(world: World, ba: str) -> None:
    minh = world.phone("volunteer").receives()
    filled = minh.notes(ba, hamlet="tổ 2", photos=photos(20))
    minh.meets(*[""] * 4, "error_500")
    assert minh.sends() == 0
    assert len(world.files()) == 1 + 3  # of the chair's form its audit.csv; the POSTs before
    assert minh.sends() == 1
    here = {name: content for i, name, content in world.files() if i == filled.instance_id}
    assert here == filled.files
    assert world.count(tables.submission_versions) == 1 + 1


def test_power_is_cut_between_two_posts_of_one_form(world: World, ba: str) -> None:
    minh = world.phone("volunteer").receives()
    filled = minh.notes(ba, hamlet="tổ 2", photos=photos(3))
    minh.meets("", "", "no_signal")
    assert minh.sends() == 0
    world.restarts()
    minh.loses_power()
    assert [one.instance_id for one in minh.outbox] == [filled.instance_id]
    assert minh.members()
    assert minh.sends() == 1
    here = {name: content for i, name, content in world.files() if i == filled.instance_id}
    assert here == filled.files
    world.works()
    assert version_of(world, ba)[:2] == (2, None)


def test_c33_the_gateway_at_the_market_takes_nothing_and_deletes_nothing(
    world: World, ba: str
) -> None:
    minh = world.phone("volunteer").receives()
    forms, members = dict(minh.forms), minh.members()
    minh.visits(ba, on="2025-09-01")
    minh.goes_to_market()
    with pytest.raises(SyncError):
        minh.receives()
    assert minh.sends() == 0
    assert (minh.forms, minh.members(), len(minh.outbox)) == (forms, members, 1)
    assert minh.report.statuses == []  # its 200 to HEAD is no 204: no answers went to a stranger

    minh.leaves_market().meets("", "portal")
    assert minh.sends() == 0
    assert minh.report.statuses == [200]
    assert minh.sends() == 1
    assert minh.receives().members() == members
    assert world.count(tables.submissions) == 2


def test_a_list_that_fails_in_the_middle_takes_no_form_away(world: World, ba: str) -> None:
    minh = world.phone("volunteer").receives()
    before = set(minh.forms)
    for fault in ("error_500", "cut_inside", "answer_cut", "portal", "too_slow", "no_signal"):
        for fair in range(6):
            minh.meets(*[""] * fair, fault)
            with suppress(SyncError):
                minh.receives()
            minh.weather.clears_up()
            assert set(minh.forms) == before
    assert minh.receives().members()
    assert minh.report.wrong_hashes == []


def test_c16_c22_answers_of_no_kind_that_was_asked_for_are_kept_and_leave_no_work_undone(
    world: World, ba: str, tmp_path: Path
) -> None:
    minh = world.phone("chair").receives()
    for filled in nasty(minh, ba):
        minh.outbox.append(filled)
    minh.sends()
    assert all(status < 500 for status in minh.report.statuses)
    minh.outbox.clear()  # a few are refused
    world.works()
    with world.database.read() as db:
        assert queue.failed(db) == []
        assert queue.depth(db).waiting == 0
    assert is_clean(world, tmp_path)


# ------------------------------------------------------------------ edits


def test_an_edit_that_comes_before_its_original_is_what_counts(world: World, ba: str) -> None:
    minh = world.phone("volunteer").receives()
    first = minh.visits(ba, on="2025-09-01")
    second = minh.corrects(first, outcome="not_met")
    third = minh.corrects(second, outcome="met", minutes=90)
    minh.meets("", "error_500", "", "error_500")
    assert minh.sends() == 1
    world.works()
    assert world.figure("C07", HALF) == 1
    assert minh.sends() == 2
    world.works()
    assert world.count(tables.submissions) == 2
    assert world.count(tables.submission_versions) == 4
    assert (world.figure("C07", HALF), world.figure("C08", HALF)) == (1, 90)
    assert [a["minutes"] for a in world.answers("care_visit")] == ["90"]
    assert third == minh.sent[0].instance_id


def test_the_middle_edit_that_comes_last_takes_no_version_of_a_member_back(
    world: World, ba: str, tmp_path: Path
) -> None:
    lan = world.phone("chair").receives()
    first = lan.notes(ba, hamlet="tổ 2").instance_id
    assert lan.sends() == 1
    second = lan.corrects(first, hamlet="tổ 3")
    lan.corrects(second, hamlet="tổ 4")
    lan.meets("", "error_500")
    assert lan.sends() == 1
    world.works()
    version, _, data = version_of(world, ba)
    assert (version, data["hamlet"]) == (3, "tổ 4")  # nobody knows yet that it is an edit of ours
    lan.receives()
    assert lan.sends() == 1
    world.works()
    version, _, data = version_of(world, ba)
    assert (version, data["hamlet"]) == (3, "tổ 4")
    assert [row["hamlet"] for row in lan.receives().lists["members"]] == ["tổ 4"]
    assert is_clean(world, tmp_path)


# ------------------------------------------------------------------ entities


def test_two_phones_that_change_one_member_offline_both_count_and_a_person_is_told(
    world: World, ba: str, tmp_path: Path
) -> None:
    lan, minh = world.phone("chair").receives(), world.phone("volunteer").receives()
    lan.goes_offline().notes(ba, hamlet="tổ 7")
    minh.goes_offline().notes(ba, hamlet="tổ 9", care_need="no")
    assert [row["hamlet"] for row in lan.lists["members"]] == ["tổ 7"]
    assert [row["hamlet"] for row in minh.lists["members"]] == ["tổ 9"]
    lan.comes_online().sends()
    minh.comes_online().sends()
    world.works()
    version, conflict, data = version_of(world, ba)
    assert (version, conflict) == (3, "hard")
    assert (data["hamlet"], data["care_need"]) == ("tổ 9", "no")
    for phone in (lan, minh):
        phone.receives()
        (row,) = phone.lists["members"]
        assert (row["hamlet"], row["__version"], row["__trunkVersion"]) == ("tổ 9", "3", "3")
    assert world.figure("B01", HALF) == 1
    assert is_clean(world, tmp_path)


def test_c23_of_three_changes_made_offline_the_middle_one_comes_last(world: World, ba: str) -> None:
    minh = world.phone("volunteer").receives().goes_offline()
    for hamlet in ("tổ 2", "tổ 3", "tổ 4"):
        minh.notes(ba, hamlet=hamlet)
    assert minh.lists["members"][0]["__version"] == "4"
    minh.comes_online().meets("", "", "", "error_500")
    assert minh.sends() == 2
    world.works()
    assert version_of(world, ba)[0] == 2  # the third waits for the second
    minh.receives()
    (row,) = minh.lists["members"]  # the server is behind: the phone keeps what it knows
    assert (row["hamlet"], row["__version"]) == ("tổ 4", "4")

    assert minh.sends() == 1
    world.works()
    version, conflict, data = version_of(world, ba)
    assert (version, conflict, data["hamlet"]) == (4, None, "tổ 4")
    minh.receives()
    (row,) = minh.lists["members"]
    assert (row["hamlet"], row["__version"]) == ("tổ 4", "4")


def test_who_was_registered_offline_stays_on_the_phone_until_the_server_knows_them(
    world: World, ba: str
) -> None:
    lan = world.phone("chair").receives().goes_offline()
    tu = lan.registers("Võ Thị Tư", 1950, joined=JOINED)
    lan.notes(tu, hamlet="tổ 5")
    lan.comes_online().receives()
    asked = [url for method, url, _ in lan.http.sent if "/integrity" in url]
    assert asked
    assert tu in asked[-1]
    assert {row["name"] for row in lan.lists["members"]} == {ba, tu}

    assert lan.sends() == 2
    world.works()
    lan.receives()
    mine = lan.entities["members"][tu]
    assert (mine.state, mine.version, mine.trunk_version) == ("ONLINE", 2, 2)
    assert mine.properties["hamlet"] == "tổ 5"
    assert version_of(world, tu)[:2] == (2, None)


# ------------------------------------------------------------------ forms and rights that change


def test_a_form_that_changes_in_the_middle_of_the_week_takes_both_kinds_of_answers(
    world: World, ba: str
) -> None:
    minh, tam = world.phone("volunteer").receives(), world.phone("volunteer").receives()
    minh.goes_offline().notes(ba, hamlet="tổ 2")
    world.publishes_news(2)
    tam.receives().notes(ba, hamlet="tổ 3", alias="bà Ba")
    assert tam.forms["member_news"].version == "2"
    assert tam.sends() == 1
    assert minh.comes_online().sends() == 1
    world.works()
    assert world.flags("member_news") == ["old_version"]
    _, _, data = version_of(world, ba)
    assert (data["hamlet"], data["alias"]) == ("tổ 2", "bà Ba")
    assert minh.receives().forms["member_news"].version == "2"


def test_a_form_that_is_closed_goes_from_the_phones_but_not_what_was_filled_in(
    world: World, ba: str
) -> None:
    minh = world.phone("volunteer").receives()
    minh.visits(ba, on="2025-09-01")
    world.sets_state("care_visit", "closed")
    minh.receives()
    assert "care_visit" not in minh.forms
    assert minh.sends() == 1
    assert "form_closed" in world.flags("care_visit")
    world.sets_state("care_visit", "open")
    assert "care_visit" in minh.receives().forms
    minh.visits(ba, on="2025-09-02")
    assert minh.sends() == 1


def test_a_phone_that_was_revoked_keeps_its_forms_and_sends_them_with_a_new_qr(
    world: World, ba: str
) -> None:
    minh = world.phone("volunteer").receives()
    minh.visits(ba, on="2025-09-01")
    world.revokes(minh)
    assert minh.sends() == 0
    with pytest.raises(SyncError):
        minh.receives()
    assert minh.forms
    assert minh.members()
    minh.takes_new_qr(world.new_url("Minh, máy mới", "volunteer", "48-TQ-01"))
    assert minh.receives().sends() == 1
    world.works()
    assert world.figure("C07", HALF) == 1


def moved(world: World, minh: Device, how: str) -> None:
    """From Thọ Quang to Hòa Quý, with a new QR or with the old one."""
    if how == "new QR":
        world.revokes(minh)
        minh.takes_new_qr(world.new_url("Minh ở Hòa Quý", "volunteer", "48-HQ-01"))
        return
    with world.database.write() as db:
        hoa_quy = places.find_unit(db, "20287", date(2025, 1, 1))
        assert hoa_quy is not None
        c = tables.app_users.c
        mark = accounts.token_sha256(minh.server_url.split("/key/")[1].split("/")[0])
        db.execute(
            tables.app_users.update()
            .where(c.token_sha256 == mark)
            .values(club_id=world.clubs["48-HQ-01"])
        )


@pytest.mark.parametrize("how", ["new QR", "same QR"])
def test_c27_thirty_visits_of_a_volunteer_who_moved_are_filed_where_they_were_made(
    world: World, ba: str, how: str, tmp_path: Path
) -> None:
    minh = world.phone("volunteer").receives().goes_offline()
    for day in days(30):
        minh.visits(ba, on=day)
    moved(world, minh, how)
    minh.comes_online().receives()
    assert minh.members() == []  # the people of the ward she left are no longer hers to see
    assert minh.sends() == 30
    world.works()
    assert world.figure("C07", HALF, "48-TQ-01") == 30
    assert world.figure("C07", HALF, "48-HQ-01") in (None, 0)
    assert is_clean(world, tmp_path)


def test_a_phone_with_a_password_sends_it_only_when_asked_and_never_readable(
    world: World, ba: str
) -> None:
    settings = world.runtime.settings
    sealed = accounts.seal_password("minh", "mot mat khau", secret_key(settings))
    with world.database.write() as db:
        accounts.add_user(db, "minh", "volunteer", None, world.clubs["48-TQ-01"], sealed, NOW)
    minh = Device(
        "http://localhost", world.door, world.clubs["48-TQ-01"],
        username="minh", password="mot mat khau",
    )  # fmt: skip
    minh.receives()
    first, second = (headers for _, _, headers in minh.http.sent[:2])
    assert "Authorization" not in first
    assert second["Authorization"].startswith("Digest ")
    assert all(headers["Authorization"] for _, _, headers in minh.http.sent[1:])
    minh.visits(ba, on="2025-09-01")
    world.clock.moves(hours=2)  # the nonce is old by now
    assert minh.sends() == 1
    assert minh.members()

    stranger = Device(
        "http://localhost", world.door, world.clubs["48-TQ-01"], username="minh", password="khac"
    )
    with pytest.raises(SyncError):
        stranger.receives()
    assert len(stranger.http.sent) == 2  # asked once, refused once: no guessing
