"""Whom to see to today: the library's follow-up lists, on the screen or as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.command import Command, with_runtime
from server.cli.handing_out import (
    KINDS,
    find_caller,
    hand_out,
    seen_as,
    takes_raw,
    takes_user,
    write_tables,
)
from server.cli.paths import FOLDER
from server.cli.terminal import say_table

if TYPE_CHECKING:
    from server.runtime import Runtime


@click.command("follow-up", cls=Command)
@click.argument("name", metavar="[LIST]", required=False)
@click.option("--out", type=FOLDER, help="Ghi tệp vào đây / write a file here.")
@click.option("--format", "kind", type=KINDS, default="csv")
@takes_user
@takes_raw
@with_runtime
def follow_up(
    runtime: Runtime, name: str | None, out: Path | None, kind: str, as_user: str | None, raw: bool
) -> None:
    """Hôm nay cần lo cho ai: đến hạn khám, lâu chưa được thăm… / whom to see to today.

    Without LIST: every list and how many are on it.
    """
    from forms.days import vietnam_day
    from sync import audit
    from sync.follow_up import get_list, lists_for, read_entries, to_table

    today = vietnam_day(runtime.now())
    with runtime.database.read() as db:
        caller = find_caller(db, as_user)
        known = lists_for(runtime.library, caller)
        lists = known if name is None else [get_list(runtime.library, caller, name)]
        found = [read_entries(db, runtime.library, caller, one, today) for one in lists]
    if name is None:
        say_table(
            "lists",
            (
                {"mã/id": one.id, "số/count": len(rows), "tên/name": f"{one.vi} / {one.en}"}
                for one, rows in zip(lists, found, strict=True)
            ),
        )
        return
    table = to_table(runtime.library, lists[0], found[0], today)
    action, subject, details = "follow_up.read", f"list:{name}", seen_as(caller)
    if out is not None:
        hand_out(
            runtime, write_tables(out, table.name, [table], kind, raw), action, subject, **details
        )
        return
    with runtime.database.write() as db:
        audit.record(db, "operator", action, subject, runtime.now(), **details)
    say_table("entries", (dict(zip(table.header, row, strict=True)) for row in table.rows))
