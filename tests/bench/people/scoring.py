"""How right a list of pairs is: precision and recall over pairs, clusters expanded to pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import combinations

Pair = tuple[str, str]  # ids, the lesser first
Scores = Mapping[Pair, float]


def pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


@dataclass(frozen=True, slots=True)
class Found:
    """right: pairs that are true; told: all pairs that were found; true: all that there are."""

    right: int
    told: int
    true: int

    @property
    def precision(self) -> float:
        return self.right / self.told if self.told else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    def __add__(self, other: Found) -> Found:
        return Found(self.right + other.right, self.told + other.told, self.true + other.true)

    def __str__(self) -> str:
        return f"P {self.precision:.4f}, R {self.recall:.4f}"


NOTHING = Found(0, 0, 0)


def judge(told: Set[Pair], true: Set[Pair]) -> Found:
    return Found(len(told & true), len(told), len(true))


def at_least(scores: Scores, floor: float) -> set[Pair]:
    return {one for one, score in scores.items() if score >= floor}


def expanded(pairs: Iterable[Pair]) -> set[Pair]:
    """All pairs of those whom a chain of pairs joins."""
    of: dict[str, set[str]] = {}
    for a, b in pairs:
        one, other = of.setdefault(a, {a}), of.setdefault(b, {b})
        if one is not other:
            one |= other
            of.update(dict.fromkeys(other, one))
    groups = {id(group): group for group in of.values()}.values()
    return {pair(a, b) for group in groups for a, b in combinations(group, 2)}


def safe_floor(scores: Scores, true: Set[Pair], precision: float, spared: float = 0.001) -> float:
    """A score to take for other sets, from one whose truth is known.

    Of the floors at and above which at most half as many pairs are wrong as `precision` allows, the
    lowest finds the most; taken is the highest that finds all of it but `spared`: a set without
    near misses would else let the floor fall as low as it likes.
    """
    right, floors = 0, []
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    for told, (one, score) in enumerate(ranked, 1):
        right += one in true
        last_of_its_score = told == len(ranked) or ranked[told][1] < score
        if last_of_its_score and right / told >= (1 + precision) / 2:
            floors.append((right, score))
    enough = floors[-1][0] - spared * len(true) if floors else 0
    return next((score for found, score in floors if found >= enough), float("inf"))


def floor_for(scores: Scores, most: float) -> float:
    """The lowest score that at most so many pairs reach."""
    ranked = sorted(scores.values(), reverse=True)
    if len(ranked) <= most:
        return ranked[-1] if ranked else float("inf")
    over = ranked[int(most)]
    return min((score for score in ranked[: int(most)] if score > over), default=float("inf"))
