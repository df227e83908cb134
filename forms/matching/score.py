"""What a pair scores, why, and what follows: one entity, a person's look, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from forms.matching.kind import MISSING
from forms.matching.profile import Profile
from forms.matching.rule import MatchRule
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


class Scorer:
    """Rule and weights made ready for many pairs."""

    def __init__(self, rule: MatchRule, weights: Weights) -> None:
        self.rule = rule
        self._chances = weights.levels
        self._steps = []
        caps = {name: place for place, cap in enumerate(rule.caps) for name in cap.of}
        self._caps = [cap.bits for cap in rule.caps]
        for place, kind in enumerate(rule.kinds):
            of_field = [one for one in rule.comparisons if one.field == place]
            bits, common = [], []
            for one in of_field:
                chances = weights.levels[one.name]
                bits.append([chances[level].bits for level in one.part.levels])
                common.append((weights.of_common(one.name), one.part.told))
            cap = caps.get(of_field[0].name, -1)
            self._steps.append((place, kind.compare, kind.common, bits, common, cap))
        self._left = self._reachable()

    def _reachable(self) -> list[float]:
        """After each step: the most that the later ones can add."""
        most = []
        for place, _, _, bits, common, cap in self._steps:
            parts = [
                max(0.0, *one) + max([0.0, *table.values()])
                for one, (table, _) in zip(bits, common, strict=True)
            ]
            reach = max(parts) if self.rule.kinds[place].one_of else sum(parts)
            most.append(reach if cap < 0 else min(reach, max(self._caps[cap], 0.0)))
        return [sum(most[place + 1 :]) for place in range(len(most))]

    def score(self, a: Profile, b: Profile, floor: float | None = None) -> Score | None:
        """None as soon as it is sure that the pair stays below `floor` (without: the rule's)."""
        floor = self.rule.review if floor is None else floor
        total, capped = 0.0, [0.0] * len(self._caps)
        values_a, values_b = a.values, b.values
        for (place, compare_, common_, bits, common, cap), left in zip(
            self._steps, self._left, strict=True
        ):
            x, y = values_a[place], values_b[place]
            if x is not None and y is not None:
                won = _won(compare_(x, y), bits, common, x, common_)
                if cap < 0:
                    total += won
                else:
                    capped[cap] += won
            if total + left + sum(capped) < floor:
                return None
        total += sum(map(min, capped, self._caps))
        return self._told(a, b, total) if total >= floor else None

    def look(self, a: Profile, b: Profile) -> list[tuple[int, float]]:
        """For each comparison of the rule its level, and the bits that the value's rarity adds."""
        found: list[tuple[int, float]] = []
        for place, compare_, common_, bits, common, _ in self._steps:
            x, y = a.values[place], b.values[place]
            if x is None or y is None:
                found += [(MISSING, 0.0)] * len(bits)
                continue
            words = common_(x)
            found += [
                (level, _more(common[part], level, words[part]))
                for part, level in enumerate(compare_(x, y))
            ]
        return found

    def _told(self, a: Profile, b: Profile, bits: float) -> Score:
        levels, parts = {}, {}
        for one, (level, more) in zip(self.rule.comparisons, self.look(a, b), strict=True):
            if level != MISSING:
                name = levels[one.name] = one.part.levels[level]
                parts[one.name] = self._chances[one.name][name].bits + more
        return Score(bits, levels, parts)


def _won(levels: Sequence[int], bits, common, value, common_) -> float:  # type: ignore[no-untyped-def]
    won = 0.0
    words = None
    for part, level in enumerate(levels):
        if level >= 0:
            won += bits[part][level]
            if level < common[part][1]:
                words = words or common_(value)
                won += _more(common[part], level, words[part])
    return won


def _more(common: tuple[Mapping[str, float], int], level: int, value: str) -> float:
    """Bits by which this value tells more or less than usual."""
    table, told = common
    if not 0 <= level < told or not table:
        return 0.0
    return table.get(value, table.get(OTHER, 0.0))
