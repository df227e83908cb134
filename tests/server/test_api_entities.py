"""Entity lists over the JSON API: read within a slice, changed on the version that is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree

from forms.problems import Refused
from sync import audit, decisions, links, tables
from sync.publish import declare_lists, publish_library
from tests.conftest import NOW
from tests.server.api import Program, signed_in
from tests.server.conftest import TOKEN, A, Door, instance
from tests.server.test_api_odata import pages
from tests.server.test_api_submissions import CLUB, OTHER

LISTS = "/projects/1/datasets"
TREES, MEMBERS = f"{LISTS}/trees", f"{LISTS}/members"
OAK, ELM = "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "22222222-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
LAN, HOA = "33333333-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "44444444-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


def make(door: Door, name: str, uuid: str, label: str, **data: str) -> None:
    with door.database.write() as db:
        decisions.create(
            db, door.runtime.library, name, uuid, data, label, actor="operator", now=NOW
        )


@pytest.fixture
def city(door: Door) -> Program:
    """A list from elsewhere, with one tree, and who reads it."""
    with door.database.write() as db:
        declare_lists(db, {"trees": ["species", "height"]})
    make(door, "trees", OAK, "Sồi", species="oak")
    return signed_in(door, "city")


@pytest.fixture
def members(door: Door) -> Door:
    """A member in each of two clubs."""
    properties = door.runtime.library.lists["members"].properties
    with door.database.write() as db:
        declare_lists(db, {"members": properties})
    more = {"status": "active", "c_health": "yes", "board_role": "none"}
    make(door, "members", LAN, "Lan", club_id=CLUB, **more)
    make(door, "members", HOA, "Hoa", club_id=OTHER, **more)
    return door


def of_club(door: Door, role: str) -> Program:
    program = signed_in(door, role)
    with door.database.write() as db:
        users = tables.users
        db.execute(users.update().where(users.c.role == role).values(club_id=CLUB))
    return program


def change(program: Program, how: str, path: str = f"{TREES}/entities/{OAK}", **data: str) -> Any:
    return program.patch(f"{path}?{how}", json={"data": data})


# ------------------------------------------------------------------ lists
def test_a_list_says_its_properties_and_forms(city: Program) -> None:
    (short,) = city.json(LISTS)
    assert list(short) == ["name", "projectId", "createdAt", "approvalRequired", "ownerOnly"]
    found = city.json(TREES, headers={"X-Extended-Metadata": "true"})
    assert [one["name"] for one in found["properties"]] == ["species", "height"]
    assert found["properties"][0]["forms"] == []
    assert (found["linkedForms"], found["sourceForms"]) == ([], [])
    assert (found["entities"], found["conflicts"]) == (1, 0)
    city.refused(city.get(f"{LISTS}/none"), 404.1)


def test_a_list_is_made_and_grows_by_who_manages_forms(city: Program) -> None:
    admin = signed_in(city.door, "admin")
    made = admin.post(LISTS, json={"name": "wells"})
    assert made.status_code == 200, made.text
    assert made.get_json()["properties"] == []
    assert admin.post(f"{LISTS}/wells/properties", json={"name": "depth"}).status_code == 200
    assert city.json(f"{LISTS}/wells")["properties"][0]["name"] == "depth"
    admin.refused(admin.post(LISTS, json={"name": "Wells"}), 409.16)
    admin.refused(admin.post(f"{LISTS}/none/properties", json={"name": "x"}), 404.1)
    for name in ("label", "__id", "1st", "a b", ""):
        admin.refused(admin.post(f"{LISTS}/wells/properties", json={"name": name}), 400.8)
    city.refused(city.post(LISTS, json={"name": "more"}), 403.1)


def test_what_the_library_lays_down_of_a_list_no_program_switches(city: Program) -> None:
    admin = signed_in(city.door, "admin")
    as_it_is = {"approvalRequired": False, "ownerOnly": False}
    assert admin.patch(TREES, json=as_it_is).get_json() == city.json(TREES)
    admin.refused(admin.patch(TREES, json={"ownerOnly": True}), 409.3)
    admin.refused(admin.patch(f"{LISTS}/none", json={}), 404.1)
    city.refused(city.patch(TREES, json=as_it_is), 403.1)


def test_c130_the_table_is_centrals_and_comes_once(city: Program) -> None:
    first = city.get(f"{TREES}/entities.csv")
    assert first.text.splitlines() == [
        "__id,label,species,height,__createdAt,__creatorId,__creatorName,__updates,__updatedAt,"
        "__version",
        f"{OAK},Sồi,oak,,2026-01-20T03:00:00.000Z,0,operator,0,,1",
    ]
    tag = {"If-None-Match": first.headers["ETag"]}
    assert city.get(f"{TREES}/entities.csv", headers=tag).status_code == 304
    assert change(city, "force=true", species="elm").status_code == 200
    assert city.get(f"{TREES}/entities.csv", headers=tag).status_code == 200
    path = f"{TREES}/entities.csv?$filter=__system/createdAt%20gt%202027-01-01T00:00:00Z"
    assert len(city.get(path).text.splitlines()) == 1
    twice = f"{TREES}/entities.csv?$filter=__system/createdAt%2520gt%25202025-01-01T00:00:00Z"
    assert len(city.get(twice).text.splitlines()) == 2


# ------------------------------------------------------------------ entities
def test_b100_an_entity_has_every_key_central_has(city: Program) -> None:
    (short,) = city.json(f"{TREES}/entities")
    assert list(short) == [
        *("uuid", "createdAt", "updatedAt", "deletedAt", "creatorId", "conflict"),
        "currentVersion",
    ]
    assert "data" not in short["currentVersion"]
    assert isinstance(short["creatorId"], int)
    assert isinstance(short["currentVersion"]["userAgent"], str)
    found = city.json(f"{TREES}/entities/uuid:{OAK.upper()}")
    assert found["currentVersion"]["data"] == {"species": "oak"}
    assert found["currentVersion"]["version"] == 1
    assert found["currentVersion"]["current"] is True


def test_an_entity_is_made_alone_or_with_others_or_none_is(city: Program) -> None:
    path = f"{TREES}/entities"
    made = city.post(path, json={"label": "Du", "data": {"species": "elm"}})
    assert made.status_code == 200, made.text
    assert made.get_json()["currentVersion"]["data"] == {"species": "elm"}
    assert made.get_json()["creatorId"] > 1_000_000_000
    many = {"entities": [{"label": "A", "uuid": ELM}, {"label": "B", "data": {}}], "source": {}}
    assert city.post(path, json=many).get_json() == {"success": True}
    assert len(city.json(path)) == 4
    assert [one["currentVersion"]["label"] for one in city.json(f"{path}?limit=1")] == ["B"]
    labels = [one["currentVersion"]["label"] for one in city.json(path)]
    after = f"{path}?limit=2&after={city.json(path)[0]['uuid']}"
    assert [one["currentVersion"]["label"] for one in city.json(after)] == labels[1:3]
    city.refused(city.get(f"{path}?after=none"), 400.34)
    for nul in ({"label": "a\0"}, {"label": "a", "data": {"species": "\0"}}):
        city.refused(city.post(path, json=nul), 400.8)
    bad = {"entities": [{"label": "C"}, {"label": "D", "data": {"colour": "red"}}]}
    assert city.post(path, json=bad).status_code == 400
    assert len(city.json(path)) == 4
    city.refused(city.post(path, json={"data": {}}), 400.3)
    city.refused(city.post(path, json={"label": "E", "data": {"height": 3}}), 400.11)
    city.refused(city.post(path, json={"label": "E", "uuid": ELM}), 409.3)


def test_b113_a_change_names_the_version_it_is_made_on_or_forces(city: Program) -> None:
    city.refused(change(city, "baseVersion=7", species="elm"), 409.15)
    city.refused(change(city, "", species="elm"), 409.15)
    first = change(city, "baseVersion=1", species="elm")
    assert first.status_code == 200, first.text
    assert first.get_json()["currentVersion"]["version"] == 2
    city.refused(change(city, "baseVersion=1", species="ash"), 409.15)
    for word in ("True", "true"):
        assert change(city, f"force={word}", height=word).status_code == 200
    found = city.json(f"{TREES}/entities/{OAK}")["currentVersion"]
    assert found["data"] == {"species": "elm", "height": "true"}
    city.refused(change(city, "baseVersion=x", species="ash"), 400.8)
    city.refused(change(city, "force=true", f"{TREES}/entities/{ELM}", species="x"), 404.1)


def test_versions_and_what_each_changed_are_told(city: Program) -> None:
    change(city, "baseVersion=1", species="elm")
    versions = city.json(f"{TREES}/entities/{OAK}/versions")
    assert [one["version"] for one in versions] == [1, 2]
    assert [one["current"] for one in versions] == [False, True]
    assert versions[1]["dataReceived"] == {"species": "elm"}
    assert versions[1]["creatorId"] > 1_000_000_000
    assert city.json(f"{TREES}/entities/{OAK}/diffs") == [
        [{"propertyName": "species", "old": "oak", "new": "elm"}]
    ]


def test_a_conflict_is_settled_by_who_says_so(city: Program) -> None:
    answer = city.patch(f"{TREES}/entities/{OAK}?resolve=true", json={})
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["conflict"] is None
    assert answer.get_json()["currentVersion"]["version"] == 1


def test_one_linked_to_another_is_on_no_list_and_says_to_whom(members: Door) -> None:
    again = "55555555-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
    make(members, "members", again, "Lan", club_id=CLUB, status="active")
    both, now = [LAN, again], NOW
    with members.database.write() as db:
        links.link(db, members.runtime.library, "members", both, actor="operator", now=now)
    chair = of_club(members, "chair")
    assert [one["uuid"] for one in chair.json(f"{MEMBERS}/entities")] == [LAN]
    assert chair.json(f"{MEMBERS}/entities/{again}")["linkedTo"] == LAN
    assert "linkedTo" not in chair.json(f"{MEMBERS}/entities/{LAN}")
    with members.database.write() as db, pytest.raises(Refused, match="link_already"):
        library = members.runtime.library
        decisions.delete(db, library, "members", again, actor="operator", now=now)


def test_what_is_deleted_is_gone_until_it_is_restored(city: Program) -> None:
    path = f"{TREES}/entities/{OAK}"
    assert city.delete(path).get_json() == {"success": True}
    city.refused(city.get(path), 404.1)
    city.refused(city.delete(path), 404.1)
    assert city.json(f"{TREES}/entities") == []
    assert city.post(f"{path}/restore").status_code == 200
    assert city.json(path)["uuid"] == OAK
    change(city, "force=true", height="9")
    actions = [one["action"] for one in city.json(f"{path}/audits")]
    verbs = ("restore", "delete", "update.version", "create")  # all in one moment
    assert actions == [f"entity.{verb}" for verb in verbs]


def test_many_are_deleted_and_brought_back_at_once_or_none_is(members: Door) -> None:
    mai = "66666666-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
    make(members, "members", mai, "Mai", club_id=CLUB, status="active")
    commune, listed = of_club(members, "commune"), f"{MEMBERS}/entities"

    def at_once(what: str, *ids: str) -> Any:
        return commune.post(f"{listed}/bulk-{what}", json={"ids": ids})

    def there() -> list[str]:
        return [one["currentVersion"]["label"] for one in commune.json(listed)]

    commune.refused(at_once("delete", mai, HOA), 404.1)
    commune.refused(at_once("delete", LAN, "none"), 404.1)
    assert there() == ["Mai", "Lan"]
    for _ in range(2):
        assert at_once("delete", mai, LAN, mai).get_json() == {"success": True}
        assert there() == []
    commune.refused(at_once("restore", LAN, HOA), 404.1)
    deleted, chair = f"{listed}?deleted=true&limit=1", of_club(members, "chair")
    paged = commune.json(deleted) + commune.json(f"{deleted}&after={mai}")
    assert [one["uuid"] for one in paged] == [mai, LAN]
    assert commune.json(f"{deleted}&after={LAN}") == []
    commune.refused(commune.get(f"{deleted}&after={HOA}"), 400.34)
    chair.refused(chair.get(deleted), 403.1)
    with members.database.read() as db:
        assert [one.action for one in audit.who_saw(db, "members", [mai])] == ["list.read"] * 2
    assert at_once("restore", LAN).status_code == 200
    assert there() == ["Lan"]
    commune.refused(at_once("restore", *[LAN] * 251), 400.11)
    commune.refused(commune.post(f"{listed}/bulk-delete", json={}), 400.3)


# ------------------------------------------------------------------ OData
def test_b104_a_list_is_a_table_whose_links_give_each_row_once(city: Program) -> None:
    for number in range(4):
        city.post(f"{TREES}/entities", json={"label": str(number)})
    found = city.json(f"{TREES}.svc/Entities?$top=2&$count=true")
    assert found["@odata.count"] == 5
    assert found["@odata.context"].endswith("/datasets/trees.svc/$metadata#Entities")
    seen = [page["label"] for rows in pages(city, found) for page in rows["value"]]
    assert seen == ["3", "2", "1", "0", "Sồi"]
    (row,) = city.json(f"{TREES}.svc/Entities?$filter=__id eq '{OAK}'")["value"]
    assert (row["species"], row["height"]) == ("oak", None)
    assert row["__system"]["version"] == 1
    (row,) = city.json(f"{TREES}.svc/Entities?$orderby=__id&$top=1&$select=__id")["value"]
    assert list(row) == ["__id"]
    assert etree.fromstring(city.get(f"{TREES}.svc/$metadata").data) is not None
    assert city.json(f"{TREES}.svc")["value"][0]["name"] == "Entities"
    for query, code in (("$skiptoken=x", 400.34), ("a=1", 501.1), ("$select=none", 400.8)):
        city.refused(city.get(f"{TREES}.svc/Entities?{query}"), code)


# ------------------------------------------------------------------ who
def test_a_slice_is_cut_to_the_rows_and_properties_of_the_role(members: Door) -> None:
    for role, sees_role in (("chair", True), ("commune", True), ("health", False)):
        program = of_club(members, role)
        assert [one["uuid"] for one in program.json(f"{MEMBERS}/entities")] == [LAN]
        data = program.json(f"{MEMBERS}/entities/{LAN}")["currentVersion"]["data"]
        assert ("board_role" in data) is sees_role
        program.refused(program.get(f"{MEMBERS}/entities/{HOA}"), 404.1)
        header, *rows = program.get(f"{MEMBERS}/entities.csv").text.splitlines()
        assert ("board_role" in header.split(",")) is sees_role
        assert len(rows) == 1
        assert "Hoa" not in rows[0]
        version = program.json(f"{MEMBERS}/entities/{LAN}/versions")[0]
        assert ("board_role" in version["data"]) is sees_role


def test_of_who_has_moved_the_new_club_is_told_no_version_from_before(members: Door) -> None:
    before = {"actor": "operator", "now": NOW - timedelta(days=1)}
    with members.database.write() as db:
        for what in (decisions.delete, decisions.restore):
            what(db, members.runtime.library, "members", HOA, **before)
    for data in ({"club_id": CLUB}, {"alias": "Bà Hoa"}):
        with members.database.write() as db:
            decisions.patch(
                *(db, members.runtime.library, "members", HOA, data, None),
                base_version=None,
                force=True,
                actor="operator",
                now=NOW,
            )
    chair, one = of_club(members, "chair"), f"{MEMBERS}/entities/{HOA}"
    assert [each["version"] for each in chair.json(f"{one}/versions")] == [2, 3]
    (told,) = chair.json(f"{one}/diffs")
    assert [each["propertyName"] for each in told] == ["alias"]
    audits = [each["action"] for each in chair.json(f"{one}/audits")]
    assert audits == ["entity.update.version"] * 2


def test_a_change_stays_within_the_clubs_and_the_properties_of_who_makes_it(members: Door) -> None:
    commune, path = of_club(members, "commune"), f"{MEMBERS}/entities/{LAN}"
    assert change(commune, "force=true", path, alias="Bà Lan").status_code == 200
    commune.refused(change(commune, "force=true", path, last_height="1"), 403.1)
    commune.refused(change(commune, "force=true", path, last_check_on="2025-01-01"), 400.8)
    commune.refused(change(commune, "force=true", path, club_id=OTHER), 403.1)
    commune.refused(change(commune, "force=true", f"{MEMBERS}/entities/{HOA}", alias="x"), 404.1)
    new = {"label": "Mai", "data": {"club_id": OTHER}}
    commune.refused(commune.post(f"{MEMBERS}/entities", json=new), 403.1)
    assert commune.json(path)["currentVersion"]["data"]["club_id"] == CLUB
    new["data"] = {"club_id": CLUB, "status": "left"}
    assert commune.post(f"{MEMBERS}/entities", json=new).status_code == 200
    chair = of_club(members, "chair")
    chair.refused(change(chair, "force=true", path, alias="x"), 403.1)
    with members.database.read() as db:
        labels = db.execute(sa.select(tables.entities.c.label)).scalars().all()
    assert sorted(labels) == ["Hoa", "Lan", "Mai"]


def test_lists_of_others_are_not_even_named(members: Door) -> None:
    assert signed_in(members, "admin").json(LISTS) == []
    board = signed_in(members, "district")
    board.refused(board.get(LISTS), 403.1)
    assert [one["name"] for one in of_club(members, "chair").json(LISTS)] == ["members"]
    dpo = signed_in(members, "dpo")
    dpo.refused(dpo.get(MEMBERS), 403.1)
    phone = Program(members, base=f"/v1/key/{TOKEN}")
    phone.refused(phone.get(f"{MEMBERS}/entities"), 403.1)


def test_which_form_made_a_version_is_told_to_who_reads_that_form(members: Door) -> None:
    """That somebody's health was checked is not the treasurer's to know, nor the visit's id."""
    members.add_form("health_check")
    sent = instance(form_id="health_check")
    assert members.post(sent).status_code == 201
    versions = tables.submission_versions.c.id
    ((sent_id,),) = members.rows(versions)
    with members.database.write() as db:
        made = tables.entity_versions
        db.execute(made.update().values(submission_version_id=sent_id, actor=None))
    path = f"{MEMBERS}/entities/{LAN}/versions"
    for role, told in (("health", True), ("chair", False), ("treasurer", False)):
        (version,) = of_club(members, role).json(path)
        source = {"submission": {"instanceId": A, "xmlFormId": "health_check"}}
        assert version["source"] == (source if told else {}), role


def test_the_forms_beside_a_list_are_those_one_may_know_of(members: Door) -> None:
    with members.database.write() as db:
        here = members.runtime
        publish_library(db, here.blobs, here.library, NOW)
    for role, known in (
        ("treasurer", {"ledger", "loan", "mutual_help"}),
        ("health", {"care_visit", "health_check"}),
    ):
        found = of_club(members, role).json(MEMBERS)
        named = {one["xmlFormId"] for one in (*found["linkedForms"], *found["sourceForms"])}
        assert named == known


def test_whom_a_program_was_shown_is_written_down_all_of_a_list_once_a_day(members: Door) -> None:
    def seen(uuid: str) -> list[str]:
        with members.database.read() as db:
            return [one.action for one in audit.who_saw(db, "members", [uuid])]

    chair = of_club(members, "chair")
    for address in (f"{MEMBERS}/entities", f"{MEMBERS}/entities.csv", f"{MEMBERS}.svc/Entities"):
        assert chair.get(address).status_code == 200
    assert (seen(LAN), seen(HOA)) == (["list.read"], [])
    members.clock.time += timedelta(hours=20)  # the next morning
    chair.get(f"{MEMBERS}/entities?limit=1")
    chair.json(f"{MEMBERS}/entities/{LAN}")
    chair.refused(chair.get(f"{MEMBERS}/entities/{HOA}"), 404.1)
    assert (seen(LAN), seen(HOA)) == (["entry.read", "list.read", "list.read"], [])
