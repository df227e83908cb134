"""Administrative units: a new decision, shown and then carried out; the units of a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forms.days import to_vietnamese
from server.cli.command import Group, with_new_runtime, with_runtime
from server.cli.options import DAY
from server.cli.paths import EXISTING_FILE
from server.cli.problems import fail_in, telling_of
from server.cli.terminal import say, say_table

if TYPE_CHECKING:
    from server.runtime import Runtime
    from sync.places import Unit
    from sync.reform import Preview


@click.group(cls=Group)
def unit() -> None:
    """Đơn vị hành chính / administrative units."""


@unit.command("load")
@click.argument("path", type=EXISTING_FILE)
@click.option("--yes", is_flag=True, help="Thực hiện / carry it out, not only show it.")
@with_new_runtime
def unit_load(runtime: Runtime, path: Path, yes: bool) -> None:
    """Xem một quyết định sáp nhập, chia tách sẽ đổi gì, rồi thực hiện / a new decision, from a CSV.

    Columns: day, kind (whole, part, rename, kind_change, begin, end), level (city, district,
    commune), old_code, new_code; and where they change new_name, new_kind, new_parent_code,
    counts_in_coverage (yes, no). Without --yes it only shows what would change.
    """
    from forms.plain_table import read_rows
    from sync import reform

    with telling_of(path):
        rows = read_rows(path.read_bytes())
    with runtime.database.read() as db:
        decided = reform.read_decision(db, rows)
        if decided.problems:
            fail_in(path, decided.problems)
        shown = reform.preview(db, decided)
    if yes:
        with runtime.database.write() as db:
            decided = reform.read_decision(db, rows)  # what is true now, not what was shown
            if decided.problems:
                fail_in(path, decided.problems)
            reform.carry_out(db, runtime.blobs, runtime.library, decided, runtime.now(), "operator")
    say("\n".join(_lines(shown, yes)), done=yes, **{n: getattr(shown, n) for n in shown.__slots__})


def _lines(shown: Preview, done: bool) -> Iterator[str]:
    yield "Đơn vị / units:"
    for change in shown.units:
        yield f"  {to_vietnamese(change.day)}  {_named(change.old)} → {_named(change.new)}"
        if change.kind == "part":
            yield "      (một phần / a part)"
    yield f"CLB đổi đơn vị / clubs that move: {len(shown.clubs)}"
    for move in shown.clubs:
        new = _named(move.new) if move.new else "phải chọn / to be chosen: cayda club unplaced"
        yield f"  {move.name}: {_named(move.old)} → {new}"
    yield f"Tài khoản / accounts: {len(shown.offices)}"
    for office in shown.offices:
        new = _named(office.new) if office.new else "không còn thấy gì / sees nothing more"
        yield f"  {office.name}: {_named(office.old)} → {new}"
    if done:
        yield "Đã thực hiện. / Carried out."
    else:
        yield "Chưa thay đổi gì; thêm --yes để thực hiện. / Nothing is changed yet; add --yes."


def _named(unit: Unit | None) -> str:
    return f"{unit.full_name} ({unit.code})" if unit else "–"


@unit.command("list")
@click.option("--day", type=DAY, help="Ngày / on this day.")
@click.option("--level", type=click.Choice(["city", "district", "commune"]), default="commune")
@with_runtime
def unit_list(runtime: Runtime, day: datetime | None, level: str) -> None:
    """Các đơn vị của một ngày / the units of one day; codes and names are used again for others."""
    from forms.days import vietnam_day
    from sync import places

    on = day.date() if day else vietnam_day(runtime.now())
    with runtime.database.read() as db:
        tree = places.read_tree(db)
    say_table(
        "units",
        (
            {
                "mã/code": one.code,
                "tên/name": one.full_name,
                "thuộc/in": tree.units[one.parent_id].full_name if one.parent_id else None,
                "từ/from": one.valid_from.isoformat(),
            }
            for one in tree.on(on, level)
        ),
    )
