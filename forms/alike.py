"""Who may be one person entered twice: by name, birth and place, or by phone and given name.

Pure, and only a suggestion: too few names are in use to join anybody by them (domain §4.7, e).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from forms.text import fold, split_name


@dataclass(frozen=True, slots=True)
class Alike:
    """What makes two entities of a list alike; name, born, same and phone are facts.

    In one place: equal names, marks aside; years of birth at most `years` apart; all of `same`
    known and equal. In any place: one phone and one given name, marks aside; but not by a number
    of `no_phones`, nor by one that more than `most` entities have.
    """

    name: str
    born: str
    years: int
    same: tuple[str, ...]
    phone: str
    no_phones: frozenset[str]
    most: int

    @property
    def facts(self) -> frozenset[str]:
        return frozenset({self.name, self.born, self.phone, *self.same})


class Person(NamedTuple):
    """One entity on a day: in which place, and its facts (name -> value)."""

    id: str
    place: str
    facts: Mapping[str, str]


Pair = tuple[str, str]  # ids, the lesser first


def pairs(rule: Alike, people: Iterable[Person]) -> set[Pair]:
    """Everybody who may be somebody else, each pair once."""
    everybody = list(people)
    return {*_by_name(rule, everybody), *_by_phone(rule, everybody)}


def _pair(one: str, other: str) -> Pair:
    return min(one, other), max(one, other)


def _by_name(rule: Alike, people: Iterable[Person]) -> Iterator[Pair]:
    groups: dict[Hashable, list[tuple[int, str]]] = defaultdict(list)
    for one in people:
        name = fold(one.facts.get(rule.name, ""))
        year = one.facts.get(rule.born, "")[:4]
        same = tuple(one.facts.get(fact, "") for fact in rule.same)
        if name and year.isdecimal() and all(same):
            groups[name, one.place, same].append((int(year), one.id))
    for group in groups.values():
        group.sort()
        for at, (year_of_one, one_id) in enumerate(group):
            for index in range(at + 1, len(group)):
                year_of_other, other_id = group[index]
                if year_of_other - year_of_one > rule.years:
                    break
                yield _pair(one_id, other_id)


def _by_phone(rule: Alike, people: Iterable[Person]) -> Iterator[Pair]:
    groups: dict[str, list[Person]] = defaultdict(list)
    for one in people:
        number = read_phone(one.facts.get(rule.phone, ""))
        if number and number not in rule.no_phones:
            groups[number].append(one)
    for group in groups.values():
        if len(group) <= rule.most:
            named = [(one.id, _given(one.facts.get(rule.name, ""))) for one in group]
            for (one_id, given), (other_id, other) in combinations(named, 2):
                if given and given == other:
                    yield _pair(one_id, other_id)


def _given(name: str) -> str:
    return fold(split_name(name).given)


_FROM_ABROAD = re.compile(r"(?:00)?840?(?=[0-9]{9,10}$)")  # +84, 84, 0084


def read_phone(text: str) -> str:
    """The digits as they are dialled in the country: "+84 905.123-456" → "0905123456".

    "" for what is no number: nothing, or one digit again and again.
    """
    digits = re.sub(r"[^0-9]", "", text)
    number = _FROM_ABROAD.sub("0", digits, count=1) if _FROM_ABROAD.match(digits) else digits
    return number if len(set(number)) > 1 else ""
