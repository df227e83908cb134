"""Vietnamese words: one form of each, folding for search, and names in the order people expect."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_NOT_AS_SEEN: dict[int, str | None] = {
    **dict.fromkeys(map(ord, "\u00d0\u0189"), "Đ"),  # Eth, African D
    **dict.fromkeys(map(ord, "\u00f0\u0256"), "đ"),
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad")),  # zero width, soft hyphen
}
_TONES = "\u0300\u0309\u0303\u0301\u0323"  # huyền hỏi ngã sắc nặng: the order of the alphabet


def nfc(text: str) -> str:
    """Composed form: phones and file names also send decomposed and half-composed letters."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def tidy(text: str) -> str:
    """A word or name as it should be kept: NFC, the right Đ, nothing invisible, single spaces."""
    if not text.isascii():
        text = nfc(text).translate(_NOT_AS_SEEN)
    return " ".join(text.split())


def fold(text: str) -> str:
    """For search only, never for identity: "Đặng Văn Đức" → "dang van duc"."""
    letters = unicodedata.normalize("NFD", tidy(text).lower())
    bare = "".join(c for c in letters if unicodedata.category(c) != "Mn")
    return tidy(bare.replace("đ", "d"))  # đ has no decomposition


_OLD_PLACE = {  # toned second vowel → its plain letter and the tone
    composed: (letter, tone)
    for letter in "aeyAEY"
    for tone in _TONES
    for composed in (unicodedata.normalize("NFC", letter + tone),)
}
_TONED = "".join(_OLD_PLACE)
_FINAL_PAIR = re.compile(
    rf"(?:([oO])([{''.join(c for c in _TONED if _OLD_PLACE[c][0] in 'aeAE')}])"
    rf"|(?<![qQ])([uU])([{''.join(c for c in _TONED if _OLD_PLACE[c][0] in 'yY')}]))(?!\w)"
)


def settle_tones(text: str) -> str:
    """One place for the tone in a final oa, oe, uy: "hoà" → "hòa", "Thuý" → "Thúy"; "quý" stays.

    Both spellings are right and both are NFC, yet they are unequal: compare what this returns,
    show what the person wrote.
    """
    return _FINAL_PAIR.sub(_on_the_first, nfc(text))


def _on_the_first(match: re.Match[str]) -> str:
    first, second = match[1] or match[3], match[2] or match[4]
    plain, tone = _OLD_PLACE[second]
    return unicodedata.normalize("NFC", first + tone) + plain


@dataclass(frozen=True, slots=True)
class NameParts:
    """A full name taken apart for sorting and matching, never for keeping."""

    family: str
    middle: str
    given: str


_TWO_WORD_FAMILIES = frozenset({"ton nu", "ton that"})


def split_name(name: str) -> NameParts:
    """Family first, given name last; a name of one word is a given name."""
    words = tidy(name).split()
    if not words:
        return NameParts("", "", "")
    *before, given = words
    family = 2 if _is_family(" ".join(before[:2])) else 1
    return NameParts(" ".join(before[:family]), " ".join(before[family:]), given)


@lru_cache(maxsize=1024)
def _is_family(two_words: str) -> bool:
    return fold(two_words) in _TWO_WORD_FAMILIES


_ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_WEIGHT = {letter: chr(ord("A") + place) for place, letter in enumerate(_ALPHABET)}
_SHAPES = "\u0302\u0306\u031b"  # circumflex, breve, horn: part of the letter, not a tone


@lru_cache(maxsize=4096)  # names are made of few words, and a list is sorted again and again
def sort_key(text: str) -> str:
    """ASCII text whose byte order is the order of a Vietnamese dictionary (CLDR `vi`).

    Letters decide first, then tones, then lower before upper case. For a stored key: compare it
    with BINARY on SQLite and COLLATE "C" on PostgreSQL.
    """
    letters, tones, cases = [], [], []
    for letter in settle_tones(tidy(text)):
        bare, tone = _untoned(letter)
        letters.append(_weight(bare.lower()))
        tones.append(str(tone))
        cases.append("1" if bare != bare.lower() else "0")
    return " ".join(("".join(letters), "".join(tones), "".join(cases)))


def _untoned(letter: str) -> tuple[str, int]:
    """The letter of the alphabet and its tone: 0 level, 1 huyền … 5 nặng, 6 a foreign mark."""
    base, *marks = tuple(unicodedata.normalize("NFD", letter))
    shape = "".join(m for m in marks if m in _SHAPES)
    tone = next((_TONES.find(m) + 1 or 6 for m in marks if m not in _SHAPES), 0)
    return unicodedata.normalize("NFC", base + shape), tone


def _weight(letter: str) -> str:
    """Spaces before signs before digits before letters before other scripts."""
    if letter == " ":
        return "!"
    if letter in _WEIGHT:
        return _WEIGHT[letter]
    if letter.isascii() and letter.isdigit():
        return letter
    return f"{'~' if letter.isalpha() else '#'}{ord(letter[0]):06x}"


def name_key(name: str, sort_given: str | None = None) -> str:
    """A `sort_key` for people: by given name, then family, then middle names.

    `sort_given` names the given name where the last word is not it.
    """
    parts = split_name(name)
    fields = (sort_given or parts.given, parts.family, parts.middle)
    return "  ".join(sort_key(field) for field in fields)
