"""The office's pages: phones and people, failed work, the audit, units, one's own account."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.tasks import DIED
from sync import accounts, places, posts, queue
from sync.tables import app_users, audit_events, club_places, users
from sync.tables import queue as queue_table
from tests.conftest import NOW
from tests.server.pages.town import OTHER_WARD, WARD, Town, post, token_in
from tests.sync.sending import an_id


def place(town: Town, club: str) -> str:
    return posts.as_value(None, town.clubs[club])


def told(page: TestResponse) -> str:
    """The password that the page shows, once."""
    found = re.search(r"<code>(\S+)</code>", page.text)
    assert found is not None, page.text
    return found[1]


def send_file(client: FlaskClient, address: str, content: str, **more: str) -> TestResponse:
    file = (BytesIO(content.encode()), "x.csv")
    token = token_in(client.get("/"))
    return client.post(address, data={"csrf_token": token, "file": file, **more})


def actions(town: Town, subject: str) -> list[str]:
    c = audit_events.c
    with town.database.read() as db:
        return list(db.scalars(sa.select(c.action).where(c.subject == subject).order_by(c.id)))


# ------------------------------------------------------------------ phones
def test_new_phones_show_their_codes_once_and_one_is_shut_out(town: Town) -> None:
    admin = town.browser("admin")
    names = "Trần Thị Bảy\n\n Lê Văn Tám \n"
    wanted = {"names": names, "role": "volunteer", "place": place(town, "A-1"), "contact": "Cô Hà"}
    added = post(admin, "/phones/new", **wanted)
    assert added.status_code == 200
    assert added.text.count("<svg") == added.text.count("<section>") == 2
    assert "Cô Hà" in added.text
    assert "/v1/key/" not in added.text  # a code is in its picture, and in no address
    assert added.headers["Cache-Control"] == "no-store"
    again = post(admin, "/phones/new", **wanted)  # the page sent once more makes no second key
    assert again.status_code == 409
    assert names.split("\n", 1)[0] in again.text
    held = {**wanted, "names": "Cô Năm", "holder": an_id("nam")}
    no_person = {"holder": town.clubs["A-1"]}
    for wrong in ({"names": "Cô Năm\nCô Sáu"}, {"holder": an_id("nobody")}, no_person):
        assert post(admin, "/phones/new", **{**held, **wrong}).status_code == 400
    assert "<svg" in post(admin, "/phones/new", **held).text
    with town.database.read() as db:
        holder = sa.select(app_users.c.person_id).where(app_users.c.name == "Cô Năm")
        assert db.scalar(holder) == an_id("nam")
    listed = admin.get("/phones?q=tran+thi").text
    assert "Trần Thị Bảy" in listed
    assert "Lê Văn Tám" not in listed
    assert "Trần Thị Bảy" not in admin.get("/phones?first=50").text
    with town.database.read() as db:
        c = app_users.c
        number = db.scalar(sa.select(c.id).where(c.name == "Lê Văn Tám"))
    assert "CLB A-1" in admin.get(f"/phones/{number}").text
    ill = {"created_at": NOW - timedelta(days=20), "clock_offset_seconds": -3 * 3600}
    with town.database.write() as db:
        db.execute(app_users.update().where(c.id == number).values(ill))
    asked = admin.get("/phones?show=ask").text
    assert "im lặng 20 ngày" in asked
    assert "đồng hồ lệch -3 giờ" in asked
    assert "Trần Thị Bảy" not in asked
    assert post(admin, f"/phones/{number}/revoke").status_code == 303
    assert "Lê Văn Tám" not in admin.get("/phones").text
    assert "Lê Văn Tám" in admin.get("/phones?show=revoked").text
    assert post(admin, f"/phones/{number}/revoke").status_code == 303
    assert "Đã khóa từ trước" in admin.get(f"/phones/{number}").text
    assert post(admin, "/phones/999999/revoke").status_code == 404
    assert actions(town, f"app_user:{number}") == ["phone.create", "phone.revoke"]
    for role, where in (("district", place(town, "A-1")), ("volunteer", ""), ("volunteer", "x")):
        refused = post(admin, "/phones/new", names="Ai", role=role, place=where)
        assert refused.status_code == 400
        assert "Ai" in refused.text


def test_a_file_of_phones_is_taken_whole_or_told_cell_by_cell(town: Town) -> None:
    admin = town.browser("admin")
    bad = send_file(admin, "/phones/file", "tên;vai trò;CLB\nNguyễn Thị Chín;volunteer;A-9\n")
    assert bad.status_code == 400
    assert "C2" in bad.text
    assert "A-9" in bad.text
    assert send_file(admin, "/phones/file", "\x00").status_code == 400
    assert send_file(admin, "/phones/file", "x" * 400_001).status_code == 400
    assert post(admin, "/phones/file").status_code == 400
    good = "tên;vai trò;CLB\nNguyễn Thị Chín;tình nguyện viên;A-2\n"
    assert send_file(admin, "/phones/file", good).text.count("<svg") == 1
    assert send_file(admin, "/phones/file", good).status_code == 400


# ------------------------------------------------------------------ people
def test_a_person_is_added_gets_another_role_and_password_and_is_ended(town: Town) -> None:
    admin = town.browser("admin")
    added = post(admin, "/users/new", name="lan", role="chair", place=place(town, "A-1"))
    password = told(added)
    with town.database.read() as db:
        lan = accounts.find_user(db, "lan")
    assert lan is not None
    assert accounts.check(lan, password)
    page = f"/users/{lan.caller.id}"
    with town.database.read() as db:
        unit = places.find_unit(db, OTHER_WARD, NOW.date())
    assert unit is not None
    assert post(admin, page, role="commune", place=posts.as_value(unit.id, None)).status_code == 303
    with town.database.read() as db:
        found = accounts.find_user(db, "lan")
    assert found is not None
    assert (found.caller.role, found.caller.unit_id) == ("commune", unit.id)
    assert found.caller.club_id is None
    assert post(admin, page, role="chair", place="").status_code == 400
    assert post(admin, page, role="emperor", place="").status_code == 400
    another = told(post(admin, f"{page}/password"))
    assert another != password
    assert post(admin, f"{page}/end").status_code == 303
    with town.database.read() as db:
        assert accounts.find_user(db, "lan") is None
    assert "lan" in admin.get("/users?show=disabled&q=LAN").text
    for path, given in (("/password", {}), ("", {"role": "city", "place": ""})):
        ended = post(admin, f"{page}{path}", **given)
        assert ended.status_code == 409
        assert "đã kết thúc" in ended.text
    assert post(admin, f"{page}/end").location == page  # twice is once
    assert "kết thúc từ trước" in admin.get(page).text
    assert post(admin, "/users/999999/end").status_code == 404
    assert post(admin, "/users/new", name="lan", role="city", place="").status_code == 409
    assert admin.get("/users/999999").status_code == 404
    lines = actions(town, f"user:{lan.caller.id}")
    assert lines == ["user.create", "user.role", "user.password", "user.disable"]


def test_nobody_ends_or_changes_their_own_account_here(town: Town) -> None:
    admin, own = town.browser("admin"), f"/users/{town.users['admin'].id}"
    for answer in (post(admin, f"{own}/end"), post(admin, own, role="city", place="")):
        assert answer.status_code == 409
        assert "nhờ một người quản trị khác" in answer.text
    assert admin.get("/users").status_code == 200


def test_a_person_changes_the_own_password_and_signs_out_everywhere(town: Town) -> None:
    password = told(post(town.browser("admin"), "/users/new", name="mai", role="city", place=""))
    here, there = town.app.test_client(), town.app.test_client()
    for browser in (here, there):
        entered = post(browser, "/sign-in", "/sign-in", name="mai", password=password)
        assert entered.status_code == 303
    assert here.get("/account").text.count("20/01/2026") == 2  # the sign-ins
    new = {"new": "mật khẩu mới", "again": "mật khẩu mới"}
    wrong = post(here, "/account/password", old="not mine", **new)
    assert wrong.status_code == 400
    assert post(here, "/account/password", old=password, **new | {"again": "x"}).status_code == 400
    assert post(here, "/account/password", old=password, new="x", again="x").status_code == 400
    assert post(here, "/account/password", old=password, **new).status_code == 303
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 302  # to sign in
    entered = post(there, "/sign-in", "/sign-in", name="mai", password="mật khẩu mới")
    assert entered.status_code == 303
    assert post(here, "/account/sign-out", password=password).status_code == 400
    assert post(here, "/account/sign-out", password="mật khẩu mới").status_code == 303
    assert {browser.get("/account").status_code for browser in (here, there)} == {302}


def test_a_token_is_told_once_and_does_what_was_ticked_until_it_is_ended(town: Town) -> None:
    admin, program = town.browser("admin"), town.app.test_client()
    nothing = post(admin, "/account/tokens", name="sao lưu", days="30")
    assert nothing.status_code == 400
    too_much = post(admin, "/account/tokens", name="sao lưu", scope="audit.read", days="30")
    assert too_much.status_code == 400
    made = post(admin, "/account/tokens", name="sao lưu", scope="phones.manage", days="30")
    secret = told(made)
    listed = admin.get("/account/tokens").text
    assert "thêm và khóa điện thoại" in listed
    assert secret not in listed
    bearer = {"Authorization": f"Bearer {secret}"}
    assert program.get("/v1/projects/1/app-users", headers=bearer).status_code == 200
    assert program.get("/v1/users", headers=bearer).status_code == 403
    number = re.search(r"/account/tokens/(\d+)/revoke", listed)
    assert number is not None
    assert post(town.browser("city"), number[0], "/account").status_code == 404
    assert post(admin, number[0]).status_code == 303
    assert program.get("/v1/projects/1/app-users", headers=bearer).status_code == 401


# ------------------------------------------------------------------ the server
def test_failed_work_is_told_in_words_and_tried_again(town: Town) -> None:
    admin = town.browser("admin")
    with town.database.write() as db:
        rows = [
            {"name": "measure", "payload": {"period": "2025H2"}, "error": "KeyError (a:1)"},
            {"name": "process", "payload": None, "error": DIED, "subject_id": 1},
            {"name": "make file", "payload": None, "error": DIED, "subject_id": 1},
        ]  # fmt: skip
        for row in rows:
            values = {"added_at": NOW, "due_at": NOW, "tries": 5, "failed_at": NOW}
            db.execute(queue_table.insert(), row | values)
        ids = [one.id for one in queue.failed(db)]
    page = admin.get("/server").text
    assert "KeyError (a:1)" in page
    assert DIED not in page  # in words instead
    assert "2025H2" in page
    assert page.count("nhận lúc") == 1  # only the form that came in is a form that came in
    assert post(admin, "/server/retry", work=str(ids[0])).status_code == 303
    with town.database.read() as db:
        assert [one.id for one in queue.failed(db)] == ids[1:]
    assert post(admin, "/server/retry", work=str(ids[0])).status_code == 404
    assert post(admin, "/server/retry").status_code == 303
    with town.database.write() as db:
        assert queue.failed(db) == []
        db.execute(queue_table.delete().where(queue_table.c.id.in_(ids)))
    assert actions(town, f"work:{ids[0]}") == ["work.retry"]
    assert admin.get("/server/check").status_code == 200


def test_the_audit_tells_who_did_what_in_words_and_page_after_page(town: Town) -> None:
    post(town.browser("admin"), "/users/new", name="tuan", role="city", place="")
    dpo = town.browser("dpo")
    page = dpo.get("/audit?kind=user").text
    assert "Người đăng nhập: đã thêm" in page
    assert "admin" in page
    actor = town.users["admin"].actor
    mine = dpo.get(f"/audit?actor={actor}&from=2026-01-20&to=2026-01-20")
    assert mine.text.count(">admin</a>") >= 1
    assert f'<option value="{actor}" selected>admin<' in mine.text
    assert '<option value="app_user:7" selected>' in dpo.get("/audit?actor=app_user:7").text
    assert "Không có việc nào" in dpo.get(f"/audit?actor={actor}&to=2026-01-19").text
    unread = dpo.get("/audit?from=yesterday")
    assert unread.status_code == 400
    assert "Không hiểu ngày “yesterday”" in unread.text
    with town.database.write() as db:
        rows = [{"at": NOW, "actor": "system", "action": "club.place", "subject": f"club:{n}"}
                for n in range(60)]  # fmt: skip
        db.execute(audit_events.insert(), rows)
    first = dpo.get("/audit?actor=system&kind=club").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = dpo.get(following[1].replace("&amp;", "&")).text
    assert [f"club:{n}<" in first for n in (59, 10, 9, 0)] == [True, True, False, False]
    assert [f"club:{n}<" in second for n in (59, 10, 9, 0)] == [False, False, True, True]


# ------------------------------------------------------------------ units: last, the tree changes
def test_a_club_is_placed_and_a_decision_is_shown_before_it_is_carried_out(town: Town) -> None:
    city = town.browser("city")
    with town.database.read() as db:
        ward, other = (places.find_unit(db, code, NOW.date()) for code in (WARD, OTHER_WARD))
    assert ward is not None
    assert other is not None
    ward_page = city.get(f"/units/{ward.id}").text
    assert "CLB A-1" in ward_page
    assert "Thọ Quang" in ward_page.partition("Từ đâu mà có")[2]
    assert city.get("/units/0").status_code == 404
    assert "Quận" in city.get("/units?day=2024-01-01").text
    moved = {"club": place(town, "B-1"), "unit": f"unit:{ward.id}", "day": "2026-01-05"}
    assert post(city, "/units/clubs", **moved).status_code == 303
    with town.database.read() as db:
        c = club_places.c
        kept = sa.select(c.unit_id).where(c.club_id == town.clubs["B-1"]).order_by(c.valid_from)
        assert list(db.scalars(kept))[-1] == ward.id
    for wrong in ({"club": "club:x"}, {"unit": "unit:0"}, {"unit": "x"}, {"day": "5/13/2026"}):
        assert post(city, "/units/clubs", **moved | wrong).status_code == 400

    founded = f"club_code,name,unit_code,founded_on\nA-9,CLB Chín,{WARD},2026-01-02\n"
    assert send_file(city, "/units/clubs/file", founded).status_code == 303
    assert "Mới: 1." in city.get("/units/clubs").text
    assert "CLB Chín" in city.get(f"/units/{ward.id}").text
    wrong_day = send_file(city, "/units/clubs/file", founded.replace("2026-01-02", "yesterday"))
    assert wrong_day.status_code == 400
    assert "founded_on" in wrong_day.text

    text = (
        f"day,kind,level,old_code,new_code,new_name\n2027-01-01,rename,commune,{WARD},{WARD},Mới\n"
    )
    shown = send_file(city, "/units/decision", text)
    assert shown.status_code == 200
    assert "Phường Mới" in shown.text
    assert "CLB A-1" in shown.text
    with town.database.read() as db:
        assert places.find_unit(db, WARD, NOW.date().replace(year=2027)) == ward
    bad = send_file(city, "/units/decision", text.replace("rename", "vanish"))
    assert bad.status_code == 400
    assert "2" in bad.text
    assert post(city, "/units/decision", text=text, carry_out="yes").status_code == 303
    with town.database.read() as db:
        named = places.find_unit(db, WARD, NOW.date().replace(year=2027))
    assert named is not None
    assert named.name == "Mới"
    assert "Mới" in city.get(f"/units/{named.id}").text


def test_nobody_else_reaches_the_offices_pages(town: Town) -> None:
    for name in ("chair", "commune", "dpo", "volunteer"):
        browser = town.browser(name)
        for address in ("/phones", "/phones/new", "/users", "/users/1", "/server", "/units"):
            assert browser.get(address).status_code == 403, (name, address)
    with town.database.read() as db:
        before = db.scalar(sa.select(sa.func.count()).select_from(users))
    assert post(town.browser("chair"), "/users/new", "/account", name="x").status_code == 403
    with town.database.read() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(users)) == before
