"""The library's own forms about money, as they are published: what a person must look at."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree  # of our own test's making

import pytest

from forms.library import load_library
from forms.xlsform import compile_form
from sync.database import Database
from sync.tables import spells
from tests.sync.sending import World, an_id
from tests.sync.test_verify import differences

FORMS = ("activity", "mutual_help", "ledger", "loan", "repayment")


@cache
def xforms() -> Mapping[str, bytes]:
    library = load_library()
    return {name: compile_form(library.forms[name].source, "md", name).xform for name in FORMS}


@pytest.fixture
def world(database: Database) -> World:
    return World(database, load_library(), xforms())


def filled(form: str, key: str, answers: Mapping[str, object], replaces: str = "") -> bytes:
    """The form's own empty instance with these answers; "entity" and "label" are of its meta."""
    model = ElementTree.fromstring(xforms()[form]).find(".//{*}instance/{*}data")
    assert model is not None
    for node in model.iter():
        node.tag = node.tag.rpartition("}")[2]
        if node.tag in answers:
            node.text = str(answers[node.tag])
    meta, entity = model.find("meta"), model.find("meta/entity")
    assert meta is not None
    meta.find("instanceID").text = f"uuid:{an_id(key)}"  # type: ignore[union-attr]
    if replaces:
        ElementTree.SubElement(meta, "deprecatedID").text = f"uuid:{an_id(replaces)}"
    if entity is not None:
        entity.set("id", str(answers["of"]))
        entity.set("create" if form == "loan" else "update", "1")
    return ElementTree.tostring(model, encoding="utf-8")


def lend(name: str, who: str = "ba", on: str = "2025-01-15", **more: object) -> bytes:
    answers = {
        "club": an_id("hoa"), "member": an_id(who), "fund_source": "club_fund",
        "principal": 5_000_000, "disbursed_on": on, "term_months": 12, "rate_pct_month": 0.5,
        "repay_kind": "at_end", "purpose": "livestock", "label": name, "of": an_id(name),
    }  # fmt: skip
    key, replaces = str(more.pop("key", f"lend {name}")), str(more.pop("replaces", ""))
    return filled("loan", key, {**answers, **more}, replaces)


def repay(loan: str, amount: int, on: str, **more: object) -> bytes:
    answers = {
        "club": an_id("hoa"), "loan": an_id(loan), "of": an_id(loan), "pay_date": on,
        "action": "pay", "principal_paid": amount, "interest_paid": 25_000,
    }  # fmt: skip
    key, replaces = str(more.pop("key", f"repay {loan} {on}")), str(more.pop("replaces", ""))
    return filled("repayment", key, {**answers, **more}, replaces)


def looked_at(world: World, form: str) -> dict[str, list[str]]:
    """day -> which flags, in English or by their code."""
    return {
        str(row.happened_on): sorted(one["details"].get("en", one["code"]) for one in row.problems)
        for row in world.records(form)
    }


ANOTHER = "On this day the borrower still had another loan from the same source."
TOO_MUCH = "More was paid than the principal that was left."
NEGATIVE = "A negative number. Please look again."


def test_a_second_loan_while_the_first_runs_is_flagged_and_counts(world: World) -> None:
    world.send(lend("first"))
    world.send(lend("second", on="2025-03-01"))
    world.work()
    assert looked_at(world, "loan") == {"2025-01-15": [], "2025-03-01": [ANOTHER]}
    assert len(world.counted("loan")) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"who": "tu"},
        {"fund_source": "policy_bank"},
        {"club": an_id("sen")},
        {"on": "2024-06-01"},  # it is the first that came second: nothing ran on its day
    ],
)
def test_a_loan_of_another_person_source_or_club_is_no_second(
    world: World, other: dict[str, Any]
) -> None:
    world.send(lend("first"))
    world.send(lend("second", **{"on": "2025-03-01", **other}))
    world.work()
    flags = looked_at(world, "loan")
    assert flags.pop("2025-01-15") == ([ANOTHER] if other.get("on") else [])
    assert flags == {other.get("on", "2025-03-01"): []}


def test_the_flag_goes_when_the_first_loan_turns_out_paid_and_comes_back(world: World) -> None:
    world.send(lend("first"))
    world.send(lend("second", on="2025-03-01"))
    world.work()
    paid = world.send(repay("first", 5_000_000, "2025-02-20"))
    world.work()
    assert looked_at(world, "loan")["2025-03-01"] == []
    world.delete(paid)
    world.work(paid)
    assert looked_at(world, "loan")["2025-03-01"] == [ANOTHER]


def test_the_flag_goes_when_the_first_loan_is_edited_or_deleted(world: World) -> None:
    first = world.send(lend("first", key="one"))
    world.send(lend("second", on="2025-03-01"))
    world.work()
    world.send(lend("first", key="two", replaces="one", fund_source="policy_bank"))
    world.work()
    assert looked_at(world, "loan")["2025-03-01"] == []
    world.send(lend("first", key="three", replaces="two"))
    world.work()
    assert looked_at(world, "loan")["2025-03-01"] == [ANOTHER]
    world.delete(first)
    world.work_again()
    assert looked_at(world, "loan") == {"2025-03-01": []}


def test_more_than_is_owed_is_flagged_whatever_the_phones_knew(world: World) -> None:
    """Two phones without signal each took the last 3 million."""
    world.send(lend("first"))
    world.send(repay("first", 2_000_000, "2025-02-01"))
    world.send(repay("first", 3_000_000, "2025-03-01"))
    world.send(repay("first", 3_000_000, "2025-03-02", loan_balance=3_000_000), phone=2)
    world.work()
    assert looked_at(world, "repayment") == {
        "2025-02-01": [], "2025-03-01": [], "2025-03-02": [TOO_MUCH],
    }  # fmt: skip
    assert len(world.counted("repayment")) == 3


def test_a_repayment_that_was_sent_again_is_not_too_much(world: World) -> None:
    world.send(lend("first"))
    world.send(repay("first", 3_000_000, "2025-02-01", key="once"))
    world.work()
    world.send(repay("first", 3_000_000, "2025-02-01", key="again"))
    world.work()
    assert [row.problems for row in world.records("repayment")] == [[], []]
    assert len(world.counted("repayment")) == 1


def test_a_repayment_before_the_loan_waits_for_a_person(world: World) -> None:
    world.send(lend("first"))
    world.send(repay("first", 1_000_000, "2024-12-01"))
    world.work()
    assert looked_at(world, "repayment") == {"2024-12-01": ["before_joining"]}
    assert world.counted("repayment") == []
    (balance,) = world.rows(spells, spells.c.name == "balance")
    assert balance.value == "5000000"


def test_a_repayment_that_comes_before_its_loan_waits_for_it(world: World) -> None:
    world.send(repay("first", 1_000_000, "2025-02-01"))
    world.work()
    assert world.counted("repayment") == []
    world.send(lend("first"))
    world.work()
    assert len(world.counted("repayment")) == 1


def test_what_is_below_zero_is_kept_and_flagged(world: World) -> None:
    world.send(lend("first", principal=-5_000_000))
    world.send(repay("first", -1, "2025-02-01"))
    entry = {"club": an_id("hoa"), "direction": "in", "fund": "income", "txn_date": "2025-02-01"}
    world.send(filled("ledger", "entry", {**entry, "item": "savings", "amount_vnd": -2000}))
    world.work()
    assert NEGATIVE in looked_at(world, "loan")["2025-01-15"]
    assert NEGATIVE in looked_at(world, "repayment")["2025-02-01"]
    (flag,) = looked_at(world, "ledger")["2025-02-01"]
    assert flag.startswith("A negative number")


@pytest.mark.parametrize("seed", range(4))
def test_any_order_gives_the_same_flags(world: World, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    sendings = [
        lend("first", key="one", principal=4_000_000),
        lend("first", key="two", replaces="one"),
        lend("second", on="2025-03-01"),
        lend("third", on="2025-03-01", principal=3_000_000),
        lend("fourth", on="2025-06-01"),
        repay("first", 4_000_000, "2025-02-01"),
        repay("first", 2_000_000, "2025-04-01"),
        repay("second", 5_000_000, "2025-05-01"),
        repay("third", 1_000_000, "2025-01-01"),
    ]
    dice.shuffle(sendings)
    for xml in sendings:
        world.send(xml)
        if dice.random() < 0.5:
            world.work(*dice.sample(world.waiting, k=dice.randint(1, len(world.waiting))))
    world.work()
    flags = [(str(r.happened_on), [p["code"] for p in r.problems]) for r in world.records("loan")]
    assert sorted(flags) == [
        ("2025-01-15", []),
        ("2025-03-01", ["look_at"]),
        ("2025-03-01", ["look_at"]),
        ("2025-06-01", ["look_at"]),
    ]
    assert looked_at(world, "repayment") == {
        "2025-02-01": [], "2025-04-01": [TOO_MUCH], "2025-05-01": [],
        "2025-01-01": ["before_joining"],
    }  # fmt: skip
    assert differences(world, tmp_path) == []
