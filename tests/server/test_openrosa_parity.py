"""What other clients and tools may meet at the phone's door (protocol §11 C 116–140)."""

from __future__ import annotations

import gzip
import unicodedata
from email.utils import parsedate_to_datetime

import pytest
from lxml import etree

from sync.receive import Outcome
from sync.tables import attachments, received, submission_versions, submissions
from tests.server.conftest import A, B, Door, instance, message
from tests.server.test_openrosa_downloads import listed, ok_xml


def test_c116_a_client_that_does_not_name_its_openrosa_version_is_served(door: Door) -> None:
    door.headers = {}
    assert len(ok_xml(door.get("/formList"))) == 1
    assert door.post(instance()).status_code == 201


def test_c117_an_unknown_form_id_gives_an_empty_list(door: Door) -> None:
    assert listed(door, "?formID=nothing") == []


@pytest.mark.parametrize("query", ["listAllVersions=true", "verbose=true", "verbose=nonsense"])
def test_c118_other_parameters_of_the_list_are_tolerated(door: Door, query: str) -> None:
    assert [form["formID"] for form in listed(door, f"?{query}")] == ["trees"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/formList"), ("HEAD", "/submission"), ("GET", "/nothing")]
)
def test_c119_c120_every_answer_has_its_language_and_date(
    door: Door, method: str, path: str
) -> None:
    answer = door.call(method, path)
    assert answer.headers["Content-Language"].startswith("vi")
    date = answer.headers["Date"]
    assert date.endswith("GMT")
    assert parsedate_to_datetime(date).tzinfo is not None


def test_c121_a_submission_is_not_sent_to_another_address(door: Door) -> None:
    assert "Location" not in door.post(instance()).headers


def test_c124_an_edit_sets_the_review_state_to_edited(door: Door) -> None:
    door.post(instance(A))
    assert door.rows(submissions.c.review_state) == [(None,)]
    door.post(instance(B, "ash", replaces=A))
    assert door.rows(submissions.c.review_state) == [("edited",)]


def test_c128_head_is_answered_wherever_get_is(door: Door) -> None:
    door.add_attachment("trees", "logo.png", b"\x89PNG")
    form = listed(door)[0]
    paths = ["/formList", form["downloadUrl"], form["manifestUrl"]]
    paths += [
        element.text for element in ok_xml(door.get(form["manifestUrl"])).iter("{*}downloadUrl")
    ]
    for path in paths:
        whole, head = door.get(path), door.head(path)
        assert (whole.status_code, head.status_code, head.data) == (200, 200, b"")
        assert whole.headers["ETag"] == head.headers["ETag"]


def test_c129_a_slash_behind_form_list_and_submission_changes_nothing(door: Door) -> None:
    assert door.get("/formList/").data == door.get("/formList").data
    assert door.head("/submission/").status_code == 204
    assert door.post(instance(), path="/submission/").status_code == 201


def test_c130_what_the_client_has_already_is_304(door: Door) -> None:
    door.add_attachment("trees", "logo.png", b"\x89PNG")
    form = listed(door)[0]
    file = ok_xml(door.get(form["manifestUrl"])).find(".//{*}downloadUrl")
    assert file is not None
    for path in ("/formList", form["downloadUrl"], form["manifestUrl"], file.text or ""):
        mark = door.get(path).headers["ETag"]
        again = door.get(path, headers={"If-None-Match": mark})
        assert (again.status_code, again.data) == (304, b"")


def test_c131_a_large_form_travels_in_gzip(door: Door) -> None:
    xform = door.add_form("large", title="Cây đa " * 2000)
    (url,) = (form["downloadUrl"] for form in listed(door) if form["formID"] == "large")
    answer = door.get(url, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.data) < len(xform) / 4
    assert gzip.decompress(answer.data) == xform


@pytest.mark.parametrize("name", ["visit 12/ward+3", "Mã-phiếu-số-7", "urn:x:y%20z", "7"])
def test_c137_an_instance_id_that_is_no_uuid_is_taken_as_it_is(door: Door, name: str) -> None:
    assert door.post(instance(name)).status_code == 201
    assert door.post(instance(name)).status_code == 201
    assert door.rows(submission_versions.c.instance_id) == [(name,)]


@pytest.mark.parametrize(
    "head",
    [
        b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_c138_xml_bombs_and_files_of_ours_are_refused_and_not_kept(door: Door, head: bytes) -> None:
    body = head + instance().removeprefix(b"<?xml version='1.0' ?>")
    answer = door.post(body)
    assert answer.status_code == 400
    assert "root:" not in message(answer)
    assert door.count(received) == 0


def test_c139_a_name_in_pieces_and_a_name_in_one_are_the_same_file(door: Door) -> None:
    whole, pieces = (unicodedata.normalize(form, "ảnh nhà.jpg") for form in ("NFC", "NFD"))
    door.post(instance(photo=whole), {pieces: b"a photo"})
    door.post(instance(photo=whole), {whole: b"a photo"})
    assert door.rows(attachments.c.name) == [(whole,)]
    outcomes = door.rows(received.c.id, received.c.outcome)
    assert [outcome for _, outcome in sorted(outcomes)] == [Outcome.NEW, Outcome.RESENT]


def test_c140_one_instance_id_in_two_forms_is_two_submissions(door: Door) -> None:
    door.add_form("houses")
    assert door.post(instance(A)).status_code == 201
    assert door.post(instance(A, form_id="houses")).status_code == 201
    assert door.count(submissions) == 2
    assert door.flags() == []


def test_b92_no_document_has_a_namespace_prefix(door: Door) -> None:
    door.add_attachment("trees", "logo.png", b"\x89PNG")
    form = listed(door)[0]
    documents = [door.get("/formList"), door.get(form["manifestUrl"]), door.post(instance())]
    for answer in documents:
        root = etree.fromstring(answer.data)
        assert {element.prefix for element in root.iter()} == {None}
        assert set(root.nsmap) == {None}
