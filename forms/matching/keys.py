"""The words by which those are found who are worth comparing, and by which crowds are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence

from forms.matching.kind import Field, Kind, Value
from forms.matching.profile import Profile
from forms.matching.rule import MatchRule

_CROWD = "crowd"


def blocking_keys(rule: MatchRule, profile: Profile) -> frozenset[str]:
    """ "block:|words": two with one key in common are a candidate. Nothing known, no key."""
    values = profile.values
    known = [
        () if values[place] is None else tuple(words(values[place]))
        for place, words in rule.lookups
    ]
    found = []
    for start, parts in rule.blocks_by_lookup:
        keys = [start]
        for part in parts:
            keys = [f"{key}|{word}" for key in keys for word in known[part]]
        found += keys
    return frozenset(found)


def most_of(rule: MatchRule, key: str) -> int:
    """How many may have this blocking key; if more have it, nobody is compared for it."""
    return rule.most[key.partition(":")[0]]


# ------------------------------------------------------------------ crowds
def crowd_keys(rule: MatchRule, profile: Profile) -> frozenset[str]:
    """ "crowd.field:value" of all that says nothing once too many have it."""
    return frozenset(
        f"{_CROWD}.{field.name}:{word}"
        for field, kind, value in zip(rule.fields, rule.kinds, profile.values, strict=True)
        if value is not None and field.most is not None
        for word in _words(field, kind, value)
    )


def most_of_crowd(rule: MatchRule, key: str) -> int:
    """How many may have this crowd key before it says nothing of any of them."""
    name = key.partition(":")[0]
    return next(field.most or 0 for field in rule.fields if name == f"{_CROWD}.{field.name}")


def without_crowds(rule: MatchRule, profile: Profile, crowds: Container[str]) -> Profile:
    """The profile as if it had none of the values that these crowd keys are of."""

    def left(field: Field, value: Value | None) -> Value | None:
        if value is None or field.most is None:
            return value
        return tuple(one for one in value if f"{_CROWD}.{field.name}:{one}" not in crowds) or None

    return Profile(
        tuple(left(field, value) for field, value in zip(rule.fields, profile.values, strict=True))
    )


def without_any_crowds(
    rule: MatchRule, people: Sequence[Profile], cut: dict[str, int]
) -> Sequence[Profile]:
    """All profiles without what crowds among them have; `cut` is told the keys and their sizes."""
    sizes = Counter(key for profile in people for key in crowd_keys(rule, profile))
    crowds = {key: size for key, size in sizes.items() if size > most_of_crowd(rule, key)}
    cut.update(crowds)
    return [without_crowds(rule, profile, crowds) for profile in people] if crowds else people


def _words(field: Field, kind: Kind, value: Value) -> Iterable[str]:
    return {word for words in kind.keys(field).values() for word in words(value)}
