"""Every route, asked by every role at every distance: what is theirs works, all else says nothing.

Which verb a route needs is read from the code, what scope adds to it from `addresses/`; what must
never be seen stands in `scope_world.PLANTS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from forms.library import load_library
from server.api.door import KNOWN, OPEN, OWN
from server.api.door import NEEDS as OF_API
from server.pages.audit import NOUNS, VERBS
from server.pages.door import NEEDS as OF_PAGES
from sync.access import KNOWN_VERBS
from sync.database import Database
from sync.tables import audit_events
from tests.access_page import PAGE, to_page
from tests.server import documented
from tests.server.addresses import Address, addresses
from tests.server.scope_world import OWN as ASKED_ABOUT
from tests.server.scope_world import ScopeWorld, Who, callers, leaks, make_world, text_of

# Doors of phones (tests/server/test_phone_reach.py asks them), of machines, and files of the pages.
OTHER_DOORS = ("openrosa", "health", "api_key")
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}  # without it a session of the pages changes nothing


@pytest.fixture(scope="module")
def world(
    shared_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ScopeWorld]:
    return make_world(shared_database, tmp_path_factory.mktemp("scope"))


def routes(world: ScopeWorld) -> set[tuple[str, str]]:
    """(method, endpoint) of every route that people and programs have."""
    return {
        (method, rule.endpoint)
        for rule in world.door.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith(OTHER_DOORS) and not rule.endpoint.endswith(".static")
    }


def needs(endpoint: str) -> tuple[str, ...]:
    """The verbs of a route, any of which lets in."""
    group, _, view = endpoint.partition(".")
    return (OF_API if group == "api" else OF_PAGES)[view]


def has_verb(who: Who | None, endpoint: str) -> bool:
    needed = needs(endpoint)
    if OPEN in needed or who is None:
        return OPEN in needed
    verbs = load_library().roles[who.role].verbs
    return not (verbs | {KNOWN, OWN}).isdisjoint(needed)


def ask(world: ScopeWorld, who: Who | None, method: str, one: Address) -> TestResponse:
    body: dict[str, Any] = {}
    if one.json is not None:
        body["json"] = json.loads(_named(world, json.dumps(one.json)))
    elif one.form is not None or (method == "POST" and not one.path.startswith("/v1")):
        fields = {name: _named(world, value) for name, value in (one.form or {}).items()}
        body["data"] = {"csrf_token": world.csrf, **fields}
    elif one.data is not None:
        body["data"] = one.data
    headers = {**SCRIPT, **(one.headers or {})}
    path = _named(world, one.path)
    answer = world.client(who).open(path, method=method, headers=headers, buffered=True, **body)
    documented.check(world.door.app, answer)
    return answer


def _named(world: ScopeWorld, text: str) -> str:
    for name, value in world.names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def may(who: Who | None, endpoint: str, one: Address) -> bool:
    return has_verb(who, endpoint) and (who is None or one.may(who))


def everybody() -> Iterator[Who | None]:
    return chain([None], callers())


def those_who_may(world: ScopeWorld, endpoint: str, one: Address) -> list[Who | None]:
    return _enough(world, [who for who in everybody() if may(who, endpoint, one)])


def those_who_may_not(world: ScopeWorld, endpoint: str, one: Address) -> list[Who | None]:
    """Who has not the verb is refused at the door wherever the club is, before any SQL: once."""
    others = [who for who in everybody() if not may(who, endpoint, one)]
    at_the_door = [who for who in others if not has_verb(who, endpoint)]
    within = _enough(world, [who for who in others if has_verb(who, endpoint)])
    once = [who for who in at_the_door if who is None or who.place in ("", "own")]
    return [*within, *(once if world.is_wide else ())]


def _enough(world: ScopeWorld, found: list[Who | None]) -> list[Who | None]:
    """All of them; on PostgreSQL the nearest and the farthest. Who may what is decided in Python,
    alike on both; only what cuts rows is SQL, and these two show whether it does."""
    return found if world.is_wide else list(dict.fromkeys((*found[:1], *found[-1:])))


def test_the_page_says_what_the_library_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == to_page(load_library()) + "\n", "run `make access`"


# ------------------------------------------------------------------ every route is asked
def test_every_route_has_a_verb_and_an_example_of_its_address(world: ScopeWorld) -> None:
    found, given = routes(world), {(method, endpoint) for method, endpoint, _ in addresses()}
    assert len(found) > 80
    for _, endpoint in found:
        assert needs(endpoint), f"{endpoint} names no verb"
        assert set(needs(endpoint)) <= KNOWN_VERBS | {OPEN, KNOWN, OWN}
    missing = sorted(found - given)
    assert not missing, f"no line in tests/server/addresses/: {missing}"
    old = sorted(given - found)
    assert not old, f"lines of routes that are not there: {old}"


def test_who_may_not_is_refused_without_a_hint(world: ScopeWorld) -> None:
    slips = []
    for method, endpoint, one in addresses():
        for who in those_who_may_not(world, endpoint, one):
            answer = ask(world, who, method, one)
            if not _is_refusal(who, answer):
                slips.append(f"{_said(who)} {method} {one.path}: {answer.status_code}")
            slips += [
                f"{_said(who)} {one.path} shows {word}" for word in leaks(who, text_of(answer))
            ]
    assert not slips, "\n".join(slips)


def _is_refusal(who: Who | None, answer: TestResponse) -> bool:
    if who is None:
        to_sign_in = "/sign-in" in answer.headers.get("Location", "")
        return answer.status_code == 401 or (answer.status_code == 302 and to_sign_in)
    return answer.status_code in (403, 404)


def test_what_is_theirs_is_answered_and_holds_nothing_else(world: ScopeWorld) -> None:
    slips = []
    for method, endpoint, one in addresses():
        for who in those_who_may(world, endpoint, one) if method == "GET" else ():
            answer = ask(world, who, method, one)
            if answer.status_code not in (200, 302, 303):
                slips.append(f"{_said(who)} GET {one.path}: {answer.status_code}")
            shown = {plant + ASKED_ABOUT for plant in one.shows.get(who.role if who else "", ())}
            found = leaks(who, text_of(answer)) - shown
            slips += [f"{_said(who)} {one.path} shows {word}" for word in found]
    assert not slips, "\n".join(slips)


def test_who_may_is_let_in_to_change_something_and_all_that_is_written_down_has_words(
    world: ScopeWorld,
) -> None:
    """Once each, in the order of the file: what is deleted is gone for who comes after."""
    slips = []
    for method, endpoint, one in addresses():
        first = next((who for who in callers() if may(who, endpoint, one)), None)
        if method == "GET" or first is None or OPEN in needs(endpoint):
            continue
        answer = ask(world, first, method, one)
        if answer.status_code in (401, 403, 404, 405) or answer.status_code >= 500:
            slips.append(f"{_said(first)} {method} {one.path}: {answer.status_code} {answer.text}")
    assert not slips, "\n".join(slips)
    with world.door.database.read() as db:
        actions = {one.partition(".") for one in db.scalars(sa.select(audit_events.c.action))}
    assert len(actions) > 30
    wordless = [f"{a}.{b}" for a, _, b in actions if a not in NOUNS or b not in VERBS]
    assert not wordless, f"no words in server/pages/audit.py: {sorted(wordless)}"


def _said(who: Who | None) -> str:
    return who.name if who else "a stranger"
