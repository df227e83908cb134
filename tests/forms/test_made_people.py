"""The people made to measure duplicates with are what domain §8 says, and the same on every run."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from itertools import combinations

import pytest

from forms.text import fold, split_name, tidy
from tests.bench.people import second_hand
from tests.bench.people.population import Person, people
from tests.bench.people.register import Record, register

N = 6000


@pytest.fixture(scope="module")
def everybody() -> list[Person]:
    return list(people(5, N))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return register(5, N, 0.12).records


def share(part: int, whole: int) -> float:
    return round(part / whole, 3)


def test_one_seed_makes_the_same_people_and_another_seed_others() -> None:
    assert register(3, 300) == register(3, 300)
    assert register(3, 300) != register(4, 300)


def test_names_are_as_frequent_as_the_handbook_says(everybody: list[Person]) -> None:
    families = Counter(split_name(one.name).family for one in everybody)
    assert 0.27 < share(families["Nguyễn"], N) < 0.32
    assert 0.10 < share(families["Trần"], N) < 0.13
    assert sum(families[f"Tôn {word}"] for word in ("Nữ", "Thất")) > 1
    old_women = [one for one in everybody if one.sex == "female" and one.born.year <= 1960]
    with_thi = sum(" Thị " in one.name for one in old_women)
    assert 0.95 < share(with_thi, len(old_women)) < 0.995
    assert 0.62 < share(sum(one.sex == "female" for one in everybody), N) < 0.70


def test_a_club_has_about_one_or_two_namesakes_and_most_folded_names_return(
    everybody: list[Person],
) -> None:
    clubs = defaultdict(list)
    for one in everybody:
        clubs[one.club].append(one.name)
    same = sum(a == b for names in clubs.values() for a, b in combinations(names, 2))
    assert 0.8 < same / len(clubs) < 2.5
    folded = Counter(fold(one.name) for one in everybody)
    assert share(sum(n for n in folded.values() if n > 1), N) > 0.5


def test_couples_children_and_twins_live_at_one_address(everybody: list[Person]) -> None:
    homes = defaultdict(list)
    for one in everybody:
        homes[one.household].append(one)
    whole = [home for home in homes.values() if home[-1].key < N - 3]
    couples = [[one for one in home if one.kin == "couple"] for home in whole]
    couples = [pair for pair in couples if pair]
    assert 0.24 < share(len(couples), len(whole)) < 0.31
    assert all({one.sex for one in pair} == {"female", "male"} for pair in couples)
    shared = sum(a.own_phone == b.own_phone for a, b in couples)
    assert 0.02 < share(shared, N) < 0.04
    twins = [home for home in whole if home[-1].kin == "twin"]
    assert len(twins) > 5
    assert all(a.born == b.born and a.name != b.name for a, b in twins)
    assert any(home[-1].kin == "child" for home in whole)


def test_slips_are_made_at_their_rates_and_each_changes_something(records: list[Record]) -> None:
    second = [record for record in records if record.slips]
    assert len(second) >= N * 0.12
    first_slips = Counter(record.slips[0] for record in second)
    whole = sum(second_hand.RATES.values())
    for slip, rate in second_hand.RATES.items():
        assert abs(share(first_slips[slip], len(second)) - rate / whole) < 0.05, slip
    short = next(record for record in second if record.slips == ("middle dropped",))
    assert len(tidy(short.facts["full_name"]).split()) == 2


def test_more_second_registrations_than_there_are_people_for_are_refused() -> None:
    with pytest.raises(ValueError, match="a lesser share"):
        register(3, 60, 0.9)


def test_a_default_register_has_the_duplicates_of_the_handbook() -> None:
    made = register(6, 2000)
    assert len(made.records) - 2000 == pytest.approx(2000 * second_hand.ALL_TOGETHER, abs=10)
    clusters = list(made.clusters())
    assert all(len({record.person for record in cluster}) == 1 for cluster in clusters)
    expanded = sum(len(cluster) * (len(cluster) - 1) // 2 for cluster in clusters)
    assert len(made.true_pairs()) == expanded


def test_writing_papers_and_births_are_as_imperfect_as_they_are(records: list[Record]) -> None:
    n = len(records)
    names = [record.facts["full_name"] for record in records]
    apart = sum(name != unicodedata.normalize("NFC", name) for name in names)
    assert 0.005 < share(apart, n) < 0.015
    assert 0.015 < share(sum(name != " ".join(name.split()) for name in names), n) < 0.035
    assert 0.2 < share(sum(r.facts["birth_precision"] == "year" for r in records), n) < 0.35
    new_year = [r for r in records if r.facts["birth_precision"] == "day"]
    told = sum(r.facts["born_on"].endswith("-01-01") for r in new_year)
    assert 0.07 < share(told, len(new_year)) < 0.13
    kinds = Counter(record.number.partition(":")[0] for record in records)
    assert all(0.05 < share(kinds[kind], n) < 0.6 for kind in ("cccd", "cmnd9", ""))
    cards = [record.number[5:] for record in records if record.number.startswith("cccd:")]
    assert {card[:3] for card in cards if len(card) == 12} <= {"003", "005", "047", "050"}
    assert 0.001 < share(sum(len(card) < 12 for card in cards), len(cards)) < 0.02
    phones = Counter(record.facts.get("phone") for record in records)
    assert phones["0900000000"] > 5
    assert sum(n > 1 for n in phones.values()) > 100
