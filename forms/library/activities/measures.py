"""What a record of help adds to money totals: nothing where the fund's own book has the money."""

from __future__ import annotations

from collections.abc import Mapping


def own_help(answers: Mapping[str, str]) -> dict[str, str]:
    """own_cash_vnd and own_goods_vnd: đồng that the helpers gave themselves; 0 from the fund,
    whose entry stands in the ledger (domain 3.7: count the money once).
    """
    from_fund = answers.get("paid_from") == "club_fund"
    given = {"own_cash_vnd": "cash_vnd", "own_goods_vnd": "goods_value_vnd"}
    said = {name: answers.get(asked, "") for name, asked in given.items()}
    return {name: "0" if from_fund else amount for name, amount in said.items() if amount}
