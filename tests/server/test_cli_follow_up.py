"""Whom to see to today, at the console: all lists, one of them, one as a file."""

from __future__ import annotations

from pathlib import Path

from server.cli.terminal import GOOD
from tests.server.test_cli import (  # noqa: F401 - fixtures
    Cayda,
    cayda,
    with_library,
)


def test_all_lists_are_told_with_their_counts_and_one_becomes_a_file(
    with_library: Cayda,  # noqa: F811
    tmp_path: Path,
) -> None:
    lists = with_library.json("follow-up")["lists"]
    assert {"checks_overdue", "not_visited", "red_flags", "loans_due"} <= {
        one["mã/id"] for one in lists
    }
    assert {one["số/count"] for one in lists} == {0}
    assert with_library.json("follow-up", "not_visited")["entries"] == []
    (file,) = with_library.json("follow-up", "not_visited", "--out", str(tmp_path))["files"]
    assert Path(file).read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_list_that_is_not_there_is_told_with_those_there_are(
    with_library: Cayda,  # noqa: F811
) -> None:
    refused = with_library("follow-up", "everybody")
    assert refused.exit_code != GOOD
    assert "checks_overdue" in refused.output
