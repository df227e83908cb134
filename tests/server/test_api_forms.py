"""Forms over the JSON API for pyODK and ruODK (protocol §8.3, §11 B 97–114, C 127, 128)."""

from __future__ import annotations

import hashlib
from functools import cache
from io import BytesIO
from urllib.parse import quote

import pytest

from forms.xlsform import to_xlsx
from tests.server.api import Program, signed_in
from tests.server.conftest import FORM, A, B, Door, instance

FORMS = "/projects/1/forms"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET = """\
| survey | | | |
|---|---|---|---|
| | type | name | label::Tiếng Việt (vi) |
| | text | loai | Loài cây |
| | begin_repeat | canh | Cành |
| | select_multiple mau | mau | Màu |
| | end_repeat | | |
| | select_one_from_file loai.csv | giong | Giống |

| choices | | | |
|---|---|---|---|
| | list_name | name | label::Tiếng Việt (vi) |
| | mau | xanh | Xanh |

| settings | | |
|---|---|---|
| | form_title | version |
| | Cây xanh | {version} |
"""
FORM_KEYS = {
    "projectId", "xmlFormId", "name", "version", "state", "hash", "sha", "sha256", "keyId",
    "enketoId", "enketoOnceId", "draftToken", "createdAt", "updatedAt", "publishedAt",
    "deletedAt", "webformsEnabled",
}  # fmt: skip


def xform_of(title: str = "Cây / Trees") -> bytes:
    """The form that the door has from the start."""
    return FORM.format(form_id="trees", version="1", title=title).encode()


@cache  # a workbook holds the time it was made
def sheet(version: str = "1") -> bytes:
    return to_xlsx(SHEET.format(version=version).encode(), "md")


@pytest.fixture
def admin(door: Door) -> Program:
    return signed_in(door)


def create(admin: Program, query: str = "?publish=False&ignoreWarnings=True", **options: object):  # type: ignore[no-untyped-def]
    return admin.post(FORMS + query, **{
        "data": sheet(),
        "headers": {"Content-Type": XLSX, "X-XlsForm-FormId-Fallback": quote("cây xanh")},
        **options,
    })  # fmt: skip


def test_b100_a_form_has_every_key_also_where_it_has_no_value(admin: Program) -> None:
    (form,) = admin.json(FORMS)
    xform = xform_of()
    assert set(form) == FORM_KEYS
    assert form["projectId"] == 1
    assert form["hash"] == hashlib.md5(xform).hexdigest()
    assert form["sha"] == hashlib.sha1(xform).hexdigest()
    assert form["sha256"] == hashlib.sha256(xform).hexdigest()
    assert form["createdAt"] == "2026-01-20T03:00:00.000Z"
    assert form["keyId"] is form["enketoId"] is form["updatedAt"] is None
    assert admin.json(f"{FORMS}/trees") == form


def test_extended_metadata_adds_what_was_sent(admin: Program) -> None:
    admin.door.post(instance())
    found = admin.json(f"{FORMS}/trees", headers={"X-Extended-Metadata": "true"})
    assert found["submissions"] == 1
    assert found["reviewStates"]["received"] == 1
    assert found["lastSubmission"] == "2026-01-20T03:00:00.000Z"
    assert found["entityRelated"] is False


def test_b108_json_is_json_whatever_the_caller_accepts(admin: Program) -> None:
    assert admin.json(FORMS, headers={"Accept": "application/xml"})


def test_b101_a_workbook_becomes_a_draft_under_the_fallback_id(admin: Program) -> None:
    answer = create(admin)
    assert answer.status_code == 200, answer.text
    form = answer.get_json()
    assert set(form) == FORM_KEYS
    assert (form["xmlFormId"], form["version"]) == ("cây xanh", "1")
    assert form["publishedAt"] is None
    assert "cây xanh" not in admin.door.get("/formList").text
    assert [f["xmlFormId"] for f in admin.json(FORMS)] == ["cây xanh", "trees"]


def test_b102_a_draft_with_its_file_is_published_under_another_version(admin: Program) -> None:
    create(admin)
    draft = f"{FORMS}/{quote('cây xanh')}/draft"
    (file,) = admin.json(f"{draft}/attachments")
    assert (file["name"], file["exists"], file["type"]) == ("loai.csv", False, "file")
    admin.refused(admin.post(f"{draft}/publish"), 400.15)  # without the list no phone works

    sent = admin.post(f"{draft}/attachments/loai.csv", data=b"name,label\na,A\n")
    assert sent.get_json() == {"success": True}
    assert admin.post(f"{draft}/publish?version=7").get_json() == {"success": True}

    form = admin.json(f"{FORMS}/{quote('cây xanh')}")
    assert form["version"] == "7"
    assert form["publishedAt"] is not None
    assert "<version>7</version>" in admin.door.get("/formList").text
    file = admin.get(f"{FORMS}/{quote('cây xanh')}/attachments/loai.csv")
    assert (file.data, file.mimetype) == (b"name,label\na,A\n", "text/csv")
    admin.refused(admin.get(draft), 404.1)  # a draft that is published is none any more


def test_b99_a_file_may_come_in_chunks(admin: Program) -> None:
    create(admin)
    path = f"{FORMS}/{quote('cây xanh')}/draft/attachments/loai.csv"
    sent = admin.post(
        path,
        input_stream=BytesIO(b"name,label\n"),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert sent.status_code == 200, sent.text
    assert admin.get(path).data == b"name,label\n"


def test_a_new_draft_of_a_published_form_takes_its_files_along(admin: Program) -> None:
    create(admin)
    form = f"{FORMS}/{quote('cây xanh')}"
    admin.post(f"{form}/draft/attachments/loai.csv", data=b"name,label\na,A\n")
    admin.post(f"{form}/draft/publish")

    assert admin.post(f"{form}/draft").get_json() == {"success": True}
    assert admin.get(f"{form}/draft/attachments/loai.csv").data == b"name,label\na,A\n"
    assert admin.post(f"{form}/draft/publish?version=2026-01-20T10:00").status_code == 200
    versions = [v["version"] for v in admin.json(f"{form}/versions")]
    assert sorted(versions) == ["1", "2026-01-20T10:00"]
    assert admin.json(f"{form}/versions/1")["version"] == "1"
    assert b'version="1"' in admin.get(f"{form}/versions/1.xml").data


def test_publishing_other_bytes_under_a_used_version_is_409_6(admin: Program) -> None:
    xform = xform_of().replace("Loài cây".encode(), "Giống cây".encode())
    sent = admin.post(f"{FORMS}/trees/draft?ignoreWarnings=true", data=xform,
                      content_type="application/xml")  # fmt: skip
    assert sent.status_code == 200, sent.text
    found = admin.refused(admin.post(f"{FORMS}/trees/draft/publish"), 409.6)
    assert found["details"] == {"form": "trees", "version": "1"}
    assert admin.delete(f"{FORMS}/trees/draft").get_json() == {"success": True}
    admin.refused(admin.delete(f"{FORMS}/trees/draft"), 404.1)


@pytest.mark.parametrize("yes", ["True", "true", "TRUE"])
def test_b97_booleans_are_read_in_any_case(admin: Program, yes: str) -> None:
    xform = xform_of().replace(b'id="trees"', b'id="bamboo"')
    answer = admin.post(
        f"{FORMS}?publish={yes}&ignoreWarnings={yes}", data=xform, content_type="application/xml"
    )
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["publishedAt"] is not None
    assert admin.get(f"{FORMS}/bamboo.xml").data == xform


def test_a_boolean_that_is_none_is_refused(admin: Program) -> None:
    assert admin.refused(create(admin, "?publish=perhaps&ignoreWarnings=true"), 400.8)


def test_warnings_stop_a_form_unless_they_are_to_be_ignored(admin: Program) -> None:
    new = SHEET.format(version="").encode()
    found = admin.refused(create(admin, "?publish=false", data=to_xlsx(new, "md")), 400.16)
    (said,) = found["details"]["warnings"]["xlsFormWarnings"]
    assert "settings" in said
    assert create(admin, "", data=sheet()).status_code == 200  # the fallback id is no reason


@pytest.mark.parametrize("body", [b"", b"<html/>", b"PK\x03\x04 no workbook"])
def test_what_is_no_form_is_400_15_and_says_why(admin: Program, body: bytes) -> None:
    found = admin.refused(admin.post(FORMS, data=body), 400.15)
    assert found["details"]["error"]


def test_a_form_that_is_there_is_not_made_again(admin: Program) -> None:
    admin.refused(create(admin, data=xform_of(), headers={}), 409.3)
    assert create(admin).status_code == 200
    admin.refused(create(admin), 409.3)


def test_a_draft_of_another_form_is_refused(admin: Program) -> None:
    other = xform_of().replace(b'id="trees"', b'id="bamboo"')
    admin.refused(admin.post(f"{FORMS}/trees/draft?ignoreWarnings=1", data=other), 400.8)


def test_a_form_whose_id_ends_like_a_document_is_refused(admin: Program) -> None:
    other = xform_of().replace(b'id="trees"', b'id="trees.xml"')
    admin.refused(admin.post(f"{FORMS}?ignoreWarnings=1", data=other), 400.8)


def test_fields_stand_in_the_order_of_the_form_with_meta_last(admin: Program) -> None:
    create(admin)
    draft = f"{FORMS}/{quote('cây xanh')}/draft"
    found = [tuple(f.values()) for f in admin.json(f"{draft}/fields?odata=true")]
    assert (
        found
        == [
            ("loai", "/loai", "string", None, None),
            ("canh", "/canh", "repeat", None, None),
            ("mau", "/canh/mau", "string", None, True),
            ("giong", "/giong", "string", None, None),
            ("meta", "/meta", "structure", None, None),
            ("instanceID", "/meta/instanceID", "string", None, None),
            ("instanceName", "/meta/instanceName", "string", None, None),
        ][: len(found)]
    )
    photo = next(f for f in admin.json(f"{FORMS}/trees/fields") if f["name"] == "photo")
    assert photo["binary"] is True


def test_c127_three_underscores_name_the_version_without_a_name(admin: Program) -> None:
    xform = admin.door.add_form("bamboo", version="")
    assert admin.json(f"{FORMS}/bamboo/versions/___")["version"] == ""
    assert admin.get(f"{FORMS}/bamboo/versions/___.xml").data == xform
    admin.refused(admin.get(f"{FORMS}/bamboo/versions/9"), 404.1)


def test_a_form_is_closed_and_opened(admin: Program) -> None:
    assert admin.patch(f"{FORMS}/trees", json={"state": "closing"}).get_json()["state"] == "closing"
    assert "<formID>trees" not in admin.door.get("/formList").text
    assert admin.patch(f"{FORMS}/trees", json={"state": "open"}).get_json()["state"] == "open"
    admin.refused(admin.patch(f"{FORMS}/trees", json={"state": "ajar"}), 400.11)
    admin.refused(admin.patch(f"{FORMS}/trees", json={}), 400.3)
    admin.refused(admin.patch(f"{FORMS}/trees", data=b"state=open"), 400.1)
    admin.refused(admin.patch(f"{FORMS}/none", json={"state": "open"}), 404.1)


def test_a_deleted_form_is_on_no_list_its_data_stay_and_it_comes_back_closed(
    admin: Program,
) -> None:
    door, path, city = admin.door, f"{FORMS}/trees", signed_in(admin.door, "city")
    assert door.post(instance(A)).status_code == 201
    assert admin.post(f"{path}/draft").status_code == 200
    admin.refused(admin.post(f"{path}/restore"), 404.1)
    assert admin.delete(path).get_json() == {"success": True}
    for answer in (admin.get(path), admin.delete(path), admin.patch(path, json={"state": "open"})):
        admin.refused(answer, 404.1)
    admin.refused(admin.post(f"{path}/draft"), 404.1)
    assert admin.json(FORMS) == []
    (deleted,) = admin.json(f"{FORMS}?deleted=true")
    assert (deleted["xmlFormId"], deleted["state"]) == ("trees", "deleted")
    assert "<formID>trees" not in door.get("/formList").text
    assert door.post(instance(B)).status_code == 201
    assert len(city.json(f"{path}/submissions")) == 2
    assert admin.post(f"{path}/restore").status_code == 200
    assert admin.json(path)["state"] == "closed"
    admin.delete(path)
    assert admin.post(f"{FORMS}/{deleted['id']}/restore").status_code == 200
    admin.refused(admin.get(f"{path}/draft"), 404.1)


def test_b114_a_file_that_is_not_there_is_404_in_json(admin: Program) -> None:
    admin.door.add_attachment("trees", "cây.png", b"png")
    assert admin.get(f"{FORMS}/trees/attachments/{quote('cây.png')}").data == b"png"
    admin.refused(admin.get(f"{FORMS}/trees/attachments/other.png"), 404.1)


def test_a_workbook_comes_back_from_whatever_the_form_was_written_in(admin: Program) -> None:
    create(admin)
    answer = admin.get(f"{FORMS}/{quote('cây xanh')}.xlsx")
    assert (answer.mimetype, answer.data) == (XLSX, sheet())
    admin.refused(admin.get(f"{FORMS}/trees.xlsx"), 404.1)


def test_c128_head_works_wherever_get_does(admin: Program) -> None:
    for path in ("/projects", FORMS, f"{FORMS}/trees", f"{FORMS}/trees.xml"):
        answer = admin.call("HEAD", path)
        assert (answer.status_code, answer.data) == (200, b"")


def test_there_is_one_project(admin: Program) -> None:
    (project,) = admin.json("/projects")
    assert project == admin.json("/projects/1")
    assert set(project) == {
        "id", "name", "description", "archived", "keyId", "createdAt", "updatedAt", "deletedAt",
    }  # fmt: skip
    more = admin.json("/projects/1", headers={"X-Extended-Metadata": "true"})
    assert (more["forms"], more["appUsers"]) == (1, 1)
    assert "forms.manage" in more["verbs"]
    chair = signed_in(admin.door, "chair")
    less = chair.json("/projects/1", headers={"X-Extended-Metadata": "true"})
    assert (less["appUsers"], less["lastSubmission"]) == (None, None)  # they are of all clubs
    admin.refused(admin.get("/projects/2"), 404.1)
    admin.refused(admin.get("/projects/2/forms"), 404.1)


def test_who_manages_no_forms_sees_those_to_fill_in_or_to_read(door: Door) -> None:
    chair = signed_in(door, "chair")
    assert [f["xmlFormId"] for f in chair.json(FORMS)] == ["trees"]
    assert chair.get(f"{FORMS}/trees.xml").data == xform_of()
    chair.refused(chair.get(f"{FORMS}/trees/versions"), 403.1)
    chair.refused(create(chair), 403.1)
    office = signed_in(door, "standing_office")
    assert office.json(FORMS) == []
    office.refused(office.get(f"{FORMS}/trees"), 404.1)
    office.refused(office.get(f"{FORMS}/trees.xml"), 404.1)
