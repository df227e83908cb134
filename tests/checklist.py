"""The checklist of conformance: which tests prove which case, and the page that says so."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "server" / "CHECKLIST.md"
PARTS = {
    "phones": "A. Phones (ODK Collect, KoboCollect)",
    "others": "B. Enketo, ODK Web Forms, pyODK, ruODK, OData",
    "parity": "C. Parity and robustness",
}
FIRST = {"a": 1, "b": 91, "c": 116}  # other numbers after "b" and "c" are not of this list:
LAST = {"a": 90, "b": 115, "c": 140}  # incidents are numbered so too

_CARRIED = re.compile(r"(?<=_)([abc])(\d+)(?=_)")


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the checklist."""

    number: int
    part: str
    words: str
    note: str


def read_cases() -> list[Case]:
    """Every case, by number."""
    parts = tomllib.loads((HERE / "checklist.toml").read_text(encoding="utf-8"))
    found = []
    for part, cases in parts.items():
        for number, given in cases.items():
            told = given if isinstance(given, dict) else {"words": given}
            found.append(Case(int(number), part, told["words"], told.get("note", "")))
    return sorted(found, key=lambda case: case.number)


def numbers_of(test: str) -> set[int]:
    """The cases a test's name carries: test_a77_a78_an_edit… → {77, 78}."""
    head = re.match(r"test(?:_[abc]\d+)+_", test)
    pairs = _CARRIED.findall(head[0]) if head else []
    return {int(n) for letter, n in pairs if FIRST[letter] <= int(n) <= LAST[letter]}


def named_tests() -> Iterator[tuple[str, str]]:
    """Every test as (its name, "server/test_x.py::its_name")."""
    for path in sorted(HERE.rglob("test_*.py")):
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            yield name, f"{path.relative_to(HERE).as_posix()}::{name}"


def proofs() -> dict[int, list[str]]:
    """case → the tests that carry it."""
    found: dict[int, list[str]] = defaultdict(list)
    for name, place in named_tests():
        for number in numbers_of(name):
            found[number].append(place)
    return found


def to_page(outcomes: Mapping[str, Iterable[str]]) -> str:
    """The table. `outcomes`: test → what its runs came to ("passed", "failed", "skipped")."""
    tests = proofs()
    lines = [
        "# The conformance checklist, case by case",
        "",
        "Made by `make checklist` from `tests/checklist.toml` and a run of the tests that carry",
        "the numbers, on SQLite and on PostgreSQL. Not written by hand.",
    ]
    for part, title in PARTS.items():
        lines += ["", f"## {title}", "", "| case | what | tests | result |", "|---|---|---|---|"]
        for case in read_cases():
            if case.part == part:
                mine = tests.get(case.number, [])
                names = "<br>".join(f"`{name}`" for name in mine) or "none"
                what = f"{case.words}<br>*{case.note}*" if case.note else case.words
                told = ", ".join(sorted({o for name in mine for o in outcomes.get(name, ())}))
                lines.append(f"| {case.number} | {what} | {names} | {told or 'not run'} |")
    return "\n".join(lines) + "\n"
