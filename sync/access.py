"""Who may do what, and of which clubs: one scope for phones, pages, API and files.

A role of the library names verbs; `clubs_in_scope` cuts rows, `reading` what was sent, `viewing`
the entity lists. What is not written is not allowed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.library import Download, ListRule
from forms.problems import (
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_HER_FORM,
    UNKNOWN_ROLE,
    Problem,
    Refused,
)
from forms.roles import OF_PHONES, READ_SUBMISSIONS, VERBS, Role
from sync import places
from sync.database import once
from sync.tables import entities, entity_lists, spells

if TYPE_CHECKING:
    from forms.library import Library

# Rows of records hold clinical values beside all else: all of every form is for the operator at the
# server's own console. Of one form a role reads what forms.toml says (`reading`).
OPERATOR_ONLY = frozenset({"records.read"})
KNOWN_VERBS = OPERATOR_ONLY | set(VERBS)


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
    scope: frozenset[str] | None = None  # of an API token: no more than this; None = all

    @property
    def actor(self) -> str:
        """As audit events and receipts write it: "user:3", "app_user:7", "operator"."""
        return "operator" if self.kind == "operator" else f"{self.kind}:{self.id}"

    def reaches(self, verb: str) -> bool:
        """Whether the token by which somebody calls, if it is one, was made for this."""
        return self.scope is None or verb in self.scope


PEOPLE_FROM = 1_000_000_000  # phones and people are numbered apart; Central's actors are not


def actor_number(kind: str, number: int) -> int:
    """One number for whoever sent or did something: a phone's own id, a person's far above."""
    return number if kind == "app_user" else PEOPLE_FROM + number


OPERATOR = Caller("operator", 0, "operator", "operator")


def may(library: Library, caller: Caller, verb: str) -> bool:
    """Whether the caller's role has the verb. A token in a URL does no more than a phone does."""
    if verb not in KNOWN_VERBS:
        raise ValueError(f"no such verb: {verb}")
    if caller.kind == "operator":
        return True
    if caller.kind == "app_user" and verb not in OF_PHONES:
        return False
    role = library.roles.get(caller.role)
    return role is not None and verb in role.verbs and caller.reaches(verb)


def doubts(library: Library, caller: Caller, xml_form_id: str) -> tuple[Problem, ...]:
    """Flags for a submission by its sender: kept all the same, for a role may change while forms
    wait on a phone; but a form of another role is for a person to look at.
    """
    rule = library.rules.get(xml_form_id)
    roles = rule.filled_by if rule else ()
    if not roles or caller.kind == "operator" or caller.role in roles:
        return ()
    return (NOT_HER_FORM(role=caller.role),)


def clubs_in_scope(
    db: Connection, library: Library, caller: Caller, day: date
) -> frozenset[str] | None:
    """The uuids of the clubs whose rows the caller may see as of `day`; None = every club.

    A unit's people see the clubs that are in the unit, or in what became of it, on that day.
    """
    if caller.kind == "operator":
        return None
    if caller.club_id is not None:
        return frozenset({caller.club_id})
    if caller.unit_id is not None:
        return places.clubs_under(db, caller.unit_id, day)
    role = library.roles.get(caller.role)
    return None if role is not None and role.everywhere else frozenset()


def get_role(library: Library, name: str) -> Role:
    """The library's role of this name. Refused(UNKNOWN_ROLE)."""
    if name not in library.roles:
        raise Refused(UNKNOWN_ROLE(roles=", ".join(library.roles)))
    return library.roles[name]


def speaks_for(
    db: Connection, library: Library, caller: Caller, place: tuple[str, str], day: date, today: date
) -> bool:
    """Whether the caller confirms for this place (level; a club's uuid, a unit's id) as of `day`.

    An office that has passed into another since (a ward of July 2025) is spoken for by its heir.
    """
    if caller.kind == "operator":
        return True
    level, key = place
    role = library.roles.get(caller.role)
    if caller.kind != "user" or role is None or role.confirms != level:
        return False
    if caller.club_id is not None or level == "club":
        return (level, caller.club_id) == ("club", key)
    if caller.unit_id is None:
        return role.everywhere
    return _is_office(places.read_tree(db), caller.unit_id, int(key), day, today)


def _is_office(tree: places.Tree, own: int, unit: int, day: date, today: date) -> bool:
    """Whether the office of `own` is that of `unit`: it became it by `day`, or has become of it."""
    before = tree.body(tree.units[own], day) if tree.units[own].valid_from <= day else ()
    after = tree.body(tree.units[unit], today)
    return unit in {row.id for row in before} or own in {row.id for row in after}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a caller may read of one form's submissions: of which clubs (None = all, also those of
    no club), and without the answers to which questions. locked: of whom nothing, who took back the
    consent under which the form was filled in, or whose data is restricted."""

    clubs: frozenset[str] | None
    without: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is withheld: the document as it was sent may be had."""
        return not self.without


def reads(library: Library, caller: Caller, xml_form_id: str) -> bool:
    """Whether the caller may read anything of this form, of whatever clubs.

    A form of the library names its readers; for one from elsewhere a role needs a verb.
    A token in a URL reads nothing, whatever its role.
    """
    if caller.kind == "operator":
        return True
    rule = library.rules.get(xml_form_id)
    allowed = caller.role in rule.readers if rule else may(library, caller, "other_forms.read")
    return caller.kind == "user" and allowed and caller.reaches(READ_SUBMISSIONS)


def reading(
    db: Connection, library: Library, caller: Caller, xml_form_id: str, day: date
) -> Reading:
    """The one answer to "who may read what was sent?". Refused(NOT_ALLOWED) for who may nothing."""
    if not reads(library, caller, xml_form_id):
        raise Refused(NOT_ALLOWED())
    if caller.kind == "operator":
        return Reading(None, locked=restricted(db))
    rule = library.rules.get(xml_form_id)
    reader = rule.readers[caller.role] if rule else None
    without = frozenset(reader.without if reader else ())
    locked = locked_in(db, library, [xml_form_id])
    if reader is not None and reader.rows == "all":
        return Reading(None, without, locked)
    return Reading(clubs_in_scope(db, library, caller, day), without, locked)


def restricted(db: Connection) -> frozenset[str]:
    """The uuids of people, and of what is theirs, who are shown to nobody but the desk."""
    query = sa.select(entities.c.uuid).where(entities.c.restricted)
    return once(db, "restricted", lambda: frozenset(db.scalars(query)))


def locked_in(db: Connection, library: Library, xml_form_ids: Collection[str]) -> frozenset[str]:
    """Of whom nothing of these forms is shown: who is restricted, or does not agree any more,
    wherever that was said: until what there is is erased."""
    consents, c, asked = library.privacy.consents, spells.c, set(xml_form_ids)
    covering = [one for one in consents.purposes if asked & set(one.covers)] if consents else []
    if not covering:
        return restricted(db)
    refusals = tuple((one.fact, one.answers[one.fact]) for one in covering)
    said = (sa.and_(c.name == fact, c.value == no) for fact, no in refusals)
    query = sa.select(c.uuid).where(c.list_name == library.privacy.person, sa.or_(*said))
    now = query.where(c.valid_to.is_(None))
    refusing = once(db, ("refusing", refusals), lambda: frozenset(db.scalars(now)))
    return restricted(db) | refusing


@dataclass(frozen=True, slots=True)
class Viewing:
    """What a caller may see of an entity list without a phone: what `rule` shows of the entities of
    these clubs (None = of every club)."""

    clubs: frozenset[str] | None
    rule: Download

    @property
    def properties(self) -> tuple[str, ...]:
        """Those of the entity as it stands."""
        return self.rule.properties

    @property
    def facts(self) -> tuple[str, ...]:
        """Those whose history may be shown."""
        return self.rule.facts


def viewing(db: Connection, library: Library, caller: Caller, list_name: str, day: date) -> Viewing:
    """The one answer to "who may see an entity list on pages, by the API and in files?".

    A list of the library names its roles; one from elsewhere is for who may read what the library
    does not know. Refused(NOT_FOUND) where there is no such list, Refused(NOT_ALLOWED) for others.
    """
    if not may(library, caller, "entities.read"):
        raise Refused(NOT_ALLOWED())
    rule = library.lists.get(list_name)
    is_strange = rule is None and may(library, caller, "other_forms.read")
    if caller.kind == "operator" or is_strange:
        return Viewing(None, _whole(db, rule, list_name))
    page = rule.pages.get(caller.role) if rule else None
    if page is None:
        raise Refused(NOT_ALLOWED())
    return Viewing(None if page.rows == "all" else clubs_in_scope(db, library, caller, day), page)


def _whole(db: Connection, rule: ListRule | None, list_name: str) -> Download:
    """All that there is of a list. Refused(NOT_FOUND)."""
    c = entity_lists.c
    of = rule.of if rule and rule.of else list_name
    properties = db.execute(sa.select(c.properties).where(c.name == of)).scalar()
    if properties is None:
        raise Refused(NOT_FOUND())
    return Download(
        "all", {}, tuple(properties), facts=tuple(sorted(rule.fact_names if rule else ()))
    )
