"""A program with a token of a person does what its scope names, until its end, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from sync import tables, tokens
from sync.access import Caller, may
from tests.conftest import NOW
from tests.server.api import PASSWORD, Program, add_person, signed_in
from tests.server.conftest import A, Door, instance

TREES = "/projects/1/forms/trees"
SUBMISSIONS = f"{TREES}/submissions"
END = "2026-03-01T00:00:00.000Z"


def make(program: Program, *scope: str, end: str = END, name: str = "Bảng tính") -> dict[str, Any]:
    answer = program.post("/tokens", json={"name": name, "scope": scope, "expiresAt": end})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def with_token(door: Door, made: dict[str, Any]) -> Program:
    return Program(door, {"Authorization": f"Bearer {made['token']}"})


def test_a_token_reaches_no_further_than_its_scope_and_its_person(door: Door) -> None:
    assert door.post(instance(A)).status_code == 201
    city = signed_in(door, "city")
    reading = with_token(door, make(city, "submissions.read", "other_forms.read"))
    assert [one["instanceId"] for one in reading.json(SUBMISSIONS)] == [A]
    listing = with_token(door, make(city, "form.list"))
    assert listing.json(TREES)["xmlFormId"] == "trees"
    listing.refused(listing.get(SUBMISSIONS), 403.1)
    half = with_token(door, make(city, "submissions.read"))  # other_forms.read is missing
    half.refused(half.get(SUBMISSIONS), 403.1)
    for program in (reading, listing):
        program.refused(program.get("/projects/1/datasets"), 403.1)
        program.refused(program.patch(f"{SUBMISSIONS}/{A}", json={"reviewState": None}), 403.1)
        program.refused(program.post(SUBMISSIONS, data=instance(A)), 403.1)
    me = reading.json("/users/current", headers={"X-Extended-Metadata": "true"})
    assert (me["email"], me["verbs"]) == ("city@example.vn", ["other_forms.read"])


def test_what_only_a_person_does_no_token_does(door: Door) -> None:
    admin = signed_in(door)
    everything = sorted(door.runtime.library.roles["admin"].verbs)
    program = with_token(door, make(admin, *everything))
    me = admin.json("/users/current")["id"]
    assert program.get("/users").status_code == 200
    program.refused(program.get("/tokens"), 403.1)
    wider = {"name": "x", "scope": everything, "expiresAt": END}
    program.refused(program.post("/tokens", json=wider), 403.1)
    new = {"old": PASSWORD, "new": "một mật khẩu khác"}
    program.refused(program.put(f"/users/{me}/password", json=new), 403.1)
    somebody = {"email": "x@example.vn", "password": PASSWORD, "role": "admin"}
    program.refused(program.post("/users", json=somebody), 403.1)
    program.refused(program.delete("/sessions/current"), 403.1)
    program.refused(program.get("/sessions/restore"), 404.1)


def test_a_token_is_told_once_and_kept_as_its_hash(door: Door) -> None:
    city = signed_in(door, "city")
    made = make(city, "form.list", name="  Máy  tính\n")
    assert (made["name"], made["scope"], made["expiresAt"]) == ("Máy tính", ["form.list"], END)
    (listed,) = city.json("/tokens")
    assert listed == {name: value for name, value in made.items() if name != "token"}
    kept = str(door.rows(tables.api_tokens)) + str(door.rows(tables.audit_events.c.details))
    assert made["token"] not in kept
    with_token(door, made).json(TREES)
    assert city.json("/tokens")[0]["lastUsedAt"] == "2026-01-20T03:00:00.000Z"
    actions = [row.action for row in door.rows(tables.audit_events.c.action)]
    assert "token.create" in actions


def test_a_token_ends_by_its_day_its_person_and_whoever_manages_users(door: Door) -> None:
    admin, city, chair = (signed_in(door, role) for role in ("admin", "city", "chair"))
    own, by_admin, left = (make(city, "form.list") for _ in range(3))
    chair.refused(chair.delete(f"/tokens/{own['id']}"), 404.1)
    assert chair.json("/tokens") == []
    chair.refused(chair.get("/tokens?all=true"), 403.1)
    assert len(admin.json("/tokens?all=true")) == 3
    assert city.delete(f"/tokens/{own['id']}").get_json() == {"success": True}
    assert admin.delete(f"/tokens/{by_admin['id']}").get_json() == {"success": True}
    admin.refused(admin.delete(f"/tokens/{by_admin['id']}"), 404.1)
    for made in (own, by_admin):
        program = with_token(door, made)
        program.refused(program.get(TREES), 401.2)
    program = with_token(door, left)
    assert program.get(TREES).status_code == 200
    door.clock.time = NOW + timedelta(days=60)
    program.refused(program.get(TREES), 401.2)


def test_a_new_password_and_a_disabled_person_take_their_tokens_along(door: Door) -> None:
    admin = signed_in(door)
    add_person(door, "lan", "city")
    for end in ("password", "disable"):
        lan = Program(door)
        answer = lan.post("/sessions", json={"email": "lan", "password": PASSWORD})
        lan.headers["Authorization"] = f"Bearer {answer.get_json()['token']}"
        number = lan.json("/users/current")["id"]
        program = with_token(door, make(lan, "form.list"))
        assert program.get(TREES).status_code == 200
        if end == "password":
            admin.put(f"/users/{number}/password", json={"new": PASSWORD})
        else:
            admin.delete(f"/users/{number}")
        program.refused(program.get(TREES), 401.2)


def test_a_token_without_name_with_more_than_the_role_or_without_end_is_not_made(
    door: Door,
) -> None:
    chair = signed_in(door, "chair")
    good = {"name": "x", "scope": ["form.list"], "expiresAt": END}
    bad: dict[str, tuple[dict[str, Any], float]] = {
        "token_name": ({"name": " \n"}, 400.8),
        "token_scope": ({"scope": ["forms.manage"]}, 400.8),
        "token_end": ({"expiresAt": "2026-01-20T03:00:00.000Z"}, 400.8),
    }
    for problem, (change, code) in bad.items():
        found = chair.refused(chair.post("/tokens", json=good | change), code)
        assert found["problem"] == problem
    for change in ({"scope": []}, {"expiresAt": "2036-01-01T00:00:00Z"}):
        chair.refused(chair.post("/tokens", json=good | change), 400.8)
    chair.refused(chair.post("/tokens", json=good | {"expiresAt": "mai"}), 400.11)
    chair.refused(chair.post("/tokens", json={"name": "x"}), 400.3)


def test_a_scope_says_nothing_that_the_role_does_not(door: Door) -> None:
    library = door.runtime.library
    wide = Caller("user", 1, "lan", "volunteer", scope=frozenset({"form.list", "users.manage"}))
    assert may(library, wide, "form.list")
    assert not may(library, wide, "users.manage")
    assert not may(library, wide, "submission.create")
    assert "submissions.read" in tokens.grantable(library, "volunteer")


def test_a_token_opens_the_phones_door_only_with_their_verbs(door: Door) -> None:
    city = signed_in(door, "city")
    listing, reading = (with_token(door, make(city, one)) for one in ("form.list", "reports.read"))
    assert listing.get("/projects/1/formList").status_code == 200
    assert reading.get("/projects/1/formList").status_code == 403
    sent = door.at("/v1/projects/1")
    sent.headers |= listing.headers
    assert sent.post(instance(A)).status_code == 403


def test_a_token_is_good_also_when_its_use_cannot_be_noted(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OperationalError("UPDATE", {}, Exception("disk full"))

    program = with_token(door, make(signed_in(door, "city"), "form.list"))
    monkeypatch.setattr(tokens, "used", full)
    assert program.json(TREES)["xmlFormId"] == "trees"
