"""The scheme, rule by rule: its questions, its figures, its tests, and the page that says so."""

from __future__ import annotations

import re
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass

from forms.library import OWN_LIBRARY, Library, load_library
from tests.checklist import named_tests

PAGE = OWN_LIBRARY / "REQUIREMENTS.md"

_CARRIED = re.compile(r"(?<=_)r(\d\d)(?=_)")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One rule of the scheme. captured: "form.question"; figures: ids of indicators."""

    id: str
    rule: str
    captured: tuple[str, ...]
    figures: tuple[str, ...]
    note: str


def read_requirements() -> list[Requirement]:
    """Every rule, by number."""
    entries = tomllib.loads((OWN_LIBRARY / "requirements.toml").read_text(encoding="utf-8"))
    return [
        Requirement(
            name, one["rule"], tuple(one["captured"]), tuple(one["figures"]), one.get("note", "")
        )
        for name, one in sorted(entries.items())
    ]


def rules_of(test: str) -> set[str]:
    """The rules a test's name carries: test_r03_r04_a_woman… → {"R03", "R04"}."""
    head = re.match(r"test(?:_r\d\d)+_", test)
    return {f"R{number}" for number in _CARRIED.findall(head[0])} if head else set()


def proofs() -> dict[str, list[str]]:
    """rule → the tests that carry it."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, place in named_tests():
        for rule in rules_of(name):
            found[rule].append(place)
    return found


def unknown_names(one: Requirement, library: Library) -> list[str]:
    """What a rule names that no form asks and no line tells."""
    asked = {
        f"{form.xml_form_id}.{name}" for form in library.forms.values() for name in form.fields
    }
    return [name for name in one.captured if name not in asked] + [
        name for name in one.figures if name not in library.indicators
    ]


def to_page(library: Library) -> str:
    """The table: one row per rule."""
    tests = proofs()
    lines = [
        "# The city's scheme, rule by rule",
        "",
        "Made by `make requirements` from `requirements.toml`, the figures and the tests' names.",
        "Not written by hand.",
        "",
        "| rule | says | asked in | figures | tests |",
        "|---|---|---|---|---|",
    ]
    for one in read_requirements():
        says = f"{one.rule}<br>*{one.note}*" if one.note else one.rule
        asked = ", ".join(f"`{name}`" for name in one.captured)
        figures = "<br>".join(f"{name} {library.indicators[name].en}" for name in one.figures)
        proof = "<br>".join(f"`{name}`" for name in tests.get(one.id, []))
        lines.append(f"| {one.id} | {says} | {asked} | {figures or '–'} | {proof} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(to_page(load_library()), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
