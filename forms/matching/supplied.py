"""Where what is compared comes from, when no fact of the list tells it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from forms.matching.contacts import is_filler

_WORDS = frozenset({"latest", "column", "unit"})
_NUMBER_WORDS = frozenset({"every", "column", "kind", "digits", "check"})


@dataclass(frozen=True, slots=True)
class Check:
    """What the digits of one `kind` of number say of whom it belongs to.

    odd  the value of `fact` of whom the digit at `place` (from 0) is odd; None: the two digits
    there are the last of the year in which `fact`, a day, lies
    """

    kind: str
    place: int
    fact: str
    odd: str | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """kind  the answer that names the kind of number. digits: of each kind, how many it has."""

    kind: str
    digits: Mapping[str, int]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Supply:
    """Where one input comes from.

    forms    whose records tell it, in the answer `column`: the latest that does
    numbers  not the latest answer but all of them, each as a token that does not give it away
    unit     instead of an answer: of which level the place is that the entity's club is in
    """

    forms: tuple[str, ...] = ()
    column: str = ""
    unit: str | None = None
    numbers: Numbers | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The answers that are read."""
        return (self.column, self.numbers.kind) if self.numbers else (self.column,)


def read_supplied(entry: Any) -> Mapping[str, Supply | None]:
    """`supplied` of a table of match.toml: input -> where it comes from; of a bare list of names:
    nobody says. KeyError, TypeError, ValueError: misshapen."""
    if isinstance(entry, list):
        return MappingProxyType(dict.fromkeys(map(str, entry)))
    return MappingProxyType({name: _supply(name, one) for name, one in dict(entry).items()})


def _supply(name: str, entry: Mapping[str, Any]) -> Supply:
    allowed = _NUMBER_WORDS if "every" in entry else _WORDS
    for strange in sorted(set(entry) - allowed):
        raise ValueError(f"{name}: “{strange}”")
    if "unit" in entry:
        return Supply(unit=str(entry["unit"]))
    column = str(entry["column"])
    if "every" not in entry:
        return Supply(_texts(entry["latest"]), column)
    digits = {str(kind): int(n) for kind, n in entry["digits"].items()}
    checks = tuple(
        Check(str(one["kind"]), int(one["place"]), str(one["fact"]), one.get("odd"))
        for one in entry.get("check", [])
    )
    numbers = Numbers(str(entry["kind"]), MappingProxyType(digits), checks)
    return Supply(_texts(entry["every"]), column, numbers=numbers)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"“{value}”")
    return tuple(value)


# ------------------------------------------------------------------ numbers as tokens
def tokens(
    numbers: Numbers,
    told: Iterable[tuple[str, str]],
    facts: Mapping[str, str],
    hashed: Callable[[str], str],
) -> str:
    """Tokens "kind:hash:ok/no" of numbers (kind, as written), with spaces between.

    Behind the hash stands, check by check, whether the number fits the facts. A spreadsheet takes
    zeros off the front, so that of one or two digits too few these are put back.
    """
    found = {}
    for kind, text in told:
        digits = re.sub(r"[^0-9]", "", text)
        size = numbers.digits.get(kind, 0)
        whole = digits.zfill(size)
        if size - 2 <= len(digits) <= size and not is_filler(whole) and not is_filler(digits):
            fits = (_fits(one, whole, facts) for one in numbers.checks if one.kind == kind)
            said = "/".join("ok" if one else "no" for one in fits)
            found[kind, whole] = f"{kind}:{hashed(f'{kind}:{whole}')}:{said}"
    return " ".join(found[one] for one in sorted(found))


def _fits(check: Check, digits: str, facts: Mapping[str, str]) -> bool:
    fact = facts.get(check.fact, "")
    if check.odd is None:
        return len(fact) >= len("2000") and digits[check.place : check.place + 2] == fact[2:4]
    return bool(fact) and (int(digits[check.place]) % 2 == 1) == (fact == check.odd)
