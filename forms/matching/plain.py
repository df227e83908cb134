"""Text of any language, compared in steps, and codes, which are equal or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from forms.matching.distance import jaro_winkler, one_slip
from forms.matching.kind import MISSING, Field, Kind, Part
from forms.text import fold

TEXT = ("equal", "swapped", "near", "close", "alike", "different")
CODE = ("equal", "different")
_CLOSE, _ALIKE = 0.92, 0.84  # of Jaro–Winkler: what its authors' followers call close and similar
_SWAPPED = TEXT.index("swapped")


# ------------------------------------------------------------------ text
def _parts(field: Field) -> tuple[Part, ...]:
    if len(field.facts) == 1:
        return (Part("", TEXT, 1),)
    return tuple(Part(fact, TEXT, 2) for fact in field.facts)


def _read(field: Field, facts: Sequence[str]) -> tuple[str, ...] | None:
    """Letters and digits only. Several facts may have been told in each other's place."""
    said = (re.sub(r"[\W_]+", "", fold(fact)) for fact in facts)
    value = tuple("" if one in field.placeholders else one for one in said)
    return value if any(value) else None


@lru_cache(maxsize=1 << 18)
def _step(a: str, b: str) -> int:
    if not a or not b:
        return MISSING
    if a == b:
        return 0
    if min(len(a), len(b)) > 2 and one_slip(a, b):
        return TEXT.index("near")
    likeness = jaro_winkler(a, b)
    return TEXT.index(
        "close" if likeness >= _CLOSE else "alike" if likeness >= _ALIKE else "different"
    )


def _compare(a: tuple[str, ...], b: tuple[str, ...]) -> Sequence[int]:
    levels = [_step(x, y) for x, y in zip(a, b, strict=True)]
    for i, x in enumerate(a):
        for j in range(i + 1, len(b)):
            if x and a[j] and x != a[j] and x == b[j] and a[j] == b[i]:
                levels[i] = levels[j] = _SWAPPED
    return levels


def _skeleton(text: str) -> str:
    """The first letter and the consonants after it, none twice in a row: what is heard."""
    consonants = re.sub(r"[aeiouyhw]", "", text[1:])
    return re.sub(r"(.)\1+", r"\1", text[:1] + consonants)[:5]


def _text_keys(field: Field) -> Mapping[str, Any]:
    ways = {"value": lambda text: text, "start": lambda text: text[:4], "skeleton": _skeleton}
    found: dict[str, Any] = {}
    for place, fact in enumerate(field.facts):
        for name, way in ways.items():
            key = name if len(field.facts) == 1 else f"{fact}.{name}"
            found[key] = _key(place, way)
    found["set"] = lambda value: (" ".join(sorted(value)),) if all(value) else ()
    return found


def _key(place: int, way: Any) -> Any:
    def key(value: tuple[str, ...]) -> Iterable[str]:
        return (way(value[place]),) if value[place] else ()

    return key


TEXTS = Kind(_parts, _read, _compare, _text_keys, lambda value: value)


# ------------------------------------------------------------------ codes
def _read_code(field: Field, facts: Sequence[str]) -> tuple[str] | None:
    code = facts[0].strip()
    return (code,) if code and code not in field.placeholders else None


CODES = Kind(
    lambda field: (Part("", CODE),),
    _read_code,
    lambda a, b: (0,) if a == b else (1,),
    lambda field: {"value": lambda value: value},
    lambda value: ("",),
)
