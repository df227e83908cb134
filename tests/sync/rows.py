"""Rows written straight into the tables, for tests of what stands on them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.library import Library, load_library
from sync import mentions
from sync import tables as t
from sync.entities import plain_id

NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)


def a_library() -> Library:
    """The project's own."""
    return load_library()


@dataclass
class Rows:
    """Writes what a test names and nothing more; uuids are readable words."""

    db: Connection
    serial: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    forms: dict[str, int] = field(default_factory=dict)
    lists: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.db.scalar(sa.select(t.projects.c.id).where(t.projects.c.id == 1)) is None:
            self._insert(t.projects, id=1, name="Cây Đa")
        known = self.db.execute(sa.select(t.forms.c.xml_form_id, t.forms.c.id))
        self.forms.update({row.xml_form_id: row.id for row in known})

    def _insert(self, table: sa.Table, **values: Any) -> int:
        row = self.db.execute(sa.insert(table).values(**values).returning(table.c.id))
        return int(row.scalar_one())

    def a_spell(
        self, list_name: str, uuid: str, name: str, value: str, start: date, end: date | None = None
    ) -> None:
        self._insert(
            t.spells,
            list_name=list_name,
            uuid=uuid,
            name=name,
            value=value,
            valid_from=start,
            valid_to=end,
        )

    def a_unit(
        self,
        code: str,
        name: str,
        level: str = "commune",
        parent: int | None = None,
        start: date = date(2006, 1, 1),
        end: date | None = None,
        covered: bool = True,
    ) -> int:
        kind = {"commune": "ward", "district": "urban_district", "city": "city"}[level]
        return self._insert(
            t.units,
            level=level,
            kind=kind,
            code=code,
            name=name,
            parent_id=parent,
            valid_from=start,
            valid_to=end,
            counts_in_coverage=covered,
        )

    def a_club(
        self, uuid: str, unit: int | None = None, founded: date = date(2018, 1, 1), **data: str
    ) -> str:
        entity = {"club_code": uuid.upper(), "status": "active", "founded_on": founded.isoformat()}
        self.an_entity("clubs", uuid, data.pop("label", f"CLB {uuid}"), uuid, {**entity, **data})
        self.a_spell("clubs", uuid, "status", "active", founded)
        self.a_spell("clubs", uuid, "founded", "yes", founded)
        if unit is not None:
            self.place_club(uuid, unit, founded)
        return uuid

    def place_club(self, uuid: str, unit: int, start: date) -> None:
        self._insert(t.club_places, club_id=uuid, unit_id=unit, valid_from=start)

    def an_entity(
        self, list_name: str, uuid: str, label: str, club: str | None, data: dict[str, str]
    ) -> None:
        if list_name not in self.lists:
            self.lists[list_name] = self._insert(
                t.entity_lists, project_id=1, name=list_name, properties=[]
            )
        self._insert(
            t.entities,
            list_id=self.lists[list_name],
            uuid=uuid,
            label=label,
            data=data,
            version=1,
            club_id=club,
            imported=list_name == "clubs",
            created_at=NOW,
            updated_at=NOW,
            change_seq=1,
        )

    def a_member(
        self,
        uuid: str,
        club: str,
        born: str | None = "1950-01-01",
        joined: date = date(2018, 1, 1),
        left: date | None = None,
        **facts: str,
    ) -> str:
        """Facts hold from the day of joining; `left` is the day of exit, the first not active."""
        self.a_spell("members", uuid, "status", "active", joined, left)
        if left is not None:
            self.a_spell("members", uuid, "status", "left", left)
        self.a_spell("members", uuid, "club", club, joined)
        known = {"sex": "female", "hh_class": "average", "is_volunteer": "no", "care_need": "no"}
        if born is not None:
            known["born_on"] = born
        for name, value in {**known, **facts}.items():
            self.a_spell("members", uuid, name, value, joined)
        return uuid

    def a_record(
        self,
        form: str,
        day: date | None,
        club: str | None,
        subject: str | None = None,
        answers: dict[str, str] | None = None,
        **more: Any,
    ) -> int:
        """One counted record with its submission. Returns records.id."""
        if form not in self.forms:
            self.forms[form] = self._insert(
                t.forms, project_id=1, xml_form_id=form, title=form, state="open", created_at=NOW
            )
        number = next(self.serial)
        submission = self._insert(
            t.submissions, form_id=self.forms[form], instance_id=f"uuid:{number}", created_at=NOW
        )
        version = self._insert(
            t.submission_versions,
            submission_id=submission,
            form_id=self.forms[form],
            instance_id=f"uuid:{number}",
            sha256=f"{number:064x}",
            version="1",
            xml=b"",
            received_at=more.pop("received_at", NOW),
            problems=[],
        )
        self.db.execute(
            sa.update(t.submissions)
            .where(t.submissions.c.id == submission)
            .values(current_version_id=version)
        )
        values: dict[str, Any] = {
            "submission_id": submission,
            "submission_version_id": version,
            "form": form,
            "table_path": "",
            "position": "",
            "answers": answers or {},
            "derived": {},
            "happened_on": day,
            "subject_list": "members" if subject else None,
            "subject_id": subject,
            "club_id": club,
            "problems": [],
            "held_back": False,
        }
        record = self._insert(t.records, **{**values, **more})
        said = " ".join(values["answers"].values()).split(" ")
        mentions.keep(self.db, {version: {uuid for one in said if (uuid := plain_id(one))}})
        return record

    def a_repeat(self, record: int, table: str, *rows: dict[str, str]) -> None:
        """Rows of a repeat in the submission of this record."""
        c = t.records.c
        kept = (column for column in c if column.name not in ("id", "united"))
        main = self.db.execute(sa.select(*kept).where(c.id == record)).mappings().one()
        for number, answers in enumerate(rows, 1):
            own = {
                "table_path": table,
                "position": f"{table}[{number}]",
                "parent_position": "",
                "answers": answers,
                "derived": {},
            }
            self._insert(t.records, **{**main, **own})

    def a_row(self, record: int, repeat: str, number: int, answers: dict[str, str]) -> None:
        """One row of a repeat, beside its record."""
        of = self.db.execute(sa.select(t.records).where(t.records.c.id == record)).one()._mapping
        shared = {name: value for name, value in of.items() if name != "id"}
        where = {"table_path": repeat, "position": f"{repeat}[{number}]", "parent_position": ""}
        self._insert(t.records, **{**shared, **where, "answers": answers})

    def a_visit(self, day: date, club: str, client: str, **answers: str) -> int:
        said = {"outcome": "met", "minutes": "60", "volunteers": "v1"}
        return self.a_record("care_visit", day, club, client, {**said, **answers})

    def a_check(
        self, day: date, club: str, member: str, high: str = "no", kind: str = "full"
    ) -> int:
        derived = {"bp_high": high} if high else {}
        return self.a_record(
            "health_check", day, club, member, {"check_kind": kind}, derived=derived
        )
