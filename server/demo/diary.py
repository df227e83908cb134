"""Fourteen months of what the demo's phones write down: registrations, visits, checkups.

Pure: population and seed in, entries out, in the order the phones send them. The mistakes of
domain.md §8 are made at their rates, at least one of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Any

from server.demo.phone import EntityEdit
from server.demo.population import FIRST, LAST, Club, Person, Population, age, new_uuid

TASKS = {"talk": 0.9, "housework": 0.45, "cook": 0.25, "laundry": 0.2, "blood_pressure": 0.35}
STORM_WEEKS = range(44, 47)  # floods in Hòa Vang hold phones back, visits are fewer


@dataclass(frozen=True, slots=True)
class Entry:
    """One filled form: on which phone, when, with which answers and what it does to its entity."""

    phone: str  # "<club code>/chair", ".../volunteer1", …, or "<unit code>/health", "…/commune"
    form: str
    day: date
    answers: Mapping[str, Any]
    entity: EntityEdit | None = None
    instance_name: str = ""
    edits: Entry | None = None  # the form that was opened again and is sent anew


def registrations(population: Population, club_ids: Mapping[str, str]) -> Iterator[Entry]:
    """Everybody once, and some a second time by the deputy."""
    again = {second for _first, second in population.twins}
    for person in population.people:
        who = "deputy" if person.id in again else "chair"
        yield Entry(
            phone=f"{person.club.code}/{who}",
            form="membership",
            day=person.joined,
            answers=_registration(person, club_ids[person.club.code]),
            entity=EntityEdit(person.id, "create", label(person)),
        )


def daily_life(population: Population, club_ids: Mapping[str, str], seed: int) -> list[Entry]:
    """Visits and checks of all clubs in the order of their days, with their mistakes."""
    random = Random(f"diary:{seed}")
    entries: list[Entry] = []
    for club, members in population.members.items():
        entries += _visits(random, club, members, club_ids[club.code])
        entries += _checks(random, club, members, club_ids[club.code])
    entries += _mistakes(random, entries, population, club_ids)
    return sorted(entries, key=lambda entry: entry.day)


# ---- membership
def _registration(person: Person, club_id: str) -> dict[str, Any]:
    answers: dict[str, Any] = {
        **stamps(person.joined, "07:40"),
        "club": club_id,
        "member_club": club_id,
        "unit_code": person.club.unit_code,
        "consent_read": "OK",
        "consent_date": person.joined,
        "c_member": "yes",
        "c_health": yes(person.c_health),
        "c_care": "yes",
        "c_photo": "no",
        "consent_by": "self",
        "consent_method": "paper_signature",
        "full_name": person.full_name,
        "alias": person.alias,
        "sex": person.sex,
        "birth_precision": person.birth_precision,
        "born_in_year": person.born.year,
        "join_date": person.joined,
        "hamlet": person.hamlet,
        "phone": person.phone,
        "phone_owner": person.phone_owner,
        "id_kind": person.id_kind,
        "id_number": person.id_number,
        "hh_class": person.hh_class,
        "hh_class_src": "commune_list"
        if person.hh_class in ("poor", "near_poor")
        else "self_declared",
        "living": person.living,
        "no_support": yes(person.no_support),
        "disability": person.disability,
        "insurance": person.insurance,
        "is_volunteer": yes(person.is_volunteer),
        "board_role": person.board_role,
        "care_need": person.care_need,
        "member_label": label(person),
        "member_status": "active",
        **_birth(person),
    }
    if person.hh_class in ("poor", "near_poor"):
        answers |= {"hh_class_standard": "city", "hh_class_year": person.hh_class_year}
    if person.disability != "none":
        answers["disability_level"] = "mild"
    if person.care_need != "no":
        answers["care_reasons"] = "frail"
    return {name: value for name, value in answers.items() if value != ""}


def _birth(person: Person) -> dict[str, Any]:
    if person.birth_precision == "day":
        return {"birth_date": person.born}
    month = {"birth_month": person.born.month} if person.birth_precision == "month" else {}
    return {"birth_year": person.born.year, **month}


def label(person: Person) -> str:
    alias = f" ({person.alias})" if person.alias else ""
    return f"{person.full_name.strip()} · {person.born.year} · {person.hamlet}{alias}"


# ---- care visits
def _visits(random: Random, club: Club, members: list[Person], club_id: str) -> Iterator[Entry]:
    helpers = [person for person in members if person.is_volunteer]
    clients = [person for person in members if person.care_need != "no"]
    for week in range((LAST - FIRST).days // 7):
        monday = FIRST + timedelta(weeks=week)
        chance = 0.3 if club.rural and monday.isocalendar().week in STORM_WEEKS else 0.75
        for client in clients:
            for weekday in random.sample(range(7), 2):
                day = monday + timedelta(days=weekday)
                if random.random() < chance and client.joined <= day <= LAST:
                    yield _visit(random, client, helpers, club_id, day)


def _visit(random: Random, client: Person, helpers: list[Person], club_id: str, day: date) -> Entry:
    team = random.sample(helpers, 2 if random.random() < 0.4 and len(helpers) > 1 else 1)
    start = f"{random.randint(7, 16):02d}:{random.choice((0, 15, 30, 45)):02d}"
    outcome = random.choices(("met", "not_met", "in_hospital", "away"), weights=(93, 4, 2, 1))[0]
    answers: dict[str, Any] = {
        **stamps(day, start),
        "club": club_id,
        "client_kind": "in_care",
        "client": client.id,
        "visit_date": day,
        "start_time": f"{start}:00.000+07:00",
        "minutes": random.choice((30, 45, 60, 60, 75, 90)),
        "volunteers": " ".join(helper.id for helper in team),
        "outcome": outcome,
    }
    if outcome == "met":
        answers |= _what_was_done(random, client)
    return Entry(f"{client.club.code}/volunteer1", "care_visit", day, answers)


def _what_was_done(random: Random, client: Person) -> dict[str, Any]:
    done = [task for task, chance in TASKS.items() if random.random() < chance] or ["talk"]
    red = random.choice(("fall", "not_eating", "out_of_medicine")) if random.random() < 0.02 else ""
    found: dict[str, Any] = {
        "tasks": " ".join(done),
        "condition": random.choice(("same", "same", "better", "worse")),
        "mood": random.choice(("normal", "happy", "normal", "sad")),
        "red": red or "none",
    }
    if red:
        found["red_action"] = random.choice(("family", "station", "board"))
    if "blood_pressure" in done and client.c_health:
        found |= dict(zip(("sys", "dia"), _pressure(random, client), strict=True))
    if random.random() < 0.05:
        found["gave_supplies"] = "yes"
        found["supplies"] = [
            {"supply_item": item, "supply_qty": "1", "supply_source": "member"}
            for item in random.sample(("rice", "milk", "noodles"), random.choice((1, 2)))
        ]
    return found


# ---- health checks
def _checks(random: Random, club: Club, members: list[Person], club_id: str) -> Iterator[Entry]:
    for person in members:
        if not person.c_health:
            continue
        chance = 0.7 if age(person.born, LAST) >= 60 else 0.4
        days = [
            first + timedelta(days=random.randrange(150))
            for first in (FIRST, date(2025, 7, 1))
            if random.random() < chance
        ]
        kinds = [(day, "full") for day in days]
        if random.random() < 0.3:
            kinds.append((FIRST + timedelta(days=random.randrange(400)), "quick"))
        earlier = 0
        for day, kind in sorted(kinds):
            if person.is_there(day):
                yield _check(random, club, person, club_id, day, kind, earlier)
                earlier += 1


def _check(
    random: Random, club: Club, person: Person, club_id: str, day: date, kind: str, earlier: int
) -> Entry:
    sys1, dia1 = _pressure(random, person)
    answers: dict[str, Any] = {
        **stamps(day, "08:10"),
        "club": club_id,
        "member": person.id,
        "check_date": day,
        "check_kind": kind,
        "check_place": "station" if kind == "full" else "club",
        "sys1": sys1,
        "dia1": dia1,
        "glu_done": "no",
        "refer": "none",
    }
    if kind == "full":
        answers |= _full_check(random, club, person, sys1, dia1)
        answers["new_last_check_on"] = day
        if sys1 >= 180 or dia1 >= 110:
            answers["refer"] = "station"
    if "height" in answers:
        answers["new_last_height"] = answers["height"]
    edit = EntityEdit(
        person.id,
        "update",
        base_version=str(1 + earlier),  # the phone's own count: it is offline all the while
        trunk_version="1",
        branch_id=str(new_uuid(Random(f"branch:{person.id}"))),
    )
    return Entry(f"{club.unit_code}/health", "health_check", day, answers, edit)


def _full_check(random: Random, club: Club, person: Person, sys1: int, dia1: int) -> dict[str, Any]:
    sys2, dia2 = sys1 - 3 + random.randint(-6, 6), dia1 - 2 + random.randint(-6, 6)
    woman = person.sex == "female"
    weight = round(random.gauss(50 if woman else 58, 8.5), 1)
    height = round(random.gauss(150 if woman else 161, 6), 1)
    found: dict[str, Any] = {
        "examiner": "Trạm y tế",
        "examiner_role": "nurse",
        "sys2": sys2,
        "dia2": dia2,
        "pulse": random.randint(60, 92),
        "anthro_ok": "yes",
        "weight": min(max(weight, 32.0), 95.0),
        "height": min(max(height, 135.0), 182.0),
        "weight_loss": "yes" if random.random() < 0.05 else "no",
        "appetite_loss": "yes" if random.random() < 0.08 else "no",
        "vision": random.choice(("good", "near", "near", "far", "both")),
        "hearing": random.choices(("both", "one", "none"), weights=(80, 14, 6))[0],
        "falls12": random.choices((0, 1, 2, 3), weights=(75, 17, 6, 2))[0],
        "orient_date": "right",
        "orient_place": "right",
        "mem3": random.choices((3, 2, 1), weights=(80, 15, 5))[0],
        "chronic": _illnesses(person),
        "on_med": _medicines(random, person),
        "insurance_used": person.insurance,
    }
    if abs(sys1 - sys2) > 10 or abs(dia1 - dia2) > 10:
        found |= {"sys3": sys2 - 1, "dia3": dia2}
    mood = 2 if random.random() < 0.09 else 0
    found |= {"phq_a": mood, "phq_b": random.choice((1, 2)) if mood else random.choice((0, 0, 1))}
    frail = person.care_need == "regular"
    for item in ("bath", "dress", "toilet", "move", "continence", "feed"):
        found[f"adl_{item}"] = "help" if frail and random.random() < 0.5 else "self"
    for item in ("phone", "shop", "cook", "clean", "laundry", "travel", "medicine", "money"):
        found[f"iadl_{item}"] = "help" if frail and random.random() < 0.7 else "self"
    return found | _glucose(random, club, person)


def _pressure(random: Random, person: Person) -> tuple[int, int]:
    older = max(0, age(person.born, LAST) - 60) / 10
    sys = random.gauss(134 + 4 * older + (8 if person.hypertensive else -4), 16)
    dia = random.gauss(79 + (4 if person.hypertensive else -2), 9)
    if random.random() < 0.35:  # a manual reading ends in 0
        sys, dia = round(sys, -1), round(dia, -1)
    upper = min(max(round(sys), 85), 230)
    return upper, max(40, min(round(dia), 125, upper - 15))


def _glucose(random: Random, club: Club, person: Person) -> dict[str, Any]:
    if random.random() < 0.4:
        return {"glu_done": "no"}
    mmol = random.lognormvariate(2.1 if person.diabetic else 1.74, 0.2)
    value = round(mmol * 18.016) if club.mgdl else round(mmol, 1)
    unit = "mgdl" if club.mgdl else "mmol"
    return {"glu_done": "yes", "glu_state": "fasting", "glu_unit": unit, "glu_val": value}


def _illnesses(person: Person) -> str:
    names = (("hypertension", person.hypertensive), ("diabetes", person.diabetic))
    return " ".join(name for name, has in names if has) or "none"


def _medicines(random: Random, person: Person) -> str:
    names = (("bp", person.hypertensive), ("diabetes", person.diabetic))
    return " ".join(name for name, has in names if has and random.random() < 0.75) or "none"


# ---- mistakes
def _mistakes(
    random: Random, entries: list[Entry], population: Population, club_ids: Mapping[str, str]
) -> Iterator[Entry]:
    """Extra entries that must not change a figure, and some that only wait to be mended."""
    visits = [e for e in entries if e.form == "care_visit" and e.answers["outcome"] == "met"]
    pairs = [e for e in visits if " " in e.answers["volunteers"]]
    for entry in random.sample(pairs, _share(visits, 25)):
        yield _by_the_other_helper(random, entry)
    for entry in random.sample(visits, _share(visits, 10)):
        yield replace(entry)  # the same again under a new instanceID, from the same phone
    for entry in random.sample(visits, _share(visits, 2)):
        yield _with_a_wrong_clock(entry)
    checks = [e for e in entries if e.form == "health_check"]
    joined = {person.id: person.joined for person in population.people}
    for entry in random.sample(checks, _share(checks, 3)):
        day = joined[entry.answers["member"]] - timedelta(days=30)
        changed = {"check_date": day, **stamps(day, "08:10")}
        yield replace(entry, day=day, answers={**entry.answers, **changed}, entity=None)


def _share(entries: list[Entry], rate: int) -> int:
    return max(1, round(len(entries) * rate / 1000))


def _by_the_other_helper(random: Random, entry: Entry) -> Entry:
    first, second = entry.answers["volunteers"].split()
    hour, minute = int(entry.answers["start_time"][:2]), int(entry.answers["start_time"][3:5])
    later = hour * 60 + minute + random.choice((-20, -10, 5, 15, 30))
    start = f"{later // 60:02d}:{later % 60:02d}:00.000+07:00"
    changed = {"start_time": start, "volunteers": f"{second} {first}"}
    phone = entry.phone.replace("volunteer1", "volunteer2")
    return replace(entry, phone=phone, answers={**entry.answers, **changed})


def _with_a_wrong_clock(entry: Entry) -> Entry:
    day = entry.day.replace(year=entry.day.year + 4, day=min(entry.day.day, 28))
    changed = {"visit_date": day, **stamps(day, "09:00")}
    return replace(entry, answers={**entry.answers, **changed})


# ---- small words
def stamps(day: date, start: str) -> dict[str, Any]:
    """What the phone adds itself."""
    return {
        "start": f"{day}T{start}:00.000+07:00",
        "end": f"{day}T{start[:2]}:59:30.000+07:00",
        "today": day,
    }


def yes(true: bool) -> str:
    return "yes" if true else "no"
