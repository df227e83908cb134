"""Who is silent, whose clock is wrong, whose forms are old, and what is still on the phone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from forms.library import read_rule
from sync import accounts
from sync.database import Database
from sync.phones import HeldForm, Phone, count_missing, read_app, read_phones
from sync.tables import app_users, form_versions, forms, submission_versions, submissions
from tests.sync.sending import NOW, NOWHERE, World

COLLECT = "org.odk.collect.android/v2026.3.0 Dalvik/2.1.0 (Linux; U; Android 9)"
KOBO = "org.koboc.collect.android/v2025.3.3 Dalvik/2.1.0 (Linux; U; Android 9)"


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def look(world: World, days: float = 0) -> Phone:
    """The first phone, some days later."""
    with world.database.read() as db:
        return read_phones(db, world.library, NOW + timedelta(days=days))[0]


def seen(world: World, days: float, **said: object) -> None:
    with world.database.write() as db:
        accounts.seen(db, 1, NOW + timedelta(days=days), accounts.Sign(**said))  # type: ignore[arg-type]


# ------------------------------------------------------------------ silence
def test_a_phone_never_seen_is_quiet_from_the_day_it_was_added(world: World) -> None:
    assert not look(world, 13.9).is_quiet
    phone = look(world, 14)
    assert (phone.is_quiet, phone.quiet_days, phone.last_seen_at) == (True, 14, None)


def test_a_phone_that_called_or_sent_is_quiet_from_then_on(world: World) -> None:
    seen(world, 3)
    world.visit("ba", days=5)
    phone = look(world, 18)
    assert (phone.quiet_days, phone.is_quiet, phone.recent) == (13, False, 1)
    assert phone.last_sent_at == NOW + timedelta(days=5)
    assert look(world, 19).is_quiet
    assert look(world, 36).recent == 0


def test_a_revoked_phone_is_not_asked_after(world: World) -> None:
    with world.database.write() as db:
        accounts.revoke(db, 1, NOW)
    assert not look(world, 90).is_quiet


def test_drafts_and_links_are_no_phones(world: World) -> None:
    with world.database.write() as db:
        db.execute(app_users.update().where(app_users.c.id == 2).values(kind="draft"))
        assert [phone.id for phone in read_phones(db, world.library, NOW)] == [1]


# ------------------------------------------------------------------ clock and app
@pytest.mark.parametrize(("offset", "wrong"), [(0, False), (600, False), (-601, True)])
def test_c9_a_clock_ten_minutes_off_is_wrong(world: World, offset: int, wrong: bool) -> None:
    assert not look(world).clock_is_wrong
    seen(world, 0, clock_offset_seconds=offset)
    assert look(world).clock_is_wrong is wrong


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        (COLLECT, "ODK Collect v2026.3.0"),
        (KOBO, "KoboCollect v2025.3.3"),
        ("org.odk.collect.android/v2026.1-beta.2 x", "ODK Collect v2026.1-beta.2"),
        ("Enketo/7.6.4", "Enketo 7.6.4"),
        ("curl", "curl"),
        ("", None),
    ],
)
def test_the_app_is_named_as_people_know_it(agent: str, text: str | None) -> None:
    app = read_app(agent)
    assert (None if app is None else app.text) == text


@pytest.mark.parametrize(
    ("agent", "version", "cannot"),
    [
        (COLLECT, "2025.1.0", ()),
        (COLLECT.replace("2026.3", "2025.4"), "2025.1.0", ("visit",)),
        (KOBO, "2025.1.0", ("visit",)),
        (KOBO, "2024.1.0", ()),
        ("Enketo/7.6.4", "2025.1.0", ()),
    ],
)
def test_a88_a_form_that_an_app_cannot_open_is_told(
    world: World, agent: str, version: str, cannot: tuple[str, ...]
) -> None:
    c = form_versions.c
    with world.database.write() as db:
        visit = sa.select(forms.c.current_version_id).where(forms.c.xml_form_id == "visit")
        (xform,) = db.execute(sa.select(c.xform).where(c.id == visit.scalar_subquery())).scalars()
        new = xform.replace(
            b'entities-version="2024.1.0"', f'entities-version="{version}"'.encode()
        )
        db.execute(form_versions.update().where(c.id == visit.scalar_subquery()).values(xform=new))
    seen(world, 0, user_agent=agent)
    assert look(world).cannot_open == cannot


def test_a88_a_form_of_another_role_is_not_told(world: World) -> None:
    rule = read_rule("visit", {"happened_on": "day", "filled_by": ["chair"]}, NOWHERE)
    rules = {**world.library.rules, "visit": rule}
    world.library = replace(world.library, rules=rules)
    test_a88_a_form_that_an_app_cannot_open_is_told(world, KOBO, "2025.1.0", ())


def test_the_version_a_phone_sent_last_is_told_beside_the_current_one(world: World) -> None:
    world.visit("ba")
    with world.database.write() as db:
        db.execute(form_versions.update().where(form_versions.c.id == 3).values(version="2"))
        visits = forms.c.xml_form_id == "visit"
        assert db.execute(sa.select(forms.c.current_version_id).where(visits)).scalar() == 3
    assert look(world).old_forms == (HeldForm("visit", "1", "2"),)


# ------------------------------------------------------------------ gaps
@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ([], 0),
        ([1], 0),
        ([7], 0),  # what came before is not known
        ([1, 2, 3], 0),
        ([1, 3], 1),
        ([5, 9], 3),
        ([3, 1, 2], 0),  # late
        ([2, 3, 1, 4], 0),
        ([1, 2, 3, 1, 2], 0),  # the app was installed anew
        ([1, 2, 3, 1, 3], 1),
        ([40, 41, 1, 2], 0),
        ([1, 1, 1], 0),  # an engine that does not count
    ],
)
def test_what_is_missing_between_the_numbers(numbers: list[int], missing: int) -> None:
    assert count_missing(numbers) == missing


@given(st.permutations(range(1, 10)), st.sets(st.integers(1, 9), max_size=8))
def test_forms_in_any_order_miss_what_lies_between(order: list[int], lost: set[int]) -> None:
    here = [number for number in order if number not in lost]
    wanted = max(here) - min(here) + 1 - len(here) if here else 0
    assert count_missing(here) == wanted


def test_a_form_filled_in_and_not_here_is_missed_until_it_comes(world: World) -> None:
    for number in (1, 2, 5):
        world.visit("ba", number=number, key=f"v{number}")
    world.work()
    assert look(world).missing == 2
    world.visit("ba", number=3, key="v3")
    assert look(world).missing == 1  # it is here, though not read yet
    world.work()
    assert look(world).missing == 1


def test_each_phone_and_each_installation_counts_for_itself(world: World) -> None:
    world.visit("ba", number=1, key="a")
    world.visit("ba", number=9, key="b", phone=2)
    version = world.visit("ba", number=20, key="c")
    with world.database.write() as db:
        c = submission_versions.c
        db.execute(submission_versions.update().where(c.id == version).values(device_id="new"))
    world.work()
    assert look(world).missing == 0


def test_what_was_corrected_or_deleted_here_is_not_missed(world: World) -> None:
    world.visit("ba", number=1, key="v1")
    second = world.visit("ba", number=2, key="v2")
    world.visit("ba", number=3, key="v3")
    world.visit("ba", key="v1 mended", replaces="v1", number=1, phone=2)
    with world.database.write() as db:
        row = sa.select(submission_versions.c.submission_id).where(
            submission_versions.c.id == second
        )
        one = submissions.c.id == row.scalar_subquery()
        db.execute(submissions.update().where(one).values(deleted_at=NOW))
    world.work_again()
    assert look(world).missing == 0
