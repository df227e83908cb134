"""Who may have been entered twice, in a browser: judged side by side, joined, and taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest

from sync import event_desk
from sync.matching import review, waiting
from tests.server.conftest import Clock
from tests.server.pages.town import Town, post
from tests.sync.sending import an_id

BA, AGAIN = an_id("ba"), an_id("ba again")
ONE, OTHER = sorted((BA, AGAIN))
NUMBERS = r'href="/records/\w+/(\d+)">phiếu đầu</a>, <a href="/records/\w+/(\d+)"'
PAIR = f"/pairs/members/{ONE}/{OTHER}"


@pytest.fixture(autouse=True)
def _as_it_was(town: Town) -> Iterator[None]:
    """Every test begins with the pair open."""
    yield
    commune = town.browser("commune")
    post(commune, f"/pairs/members/{AGAIN}/{BA}/undo")
    town.works()
    post(commune, f"{PAIR}/reopen")


def test_a_pair_stands_side_by_side_with_its_reasons_in_words(town: Town) -> None:
    commune = town.browser("commune")
    assert commune.get("/pairs").location == "/pairs/members"
    assert "trùng họ tên (một bên không dấu)" in commune.get("/pairs/members").text
    text = commune.get(PAIR).text
    assert "Trần Thị Ba" in text
    assert "Tran Thi Ba" in text
    assert "Họ và tên" in text
    assert "khám sức khỏe" in text.lower()  # how much was sent about each
    assert "Gộp làm một" in text


def test_the_chair_sees_her_pairs_but_the_commune_and_the_city_decide(town: Town) -> None:
    chair = town.browser("chair")
    assert "Gộp làm một" not in chair.get(PAIR).text
    assert post(chair, f"{PAIR}/join", stays=BA).status_code == 403
    assert "Gộp làm một" in town.browser("city").get(PAIR).text
    for other in ("chair_b1", "commune_b"):
        assert "Ba" not in town.browser(other).get("/pairs/members").text.split("<main")[1]
        assert town.browser(other).get(PAIR).status_code == 404
    assert post(town.browser("commune_b"), f"{PAIR}/join", stays=BA).status_code == 404
    assert post(town.browser("commune_b"), f"{PAIR}/part").status_code == 404
    for other in ("treasurer", "health"):
        assert town.browser(other).get("/pairs").status_code == 403


def test_two_are_joined_with_the_chosen_word_and_taken_apart_again(town: Town) -> None:
    commune = town.browser("commune")
    refused = post(commune, f"{PAIR}/join", **{"stays": AGAIN, "take.full_name": "nobody"})
    assert refused.status_code == 400
    assert f'value="{AGAIN}" checked' in refused.text
    answer = post(commune, f"{PAIR}/join", **{"stays": BA, "take.full_name": AGAIN})
    assert answer.status_code == 303
    town.works()
    assert town.world.told(BA, "full_name")[-1][0] == "Tran Thi Ba"
    assert f"/lists/members/{AGAIN}" not in commune.get("/lists/members").text
    assert commune.get(f"/lists/members/{AGAIN}").status_code == 200  # the one that stands for it
    assert "Tách ra lại" in commune.get("/pairs/members/decided").text
    assert "Tách ra lại" not in town.browser("chair").get("/pairs/members/decided").text
    assert post(commune, f"/pairs/members/{AGAIN}/{BA}/undo").status_code == 303
    town.works()
    assert f"/lists/members/{AGAIN}" in commune.get("/lists/members").text


def test_nobody_is_joined_to_a_third_nor_parted_from_one_by_who_sees_two(town: Town) -> None:
    commune, hoa, thuy = town.browser("commune"), an_id("hoa"), an_id("thuy")
    for third in (hoa, thuy, "a\x00b"):  # of another ward, of another club, no id
        assert post(commune, f"{PAIR}/join", stays=third).status_code == 404, third
    assert post(commune, f"{PAIR}/join", stays=BA).status_code == 303
    assert post(commune, f"/pairs/members/{AGAIN}/{thuy}/undo").status_code == 404
    assert "Gộp làm một" not in commune.get(PAIR).text


def test_a_page_left_open_neither_joins_nor_parts_who_were_joined_meanwhile(town: Town) -> None:
    commune = town.browser("commune")
    assert post(commune, f"{PAIR}/join", stays=BA).status_code == 303
    for late in ("join", "part"):
        answer = post(commune, f"{PAIR}/{late}", stays=BA)
        assert answer.status_code == 409
        assert "đang được gộp làm một" in answer.text
    assert "Gộp làm một" not in commune.get(PAIR).text
    assert "Hỏi lại" not in commune.get("/pairs/members/decided").text


def test_who_are_two_are_asked_about_no_more_until_that_is_taken_back(town: Town) -> None:
    commune = town.browser("commune")
    assert post(commune, f"{PAIR}/part").status_code == 303
    assert "Xem cả hai" not in commune.get("/pairs/members").text
    assert "Đã có người nói đây là hai người" in commune.get(PAIR).text
    decided = commune.get("/pairs/members/decided").text
    assert "Hỏi lại" in decided
    assert " · commune</p>" in decided  # who said so
    assert post(commune, f"{PAIR}/reopen").status_code == 303
    assert "Xem cả hai" in commune.get("/pairs/members").text
    assert "Hỏi lại" not in commune.get("/pairs/members/decided").text
    assert post(commune, f"{PAIR}/reopen").status_code == 404


def test_a_pair_that_is_asked_about_again_stays_so_though_a_link_was_once_taken_back(
    town: Town,
) -> None:
    commune, clock = town.browser("commune"), town.runtime.now
    assert isinstance(clock, Clock)
    clock.time += timedelta(minutes=1)
    post(commune, f"{PAIR}/join", stays=BA)
    town.works()
    clock.time += timedelta(minutes=1)
    post(commune, f"/pairs/members/{AGAIN}/{BA}/undo")
    town.works()
    assert "Xem cả hai" not in commune.get("/pairs/members").text  # who parts them says: two
    clock.time += timedelta(minutes=1)
    post(commune, f"{PAIR}/reopen")
    with town.database.write() as db:
        waiting.add_all(db, town.runtime.library, town.runtime.now())
    town.works()
    with town.database.read() as db:
        assert [one[:2] for one in review.open_pairs(db, "members")] == [(ONE, OTHER)]


# ------------------------------------------------------------------ two reports of one event
def test_two_reports_of_one_visit_are_parted_joined_and_left_to_the_rules_again(town: Town) -> None:
    town.is_visited("nam", "A-1", "2025-12-01")
    town.is_visited("nam", "A-1", "2025-12-01", minutes="50", key="her helper")
    town.works()
    commune = town.browser("commune")
    text = commune.get("/events").text
    assert "hai người cùng ghi" in text
    assert "Lê Văn Năm" in text
    assert '<input type="hidden" name="decision" value="apart">' in text
    one, other = (an_id(key) for key in ("visit nam 2025-12-01", "her helper"))
    both = {"one": f"uuid:{other}", "other": f"uuid:{one}"}
    for kind, words in (("apart", "người xem nói: hai việc"), ("undo", "hai người cùng ghi")):
        assert post(commune, "/events/care_visit", decision=kind, **both).status_code == 303
        town.works()
        assert words in commune.get("/events").text
    assert "Lê Văn Năm" not in town.browser("commune_b").get("/events").text
    stranger = town.browser("commune_b")
    assert post(stranger, "/events/care_visit", decision="apart", **both).status_code == 404
    assert town.browser("chair").get("/events").status_code == 403
    assert post(commune, "/events/care_visit", decision="merge", **both).status_code == 400


def test_two_visits_of_one_day_that_count_as_two_are_shown_to_be_judged(town: Town) -> None:
    town.is_visited("thuy", "A-2", "2025-12-05")
    later = {"start_time": "15:00:00.000+07:00", "key": "in the afternoon"}
    town.is_visited("thuy", "A-2", "2025-12-05", **later)
    town.works()
    commune = town.browser("commune")
    assert "Nguyễn Thị Thủy" in commune.get("/events").text.split("<h2>")[1]
    one, other = (f"uuid:{an_id(key)}" for key in ("visit thuy 2025-12-05", "in the afternoon"))
    post(commune, "/events/care_visit", decision="together", one=other, other=one)
    town.works()
    page = commune.get("/events").text.split("<h2>")
    assert "Nguyễn Thị Thủy" not in page[1]
    assert "người xem nói: một việc" in page[2]


def test_a_long_list_of_events_goes_on_from_page_to_page_and_misses_none(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("2025-12-09", "2025-12-10"):
        town.is_visited("nam", "A-1", day)
        town.is_visited("nam", "A-1", day, key=f"her helper {day}")
    town.works()
    commune, found, address = town.browser("commune"), [], "/events"
    with town.database.read() as db:
        asked = (db, town.runtime.library, town.users["commune"], town.runtime.now())
        whole = [one.repeat.numbers for one in event_desk.read_decided(*asked).shown]
    monkeypatch.setattr(event_desk, "AT_ONCE", 1)
    while address:
        page = commune.get(address).text
        decided = page.split("<h2>")[2]
        found += [tuple(map(int, one)) for one in re.findall(NUMBERS, decided)]
        following = re.search(r'rel="next" href="([^"]+)"', decided)
        address = unescape(following[1]) if following else ""
    assert [(other, one) for one, other in found] == whole
    assert len(found) >= 2
    assert commune.get("/events?decided=tomorrow").status_code == 400
