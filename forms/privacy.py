"""Personal data by law (`privacy.toml`): whose it is, and what stays when it is erased."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

_WORDS = frozenset({"person", "keep"})


@dataclass(frozen=True, slots=True)
class Privacy:
    """What the library says of personal data; of one that says nothing, nobody is a person.

    person   the list whose entities are people
    owns     list -> the property that names whose its entities are
    keep     form -> the answers that stay of one about somebody who was erased; of a form that is
             not here nothing does, and it counts no more
    """

    person: str = ""
    owns: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, frozenset[str]] = field(default_factory=dict)


def read_privacy(entry: Mapping[str, Any]) -> Privacy:
    """The file. KeyError, TypeError or ValueError where a word is missing or misshapen."""
    strange = sorted(set(entry) - _WORDS)
    if strange:
        raise ValueError(f"“{strange[0]}”")
    person = entry["person"]
    owns = {str(one["list"]): str(one["property"]) for one in person.get("owns", [])}
    return Privacy(
        person=str(person["list"]),
        owns=MappingProxyType(owns),
        keep=MappingProxyType({str(k): _texts(v) for k, v in entry.get("keep", {}).items()}),
    )


def _texts(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"“{value}”")
    return frozenset(value)


def privacy_slips(
    privacy: Privacy,
    lists: Mapping[str, Collection[str]],
    forms: Mapping[str, Collection[str]],
    needed: Mapping[str, Collection[str]],
) -> Iterator[tuple[str, str]]:
    """(entry, what it names and nothing has). lists: with their properties; forms: with their
    columns; needed: form -> the columns by which a record is filed, which must stay."""
    if privacy.person and privacy.person not in lists:
        yield "person", privacy.person
    for name, owner in privacy.owns.items():
        if owner not in lists.get(name, ()):
            yield "person", f"{name}.{owner}"
    for form, columns in privacy.keep.items():
        yield from (("keep", f"{form}.{one}") for one in sorted(columns - set(forms.get(form, ()))))
        missing = sorted(set(needed.get(form, ())) - columns)
        yield from (("keep", f"{form}: {one}?") for one in missing)
