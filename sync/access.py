"""Who may do what (roles to verbs), and of which clubs: one scope for phones, pages, API and files.

A role names verbs; `clubs_in_scope` cuts rows. What is not written here is not allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from sqlalchemy.engine import Connection

from forms.problems import NOT_ALLOWED, NOT_HER_FORM, Problem, Refused
from sync import places

if TYPE_CHECKING:
    from forms.library import Library

PHONE = frozenset({"form.list", "submission.create"})  # form.list: with media and entity lists
DESK = frozenset({"submission.review", "entity.write"})  # of what they may read, and whole

ROLES: dict[str, frozenset[str]] = {  # domain §2
    "volunteer": PHONE,
    "chair": PHONE | {"figures.read", "reports.read"},
    "treasurer": PHONE,
    "health": PHONE | {"submission.review"},
    "commune": PHONE | DESK | {"figures.read", "reports.read"},
    "district": frozenset({"figures.read", "reports.read"}),
    "city": PHONE | DESK | {"figures.read", "reports.read", "places.manage"},
    "standing_office": frozenset({"reports.read"}),  # sent reports only, never open figures
    "peoples_committee": frozenset({"reports.read"}),
    "dpo": frozenset({"audit.read"}),
    "admin": frozenset({"forms.manage", "users.manage", "phones.manage", "work.read"}),
}
# Rows of records hold clinical values beside all else: all of every form is for the operator at the
# server's own console. Of one form a role reads what forms.toml says (`reading`).
OPERATOR_ONLY = frozenset({"records.read"})
VERBS = frozenset[str]().union(*ROLES.values()) | OPERATOR_ONLY

CITYWIDE = frozenset({"city", "standing_office", "dpo", "admin"})  # without unit or club: all clubs


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever makes this request. `club_id` is narrower than `unit_id`; with neither, a citywide
    role reaches every club and any other role none.
    """

    kind: Literal["user", "app_user", "operator"]
    id: int
    name: str
    role: str
    unit_id: int | None = None
    club_id: str | None = None
    project_id: int = 1  # the drafts' project for a phone that tries out a draft
    form_id: int | None = None  # the only form of a draft's or a public link's token
    person_id: str | None = None  # the entity that is the phone's owner, where known

    @property
    def actor(self) -> str:
        """As audit events and receipts write it: "user:3", "app_user:7", "operator"."""
        return "operator" if self.kind == "operator" else f"{self.kind}:{self.id}"


PEOPLE_FROM = 1_000_000_000  # phones and people are numbered apart; Central's actors are not


def actor_number(kind: str, number: int) -> int:
    """One number for whoever sent or did something: a phone's own id, a person's far above."""
    return number if kind == "app_user" else PEOPLE_FROM + number


OPERATOR = Caller("operator", 0, "operator", "operator")


def may(caller: Caller, verb: str) -> bool:
    """Whether the caller's role has the verb. A token in a URL does no more than a phone does."""
    if verb not in VERBS:
        raise ValueError(f"no such verb: {verb}")
    if caller.kind == "operator":
        return True
    if caller.kind == "app_user" and verb not in PHONE:
        return False
    return verb in ROLES.get(caller.role, frozenset())


def doubts(library: Library, caller: Caller, xml_form_id: str) -> tuple[Problem, ...]:
    """Flags for a submission by its sender: kept all the same, for a role may change while forms
    wait on a phone; but a form of another role is for a person to look at.
    """
    rule = library.rules.get(xml_form_id)
    roles = rule.filled_by if rule else ()
    if not roles or caller.kind == "operator" or caller.role in roles:
        return ()
    return (NOT_HER_FORM(role=caller.role),)


def clubs_in_scope(db: Connection, caller: Caller, day: date) -> frozenset[str] | None:
    """The uuids of the clubs whose rows the caller may see as of `day`; None = every club.

    A unit's people see the clubs that are in the unit, or in what became of it, on that day.
    """
    if caller.kind == "operator":
        return None
    if caller.club_id is not None:
        return frozenset({caller.club_id})
    if caller.unit_id is not None:
        return places.clubs_under(db, caller.unit_id, day)
    return None if caller.role in CITYWIDE else frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a caller may read of one form's submissions: of which clubs (None = all, also those of
    no club), and without the answers to which questions."""

    clubs: frozenset[str] | None
    without: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is withheld: the document as it was sent may be had."""
        return not self.without


def reading(
    db: Connection, library: Library, caller: Caller, xml_form_id: str, day: date
) -> Reading:
    """The one answer to "who may read what was sent?". Refused(NOT_ALLOWED) for who may nothing.

    A form of the library names its readers. One from elsewhere names nobody, and is for the city.
    A token in a URL reads nothing, whatever its role.
    """
    if caller.kind == "operator":
        return Reading(None)
    rule = library.rules.get(xml_form_id)
    reader = rule.readers.get(caller.role) if rule else None
    allowed = reader is not None if rule else caller.role == "city"
    if caller.kind != "user" or not allowed:
        raise Refused(NOT_ALLOWED())
    if reader is not None and reader.rows == "all":
        return Reading(None, frozenset(reader.without))
    without = reader.without if reader else ()
    return Reading(clubs_in_scope(db, caller, day), frozenset(without))
