"""What an entry of a club's fund book adds to its money, in whole đồng.

Amounts are typed positive; a reversal takes back what a wrong entry said (domain 3.7).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from unicodedata import combining, normalize

WHOLE = re.compile(r"-?\d{1,15}")
Answers = Mapping[str, str]


def entry(answers: Answers) -> dict[str, str]:
    """Of a ledger entry: in_vnd, out_vnd (money, whichever it is), net_vnd (what it adds to the
    fund), goods_in_vnd (an estimate), donor_key (who gave, without spaces, where a donor is known).

    A reversal has them negative. What was not said, or is no whole number, has no key.
    """
    sign = -1 if answers.get("entry_kind") == "reversal" else 1
    found: dict[str, str] = {}
    money = _whole(answers, "batch_total_vnd", "amount_vnd")
    if money is not None and answers.get("direction") in ("in", "out"):
        coming = answers["direction"] == "in"
        found["in_vnd" if coming else "out_vnd"] = str(sign * money)
        found["net_vnd"] = str(sign * money if coming else -sign * money)
    goods = _whole(answers, "value_vnd")
    if goods is not None:
        found["goods_in_vnd"] = str(sign * goods)
    donor = answers.get("member") or _folded(answers.get("donor", ""))
    if donor and answers.get("source"):
        found["donor_key"] = donor
    return found


def payment(answers: Answers) -> dict[str, str]:
    """Of a repayment: paid_vnd, the money that came into the fund; a write-off brings none."""
    if answers.get("action") == "write_off":
        return {"paid_vnd": "0"}
    paid = [_whole(answers, "principal_paid"), _whole(answers, "interest_paid")]
    return {"paid_vnd": str(sum(one for one in paid if one is not None))}


def _whole(answers: Answers, *names: str) -> int | None:
    """The first of these answers that is given, if it is a whole number."""
    said = next((answers[name] for name in names if answers.get(name)), "")
    return int(said) if WHOLE.fullmatch(said) else None


def _folded(name: str) -> str:
    """A donor's name so that spellings of marks and capitals meet: one key, no spaces."""
    plain = normalize("NFD", name.casefold().replace("đ", "d"))
    return "_".join("".join(letter for letter in plain if not combining(letter)).split())
