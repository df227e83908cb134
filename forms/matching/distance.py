"""How far two short words are from each other: one slip of the hand, or a share of letters."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1 << 16)
def one_slip(a: str, b: str) -> bool:
    """Whether one letter more, less or other, or two neighbours swapped, makes `a` into `b`."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) < len(b):
        return a[at:] == b[at + 1 :]
    swapped = a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :]
    return a[at + 1 :] == b[at + 1 :] or swapped


@lru_cache(maxsize=1 << 16)
def jaro_winkler(a: str, b: str) -> float:
    """1 = the same, 0 = nothing in common; a common beginning counts more (Winkler 1990)."""
    if a == b:
        return 1.0 if a else 0.0
    matched_a, matched_b = _common(a, b)
    common = len(matched_a)
    if not common:
        return 0.0
    moved = sum(x != y for x, y in zip(matched_a, matched_b, strict=True)) / 2
    jaro = (common / len(a) + common / len(b) + (common - moved) / common) / 3
    start = next((i for i, (x, y) in enumerate(zip(a[:4], b[:4], strict=False)) if x != y), None)
    prefix = min(4, len(a), len(b)) if start is None else start
    return jaro + prefix * 0.1 * (1 - jaro)


def _common(a: str, b: str) -> tuple[list[str], list[str]]:
    """The letters of each that the other has nearby, each in its own order."""
    reach = max(max(len(a), len(b)) // 2 - 1, 0)
    taken = [False] * len(b)
    found = []
    for i, letter in enumerate(a):
        for j in range(max(0, i - reach), min(len(b), i + reach + 1)):
            if not taken[j] and b[j] == letter:
                taken[j] = True
                found.append(letter)
                break
    return found, [letter for letter, is_taken in zip(b, taken, strict=True) if is_taken]
