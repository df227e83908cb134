"""Pages as people meet them: through the WSGI door, and once in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import session
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from forms.periods import get_period
from server.pages.look import number, period_name
from server.settings import secret_key
from sync import accounts, aggregate, clubs, places, tables
from tests.chromium import Browser
from tests.conftest import NOW
from tests.server.conftest import Door
from tests.server.serving import Server, a_server

PASSWORD = "cây đa đầu làng"
CLUBS = (
    {"club_code": "A-1", "name": "CLB Một", "unit_code": "20263", "founded_on": "2018-05-01"},
    {"club_code": "B-1", "name": "CLB Hai", "unit_code": "20194", "founded_on": "2018-05-01"},
)


@pytest.fixture
def town(door: Door) -> Door:
    """Two clubs in two wards; Hoa of the city board, Lan of the first club, An the admin."""
    library, key = door.runtime.library, secret_key(door.runtime.settings)
    sealed = {name: accounts.seal_password(name, PASSWORD, key) for name in ("hoa", "lan", "an")}
    with door.database.write() as db:
        places.load_units(db, library.units, library.successions)
        clubs.import_clubs(db, library, CLUBS, NOW, "operator")
        club = places.find_club(db, "A-1")
        accounts.add_user(db, "hoa", "city", None, None, sealed["hoa"], NOW)
        accounts.add_user(db, "lan", "chair", None, club, sealed["lan"], NOW)
        accounts.add_user(db, "an", "admin", None, None, sealed["an"], NOW)
    return door


def browser_of(door: Door) -> FlaskClient:
    return door.app.test_client()


def token_in(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def sign_in(client: FlaskClient, name: str, password: str = PASSWORD) -> TestResponse:
    token = token_in(client.get("/sign-in"))
    return client.post("/sign-in", data={"name": name, "password": password, "csrf_token": token})


def test_a_stranger_is_asked_to_sign_in(town: Door) -> None:
    answer = browser_of(town).get("/")
    assert (answer.status_code, answer.location) == (302, "/sign-in")


def test_the_sign_in_page_speaks_vietnamese_first_and_english_beside(town: Door) -> None:
    text = browser_of(town).get("/sign-in").text
    assert text.index("Đăng nhập") < text.index("Sign in")
    assert '<html lang="vi">' in text


def test_signing_in_leads_home_and_signing_out_away(town: Door) -> None:
    client = browser_of(town)
    answer = sign_in(client, "hoa")
    assert (answer.status_code, answer.location) == (303, "/")
    home = client.get("/")
    assert home.status_code == 200
    assert "hoa" in home.text
    client.post("/sign-out", data={"csrf_token": token_in(home)})
    assert client.get("/").status_code == 302


def test_a_wrong_password_is_said_in_both_languages(town: Door) -> None:
    answer = sign_in(browser_of(town), "hoa", "sai")
    assert answer.status_code == 401
    assert "Sai tên hoặc mật khẩu" in answer.text
    assert "Wrong name or password" in answer.text
    assert "sai" not in answer.text.split("<main")[1].replace("Sai", "")


def test_a_form_without_its_csrf_token_is_refused(town: Door) -> None:
    client = browser_of(town)
    sent = {"name": "hoa", "password": PASSWORD}
    assert client.post("/sign-in", data=sent).status_code == 400
    sign_in(client, "hoa")
    assert client.post("/sign-out").status_code == 400
    assert client.get("/").status_code == 200


def test_the_city_sees_every_club_and_a_chair_her_own(town: Door) -> None:
    city, chair = browser_of(town), browser_of(town)
    sign_in(city, "hoa")
    sign_in(chair, "lan")
    for path in ("/reports/2025H2", "/reports/2025H2-clubs.csv"):
        assert "CLB Một" in city.get(path).text
        assert "CLB Hai" in city.get(path).text
        assert "CLB Một" in chair.get(path).text
        assert "CLB Hai" not in chair.get(path).text


def test_b5_a_chair_downloads_the_list_of_her_club_and_nobody_elses(town: Door) -> None:
    chair, city = browser_of(town), browser_of(town)
    sign_in(chair, "lan")
    sign_in(city, "hoa")
    links = re.findall(r'href="(/rolls/[^"]+)"', chair.get("/").text)
    assert links == ["/rolls/members/A-1.xlsx"]
    book = chair.get(links[0])
    assert book.data.startswith(b"PK")
    assert "danh_sach_hoi_vien_A-1.xlsx" in book.headers["Content-Disposition"]
    text = chair.get("/rolls/members/A-1.csv").data.decode("utf-8-sig")
    assert text.splitlines()[-1].startswith('"lan tải lúc 20/01/2026 10:00')
    assert chair.get("/rolls/members/B-1.csv").status_code == 403
    assert chair.get("/rolls/members/Z-9.csv").status_code == 400
    assert chair.get("/rolls/trees/A-1.csv").status_code == 404
    assert "/rolls/" not in city.get("/").text
    assert city.get(links[0]).status_code == 403
    assert browser_of(town).get(links[0]).status_code == 302
    taken = town.rows(tables.audit_events.c.action, tables.audit_events.c.details)
    assert [tuple(row) for row in taken if row.action == "roll.export"] == [
        ("roll.export", {"club": "A-1"})
    ] * 2


def test_a_visit_to_a_club_that_is_none_makes_no_line(town: Door) -> None:
    library = town.runtime.library
    with town.database.write() as db:
        aggregate.touch(db, library, {aggregate.Touch("no-such-club", NOW.date())}, NOW)
        aggregate.measure(db, library, 100, NOW)
    client = browser_of(town)
    sign_in(client, "hoa")
    text = client.get("/reports/2026H1-figures.csv").text
    assert "CLB Một" in text
    assert "no-such-club" not in text


def test_the_admin_sees_how_the_server_does_and_no_figures(town: Door) -> None:
    client = browser_of(town)
    sign_in(client, "an")
    home, server = client.get("/").text, client.get("/server").text
    assert 'href="/server"' in home
    assert "Submissions" in server
    assert "CLB Một" not in home + server


def test_a_period_is_chosen_by_its_code(town: Door) -> None:
    client = browser_of(town)
    sign_in(client, "hoa")
    assert "<h1>Thành phố Đà Nẵng: 6 tháng cuối năm 2025" in client.get("/figures/2025H2").text
    assert client.get("/figures/2025H9").status_code == 400


def test_a_period_shows_the_clubs_that_were_on_some_day_of_it(town: Door) -> None:
    ended = {"club_code": "C-1", "name": "CLB Ba", "unit_code": "20194"}
    ended |= {"founded_on": "2018-05-01", "ended_on": "2019-03-01"}
    with town.database.write() as db:
        clubs.import_clubs(db, town.runtime.library, [ended], NOW, "operator")
    client = browser_of(town)
    sign_in(client, "hoa")
    shown = {
        code: [name for name in ("Một", "Hai", "Ba") if f"CLB {name}" in client.get(path).text]
        for code in ("2017H1", "2018H1", "2018H2", "2019H1", "2019H2")
        if (path := f"/reports/{code}-clubs.csv")
    }
    both = ["Một", "Hai"]
    assert shown == {
        "2017H1": [],
        "2018H1": [*both, "Ba"],
        "2018H2": [*both, "Ba"],
        "2019H1": [*both, "Ba"],
        "2019H2": both,
    }


def test_the_files_hold_the_clubs_of_whoever_asks(town: Door) -> None:
    city, chair = browser_of(town), browser_of(town)
    sign_in(city, "hoa")
    sign_in(chair, "lan")
    for client, sees_all in ((city, True), (chair, False)):
        links = re.findall(r'href="/reports/(2025H2[^"]*)"', client.get("/").text)
        files = ["2025H2.xlsx", "2025H2-clubs.csv", "2025H2-figures.csv", "2025H2.pdf"]
        assert set(links) == {*files, "2025H2"}
        clubs_csv = client.get("/reports/2025H2-clubs.csv")
        assert "bao_cao_clb_2025H2.csv" in clubs_csv.headers["Content-Disposition"]
        assert "CLB Một" in clubs_csv.text
        assert ("CLB Hai" in clubs_csv.text) is sees_all
        figures = client.get("/reports/2025H2-figures.csv").text
        assert ("CLB Hai" in figures) is sees_all
        assert client.get("/reports/2025H2.xlsx").data.startswith(b"PK")
    actors = {row.actor for row in town.rows(tables.audit_events) if "report" in row.action}
    assert actors == {"user:1", "user:2"}


def test_a_stranger_and_an_admin_get_no_files(town: Door) -> None:
    client = browser_of(town)
    assert client.get("/reports/2025H2-clubs.csv").status_code == 302
    sign_in(client, "an")
    assert client.get("/reports/2025H2-clubs.csv").status_code == 403


def test_a_disabled_person_is_out_at_once(town: Door) -> None:
    client = browser_of(town)
    sign_in(client, "hoa")
    with town.database.write() as db:
        accounts.disable(db, "hoa", NOW)
    assert client.get("/").status_code == 302


def test_a_new_password_ends_the_sessions_of_the_old(town: Door) -> None:
    client = browser_of(town)
    sign_in(client, "hoa")
    sealed = accounts.seal_password("hoa", "mật khẩu mới", secret_key(town.runtime.settings))
    with town.database.write() as db:
        accounts.set_password(db, "hoa", sealed, NOW)
    assert client.get("/").status_code == 302


def test_pages_take_nothing_from_elsewhere_and_leave_nothing_behind(town: Door) -> None:
    client = browser_of(town)
    sign_in(client, "hoa")
    home = client.get("/")
    assert "http" not in re.sub(r"<!--.*?-->", "", home.text)
    assert re.findall(r"<script(.*?)</script>", home.text) == [' src="/static/cayda.js" defer>']
    assert "style=" not in home.text
    assert home.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in home.headers["Content-Security-Policy"]
    css = client.get("/static/cayda.css")
    assert css.status_code == 200
    css.close()


def test_phones_never_meet_a_session(town: Door) -> None:
    for path in ("/formList", "/submission"):
        answer = town.call("HEAD", path)
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert "Content-Security-Policy" not in answer.headers


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 0, "–"),
        (Decimal(0), 0, "0"),
        (Decimal("1234567"), 0, "1.234.567"),
        (Decimal("1234.56"), 1, "1.234,6"),
        (Decimal("65"), 1, "65,0"),
        (Decimal("12.5"), 0, "12,5"),
    ],
)
def test_numbers_are_written_as_vietnamese_readers_write_them(
    value: Decimal | None, digits: int, text: str
) -> None:
    assert number(value, digits) == text


def test_periods_have_names_in_the_language_of_the_person(town: Door) -> None:
    with town.app.test_request_context():
        assert period_name(get_period("2025H1")) == "6 tháng đầu năm 2025"
    with town.app.test_request_context():
        session["language"] = "en"
        assert period_name(get_period("2025Y")) == "Whole year 2025"


# ------------------------------------------------------------------ a real browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real server with one person of the city board."""
    server = a_server(tmp_path_factory.mktemp("pages") / "data")
    added = server.cayda(
        *("user", "add", "hoa", "--role", "city", "--password-stdin"), text="cay-da-lang"
    )
    assert added.returncode == 0, added.stderr
    clubs_csv = server.data.parent / "clubs.csv"
    clubs_csv.write_text(
        "club_code,name,unit_code,founded_on\nA-1,CLB Một,20263,2018-05-01\n", encoding="utf-8"
    )
    server.json("club", "load", str(clubs_csv))
    with server.running():
        yield server


@pytest.mark.browser
def test_a_person_signs_in_reads_the_table_and_signs_out_with_the_keyboard(
    served: Server, chromium: Browser
) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    page = chromium(width=390)
    page.implicitly_wait(20)  # pages come when they come
    page.get(f"http://127.0.0.1:{served.port}/")
    name = page.switch_to.active_element  # the cursor stands in the first field
    name.send_keys("hoa", Keys.TAB, "cay-da-lang", Keys.ENTER)
    by_menu = ("header summary", "header details a[href='/reports']")
    for link in (*by_menu, "main a[href='/reports/2025H2']"):
        page.find_element(By.CSS_SELECTOR, link).send_keys(Keys.ENTER)
    assert page.find_element(By.LINK_TEXT, "CLB Một")
    letters = page.find_element(By.TAG_NAME, "body").value_of_css_property("font-size")
    assert float(letters.removesuffix("px")) >= 18
    wide = "const d = document.documentElement; return d.scrollWidth > d.clientWidth"
    assert not page.execute_script(wide)  # only the table scrolls sideways, not the page
    page.find_element(By.CSS_SELECTOR, "header summary").send_keys(Keys.ENTER)
    page.find_element(By.CSS_SELECTOR, "header details button").send_keys(Keys.ENTER)
    assert page.find_element(By.NAME, "password")
