"""Whom to see to today, in a browser: what each role has to do, about whom, and what is hidden."""

from __future__ import annotations

import re

from sync import audit
from tests.server.pages.town import Town
from tests.sync.sending import an_id


def test_each_role_has_its_own_lists_with_how_many_are_on_them(town: Town) -> None:
    health = town.browser("health").get("/follow-up").text
    chair = town.browser("chair").get("/follow-up").text
    assert "Huyết áp lần đo gần nhất cần kiểm tra lại" in health
    assert "Huyết áp" not in chair
    found = re.search(r'class="count">(\d+)</p>\s*<p><a href="/follow-up/not_visited"', chair)
    assert found is not None
    assert found[1] == "3"
    assert town.browser("volunteer").get("/follow-up").status_code == 403
    assert "Việc hôm nay" not in town.browser("city").get("/").text


def test_who_is_on_a_list_has_a_link_and_values_wait_for_a_tap(town: Town) -> None:
    text = town.browser("health").get("/follow-up/flagged_pressure").text
    assert f'<a href="/lists/members/{an_id("ba")}">Trần Thị Ba</a>' in text
    assert "Nguyễn Thị Thủy" in text  # of the ward's other club
    assert "Huỳnh Thị Hòa" not in text
    assert "15/09/2025" in text
    assert re.search(r"<details[^>]*><summary>[^<]*</summary><div>146</div>", text)
    with town.database.read() as db:
        (seen, *_) = audit.who_saw(db, "members", [an_id("ba")])
    assert (seen.action, seen.details) == ("follow_up.read", {"list": "flagged_pressure"})


def test_a_list_of_another_role_or_none_at_all_is_refused(town: Town) -> None:
    assert town.browser("chair").get("/follow-up/flagged_pressure").status_code == 403
    assert town.browser("chair").get("/follow-up/nowhere").status_code in (400, 404)
