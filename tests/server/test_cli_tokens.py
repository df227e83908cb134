"""API tokens at the console."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.cli.terminal import GOOD, MISUSED, WRONG
from sync import tokens
from sync.database import Database
from tests.server.test_cli import Cayda, cayda  # noqa: F401 (fixtures)


def test_the_operator_makes_lists_and_revokes_a_persons_token(
    cayda: Cayda,  # noqa: F811
    database: Database,
) -> None:
    added = cayda("user", "add", "lan", "--role", "city", "--password-stdin", text="mật khẩu dài\n")
    assert added.exit_code == GOOD, added.output
    asked = ("token", "add", "Bảng tính", "--user", "lan", "--until", "2099-01-01")
    assert cayda(*asked, "--may", "form.list").exit_code == MISUSED  # more than a year away
    until = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    asked = ("token", "add", "Bảng tính", "--user", "lan", "--until", until)
    assert cayda(*asked, "--may", "users.manage").exit_code == MISUSED
    made = cayda.json(*asked, "--may", "form.list", "--may", "submissions.read")
    with database.read() as db:
        found = tokens.find(db, made["token"], datetime.now(UTC))
    assert found is not None
    assert (found[0], found[1].name) == (made["id"], "lan")
    (listed,) = cayda.json("token", "list", "--user", "lan")["tokens"]
    assert (listed["may"], listed["is_valid"]) == ("form.list, submissions.read", True)
    assert made["token"] not in cayda("token", "list").output
    assert cayda("token", "revoke", str(made["id"])).exit_code == GOOD
    assert cayda("token", "revoke", str(made["id"])).exit_code == WRONG
    assert (
        cayda("token", "add", "x", "--user", "ma", "--until", until, "--may", "form.list").exit_code
        == WRONG
    )
    with database.read() as db:
        assert tokens.find(db, made["token"], datetime.now(UTC)) is None
