"""The full pass: every pair of a list that may be one, by blocks that are never too large."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
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
    sizes = Counter(key for profile in people for key in blocking_keys(rule, profile))
    most = {key: most_of(rule, key) for key, size in sizes.items() if size > 1}
    seen.cut.update({key: sizes[key] for key, limit in most.items() if sizes[key] > limit})
    open_keys = {key for key, limit in most.items() if sizes[key] <= limit}
    del sizes, most
    blocks: dict[str, list[int]] = defaultdict(list)
    for at, profile in enumerate(people):
        mine = [key for key in blocking_keys(rule, profile) if key in open_keys]
        met = set().union(*(blocks[key] for key in mine))
        for key in mine:
            blocks[key].append(at)
        seen.candidates += len(met)
        for other in met:
            yield ids[other], ids[at], people[other], profile
