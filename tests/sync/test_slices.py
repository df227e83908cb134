"""A phone's mark of a list is another exactly when its CSV is another, whatever happened."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forms.library import Download, Library, ListRule, Wrong, load_library, read_list
from sync import catalogue, counters, entities, publish, slices
from sync.access import Caller
from sync.database import Database
from sync.entities import Kept
from sync.tables import counters as counter_rows
from sync.tables import entities as rows
from sync.tables import entity_lists, slice_marks
from tests.conftest import NOW

C1, C2 = "c1", "c2"
LAN, MINH = "1a" * 16, "2b" * 16
RULES = {
    "volunteer": Download("club", {"status": ("active",)}, ("sex",)),
    "chair": Download("club", {}, ("sex", "status")),
    "treasurer": Download("club", {"status": ("active",)}, ("sex",)),  # as the volunteer's
    "health": Download("club", {}, ("sex",), ({"care": ("yes",)}, {"sex": ("f",)})),
    "city": Download("all", {}, ("sex", "status", "club")),
    "commune": Download("assigned", {"status": ("active",)}, ("sex",), (), "carers"),
}
CALLERS = [
    *(Caller("app_user", 1, "a", role, club_id=club) for role in RULES for club in (C1, C2)),
    *(Caller("app_user", 2, "b", "commune", club_id=C1, person_id=who) for who in (LAN, MINH)),
    Caller("app_user", 3, "c", "commune", club_id=C2, person_id=f"uuid:{LAN.upper()}"),
    Caller("app_user", 4, "d", "city"),
    Caller("operator", 0, "e", "operator"),
]


def a_library(name: str = "people", **rules: Download) -> Library:
    properties = ("sex", "status", "care", "club", "carers")
    rule = ListRule(name, "Người", "People", "club", properties, rules or RULES, ())
    return replace(load_library(), lists={name: rule})


def declared(database: Database, library: Library) -> Library:
    with database.write() as db:
        lists = {name: rule.properties for name, rule in library.lists.items()}
        publish.declare_lists(db, lists)
        slices.build(db, library)
    return library


@pytest.fixture
def library(database: Database) -> Library:
    return declared(database, a_library())


def keep(database: Database, library: Library, uuid: str, label: str = "An", **data: str) -> None:
    (name,) = library.lists
    kept = {"sex": "f", "status": "active", "care": "", "club": C1, "carers": "", **data}
    with database.write() as db:
        entities.keep(db, library, name, [Kept(uuid, label, kept)], NOW)


def set_deleted(database: Database, library: Library, uuid: str, deleted: bool) -> None:
    """Take one off the list, or put it back."""
    (name,) = library.lists
    with database.write() as db:
        mine = rows.c.uuid == uuid
        row = db.execute(sa.select(rows).where(mine)).one_or_none()
        if row is None:
            return
        values = {**row._mapping, "deleted_at": NOW if deleted else None}
        db.execute(rows.update().where(mine).values(deleted_at=values["deleted_at"]))
        change = (name, slices.shown(dict(row._mapping)), slices.shown(values))
        slices.follow(db, library, {name: row.list_id}, [change])


def mark(database: Database, library: Library, caller: Caller) -> str:
    (name,) = library.lists
    with database.read() as db:
        return catalogue.mark_of(db, catalogue.slice_of(db, library, caller, name, NOW))


def csv_of(database: Database, library: Library, caller: Caller) -> bytes:
    (name,) = library.lists
    with database.read() as db:
        return b"".join(catalogue.entity_csv(db, library, caller, name, NOW))


def marks(database: Database, list_name: str = "people") -> set[tuple[Any, ...]]:
    c = slice_marks.c
    query = sa.select(c.rule, c.club_id, c.rows, c.sum).where(c.rows > 0)
    query = query.join(entity_lists, entity_lists.c.id == c.list_id)
    with database.read() as db:
        found = db.execute(query.where(entity_lists.c.name == list_name))
        return {tuple(row) for row in found}


# ------------------------------------------------------------------ the mark and the bytes

uuids = st.sampled_from("abc")
changes = st.one_of(
    st.tuples(
        st.just("keep"),
        uuids,
        st.fixed_dictionaries(
            {
                "label": st.sampled_from(["Lan · 1950", "An · 1948"]),
                "sex": st.sampled_from("fm"),
                "status": st.sampled_from(["active", "left"]),
                "care": st.sampled_from(["", "yes"]),
                "club": st.sampled_from([C1, C2, ""]),
                "carers": st.sampled_from(
                    ["", LAN, f"uuid:{LAN.upper()}", f"{LAN} {MINH}", f"{MINH}  {MINH}", LAN[:9]]
                ),
            }
        ),
    ),
    st.tuples(st.sampled_from(["delete", "restore"]), uuids, st.just({})),
)
serial = itertools.count()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(changes, max_size=8))
def test_a_mark_is_the_same_exactly_when_the_bytes_are(
    database: Database, history: list[tuple[str, str, Mapping[str, str]]]
) -> None:
    name = f"list{next(serial)}"
    library = declared(database, a_library(name))
    by_mark: dict[str, bytes] = {}
    by_bytes: dict[bytes, str] = {}
    for what, uuid, data in [("nothing", "", {}), *history]:
        if what == "keep":
            keep(database, library, f"{name}{uuid}", **data)
        elif what != "nothing":
            set_deleted(database, library, f"{name}{uuid}", what == "delete")
        for caller in CALLERS:
            text, number = (
                csv_of(database, library, caller),
                mark(database, library, caller),
            )
            assert by_mark.setdefault(number, text) == text
            assert by_bytes.setdefault(text, number) == number
    kept = marks(database, name)
    with database.write() as db:
        slices.rebuild(db, library)
    assert marks(database, name) == kept


def test_a_mark_reads_no_entity(database: Database, library: Library) -> None:
    keep(database, library, "a")
    before = mark(database, library, CALLERS[0])
    with database.write() as db:  # behind everybody's back
        db.execute(rows.delete().where(rows.c.uuid == "nobody"))
        db.execute(rows.update().values(label="another"))
    assert mark(database, library, CALLERS[0]) == before


def test_rules_that_show_the_same_share_their_marks(database: Database, library: Library) -> None:
    keep(database, library, "a")
    with database.read() as db:
        found = db.scalars(sa.select(slice_marks.c.rule).distinct()).all()
    assert len(found) == len(RULES) - 1


# ------------------------------------------------------------------ assigned


def test_who_is_assigned_sees_her_own_and_no_other(database: Database, library: Library) -> None:
    keep(database, library, "a", "An", carers=f"{LAN} {MINH}")
    keep(database, library, "b", "Ba", carers=f"uuid:{MINH.upper()}")
    keep(database, library, "c", "Ca", carers=LAN, club=C2)
    keep(database, library, "d", "Da", carers=LAN, status="left")

    def seen(**who: Any) -> str:
        caller = Caller("app_user", 1, "x", "commune", **who)
        lines = csv_of(database, library, caller).decode().splitlines()[1:]
        return "".join(line[0] for line in lines)

    assert seen(club_id=C1, person_id=LAN) == "a"
    assert seen(club_id=C1, person_id=MINH) == "ab"
    assert seen(club_id=C2, person_id=LAN) == "c"
    assert seen(club_id=C1) == ""  # no person, no rows
    assert seen(club_id=C1, person_id="%") == ""
    assert seen(person_id=LAN) == ""  # no place, no rows


def test_integrity_follows_what_is_assigned(database: Database, library: Library) -> None:
    keep(database, library, "a", carers=LAN)
    keep(database, library, "b", carers=MINH)
    lan = Caller("app_user", 1, "x", "commune", club_id=C1, person_id=LAN)
    with database.read() as db:
        found = catalogue.slice_of(db, library, lan, "people", NOW)
        ids = db.scalars(sa.select(rows.c.uuid).where(found.condition())).all()
    assert ids == ["a"]


@pytest.mark.parametrize(
    "entry", [{"rows": "assigned"}, {"rows": "club", "assigned_by": "carers"}, {"rows": "mine"}]
)
def test_a_rule_says_both_that_rows_are_assigned_and_by_what(entry: dict[str, str]) -> None:
    with pytest.raises(Wrong):
        read_list("people", {"label": {"vi": "a", "en": "a"}, "download": {"chair": entry}}, Path())


# ------------------------------------------------------------------ new and old rules


def test_a_rule_that_is_new_gets_its_marks_from_the_rows(
    database: Database, library: Library
) -> None:
    keep(database, library, "a")
    keep(database, library, "b", club=C2)
    wider = a_library(**{**RULES, "treasurer": Download("club", {}, ("sex", "carers"))})
    caller = Caller("app_user", 1, "a", "treasurer", club_id=C1)
    counted = mark(database, wider, caller)  # by looking at the rows
    with database.write() as db:
        slices.build(db, wider)
    assert mark(database, wider, caller) == counted
    kept = marks(database)
    with database.write() as db:
        slices.build(db, wider)
        slices.rebuild(db, wider)
    assert marks(database) == kept


def test_a_rule_that_is_no_more_leaves_no_mark_that_nobody_keeps(
    database: Database, library: Library
) -> None:
    keep(database, library, "a")
    narrow = a_library(chair=RULES["chair"])
    with database.write() as db:
        slices.build(db, narrow)
        assert db.scalars(sa.select(slice_marks.c.rule).distinct()).all() == [
            slices.fingerprint(RULES["chair"])
        ]


def test_a_mark_never_lags_behind_a_change_that_an_older_program_made(
    database: Database, library: Library
) -> None:
    keep(database, library, "a")
    wider = a_library(**{**RULES, "treasurer": Download("club", {}, ("sex", "carers"))})
    with database.write() as db:
        slices.build(db, wider)
    keep(database, library, "b")  # a worker that was not restarted yet, with yesterday's rules
    caller = Caller("app_user", 1, "a", "treasurer", club_id=C1)
    seen = mark(database, wider, caller)
    with database.write() as db:
        slices.rebuild(db, wider)
    assert seen == mark(database, wider, caller)


def test_marks_that_were_never_made_are_made_with_the_first_change(database: Database) -> None:
    library = a_library()
    with database.write() as db:
        publish.declare_lists(db, {"people": ()})
    caller = Caller("app_user", 1, "a", "chair", club_id=C1)
    keep(database, library, "a")
    first = mark(database, library, caller)
    keep(database, library, "b")
    assert mark(database, library, caller) != first
    kept = marks(database)
    with database.write() as db:
        slices.rebuild(db, library)
    assert marks(database) == kept


# ------------------------------------------------------------------ the counter


def test_the_counter_rises_when_a_slice_changes_and_only_then(
    database: Database, library: Library
) -> None:
    def value() -> int:
        c = counter_rows.c
        with database.read() as db:
            return db.scalar(sa.select(c.value).where(c.name == counters.LISTS)) or 0

    keep(database, library, "a")
    before = value()
    keep(database, library, "a")  # the same again
    assert value() == before
    keep(database, library, "a", sex="m")
    assert value() > before


def test_the_lists_of_a_draft_are_those_of_the_real_forms(
    database: Database, library: Library
) -> None:
    keep(database, library, "a")
    with database.write() as db:
        db.execute(sa.text("INSERT INTO projects (id, name) VALUES (2, 'drafts')"))
        values = {"project_id": 2, "name": "people", "properties": []}
        db.execute(entity_lists.insert().values(**values))
    phone = Caller("app_user", 1, "a", "chair", club_id=C1, project_id=2)
    assert b"a,An,1" in csv_of(database, library, phone)
