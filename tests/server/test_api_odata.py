"""OData over the JSON API: tables, paging, conditions, and what is refused with which number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from lxml import etree

from sync import tables
from tests.forms.made import xform
from tests.forms.test_odata import ANSWERS, NESTED
from tests.server.api import Program, signed_in
from tests.server.conftest import A, B, C, Door, instance
from tests.server.test_api_submissions import CLUB, of_club, visits, work

__all__ = ["visits"]  # the fixture

SVC = "/projects/1/forms/trees.svc"
CHILDREN = "Submissions.children.child"


def nested(name: str, answers: str = ANSWERS) -> bytes:
    return (
        f'<nested id="nested" version="1">{answers}<meta><instanceID>{name}</instanceID></meta>'
        "</nested>"
    ).encode()


@pytest.fixture
def city(door: Door) -> Program:
    return signed_in(door, "city")


@pytest.fixture
def families(door: Door) -> Program:
    """Two submissions with children who have toys."""
    door.add_form("nested")
    with door.database.write() as db:
        versions = tables.form_versions
        db.execute(
            versions.update()
            .where(versions.c.id == 2)
            .values(xform=xform(NESTED), md5="nested-of-api-tests")
        )
    assert door.post(nested(A)).status_code == 201
    assert door.post(nested(B)).status_code == 201
    return signed_in(door, "city")


def table(program: Program, name: str = "Submissions", svc: str = SVC, **options: Any) -> Any:
    query = urlencode({f"${key}": value for key, value in options.items()})
    answer = program.get(f"{svc}/{name}?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["OData-Version"] == "4.0"
    return answer.get_json()


def pages(program: Program, found: Any) -> Iterator[Any]:
    while True:
        yield found
        if "@odata.nextLink" not in found:
            return
        link = urlsplit(found["@odata.nextLink"])
        assert link.scheme == "http"
        answer = program.get(f"{link.path}?{link.query}".removeprefix("/v1"))
        assert answer.status_code == 200, answer.text
        found = answer.get_json()


def send(door: Door, *names: str) -> None:
    for name in names:
        assert door.post(instance(name)).status_code == 201


# ------------------------------------------------------------------ documents
def test_b105_the_service_names_each_repeat(families: Program) -> None:
    found = families.json("/projects/1/forms/nested.svc")
    assert found["@odata.context"] == "http://localhost/v1/projects/1/forms/nested.svc/$metadata"
    assert {"name": CHILDREN, "kind": "EntitySet", "url": CHILDREN} in found["value"]
    answer = families.get("/projects/1/forms/nested.svc/$metadata")
    assert answer.mimetype == "application/xml"
    assert etree.fromstring(answer.data).get("Version") == "4.0"


def test_a_row_has_everything_the_server_knows(city: Program) -> None:
    city.door.post(instance(A, photo="p.jpg"), path="/submission?deviceID=collect%3Aa")
    work(city.door)
    found = table(city)
    assert found["@odata.context"].endswith("trees.svc/$metadata#Submissions")
    assert found["value"] == [
        {
            "__id": A,
            "__system": {
                "submissionDate": "2026-01-20T03:00:00.000Z",
                "updatedAt": None,
                "deletedAt": None,
                "submitterId": "1",
                "submitterName": "Lan",
                "attachmentsPresent": 0,
                "attachmentsExpected": 1,
                "status": None,
                "reviewState": None,
                "deviceId": "collect:a",
                "edits": 0,
                "formVersion": "1",
            },
            "sp": "sồi",
            "photo": "p.jpg",
            "meta": {"instanceID": A},
        }
    ]


def test_a_submission_stands_under_its_first_id_whatever_the_edits(city: Program) -> None:
    send(city.door, A)
    city.door.post(instance(B, "lim", replaces=A))
    (row,) = table(city)["value"]
    assert (row["__id"], row["meta"]["instanceID"], row["sp"]) == (A, B, "lim")
    assert row["__system"]["edits"] == 1
    assert row["__system"]["updatedAt"] is not None


# ------------------------------------------------------------------ pages
def test_b104_following_the_links_gives_each_row_once(city: Program) -> None:
    names = [f"uuid:{n}" for n in range(5)]
    send(city.door, *names)
    found = table(city, top=2, count="true")
    assert len(found["value"]) == 2
    assert found["@odata.count"] == 5
    seen = []
    for page in pages(city, found):
        assert page["@odata.count"] >= 5
        seen += [row["__id"] for row in page["value"]]
        send(city.door, f"later-{len(seen)}")  # what comes meanwhile moves nothing
    assert seen == names[::-1]


def test_b104_the_links_of_a_repeat_give_each_row_once_and_outlive_a_deletion(
    families: Program,
) -> None:
    svc = "/projects/1/forms/nested.svc"
    found = table(families, CHILDREN, svc, top=1, count="true")
    assert found["@odata.count"] == 4
    seen = [found["value"][0]["__id"]]
    door = families.door
    with door.database.write() as db:
        s = tables.submissions
        db.execute(s.update().where(s.c.instance_id == B).values(deleted_at=door.clock()))
    for page in list(pages(families, found))[1:]:
        seen += [row["__id"] for row in page["value"]]
    assert len(seen) == len(set(seen)) == 3


def test_without_a_top_there_is_no_link_and_a_top_of_nothing_ends_too(city: Program) -> None:
    send(city.door, A, B, C)
    assert "@odata.nextLink" not in table(city)
    assert table(city, top=0, count="true") == {
        "value": [],
        "@odata.context": "http://localhost/v1/projects/1/forms/trees.svc/$metadata#Submissions",
        "@odata.count": 3,
    }
    assert "@odata.nextLink" not in table(city, top=3)
    assert [row["__id"] for row in table(city, skip=1, top=1)["value"]] == [B]
    assert [row["__id"] for row in table(city, skip=2)["value"]] == [A]


def test_a_link_of_centrals_own_form_is_understood(city: Program) -> None:
    send(city.door, A, B)
    token = (
        "01eyJpbnN0YW5jZUlkIjoi" + "dXVpZDpiYmJiYmJiYi0xMTExLTQxMTEtODExMS0xMTExMTExMTExMTEifQ=="
    )
    assert [row["__id"] for row in table(city, skiptoken=token)["value"]] == [A]


@pytest.mark.parametrize(
    "token", ["", "01", "01xx", "02e30=", "01e30=", "01W10=", "01eyJpZCI6LTF9"]
)
def test_a_token_that_cannot_be_read_is_400(city: Program, token: str) -> None:
    city.refused(city.get(f"{SVC}/Submissions?{urlencode({'$skiptoken': token})}"), 400.34)


# ------------------------------------------------------------------ options
def test_b107_booleans_are_lower_case_or_not(families: Program) -> None:
    for word in ("true", "True", "false"):
        assert ("@odata.count" in table(families, count=word, wkt=word)) is (word != "false")


def test_repeats_are_expanded_selected_and_reached_by_address(families: Program) -> None:
    svc = "/projects/1/forms/nested.svc"
    whole = table(families, svc=svc, expand="*")["value"][0]
    child = whole["children"]["child"][0]
    assert [toy["what"] for toy in child["toy"]] == ["ball", "kite"]
    assert table(families, svc=svc, select="__id,children")["value"][0].keys() == {
        "__id",
        "children",
    }
    link = table(families, svc=svc)["value"][0]["children"]["child@odata.navigationLink"]
    below = table(families, link, svc)
    assert [row["name"] for row in below["value"]] == ["An", "Bình"]
    assert below["@odata.context"].endswith(f"#{CHILDREN}")
    toys = table(families, below["value"][0]["toy@odata.navigationLink"], svc)
    assert [row["what"] for row in toys["value"]] == ["ball", "kite"]
    assert table(families, below["value"][1]["toy@odata.navigationLink"], svc)["value"] == []
    assert table(families, f"Submissions('{A}')", svc)["__id"] == A
    assert table(families, f"{link}('{child['__id']}')", svc)["name"] == "An"


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("__system/submissionDate gt 2026-01-01T00:00:00Z", [C, B, A]),
        ("__system/submissionDate lt 2026-01-01", []),
        ("__system/submissionDate gt 2026-01-20T03:00:00.000Z", []),
        ("__system/submissionDate eq 2026-01-20T03:00:00.000Z", [C, B, A]),
        ("__system/submissionDate ge 2026-01-20T03:00:00.0001Z", []),
        ("year(__system/submissionDate) eq 2026 and hour(__system/submissionDate) eq 3", [C, B, A]),
        ("month(__system/submissionDate) ne 1", []),
        ("second(__system/submissionDate) eq 0 and day(now()) eq 20", None),
        (f"__id eq '{A}'", [A]),
        ("__system/submitterId eq '1'", [C, B, A]),
        ("__system/submitterId eq 1 or __system/submitterId eq 'nobody'", [C, B, A]),
        ("__system/submitterId ne '1'", []),
        ("__system/reviewState eq 'approved'", [B]),
        ("not (__system/reviewState eq 'approved')", [C, A]),
        ("__system/reviewState ne 'approved'", [C, A]),
        ("__system/reviewState eq null", [C, A]),
        ("__system/updatedAt eq null", [C, B, A]),
        ("__system/deletedAt ne null", ["gone"]),
        (f"(__id eq '{A}' or __id eq '{B}') and not (__id eq '{B}')", [A]),
    ],
)
def test_b106_conditions_choose_rows(
    city: Program, condition: str, names: list[str] | None
) -> None:
    send(city.door, A, B, C, "gone")
    with city.door.database.write() as db:
        s = tables.submissions
        db.execute(s.update().where(s.c.instance_id == B).values(review_state="approved"))
        db.execute(s.update().where(s.c.instance_id == "gone").values(deleted_at=city.door.clock()))
    names = [C, B, A] if names is None else names
    found = table(city, filter=condition, count="true")
    assert [row["__id"] for row in found["value"]] == names
    assert found["@odata.count"] == len(names)


def test_times_are_compared_as_they_are_shown(city: Program) -> None:
    """Kept finer than shown: asking for later than the last one shown must not give it again."""
    city.door.clock.time = city.door.clock.time.replace(microsecond=123_456)
    send(city.door, A)
    shown = table(city)["value"][0]["__system"]["submissionDate"]
    assert shown.endswith(".123Z")
    for operator, there in (("gt", 0), ("ge", 1), ("eq", 1), ("le", 1), ("lt", 0), ("ne", 0)):
        found = table(city, filter=f"__system/submissionDate {operator} {shown}")
        assert len(found["value"]) == there, operator


def test_repeats_are_chosen_by_their_form(families: Program) -> None:
    svc = "/projects/1/forms/nested.svc"
    condition = f"$root/Submissions/__id eq '{A}'"
    found = table(families, CHILDREN, svc, filter=condition)["value"]
    assert {row["__Submissions-id"] for row in found} == {A}


def test_rows_are_ordered_as_asked(city: Program) -> None:
    send(city.door, B, C, A)
    found = table(city, orderby="__id desc", top=2)
    assert [row["__id"] for row in found["value"]] == [C, B]
    assert "@odata.nextLink" not in found


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"$filter": "age gt 3"}, 501.5),
        ({"$filter": "length(__id) gt 3"}, 501.4),
        ({"$filter": "__id gt"}, 400.18),
        ({"$filter": "__id eq 3"}, 400.18),
        ({"$filter": "__system/submissionDate gt 'soon'"}, 400.18),
        ({"$filter": "year(__id) eq 3"}, 400.18),
        ({"deviceID": "x"}, 501.1),
        ({"$search": "x"}, 501.1),
        ({"$orderby": "__id", "$skiptoken": "01e30="}, 501.1),
        ({"$expand": "tree"}, 501.1),
        ({"$top": "many"}, 400.8),
        ({"$count": "perhaps"}, 400.8),
        ({"$select": "nothing"}, 400.8),
        ({"$format": "application/xml"}, 406.1),
    ],
)
def test_b106_what_is_not_understood_has_its_number(
    city: Program, query: dict[str, str], code: float
) -> None:
    city.refused(city.get(f"{SVC}/Submissions?{urlencode(query)}"), code)


@pytest.mark.parametrize(
    "path",
    [
        "Nothing",
        "Submissions.none",
        "Submissions('x')",
        f"Submissions('{A}')/none",
        "Submissions('",
    ],
)
def test_an_address_that_names_nothing_is_404(city: Program, path: str) -> None:
    send(city.door, A)
    city.refused(city.get(f"{SVC}/{path}"), 404.1)


def test_an_older_version_of_odata_is_404_and_json_of_metadata_406(city: Program) -> None:
    city.refused(city.get(f"{SVC}/Submissions", headers={"OData-MaxVersion": "3.0"}), 404.1)
    city.refused(city.get(f"{SVC}/$metadata?$format=json"), 406.1)
    for accept in ("application/json;odata.metadata=minimal,*/*", "application/xml", ""):
        assert city.get(f"{SVC}/Submissions", headers={"Accept": accept}).status_code == 200


def test_a_link_written_at_the_end_of_a_large_answer_is_whole(city: Program) -> None:
    for number in range(4):
        city.door.post(instance(f"uuid:{number}", "x" * 40_000))
    found = table(city, top=3)
    assert [row["__id"] for page in pages(city, found) for row in page["value"]] == [
        f"uuid:{number}" for number in (3, 2, 1, 0)
    ]


# ------------------------------------------------------------------ who
def test_b112_a_phone_and_who_is_not_named_read_no_table(door: Door) -> None:
    for role in ("volunteer", "admin"):
        program = signed_in(door, role)
        for path in ("", "/$metadata", "/Submissions"):
            program.refused(program.get(SVC + path), 403.1)


def test_a_chair_reads_her_club_without_what_is_withheld(visits: Door) -> None:
    chair = of_club(visits, "chair")
    (row,) = table(chair, svc="/projects/1/forms/care_visit.svc", count="true")["value"]
    assert (row["__id"], row["club"], row["visit_date"]) == (A, CLUB, "2026-01-10")
    assert (row["sys"], row["red"], row["meta"]["instanceName"]) == (None, None, None)
    health = of_club(visits, "health")
    (row,) = table(health, svc="/projects/1/forms/care_visit.svc")["value"]
    assert (row["sys"], row["red"]) == (150, "abuse")
