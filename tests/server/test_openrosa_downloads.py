"""Getting forms: list, form, manifest, files, entity lists (protocol §11 A 1–20 and 28–46)."""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
from dataclasses import replace
from io import StringIO
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import sqlalchemy as sa
from lxml import etree
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from forms.library import Download, ListRule
from server.app import create_app
from sync import accounts, catalogue, slices, tables
from tests.conftest import NOW
from tests.server.conftest import TOKEN, Door, message

LIST_NAMESPACE = "{http://openrosa.org/xforms/xformsList}"
MANIFEST_NAMESPACE = "{http://openrosa.org/xforms/xformsManifest}"
HALF_TOKEN = "v" * 64  # of a volunteer who may see one club
ID_1, ID_2, ID_3 = (f"{n * 8}-1111-4111-8111-111111111111" for n in "123")


def ok_xml(answer: TestResponse) -> etree._Element:
    """What Collect demands of a list or manifest: 200, text/xml, the version header."""
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert answer.headers["X-OpenRosa-Version"] == "1.0"
    return etree.fromstring(answer.data)


def listed(door: Door, query: str = "") -> list[dict[str, str]]:
    root = ok_xml(door.get(f"/formList{query}"))
    assert root.tag == LIST_NAMESPACE + "xforms"
    return [_children(form, LIST_NAMESPACE) for form in root]


def manifest(door: Door, form_id: str = "trees") -> list[dict[str, str]]:
    (form,) = (form for form in listed(door) if form["formID"] == form_id)
    root = ok_xml(door.get(form["manifestUrl"]))
    assert root.tag == MANIFEST_NAMESPACE + "manifest"
    return [
        {**_children(entry, MANIFEST_NAMESPACE), "type": entry.get("type", "")} for entry in root
    ]


def _children(node: etree._Element, namespace: str) -> dict[str, str]:
    assert all(child.tag.startswith(namespace) for child in node)
    return {child.tag.removeprefix(namespace): child.text or "" for child in node}


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


# ------------------------------------------------------------------ the list


def test_a1_the_list_is_an_openrosa_document(door: Door) -> None:
    (form,) = listed(door)
    assert list(form) == ["formID", "name", "version", "hash", "downloadUrl"]


@pytest.mark.parametrize(
    "query",
    [
        "?deviceID=collect%3Aabcdefgh12345678",
        "?verbose=true&listAllVersions=true",
        "?a=1?deviceID=b",
    ],
)
def test_a2_unknown_queries_are_ignored(door: Door, query: str) -> None:
    assert listed(door, query) == listed(door)


@pytest.mark.parametrize("date", ["Fri, 02 Jan 2026 03:00:00 GMT", "nonsense", ""])
def test_a3_the_phones_date_is_not_believed(door: Door, date: str) -> None:
    assert door.get("/formList", headers={"Date": date}).status_code == 200


def test_a4_the_type_is_text_xml(door: Door) -> None:
    assert door.get("/formList").headers["Content-Type"] == "text/xml; charset=utf-8"


def test_a5_names_with_marks_and_other_letters_survive(door: Door) -> None:
    title = 'Cây <đa> & "bạn" 🌳 ảnh'
    door.add_form("a & <b>", version='1"<', title=title)
    form = next(form for form in listed(door) if form["formID"] == "a & <b>")
    assert (form["name"], form["version"]) == (title, '1"<')


def test_a6_no_forms_is_an_empty_list(door: Door) -> None:
    door.set_state("trees", "closed")
    assert listed(door) == []


def test_a7_a_list_that_cannot_be_made_is_5xx(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> Any:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(catalogue, "list_forms", gone)
    answer = door.get("/formList")
    assert answer.status_code == 503
    assert answer.headers["X-OpenRosa-Version"] == "1.0"
    assert message(answer)


@pytest.mark.parametrize("title", ["", "   "])
def test_a8_a_form_without_title_is_listed_by_its_id(door: Door, title: str) -> None:
    door.add_form("houses", title=title)
    form = next(form for form in listed(door) if form["formID"] == "houses")
    assert form["name"] == "houses"
    assert form["downloadUrl"]


@pytest.mark.parametrize("encoding", ["gzip", "identity", ""])
def test_a9_a10_the_hash_is_the_md5_of_the_bytes_served(door: Door, encoding: str) -> None:
    xform = door.add_form("big", title="Cây " * 300)
    form = next(form for form in listed(door) if form["formID"] == "big")
    assert re.fullmatch("md5:[0-9a-f]{32}", form["hash"])
    for _ in range(3):
        answer = door.get(form["downloadUrl"], headers={"Accept-Encoding": encoding})
        packed = answer.headers.get("Content-Encoding") == "gzip"
        assert packed == (encoding == "gzip")
        body = gzip.decompress(answer.data) if packed else answer.data
        assert body == xform
        assert form["hash"] == f"md5:{md5(body)}"
        assert answer.status_code == 200


def test_a11_two_phones_get_the_same_bytes(door: Door) -> None:
    second = _add_phone(door)
    bodies = [phone.get(listed(phone)[0]["downloadUrl"]).data for phone in (door, second)]
    assert bodies[0] == bodies[1]
    assert listed(door)[0]["hash"] == listed(second)[0]["hash"]


@pytest.mark.parametrize(
    "form_id", ["a b", "cây ü", "a&b=c", "100%", "a+b", "x/y", "http://x//y", "a?b#c"]
)
def test_a12_addresses_are_absolute_and_legal_for_any_form_id(door: Door, form_id: str) -> None:
    xform = door.add_form(form_id)
    door.add_attachment(form_id, "a.jpg", b"jpg")
    form = next(form for form in listed(door) if form["formID"] == form_id)
    for url in (form["downloadUrl"], form["manifestUrl"]):
        assert url.startswith(f"http://localhost/v1/key/{TOKEN}/projects/1/forms/")
        assert re.fullmatch(r"[A-Za-z0-9/:._~!$&'()*+,;=@%-]+", url)
    assert door.get(form["downloadUrl"]).data == xform
    assert door.get(manifest(door, form_id)[0]["downloadUrl"]).data == b"jpg"


def test_a12_addresses_repeat_the_host_or_the_public_one(door: Door) -> None:
    answer = door.get("/formList", base_url="https://cayda.example:8443")
    assert b"https://cayda.example:8443/v1/key/" in answer.data
    settings = replace(door.runtime.settings, public_url="https://cay-da.vn")
    public = replace(door, app=create_app(settings, replace(door.runtime, settings=settings)))
    assert listed(public)[0]["downloadUrl"].startswith("https://cay-da.vn/v1/key/")


@pytest.mark.parametrize(
    ("trusted", "seen"), [(True, "https://cayda.example/"), (False, "http://localhost/")]
)
def test_a12_a_proxys_word_counts_only_when_it_is_trusted(
    door: Door, trusted: bool, seen: str
) -> None:
    settings = replace(door.runtime.settings, trust_proxy=trusted)
    behind = replace(
        door,
        app=create_app(settings, replace(door.runtime, settings=settings)),
        headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "cayda.example"},
    )
    assert listed(behind)[0]["downloadUrl"].startswith(seen)


def test_a13_list_and_form_agree_on_id_and_version(door: Door) -> None:
    (form,) = listed(door)
    root = etree.fromstring(door.get(form["downloadUrl"]).data)
    (data,) = (node[0] for node in root.iter("{http://www.w3.org/2002/xforms}instance"))
    assert (data.get("id"), data.get("version")) == (form["formID"], form["version"])


def test_a14_a15_a_new_version_replaces_the_old_one_with_a_new_hash(door: Door) -> None:
    (before,) = listed(door)
    door.add_form(version="2")
    (after,) = listed(door)
    assert after["version"] == "2"
    assert after["hash"] != before["hash"]


@pytest.mark.parametrize("state", ["closing", "closed"])
def test_a16_a_form_that_is_not_open_is_not_listed(door: Door, state: str) -> None:
    door.add_form("houses")
    door.set_state("trees", state)
    assert [form["formID"] for form in listed(door)] == ["houses"]


@pytest.mark.parametrize("slashes", ["/", "//", "////"])
def test_a17_a_base_that_ends_in_slashes_works(door: Door, slashes: str) -> None:
    phone = door.at(door.base + slashes)
    assert phone.get("formList").status_code == 200
    assert phone.get("/formList/").status_code == 200
    assert phone.head("/submission").status_code == 204


def test_a18_five_hundred_forms_are_listed_fast(door: Door) -> None:
    xform = b"<x/>"
    with door.database.write() as db:
        for number in range(500):
            form = {"project_id": 1, "xml_form_id": f"f{number}", "title": "F", "state": "open"}
            form_id = db.execute(
                tables.forms.insert().returning(tables.forms.c.id), {**form, "created_at": NOW}
            ).scalar_one()
            version_id = db.execute(
                tables.form_versions.insert().returning(tables.form_versions.c.id),
                {
                    "form_id": form_id,
                    "version": "1",
                    "xform": xform,
                    "md5": md5(xform),
                    "source_kind": "xml",
                    "published_at": NOW,
                },
            ).scalar_one()
            db.execute(
                tables.forms.update()
                .where(tables.forms.c.id == form_id)
                .values(current_version_id=version_id)
            )
    assert len(listed(door)) == 501


def test_a19_a_list_that_did_not_change_is_304_with_all_headers(door: Door) -> None:
    first = door.get("/formList")
    again = door.get("/formList", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["X-OpenRosa-Version"] == "1.0"
    assert again.headers["ETag"] == first.headers["ETag"]
    assert not first.headers["ETag"].startswith("W/")
    door.add_form(version="2")
    changed = door.get("/formList", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


def test_a20_nothing_may_be_called_fresh_without_asking(door: Door) -> None:
    door.add_attachment("trees", "a.jpg", b"jpg")
    (form,) = listed(door)
    urls = [form["downloadUrl"], form["manifestUrl"], manifest(door)[0]["downloadUrl"], "/formList"]
    for url in urls:
        answer = door.get(url)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "Expires" not in answer.headers
        assert "Last-Modified" not in answer.headers
        same = door.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        assert same.status_code == 304


def test_an_etag_that_a_proxy_made_weak_is_304_too(door: Door) -> None:
    etag = door.get("/formList").headers["ETag"]
    assert door.get("/formList", headers={"If-None-Match": f"W/{etag}"}).status_code == 304


def test_form_id_in_the_query_picks_one_form(door: Door) -> None:
    door.add_form("cây ü")
    assert [f["formID"] for f in listed(door, f"?formID={quote('cây ü')}")] == ["cây ü"]
    assert listed(door, "?formID=nothing") == []


def test_every_answer_has_date_language_and_limit(door: Door) -> None:
    for path in ("/formList", "/submission", "/nothing", "/forms/nothing.xml"):
        headers = door.get(path).headers
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["Date"])
        assert headers["Content-Language"] == "vi, en"
        assert headers["X-OpenRosa-Accept-Content-Length"] == "10000000"
        assert len(headers.getlist("Date")) == 1


def test_a28_no_answer_sets_a_cookie(door: Door) -> None:
    for path in ("/formList", "/submission", "/forms/trees.xml"):
        assert "Set-Cookie" not in door.get(path).headers


def test_b91_enketo_asks_for_one_form_by_its_id_head_first(door: Door) -> None:
    door.add_form("cây ü")
    query = f"?formID={quote('cây ü')}"
    for method in ("HEAD", "GET"):
        answer = door.call(method, f"/formList{query}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert [form["formID"] for form in listed(door, query)] == ["cây ü"]


def test_b94_the_hash_of_a_form_and_of_a_file_is_that_of_its_content(door: Door) -> None:
    """Enketo keeps what it made of a form until one of the hashes changes."""
    door.add_attachment("trees", "a.jpg", b"jpg")
    before = [one["hash"] for one in (*listed(door), *manifest(door))]
    door.add_form("houses")
    door.add_attachment("trees", "a.jpg", b"jpg")  # the same again
    door.set_state("trees", "closing")
    door.set_state("trees", "open")
    forms = [form for form in listed(door) if form["formID"] == "trees"]
    assert [one["hash"] for one in (*forms, *manifest(door))] == before
    assert before[0] == f"md5:{md5(door.get(forms[0]['downloadUrl']).data)}"


def test_head_of_a_list_is_a_list_without_body(door: Door) -> None:
    answer = door.head("/formList")
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize(
    "path",
    ["/forms/nothing.xml", "/forms/nothing/manifest", "/forms/trees/attachments/nothing.jpg"],
)
def test_what_is_not_there_is_404_with_a_message(door: Door, path: str) -> None:
    answer = door.get(path)
    assert answer.status_code == 404
    assert message(answer)


# ------------------------------------------------------------------ manifest and files


def test_a30_a_manifest_may_be_empty(door: Door) -> None:
    root = ok_xml(door.get("/forms/trees/manifest"))
    assert root.tag == MANIFEST_NAMESPACE + "manifest"
    assert len(root) == 0


def test_a31_a32_a33_each_file_is_named_hashed_and_there(door: Door) -> None:
    door.add_attachment("trees", "a.jpg", b"\xff\xd8jpg")
    door.add_attachment("trees", "b.csv", b"name,label\n")
    with door.database.write() as db:  # named by the form, never uploaded
        db.execute(tables.form_attachments.insert(), {"form_version_id": 1, "filename": "c.png"})
    entries = manifest(door)
    assert [entry["filename"] for entry in entries] == ["a.jpg", "b.csv"]
    for entry in entries:
        answer = door.get(entry["downloadUrl"])
        assert answer.status_code == 200
        assert entry["hash"] == f"md5:{md5(answer.data)}"
        assert answer.headers["Content-Length"] == str(len(answer.data))
    assert door.get(entries[0]["downloadUrl"]).headers["Content-Type"] == "image/jpeg"


def test_a34_a_device_id_behind_a_files_address_is_ignored(door: Door) -> None:
    door.add_attachment("trees", "a.jpg", b"jpg")
    url = manifest(door)[0]["downloadUrl"]
    assert door.get(url + "?deviceID=collect%3Aabc").data == b"jpg"


def test_a_head_of_a_file_tells_its_size_and_leaves_no_file_open(door: Door) -> None:
    door.add_attachment("trees", "a.jpg", b"jpg")
    answer = door.head(manifest(door)[0]["downloadUrl"])
    assert (answer.status_code, answer.headers["Content-Length"], answer.data) == (200, "3", b"")


def test_a35_a_manifest_without_change_is_the_same_bytes(door: Door) -> None:
    door.add_attachment("trees", "a.jpg", b"jpg")
    urls = {door.get(listed(door)[0]["manifestUrl"]).data for _ in range(2)}
    assert len(urls) == 1


@pytest.mark.parametrize("name", ["ảnh nhà.jpg", "a b (1).jpg", "100%.jpg", "a+b&c.jpg", "x;y.csv"])
def test_a36_a_file_of_any_name_can_be_had(door: Door, name: str) -> None:
    door.add_attachment("trees", name, b"jpg")
    (entry,) = manifest(door)
    assert entry["filename"] == name
    assert door.get(entry["downloadUrl"]).data == b"jpg"


def test_a37_another_file_changes_the_manifest_and_not_the_list(door: Door) -> None:
    door.add_attachment("trees", "a.jpg", b"one")
    (before,), (form,) = manifest(door), listed(door)
    door.add_attachment("trees", "a.jpg", b"two")
    (after,) = manifest(door)
    assert after["hash"] != before["hash"]
    assert listed(door) == [form]


# ------------------------------------------------------------------ entity lists


@pytest.fixture
def grove(door: Door) -> Door:
    """A door whose form has the list `trees`; two trees in club c1, one in club c2."""
    everything = Download("all", {}, ("species",))
    own = Download("club", {}, ("species",))
    rule = ListRule(
        "trees",
        "Cây",
        "Trees",
        "club",
        ("species", "club"),
        {"city": everything, "volunteer": own},
        (),
    )
    library = replace(door.runtime.library, lists={"trees": rule})
    runtime = replace(door.runtime, library=library)
    with door.database.write() as db:
        list_id = db.execute(
            tables.entity_lists.insert().returning(tables.entity_lists.c.id),
            {"project_id": 1, "name": "trees", "properties": ["species", "club"]},
        ).scalar_one()
        assert list_id == 1
        db.execute(
            tables.form_attachments.insert(),
            {"form_version_id": 1, "filename": "trees.csv", "list_name": "trees"},
        )
    grove = replace(door, app=create_app(door.runtime.settings, runtime), runtime=runtime)
    for uuid, label, club in (
        (ID_1, "Cây đa", "c1"),
        (ID_2, "Sồi, lớn", "c1"),
        (ID_3, "Tre", "c2"),
    ):
        change(grove, uuid, label=label, data={"species": "sp", "club": club}, club_id=club)
    return grove


def change(door: Door, uuid: str, **values: Any) -> None:
    """Create or change an entity as sync does: one version more, and the slices follow."""
    c = tables.entities.c
    with door.database.write() as db:
        known = db.execute(sa.select(tables.entities).where(c.uuid == uuid)).one_or_none()
        before: dict[str, Any] = dict(known._mapping) if known else {}
        new = {"list_id": 1, "uuid": uuid, "imported": False, "change_seq": 0}
        new |= {"created_at": NOW, "updated_at": NOW, "version": 0, "club_id": None}
        after = {**new, **before, **values}
        after["version"] += 1
        if known is None:
            db.execute(tables.entities.insert(), after)
        else:
            db.execute(tables.entities.update().where(c.id == known.id).values(**after))
        moved = ("trees", (before and slices.shown(before)) or None, slices.shown(after))
        slices.follow(db, door.runtime.library, {"trees": 1}, [moved])


def _add_phone(door: Door, token: str = HALF_TOKEN, club: str = "c1") -> Door:
    with door.database.write() as db:
        accounts.add_app_user(db, "Minh", "volunteer", None, club, token, NOW)
    return door.at(f"/v1/key/{token}/projects/1")


def rows_of(door: Door) -> list[dict[str, str]]:
    (entry,) = manifest(door)
    text = door.get(entry["downloadUrl"]).data.decode()
    return list(csv.DictReader(StringIO(text)))


def test_a38_a_linked_list_says_so(grove: Door) -> None:
    (entry,) = manifest(grove)
    assert (entry["type"], entry["filename"]) == ("entityList", "trees.csv")
    assert re.fullmatch("md5:[0-9a-f]{32}", entry["hash"])
    assert entry["integrityUrl"].endswith("/projects/1/datasets/trees/integrity")


def test_a39_the_csv_has_name_label_version_and_integers(grove: Door) -> None:
    (entry,) = manifest(grove)
    answer = grove.get(entry["downloadUrl"])
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["ETag"] == f'"{entry["hash"].removeprefix("md5:")}"'
    assert answer.data.startswith(b"name,label,__version,species\n")
    assert {row["name"] for row in rows_of(grove)} == {ID_1, ID_2, ID_3}
    assert all(int(row["__version"]) == 1 for row in rows_of(grove))


def test_a40_a41_the_mark_moves_exactly_when_the_list_does(grove: Door) -> None:
    marks = [manifest(grove)[0]["hash"]]

    def moved() -> bool:
        marks.append(manifest(grove)[0]["hash"])
        return marks[-1] not in marks[:-1]

    assert not moved()
    change(grove, ID_1, label="Cây đa già")
    assert moved()
    assert [row["__version"] for row in rows_of(grove) if row["name"] == ID_1] == ["2"]
    change(grove, ID_2, deleted_at=NOW)
    assert moved()
    change(grove, ID_2, deleted_at=None)
    assert moved()
    change(grove, "44444444-1111-4111-8111-111111111111", label="Bàng", data={}, club_id="c1")
    assert moved()
    assert not moved()


def test_a40_a_property_more_or_another_club_is_another_list(grove: Door) -> None:
    minh = _add_phone(grove)
    before = manifest(minh)[0]["hash"]
    rules = {"volunteer": Download("club", {}, ("species", "club"))}
    trees = replace(grove.runtime.library.lists["trees"], downloads=rules)
    runtime = replace(grove.runtime, library=replace(grove.runtime.library, lists={"trees": trees}))
    wider = replace(minh, app=create_app(runtime.settings, runtime), runtime=runtime)
    assert [row["club"] for row in rows_of(wider)] == ["c1", "c1"]
    after = manifest(wider)[0]["hash"]
    with grove.database.write() as db:
        slices.build(db, runtime.library)
    assert manifest(wider)[0]["hash"] == after
    with grove.database.write() as db:
        db.execute(tables.app_users.update().values(club_id="c2"))
    moved = manifest(wider)[0]["hash"]
    assert [row["name"] for row in rows_of(wider)] == [ID_3]
    assert len({before, after, moved}) == 3


def test_a40_a_list_the_phone_has_is_304(grove: Door) -> None:
    (entry,) = manifest(grove)
    mark = entry["hash"].removeprefix("md5:")
    answer = grove.get(entry["downloadUrl"], headers={"If-None-Match": f'"{mark}"'})
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == f'"{mark}"'


def test_a42_a_volunteer_gets_her_clubs_rows_and_her_own_mark(grove: Door) -> None:
    minh = _add_phone(grove)
    before = manifest(minh)[0]["hash"]
    assert {row["name"] for row in rows_of(minh)} == {ID_1, ID_2}
    assert before != manifest(grove)[0]["hash"]
    change(grove, ID_3, label="Tre ngà")  # in the other club
    assert manifest(minh)[0]["hash"] == before


def test_a43_a44_integrity_tells_deleted_from_living_and_leaves_out_the_unknown(
    grove: Door,
) -> None:
    change(grove, ID_2, deleted_at=NOW)
    url = manifest(grove)[0]["integrityUrl"]
    root = ok_xml(grove.get(f"{url}?id={ID_1}%2C{ID_2}%2C{ID_3[::-1]}&deviceID=collect%3Ax"))
    assert [child.tag for child in root] == ["entities"]
    found = {node.get("id"): node.findtext("deleted") for node in root.iter("entity")}
    assert found == {ID_1: "false", ID_2: "true"}


def test_a45_integrity_takes_two_hundred_ids(grove: Door) -> None:
    url = manifest(grove)[0]["integrityUrl"]
    ids = [f"{n:08d}-1111-4111-8111-111111111111" for n in range(200)]
    root = ok_xml(grove.get(url + "?id=" + "%2C".join([*ids, ID_1])))
    assert [node.get("id") for node in root.iter("entity")] == [ID_1]


def test_a46_integrity_is_there_wherever_the_manifest_is(grove: Door) -> None:
    """Also of a form that is closing: phones still hold it, and sync."""
    (entry,) = manifest(grove)
    grove.set_state("trees", "closing")
    assert grove.get("/forms/trees/manifest").status_code == 200
    assert grove.get(f"{entry['integrityUrl']}?id={ID_1}").status_code == 200


def test_a46_integrity_of_an_unknown_list_is_404(grove: Door) -> None:
    assert grove.get("/datasets/nothing/integrity?id=x").status_code == 404
    assert grove.get("/datasets/trees/integrity?id=%00,,not-a-uuid").status_code == 200


def test_a_role_that_may_not_have_a_list_gets_no_shorter_one(grove: Door) -> None:
    with grove.database.write() as db:
        accounts.add_app_user(db, "Hoa", "treasurer", None, "c1", "h" * 64, NOW)
    hoa = grove.at(f"/v1/key/{'h' * 64}/projects/1")
    assert listed(hoa) == []  # of no use without its list, and a list cut short lies
    assert hoa.get("/forms/trees.xml").status_code == 404
    assert hoa.get("/forms/trees/manifest").status_code == 404
    assert hoa.get("/forms/trees/attachments/trees.csv").status_code == 404
    assert hoa.get(f"/datasets/trees/integrity?id={ID_1}").status_code == 403


def test_a_list_that_breaks_half_way_is_5xx_and_not_shorter(
    grove: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> Any:
        yield b"name,label,__version,species\n"
        raise OperationalError("SELECT", {}, Exception("gone"))

    url = manifest(grove)[0]["downloadUrl"]
    monkeypatch.setattr(catalogue, "entity_csv", breaks)
    assert grove.get(url).status_code == 503


def test_the_short_spelling_of_the_token_path_serves_all_the_same(grove: Door) -> None:
    short = grove.at(f"/key/{TOKEN}")
    (form,) = listed(short)
    assert urlsplit(form["downloadUrl"]).path == f"/key/{TOKEN}/forms/trees.xml"
    assert short.get(form["downloadUrl"]).status_code == 200
    assert len(rows_of(short)) == 3
    assert short.get(manifest(short)[0]["integrityUrl"]).status_code == 200
