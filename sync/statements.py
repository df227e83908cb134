"""Pure: what several sources tell of an entity, day by day, becomes what was true of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

AS_TOLD = "as_told"  # a choice: each registration's word stands as it told it


class Spell(NamedTuple):
    """`value` was so from a day on, up to (not with) another; None = still."""

    name: str
    value: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact as one source tells it, true from `day` on.

    Of two for one day the one said later wins: on a later day (`said`; without: that very day),
    or arrived later (`order`).
    """

    name: str
    value: str
    day: date
    order: int
    begins: bool = False  # told by what made the entity: nothing is true of it before
    corrects: bool = False  # was always so: true from the first day on
    said: date | None = None
    by: str = ""  # the entity it was told of, where several are one person

    @property
    def told(self) -> tuple[date, int]:
        return self.said or self.day, self.order

    def start(self, first: date | None) -> date:
        """The day it holds from, of an entity that began on `first`."""
        if first is None:
            return self.day
        return first if self.corrects else max(self.day, first)


def to_spells(statements: Sequence[Statement]) -> set[Spell]:
    """Each statement holds until a later one of the same name says something else."""
    first = min((one.day for one in statements if one.begins), default=None)
    by_name: dict[str, list[Statement]] = defaultdict(list)
    for one in statements:
        by_name[one.name].append(one)
    found: set[Spell] = set()
    for name, told in by_name.items():
        still = [one for one in told if not _is_overtaken(one, told)]
        still.sort(key=lambda one: (one.start(first), one.told))
        last_of_day = {one.start(first): one.value for one in still}
        turns: list[tuple[date, str]] = []
        for day, value in last_of_day.items():
            if not turns or turns[-1][1] != value:
                turns.append((day, value))
        ends = [day for day, _ in turns[1:]]
        found |= {
            Spell(name, value, day, end)
            for (day, value), end in zip(turns, [*ends, None], strict=True)
        }
    return found


def _is_overtaken(one: Statement, told: Iterable[Statement]) -> bool:
    """Whether it was only foreseen, and before its day came the matter was spoken of again."""
    return any(one.told < other.told < (one.day, 0) for other in told)


# ------------------------------------------------------------------ several registrations of one
Words = Mapping[str, Statement]  # by the entity that was registered: the word of that day


def registered(told: Iterable[Statement]) -> dict[str, Words]:
    """fact -> what each registration says of it, the earliest registration first."""
    found: dict[str, dict[str, Statement]] = defaultdict(dict)
    begun = (one for one in told if one.begins and one.day <= (one.said or one.day))
    for one in sorted(begun, key=lambda one: (one.day, one.told)):
        found[one.name][one.by] = one
    return dict(found)


def differing(told: Iterable[Statement]) -> dict[str, Words]:
    """The facts of which registrations say different things."""
    return {
        name: words
        for name, words in registered(told).items()
        if len({one.value for one in words.values()}) > 1
    }


def agree(told: Sequence[Statement], canonical: str, choices: Mapping[str, str]) -> list[Statement]:
    """One person's statements, where each of several registrations told its own.

    Where they differ the word of one holds (the one chosen for the fact; else the canonical's; of
    who say nothing the earliest's): from the earliest registration on, and none of the others is
    heard. What was told later, by updates, stays as it is.
    """
    found = list(told)
    words_of = differing(told)
    for name, right in right_words(words_of, canonical, choices).items():
        found = [
            one for one in found if not (one.begins and one.name == name and one.by != right.by)
        ]
        earlier = (one for one in words_of[name].values() if one.day < right.day)
        found += (replace(one, value=right.value) for one in earlier)
    return found


def right_words(
    differ: Mapping[str, Words], canonical: str, choices: Mapping[str, str]
) -> dict[str, Statement]:
    """Of facts that differ: the word that holds; without those that stand as each told them."""
    return {
        name: words.get(choices.get(name, canonical))
        or words.get(canonical)
        or next(iter(words.values()))
        for name, words in differ.items()
        if choices.get(name) != AS_TOLD
    }
