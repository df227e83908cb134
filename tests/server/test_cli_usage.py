"""A command typed wrong, a folder that is not there, a file that cannot be: told in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli import main
from server.cli.terminal import GOOD, MISUSED, WRONG, cell
from tests.server.test_cli import Cayda, cayda, with_library  # noqa: F401 (fixtures)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": None})


@pytest.mark.parametrize(
    ("arguments", "vi", "en"),
    [
        (("phone", "add"), "Thiếu “NAME”", "Missing argument"),
        (("phone", "add", "x"), "Thiếu “--role”", "Missing option"),
        (("status", "--nope"), "Không có tùy chọn “--nope”", "No such option"),
        (("nope",), "Không có lệnh “nope”", "No such command"),
        (("phone", "nope"), "Không có lệnh “nope”", "No such command"),
        (("export", "report", "2025H2", "--format", "doc"), "một trong: csv, xlsx", "is not one"),
        (("serve", "--port", "x"), "phải là số từ 1 đến 65535", "Invalid value"),
        (("submission", "list", "--limit", "0"), "phải là số từ 1 trở lên.", "Invalid value"),
        (("phone", "revoke", "x"), "phải là số nguyên", "not a valid integer"),
        (("form", "check", "no-such-file"), "không phải tệp", "does not exist"),
        (("phone", "list", "more"), "viết chưa đúng", "unexpected extra argument"),
        (("status", "--data"), "viết chưa đúng", "requires an argument"),
    ],
)
def test_a_command_typed_wrong_is_said_in_both_languages(
    arguments: Sequence[str], vi: str, en: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == MISUSED
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert vi in line.partition(" / ")[0]
    assert en in line.partition(" / ")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("doctor",),
        ("verify",),
        ("reprocess",),
        ("form", "list"),
        ("phone", "list"),
        ("user", "list"),
        ("export", "report", "2025H2"),
    ],
)
def test_a_folder_that_is_not_there_is_told_and_not_made(
    arguments: Sequence[str], tmp_path: Path
) -> None:
    data = tmp_path / "mistyped"
    done = run(*arguments, "--data", str(data))
    assert done.exit_code == MISUSED
    assert "Không có dữ liệu" in done.stderr
    assert " / There is no data" in done.stderr
    assert not data.exists()


def test_a_new_folder_is_made_by_whoever_begins_and_only_for_its_owner(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    assert run("phone", "add", "x", "--role", "city", "--data", str(data)).exit_code == GOOD
    assert data.stat().st_mode & 0o777 == 0o700
    assert run("status", "--data", str(data)).exit_code == GOOD


@pytest.mark.parametrize("out", ["a file/inside", "a file"])
def test_an_export_to_an_impossible_place_is_told_in_a_sentence(
    with_library: Cayda,  # noqa: F811
    tmp_path: Path,
    out: str,
) -> None:
    (tmp_path / "a file").write_text("x", encoding="utf-8")
    done = with_library("export", "report", "2025H2", "--out", str(tmp_path / out))
    assert done.exit_code in (WRONG, MISUSED)
    assert "không" in done.stderr.lower()
    assert " / " in done.stderr
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_a_moment_is_told_in_vietnams_time_wherever_the_server_stands() -> None:
    assert cell(datetime(2026, 11, 24, 17, 30, tzinfo=UTC)) == "25/11/2026 00:30"
