"""Numbers that the state gave a person: compared as tokens, so that none needs to be kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from forms.matching.distance import one_slip
from forms.matching.kind import MISSING, Field, Kind, Part

NUMBER = ("equal", "unchecked", "disputed", "near", "different")

Token = tuple[str, str, bool, bool]  # kind, what stands for the digits, checked, for life


def _read(field: Field, facts: Sequence[str]) -> tuple[Token, ...] | None:
    """Tokens "kind:digits or their hash:what was checked", with spaces between; a text without
    colons is of kind "" and all digits.

    `lasting`: kinds of which a person has one for life, so that two that differ are two people.
    `agrees`: what stands last where the number agrees with all else that is said of the person.
    """
    found = set()
    for token in " ".join(facts).split():
        kind, digits, said = token.split(":", 2) if token.count(":") > 1 else ("", token, "")
        if digits and digits not in field.placeholders:
            checked = said == field.words.get("agrees", "")
            found.add((kind, digits, checked, kind in field.words.get("lasting", ())))
    return tuple(sorted(found)) or None


def _compare(a: Sequence[Token], b: Sequence[Token]) -> tuple[int]:
    equal = {_equal(x, y) for x in a for y in b if x[:2] == y[:2]}
    if equal:
        return (NUMBER.index(min(equal, key=NUMBER.index)),)
    lasting = [(x[1], y[1]) for x in a for y in b if x[0] == y[0] and x[3] and y[3]]
    if not lasting:
        return (MISSING,)
    near = any(x.isdigit() and y.isdigit() and one_slip(x, y) for x, y in lasting)
    return (NUMBER.index("near" if near else "different"),)


def _equal(a: Token, b: Token) -> str:
    """Only in a number for life stand the sex and the year, to be checked."""
    if not a[3]:
        return "unchecked"
    return "equal" if a[2] and b[2] else "disputed"


def _tokens(value: Sequence[Token]) -> Iterable[str]:
    return (f"{kind}:{digits}" for kind, digits, _, _ in value)


NUMBERS = Kind(
    lambda field: (Part("", NUMBER),),
    _read,
    _compare,
    lambda field: {"token": _tokens},
    lambda value: ("",),
    frozenset({"lasting", "agrees"}),
)
