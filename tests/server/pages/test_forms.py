"""Forms on pages: from a designer's file with its slips, by a draft on a phone, to all phones."""

from __future__ import annotations

import re
from html import unescape
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from forms.xlsform import compile_form, to_xlsx
from sync import definitions
from tests.server.pages.town import Town, post

NASTY = "<script>alert(1)</script>"
FORM = """
| survey |
|        | type            | name  | label::Tiếng Việt (vi) | label::English (en) | relevant |
|        | begin_group     | who   | Ai                     | Who                 |          |
|        | text            | name  | Tên {nasty}            | Name                | {when}   |
|        | select_one kind | kind  | Loại                   | Kind                |          |
|        | image           | photo | Ảnh                    | Photo               |          |
|        | end_group       |       |                        |                     |          |
| choices |
|        | list_name | name | label::Tiếng Việt (vi) | label::English (en) |
|        | kind      | a    | Một                    | One                 |
|        | kind      | b    | Hai {nasty}            | Two                 |
| settings |
|        | form_title  | form_id | version   |
|        | Cây {nasty} | trees   | {version} |
"""


def workbook(version: str = "1", when: str = "") -> bytes:
    source = FORM.format(nasty=NASTY, version=version, when=when)
    return to_xlsx(source.encode(), "md")


@pytest.fixture(scope="module")
def admin(town: Town) -> FlaskClient:
    return town.browser("admin")


def upload(admin: FlaskClient, content: bytes, name: str = "trees.xlsx") -> TestResponse:
    return post(admin, "/upload-form", "/upload-form", file=(BytesIO(content), name))


def test_slips_of_a_workbook_are_told_by_sheet_row_and_cell(admin: FlaskClient) -> None:
    answer = upload(admin, workbook(when="${nothing} = 1"), f"{NASTY}.xlsx")
    assert answer.status_code == 400
    row = re.search(r"<td>survey</td>\s*<td>(\d+)</td>\s*<td>(\w+)</td>", answer.text)
    assert row is not None
    assert row.groups() == ("3", "E3")
    assert "nothing" in answer.text
    assert "Phải sửa" in answer.text
    assert "<script>alert" not in answer.text
    for content in (b"", b"PK\x03\x04 no workbook", b"\x00" * 100):
        assert upload(admin, content).status_code == 400
    slash = FORM.format(nasty="", version="1", when="").replace("trees  ", "a/b    ")
    assert upload(admin, slash.encode(), "a.md").status_code == 400


def test_a_form_goes_from_a_file_by_a_draft_to_phones_and_back_into_a_file(
    town: Town, admin: FlaskClient
) -> None:
    answer = upload(admin, workbook())
    if answer.status_code == 200:  # it may be told what gives doubt
        assert "Nên xem" in answer.text
        assert "Phải sửa" not in answer.text
    draft = admin.get("/forms/trees/draft")
    assert "<script>alert" not in draft.text
    assert "&lt;script&gt;alert" in draft.text
    drawn = admin.get("/forms/trees/preview?draft=1").text
    for words in ("Ai</h2>", "Một", 'type="radio"', "who/kind", "&lt;script&gt;alert"):
        assert words in drawn
    assert "<script>alert" not in drawn
    code = post(admin, "/forms/trees/draft/code", "/forms/trees/draft", role="chair")
    address = re.search(r'readonly value="([^"]+)"', code.text)
    assert address is not None
    assert "<svg" in code.text
    path = unescape(address[1]).removeprefix("http://localhost")
    headers = {"X-OpenRosa-Version": "1.0"}
    assert b"trees" in town.browser().get(f"{path}/formList", headers=headers).data
    published = post(admin, "/forms/trees/draft/publish", "/forms/trees/draft")
    assert published.location == "/forms/trees"
    assert town.browser().get(f"{path}/formList", headers=headers).status_code in (401, 403, 404)
    page = admin.get("/forms/trees").text
    assert "Đã công bố" in page
    assert "<script>alert" not in page
    back = admin.get("/forms/trees/back/xlsx")
    assert compile_form(back.data, "xlsx", "x").xform == admin.get("/forms/trees/back/xml").data
    assert "filename=trees.xlsx" in back.headers["Content-Disposition"]


def test_the_same_version_with_other_questions_is_refused_until_it_has_another(
    admin: FlaskClient,
) -> None:
    upload(admin, workbook())
    post(admin, "/forms/trees/draft/publish", "/forms/trees/draft")
    upload(admin, workbook(when="1 = 1"))
    refused = post(admin, "/forms/trees/draft/publish", "/forms/trees/draft")
    assert refused.status_code == 400
    assert "version" in refused.text
    same = post(admin, "/forms/trees/draft/publish", "/forms/trees/draft", version="1")
    assert 'value="1"' in same.text
    done = post(admin, "/forms/trees/draft/publish", "/forms/trees/draft", version="2")
    assert done.status_code == 303
    assert "version=1" in admin.get("/forms/trees").text
    assert admin.get("/forms/trees/preview?version=9").status_code == 404
    assert post(admin, "/forms/trees/draft/drop", "/forms").status_code == 404


def test_a_draft_with_lists_is_tried_out_by_who_may_have_them(admin: FlaskClient) -> None:
    assert post(admin, "/forms/health_check/draft/begin").location == "/forms/health_check/draft"
    page = "/forms/health_check/draft"
    text = admin.get(page).text
    assert 'value="health"' in text
    assert 'value="treasurer"' not in text
    for role in ("health", "treasurer"):
        assert post(admin, f"{page}/code", page, role=role).status_code == 400
    club = re.search(r'value="(club:[^"]+)"', text)
    assert club is not None
    shown = post(admin, f"{page}/code", page, role="health", place=club[1])
    assert "<svg" in shown.text
    assert post(admin, f"{page}/drop", page).location == "/forms"


def test_a_form_is_closed_and_opened_and_its_file_replaced(town: Town, admin: FlaskClient) -> None:
    page = "/forms/care_visit"
    assert post(admin, f"{page}/state", page, state="odd").status_code == 400
    for state in ("closed", "open"):
        assert post(admin, f"{page}/state", page, state=state).status_code == 303
        with town.database.read() as db:
            assert definitions.get_form(db, "care_visit").state == state
    names = [file.name for file in files_of(town, "membership") if file.list_name is None]
    for name in names[:1]:
        sent = (BytesIO(b"name,label\n"), name)
        answer = post(admin, "/forms/membership/media", page, name=name, file=sent)
        assert answer.status_code == 303
        assert admin.get(f"/forms/membership/media/{name}").data == b"name,label\n"
    listed = next(file for file in files_of(town, "membership") if file.list_name is not None)
    assert admin.get(f"/forms/membership/media/{listed.name}").status_code == 404
    sent = (BytesIO(b"x"), "x")
    assert post(admin, "/forms/membership/media", page, name="none", file=sent).status_code == 400
    nothing = post(admin, "/forms/membership/media", page, name="none")
    assert "Chưa chọn tệp." in nothing.text


def files_of(town: Town, form: str) -> list[definitions.FormFile]:
    with town.database.read() as db:
        return definitions.list_files(db, definitions.get_form(db, form).version_id)


def test_a_public_link_is_shown_once_and_shut(town: Town, admin: FlaskClient) -> None:
    page = "/forms/supervision"
    city = post(admin, f"{page}/links", page, name="Khảo sát", role="city")
    assert city.status_code == 400
    for kept in ("<details open>", 'value="Khảo sát"', '<option value="city" selected>'):
        assert kept in city.text
    made = post(admin, f"{page}/links", page, name="Khảo sát", role="commune")
    assert "<svg" in made.text
    address = re.search(r'readonly value="([^"]+)"', made.text)
    assert address is not None
    assert unescape(address[1]) not in admin.get(page).text
    (shut,) = re.findall(rf'action="({page}/links/\d+/revoke)"', admin.get(page).text)
    assert post(admin, shut.replace("supervision", "care_visit"), page).status_code == 404
    for _ in range(2):  # again: it is so already
        assert post(admin, shut, page).status_code == 303
    assert "Đã khóa từ trước" in admin.get(page).text


def test_only_who_manages_forms_comes_here(town: Town) -> None:
    for name in ("city", "commune", "chair", "dpo"):
        for path in ("/forms", "/upload-form", "/forms/care_visit", "/forms/care_visit/back/xml"):
            assert town.browser(name).get(path).status_code == 403
