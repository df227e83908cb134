"""A name as another hand writes it the second time, by the mistakes of domain.md §8."""

from __future__ import annotations

import unicodedata

_OLD_TO_NEW = (("òa", "oà"), ("óa", "oá"), ("ủy", "uỷ"), ("úy", "uý"), ("ỏe", "oẻ"))
_HOI, _NGA = 0x0309, 0x0303


def decomposed(name: str) -> str:
    return unicodedata.normalize("NFD", name)


def tone_moved(name: str) -> str:
    for old, new in _OLD_TO_NEW:
        name = name.replace(old, new)
    return name


def marks_left_out(name: str) -> str:
    bare = "".join(c for c in decomposed(name) if not unicodedata.combining(c))
    return bare.replace("đ", "d").replace("Đ", "D")


def hoi_nga_swapped(name: str) -> str:
    swapped = decomposed(name).translate({_HOI: _NGA, _NGA: _HOI})
    return unicodedata.normalize("NFC", swapped)


def middle_dropped(name: str) -> str:
    words = name.split()
    return f"{words[0]} {words[-1]}"
