"""Our engine on a file of people, as a process of its own: facts in, pairs and their bands out.

    python -m tests.bench.people.ours SET FACTS.jsonl PAIRS.csv

SET: febrl | clubs. Weights are those that the rule ships. PAIRS.csv:
id_l, id_r, bits; for the clubs certain pairs have CERTAIN_BITS more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from forms.library import load_library
from forms.matching.profile import Profile, read_profile
from forms.matching.rule import MatchRule
from forms.matching.score import Band, decide
from forms.matching.search import find_pairs
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


def main(kind: str, data: str, out: str) -> None:
    rule = rule_of(kind)
    everybody = profiles(rule, read_facts(Path(data)))
    if not rule.certain:  # FEBRL: its floor is chosen later
        rule = replace(rule, review=LOWEST)
    write_rows(Path(out), ("id_l", "id_r", "bits"), rows(rule, everybody))


if __name__ == "__main__":
    main(*sys.argv[1:])
