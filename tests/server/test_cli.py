"""The commands as scripts and people call them: objects, sentences, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from server.cli import main
from server.cli.terminal import GOOD, MISUSED, WRONG
from server.settings import Settings, secret_key
from sync import accounts, places, publish
from sync.database import Database

TREES = """
| survey |      |      |          |
|        | type | name | label    |
|        | text | sp   | Loài cây |
| settings |         |         |
|          | form_id | version |
|          | trees   | 1       |
"""
BROKEN = """
| survey |            |      |          |
|        | type       | name | label    |
|        | select_one nothing | sp | Loài |
"""
CLUBS = "\ufeffclub_code;name;unit_code;founded_on\n48-TEST-01;CLB thử;20263;2018-05-01\n"


@dataclass
class Cayda:
    """The command on one data folder and database, in this process."""

    data: Path
    environment: dict[str, str | None]

    def __call__(self, *arguments: str, text: str | None = None) -> Result:
        call = ["--data", str(self.data), *arguments]
        return CliRunner().invoke(main, call, input=text, env=self.environment)

    def json(self, *arguments: str, text: str | None = None, status: int = GOOD) -> Any:
        done = self(*arguments, "--json", text=text)
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)


@pytest.fixture
def cayda(database: Database, tmp_path: Path) -> Cayda:
    url = database.url.render_as_string(hide_password=False)
    environment: dict[str, str | None] = {
        "DATABASE_URL": url,
        "CAYDA_PUBLIC_URL": "https://cayda.example",
        "CAYDA_TRUST_PROXY": "1",
        "REDIS_URL": None,
        "CAYDA_SECRET": secret_key(Settings(tmp_path)).hex(),  # the one of `database`
    }
    with database.write() as db:
        publish.declare_lists(db, {})  # makes the project; the library takes a second to publish
    return Cayda(tmp_path / "data", environment)


@pytest.fixture
def with_library(cayda: Cayda) -> Cayda:
    """The same, with units and the library's forms."""
    assert cayda("migrate").exit_code == GOOD
    return cayda


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    path = tmp_path / "trees.md"
    path.write_text(TREES, encoding="utf-8")
    return path


# ------------------------------------------------------------------ phones and people


def test_a_phone_gets_its_url_and_a_qr_that_sets_it_up(cayda: Cayda, tmp_path: Path) -> None:
    qr = tmp_path / "qr" / "lan.png"
    found = cayda.json("phone", "add", "Cô Lan", "--role", "city", "--qr", str(qr))
    assert set(found) == {"id", "name", "token", "url", "qr", "page", "warnings"}
    assert found["url"] == f"https://cayda.example/v1/key/{found['token']}/projects/1"
    assert len(found["token"]) == 64
    assert qr.read_bytes().startswith(b"\x89PNG")
    assert qr.stat().st_mode & 0o077 == 0  # the picture is as good as the token


def test_a_revoked_phone_is_listed_as_revoked_and_cannot_be_revoked_twice(cayda: Cayda) -> None:
    phone = cayda.json("phone", "add", "a", "--role", "city")
    assert cayda("phone", "revoke", str(phone["id"])).exit_code == GOOD
    (listed,) = cayda.json("phone", "list")["phones"]
    assert listed["revoked_at"]
    assert cayda("phone", "revoke", str(phone["id"])).exit_code == WRONG


def test_a_token_is_shown_once_and_never_listed(cayda: Cayda) -> None:
    phone = cayda.json("phone", "add", "a", "--role", "city")
    assert phone["token"] not in cayda("phone", "list", "--json").output


def test_a_person_is_added_listed_and_disabled(cayda: Cayda) -> None:
    text = "mật khẩu của Minh\n"
    added = cayda("user", "add", "minh", "--role", "city", "--password-stdin", text=text)
    assert added.exit_code == GOOD
    assert "Basic" in added.stderr  # the marks in the password
    (listed,) = cayda.json("user", "list")["users"]
    assert (listed["name"], listed["role"], listed["disabled_at"]) == ("minh", "city", None)
    assert cayda("user", "disable", "minh").exit_code == GOOD
    assert cayda("user", "disable", "minh").exit_code == WRONG


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "add", "x", "--role", "king", "--club", "x", "--password-stdin"),
        ("phone", "add", "x", "--role", "volunteer"),  # neither club nor unit: would see nothing
        ("phone", "add", "x", "--role", "chair", "--club", "no such"),
        ("phone", "add", "x", "--role", "commune", "--unit", "99999"),
        ("phone", "add", "x"),
        ("form", "check", "no-such-file.xlsx"),
        ("nonsense",),
    ],
)
def test_misuse_is_answered_with_a_sentence_and_2(cayda: Cayda, arguments: Sequence[str]) -> None:
    done = cayda(*arguments, text="12345678\n")
    assert done.exit_code == MISUSED
    assert done.stderr.strip()
    assert "Traceback" not in done.output


def test_a_club_named_by_its_code_is_the_scope_of_a_phone(
    with_library: Cayda, database: Database, tmp_path: Path
) -> None:
    cayda = with_library
    path = tmp_path / "clubs.csv"
    path.write_text(CLUBS, encoding="utf-8")
    assert cayda.json("club", "load", str(path)) == {"created": 1, "updated": 0, "unchanged": 0}
    assert cayda.json("club", "load", str(path))["unchanged"] == 1
    cayda.json("phone", "add", "Lan", "--role", "chair", "--club", "48-TEST-01")
    with database.read() as db:
        (phone,) = accounts.list_app_users(db)
        assert phone.club_id == places.find_club(db, "48-TEST-01")


def test_a_file_of_clubs_with_a_slip_says_the_row(with_library: Cayda, tmp_path: Path) -> None:
    path = tmp_path / "clubs.csv"
    path.write_text(CLUBS.replace("2018-05-01", "31/02/2018"), encoding="utf-8")
    done = with_library("club", "load", str(path))
    assert done.exit_code == WRONG
    assert "row 2" in done.stderr


# ------------------------------------------------------------------ forms


def test_a_form_is_checked_published_listed_and_given_back(
    cayda: Cayda, trees: Path, tmp_path: Path
) -> None:
    assert cayda.json("form", "check", str(trees))["good"]
    assert cayda.json("form", "publish", str(trees))["forms"] == [
        {"xml_form_id": "trees", "version": "1", "state": "open"}
    ]
    assert "trees" in {one["xml_form_id"] for one in cayda.json("form", "list")["forms"]}
    xlsx, md, xform = (tmp_path / f"out.{kind}" for kind in ("xlsx", "md", "xml"))
    shown = cayda.json(
        *("form", "show", "trees", "--to-xlsx", str(xlsx)),
        *("--to-markdown", str(md), "--xform", str(xform)),
    )
    assert shown == {"xml_form_id": "trees", "version": "1", "title": "trees", "kind": "md"}
    assert b"<h:html" in xform.read_bytes()
    for path in (xlsx, md):
        assert cayda("form", "check", str(path)).exit_code == GOOD


def test_a_broken_form_is_answered_with_place_and_sentence_and_1(
    cayda: Cayda, tmp_path: Path
) -> None:
    path = tmp_path / "broken.md"
    path.write_text(BROKEN, encoding="utf-8")
    done = cayda("form", "check", str(path))
    assert done.exit_code == WRONG
    assert "survey" in done.stdout
    assert "row 4" in done.stdout
    assert "B4" in done.stdout
    found = cayda.json("form", "check", str(path), status=WRONG)
    assert found["good"] is False
    assert found["forms"][0]["problems"][0]["vi"]
    assert cayda("form", "publish", str(path)).exit_code == WRONG


def test_a_form_nobody_published_is_said_to_be_unknown(cayda: Cayda) -> None:
    assert cayda("form", "show", "no such").exit_code == MISUSED


# ------------------------------------------------------------------ files


def test_the_report_is_two_files_named_by_the_period(with_library: Cayda, tmp_path: Path) -> None:
    files = with_library.json("export", "report", "2025H2", "--out", str(tmp_path))["files"]
    assert [Path(one).name for one in files] == ["bao_cao_clb_2025H2.csv", "chi_tieu_2025H2.csv"]
    for one in files:
        content = Path(one).read_bytes()
        assert content.startswith(("\ufeffSTT;".encode(), "\ufeffKỳ".encode()))
        assert content.endswith(b"\r\n")
    assert not list(tmp_path.glob(".*"))  # nothing half written


def test_the_report_as_a_workbook_is_one_file(with_library: Cayda, tmp_path: Path) -> None:
    call = ("export", "report", "2025H2", "--format", "xlsx", "--out", str(tmp_path))
    (file,) = with_library.json(*call)["files"]
    assert Path(file).read_bytes().startswith(b"PK")


def test_records_go_to_the_file_named_and_repeats_beside_it(
    with_library: Cayda, tmp_path: Path
) -> None:
    out = tmp_path / "visits.csv"
    files = with_library.json("export", "records", "care_visit", "--out", str(out))["files"]
    assert [Path(one).name for one in files] == ["visits-supplies.csv", "visits.csv"]
    raw = with_library("export", "records", "care_visit", "--out", str(out), "--codes", "--raw")
    assert raw.exit_code == GOOD
    header = out.read_text(encoding="utf-8").partition("\n")[0]
    assert "," in header
    assert ";" not in header
    assert "\ufeff" not in header


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "2025H9"),
        ("report", "2025H2", "--unit", "nowhere"),
        ("records", "no such form"),
        ("records", "care_visit", "--out", "visits.doc"),
        ("records", "care_visit", "--out", "visits.csv", "--format", "xlsx"),
        ("records", "care_visit", "--as", "nobody"),
    ],
)
def test_an_export_of_what_is_not_there_is_misuse(
    cayda: Cayda, arguments: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cayda("export", *arguments)
    assert done.exit_code == MISUSED
    assert done.stderr


# ------------------------------------------------------------------ looking after it


def test_a_new_folder_verifies_and_reprocesses(with_library: Cayda) -> None:
    assert with_library.json("reprocess") == {"submissions": 0, "opened": 0, "sealed": 0}
    found = with_library.json("verify")
    assert (found["differences"], found["waiting"], found["orphans"]) == ([], 0, 0)
    assert found["files"] >= 1  # what the library's forms have beside them


def test_migrate_publishes_the_library_once(with_library: Cayda) -> None:
    forms = with_library.json("status")["forms"]
    assert forms >= 3
    assert with_library("migrate").exit_code == GOOD
    assert with_library.json("status")["forms"] == forms


def test_status_and_doctor_speak_to_people_and_to_scripts(cayda: Cayda) -> None:
    assert cayda.json("status")["queue"] == {"waiting": 0, "failed": 0, "oldest_at": None}
    assert "queue" in cayda("status").stdout
    assert cayda.json("doctor")["good"]
    assert cayda.json("retry") == {"retried": 0}


def test_the_options_stand_before_or_after_the_command(cayda: Cayda, tmp_path: Path) -> None:
    before = CliRunner().invoke(
        main, ["--json", "status", "--data", str(cayda.data)], env=cayda.environment
    )
    assert json.loads(before.stdout)["users"] == 0


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["status"], env={"CAYDA_PORT": "99999999"})
    assert done.exit_code == MISUSED
    assert "CAYDA_PORT" in done.stderr


AWAY = {"DATABASE_URL": "postgresql://cayda:hidden@127.0.0.1:1/cayda"}


@pytest.mark.parametrize("command", ["status", "backup cayda.backup", "migrate", "retry"])
def test_a_database_that_is_away_is_told_in_a_sentence(tmp_path: Path, command: str) -> None:
    call = ["--data", str(tmp_path), *command.split()]
    done = CliRunner().invoke(main, call, env=AWAY)
    assert done.exit_code == WRONG
    assert "Không dùng được cơ sở dữ liệu" in done.stderr
    assert "DATABASE_URL" in done.stderr
    assert "hidden" not in done.stderr


def test_a_damaged_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "cayda.db").write_text("what a broken disk left of it" * 200)
    done = CliRunner().invoke(main, ["--data", str(tmp_path), "status"])
    assert (done.exit_code, done.stdout) == (WRONG, "")
    assert "file is not a database" in done.stderr
    assert "nạp lại bản sao lưu" in done.stderr


def test_starting_the_command_loads_nothing_heavy() -> None:
    code = "import sys, server.cli, server.serve; print([m for m in HEAVY if m in sys.modules])"
    heavy = (
        "HEAVY = 'sqlalchemy', 'flask', 'lxml', 'pyxform', 'openpyxl', 'alembic', 'rq', 'segno'; "
    )
    done = subprocess.run([sys.executable, "-c", heavy + code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_web_process_loads_neither_pyxform_nor_alembic_nor_rq() -> None:
    code = (
        "import sys, server.app, server.tasks, forms.library; forms.library.load_library(); "
        "print([m for m in ('pyxform', 'openpyxl', 'alembic', 'rq', 'segno', 'xlsxwriter') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_report_to_sign_is_a_pdf_of_the_city_or_of_a_unit(
    with_library: Cayda, tmp_path: Path
) -> None:
    clubs = "club_code,name,unit_code,founded_on\nA,CLB A,20263,2025-08-01\n"
    (tmp_path / "clubs.csv").write_text(clubs, encoding="utf-8")
    assert with_library("club", "load", str(tmp_path / "clubs.csv")).exit_code == GOOD
    for unit in ([], ["--unit", "20263"]):
        done = with_library.json(
            "export", "report", "2025H2", "--format", "pdf", "--out", str(tmp_path), *unit
        )
        (file,) = done["files"]
        assert Path(file).read_bytes().startswith(b"%PDF-")
    other = with_library("export", "report", "2025H2", "--format", "pdf", "--unit", "20285")
    assert other.exit_code != GOOD
    assert "20285" in other.output
