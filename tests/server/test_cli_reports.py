"""The half-year's report from the console: its steps, where it stands, its files, what is late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from server.cli.terminal import GOOD, MISUSED
from sync import tables as t
from sync.database import Database
from tests.server.test_cli import Cayda, cayda, with_library  # noqa: F401 - fixtures

PERIOD = "2025H2"
CLUBS = (
    "\ufeffclub_code;name;unit_code;founded_on\n"
    "48-A;CLB Một;20263;2018-05-01\n"
    "48-B;CLB Hai;20263;2018-05-01\n"
)


@pytest.fixture
def town(with_library: Cayda, tmp_path: Path) -> Cayda:  # noqa: F811
    """Two clubs of one ward."""
    path = tmp_path / "clubs.csv"
    path.write_text(CLUBS, encoding="utf-8")
    assert with_library("club", "load", str(path)).exit_code == GOOD
    return with_library


def refused(town: Cayda, *arguments: str) -> str:
    """What is said where a command is refused."""
    done = town("report", *arguments)
    assert done.exit_code == MISUSED, done.output
    assert " / " in done.stderr
    return done.stderr


def send(town: Cayda, *more: str) -> Any:
    for club in ("48-A", "48-B"):
        town.json("report", "close", PERIOD, "--club", club, *more)
    for unit in ("20263", "48"):
        town.json("report", "confirm", PERIOD, "--unit", unit, *more)
    return town.json("report", "send", PERIOD, *more)


def test_a_report_goes_from_its_clubs_to_who_it_is_for(town: Cayda) -> None:
    status = town.json("report", "status", PERIOD)
    assert (status["state"], status["not_reported"]) == ("open", ["48-A", "48-B"])
    assert (status["first"], status["last"]) == ("2025-07-01", "2025-12-31")
    assert [one["due_on"] for one in status["places"]] == [
        "2026-01-15",
        "2026-01-08",
        "2026-01-05",
        "2026-01-05",
    ]
    sent = send(town)
    assert (sent["state"], sent["version"], len(sent["sha256"])) == ("sent", 1, 64)
    assert town.json("report", "pass-on", PERIOD)["state"] == "reported"
    status = town.json("report", "status", PERIOD)
    assert [one["version"] for one in status["versions"]] == [1]
    assert status["not_reported"] == []
    shown = town("report", "status", PERIOD).output
    assert "CLB Một: Đã báo cáo UBND thành phố" in shown
    assert "Phiên bản / version 1" in shown


def test_who_is_asked_out_of_order_is_told_what_to_do_first(town: Cayda) -> None:
    assert "--incomplete" in refused(town, "confirm", PERIOD, "--unit", "20263")
    town.json("report", "close", PERIOD, "--club", "48-A")
    assert "CLB Hai" in refused(town, "confirm", PERIOD, "--unit", "20263")
    assert "CLB Hai" not in refused(town, "close", PERIOD, "--club", "48-A")
    town.json("report", "confirm", PERIOD, "--unit", "20263", "--incomplete")
    assert "gửi lại" in refused(town, "close", PERIOD, "--club", "48-B")
    back = ("send-back", PERIOD, "--unit", "20263")
    assert "lý do" in refused(town, *back)
    town.json("report", *back, "--comment", "Thiếu CLB Hai")
    assert "gửi lại" in refused(town, *back, "--comment", "x")
    assert "Thiếu CLB Hai" in town("report", "status", PERIOD).output


IMPOSSIBLE = [
    (("status", "2025H9"), "2025H1"),
    (("close", "2031H1", "--club", "48-A"), "30/06/2031"),
    (("close", PERIOD, "--club", "nowhere"), "nowhere"),
    (("confirm", PERIOD, "--unit", "20236"), "20236"),
    (("confirm", PERIOD), "--club"),
    (("close", PERIOD), "--club"),
    (("send", PERIOD), "chưa xác nhận"),
    (("pass-on", PERIOD), "chưa gửi"),
    (("late", PERIOD), "chưa gửi"),
    (("reopen", PERIOD, "--comment", "x"), "chưa gửi"),
    (("send", "2016H1"), "câu lạc bộ"),
    (("send", PERIOD, "--calendar", "lunar"), "administrative"),
]


def test_what_cannot_be_done_is_said_in_both_languages(town: Cayda) -> None:
    for arguments, told in IMPOSSIBLE:
        assert told.lower() in refused(town, *arguments).lower(), arguments


def test_the_files_are_those_of_the_report_that_was_sent(town: Cayda, tmp_path: Path) -> None:
    def figures(*more: str) -> str:
        call = ("export", "report", PERIOD, "--out", str(tmp_path / "out"), *more)
        paths = [Path(path) for path in town.json(*call)["files"]]
        return "".join(path.read_text("utf-8") for path in paths)

    assert '"tạm tính"' in figures()
    send(town)
    first = figures()
    assert '"tạm tính"' not in first
    assert "05/01/2026" not in first
    town.json("report", "reopen", PERIOD, "--comment", "Thêm CLB Ba")
    (tmp_path / "more.csv").write_text(
        "club_code,name,unit_code,founded_on\n48-C,CLB Ba,20263,2018-05-01\n", "utf-8"
    )
    assert town("club", "load", str(tmp_path / "more.csv")).exit_code == GOOD
    assert figures() == first
    assert "CLB Ba" in figures("--provisional")
    town.json("report", "send-back", PERIOD, "--unit", "20263", "--comment", "Thêm CLB Ba")
    town.json("report", "close", PERIOD, "--club", "48-C")
    town.json("report", "confirm", PERIOD, "--unit", "20263")
    town.json("report", "confirm", PERIOD, "--unit", "48")
    assert town.json("report", "send", PERIOD)["version"] == 2
    assert "CLB Ba" in figures()
    assert figures("--version", "1") == first
    done = town("export", "report", PERIOD, "--version", "3", "--out", str(tmp_path))
    assert (done.exit_code, "phiên bản 3" in done.stderr) == (MISUSED, True)


def test_the_workbook_of_a_sent_report_is_the_same_bytes_each_time(
    town: Cayda, tmp_path: Path
) -> None:
    send(town)
    books = []
    for name in ("a", "b"):
        call = ("export", "report", PERIOD, "--format", "xlsx", "--out", str(tmp_path / name))
        books.append(Path(town.json(*call)["files"][0]).read_bytes())
    assert books[0] == books[1]


def test_what_changes_after_sending_is_listed_with_then_and_now(
    town: Cayda, tmp_path: Path
) -> None:
    send(town)
    late = town.json("report", "late", PERIOD)
    assert (late["records"], late["differences"]) == ([], [])
    (tmp_path / "more.csv").write_text(
        "club_code,name,unit_code,founded_on\n48-C,CLB Ba,20263,2018-05-01\n", "utf-8"
    )
    town("club", "load", str(tmp_path / "more.csv"))
    late = town.json("report", "late", PERIOD)
    found = {
        (one["level"], one["indicator"], one["then"], one["now"]) for one in late["differences"]
    }
    assert ("city", "A01", "2", "3") in found
    shown = town("report", "late", PERIOD).output
    assert "A01" in shown
    assert "2 → 3" in shown
    (share,) = [line for line in shown.splitlines() if "Đà Nẵng: A09" in line]
    assert share.endswith("0,0 (0/2) → 0,0 (0/3)")  # a share and what it is of


def test_the_two_calendars_are_two_reports(town: Cayda, tmp_path: Path) -> None:
    send(town, "--calendar", "administrative")
    assert town.json("report", "status", PERIOD)["state"] == "open"
    call = ("export", "report", PERIOD, "--out", str(tmp_path), "--calendar", "administrative")
    files = [Path(path) for path in town.json(*call)["files"]]
    assert "15/06/2025;14/12/2025" in files[1].read_text("utf-8")


def test_each_step_of_the_console_is_written_down_as_the_operators(
    town: Cayda, database: Database
) -> None:
    send(town)
    with database.read() as db:
        rows = db.execute(sa.select(t.audit_events.c.actor, t.audit_events.c.action)).all()
    steps = [tuple(row) for row in rows if row.action.startswith("report.")]
    assert steps == [("operator", "report.confirm")] * 4 + [("operator", "report.send")]
    assert town.json("verify")["differences"] == []
