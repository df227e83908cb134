"""Those that are measured side by side: each a process, from a file of people to scored pairs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.people.files import read_scores, write_rows
from tests.bench.people.scoring import Pair, Scores
from tests.bench.server import ROOT
from tests.bench.stopwatch import Used, timed

HERE = Path(__file__).parent
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@dataclass(frozen=True, slots=True)
class Given:
    """One set of people as files beside each other: `facts` for us, `columns` for the others."""

    kind: str  # febrl | clubs
    path: Path  # without its ending
    people: int
    true: frozenset[Pair]
    of_slip: Mapping[str, frozenset[Pair]] = field(default_factory=dict)

    @property
    def facts(self) -> Path:
        return self.path.with_suffix(".jsonl")

    @property
    def columns(self) -> Path:
        return self.path.with_suffix(".csv")

    def file(self, ending: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{ending}")


class Comparer:
    """What all have in common: they learn from one set (perhaps its labels), and score another."""

    name = ""

    def __init__(self) -> None:
        self.used = Used(0, 0, 0)  # by the last command

    def learn(self, taught: Given) -> None:
        raise NotImplementedError

    def score(self, given: Given) -> Scores:
        raise NotImplementedError

    def _run(self, python: Path | str, *arguments: str | Path) -> Used:
        self.used = timed([str(python), *map(str, arguments)], ROOT, ENVIRONMENT)
        return self.used


class Ours(Comparer):
    """Of FEBRL it learns without labels; for the clubs it takes what the library ships."""

    name = "Cây Đa"

    def __init__(self) -> None:
        super().__init__()
        self._weights: tuple[Path, ...] = ()

    def learn(self, taught: Given) -> None:
        if taught.kind == "febrl":
            self._weights = (self.estimate(taught),)

    def estimate(self, taught: Given) -> Path:
        out = taught.file("weights.json")
        self._ours("learn", taught, out)
        return out

    def score(self, given: Given) -> Scores:
        out = given.file("ours.pairs.csv")
        self._ours("score", given, out, *self._weights)
        return read_scores(out)

    def _ours(self, what: str, given: Given, *paths: Path) -> None:
        module = ("-m", "tests.bench.people.ours")
        self._run(sys.executable, *module, what, given.kind, given.facts, *paths)


class Splink(Comparer):
    name = "Splink 5"
    script = HERE / "with_splink.py"

    def make_ready(self, given: Given) -> Used:
        """What the others are given, out of what we are."""
        return self._run(
            sys.executable, "-m", "tests.bench.people.files", given.facts, given.columns
        )

    def learn(self, taught: Given) -> None:
        self._model = taught.file("splink.json")
        self._run(BENCH_PYTHON, self.script, "learn", taught.kind, taught.columns, self._model)

    def score(self, given: Given) -> Scores:
        out = given.file("splink.pairs.csv")
        files = (given.columns, self._model, out)
        self._run(BENCH_PYTHON, self.script, "score", given.kind, *files)
        return read_scores(out)


class RecordLinkage(Comparer):
    """It learns anew each time it scores."""

    name = "recordlinkage 0.16"

    def learn(self, taught: Given) -> None:
        self._taught = taught.columns, taught.file("true.csv")
        write_rows(self._taught[1], ("one", "other"), sorted(taught.true))

    def score(self, given: Given) -> Scores:
        out = given.file("recordlinkage.pairs.csv")
        script = HERE / "with_recordlinkage.py"
        self._run(BENCH_PYTHON, script, given.kind, *self._taught, given.columns, out)
        return read_scores(out)


def everyone() -> tuple[Comparer, ...]:
    return Ours(), Splink(), RecordLinkage()
