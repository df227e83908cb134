"""A loan that two treasurers follow on two phones, mostly offline: both see what is owed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from server import tasks
from sync import versions
from sync.tables import entities, spells
from sync.verify import verify
from tests.collect import EntityEdit
from tests.device import Device
from tests.journeys.world import World

SEEN = ("balance_principal", "status", "next_due_on", "due_on", "last_paid_on")


def lends(phone: Device, member: str, principal: int, on: str, **answers: Any) -> str:
    """A loan for six months, paid back at the end; the id made on the phone."""
    loan = str(phone.new_uuid())
    label = f"Trần Thị Ba · {principal} · {on}"
    given = {
        "club": phone.club_id,
        "member": member,
        "member_label": "Trần Thị Ba",
        "fund_source": "club_fund",
        "principal": principal,
        "disbursed_on": on,
        "term_months": 6,
        "rate_pct_month": 0.5,
        "repay_kind": "at_end",
        "purpose": "livestock",
        "first_balance": principal,
        "first_status": "running",
    }
    phone.fill("loan", {**given, **answers}, entity=EntityEdit(loan, "create", label))
    return loan


def repays(phone: Device, loan: str, principal: int, on: str, **answers: Any) -> str:
    """What the phone's own form saves follows from what it knows; its instanceID."""
    (row,) = [one for one in phone.lists["loans"] if one["name"] == loan]
    left = max(int(row["balance_principal"]) - principal, 0)
    given = {
        "club": phone.club_id,
        "loan": loan,
        "action": "pay",
        "pay_date": on,
        "principal_paid": principal,
        "new_balance": left,
        "last_paid_on": on,
    }
    edit = EntityEdit(loan, "update")
    return phone.fill("repayment", {**given, **answers}, entity=edit).instance_id


def seen(phone: Device, loan: str) -> dict[str, str]:
    """The loan on this phone, as far as it is open."""
    rows = [row for row in phone.receives().lists["loans"] if row["name"] == loan]
    return {name: row[name] for row in rows for name in SEEN if row[name]}


def differences(world: World, folder: Path) -> list[Any]:
    scratch = folder / str(next(world.numbers))
    scratch.mkdir()
    with world.database.read() as db:
        return verify(db, world.runtime.library, scratch, world.clock())


def test_a_loan_repaid_on_two_phones_offline_goes_down_twice(world: World, tmp_path: Path) -> None:
    lan, thu, tam = world.phone("chair"), world.phone("treasurer"), world.phone("treasurer")
    ba = lan.receives().registers("Trần Thị Ba", 1948, joined="2025-07-10")
    lan.sends()
    world.works()
    loan = lends(thu.receives(), ba, 6_000_000, "2025-08-31")
    thu.sends()
    world.works()
    running = {
        "balance_principal": "6000000",
        "status": "running",
        "next_due_on": "2026-02-28",
        "due_on": "2026-02-28",
    }
    assert seen(thu, loan) == seen(tam, loan) == running

    repays(thu.goes_offline(), loan, 2_000_000, "2025-10-01")
    second = repays(tam.goes_offline(), loan, 1_000_000, "2025-10-03")
    assert [row["balance_principal"] for row in tam.lists["loans"]] == ["5000000"]
    for phone in (tam, thu):
        phone.comes_online().sends()
        world.works()
    owed = running | {"balance_principal": "3000000", "last_paid_on": "2025-10-03"}
    assert seen(thu, loan) == seen(tam, loan) == owed
    with world.database.read() as db:
        assert db.execute(entities.select().where(entities.c.uuid == loan)).one().conflict is None

    tam.corrects(second, principal_paid=1_500_000)
    tam.sends()
    world.works()
    assert seen(thu, loan)["balance_principal"] == "2500000"
    assert differences(world, tmp_path) == []


def test_a_repayment_that_is_taken_away_is_owed_again_on_every_phone(
    world: World, tmp_path: Path
) -> None:
    lan, thu = world.phone("chair"), world.phone("treasurer")
    ba = lan.receives().registers("Trần Thị Ba", 1948, joined="2025-07-10")
    lan.sends()
    loan = lends(thu.receives(), ba, 6_000_000, "2025-08-31")
    thu.sends()
    world.works()
    thu.receives()
    paid = repays(thu, loan, 6_000_000, "2025-10-01", new_status="paid")
    thu.sends()
    world.works()
    assert seen(thu, loan) == {}  # what is paid back leaves the phone
    with world.database.write() as db:
        one = versions.find(db, "repayment", paid)
        versions.delete(db, one, "operator", world.clock())
    world.works()
    assert seen(thu, loan)["balance_principal"] == "6000000"
    assert differences(world, tmp_path) == []


def test_who_did_not_pay_is_overdue_on_every_phone_the_day_after(
    world: World, tmp_path: Path
) -> None:
    lan, thu = world.phone("chair"), world.phone("treasurer")
    ba = lan.receives().registers("Trần Thị Ba", 1948, joined="2025-07-10")
    lan.sends()
    due = world.clock().date()
    loan = lends(thu.receives(), ba, 6_000_000, due.isoformat(), term_months=1)
    thu.sends()
    world.works()
    with world.database.read() as db:
        mine = (spells.c.uuid == loan, spells.c.name == "overdue")
        first = db.execute(spells.select().where(*mine)).one().valid_from
    assert seen(thu, loan)["status"] == "running"
    for day, status in ((first - timedelta(days=1), "running"), (first, "overdue")):
        world.clock.moves(days=(day - world.clock().date()).days)
        tasks.sweep(world.runtime)
        assert seen(thu, loan)["status"] == status
        assert differences(world, tmp_path) == []
