"""The full pass: every pair of a list that may be one, by blocks that are never too large."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from forms.matching.keys import blocking_keys, most_of, without_any_crowds
from forms.matching.profile import Profile
from forms.matching.rule import MatchRule
from forms.matching.score import Score, Scorer
from forms.matching.weights import Weights


class Pair(NamedTuple):
    """Ids, the lesser first."""

    one: str
    other: str
    score: Score


@dataclass(slots=True)
class Pass:
    """What a full pass saw beside the pairs.

    candidates  pairs that were compared
    cut         keys that too many have -> how many; nobody was compared for them
    """

    candidates: int = 0
    cut: dict[str, int] = field(default_factory=dict)


def find_pairs(
    rule: MatchRule,
    weights: Weights,
    profiles: Mapping[str, Profile],
    seen: Pass | None = None,
) -> Iterator[Pair]:
    """Every pair that scores at or above the rule's floor."""
    scorer = Scorer(rule, weights)
    for one, other, a, b in candidates(rule, profiles, seen or Pass()):
        score = scorer.score(a, b)
        if score is not None:
            yield Pair(one, other, score)


def candidates(
    rule: MatchRule, profiles: Mapping[str, Profile], seen: Pass
) -> Iterator[tuple[str, str, Profile, Profile]]:
    """Each pair that shares a key once, the lesser id first, without what crowds have."""
    ids = sorted(profiles)
    people = without_any_crowds(rule, [profiles[one] for one in ids], seen.cut)
    blocks = _blocks(rule, people, seen)
    for at, profile in enumerate(people):
        mine = blocks.pop(at, ())
        met = set().union(*mine)
        for block in mine:
            block.append(at)
        seen.candidates += len(met)
        for other in met:
            yield ids[other], ids[at], people[other], profile


def _blocks(rule: MatchRule, people: Sequence[Profile], seen: Pass) -> dict[int, list[list[int]]]:
    """Of everybody who shares a key: a list, empty still, for each block he is in."""
    alone: dict[str, int] = {}  # most keys stay so, and a list for each would be dear
    shared: dict[str, list[int]] = {}
    for at, profile in enumerate(people):
        for key in blocking_keys(rule, profile):
            first = alone.setdefault(key, at)
            if first != at:
                shared.setdefault(key, [first]).append(at)
    del alone
    blocks: dict[int, list[list[int]]] = defaultdict(list)
    for key, members in shared.items():
        if len(members) > most_of(rule, key):
            seen.cut[key] = len(members)
        else:
            block: list[int] = []
            for at in members:
                blocks[at].append(block)
    return blocks
