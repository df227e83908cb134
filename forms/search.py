"""What somebody looks for in a list of names: with marks or without, the exact ones first."""

from __future__ import annotations

from forms.text import fold, settle_tones, tidy

LONGEST = 80  # characters: a full name and more


class Sought:
    """Words that must all begin a word of the text: "ng hoa" finds "Nguyễn Thị Hòa"."""

    def __init__(self, text: str) -> None:
        self.text = tidy(text)[:LONGEST]
        self._marked, self._bare = _spelt(self.text), fold(self.text)

    def __bool__(self) -> bool:
        return bool(self._bare)

    def rank(self, text: str) -> int | None:
        """How near: 0 these very words, 1 where they begin, 2 and 3 the same without their marks.

        None: not found.
        """
        bare = fold(text)
        if not _begin(self._bare, bare):
            return None
        marked = _spelt(text)
        if _begin(self._marked, marked):
            return 0 if _are(self._marked, marked) else 1
        return 2 if _are(self._bare, bare) else 3


def _spelt(text: str) -> str:
    return settle_tones(tidy(text)).lower()


def _begin(wanted: str, text: str) -> bool:
    return all(f" {word}" in f" {text}" for word in wanted.split())


def _are(wanted: str, text: str) -> bool:
    return all(f" {word} " in f" {text} " for word in wanted.split())
