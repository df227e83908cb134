"""What of an entity is compared: a small value that is kept, so that nothing is read twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forms.matching.kind import Value
from forms.matching.rule import MatchRule


@dataclass(frozen=True, slots=True)
class Profile:
    """The value of each field of the rule; None where nothing is known."""

    values: tuple[Value | None, ...]

    def to_json(self) -> list[Any]:
        """Only lists, texts, numbers and None."""
        return [None if value is None else list(value) for value in self.values]


def read_profile(rule: MatchRule, facts: Mapping[str, str]) -> Profile:
    """From facts (name -> text); whatever they hold, this reads it."""
    tell = facts.get
    return Profile(
        tuple([read(field, [tell(fact, "") for fact in field.facts]) for field, read in rule.reads])
    )


def profile_from_json(rule: MatchRule, kept: Sequence[Any]) -> Profile:
    """The profile whose `to_json` was kept under this same rule."""
    return Profile(
        tuple(
            None if value is None else kind.shape(*map(_fixed, value))
            for kind, value in zip(rule.kinds, kept, strict=True)
        )
    )


def _fixed(value: Any) -> Any:
    return tuple(map(_fixed, value)) if isinstance(value, list) else value
