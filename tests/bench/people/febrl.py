"""The FEBRL sets as people of ours: three ways to know less of them, and who is who."""

from __future__ import annotations

import csv
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from forms.matching.rule import MatchRule, read_match_rule
from tests.bench.people.scoring import Pair, pair

# Scored set -> the set that weights and floors are learned from; never the same.
LEARNED_FROM = {"febrl1": "febrl3", "febrl2": "febrl3", "febrl3": "febrl2", "febrl4": "febrl3"}
GOALS = {  # variant -> precision, recall
    "all fields": (0.999, 0.995),
    "no ID": (0.998, 0.985),
    "year only, no ID": (0.995, 0.93),
}
RULE = Path(__file__).with_name("febrl.toml")


@dataclass(frozen=True, slots=True)
class Set:
    """One FEBRL set as one variant knows it: id -> field -> text."""

    people: Mapping[str, Mapping[str, str]]
    columns: tuple[str, ...]
    true: frozenset[Pair]


def read_set(path: Path, variant: str) -> Set:
    people: dict[str, dict[str, str]] = {}
    clusters: dict[str, list[str]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            one = row.pop("id")
            people[one] = _known(row, variant)
            clusters[one.split("-")[1]].append(one)  # "rec-12-org", "rec-12-dup-0"
    true = (pair(a, b) for ids in clusters.values() for a, b in combinations(ids, 2))
    return Set(people, tuple(next(iter(people.values()))), frozenset(true))


def _known(row: dict[str, str], variant: str) -> dict[str, str]:
    if variant != "all fields":
        del row["soc_sec_id"]
    if variant == "year only, no ID":
        row["birth_year"] = row.pop("date_of_birth")[:4]
    return row


def facts(row: Mapping[str, str]) -> dict[str, str]:
    """As our engine takes them: an ISO day of birth."""
    day = row.get("date_of_birth", "")
    iso = f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else row.get("birth_year", "")
    return {**row, "born_on": iso}


def rule() -> MatchRule:
    """One for all variants: what nobody knows is not compared."""
    return read_match_rule(tomllib.loads(RULE.read_text(encoding="utf-8")))
