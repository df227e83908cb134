"""Clubs, from the list the city keeps of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_new_runtime
from server.cli.paths import EXISTING_FILE
from server.cli.problems import fail_in
from server.cli.spreadsheet import read_table
from server.cli.terminal import say

if TYPE_CHECKING:
    from server.runtime import Runtime


@click.group(cls=Group)
def club() -> None:
    """Câu lạc bộ / clubs."""


@club.command("load")
@click.argument("path", type=EXISTING_FILE)
@with_new_runtime
def club_load(runtime: Runtime, path: Path) -> None:
    """Nạp danh sách CLB từ CSV / load clubs from a CSV; repeat it after mending the file."""
    from sync import clubs

    header, lines = read_table(path)
    # A cell behind the last column is one of a column that nobody named.
    rows = [dict(zip([*header, "…"], line, strict=False)) for line in lines if any(line)]
    try:
        with runtime.database.write() as db:
            done = clubs.import_clubs(db, runtime.library, rows, runtime.now(), "operator")
    except clubs.FileRefused as refused:
        fail_in(path, refused.problems)
    say(
        f"Mới / new: {done.created}   sửa / changed: {done.updated}   "
        f"như cũ / unchanged: {done.unchanged}",
        created=done.created,
        updated=done.updated,
        unchanged=done.unchanged,
    )
