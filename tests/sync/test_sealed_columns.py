"""What the library marks, and every XML, can be read in the database with the key only."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.library import load_library
from forms.library_check import misfits
from sync import comments, resealing, tables
from sync.database import Database
from sync.matching import work as matching
from sync.matching.secret import hashing
from sync.privacy import requests
from sync.vault import NO_VAULT, SIGN, Locked, Vault, salt_of
from tests.sync.library_world import NOW, LibraryWorld
from tests.sync.sending import an_id
from tests.sync.test_member_forms import BA, HOA, JOINED

NUMBER, LAST4 = "049149001234", "7391"
TWIN = an_id("twin")
WORDS = (tables.submission_comments.c.text, tables.privacy_requests.c.paper)
OLD, NEW = b"o" * 32, b"n" * 32


def secrets_of(world: LibraryWorld, form: str) -> dict[str, str]:
    """What is said in each marked column of a form: found nowhere else."""
    marked = sorted(world.library.rules[form].sealed - {"id_number", "insurance_last4"})
    return {name: f"hush {form} {name} hush" for name in marked}


def fill(world: LibraryWorld) -> set[str]:
    """Two entries of one person, looked after and examined; all that nobody may read."""
    hushed = {form: secrets_of(world, form) for form in world.library.rules}
    numbers = {"id_kind": "cccd", "id_number": NUMBER, "insurance_last4": LAST4}
    for who, name in ((BA, "Trần Thị Ba"), (TWIN, "Tran Thi Ba")):
        answers = JOINED | {"full_name": name, "join_date": "2019-05-01"} | numbers
        answers |= hushed["membership"]
        world.send("membership", answers, f"join {who}", create=who, label="Ba · 1949 · tổ 1")
    of_ba = {"club": HOA, "member": BA}
    for form, day in (("health_check", "check_date"), ("member_update", "effective_date")):
        world.send(form, {**of_ba, day: "2025-08-01", **hushed[form]}, form)
    visit = {"club": HOA, "client": BA, "visit_date": "2025-08-02", "outcome": "met"}
    world.send("care_visit", visit | hushed["care_visit"], "visit")
    world.work()
    with world.database.write() as db:
        matching.match(db, world.library, "members", [BA, TWIN], NOW)
        comments.add(db, 1, comments.COMMENT, "hush comment hush", "operator", NOW)
        requests.ask(
            *(db, world.library, "access", BA, date(2025, 8, 3), "hush paper hush"),
            *("operator", NOW),
        )
    said = {text for of_form in hushed.values() for text in of_form.values()}
    said |= {"hush comment hush", "hush paper hush"}
    assert len(said) > 20
    return said | {NUMBER, f'"{LAST4}"', f"'{LAST4}'", f">{LAST4}<"}


def cells(db: Connection) -> Iterator[tuple[str, str]]:
    """Every value of every column of every table as it stands there, beside where it stands."""
    for table in tables.metadata.sorted_tables:
        for row in db.exec_driver_sql(f'SELECT * FROM "{table.name}"').mappings():
            for column, value in row.items():
                yield f"{table.name}.{column}", _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, bytes | memoryview):
        return str(value)
    try:
        return zlib.decompress(value).decode()
    except zlib.error:
        return bytes(value).decode("utf-8", "replace")


def found(database: Database, said: set[str]) -> set[str]:
    with database.read() as db:
        return {place for place, text in cells(db) if any(one in text for one in said)}


def seal_all(database: Database, world: LibraryWorld) -> None:
    at: resealing.Place | None = resealing.Place()
    while at is not None:
        with database.write() as db:
            at = resealing.seal_some(db, world.library, at)
    with database.write() as db:
        resealing.note_done(db, world.library)
        assert resealing.is_done(db, world.library)


def lay_open(world: LibraryWorld) -> None:
    """As code before today left it."""
    versions, records = tables.submission_versions, tables.records
    with world.database.write() as db:
        for row in db.execute(sa.select(versions.c.id, versions.c.xml)).all():
            plain = sa.type_coerce(row.xml, sa.LargeBinary)
            db.execute(versions.update().where(versions.c.id == row.id).values(xml=plain))
        for row in db.execute(sa.select(records.c.id, records.c.answers, records.c.derived)).all():
            values = {"answers": row.answers, "derived": row.derived}
            db.execute(records.update().where(records.c.id == row.id).values(**values))
        for column in WORDS:
            for text in db.scalars(sa.select(column)).all():
                plain = sa.type_coerce(text, sa.Text)
                db.execute(column.table.update().values({column.name: plain}))


@pytest.fixture
def world(database: Database, tmp_path: Path) -> LibraryWorld:
    return LibraryWorld(database, tmp_path)


def test_no_column_of_any_table_holds_what_is_marked(world: LibraryWorld) -> None:
    said = fill(world)
    assert found(world.database, said) == set()
    assert found(world.database, {"Tran Thi Ba"}) >= {"records.answers"}
    (_, answers) = (row.answers for row in world.records("membership"))
    assert answers["id_number"] == NUMBER
    with world.database.read() as db:
        assert any(NUMBER.encode() in xml for xml in db.scalars(sa.select(_XML)))
        # Found to be one by a number that nobody can read.
        assert db.scalar(sa.select(sa.func.count(tables.entity_links.c.id))) == 1
    assert world.differences() == []


_XML = tables.submission_versions.c.xml


def test_what_older_code_kept_is_read_and_then_sealed(world: LibraryWorld) -> None:
    said = fill(world)
    lay_open(world)
    words = {f"{one.table.name}.{one.name}" for one in WORDS}
    assert found(world.database, said) == {"submission_versions.xml", "records.answers", *words}
    assert world.differences() == []
    with world.database.read() as db:
        assert not resealing.is_done(db, world.library)
    seal_all(world.database, world)
    assert found(world.database, said) == set()
    assert world.differences() == []
    with world.database.read() as db:
        before = list(cells(db))
    seal_all(world.database, world)
    with world.database.read() as db:
        assert list(cells(db)) == before


def test_with_another_key_all_is_sealed_anew_and_the_old_one_opens_nothing(
    world: LibraryWorld,
) -> None:
    fill(world)
    url = world.database.url.render_as_string(hide_password=False)
    old_key = world.database.vault
    changing = Database(url, Vault(lambda: NEW, old_key._keys))
    with world.database.read() as db:
        number = hashing(db, NOW).number(NUMBER)
    seal_all(changing, world)
    changed = Database(url, Vault(lambda: NEW))
    with changed.read() as db:
        assert hashing(db, NOW).number(NUMBER) == number  # so pairs and dismissals stay
        assert any(NUMBER.encode() in xml for xml in db.scalars(sa.select(_XML)))
        answers = list(db.scalars(sa.select(tables.records.c.answers)))
        assert [one.text for one in comments.read(db, 1)] == ["hush comment hush"]
    assert any(one.get("id_number") == NUMBER for one in answers)
    for vault in (old_key, NO_VAULT):
        locked = Database(url, vault)
        for column in (_XML, tables.records.c.answers, *WORDS):
            with pytest.raises(Locked), locked.read() as db:
                db.scalars(sa.select(column)).all()
        with locked.read() as db:  # what needs no key does not ask for one
            assert db.scalar(sa.select(sa.func.count(tables.records.c.id)))
        locked.dispose()
    changing.dispose()
    changed.dispose()


def test_an_answer_is_sealed_differently_each_time_and_opened_in_its_place_only() -> None:
    vault, told = Vault(lambda: OLD), {"a": "yes", "b": "yes", "c": "Ba Đình"}
    sealed = vault.seal_answers(told, {"a", "c", "d"})
    assert sealed["b"] == "yes"
    assert {sealed["a"], sealed["c"]}.isdisjoint(vault.seal_answers(told, {"a", "c"}).values())
    assert sealed == vault.seal_answers(told, {"a", "c"}, salt_of(sealed))
    assert vault.open_answers(sealed) == told
    assert Vault(lambda: NEW, [lambda: OLD]).open_answers(sealed) == told
    for locked in (Vault(lambda: NEW), NO_VAULT):
        with pytest.raises(Locked):
            locked.open_answers(sealed)
    for damaged in (sealed["a"], SIGN, f"{SIGN}!", sealed["c"][:-4], sealed["c"] + "AAAA"):
        with pytest.raises(Locked):
            vault.open_answers({"c": damaged})


def test_what_is_open_or_empty_needs_no_key() -> None:
    assert NO_VAULT.open("xml", b"<?xml") == b"<?xml"
    assert NO_VAULT.open_answers({"a": "x", "b": ""}) == {"a": "x", "b": ""}
    assert NO_VAULT.seal_answers({"a": "x", "b": ""}, {"b", "c"}) == {"a": "x", "b": ""}
    with pytest.raises(Locked):
        NO_VAULT.seal("xml", b"<?xml")


def test_a_column_that_a_list_or_the_database_reads_cannot_be_marked() -> None:
    from dataclasses import replace

    library = load_library()
    for form, name in (
        ("membership", "hh_class"),  # a fact
        ("membership", "phone"),  # the end of it is computed in SQL
        ("membership", "alias"),  # saved to an entity
        ("care_visit", "minutes"),  # united in SQL
        ("health_check", "check_kind"),  # a condition of a follow-up list's column
        ("health_check", "no such column"),
    ):
        rule = replace(library.rules[form], sealed=frozenset({name}))
        marked = replace(library, rules={**library.rules, form: rule})
        assert [name in problem.en for problem in misfits(marked)] == [True], name
