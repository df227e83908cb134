"""Submissions over the JSON API: read by who may, sent, edited and judged by programs."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import quote
from zipfile import ZipFile

import pytest

from sync import accounts, definitions, drafts, process, tables
from tests.conftest import NOW
from tests.server.api import Program, signed_in
from tests.server.conftest import TOKEN, A, B, C, Door, instance

LIST = "/projects/1/forms/trees/submissions"
XML = {"Content-Type": "application/xml"}


@pytest.fixture
def city(door: Door) -> Program:
    """Who reads forms from elsewhere."""
    return signed_in(door, "city")


def work(door: Door) -> None:
    """Process all there is."""
    v = tables.submission_versions.c.id
    ids = [row[0] for row in door.rows(v)]
    with door.database.read() as db:
        prepared = process.prepare(db, door.runtime.library, ids, NOW)
    with door.database.write() as db:
        process.store(db, door.runtime.library, prepared, NOW)


# ------------------------------------------------------------------ sending
@pytest.mark.parametrize("kind", ["application/xml", "text/xml", "text/xml; charset=utf-8"])
def test_b103_a_document_is_kept_and_answered_with_its_id(city: Program, kind: str) -> None:
    answer = city.post(f"{LIST}?deviceID=web", data=instance(), headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    assert found["instanceId"] == A
    assert found["deviceId"] == "web"
    assert city.door.count(tables.submissions) == 1
    assert city.door.runtime.jobs.wakes == 1  # type: ignore[attr-defined]


def test_b103_what_is_here_already_is_409_and_nothing_is_lost(city: Program) -> None:
    assert city.post(LIST, data=instance(), headers=XML).status_code == 200
    city.refused(city.post(LIST, data=instance(), headers=XML), 409.3)
    assert city.door.count(tables.submission_versions) == 1
    city.refused(city.post(LIST, data=instance(A, "other"), headers=XML), 409.3)
    assert city.door.count(tables.submission_versions) == 2
    assert city.door.flags() == ["different_content"]


def test_what_is_no_document_of_this_form_is_400(city: Program) -> None:
    city.door.add_form("shrubs")
    for body in (b"not xml", b"", instance(form_id="shrubs")):
        assert city.post(LIST, data=body, headers=XML).status_code == 400
    answer = city.post(LIST.replace("trees", "none"), data=instance(form_id="none"), headers=XML)
    assert answer.status_code == 404
    assert city.door.count(tables.submissions) == 0


def test_c140_two_forms_may_hold_the_same_id(city: Program) -> None:
    city.door.add_form("shrubs")
    assert city.post(LIST, data=instance(), headers=XML).status_code == 200
    other = LIST.replace("trees", "shrubs")
    assert city.post(other, data=instance(form_id="shrubs"), headers=XML).status_code == 200
    assert [one["instanceId"] for one in city.json(other)] == [A]


def test_c137_an_id_of_any_shape_is_taken_and_found(city: Program) -> None:
    for name in ("plain-id", "uuid:ABC", "2026 – số 1"):
        assert city.post(LIST, data=instance(name), headers=XML).status_code == 200
        assert city.json(f"{LIST}/{name}")["instanceId"] == name


def test_b112_b114_a_link_or_phone_sends_and_brings_files_but_reads_nothing(door: Door) -> None:
    phone = Program(door, base=f"/v1/key/{TOKEN}")
    sent = phone.post(LIST, data=instance(photo="cây.jpg"), headers={"Content-Type": "text/xml"})
    assert sent.status_code == 200
    brought = phone.post(f"{LIST}/{A}/attachments/cây.jpg", data=b"jpg")
    assert brought.status_code == 200
    assert brought.get_json() == {"success": True}
    phone.refused(phone.post(f"{LIST}/{A}/attachments/other.jpg", data=b"jpg"), 404.1)
    for path in ("", f"/{A}", f"/{A}/attachments", "/keys", "/submitters"):
        phone.refused(phone.get(LIST + path), 403.1)
    for path in (f"/{A}.xml", f"/{A}/attachments/cây.jpg"):  # the phones' door has such paths too
        assert phone.get(LIST + path).status_code in (403, 404)


def test_a_phone_brings_files_only_to_what_it_sent(door: Door) -> None:
    with door.database.write() as db:
        accounts.add_app_user(db, "Hoa", "city", None, None, "h" * 64, NOW)
    lan, hoa = Program(door, base=f"/v1/key/{TOKEN}"), Program(door, base=f"/v1/key/{'h' * 64}")
    assert lan.post(LIST, data=instance(photo="a.jpg"), headers=XML).status_code == 200
    hoa.refused(hoa.post(f"{LIST}/{A}/attachments/a.jpg", data=b"x"), 403.1)
    assert door.count(tables.attachments) == 0


# ------------------------------------------------------------------ reading
def test_the_list_is_newest_first_with_every_key_central_has(city: Program) -> None:
    for name in (A, B):
        city.post(f"{LIST}?deviceID=d", data=instance(name), headers={**XML, "User-Agent": "x"})
    found = city.json(LIST)
    assert [one["instanceId"] for one in found] == [B, A]
    assert list(found[0]) == [
        *("instanceId", "submitterId", "deviceId", "userAgent", "reviewState"),
        *("createdAt", "updatedAt", "deletedAt", "currentVersion"),
    ]
    assert isinstance(found[0]["submitterId"], int)
    assert found[0]["createdAt"] == "2026-01-20T03:00:00.000Z"
    assert found[0]["currentVersion"] == {
        "instanceId": B,
        "instanceName": None,
        "submitterId": found[0]["submitterId"],
        "deviceId": "d",
        "userAgent": "x",
        "createdAt": "2026-01-20T03:00:00.000Z",
        "current": True,
    }
    assert [one["instanceId"] for one in city.json(f"{LIST}?limit=1&offset=1")] == [A]
    assert [one["instanceId"] for one in city.json(f"{LIST}?limit=1&after={B}")] == [A]
    assert city.json(f"{LIST}?after={A}") == []
    city.refused(city.get(f"{LIST}?after=uuid:none"), 400.34)
    whole = city.json(LIST, headers={"X-Extended-Metadata": "true"})
    assert whole[0]["submitter"]["displayName"] == "city@example.vn"
    assert whole[0]["formVersion"] == "1"
    assert city.json(f"{LIST}/submitters")[0]["type"] == "user"


def test_an_empty_list_is_a_list(city: Program) -> None:
    assert city.json(LIST) == []


@pytest.mark.parametrize("name", ["uuid%3A", "uuid:"])
def test_b98_an_id_is_found_encoded_or_plain(city: Program, name: str) -> None:
    city.post(LIST, data=instance(), headers=XML)
    path = f"{LIST}/{A.replace('uuid:', name)}"
    assert city.json(path)["instanceId"] == A
    assert city.get(f"{path}.xml").data == instance()


@pytest.mark.parametrize("accept", ["application/xml", "application/json", "*/*", "text/html"])
def test_b108_whatever_is_accepted_the_answer_is_json(city: Program, accept: str) -> None:
    assert city.json(LIST, headers={"Accept": accept}) == []


def test_b109_no_keys_are_an_empty_list(city: Program) -> None:
    assert city.json(f"{LIST}/keys") == []


def test_what_is_not_here_is_404(city: Program) -> None:
    for path in (
        f"{LIST}/{C}",
        f"{LIST}/{C}.xml",
        f"{LIST}/{C}/versions",
        "/projects/1/forms/x/submissions",
    ):
        assert city.get(path).status_code in (403, 404)
    city.refused(city.get(f"{LIST}/{C}"), 404.1)


def test_what_is_said_is_kept_with_its_review_and_heard_by_who_reads_as_much(visits: Door) -> None:
    health, chair = of_club(visits, "health"), of_club(visits, "chair")
    one = f"{VISITS}/{A}"
    health.refused(health.post(f"{one}/comments", json={"body": " "}), 400.8)
    said = health.post(f"{one}/comments", json={"body": "Hỏi lại bác"}).get_json()
    assert said["body"] == "Hỏi lại bác"
    why = {"X-Action-Notes": quote("Sai ngày")}
    health.patch(one, json={"reviewState": "hasIssues"}, headers=why)
    health.patch(one, json={"reviewState": "approved"})
    assert [each["body"] for each in health.json(f"{one}/comments")] == ["Sai ngày", "Hỏi lại bác"]
    assert {each["actorId"] for each in health.json(f"{one}/comments")} == {said["actorId"]}
    assert chair.json(f"{one}/comments") == of_club(visits, "commune").json(f"{one}/comments") == []
    chair.refused(chair.post(f"{one}/comments", json={"body": "a"}), 403.1)


@pytest.mark.parametrize("role", ["chair", "volunteer", "health", "admin", "commune"])
def test_a_form_from_elsewhere_is_read_by_the_city_only(door: Door, role: str) -> None:
    program = signed_in(door, role)
    for path in ("", f"/{A}", "/keys", "/submitters", f"/{A}/audits", f"/{A}/comments"):
        program.refused(program.get(LIST + path), 403.1)


def test_c128_head_and_c130_etag_of_the_document(city: Program) -> None:
    city.post(LIST, data=instance(), headers=XML)
    assert city.call("HEAD", LIST).status_code == 200
    first = city.get(f"{LIST}/{A}.xml")
    again = city.get(f"{LIST}/{A}.xml", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


# ------------------------------------------------------------------ edits
def edit(name: str = B, of: str = A, answer: str = "lim") -> bytes:
    return instance(name, answer, replaces=of)


def test_c124_an_edit_takes_the_place_and_the_state_is_edited(city: Program) -> None:
    city.post(LIST, data=instance(), headers=XML)
    city.patch(f"{LIST}/{A}", json={"reviewState": "approved"})
    answer = city.put(f"{LIST}/{A}", data=edit(), headers=XML)
    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    assert (found["instanceId"], found["currentVersion"]["instanceId"]) == (A, B)
    assert found["reviewState"] == "edited"
    assert found["updatedAt"] is not None
    assert city.get(f"{LIST}/{A}.xml").data == edit()
    assert [one["instanceId"] for one in city.json(f"{LIST}/{A}/versions")] == [B, A]
    assert city.get(f"{LIST}/{A}/versions/{A}.xml").data == instance()
    assert city.json(f"{LIST}/{A}/versions/{A}")["current"] is False
    city.refused(city.get(f"{LIST}/{A}/versions/{C}"), 404.1)
    told = city.json(f"{LIST}/{A}/audits")
    assert [(one["action"], one["details"]) for one in told] == [  # all in one moment
        ("submission.review", {"state": "approved"}),
        ("submission.update.version", {"instanceId": B}),
        ("submission.create", {"instanceId": A}),
    ]
    assert len({one["actorId"] for one in told}) == 1


def test_what_an_edit_changed_is_told_by_answer(city: Program) -> None:
    city.post(LIST, data=instance(), headers=XML)
    assert city.json(f"{LIST}/{A}/diffs") == {}
    city.put(f"{LIST}/{A}", data=edit(), headers=XML)
    assert city.json(f"{LIST}/{A}/diffs") == {B: [{"old": "sồi", "new": "lim", "path": ["sp"]}]}


def test_c125_what_is_deleted_stays_deleted_until_it_is_restored(city: Program) -> None:
    city.post(LIST, data=instance(), headers=XML)
    assert city.delete(f"{LIST}/{A}").get_json() == {"success": True}
    assert city.json(LIST) == []
    city.refused(city.get(f"{LIST}/{A}"), 404.1)
    city.refused(city.post(LIST, data=instance(), headers=XML), 409.3)
    assert [one["instanceId"] for one in city.json(f"{LIST}?deleted=True")] == [A]
    assert city.post(f"{LIST}/{A}/restore").status_code == 200
    assert len(city.json(LIST)) == 1


def test_an_edit_that_comes_twice_is_one(city: Program) -> None:
    city.post(LIST, data=instance(), headers=XML)
    for _ in range(2):
        assert city.put(f"{LIST}/{A}", data=edit(), headers=XML).status_code == 200
    assert city.door.count(tables.submission_versions) == 2


def test_an_edit_names_what_counts_now(city: Program) -> None:
    city.post(LIST, data=instance(), headers=XML)
    for body in (instance(C), edit(C, of=B)):
        city.refused(city.put(f"{LIST}/{A}", data=body, headers=XML), 400.19)
    city.put(f"{LIST}/{A}", data=edit(), headers=XML)
    city.refused(city.put(f"{LIST}/{A}", data=edit(C, of=A), headers=XML), 400.19)
    assert city.put(f"{LIST}/{A}", data=edit(C, of=B), headers=XML).status_code == 200
    assert city.door.count(tables.submission_versions) == 3


# ------------------------------------------------------------------ judging
def test_what_is_rejected_is_held_back_and_can_be_taken_back(city: Program) -> None:
    city.post(LIST, data=instance(), headers=XML)
    work(city.door)
    for state in ("rejected", "hasIssues", "approved", None):
        answer = city.patch(f"{LIST}/{A}", json={"reviewState": state})
        assert answer.status_code == 200, answer.text
        assert answer.get_json()["reviewState"] == state
        work(city.door)
        held = city.door.rows(tables.records.c.held_back)
        assert [row[0] for row in held] == [state == "rejected"]


def test_a_review_is_one_of_three_words(city: Program) -> None:
    city.post(LIST, data=instance(), headers=XML)
    city.refused(city.patch(f"{LIST}/{A}", json={"reviewState": "edited"}), 400.11)
    city.refused(city.patch(f"{LIST}/{A}", json={}), 400.3)
    city.refused(city.patch(f"{LIST}/{C}", json={"reviewState": None}), 404.1)


# ------------------------------------------------------------------ files
def test_b99_a_file_may_come_in_chunks(city: Program) -> None:
    city.post(LIST, data=instance(photo="a.bin"), headers=XML)
    answer = city.post(
        f"{LIST}/{A}/attachments/a.bin",
        input_stream=BytesIO(b"x" * 100_000),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == 200, answer.text
    got = city.get(f"{LIST}/{A}/attachments/a.bin")
    assert got.data == b"x" * 100_000
    assert "attachment" in got.headers["Content-Disposition"]


def test_files_are_listed_as_named_here_or_not(city: Program) -> None:
    city.post(LIST, data=instance(photo="ảnh.bin"), headers=XML)
    assert city.json(f"{LIST}/{A}/attachments") == [{"name": "ảnh.bin", "exists": False}]
    city.refused(city.get(f"{LIST}/{A}/attachments/ảnh.bin"), 404.1)
    city.post(f"{LIST}/{A}/attachments/ảnh.bin", data=b"1")
    work(city.door)
    assert city.json(f"{LIST}/{A}/attachments") == [{"name": "ảnh.bin", "exists": True}]
    assert city.get(f"{LIST}/{A}/attachments/ảnh.bin").data == b"1"


# ------------------------------------------------------------------ drafts
def try_out(admin: Program, form_id: str, sent: bytes) -> str:
    """Begin a draft and send something to it; where that is read."""
    draft, token = f"/projects/1/forms/{form_id}/draft", "d" * 64
    assert admin.post(draft).status_code == 200
    with admin.door.database.write() as db:
        library, nowhere = admin.door.runtime.library, (None, None)
        drafts.let_in(db, library, form_id, None, nowhere, token, NOW, "user:1")
    phone = admin.door.at(f"/v1/test/{token}{draft}")
    assert phone.post(sent, {"p.bin": b"p"}).status_code == 201
    return f"{draft}/submissions"


def test_try_outs_are_read_by_who_manages_forms_and_stand_in_no_list(city: Program) -> None:
    admin, chair = signed_in(city.door), signed_in(city.door, "chair")
    path = try_out(admin, "trees", instance())
    for program in (admin, city):
        assert [one["instanceId"] for one in program.json(f"{path}?limit=1")] == [A]
        assert program.json(f"{path}/{A}")["currentVersion"]["current"] is True
        assert program.get(f"{path}/{A}.xml").data == instance()
    assert admin.json(f"{path}/{A}/attachments") == [{"name": "p.bin", "exists": True}]
    assert admin.get(f"{path}/{A}/attachments/p.bin").data == b"p"
    assert "sồi" in admin.get(f"{path}.csv").text
    with ZipFile(BytesIO(admin.get(f"{path}.csv.zip").data)) as pack:
        assert set(pack.namelist()) >= {"trees.csv"}
    chair.refused(chair.get(path), 403.1)
    admin.refused(admin.get(f"{path}/{B}"), 404.1)
    assert city.json(LIST) == []
    admin.delete(path.removesuffix("/submissions"))
    admin.refused(admin.get(path), 404.1)


def test_try_outs_that_may_name_people_are_for_who_reads_all_of_the_form(door: Door) -> None:
    admin, city = signed_in(door), signed_in(door, "city")
    path = try_out(admin, "trees", instance())
    with door.database.write() as db:
        made = {"filename": "people.csv", "list_name": "people"}
        made["form_version_id"] = definitions.get_draft(db, "trees").version_id
        db.execute(tables.form_attachments.insert().values(made))
    admin.refused(admin.get(path), 403.1)
    assert len(city.json(path)) == 1


# ------------------------------------------------------------------ scope
CHECK = (
    '<data id="care_visit" version="1"><club>{club}</club><sys>150</sys><red>abuse</red>'
    "<photo>p.bin</photo><visit_date>2026-01-10</visit_date>"
    "<meta><instanceID>{name}</instanceID><instanceName>abuse</instanceName></meta></data>"
)
VISIT = """<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml">
<h:head><h:title>Thăm</h:title><model><instance><data id="care_visit" version="1"><club/><sys/>
<red/><red_photo/><photo/><visit_date/><meta><instanceID/><instanceName/><audit/></meta></data>
</instance><bind nodeset="/data/sys" type="int"/><bind nodeset="/data/photo" type="binary"/>
</model></h:head><h:body/></h:html>"""
CLUB, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
VISITS = "/projects/1/forms/care_visit/submissions"


@pytest.fixture
def visits(door: Door) -> Door:
    """One visit in each of two clubs."""
    door.add_form("care_visit")
    with door.database.write() as db:
        db.execute(
            tables.form_versions.update()
            .where(tables.form_versions.c.id == 2)
            .values(xform=VISIT.encode(), md5="visit-of-api-tests")
        )
    for club, name in ((CLUB, A), (OTHER, B)):
        answer = door.post(CHECK.format(club=club, name=name).encode(), {"p.bin": b"p"})
        assert answer.status_code == 201
    work(door)
    return door


def of_club(door: Door, role: str) -> Program:
    program = signed_in(door, role)
    with door.database.write() as db:
        users = tables.users
        db.execute(users.update().where(users.c.role == role).values(club_id=CLUB))
    return program


def test_who_reads_a_club_brings_back_what_was_deleted_from_it(visits: Door) -> None:
    health = of_club(visits, "health")
    assert health.delete(f"{VISITS}/{A}").status_code == 200
    health.refused(health.delete(f"{VISITS}/{B}"), 404.1)
    work(visits)
    assert health.json(VISITS) == []
    assert [one["instanceId"] for one in health.json(f"{VISITS}?deleted=true")] == [A]
    assert health.post(f"{VISITS}/{A}/restore").status_code == 200
    work(visits)
    assert [one["instanceId"] for one in health.json(VISITS)] == [A]


def test_a_chair_sees_the_visits_of_her_club_and_no_whole_document(visits: Door) -> None:
    chair = of_club(visits, "chair")
    found = chair.json(VISITS)
    assert [one["instanceId"] for one in found] == [A]
    assert found[0]["currentVersion"]["instanceName"] is None
    chair.refused(chair.get(f"{VISITS}/{B}"), 404.1)
    chair.refused(chair.get(f"{VISITS}/{A}.xml"), 403.1)
    chair.refused(chair.get(f"{VISITS}/{A}/versions/{A}.xml"), 403.1)
    assert chair.json(f"{VISITS}/{A}/versions")[0]["instanceName"] is None
    assert chair.get(f"{VISITS}/{A}/attachments/p.bin").data == b"p"
    chair.refused(chair.get(f"{VISITS}/{A}/attachments/audit.csv"), 403.1)
    chair.refused(chair.patch(f"{VISITS}/{A}", json={"reviewState": "approved"}), 403.1)
    chair.refused(chair.put(f"{VISITS}/{A}", data=CHECK.encode(), headers=XML), 403.1)


def test_a_health_worker_sees_whole_documents_of_her_clubs_only(visits: Door) -> None:
    health = of_club(visits, "health")
    assert [one["instanceId"] for one in health.json(VISITS)] == [A]
    assert b"<red>abuse</red>" in health.get(f"{VISITS}/{A}.xml").data
    health.refused(health.get(f"{VISITS}/{B}.xml"), 404.1)
    answer = health.patch(f"{VISITS}/{A}", json={"reviewState": "approved"})
    assert answer.status_code == 200
    health.refused(health.patch(f"{VISITS}/{B}", json={"reviewState": "approved"}), 404.1)


def test_who_is_not_named_reads_nothing(visits: Door) -> None:
    for role in ("city", "volunteer", "treasurer", "admin"):
        program = signed_in(visits, role)
        program.refused(program.get(VISITS), 403.1)


def test_what_is_counted_is_what_may_be_read(visits: Door) -> None:
    """`X-Extended-Metadata` counts: not those of other clubs, and none for who fills in only."""
    longer = {"X-Extended-Metadata": "true"}

    def counted(program: Program) -> tuple[int, str | None, int]:
        found = program.json("/projects/1/forms/care_visit", headers=longer)
        listed = program.json("/projects/1/forms", headers=longer)
        assert found in listed
        return found["submissions"], found["lastSubmission"], found["reviewStates"]["received"]

    for role in ("chair", "health"):
        number, last, received = counted(of_club(visits, role))
        assert (number, received) == (1, 1)
        assert last is not None
    phone = Program(visits, base=f"/v1/key/{'m' * 64}")
    with visits.database.write() as db:
        accounts.add_app_user(db, "Minh", "volunteer", None, CLUB, "m" * 64, NOW)
    assert counted(phone) == counted(of_club(visits, "volunteer")) == (0, None, 0)
    assert counted(signed_in(visits, "admin"))[0] == 2


def test_whoever_sent_a_document_sees_at_once_which_files_it_names(visits: Door) -> None:
    """pyODK asks before it brings them; nothing was filed under a club yet, and some never read."""
    mine = CHECK.format(club=OTHER, name=C).encode()
    chair, health = of_club(visits, "chair"), of_club(visits, "health")
    for program, name in ((chair, C), (signed_in(visits, "volunteer"), "uuid:own")):
        document = mine.replace(C.encode(), name.encode())
        assert program.post(VISITS, data=document, headers=XML).status_code == 200
        files = f"{VISITS}/{name}/attachments"
        assert program.json(files) == [{"name": "p.bin", "exists": False}]
        assert program.post(f"{files}/p.bin", data=b"p").status_code == 200
        assert program.json(files) == [{"name": "p.bin", "exists": True}]
        health.refused(health.get(files), 404.1)
    treasurer = of_club(visits, "treasurer")
    for name in (B, "uuid:none"):  # who reads nothing learns nothing of what is here
        for method, path in (("GET", ""), ("GET", "/attachments"), ("POST", "/attachments/p.bin")):
            treasurer.refused(treasurer.call(method, f"{VISITS}/{name}{path}", data=b""), 403.1)


def test_who_reads_a_form_has_its_document_without_filling_it_in(visits: Door) -> None:
    visits.add_attachment("care_visit", "guide.jpg", b"jpg")
    health, office = of_club(visits, "health"), signed_in(visits, "standing_office")
    form = "/projects/1/forms/care_visit"
    assert health.get(f"{form}.xml").data == VISIT.encode()
    assert health.get(f"{form}/attachments/guide.jpg").data == b"jpg"
    for path in (".xml", "/attachments/guide.jpg"):
        office.refused(office.get(form + path), 404.1)


def test_whoever_sent_a_document_corrects_it_at_once(visits: Door) -> None:
    """Before it was filed under a club, and also who does not see every answer of others."""
    commune = of_club(visits, "commune")
    mine = CHECK.format(club=CLUB, name=C)
    assert commune.post(VISITS, data=mine.encode(), headers=XML).status_code == 200
    named = f"<instanceID>{C}</instanceID>"
    edit = mine.replace(named, f"<instanceID>uuid:e</instanceID><deprecatedID>{C}</deprecatedID>")
    answer = commune.put(f"{VISITS}/{C}", data=edit.encode(), headers=XML)
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["currentVersion"]["instanceId"] == "uuid:e"
    others = edit.replace(C, A)
    commune.refused(commune.put(f"{VISITS}/{A}", data=others.encode(), headers=XML), 403.1)
