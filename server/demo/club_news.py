"""What the demo's clubs tell of themselves and their members: funds, classes, roles, who leaves.

Pure. These forms change entities, so they are filled in after the checks of the same people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from server.demo.diary import Entry, label, stamps, yes
from server.demo.phone import EntityEdit
from server.demo.population import CLUBS, LAST, Club, Person, Population, new_uuid

BEGUN = date(2024, 12, 2)  # the day the clubs' boards told what they have
LISTED = date(2025, 1, 15)  # the commune's list of poor households is out
DECIDED = date(2025, 10, 15)  # the last club without a founding decision gets one
NEWS_A_CLUB = 4


def clubs_begin(club_ids: Mapping[str, str]) -> list[Entry]:
    """Each club's programme, troupe, funds and meetings, told by its commune."""
    return [_club_begins(club, club_ids[club.code]) for club in CLUBS] + [
        _decision(club, club_ids[club.code]) for club in CLUBS if not club.decision_no
    ]


def news(
    population: Population, club_ids: Mapping[str, str], checks: Sequence[Entry], seed: int
) -> list[Entry]:
    """Updates and exits in the order of their days, on top of what the checks did to the entity."""
    random = Random(f"news:{seed}")
    entries: list[Entry] = []
    for club, members in population.members.items():
        entries += [_class_again(one, club_ids) for one in members if _is_listed(one)]
        entries += _updates(random, population.there(club, LAST), club_ids)
        entries += [_exit(random, one, club_ids) for one in members if one.left]
    return _on_top(sorted(entries, key=lambda entry: entry.day), checks)


def _on_top(entries: Sequence[Entry], checks: Sequence[Entry]) -> list[Entry]:
    """With the versions that the phone would have: it took its lists after the checks."""
    versions: dict[str, int] = {}
    for check in checks:
        if check.entity is not None:
            versions[check.entity.id] = versions.get(check.entity.id, 1) + 1
    trunks = dict(versions)
    told = []
    for entry in entries:
        assert entry.entity is not None
        key = entry.entity.id
        edit = EntityEdit(
            key,
            "update",
            entry.entity.label,
            base_version=str(versions.get(key, 1)),
            trunk_version=str(trunks.get(key, 1)),
            branch_id=str(new_uuid(Random(f"news:{key}"))),
        )
        versions[key] = versions.get(key, 1) + 1
        told.append(Entry(entry.phone, entry.form, entry.day, entry.answers, edit))
    return told


# ---- clubs
def _club_begins(club: Club, club_id: str) -> Entry:
    programme = "decision_1336" if club.founded_on.year > 2018 else "city_2017 decision_1336"
    answers: dict[str, Any] = {
        **_club_form(club_id, BEGUN),
        "club_what": "decision meeting troupe funds equipment",
        "programme": programme,
        "meeting_calendar": "solar",
        "meeting_day": meeting_day(club),
        "meeting_place": "nhà văn hóa thôn" if club.rural else "nhà sinh hoạt cộng đồng",
        "has_troupe": yes(has_troupe(club)),
        "has_income_fund": "yes",
        "has_activity_fund": "yes",
        "interest_pct_month": "0.5",
        "member_fee": 5000,
        "equipment": "bp_monitor glucose_meter scale tape loudspeaker",
    }
    if club.decision_no:
        answers |= _decided(club.decision_no, club.founded_on - timedelta(days=12))
    return _of_club(club, club_id, BEGUN, answers, 1)


def _decision(club: Club, club_id: str) -> Entry:
    answers = {
        **_club_form(club_id, DECIDED),
        "club_what": "decision",
        "programme": "city_2017 decision_1648",
        **_decided("318/QĐ-UBND", DECIDED - timedelta(days=5)),
    }
    return _of_club(club, club_id, DECIDED, answers, 2)


def _club_form(club_id: str, day: date) -> dict[str, Any]:
    return {
        **stamps(day, "09:00"),
        "action": "update",
        "club": club_id,
        "club_id": club_id,
        "effective_date": day,
    }


def _decided(number: str, day: date) -> dict[str, Any]:
    return {
        "decision_no": number,
        "decision_date": day,
        "decision_by": "commune_committee",
        "new_decision_no": number,
        "new_decision_date": day,
    }


def _of_club(club: Club, club_id: str, day: date, answers: Mapping[str, Any], base: int) -> Entry:
    branch = str(new_uuid(Random(f"branch:{club.code}")))
    edit = EntityEdit(
        club_id, "update", base_version=str(base), trunk_version="1", branch_id=branch
    )
    return Entry(f"{club.unit_code}/commune", "club_registration", day, answers, edit)


def meeting_day(club: Club) -> int:
    """Of the month."""
    return 2 + 2 * CLUBS.index(club)


def has_troupe(club: Club) -> bool:
    return club.code != "48-HC-01"


# ---- members
def _is_listed(person: Person) -> bool:
    """Whether the commune's list says the class again; of some it stays an old one (§8)."""
    poor = person.hh_class in ("poor", "near_poor") and person.hh_class_year == 2024
    return poor and person.is_there(LISTED)


def _class_again(person: Person, club_ids: Mapping[str, str]) -> Entry:
    return _update(
        person,
        club_ids,
        LISTED,
        {
            "what": "household",
            "hh_class": person.hh_class,
            "hh_class_src": "commune_confirmed",
            "hh_class_standard": "city",
            "hh_class_year": 2025,
        },
    )


def _updates(
    random: Random, members: Sequence[Person], club_ids: Mapping[str, str]
) -> Iterator[Entry]:
    """A few of each club: a card of health insurance, a phone, an income, who lives with whom."""
    plain = [one for one in members if one.board_role == "none" and one.joined < BEGUN]
    uninsured = [one for one in plain if one.insurance == "no"]
    for person in uninsured[:2]:
        card = {
            "what": "insurance",
            "insurance": "yes",
            "insurance_group": "household",
            "insurance_expiry": date(2026, 12, 31),
        }
        yield _update(person, club_ids, _some_day(random), card)
    near = next((one for one in plain if one.hh_class == "near_poor" and _is_listed(one)), None)
    if near:
        class_now = {"hh_class": "escaped_poverty", "hh_class_src": "commune_confirmed"}
        yield _update(near, club_ids, date(2025, 12, 12), {"what": "household", **class_now})
    others = random.sample(plain, NEWS_A_CLUB)
    tail = random.randrange(1000)
    changes: tuple[dict[str, Any], ...] = (
        {"what": "phone", "phone": f"0350000{tail:03d}", "phone_owner": "self"},
        {"what": "income", "income_change": "up"},
        {"what": "income", "income_change": random.choice(("up", "same", "down"))},
        {"what": "situation", "living": "with_children", "no_support": "no"},
    )
    for person, change in zip(others, changes, strict=True):
        yield _update(person, club_ids, _some_day(random), change)


def _some_day(random: Random) -> date:
    return date(2025, 2, 10) + timedelta(days=random.randrange(320))


def _update(
    person: Person, club_ids: Mapping[str, str], day: date, change: Mapping[str, Any]
) -> Entry:
    answers = {
        **stamps(day, "15:10"),
        "club": club_ids[person.club.code],
        "member": person.id,
        "effective_date": day,
        **change,
    }
    edit = EntityEdit(person.id, "update", label(person))
    return Entry(f"{person.club.code}/chair", "member_update", day, answers, edit)


def _exit(random: Random, person: Person, club_ids: Mapping[str, str]) -> Entry:
    """Half of the deaths are written down one to five months later (§8)."""
    assert person.left is not None
    dead = person.leaving == "died"
    late = random.randrange(30, 150) if dead and random.random() < 0.5 else random.randrange(1, 9)
    day = person.left + timedelta(days=late)
    answers: dict[str, Any] = {
        **stamps(day, "10:20"),
        "club": club_ids[person.club.code],
        "member": person.id,
        "exit_kind": person.leaving,
        "exit_precision": "day",
        "exit_date": person.left,
        "loan_open": "no",
    }
    if person.left_for is None:
        answers["new_status"] = "died" if dead else "left"
    else:
        club_id = club_ids[person.left_for.code]
        answers |= {"new_club": club_id, "new_club_id": club_id}
        answers["new_unit_code"] = person.left_for.unit_code
    name = f"{label(person)} (đã qua đời)" if dead else label(person)
    # A chair's phone knows her own club only: who goes over to another is entered by the commune.
    moved = person.left_for is not None
    phone = f"{person.club.unit_code}/commune" if moved else f"{person.club.code}/chair"
    return Entry(phone, "member_exit", day, answers, EntityEdit(person.id, "update", name))
