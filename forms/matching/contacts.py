"""Phones, which say who lives together, and places."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from forms.matching.distance import one_slip
from forms.matching.kind import MISSING, Field, Kind, Part
from forms.text import fold

PHONE = ("equal", "different")
WIDE = ("same", "neighbour", "different")
NARROW = ("same", "different")

_RUNS = "01234567890123456789 98765432109876543210"
_FROM_ABROAD = re.compile(r"(?:00)?840?(?=[0-9]{9,10}$)")  # +84, 84, 0084


# ------------------------------------------------------------------ phones
def read_phone(text: str, prefixes: Mapping[str, str]) -> str:
    """The digits as they are dialled today: "+84 905.123-456" → "0905123456"; "" for no number.

    `prefixes`: how numbers of eleven digits began, and how they begin since.
    """
    digits = re.sub(r"[^0-9]", "", text)
    number = _FROM_ABROAD.sub("0", digits, count=1) if _FROM_ABROAD.match(digits) else digits
    if len(number) == 11 and number[:4] in prefixes:
        number = prefixes[number[:4]] + number[4:]
    return "" if is_filler(number) else number


def is_filler(digits: str) -> bool:
    """Whether someone only filled the box: 0900000000, 123456789, 1212121212, too few digits."""
    tail = digits[2:]
    return len(digits) < 8 or len(set(tail)) < 2 or len(set(digits)) < 3 or tail in _RUNS


def _read_phones(field: Field, facts: Sequence[str]) -> tuple[str, ...] | None:
    prefixes = field.words.get("prefixes", {})
    numbers = {read_phone(fact, prefixes) for fact in facts}
    return tuple(sorted(numbers - field.placeholders - {""})) or None


PHONES = Kind(
    lambda field: (Part("", PHONE),),
    _read_phones,
    lambda a, b: (0,) if a == b or not set(a).isdisjoint(b) else (1,),
    lambda field: {"number": lambda value: value},
    lambda value: ("",),
    frozenset({"prefixes"}),
)


# ------------------------------------------------------------------ places
def _read_place(field: Field, facts: Sequence[str]) -> tuple[Any, ...] | None:
    """From the widest fact to the narrowest. The widest may name several units, with spaces
    between: its own first, then those that count as its neighbours. The narrower are free text;
    `called`: words before the name itself, without marks, which some write and some do not.
    """
    return _place_value(tuple(facts), tuple(field.words.get("called", ())))


@lru_cache(maxsize=1 << 14)  # many live in one place
def _place_value(facts: tuple[str, ...], called: tuple[str, ...]) -> tuple[Any, ...] | None:
    units = tuple(facts[0].split())
    return (units, *(_place_name(fact, called) for fact in facts[1:])) if units else None


def _place_name(text: str, called: tuple[str, ...]) -> str:
    words = " ".join(re.sub(r"[\W_]+", " ", fold(text)).split())
    before = next((f"{one} " for one in called if words.startswith(f"{one} ")), "")
    return re.sub(r"\b0+(?=[0-9])", "", words.removeprefix(before))


def _compare_places(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[int, int]:
    """The narrower is only compared within one unit: elsewhere a name alike is another place."""
    if a[0][0] != b[0][0]:
        far = "different" if set(a[0]).isdisjoint(b[0]) else "neighbour"
        return WIDE.index(far), MISSING
    said = [(x, y) for x, y in zip(a[1:], b[1:], strict=True) if x and y]
    if not said:
        return 0, MISSING
    return 0, NARROW.index("same" if all(_one_place(x, y) for x, y in said) else "different")


def _one_place(a: str, b: str) -> bool:
    """A slip in a number is another place; in a word it is none."""
    return a == b or (min(len(a), len(b)) > 5 and a[-1].isalpha() and one_slip(a, b))


def _place_keys(field: Field) -> Mapping[str, Any]:
    def finer(place: int) -> Any:
        return lambda value: (
            (" ".join((value[0][0], *value[1 : place + 1])),) if value[place] else ()
        )

    first = {field.facts[0]: lambda value: value[0]}
    return first | {fact: finer(place) for place, fact in enumerate(field.facts) if place}


PLACES = Kind(
    lambda field: (Part("wide", WIDE), Part("narrow", NARROW)),
    _read_place,
    _compare_places,
    _place_keys,
    lambda value: ("", ""),
    frozenset({"called"}),
)
