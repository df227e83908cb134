"""A copy of what was made once is what would have been made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa

from forms.library import load_library
from sync.database import Database
from sync.tables import audit_events, metadata
from tests.conftest import NOW, empty
from tests.made_once import made_once
from tests.sync.library_world import LibraryWorld


def test_a_copy_has_every_row_and_file_and_numbers_on_after_them(
    database: Database, tmp_path: Path, sqlite_template: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()

    def make() -> list[str]:
        LibraryWorld(database, first, now=NOW)
        _next_number(database)
        (first / "more").write_text("ô")
        return ["told"]

    def again() -> NoReturn:
        pytest.fail("it was made already")

    name = f"made for {tmp_path}"
    assert made_once(name, database, first, make) == ["told"]
    rows, number = _rows(database), _next_number(database)
    assert len(rows["form_versions"]) >= len(load_library().forms)
    if database.is_sqlite:
        (tmp_path / "copy.db").write_bytes(sqlite_template.read_bytes())
        database = Database(f"sqlite:///{tmp_path / 'copy.db'}", database.vault)
    else:
        empty(database)
    assert made_once(name, database, second, again) == ["told"]
    assert _rows(database) == rows
    assert _next_number(database) == number
    files = [
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in (first, second)
    ]
    assert files[0] == files[1]
    database.dispose()


def _rows(database: Database) -> dict[str, list[Any]]:
    with database.read() as db:
        return {table.name: db.execute(sa.select(table)).all() for table in metadata.sorted_tables}


def _next_number(database: Database) -> int:
    event = audit_events.insert().values(at=NOW, actor="system", action="x")
    with database.write() as db:
        return int(db.execute(event.returning(audit_events.c.id)).scalar_one())
