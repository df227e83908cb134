"""Who gets in by the JSON API, and what may they do (protocol §1.5, §8.2, §11 B 95–98, 111–115)."""

from __future__ import annotations

import base64
from datetime import timedelta
from urllib.parse import quote

import pytest

from server.api.door import KNOWN, NEEDS, OPEN, OWN
from sync.access import KNOWN_VERBS
from tests.server.api import PASSWORD, Program, add_person, signed_in
from tests.server.conftest import TOKEN, A, B, Door, instance

FORMS = "/projects/1/forms"
LINKS = f"{FORMS}/trees/public-links"
APP_USERS = "/projects/1/app-users"


@pytest.fixture
def admin(door: Door) -> Program:
    return signed_in(door)


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


# ------------------------------------------------------------------ every route has its verb


def test_every_route_of_the_api_says_which_verb_it_needs(door: Door) -> None:
    rules = [r for r in door.app.url_map.iter_rules() if r.endpoint.startswith("api")]
    assert len(rules) > 50
    for rule in rules:
        needed = NEEDS.get(rule.endpoint.partition(".")[2])
        assert needed, f"{rule} says no verb"
        assert set(needed) <= KNOWN_VERBS | {OPEN, KNOWN, OWN}, f"{rule} says a verb there is not"
    assert {name for name, needed in NEEDS.items() if OPEN in needed} == OF_STRANGERS


OF_STRANGERS = {"begin_session", "get_openapi"}


def test_no_route_but_signing_in_and_the_document_answers_a_stranger(door: Door) -> None:
    for rule in door.app.url_map.iter_rules():
        blueprint, _, view = rule.endpoint.partition(".")
        if blueprint != "api" or view in OF_STRANGERS:
            continue
        path = door.app.url_map.bind("x").build(
            rule.endpoint,
            {name: _some(rule, name) for name in rule.arguments},
            force_external=False,
        )
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            answer = Program(door, base="").call(method, path)
            assert answer.status_code == 401, (method, path, answer.text)


def _some(rule: object, name: str) -> object:
    kinds = {"NumberConverter": 1, "_RowNumber": 1}
    converter = rule._converters[name]  # type: ignore[attr-defined]
    if items := getattr(converter, "items", None):
        return min(items)
    return "1" if name == "project" else kinds.get(type(converter).__name__, "x")


# ------------------------------------------------------------------ signing in


def test_b95_name_and_password_become_a_token_for_a_day(door: Door) -> None:
    add_person(door, "lan@example.vn", "admin")
    program = Program(door)
    answer = program.post("/sessions", json={"email": "lan@example.vn", "password": PASSWORD})
    assert answer.status_code == 200
    found = answer.get_json()
    assert len(found["token"]) == 64
    assert found["createdAt"] == "2026-01-20T03:00:00.000Z"
    assert found["expiresAt"] == "2026-01-21T03:00:00.000Z"
    assert found["csrf"]


@pytest.mark.parametrize("email", ["lan@example.vn", "nobody@example.vn", "a\x00b"])
def test_b95_a_wrong_password_is_401_2_in_json(door: Door, email: str) -> None:
    add_person(door, "lan@example.vn", "admin")
    program = Program(door)
    answer = program.post("/sessions", json={"email": email, "password": "sai mật khẩu"})
    program.refused(answer, 401.2)
    assert "WWW-Authenticate" not in answer.headers


def test_b95_a_sign_in_without_its_fields_is_400_3(door: Door) -> None:
    program = Program(door)
    found = program.refused(program.post("/sessions", json={"email": "lan"}), 400.3)
    assert found["details"] == {"fields": "password"}
    program.refused(program.post("/sessions", data=b"\xff{"), 400.1)
    program.refused(program.post("/sessions", json=["lan", "x"]), 400.1)
    program.refused(program.post("/sessions", json={"email": 1, "password": {}}), 400.11)


def test_b96_a_token_that_ran_out_is_401_so_that_programs_sign_in_again(admin: Program) -> None:
    me = admin.json("/users/current")
    assert set(me) >= {"id", "type", "displayName", "email", "createdAt", "updatedAt", "deletedAt"}
    assert (me["type"], me["email"]) == ("user", "admin@example.vn")
    admin.door.clock.time += timedelta(hours=24)
    admin.refused(admin.get("/users/current"), 401.2)


def test_a_sign_in_ends_when_it_is_ended(admin: Program) -> None:
    restored = admin.json("/sessions/restore")
    assert set(restored) == {"createdAt", "expiresAt"}
    assert admin.delete("/sessions/current").get_json() == {"success": True}
    admin.refused(admin.get("/sessions/restore"), 401.2)


def test_a_sign_in_is_ended_by_its_token_by_whoever_has_it_and_nobody_else(door: Door) -> None:
    lan, hoa = signed_in(door, "admin"), signed_in(door, "city")
    token = lan.headers["Authorization"].split()[1]
    hoa.refused(hoa.delete(f"/sessions/{token}"), 404.1)
    assert lan.delete(f"/sessions/{token}").status_code == 200
    lan.refused(lan.get("/users/current"), 401.2)


def test_a_disabled_persons_sign_in_and_one_with_an_old_password_are_void(door: Door) -> None:
    admin, chair = signed_in(door), signed_in(door, "chair")
    number = chair.json("/users/current")["id"]
    changed = chair.put(f"/users/{number}/password", json={"old": PASSWORD, "new": "mật khẩu mới"})
    assert changed.get_json() == {"success": True}
    chair.refused(chair.get("/users/current"), 401.2)
    answer = chair.post("/sessions", json={"email": "chair@example.vn", "password": "mật khẩu mới"})
    chair.headers["Authorization"] = f"Bearer {answer.get_json()['token']}"
    assert admin.delete(f"/users/{number}").status_code == 200
    chair.refused(chair.get("/users/current"), 401.2)


@pytest.mark.parametrize("header", ["Bearer ", "Bearer x", "Bearer đ", "Token x", "Digest x", "x"])
def test_whatever_else_is_shown_is_401_2(door: Door, header: str) -> None:
    program = Program(door)
    program.refused(program.get("/projects", headers={"Authorization": header}), 401.2)


def test_nothing_shown_is_401_2(door: Door) -> None:
    program = Program(door)
    program.refused(program.get("/projects"), 401.2)
    program.refused(program.get("/users/current"), 401.2)


# ------------------------------------------------------------------ Basic


def test_b111_basic_is_taken_over_https_and_refused_over_http(door: Door) -> None:
    add_person(door, "lan@example.vn", "admin")
    program = Program(door, basic("lan@example.vn"))
    assert program.get("/projects", base_url="https://srv.example").status_code == 200
    program.refused(program.get("/projects", base_url="http://srv.example"), 401.3)
    wrong = Program(door, basic("lan@example.vn", "sai"))
    wrong.refused(wrong.get("/projects", base_url="https://srv.example"), 401.2)
    program.refused(program.get("/sessions/restore", base_url="https://srv.example"), 404.1)


def test_b93_the_phones_addresses_take_bearer_and_basic_and_challenge_others(door: Door) -> None:
    chair = signed_in(door, "chair")
    base = "https://srv.example"
    listed = chair.get("/projects/1/formList", base_url=base)
    assert listed.status_code == 200
    assert f"{base}/v1/projects/1/forms/trees.xml" in listed.text
    assert chair.get(f"{FORMS}/trees.xml", base_url=base).status_code == 200
    assert chair.get(f"{FORMS}/trees/manifest", base_url=base).status_code == 200
    assert chair.call("HEAD", "/projects/1/submission", base_url=base).status_code == 204
    assert chair.get("/projects/2/formList", base_url=base).status_code == 404
    stranger = Program(door).get("/projects/1/formList", base_url=base)
    assert stranger.status_code == 401
    assert [h.split()[0] for h in stranger.headers.getlist("WWW-Authenticate")] == [
        "Digest",
        "Basic",
    ]


# ------------------------------------------------------------------ the session of the pages


def test_the_pages_session_reads_and_changes_only_by_script(door: Door) -> None:
    add_person(door, "lan@example.vn", "admin")
    client = door.client
    form = client.get("/sign-in").text
    csrf = form.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    client.post(
        "/sign-in", data={"csrf_token": csrf, "name": "lan@example.vn", "password": PASSWORD}
    )
    assert client.get("/v1/users/current").get_json()["email"] == "lan@example.vn"
    change = {"state": "closing"}
    assert client.patch("/v1/projects/1/forms/trees", json=change).status_code == 401
    by_script = {"X-Requested-With": "XMLHttpRequest"}
    answer = client.patch("/v1/projects/1/forms/trees", json=change, headers=by_script)
    assert answer.status_code == 200, answer.text
    shown = client.get("/v1/users/current", headers={"Authorization": "Bearer x"})
    assert shown.status_code == 401  # the first that is given decides


# ------------------------------------------------------------------ tokens in the path


def test_b112_a_phones_token_does_what_phones_do_and_no_more(door: Door) -> None:
    phone = Program(door, base=f"/v1/key/{TOKEN}")
    assert [f["xmlFormId"] for f in phone.json(FORMS)] == ["trees"]
    for path in ("/users/current", "/users", "/projects", APP_USERS, LINKS, "/audits", "/roles"):
        phone.refused(phone.get(path), 403.1)
    phone.refused(phone.post(FORMS, data=b""), 403.1)
    phone.refused(phone.delete(f"{FORMS}/trees/draft"), 403.1)
    assert phone.get(f"{FORMS}/trees/submissions").status_code in (403, 404)


def test_an_unknown_token_is_403_and_a_malformed_one_401(door: Door) -> None:
    for token, code in (("u" * 64, 403.1), ("u" * 63, 401.2), ("-" * 64, 401.2)):
        for url in (f"/v1/key/{token}/projects", f"/v1/projects?st={token}"):
            program = Program(door, base="")
            program.refused(program.get(url), code)
    strange = Program(door, base="").get(f"/v1/key/{'!' * 32}{'%24' * 32}/projects")
    assert strange.status_code == 403


def test_the_token_in_the_path_decides_whatever_else_is_shown(admin: Program) -> None:
    answer = admin.get(f"/projects?st={TOKEN}")
    admin.refused(answer, 403.1)


# ------------------------------------------------------------------ public links


def link(admin: Program, **more: object) -> dict[str, str]:
    answer = admin.post(LINKS, json={"displayName": "Cổng thông tin", **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.get_json()
    return found


def test_b115_a_link_gives_one_form_with_its_files_and_takes_its_submissions(
    admin: Program,
) -> None:
    door = admin.door
    door.add_form("bamboo")
    door.add_attachment("trees", "cây.png", b"png")
    st = f"?st={link(admin)['token']}"
    guest = Program(door)
    assert b'id="trees"' in guest.get(f"{FORMS}/trees.xml{st}").data
    assert guest.get(f"{FORMS}/trees/attachments/{quote('cây.png')}{st}").data == b"png"
    assert guest.get(f"{FORMS}/bamboo.xml{st}").status_code == 404
    listed = guest.get(f"/projects/1/formList{st}").text
    assert "trees" in listed
    assert "bamboo" not in listed
    assert f"/v1/key/{st[4:]}/projects/1/forms/trees.xml" in listed
    guest_door = door.at("/v1/projects/1")
    assert guest_door.head(f"/submission{st}").status_code == 204
    assert guest_door.post(instance(A), path=f"/submission{st}&deviceID=enketo").status_code == 201
    other = guest_door.post(instance(B, form_id="bamboo"), path=f"/submission{st}")
    assert other.status_code in (403, 404)


def test_b115_a_revoked_link_is_403(admin: Program) -> None:
    by_token, by_number = link(admin), link(admin)
    assert admin.delete(f"/sessions/{by_token['token']}").status_code == 200
    assert admin.delete(f"{LINKS}/{by_number['id']}").status_code == 200
    admin.refused(admin.delete(f"{LINKS}/{by_number['id']}"), 404.1)
    guest = admin.door.at("/v1/projects/1")
    for token in (by_token["token"], by_number["token"]):
        assert guest.get(f"/forms/trees.xml?st={token}").status_code == 403
        assert guest.post(instance(A), path=f"/submission?st={token}").status_code == 403


def test_a_link_has_every_key_and_its_token_only_once(admin: Program) -> None:
    made = link(admin, once=False)
    assert (made["type"], made["once"], len(made["token"])) == ("public_link", False, 64)
    (listed,) = admin.json(LINKS)
    assert listed == {**made, "token": None}
    admin.refused(admin.post(LINKS, json={"displayName": "x", "once": True}), 400.11)
    admin.refused(admin.post(LINKS, json={}), 400.3)
    admin.refused(admin.post(LINKS, json={"displayName": "x", "role": "city"}), 400.11)
    admin.refused(admin.get(f"{FORMS}/none/public-links"), 404.1)


# ------------------------------------------------------------------ phones


def test_a_phone_is_added_used_and_revoked(admin: Program) -> None:
    answer = admin.post(APP_USERS, json={"displayName": "Máy 1", "role": "city"})
    assert answer.status_code == 200, answer.text
    made = answer.get_json()
    assert (made["type"], made["projectId"], made["displayName"]) == ("field_key", 1, "Máy 1")
    assert made["url"].endswith(f"/v1/key/{made['token']}/projects/1")
    phone = admin.door.at(f"/v1/key/{made['token']}/projects/1")
    assert phone.get("/formList").status_code == 200
    listed = admin.json(APP_USERS, headers={"X-Extended-Metadata": "true"})
    assert [one["displayName"] for one in listed] == ["Máy 1", "Lan"]  # the newest first
    assert {"token", "updatedAt", "deletedAt", "createdBy", "lastUsed"} <= set(listed[0])
    assert admin.delete(f"{APP_USERS}/{made['id']}").get_json() == {"success": True}
    assert phone.get("/formList").status_code == 403
    admin.refused(admin.delete(f"{APP_USERS}/{made['id']}"), 404.1)


def test_a_phone_without_role_or_place_is_refused_with_what_is_missing(admin: Program) -> None:
    found = admin.refused(admin.post(APP_USERS, json={"displayName": "Máy 1"}), 400.3)
    assert found["details"] == {"fields": "role"}
    for given in ({"role": "volunteer"}, {"role": "volunteer", "unitCode": None}):
        admin.refused(admin.post(APP_USERS, json={"displayName": "Máy 1", **given}), 400.3)
    bad = {"displayName": "Máy 1", "role": "volunteer", "clubCode": "khong-co"}
    assert admin.refused(admin.post(APP_USERS, json=bad), 400.8)["problem"] == "unknown_place"
    admin.refused(admin.post(APP_USERS, json={"displayName": "a:b", "role": "city"}), 400.8)
    admin.refused(admin.post(APP_USERS, json={"displayName": "Máy", "role": "king"}), 400.8)


def test_what_a_phone_fills_in_is_told_and_not_changed(admin: Program) -> None:
    (phone,) = admin.json(APP_USERS)
    path, assigned = f"{FORMS}/trees/assignments", {"actorId": phone["id"], "roleId": 2}
    assert admin.json(path) == [assigned]
    assert [one["displayName"] for one in admin.json(f"{path}/app-user")] == ["Lan"]
    of_all = "/projects/1/assignments/forms"
    assert admin.json(of_all) == [assigned | {"xmlFormId": "trees"}] == admin.json(f"{of_all}/2")
    assert admin.json(f"{of_all}/admin") == []
    for role in ("2", "app-user"):
        assert admin.post(f"{path}/{role}/{phone['id']}").get_json() == {"success": True}
        admin.refused(admin.delete(f"{path}/{role}/{phone['id']}"), 409.3)
    for ask in (admin.post, admin.delete):
        admin.refused(ask(f"{path}/2/999"), 404.1)
        admin.refused(ask(f"{FORMS}/none/assignments/2/{phone['id']}"), 404.1)


def test_everybodys_role_is_told_and_changed_with_the_person_only(admin: Program) -> None:
    add_person(admin.door, "lan@example.vn", "chair", club_id=A)
    path = "/projects/1/assignments"
    (lan,) = admin.json(f"{path}/chair")
    assert lan["displayName"] == "lan@example.vn"
    number = admin.json("/roles/chair")["id"]
    assert {"actorId": lan["id"], "roleId": number} in admin.json(path)
    assert admin.post(f"{path}/{number}/{lan['id']}").get_json() == {"success": True}
    admin.refused(admin.delete(f"{path}/chair/{lan['id']}"), 409.3)
    admin.refused(admin.post(f"{path}/city/{lan['id']}"), 409.3)
    for missing in (f"{path}/king/{lan['id']}", f"{path}/chair/7", f"{path}/city/7"):
        admin.refused(admin.post(missing), 404.1)
    admin.refused(admin.delete(f"{path}/city/{lan['id']}"), 404.1)


# ------------------------------------------------------------------ people, roles, events


def test_people_are_added_found_changed_and_disabled(admin: Program) -> None:
    new = {"email": "Trần Thị Hòa", "password": PASSWORD, "role": "city"}
    made = admin.post("/users", json=new).get_json()
    assert (made["email"], made["role"], made["deletedAt"]) == ("Trần Thị Hòa", "city", None)
    assert [one["id"] for one in admin.json("/users?q=hoa")] == [made["id"]]
    assert admin.json(f"/users/{made['id']}") == made
    admin.refused(admin.post("/users", json=new), 409.3)
    admin.refused(admin.post("/users", json={**new, "email": "x", "password": "ngắn"}), 400.21)
    changed = admin.patch(f"/users/{made['id']}", json={"role": "dpo"}).get_json()
    assert changed["role"] == "dpo"
    assert admin.delete(f"/users/{made['id']}").status_code == 200
    admin.refused(admin.get(f"/users/{made['id']}"), 404.1)
    chair = signed_in(admin.door, "chair")
    chair.refused(chair.get("/users"), 403.1)


def test_nobody_changes_anothers_password_but_who_manages_users(admin: Program) -> None:
    chair = signed_in(admin.door, "chair")
    mine = chair.json("/users/current")["id"]
    other = admin.json("/users/current")["id"]
    new = {"old": PASSWORD, "new": "một mật khẩu khác"}
    chair.refused(chair.put(f"/users/{other}/password", json=new), 404.1)
    wrong = {**new, "old": "sai"}
    chair.refused(chair.put(f"/users/{mine}/password", json=wrong), 401.2)
    assert admin.put(f"/users/{mine}/password", json={"new": new["new"]}).status_code == 200


def test_short_lists_too_come_page_by_page_each_row_once(door: Door) -> None:
    admin = signed_in(door)
    add_person(door, "lan@example.vn", "chair", club_id=A)
    token = {"name": "x", "scope": ["users.manage"], "expiresAt": "2026-03-01T00:00:00Z"}
    for name in ("Máy Một", "Máy Hai"):
        for path, new in (
            (APP_USERS, {"displayName": name, "role": "city"}),
            (LINKS, {"displayName": name}),
            ("/tokens", token),
        ):
            assert admin.post(path, json=new).status_code == 200
    key = {FORMS: "xmlFormId"}
    for path in ("/users", "/tokens?all=true", APP_USERS, FORMS, LINKS):
        every, paged, query = admin.json(path), [], "&" if "?" in path else "?"
        assert len(every) > (path != FORMS), path
        for _ in every:
            after = f"&after={paged[-1][key.get(path, 'id')]}" if paged else ""
            paged += admin.json(f"{path}{query}limit=1{after}")
        assert paged == every
        assert admin.json(f"{path}{query}offset={len(every) - 1}") == every[-1:]
        admin.refused(admin.get(f"{path}{query}after=none"), 400.34)
        admin.refused(admin.get(f"{path}{query}limit=-1"), 400.8)


def test_the_role_of_phones_has_the_number_that_pyodk_knows(admin: Program) -> None:
    roles = {role["system"]: role["id"] for role in admin.json("/roles")}
    assert (roles["admin"], roles["app-user"]) == (1, 2)
    assert admin.json("/roles/2")["system"] == "app-user"
    admin.refused(admin.get("/roles/king"), 404.1)


def test_events_are_listed_the_newest_first(admin: Program) -> None:
    admin.patch(f"{FORMS}/trees", json={"state": "closed"})
    dpo = signed_in(admin.door, "dpo")
    found = dpo.json("/audits?action=form&limit=1")
    assert [event["action"] for event in found] == ["form.state"]
    assert set(found[0]) == {"id", "actorId", "action", "acteeId", "details", "loggedAt"}
    assert found[0]["details"] == {"state": "closed"}
    assert dpo.json("/audits?start=2027-01-01T00:00:00.000Z") == []
    assert dpo.json("/audits?end=2026-01-01") == []
    every = dpo.json("/audits")
    assert dpo.json(f"/audits?after={every[0]['id']}&limit=1") == every[1:2]
    dpo.refused(dpo.get("/audits?limit=-1"), 400.8)
    dpo.refused(dpo.get("/audits?start=gestern"), 400.8)
    admin.refused(admin.get("/audits"), 403.1)


# ------------------------------------------------------------------ addresses


def test_other_addresses_and_versions_are_404_in_json(admin: Program) -> None:
    admin.refused(admin.get("/nothing"), 404.1)
    program = Program(admin.door, base="")
    program.refused(program.get("/v2/projects"), 404.3)
    program.refused(program.get("/v1"), 404.1)
    assert admin.get("/projects/").status_code == 200  # with a slash at the end too
    refused = admin.call("PUT", "/projects")
    assert refused.get_json()["problem"] == "method_not_allowed"
    assert "GET" in refused.allow


def test_b98_ids_are_read_with_a_colon_written_either_way(admin: Program) -> None:
    admin.door.add_form("uuid:abc")
    for path in ("uuid%3Aabc", "uuid:abc"):
        assert admin.json(f"{FORMS}/{path}")["xmlFormId"] == "uuid:abc"
