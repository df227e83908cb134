"""Our engine on a file of people, as a process of its own: facts in, pairs and their bands out.

    python -m tests.bench.people.ours learn SET FACTS.jsonl WEIGHTS.json
    python -m tests.bench.people.ours score SET FACTS.jsonl PAIRS.csv [WEIGHTS.json]

SET: febrl | clubs. WEIGHTS.json: learned elsewhere; without, those that the rule ships. PAIRS.csv:
id_l, id_r, bits; for the clubs certain pairs have CERTAIN_BITS more.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from forms.library import load_library
from forms.matching.estimate import estimate
from forms.matching.profile import Profile, read_profile
from forms.matching.rule import MatchRule
from forms.matching.score import Band, decide
from forms.matching.search import find_pairs
from forms.matching.weights import read_weights, weights_as_json
from tests.bench.people import febrl
from tests.bench.people.files import read_facts, write_rows

CERTAIN_BITS = 1000.0
LOWEST = -4.0  # as Splink is asked for


def rule_of(kind: str) -> MatchRule:
    return febrl.rule() if kind == "febrl" else load_library().matches["members"]


def profiles(rule: MatchRule, people: Mapping[str, Mapping[str, str]]) -> dict[str, Profile]:
    return {one: read_profile(rule, facts) for one, facts in people.items()}


def rows(rule: MatchRule, everybody: Mapping[str, Profile]) -> Iterator[tuple[str, str, str]]:
    for one, other, score in find_pairs(rule, rule.weights, everybody):
        certain = decide(rule, score) is Band.CERTAIN
        yield one, other, f"{score.bits + CERTAIN_BITS * certain:.4f}"


def learn(rule: MatchRule, data: Path, out: Path) -> None:
    weights = estimate(rule, profiles(rule, read_facts(data)), seed=1)
    out.write_text(json.dumps(weights_as_json(weights), ensure_ascii=False), encoding="utf-8")


def score(rule: MatchRule, data: Path, out: Path) -> None:
    everybody = profiles(rule, read_facts(data))
    if not rule.certain:  # FEBRL: its floor is chosen later
        rule = replace(rule, review=LOWEST)
    write_rows(out, ("id_l", "id_r", "bits"), rows(rule, everybody))


def main(what: str, kind: str, data: str, out: str, weights: str = "") -> None:
    rule = rule_of(kind)
    if weights:
        rule = replace(rule, weights=read_weights(json.loads(Path(weights).read_text("utf-8"))))
    {"learn": learn, "score": score}[what](rule, Path(data), Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
