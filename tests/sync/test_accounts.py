"""People and phones: what is kept of a password or a token opens nothing by itself."""

from __future__ import annotations

import unicodedata

import pytest
import sqlalchemy as sa

from forms.problems import Refused
from sync import accounts
from sync.database import Database
from sync.tables import app_users, audit_events, projects, users
from tests.conftest import NOW

KEY, TOKEN = b"k" * 32, "t" * 64
SEALED = accounts.seal_password("Hoa", "cây đa bến nước", KEY)


@pytest.fixture
def kept(database: Database) -> Database:
    with database.write() as db:
        db.execute(projects.insert().values(id=1, name="Cây Đa"))
    return database


def add(database: Database, name: str = "Hoa", role: str = "city") -> int:
    with database.write() as db:
        return accounts.add_user(db, name, role, None, None, SEALED, NOW)


def test_a_person_is_found_by_name_and_known_by_password(kept: Database) -> None:
    user_id = add(kept)
    with kept.read() as db:
        user = accounts.find_user(db, " Hoa ")
        assert user is not None
        assert user == accounts.find_user_by_id(db, user_id)
        assert accounts.find_user(db, "hoa") is None
    assert accounts.check(user, "cây đa bến nước")
    assert not accounts.check(user, "cây đa bến nước ")
    assert not accounts.check(None, "cây đa bến nước")


def test_names_and_passwords_typed_in_pieces_are_the_same(kept: Database) -> None:
    pieces = unicodedata.normalize("NFD", "Bảy")
    add(kept, "Bảy")
    with kept.read() as db:
        user = accounts.find_user(db, pieces)
    assert user is not None
    assert accounts.check(user, unicodedata.normalize("NFD", "cây đa bến nước"))


def test_the_database_alone_opens_nothing(kept: Database) -> None:
    add(kept)
    with kept.read() as db:
        row = db.execute(sa.select(users)).one()
        user = accounts.find_user(db, "Hoa")
    assert user is not None
    text = repr(row)
    assert accounts.ha1("Hoa", "cây đa bến nước") not in text
    assert "bến nước" not in text
    assert accounts.open_ha1(user, KEY) == accounts.ha1("Hoa", "cây đa bến nước")
    assert accounts.open_ha1(user, b"x" * 32) is None


def test_a_name_is_taken_once(kept: Database) -> None:
    add(kept)
    with pytest.raises(Refused) as caught:
        add(kept)
    assert caught.value.problem.code == "name_taken"


@pytest.mark.parametrize("name", ["", "  ", "a:b", 'a"b', "a\\b", "a\nb", "a\x00b", "x" * 101])
def test_a_name_that_headers_cannot_carry_is_refused(kept: Database, name: str) -> None:
    with pytest.raises(Refused) as caught:
        add(kept, name)
    assert caught.value.problem.code == "bad_name"


@pytest.mark.parametrize("password", ["", "short", "with\nline", "with\x00nul"])
def test_a_password_that_is_short_or_unsendable_is_refused(password: str) -> None:
    with pytest.raises(Refused) as caught:
        accounts.seal_password("Hoa", password, KEY)
    assert caught.value.problem.code == "bad_password"


def test_disabling_ends_access_and_keeps_the_name(kept: Database) -> None:
    user_id = add(kept)
    with kept.write() as db:
        assert accounts.disable(db, "Hoa", NOW)
        assert not accounts.disable(db, "Hoa", NOW)
        assert accounts.find_user(db, "Hoa") is None
        assert accounts.find_user_by_id(db, user_id) is None
        assert not accounts.set_password(db, "Hoa", SEALED, NOW)
        (account,) = accounts.list_users(db)
    assert (account.name, account.ended_at) == ("Hoa", NOW)


def test_a_phone_is_found_by_its_token_which_is_not_kept(kept: Database) -> None:
    with kept.write() as db:
        phone = accounts.add_app_user(db, "Lan", "volunteer", None, "c1", TOKEN, NOW)
        caller = accounts.find_app_user(db, accounts.token_sha256(TOKEN))
        assert accounts.find_app_user(db, accounts.token_sha256("u" * 64)) is None
        assert TOKEN not in repr(db.execute(sa.select(app_users)).one())
    assert caller is not None
    assert (caller.kind, caller.id, caller.role, caller.club_id) == (
        "app_user",
        phone,
        "volunteer",
        "c1",
    )


def test_a_revoked_phone_is_gone_and_listed(kept: Database) -> None:
    with kept.write() as db:
        phone = accounts.add_app_user(db, "Lan", "volunteer", None, "c1", TOKEN, NOW)
        accounts.seen(db, phone, NOW)
        assert accounts.revoke(db, phone, NOW)
        assert not accounts.revoke(db, phone, NOW)
        assert not accounts.revoke(db, 99, NOW)
        assert accounts.find_app_user(db, accounts.token_sha256(TOKEN)) is None
        (account,) = accounts.list_app_users(db)
    assert (account.id, account.ended_at, account.last_seen_at) == (phone, NOW, NOW)


def test_every_change_of_who_may_call_is_in_the_audit(kept: Database) -> None:
    add(kept)
    with kept.write() as db:
        phone = accounts.add_app_user(db, "Lan", "volunteer", None, "c1", TOKEN, NOW, "user:1")
        accounts.set_password(db, "Hoa", SEALED, NOW)
        accounts.revoke(db, phone, NOW)
        accounts.disable(db, "Hoa", NOW)
        events = db.execute(
            sa.select(audit_events.c.actor, audit_events.c.action, audit_events.c.subject).order_by(
                audit_events.c.id
            )
        ).all()
    assert [tuple(event) for event in events] == [
        ("operator", "user.create", "user:1"),
        ("user:1", "phone.create", f"app_user:{phone}"),
        ("operator", "user.password", "user:1"),
        ("operator", "phone.revoke", f"app_user:{phone}"),
        ("operator", "user.disable", "user:1"),
    ]


@pytest.mark.parametrize(("text", "safe"), [("Hoa 123!", True), ("Hòa", False)])
def test_what_phones_can_surely_send_is_ascii(text: str, safe: bool) -> None:
    assert accounts.phone_safe(text) is safe


def test_who_did_something_is_told_by_name_as_long_as_that_is_known(kept: Database) -> None:
    user_id = add(kept)
    with kept.write() as db:
        phone_id = accounts.add_app_user(db, "Máy 1", "volunteer", None, None, TOKEN, NOW)
        asked = {f"user:{user_id}", f"app_user:{phone_id}", "user:999", "user:x", "operator"}
        named = accounts.names_of(db, asked)
    assert named == {f"user:{user_id}": "Hoa", f"app_user:{phone_id}": "Máy 1"}
