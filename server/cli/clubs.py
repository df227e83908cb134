"""Clubs, from the list the city keeps of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.command import Group, with_new_runtime, with_runtime
from server.cli.options import DAY
from server.cli.paths import EXISTING_FILE
from server.cli.problems import fail_in, telling_of
from server.cli.terminal import fail, say, say_table

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
    from forms.plain_table import read_rows
    from sync import clubs

    with telling_of(path):
        rows = read_rows(path.read_bytes())
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


@club.command("unplaced")
@with_runtime
def club_unplaced(runtime: Runtime) -> None:
    """CLB ở xã/phường đã bị chia: phải chọn nơi mới / clubs whose unit was split: where now?"""
    from forms.days import vietnam_day
    from sync import clubs

    with runtime.database.read() as db:
        waiting = clubs.worklist(db, runtime.library, vietnam_day(runtime.now()))
    say_table(
        "unplaced",
        (
            {
                "mã/code": one.code,
                "tên/name": one.name,
                "trước đây/before": one.last_known.full_name,
                "nay có thể ở/may be in": ", ".join(
                    f"{unit.code} {unit.full_name}" for unit in one.candidates
                ),
            }
            for one in waiting
        ),
    )


@club.command("place")
@click.argument("code")
@click.argument("unit")
@click.option("--on", "day", type=DAY, help="Từ ngày / from this day on; today if not given.")
@with_runtime
def club_place(runtime: Runtime, code: str, unit: str, day: datetime | None) -> None:
    """Cho biết từ một ngày CLB ở xã/phường nào / say in which commune a club is from a day on."""
    from forms.days import vietnam_day
    from forms.problems import UNKNOWN_PLACE
    from sync import clubs, places

    since = day.date() if day else vietnam_day(runtime.now())
    with runtime.database.write() as db:
        club_id, found = places.find_club(db, code), places.find_unit(db, unit, since)
        if club_id is None or found is None:
            fail(str(UNKNOWN_PLACE(code=code if club_id is None else unit)))
        clubs.place_club(db, runtime.library, club_id, found, since, runtime.now(), "operator")
    say(f"{code}: {found.full_name} ({found.code})", club=code, unit=found.code, day=since)
