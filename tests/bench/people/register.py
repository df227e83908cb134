"""What volunteers wrote down of the people: one registration each, of some a second or a third.

The facts have the names of the members' list; who is who stands beside them, for scoring only.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from random import Random

from forms.library import load_library
from forms.matching.supplied import Numbers, tokens
from server.demo import slips
from tests.bench.people.population import RENUMBERED, Person, mobile, people
from tests.bench.people.second_hand import ALL_TOGETHER, ALSO_ANOTHER, SLIPS, Slip, a_slip

HEAVY = 0.12  # share of people registered twice where true pairs must be many
A_THIRD_TIME = 0.05  # of those
EARLY = 0.55  # clubs of 2017 and 2018, when few had the new card
# Per 1,000 registrations, the second ones or not.
DECOMPOSED, SPACES, ETH, WRITTEN_LOOSELY = 0.010, 0.025, 0.002, 0.08
A_ZERO_LOST, A_PLACEHOLDER = 0.01, 0.005
# What the second time differs in though nobody was mistaken; §8 is silent.
PHONES_AGAIN = {"the same": 75, "none": 10, "another": 15}
YEAR_ONLY_AGAIN = 0.15
PAPERS = {  # (cccd, cmnd9, none, not given), of early and of later batches
    True: (25, 65, 3, 7),
    False: (70, 20, 3, 7),
}


@dataclass(frozen=True, slots=True)
class Record:
    """One registration. `person` and `slips` are the truth, nothing a comparer may see."""

    id: str
    person: int
    slips: tuple[str, ...]
    number: str  # kind:digits, "" if not given; the facts have a token of it
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Register:
    records: list[Record]

    def clusters(self) -> Iterator[list[Record]]:
        """The registrations of each person who has more than one."""
        of: dict[int, list[Record]] = defaultdict(list)
        for record in self.records:
            of[record.person].append(record)
        return (found for found in of.values() if len(found) > 1)

    def true_pairs(self) -> set[tuple[str, str]]:
        """All pairs of registrations of one person, the lesser id first."""
        return {
            (min(a.id, b.id), max(a.id, b.id))
            for cluster in self.clusters()
            for a, b in combinations(cluster, 2)
        }

    def by_slip(self) -> dict[str, frozenset[tuple[str, str]]]:
        """The pairs of a first registration and a second one with a single slip, by that slip."""
        found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for cluster in self.clusters():
            for a, b in combinations(cluster, 2):
                if len(made := a.slips + b.slips) == 1:
                    found[made[0]].add((min(a.id, b.id), max(a.id, b.id)))
        return {slip: frozenset(pairs) for slip, pairs in found.items()}


def register(seed: int, n: int, share: float = ALL_TOGETHER) -> Register:
    """n people and the second registrations of so large a share of them, in no telling order."""
    everybody = list(people(seed, n))
    random = Random(f"register:{seed}:{share}")
    records = [_record(random, one, ()) for one in everybody]
    records += _again(random, everybody, round(n * share))
    random.shuffle(records)
    return Register(records)


def _again(random: Random, everybody: list[Person], times: int) -> Iterator[Record]:
    """Each slip at its rate; people to whom it cannot happen are passed over."""
    taken: set[int] = set()
    for _ in range(times):
        name = a_slip(random)
        person, seen = _somebody_for(random, SLIPS[name], everybody, taken)
        taken.add(person.key)
        yield _second(random, seen, (name,))
        if random.random() < A_THIRD_TIME:
            yield _second(random, person, ())


def _somebody_for(
    random: Random, slip: Slip, everybody: list[Person], taken: Collection[int]
) -> tuple[Person, Person]:
    """Somebody not registered twice yet, and what the slip makes of them."""
    for _ in range(100 * len(everybody)):
        person = random.choice(everybody)
        seen = slip(random, person)
        if person.key not in taken and seen != person:
            return person, seen
    raise ValueError("so few people cannot make so many mistakes: more people, or a lesser share")


def _second(random: Random, seen: Person, made: tuple[str, ...]) -> Record:
    if random.random() < ALSO_ANOTHER:
        also = a_slip(random)
        seen, made = SLIPS[also](random, seen), (*made, also)
    if seen.known == "day" and random.random() < YEAR_ONLY_AGAIN:
        seen = replace(seen, known="year")
    phone = random.choices(list(PHONES_AGAIN), list(PHONES_AGAIN.values()))[0]
    if phone == "none":
        seen = replace(seen, gives="none")
    elif phone == "another":
        instead = "family" if seen.gives == "own" else "own"
        seen = replace(seen, gives=instead, own_phone=mobile(random))
    return _record(random, seen, made)


def _record(random: Random, seen: Person, made: tuple[str, ...]) -> Record:
    early = Random(seen.club).random() < EARLY
    if made and random.random() < 0.4:
        early = False  # years after the first
    number = _paper(random, seen, early)
    facts = {
        "full_name": _written(random, seen.name),
        "sex": seen.sex,
        "born_on": _born_on(seen),
        "birth_precision": seen.known,
        "commune": seen.commune,
        "hamlet": _hamlet(random, seen.hamlet),
        "alias": seen.alias if random.random() < 0.7 else "",
        "phone": _phone(random, seen, early),
    }
    facts["number"] = _token(number, facts)
    identity = f"{random.getrandbits(128):032x}"
    return Record(identity, seen.key, made, number, {k: v for k, v in facts.items() if v})


def _born_on(seen: Person) -> str:
    if seen.known == "day":
        return f"{seen.born}"
    return f"{seen.born.replace(day=1, month=seen.born.month if seen.known == 'month' else 1)}"


def _written(random: Random, name: str) -> str:
    """As the keyboard gave it: spaces, a look-alike of Đ, letters taken apart."""
    if random.random() < SPACES:
        name = random.choice((f"{name} ", f" {name}", name.replace(" ", "  ", 1)))
    if random.random() < ETH:
        name = name.replace("Đ", "Ð")
    return unicodedata.normalize("NFD", name) if random.random() < DECOMPOSED else name


_HAMLETS: tuple[Callable[[str], str], ...] = (
    lambda hamlet: hamlet.capitalize(),
    lambda hamlet: hamlet.split(" ", 1)[1],
    lambda hamlet: hamlet.replace("tổ ", "tổ dân phố ").replace("thôn ", "Thôn "),
    slips.marks_left_out,
    slips.tone_moved,
)


def _hamlet(random: Random, hamlet: str) -> str:
    return hamlet if random.random() < 0.7 else random.choice(_HAMLETS)(hamlet)


# ------------------------------------------------------------------ phones and papers
def _phone(random: Random, seen: Person, early: bool) -> str:
    if random.random() < A_PLACEHOLDER:
        return "0900000000"
    phone = {"own": seen.own_phone, "family": seen.family_phone}.get(seen.gives, "")
    if early and phone[:3] in RENUMBERED:
        return RENUMBERED[phone[:3]] + phone[3:]
    if phone and random.random() < WRITTEN_LOOSELY:
        parts = phone[:4], phone[4:7], phone[7:]
        return random.choice((" ".join(parts), ".".join(parts), "-".join(parts), f"+84{phone[1:]}"))
    return phone


def _paper(random: Random, seen: Person, early: bool) -> str:
    kind = random.choices(("cccd", "cmnd9", "", ""), PAPERS[early])[0]
    if kind == "cccd":
        return f"cccd:{seen.cccd.lstrip('0') if random.random() < A_ZERO_LOST else seen.cccd}"
    return f"cmnd9:{seen.cmnd}" if kind else ""


def _token(number: str, facts: dict[str, str]) -> str:
    """The number as the library's own rule tells it, hashed without a secret."""
    kind, _, digits = number.partition(":")
    return tokens(_numbers(), [(kind, digits)], facts, _hashed) if digits else ""


def _hashed(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


@cache
def _numbers() -> Numbers:
    supply = load_library().matches["members"].supplied["number"]
    assert supply is not None
    assert supply.numbers is not None
    return supply.numbers
