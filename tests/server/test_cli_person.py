"""One person's data at the console: shown, handed out whole, erased with a proof."""

from __future__ import annotations

import json
from pathlib import Path

from openpyxl import load_workbook

from sync import audit
from tests.server.test_cli import Cayda
from tests.sync.library_world import LibraryWorld
from tests.sync.test_member_forms import BA, join, visit, world  # noqa: F401 (a fixture)

NAME = "Ngô Thị Quỳnh Như"


def test_a_persons_whole_file_is_handed_out_and_then_she_is_erased(
    world: LibraryWorld,  # noqa: F811
    tmp_path: Path,
) -> None:
    join(world, full_name=NAME)
    visit(world, "2025-07-20")
    world.work()
    url = world.database.url.render_as_string(hide_password=False)
    cayda = Cayda(tmp_path, {"DATABASE_URL": url, "REDIS_URL": None})
    shown = cayda.json("person", "show", BA, "--everywhere")
    assert shown["kept"]["forms that name the id"] == 2
    cayda.json("person", "export", BA, "--why", "request 1", "--out", str(tmp_path))
    file = json.loads((tmp_path / f"person-{BA}.json").read_text(encoding="utf-8"))
    assert {row["answer"] for row in file["answers"] if row["question"] == "full_name"} == {NAME}
    assert [row["action"] for row in file["seen_by"]] == ["person.show"]
    sheets = load_workbook(tmp_path / f"person-{BA}.xlsx").worksheets
    told = {cell for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row}
    assert {NAME, "Họ và tên (có dấu)"} <= told
    assert (tmp_path / f"person-{BA}.pdf").read_bytes()[:5] == b"%PDF-"
    proof = tmp_path / "proof.json"
    cayda.json("person", "erase", BA, "--why", "request 1", "--yes", "--proof", str(proof))
    erased = json.loads(proof.read_text(encoding="utf-8"))
    assert erased["counted"] == {"erased in part": 3}  # and the form that took all consent back
    assert NAME not in proof.read_text(encoding="utf-8")
    with world.database.read() as db:
        seen = [one.action for one in audit.who_saw(db, "members", [BA])]
        assert seen == ["person.export", "person.show"]
    assert world.differences() == []
