"""A village for tests of reports: three clubs, two wards, one district, and who speaks for them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from forms.indicators import read_figures
from forms.library import Library, load_library, read_rule
from forms.periods import Period, get_period
from forms.problems import Refused
from forms.report_rules import read_report_rules
from sync import tables as t
from sync.access import OPERATOR, Caller
from sync.database import Database
from sync.reports import steps
from sync.reports.chain import Standing, Wish
from sync.reports.data import PlaceData, PlaceKey, ReportData
from sync.reports.reading import read_report
from tests.sync import sending
from tests.sync.sending import NOWHERE, World, an_id

HERE = Path(__file__).parent
H1 = get_period("2025H1")  # its last day is the districts' last
H2 = get_period("2025H2")
NOW = datetime(2025, 7, 3, 3, tzinfo=UTC)  # 10:00 in Da Nang
REFORM = date(2025, 7, 1)
SAY = sending._xform(
    "say",
    dict.fromkeys(("club", "period", "agree", "results", "plan"), "string") | {"day": "date"},
    {},
    "",
)


def a_library() -> Library:
    """The small world's, with figures, a report and the project's own roles."""
    library = sending.a_library()
    say = read_rule("say", {"happened_on": "day", "club": "club"}, NOWHERE)
    return replace(
        library,
        rules={**library.rules, "say": say},
        figures=read_figures(HERE),
        report=read_report_rules(tomllib.loads((HERE / "report.toml").read_text("utf-8"))),
        roles=load_library().roles,
    )


@dataclass
class Village:
    """Ward 101 has the clubs hoa and mai, ward 102 has sen; one district until July 2025."""

    database: Database
    library: Library = field(default_factory=a_library)
    now: datetime = NOW

    def __post_init__(self) -> None:
        forms = {**sending.XFORMS, "say": SAY}
        self.world = World(self.database, self.library, xforms=forms, now=self.now)
        self.city = self.a_unit("48", "city", None)
        self.district = self.a_unit("492", "district", self.city, end=REFORM)
        self.wards = [
            self.a_unit(code, "commune", self.district, end=REFORM) for code in ("101", "102")
        ]
        self.heirs = [
            self.a_unit(code, "commune", self.city, start=REFORM) for code in ("201", "202")
        ]
        self.clubs = {
            name: self.a_club(name, self.wards[ward])
            for name, ward in (("hoa", 0), ("mai", 0), ("sen", 1))
        }
        with self.database.write() as db:
            for old, new in zip(self.wards, self.heirs, strict=True):
                values = {"old_id": old, "new_id": new, "happened_on": REFORM, "kind": "whole"}
                db.execute(t.unit_successions.insert().values(**values))

    # -------------------------------------------------------------- places
    def _insert(self, table: sa.Table, **values: Any) -> int:
        with self.database.write() as db:
            return int(
                db.execute(table.insert().values(**values).returning(table.c.id)).scalar_one()
            )

    def a_unit(
        self,
        code: str,
        level: str,
        parent: int | None,
        start: date = date(2006, 1, 1),
        end: date | None = None,
    ) -> int:
        kind = {"commune": "ward", "district": "urban_district", "city": "city"}[level]
        return self._insert(
            t.units,
            level=level,
            kind=kind,
            code=code,
            name=f"số {code}",
            parent_id=parent,
            valid_from=start,
            valid_to=end,
            counts_in_coverage=level == "commune",
        )

    def a_club(self, name: str, unit: int, founded: date = date(2018, 1, 1)) -> str:
        uuid = an_id(name)
        data = {"club_code": name.upper(), "founded_on": founded.isoformat()}
        shared: dict[str, Any] = {"version": 1, "label": f"CLB {name}", "data": data}
        entity = self._insert(
            t.entities,
            list_id=2,
            uuid=uuid,
            **shared,
            club_id=uuid,
            imported=True,
            created_at=NOW,
            updated_at=NOW,
            change_seq=1,
        )
        self._insert(t.entity_versions, entity_id=entity, created_at=NOW, **shared)
        life = {"list_name": "clubs", "uuid": uuid, "valid_from": founded}
        self._insert(t.spells, name="status", value="active", **life)
        self._insert(t.club_places, club_id=uuid, unit_id=unit, valid_from=founded)
        return uuid

    # -------------------------------------------------------------- what phones send
    def sends(self, sent: sending.Sending) -> None:
        """One submission arrives now and is processed."""
        xml, phone, _ = sent
        self.world.send(xml, phone, self.now)
        self.world.work()

    def says(
        self, club: str, agree: str = "yes", period: str = "2025H1", key: str = "", **more: str
    ) -> None:
        """The club's chair sends the form that confirms; `replaces` names the key of an earlier."""
        replaces = more.pop("replaces", "")
        answers: Mapping[str, str] = {
            "club": an_id(club), "period": period, "agree": agree, "day": "2025-07-02", **more
        }  # fmt: skip
        key = key or f"say {club} {period}"
        self.sends((sending._xml("say", answers, "", key, replaces), 1, 0))

    # -------------------------------------------------------------- who does what
    def who(self, role: str, *, club: str = "", unit: int | None = None) -> Caller:
        """Somebody with an account."""
        number = self._insert(
            t.users,
            name=f"{role} {club or unit}",
            role=role,
            unit_id=unit,
            club_id=an_id(club) if club else None,
            password_hash="x",
            created_at=NOW,
        )
        return Caller("user", number, "x", role, unit, an_id(club) if club else None)

    def place(self, name: str | int) -> PlaceKey:
        """A club by its name, a unit by its id."""
        if isinstance(name, str):
            return "club", an_id(name)
        with self.database.read() as db:
            level = db.scalar(sa.select(t.units.c.level).where(t.units.c.id == name))
        return str(level), str(name)

    def does(
        self,
        act: Any,
        name: str | int | None = None,
        by: Caller = OPERATOR,
        period: Period = H1,
        comment: str = "",
        incomplete: bool = False,
    ) -> Standing:
        """Take a step as a page or the console does."""
        wish = Wish(act, None if name is None else self.place(name), comment, incomplete)
        with self.database.read() as db:
            prepared = steps.prepare(db, self.library, by, period, wish, self.now)
        with self.database.write() as db:
            return steps.take(db, self.library, by, period, prepared, self.now)

    def refuses(self, *arguments: Any, **more: Any) -> str:
        """The code of the problem that keeps the step from being taken."""
        with pytest.raises(Refused) as raised:
            self.does(*arguments, **more)
        assert raised.value.problem.vi
        assert raised.value.problem.en
        return raised.value.problem.code

    def confirms_all(self, period: Period = H1) -> None:
        """Every place, bottom up, at the console."""
        with self.database.read() as db:
            chain = steps.read_chain(db, self.library, period)
        order = {level: n for n, level in enumerate(("club", "commune", "district", "city"))}
        waiting = chain.places.keys() - chain.standing().confirmed.keys()
        for place in sorted(waiting, key=lambda one: order[one[0]]):
            level, key = place
            by_name = {uuid: name for name, uuid in self.clubs.items()}
            self.does("confirm", by_name[key] if level == "club" else int(key), period=period)

    def sends_off(self, period: Period = H1) -> None:
        """The report of a period goes through the whole chain and is frozen."""
        self.confirms_all(period)
        self.does("send", period=period)

    # -------------------------------------------------------------- looking
    def report(self, period: Period = H1, **more: Any) -> ReportData:
        with self.database.read() as db:
            return read_report(db, self.library, period, self.now, **more)

    def standing(self, period: Period = H1) -> Standing:
        with self.database.read() as db:
            return steps.read_chain(db, self.library, period).standing()

    def seen_at(self, data: ReportData, name: str | int) -> PlaceData:
        found = data.place(*self.place(name))
        assert found is not None
        return found
