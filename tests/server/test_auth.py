"""Who is let in: tokens, Digest as phones answer it, Basic over https (protocol §11 A 21–29)."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from lxml import etree
from sqlalchemy.exc import OperationalError
from werkzeug.http import parse_dict_header
from werkzeug.test import TestResponse

from server import auth
from server.app import create_app
from server.settings import secret_key
from sync import accounts
from sync.tables import app_users, received, submissions, users
from tests.conftest import NOW
from tests.server.conftest import TOKEN, A, B, Door, instance, message

PASSWORD = "cây đa bến nước"
HTTPS = "https://localhost"


@pytest.fixture
def web(door: Door) -> Door:
    """The door for people with passwords; Hoa of the city has one."""
    sealed = accounts.seal_password("Hoa", PASSWORD, secret_key(door.runtime.settings))
    with door.database.write() as db:
        accounts.add_user(db, "Hoa", "city", None, None, sealed, NOW)
    return door.at("")


def challenges(answer: TestResponse) -> list[str]:
    assert answer.status_code == 401
    assert answer.headers["X-OpenRosa-Version"] == "1.0"
    return answer.headers.getlist("WWW-Authenticate")


def digest(
    challenge: str,
    method: str,
    target: str,
    *,
    name: str = "Hoa",
    password: str = PASSWORD,
    qop: str = "auth",
    **changed: str,
) -> dict[str, str]:
    """The Authorization header that okhttp-digest makes of a challenge."""

    def h(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    assert challenge.startswith("Digest ")
    fields = parse_dict_header(challenge.removeprefix("Digest "))
    nonce, realm = fields["nonce"], fields["realm"]
    ha1, ha2 = h(f"{name}:{realm}:{password}"), h(f"{method}:{target}")
    middle = f"{nonce}:00000001:c0ffee:{qop}:" if qop else f"{nonce}:"
    values = {
        "username": name,
        "realm": realm,
        "nonce": nonce,
        "uri": target,
        "response": h(f"{ha1}:{middle}{ha2}"),
        **changed,
    }
    text = ", ".join(f'{key}="{value}"' for key, value in values.items())
    if qop:
        text += f', qop={qop}, nc=00000001, cnonce="c0ffee"'
    return {"Authorization": f"Digest {text}".encode().decode("latin-1")}


def basic(text: str, encoding: str = "utf-8") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode(encoding)).decode()}


def signed(door: Door, method: str, target: str, **options: Any) -> TestResponse:
    """Ask, be challenged, answer by Digest: what a phone does."""
    (challenge,) = challenges(door.call(method, target, **options))
    return door.call(method, target, headers=digest(challenge, method, target), **options)


# ------------------------------------------------------------------ challenges


@pytest.mark.parametrize("path", ["/formList", "/forms/trees.xml", "/forms/trees/manifest"])
def test_a21_without_credentials_a_password_address_is_401_with_a_challenge(
    web: Door, path: str
) -> None:
    answer = web.get(path)
    assert challenges(answer)
    assert "Sai tên hoặc mật khẩu" in message(answer)


def test_a22_over_http_the_challenge_is_digest_alone(web: Door) -> None:
    (challenge,) = challenges(web.get("/formList"))
    assert challenge.startswith('Digest realm="cayda", qop="auth", algorithm=MD5, nonce="')


def test_over_https_digest_comes_first_and_basic_too(web: Door) -> None:
    first, second = challenges(web.get("/formList", base_url=HTTPS))
    assert first.startswith("Digest ")
    assert second == 'Basic realm="cayda", charset="UTF-8"'


def test_a26_head_submission_asks_for_credentials(web: Door) -> None:
    assert challenges(web.head("/submission"))
    assert challenges(web.call("POST", "/submission", data=b"x"))


# ------------------------------------------------------------------ Digest


@pytest.mark.parametrize(
    "target",
    [
        "/formList",
        "/formList?deviceID=collect%3Aabcdefgh12345678",
        "/formList?deviceID=collect:x&a=%20%C3%BC",
        "/formList?a=1?deviceID=b",
        "/forms/c%C3%A2y%20%C4%91a%21.xml?deviceID=collect%3Ax",
        "/forms/cây%20đa!.xml",
    ],
)
def test_a23_digest_signs_the_address_as_the_phone_wrote_it(web: Door, target: str) -> None:
    web.add_form("cây đa!")
    assert signed(web, "GET", target).status_code == 200


def test_digest_without_qop_is_accepted(web: Door) -> None:
    (challenge,) = challenges(web.get("/formList"))
    headers = digest(challenge, "GET", "/formList", qop="")
    assert web.get("/formList", headers=headers).status_code == 200


def test_digest_may_name_the_whole_address(web: Door) -> None:
    (challenge,) = challenges(web.get("/formList"))
    headers = digest(challenge, "GET", "http://localhost/formList?a=1")
    assert web.get("/formList?a=1", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "target", "status"), [("GET", "//formList", 200), ("HEAD", "//submission", 204)]
)
def test_digest_of_an_address_with_two_slashes_is_accepted(
    web: Door, method: str, target: str, status: int
) -> None:
    path = {"PATH_INFO": target}
    (challenge,) = challenges(web.call(method, "/", environ_overrides=path))
    headers = digest(challenge, method, target)
    answer = web.call(method, "/", environ_overrides=path, headers=headers)
    assert answer.status_code == status


def test_a_nonce_serves_again_and_again(web: Door) -> None:
    (challenge,) = challenges(web.get("/formList"))
    for target in ("/formList", "/forms/trees.xml"):
        assert web.get(target, headers=digest(challenge, "GET", target)).status_code == 200


def test_a24_an_old_nonce_is_stale_and_the_next_one_works(web: Door) -> None:
    (challenge,) = challenges(web.get("/formList"))
    web.clock.time += timedelta(hours=1)
    (again,) = challenges(web.get("/formList", headers=digest(challenge, "GET", "/formList")))
    assert "stale=true" in again
    assert web.get("/formList", headers=digest(again, "GET", "/formList")).status_code == 200


def test_a_nonce_of_our_own_making_is_needed_but_the_password_was_right(web: Door) -> None:
    forged = 'Digest realm="cayda", nonce="69a0-0123456789abcdef"'
    (again,) = challenges(web.get("/formList", headers=digest(forged, "GET", "/formList")))
    assert "stale=true" in again


@pytest.mark.parametrize("hours", [0, 1])
def test_a_wrong_password_is_never_stale(web: Door, hours: int) -> None:
    """stale=true for a wrong password makes the phone try twenty times."""
    (challenge,) = challenges(web.get("/formList"))
    web.clock.time += timedelta(hours=hours)
    headers = digest(challenge, "GET", "/formList", password="wrong")
    (again,) = challenges(web.get("/formList", headers=headers))
    assert "stale" not in again


@pytest.mark.parametrize(
    "changed",
    [
        {"uri": "/forms/trees.xml"},
        {"realm": "another"},
        {"response": "0" * 32},
        {"response": "ă"},
        {"username": "Lan"},
        {"username": "a\x00b"},
        {"algorithm": "SHA-256"},
        {"nonce": ""},
        {"nonce": "zz-ă"},
    ],
)
def test_a_digest_that_does_not_fit_is_401(web: Door, changed: dict[str, str]) -> None:
    (challenge,) = challenges(web.get("/formList"))
    headers = digest(challenge, "GET", "/formList", **changed)
    assert "stale" not in challenges(web.get("/formList", headers=headers))[0]


def test_a_digest_for_one_method_or_address_does_not_serve_another(web: Door) -> None:
    (challenge,) = challenges(web.get("/formList"))
    headers = digest(challenge, "GET", "/formList")
    assert web.get("/forms/trees.xml", headers=headers).status_code == 401
    assert web.head("/formList", headers=headers).status_code == 401
    assert web.get("/formList?formID=trees", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "text",
    ["Digest", "Digest x", "Digest nc=", "Basic", "Basic !!!", "Bearer x", "\xff", "Digest ,,=,"],
)
@pytest.mark.parametrize("base_url", ["http://localhost", HTTPS])
def test_nonsense_in_the_header_is_401(web: Door, text: str, base_url: str) -> None:
    answer = web.get("/formList", headers={"Authorization": text}, base_url=base_url)
    assert challenges(answer)


def test_digest_sends_a_submission(web: Door) -> None:
    (challenge,) = challenges(web.head("/submission"))
    headers = digest(challenge, "POST", "/submission?deviceID=x")
    answer = web.post(instance(), path="/submission?deviceID=x", headers=headers)
    assert answer.status_code == 201
    assert web.rows(received.c.user_id, received.c.app_user_id) == [(1, None)]


def test_a_user_name_beyond_ascii_signs_by_digest(web: Door) -> None:
    sealed = accounts.seal_password("Lê Thị Bảy", PASSWORD, secret_key(web.runtime.settings))
    with web.database.write() as db:
        accounts.add_user(db, "Lê Thị Bảy", "city", None, None, sealed, NOW)
    (challenge,) = challenges(web.get("/formList"))
    headers = digest(challenge, "GET", "/formList", name="Lê Thị Bảy")
    assert web.get("/formList", headers=headers).status_code == 200


def test_digest_sealed_with_another_key_asks_for_the_password_again(web: Door) -> None:
    settings = replace(web.runtime.settings, secret="ab" * 32)
    other = replace(web, app=create_app(settings, replace(web.runtime, settings=settings)))
    (challenge,) = challenges(other.get("/formList"))
    headers = digest(challenge, "GET", "/formList")
    assert other.get("/formList", headers=headers).status_code == 401
    assert (
        other.get("/formList", headers=basic(f"Hoa:{PASSWORD}"), base_url=HTTPS).status_code == 200
    )


# ------------------------------------------------------------------ Basic


def test_a25_basic_over_https_lets_in_and_a_wrong_password_does_not(web: Door) -> None:
    good, bad = basic(f"Hoa:{PASSWORD}"), basic("Hoa:wrong")
    assert web.get("/formList", headers=good, base_url=HTTPS).status_code == 200
    assert len(challenges(web.get("/formList", headers=bad, base_url=HTTPS))) == 2


def test_basic_over_http_is_not_believed(web: Door) -> None:
    assert challenges(web.get("/formList", headers=basic(f"Hoa:{PASSWORD}")))


@pytest.mark.parametrize(("trusted", "status"), [(True, 200), (False, 401)])
def test_basic_behind_a_proxy_needs_our_trust_in_it(web: Door, trusted: bool, status: int) -> None:
    settings = replace(web.runtime.settings, trust_proxy=trusted)
    behind = replace(web, app=create_app(settings, replace(web.runtime, settings=settings)))
    headers = {**basic(f"Hoa:{PASSWORD}"), "X-Forwarded-Proto": "https"}
    assert behind.get("/formList", headers=headers).status_code == status
    spoofed = {**headers, "X-Forwarded-Proto": "https, http"}  # the proxy's own word comes last
    assert behind.get("/formList", headers=spoofed).status_code == 401


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize(("name", "password"), [("Hòa", "à la carte é"), ("Hoa2", "a:b:c:d:")])
def test_basic_is_read_as_utf8_and_as_phones_send_it(
    web: Door, encoding: str, name: str, password: str
) -> None:
    sealed = accounts.seal_password(name, password, secret_key(web.runtime.settings))
    with web.database.write() as db:
        accounts.add_user(db, name, "city", None, None, sealed, NOW)
    headers = basic(f"{name}:{password}", encoding)
    assert web.get("/formList", headers=headers, base_url=HTTPS).status_code == 200


@pytest.mark.parametrize("text", ["", ":", "Hoa", "Hoa:", f":{PASSWORD}", "a\x00b:c", "x" * 9_000])
def test_basic_of_nobody_is_401(web: Door, text: str) -> None:
    assert challenges(web.get("/formList", headers=basic(text), base_url=HTTPS))


@pytest.fixture
def argon2_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    real = accounts.check
    monkeypatch.setattr(accounts, "check", lambda *a: (calls.append("x"), real(*a))[1])
    return calls


def test_a_right_password_costs_no_argon2_also_after_a_start(
    web: Door, argon2_calls: list[str]
) -> None:
    headers = basic(f"Hoa:{PASSWORD}")
    for door in (web, replace(web, app=create_app(web.runtime.settings, web.runtime))):
        assert door.get("/formList", headers=headers, base_url=HTTPS).status_code == 200
    assert argon2_calls == []


@pytest.mark.parametrize("name", ["Hoa", "Nobody"])
def test_each_guess_costs_argon2_whether_there_is_such_a_name_or_not(
    web: Door, argon2_calls: list[str], name: str
) -> None:
    for _ in range(2):
        challenges(web.get("/formList", headers=basic(f"{name}:wrong"), base_url=HTTPS))
    assert len(argon2_calls) == 2


def test_who_has_no_digest_secret_pays_for_argon2_once(web: Door, argon2_calls: list[str]) -> None:
    with web.database.write() as db:
        db.execute(users.update().values(digest_secret=None))
    headers = basic(f"Hoa:{PASSWORD}")
    for _ in range(3):
        assert web.get("/formList", headers=headers, base_url=HTTPS).status_code == 200
    assert len(argon2_calls) == 1
    challenges(web.get("/formList", headers=basic("Hoa:"), base_url=HTTPS))


def test_a_new_password_ends_the_old_one_at_once(web: Door) -> None:
    old = basic(f"Hoa:{PASSWORD}")
    assert web.get("/formList", headers=old, base_url=HTTPS).status_code == 200
    sealed = accounts.seal_password("Hoa", "new password", secret_key(web.runtime.settings))
    with web.database.write() as db:
        assert accounts.set_password(db, "Hoa", sealed, NOW)
    assert web.get("/formList", headers=old, base_url=HTTPS).status_code == 401
    new = basic("Hoa:new password")
    assert web.get("/formList", headers=new, base_url=HTTPS).status_code == 200


def test_a_disabled_person_is_out_at_once_by_either_scheme(web: Door) -> None:
    (challenge,) = challenges(web.get("/formList"))
    headers = basic(f"Hoa:{PASSWORD}")
    assert web.get("/formList", headers=headers, base_url=HTTPS).status_code == 200
    with web.database.write() as db:
        assert accounts.disable(db, "Hoa", NOW)
    assert web.get("/formList", headers=headers, base_url=HTTPS).status_code == 401
    assert web.get("/formList", headers=digest(challenge, "GET", "/formList")).status_code == 401


def test_sign_in_finds_the_person_of_a_name_and_password(web: Door) -> None:
    with web.app.test_request_context():
        assert auth.sign_in("Hoa", PASSWORD) == auth.sign_in(" Hoa ", PASSWORD)
        found = auth.sign_in("Hoa", PASSWORD)
        assert found is not None
        assert (found.kind, found.name, found.role) == ("user", "Hoa", "city")
        assert auth.sign_in("Hoa", "wrong") is None
        assert auth.sign_in("Nobody", PASSWORD) is None


# ------------------------------------------------------------------ tokens


@pytest.mark.parametrize("base", [f"/key/{TOKEN}", f"/v1/key/{TOKEN}/projects/1"])
def test_a27_a_valid_token_needs_nothing_else(door: Door, base: str) -> None:
    phone = door.at(base)
    assert phone.get("/formList").status_code == 200
    assert phone.head("/submission").status_code == 204
    assert phone.post(instance()).status_code == 201


@pytest.mark.parametrize(
    "token", ["u" * 64, TOKEN[:-1], TOKEN + "t", TOKEN.upper(), "x", "a%00b", "%C4%91", "a%2Fb"]
)
@pytest.mark.parametrize("base", ["/key/{}", "/v1/key/{}/projects/1"])
def test_a27_any_other_token_is_403_or_404_and_never_401(door: Door, base: str, token: str) -> None:
    phone = door.at(base.format(token))
    for answer in (phone.get("/formList"), phone.head("/submission"), phone.post(instance())):
        assert answer.status_code in (403, 404)
        assert "WWW-Authenticate" not in answer.headers
    assert door.count(submissions) == 0


def test_a27_a_revoked_token_is_403_at_once_with_a_reason(door: Door) -> None:
    assert door.get("/formList").status_code == 200
    with door.database.write() as db:
        assert accounts.revoke(db, 1, NOW)
    answer = door.get("/formList")
    assert answer.status_code == 403
    assert "đã bị thu hồi" in message(answer)
    assert door.post(instance()).status_code == 403


def test_a28_a_cookie_opens_nothing(web: Door) -> None:
    assert (
        web.get("/formList", headers={"Cookie": "session=x; __Host-session=y"}).status_code == 401
    )


def test_a29_every_address_of_the_list_takes_the_same_credentials(web: Door) -> None:
    web.add_attachment("trees", "a.jpg", b"jpg")
    root = etree.fromstring(signed(web, "GET", "/formList").data)
    urls = [node.text for node in root.iter("{*}downloadUrl", "{*}manifestUrl")]
    manifest = signed(web, "GET", urlsplit(urls[1]).path)
    urls += [node.text for node in etree.fromstring(manifest.data).iter("{*}downloadUrl")]
    assert len(urls) == 3
    for url in urls:
        assert signed(web, "GET", urlsplit(url).path).status_code == 200


def test_new_tokens_are_long_and_safe_in_any_address(door: Door) -> None:
    tokens = {auth.new_token() for _ in range(20)}
    assert len(tokens) == 20
    assert all(re.fullmatch("[A-Za-z0-9]{64}", token) for token in tokens)


def test_when_a_phone_was_last_seen_is_noted_and_not_at_every_request(door: Door) -> None:
    for minutes in (0, 1, 2):
        door.clock.time = NOW + timedelta(minutes=minutes)
        door.get("/formList")
    assert door.rows(app_users.c.last_seen_at) == [(NOW,)]


def test_a_phone_is_let_in_also_when_that_note_cannot_be_written(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OperationalError("UPDATE", {}, Exception("disk full"))

    monkeypatch.setattr(accounts, "seen", full)
    assert door.get("/formList").status_code == 200


@pytest.mark.parametrize(("role", "status"), [("volunteer", 200), ("peoples_committee", 403)])
def test_a_role_that_is_not_for_phones_gets_nothing(door: Door, role: str, status: int) -> None:
    with door.database.write() as db:
        accounts.add_app_user(db, "X", role, None, "c1", "r" * 64, NOW)
    phone = door.at(f"/v1/key/{'r' * 64}/projects/1")
    assert phone.get("/formList").status_code == status
    assert phone.post(instance(B)).status_code == (201 if status == 200 else 403)


def test_c27_a_phone_whose_club_was_closed_still_gets_rid_of_its_visits(door: Door) -> None:
    with door.database.write() as db:
        accounts.add_app_user(db, "X", "volunteer", None, "no such club", "r" * 64, NOW)
    assert door.at(f"/key/{'r' * 64}").post(instance(A)).status_code == 201


def test_c31_a_submission_goes_only_to_the_project_of_its_address(door: Door) -> None:
    assert door.at(f"/v1/key/{TOKEN}/projects/2").post(instance()).status_code == 404
    assert door.at(f"/v1/key/{TOKEN}/projects/x").post(instance()).status_code == 404
    assert door.count(submissions) == 0


def test_a_guess_waits_for_no_other_and_good_passwords_for_none(web: Door) -> None:
    codes: list[int] = []

    def guess(number: int) -> None:
        headers = basic(f"Hoa:{PASSWORD if number % 2 else 'wrong'}")
        codes.append(web.get("/formList", headers=headers, base_url=HTTPS).status_code)

    _in_threads(20, guess)
    assert sorted(codes)[:10] == [200] * 10
    assert 401 in codes
    assert set(codes) <= {200, 401, 503}  # 503: another guess was being checked, come again


def test_all_who_come_first_share_one_memory(web: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with another memory would hand back a turn to guess that it never took: a 500."""
    make, found = auth.Memory, list[auth.Memory]()

    def slowly(*given: Any) -> auth.Memory:
        time.sleep(0.05)
        return make(*given)

    def come(_number: int) -> None:
        with web.app.app_context():
            found.append(auth.memory())

    web.app.extensions.pop(auth.EXTENSION, None)
    monkeypatch.setattr(auth, "Memory", slowly)
    _in_threads(4, come)
    assert len({id(one) for one in found}) == 1


def _in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
