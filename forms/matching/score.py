"""What a pair scores, why, and what follows: one entity, a person's look, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from forms.matching.kind import MISSING, Kind, Value
from forms.matching.profile import Profile
from forms.matching.rule import Comparison, MatchRule
from forms.matching.weights import OTHER, Weights


class Band(Enum):
    """CERTAIN may be joined by a machine, REVIEW by a person; NOTHING is forgotten."""

    CERTAIN = "certain"
    REVIEW = "review"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Score:
    """bits    for being one: each doubles the odds
    levels  comparison -> level, of what both sides say something about
    parts   comparison -> its bits, before any cap
    """

    bits: float
    levels: Mapping[str, str]
    parts: Mapping[str, float]


def decide(rule: MatchRule, score: Score) -> Band:
    """Which band a score is in."""
    for one in rule.certain:
        if all(score.levels.get(name) in levels for name, levels in one.items()):
            return Band.CERTAIN
    return Band.REVIEW if score.bits >= rule.review else Band.NOTHING


class _Part(NamedTuple):
    """bits by level; of the first `told` levels, `rare` says what the value adds."""

    bits: tuple[float, ...]
    told: int
    rare: Mapping[str, float]

    def more(self, level: int, word: str) -> float:
        return self.rare.get(word, self.rare[OTHER]) if 0 <= level < self.told else 0.0


class _Step(NamedTuple):
    """One field. cap: the place of the cap that it is under, or -1."""

    place: int
    kind: Kind
    parts: tuple[_Part, ...]
    cap: int

    @property
    def reach(self) -> float:
        """The most bits it can have."""
        each = [max(0.0, *one.bits) + max(0.0, *one.rare.values(), 0.0) for one in self.parts]
        return max(each) if self.kind.one_of else sum(each)

    def won(self, x: Value, y: Value) -> float:
        won, words = 0.0, None
        for part, level in enumerate(self.kind.compare(x, y)):
            if level >= 0:
                bits, told, rare = self.parts[part]
                won += bits[level]
                if level < told:
                    words = words or self.kind.common(x)
                    won += rare.get(words[part], rare[OTHER])
        return won


class Scorer:
    """Rule and weights made ready for many pairs."""

    def __init__(self, rule: MatchRule, weights: Weights) -> None:
        self.rule = rule
        self._chances = weights.levels
        self._caps = [cap.bits for cap in rule.caps]
        self._steps = [_step(rule, weights, place) for place in range(len(rule.fields))]
        reach = [step.reach if step.cap < 0 else 0.0 for step in self._steps]
        capped = sum(max(bits, 0.0) for bits in self._caps)
        self._left = [sum(reach[place + 1 :]) + capped for place in range(len(reach))]

    def score(self, a: Profile, b: Profile, floor: float | None = None) -> Score | None:
        """None as soon as it is sure that the pair stays below `floor` (without: the rule's)."""
        floor = self.rule.review if floor is None else floor
        total, capped = 0.0, [0.0] * len(self._caps)
        values_a, values_b = a.values, b.values
        for step, left in zip(self._steps, self._left, strict=True):
            x, y = values_a[step.place], values_b[step.place]
            if x is None or y is None:
                continue
            if step.cap >= 0:
                capped[step.cap] += step.won(x, y)
                continue
            total += step.won(x, y)
            if total + left < floor:
                return None
        total += sum(map(min, capped, self._caps))
        return self._told(a, b, total) if total >= floor else None

    def look(self, a: Profile, b: Profile) -> list[tuple[int, float]]:
        """For each comparison of the rule its level, and the bits that the value's rarity adds."""
        found: list[tuple[int, float]] = []
        for step in self._steps:
            x, y = a.values[step.place], b.values[step.place]
            if x is None or y is None:
                found += [(MISSING, 0.0)] * len(step.parts)
                continue
            words = step.kind.common(x)
            found += [
                (level, step.parts[part].more(level, words[part]))
                for part, level in enumerate(step.kind.compare(x, y))
            ]
        return found

    def _told(self, a: Profile, b: Profile, bits: float) -> Score:
        levels, parts = {}, {}
        for one, (level, more) in zip(self.rule.comparisons, self.look(a, b), strict=True):
            if level != MISSING:
                name = levels[one.name] = one.part.levels[level]
                parts[one.name] = self._chances[one.name][name].bits + more
        return Score(bits, levels, parts)


def _step(rule: MatchRule, weights: Weights, place: int) -> _Step:
    of_field = [one for one in rule.comparisons if one.field == place]
    caps = [at for at, cap in enumerate(rule.caps) for one in of_field if one.name in cap.of]
    return _Step(
        place,
        rule.kinds[place],
        tuple(_part(one, weights) for one in of_field),
        caps[0] if caps else -1,
    )


def _part(one: Comparison, weights: Weights) -> _Part:
    bits = tuple(weights.levels[one.name][level].bits for level in one.part.levels)
    rare = weights.of_common(one.name)
    return _Part(bits, one.part.told if rare else 0, rare)
