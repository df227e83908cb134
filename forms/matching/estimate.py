"""Weights from the data at hand, without anybody saying who is one: expectation–maximisation.

u is counted among pairs drawn by chance; m among the candidates of each block, which has its own
share of matches and tells nothing of what it blocks by (Winkler 2000; Splink does it so too). It
starts from the rule's own weights and stays near them until the data say more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log2
from random import Random
from types import MappingProxyType

from forms.matching.keys import blocking_keys, most_of, without_any_crowds
from forms.matching.kind import MISSING
from forms.matching.profile import Profile
from forms.matching.rule import Block, MatchRule
from forms.matching.score import Scorer
from forms.matching.weights import OTHER, Chance, Weights

RANDOM_PAIRS, PAIRS_OF_ONE = 100_000, 20  # at most, in all and for each
PAIRS_OF_A_BLOCK = 40_000
ROUNDS = 25
HELD_BY = 100.0  # pairs, or people, that the rule's own weights count as
EXPECTED = 5.0  # pairs drawn by chance: so many that none of them is no chance
NAMED_VALUES = 1_000  # of each comparison; all rarer ones have one share

Levels = tuple[int, ...]  # of all comparisons, in the rule's order
Table = list[list[float]]  # comparison, level


@dataclass(frozen=True, slots=True)
class _Sample:
    """Pairs of one block: levels and whole bits of rarity -> how many. `free`: what it is no
    block by.
    """

    free: frozenset[int]
    seen: Counter[tuple[Levels, int]]


def estimate(rule: MatchRule, profiles: Mapping[str, Profile], seed: int) -> Weights:
    """One seed and the same profiles always give the same weights."""
    people = without_any_crowds(rule, [profiles[one] for one in sorted(profiles)], {})
    random = Random(seed)  # noqa: S311 (a sample, not a secret)
    own = Weights(rule.weights.levels, _shares(rule, people), rule.weights.source)
    scorer = Scorer(rule, own)
    by_chance = _by_chance(rule, scorer, people, random)
    u = [_u(rule, at, counts) for at, counts in enumerate(by_chance)]
    m = _matched(rule, u, list(_samples(rule, scorer, people, random)))
    m = [_where_seen(rule, at, m[at], u[at], counts) for at, counts in enumerate(by_chance)]
    return Weights(
        MappingProxyType(_in_order(rule, m, u)), own.shares, f"EM: {len(people)}, seed {seed}"
    )


# ------------------------------------------------------------------ how common values are
def _shares(rule: MatchRule, people: Sequence[Profile]) -> Mapping[str, Mapping[str, float]]:
    found = {}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for place, kind in enumerate(rule.kinds):
        names = [one.name for one in rule.comparisons if one.field == place and one.part.told]
        for value in (profile.values[place] for profile in people) if names else ():
            if value is not None:
                for name, word in zip(names, kind.common(value), strict=True):
                    counts[name][word] += bool(word)
    for name, words in counts.items():
        found[name] = _shares_of(words, rule.weights.shares.get(name, {}))
    return MappingProxyType(found)


def _shares_of(counted: Counter[str], own: Mapping[str, float]) -> Mapping[str, float]:
    whole = counted.total() + HELD_BY
    held = {word: share for word, share in own.items() if word != OTHER}
    share = {word: (counted[word] + HELD_BY * held.get(word, 0.0)) / whole for word in counted}
    share |= {word: HELD_BY * of / whole for word, of in held.items() if word not in counted}
    ranked = sorted(share.items(), key=lambda item: (-item[1], item[0]))
    named, rest = dict(ranked[:NAMED_VALUES]), [of for _, of in ranked[NAMED_VALUES:]]
    other = sum(rest) / len(rest) if rest else 1 / whole
    return MappingProxyType({word: of for word, of in named.items() if of > 0} | {OTHER: other})


# ------------------------------------------------------------------ u
def _by_chance(rule: MatchRule, scorer: Scorer, people: Sequence[Profile], random: Random) -> Table:
    """Of pairs drawn by chance; those that look like one are left out."""
    seen = _nothing(rule)
    for _ in range(min(RANDOM_PAIRS, PAIRS_OF_ONE * len(people))):
        a, b = random.choice(people), random.choice(people)
        if a is b or scorer.score(a, b) is not None:
            continue
        for at, (level, _more) in enumerate(scorer.look(a, b)):
            if level != MISSING:
                seen[at][level] += 1
    return seen


def _u(rule: MatchRule, at: int, counts: Sequence[float]) -> list[float]:
    """What was never seen is as rare as the rule says, or as rare as could not be seen."""
    one, whole = rule.comparisons[at], sum(counts)
    own = [rule.weights.levels[one.name][level].u for level in one.part.levels]
    return [
        max((count + HELD_BY * was) / (whole + HELD_BY), min(was, 1 / (whole + HELD_BY)))
        for count, was in zip(counts, own, strict=True)
    ]


def _where_seen(
    rule: MatchRule, at: int, m: Sequence[float], u: Sequence[float], counts: Sequence[float]
) -> list[float]:
    """m, but of a level that these people never have, what the rule says it tells when one has."""
    own = rule.weights.levels[rule.comparisons[at].name]
    whole, found = sum(counts), list(m)
    for place, level in enumerate(rule.comparisons[at].part.levels):
        if not counts[place] and own[level].u * whole >= EXPECTED:
            found[place] = u[place] * own[level].m / own[level].u
    return found


# ------------------------------------------------------------------ m
def _samples(
    rule: MatchRule, scorer: Scorer, people: Sequence[Profile], random: Random
) -> Iterator[_Sample]:
    met: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, profile in enumerate(people):
        for key in sorted(blocking_keys(rule, profile)):
            met[key.partition(":")[0]][key].append(at)
    for block in rule.blocks:
        groups = [of for key, of in met[block.name].items() if 1 < len(of) <= most_of(rule, key)]
        random.shuffle(groups)
        free = _free(rule, block)
        seen: Counter[tuple[Levels, int]] = Counter()
        left = PAIRS_OF_A_BLOCK
        for group in groups:
            for a, b in combinations(group, 2):
                looked = scorer.look(people[a], people[b])
                more = sum(more for at, (_, more) in enumerate(looked) if at in free)
                seen[tuple(level for level, _ in looked), round(more)] += 1
            left -= len(group) * (len(group) - 1) // 2
            if left < 0:
                break
        yield _Sample(free, seen)


def _free(rule: MatchRule, block: Block) -> frozenset[int]:
    """The comparisons of fields that the block does not ask for."""
    asked = {part.partition(".")[0] for part in block.parts}
    return frozenset(
        at for at, one in enumerate(rule.comparisons) if rule.fields[one.field].name not in asked
    )


def _matched(rule: MatchRule, u: Table, samples: Sequence[_Sample]) -> Table:
    own = [
        [rule.weights.levels[one.name][level].m for level in one.part.levels]
        for one in rule.comparisons
    ]
    m, of_matches = own, [0.01] * len(samples)
    for _ in range(ROUNDS):
        bits = [
            [log2(x / y) for x, y in zip(row, other, strict=True)]
            for row, other in zip(m, u, strict=True)
        ]
        seen = _nothing(rule)
        for place, sample in enumerate(samples):
            matches = 0.0
            for (levels, more), count in sample.seen.items():
                odds = of_matches[place] / (1 - of_matches[place])
                sure = _sure(rule, sample.free, levels, bits, more, odds) * count
                matches += sure
                for at in sample.free:
                    if levels[at] != MISSING:
                        seen[at][levels[at]] += sure
            whole = sample.seen.total()
            of_matches[place] = min(max((matches + 0.01) / (whole + 1), 1e-6), 0.99)
        m = [_held(counts, was) for counts, was in zip(seen, own, strict=True)]
    return m


def _sure(
    rule: MatchRule,
    free: frozenset[int],
    levels: Levels,
    bits: Table,
    more: int,
    odds: float,
) -> float:
    """How likely it is that a pair with these levels is one."""
    caps = {name: place for place, cap in enumerate(rule.caps) for name in cap.of}
    capped = [0.0] * len(rule.caps)
    total = float(more)
    for at in free:
        if levels[at] == MISSING:
            continue
        cap = caps.get(rule.comparisons[at].name)
        if cap is None:
            total += bits[at][levels[at]]
        else:
            capped[cap] += bits[at][levels[at]]
    total += sum(min(won, cap.bits) for won, cap in zip(capped, rule.caps, strict=True))
    told: float = odds * 2.0 ** min(max(total, -100.0), 100.0)
    return told / (1 + told)


def _held(counts: Sequence[float], own: Sequence[float]) -> list[float]:
    whole = sum(counts) + HELD_BY
    return [(count + HELD_BY * was) / whole for count, was in zip(counts, own, strict=True)]


def _nothing(rule: MatchRule) -> Table:
    return [[0.0] * len(one.part.levels) for one in rule.comparisons]


# ------------------------------------------------------------------ sane in the end
def _in_order(rule: MatchRule, m: Table, u: Table) -> dict[str, Mapping[str, Chance]]:
    """What the data may not turn round: which of two levels tells more (of few pairs, the rule
    knows better), and how much being different tells at least: twins, couples and brothers agree
    in so much else that they look like one person to whoever only counts.
    """
    found: dict[str, Mapping[str, Chance]] = {}
    for at, one in enumerate(rule.comparisons):
        own = rule.weights.levels[one.name]
        ranked = sorted(range(len(own)), key=_told_by(own, one.part.levels))
        ratios = _never_rising([([place], m[at][place], u[at][place]) for place in ranked])
        last = len(own) - 1
        ratios[last] = min(ratios[last], 2 ** own[one.part.levels[last]].bits)
        found[one.name] = MappingProxyType(
            {
                level: _chance(m[at][place], u[at][place], ratios[place])
                for place, level in enumerate(one.part.levels)
            }
        )
    return found


def _told_by(own: Mapping[str, Chance], levels: Sequence[str]) -> Callable[[int], float]:
    return lambda place: -own[levels[place]].bits


def _never_rising(steps: Sequence[tuple[list[int], float, float]]) -> dict[int, float]:
    """Place -> m/u, where neighbours that would rise are taken as one (pool adjacent violators)."""
    pools: list[tuple[list[int], float, float]] = []
    for step in steps:
        pools.append(step)
        while len(pools) > 1 and pools[-1][1] / pools[-1][2] > pools[-2][1] / pools[-2][2]:
            (less, m_less, u_less), (more, m_more, u_more) = pools.pop(), pools.pop()
            pools.append(([*more, *less], m_more + m_less, u_more + u_less))
    return {place: m / u for places, m, u in pools for place in places}


def _chance(m: float, u: float, ratio: float) -> Chance:
    """With this ratio and the u that was counted, unless m would be no share."""
    return Chance(u * ratio, u) if u * ratio <= 1 else Chance(m, m / ratio)
