"""The desk of personal data: a request is noted, worked on, and ends with a person erased."""

from __future__ import annotations

import json
import re
from typing import Any

import sqlalchemy as sa

from sync import access, accounts, audit, browsing, catalogue, links, made_files, rolls
from sync.access import Caller
from sync.export import export_records
from sync.reading import open_form
from sync.tables import app_users, entities, figures
from tests.server.pages.town import Town, post
from tests.sync.sending import an_id

NAME, ID_NUMBER = "Ngô Thị Quỳnh Như", "048149001234"


def test_a_request_leads_from_a_name_to_a_file_consent_taken_back_and_the_proof(
    town: Town,
) -> None:
    town.joins("nhu", "A-1", NAME, "1949", id_number=ID_NUMBER)
    town.joins("namesake", "B-1", NAME, "1951")
    town.is_checked("nhu", "A-1", "2025-09-15")
    town.is_visited("nhu", "A-1", "2025-11-04", volunteers=an_id("ba"))
    town.works()
    dpo, nhu = town.browser("dpo"), an_id("nhu")
    assert "Chưa có." in dpo.get("/privacy").text
    assert dpo.get(f"/privacy/identity/{nhu}").status_code == 403  # nobody has asked
    found = post(dpo, "/privacy/people", sought="ngo thi quynh").text
    assert f"{NAME} · 1949" in found
    assert "CLB A-1" in found
    ask = {"uuid": nhu, "kind": "erase", "received_on": "2026-01-19", "paper": "12/YC"}
    for day in ("", "31/02/2026"):
        wrong = {**ask, "received_on": day, "sought": "ngo thi quynh"}
        unread = post(dpo, "/privacy/requests", **wrong)
        assert unread.status_code == 400
        assert f"Không hiểu ngày “{day}”" in unread.text
        for typed in (f'value="{nhu}" required checked', '"erase" selected', 'value="12/YC"'):
            assert typed in unread.text
    assert "Thiếu: Người" in post(dpo, "/privacy/requests", **{**ask, "uuid": ""}).text
    other = post(dpo, "/privacy/requests", **{**ask, "kind": "access"}).headers["Location"]
    assert "Xóa hẳn" not in dpo.get(other).text  # who wants to see her data is not erased for it
    refused = post(dpo, f"{other}/erase", sure="yes")
    assert (refused.status_code, "không xin xóa" in refused.text) == (409, True)
    refused = post(dpo, f"{other}/restrict", what="restrict")
    assert (refused.status_code, "không xin hạn chế" in refused.text) == (409, True)
    noted = post(dpo, "/privacy/requests", **ask)
    assert noted.status_code == 303
    request = noted.headers["Location"]
    shown = dpo.get(request).text
    assert "21/01/2026" in shown  # two working days
    assert shown.count(NAME) == 2  # also beside “this is the right person”
    assert post(dpo, f"{request}/file").status_code == 400
    file = post(dpo, f"{request}/file", sure="yes", kind="page").text
    for word in (NAME, ID_NUMBER, "Rút lại: Cho lưu thông tin sức khỏe"):
        assert word in file
    assert "<strong>đồng ý</strong>" in file
    assert ("(người khác)" in file, "Trần Thị Ba" in file) == (True, False)
    for machine in ("paper_signature", "c_health", "health_check", "person.name", nhu):
        assert f">{machine}<" not in file
    for told in (
        "Chữ ký trên giấy",
        "Khám sức khỏe định kỳ",
        "146",
        "Dữ liệu của một người: đã xem tên",
    ):
        assert told in file
    whole = post(dpo, f"{request}/file", sure="yes", kind="json")
    assert NAME in json.dumps(json.loads(whole.data), ensure_ascii=False)
    assert post(dpo, f"{request}/file", sure="yes", kind="xlsx").data[:2] == b"PK"
    assert post(dpo, f"{request}/file", sure="yes", kind="pdf").data[:5] == b"%PDF-"
    revealed = post(dpo, f"/privacy/identity/{nhu}", reason="request").text
    assert ID_NUMBER in revealed
    assert post(dpo, f"/privacy/identity/{nhu}", reason="curious").status_code == 400

    taken = post(dpo, f"{request}/withdraw", fact="c_health")
    assert taken.status_code == 303
    assert "xóa 1 phiếu" in dpo.get(request).text
    with town.database.read() as db:
        data = db.scalar(sa.select(entities.c.data).where(entities.c.uuid == nhu))
        assert data["c_health"] == "no"
    late = [
        post(dpo, "/privacy/requests", **{**ask, "kind": kind}).headers["Location"]
        for kind in ("correct", "restrict")
    ]
    with town.database.write() as db:
        for number, owner in enumerate((None, an_id("namesake"))):
            named = (f"Máy {NAME} {number}", "volunteer", None, town.clubs["B-1"], f"{number}" * 64)
            accounts.add_app_user(db, *named, town.runtime.now(), person_id=owner)
    assert post(dpo, f"{request}/erase").status_code == 400
    erased = post(dpo, f"{request}/erase", sure="yes")
    proof = dpo.get(erased.headers["Location"])
    assert "Phiếu giữ lại, không còn tên" in proof.text
    assert "entity_versions" not in proof.text
    kept = dpo.get(re.sub("$", ".json", erased.headers["Location"]))
    assert NAME not in kept.text
    with town.database.read() as db:  # what another of her name is called by stays
        phones = list(db.scalars(sa.select(app_users.c.name).order_by(app_users.c.id)))
    assert phones == ["Máy (đã xóa · erased) 0", f"Máy {NAME} 1"]
    said = {"full_name": NAME, "since": "2026-01-01", "reason": "x"}
    corrected = post(dpo, late[0].replace("/privacy/requests", "/corrections"), **said)
    restricted = post(dpo, f"{late[1]}/restrict", what="restrict")
    assert (corrected.status_code, restricted.status_code) == (409, 409)
    assert post(dpo, f"{request}/step", act="close").status_code == 303
    assert NAME not in dpo.get(request).text
    assert post(dpo, f"{request}/file", sure="yes").status_code == 403
    with town.database.read() as db:
        seen = [one.action for one in audit.who_saw(db, "members", [nhu])][::-1]
    taken = [one for one in seen if one not in ("person.find", "person.name")]
    assert taken == ["person.show", *("person.export",) * 3, "identity.reveal"]
    assert {"person.find", "person.name"} <= set(seen)


def test_an_entry_is_corrected_upon_a_request_and_phones_and_figures_follow(town: Town) -> None:
    town.joins("sau", "A-1", "Lê Thị Sáo", "1950", phone="0905000111", id_number=ID_NUMBER)
    town.works()
    dpo, commune, sau = town.browser("dpo"), town.browser("commune"), an_id("sau")
    ask = {"uuid": sau, "received_on": "2026-01-19"}
    for kind in ("access", "correct"):
        request = post(dpo, "/privacy/requests", kind=kind, **ask).headers["Location"]
        address = "/corrections/" + request.rpartition("/")[2]
        assert dpo.get(address).status_code == (409 if kind == "access" else 200)
    assert f'href="{address}"' in dpo.get(request).text
    assert f'href="{address}"' in commune.get("/corrections").text
    assert "Lê Thị Sáo" not in town.browser("commune_b").get("/corrections").text
    assert town.browser("commune_b").get(address).status_code == 404
    assert "Hiện nay: 0905000111" in commune.get(address).text
    assert (ID_NUMBER in dpo.get(address).text, ID_NUMBER in commune.get(address).text) == (
        True,
        False,
    )
    why = {"since": "2026-01-20", "reason": "Theo giấy khai sinh"}
    right = {"full_name": "Lê Thị Sáu", "birth_date": "08/1952", "hamlet": "tổ 9", **why}
    assert "Chưa sửa chỗ nào" in post(commune, address, **why).text
    for wrong in ({"birth_date": "31/02/1952"}, {"sex": "x"}, {"since": "2027-01-01"}):
        refused = post(commune, address, **(right | wrong))
        assert (refused.status_code, 'value="Lê Thị Sáu"' in refused.text) == (400, True)
    ignored = {"id_number": "111111111"}  # no answer of his
    assert post(commune, address, **right, **ignored).status_code == 303
    town.works()
    with town.database.read() as db:
        row = db.execute(sa.select(entities).where(entities.c.uuid == sau)).one()
    assert row.label == "Lê Thị Sáu · 1952 · tổ 9"
    assert (row.data["birth_year"], row.data["hamlet"]) == ("1952", "tổ 9")
    assert town.world.told(sau, "full_name")[0][:2] == ("Lê Thị Sáu", "2019-05-01")
    assert town.world.told(sau, "born_on")[-1][0] == "1952-08-01"
    assert ID_NUMBER in dpo.get(address).text
    assert "đã sửa" in dpo.get(request).text
    file = post(dpo, f"{request}/file", sure="yes", kind="page").text
    for word in ("Lê Thị Sáo", "Lê Thị Sáu", "Theo giấy khai sinh"):
        assert word in file


def test_who_is_restricted_is_shown_to_nobody_but_the_desk_and_counted_as_before(
    town: Town,
) -> None:
    name, mai = "Võ Thị Mai Sương", an_id("mai")
    town.joins("mai", "A-1", name, "1947")
    town.is_checked("mai", "A-1", "2025-08-15")
    town.is_visited("mai", "A-1", "2025-11-05")
    town.is_visited("mai", "A-1", "2025-11-05", key="mai again", start_time="15:00:00.000+07:00")
    again = f"uuid:{an_id('mai again')}"
    town.is_visited("mai", "A-1", "2017-11-05")  # before there was a club: held back
    town.is_visited("ba", "A-1", "2025-11-06", volunteers=mai)
    town.works()

    def shown() -> set[str]:
        """Where her name stands."""
        found = {at for at, text in _everywhere(town, mai) if name in text}
        assert name in post(dpo, "/privacy/people", sought="vo thi mai suong").text
        return found

    dpo, everywhere = town.browser("dpo"), {at for at, _ in _everywhere(town, mai)}
    assert shown() == everywhere
    counted, waiting = _figures(town), _waiting(town)
    asked = {"uuid": mai, "kind": "restrict", "received_on": "2026-01-19"}
    request = post(dpo, "/privacy/requests", **asked).headers["Location"]
    assert post(dpo, f"{request}/restrict").status_code == 400
    for what, left in (("restrict", set()), ("lift", everywhere)):
        done = post(dpo, f"{request}/restrict", what=what)
        assert done.status_code == 303
        assert post(dpo, f"{request}/restrict", what=what).status_code == 409
        town.works()
        assert shown() == left
        assert (again in town.browser("commune").get("/events").text) == bool(left)
        assert _figures(town) == counted
        assert _waiting(town) == waiting - (what == "restrict")
        assert town.world.differences() == []
        if what == "restrict":
            assert "Đang hạn chế từ" in dpo.get(request).text
            assert "Đang hạn chế" in dpo.get("/privacy").text
            assert name in post(dpo, f"{request}/file", sure="yes", kind="page").text
            post(dpo, f"{request}/step", act="close")  # it can be taken back for all that


def _everywhere(town: Town, uuid: str) -> list[tuple[str, str]]:
    """Where a member stands by name: pages, programs, files and phones' lists."""
    library, now = town.runtime.library, town.runtime.now()
    commune, health = town.browser("commune"), town.browser("health")
    found = [
        ("list", commune.get("/lists/members?page=1").text),
        ("entry", commune.get(f"/lists/members/{uuid}").text),
        ("records", commune.get("/records/care_visit").text),
        ("events", commune.get("/events").text),
        ("checks", health.get("/records/health_check").text),
        ("program", commune.get("/v1/projects/1/datasets/members/entities.csv").text),
        ("entity", str(commune.get(f"/v1/projects/1/datasets/members/entities/{uuid}").json)),
    ]
    with town.database.read() as db:
        for role in ("volunteer", "chair", "health"):
            phone = Caller(
                "app_user", 1, "x", role, town.users[role].unit_id, town.users[role].club_id
            )
            csv = b"".join(catalogue.entity_csv(db, library, phone, "members", now))
            found.append((f"phone of {role}", csv.decode()))
        for roll in library.rolls.values():
            reading = rolls.reading(db, library, access.OPERATOR, roll, now.date())
            tables = rolls.roll_tables(db, library, roll, reading, now.date(), "", club_code="A-1")
            found.append((f"roll {roll.name}", str([list(one.rows) for one in tables])))
        form = open_form(db, library, access.OPERATOR, "care_visit", now)
        tables = export_records(db, library, form)
        found.append(("export", str([list(one.rows) for one in tables])))
    return found


def _figures(town: Town) -> set[tuple[Any, ...]]:
    c = figures.c
    with town.database.read() as db:
        rows = db.execute(sa.select(c.period, c.club_id, c.indicator, c.cut_value, c.numerator))
        return {tuple(row) for row in rows}


def test_what_is_somebodys_who_is_restricted_is_shown_when_she_is(town: Town) -> None:
    town.joins("tu", "A-1", "Hồ Thị Tư", "1944")
    lent = {
        "club": town.clubs["A-1"], "member": an_id("tu"), "fund_source": "club_fund",
        "principal": "5000000", "disbursed_on": "2025-01-15", "term_months": "12",
        "rate_pct_month": "0.5", "repay_kind": "at_end", "purpose": "livestock",
        "first_status": "running",
    }  # fmt: skip
    town.world.send("loan", lent, "loan", create=an_id("loan"), label="Khoản vay số 7")
    town.works()
    dpo, treasurer = town.browser("dpo"), town.browser("treasurer")
    asked = {"uuid": an_id("tu"), "kind": "restrict", "received_on": "2026-01-19"}
    request = post(dpo, "/privacy/requests", **asked).headers["Location"]

    def shown() -> list[bool]:
        pages = ("/lists/loans", "/follow-up/loans_due", "/records/loan")
        return ["Khoản vay số 7" in treasurer.get(one).text for one in pages]

    before = shown()
    assert before[:2] == [True, True]
    post(dpo, f"{request}/restrict", what="restrict")
    paid = {"club": town.clubs["A-1"], "loan": an_id("loan"), "action": "pay"}
    paid |= {"pay_date": "2025-06-01", "principal_paid": "1000000"}
    town.world.send("repayment", paid, "pays", update=an_id("loan"))
    town.works()
    assert shown() == [False, False, False]
    post(dpo, f"{request}/restrict", what="lift")
    assert shown() == before


def test_who_is_registered_again_while_she_is_restricted_stays_so(town: Town) -> None:
    name = "Phùng Thị Sáu"
    town.joins("sau", "A-1", name, "1943")
    town.is_visited("sau", "A-1", "2025-11-07")
    town.works()
    dpo, commune = town.browser("dpo"), town.browser("commune")
    asked = {"uuid": an_id("sau"), "kind": "restrict", "received_on": "2026-01-19"}
    request = post(dpo, "/privacy/requests", **asked).headers["Location"]
    post(dpo, f"{request}/restrict", what="restrict")
    town.joins("sau again", "A-1", name, "1934", join_date="2018-06-01")
    town.works()
    both = [an_id("sau"), an_id("sau again")]
    with town.database.write() as db:  # as the server does by itself where it is certain
        who = {"actor": "system", "now": town.runtime.now()}
        assert links.link(db, town.runtime.library, "members", both, **who) == both[1]
    town.works()
    pages = (
        "/lists/members",
        "/records/care_visit",
        "/records/membership",
        "/follow-up/not_visited",
    )
    assert [name in commune.get(one).text for one in pages] == [False] * 4
    assert "Đang hạn chế từ" in dpo.get(request).text
    post(dpo, f"{request}/restrict", what="lift")
    assert [name in commune.get(one).text for one in pages] == [True] * 4
    assert town.world.differences() == []


def _waiting(town: Town) -> int:
    """How many visits the commune is told of that are not counted yet."""
    with town.database.read() as db:
        who = (town.runtime.library, town.users["commune"], town.runtime.now().date())
        (found,) = (f for f in browsing.forms_of(db, *who) if f.xml_form_id == "care_visit")
    return found.held


def test_who_may_see_a_hidden_number_sees_those_of_the_own_commune_for_a_reason(
    town: Town,
) -> None:
    address = f"/privacy/identity/{an_id('ba')}"
    commune = town.browser("commune")
    assert commune.get(address).status_code == 200
    assert "Không giữ số" in post(commune, address, reason="insurance").text
    assert town.browser("commune_b").get(address).status_code == 404
    for name in ("chair", "city", "admin"):
        assert town.browser(name).get(address).status_code == 403


def test_who_takes_consent_back_by_a_phone_is_locked_in_records_files_and_programs(
    town: Town,
) -> None:
    health, thuy, form = town.browser("health"), an_id("thuy"), "health_check"
    number = f"uuid:{an_id('check thuy 2025-09-15')}"
    programs = f"/v1/projects/1/forms/{form}"
    page = health.get(f"/records/{form}/find?id={number}").location
    binned = f"uuid:{an_id('check thuy 2024-06-10')}"
    deleted = health.get(f"/records/{form}/find?id={binned}").location
    assert post(health, f"{deleted}/delete", delete_words="Gửi nhầm").status_code == 303
    post(health, "/files", kind="records", form=form, format="csv")
    post(health, "/files", kind="follow_up", list="flagged_checks", format="xlsx")
    town.works()
    with town.database.read() as db:
        files = made_files.list_files(db, town.users["health"].id)
    taken = [f"/files/{file.id}" for file in files]
    opened = (page, deleted, f"{programs}/submissions/{number}.xml", *taken)
    assert [health.get(one).status_code for one in opened] == [200] * 5
    assert "Thủy" in health.get("/follow-up/flagged_checks").text
    said = {"club": town.clubs["A-2"], "member": thuy, "effective_date": "2025-12-01"}
    said |= {"what": "consent", "c_health": "no"}
    town.world.send("member_update", said, "thuy refuses", update=thuy)
    town.works()
    assert [health.get(one).status_code for one in opened] == [404, 404, 404, 403, 403]
    assert "Thủy" not in health.get("/follow-up/flagged_checks").text
    assert deleted not in health.get(f"/records/{form}?deleted=yes").text
    assert post(health, f"{deleted}/restore", restore_words="Xem lại").status_code == 404
    town.is_checked("thuy", "A-2", "2025-12-20")  # filled in by who did not know it yet
    town.works()
    flagged = [one for one in town.world.records("health_check") if one.subject_id == thuy]
    assert [len(one.problems) for one in flagged] == [1, 1]
    assert "phải xóa" in flagged[-1].problems[0]["details"]["vi"]
    assert not flagged[-1].held_back
    late = f"uuid:{an_id('check thuy 2025-12-20')}"
    assert health.get(f"/records/{form}/find?id={late}").status_code == 404
    assert "1 người, 3 phiếu" in town.browser("dpo").get("/privacy").text
    assert number not in health.get(f"{programs}/submissions.csv").text
    assert number not in health.get(f"{programs}.svc/Submissions").text
    assert number not in health.get(f"{programs}/submissions").text
    post(health, "/files", kind="records", form=form, format="csv")
    town.works()
    with town.database.read() as db:
        newest, *_ = made_files.list_files(db, town.users["health"].id)
        tables = export_records(
            db,
            town.runtime.library,
            open_form(db, town.runtime.library, town.users["health"], form, town.runtime.now()),
        )
        rows = [row for table in tables for row in table.rows]
    assert health.get(f"/files/{newest.id}").status_code == 200
    assert rows
    assert not any(number in map(str, row) for row in rows)
