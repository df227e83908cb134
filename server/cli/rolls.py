"""Lists of people on paper: each roll of the library is a command of `cayda export`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forms.file_names import on_any_disk
from server.cli.command import Command, Group, with_runtime
from server.cli.handing_out import (
    KINDS,
    find_caller,
    hand_out,
    seen_as,
    takes_raw,
    takes_user,
    write_tables,
)
from server.cli.options import Options
from server.cli.paths import FOLDER
from server.settings import SettingError

if TYPE_CHECKING:
    from forms.rolls import Roll
    from server.runtime import Runtime


class Exports(Group):
    """What may be exported: the commands written down, and the library's rolls by their list."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        found = super().get_command(context, name)
        return _command(name) if found is None and name in _rolls(context) else found

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*super().list_commands(context), *_rolls(context)})


def _rolls(context: click.Context) -> Mapping[str, Roll]:
    """None where there is no library to ask: the command itself says what is wrong with it."""
    from server.runtime import open_library

    try:
        return open_library((context.find_object(Options) or Options()).settings()).rolls
    except SettingError:
        return {}


def _command(name: str) -> click.Command:
    @click.command(name, cls=Command)
    @click.option("--club", help="Chỉ CLB mang mã này / of this club only.")
    @click.option("--out", type=FOLDER, default=Path(), help="Thư mục ghi tệp / folder.")
    @click.option("--format", "kind", type=KINDS, default="xlsx")
    @takes_user
    @takes_raw
    @with_runtime
    def export_roll(
        runtime: Runtime, club: str | None, out: Path, kind: str, as_user: str | None, raw: bool
    ) -> None:
        """Danh sách theo tên, mỗi CLB một tệp / people by given name, a file per club."""
        from forms.days import vietnam_day
        from sync import rolls

        now = runtime.now()
        roll = rolls.find_roll(runtime.library, name)
        with runtime.database.read() as db:
            caller = find_caller(db, as_user)
            seen = rolls.reading(db, runtime.library, caller, roll, vietnam_day(now))
            mark = rolls.mark(caller, now)
            tables = rolls.roll_tables(
                *(db, runtime.library, roll, seen, vietnam_day(now), mark), club_code=club
            )
        files = []
        for table in tables:
            named = dataclasses.replace(table, name=on_any_disk(table.name))
            files += write_tables(out, named.name, [named], kind, raw)
        hand_out(runtime, files, "roll.export", f"list:{name}", club=club, **seen_as(caller))

    return export_roll
