"""Vietnamese words: one form of each, folding for search, and names in the order people expect."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_INVISIBLE = dict.fromkeys(
    map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad")
)  # zero width, soft hyphen
_LOOK_ALIKE = str.maketrans(
    {"\u00d0": "Đ", "\u0189": "Đ", "\u00f0": "đ", "\u0256": "đ"}
)  # Eth, African D
_TONES = "\u0300\u0309\u0303\u0301\u0323"  # huyền hỏi ngã sắc nặng: the order of the alphabet


def nfc(text: str) -> str:
    """Composed form: phones and file names also send decomposed and half-composed letters."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def tidy(text: str) -> str:
    """A word or name as it should be kept: NFC, the right Đ, nothing invisible, single spaces."""
    return " ".join(nfc(text).translate(_INVISIBLE).translate(_LOOK_ALIKE).split())


def fold(text: str) -> str:
    """For search only, never for identity: "Đặng Văn Đức" → "dang van duc"."""
    plain = unicodedata.normalize("NFD", tidy(text))
    plain = "".join(c for c in plain if unicodedata.category(c) != "Mn")
    return plain.lower().replace("đ", "d")
