"""Who may be one person, of everybody in the truth: judged by the product's own rule.

The only module here that asks `forms`: no handbook says how alike two must be. What is computed by
another hand is what the rule is told of everybody, that the pairs are all of them, and who counts.
"""

from __future__ import annotations

from datetime import date

from forms.library import load_library
from forms.matching.profile import read_profile
from forms.matching.search import find_pairs
from tests.oracle.truth import Person, Truth

LATEST = date(9999, 12, 31)  # where the clubs are after all that is known of units
_found: dict[int, tuple[Truth, list[tuple[Person, Person]]]] = {}


def pairs(truth: Truth) -> list[tuple[Person, Person]]:
    """Found once of each truth: who has left is still the same person."""
    if id(truth) not in _found:
        _found[id(truth)] = truth, _find(truth)
    return _found[id(truth)][1]


def _find(truth: Truth) -> list[tuple[Person, Person]]:
    rule = load_library().matches["members"]
    # Who took back the consent to be kept is compared with nobody.
    kept = [p for p in truth.people.values() if p.stays[-1].how != "consent_withdrawn"]
    profiles = {person.key: read_profile(rule, _told(truth, person)) for person in kept}
    found = find_pairs(rule, rule.weights, profiles)
    return [(truth.people[pair.one], truth.people[pair.other]) for pair in found]


def _told(truth: Truth, person: Person) -> dict[str, str]:
    club = person.stays[-1].club
    return {
        "full_name": person.name,
        "sex": person.sex,
        "born_on": person.born.isoformat(),
        "birth_precision": person.precision,
        "commune": truth.clubs[club].site.on(LATEST).commune or club,
        "hamlet": "Thôn 1",
    }
