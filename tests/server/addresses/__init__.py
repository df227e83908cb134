"""How each route is asked in the scope test, and who may ask: one file per group of routes.

A file holds `ADDRESSES`: "METHOD endpoint" → `Address`, or several. Whoever adds a route adds its
line. The route's verb is read from the code (`door.NEEDS`); here stands only what scope adds to it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from forms.library import load_library
from tests.server.scope_world import Who

May = Callable[[Who], bool]


def anybody(who: Who) -> bool:
    """The verb is enough: nothing in it is of one club (lists are cut, which is looked at too)."""
    return bool(who)


def in_scope(who: Who) -> bool:
    """It is of the club that is asked about."""
    return who.is_in_scope


def only(*roles: str, near: bool = True) -> May:
    """These roles; with `near`, of the club that is asked about."""
    return lambda who: who.role in roles and (who.is_in_scope or not near)


def reads(form: str, *, whole: bool = False, near: bool = True) -> May:
    """Who forms.toml lets read this form; `whole`: with every answer. near: it is of one club."""

    def may(who: Who) -> bool:
        reader = load_library().rules[form].readers.get(who.role)
        if reader is None or (whole and reader.without):
            return False
        return who.is_in_scope or not near

    return may


def sees(list_name: str, *, near: bool = True) -> May:
    """Whom lists.toml lets see this list on pages. near: it is of one club."""

    def may(who: Who) -> bool:
        return who.role in load_library().lists[list_name].pages and (who.is_in_scope or not near)

    return may


@dataclass(frozen=True)
class Address:
    """One way to ask a route.

    path: `{member}`, `{care_visit}`, `{club_code}` … are `names` of the scope world: things of the
    club that is asked about. may: who gets an answer, of those who have the verb; all others get
    403 or 404. form: fields of a page's form (its CSRF token is added). json, data, headers: of the
    API. shows: planted words of the club that is asked about, which a role sees here beyond what it
    sees elsewhere, by role: a person has asked it to look. A write is done once, by the first who
    may, after all who may not; then in this order.
    """

    path: str
    may: May = anybody
    form: Mapping[str, str] | None = None
    json: Any = None
    data: bytes | None = None
    headers: Mapping[str, str] | None = None
    shows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def addresses() -> Iterator[tuple[str, str, Address]]:
    """(method, endpoint, address) of every file of this folder, in their order."""
    for module in pkgutil.iter_modules(__path__):
        found: Mapping[str, Address | Sequence[Address]]
        found = import_module(f"{__name__}.{module.name}").ADDRESSES
        for key, given in found.items():
            method, endpoint = key.split(" ")
            for one in [given] if isinstance(given, Address) else given:
                yield method, endpoint, one
