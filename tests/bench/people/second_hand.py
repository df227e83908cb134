"""What the second of two registrations gets wrong: the mistakes of domain.md §8 and a few more.

Each makes of a person what another volunteer believes of them, or nothing where it cannot happen
(no tone can move in "Nguyễn Thị Lan").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from random import Random

from server.demo import slips
from tests.bench.people.population import Person

Slip = Callable[[Random, Person], Person]


def _renamed(change: Callable[[str], str]) -> Slip:
    return lambda _random, person: replace(person, name=change(person.name))


def _year_beside(random: Random, person: Person) -> Person:
    return _born_in(person, person.born.year + random.choice((-1, 1)))


def _decade_beside(random: Random, person: Person) -> Person:
    return _born_in(person, min(2007, person.born.year + random.choice((-10, 10))))


def _born_in(person: Person, year: int) -> Person:
    day = 28 if (person.born.month, person.born.day) == (2, 29) else person.born.day
    return replace(person, born=date(year, person.born.month, day))


def _other_sex(_random: Random, person: Person) -> Person:
    return replace(person, sex="male" if person.sex == "female" else "female")


def _other_club(random: Random, person: Person) -> Person:
    """One of the same commune, or one of the commune beside, where the hamlet is another too."""
    person = replace(person, club=person.club + 1)
    if random.random() < 0.5:
        return person
    beside = f"{person.commune[0]}{(int(person.commune[1:]) + 1) % 10_000:04d}"
    return replace(person, commune=beside, hamlet=f"tổ {random.randint(1, 98)}")


_DOUBLETS = {"Huỳnh": "Hoàng", "Hoàng": "Huỳnh", "Võ": "Vũ", "Vũ": "Võ"}
_SOUNDS = ((r"n\b", "ng"), (r"t\b", "c"), (r"\bX", "S"), (r"\bD", "V"), (r"ng\b", "n"))
_ONE_I = (("ỳ", "ì"), ("ý", "í"), ("ỹ", "ĩ"))


def _doublet(name: str) -> str:
    family, *rest = name.split()
    return " ".join((_DOUBLETS.get(family, family), *rest))


def _as_heard(random: Random, person: Person) -> Person:
    """The given name as it sounds in Quảng Nam and Đà Nẵng."""
    *before, given = person.name.split()
    for heard, written in random.sample(_SOUNDS, len(_SOUNDS)):
        if re.search(heard, given):
            given = re.sub(heard, written, given)
            break
    return replace(person, name=" ".join((*before, given)))


def _letter_wrong(random: Random, person: Person) -> Person:
    """One letter left out, doubled or another, not the first of a word."""
    places = [n for n in range(1, len(person.name)) if person.name[n - 1 : n + 1].isalpha()]
    at = random.choice(places)
    instead = random.choice(("", person.name[at] * 2, random.choice("aeinoutghc")))
    return replace(person, name=person.name[:at] + instead + person.name[at + 1 :])


def _given_first(name: str) -> str:
    *before, given = name.split()
    return " ".join((given, *before))


SLIPS: Mapping[str, Slip] = {
    "tone moved": _renamed(slips.tone_moved),
    "marks left out": _renamed(slips.marks_left_out),
    "hỏi and ngã": _renamed(slips.hoi_nga_swapped),
    "middle dropped": _renamed(slips.middle_dropped),
    "year ±1": _year_beside,
    "year ±10": _decade_beside,
    "other sex": _other_sex,
    "other club": _other_club,
    "family doublet": _renamed(_doublet),
    "as heard": _as_heard,
    "letter wrong": _letter_wrong,
    "given name first": _renamed(_given_first),
}
# In 1,000 people. §8 has the first eight; the rest are ours, of §7.3 and of typing.
RATES: Mapping[str, float] = {
    "tone moved": 6, "marks left out": 8, "hỏi and ngã": 6, "middle dropped": 5, "year ±1": 8,
    "year ±10": 1, "other sex": 1, "other club": 2,
    "family doublet": 1, "as heard": 2, "letter wrong": 2, "given name first": 1,
}  # fmt: skip
ALL_TOGETHER = sum(RATES.values()) / 1000
ALSO_ANOTHER = 0.1  # of the second registrations have a second mistake


def a_slip(random: Random) -> str:
    return random.choices(list(RATES), list(RATES.values()))[0]
