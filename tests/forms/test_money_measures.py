"""What entries of the fund's book, repayments and help add to totals: money is counted once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from forms.library import load_library


def derived(form: str, **answers: str) -> Mapping[str, str]:
    rule = load_library().rules[form]
    assert rule.derive is not None
    found = rule.derive(answers)
    assert found.keys() <= {*rule.derives}
    return found


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"direction": "in", "amount_vnd": "5000"}, {"in_vnd": "5000", "net_vnd": "5000"}),
        ({"direction": "out", "amount_vnd": "5000"}, {"out_vnd": "5000", "net_vnd": "-5000"}),
        (
            {"direction": "out", "amount_vnd": "5000", "entry_kind": "reversal"},
            {"out_vnd": "-5000", "net_vnd": "5000"},
        ),
        (
            {"direction": "in", "batch_total_vnd": "150000", "is_batch": "yes"},
            {"in_vnd": "150000", "net_vnd": "150000"},
        ),
        ({"direction": "in", "value_vnd": "70000"}, {"goods_in_vnd": "70000"}),
        ({"direction": "in", "amount_vnd": "1.5"}, {}),
        ({"direction": "in", "amount_vnd": "9" * 40}, {}),
        ({"amount_vnd": "5000"}, {}),
        ({}, {}),
    ],
)
def test_an_entry_adds_to_the_fund_or_takes_from_it(
    answers: dict[str, str], found: dict[str, str]
) -> None:
    assert derived("ledger", **answers) == found


def test_one_donor_has_one_key_however_it_was_typed() -> None:
    keys = {
        derived("ledger", direction="in", source="business", donor=name)["donor_key"]
        for name in ("Công ty Đông Á", " công ty  đông á ", "CONG TY DONG A")
    }
    assert keys == {"cong_ty_dong_a"}
    assert derived("ledger", source="member", member="u-1", donor="Ba")["donor_key"] == "u-1"
    assert "donor_key" not in derived("ledger", member="u-1", amount_vnd="5000", direction="in")


def test_a_write_off_brings_no_money() -> None:
    assert derived("repayment", action="pay", principal_paid="500", interest_paid="25") == {
        "paid_vnd": "525"
    }
    assert derived("repayment", action="write_off", principal_paid="500") == {"paid_vnd": "0"}


def test_help_from_the_fund_is_the_ledgers_money() -> None:
    gift = {"cash_vnd": "200000", "goods_value_vnd": "50000"}
    own = derived("mutual_help", **gift, paid_from="own_pocket")
    assert own == {"own_cash_vnd": "200000", "own_goods_vnd": "50000"}
    fund = derived("mutual_help", **gift, paid_from="club_fund")
    assert fund == {"own_cash_vnd": "0", "own_goods_vnd": "0"}
    assert derived("mutual_help", kind="visit") == {}
