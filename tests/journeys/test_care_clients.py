"""Who cares for people at home has a list of them, and nothing of anybody else."""

from __future__ import annotations

from pathlib import Path

from sync import versions
from sync.verify import verify
from tests.collect import EntityEdit
from tests.device import Device
from tests.journeys.world import World


def clients(phone: Device) -> dict[str, dict[str, str]]:
    """Whom the phone has in care; of each what is filled in."""
    return {
        row["name"]: {
            name: text
            for name, text in row.items()
            if text and not name.startswith("__") and name not in ("name", "label", "club_id")
        }
        for row in phone.receives().lists["care_clients"]
    }


def updates(phone: Device, member: str, what: str, on: str, **answers: str) -> str:
    given = {"club": phone.club_id, "member": member, "effective_date": on, "what": what}
    edit = EntityEdit(member, "update")
    return phone.fill("member_update", {**given, **answers}, entity=edit).instance_id


def test_a_volunteer_sees_whom_to_visit_and_what_helps(world: World, tmp_path: Path) -> None:
    lan, minh, hoa = world.phone("chair"), world.phone("volunteer"), world.phone("volunteer")
    other = world.phone("volunteer", "48-HQ-01")
    in_care = {"care_need": "regular", "address_note": "sau đình", "contact_phone": "0905123456"}
    ba = lan.receives().registers("Trần Thị Ba", 1948, joined="2025-07-10", **in_care)
    lan.registers("Lê Thị Tám", 1950, joined="2025-07-10", **{**in_care, "c_care": "no"})
    nam = lan.registers("Lê Thị Năm", 1970, joined="2025-07-10", is_volunteer="yes")
    lan.sends()
    world.works()
    told = {"care_level": "regular", "landmark": "sau đình", "contact_phone": "0905123456"}
    assert clients(minh) == {ba: told}
    assert clients(lan) == {ba: {"care_level": "regular"}}
    assert clients(other) == {}

    minh.goes_offline().visits(ba, on="2025-09-01", by=nam, next_visit="2025-09-08")
    hoa.receives().visits(ba, on="2025-09-03", by=nam, outcome="not_met")
    minh.comes_online().sends()
    hoa.sends()
    world.works()
    told |= {"last_visit_on": "2025-09-01", "next_visit_on": "2025-09-08"}
    assert clients(minh) == clients(hoa) == {ba: told}

    station = world.health_phone().receives()
    station.checks(ba, on="2025-09-10", pressure=(150, 85))
    station.sends()
    lan.receives()
    updates(lan, ba, "address", "2025-09-11", hamlet="tổ 2", address_note="cổng xanh")
    lan.sends()
    world.works()
    assert clients(hoa) == {ba: told | {"landmark": "cổng xanh"}}
    with world.database.read() as db:
        assert verify(db, world.runtime.library, tmp_path, world.clock()) == []


def test_who_agrees_no_more_leaves_every_volunteers_phone(world: World) -> None:
    lan, minh = world.phone("chair"), world.phone("volunteer")
    ba = lan.receives().registers("Trần Thị Ba", 1948, joined="2025-07-10", care_need="regular")
    lan.sends()
    world.works()
    assert [*clients(minh)] == [ba]
    lan.receives()
    said = updates(lan, ba, "consent", "2025-09-01", c_care="no", c_health="yes", c_member="yes")
    lan.sends()
    world.works()
    assert clients(minh) == {}
    with world.database.write() as db:  # it was somebody else who had said so
        one = versions.find(db, "member_update", said)
        versions.delete(db, one, "operator", world.clock())
    world.works()
    assert [*clients(minh)] == [ba]
