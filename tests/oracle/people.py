"""The synthetic people and clubs of the truth (domain §8): nobody in here exists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from tests.oracle import places
from tests.oracle.truth import DAY, Club, Person, Stay, Truth

LAST_DAY = date(2025, 12, 31)
# Clubs write in 2018 and from July 2024 on: the half-years that are counted.
SEASONS = ((date(2018, 1, 1), date(2018, 12, 31)), (date(2024, 7, 1), LAST_DAY))

CLASSES = ("poor", "near_poor", "hard_up", "average", "better_off", "escaped_poverty", "unknown")
CLASS_ODDS = (12, 14, 24, 30, 8, 6, 6)
LIVING = ("alone", "old_couple", "with_grandchildren", "with_children", "with_others")
EXITS = ("died", "moved_away", "own_wish", "inactive", "removed", "transfer_elsewhere")
FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Võ", "Phan", "Đặng", "Ngô", "Hồ", "Bùi")
WOMEN = ("Ba", "Bốn", "Lan", "Hoa", "Cúc", "Sen", "Huệ", "Thủy", "Hòa", "Thúy", "Mười", "Út")
MEN = ("Hùng", "Dũng", "Sơn", "Minh", "Hải", "Phước", "Hòa", "Đức", "Lộc", "Bảy", "Năm", "Út")


def days_between(first: date, last: date) -> int:
    return (last - first).days


def a_day(chance: Random, first: date, last: date) -> date:
    return first + timedelta(days=chance.randint(0, max(days_between(first, last), 0)))


def a_season_day(chance: Random, first: date, last: date) -> date | None:
    """Mostly a day of a season, between two days."""
    spans = [(max(a, first), min(b, last)) for a, b in SEASONS if a <= last and b >= first]
    if not spans:
        return None
    return a_day(chance, *spans[chance.choices(range(len(spans)), [1, 2][: len(spans)])[0]])


# ------------------------------------------------------------------ clubs
def clubs(sizes: Sequence[int]) -> list[Club]:
    """Ten clubs; sizes: how many people each will have had, in this order."""
    found = [
        Club("tq1", "Thọ Quang 1", places.THO_QUANG, date(2017, 10, 15), 0, from_file=True),
        Club("hc1", "Hải Châu", places.HAI_CHAU_1, date(2018, 9, 1), 0),
        Club("hl1", "Hòa Liên 1", places.HOA_LIEN_PLACED, date(2018, 4, 20), 0),
        Club("tq2", "Thọ Quang 2", places.THO_QUANG, date(2018, 3, 1), 0),
        # On the last day of a half-year.
        Club("hm1", "Hòa Minh 1", places.HOA_MINH_PLACED, date(2018, 6, 30), 0),
        Club("tt1", "Tam Thuận", places.TAM_THUAN, date(2018, 1, 10), 0),
        Club("hl2", "Hòa Liên 2", places.HOA_LIEN_WAITING, date(2024, 8, 1), 0),
        Club("hm2", "Hòa Minh 2", places.HOA_MINH_WAITING, date(2024, 8, 15), 0),
        Club("xp1", "Xuân Phú", places.XUAN_PHU, date(2025, 7, 20), 0),
        Club("ah1", "An Hải", places.AN_HAI_DONG, date(2019, 3, 3), 0, from_file=True),
    ]
    for club, size in zip(found, sizes, strict=True):
        club.size = size
        club.silent = size == 0
        club.status = [(club.founded, "active")]
        club.decision = [(club.founded, "yes")] if club.key not in ("tq2", "ah1") else []
        if not club.from_file:
            has = "no" if club.key == "tt1" else "yes"
            club.troupe = [(club.founded, has)]
            club.income_fund = [(club.founded, "yes")]
            club.activity_fund = [(club.founded, has)]
    by_key = {club.key: club for club in found}
    by_key["hc1"].status += [(date(2018, 12, 1), "suspended"), (date(2024, 9, 1), "active")]
    by_key["tt1"].status += [(date(2025, 5, 31), "dissolved")]
    by_key["hl1"].placed_on = places.SECOND_REFORM
    by_key["hm1"].placed_on = places.FIRST_REFORM
    by_key["tq1"].troupe = [(date(2018, 9, 9), "yes"), (date(2025, 2, 2), "no")]
    by_key["tq2"].decision = [(date(2018, 8, 8), "yes")]  # found later
    by_key["tt1"].income_fund += [(date(2024, 10, 1), "no")]
    by_key["hm2"].quiet_since = date(2025, 7, 1)
    return found


def open_days(club: Club) -> list[tuple[date, date]]:
    """The stretches of the seasons in which the club is active and writes."""
    ends = [day for day, _ in club.status[1:]] + [LAST_DAY + DAY]
    spans = []
    for (start, state), end in zip(club.status, ends, strict=True):
        for first, last in SEASONS:
            day, until = max(start, first), min(end - DAY, last)
            if club.quiet_since:
                until = min(until, club.quiet_since - DAY)
            if state == "active" and day <= until and not club.silent:
                spans.append((day, until))
    return spans


# ------------------------------------------------------------------ people
def fill(truth: Truth, chance: Random) -> None:
    for club in truth.clubs.values():
        for number in range(club.size):
            person = _person(chance, truth, club, number)
            truth.people[person.key] = person
    _golden(truth)


def _person(chance: Random, truth: Truth, club: Club, number: int) -> Person:
    sex = "female" if chance.random() < 0.68 else "male"
    years = chance.choices((33, 48, 60, 70, 82), _ages(club.key))[0] + chance.randint(-4, 5)
    born = a_day(chance, date(2018 - years, 1, 1), date(2018 - years, 12, 31))
    precision = chance.choices(("day", "month", "year", "estimate"), (60, 4, 32, 4))[0]
    born = born.replace(day=1) if precision == "month" else born
    born = born.replace(day=1, month=1) if precision in ("year", "estimate") else born
    middle, given = (
        ("Thị", chance.choice(WOMEN)) if sex == "female" else ("Văn", chance.choice(MEN))
    )
    name = f"{chance.choice(FAMILY)} {middle} {given}"
    joined = _joined(chance, club)
    person = Person(f"{club.key} {number}", name, sex, born, precision, [Stay(club.key, joined)])
    _leaves(chance, truth, person)
    _facts(chance, person)
    return person


def _joined(chance: Random, club: Club) -> date:
    first, last = open_days(club)[0][0], open_days(club)[-1][1]
    if chance.random() < 0.65:
        return club.founded + timedelta(days=chance.randint(0, 60))
    spans = open_days(club)
    day = a_day(chance, *chance.choice(spans))
    return min(max(day, first), last)


def _leaves(chance: Random, truth: Truth, person: Person) -> None:
    stay = person.stays[0]
    club = truth.clubs[stay.club]
    last = open_days(club)[-1][1]
    fate = chance.random()
    if fate < 0.06:
        _moves(chance, truth, person)
    elif fate < 0.22:
        day = a_season_day(chance, stay.since + timedelta(days=25), last)
        if day is not None:
            kind = chance.choices((*EXITS, "consent_withdrawn"), (35, 15, 15, 10, 5, 10, 6))[0]
            stay.until, stay.how = day, kind


def _moves(chance: Random, truth: Truth, person: Person) -> None:
    """To another club, and sometimes back again."""
    stay = person.stays[0]
    others = [c for c in truth.clubs.values() if not c.silent and c.key != stay.club and c.size]
    to = chance.choice(others)
    first = max(stay.since, to.founded) + timedelta(days=20)
    day = a_season_day(chance, first, open_days(to)[-1][1])
    if day is None or not to.is_active(day):
        return
    stay.until, stay.how = day, "transfer"
    person.stays.append(Stay(to.key, day))
    back = day + timedelta(days=chance.randint(10, 90))
    if chance.random() < 0.3 and truth.clubs[stay.club].is_active(back) and back < LAST_DAY:
        person.stays[-1].until, person.stays[-1].how = back, "transfer"
        person.stays.append(Stay(stay.club, back))


def _ages(club: str) -> tuple[int, ...]:
    """One club meets all four rules of composition; older people are fewer in the others."""
    return (5, 8, 42, 32, 13) if club == "tq1" else (12, 20, 34, 24, 10)


def _odds(club: str) -> tuple[int, ...]:
    """Some clubs are poorer than others."""
    return (20, 20, 30, 20, 2, 4, 4) if club in ("tq1", "hl1", "xp1") else CLASS_ODDS


def _facts(chance: Random, person: Person) -> None:
    joined = person.joined
    until = (person.stays[-1].until or LAST_DAY) - DAY
    older = joined.year - person.born.year >= 58
    said = {
        "hh_class": chance.choices(CLASSES, _odds(person.stays[0].club))[0],
        "living": chance.choices(LIVING, (14, 22, 6, 52, 6))[0],
        "no_support": "yes" if older and chance.random() < 0.08 else "no",
        "disability": chance.choices(
            ("none", "mobility", "vision", "mobility hearing_speech", "other"), (78, 8, 6, 5, 3)
        )[0],
        "is_volunteer": "yes" if chance.random() < (0.14 if older else 0.5) else "no",
        "care_need": chance.choices(("no", "regular", "temporary"), (80, 13, 7))[0],
        "consent": chance.choices(("paper_signature", "thumbprint", ""), (80, 14, 6))[0],
    }
    if not older and chance.random() < 0.3:
        said["living"] = ""  # nobody asked
    person.facts = {name: [(joined, value)] for name, value in said.items() if value}
    person.class_said = [joined]
    _insured(chance, person, until)
    for name, values in (
        ("hh_class", CLASSES),
        ("living", LIVING),
        ("is_volunteer", ("yes", "no")),
        ("care_need", ("no", "regular", "temporary")),
        ("disability", ("none", "mobility", "vision neuro_mental")),
    ):
        for _ in range(chance.choices((0, 1, 2), (70, 22, 8))[0]):
            day = a_season_day(chance, joined + DAY, until)
            turns = person.facts.setdefault(name, [])
            taken = [start for start, _ in turns] + [stay.since for stay in person.stays]
            if day is not None and joined < day <= until and day not in taken:
                turns.append((day, chance.choice(values)))
                turns.sort()
                person.class_said += [day] if name == "hh_class" else []
    person.class_said.sort()
    for _ in range(chance.choices((0, 1, 2), (80, 14, 6))[0]):
        day = a_season_day(chance, joined + DAY, until)
        if day is not None and day not in [one for one, _ in person.income]:
            person.income.append((day, chance.choice(("up", "same", "down"))))


def _insured(chance: Random, person: Person, until: date) -> None:
    """A card, perhaps with an end; renewed in time, late or never."""
    joined = person.joined
    kind = chance.choices(("yes", "no", "unknown"), (88, 7, 5))[0]
    turns = [(joined, kind)]
    if kind == "yes" and chance.random() < 0.5:
        end = a_season_day(chance, joined + timedelta(days=10), LAST_DAY) or joined
        person.insured_until[joined] = end
        renewed = end + timedelta(days=chance.choice((-20, -1, 1, 30)))
        if chance.random() < 0.6 and joined < renewed <= until:
            turns += [(end + DAY, "expired")] if renewed > end else []
            turns = [one for one in turns if one[0] != renewed] + [(renewed, "yes")]
        else:
            turns.append((end + DAY, "expired"))
    person.facts["insurance"] = sorted(turns)


def _golden(truth: Truth) -> None:
    """The days on which one more or less tells a wrong rule (§8, golden cases)."""
    people = [p for p in truth.people.values() if p.key.startswith("tq1")]
    stays = [p for p in people if len(p.stays) == 1 and p.stays[0].until is None][:8]
    if len(stays) < 8:
        return
    on_d, after_d, by_year, leap, out, out_after, only_year, new = stays
    for person, born, precision in (
        (on_d, date(1958, 6, 30), "day"),  # 60 on the last day of 2018H1
        (after_d, date(1958, 7, 1), "day"),
        (by_year, date(1958, 1, 1), "year"),
        (leap, date(1964, 2, 29), "day"),
        (only_year, date(1965, 1, 1), "estimate"),
    ):
        person.born, person.precision = born, precision
    for person, day, how in (
        (out, date(2018, 6, 30), "died"),
        (out_after, date(2018, 7, 1), "own_wish"),
    ):
        person.stays[0].since = min(person.stays[0].since, date(2018, 1, 20))
        person.stays[0].until, person.stays[0].how = day, how
        _begin_anew(person)
    new.stays[0].since = date(2025, 6, 30)
    _begin_anew(new)


def _begin_anew(person: Person) -> None:
    """Facts from the day of joining on; what would come after leaving is not told."""
    until = person.stays[-1].until or LAST_DAY
    joined = person.joined
    person.insured_until.clear()
    person.income = [one for one in person.income if joined < one[0] < until]
    for name, turns in person.facts.items():
        first = turns[0][1]
        later = [one for one in turns[1:] if joined < one[0] < until and name != "insurance"]
        person.facts[name] = [(joined, first), *later]
    person.class_said = [joined, *(day for day, _ in person.facts["hh_class"][1:])]
