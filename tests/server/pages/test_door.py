"""The gate of the pages: who is let in where, and that a form of another site does nothing."""

from __future__ import annotations

import html
import re

from server.pages.door import NEEDS
from tests.server.conftest import keeping_nothing
from tests.server.pages.town import Town, post


def test_every_page_says_who_may_open_it(town: Town) -> None:
    views = {
        rule.endpoint.removeprefix("pages.")
        for rule in town.app.url_map.iter_rules()
        if rule.endpoint.startswith("pages.")
    }
    assert views - {"static"} == set(NEEDS)


def test_a_stranger_is_led_to_sign_in_and_back_to_the_page_that_was_asked_for(town: Town) -> None:
    answer = town.browser().get("/?period=2025H1")
    assert (answer.status_code, answer.location) == (302, "/sign-in?next=/?period%3D2025H1")
    assert town.browser().get("/").location == "/sign-in"


def test_no_link_leads_from_sign_in_to_another_site(town: Town) -> None:
    for bad in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "evil"):
        with town.app.test_request_context("/sign-in", query_string={"next": bad}):
            from server.pages.sign_in import _wanted

            assert _wanted() is None, bad


def test_a_question_with_a_nul_is_refused_and_not_asked_of_the_database(town: Town) -> None:
    for who, asked in (("dpo", "/audit?actor=%00"), ("chair", "/records/care_visit/find?id=a%00b")):
        assert town.browser(who).get(asked).status_code == 400, asked


def test_who_is_signed_in_has_a_menu_and_chooses_the_language(town: Town) -> None:
    city = town.browser("city")
    assert 'aria-current="page">Trang đầu' in city.get("/").text
    post(city, "/language", language="en")
    text = city.get("/").text
    assert 'lang="en">\n' in text
    assert 'aria-current="page">Home<' in text
    assert "Tiếng Việt" in text


def test_a_form_of_another_site_changes_nothing(town: Town) -> None:
    city = town.browser("city")
    answer = city.post("/language", data={"language": "en"})
    assert answer.status_code == 400
    assert "Xin mở lại trang" in answer.text
    assert "Trang đầu" in city.get("/").text


def test_another_language_shows_the_page_that_was_read(town: Town) -> None:
    for browser, page in ((town.browser("city"), "/reports/2025H2"), (town.browser(), "/sign-in")):
        found = re.search(r'action="(/language[^"]*)"', browser.get(f"{page}?next=/lists").text)
        assert found is not None
        answer = post(browser, html.unescape(found[1]), page, language="en")
        assert answer.location == f"{page}?next=/lists"
    assert (
        post(town.browser("city"), "/language?next=//evil.example", language="en").location == "/"
    )


def test_a_number_that_no_database_holds_is_an_address_that_is_not_here(town: Town) -> None:
    for number in (str(2**63), "9" * 5000):
        commune, operator, officer = (town.browser(one) for one in ("commune", "admin", "dpo"))
        assert commune.get(f"/files/{number}").status_code == 404
        assert commune.get(f"/records/care_visit/{number}").status_code == 404
        assert commune.get(f"/records/care_visit?after={number}").status_code == 200
        assert commune.get(f"/figures/2025H2?version={number}").status_code == 200
        assert operator.get(f"/phones/{number}").status_code == 404
        assert officer.get(f"/privacy/erasures/{number}").status_code == 404
        assert officer.get(f"/audit?before={number}").status_code == 200


def test_on_a_full_disk_figures_are_read_and_whom_one_saw_must_be_kept_to_see_them(
    town: Town,
) -> None:
    commune = town.browser("commune")
    with keeping_nothing(town.database):
        for path in ("/", "/figures/2025H2", "/reports/2025H2", "/account"):
            assert commune.get(path).status_code == 200, path
        shut = commune.get("/lists/members")
        assert shut.status_code == 503
        assert "ai xem ai đều phải được ghi lại" in shut.text
        assert '<nav class="menu"' in shut.text
        assert "Trần Thị Ba" not in shut.text
        assert post(commune, "/language", language="en").status_code == 303
    assert commune.get("/lists/members").status_code == 200


def test_who_sits_down_next_does_not_see_what_was_sought(town: Town) -> None:
    shared = town.browser("commune")
    post(shared, "/language", language="en")
    post(shared, "/lists/members/search", sought="Trần Thị Ba")
    post(shared, "/sign-out")
    with shared.session_transaction() as session:
        assert dict(session) == {"language": "en"}
