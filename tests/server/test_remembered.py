"""What is remembered is given only while it is so: a change is seen by the very next question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from forms.library import Download, ListRule
from server import remembered
from server.app import create_app
from sync import accounts, catalogue, counters, entities, publish, slices, tables
from sync.entities import Kept
from tests.conftest import NOW
from tests.server.conftest import TOKEN, Door

CLUB, OTHER = "c1", "c2"


@pytest.fixture
def grove(door: Door) -> Door:
    """A volunteer's phone and a form with the list `trees`, one tree in each of two clubs."""
    rules = {"volunteer": Download("club", {}, ("species",)), "health": Download("unit", {}, ())}
    rule = ListRule("trees", "Cây", "Trees", "club", ("species", "club"), rules, ())
    library = replace(door.runtime.library, lists={"trees": rule})
    runtime = replace(door.runtime, library=library)
    with door.database.write() as db:
        publish.declare_lists(db, {"trees": rule.properties})
        slices.build(db, library)
        values = {"form_version_id": 1, "filename": "trees.csv", "list_name": "trees"}
        db.execute(tables.form_attachments.insert(), values)
        counters.bump(db, counters.FORMS)
        accounts.add_app_user(db, "Minh", "volunteer", None, CLUB, "v" * 64, NOW)
    app = create_app(door.runtime.settings, runtime)
    grove = replace(door, app=app, runtime=runtime, base=f"/key/{'v' * 64}")
    plant(grove, "a", CLUB)
    plant(grove, "b", OTHER)
    return grove


def plant(door: Door, uuid: str, club: str, species: str = "đa") -> None:
    with door.database.write() as db:
        kept = Kept(uuid, uuid, {"species": species, "club": club})
        entities.keep(db, door.runtime.library, "trees", [kept], NOW)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was worked out and not remembered."""
    calls: list[str] = []

    def listen(name: str) -> None:
        real = getattr(catalogue, name)

        def listening(*args: Any) -> Any:
            calls.append(name)
            return real(*args)

        monkeypatch.setattr(catalogue, name, listening)

    listen("list_forms")
    listen("manifest")
    listen("entity_csv")
    return calls


LIST, MANIFEST = "/formList", "/forms/trees/manifest"
TABLE = "/forms/trees/attachments/trees.csv"


def poll(door: Door, **options: Any) -> tuple[TestResponse, TestResponse]:
    return door.get(LIST, **options), door.get(MANIFEST, **options)


def settled(door: Door, asked: list[str]) -> tuple[bytes, bytes]:
    """Ask until the answers are remembered; what they are."""
    poll(door)
    found = poll(door)
    asked.clear()
    poll(door)
    assert asked == []
    return found[0].data, found[1].data


# ------------------------------------------------------------------ the same


def test_the_same_question_is_not_worked_out_again(grove: Door, asked: list[str]) -> None:
    settled(grove, asked)


def test_a_remembered_answer_is_like_the_first(grove: Door, asked: list[str]) -> None:
    for options in ({}, {"headers": {"Accept-Encoding": "gzip"}}):
        worked_out = grove.get(LIST, **options), grove.get(MANIFEST, **options)
        settled(grove, asked)
        again = grove.get(LIST, **options), grove.get(MANIFEST, **options)
        for one, two in zip(worked_out, again, strict=True):
            assert (one.status, one.data) == (two.status, two.data)
            assert _but_date(one) == _but_date(two)
            assert len(two.headers.getlist("Date")) == 1


def _but_date(answer: TestResponse) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in answer.headers if name != "Date")


def test_not_modified_is_remembered_too(grove: Door, asked: list[str]) -> None:
    for path in (LIST, MANIFEST, TABLE):
        mark = grove.get(path).headers["ETag"]
        for _ in range(3):
            asked.clear()
            answer = grove.get(path, headers={"If-None-Match": mark})
            assert (answer.status_code, answer.data) == (304, b"")
            assert answer.headers["ETag"] == mark
            assert answer.headers["X-OpenRosa-Version"] == "1.0"
        assert asked == []


def test_another_question_is_another_answer(grove: Door, asked: list[str]) -> None:
    settled(grove, asked)
    assert b"trees" not in grove.get("/formList?formID=houses").data
    assert b"http://other.example/key/" in grove.get(LIST, base_url="http://other.example").data
    assert b"/v1/key/" in grove.at(f"/v1/key/{'v' * 64}/projects/1").get(LIST).data
    assert grove.head(LIST).data == b""
    assert b"trees" in grove.get(LIST).data


# ------------------------------------------------------------------ not the same any more


def revoke(door: Door) -> None:
    with door.database.write() as db:
        phone = db.scalar(sa.select(sa.func.max(tables.app_users.c.id)))
        accounts.revoke(db, phone, NOW)


def move(door: Door) -> None:
    c = tables.app_users.c
    with door.database.write() as db:
        db.execute(tables.app_users.update().where(c.role == "volunteer").values(club_id=OTHER))


def test_a_revoked_phone_is_refused_at_once(grove: Door, asked: list[str]) -> None:
    settled(grove, asked)
    revoke(grove)
    assert [answer.status_code for answer in poll(grove)] == [403, 403]


CHANGES: dict[str, Callable[[Door], object]] = {
    "a row changes": lambda door: plant(door, "a", CLUB, "si"),
    "a row comes": lambda door: plant(door, "c", CLUB),
    "a row goes": lambda door: plant(door, "a", OTHER),
    "the phone moves": move,
    "a file changes": lambda door: door.add_attachment("trees", "x.jpg", b"jpg"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen_by_the_next_question(grove: Door, asked: list[str], what: str) -> None:
    _, before = settled(grove, asked)
    CHANGES[what](grove)
    assert grove.get(MANIFEST).data != before


@pytest.mark.parametrize("what", ["a row changes", "a row comes", "a row goes", "the phone moves"])
def test_a_changed_row_is_in_the_next_table(grove: Door, asked: list[str], what: str) -> None:
    poll(grove)
    first = grove.get(TABLE)
    asked.clear()
    again = grove.get(TABLE, headers={"If-None-Match": "other"})
    assert (again.data, again.headers["ETag"], asked) == (first.data, first.headers["ETag"], [])
    CHANGES[what](grove)
    after = grove.get(TABLE, headers={"If-None-Match": first.headers["ETag"]})
    assert after.status_code == 200
    assert after.data != first.data


def test_a_table_is_what_was_there_when_it_was_made(
    grove: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are read, then one changes, then they are answered: not remembered."""
    poll(grove)
    real = catalogue.entity_csv

    def slow(*args: Any) -> Any:
        found = list(real(*args))
        monkeypatch.setattr(catalogue, "entity_csv", real)
        plant(grove, "a", CLUB, "tre")
        return found

    monkeypatch.setattr(catalogue, "entity_csv", slow)
    assert b"tre" not in grove.get(TABLE).data
    assert b"tre" in grove.get(TABLE).data


@pytest.mark.parametrize("state", ["closing", "closed"])
def test_a_form_that_closes_is_gone_from_the_next_list(
    grove: Door, asked: list[str], state: str
) -> None:
    settled(grove, asked)
    with grove.database.write() as db:
        publish.set_state(db, "trees", state, NOW, "operator")
    assert b"<xform>" not in grove.get(LIST).data


def test_a_change_of_another_club_gives_the_same_bytes(grove: Door, asked: list[str]) -> None:
    before = settled(grove, asked)
    plant(grove, "b", OTHER, "si")
    assert tuple(answer.data for answer in poll(grove)) == before


def test_a_change_while_an_answer_is_made_is_not_lost(
    grove: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is read, then changed, then answered: what was read must not be remembered."""
    poll(grove)
    real = catalogue.manifest

    def slow(*args: Any) -> Any:
        found = real(*args)
        monkeypatch.setattr(catalogue, "manifest", real)
        plant(grove, "a", CLUB, "si")
        return found

    plant(grove, "a", CLUB, "tre")
    monkeypatch.setattr(catalogue, "manifest", slow)
    stale = grove.get(MANIFEST).data
    assert grove.get(MANIFEST).data != stale


def test_the_next_day_is_another_day(
    grove: Door, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units pass into others at midnight, and with them whose clubs an office sees."""
    settled(grove, asked)
    grove.clock.time = NOW + timedelta(hours=13, minutes=59)
    poll(grove)
    assert asked == []
    grove.clock.time = NOW + timedelta(hours=14)  # midnight in Da Nang
    poll(grove)
    assert asked == ["list_forms", "manifest"]


def test_a_phone_that_is_heard_again_is_noted(
    grove: Door, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(grove, asked)
    monkeypatch.setattr("server.auth.SEEN_SECONDS", -1.0)
    grove.clock.time = NOW + timedelta(hours=1)
    grove.get(LIST)
    seen = grove.rows(tables.app_users.c.role, tables.app_users.c.last_seen_at)
    assert dict(map(tuple, seen))["volunteer"] == NOW + timedelta(hours=1)


def test_a_database_that_is_gone_is_said_as_ever(
    grove: Door, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(grove, asked)

    def gone(*_: Any) -> Any:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(type(grove.database), "ask", gone)
    assert [answer.status_code for answer in poll(grove)] == [503, 503]


# ------------------------------------------------------------------ what is never remembered


@pytest.mark.parametrize(
    "path",
    [
        "/forms/trees.xml",
        "/forms/trees/attachments/manifest",
        "/forms/trees/attachments/leaf.jpg",
        "/forms/none/manifest",
        "/datasets/trees/integrity?id=a",
        "/submission",
    ],
)
def test_only_lists_manifests_and_tables_are_remembered(
    grove: Door, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(remembered.Remembered, "_remember", lambda *what: kept.append(what))
    for _ in range(3):
        grove.get(path)
    assert kept == []
    poll(grove)
    assert kept


def test_the_memory_has_a_bound(
    grove: Door, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "ENOUGH", 4 * (remembered.BESIDE + 600))
    settled(grove, asked)
    for number in range(20):
        grove.get(f"/formList?deviceID={number}")
    asked.clear()
    grove.get(LIST)
    assert asked == ["list_forms"]
    grove.get("/formList?deviceID=19")
    assert asked == ["list_forms"]


def test_a_large_file_comes_piece_by_piece(grove: Door) -> None:
    grove.get("/formList")  # its first call of all is noted, behind Flask
    content = bytes(2 * remembered.LARGEST)
    grove.add_attachment("trees", "places.csv", content)
    path = f"{grove.base}/forms/trees/attachments/places.csv"
    answer = grove.client.get(path, headers=grove.headers)
    pieces = list(answer.iter_encoded())
    answer.close()
    assert max(map(len, pieces)) < remembered.LARGEST
    assert b"".join(pieces) == content
    known = {**grove.headers, "If-None-Match": answer.headers["ETag"]}
    assert grove.client.get(path, headers=known).status_code == 304


def test_what_one_phone_got_is_not_given_to_another(grove: Door, asked: list[str]) -> None:
    """Two phones that ask the same path but for the token never get each other's."""
    settled(grove, asked)
    other = grove.at(f"/key/{TOKEN}")
    assert b"trees" not in other.get(LIST).data  # the city has no rule for the list
