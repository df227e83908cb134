"""Names of Vietnamese people: the given name apart, marks and sounds in steps (domain §7)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from forms.matching.distance import one_slip
from forms.matching.kind import MISSING, Field, Kind, Part
from forms.text import fold, settle_tones, split_name, tidy


class Name(NamedTuple):
    """Lower case, the tone in its settled place. `bare`: no letter of the whole name has a mark."""

    given: str
    family: str
    middle: str
    bare: bool
    tokens: str  # all words without marks, sorted
    alias: str


GIVEN = ("equal", "bare", "swapped", "tone", "marks", "sound", "alias", "near", "different")
FAMILY = ("equal", "bare", "marks", "sound", "near", "different")
MIDDLE = ("equal", "bare", "marks", "sound", "part", "near", "dropped", "different")
_SWAPPED, _ALIAS = GIVEN.index("swapped"), GIVEN.index("alias")
_PARTS = (Part("given", GIVEN, 6), Part("family", FAMILY, 4), Part("middle", MIDDLE, 4))

_TITLES = frozenset(
    {"ba", "ong", "co", "chu", "bac", "cu", "di", "duong", "mu", "o", "anh", "chi", "em", "thim"}
    | {"cau", "mo"}
)
_PUNCTUATION = re.compile(r"[^\w\s]|_")


def _read(field: Field, facts: Sequence[str]) -> Name | None:
    """Of the full name and, as second fact, the everyday name ("bà Năm")."""
    found = _name(facts[0])
    if not found.given or found.tokens in _sorted(field.placeholders):
        return None
    alias = _alias(facts[1]) if len(facts) > 1 and facts[1] else ""
    return found._replace(alias=alias) if alias else found


@lru_cache
def _sorted(names: frozenset[str]) -> frozenset[str]:
    return frozenset(" ".join(sorted(name.split())) for name in names)


@lru_cache(maxsize=1 << 15)  # half of all people have a namesake
def _name(text: str) -> Name:
    full = _plain(text)
    parts = split_name(full)
    bare = [_bare(word) for word in full.split()]
    is_bare = " ".join(bare) == full
    return Name(parts.given, parts.family, parts.middle, is_bare, " ".join(sorted(bare)), "")


def _plain(text: str) -> str:
    return settle_tones(" ".join(_PUNCTUATION.sub(" ", tidy(text)).split()).lower())


def _alias(text: str) -> str:
    """The name itself, without what people are called before it, if it is one word."""
    words = fold(_plain(text)).split()
    if len(words) > 1 and words[0] in _TITLES:
        words = words[1:]
    return words[0] if len(words) == 1 else ""


# ------------------------------------------------------------------ words
_bare = lru_cache(maxsize=1 << 15)(fold)

_DOUBLETS = {  # one name as the north and the south say it
    "huynh": "hoang",
    "vo": "vu",
    "phuoc": "phuc",
    "truong": "trang",
    "kieng": "canh",
}


@lru_cache(maxsize=1 << 15)
def sound(words: str) -> str:
    """One spelling for what central Vietnamese ears confuse: i/y, n/ng, t/c, d/gi/v, s/x."""
    return " ".join(map(_sound, fold(words).split()))


@lru_cache(maxsize=1 << 15)
def _sound(word: str) -> str:
    word = _DOUBLETS.get(word, word).replace("y", "i")
    word = re.sub(r"^(gi(?=[aeou])|v)", "d", word)
    word = re.sub(r"^s", "x", word)
    return re.sub(r"c$", "t", re.sub(r"ng$", "n", word))


@lru_cache(maxsize=1 << 15)
def _one_tone(words: str) -> str:
    """With hỏi for every ngã."""
    letters = unicodedata.normalize("NFD", words).replace("\u0303", "\u0309")
    return unicodedata.normalize("NFC", letters)


@lru_cache(maxsize=1 << 18)
def _word_step(a: str, b: str, *, one_is_bare: bool) -> str:
    """How alike two given, family or middle names are, names that are not empty."""
    bare_a, bare_b = _bare(a), _bare(b)
    if bare_a == bare_b:
        if one_is_bare:
            return "bare"
        if a == b:
            return "equal"
        return "tone" if _one_tone(a) == _one_tone(b) else "marks"
    if sound(a) == sound(b) and (one_is_bare or (a[0] == "đ") == (b[0] == "đ")):
        return "sound"
    return "near" if min(len(a), len(b)) > 1 and one_slip(bare_a, bare_b) else "different"


@lru_cache(maxsize=1 << 18)
def _given(a: str, b: str, one_is_bare: bool) -> int:
    return GIVEN.index(_word_step(a, b, one_is_bare=one_is_bare))


@lru_cache(maxsize=1 << 16)
def _family(a: str, b: str, one_is_bare: bool) -> int:
    if not a or not b:
        return MISSING
    step = _word_step(a, b, one_is_bare=one_is_bare)
    return FAMILY.index("marks" if step == "tone" else step)


@lru_cache(maxsize=1 << 18)
def _middle(a: str, b: str, one_is_bare: bool) -> int:
    if not a or not b:
        return MIDDLE.index("equal" if a == b else "dropped")
    step = _word_step(a, b, one_is_bare=one_is_bare)
    words_a, words_b = set(_bare(a).split()), set(_bare(b).split())
    if step in ("near", "different") and (words_a < words_b or words_b < words_a):
        step = "part"
    return MIDDLE.index("marks" if step == "tone" else step)


def _compare(a: Name, b: Name) -> tuple[int, int, int]:
    one_is_bare = a.bare != b.bare
    given = _given(a.given, b.given, one_is_bare)
    if given >= _SWAPPED:
        if (
            _bare(a.given) in b.tokens
            and _family(a.family, b.family, one_is_bare) >= FAMILY.index("sound")
            and _in_another_order(a, b)
        ):
            return _SWAPPED, MISSING, MISSING
        if given > _ALIAS and _called_alike(a, b):
            given = _ALIAS
    if not a.family or not b.family:
        return given, MISSING, MISSING
    return (
        given,
        _family(a.family, b.family, one_is_bare),
        _middle(a.middle, b.middle, one_is_bare),
    )


def _in_another_order(a: Name, b: Name) -> bool:
    """Whether each given name is one of the other's words, and one name has no word of its own."""
    words_a, words_b = set(a.tokens.split()), set(b.tokens.split())
    crossed = _bare(a.given) in words_b and _bare(b.given) in words_a
    return crossed and len(words_a & words_b) > 1 and (words_a <= words_b or words_b <= words_a)


def _called_alike(a: Name, b: Name) -> bool:
    """Whether one's everyday name is a name of the other."""
    if a.alias and a.alias in (b.alias, _bare(b.given)):
        return True
    return bool(b.alias) and b.alias == _bare(a.given)


# ------------------------------------------------------------------ looked up by
def _all(name: Name) -> Iterable[str]:
    """Every word, in any order; a name of one word is too little to look by."""
    return (" ".join(sorted(map(_sound, name.tokens.split()))),) if name.family else ()


def _ends(name: Name) -> Iterable[str]:
    return (f"{sound(name.family)} {sound(name.given)}",) if name.family else ()


def _given_key(name: Name) -> Iterable[str]:
    return {sound(name.given), *((sound(name.alias),) if name.alias else ())}


def _initial(name: Name) -> Iterable[str]:
    return {key[:1] for key in _given_key(name)}


_KEYS = {
    "all": _all,
    "ends": _ends,
    "given": _given_key,
    "initial": _initial,
    "family": lambda name: (sound(name.family),) if name.family else (),
    "rest": lambda name: (f"{sound(name.family)} {sound(name.middle)}",) if name.family else (),
}


NO_MIDDLE = "-"


def _common(name: Name) -> Sequence[str]:
    middle = (_bare(name.middle) or NO_MIDDLE) if name.family else ""
    return _bare(name.given), _bare(name.family), middle


PERSON_NAME = Kind(lambda field: _PARTS, _read, _compare, lambda field: _KEYS, _common, shape=Name)
