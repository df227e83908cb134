"""Records handed out as files: where they go, whose they are, and that none is left half done."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import sqlalchemy as sa

from server.cli.terminal import GOOD, MISUSED, WRONG
from sync import tables as t
from sync.database import Database
from tests.conftest import NOW
from tests.office import Office, office
from tests.server.test_cli import CLUBS, Cayda, cayda, with_library

__all__ = ["cayda", "office", "with_library"]

FORM = """
| survey |              |       |          |
|        | type         | name  | label    |
|        | text         | sp    | Loài cây |
|        | {kind}       | place | Ở đâu    |
|        | begin_repeat | nest  | Tổ chim  |
|        | text         | bird  | Chim     |
|        | end_repeat   |       |          |
| settings |         |           |
|          | form_id | version   |
|          | trees   | {version} |
"""


def publish(cayda: Cayda, folder: Path, kind: str, version: int = 1) -> None:
    path = folder / "trees.md"
    path.write_text(FORM.format(kind=kind, version=version), encoding="utf-8")
    done = cayda("form", "publish", str(path))
    assert done.exit_code == GOOD, done.output
    path.unlink()


def insert(db: sa.Connection, table: sa.Table, **values: Any) -> int:
    return int(db.execute(sa.insert(table).values(**values).returning(table.c.id)).scalar_one())


def send(database: Database, number: int, species: str = "đa") -> None:
    """One tree with a nest, as the worker would leave it."""
    with database.write() as db:
        form = db.execute(sa.select(t.forms.c.id).where(t.forms.c.xml_form_id == "trees"))
        ids = {"form_id": form.scalar_one(), "instance_id": f"uuid:{number}"}
        submission = insert(db, t.submissions, **ids, created_at=NOW)
        version = insert(
            *(db, t.submission_versions),
            **{**ids, "submission_id": submission, "sha256": f"{number:064}", "version": "1"},
            xml=b"",
            received_at=NOW,
            problems=[],
        )
        row = {"submission_id": submission, "submission_version_id": version, "form": "trees"}
        row |= {"derived": {}, "problems": [], "held_back": False, "happened_on": NOW.date()}
        answers = {"sp": species, "place": "16.05 108.2 0 0"}
        insert(db, t.records, **row, table_path="", position="", answers=answers)
        place = {"table_path": "nest", "position": "nest[1]", "parent_position": ""}
        insert(db, t.records, **row, **place, answers={"bird": "cò"})


@pytest.fixture
def trees(cayda: Cayda, database: Database, tmp_path: Path) -> Cayda:
    """A form with a repeat is published, and three of it are here."""
    publish(cayda, tmp_path, "text")
    for number in range(3):
        send(database, number)
    return cayda


def export(cayda: Cayda, *arguments: object) -> list[str]:
    call = ("export", "records", "trees", *map(str, arguments))
    return [Path(one).name for one in cayda.json(*call)["files"]]


def test_a_folder_gets_a_file_for_the_form_and_one_for_each_repeat(
    trees: Cayda, tmp_path: Path
) -> None:
    for out in (tmp_path / "new", tmp_path / "new"):  # made, then there already
        assert export(trees, "--out", out) == ["trees-nest.csv", "trees.csv"]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["trees-nest.csv", "trees.csv"]


def test_without_a_place_they_stand_where_one_is(
    trees: Cayda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert export(trees) == ["trees-nest.csv", "trees.csv"]
    assert export(trees, "--format", "xlsx") == ["trees.xlsx"]
    assert (tmp_path / "trees.xlsx").exists()


def test_a_zip_holds_the_same_files(trees: Cayda, tmp_path: Path) -> None:
    export(trees, "--out", tmp_path / "a.csv")
    assert export(trees, "--out", tmp_path / "a.zip") == ["a.zip"]
    with ZipFile(tmp_path / "a.zip") as pack:
        assert pack.namelist() == ["a.csv", "a-nest.csv"]
        for name in pack.namelist():
            assert pack.read(name) == (tmp_path / name).read_bytes()


def test_a_map_is_there_only_where_the_form_asks_for_a_place(trees: Cayda, tmp_path: Path) -> None:
    call = ("export", "records", "trees", "--out", str(tmp_path), "--format", "geojson")
    done = trees(*call)
    assert done.exit_code == MISUSED
    assert "geopoint" in done.stderr
    publish(trees, tmp_path, "geopoint", 2)
    assert export(trees, "--out", tmp_path / "a.geojson") == ["a.geojson"]
    found = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
    assert len(found["features"]) == 3
    assert found["features"][0]["geometry"]["coordinates"] == [108.2, 16.05, 0]


def test_a_file_keeps_to_what_a_person_may_see(
    trees: Cayda, database: Database, tmp_path: Path
) -> None:
    for name, role, *place in (("minh", "city"), ("hoa", "standing_office")):
        call = ("user", "add", name, "--role", role, *place, "--password-stdin")
        assert trees(*call, text="12345678\n").exit_code == GOOD
    assert export(trees, "--as", "minh", "--out", tmp_path) == ["trees-nest.csv", "trees.csv"]
    refused = trees("export", "records", "trees", "--as", "hoa", "--out", str(tmp_path / "no"))
    assert refused.exit_code == MISUSED
    assert not (tmp_path / "no").exists()
    with database.read() as db:
        event = sa.select(t.audit_events.c.details).where(
            t.audit_events.c.action == "records.export"
        )
        assert [row.details for row in db.execute(event)] == [{"seen_as": "user:1"}]


# ------------------------------------------------------------------ people


def test_a_list_of_people_is_a_file_per_club_and_who_took_it_is_kept(
    with_library: Cayda, database: Database, tmp_path: Path
) -> None:
    cayda = with_library
    (tmp_path / "clubs.csv").write_text(CLUBS, encoding="utf-8")
    cayda.json("club", "load", str(tmp_path / "clubs.csv"))
    for name, role in (("lan", "chair"), ("tu", "volunteer")):
        call = ("user", "add", name, "--role", role, "--club", "48-TEST-01", "--password-stdin")
        assert cayda(*call, text="12345678\n").exit_code == GOOD
    out = ("--out", str(tmp_path), "--club", "48-TEST-01")
    (file,) = cayda.json("export", "members", *out, "--as", "lan")["files"]
    assert Path(file).name == "danh_sach_hoi_vien_48-TEST-01.xlsx"
    (file,) = cayda.json("export", "members", *out, "--format", "csv")["files"]
    lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("STT;Mã HV;Họ và tên;Nữ (x)")
    assert lines[1].startswith('"Người vận hành máy chủ tải lúc')
    assert cayda.json("export", "members", "--out", str(tmp_path))["files"] == []  # nobody is in it
    refused = cayda("export", "members", *out, "--as", "tu")
    assert (refused.exit_code, "quyền" in refused.stderr) == (MISUSED, True)
    with database.read() as db:
        found = sa.select(t.audit_events.c.subject, t.audit_events.c.details).where(
            t.audit_events.c.action == "roll.export"
        )
        first, second, _ = db.execute(found)
        assert first == ("list:members", {"club": "48-TEST-01", "seen_as": "user:1"})
        assert second == ("list:members", {"club": "48-TEST-01"})


# ------------------------------------------------------------------ as a supervisor opens them


def test_the_report_is_the_same_in_a_csv_and_in_a_workbook(
    with_library: Cayda, office: Office, tmp_path: Path
) -> None:
    cayda = with_library
    (tmp_path / "clubs.csv").write_text(CLUBS.replace("thử", "=1+1"), encoding="utf-8")
    cayda.json("club", "load", str(tmp_path / "clubs.csv"))
    out = ("export", "report", "2025H2", "--out", str(tmp_path))
    tables = [Path(one) for one in cayda.json(*out)["files"]]
    (book,) = cayda.json(*out, "--format", "xlsx")["files"]
    sheets = office.open_xlsx(Path(book))
    assert list(sheets) == sorted(path.stem for path in tables)
    for path in tables:
        sheet = office.open_csv(path)
        assert sheet == sheets[path.stem]
        assert len(sheet) > 1
    first = dict(zip(*sheets["bao_cao_clb_2025H2"][:2], strict=False))
    assert first["Mã CLB"] == "48-TEST-01"
    assert first["Ngày chốt"] == date(2025, 12, 31)
    assert first["Tên CLB"] == "CLB =1+1"


# ------------------------------------------------------------------ nothing half done


def limited(cayda: Cayda, megabytes: float, arguments: Sequence[str]) -> tuple[int, str]:
    """The command as a process of its own, on a disk that is full after so much."""

    def fill_up() -> None:
        size = int(megabytes * 2**20)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    environment = {name: value for name, value in cayda.environment.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", "--data", str(cayda.data), *arguments],
        env=environment,
        preexec_fn=fill_up,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.zip"])
def test_a_full_disk_is_told_and_leaves_what_was_there_before(
    trees: Cayda, database: Database, tmp_path: Path, name: str
) -> None:
    for number in range(10, 40):
        send(database, number, "".join(chr(0x4E00 + n * number % 20000) for n in range(9000)))
    (tmp_path / name).write_text("of yesterday", encoding="utf-8")
    call = ("export", "records", "trees", "--out", str(tmp_path / name))
    status, said = limited(trees, 0.25, call)
    assert status == WRONG, said
    assert "Hết chỗ trên đĩa" in said
    assert " / The disk is full" in said
    assert "Traceback" not in said
    assert (tmp_path / name).read_text(encoding="utf-8") == "of yesterday"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert limited(trees, 100, call)[0] == GOOD


def test_an_error_on_the_way_leaves_no_file(
    trees: Cayda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError

    monkeypatch.setattr("sync.export._parent_key", broken)  # met in the second table
    assert trees("export", "records", "trees", "--out", str(tmp_path / "x")).exit_code != GOOD
    assert list((tmp_path / "x").iterdir()) == []


@pytest.mark.parametrize("out", ["a file/x.csv", "a folder.csv"])
def test_an_impossible_place_is_told_in_a_sentence(trees: Cayda, tmp_path: Path, out: str) -> None:
    (tmp_path / "a file").write_text("x", encoding="utf-8")
    (tmp_path / "a folder.csv" / "trees.csv").mkdir(parents=True)
    done = trees("export", "records", "trees", "--out", str(tmp_path / out))
    assert done.exit_code == WRONG
    assert " / " in done.stderr
    assert "Traceback" not in done.output
