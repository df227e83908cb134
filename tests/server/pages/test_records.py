"""What was sent, as people look through it: cut to their own, judged, never run as code."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa

from sync import accounts, audit, tables
from sync.blobs import StoredBlob
from sync.receive import ReceivedFile, keep_files
from tests.conftest import NOW
from tests.server.pages.town import Town, post, told
from tests.sync.sending import an_id

NASTY = "<script>alert('1')</script>"
HURTS = '"><img src=x onerror=alert(1)>'  # the name of a file; a "/" would end in a folder
VISITS = "/records/care_visit"
# A picture of one pixel, as small as PNG can be.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c63600000000200014dde1ad40000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def seen(town: Town) -> Town:
    """A visit that was corrected, with a picture; one that names a hostile file; one of nobody."""
    with town.database.write() as db:
        phone = accounts.add_app_user(db, NASTY, "volunteer", None, town.clubs["A-1"], "t", NOW)
    town.is_visited("ba", "A-1", "2025-12-02", photo="a.png", sys="231", note="gầy đi")
    visit(town, "visit ba 2025-12-02", "again", photo="a.png", sys="232", minutes="50")
    town.joins("nasty", "A-1", NASTY, "1950")
    town.is_visited("nasty", "A-1", "2025-12-03", photo=f"{HURTS}.png", note=NASTY)
    ids = [number_of(town, "care_visit", key)[1] for key in ("again", "visit nasty 2025-12-03")]
    pixel = town.runtime.blobs.put(PIXEL)
    with town.database.write() as db:
        v = tables.submission_versions
        db.execute(v.update().where(v.c.id == ids[1]).values(app_user_id=phone))
        for version, name in zip(ids, ("a.png", f"{HURTS}.png"), strict=True):
            blob = StoredBlob(pixel.sha256, pixel.size)
            keep_files(db, version, [ReceivedFile(name, blob, "image/png")], NOW)
    town.works()
    return town


def visit(town: Town, replaces: str, key: str, **answers: str) -> None:
    given = {"club": town.clubs["A-1"], "client": an_id("ba"), "visit_date": "2025-12-02"}
    given |= {"outcome": "met", "start_time": "08:00:00.000+07:00", **answers}
    town.world.send("care_visit", given, key, replaces=replaces)


def number_of(town: Town, form: str, key: str) -> tuple[int, int]:
    """(submission, version) of what was sent under this key."""
    v = tables.submission_versions.c
    with town.database.read() as db:
        query = sa.select(v.submission_id, v.id).where(v.instance_id == f"uuid:{an_id(key)}")
        submission, version = db.execute(query).one()
    return submission, version


def test_the_forms_are_those_that_a_role_reads(seen: Town) -> None:
    for name, forms in {
        "chair": {"care_visit", "membership", "ledger", "activity"},
        "health": {"care_visit", "health_check"},
        "treasurer": {"ledger", "loan", "repayment"},
        "city": {"club_registration", "supervision", "period_report"},
    }.items():
        found = set(re.findall(r'href="/records/(\w+)"', seen.browser(name).get("/records").text))
        assert forms <= found, name
        assert "health_check" not in found or name == "health"
    assert "/records" not in seen.browser("admin").get("/").text
    assert seen.browser("admin").get(VISITS).status_code == 403


def test_lines_are_cut_to_the_reader_and_sifted(seen: Town) -> None:
    chair, health, far = (seen.browser(name) for name in ("chair", "health", "commune_b"))
    assert lines(chair.get(VISITS).text) == 3
    assert lines(health.get(VISITS).text) == 4
    assert lines(health.get(f"{VISITS}?club=A-2").text) == 1
    assert lines(health.get(f"{VISITS}?club=B-1").text) == 0
    assert lines(far.get(VISITS).text) == 1
    assert lines(far.get(f"{VISITS}?club=A-1").text) == 0
    assert lines(chair.get(f"{VISITS}?period=2025H1").text) == 0
    assert lines(chair.get(f"{VISITS}?period=2025H2&state=received&needs=odd").text) == 2
    assert lines(chair.get(f"{VISITS}?state=edited").text) == 1
    assert lines(chair.get(f"{VISITS}?state=approved").text) == 0
    assert chair.get(f"{VISITS}?period=tomorrow").status_code == 400
    with seen.database.read() as db:
        (event, *_) = audit.who_saw(db, "members", [an_id("ba")])
    assert (event.action, event.actor) == ("submission.list", seen.users["chair"].actor)


def lines(text: str) -> int:
    return len(re.findall(rf'<td><a href="{VISITS}/\d+"', text))


def test_a_version_is_shown_in_words_and_what_it_changed(seen: Town) -> None:
    number, _ = number_of(seen, "care_visit", "again")
    health = seen.browser("health")
    text = health.get(f"{VISITS}/{number}").text
    assert "Trần Thị Ba · 1948" in text
    assert "02/12/2025" in text
    changes = text.split("What differs")[1]
    assert [one in changes for one in ("231", "232", "45", "50", "gầy đi")] == [True] * 5
    assert "Gặp được" in text
    post(health, "/language", language="en")
    english = health.get(f"{VISITS}/{number}").text
    assert "Day of the visit" in english  # labels and choices, where the form has English
    assert "Gặp được" not in english
    post(health, "/language", language="vi")
    first = health.get(f"{VISITS}/{number}?version=1").text
    assert "không phải bản đang dùng" in first
    assert "232" not in first
    assert health.get(f"{VISITS}/{number}?version=9").status_code == 404
    backwards = health.get(f"{VISITS}/{number}?version=1&with=2").text.split("What differs")[1]
    assert backwards.index("232") < backwards.index("231")


def test_withheld_answers_are_nowhere_on_the_page(seen: Town) -> None:
    number, _ = number_of(seen, "care_visit", "again")
    for name in ("chair", "commune"):
        text = seen.browser(name).get(f"{VISITS}/{number}").text
        assert "02/12/2025" in text
        assert "231" not in text
        assert "232" not in text
        assert ("gầy đi" in text) == (name == "commune")
    for name, status in {"chair_b1": 404, "commune_b": 404, "treasurer": 403}.items():
        assert seen.browser(name).get(f"{VISITS}/{number}").status_code == status


def test_a_submission_is_found_by_the_id_of_any_version_without_a_hint_to_others(
    seen: Town,
) -> None:
    number, _ = number_of(seen, "care_visit", "again")
    for key in ("again", "visit ba 2025-12-02"):
        answer = seen.browser("chair").get(f"{VISITS}/find?id={an_id(key)}")
        assert answer.location == f"{VISITS}/{number}"
    far = seen.browser("chair_b1")
    known = far.get(f"{VISITS}/find?id={an_id('again')}")
    unknown = far.get(f"{VISITS}/find?id={an_id('nothing')}")
    assert (known.status_code, unknown.status_code) == (404, 404)
    assert told(known) == told(unknown)


def test_pictures_are_given_to_who_may_see_the_answer_that_names_them(seen: Town) -> None:
    number, _ = number_of(seen, "care_visit", "again")
    chair = seen.browser("chair")
    (address,) = set(
        re.findall(r'<img class="photo" src="([^"]+)"', chair.get(f"{VISITS}/{number}").text)
    )
    answer = chair.get(address)
    assert answer.data.startswith(b"\x89PNG")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert chair.get(address.replace("a.png", "b.png")).status_code == 404
    assert seen.browser("chair_b1").get(address).status_code == 404


def pictures(text: str) -> list[str]:
    return [unescape(one) for one in re.findall(r'<img class="photo" src="([^"]+)"', text)]


def test_names_and_files_made_to_hurt_are_shown_as_they_are(seen: Town) -> None:
    number, _ = number_of(seen, "care_visit", "visit nasty 2025-12-03")
    commune = seen.browser("commune")
    for page in (commune.get(VISITS).text, commune.get(f"{VISITS}/{number}").text):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
    assert [commune.get(one).data[:4] for one in pictures(page)] == [b"\x89PNG"]
    for odd in ("_external=1", "_scheme=javascript", "form_id=x", "after=x&sender=x&with=x"):
        assert commune.get(f"{VISITS}?{odd}").status_code == 200


def test_a_review_a_comment_and_a_deletion_are_kept_with_their_words(seen: Town) -> None:
    seen.is_visited("nam", "A-1", "2025-12-04")
    seen.works()
    number, _ = number_of(seen, "care_visit", "visit nam 2025-12-04")
    health, one = seen.browser("health"), f"{VISITS}/{number}"
    assert post(health, f"{one}/comment", comment=" ").status_code == 400
    assert post(health, f"{one}/comment", comment=f"Hỏi lại {NASTY}").status_code == 303
    assert post(health, f"{one}/review", state="odd").status_code == 400
    assert (
        post(health, f"{one}/review", state="hasIssues", review_words="Sai ngày").status_code == 303
    )
    long = post(health, f"{one}/review", state="approved", review_words="Đúng " * 500)
    assert long.status_code == 400
    assert "Chữ dài quá" in long.text
    assert f">{'Đúng ' * 500}</textarea>" in long.text
    assert '<option value="approved" selected>' in long.text
    assert post(health, f"{one}/delete", delete_words="").status_code == 400
    assert post(health, f"{one}/delete", delete_words="Gửi nhầm").status_code == 303
    seen.works()
    text = health.get(one).text
    for words in ("Hỏi lại &lt;script&gt;", "Sai ngày", "Gửi nhầm", "Đã xóa", "health</strong>"):
        assert words in text
    assert f"{VISITS}/{number}" in health.get(f"{VISITS}?deleted=yes").text
    assert f"{VISITS}/{number}" not in health.get(VISITS).text
    assert post(health, f"{one}/restore", restore_words="Đúng rồi").status_code == 303
    seen.works()
    assert f"{VISITS}/{number}" in health.get(VISITS).text
    chair, commune = seen.browser("chair"), seen.browser("commune")
    assert post(commune, f"{one}/comment", comment="Xã đã hỏi").status_code == 303
    # They may tell of the answers that their writer could read: of blood pressure here.
    both = ["Sai ngày", "Xã đã hỏi"]
    for browser, heard in ((chair, []), (commune, both[1:]), (health, both)):
        assert [words for words in both if words in browser.get(one).text] == heard
    assert post(chair, f"{one}/comment", comment="a").status_code == 403
    refused = post(commune, f"{one}/delete", delete_words="a")
    assert refused.status_code == 403
    assert "không xóa hay khôi phục được" in refused.text
    assert post(seen.browser("commune_b"), f"{one}/review", state="approved").status_code == 404


def test_a_program_that_reads_what_was_sent_is_written_down_as_a_page_is(town: Town) -> None:
    health, form = town.browser("health"), "/v1/projects/1/forms/health_check"
    thuy, number = an_id("thuy"), f"uuid:{an_id('check thuy 2025-09-15')}"
    for address in (
        f"{form}/submissions/{number}.xml",
        f"{form}.svc/Submissions('{number}')",
        f"{form}/submissions.csv",
        f"{form}.svc/Submissions",
    ):
        assert health.get(address).status_code == 200, address
    with town.database.read() as db:
        actor = town.users["health"].actor
        seen = [one for one in audit.who_saw(db, "members", [thuy]) if one.actor == actor]
        elsewhere = audit.who_saw(db, "members", [an_id("hoa")])
    by_program = [one for one in seen if one.details == {"form": "health_check", "by": "api"}]
    assert [one.action for one in by_program] == ["submission.read"] * 3
    assert not [one for one in elsewhere if one.actor == actor]
