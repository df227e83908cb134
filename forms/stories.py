"""What a story of the library is told from, and what it tells: records in, spells out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Told(NamedTuple):
    """One record as a story reads it; `order` is that of arrival."""

    form: str
    answers: Mapping[str, str]
    happened_on: date
    order: int


class Said(NamedTuple):
    """A fact of a story: so from a day on, up to (not with) another; None = still, or for ever.

    A day may lie in the future: no story looks at a clock.
    """

    name: str
    value: str
    valid_from: date
    valid_to: date | None = None


Teller = Callable[[Sequence[Told]], Iterable[Said]]


@dataclass(frozen=True, slots=True)
class Story:
    """Facts of an entity that follow from all its records together.

    tell: a function of the domain's stories.py; pure. It gets the entity's records of `forms` in
    the order of day and arrival, from the day of the one that made it on, and tells of no day
    before. facts: every name it may tell; spells of one name do not overlap.
    """

    tell: Teller
    forms: tuple[str, ...]
    facts: tuple[str, ...]
