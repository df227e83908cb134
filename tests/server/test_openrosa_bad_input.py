"""Bad input is answered, never with a 5xx, in Vietnamese and English, and disturbs nothing kept."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from sync.attachments import open_for_download
from sync.tables import attachments, submission_versions
from tests.server.conftest import JPEG, A, B, Door, Part, instance, message, multipart

V = submission_versions.c
DEEP = (
    b'<data id="trees" version="1">' + b"<g>" * 10_000 + b"</g>" * 10_000 + b"</data>"
)  # 10,000 levels
BOMB = (
    b'<!DOCTYPE data [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b'<data id="trees" version="1">&b;</data>'
)
EXTERNAL = (
    b'<?xml version="1.0"?>\n<!-- x --><!DOCTYPE data [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    b'<data id="trees" version="1"><sp>&f;</sp></data>'
)


@pytest.fixture(autouse=True)
def _nothing_kept_changes(door: Door) -> Iterator[None]:
    """Every test here starts with one submission, and it is the same afterwards."""
    assert door.post(instance(B), {"1.jpg": JPEG}).status_code == 201
    before = door.rows(V.id, V.xml, V.problems)[0]
    yield
    after = [row for row in door.rows(V.id, V.xml, V.problems) if row.id == before.id]
    assert after == [before]


def refused(answer: TestResponse, status: int, vi: str, en: str, door: Door) -> None:
    assert answer.status_code == status
    assert answer.content_type == "text/xml; charset=utf-8"
    assert answer.headers["X-OpenRosa-Version"] == "1.0"
    assert vi in message(answer)
    assert en in message(answer)
    assert door.kept()["submission_versions"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\x01\x02",
        b"hello",
        b"<data",
        b"<data id='trees'></date>",
        b"<data id='trees' id='trees'/>",
        b"<data id='trees'>&nbsp;</data>",
        b"\xff\xfe\x00",
        b"PK\x03\x04",
        b'{"id": "trees"}',
        b"<data id='trees'/><data id='trees'/>",
        b"<?xml version='1.0' encoding='nothing-known'?><data id='trees'/>",
    ],
)
def test_what_is_not_xml_is_400(door: Door, body: bytes) -> None:
    refused(door.post(body), 400, "không phải XML", "not well-formed XML", door)


@pytest.mark.parametrize("body", [BOMB, EXTERNAL, BOMB.decode().encode("utf-16")])
def test_c15_a_doctype_is_400_before_anything_is_read(door: Door, body: bytes) -> None:
    refused(door.post(body), 400, "DOCTYPE", "DOCTYPE", door)


def test_the_word_doctype_in_an_answer_is_an_answer(door: Door) -> None:
    assert door.post(instance(answer="&lt;!DOCTYPE")).status_code == 201
    assert door.post(instance(A, answer="<![CDATA[<!DOCTYPE x>]]>")).status_code == 201


def test_thirty_megabytes_of_xml_are_413(door: Door) -> None:
    body = instance(answer="a" * 30_000_000)
    refused(door.post(body), 413, "quá lớn", "Too large", door)


def test_ten_thousand_levels_are_400(door: Door) -> None:
    refused(door.post(DEEP), 400, "lồng quá sâu", "nested too deeply", door)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"no boundary at all", "multipart/form-data; boundary=B"),
        (b"--B\r\n\r\n\r\n--B--\r\n", "multipart/form-data; boundary=B"),
        (b"--B\r\nContent-Disposition: form-data", "multipart/form-data; boundary=B"),
        (b"--B\r\n" + b"\xff" * 9 + b": x\r\n\r\n\r\n--B--\r\n", "multipart/form-data; boundary=B"),
        (instance(), "text/xml"),
        (instance(), "multipart/form-data"),
        (b"a=b", "application/x-www-form-urlencoded"),
        (multipart([]), "multipart/mixed; boundary=B"),
        (instance(), "nonsense"),
    ],
)
def test_wrong_multipart_is_400(door: Door, body: bytes, content_type: str) -> None:
    answer = door.post_body(body, content_type=content_type)
    refused(answer, 400, "multipart", "multipart", door)


def test_no_content_type_is_400(door: Door) -> None:
    answer = door.call("POST", "/submission", data=instance())
    refused(answer, 400, "multipart", "multipart", door)


def test_a_multipart_without_the_xml_part_is_400(door: Door) -> None:
    answer = door.post(None, {"1.jpg": JPEG})
    refused(answer, 400, "Thiếu phần xml_submission_file", "no xml_submission_file part", door)
    for body in (b"", b"--B--\r\n"):
        assert door.post_body(body).status_code == 400


def test_more_parts_than_any_phone_sends_are_413(door: Door) -> None:
    files = [Part(f"{n}", f"{n}", b"") for n in range(10_001)]
    refused(door.post(instance(), files), 413, "quá nhiều phần", "Too many parts", door)


@pytest.mark.parametrize("root", [b"<data/>", b'<data id=""/>', b'<data id="  " version="1"/>'])
def test_no_form_id_is_400(door: Door, root: bytes) -> None:
    refused(door.post(root), 400, "không ghi mã biểu mẫu", "does not name its form", door)


@pytest.mark.parametrize("form_id", ["houses", "Trees", "x" * 5_000, "<script>", "cây"])
def test_a_form_the_server_never_had_is_404(door: Door, form_id: str) -> None:
    answer = door.post(instance(form_id=form_id), {"1.jpg": JPEG})
    refused(answer, 404, "không có biểu mẫu", "never had a form", door)
    assert len(answer.data) < 1_000


@pytest.mark.parametrize("meta", [b"", b"<instanceID/>", b"<instanceID>  </instanceID>"])
def test_c32_a_missing_instance_id_is_derived_and_stable_on_retry(door: Door, meta: bytes) -> None:
    body = b'<data id="trees" version="1"><meta>' + meta + b"</meta></data>"
    for _ in range(2):
        assert door.post(body).status_code == 201
    (kept,) = (row for row in door.rows(V.xml, V.problems, V.instance_id) if row.xml == body)
    assert kept.instance_id.startswith("uuid:")
    assert [problem["code"] for problem in kept.problems] == ["no_instance_id"]


@pytest.mark.parametrize(
    "mark", [b"\x00", b"\x0b", b"\x1f", b"&#0;", b"&#x1;", b"\xff", b"\xed\xa0\x80"]
)
def test_c16_control_characters_are_kept_as_they_came_and_flagged(door: Door, mark: bytes) -> None:
    body = instance(A).replace("sồi".encode(), b"s" + mark + b"i")
    assert door.post(body).status_code == 201
    (kept,) = (row for row in door.rows(V.xml, V.problems) if row.xml == body)
    assert [problem["code"] for problem in kept.problems] == ["bad_characters"]


@pytest.mark.parametrize(
    ("sent_as", "kept_as"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\\\..\\\\boot.ini", "boot.ini"),
        ("/abs/a.jpg", "a.jpg"),
        ("a/../b.jpg", "b.jpg"),
        ("a\tb.jpg", "ab.jpg"),
    ],
)
def test_a_path_in_a_file_name_is_cut_and_flagged(door: Door, sent_as: str, kept_as: str) -> None:
    assert door.post(instance(A), {sent_as: JPEG}).status_code == 201
    assert kept_as in {row.name for row in door.rows(attachments.c.name)}
    assert door.flags() == ["file_name_changed"]


def test_a_page_that_is_called_a_picture_is_kept_flagged_and_given_as_no_picture(
    door: Door,
) -> None:
    page = b"<html><script>alert(1)</script>"
    files = {"a.jpg": page, "b.csv": b"a,b", "c.jpg": JPEG}
    assert door.post(instance(A), files).status_code == 201
    assert door.flags() == ["file_not_as_named"]
    for _ in range(2):  # what comes later and again is looked at too, and flagged once
        assert door.post(instance(A), {"d.xlsx": b"MZ"}).status_code == 201
    assert door.flags() == ["file_not_as_named"] * 2
    version = max(row.id for row in door.rows(V.id))
    with door.database.read() as db:
        for name, kind in (("a.jpg", "application/octet-stream"), ("c.jpg", "image/jpeg")):
            got = open_for_download(db, door.runtime.blobs, version, name, as_sent=True)
            assert got.content_type == kind
            assert b"".join(got.pieces) == files[name]


@pytest.mark.parametrize("sent_as", ["..", ".", "../", "a/.."])
def test_a_file_whose_name_is_only_a_path_is_kept_under_its_hash(door: Door, sent_as: str) -> None:
    assert door.post(instance(A), {sent_as: JPEG}).status_code == 201
    names = {row.name for row in door.rows(attachments.c.name)}
    assert f"file-{hashlib.sha256(JPEG).hexdigest()[:12]}" in names


def test_a_name_with_a_nul_or_without_end_is_kept(door: Door) -> None:
    disposition = b"Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''a%00b.jpg"
    part = b"--B\r\n" + disposition + b"\r\n\r\nx\r\n"
    body = part + multipart([Part("xml_submission_file", "x.xml", instance(A))])
    assert door.post_body(body).status_code == 201
    assert door.post(instance(A), {"x" * 3_000 + ".jpg": b"y"}).status_code == 201
    names = {row.name for row in door.rows(attachments.c.name)}
    assert {"ab.jpg", "x" * 251 + ".jpg"} <= names


@pytest.mark.parametrize("length", [300, 5_000, 100_000])
def test_an_instance_id_without_end_is_kept(door: Door, length: int) -> None:
    """PostgreSQL refuses to index a text of more than some 2,700 bytes."""
    long = "".join(random.Random(1).choices("0123456789abcdef", k=length))
    for _ in range(2):
        assert door.post(instance(long)).status_code == 201
    assert door.count(submission_versions) == 2


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_another_method_is_405(door: Door, method: str) -> None:
    answer = door.call(method, "/submission")
    refused(answer, 405, "không nhận kiểu", "does not take", door)
    assert "POST" in answer.allow


@pytest.mark.parametrize(
    "path",
    [
        "/forms/a%00.xml",
        "/forms/%00/manifest",
        "/datasets/%00/integrity",
        "/forms/trees/attachments/%00",
    ],
)
def test_a_nul_in_an_address_is_404(door: Door, path: str) -> None:
    assert door.get(path).status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize(
    "path", ["/formList?\xff", "/submission?deviceID=%ff%fe", "/x", "/forms//"]
)
def test_odd_addresses_are_no_500(door: Door, method: str, path: str) -> None:
    assert door.call(method, path).status_code < 500
