"""Households of people who do not exist, in hamlets and clubs, by the recipe of domain.md §8.

Pure: the same seed gives the same people. Numbers and phones are such that nobody can have them.
Where §8 gives no rate (households, twins, hamlets) the setting stands here, with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count
from random import Random

from server.demo.names import FAMOUS, WOMEN_GIVEN, full_name
from server.demo.population import draw_id_number, draw_precision, draw_years

CLUB_SIZE, CLUBS_OF_A_COMMUNE = 60, 3.5
HAMLETS_OF_A_COMMUNE, HAMLETS_OF_A_CLUB = 12, 3
OLDER = 0.72  # share of 60 and above
# Of a hundred households: which of their people are in the club. Women are two of three people.
HOUSEHOLDS = {"single": 62, "couple": 26, "child": 7, "siblings": 3, "twins": 0.5, "three": 1.5}
WOMEN_OF_SINGLES = 0.82
FAMILIES_OF_TWO_WORDS = 0.003
SHARED_BY_A_COUPLE = 0.16  # a wife who gives her husband's own number: 30 of 1,000 people
THE_CLUBS_PHONE = 0.01  # who has none gives the chair's
ALIKE_GIVEN = (
    ("Hoa", "Hòa"), ("Lan", "Liên"), ("Hồng", "Hường"), ("Thu", "Thủy"), ("Hạnh", "Hiền"),
    ("Dũng", "Dung"), ("Minh", "Mẫn"), ("Lợi", "Lộc"),
)  # fmt: skip
RURAL = (
    ("Đông", "Cẩm", "Bồ", "Phú", "An", "Lộc", "Thạch", "Quan", "Trước", "Yến", "Thái", "Hưởng"),
    ("Hòa", "Toại", "Bản", "Nê", "Sơn", "Lâm", "Mỹ", "Châu", "Phước", "Thủy", "Tân", "Nhơn"),
)
# Prefixes that no network has; and the one way to write numbers of before 2018 (§3.2.4) that
# nobody can have either.
NO_NETWORK = ("030", "031", "071", "072", "073", "074", "075", "080")
RENUMBERED = {"070": "0120", "079": "0121", "083": "0123", "085": "0125", "032": "0162"}


@dataclass(frozen=True, slots=True)
class Person:
    """One human being, as the whole truth would have them; `key` is unique in a population."""

    key: int
    household: int
    kin: str  # how they belong to the others of the household: "", couple, child, sibling, twin
    club: int
    commune: str
    hamlet: str
    name: str
    sex: str
    born: date
    known: str  # how much of the birth any paper tells: day | month | year
    alias: str
    cccd: str
    cmnd: str
    own_phone: str
    family_phone: str  # a child's, one for the household
    gives: str  # which of them this person usually gives: own | family | other's | none


@dataclass(frozen=True, slots=True)
class Home:
    number: int
    club: int
    commune: str
    hamlet: str
    family_phone: str
    chair_phone: str


Named = Callable[[Random, str, int], str]


def people(seed: int, n: int) -> Iterator[Person]:
    """n people, household after household."""
    random = Random(f"people:{seed}")
    keys, homes = count(), _homes(random, n)
    while True:
        for person in _household(random, next(homes), keys):
            if person.key >= n:
                return
            yield person


def _homes(random: Random, n: int) -> Iterator[Home]:
    """Homes of club after club, until nobody asks for more."""
    hamlets: dict[str, list[str]] = {}
    numbers = count()
    communes = max(2, round(n / CLUB_SIZE / CLUBS_OF_A_COMMUNE))
    for club in count():
        commune = f"9{club % communes:04d}"
        if commune not in hamlets:
            hamlets[commune] = _hamlets(random)
        chosen = random.sample(hamlets[commune], HAMLETS_OF_A_CLUB)
        chair = mobile(random)
        size = min(78, max(44, random.gauss(CLUB_SIZE, 6)))
        for _ in range(round(size / 1.39)):  # people of a household, in the mean
            hamlet = random.choice(chosen)
            yield Home(next(numbers), club, commune, hamlet, mobile(random), chair)


def _hamlets(random: Random) -> list[str]:
    if random.random() < 0.5:
        return [f"tổ {number}" for number in random.sample(range(1, 99), HAMLETS_OF_A_COMMUNE)]
    found: set[str] = set()
    while len(found) < HAMLETS_OF_A_COMMUNE:
        found.add(f"thôn {random.choice(RURAL[0])} {random.choice(RURAL[1])}")
    return sorted(found)


# ------------------------------------------------------------------ who lives together
def _household(random: Random, home: Home, keys: Iterator[int]) -> list[Person]:
    kind = random.choices(list(HOUSEHOLDS), list(HOUSEHOLDS.values()))[0]
    if kind == "single":
        sex = "female" if random.random() < WOMEN_OF_SINGLES else "male"
        return [_person(random, home, next(keys), sex, _born(random))]
    if kind == "twins":
        return _twins(random, home, keys)
    if kind == "siblings":
        return _siblings(random, home, keys)
    if kind == "child":
        parent = _person(random, home, next(keys), _a_sex(random), _born(random, older=1))
        return [parent, _child(random, home, next(keys), [parent])]
    couple = _couple(random, home, keys)
    return couple if kind == "couple" else [*couple, _child(random, home, next(keys), couple)]


def _couple(random: Random, home: Home, keys: Iterator[int]) -> list[Person]:
    wife_born = _born(random, older=0.85)
    husband_born = wife_born - timedelta(days=round(random.gauss(2.5, 3) * 365))
    husband = _person(random, home, next(keys), "male", husband_born)
    wife = _person(random, home, next(keys), "female", wife_born)
    if random.random() < SHARED_BY_A_COUPLE:
        husband = replace(husband, gives="own")
        wife = replace(wife, own_phone=husband.own_phone, gives="own")
    return [replace(husband, kin="couple"), replace(wife, kin="couple")]


def _child(random: Random, home: Home, key: int, parents: list[Person]) -> Person:
    """Of the father's family; of a mother alone seldom of hers."""
    father = next((one for one in parents if one.sex == "male"), None)
    family = _family(father.name) if father else None
    oldest = max(one.born for one in parents)
    born = oldest + timedelta(days=round(random.uniform(19, 34) * 365))
    return _person(random, home, key, _a_sex(random), born, kin="child", family=family)


def _siblings(random: Random, home: Home, keys: Iterator[int]) -> list[Person]:
    one = _person(random, home, next(keys), _a_sex(random), _born(random, older=0.85))
    born = one.born + timedelta(days=random.randint(400, 2600))
    family = _family(one.name)
    other = _person(random, home, next(keys), _a_sex(random), born, kin="sibling", family=family)
    return [replace(one, kin="sibling"), other]


def _twins(random: Random, home: Home, keys: Iterator[int]) -> list[Person]:
    """One day, one family, mostly one sex and one middle name; some have names nearly alike."""
    sex = _a_sex(random)
    born = _born(random, older=0.85)
    one = _person(random, home, next(keys), sex, born, kin="twin")
    if random.random() < 0.7:
        middle = one.name.split()[:-1]
        given, other_given = one.name.split()[-1], random.choice(WOMEN_GIVEN)
        if random.random() < 0.25:
            given, other_given = random.choice(ALIKE_GIVEN)
        if other_given == given:
            other_given = "Út"
        one = replace(one, name=" ".join((*middle, given)))
        named = _always(" ".join((*middle, other_given)))
    else:
        sex, named = _other_sex(sex), _with_family(_family(one.name))
    other = _person(random, home, next(keys), sex, born, kin="twin", named=named)
    return [one, replace(other, born=one.born, known=one.known)]


def _person(
    random: Random,
    home: Home,
    key: int,
    sex: str,
    born: date,
    kin: str = "",
    family: str | None = None,
    named: Named | None = None,
) -> Person:
    years = 2025 - born.year
    known = draw_precision(random, years)
    if known == "day" and random.random() < 0.10:
        born = born.replace(month=1, day=1)
    gives = random.choices(("own", "family", "none"), (55, 30, 15))[0]
    own = mobile(random)
    if gives == "none" and random.random() < THE_CLUBS_PHONE / 0.15:
        gives, own = "own", home.chair_phone
    return Person(
        key=key,
        household=home.number,
        kin=kin,
        club=home.club,
        commune=home.commune,
        hamlet=home.hamlet,
        name=(named or _with_family(family))(random, sex, born.year),
        sex=sex,
        born=born,
        known=known,
        alias=_alias(random, sex, years),
        cccd=_id_number(random, sex, born.year),
        cmnd=f"90{random.randrange(10**7):07d}",
        own_phone=own,
        family_phone=home.family_phone,
        gives=gives,
    )


def _a_sex(random: Random) -> str:
    return "female" if random.random() < 0.66 else "male"


def _other_sex(sex: str) -> str:
    return "male" if sex == "female" else "female"


def _born(random: Random, older: float = OLDER) -> date:
    year = 2025 - draw_years(random, older)
    return date(year, 1, 1) + timedelta(days=random.randrange(365))


def _alias(random: Random, sex: str, years: int) -> str:
    if years < 65 or random.random() < 0.7:
        return ""
    called = random.choice(("Hai", "Ba", "Tư", "Năm", "Sáu", "Bảy", "Tám", "Chín", "Út"))
    return f"{'bà' if sex == 'female' else 'ông'} {called}"


# ------------------------------------------------------------------ names, numbers, phones
def _with_family(family: str | None) -> Named:
    def named(random: Random, sex: str, year: int) -> str:
        while True:
            _, rest = (drawn := full_name(random, sex, year)).split(" ", 1)
            if family is not None:
                drawn = f"{family} {rest}"
            elif random.random() < FAMILIES_OF_TWO_WORDS:
                drawn = f"{'Tôn Nữ' if sex == 'female' else 'Tôn Thất'} {rest}"
            if drawn not in FAMOUS:
                return drawn

    return named


def _always(name: str) -> Named:
    return lambda _random, _sex, _year: name


def _family(name: str) -> str:
    """What a child of this man is called first: all before the middle name."""
    words = name.split()
    return "Tôn Thất" if words[0] == "Tôn" else words[0]


def _id_number(random: Random, sex: str, year: int) -> str:
    """2 % say another year than the papers, 0.5 % the other sex."""
    said = year + random.choice((-1, 1)) if random.random() < 0.02 else year
    return draw_id_number(random, _other_sex(sex) if random.random() < 0.005 else sex, said)


def mobile(random: Random) -> str:
    if random.random() < 0.04:
        return f"{random.choice(list(RENUMBERED))}0000{random.randrange(1000):03d}"
    return f"{random.choice(NO_NETWORK)}{random.randrange(10**7):07d}"
