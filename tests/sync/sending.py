"""A small world for tests of processing: a few forms, two lists, and phones that send.

People join (`join` creates them), are weighed (`weigh` updates them), visited (`visit`), and
`leave`; clubs `meet`.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from forms.indicators import read_figures
from forms.instance import read_instance
from forms.library import FormRule, Library, load_library, read_list, read_rule
from sync import process, receive
from sync.database import Database
from sync.tables import (
    app_users,
    entities,
    entity_lists,
    form_versions,
    forms,
    projects,
    records,
    submission_versions,
    submissions,
)

NOW = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)
NOWHERE = Path("/nonexistent")


def an_id(word: str) -> str:
    """A v4-looking uuid that is always the same for a word."""
    return str(uuid.UUID(bytes=uuid.uuid5(uuid.NAMESPACE_OID, word).bytes, version=4))


def _xform(form: str, fields: Mapping[str, str], saves: Mapping[str, str], entity: str) -> bytes:
    """fields: path "a" or "gifts/item" -> bind type."""
    nodes, repeats = "", {path.split("/")[0] for path in fields if "/" in path}
    for path in fields:
        nodes += "" if "/" in path else f"<{path}/>"
    for name in repeats:
        inner = "".join(f"<{p.split('/')[1]}/>" for p in fields if p.startswith(f"{name}/"))
        nodes += f"<{name}>{inner}</{name}>"
    binds = "".join(
        f'<bind nodeset="/data/{path}" type="{kind}"'
        + (f' entities:saveto="{saves[path]}"' if path in saves else "")
        + "/>"
        for path, kind in fields.items()
    )
    body = "".join(
        f'<group ref="/data/{name}"><repeat nodeset="/data/{name}"/></group>' for name in repeats
    )
    return f"""<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
 xmlns:entities="http://www.opendatakit.org/xforms/entities"><h:head><h:title>{form}</h:title>
 <model entities:entities-version="2024.1.0"><instance><data id="{form}" version="1">{nodes}
 <meta><instanceID/>{entity}</meta></data></instance>{binds}</model></h:head>
 <h:body>{body}</h:body></h:html>""".encode()


CREATE = '<entity dataset="people" create="1" id=""><label/></entity>'
UPDATE = '<entity dataset="people" update="1" id="" baseVersion="" trunkVersion="" branchId=""/>'
XFORMS = {
    "join": _xform(
        "join",
        {"club": "string", "joined": "date", "born": "string", "klass": "string"},
        {"club": "club_id"},
        CREATE,
    ),
    "weigh": _xform(
        "weigh",
        {"who": "string", "day": "date", "kg": "string", "note": "string"},
        {"kg": "kg", "note": "note"},
        UPDATE,
    ),
    "visit": _xform(
        "visit",
        {
            "who": "string",
            "club": "string",
            "day": "date",
            "at": "time",
            "outcome": "string",
            "helpers": "string",
            "minutes": "int",
            "number": "int",
            "last_number": "int",
            "gifts/item": "string",
        },
        {},
        "",
    ),
    "leave": _xform(
        "leave",
        {"who": "string", "why": "string", "day": "date", "month": "date", "known": "string"}
        | {"to": "string"},
        {},
        "",
    ),
    "meet": _xform(
        "meet",
        {"club": "string", "day": "date", "at": "time", "kind": "string", "came": "int"},
        {},
        "",
    ),
    "poll": _xform("poll", {"q": "string"}, {}, ""),
}


def a_library() -> Library:
    rules: dict[str, FormRule] = {
        "join": read_rule(
            "join",
            {
                "happened_on": "joined",
                "creates": "people",
                "club": "club",
                "resent": {"within_days": 7},
            },
            NOWHERE,
        ),
        "weigh": read_rule(
            "weigh", {"happened_on": "day", "subject": "who", "subject_list": "people"}, NOWHERE
        ),
        "visit": read_rule(
            "visit",
            {
                "happened_on": "day",
                "subject": "who",
                "subject_list": "people",
                "club": "club",
                "number": "number",
                "same_event": {
                    "where": {"outcome": ["met"]},
                    "start": "at",
                    "within_minutes": 60,
                    "unite": {"helpers": "union", "minutes": "max"},
                },
                "resent": {"within_days": 7},
            },
            NOWHERE,
        ),
        "meet": read_rule(
            "meet",
            {
                "happened_on": "day",
                "club": "club",
                "same_event": {
                    "same": ["kind"],
                    "start": "at",
                    "same_hour": True,
                    "unite": {"came": "max"},
                },
                "resent": {"within_days": 7},
            },
            NOWHERE,
        ),
        "leave": read_rule(
            "leave",
            {
                "happened_on": "day",
                "happened_on_else": "month",
                "month_end": {"known": ["month"]},
                "subject": "who",
                "subject_list": "people",
                "flag": [{"where": {"why": ["twice"]}, "vi": "Xem lại.", "en": "Look."}],
            },
            NOWHERE,
        ),
    }
    label = {"vi": "x", "en": "x"}
    facts = [
        {"name": "status", "form": "join", "value": "active"},
        {"name": "club", "form": "join", "field": "club"},
        {"name": "klass", "form": "join", "field": "klass"},
        {"name": "kg", "form": "weigh", "field": "kg"},
        {
            "name": "status",
            "form": "leave",
            "field": "why",
            "values": {"died": "dead", "moved": "gone"},
        },
        {"name": "club", "form": "leave", "field": "to"},
    ]
    downloads = {
        "volunteer": {"rows": "club", "properties": ["kg"]},
        "chair": {"rows": "club", "where": {"kg": ["51", "53"]}, "properties": ["kg", "note"]},
    }
    people = {"label": label, "club": "club_id", "fact": facts, "download": downloads}
    people |= {"over": {"status": ["dead"]}, "away": {"status": ["gone"]}}
    lists = {
        "people": read_list("people", people, NOWHERE),
        "clubs": read_list(
            "clubs",
            {
                "label": label,
                "club": "name",
                "fact": [{"name": "status", "value": "active", "from_property": "founded_on"}],
            },
            NOWHERE,
        ),
    }
    return Library(NOWHERE, {}, load_library().roles, rules, lists, read_figures(NOWHERE), (), ())


@dataclass
class World:
    """A database with the forms published. Phones send into it; `work` processes what came."""

    database: Database
    library: Library = field(default_factory=a_library)
    xforms: Mapping[str, bytes] = field(default_factory=lambda: XFORMS)
    now: datetime = NOW
    serial: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    waiting: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.database.write() as db:
            db.execute(projects.insert().values(id=1, name="p"))
            for number, (name, xform) in enumerate(self.xforms.items(), 1):
                db.execute(
                    forms.insert().values(
                        id=number,
                        project_id=1,
                        xml_form_id=name,
                        title=name,
                        state="open",
                        current_version_id=number,
                        created_at=NOW,
                    )
                )
                db.execute(
                    form_versions.insert().values(
                        id=number,
                        form_id=number,
                        version="1",
                        xform=xform,
                        md5=f"sending-{name}",
                        source_kind="xml",
                        published_at=NOW,
                    )
                )
            for number, name in enumerate(self.library.lists, 1):
                db.execute(
                    entity_lists.insert().values(id=number, project_id=1, name=name, properties=[])
                )
            for number in (1, 2):
                db.execute(
                    app_users.insert().values(
                        id=number,
                        project_id=1,
                        name=f"phone {number}",
                        role="volunteer",
                        token_sha256=str(number),
                        created_at=NOW,
                    )
                )

    # -------------------------------------------------------------- sending
    def send(self, xml: bytes, phone: int = 1, at: datetime | None = None) -> int:
        """Receive one submission; its version's id."""
        arrival = receive.Arrival(1, read_instance(xml), xml, app_user_id=phone)
        with self.database.write() as db:
            version_id = receive.receive(db, arrival, at or self.now).submission_version_id
        self.waiting.append(version_id)
        return version_id

    def join(self, who: str, **more: Any) -> int:
        return self._send(join(who, **more))

    def visit(self, who: str, **more: Any) -> int:
        return self._send(visit(who, **more))

    def weigh(self, who: str, kg: str = "50", **more: Any) -> int:
        return self._send(weigh(who, kg, **more))

    def leave(self, who: str, why: str = "moved", **more: Any) -> int:
        return self._send(leave(who, why, **more))

    def meet(self, club: str, **more: Any) -> int:
        return self._send(meet(club, **more))

    def _send(self, sending: tuple[bytes, int, int]) -> int:
        xml, phone, days = sending
        return self.send(xml, phone, self.now + timedelta(days=days))

    # -------------------------------------------------------------- working
    def work(self, *version_ids: int) -> None:
        """Process these versions in one batch; without ids, those that wait."""
        ids: Sequence[int] = version_ids or self.waiting
        self.waiting = [one for one in self.waiting if one not in ids]
        with self.database.read() as db:
            prepared = process.prepare(db, self.library, ids, self.now)
        with self.database.write() as db:
            process.store(db, self.library, prepared, self.now)

    def work_again(self) -> None:
        """Process everything there is, once more."""
        self.work(*self.all_versions())

    def all_versions(self) -> list[int]:
        with self.database.read() as db:
            query = sa.select(submission_versions.c.id).order_by(submission_versions.c.id)
            return list(db.execute(query).scalars())

    # -------------------------------------------------------------- looking
    def records(self, form: str, table: str = "") -> list[Any]:
        """In the order of arrival."""
        with self.database.read() as db:
            query = (
                sa.select(records)
                .where(records.c.form == form, records.c.table_path == table)
                .order_by(records.c.submission_version_id, records.c.position)
            )
            return list(db.execute(query))

    def counted(self, form: str) -> list[Any]:
        return [r for r in self.records(form) if r.counted_with is None and not r.held_back]

    def person(self, who: str) -> Any:
        with self.database.read() as db:
            query = sa.select(entities).where(entities.c.uuid == an_id(who))
            return db.execute(query).one_or_none()

    def rows(self, table: sa.Table, *where: Any) -> list[Any]:
        with self.database.read() as db:
            return list(db.execute(sa.select(table).where(*where)))

    def review(self, version_id: int, state: str) -> None:
        self._decide(version_id, review_state=state)

    def delete(self, version_id: int) -> None:
        self._decide(version_id, deleted_at=self.now)

    def _decide(self, version_id: int, **values: Any) -> None:
        with self.database.write() as db:
            owner = sa.select(submission_versions.c.submission_id).where(
                submission_versions.c.id == version_id
            )
            db.execute(
                submissions.update()
                .where(submissions.c.id == owner.scalar_subquery())
                .values(**values)
            )


# ------------------------------------------------------------------ what phones write
Sending = tuple[bytes, int, int]  # XML, phone, days after NOW


def _xml(form: str, answers: Mapping[str, str], entity: str, key: str, replaces: str = "") -> bytes:
    nodes = "".join(f"<{k}>{v}</{k}>" for k, v in answers.items())
    old = f"<deprecatedID>uuid:{an_id(replaces)}</deprecatedID>" if replaces else ""
    return (
        f'<data id="{form}" version="1">{nodes}<meta><instanceID>uuid:{an_id(key)}</instanceID>'
        f"{old}{entity}</meta></data>"
    ).encode()


def join(
    who: str,
    club: str = "hoa",
    on: str = "2025-03-01",
    klass: str = "poor",
    key: str = "",
    replaces: str = "",
    label: str = "",
    phone: int = 1,
    days: int = 0,
) -> Sending:
    """`who` joins a club. Same `key` = same instance."""
    entity = (
        f'<entity dataset="people" create="1" id="{an_id(who)}"><label>{label or who}</label>'
        "</entity>"
    )
    answers = {"club": an_id(club), "joined": on, "born": "1950", "klass": klass}
    return _xml("join", answers, entity, key or f"join {who}", replaces), phone, days


def weigh(
    who: str,
    kg: str = "50",
    on: str = "2025-05-01",
    base: int | None = 1,
    trunk: int | None = None,
    branch: str = "",
    note: str | None = None,
    key: str = "",
    replaces: str = "",
    phone: int = 1,
    days: int = 0,
) -> Sending:
    """An update of `who`, as the phone understood versions."""
    entity = (
        f'<entity dataset="people" update="1" id="uuid:{an_id(who).upper()}"'
        f' baseVersion="{base or ""}" trunkVersion="{trunk or ""}"'
        f' branchId="{an_id(branch) if branch else ""}"/>'
    )
    answers = {"who": an_id(who), "day": on, "kg": kg} | ({"note": note} if note else {})
    return _xml("weigh", answers, entity, key or f"weigh {who} {on}", replaces), phone, days


def visit(
    who: str,
    on: str = "2025-06-01",
    at: str = "08:00:00.000+07:00",
    helpers: str = "lan",
    minutes: str = "30",
    outcome: str = "met",
    club: str = "hoa",
    gifts: Iterable[str] = (),
    number: int | None = None,
    key: str = "",
    replaces: str = "",
    phone: int = 1,
    days: int = 0,
) -> Sending:
    answers = {"who": an_id(who), "club": an_id(club), "day": on, "at": at}
    answers |= {"outcome": outcome, "helpers": helpers, "minutes": minutes}
    if number is not None:
        answers |= {"number": str(number), "last_number": str(number)}
    xml = _xml("visit", answers, "", key or f"visit {who} {on} {at} {phone}", replaces)
    given = "".join(f"<gifts><item>{item}</item></gifts>" for item in gifts)
    return xml.replace(b"<meta>", f"{given}<meta>".encode()), phone, days


def leave(
    who: str,
    why: str = "moved",
    on: str = "2025-06-30",
    month: str = "",
    to: str = "",
    key: str = "",
    replaces: str = "",
    phone: int = 1,
    days: int = 0,
) -> Sending:
    """`who` leaves on a day, or in a `month` (any day of it) of which no more is known."""
    answers = {"who": an_id(who), "why": why, "to": an_id(to) if to else ""}
    answers |= {"month": month, "known": "month"} if month else {"day": on, "known": "day"}
    return _xml("leave", answers, "", key or f"leave {who} {on}", replaces), phone, days


def meet(
    club: str,
    on: str = "2025-06-01",
    at: str = "08:00:00.000+07:00",
    kind: str = "meeting",
    came: str = "40",
    key: str = "",
    replaces: str = "",
    phone: int = 1,
    days: int = 0,
) -> Sending:
    """The club came together."""
    answers = {"club": an_id(club), "day": on, "at": at, "kind": kind, "came": came}
    return _xml("meet", answers, "", key or f"meet {club} {on} {at} {phone}", replaces), phone, days
