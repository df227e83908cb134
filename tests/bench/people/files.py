"""People as files that every comparer reads: plain facts for ours, ready columns for the others."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from forms.text import fold, settle_tones, split_name, tidy
from tests.bench.people.population import RENUMBERED
from tests.bench.people.scoring import Pair, pair

Facts = Mapping[str, Mapping[str, str]]  # id -> facts
NO_PHONE = "0900000000"
NEW_PREFIX = {old: new for new, old in RENUMBERED.items()}
COLUMNS = (
    *("id", "given", "given_marked", "family", "rest", "rest_marked", "name", "words"),
    *("day", "year", "sex", "phone", "cccd", "cmnd", "commune", "hamlet"),
)


def write_facts(path: Path, people: Facts) -> None:
    """One JSON list [id, facts] a line."""
    with path.open("w", encoding="utf-8") as file:
        for one in people.items():
            file.write(json.dumps(one, ensure_ascii=False) + "\n")


def read_facts(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return dict(json.loads(line) for line in file)


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read_scores(path: Path) -> dict[Pair, float]:
    """Of a file with the columns id_l, id_r and a score; a pair told twice counts as its best."""
    scores: dict[Pair, float] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for one, other, score in rows:
            told = pair(one, other)
            scores[told] = max(float(score), scores.get(told, float("-inf")))
    return scores


# ------------------------------------------------------------------ what the others are given
def write_columns(path: Path, people: Facts) -> None:
    """Everything tidied for them: marks settled and folded, name apart, phone as dialled today."""
    write_rows(path, COLUMNS, (_row(one, facts) for one, facts in people.items()))


def _row(one: str, facts: Mapping[str, str]) -> tuple[str, ...]:
    name = settle_tones(tidy(facts["full_name"])).lower()
    parts = split_name(name)
    rest = " ".join(part for part in (parts.family, parts.middle) if part)
    born, known = facts["born_on"], facts["birth_precision"]
    whole = known == "day" and not born.endswith("-01-01")
    kind, hashed, *_ = (facts.get("number", "") + "::").split(":")
    return (
        *(one, _bare(parts.given), parts.given, _bare(parts.family), _bare(rest), rest),
        *(_bare(name), " ".join(sorted(_bare(name).split())), born if whole else "", born[:4]),
        *(facts["sex"], _phone(facts.get("phone", ""))),
        *(hashed if kind == "cccd" else "", hashed if kind == "cmnd9" else ""),
        *(facts["commune"], _hamlet(facts["hamlet"])),
    )


_bare = lru_cache(maxsize=1 << 16)(fold)


def _phone(text: str) -> str:
    digits = re.sub(r"^84", "0", re.sub(r"[^0-9]", "", text))
    digits = NEW_PREFIX.get(digits[:4], digits[:4]) + digits[4:] if len(digits) == 11 else digits
    return "" if digits == NO_PHONE else digits


def _hamlet(text: str) -> str:
    return re.sub(r"^(thon|to dan pho|to) ", "", _bare(text))


if __name__ == "__main__":  # python -m tests.bench.people.files FACTS.jsonl COLUMNS.csv
    write_columns(Path(sys.argv[2]), read_facts(Path(sys.argv[1])))
