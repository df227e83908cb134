"""`cayda why` tells a person and a program what a figure is made of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from server.cli.terminal import GOOD, MISUSED
from sync import places
from sync.database import Database
from tests.server.test_cli import CLUBS, Cayda, cayda, with_library
from tests.sync.rows import Rows

__all__ = ["cayda", "with_library"]


def test_a_share_is_told_with_its_people_its_base_and_who_may_see_them(
    with_library: Cayda, database: Database, tmp_path: Path
) -> None:
    cayda = with_library
    file = tmp_path / "clubs.csv"
    file.write_text(CLUBS, encoding="utf-8")
    assert cayda("club", "load", str(file)).exit_code == GOOD
    with database.write() as db:
        club = places.find_club(db, "48-TEST-01")
        assert club is not None
        rows = Rows(db)
        rows.a_member("woman", club, joined=date(2018, 6, 1))
        rows.a_member("man", club, joined=date(2018, 6, 1), sex="male")
        rows.a_visit(date(2018, 6, 2), club, "woman")

    found = cayda.json("why", "B06", "2018H1", "--club", "48-TEST-01")

    assert (found["numerator"], found["denominator"]) == ("1", "2")
    assert found["behind"] == [
        {"kind": "members", "id": "woman", "day": None, "club": "48-TEST-01", "adds": "1"}
    ]
    assert {row["id"] for row in found["over"]} == {"woman", "man"}
    text = cayda("why", "B01", "2018H1", "--unit", "20263", "--cut", "sex=male").stdout
    assert "man" in text
    assert "48-TEST-01" in text
    assert "woman" not in text
    (area,) = cayda.json("why", "C02", "2018H1", "--club", "48-TEST-01")["behind"]
    assert area == {"place": "48-TEST-01", "A01": "1", "C01": "0", "adds": "0"}

    for arguments in (
        ("why", "X99", "2018H1"),
        ("why", "B01", "2018H3"),
        ("why", "B01", "2018H1", "--unit", "no such"),
        ("why", "B01", "2018H1", "--cut", "moon=full"),
        ("why", "B01", "2018H1", "--as", "nobody"),
    ):
        done = cayda(*arguments)
        assert done.exit_code == MISUSED, arguments
        assert done.stderr.strip()

    passwords = ("--password-stdin",)
    cayda(
        "user", "add", "tho", "--role", "district", "--unit", "490", *passwords, text="12345678\n"
    )
    seen = cayda("why", "B01", "2018H1", "--club", "48-TEST-01", "--as", "tho")
    assert seen.exit_code == MISUSED
    assert "woman" not in seen.output
