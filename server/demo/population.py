"""Six clubs and their people, made from a seed: nobody in here exists (domain.md §8).

Pure: the same seed gives the same people and the same mistakes. What phones write is in diary.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any

from server.demo import slips
from server.demo.names import full_name

FIRST, LAST = date(2024, 12, 1), date(2026, 1, 31)  # the fourteen months of the diary
TEST_PROVINCES = ("003", "005", "047", "050")  # never given to anybody: no real person is hit


@dataclass(frozen=True, slots=True)
class Club:
    """One club as it stands in clubs.csv."""

    code: str
    name: str
    unit_code: str
    founded_on: date
    decision_no: str
    size: int
    rural: bool = False
    mgdl: bool = False  # its glucose meter shows mg/dL


CLUBS = (
    Club("48-TQ-01", "CLB Liên thế hệ tự giúp nhau Thọ Quang 1", "20263", date(2017, 10, 12),
         "112/QĐ-UBND", 62),
    Club("48-TQ-02", "CLB Liên thế hệ tự giúp nhau Thọ Quang 2", "20263", date(2018, 5, 20),
         "87/QĐ-UBND", 70),
    Club("48-HQ-01", "CLB Liên thế hệ tự giúp nhau Hòa Quý 1", "20287", date(2018, 3, 8),
         "45/QĐ-UBND", 58, mgdl=True),
    Club("48-HQ-02", "CLB Liên thế hệ tự giúp nhau Hòa Quý 2", "20287", date(2019, 6, 1),
         "131/QĐ-UBND", 50),
    Club("48-HP-01", "CLB Liên thế hệ tự giúp nhau Hòa Phong", "20320", date(2018, 12, 1),
         "204/QĐ-UBND", 73, rural=True),
    Club("48-HC-01", "CLB Liên thế hệ tự giúp nhau Hải Châu", "20236", date(2018, 7, 27),
         "", 47),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """One member as the chair registers them; `id` is the entity's uuid, made on her phone."""

    id: str
    club: Club
    full_name: str
    sex: str
    born: date
    birth_precision: str  # day | month | year
    joined: date
    hamlet: str
    alias: str = ""
    phone: str = ""
    phone_owner: str = ""
    id_kind: str = "not_given"
    id_number: str = ""
    hh_class: str = "average"
    hh_class_year: int = 2025
    living: str = "with_children"
    no_support: bool = False
    disability: str = "none"
    insurance: str = "yes"
    is_volunteer: bool = False
    board_role: str = "none"
    care_need: str = "no"
    c_health: bool = True
    hypertensive: bool = False
    diabetic: bool = False
    left: date | None = None  # the first day no more in this club
    leaving: str = ""  # why, as the form of exits says it
    left_for: Club | None = None

    def is_there(self, day: date) -> bool:
        return self.joined <= day and (self.left is None or day < self.left)


Change = Callable[[Person], Person]


@dataclass(frozen=True, slots=True)
class Population:
    """All people by club, the second registrations of some of them among them."""

    members: dict[Club, list[Person]] = field(default_factory=dict)
    twins: list[tuple[str, str]] = field(default_factory=list)  # (first id, second id): one person

    @property
    def people(self) -> Iterator[Person]:
        for members in self.members.values():
            yield from members

    def there(self, club: Club, day: date) -> list[Person]:
        """The club's members of that day, each once."""
        again = {second for _first, second in self.twins}
        return [one for one in self.members[club] if one.is_there(day) and one.id not in again]


def populate(seed: int) -> Population:
    """Everybody, with the mistakes of §8 made at their rates (at least one of each)."""
    random = Random(seed)
    population = Population()
    for club in CLUBS:
        population.members[club] = _members(random, club)
    _make_mistakes(random, population)
    _part_ways(Random(f"leaving:{seed}"), population)
    return population


def new_uuid(random: Random) -> uuid.UUID:
    return uuid.UUID(int=random.getrandbits(128), version=4)


def age(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _members(random: Random, club: Club) -> list[Person]:
    older, women, hard = (
        random.uniform(*span) for span in ((0.64, 0.82), (0.58, 0.76), (0.5, 0.7))
    )
    people = [_person(random, club, older, women, hard) for _ in range(club.size)]
    board = ("chair", "deputy", "secretary", "treasurer", "member")
    helpers = random.choice((5, 6, 7, 8, 9)) if club.code != "48-HC-01" else 4
    able = [n for n, person in enumerate(people) if age(person.born, LAST) < 75]
    for n, role in zip(able, board, strict=False):
        people[n] = replace(people[n], board_role=role)
    for n in able[3 : 3 + helpers]:
        people[n] = replace(people[n], is_volunteer=True)
    frail = sorted(range(len(people)), key=lambda n: people[n].born)
    for n in [n for n in frail if not people[n].is_volunteer][: random.randint(5, 8)]:
        people[n] = replace(people[n], care_need=random.choice(("regular", "regular", "temporary")))
    return people


def _person(random: Random, club: Club, older: float, women: float, hard: float) -> Person:
    sex = "female" if random.random() < women else "male"
    years = draw_years(random, older)
    born = date(2025 - years, random.randint(1, 12), random.randint(1, 28))
    precision = draw_precision(random, years)
    if precision == "day" and random.random() < 0.10:
        born = born.replace(month=1, day=1)
    name = full_name(random, sex, born.year)
    hypertensive = years >= 60 and random.random() < 0.45
    phone, owner = _phone(random)
    kind, number = _paper(random, sex, born.year)
    return Person(
        id=str(new_uuid(random)),
        club=club,
        full_name=name,
        sex=sex,
        born=born,
        birth_precision=precision,
        joined=_joined(random, club),
        hamlet=_hamlet(random, club),
        alias=_alias(random, sex, years),
        phone=phone,
        phone_owner=owner,
        id_kind=kind,
        id_number=number,
        hh_class=_class(random, hard),
        hh_class_year=2023 if random.random() < 0.06 else 2024,
        living=_living(random, years),
        no_support=years >= 60 and random.random() < 0.03,
        disability="none" if random.random() < 0.9 else random.choice(("mobility", "vision")),
        insurance="yes" if random.random() < (0.99 if years >= 80 else 0.93) else "no",
        c_health=random.random() < 0.97,
        hypertensive=hypertensive,
        diabetic=years >= 60 and random.random() < 0.14,
    )


def _hamlet(random: Random, club: Club) -> str:
    if club.rural:
        return f"thôn {random.choice(('Đông Hòa', 'Cẩm Toại', 'Bồ Bản'))}"
    return f"tổ {random.randint(1, 40)}"


def draw_years(random: Random, older: float) -> int:
    if random.random() < older:
        low, high = random.choices(((60, 69), (70, 79), (80, 94)), weights=(52, 31, 17))[0]
    else:
        low, high = random.choices(((18, 39), (40, 54), (55, 59)), weights=(25, 35, 40))[0]
    return random.randint(low, high)


def draw_precision(random: Random, years: int) -> str:
    year_only = 0.60 if years >= 80 else 0.35 if years >= 70 else 0.15 if years >= 60 else 0.02
    if random.random() < year_only:
        return "year"
    return "month" if random.random() < 0.03 else "day"


def _joined(random: Random, club: Club) -> date:
    """Most are there from the founding; a few join during the fourteen months."""
    if random.random() < 0.08:
        return FIRST + timedelta(days=random.randrange((LAST - FIRST).days))
    return club.founded_on + timedelta(days=random.choice((0, 0, 0, random.randrange(1800))))


def _alias(random: Random, sex: str, years: int) -> str:
    if years < 65 or random.random() < 0.7:
        return ""
    return f"{'bà' if sex == 'female' else 'ông'} {random.choice(('Năm', 'Bảy', 'Tư', 'Tám'))}"


def _phone(random: Random) -> tuple[str, str]:
    owner = random.choices(("self", "child", ""), weights=(55, 30, 15))[0]
    if not owner:
        return "", ""
    return f"{random.choice(('090', '091', '035', '038'))}0000{random.randrange(1000):03d}", owner


def _paper(random: Random, sex: str, year: int) -> tuple[str, str]:
    kind = random.choices(("cccd", "cmnd9", "none_yet", "not_given"), weights=(70, 20, 3, 7))[0]
    if kind == "cccd":
        return kind, draw_id_number(random, sex, year + 1 if random.random() < 0.02 else year)
    return kind, f"20{random.randrange(10**7):07d}" if kind == "cmnd9" else ""


def draw_id_number(random: Random, sex: str, year: int) -> str:
    """Twelve digits that say the sex and the year, of a province that nobody was born in."""
    century_sex = (2 if year >= 2000 else 0) + (1 if sex == "female" else 0)
    tail = f"{random.randrange(10**6):06d}"
    return f"{random.choice(TEST_PROVINCES)}{century_sex}{year % 100:02d}{tail}"


def _class(random: Random, hard: float) -> str:
    if random.random() < hard:
        return random.choices(("poor", "near_poor", "hard_up"), weights=(14, 16, 28))[0]
    others = ("average", "escaped_poverty", "better_off", "unknown")
    return random.choices(others, weights=(75, 12, 8, 5))[0]


def _living(random: Random, years: int) -> str:
    if years < 60:
        return "with_children"
    kinds = ("alone", "old_couple", "with_grandchildren", "with_children", "with_others")
    return random.choices(kinds, weights=(10, 22, 5, 60, 3))[0]


# ---- who leaves
def _part_ways(random: Random, population: Population) -> None:
    """Some die, move away or stop, at the yearly rates of §8; one goes over to the club next door.

    Nobody with a part in the club's life, so that what others write of her day stays true.
    """
    twins = {one for pair in population.twins for one in pair}
    for club, members in population.members.items():
        for n, person in enumerate(members):
            if person.id not in twins and person.joined < FIRST and _is_plain(person):
                members[n] = replace(person, **_leaving(random, person))
        if club is CLUBS[0]:
            n = next(n for n, one in enumerate(members) if _may_move(one) and one.id not in twins)
            left = date(2025, 9, 10)
            members[n] = replace(members[n], left=left, leaving="transfer", left_for=CLUBS[1])


def _may_move(person: Person) -> bool:
    return person.left is None and person.joined < FIRST and _is_plain(person)


def _leaving(random: Random, person: Person) -> dict[str, Any]:
    years = age(person.born, FIRST)
    dies = 0.09 if years >= 80 else 0.03 if years >= 70 else 0.01 if years >= 60 else 0.002
    chances = {"died": dies, "moved_away": 0.015, "own_wish": 0.02}
    day = FIRST + timedelta(days=random.randrange(20, (LAST - FIRST).days - 40))
    draw = random.random()
    for kind, a_year in chances.items():
        draw -= a_year * (LAST - FIRST).days / 365
        if draw < 0:
            return {"left": day, "leaving": kind}
    return {}


# ---- mistakes, so that the product can be seen to stand them
def _make_mistakes(random: Random, population: Population) -> None:
    _change(random, population, 10, _renamed(slips.decomposed))
    _change(random, population, 25, lambda p: replace(p, full_name=f"{p.full_name} "))
    _change(random, population, 2, lambda p: replace(p, full_name=p.full_name.replace("Đ", "Ð")))
    _change(random, population, 1, lambda p: replace(p, sex=_other_sex(p.sex)))
    _change(random, population, 30, lambda p: replace(p, phone="0900000123", phone_owner="child"))
    for rate, variant in (
        (6, _renamed(slips.tone_moved)),
        (8, _renamed(slips.marks_left_out)),
        (6, _renamed(slips.hoi_nga_swapped)),
        (5, _renamed(slips.middle_dropped)),
        (8, _year_beside),
    ):
        _register_again(random, population, rate, variant)
    _register_elsewhere(random, population)


def _change(random: Random, population: Population, rate: int, change: Change) -> None:
    for club, n in _some(random, population, rate):
        members = population.members[club]
        members[n] = change(members[n])


def _register_again(random: Random, population: Population, rate: int, variant: Change) -> None:
    """The same person written down a second time by another volunteer, a little differently."""
    for club, n in _some(random, population, rate):
        first = population.members[club][n]
        second = replace(
            variant(first), id=str(new_uuid(random)), board_role="none", care_need="no"
        )
        population.members[club].append(second)
        population.twins.append((first.id, second.id))


def _register_elsewhere(random: Random, population: Population) -> None:
    (club, n), *_ = _some(random, population, 2)
    first = population.members[club][n]
    other = next(c for c in CLUBS if c.unit_code == club.unit_code or c is not club)
    second = replace(first, id=str(new_uuid(random)), club=other, board_role="none", care_need="no")
    population.members[other].append(second)
    population.twins.append((first.id, second.id))


def _some(random: Random, population: Population, rate: int) -> Iterable[tuple[Club, int]]:
    """Places of `rate` per thousand members, at least one; plain members, so roles stay whole."""
    places = [
        (club, n)
        for club, members in population.members.items()
        for n, person in enumerate(members)
        if _is_plain(person)
    ]
    total = sum(len(members) for members in population.members.values())
    return random.sample(places, max(1, round(total * rate / 1000)))


def _is_plain(person: Person) -> bool:
    return person.board_role == "none" and not person.is_volunteer and person.care_need == "no"


def _other_sex(sex: str) -> str:
    return "male" if sex == "female" else "female"


def _renamed(slip: Callable[[str], str]) -> Change:
    return lambda person: replace(person, full_name=slip(person.full_name))


def _year_beside(person: Person) -> Person:
    return replace(person, born=person.born.replace(year=person.born.year + 1, day=1))
