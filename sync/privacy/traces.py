"""Where a person is in what is kept: everything that names her by her id, and who she is by it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import NOT_FOUND, Refused
from forms.search import Sought
from forms.text import name_key
from sync import canonical, process
from sync.accounts import PROJECT_ID
from sync.catalogue import AFTER_NAME
from sync.database import among
from sync.entities import Key, plain_id
from sync.privacy import stripped
from sync.tables import (
    entities,
    entity_changes,
    entity_lists,
    entity_versions,
    forms,
    records,
    sealed_submissions,
    submission_versions,
    submissions,
)

if TYPE_CHECKING:
    from forms.library import Library

BATCH = 500


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the list of people: the entry that stands for her first, then those linked to it.

    theirs: entities of other lists that are hers. names: all she was called by in lists.
    """

    list_name: str
    uuids: tuple[str, ...]
    theirs: frozenset[Key] = frozenset()
    names: frozenset[str] = field(default=frozenset())

    @property
    def everything(self) -> frozenset[tuple[str, str]]:
        """Her entries and what is hers, as (list, uuid)."""
        return frozenset((key.list_name, key.uuid) for key in self.keys | self.theirs)

    @property
    def key(self) -> Key:
        return Key(self.list_name, self.uuids[0])

    @property
    def keys(self) -> frozenset[Key]:
        """Her entries."""
        return frozenset(Key(self.list_name, uuid) for uuid in self.uuids)

    @property
    def ids(self) -> frozenset[str]:
        """Every uuid by which she or what is hers is named."""
        return frozenset(self.uuids) | {key.uuid for key in self.theirs}


def find(db: Connection, library: Library, uuid: str) -> Person:
    """Whoever this entry is, whichever of her entries it names. Refused(NOT_FOUND)."""
    found = seek(db, library, uuid)
    if found is None:
        raise Refused(NOT_FOUND())
    return found


def seek(db: Connection, library: Library, uuid: str) -> Person | None:
    """As `find`; None where nobody is."""
    name = library.privacy.person
    asked = plain_id(uuid) or ""
    found = canonical.stand_in(db, asked)
    links = canonical.groups(db, name, [found]).get(found, [])
    uuids = (found, *(link.uuid for link in links))
    if asked not in uuids or not _rows(db, name, uuids):
        return None
    theirs = frozenset(_theirs(db, library.privacy.owns, uuids))
    return Person(name, uuids, theirs, frozenset(_names(db, library, uuids)))


def name_of(db: Connection, person: Person) -> str:
    """What her entry is called on lists."""
    e, rows = entities.c, _rows(db, person.list_name, (person.key.uuid,))
    return str(db.execute(sa.select(e.label).where(e.id.in_(rows))).scalar_one())


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody who was looked for by name."""

    uuid: str
    label: str
    club_id: str | None


def find_named(db: Connection, library: Library, text: str, most: int) -> list[Named]:
    """People whose label has these words, with marks or without, the nearest first."""
    sought, e = Sought(text), entities.c
    query = (
        sa.select(e.uuid, e.label, e.club_id)
        .join(entity_lists, entity_lists.c.id == e.list_id)
        .where(entity_lists.c.name == library.privacy.person, e.deleted_at.is_(None))
        .where(entity_lists.c.project_id == PROJECT_ID, e.linked_to.is_(None))
    )
    rows = db.execute(query).all() if sought else []
    ranked = [(rank, row) for row in rows if (rank := sought.rank(row.label)) is not None]
    ranked.sort(key=lambda one: (one[0], name_key(one[1].label), one[1].uuid))
    return [Named(*row) for _, row in ranked[:most]]


def _rows(db: Connection, list_name: str, uuids: Collection[str]) -> list[int]:
    e = entities.c
    query = sa.select(e.id).join(entity_lists, entity_lists.c.id == e.list_id)
    of_list = sa.and_(entity_lists.c.name == list_name, entity_lists.c.project_id == PROJECT_ID)
    return list(db.scalars(query.where(of_list, e.uuid.in_(uuids))))


def _theirs(db: Connection, owns: Mapping[str, str], uuids: Collection[str]) -> Iterator[Key]:
    e = entities.c
    for list_name, owner in owns.items():
        of_list = sa.select(entity_lists.c.id).where(entity_lists.c.name == list_name)
        query = sa.select(e.uuid).where(
            e.list_id.in_(of_list), sa.func.lower(e.data[owner].as_string()).in_(uuids)
        )
        yield from (Key(list_name, uuid) for uuid in db.scalars(query))


def _names(db: Connection, library: Library, uuids: Collection[str]) -> Iterator[str]:
    """Whole labels, the names they begin with, and those in forms about her; of one word it could
    be a code, or an id."""
    privacy, c = library.privacy, records.c
    labels = sa.select(entity_versions.c.label).where(
        entity_versions.c.entity_id.in_(_rows(db, privacy.person, uuids))
    )
    rule = library.lists.get(privacy.person)
    facts = rule.facts if rule else ()
    telling = {one.form: one.field for one in facts if one.name in privacy.names}
    about = sa.or_(c.subject_id.in_(uuids), c.reported_id.in_(uuids))
    forms_said = sa.select(c.form, c.answers).where(about, c.form.in_(telling), c.table_path == "")
    said = {row.answers.get(telling[row.form]) or "" for row in db.execute(forms_said)}
    for label in {*db.scalars(labels), *said}:
        yield from (one for one in (label, label.partition(AFTER_NAME)[0]) if " " in one.strip())


# ------------------------------------------------------------------ submissions
def filed(db: Connection, person: Person) -> set[int]:
    """Submission versions known to be about her or hers, by what was read of them: quick."""
    r, c = records.c, entity_changes.c
    ids = sorted(person.ids)
    about = sa.select(r.submission_version_id).where(
        sa.or_(r.subject_id.in_(ids), r.reported_id.in_(ids))
    )
    asked = sa.select(c.submission_version_id).where(c.uuid.in_(ids))
    return {*db.scalars(about), *db.scalars(asked)}


def filled_in(
    db: Connection, library: Library, uuids: Collection[str], of_forms: Collection[str]
) -> set[int]:
    """The submissions of these forms about these people, the deleted ones too."""
    if not uuids or not of_forms:
        return set()
    r, forms_named = records.c, sorted(of_forms)
    mine = among(db, r.subject_id, sorted(uuids))
    kept = sa.select(r.submission_id).where(mine, r.table_path == "", r.form.in_(forms_named))
    linked = canonical.groups(db, library.privacy.person, sorted(uuids)).values()
    theirs = {*uuids, *(link.uuid for links in linked for link in links)}
    v, s = submission_versions.c, sealed_submissions.c
    deleted = (
        sa.select(v.id, sa.func.coalesce(s.xml, v.xml).label("xml"))
        .join(submissions, submissions.c.id == v.submission_id)
        .join(forms, forms.c.id == v.form_id)
        .outerjoin(sealed_submissions, s.submission_version_id == v.id)
        .where(forms.c.xml_form_id.in_(forms_named), submissions.c.deleted_at.is_not(None))
        .where(forms.c.project_id == PROJECT_ID, v.erased_at.is_(None))
    )
    ids = [row.id for row in db.execute(deleted) if stripped.may_name(bytes(row.xml), theirs)]
    said = process.reported(db, library, ids) if ids else set()
    return {*db.scalars(kept), *(one for one, subject in said if subject in theirs)}


@dataclass(frozen=True, slots=True)
class Found:
    """Submission versions: `by_id` name her by an id, `by_name` only by her name, which another
    may have too; `unread`: how many are encrypted, so that nobody can tell. last: the highest that
    was read."""

    person: Person
    by_id: frozenset[int]
    by_name: frozenset[int]
    unread: int
    last: int

    def __or__(self, later: Found) -> Found:
        """With what came after it was looked."""
        by_id, by_name = self.by_id | later.by_id, self.by_name | later.by_name
        unread, last = self.unread + later.unread, max(self.last, later.last)
        return Found(later.person, by_id, by_name, unread, last)


def look_everywhere(db: Connection, person: Person, after: int = 0) -> Found:
    """Read every submission that is kept, deleted ones, old versions and drafts too: 4 seconds for
    200,000. Only those that came after a version, where the others were read before."""
    v, s = submission_versions.c, sealed_submissions.c
    query = (
        sa.select(v.id, v.xml, s.id.label("sealed_id"), s.xml.label("opened"))
        .outerjoin(sealed_submissions, s.submission_version_id == v.id)
        .where(v.id > after)
        .order_by(v.id)
    )
    ids = [uuid.encode() for uuid in person.ids]
    names = [
        spelt
        for name in person.names
        if AFTER_NAME not in name
        for spelt in (name.encode(), name.encode("ascii", "xmlcharrefreplace"))
    ]
    by_id, by_name, unread, last = set(), set(), 0, after
    for row in db.execute(query.execution_options(yield_per=BATCH)):
        xml, last = bytes(row.opened or row.xml), row.id
        if row.sealed_id is not None and row.opened is None:
            unread += 1
        lower = xml.lower()
        if any(one in lower for one in ids):
            by_id.add(row.id)
        elif any(one in xml for one in names):
            by_name.add(row.id)
    return Found(person, frozenset(by_id), frozenset(by_name), unread, last)
